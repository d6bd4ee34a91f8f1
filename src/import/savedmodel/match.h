/*
 * match.h - looking back at what earlier nodes became: the idioms that need more than one TensorFlow node to be seen.
 */
#ifndef QC_IMPORT_SAVEDMODEL_MATCH_H
#define QC_IMPORT_SAVEDMODEL_MATCH_H

#include "import/savedmodel/graph.h"

/* The node that makes the tensor if it is the operator `code`, else NULL. */
static inline struct qc_node *qc_tf_made_by(const struct qc_tensor *tensor, int code)
{
    return tensor && tensor->producer && tensor->producer->code == code ? tensor->producer : NULL;
}

/* Of a two-operand node: the operand that is the number `value` everywhere (within 1e-6 relative) gives the other one, else NULL. */
struct qc_tensor *qc_tf_other_than(struct qc_tf_import *im, const struct qc_node *node, double value);
/* The operand of `node` that is not `tensor`; NULL if neither or both are. */
struct qc_tensor *qc_tf_partner(const struct qc_node *node, const struct qc_tensor *tensor);
bool qc_tf_near(double a, double b);

/*
 * RESHAPE to sizes given as numbers; free ones are kept free. `shape` is the operand that holds them, used where they cannot be told in
 * a constant; NULL: there is none.
 */
struct qc_tensor *qc_tf_reshape(struct qc_tf_step *s, struct qc_tensor *x, int rank, const struct qc_tf_number *size, struct qc_tensor *shape);
/* An integer operand as TFLite wants it: int32, constant where its numbers are fixed. */
struct qc_tensor *qc_tf_int32(struct qc_tf_step *s, int i);
/* The sizes of x as a tensor of int32 or int64. */
struct qc_tensor *qc_tf_shape_of(struct qc_build *b, struct qc_tensor *x, qc_dtype type);
/* A fixed axis operand in [0, rank); -1 with an error. */
int qc_tf_axis(struct qc_tf_step *s, int i, int rank);

/* The main diagonal of the last two axes. */
struct qc_tensor *qc_tf_diagonal(struct qc_tf_step *s, struct qc_tensor *x);
/* GATHER, without Keras 3's wrap of negative ids where the table is constant. */
qc_status qc_tf_gather(struct qc_tf_step *s, struct qc_tensor *params, struct qc_tensor *ids, int axis, int batch_dims);

#endif
