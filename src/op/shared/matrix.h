/*
 * matrix.h - products of op/shared/product.h on the packed matrix kernels: constant weights packed once, input read through row pointers.
 *
 * Taken where the window has two axes and weights are not transposed; a product that is not taken runs on the reference.
 */
#ifndef QC_OP_SHARED_MATRIX_H
#define QC_OP_SHARED_MATRIX_H

#include "kernel/gemm_f32.h"
#include "op/op.h"

struct qc_product;
struct qc_matrix;

/* In plan. *matrix stays NULL if the product is not taken. */
qc_status qc_matrix_plan(struct qc_step *step, const struct qc_product *product, struct qc_matrix **matrix);
/* In prepare: packs what is constant. */
qc_status qc_matrix_prepare(struct qc_step *step, const struct qc_product *product, struct qc_matrix *matrix);
void qc_matrix_run(struct qc_step *step, const struct qc_product *product, const struct qc_matrix *matrix);

#endif
