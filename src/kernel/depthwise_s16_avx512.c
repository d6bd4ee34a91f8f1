/*
 * depthwise_s16_avx512.c - depthwise convolution of int16 by int8, by the 512-bit vpmaddwd on two taps at a time.
 */
#include "kernel/kernel.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX512)
#include "kernel/simd_avx512.h"

#define DEPTHWISE_S16 1
enum { GROUP = 2, PARTS = 2, PIXELS = 4, X_BIAS = 0 };

QC_INLINE vi load(const char *a, size_t offset) { return _mm512_loadu_si512(a + offset); }
QC_INLINE void pairs(vi a, vi b, vi x[PARTS]) { x[0] = _mm512_unpacklo_epi16(a, b), x[1] = _mm512_unpackhi_epi16(a, b); }
QC_INLINE void interleave(const char *const *a, size_t offset, vi x[PARTS]) { pairs(load(a[0], offset), load(a[1], offset), x); }
QC_INLINE void interleave_one(const char *a, size_t offset, vi x[PARTS]) { pairs(load(a, offset), load(a, offset), x); }
QC_INLINE vi dot(vi sum, vi x, vi w) { return _mm512_add_epi32(sum, _mm512_madd_epi16(x, w)); }

#include "kernel/depthwise_s8_template.h"
QC_ISA_END

extern const struct qc_depthwise_s8 qc_depthwise_s16_avx512;
const struct qc_depthwise_s8 qc_depthwise_s16_avx512 = {{"avx512", QC_CPU_AVX2 | QC_CPU_AVX512}, ELEMENT, BLOCK, LANE, GROUP, .tile = tile};
#endif
