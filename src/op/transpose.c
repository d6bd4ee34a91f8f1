/*
 * transpose.c - TRANSPOSE.
 */
#include "op/shared/move.h"
#include "op/shared/rules.h"
#include "op/shared/version.h"

static qc_status infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 2));
    QC_TRY(qc_need_type(step, 0, QC_SET_MOVE));
    const struct qc_value *in = step->in[0];
    if (!step->in[1]->known) return qc_defer(step, 0, in->type);
    int64_t axis[QC_MAX_RANK];
    int count;
    int32_t dims[QC_MAX_RANK];
    unsigned seen = 0;
    QC_TRY(qc_read_ints(step, 1, QC_MAX_RANK, axis, &count));
    if (count != in->rank) return qc_step_fail(step, QC_FORMAT, "the permutation has %d entries for a tensor of rank %d", count, in->rank);
    for (int d = 0; d < count; d++) {
        int from;
        QC_TRY(qc_need_axis(step, axis[d], in->rank, &from));
        if (seen >> from & 1) return qc_step_fail(step, QC_FORMAT, "the permutation names axis %d twice", from);
        seen |= 1u << from;
        dims[d] = in->dims[from];
    }
    return qc_step_output(step, 0, in->type, in->rank, dims);
}

static qc_status run(struct qc_step *step)
{
    const struct qc_value *in = step->in[0], *out = step->out[0];
    ptrdiff_t to[QC_MAX_RANK], from[QC_MAX_RANK];
    struct qc_copy copy;
    qc_move_strides(step, &copy, to, from);
    for (int d = 0; d < in->rank; d++)
        qc_copy_dim(&copy, (size_t)out->dims[d], to[d], from[qc_axis(qc_value_int(step->in[1], (size_t)d), in->rank)]);
    qc_copy_end(&copy);
    return qc_move_copy(step, 0, &copy);
}

static int version(const struct qc_node *node)
{
    qc_dtype type = qc_node_type(node, 0);
    int rank = qc_node_rank(node, 0);
    if (type == QC_FLOAT16) return 9;
    if (rank > 6 || type == QC_BFLOAT16) return 8;
    if (type == QC_INT4) return 7;
    if (rank > 5) return 6;
    if (type == QC_INT16) return 5;
    if (rank > 4) return 4;
    return type == QC_BOOL ? 3 : type == QC_INT8 ? 2 : 1;
}

const struct qc_op qc_op_transpose[] = {
    {.name = "TRANSPOSE", .code = tfl_BuiltinOperator_TRANSPOSE, .options = &tfl_TransposeOptions_table, .in_min = 2, .in_max = 2, .out_min = 1,
     .out_max = 1, .max_version = 9, .quant = &qc_rule_move, .infer = infer, .plan = qc_move_plan_0, .run = run, .version = version},
    {0},
};
