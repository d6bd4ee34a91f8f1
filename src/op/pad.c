/*
 * pad.c - PAD, PADV2, MIRROR_PAD, DILATE, STABLEHLO_PAD.
 */
#include "op/shared/check.h"
#include "op/shared/pad.h"
#include "op/shared/rules.h"
#include "op/shared/version.h"

/* ---- PAD, PADV2 ---- */

static int64_t padding_at(const struct qc_value *paddings, size_t i)
{
    switch (paddings->type) {
    case QC_INT8: return ((const int8_t *)paddings->data)[i];
    case QC_INT16: return ((const int16_t *)paddings->data)[i];
    case QC_BOOL: return ((const uint8_t *)paddings->data)[i] != 0;
    default: return qc_value_int(paddings, i);
    }
}

static qc_status need_paddings(struct qc_step *step, uint32_t types)
{
    QC_TRY(qc_need_type(step, 1, types));
    QC_TRY(qc_need_rank(step, 1, 2, 2));
    const struct qc_value *in = step->in[0], *paddings = step->in[1];
    if (paddings->dims[0] == in->rank && paddings->dims[1] == 2) return QC_OK;
    return qc_step_fail(step, QC_FORMAT, "input 1 has shape [%d, %d], not [%d, 2]", paddings->dims[0], paddings->dims[1], in->rank);
}

static qc_status pad_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 2));
    QC_TRY(qc_need_type(step, 0, QC_SET_FIXED));
    QC_TRY(need_paddings(step, QC_SET_INDEX | QC_SET(INT8) | QC_SET(INT16) | QC_SET(BOOL)));
    const struct qc_value *in = step->in[0], *paddings = step->in[1];
    if (step->in_count > 2 && step->in[2]) {
        QC_TRY(qc_need_same_type(step, 0, 2));
        QC_TRY(qc_need_scalar(step, 2));
    }
    if (!paddings->known) return qc_defer(step, 0, in->type);
    int32_t dims[QC_MAX_RANK];
    for (int d = 0; d < in->rank; d++) {
        int64_t low = padding_at(paddings, 2 * (size_t)d), high = padding_at(paddings, 2 * (size_t)d + 1);
        if (low < 0 || high < 0 || low > INT32_MAX || high > INT32_MAX)
            return qc_step_fail(step, QC_FORMAT, "the paddings of axis %d are %lld and %lld", d, (long long)low, (long long)high);
        QC_TRY(qc_need_dim(step, in->dims[d] + low + high, &dims[d]));
    }
    return qc_step_output(step, 0, in->type, in->rank, dims);
}

static qc_status pad_run(struct qc_step *step)
{
    const struct qc_value *in = step->in[0], *value = step->in_count > 2 ? step->in[2] : NULL;
    struct qc_value *out = step->out[0];
    struct qc_pad pad = {.rank = in->rank};
    for (int d = 0; d < in->rank; d++)
        pad.axis[d] = (struct qc_pad_axis){(size_t)in->dims[d], (size_t)out->dims[d], padding_at(step->in[1], 2 * (size_t)d), 1};
    uint64_t zero[2] = {0}; /* or the code that stands for 0; little-endian, so that a prefix of any width is right */
    if (in->type == QC_INT8 || in->type == QC_UINT8 || in->type == QC_INT16) zero[0] = (uint64_t)(int64_t)qc_value_zero_point(out);
    qc_pad_run(&pad, qc_width(in), out->data, in->data, value ? value->data : zero, step->rt->pool);
    return QC_OK;
}

/* ---- MIRROR_PAD ---- */

static qc_status mirror_infer(struct qc_step *step)
{
    const struct tfl_MirrorPadOptions *options = step->options;
    QC_TRY(qc_need_inputs(step, 2));
    QC_TRY(qc_need_type(step, 0, QC_SET_FIXED));
    QC_TRY(need_paddings(step, QC_SET_INDEX));
    const struct qc_value *in = step->in[0], *paddings = step->in[1];
    if (options->mode != tfl_MirrorPadMode_REFLECT && options->mode != tfl_MirrorPadMode_SYMMETRIC)
        return qc_step_fail(step, QC_FORMAT, "mode is %d, neither REFLECT nor SYMMETRIC", options->mode);
    if (!paddings->known) return qc_defer(step, 0, in->type);
    int edge = options->mode == tfl_MirrorPadMode_REFLECT;
    int32_t dims[QC_MAX_RANK];
    for (int d = 0; d < in->rank; d++) {
        int64_t low = qc_value_int(paddings, 2 * (size_t)d), high = qc_value_int(paddings, 2 * (size_t)d + 1), most = in->dims[d] - edge;
        if (low < 0 || high < 0 || ((low || high) && (low > most || high > most)))
            return qc_step_fail(step, QC_FORMAT, "the paddings of axis %d are %lld and %lld, outside [0, %lld]", d, (long long)low,
                                (long long)high, (long long)most);
        QC_TRY(qc_need_dim(step, in->dims[d] + low + high, &dims[d]));
    }
    return qc_step_output(step, 0, in->type, in->rank, dims);
}

struct mirror {
    const struct qc_value *in, *out;
    int64_t low[QC_MAX_RANK];
    int edge;
    ptrdiff_t in_stride[QC_MAX_RANK], out_stride[QC_MAX_RANK];
    size_t width;
};

static int64_t reflect(int64_t i, int64_t size, int edge)
{
    if (i < 0) i = -i - 1 + edge;
    if (i >= size) i = 2 * size - 1 - i - edge;
    return i;
}

/* The middle first, then both borders as copies of finished rows of the output. */
static void mirror_axis(const struct mirror *m, int d, char *to, const char *from)
{
    if (d == m->in->rank) {
        memcpy(to, from, m->width);
        return;
    }
    int64_t size = m->in->dims[d], low = m->low[d], total = m->out->dims[d];
    ptrdiff_t stride = m->out_stride[d];
    if (d == m->in->rank - 1) memcpy(to + low * stride, from, (size_t)size * m->width);
    else
        for (int64_t i = 0; i < size; i++) mirror_axis(m, d + 1, to + (low + i) * stride, from + i * m->in_stride[d]);
    for (int64_t i = 0; i < low; i++) memcpy(to + i * stride, to + (low + reflect(i - low, size, m->edge)) * stride, (size_t)stride);
    for (int64_t i = low + size; i < total; i++) memcpy(to + i * stride, to + (low + reflect(i - low, size, m->edge)) * stride, (size_t)stride);
}

static qc_status mirror_run(struct qc_step *step)
{
    const struct tfl_MirrorPadOptions *options = step->options;
    struct mirror m = {.in = step->in[0], .out = step->out[0], .edge = options->mode == tfl_MirrorPadMode_REFLECT, .width = qc_width(step->in[0])};
    ptrdiff_t in_stride = (ptrdiff_t)m.width, out_stride = (ptrdiff_t)m.width;
    for (int d = m.in->rank - 1; d >= 0; d--) {
        m.low[d] = qc_value_int(step->in[1], 2 * (size_t)d);
        m.in_stride[d] = in_stride;
        m.out_stride[d] = out_stride;
        in_stride *= m.in->dims[d];
        out_stride *= m.out->dims[d];
    }
    if (m.out->bytes) mirror_axis(&m, 0, step->out[0]->data, m.in->data);
    return QC_OK;
}

/* ---- DILATE ---- */

static qc_status dilate_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 3));
    QC_TRY(qc_need_type(step, 0, QC_SET_FIXED));
    QC_TRY(qc_need_type(step, 1, QC_SET(INT32)));
    QC_TRY(qc_need_same_type(step, 0, 2));
    QC_TRY(qc_need_scalar(step, 2));
    const struct qc_value *in = step->in[0];
    if (!step->in[1]->known) return qc_defer(step, 0, in->type);
    int64_t factor[QC_MAX_RANK];
    int count;
    int32_t dims[QC_MAX_RANK];
    QC_TRY(qc_read_ints(step, 1, QC_MAX_RANK, factor, &count));
    if (count != in->rank) return qc_step_fail(step, QC_FORMAT, "%d dilation factors for a tensor of rank %d", count, in->rank);
    for (int d = 0; d < count; d++) {
        if (factor[d] < 1) return qc_step_fail(step, QC_FORMAT, "the dilation factor of axis %d is %lld", d, (long long)factor[d]);
        QC_TRY(qc_need_dim(step, in->dims[d] ? (in->dims[d] - 1) * factor[d] + 1 : 0, &dims[d]));
    }
    return qc_step_output(step, 0, in->type, in->rank, dims);
}

static qc_status dilate_run(struct qc_step *step)
{
    const struct qc_value *in = step->in[0];
    struct qc_value *out = step->out[0];
    struct qc_pad pad = {.rank = in->rank};
    for (int d = 0; d < in->rank; d++)
        pad.axis[d] = (struct qc_pad_axis){(size_t)in->dims[d], (size_t)out->dims[d], 0, qc_value_int(step->in[1], (size_t)d)};
    qc_pad_run(&pad, qc_width(in), out->data, in->data, step->in[2]->data, step->rt->pool);
    return QC_OK;
}

/* ---- STABLEHLO_PAD ---- */

static qc_status stablehlo_pad_infer(struct qc_step *step)
{
    const struct tfl_StablehloPadOptions *options = step->options;
    QC_TRY(qc_need_inputs(step, 2));
    QC_TRY(qc_need_type(step, 0, QC_SET_FIXED));
    QC_TRY(qc_need_same_type(step, 0, 1));
    QC_TRY(qc_need_scalar(step, 1));
    const struct qc_value *in = step->in[0];
    uint32_t rank = in->rank;
    if (options->edge_padding_low.count != rank || options->edge_padding_high.count != rank || options->interior_padding.count != rank)
        return qc_step_fail(step, QC_FORMAT, "the paddings have %u, %u and %u entries for a tensor of rank %u", options->edge_padding_low.count,
                            options->edge_padding_high.count, options->interior_padding.count, rank);
    int32_t dims[QC_MAX_RANK];
    bool empty = false;
    for (uint32_t d = 0; d < rank; d++) {
        int64_t low = options->edge_padding_low.data[d], high = options->edge_padding_high.data[d], inside = options->interior_padding.data[d];
        if (low < INT32_MIN || low > INT32_MAX || high < INT32_MIN || high > INT32_MAX || inside < 0 || inside > INT32_MAX)
            return qc_step_fail(step, QC_FORMAT, "the paddings of axis %u are %lld, %lld and %lld", d, (long long)low, (long long)high, (long long)inside);
        int64_t size = in->dims[d] + low + high + QC_MAX(in->dims[d] - 1, 0) * inside;
        QC_TRY(qc_need_dim(step, QC_MAX(size, 0), &dims[d]));
        empty |= dims[d] == 0;
    }
    if (empty) memset(dims, 0, sizeof dims);
    return qc_step_output(step, 0, in->type, (int)rank, dims);
}

static qc_status stablehlo_pad_run(struct qc_step *step)
{
    const struct tfl_StablehloPadOptions *options = step->options;
    const struct qc_value *in = step->in[0];
    struct qc_value *out = step->out[0];
    struct qc_pad pad = {.rank = in->rank};
    for (int d = 0; d < in->rank; d++)
        pad.axis[d] = (struct qc_pad_axis){(size_t)in->dims[d], (size_t)out->dims[d], options->edge_padding_low.data[d],
                                           options->interior_padding.data[d] + 1};
    qc_pad_run(&pad, qc_width(in), out->data, in->data, step->in[1]->data, step->rt->pool);
    return QC_OK;
}

/* ---- registration ---- */

static int pad_version(const struct qc_node *node)
{
    qc_dtype type = qc_node_type(node, 0);
    if (type == QC_BOOL) return 5;
    if (qc_node_rank(node, 0) > 4) return 4;
    return type == QC_INT16 ? 3 : type == QC_INT8 ? 2 : 1;
}

static const struct qc_quant_rule pad_rule = {
    .modes = QC_Q_INT8 | QC_Q_INT16, .in = {{.role = QC_ROLE_ACTIVATION}, {.role = QC_ROLE_KEEP}, {.role = QC_ROLE_SAME}}, .output = QC_OUTPUT_SAME};

const struct qc_op qc_op_pad[] = {
    {.name = "PAD", .code = tfl_BuiltinOperator_PAD, .options = &tfl_PadOptions_table, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1,
     .max_version = 6, .quant = &pad_rule, .infer = pad_infer, .run = pad_run, .version = pad_version},
    {.name = "PADV2", .code = tfl_BuiltinOperator_PADV2, .options = &tfl_PadV2Options_table, .in_min = 3, .in_max = 3, .out_min = 1,
     .out_max = 1, .max_version = 6, .quant = &pad_rule, .infer = pad_infer, .run = pad_run, .version = pad_version},
    {.name = "MIRROR_PAD", .code = tfl_BuiltinOperator_MIRROR_PAD, .options = &tfl_MirrorPadOptions_table, .in_min = 2, .in_max = 2,
     .out_min = 1, .out_max = 1, .max_version = 3, .quant = &qc_rule_move, .infer = mirror_infer, .run = mirror_run,
     .version = qc_version_by_width},
    {.name = "DILATE", .code = tfl_BuiltinOperator_DILATE, .options = &tfl_DilateOptions_table, .in_min = 3, .in_max = 3, .out_min = 1,
     .out_max = 1, .infer = dilate_infer, .run = dilate_run},
    {.name = "STABLEHLO_PAD", .code = tfl_BuiltinOperator_STABLEHLO_PAD, .options = &tfl_StablehloPadOptions_table, .in_min = 2, .in_max = 2,
     .out_min = 1, .out_max = 1, .infer = stablehlo_pad_infer, .run = stablehlo_pad_run},
    {0},
};
