/*
 * densify.c - DENSIFY: a sparse constant written out.
 */
#include "op/shared/check.h"
#include "op/shared/sparse.h"

static qc_status infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 1));
    QC_TRY(qc_need_type(step, 0, QC_SET(FLOAT32) | QC_SET(FLOAT16) | QC_SET(INT8) | QC_SET(INT32)));
    const struct qc_value *in = step->in[0];
    QC_TRY(qc_step_output_like(step, 0, in->type, in));
    if (!in->constant) return qc_step_fail(step, QC_UNSUPPORTED, "input 0 is not a constant");
    return qc_sparse_check(step, in, qc_width(in));
}

static qc_status run(struct qc_step *step)
{
    qc_sparse_expand(step->in[0], qc_width(step->in[0]), step->out[0]->data);
    return QC_OK;
}

const struct qc_op qc_op_densify[] = {
    {.name = "DENSIFY", .code = tfl_BuiltinOperator_DENSIFY, .options = &tfl_DensifyOptions_table, .in_min = 1, .in_max = 1, .out_min = 1,
     .out_max = 1, .infer = infer, .run = run},
    {0},
};
