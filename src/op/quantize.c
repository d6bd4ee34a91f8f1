/*
 * quantize.c - QUANTIZE: float32 to stored numbers, or stored numbers to those of another scale and type.
 *
 * float32 -> int8, uint8, int16 (one scale or one per slice of an axis), int4, uint4; int8, uint8, int16, int32 -> int8, uint8, int16,
 * int32. By default 8-bit results follow XNNPACK: floats are multiplied by 1 / scale and rounded half to even, and
 * a change of scale within one 8-bit type uses a multiplier of 8 fractional bits. float32 to int16 follows TFLite's vector kernel: eights of
 * elements are multiplied and rounded half to even, the rest is divided in double. TFLite's reference divides and rounds half away from zero.
 */
#include "kernel/row_quantize.h"
#include "kernel/table.h"
#include "op/quant_rule.h"
#include "op/shared/fused.h"
#include "op/shared/quantized.h"
#include "op/shared/version.h"

#include <math.h>

enum { VECTOR = 8 }; /* elements that TFLite's int16 kernel takes at once */

struct state {
    bool xnnpack;
    size_t vectors; /* elements of float32 to int16 that go through TFLite's vector kernel; the rest goes through its tail */
    bool tail;
    struct qc_multiplier multiplier;
    const struct qc_row_quantizer *quantizer;
    int32_t coarse; /* of XNNPACK's requantization, 8 fractional bits */
    int32_t low, high;
    bool by_table; /* bytes to bytes, of one scale */
    uint8_t table[256];
};

static bool takes(qc_dtype x, qc_dtype y)
{
    bool small = y == QC_INT8 || y == QC_UINT8 || y == QC_INT16;
    switch (x) {
    case QC_FLOAT32: return small || y == QC_INT4 || y == QC_UINT4;
    case QC_INT8: case QC_UINT8: return small;
    case QC_INT16: return y == QC_INT8 || y == QC_INT16 || y == QC_INT32;
    case QC_INT32: return y == QC_INT8 || y == QC_INT16;
    default: return false;
    }
}

static qc_status infer(struct qc_step *step)
{
    const struct qc_value *x = step->in[0], *y = step->out[0];
    if (!x) return qc_step_fail(step, QC_FORMAT, "input 0 is missing");
    qc_dtype type = y->tensor->type;
    if (!takes(x->type, type)) return qc_step_unsupported_type(step);
    QC_TRY(qc_step_output_like(step, 0, type, x));
    if (x->type == QC_FLOAT32) return qc_require_scales(step, "output 0", y);
    QC_TRY(qc_require_quantized(step, "input 0", x));
    return qc_require_quantized(step, "output 0", y);
}

static int32_t limit(const struct state *s, float stored)
{
    float low = (float)s->low, high = (float)s->high;
    return (int32_t)(stored > low ? stored < high ? stored : high : low); /* NaN gives the lowest */
}

static int32_t from_float(const struct state *s, size_t i, float x, float scale, int32_t zero)
{
    if (i < s->vectors) return limit(s, rintf(x * (float)(1.0 / (double)scale)) + (float)zero);
    if (s->tail) return limit(s, (float)round((double)x / (double)scale) + (float)zero);
    if (!s->xnnpack) return limit(s, roundf(x / scale) + (float)zero);
    return limit(s, rintf(x * (1.0f / scale)) + (float)zero);
}

static int32_t from_stored(const struct state *s, int32_t x, int32_t x_zero, int32_t y_zero)
{
    if (s->xnnpack) return qc_clamp(((x - x_zero) * s->coarse + y_zero * 256 + 128) >> 8, s->low, s->high);
    int32_t y = qc_requant((int32_t)((uint32_t)x - (uint32_t)x_zero), s->multiplier);
    int64_t sum = (int64_t)y + y_zero;
    return (int32_t)(sum < s->low ? s->low : sum > s->high ? s->high : sum);
}

static qc_status plan(struct qc_step *step)
{
    struct state *s = step->state = qc_step_alloc(step, sizeof *s);
    if (!s) return QC_NOMEM;
    const struct qc_value *x = step->in[0], *y = step->out[0];
    bool bytes = y->type == QC_INT8 || y->type == QC_UINT8;
    s->quantizer = qc_row_quantizer_pick(qc_cpu_features());
    if (y->type == QC_INT4 || y->type == QC_UINT4) s->low = y->type == QC_INT4 ? -8 : 0, s->high = s->low + 15;
    else if (y->type == QC_INT32) s->low = INT32_MIN, s->high = INT32_MAX;
    else qc_integer_limits(y->type, &s->low, &s->high);
    s->xnnpack = !step->rt->reference && bytes && y->quant->count == 1;
    s->tail = !step->rt->reference && y->type == QC_INT16 && x->type == QC_FLOAT32 && y->quant->count == 1;
    if (s->tail) s->vectors = qc_value_elements(x) / VECTOR * VECTOR;
    if (x->type == QC_FLOAT32) return QC_OK;
    float ratio = qc_value_scale(x) / qc_value_scale(y);
    s->xnnpack = s->xnnpack && x->type == y->type && ratio >= 1.0f / 256 && ratio <= 128;
    if (s->xnnpack) s->coarse = (int32_t)lrintf(256 * ratio);
    s->multiplier = qc_multiplier_of((double)qc_value_scale(x) / qc_value_scale(y));
    s->by_table = bytes && (x->type == QC_INT8 || x->type == QC_UINT8) && y->quant->count == 1;
    for (int i = 0; i < 256 && s->by_table; i++)
        s->table[i] = (uint8_t)from_stored(s, x->type == QC_INT8 ? (int8_t)i : i, qc_value_zero_point(x), qc_value_zero_point(y));
    return QC_OK;
}

static int32_t load(qc_dtype type, const void *data, size_t i)
{
    switch (type) {
    case QC_INT8: return ((const int8_t *)data)[i];
    case QC_UINT8: return ((const uint8_t *)data)[i];
    case QC_INT16: return ((const int16_t *)data)[i];
    default: return ((const int32_t *)data)[i];
    }
}

static void store(qc_dtype type, void *data, size_t i, int32_t value)
{
    switch (type) {
    case QC_INT8: case QC_UINT8: ((uint8_t *)data)[i] = (uint8_t)value; break;
    case QC_INT16: ((int16_t *)data)[i] = (int16_t)value; break;
    case QC_INT32: ((int32_t *)data)[i] = value; break;
    default: { /* 4 bits: element 0 is the low nibble, and is written first */
        uint8_t *byte = (uint8_t *)data + i / 2, nibble = (uint8_t)(value & 15);
        *byte = i % 2 ? (uint8_t)(*byte | nibble << 4) : nibble;
    }
    }
}

/* What the default's vector kernels take of float32 [begin, end); returns where the rest begins. uint8 is int8 with its top bit flipped. */
static size_t fast_slice(const struct state *s, const struct qc_value *x, const struct qc_value *y, size_t begin, size_t end)
{
    const float scale = y->quant->scale[0];
    const float *from = (const float *)x->data + begin;
    if (s->tail && begin < s->vectors) {
        const size_t stop = end < s->vectors ? end : s->vectors;
        s->quantizer->even_s16(from, stop - begin, (float)(1.0 / (double)scale), (int16_t *)y->data + begin);
        return stop;
    }
    if (!s->xnnpack) return begin;
    const int32_t flip = y->type == QC_UINT8 ? 128 : 0;
    const struct qc_row_scale row = {.inverse = 1.0f / scale, .zero = qc_value_zero_point(y) - flip, .least = -128};
    uint8_t *to = (uint8_t *)y->data + begin;
    s->quantizer->even(from, end - begin, &row, (int8_t *)to);
    for (size_t i = 0; flip && i < end - begin; i++) to[i] ^= 0x80;
    return end;
}

static void slice(void *context, size_t begin, size_t end, int thread)
{
    const struct qc_step *step = context;
    const struct state *s = step->state;
    const struct qc_value *x = step->in[0], *y = step->out[0];
    const struct qc_quant *q = y->quant;
    if (s->by_table) {
        qc_table8_apply(s->table, (const uint8_t *)x->data + begin, (uint8_t *)y->data + begin, end - begin);
        return;
    }
    if (x->type == QC_FLOAT32) begin = fast_slice(s, x, y, begin, end);
    size_t inner = q->count > 1 ? qc_value_span(y, q->axis + 1, y->rank) : 1;
    int32_t x_zero = qc_value_zero_point(x);
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        size_t channel = q->count > 1 ? i / inner % q->count : 0;
        int32_t y_zero = (int32_t)q->zero_point[channel];
        int32_t stored = x->type == QC_FLOAT32 ? from_float(s, i, ((const float *)x->data)[i], q->scale[channel], y_zero)
                                               : from_stored(s, load(x->type, x->data, i), x_zero, y_zero);
        store(y->type, y->data, i, stored);
    }
}

static qc_status run(struct qc_step *step)
{
    bool packed = step->out[0]->type == QC_INT4 || step->out[0]->type == QC_UINT4;
    size_t count = qc_value_elements(step->in[0]);
    if (packed) slice(step, 0, count, 0); /* two elements share a byte */
    else qc_pool_for(step->rt->pool, count, 8192, slice, step);
    return QC_OK;
}

static int version(const struct qc_node *node)
{
    const struct qc_tensor *y = node->out[0];
    if (y->type == QC_UINT4) return 5;
    if (y->type == QC_INT4) return 4;
    if (y->quant && y->quant->count > 1) return 3;
    return y->type == QC_INT16 ? 2 : 1;
}

const struct qc_op qc_op_quantize[] = {
    {.name = "QUANTIZE", .code = tfl_BuiltinOperator_QUANTIZE, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1, .max_version = 6,
     .infer = infer, .plan = plan, .run = run, .version = version},
    {0},
};
