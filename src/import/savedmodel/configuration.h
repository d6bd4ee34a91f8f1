/*
 * configuration.h - the configuration route: a SavedModel of Keras 2 describes its layers, as an .h5 file does, so that it can be built
 * without its graph.
 */
#ifndef QC_IMPORT_SAVEDMODEL_CONFIGURATION_H
#define QC_IMPORT_SAVEDMODEL_CONFIGURATION_H

#include "import/savedmodel/captures.h"

/*
 * Builds the model's main graph, which is empty. QC_UNSUPPORTED if the SavedModel has no configuration (Keras 3, tf.Module, models that
 * are Python classes), has layers that quantc does not know, or if the signature is not that of the configuration's model.
 */
qc_status qc_tf_configuration(struct qc_tf_import *im, const struct qc_tf_signature *signature) QC_MUST_USE;

#endif
