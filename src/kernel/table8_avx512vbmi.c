/*
 * table8_avx512vbmi.c - look-up of bytes by vpermi2b: one for each half of the table.
 */
#include "kernel/table.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX512 ",avx512vbmi")

static void apply(const uint8_t table[256], const uint8_t *x, uint8_t *y, size_t n)
{
    const __m512i t0 = _mm512_loadu_si512(table), t1 = _mm512_loadu_si512(table + 64);
    const __m512i t2 = _mm512_loadu_si512(table + 128), t3 = _mm512_loadu_si512(table + 192);
    size_t i = 0;
    for (; i + 64 <= n; i += 64) {
        const __m512i at = _mm512_loadu_si512(x + i);
        const __m512i low = _mm512_permutex2var_epi8(t0, at, t1), high = _mm512_permutex2var_epi8(t2, at, t3);
        _mm512_storeu_si512(y + i, _mm512_mask_blend_epi8(_mm512_movepi8_mask(at), low, high));
    }
    for (; i < n; i++) y[i] = table[x[i]];
}
QC_ISA_END

extern const struct qc_table8 qc_table8_avx512vbmi;
const struct qc_table8 qc_table8_avx512vbmi = {{"avx512vbmi", QC_CPU_AVX2 | QC_CPU_AVX512 | QC_CPU_AVX512VBMI}, apply};
#endif
