/*
 * tile.c - repetition and reversal: TILE, BROADCAST_TO, BROADCAST_ARGS, REVERSE_V2, REVERSE_SEQUENCE.
 */
#include "op/shared/move.h"
#include "op/shared/rules.h"
#include "op/shared/version.h"

/* ---- TILE ---- */

static qc_status tile_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 2));
    QC_TRY(qc_need_type(step, 0, QC_SET_MOVE));
    QC_TRY(qc_need_type(step, 1, QC_SET_INDEX));
    const struct qc_value *in = step->in[0];
    if (!step->in[1]->known) return qc_defer(step, 0, in->type);
    int64_t times[QC_MAX_RANK];
    int count;
    int32_t dims[QC_MAX_RANK];
    QC_TRY(qc_read_ints(step, 1, QC_MAX_RANK, times, &count));
    if (count != in->rank) return qc_step_fail(step, QC_FORMAT, "%d multipliers for a tensor of rank %d", count, in->rank);
    for (int d = 0; d < count; d++) {
        if (times[d] < 0 || times[d] > INT32_MAX) return qc_step_fail(step, QC_FORMAT, "multiplier %d is %lld", d, (long long)times[d]);
        QC_TRY(qc_need_dim(step, times[d] * in->dims[d], &dims[d]));
    }
    return qc_step_output(step, 0, in->type, in->rank, dims);
}

static qc_status tile_run(struct qc_step *step)
{
    const struct qc_value *in = step->in[0];
    ptrdiff_t to[QC_MAX_RANK], from[QC_MAX_RANK];
    struct qc_copy copy;
    qc_move_strides(step, &copy, to, from);
    for (int d = 0; d < in->rank; d++) {
        qc_copy_dim(&copy, (size_t)qc_value_int(step->in[1], (size_t)d), to[d] * in->dims[d], 0);
        qc_copy_dim(&copy, (size_t)in->dims[d], to[d], from[d]);
    }
    qc_copy_end(&copy);
    return qc_move_copy(step, 0, &copy);
}

/* ---- BROADCAST_TO ---- */

static qc_status broadcast_to_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 2));
    QC_TRY(qc_need_type(step, 0, QC_SET_MOVE));
    QC_TRY(qc_need_type(step, 1, QC_SET_INDEX));
    QC_TRY(qc_need_rank(step, 1, 1, 1));
    const struct qc_value *in = step->in[0];
    if (!step->in[1]->known) return qc_defer(step, 0, in->type);
    int64_t want[QC_MAX_RANK];
    int rank;
    int32_t dims[QC_MAX_RANK];
    QC_TRY(qc_read_ints(step, 1, QC_MAX_RANK, want, &rank));
    if (rank < in->rank) return qc_step_fail(step, QC_FORMAT, "a tensor of rank %d does not broadcast to rank %d", in->rank, rank);
    for (int d = 0; d < rank; d++) {
        int own = d - (rank - in->rank);
        QC_TRY(qc_need_dim(step, want[d], &dims[d]));
        if (own >= 0 && in->dims[own] != 1 && in->dims[own] != dims[d])
            return qc_step_fail(step, QC_FORMAT, "dimension %d is %d and does not broadcast to %d", own, in->dims[own], dims[d]);
    }
    return qc_step_output(step, 0, in->type, rank, dims);
}

static qc_status broadcast_to_run(struct qc_step *step)
{
    const struct qc_value *in = step->in[0], *out = step->out[0];
    ptrdiff_t to[QC_MAX_RANK], from[QC_MAX_RANK];
    struct qc_copy copy;
    qc_move_strides(step, &copy, to, from);
    for (int d = 0; d < out->rank; d++) {
        int own = d - (out->rank - in->rank);
        qc_copy_dim(&copy, (size_t)out->dims[d], to[d], own < 0 || in->dims[own] == 1 ? 0 : from[own]);
    }
    qc_copy_end(&copy);
    return qc_move_copy(step, 0, &copy);
}

/* ---- BROADCAST_ARGS ---- */

static qc_status broadcast_args_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 2));
    QC_TRY(qc_need_type(step, 0, QC_SET_INDEX));
    QC_TRY(qc_need_same_type(step, 0, 1));
    QC_TRY(qc_need_rank(step, 0, 1, 1));
    QC_TRY(qc_need_rank(step, 1, 1, 1));
    int32_t count = QC_MAX(step->in[0]->dims[0], step->in[1]->dims[0]);
    return qc_step_output(step, 0, step->in[0]->type, 1, &count);
}

static qc_status broadcast_args_run(struct qc_step *step)
{
    struct qc_value *out = step->out[0];
    int32_t count = out->dims[0];
    for (int32_t i = 1; i <= count; i++) {
        int64_t size[2];
        for (int k = 0; k < 2; k++) {
            const struct qc_value *in = step->in[k];
            size[k] = i <= in->dims[0] ? qc_value_int(in, (size_t)(in->dims[0] - i)) : 1;
        }
        if (size[0] != size[1] && size[0] != 1 && size[1] != 1)
            return qc_step_fail(step, QC_RANGE, "dimensions %lld and %lld do not broadcast", (long long)size[0], (long long)size[1]);
        int64_t result = size[0] == 1 ? size[1] : size[0];
        if (out->type == QC_INT64) ((int64_t *)out->data)[count - i] = result;
        else ((int32_t *)out->data)[count - i] = (int32_t)result;
    }
    return QC_OK;
}

/* ---- REVERSE_V2 ---- */

static qc_status reverse_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 2));
    QC_TRY(qc_need_type(step, 0, QC_SET_MOVE));
    QC_TRY(qc_need_type(step, 1, QC_SET(INT32)));
    QC_TRY(qc_need_rank(step, 1, 1, 1));
    if (qc_value_elements(step->in[1]) > QC_MAX_RANK) return qc_step_fail(step, QC_FORMAT, "%d axes to reverse", step->in[1]->dims[0]);
    return qc_step_output_like(step, 0, step->in[0]->type, step->in[0]);
}

static qc_status reverse_run(struct qc_step *step)
{
    const struct qc_value *in = step->in[0];
    size_t width = qc_move_width(in->type), axes = qc_value_elements(step->in[1]);
    unsigned reversed = 0;
    for (size_t i = 0; i < axes; i++) {
        int axis;
        QC_TRY(qc_need_axis(step, qc_value_int(step->in[1], i), in->rank, &axis));
        reversed |= 1u << axis;
    }
    ptrdiff_t stride[QC_MAX_RANK], offset = 0;
    qc_dense_strides(in->rank, in->dims, width, stride);
    struct qc_copy copy;
    qc_copy_begin(&copy, width);
    for (int d = 0; d < in->rank; d++) {
        bool turn = reversed >> d & 1;
        if (turn) offset += (in->dims[d] - 1) * stride[d];
        qc_copy_dim(&copy, (size_t)in->dims[d], stride[d], turn ? -stride[d] : stride[d]);
    }
    qc_copy_end(&copy);
    struct qc_move move;
    QC_TRY(qc_move_begin(step, 0, &move));
    if (qc_value_elements(in)) qc_copy_run(&copy, move.to, (const char *)move.from + offset, step->rt->pool);
    return qc_move_end(step, 0, &move);
}

/* ---- REVERSE_SEQUENCE ---- */

static qc_status reverse_sequence_infer(struct qc_step *step)
{
    const struct tfl_ReverseSequenceOptions *options = step->options;
    QC_TRY(qc_need_inputs(step, 2));
    QC_TRY(qc_need_type(step, 0, QC_SET_FIXED));
    QC_TRY(qc_need_type(step, 1, QC_SET_INDEX));
    QC_TRY(qc_need_rank(step, 1, 1, 1));
    const struct qc_value *in = step->in[0];
    int sequence = options->seq_dim, batch = options->batch_dim;
    if (sequence < 0 || batch < 0 || sequence >= in->rank || batch >= in->rank || sequence == batch)
        return qc_step_fail(step, QC_FORMAT, "seq_dim %d and batch_dim %d do not fit a tensor of rank %d", sequence, batch, in->rank);
    if (step->in[1]->dims[0] != in->dims[batch])
        return qc_step_fail(step, QC_FORMAT, "%d lengths for %d batches", step->in[1]->dims[0], in->dims[batch]);
    return qc_step_output_like(step, 0, in->type, in);
}

static qc_status reverse_sequence_run(struct qc_step *step)
{
    const struct tfl_ReverseSequenceOptions *options = step->options;
    const struct qc_value *in = step->in[0];
    int sequence = options->seq_dim, batch = options->batch_dim;
    ptrdiff_t stride[QC_MAX_RANK];
    qc_dense_strides(in->rank, in->dims, qc_width(in), stride);
    for (int32_t b = 0; b < in->dims[batch]; b++) {
        int64_t length = qc_value_int(step->in[1], (size_t)b);
        if (length < 0 || length > in->dims[sequence])
            return qc_step_fail(step, QC_RANGE, "length %lld of batch %d is outside [0, %d]", (long long)length, b, in->dims[sequence]);
        for (int part = 0; part < 2; part++) { /* the reversed head, the tail as it is */
            int64_t first = part ? length : 0, count = part ? in->dims[sequence] - length : length;
            ptrdiff_t to = b * stride[batch] + first * stride[sequence];
            ptrdiff_t from = part ? to : b * stride[batch] + (length - 1) * stride[sequence];
            struct qc_copy copy;
            qc_copy_begin(&copy, qc_width(in));
            for (int d = 0; d < in->rank; d++) {
                if (d == batch) continue;
                if (d == sequence) qc_copy_dim(&copy, (size_t)count, stride[d], part ? stride[d] : -stride[d]);
                else qc_copy_dim(&copy, (size_t)in->dims[d], stride[d], stride[d]);
            }
            qc_copy_end(&copy);
            if (count && in->bytes) qc_copy_run(&copy, (char *)step->out[0]->data + to, (const char *)in->data + from, step->rt->pool);
        }
    }
    return QC_OK;
}

/* ---- registration ---- */

QC_VERSION_BY_TYPE(tile_version, 0, {QC_INT8, 3}, {QC_STRING, 2})
QC_VERSION_BY_TYPE(reverse_version, 0, {QC_INT8, 3}, {QC_BOOL, 2})

static int broadcast_to_version(const struct qc_node *node)
{
    qc_dtype type = qc_node_type(node, 0);
    return type == QC_INT8 || type == QC_INT16 ? 3 : 2;
}

const struct qc_op qc_op_tile[] = {
    {.name = "TILE", .code = tfl_BuiltinOperator_TILE, .options = &tfl_TileOptions_table, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1,
     .max_version = 3, .quant = &qc_rule_move, .infer = tile_infer, .plan = qc_move_plan_0, .run = tile_run, .version = tile_version},
    {.name = "BROADCAST_TO", .code = tfl_BuiltinOperator_BROADCAST_TO, .options = &tfl_BroadcastToOptions_table, .in_min = 2, .in_max = 2,
     .out_min = 1, .out_max = 1, .max_version = 4, .quant = &qc_rule_move, .infer = broadcast_to_infer, .plan = qc_move_plan_0,
     .run = broadcast_to_run, .version = broadcast_to_version},
    {.name = "BROADCAST_ARGS", .code = tfl_BuiltinOperator_BROADCAST_ARGS, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1,
     .infer = broadcast_args_infer, .run = broadcast_args_run},
    {.name = "REVERSE_V2", .code = tfl_BuiltinOperator_REVERSE_V2, .options = &tfl_ReverseV2Options_table, .in_min = 2, .in_max = 2,
     .out_min = 1, .out_max = 1, .max_version = 4, .quant = &qc_rule_move, .infer = reverse_infer, .plan = qc_move_plan_0, .run = reverse_run,
     .version = reverse_version},
    {.name = "REVERSE_SEQUENCE", .code = tfl_BuiltinOperator_REVERSE_SEQUENCE, .options = &tfl_ReverseSequenceOptions_table, .in_min = 2,
     .in_max = 2, .out_min = 1, .out_max = 1, .infer = reverse_sequence_infer, .run = reverse_sequence_run},
    {0},
};
