/*
 * simd_avx2.h - the vector of eight floats that kernel templates are written in. Include after QC_ISA_BEGIN("avx2,fma,f16c").
 *
 * simd_avx512.h and simd_neon.h define the same names: vf (floats), vi (int32), vf_width, and the operations on them. "_to" forms take
 * a count of valid elements in [0, vf_width]: they touch no memory past them, and load zeros there.
 */
#ifndef QC_KERNEL_SIMD_AVX2_H
#define QC_KERNEL_SIMD_AVX2_H

#include "kernel/kernel.h"

#define QC_INLINE static inline __attribute__((always_inline, unused))

typedef __m256 vf;
typedef __m256i vi;
enum { vf_width = 8 };

static const int32_t vf_mask_words[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
QC_INLINE __m256i vf_mask(size_t count) { return _mm256_loadu_si256((const __m256i *)(vf_mask_words + 8 - count)); }

QC_INLINE vf vf_set1(float x) { return _mm256_set1_ps(x); }
QC_INLINE vf vf_zero(void) { return _mm256_setzero_ps(); }
QC_INLINE vf vf_load(const float *p) { return _mm256_loadu_ps(p); }
QC_INLINE void vf_store(float *p, vf x) { _mm256_storeu_ps(p, x); }
QC_INLINE vf vf_load_to(const float *p, size_t count) { return _mm256_maskload_ps(p, vf_mask(count)); }
QC_INLINE void vf_store_to(float *p, vf x, size_t count) { _mm256_maskstore_ps(p, vf_mask(count), x); }
QC_INLINE vf vf_load_half(const uint16_t *p) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)); }
QC_INLINE vf vf_load_s8(const int8_t *p) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p))); }
QC_INLINE vf vf_add(vf a, vf b) { return _mm256_add_ps(a, b); }
QC_INLINE vf vf_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
QC_INLINE vf vf_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
QC_INLINE vf vf_div(vf a, vf b) { return _mm256_div_ps(a, b); }
QC_INLINE vf vf_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); } /* a * b + c */
QC_INLINE vf vf_min(vf a, vf b) { return _mm256_min_ps(a, b); }            /* b if either is NaN */
QC_INLINE vf vf_max(vf a, vf b) { return _mm256_max_ps(a, b); }            /* b if either is NaN */
QC_INLINE vf vf_abs(vf x) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x); }
QC_INLINE vf vf_copysign(vf magnitude, vf sign)
{
    const vf bit = _mm256_set1_ps(-0.0f);
    return _mm256_or_ps(_mm256_andnot_ps(bit, magnitude), _mm256_and_ps(bit, sign));
}
QC_INLINE vf vf_select_lt(vf a, vf b, vf yes, vf no) { return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_LT_OQ)); }
QC_INLINE vf vf_round(vf x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
QC_INLINE vf vf_trunc(vf x) { return _mm256_round_ps(x, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
QC_INLINE vf vf_sqrt(vf x) { return _mm256_sqrt_ps(x); }
/* x * 2^n for whole n in [-252, 252], by two exact factors; the second rounds once if the result is denormal. */
QC_INLINE vf vf_scale2(vf x, vf n)
{
    const __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1), rest = _mm256_sub_epi32(whole, half);
    const __m256i bias = _mm256_set1_epi32(127);
    const vf a = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23));
    const vf b = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23));
    return _mm256_mul_ps(_mm256_mul_ps(x, a), b);
}
QC_INLINE float vf_sum(vf x)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
QC_INLINE float vf_reduce_max(vf x)
{
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

QC_INLINE vi vi_zero(void) { return _mm256_setzero_si256(); }
/* x, about which the compiler knows nothing: clang turns a loop that clears or copies an array into a call, and so keeps the array in memory. */
QC_INLINE vi vi_opaque(vi x)
{
    __asm__("" : "+x"(x));
    return x;
}
QC_INLINE vf vf_opaque(vf x)
{
    __asm__("" : "+x"(x));
    return x;
}
QC_INLINE vf vf_negative_abs(vf x) { return _mm256_or_ps(_mm256_set1_ps(-0.0f), x); }
QC_INLINE vi vi_bits(vf x) { return _mm256_castps_si256(x); }
QC_INLINE vf vf_of_bits(vi x) { return _mm256_castsi256_ps(x); }
QC_INLINE vi vi_shift_left(vi x, const int count) { return _mm256_slli_epi32(x, count); }
QC_INLINE vi vi_set1(int32_t x) { return _mm256_set1_epi32(x); }
QC_INLINE vi vi_load(const int32_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
QC_INLINE void vi_store(int32_t *p, vi x) { _mm256_storeu_si256((__m256i *)p, x); }
QC_INLINE void vi_store_to(int32_t *p, vi x, size_t count) { _mm256_maskstore_epi32(p, vf_mask(count), x); }
QC_INLINE vi vi_add(vi a, vi b) { return _mm256_add_epi32(a, b); }
QC_INLINE vi vi_sub(vi a, vi b) { return _mm256_sub_epi32(a, b); }
QC_INLINE vi vi_mul(vi a, vi b) { return _mm256_mullo_epi32(a, b); } /* modulo 2^32 */
QC_INLINE vf vf_from(vi x) { return _mm256_cvtepi32_ps(x); }
QC_INLINE vi vi_from(vf x) { return _mm256_cvtps_epi32(x); } /* half to even */
QC_INLINE vi vi_cut(vf x) { return _mm256_cvttps_epi32(x); } /* towards zero */
/* Stores x, whose elements are in [-128, 127]. */
QC_INLINE void vi_store_s8(int8_t *p, vi x, size_t count)
{
    const __m128i wide = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    const int64_t bytes = _mm_cvtsi128_si64(_mm_packs_epi16(wide, wide));
    if (count >= 8)
        __builtin_memcpy(p, &bytes, 8);
    else
        for (size_t i = 0; i < count; i++) p[i] = (int8_t)((uint64_t)bytes >> (8 * i));
}

typedef __m256i vb; /* bytes */
/* zero + each element, saturated to bytes; within 128-bit lanes: four of a, four of b, four of c, four of d. */
QC_INLINE vb vb_pack(vi a, vi b, vi c, vi d, int16_t zero)
{
    const __m256i z = _mm256_set1_epi16(zero);
    return _mm256_packs_epi16(_mm256_adds_epi16(_mm256_packs_epi32(a, b), z), _mm256_adds_epi16(_mm256_packs_epi32(c, d), z));
}
/* All of a, all of b, all of c, all of d. */
QC_INLINE vb vb_order(vb x) { return _mm256_permutevar8x32_epi32(x, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)); }
QC_INLINE vb vb_set1(int8_t x) { return _mm256_set1_epi8(x); }
QC_INLINE vb vb_max(vb a, vb b) { return _mm256_max_epi8(a, b); }
QC_INLINE void vb_store(int8_t *p, vb x) { _mm256_storeu_si256((__m256i *)p, x); }
/* Quarter 0 to 3 of x. */
QC_INLINE void vb_store_quarter(int8_t *p, vb x, const int quarter)
{
    const __m128i half = quarter & 2 ? _mm256_extracti128_si256(x, 1) : _mm256_castsi256_si128(x);
    if (quarter & 1) _mm_storeh_pd((double *)(void *)p, _mm_castsi128_pd(half));
    else _mm_storel_epi64((__m128i *)p, half);
}

/* 128-bit lanes, `step` elements apart. */
QC_INLINE void vi_store_lanes(int32_t *p, size_t step, vi x)
{
    _mm_storeu_si128((__m128i *)p, _mm256_castsi256_si128(x));
    _mm_storeu_si128((__m128i *)(p + step), _mm256_extracti128_si256(x, 1));
}
/* The first lanes of all four, then the second ones. */
QC_INLINE void vf_store_by_lanes(float *p, vf a, vf b, vf c, vf d)
{
    vf_store(p, _mm256_permute2f128_ps(a, b, 0x20));
    vf_store(p + 8, _mm256_permute2f128_ps(c, d, 0x20));
    vf_store(p + 16, _mm256_permute2f128_ps(a, b, 0x31));
    vf_store(p + 24, _mm256_permute2f128_ps(c, d, 0x31));
}
/* Within lanes: four of a, four of b, which fit 16 bits. */
QC_INLINE void vi_store_s16(int16_t *p, vi a, vi b) { _mm256_storeu_si256((__m256i *)p, _mm256_packs_epi32(a, b)); }

/* x * multiplier / 2^(16 + shift), rounded half up: multiplier in [0, 2^15), shift in [1, 30], as qc_s16_round_narrow. */
QC_INLINE vi vi_round_narrow(vi x, vi multiplier, vi shift)
{
    const vi high = _mm256_madd_epi16(x, _mm256_slli_epi32(multiplier, 16)), low = _mm256_mulhi_epu16(x, multiplier);
    const vi half = _mm256_sllv_epi32(_mm256_set1_epi32(1), _mm256_sub_epi32(shift, _mm256_set1_epi32(1)));
    return _mm256_srav_epi32(_mm256_add_epi32(_mm256_add_epi32(high, half), low), shift);
}
/* All of a, then all of b, as int16, saturated and limited; `vb` serves for these too. */
QC_INLINE vb vb_pack_s16(vi a, vi b, int16_t low, int16_t high)
{
    const __m256i x = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
    return _mm256_min_epi16(_mm256_max_epi16(x, _mm256_set1_epi16(low)), _mm256_set1_epi16(high));
}
QC_INLINE void vb_store_half(void *p, vb x, const int half)
{
    _mm_storeu_si128(p, half ? _mm256_extracti128_si256(x, 1) : _mm256_castsi256_si128(x));
}

/* Float64: (x + bias) * scale rounded half up, where product and result are known to fit 53 and 31 bits. */
QC_INLINE __m128i vi_round_up64_half(__m128i x, const double *bias, const double *scale)
{
    const __m256d sum = _mm256_add_pd(_mm256_cvtepi32_pd(x), _mm256_loadu_pd(bias));
    return _mm256_cvtpd_epi32(_mm256_floor_pd(_mm256_fmadd_pd(sum, _mm256_loadu_pd(scale), _mm256_set1_pd(0.5))));
}
QC_INLINE vi vi_round_up64(vi x, const double *bias, const double *scale)
{
    const __m128i first = vi_round_up64_half(_mm256_castsi256_si128(x), bias, scale);
    return _mm256_inserti128_si256(_mm256_castsi128_si256(first), vi_round_up64_half(_mm256_extracti128_si256(x, 1), bias + 4, scale + 4), 1);
}
/* The product rounded to 53 bits, then half away from zero, then cut to 16 bits. */
QC_INLINE __m128i vi_round_away64_half(__m128i x, const double *bias, const double *scale)
{
    const __m256d product = _mm256_mul_pd(_mm256_add_pd(_mm256_cvtepi32_pd(x), _mm256_loadu_pd(bias)), _mm256_loadu_pd(scale));
    const __m256d half = _mm256_or_pd(_mm256_and_pd(product, _mm256_set1_pd(-0.0)), _mm256_set1_pd(0x1.fffffffffffffp-2)); /* just below */
    const __m256d y = _mm256_round_pd(_mm256_add_pd(product, half), _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
    return _mm256_cvtpd_epi32(_mm256_min_pd(_mm256_max_pd(y, _mm256_set1_pd(-32768)), _mm256_set1_pd(32767)));
}
QC_INLINE vi vi_round_away64(vi x, const double *bias, const double *scale)
{
    const __m128i first = vi_round_away64_half(_mm256_castsi256_si128(x), bias, scale);
    return _mm256_inserti128_si256(_mm256_castsi128_si256(first), vi_round_away64_half(_mm256_extracti128_si256(x, 1), bias + 4, scale + 4), 1);
}
QC_INLINE vi vi_limit(vi x, vi low, vi high) { return _mm256_min_epi32(_mm256_max_epi32(x, low), high); }
/* In order. */
QC_INLINE void vi_store_row_s16(int16_t *p, vi x)
{
    _mm_storeu_si128((__m128i *)p, _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1)));
}

QC_INLINE vi vi_sra_by(vi x, int n) { return _mm256_sra_epi32(x, _mm_cvtsi32_si128(n)); }
QC_INLINE vi vi_abs(vi x) { return _mm256_abs_epi32(x); }
QC_INLINE vi vi_min(vi a, vi b) { return _mm256_min_epi32(a, b); }
QC_INLINE vi vi_and(vi a, vi b) { return _mm256_and_si256(a, b); }
QC_INLINE vi vi_or(vi a, vi b) { return _mm256_or_si256(a, b); }
QC_INLINE vi vi_xor(vi a, vi b) { return _mm256_xor_si256(a, b); }
QC_INLINE vi vi_madd(vi a, vi b) { return _mm256_madd_epi16(a, b); } /* of two int16 each: sum of products */

/* The arithmetic of base/requant.h: qc_shift_left, qc_high_mul (multiplier not INT32_MIN), qc_rounding_shift. */
QC_INLINE vi vi_load_s16(const int16_t *p) { return _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)); }
QC_INLINE vi vi_shift_left_by(vi x, int n) { return _mm256_sll_epi32(x, _mm_cvtsi32_si128(n)); }
QC_INLINE vi vi_high_mul(vi x, int32_t multiplier)
{
    const __m256i m = _mm256_set1_epi32(multiplier), half = _mm256_set1_epi64x(INT64_C(1) << 30);
    const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(x, m), half), odd = _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(x, 32), m), half);
    return _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xaa);
}
QC_INLINE vi vi_rounding_shift(vi x, int n)
{
    const __m256i mask = _mm256_set1_epi32((int32_t)((UINT32_C(1) << n) - 1)), rest = _mm256_and_si256(x, mask);
    const __m256i threshold = _mm256_sub_epi32(_mm256_srli_epi32(mask, 1), _mm256_srai_epi32(x, 31));
    return _mm256_sub_epi32(_mm256_sra_epi32(x, _mm_cvtsi32_si128(n)), _mm256_cmpgt_epi32(rest, threshold));
}

#endif
