/*
 * blockwise.h - products of float rows with int4 weights that have a float16 scale for each block of a row (FULLY_CONNECTED).
 *
 * Rows are quantized as in other hybrid products; every block is a product of its own, and the products are added in order of the blocks.
 */
#ifndef QC_OP_SHARED_BLOCKWISE_H
#define QC_OP_SHARED_BLOCKWISE_H

#include "op/op.h"

struct qc_blockwise;

/* in[0] is float32, taken as rows of the depth of in[1], [units, depth]; in[2] may be a float32 bias; out[0] is float32. */
qc_status qc_blockwise_check(struct qc_step *step);
/* In plan; `activation` is the fused one. */
qc_status qc_blockwise_plan(struct qc_step *step, int activation, struct qc_blockwise **result);
qc_status qc_blockwise_prepare(struct qc_step *step, struct qc_blockwise *b);
void qc_blockwise_run(struct qc_step *step, const struct qc_blockwise *b);

#endif
