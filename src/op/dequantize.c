/*
 * dequantize.c - DEQUANTIZE: stored numbers or half-precision floats to float32, with one scale or one for each slice of an axis.
 */
#include "kernel/half.h"
#include "op/quant_rule.h"
#include "op/shared/quantized.h"
#include "op/shared/version.h"

static qc_status infer(struct qc_step *step)
{
    const struct qc_value *x = step->in[0];
    if (!x) return qc_step_fail(step, QC_FORMAT, "input 0 is missing");
    switch (x->type) {
    case QC_FLOAT16: case QC_BFLOAT16: return qc_step_output_like(step, 0, QC_FLOAT32, x);
    case QC_INT8: case QC_UINT8: case QC_INT16: case QC_INT32: case QC_INT4: case QC_UINT4: case QC_INT2: break;
    default: return qc_step_unsupported_type(step);
    }
    QC_TRY(qc_require_scales(step, "input 0", x));
    return qc_step_output_like(step, 0, QC_FLOAT32, x);
}

/* y[k] = (x[k] - zero) * scale for k in [begin, end), where AT(k) is the stored number. */
#define CONVERT(AT)                                                                                        \
    for (size_t k = begin; k < end; k++) y[k] = (float)((int64_t)(AT) - zero) * scale;                     \
    break

/* The same in 32 bits, as vectors have them, for numbers and zero points of 16 bits. */
#if defined(__GNUC__) && !defined(__clang__)
__attribute__((optimize("O3")))
#endif
static bool convert_narrow(qc_dtype type, const void *x, size_t begin, size_t end, float scale, int64_t wide_zero, float *y)
{
    const int32_t zero = (int32_t)wide_zero;
    if (wide_zero < INT16_MIN || wide_zero > INT16_MAX) return false;
    switch (type) {
    case QC_INT8:
        for (size_t k = begin; k < end; k++) y[k] = (float)(((const int8_t *)x)[k] - zero) * scale;
        return true;
    case QC_UINT8:
        for (size_t k = begin; k < end; k++) y[k] = (float)(((const uint8_t *)x)[k] - zero) * scale;
        return true;
    case QC_INT16:
        for (size_t k = begin; k < end; k++) y[k] = (float)(((const int16_t *)x)[k] - zero) * scale;
        return true;
    default: return false;
    }
}

static void convert(qc_dtype type, const void *x, size_t begin, size_t end, float scale, int64_t zero, float *y)
{
    const uint8_t *bytes = x;
    if (convert_narrow(type, x, begin, end, scale, zero, y)) return;
    switch (type) {
    case QC_INT8: CONVERT(((const int8_t *)x)[k]);
    case QC_UINT8: CONVERT(bytes[k]);
    case QC_INT16: CONVERT(((const int16_t *)x)[k]);
    case QC_INT32: CONVERT(((const int32_t *)x)[k]);
    case QC_UINT4: CONVERT(bytes[k / 2] >> (k % 2 * 4) & 15);
    case QC_INT4: CONVERT(((bytes[k / 2] >> (k % 2 * 4) & 15) ^ 8) - 8);
    case QC_INT2: CONVERT(((bytes[k / 4] >> (k % 4 * 2) & 3) ^ 2) - 2);
    case QC_FLOAT16:
        qc_half_row((const uint16_t *)x + begin, y + begin, end - begin);
        break;
    default:
        for (size_t k = begin; k < end; k++) y[k] = qc_bfloat16_to_float(((const uint16_t *)x)[k]);
        break;
    }
}

/* Elements [begin, end), cut where the channel changes. */
static void slice(void *context, size_t begin, size_t end, int thread)
{
    const struct qc_step *step = context;
    const struct qc_value *x = step->in[0];
    const struct qc_quant *q = x->quant;
    (void)thread;
    if (!q || q->count <= 1) {
        convert(x->type, x->data, begin, end, qc_value_scale(x), qc_value_zero_point(x), step->out[0]->data);
        return;
    }
    size_t inner = qc_value_span(x, q->axis + 1, x->rank);
    while (begin < end) {
        size_t row = begin / inner, channel = row % q->count, stop = QC_MIN((row + 1) * inner, end);
        convert(x->type, x->data, begin, stop, q->scale[channel], q->zero_point[channel], step->out[0]->data);
        begin = stop;
    }
}

static qc_status run(struct qc_step *step)
{
    qc_pool_for(step->rt->pool, qc_value_elements(step->in[0]), 16384, slice, step);
    return QC_OK;
}

static int version(const struct qc_node *node)
{
    switch (qc_node_type(node, 0)) {
    case QC_UINT4: return 8;
    case QC_INT2: return 7;
    case QC_INT4: return 6;
    case QC_INT16: case QC_FLOAT16: return 3;
    case QC_INT8: return qc_node_per_channel(node, 0) ? 5 : 2;
    default: return 1;
    }
}

const struct qc_op qc_op_dequantize[] = {
    {.name = "DEQUANTIZE", .code = tfl_BuiltinOperator_DEQUANTIZE, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1,
     .max_version = 9, .infer = infer, .run = run, .version = version},
    {0},
};
