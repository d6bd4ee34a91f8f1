/*
 * fixed_point.c - the larger functions of fixed_point.h.
 */
#include "kernel/fixed_point.h"

static int32_t saturate(int64_t x)
{
    return (int32_t)(x < INT32_MIN ? INT32_MIN : x > INT32_MAX ? INT32_MAX : x);
}

static int headroom_plus_one(int32_t x)
{
    return x ? __builtin_clz((uint32_t)x) : 32;
}

static int32_t mul(int32_t a, int32_t b)
{
    return qc_high_mul(a, b);
}

static int32_t add(int32_t a, int32_t b)
{
    return qc_fixed_add(32, a, b);
}

/* log x = log 2 * (power of two) + log r, with r in [sqrt(1/2), 1) chosen from two scalings; log r by a rational approximation. */
int32_t qc_fixed_log(int m, int out, int32_t x)
{
    const int32_t log_2 = 1488522236, sqrt_sqrt_half = 1805811301, sqrt_half = 1518500250;
    const int32_t alpha_n = 117049297, alpha_d = 127690142, alpha_i = 1057819769, alpha_f = 638450708;
    int accumulator = out + 1;
    int32_t quarter = qc_rounding_shift(536870912, accumulator);

    int headroom_a = headroom_plus_one(x);
    int32_t r_a = qc_fixed_scale(32, mul(qc_fixed_scale(32, x, headroom_a - 1), sqrt_half), 1);
    int32_t power_a = saturate((int64_t)qc_fixed_scale(32, m - headroom_a, 31 - accumulator) + quarter);
    int headroom_b = headroom_plus_one(mul(x, sqrt_half)) - 1;
    int32_t r_b = qc_fixed_scale(32, x, headroom_b);
    int32_t power_b = saturate((int64_t)qc_fixed_scale(32, m - headroom_b, 31 - accumulator) - quarter);

    int32_t r = r_a < r_b ? r_a : r_b, power = power_a > power_b ? power_a : power_b;
    int32_t p = qc_fixed_half_sum(r, sqrt_sqrt_half), q = qc_fixed_sub(32, r, sqrt_sqrt_half);
    q = add(q, q);
    int32_t square = mul(q, q);
    int32_t numerator = add(mul(q, r), mul(mul(q, square), alpha_n));
    int32_t denominator = add(mul(p, add(add(alpha_i, q), mul(alpha_d, square))), mul(alpha_f, q)); /* less one */
    int32_t fraction = mul(qc_rounding_shift(numerator, accumulator), qc_fixed_one_over_one_plus(32, denominator));
    return qc_fixed_scale(32, add(mul(power, log_2), fraction), accumulator - out);
}

/* Newton and Raphson on x in [1/4, 1) of Q3: y = y (3 - x y^2) / 2, five steps from 1. */
struct qc_multiplier qc_fixed_inverse_sqrt(int32_t x)
{
    if (x <= 1) return (struct qc_multiplier){INT32_MAX, 0};
    int shift = 11;
    while (x >= 1 << 29) {
        x /= 4;
        shift++;
    }
    int pairs = (headroom_plus_one(x) - 1) / 2 - 1;
    shift -= pairs;
    x <<= 2 * pairs;
    int32_t half = qc_rounding_shift(x >> 1, 1), three_halves = (1 << 28) + (1 << 27), y = 1 << 28;
    for (int i = 0; i < 5; i++) {
        int32_t cube = qc_fixed_scale(32, mul(mul(y, y), y), 6); /* Q9 to Q3 */
        y = qc_fixed_scale(32, qc_fixed_sub(32, mul(three_halves, y), mul(half, cube)), 3);
    }
    y = mul(y, 1518500250); /* sqrt(1/2) */
    if (shift < 0) {
        y = qc_shift_left(y, -shift);
        shift = 0;
    }
    return (struct qc_multiplier){y, -shift};
}
