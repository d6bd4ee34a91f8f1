/*
 * sigmoid_s16_avx512.c - sigmoid_s16.h for AVX-512: the table lies in registers.
 */
#include "kernel/kernel.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX512)
#include "kernel/sigmoid_s16.h"
#include "kernel/simd_avx512.h"

struct tables {
    __m512i value[8], slope[8];
};
QC_INLINE struct tables tables_of(const struct qc_sigmoid_s16 *s)
{
    struct tables t;
    QC_UNROLL
    for (int i = 0; i < 8; i++) t.value[i] = _mm512_loadu_si512(s->value + 32 * i), t.slope[i] = _mm512_loadu_si512(s->slope + 32 * i);
    return t;
}
/* 64 entries at a time, of which the index's bits 6 and 7 choose. */
QC_INLINE __m512i words(const __m512i table[8], __m512i index, __mmask32 bit6, __mmask32 bit7)
{
    const __m512i a = _mm512_permutex2var_epi16(table[0], index, table[1]), b = _mm512_permutex2var_epi16(table[2], index, table[3]);
    const __m512i c = _mm512_permutex2var_epi16(table[4], index, table[5]), d = _mm512_permutex2var_epi16(table[6], index, table[7]);
    return _mm512_mask_blend_epi16(bit7, _mm512_mask_blend_epi16(bit6, a, b), _mm512_mask_blend_epi16(bit6, c, d));
}
QC_INLINE void lookup(const struct tables *t, const vi index[2], vi pair[2])
{
    const __m512i both = _mm512_packus_epi32(index[0], index[1]);
    const __mmask32 bit6 = _mm512_test_epi16_mask(both, _mm512_set1_epi16(64)), bit7 = _mm512_test_epi16_mask(both, _mm512_set1_epi16(128));
    const __m512i value = words(t->value, both, bit6, bit7), slope = words(t->slope, both, bit6, bit7);
    pair[0] = _mm512_unpacklo_epi16(value, slope), pair[1] = _mm512_unpackhi_epi16(value, slope);
}

#include "kernel/sigmoid_s16_template.h"
QC_ISA_END

extern const struct qc_sigmoid_s16_kernel qc_sigmoid_s16_avx512;
const struct qc_sigmoid_s16_kernel qc_sigmoid_s16_avx512 = {{"avx512", QC_CPU_AVX2 | QC_CPU_AVX512}, row};
#endif
