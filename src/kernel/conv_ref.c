/*
 * conv_ref.c - convolutions and products, scalar. See conv.h.
 */
#include "kernel/conv.h"

/* Position in the input of tap t for output position o on one axis, or -1 where the tap meets padding. */
static inline int32_t source(const struct qc_conv *conv, int axis, int32_t o, int32_t t)
{
    int64_t at;
    if (conv->transposed) {
        at = (int64_t)o + conv->before[axis] - (int64_t)t * conv->dilation[axis];
        if (at < 0 || at % conv->stride[axis]) return -1;
        at /= conv->stride[axis];
    } else {
        at = (int64_t)o * conv->stride[axis] - conv->before[axis] + (int64_t)t * conv->dilation[axis];
    }
    return at >= 0 && at < conv->in[axis] ? (int32_t)at : -1;
}

struct position {
    int32_t batch, at[3];
};

static inline struct position position_of(const struct qc_conv *conv, size_t index)
{
    struct position p;
    for (int axis = 2; axis >= 0; axis--) {
        p.at[axis] = (int32_t)(index % (size_t)conv->out[axis]);
        index /= (size_t)conv->out[axis];
    }
    p.batch = (int32_t)index;
    return p;
}

/*
 * NAME(conv, position, channel, x, x_zero, w, w_zero): the sum of one output channel at one position. X and W are the element
 * types, SUM the accumulator's; unsigned, so that wrapping is defined.
 */
#define DEFINE_SUM(NAME, X, W, SUM)                                                                                            \
    static SUM NAME(const struct qc_conv *conv, const struct position *p, int32_t channel, const X *x, SUM x_zero, const W *w, \
                    SUM w_zero)                                                                                                \
    {                                                                                                                          \
        int32_t depth = conv->in_channels / conv->groups;                                                                      \
        int32_t group = channel / (conv->out_channels / conv->groups);                                                         \
        const int32_t *k = conv->kernel, *in = conv->in;                                                                       \
        const W *row = w + (size_t)channel * (size_t)k[0] * (size_t)k[1] * (size_t)k[2] * (size_t)depth;                       \
        SUM sum = 0;                                                                                                           \
        for (int32_t a = 0; a < k[0]; a++)                                                                                     \
            for (int32_t b = 0; b < k[1]; b++)                                                                                 \
                for (int32_t c = 0; c < k[2]; c++, row += depth) {                                                             \
                    int32_t z = source(conv, 0, p->at[0], a), y = source(conv, 1, p->at[1], b);                                \
                    int32_t q = source(conv, 2, p->at[2], c);                                                                  \
                    if (z < 0 || y < 0 || q < 0) continue;                                                                     \
                    size_t pixel = (((size_t)p->batch * (size_t)in[0] + (size_t)z) * (size_t)in[1] + (size_t)y) * (size_t)in[2] + (size_t)q; \
                    const X *column = x + pixel * (size_t)conv->in_channels + (size_t)group * (size_t)depth;                   \
                    for (int32_t i = 0; i < depth; i++) sum += ((SUM)column[i] - x_zero) * ((SUM)row[i] - w_zero);             \
                }                                                                                                              \
        return sum;                                                                                                            \
    }

DEFINE_SUM(sum_f32, float, float, float)
DEFINE_SUM(sum_s8, int8_t, int8_t, uint32_t)
DEFINE_SUM(sum_u8, uint8_t, int8_t, uint32_t)
DEFINE_SUM(sum_s16, int16_t, int8_t, uint64_t)
DEFINE_SUM(sum_s16_b32, int16_t, int8_t, uint32_t)

void qc_conv_f32_ref(const struct qc_conv *conv, const float *x, const float *w, const float *bias, float low, float high, float *y,
                     size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        struct position p = position_of(conv, i);
        float *row = y + i * (size_t)conv->out_channels;
        for (int32_t c = 0; c < conv->out_channels; c++) {
            float sum = sum_f32(conv, &p, c, x, 0, w, 0) + (bias ? bias[c] : 0);
            sum = sum < low ? low : sum; /* NaN stays */
            row[c] = sum > high ? high : sum;
        }
    }
}

/* A whole integer kernel: ACC is the signed form of the accumulator, STAGE(stage, sum, channel, element) what turns it into a stored number. */
#define DEFINE_INTEGER(NAME, SUM, X, ACC, UNSIGNED, STAGE)                                                                     \
    static void NAME(const struct qc_conv *conv, const X *x, int32_t x_zero, const int8_t *w, int32_t w_zero, const ACC *bias, \
                     const struct qc_stage *stage, X *y, size_t begin, size_t end)                                             \
    {                                                                                                                          \
        for (size_t i = begin; i < end; i++) {                                                                                 \
            struct position p = position_of(conv, i);                                                                          \
            X *row = y + i * (size_t)conv->out_channels;                                                                       \
            for (int32_t c = 0; c < conv->out_channels; c++) {                                                                 \
                UNSIGNED sum = SUM(conv, &p, c, x, (UNSIGNED)x_zero, w, (UNSIGNED)w_zero) + (bias ? (UNSIGNED)bias[c] : 0);    \
                row[c] = (X)STAGE(stage, (ACC)sum, (size_t)c, i * (size_t)conv->out_channels + (size_t)c);                    \
            }                                                                                                                  \
        }                                                                                                                      \
    }

/* TFLite's vectors of uint8 run on from one pixel to the next. */
static int32_t stage_u8(const struct qc_stage *stage, int32_t sum, size_t channel, size_t element)
{
    if (stage->rounding != QC_ROUND_VECTORS) return qc_stage_s32(stage, sum, channel);
    struct qc_stage plain = *stage;
    plain.rounding = element < stage->whole ? QC_ROUND_UP : QC_ROUND_TWICE;
    return qc_stage_s32(&plain, sum, channel);
}

#define STAGE_S32(stage, sum, channel, element) qc_stage_s32(stage, sum, channel)
#define STAGE_S64(stage, sum, channel, element) qc_stage_s64(stage, sum, channel)
DEFINE_INTEGER(integer_s8, sum_s8, int8_t, int32_t, uint32_t, STAGE_S32)
DEFINE_INTEGER(integer_u8, sum_u8, uint8_t, int32_t, uint32_t, stage_u8)
DEFINE_INTEGER(integer_s16, sum_s16, int16_t, int64_t, uint64_t, STAGE_S64)
DEFINE_INTEGER(integer_s16_b32, sum_s16_b32, int16_t, int32_t, uint32_t, STAGE_S32)

void qc_conv_s8_ref(const struct qc_conv *conv, const int8_t *x, int32_t x_zero, const int8_t *w, int32_t w_zero, const int32_t *bias,
                    const struct qc_stage *stage, int8_t *y, size_t begin, size_t end)
{
    integer_s8(conv, x, x_zero, w, w_zero, bias, stage, y, begin, end);
}

void qc_conv_u8_ref(const struct qc_conv *conv, const uint8_t *x, int32_t x_zero, const int8_t *w, int32_t w_zero, const int32_t *bias,
                    const struct qc_stage *stage, uint8_t *y, size_t begin, size_t end)
{
    integer_u8(conv, x, x_zero, w, w_zero, bias, stage, y, begin, end);
}

void qc_conv_s16_ref(const struct qc_conv *conv, const int16_t *x, const int8_t *w, const int64_t *bias, const struct qc_stage *stage,
                     int16_t *y, size_t begin, size_t end)
{
    integer_s16(conv, x, 0, w, 0, bias, stage, y, begin, end);
}

void qc_conv_s16_b32_ref(const struct qc_conv *conv, const int16_t *x, const int8_t *w, const int32_t *bias,
                         const struct qc_stage *stage, int16_t *y, size_t begin, size_t end)
{
    integer_s16_b32(conv, x, 0, w, 0, bias, stage, y, begin, end);
}

/* What turning -128 into 128 where x is negative adds; in whole vectors, which take the sign off x and put it on w. */
static uint32_t turned(const int8_t *x, const int8_t *w, size_t n)
{
    enum { VECTOR = 16 };
    uint32_t sum = 0;
    for (size_t k = 0; k < n / VECTOR * VECTOR; k++)
        if (w[k] == INT8_MIN && x[k] < 0) sum += (uint32_t)(256 * x[k]);
    return sum;
}

void qc_conv_hybrid_ref(const struct qc_conv *conv, const int8_t *x, const int8_t *w, const struct qc_hybrid *hybrid, float *y,
                        size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        struct position p = position_of(conv, i);
        float *row = y + i * (size_t)conv->out_channels;
        uint32_t zero = (uint32_t)hybrid->x_zero[p.batch];
        for (int32_t c = 0; c < conv->out_channels; c++) {
            const size_t depth = (size_t)conv->in_channels;
            uint32_t whole = (uint32_t)sum_s8(conv, &p, c, x, zero, w, 0);
            if (hybrid->turns_128) whole += turned(x + i * depth, w + (size_t)c * depth, depth);
            float sum = (float)(int32_t)whole;
            sum = sum * hybrid->x_scale[p.batch] * hybrid->w_scale[c] + (hybrid->bias ? hybrid->bias[c] : 0);
            sum = sum < hybrid->low ? hybrid->low : sum;
            row[c] = sum > hybrid->high ? hybrid->high : sum;
        }
    }
}
