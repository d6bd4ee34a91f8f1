/*
 * depthwise_s8_avx2.c - int8 depthwise convolution, over avx2.
 */
#include "kernel/kernel.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX2)
#include "kernel/simd_avx2.h"

/* a0 b0 a1 b1 ... as bytes, then widened: pairs in the order of channels. */
QC_INLINE vi load_pair(const int8_t *a, const int8_t *b)
{
    return _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(_mm_loadl_epi64((const __m128i *)a), _mm_loadl_epi64((const __m128i *)b)));
}
QC_INLINE vi load_pair_to(const int8_t *a, const int8_t *b, size_t count)
{
    int8_t left[8] = {0}, right[8] = {0};
    for (size_t i = 0; i < count; i++) left[i] = a[i], right[i] = b[i];
    return load_pair(left, right);
}
QC_INLINE vi pair_dot(vi sum, vi x, vi w) { return _mm256_add_epi32(sum, _mm256_madd_epi16(x, w)); }

#include "kernel/depthwise_s8_template.h"
QC_ISA_END

QC_DEPTHWISE_S8_ROW(avx2, QC_CPU_AVX2)
#endif
