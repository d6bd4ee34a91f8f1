/*
 * tables.h - the tables of layer classes, one per family, each in its file.
 */
#ifndef QC_IMPORT_KERAS_TABLES_H
#define QC_IMPORT_KERAS_TABLES_H

#include "import/keras/call.h"

/* Ended by a row without name. */
extern const struct qc_keras_class qc_keras_layers_core[], qc_keras_layers_conv[], qc_keras_layers_pool[], qc_keras_layers_norm[],
    qc_keras_layers_merge[], qc_keras_layers_shape[], qc_keras_layers_recurrent[], qc_keras_layers_attention[], qc_keras_layers_activation[],
    qc_keras_layers_preprocess[],
    qc_keras_layers_audio[], qc_keras_layers_wrapper[], qc_keras_operations[];

#endif
