/*
 * dense.h - matrix products: Dense, EinsumDense, Dot, and any Einsum that is a matrix product.
 */
#ifndef QC_IMPORT_LOWER_DENSE_H
#define QC_IMPORT_LOWER_DENSE_H

#include "import/lower/activation.h"

/* x [..., I] by kernel [I, O], bias [O]. One FULLY_CONNECTED, keep_num_dims for rank > 2. activation may be NULL. */
struct qc_tensor *qc_lower_dense(struct qc_build *b, struct qc_tensor *x, const struct qc_weight *kernel, const struct qc_weight *bias,
                                 const struct qc_activation *activation);
/* The operator itself: weights [O, I], bias [O] or qc_none(). */
struct qc_tensor *qc_lower_fully_connected(struct qc_build *b, struct qc_tensor *x, struct qc_tensor *weights, struct qc_tensor *bias,
                                           const struct qc_activation *activation);
/* bias as Keras stores it, which broadcasts to the output; bias_axes NULL or "": none. */
struct qc_tensor *qc_lower_einsum_dense(struct qc_build *b, struct qc_tensor *x, const char *equation, const struct qc_weight *kernel,
                                        const struct qc_weight *bias, const char *bias_axes, const struct qc_activation *activation);
/* Two operands, every index of the output from one of them; "..." allowed. */
struct qc_tensor *qc_lower_einsum(struct qc_build *b, const char *equation, struct qc_tensor *x, struct qc_tensor *y);
/* tf.matmul of two tensors of rank >= 2, batch dimensions broadcast. */
struct qc_tensor *qc_lower_matmul(struct qc_build *b, struct qc_tensor *x, struct qc_tensor *y, bool transpose_x, bool transpose_y);
/* Keras's Dot layer: contracts axis_x of x with axis_y of y, batch kept. */
struct qc_tensor *qc_lower_dot(struct qc_build *b, struct qc_tensor *x, struct qc_tensor *y, int axis_x, int axis_y, bool normalize);

#endif
