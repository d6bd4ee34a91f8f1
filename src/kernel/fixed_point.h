/*
 * fixed_point.h - elementary functions in fixed point, as TFLite's reference kernels compute them (after gemmlowp).
 *
 * A number of type Qm has m integer bits in a word of `bits` (16 or 32): real = word * 2^(m + 1 - bits). Words of 16 bits travel in
 * int32_t. Sums wrap, products are rounded half up, shifts left saturate; every function is total.
 */
#ifndef QC_KERNEL_FIXED_POINT_H
#define QC_KERNEL_FIXED_POINT_H

#include "base/requant.h"

static inline int32_t qc_fixed_wrap(int bits, uint32_t x)
{
    return bits == 16 ? (int16_t)x : (int32_t)x;
}

static inline int32_t qc_fixed_most(int bits)
{
    return (int32_t)((UINT32_C(1) << (bits - 1)) - 1);
}

static inline int32_t qc_fixed_add(int bits, int32_t a, int32_t b)
{
    return qc_fixed_wrap(bits, (uint32_t)a + (uint32_t)b);
}

static inline int32_t qc_fixed_sub(int bits, int32_t a, int32_t b)
{
    return qc_fixed_wrap(bits, (uint32_t)a - (uint32_t)b);
}

static inline int32_t qc_fixed_mul(int bits, int32_t a, int32_t b)
{
    return bits == 16 ? qc_high_mul16((int16_t)a, (int16_t)b) : qc_high_mul(a, b);
}

/* A Q0 constant given in 32 bits. */
static inline int32_t qc_fixed_constant(int bits, int32_t q31)
{
    return qc_rounding_shift(q31, 32 - bits);
}

/* x * 2^exponent: saturates to the left, rounds to the right. */
static inline int32_t qc_fixed_scale(int bits, int32_t x, int exponent)
{
    if (exponent <= 0) return exponent ? qc_rounding_shift(x, -exponent) : x;
    int32_t threshold = (int32_t)((UINT32_C(1) << (bits - 1 - exponent)) - 1);
    if (x > threshold) return qc_fixed_most(bits);
    if (x < -threshold) return -qc_fixed_most(bits) - 1;
    return qc_shift_left(x, exponent);
}

/* (a + b) / 2, rounded half away from zero. */
static inline int32_t qc_fixed_half_sum(int32_t a, int32_t b)
{
    int64_t sum = (int64_t)a + b;
    return (int32_t)((sum + (sum >= 0 ? 1 : -1)) / 2);
}

/* e^a for Q0 a in [-1/4, 0): a series around -1/8. Q0. */
static inline int32_t qc_fixed_exp_quarter(int bits, int32_t a)
{
    int32_t centre = qc_fixed_constant(bits, 1895147668), third = qc_fixed_constant(bits, 715827883); /* e^(-1/8), 1/3 */
    int32_t x = qc_fixed_add(bits, a, 1 << (bits - 4));
    int32_t x2 = qc_fixed_mul(bits, x, x), x3 = qc_fixed_mul(bits, x2, x), x4 = qc_fixed_mul(bits, x2, x2);
    int32_t high = qc_fixed_mul(bits, qc_fixed_add(bits, qc_rounding_shift(x4, 2), x3), third);
    int32_t tail = qc_rounding_shift(qc_fixed_add(bits, high, x2), 1); /* x^2/2 + x^3/6 + x^4/24 */
    int32_t sum = qc_fixed_mul(bits, centre, qc_fixed_add(bits, x, tail));
    if (bits == 32) return qc_fixed_add(bits, centre, sum);
    return qc_clamp(centre + sum, INT16_MIN, INT16_MAX);
}

/* e^a for a <= 0 in Q`m`; Q0. The fraction below 1/4 by the series, the rest by one constant for each bit. */
static inline int32_t qc_fixed_exp(int bits, int m, int32_t a)
{
    static const int32_t power[] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242}; /* e^-(2^-2 .. 2^4) */
    int fraction = bits - 1 - m;
    int32_t quarter = 1 << (fraction - 2);
    int32_t low = (a & (quarter - 1)) - quarter;
    int32_t result = qc_fixed_exp_quarter(bits, qc_fixed_scale(bits, low, m));
    uint32_t rest = (uint32_t)qc_fixed_sub(bits, low, a);
    for (int e = -2; e <= 4 && e < m; e++)
        if (rest >> (fraction + e) & 1) result = qc_fixed_mul(bits, result, qc_fixed_constant(bits, power[e + 2]));
    if (m > 5 && a < qc_fixed_constant(bits, -(1 << (36 - m)))) result = 0;
    return a == 0 ? qc_fixed_most(bits) : result;
}

/* 1 / ((1 + a) / 2) for Q0 a in [0, 1], in Q2: three steps of Newton and Raphson from a line (48/17 - 32/17 x). */
static inline int32_t qc_fixed_reciprocal_q2(int bits, int32_t a)
{
    int32_t half = qc_fixed_half_sum(a, qc_fixed_most(bits));
    int32_t x = qc_fixed_add(bits, qc_fixed_constant(bits, 1515870810), qc_fixed_mul(bits, half, qc_fixed_constant(bits, -1010580540)));
    for (int i = 0; i < 3; i++) {
        int32_t rest = qc_fixed_sub(bits, 1 << (bits - 3), qc_fixed_mul(bits, half, x));
        x = qc_fixed_add(bits, x, qc_fixed_scale(bits, qc_fixed_mul(bits, x, rest), 2));
    }
    return x;
}

/* 1 / (1 + a) for a in [0, 1], Q0 to Q0. */
static inline int32_t qc_fixed_one_over_one_plus(int bits, int32_t a)
{
    return qc_fixed_scale(bits, qc_fixed_reciprocal_q2(bits, a), 1);
}

/* Logistic function of Q`m`, in Q0. */
static inline int32_t qc_fixed_logistic(int bits, int m, int32_t a)
{
    if (a == 0) return qc_fixed_constant(bits, 1 << 30);
    int32_t magnitude = a > 0 ? a : qc_fixed_sub(bits, 0, a);
    int32_t positive = qc_fixed_one_over_one_plus(bits, qc_fixed_exp(bits, m, qc_fixed_sub(bits, 0, magnitude)));
    return a > 0 ? positive : qc_fixed_sub(bits, qc_fixed_most(bits), positive);
}

/* Hyperbolic tangent of Q`m`, in Q0: (1 - e^-2|a|) / (1 + e^-2|a|). */
static inline int32_t qc_fixed_tanh(int bits, int m, int32_t a)
{
    if (a == 0) return 0;
    int32_t x = qc_fixed_exp(bits, m + 1, a < 0 ? a : qc_fixed_sub(bits, 0, a));
    int32_t t = qc_fixed_scale(bits, qc_fixed_sub(bits, qc_fixed_reciprocal_q2(bits, x), 1 << (bits - 3)), 2);
    return a < 0 ? qc_fixed_sub(bits, 0, t) : t;
}

/* 1 / x for x > 0 with `m` integer bits: Q0 result in [1/2, 1], to be divided by 2^*over. */
static inline int32_t qc_fixed_reciprocal(int32_t x, int m, int *over)
{
    int headroom = x ? __builtin_clz((uint32_t)x) : 31;
    *over = m - headroom;
    return qc_fixed_one_over_one_plus(32, (int32_t)(((uint32_t)x << headroom) - (UINT32_C(1) << 31)));
}

/* Natural logarithm of x >= 1 in Q`m`, to Q`out`, 32 bits. */
int32_t qc_fixed_log(int m, int out, int32_t x);

/* 1 / sqrt(x), x > 0: multiplier and (negative) shift for qc_requant. */
struct qc_multiplier qc_fixed_inverse_sqrt(int32_t x);

#endif
