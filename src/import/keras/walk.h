/*
 * walk.h - evaluating a model's graph: calls in an order in which every operand is there, each once.
 */
#ifndef QC_IMPORT_KERAS_WALK_H
#define QC_IMPORT_KERAS_WALK_H

#include "import/keras/tree.h"

/*
 * One evaluation of a model on `count` inputs, in the order of its input layers. Results are in the arena, in the order of its
 * outputs; a nested model is evaluated anew at every call, with the same weights.
 */
qc_status qc_keras_evaluate(struct qc_keras_import *im, struct qc_keras_layer *model, int count, const struct qc_keras_value *in,
                            struct qc_keras_value **out, int *out_count);

/* The layers whose outputs (Functional) or which (Sequential) are the model's outputs and inputs, flattened in Keras's order. */
struct qc_keras_end {
    const char *key; /* of a dictionary; NULL: none */
    struct qc_keras_reference reference;
};
qc_status qc_keras_ends(struct qc_keras_import *im, const struct qc_keras_layer *model, const char *list, struct qc_keras_end **ends,
                        int *count);

#endif
