/*
 * softmax.c - see softmax.h.
 */
#include "kernel/softmax.h"
#include "kernel/fixed_point.h"
#include "kernel/table.h"

#include <math.h>

enum { DIFF = 5, SUM = 12, LOG = 4 }; /* integer bits of differences, of the sum of exponentials, of logarithms in the output */

void qc_softmax8_init(struct qc_softmax8 *s, double beta, float x_scale)
{
    double real = beta * (double)x_scale * (1 << (31 - DIFF)), most = 2147483647.0;
    struct qc_multiplier m = qc_multiplier_of(real < most ? real : most);
    s->multiplier = m.multiplier;
    s->shift = m.shift > 0 ? m.shift : 0;
    s->least = -(int32_t)floor(((1 << DIFF) - 1) * (double)(INT64_C(1) << (31 - DIFF)) / (double)(INT64_C(1) << s->shift));
    struct qc_multiplier reverse = qc_multiplier_of((double)(UINT32_C(1) << (31 - s->shift)) / s->multiplier);
    s->reverse_multiplier = reverse.multiplier;
    s->reverse_shift = reverse.shift;
    s->x_scale = x_scale;
    float scale = -x_scale * (float)beta;
    for (int i = 0; i < 256; i++) s->exponential[255 - i] = expf(scale * (float)i);
}

static int32_t at(const struct qc_softmax8 *s, const uint8_t *x, size_t i)
{
    return s->is_signed ? (int8_t)x[i] : x[i];
}

static int32_t largest(const struct qc_softmax8 *s, const uint8_t *x, size_t n)
{
    int32_t most = at(s, x, 0);
    for (size_t i = 1; i < n; i++) most = at(s, x, i) > most ? at(s, x, i) : most;
    return most;
}

/* beta scale (x - max) in Q5. */
static int32_t difference(const struct qc_softmax8 *s, int32_t x)
{
    return qc_requant(x, (struct qc_multiplier){s->multiplier, s->shift});
}

static int32_t sum_of_exponentials(const struct qc_softmax8 *s, const uint8_t *x, size_t n, int32_t most)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t d = at(s, x, i) - most;
        if (d >= s->least) sum += (uint32_t)qc_rounding_shift(qc_fixed_exp(32, DIFF, difference(s, d)), SUM);
    }
    return (int32_t)sum;
}

void qc_softmax8_fixed(const struct qc_softmax8 *s, const uint8_t *x, int32_t *y, size_t n)
{
    int32_t most = largest(s, x, n), sum = sum_of_exponentials(s, x, n, most);
    int over = 0;
    int32_t scale = qc_fixed_reciprocal(sum, SUM, &over);
    int bits = s->high - s->low > 255 ? 16 : 8;
    int exponent = qc_clamp(over + 31 - bits, 0, 31);
    for (size_t i = 0; i < n; i++) {
        int32_t d = at(s, x, i) - most;
        y[i] = s->low;
        if (d < s->least) continue;
        int32_t value = qc_high_mul(scale, qc_fixed_exp(32, DIFF, difference(s, d)));
        y[i] = qc_clamp(qc_rounding_shift(value, exponent) + s->low, s->low, s->high);
    }
}

void qc_softmax8_table(const struct qc_softmax8 *s, const uint8_t *x, int32_t *y, size_t n)
{
    int32_t most = largest(s, x, n);
    float sum = 0;
    for (size_t i = 0; i < n; i++) sum += s->exponential[255 + at(s, x, i) - most];
    float inverse = 1.0f / (sum * s->y_scale);
    for (size_t i = 0; i < n; i++) {
        float stored = s->exponential[255 + at(s, x, i) - most] * inverse;
        int32_t rounded = !s->is_signed && s->low == 0 ? (int32_t)(stored + 0.5f) : (int32_t)roundf(stored) + s->y_zero;
        y[i] = qc_clamp(rounded, s->low, s->high);
    }
}

void qc_log_softmax8_fixed(const struct qc_softmax8 *s, const uint8_t *x, int32_t *y, size_t n)
{
    int32_t most = largest(s, x, n), log_sum = qc_fixed_log(SUM, DIFF, sum_of_exponentials(s, x, n, most));
    int32_t reduced = qc_requant((int32_t)((uint32_t)log_sum + (UINT32_C(1) << 31)),
                                 (struct qc_multiplier){s->reverse_multiplier, s->reverse_shift});
    int32_t least = reduced > s->least - 1 ? reduced : s->least - 1;
    for (size_t i = 0; i < n; i++) {
        int32_t d = at(s, x, i) - most;
        y[i] = s->low;
        if (d <= least) continue;
        int32_t log = (int32_t)((uint32_t)difference(s, d) - (uint32_t)log_sum);
        y[i] = qc_clamp(qc_rounding_shift(log, 31 - DIFF - LOG) + s->high, s->low, s->high);
    }
}

void qc_log_softmax8_table(const struct qc_softmax8 *s, const uint8_t *x, int32_t *y, size_t n)
{
    int32_t most = largest(s, x, n);
    float sum = 0;
    for (size_t i = 0; i < n; i++) sum += s->exponential[255 + at(s, x, i) - most];
    float scale = s->x_scale / s->y_scale, fixed = (s->x_scale * (float)most + logf(sum)) / s->y_scale;
    for (size_t i = 0; i < n; i++) {
        float stored = rintf(scale * (float)at(s, x, i) - fixed) + (float)s->y_zero;
        y[i] = (int32_t)(stored > (float)s->low ? stored < (float)s->high ? stored : (float)s->high : (float)s->low);
    }
}

static double one_over_one_plus(double x)
{
    return 1.0 / (1.0 + x);
}

void qc_softmax16_init(struct qc_softmax16 *s, float beta, float x_scale)
{
    qc_table16_fill_f64(s->exponential, 10.0 / 65535, INT16_MAX, 2.0 / 65535, exp);
    qc_table16_fill_f64(s->reciprocal, 1.0 / 65535, INT16_MIN, 2.0 / 65535, one_over_one_plus);
    struct qc_multiplier m = qc_multiplier_of((double)(x_scale * beta) / (10.0 / 65535.0));
    s->multiplier = m.multiplier;
    s->shift = m.shift;
}

void qc_softmax16(const struct qc_softmax16 *s, const int16_t *x, int16_t *y, size_t n)
{
    struct qc_multiplier m = {s->multiplier, s->shift};
    int32_t most = x[0];
    for (size_t i = 1; i < n; i++) most = x[i] > most ? x[i] : most;
    uint32_t sum = 0; /* 15 fractional bits */
    for (size_t i = 0; i < n; i++) { /* [-65535, 0] stands for [-10, 0] */
        int32_t scaled = qc_clamp(qc_requant(x[i] - most, m), -65535, 0) + 32767;
        y[i] = qc_table16_get(s->exponential, (int16_t)scaled);
        sum += (uint32_t)y[i];
    }
    int headroom = sum ? __builtin_clz(sum) : 31;
    if (headroom < 1) headroom = 1;
    int32_t shifted = (int32_t)((((int64_t)sum << (headroom - 1)) + (1 << 13)) >> 14);
    int16_t reciprocal = qc_table16_get(s->reciprocal, (int16_t)qc_clamp(shifted - (1 << 15) - (1 << 16), INT16_MIN, INT16_MAX));
    int right = 31 - headroom;
    for (size_t i = 0; i < n; i++) {
        int64_t product = (int64_t)y[i] * reciprocal;
        y[i] = (int16_t)qc_clamp((int32_t)(right > 0 ? (product + (INT64_C(1) << (right - 1))) >> right : product), 0, INT16_MAX);
    }
}

void qc_log_softmax_f32(const float *x, float *y, size_t n)
{
    float most = x[0], sum = 0;
    for (size_t i = 1; i < n; i++) most = x[i] > most ? x[i] : most;
    for (size_t i = 0; i < n; i++) sum += expf(x[i] - most);
    float log_sum = logf(sum);
    for (size_t i = 0; i < n; i++) y[i] = x[i] - most - log_sum;
}
