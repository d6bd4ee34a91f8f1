/*
 * fixed_s16_avx2.c - fixed_s16.h in vectors of sixteen: vpmulhrsw is the product of Q0 numbers. The names are those of fixed_point.h.
 */
#include "kernel/kernel.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX2)
#include "kernel/fixed_s16.h"
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
typedef __m256i vs;
enum { WIDTH = 16, ONE = INT16_MAX };

INLINE vs set(int x) { return _mm256_set1_epi16((int16_t)x); }
INLINE vs add(vs a, vs b) { return _mm256_add_epi16(a, b); }
INLINE vs sub(vs a, vs b) { return _mm256_sub_epi16(a, b); }
INLINE vs mul(vs a, vs b) { return _mm256_mulhrs_epi16(a, b); }
INLINE vs doubled(vs a) { return _mm256_adds_epi16(a, a); } /* saturated */
INLINE vs rounding_shift(vs x, const int n)
{
    return _mm256_srai_epi16(add(add(x, set(1 << (n - 1))), _mm256_srai_epi16(x, 15)), n);
}

/* e^a for a in [-1/4, 0). */
INLINE vs exp_quarter(vs a)
{
    const vs centre = set(28918), third = set(10923), x = add(a, set(1 << 12)); /* e^(-1/8), 1/3 */
    const vs x2 = mul(x, x), x3 = mul(x2, x), x4 = mul(x2, x2);
    const vs tail = rounding_shift(add(mul(add(rounding_shift(x4, 2), x3), third), x2), 1);
    return _mm256_adds_epi16(centre, mul(centre, add(x, tail)));
}

/* e^a for a <= 0 of Q`m`. */
INLINE vs exp_negative(vs a, const int m)
{
    static const int16_t power[] = {25520, 19875, 12055, 4435, 600, 11, 0}; /* e^-(2^-2 .. 2^4) */
    const int fraction = 15 - m;
    const vs quarter = set(1 << (fraction - 2)), low = sub(_mm256_and_si256(a, sub(quarter, set(1))), quarter), rest = sub(low, a);
    vs y = exp_quarter(_mm256_sll_epi16(low, _mm_cvtsi32_si128(m)));
    for (int e = -2; e <= 4 && e < m; e++) {
        const vs bit = set(1 << (fraction + e)), there = _mm256_cmpeq_epi16(_mm256_and_si256(rest, bit), bit);
        y = _mm256_blendv_epi8(y, mul(y, set(power[e + 2])), there);
    }
    if (m > 5) y = _mm256_andnot_si256(_mm256_cmpgt_epi16(set(-(1 << (20 - m))), a), y);
    return _mm256_blendv_epi8(y, set(ONE), _mm256_cmpeq_epi16(a, set(0)));
}

/* 1 / ((1 + a) / 2) in Q2. */
INLINE vs reciprocal_q2(vs a)
{
    const vs half = _mm256_avg_epu16(a, set(ONE));
    vs x = add(set(23130), mul(half, set(-15420)));
    for (int i = 0; i < 3; i++) x = add(x, doubled(doubled(mul(x, sub(set(1 << 13), mul(half, x))))));
    return x;
}

INLINE vs negative_magnitude(vs a) { return _mm256_min_epi16(a, sub(set(0), a)); }

INLINE vs logistic_of(vs a)
{
    const vs positive = doubled(reciprocal_q2(exp_negative(negative_magnitude(a), 3)));
    const vs y = _mm256_blendv_epi8(positive, sub(set(ONE), positive), _mm256_srai_epi16(a, 15));
    return _mm256_blendv_epi8(y, set(1 << 14), _mm256_cmpeq_epi16(a, set(0)));
}

INLINE vs tanh_of(vs a, const int m)
{
    const vs t = doubled(doubled(sub(reciprocal_q2(exp_negative(negative_magnitude(a), m + 1)), set(1 << 13))));
    const vs y = _mm256_blendv_epi8(t, sub(set(0), t), _mm256_srai_epi16(a, 15));
    return _mm256_andnot_si256(_mm256_cmpeq_epi16(a, set(0)), y);
}

INLINE vs load(const int16_t *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }
INLINE void store(int16_t *p, vs x) { _mm256_storeu_si256((__m256i *)(void *)p, x); }

/* bits < 0: the logistic function. */
INLINE void row(size_t n, const int bits, const int16_t *x, int16_t *y)
{
    for (; n >= WIDTH; n -= WIDTH, x += WIDTH, y += WIDTH) store(y, bits < 0 ? logistic_of(load(x)) : tanh_of(load(x), bits));
    if (!n) return;
    int16_t last[WIDTH] = {0};
    memcpy(last, x, n * sizeof *x);
    store(last, bits < 0 ? logistic_of(load(last)) : tanh_of(load(last), bits));
    memcpy(y, last, n * sizeof *y);
}

static void logistic(size_t n, const int16_t *x, int16_t *y) { row(n, -1, x, y); }
static void hyperbolic(size_t n, int bits, const int16_t *x, int16_t *y)
{
    if (bits == 3) row(n, 3, x, y);
    else row(n, bits, x, y);
}
QC_ISA_END

extern const struct qc_fixed_s16 qc_fixed_s16_avx2;
const struct qc_fixed_s16 qc_fixed_s16_avx2 = {{"avx2", QC_CPU_AVX2}, logistic, hyperbolic};
#endif
