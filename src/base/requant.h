/*
 * requant.h - requantization: from an integer accumulator to the output's integer scale. The one definition for all kernels.
 *
 * Five roundings exist in the TensorFlow Lite world, and which one an operator uses is part of its contract
 * (docs/bit-exactness.md):
 *   qc_requant           TFLite's portable kernels: Q31 product rounded half up, then a shift rounded half away from zero: twice
 *   qc_requant_up        ruy (TFLite's optimized matrix products) on x86 with 8-bit operands: as above, but the shift rounded half up
 *   qc_requant_once      ruy with a 16-bit operand: one rounding of the 64-bit product, half up
 *   qc_requant_f32       XNNPACK: product in float32, clamped, rounded half to even
 *   qc_requant_f64       TFLite's portable matrix product: product in float64, rounded half away from zero
 * and qc_requant_wide for the 64-bit accumulators of 16x8 kernels, whose multiplier is cut to 15 bits.
 *
 * All are total: no input overflows in the sense of C, whatever a file's scales are.
 */
#ifndef QC_BASE_REQUANT_H
#define QC_BASE_REQUANT_H

#include <math.h>
#include <stdint.h>

/* real = multiplier * 2^(shift - 31), multiplier in [2^30, 2^31) or 0; shift in [-31, 30]. */
struct qc_multiplier {
    int32_t multiplier;
    int32_t shift;
};

/* Smaller than about 2^-32 becomes 0, larger than 2^30 saturates. */
static inline struct qc_multiplier qc_multiplier_of(double real)
{
    if (!(real > 0 || real < 0)) return (struct qc_multiplier){0, 0};
    int shift = 0;
    double fraction = frexp(real, &shift);
    if (!isfinite(real) || shift > 31) return (struct qc_multiplier){real > 0 ? INT32_MAX : -INT32_MAX, 30};
    int64_t fixed = llround(fraction * 2147483648.0);
    if (fixed == INT64_C(1) << 31) {
        fixed /= 2;
        shift++;
    }
    if (shift > 30) return (struct qc_multiplier){real > 0 ? INT32_MAX : -INT32_MAX, 30};
    if (shift < -31) return (struct qc_multiplier){0, 0};
    return (struct qc_multiplier){(int32_t)fixed, shift};
}

/* a * b / 2^31, rounded half up; saturates in the one case that overflows. */
static inline int32_t qc_high_mul(int32_t a, int32_t b)
{
    if (a == INT32_MIN && b == INT32_MIN) return INT32_MAX;
    int64_t product = (int64_t)a * b;
    return (int32_t)((product + (INT64_C(1) << 30)) >> 31);
}

/* The same for 16 bits: a * b / 2^15. */
static inline int16_t qc_high_mul16(int16_t a, int16_t b)
{
    if (a == INT16_MIN && b == INT16_MIN) return INT16_MAX;
    int32_t product = (int32_t)a * b;
    return (int16_t)((product + (1 << 14)) >> 15);
}

/* x / 2^exponent, rounded half away from zero; exponent in [0, 31]. */
static inline int32_t qc_rounding_shift(int32_t x, int exponent)
{
    int32_t mask = (int32_t)((UINT32_C(1) << exponent) - 1);
    int32_t remainder = x & mask;
    int32_t threshold = (mask >> 1) + (x < 0);
    return (x >> exponent) + (remainder > threshold);
}

/* x * 2^exponent modulo 2^32, exponent in [0, 31]. */
static inline int32_t qc_shift_left(int32_t x, int exponent)
{
    return (int32_t)((uint32_t)x << exponent);
}

static inline int32_t qc_requant(int32_t x, struct qc_multiplier m)
{
    int left = m.shift > 0 ? m.shift : 0;
    int right = m.shift > 0 ? 0 : -m.shift;
    /* qc_high_mul without its saturation, which a multiplier below 2^31 never needs; a logical shift gives the same low 32 bits: so that
     * compilers make vector code of loops */
    int64_t product = (int64_t)qc_shift_left(x, left) * m.multiplier;
    return qc_rounding_shift((int32_t)(uint32_t)((uint64_t)(product + (INT64_C(1) << 30)) >> 31), right);
}

static inline int32_t qc_requant_up(int32_t x, struct qc_multiplier m)
{
    int left = m.shift > 0 ? m.shift : 0;
    int right = m.shift > 0 ? 0 : -m.shift;
    int64_t product = qc_high_mul(qc_shift_left(x, left), m.multiplier);
    return (int32_t)(right ? (product + (INT64_C(1) << (right - 1))) >> right : product);
}

static inline int32_t qc_requant_once(int32_t x, struct qc_multiplier m)
{
    int right = 31 - m.shift;
    int64_t sum = (int64_t)((uint64_t)((int64_t)x * m.multiplier) + (UINT64_C(1) << (right - 1)));
    return (int32_t)(sum >> right);
}

/* |x| < 2^47. The multiplier keeps 15 bits; bits of the result past 32 are lost, as TFLite does it. */
static inline int32_t qc_requant_wide(int64_t x, struct qc_multiplier m)
{
    int64_t reduced = m.multiplier < 0x7FFF0000 ? (m.multiplier + (1 << 15)) >> 16 : 0x7FFF;
    int right = 15 - m.shift;
    uint64_t product = (uint64_t)x * (uint64_t)reduced;
    if (right <= 0) return (int32_t)(product << -right);
    return (int32_t)((int64_t)(product + (UINT64_C(1) << (right - 1))) >> right);
}

/* low and high are the output's limits. scale: input scale * weight scale / output scale, computed in float32 in that order. */
static inline int32_t qc_requant_f32(int32_t x, float scale, int32_t zero_point, int32_t low, int32_t high)
{
    float scaled = (float)x * scale;
    float least = (float)(low - zero_point), most = (float)(high - zero_point);
    scaled = scaled > least ? scaled : least;
    scaled = scaled < most ? scaled : most;
    return (int32_t)lrintf(scaled) + zero_point;
}

/* Saturates. */
static inline int32_t qc_requant_f64(int64_t x, double scale)
{
    double scaled = round((double)x * scale);
    return (int32_t)(scaled < INT32_MIN ? INT32_MIN : scaled > INT32_MAX ? INT32_MAX : scaled);
}

static inline int32_t qc_clamp(int32_t x, int32_t low, int32_t high)
{
    return x < low ? low : x > high ? high : x;
}

#endif
