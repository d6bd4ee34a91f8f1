/*
 * slice.c - reading and writing boxes inside a tensor: SLICE, STRIDED_SLICE, DYNAMIC_UPDATE_SLICE.
 */
#include "op/shared/move.h"
#include "op/shared/rules.h"
#include "op/shared/version.h"
#include "op/shared/strided_slice.h"

/* ---- SLICE ---- */

static qc_status read_vector(struct qc_step *step, int input, int rank, int64_t *values)
{
    int count;
    QC_TRY(qc_read_ints(step, input, QC_MAX_RANK, values, &count));
    if (count != rank) return qc_step_fail(step, QC_FORMAT, "input %d has %d entries for a tensor of rank %d", input, count, rank);
    return QC_OK;
}

static qc_status check_box(struct qc_step *step, int64_t *begin, int64_t *size)
{
    const struct qc_value *in = step->in[0];
    for (int d = 0; d < in->rank; d++) {
        if (begin[d] < 0 || begin[d] > in->dims[d])
            return qc_step_fail(step, QC_RANGE, "begin of axis %d is %lld, outside its size %d", d, (long long)begin[d], in->dims[d]);
        if (size[d] == -1) size[d] = in->dims[d] - begin[d];
        if (size[d] < 0 || size[d] > in->dims[d] - begin[d])
            return qc_step_fail(step, QC_RANGE, "size of axis %d is %lld, but only %lld of its %d elements follow begin", d, (long long)size[d],
                                (long long)(in->dims[d] - begin[d]), in->dims[d]);
    }
    return QC_OK;
}

static qc_status slice_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 3));
    QC_TRY(qc_need_type(step, 0, QC_SET_MOVE));
    QC_TRY(qc_need_type(step, 1, QC_SET_INDEX));
    QC_TRY(qc_need_same_type(step, 1, 2));
    const struct qc_value *in = step->in[0], *begins = step->in[1], *sizes = step->in[2];
    int64_t begin[QC_MAX_RANK] = {0}, size[QC_MAX_RANK];
    if (!sizes->known) return qc_defer(step, 0, in->type);
    QC_TRY(read_vector(step, 2, in->rank, size));
    if (begins->known) {
        QC_TRY(read_vector(step, 1, in->rank, begin));
        QC_TRY(check_box(step, begin, size));
    } else {
        for (int d = 0; d < in->rank; d++)
            if (size[d] < 0) return qc_defer(step, 0, in->type);
    }
    int32_t dims[QC_MAX_RANK];
    for (int d = 0; d < in->rank; d++) QC_TRY(qc_need_dim(step, size[d], &dims[d]));
    return qc_step_output(step, 0, in->type, in->rank, dims);
}

static qc_status slice_run(struct qc_step *step)
{
    const struct qc_value *in = step->in[0], *out = step->out[0];
    int64_t begin[QC_MAX_RANK], size[QC_MAX_RANK];
    QC_TRY(read_vector(step, 1, in->rank, begin));
    for (int d = 0; d < in->rank; d++) size[d] = out->dims[d];
    QC_TRY(check_box(step, begin, size));
    ptrdiff_t to[QC_MAX_RANK], from[QC_MAX_RANK], offset = 0;
    struct qc_copy copy;
    qc_move_strides(step, &copy, to, from);
    for (int d = 0; d < in->rank; d++) {
        qc_copy_dim(&copy, (size_t)out->dims[d], to[d], from[d]);
        offset += (ptrdiff_t)begin[d] * from[d];
    }
    qc_copy_end(&copy);
    struct qc_move move;
    QC_TRY(qc_move_begin(step, 0, &move));
    if (out->bytes || out->type == QC_STRING) qc_copy_run(&copy, move.to, (const char *)move.from + offset, step->rt->pool);
    return qc_move_end(step, 0, &move);
}

/* ---- STRIDED_SLICE ---- */

static qc_status resolve(struct qc_step *step, struct qc_slice_axis *axis, int *axes, bool *unknown)
{
    const struct tfl_StridedSliceOptions *options = step->options;
    const struct qc_value *in = step->in[0];
    int64_t values[3][QC_SLICE_MOST];
    int count[3];
    bool known = step->in[1]->data && step->in[2]->data;
    for (int k = 0; k < 3; k++) {
        count[k] = (int)qc_value_elements(step->in[1 + k]);
        if (k == 2 || known) QC_TRY(qc_read_ints(step, 1 + k, QC_SLICE_MOST, values[k], &count[k]));
        if (count[k] != count[0]) return qc_step_fail(step, QC_FORMAT, "begin has %d entries, input %d %d", count[0], 1 + k, count[k]);
    }
    struct qc_slice_spec spec = {
        .rank = in->rank, .dims = in->dims, .count = count[2], .begin = known ? values[0] : NULL, .end = known ? values[1] : NULL,
        .step = values[2], .begin_mask = options->begin_mask, .end_mask = options->end_mask, .ellipsis_mask = options->ellipsis_mask,
        .new_axis_mask = options->new_axis_mask, .shrink_axis_mask = options->shrink_axis_mask, .offset = options->offset};
    const char *wrong = qc_slice_resolve(&spec, axis, axes, unknown);
    return wrong ? qc_step_fail(step, QC_FORMAT, "%s", wrong) : QC_OK;
}

static qc_status strided_slice_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 4));
    QC_TRY(qc_need_type(step, 0, QC_SET_MOVE));
    for (int k = 1; k < 4; k++) {
        QC_TRY(qc_need_type(step, k, QC_SET_INDEX));
        QC_TRY(qc_need_rank(step, k, 1, 1));
        if (qc_value_elements(step->in[k]) > QC_SLICE_MOST) return qc_step_fail(step, QC_FORMAT, "input %d has more than %d entries", k, QC_SLICE_MOST);
    }
    const struct qc_value *in = step->in[0];
    if (!step->in[3]->known) return qc_defer(step, 0, in->type);
    struct qc_slice_axis axis[QC_MAX_RANK + QC_SLICE_MOST];
    int axes, rank = 0;
    bool unknown;
    int32_t dims[QC_MAX_RANK];
    QC_TRY(resolve(step, axis, &axes, &unknown));
    if (unknown) return qc_defer(step, 0, in->type);
    for (int k = 0; k < axes; k++) {
        if (axis[k].shrink) continue;
        if (rank == QC_MAX_RANK) return qc_step_fail(step, QC_UNSUPPORTED, "the result has more than %d dimensions", QC_MAX_RANK);
        QC_TRY(qc_need_dim(step, axis[k].count, &dims[rank++]));
    }
    return qc_step_output(step, 0, in->type, rank, dims);
}

static qc_status strided_slice_run(struct qc_step *step)
{
    const struct qc_value *out = step->out[0];
    struct qc_slice_axis axis[QC_MAX_RANK + QC_SLICE_MOST];
    int axes, k = 0;
    bool unknown;
    QC_TRY(resolve(step, axis, &axes, &unknown));
    ptrdiff_t to[QC_MAX_RANK], from[QC_MAX_RANK], offset = 0;
    struct qc_copy copy;
    qc_move_strides(step, &copy, to, from);
    for (int i = 0; i < axes; i++) {
        ptrdiff_t stride = axis[i].axis < 0 ? 0 : from[axis[i].axis];
        if (axis[i].count > 0) offset += (ptrdiff_t)axis[i].start * stride;
        if (!axis[i].shrink) qc_copy_dim(&copy, (size_t)axis[i].count, to[k++], (ptrdiff_t)axis[i].step * stride);
    }
    qc_copy_end(&copy);
    struct qc_move move;
    QC_TRY(qc_move_begin(step, 0, &move));
    if (qc_value_elements(out)) qc_copy_run(&copy, move.to, (const char *)move.from + offset, step->rt->pool);
    return qc_move_end(step, 0, &move);
}

/* ---- DYNAMIC_UPDATE_SLICE ---- */

static qc_status update_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 3));
    QC_TRY(qc_need_type(step, 0, QC_SET_FIXED));
    QC_TRY(qc_need_same_type(step, 0, 1));
    QC_TRY(qc_need_type(step, 2, QC_SET_INDEX));
    QC_TRY(qc_need_rank(step, 2, 1, 1));
    const struct qc_value *in = step->in[0], *update = step->in[1];
    QC_TRY(qc_need_rank(step, 1, in->rank, in->rank));
    if (step->in[2]->dims[0] != in->rank)
        return qc_step_fail(step, QC_FORMAT, "%d start indices for a tensor of rank %d", step->in[2]->dims[0], in->rank);
    for (int d = 0; d < in->rank; d++)
        if (update->dims[d] > in->dims[d])
            return qc_step_fail(step, QC_FORMAT, "the update's dimension %d is %d, larger than %d", d, update->dims[d], in->dims[d]);
    return qc_step_output_like(step, 0, in->type, in);
}

/* A start outside is moved inside, so that the update fits, as XLA defines it. */
static qc_status update_run(struct qc_step *step)
{
    const struct qc_value *in = step->in[0], *update = step->in[1];
    struct qc_value *out = step->out[0];
    size_t width = qc_width(in);
    ptrdiff_t to[QC_MAX_RANK], from[QC_MAX_RANK], offset = 0;
    if (out->data != in->data && out->bytes) memcpy(out->data, in->data, out->bytes);
    if (update->bytes == 0) return QC_OK;
    qc_dense_strides(out->rank, out->dims, width, to);
    qc_dense_strides(update->rank, update->dims, width, from);
    struct qc_copy copy;
    qc_copy_begin(&copy, width);
    for (int d = 0; d < in->rank; d++) {
        int64_t start = qc_value_int(step->in[2], (size_t)d), room = in->dims[d] - update->dims[d];
        offset += (ptrdiff_t)QC_MIN(QC_MAX(start, 0), room) * to[d];
        qc_copy_dim(&copy, (size_t)update->dims[d], to[d], from[d]);
    }
    qc_copy_end(&copy);
    qc_copy_run(&copy, (char *)out->data + offset, update->data, step->rt->pool);
    return QC_OK;
}

/* ---- registration ---- */

static int slice_version(const struct qc_node *node)
{
    qc_dtype type = qc_node_type(node, 0);
    if (type == QC_FLOAT16) return 8;
    if (type == QC_INT4) return 7;
    if (type == QC_UINT32) return 6;
    if (qc_node_rank(node, 0) > 4) return 5;
    return type == QC_INT16 ? 4 : type == QC_STRING ? 3 : type == QC_INT8 ? 2 : 1;
}

static int strided_slice_version(const struct qc_node *node)
{
    const struct tfl_StridedSliceOptions *options = node->options;
    qc_dtype type = qc_node_type(node, 0);
    if (options && options->offset) return 8;
    if (type == QC_UINT32) return 7;
    if (options && (options->ellipsis_mask || options->new_axis_mask)) return 6;
    if (type == QC_STRING) return 5;
    if (qc_node_rank(node, 0) > 4) return 4;
    return type == QC_BOOL ? 3 : type == QC_INT8 ? 2 : 1;
}

static int update_version(const struct qc_node *node)
{
    qc_dtype type = qc_node_type(node, 0);
    if (type == QC_BFLOAT16) return 6;
    if (type == QC_INT16) return 4;
    if (type == QC_FLOAT16) return 3;
    return qc_node_type(node, 2) == QC_INT64 ? 2 : 1;
}

const struct qc_op qc_op_slice[] = {
    {.name = "SLICE", .code = tfl_BuiltinOperator_SLICE, .options = &tfl_SliceOptions_table, .in_min = 3, .in_max = 3, .out_min = 1,
     .out_max = 1, .max_version = 8, .quant = &qc_rule_move, .infer = slice_infer, .plan = qc_move_plan_0, .run = slice_run,
     .version = slice_version},
    {.name = "STRIDED_SLICE", .code = tfl_BuiltinOperator_STRIDED_SLICE, .options = &tfl_StridedSliceOptions_table, .in_min = 4, .in_max = 4,
     .out_min = 1, .out_max = 1, .max_version = 8, .quant = &qc_rule_move, .infer = strided_slice_infer, .plan = qc_move_plan_0,
     .run = strided_slice_run, .version = strided_slice_version},
    {.name = "DYNAMIC_UPDATE_SLICE", .code = tfl_BuiltinOperator_DYNAMIC_UPDATE_SLICE, .options = &tfl_DynamicUpdateSliceOptions_table,
     .in_min = 3, .in_max = 3, .out_min = 1, .out_max = 1, .max_version = 6, .flags = QC_OP_INPLACE, .infer = update_infer,
     .run = update_run, .version = update_version},
    {0},
};
