/*
 * table8_avx2.c - look-up of bytes by vpshufb: each of the table's sixteen pieces answers for the bytes whose upper half is its number, and gives 0
 * for all others, since adding 0x70 with saturation sets their top bit.
 */
#include "kernel/table.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX2)
#include "kernel/simd_avx2.h"

static void apply(const uint8_t table[256], const uint8_t *x, uint8_t *y, size_t n)
{
    vi piece[16];
    QC_UNROLL
    for (int k = 0; k < 16; k++) piece[k] = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(table + 16 * k)));
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        const vi at = _mm256_loadu_si256((const __m256i *)(const void *)(x + i));
        vi result = vi_zero();
        QC_UNROLL
        for (int k = 0; k < 16; k++) {
            const vi inside = _mm256_adds_epu8(_mm256_xor_si256(at, _mm256_set1_epi8((char)(16 * k))), _mm256_set1_epi8(0x70));
            result = _mm256_or_si256(result, _mm256_shuffle_epi8(piece[k], inside));
        }
        _mm256_storeu_si256((__m256i *)(void *)(y + i), result);
    }
    for (; i < n; i++) y[i] = table[x[i]];
}
QC_ISA_END

extern const struct qc_table8 qc_table8_avx2;
const struct qc_table8 qc_table8_avx2 = {{"avx2", QC_CPU_AVX2}, apply};
#endif
