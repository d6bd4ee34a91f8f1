/*
 * densify.c - DENSIFY: sparse constants are written out when the file is read, so there is nothing left to do.
 */
#include "op/shared/check.h"
#include "op/shared/move.h"

static qc_status infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 1));
    QC_TRY(qc_need_type(step, 0, QC_SET(FLOAT32) | QC_SET(FLOAT16) | QC_SET(INT8) | QC_SET(INT32)));
    if (!step->in[0]->constant) return qc_step_fail(step, QC_UNSUPPORTED, "input 0 is not a constant");
    return qc_step_output_like(step, 0, step->in[0]->type, step->in[0]);
}

const struct qc_op qc_op_densify[] = {
    {.name = "DENSIFY", .code = tfl_BuiltinOperator_DENSIFY, .options = &tfl_DensifyOptions_table, .in_min = 1, .in_max = 1, .out_min = 1,
     .out_max = 1, .flags = QC_OP_ALIAS, .infer = infer, .run = qc_run_same},
    {0},
};
