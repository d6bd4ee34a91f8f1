/*
 * tiled.h - products of op/shared/product.h on the packed matrix kernels: constant weights packed once, input read through row pointers.
 *
 * Taken where the window has two axes and weights are not transposed; a product that is not taken runs on the reference.
 */
#ifndef QC_OP_SHARED_TILED_H
#define QC_OP_SHARED_TILED_H

#include "op/op.h"

struct qc_product;
struct qc_tiled;

/* Activations as the kernels read them: float32, int8, or int8 with a scale and a zero point for each batch (hybrid). */
struct qc_tiled_input {
    const void *x;
    const float *scale;
    const int32_t *zero;
    size_t first_row, rows; /* of the output's height; not all of them only of a step that is `banded` */
};

/* In plan. *tiled stays NULL if the product is not taken. */
qc_status qc_tiled_plan(struct qc_step *step, const struct qc_product *product, struct qc_tiled **tiled);
/* In prepare: packs what is constant. */
qc_status qc_tiled_prepare(struct qc_step *step, struct qc_product *product, struct qc_tiled *tiled);
void qc_tiled_run(struct qc_step *step, const struct qc_product *product, const struct qc_tiled *tiled, const struct qc_tiled_input *input);

#endif
