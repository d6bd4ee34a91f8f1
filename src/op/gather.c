/*
 * gather.c - GATHER and GATHER_ND: rows of a tensor chosen by index. An index out of range is an error, found while running.
 */
#include "op/shared/move.h"
#include "op/shared/rules.h"
#include "op/shared/version.h"

static int64_t index_at(const struct qc_value *value, size_t i)
{
    return value->type == QC_INT16 ? ((const int16_t *)value->data)[i] : qc_value_int(value, i);
}

static inline void copy_cell(char *to, const char *from, size_t bytes)
{
    if (bytes == 4) memcpy(to, from, 4);
    else if (bytes == 1) *to = *from;
    else memcpy(to, from, bytes);
}

/* ---- GATHER ---- */

struct gather {
    int axis, batch;
};

static qc_status gather_read(struct qc_step *step, struct gather *g)
{
    const struct tfl_GatherOptions *options = step->options;
    const struct qc_value *in = step->in[0], *at = step->in[1];
    QC_TRY(qc_need_axis(step, options->axis, in->rank, &g->axis));
    g->batch = options->batch_dims < 0 ? options->batch_dims + at->rank : options->batch_dims;
    if (g->batch < 0 || g->batch > at->rank || g->batch > g->axis)
        return qc_step_fail(step, QC_FORMAT, "batch_dims is %d with axis %d and indices of rank %d", options->batch_dims, g->axis, at->rank);
    return QC_OK;
}

static qc_status gather_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 2));
    QC_TRY(qc_need_type(step, 0, QC_SET_MOVE));
    QC_TRY(qc_need_type(step, 1, QC_SET_INDEX | QC_SET(INT16)));
    const struct qc_value *in = step->in[0], *at = step->in[1];
    struct gather g;
    QC_TRY(gather_read(step, &g));
    int32_t dims[2 * QC_MAX_RANK];
    int rank = 0;
    for (int d = 0; d < g.batch; d++)
        if (in->dims[d] != at->dims[d])
            return qc_step_fail(step, QC_FORMAT, "batch dimension %d is %d in input 0 and %d in input 1", d, in->dims[d], at->dims[d]);
    for (int d = 0; d < g.axis; d++) dims[rank++] = in->dims[d];
    for (int d = g.batch; d < at->rank; d++) dims[rank++] = at->dims[d];
    for (int d = g.axis + 1; d < in->rank; d++) dims[rank++] = in->dims[d];
    return qc_step_output(step, 0, in->type, rank, dims);
}

static qc_status gather_run(struct qc_step *step)
{
    const struct qc_value *in = step->in[0], *at = step->in[1];
    struct gather g;
    struct qc_move move;
    QC_TRY(gather_read(step, &g));
    QC_TRY(qc_move_begin(step, 0, &move));
    size_t batch = qc_value_span(in, 0, g.batch), outer = qc_value_span(in, g.batch, g.axis), inner = qc_value_span(in, g.axis + 1, in->rank) * move.width;
    size_t count = qc_value_span(at, g.batch, at->rank);
    int64_t size = in->dims[g.axis];
    for (size_t i = 0; i < batch * count; i++) {
        int64_t index = index_at(at, i);
        if (index < 0 || index >= size)
            return qc_step_fail(step, QC_RANGE, "index %lld (element %zu of input 1) is outside [0, %lld)", (long long)index, i, (long long)size);
    }
    char *to = move.to;
    const char *from = move.from;
    for (size_t b = 0; b < batch; b++)
        for (size_t o = 0; o < outer; o++, from += (size_t)size * inner)
            for (size_t i = 0; i < count; i++, to += inner) copy_cell(to, from + (size_t)index_at(at, b * count + i) * inner, inner);
    return qc_move_end(step, 0, &move);
}

static int gather_version(const struct qc_node *node)
{
    const struct tfl_GatherOptions *options = node->options;
    qc_dtype type = qc_node_type(node, 0);
    if (type == QC_INT4) return 7;
    if (qc_node_type(node, 1) == QC_INT16) return 6;
    if (options && options->batch_dims) return 5;
    return type == QC_INT16 ? 4 : type == QC_BOOL ? 3 : type == QC_INT8 ? 2 : 1;
}

/* ---- GATHER_ND ---- */

static qc_status gather_nd_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 2));
    QC_TRY(qc_need_type(step, 0, QC_SET_FIXED | QC_SET(STRING)));
    QC_TRY(qc_need_type(step, 1, QC_SET_INDEX | QC_SET(INT16)));
    const struct qc_value *in = step->in[0], *at = step->in[1];
    if (in->rank < 1 || at->rank < 1) return qc_step_fail(step, QC_FORMAT, "both inputs need at least one dimension");
    int depth = at->dims[at->rank - 1], rank = 0;
    if (depth > in->rank) return qc_step_fail(step, QC_FORMAT, "indices of depth %d into a tensor of rank %d", depth, in->rank);
    int32_t dims[2 * QC_MAX_RANK];
    for (int d = 0; d + 1 < at->rank; d++) dims[rank++] = at->dims[d];
    for (int d = depth; d < in->rank; d++) dims[rank++] = in->dims[d];
    return qc_step_output(step, 0, in->type, rank, dims);
}

static qc_status gather_nd_run(struct qc_step *step)
{
    const struct qc_value *in = step->in[0], *at = step->in[1];
    struct qc_move move;
    QC_TRY(qc_move_begin(step, 0, &move));
    size_t depth = (size_t)at->dims[at->rank - 1], count = qc_value_span(at, 0, at->rank - 1);
    size_t inner = qc_value_span(in, (int)depth, in->rank) * move.width;
    char *to = move.to;
    for (size_t i = 0; i < count && inner; i++, to += inner) {
        size_t row = 0;
        for (size_t k = 0; k < depth; k++) {
            int64_t index = index_at(at, i * depth + k);
            if (index < 0 || index >= in->dims[k])
                return qc_step_fail(step, QC_RANGE, "index %lld into axis %zu is outside [0, %d)", (long long)index, k, in->dims[k]);
            row = row * (size_t)in->dims[k] + (size_t)index;
        }
        copy_cell(to, (const char *)move.from + row * inner, inner);
    }
    return qc_move_end(step, 0, &move);
}

static int gather_nd_version(const struct qc_node *node)
{
    qc_dtype type = qc_node_type(node, 0);
    if (type == QC_BOOL) return 5;
    if (qc_node_type(node, 1) == QC_INT16) return 4;
    return type == QC_INT16 ? 3 : type == QC_STRING ? 2 : 1;
}

/* Embedding tables may stay int8 under float activations. */
static const struct qc_quant_rule gather_rule = {.modes = QC_Q_INT8 | QC_Q_INT16 | QC_Q_HYBRID,
                                                 .in = {{.role = QC_ROLE_ACTIVATION}, {.role = QC_ROLE_KEEP}},
                                                 .output = QC_OUTPUT_SAME,
                                                 .hybrid = 1,
                                                 .hybrid_axis = -1};

const struct qc_op qc_op_gather[] = {
    {.name = "GATHER", .code = tfl_BuiltinOperator_GATHER, .options = &tfl_GatherOptions_table, .in_min = 2, .in_max = 2, .out_min = 1,
     .out_max = 1, .max_version = 8, .quant = &gather_rule, .infer = gather_infer, .plan = qc_move_plan_0, .run = gather_run,
     .version = gather_version},
    {.name = "GATHER_ND", .code = tfl_BuiltinOperator_GATHER_ND, .options = &tfl_GatherNdOptions_table, .in_min = 2, .in_max = 2, .out_min = 1,
     .out_max = 1, .max_version = 6, .quant = &qc_rule_move, .infer = gather_nd_infer, .plan = qc_move_plan_0, .run = gather_nd_run,
     .version = gather_nd_version},
    {0},
};
