/*
 * broadcast.h - loops over one to three broadcast operands, as rows.
 *
 * The plan merges dimensions that all operands walk alike, so that the usual cases (same shape, a scalar, a bias along the last
 * axis) are one call or one call per row. In a row every operand advances by one element or stands still.
 */
#ifndef QC_OP_SHARED_BROADCAST_H
#define QC_OP_SHARED_BROADCAST_H

#include "kernel/row.h"
#include "op/op.h"

struct qc_broadcast {
    int rank, count;
    size_t dims[QC_MAX_RANK];
    size_t stride[QC_ROW_INPUTS][QC_MAX_RANK]; /* elements */
    size_t total;
};

/* Output shape of step's inputs [0, count) broadcast together; fails with the shapes in the sentence. */
qc_status qc_infer_broadcast(struct qc_step *step, int count, qc_dtype type) QC_MUST_USE;

/* out must have the broadcast shape. */
void qc_broadcast_plan(struct qc_broadcast *plan, int count, struct qc_value *const *in, const struct qc_value *out);

/* in and out as in the plan; element widths come from the values' types. */
void qc_broadcast_run(const struct qc_broadcast *plan, qc_row_fn *row, const void *params, struct qc_value *const *in, struct qc_value *out,
                      struct qc_pool *pool);

#endif
