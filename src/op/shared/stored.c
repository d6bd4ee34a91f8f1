/*
 * stored.c - see stored.h.
 */
#include "op/shared/stored.h"
#include "kernel/row_quantize.h"
#include "kernel/half.h"

/* y[k - begin] = (x[k] - zero) * scale for k in [begin, end), where AT(k) is the stored number. */
#define CONVERT(AT)                                                                                        \
    for (size_t k = begin; k < end; k++) y[k - begin] = (float)((int64_t)(AT) - zero) * scale;             \
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
        qc_row_quantizer_pick(qc_cpu_features())->restore((const int8_t *)x + begin, end - begin, scale, zero, y);
        return true;
    case QC_UINT8:
        for (size_t k = begin; k < end; k++) y[k - begin] = (float)(((const uint8_t *)x)[k] - zero) * scale;
        return true;
    case QC_INT16:
        for (size_t k = begin; k < end; k++) y[k - begin] = (float)(((const int16_t *)x)[k] - zero) * scale;
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
        qc_half_row((const uint16_t *)x + begin, y, end - begin);
        break;
    default:
        for (size_t k = begin; k < end; k++) y[k - begin] = qc_bfloat16_to_float(((const uint16_t *)x)[k]);
        break;
    }
}

void qc_stored_read(const struct qc_value *value, size_t begin, size_t end, float *out)
{
    const struct qc_quant *q = value->quant;
    if (!q || q->count <= 1) {
        convert(value->type, value->data, begin, end, qc_value_scale(value), qc_value_zero_point(value), out);
        return;
    }
    const size_t inner = qc_value_span(value, q->axis + 1, value->rank);
    while (begin < end) { /* cut where the channel changes */
        const size_t row = begin / inner, channel = row % q->count, stop = QC_MIN((row + 1) * inner, end);
        convert(value->type, value->data, begin, stop, q->scale[channel], q->zero_point[channel], out);
        out += stop - begin;
        begin = stop;
    }
}
