/*
 * shape.h - moving data about when some sizes are not known before the model runs.
 *
 * Free dimensions (the batch, and those the model's inputs leave open) get no constant in the operators written here as long as an
 * operator has a way to say so: RESHAPE with -1, STRIDED_SLICE with masks, and only then arithmetic on SHAPE.
 */
#ifndef QC_IMPORT_LOWER_SHAPE_H
#define QC_IMPORT_LOWER_SHAPE_H

#include "op/build.h"

/* Is this dimension free, that is: does the size of some graph input whose signature is -1 decide it? The batch included. */
bool qc_lower_is_free(struct qc_build *b, const struct qc_tensor *x, int axis);

/* What one dimension of a reshape target is. */
#define QC_KEEP(axis) (INT32_MIN + (axis)) /* the size of axis `axis` of x */
/*
 * RESHAPE to dims, each a size, QC_KEEP(axis of x), or one -1 for the rest. Constant where at most one dimension of the target is free
 * (it becomes the -1), else computed from SHAPE.
 */
struct qc_tensor *qc_lower_reshape(struct qc_build *b, struct qc_tensor *x, int rank, const int32_t *dims);
/* A new axis of size 1 in front of `axis` of x (rank: at the end); an axis of size 1 taken away. */
struct qc_tensor *qc_lower_expand(struct qc_build *b, struct qc_tensor *x, int axis);
struct qc_tensor *qc_lower_squeeze(struct qc_build *b, struct qc_tensor *x, int axis);
/* All axes in [from, to) of x as one. */
struct qc_tensor *qc_lower_merge(struct qc_build *b, struct qc_tensor *x, int from, int to);
/* TRANSPOSE, or RESHAPE where only axes of size 1 move, or x itself. */
struct qc_tensor *qc_lower_transpose(struct qc_build *b, struct qc_tensor *x, const int32_t *permutation);
/* SHAPE, int32 [rank]. */
struct qc_tensor *qc_lower_shape(struct qc_build *b, struct qc_tensor *x);
/* The size of an axis as an int32 scalar tensor: a constant, or SHAPE + STRIDED_SLICE if it is free. */
struct qc_tensor *qc_lower_size(struct qc_build *b, struct qc_tensor *x, int axis);
/* Everything of x along all axes but `axis`, where it is [begin, end); end INT32_MAX: to the end. Negative counts from the end. */
struct qc_tensor *qc_lower_slice(struct qc_build *b, struct qc_tensor *x, int axis, int32_t begin, int32_t end);
/* Element `index` of `axis`, the axis dropped. index may be -1: the last one. */
struct qc_tensor *qc_lower_pick(struct qc_build *b, struct qc_tensor *x, int axis, int32_t index);
/* A reduction (SUM, MEAN, REDUCE_MAX, REDUCE_MIN, REDUCE_ANY ...) over `count` axes, negative ones allowed. */
struct qc_tensor *qc_lower_reduce(struct qc_build *b, int code, struct qc_tensor *x, int count, const int32_t *axes, bool keep_dims);
struct qc_tensor *qc_lower_cast(struct qc_build *b, struct qc_tensor *x, qc_dtype type); /* x itself if it has that type */
struct qc_tensor *qc_lower_concat(struct qc_build *b, int count, struct qc_tensor *const *x, int axis);
/* condition ? x : y, broadcast as numpy does. */
struct qc_tensor *qc_lower_select(struct qc_build *b, struct qc_tensor *condition, struct qc_tensor *x, struct qc_tensor *y);

#endif
