/*
 * concatenation.c - joining tensors and taking them apart: CONCATENATION, PACK, SPLIT, SPLIT_V, UNPACK.
 *
 * All are copies between one big tensor and its pieces along an axis. CONCATENATION alone may requantize: LiteRT lets uint8 and int8
 * inputs differ from the output in scale.
 */
#include "op/shared/move.h"
#include "op/shared/rules.h"
#include "op/shared/version.h"
#include <math.h>

/* Copies between `whole` and the piece of `span` rows at `offset` along `axis`; the piece is dense. */
static void copy_piece(struct qc_step *step, const struct qc_value *whole, int axis, size_t offset, size_t span, char *piece, bool out_of_whole)
{
    size_t width = qc_width(whole), inner = qc_value_span(whole, axis + 1, whole->rank) * width;
    size_t outer = qc_value_span(whole, 0, axis);
    size_t big = inner * (size_t)whole->dims[axis], small = inner * span;
    char *at = (char *)whole->data + offset * inner;
    struct qc_copy copy;
    qc_copy_begin(&copy, small);
    qc_copy_dim(&copy, outer, (ptrdiff_t)(out_of_whole ? small : big), (ptrdiff_t)(out_of_whole ? big : small));
    qc_copy_end(&copy);
    if (out_of_whole) qc_copy_run(&copy, piece, at, step->rt->pool);
    else qc_copy_run(&copy, at, piece, step->rt->pool);
}

/* ---- CONCATENATION ---- */

static qc_status concatenation_infer(struct qc_step *step)
{
    const struct tfl_ConcatenationOptions *options = step->options;
    QC_TRY(qc_need_inputs(step, step->in_count));
    QC_TRY(qc_need_type(step, 0, QC_SET_FIXED | QC_SET(INT4)));
    if (options->fused_activation_function != tfl_ActivationFunctionType_NONE)
        return qc_step_fail(step, QC_UNSUPPORTED, "a fused activation is not defined for this operator");
    struct qc_value sum = *step->in[0];
    int axis;
    if (sum.rank == 0) return qc_step_fail(step, QC_FORMAT, "input 0 is a scalar");
    QC_TRY(qc_need_axis(step, options->axis, sum.rank, &axis));
    int64_t total = sum.dims[axis];
    for (int k = 1; k < step->in_count; k++) {
        const struct qc_value *in = step->in[k];
        QC_TRY(qc_need_same_type(step, 0, k));
        QC_TRY(qc_need_rank(step, k, sum.rank, sum.rank));
        for (int d = 0; d < sum.rank; d++)
            if (d != axis && in->dims[d] != sum.dims[d])
                return qc_step_fail(step, QC_FORMAT, "input %d: dimension %d is %d, but %d in input 0", k, d, in->dims[d], sum.dims[d]);
        total += in->dims[axis];
    }
    QC_TRY(qc_need_dim(step, total, &sum.dims[axis]));
    if (sum.type == QC_INT4 && sum.dims[sum.rank - 1] % 2)
        return qc_step_fail(step, QC_UNSUPPORTED, "int4 rows of odd length are not supported");
    return qc_step_output(step, 0, sum.type, sum.rank, sum.dims);
}

/* In [low, high]; low for the NaN of absurd scales. */
static int32_t clamped(float value, float low, float high)
{
    return (int32_t)(value > low ? QC_MIN(value, high) : low);
}

/* real value kept, 8 bit: round half away from zero after x * scale + bias, as LiteRT's ConcatenationWithScaling. */
static void rescale_u8(uint8_t *to, const uint8_t *from, size_t n, float scale, float bias)
{
    for (size_t i = 0; i < n; i++) to[i] = (uint8_t)clamped(roundf((float)from[i] * scale + bias), 0, 255);
}

static void rescale_s8(int8_t *to, const int8_t *from, size_t n, float scale, float bias)
{
    for (size_t i = 0; i < n; i++) to[i] = (int8_t)clamped(roundf((float)from[i] * scale + bias), -128, 127);
}

static bool needs_rescale(const struct qc_value *in, const struct qc_value *out)
{
    return (in->type == QC_UINT8 || in->type == QC_INT8) && qc_is_quantized(in) && qc_is_quantized(out) &&
           (qc_value_scale(in) != qc_value_scale(out) || qc_value_zero_point(in) != qc_value_zero_point(out));
}

static void rescale_piece(const struct qc_value *in, struct qc_value *out, int axis, size_t offset)
{
    float inverse = 1.0f / qc_value_scale(out);
    float scale = qc_value_scale(in) * inverse, bias = (float)-qc_value_zero_point(in) * scale + (float)qc_value_zero_point(out);
    size_t inner = qc_value_span(out, axis + 1, out->rank), outer = qc_value_span(out, 0, axis);
    size_t big = inner * (size_t)out->dims[axis], small = inner * (size_t)in->dims[axis];
    for (size_t k = 0; k < outer; k++) {
        size_t to = k * big + offset * inner;
        if (in->type == QC_UINT8) rescale_u8((uint8_t *)out->data + to, (const uint8_t *)in->data + k * small, small, scale, bias);
        else rescale_s8((int8_t *)out->data + to, (const int8_t *)in->data + k * small, small, scale, bias);
    }
}

static qc_status concatenation_run(struct qc_step *step)
{
    const struct tfl_ConcatenationOptions *options = step->options;
    struct qc_value whole = *step->out[0];
    int axis = qc_axis(options->axis, whole.rank);
    size_t at = 0, packing = 1;
    if (whole.type == QC_INT4) { /* whole bytes move; infer saw to it that rows have an even length */
        whole.type = QC_INT8;
        whole.dims[whole.rank - 1] /= 2;
        packing = axis == whole.rank - 1 ? 2 : 1;
    }
    for (int k = 0; k < step->in_count; k++) {
        struct qc_value *in = step->in[k];
        size_t span = (size_t)in->dims[axis] / packing;
        if (needs_rescale(in, &whole)) rescale_piece(in, &whole, axis, at);
        else copy_piece(step, &whole, axis, at, span, in->data, false);
        at += span;
    }
    return QC_OK;
}

/* ---- PACK ---- */

static qc_status pack_infer(struct qc_step *step)
{
    const struct tfl_PackOptions *options = step->options;
    QC_TRY(qc_need_inputs(step, step->in_count));
    QC_TRY(qc_need_type(step, 0, QC_SET_FIXED));
    const struct qc_value *in = step->in[0];
    if (options->values_count != step->in_count)
        return qc_step_fail(step, QC_FORMAT, "values_count is %d but there are %d inputs", options->values_count, step->in_count);
    if (in->rank == QC_MAX_RANK) return qc_step_fail(step, QC_UNSUPPORTED, "input 0 has rank %d already, the most supported", in->rank);
    int axis;
    int32_t dims[QC_MAX_RANK];
    QC_TRY(qc_need_axis(step, options->axis, in->rank + 1, &axis));
    for (int k = 1; k < step->in_count; k++) {
        QC_TRY(qc_need_same_type(step, 0, k));
        if (!qc_value_same_shape(in, step->in[k])) return qc_step_fail(step, QC_FORMAT, "input %d differs from input 0 in shape", k);
    }
    for (int d = 0; d <= in->rank; d++) dims[d] = d == axis ? step->in_count : in->dims[d > axis ? d - 1 : d];
    return qc_step_output(step, 0, in->type, in->rank + 1, dims);
}

static qc_status pack_run(struct qc_step *step)
{
    const struct tfl_PackOptions *options = step->options;
    struct qc_value *out = step->out[0];
    int axis = qc_axis(options->axis, out->rank);
    for (int k = 0; k < step->in_count; k++) copy_piece(step, out, axis, (size_t)k, 1, step->in[k]->data, false);
    return QC_OK;
}

/* ---- SPLIT, SPLIT_V, UNPACK ---- */

static qc_status split_outputs(struct qc_step *step, const struct qc_value *in, int axis, const int64_t *size)
{
    for (int k = 0; k < step->out_count; k++) {
        int32_t dims[QC_MAX_RANK];
        memcpy(dims, in->dims, sizeof in->dims);
        QC_TRY(qc_need_dim(step, size[k], &dims[axis]));
        QC_TRY(qc_step_output(step, k, in->type, in->rank, dims));
    }
    return QC_OK;
}

static qc_status defer_all(struct qc_step *step, qc_dtype type)
{
    for (int k = 0; k < step->out_count; k++) QC_TRY(qc_defer(step, k, type));
    return QC_OK;
}

static qc_status split_infer(struct qc_step *step)
{
    const struct tfl_SplitOptions *options = step->options;
    QC_TRY(qc_need_inputs(step, 2));
    QC_TRY(qc_need_type(step, 0, QC_SET(INT32)));
    QC_TRY(qc_need_scalar(step, 0));
    QC_TRY(qc_need_type(step, 1, QC_SET_FIXED));
    const struct qc_value *in = step->in[1];
    if (options->num_splits != step->out_count)
        return qc_step_fail(step, QC_FORMAT, "num_splits is %d but there are %d outputs", options->num_splits, step->out_count);
    if (!step->in[0]->known) return defer_all(step, in->type);
    int axis;
    QC_TRY(qc_need_axis(step, qc_value_int(step->in[0], 0), in->rank, &axis));
    if (in->dims[axis] % step->out_count)
        return qc_step_fail(step, QC_FORMAT, "dimension %d is %d, not a multiple of %d outputs", axis, in->dims[axis], step->out_count);
    for (int k = 0; k < step->out_count; k++) {
        int32_t dims[QC_MAX_RANK];
        memcpy(dims, in->dims, sizeof in->dims);
        dims[axis] /= step->out_count;
        QC_TRY(qc_step_output(step, k, in->type, in->rank, dims));
    }
    return QC_OK;
}

static qc_status split_v_infer(struct qc_step *step)
{
    const struct tfl_SplitVOptions *options = step->options;
    QC_TRY(qc_need_inputs(step, 3));
    QC_TRY(qc_need_type(step, 0, QC_SET_FIXED));
    QC_TRY(qc_need_type(step, 1, QC_SET_INDEX));
    QC_TRY(qc_need_type(step, 2, QC_SET(INT32)));
    QC_TRY(qc_need_scalar(step, 2));
    const struct qc_value *in = step->in[0], *sizes = step->in[1];
    if (options->num_splits != step->out_count || qc_value_elements(sizes) != (size_t)step->out_count || sizes->rank != 1)
        return qc_step_fail(step, QC_FORMAT, "num_splits is %d and %zu sizes are given, but there are %d outputs", options->num_splits,
                            qc_value_elements(sizes), step->out_count);
    if (!sizes->known || !step->in[2]->known) return defer_all(step, in->type);
    int axis, stretch = -1;
    QC_TRY(qc_need_axis(step, qc_value_int(step->in[2], 0), in->rank, &axis));
    int64_t *size = qc_step_alloc(step, sizeof *size * (size_t)step->out_count), total = 0;
    if (!size) return QC_NOMEM;
    for (int k = 0; k < step->out_count; k++) {
        size[k] = qc_value_int(sizes, (size_t)k);
        if (size[k] == -1 && stretch < 0) {
            stretch = k;
            continue;
        }
        if (size[k] < 0 || size[k] > in->dims[axis])
            return qc_step_fail(step, QC_FORMAT, "size %d is %lld, outside dimension %d of %d", k, (long long)size[k], axis, in->dims[axis]);
        total += size[k];
    }
    if (stretch >= 0 && total <= in->dims[axis]) {
        size[stretch] = in->dims[axis] - total;
        total = in->dims[axis];
    }
    if (total != in->dims[axis])
        return qc_step_fail(step, QC_FORMAT, "the sizes add up to %lld, dimension %d is %d", (long long)total, axis, in->dims[axis]);
    return split_outputs(step, in, axis, size);
}

static void split_along(struct qc_step *step, const struct qc_value *in, int axis)
{
    size_t at = 0;
    for (int k = 0; k < step->out_count; k++) {
        size_t span = (size_t)step->out[k]->dims[axis];
        copy_piece(step, in, axis, at, span, step->out[k]->data, true);
        at += span;
    }
}

static qc_status split_run(struct qc_step *step)
{
    const struct qc_value *in = step->in[1];
    split_along(step, in, qc_axis(qc_value_int(step->in[0], 0), in->rank));
    return QC_OK;
}

static qc_status split_v_run(struct qc_step *step)
{
    const struct qc_value *in = step->in[0];
    split_along(step, in, qc_axis(qc_value_int(step->in[2], 0), in->rank));
    return QC_OK;
}

static qc_status unpack_infer(struct qc_step *step)
{
    const struct tfl_UnpackOptions *options = step->options;
    QC_TRY(qc_need_inputs(step, 1));
    QC_TRY(qc_need_type(step, 0, QC_SET_FIXED));
    const struct qc_value *in = step->in[0];
    int axis, rank = 0;
    QC_TRY(qc_need_axis(step, options->axis, in->rank, &axis));
    if (options->num != step->out_count || in->dims[axis] != options->num)
        return qc_step_fail(step, QC_FORMAT, "num is %d, dimension %d is %d, and there are %d outputs; they must agree", options->num, axis,
                            in->dims[axis], step->out_count);
    int32_t dims[QC_MAX_RANK];
    for (int d = 0; d < in->rank; d++)
        if (d != axis) dims[rank++] = in->dims[d];
    for (int k = 0; k < step->out_count; k++) QC_TRY(qc_step_output(step, k, in->type, rank, dims));
    return QC_OK;
}

static qc_status unpack_run(struct qc_step *step)
{
    const struct tfl_UnpackOptions *options = step->options;
    const struct qc_value *in = step->in[0];
    int axis = qc_axis(options->axis, in->rank);
    for (int k = 0; k < step->out_count; k++) copy_piece(step, in, axis, (size_t)k, 1, step->out[k]->data, true);
    return QC_OK;
}

/* ---- registration ---- */

QC_VERSION_BY_TYPE(concatenation_version, 0, {QC_FLOAT16, 6}, {QC_INT4, 5}, {QC_UINT32, 4}, {QC_INT16, 3}, {QC_INT8, 2})
QC_VERSION_BY_TYPE(pack_version, 0, {QC_INT8, 2}, {QC_INT16, 3}, {QC_UINT32, 4})
QC_VERSION_BY_TYPE(split_version, 1, {QC_INT16, 4}, {QC_INT32, 3}, {QC_INT8, 2})
QC_VERSION_BY_TYPE(unpack_version, 0, {QC_INT8, 2}, {QC_UINT8, 2}, {QC_BOOL, 3}, {QC_INT16, 4}, {QC_FLOAT16, 5}, {QC_BFLOAT16, 5})

static const struct qc_quant_rule split_rule = {.modes = QC_Q_INT8 | QC_Q_INT16,
                                                .in = {{.role = QC_ROLE_KEEP}, {.role = QC_ROLE_ACTIVATION}},
                                                .output = QC_OUTPUT_SAME,
                                                .same_as = 1};

const struct qc_op qc_op_concatenation[] = {
    {.name = "CONCATENATION", .code = tfl_BuiltinOperator_CONCATENATION, .options = &tfl_ConcatenationOptions_table, .in_min = 1, .in_max = 255,
     .out_min = 1, .out_max = 1, .max_version = 7, .quant = &qc_rule_join, .infer = concatenation_infer, .run = concatenation_run,
     .version = concatenation_version},
    {.name = "PACK", .code = tfl_BuiltinOperator_PACK, .options = &tfl_PackOptions_table, .in_min = 1, .in_max = 255, .out_min = 1,
     .out_max = 1, .max_version = 5, .quant = &qc_rule_join, .infer = pack_infer, .run = pack_run, .version = pack_version},
    {.name = "SPLIT", .code = tfl_BuiltinOperator_SPLIT, .options = &tfl_SplitOptions_table, .in_min = 2, .in_max = 2, .out_min = 1,
     .out_max = 255, .max_version = 5, .quant = &split_rule, .infer = split_infer, .run = split_run, .version = split_version},
    {.name = "SPLIT_V", .code = tfl_BuiltinOperator_SPLIT_V, .options = &tfl_SplitVOptions_table, .in_min = 3, .in_max = 3, .out_min = 1,
     .out_max = 255, .max_version = 3, .quant = &qc_rule_move, .infer = split_v_infer, .run = split_v_run, .version = qc_version_by_int8},
    {.name = "UNPACK", .code = tfl_BuiltinOperator_UNPACK, .options = &tfl_UnpackOptions_table, .in_min = 1, .in_max = 1, .out_min = 0,
     .out_max = 255, .max_version = 6, .quant = &qc_rule_move, .infer = unpack_infer, .run = unpack_run, .version = unpack_version},
    {0},
};
