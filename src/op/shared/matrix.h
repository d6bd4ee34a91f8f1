/*
 * matrix.h - products of op/shared/product.h on the packed matrix kernels: constant weights packed once, input read through row pointers.
 *
 * Taken where the window has two axes and weights are not transposed; a product that is not taken runs on the reference.
 */
#ifndef QC_OP_SHARED_MATRIX_H
#define QC_OP_SHARED_MATRIX_H

#include "op/op.h"

struct qc_product;
struct qc_matrix;

/* Activations as the kernels read them: float32, int8, or int8 with a scale and a zero point for each batch (hybrid). */
struct qc_matrix_input {
    const void *x;
    const float *scale;
    const int32_t *zero;
};

/* In plan. *matrix stays NULL if the product is not taken. */
qc_status qc_matrix_plan(struct qc_step *step, const struct qc_product *product, struct qc_matrix **matrix);
/* In prepare: packs what is constant. */
qc_status qc_matrix_prepare(struct qc_step *step, const struct qc_product *product, struct qc_matrix *matrix);
void qc_matrix_run(struct qc_step *step, const struct qc_product *product, const struct qc_matrix *matrix, const struct qc_matrix_input *input);

#endif
