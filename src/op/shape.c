/*
 * shape.c - SHAPE and RANK: what the planner knows of a tensor, as a tensor.
 */
#include "op/shared/check.h"
#include "op/shared/rules.h"

static qc_status shape_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 1));
    const struct tfl_ShapeOptions *options = step->options;
    int32_t rank = step->in[0]->rank;
    if (options->out_type != QC_INT32 && options->out_type != QC_INT64)
        return qc_step_fail(step, QC_FORMAT, "out_type is %s, not int32 or int64", qc_dtype_name((qc_dtype)options->out_type));
    return qc_step_output(step, 0, (qc_dtype)options->out_type, 1, &rank);
}

static qc_status shape_run(struct qc_step *step)
{
    const struct qc_value *in = step->in[0];
    struct qc_value *out = step->out[0];
    for (int d = 0; d < in->rank; d++) {
        if (out->type == QC_INT64) ((int64_t *)out->data)[d] = in->dims[d];
        else ((int32_t *)out->data)[d] = in->dims[d];
    }
    return QC_OK;
}

static qc_status rank_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 1));
    return qc_step_output(step, 0, QC_INT32, 0, NULL);
}

static qc_status rank_run(struct qc_step *step)
{
    *(int32_t *)step->out[0]->data = step->in[0]->rank;
    return QC_OK;
}

static const struct qc_quant_rule rule = {
    .modes = QC_Q_INT8 | QC_Q_INT16, .in = {{.role = QC_ROLE_ACTIVATION}}, .output = QC_OUTPUT_KEEP};

const struct qc_op qc_op_shape[] = {
    {.name = "SHAPE", .code = tfl_BuiltinOperator_SHAPE, .options = &tfl_ShapeOptions_table, .in_min = 1, .in_max = 1, .out_min = 1,
     .out_max = 1, .max_version = 1, .flags = QC_OP_SHAPE_ONLY, .quant = &rule, .infer = shape_infer, .run = shape_run},
    {.name = "RANK", .code = tfl_BuiltinOperator_RANK, .options = &tfl_RankOptions_table, .in_min = 1, .in_max = 1, .out_min = 1,
     .out_max = 1, .max_version = 1, .flags = QC_OP_SHAPE_ONLY, .quant = &rule, .infer = rank_infer, .run = rank_run},
    {0},
};
