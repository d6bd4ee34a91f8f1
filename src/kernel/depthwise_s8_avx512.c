/*
 * depthwise_s8_avx512.c - int8 depthwise convolution, over avx512.
 */
#include "kernel/kernel.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX512)
#include "kernel/simd_avx512.h"

/* a0 b0 a1 b1 ... as bytes, then widened: pairs in the order of channels. */
QC_INLINE vi interleave(__m128i a, __m128i b)
{
    const __m256i bytes = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_unpacklo_epi8(a, b)), _mm_unpackhi_epi8(a, b), 1);
    return _mm512_cvtepi8_epi16(bytes);
}
QC_INLINE vi load_pair(const int8_t *a, const int8_t *b)
{
    return interleave(_mm_loadu_si128((const __m128i *)a), _mm_loadu_si128((const __m128i *)b));
}
QC_INLINE vi load_pair_to(const int8_t *a, const int8_t *b, size_t count)
{
    return interleave(_mm_maskz_loadu_epi8(vf_mask(count), a), _mm_maskz_loadu_epi8(vf_mask(count), b));
}
QC_INLINE vi pair_dot(vi sum, vi x, vi w) { return _mm512_add_epi32(sum, _mm512_madd_epi16(x, w)); }

#include "kernel/depthwise_s8_template.h"
QC_ISA_END

QC_DEPTHWISE_S8_ROW(avx512, QC_CPU_AVX2 | QC_CPU_AVX512)
#endif
