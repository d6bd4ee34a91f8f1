/*
 * simd_avx512.h - the vector of sixteen floats. The names and their meaning are those of simd_avx2.h. Include after
 * QC_ISA_BEGIN(QC_AVX512).
 */
#ifndef QC_KERNEL_SIMD_AVX512_H
#define QC_KERNEL_SIMD_AVX512_H

#include "kernel/kernel.h"

#define QC_INLINE static inline __attribute__((always_inline, unused))

typedef __m512 vf;
typedef __m512i vi;
enum { vf_width = 16 };

QC_INLINE __mmask16 vf_mask(size_t count) { return (__mmask16)((1u << count) - 1); }

QC_INLINE vf vf_set1(float x) { return _mm512_set1_ps(x); }
QC_INLINE vf vf_zero(void) { return _mm512_setzero_ps(); }
QC_INLINE vf vf_load(const float *p) { return _mm512_loadu_ps(p); }
QC_INLINE void vf_store(float *p, vf x) { _mm512_storeu_ps(p, x); }
QC_INLINE vf vf_load_to(const float *p, size_t count) { return _mm512_maskz_loadu_ps(vf_mask(count), p); }
QC_INLINE void vf_store_to(float *p, vf x, size_t count) { _mm512_mask_storeu_ps(p, vf_mask(count), x); }
QC_INLINE vf vf_load_half(const uint16_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }
QC_INLINE vf vf_load_s8(const int8_t *p) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p))); }
QC_INLINE vf vf_add(vf a, vf b) { return _mm512_add_ps(a, b); }
QC_INLINE vf vf_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
QC_INLINE vf vf_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
QC_INLINE vf vf_div(vf a, vf b) { return _mm512_div_ps(a, b); }
QC_INLINE vf vf_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
QC_INLINE vf vf_min(vf a, vf b) { return _mm512_min_ps(a, b); }
QC_INLINE vf vf_max(vf a, vf b) { return _mm512_max_ps(a, b); }
QC_INLINE vf vf_abs(vf x) { return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), x); }
QC_INLINE vf vf_copysign(vf magnitude, vf sign)
{
    const vf bit = _mm512_set1_ps(-0.0f);
    return _mm512_or_ps(_mm512_andnot_ps(bit, magnitude), _mm512_and_ps(bit, sign));
}
QC_INLINE vf vf_select_lt(vf a, vf b, vf yes, vf no)
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes);
}
QC_INLINE vf vf_round(vf x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
QC_INLINE vf vf_trunc(vf x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
QC_INLINE vf vf_sqrt(vf x) { return _mm512_sqrt_ps(x); }
QC_INLINE vf vf_scale2(vf x, vf n) { return _mm512_scalef_ps(x, n); }
QC_INLINE float vf_sum(vf x)
{
    const __m256 high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(x), 1));
    const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(x), high);
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
QC_INLINE float vf_reduce_max(vf x)
{
    const __m256 high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(x), 1));
    const __m256 half = _mm256_max_ps(_mm512_castps512_ps256(x), high);
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

QC_INLINE vi vi_zero(void) { return _mm512_setzero_si512(); }
QC_INLINE vi vi_opaque(vi x)
{
    __asm__("" : "+v"(x));
    return x;
}
QC_INLINE vf vf_opaque(vf x)
{
    __asm__("" : "+v"(x));
    return x;
}
QC_INLINE vf vf_negative_abs(vf x) { return _mm512_or_ps(_mm512_set1_ps(-0.0f), x); }
QC_INLINE vi vi_bits(vf x) { return _mm512_castps_si512(x); }
QC_INLINE vf vf_of_bits(vi x) { return _mm512_castsi512_ps(x); }
QC_INLINE vi vi_shift_left(vi x, const int count) { return _mm512_slli_epi32(x, (unsigned)count); }
QC_INLINE vi vi_set1(int32_t x) { return _mm512_set1_epi32(x); }
QC_INLINE vi vi_load(const int32_t *p) { return _mm512_loadu_si512(p); }
QC_INLINE void vi_store(int32_t *p, vi x) { _mm512_storeu_si512(p, x); }
QC_INLINE void vi_store_to(int32_t *p, vi x, size_t count) { _mm512_mask_storeu_epi32(p, vf_mask(count), x); }
QC_INLINE vi vi_add(vi a, vi b) { return _mm512_add_epi32(a, b); }
QC_INLINE vi vi_sub(vi a, vi b) { return _mm512_sub_epi32(a, b); }
QC_INLINE vi vi_mul(vi a, vi b) { return _mm512_mullo_epi32(a, b); }
QC_INLINE vf vf_from(vi x) { return _mm512_cvtepi32_ps(x); }
QC_INLINE vi vi_from(vf x) { return _mm512_cvtps_epi32(x); }
QC_INLINE vi vi_cut(vf x) { return _mm512_cvttps_epi32(x); }
QC_INLINE void vi_store_s8(int8_t *p, vi x, size_t count)
{
    if (count >= 16)
        _mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8(x));
    else
        _mm_mask_storeu_epi8(p, vf_mask(count), _mm512_cvtepi32_epi8(x));
}

typedef __m512i vb;
/* zero + each element, saturated to bytes; within 128-bit lanes: four of a, four of b, four of c, four of d. */
QC_INLINE vb vb_pack(vi a, vi b, vi c, vi d, int16_t zero)
{
    const __m512i z = _mm512_set1_epi16(zero);
    return _mm512_packs_epi16(_mm512_adds_epi16(_mm512_packs_epi32(a, b), z), _mm512_adds_epi16(_mm512_packs_epi32(c, d), z));
}
/* All of a, all of b, all of c, all of d. */
QC_INLINE vb vb_order(vb x)
{
    return _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), x);
}
QC_INLINE vb vb_set1(int8_t x) { return _mm512_set1_epi8(x); }
QC_INLINE vb vb_max(vb a, vb b) { return _mm512_max_epi8(a, b); }
QC_INLINE void vb_store(int8_t *p, vb x) { _mm512_storeu_si512(p, x); }
/* Quarter 0 to 3 of x. */
QC_INLINE void vb_store_quarter(int8_t *p, vb x, const int quarter)
{
    const __m256i half = quarter & 2 ? _mm512_extracti64x4_epi64(x, 1) : _mm512_castsi512_si256(x);
    _mm_storeu_si128((__m128i *)p, quarter & 1 ? _mm256_extracti128_si256(half, 1) : _mm256_castsi256_si128(half));
}

QC_INLINE vi vi_round_narrow(vi x, vi multiplier, vi shift)
{
    const vi high = _mm512_madd_epi16(x, _mm512_slli_epi32(multiplier, 16)), low = _mm512_mulhi_epu16(x, multiplier);
    const vi half = _mm512_sllv_epi32(_mm512_set1_epi32(1), _mm512_sub_epi32(shift, _mm512_set1_epi32(1)));
    return _mm512_srav_epi32(_mm512_add_epi32(_mm512_add_epi32(high, half), low), shift);
}
QC_INLINE vb vb_pack_s16(vi a, vi b, int16_t low, int16_t high)
{
    const __m512i x = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), _mm512_packs_epi32(a, b));
    return _mm512_min_epi16(_mm512_max_epi16(x, _mm512_set1_epi16(low)), _mm512_set1_epi16(high));
}
QC_INLINE void vb_store_half(void *p, vb x, const int half)
{
    _mm256_storeu_si256(p, half ? _mm512_extracti64x4_epi64(x, 1) : _mm512_castsi512_si256(x));
}

/* x * scale rounded half up; x rounded half away from zero, and cut to 16 bits. */
QC_INLINE __m256i pd_round_up(__m512d x, __m512d scale)
{
    return _mm512_cvt_roundpd_epi32(_mm512_fmadd_pd(x, scale, _mm512_set1_pd(0.5)), _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}
QC_INLINE __m256i pd_round_away(__m512d x)
{
    const __m512d half = _mm512_or_pd(_mm512_and_pd(x, _mm512_set1_pd(-0.0)), _mm512_set1_pd(0x1.fffffffffffffp-2));
    const __m512d y = _mm512_roundscale_pd(_mm512_add_pd(x, half), _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
    return _mm512_cvtpd_epi32(_mm512_min_pd(_mm512_max_pd(y, _mm512_set1_pd(-32768)), _mm512_set1_pd(32767)));
}
QC_INLINE __m256i vi_round_up64_half(__m256i x, const double *bias, const double *scale)
{
    return pd_round_up(_mm512_add_pd(_mm512_cvtepi32_pd(x), _mm512_loadu_pd(bias)), _mm512_loadu_pd(scale));
}
QC_INLINE vi vi_round_up64(vi x, const double *bias, const double *scale)
{
    const __m256i first = vi_round_up64_half(_mm512_castsi512_si256(x), bias, scale);
    return _mm512_inserti64x4(_mm512_castsi256_si512(first), vi_round_up64_half(_mm512_extracti64x4_epi64(x, 1), bias + 8, scale + 8), 1);
}
QC_INLINE __m256i vi_round_away64_half(__m256i x, const double *bias, const double *scale)
{
    return pd_round_away(_mm512_mul_pd(_mm512_add_pd(_mm512_cvtepi32_pd(x), _mm512_loadu_pd(bias)), _mm512_loadu_pd(scale)));
}
QC_INLINE vi vi_round_away64(vi x, const double *bias, const double *scale)
{
    const __m256i first = vi_round_away64_half(_mm512_castsi512_si256(x), bias, scale);
    return _mm512_inserti64x4(_mm512_castsi256_si512(first), vi_round_away64_half(_mm512_extracti64x4_epi64(x, 1), bias + 8, scale + 8), 1);
}
QC_INLINE vi vi_limit(vi x, vi low, vi high) { return _mm512_min_epi32(_mm512_max_epi32(x, low), high); }
QC_INLINE void vi_store_row_s16(int16_t *p, vi x) { _mm256_storeu_si256((__m256i *)p, _mm512_cvtsepi32_epi16(x)); }

QC_INLINE vi vi_sra_by(vi x, int n) { return _mm512_sra_epi32(x, _mm_cvtsi32_si128(n)); }
QC_INLINE vi vi_abs(vi x) { return _mm512_abs_epi32(x); }
QC_INLINE vi vi_min(vi a, vi b) { return _mm512_min_epi32(a, b); }
QC_INLINE vi vi_and(vi a, vi b) { return _mm512_and_si512(a, b); }
QC_INLINE vi vi_or(vi a, vi b) { return _mm512_or_si512(a, b); }
QC_INLINE vi vi_xor(vi a, vi b) { return _mm512_xor_si512(a, b); }
QC_INLINE vi vi_madd(vi a, vi b) { return _mm512_madd_epi16(a, b); }

QC_INLINE vi vi_load_s16(const int16_t *p) { return _mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)p)); }
QC_INLINE vi vi_shift_left_by(vi x, int n) { return _mm512_sll_epi32(x, _mm_cvtsi32_si128(n)); }
QC_INLINE vi vi_high_mul(vi x, int32_t multiplier)
{
    const __m512i m = _mm512_set1_epi32(multiplier), half = _mm512_set1_epi64(INT64_C(1) << 30);
    const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(x, m), half), odd = _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(x, 32), m), half);
    return _mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(even, 31), _mm512_slli_epi64(odd, 1));
}
QC_INLINE vi vi_rounding_shift(vi x, int n)
{
    const __m512i mask = _mm512_set1_epi32((int32_t)((UINT32_C(1) << n) - 1)), rest = _mm512_and_si512(x, mask), one = _mm512_set1_epi32(1);
    const __m512i threshold = _mm512_sub_epi32(_mm512_srli_epi32(mask, 1), _mm512_srai_epi32(x, 31)), y = _mm512_sra_epi32(x, _mm_cvtsi32_si128(n));
    return _mm512_mask_add_epi32(y, _mm512_cmpgt_epi32_mask(rest, threshold), y, one);
}

QC_INLINE void vi_store_lanes(int32_t *p, size_t step, vi x)
{
    _mm_storeu_si128((__m128i *)p, _mm512_castsi512_si128(x));
    _mm_storeu_si128((__m128i *)(p + step), _mm512_extracti32x4_epi32(x, 1));
    _mm_storeu_si128((__m128i *)(p + 2 * step), _mm512_extracti32x4_epi32(x, 2));
    _mm_storeu_si128((__m128i *)(p + 3 * step), _mm512_extracti32x4_epi32(x, 3));
}
QC_INLINE void vf_store_by_lanes(float *p, vf a, vf b, vf c, vf d)
{
    const vf ab = _mm512_shuffle_f32x4(a, b, 0x44), cd = _mm512_shuffle_f32x4(c, d, 0x44);
    const vf ab2 = _mm512_shuffle_f32x4(a, b, 0xee), cd2 = _mm512_shuffle_f32x4(c, d, 0xee);
    vf_store(p, _mm512_shuffle_f32x4(ab, cd, 0x88));
    vf_store(p + 16, _mm512_shuffle_f32x4(ab, cd, 0xdd));
    vf_store(p + 32, _mm512_shuffle_f32x4(ab2, cd2, 0x88));
    vf_store(p + 48, _mm512_shuffle_f32x4(ab2, cd2, 0xdd));
}
QC_INLINE void vi_store_s16(int16_t *p, vi a, vi b) { _mm512_storeu_si512(p, _mm512_packs_epi32(a, b)); }

#endif
