/*
 * gemm_s8_avx2.c - integer matrix products by vpmaddwd, exact for all bytes: 6 rows x 8 columns in 12 of 16 registers.
 *
 * Four k of a column lie side by side and leave two sums, which are added once, at the end. Rows are widened to 16 bits beforehand.
 */
#include "kernel/kernel.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX2)
#include "kernel/simd_avx2.h"

enum { UNIT_PARTS = 2, PART_BYTES = 16, X_BIAS = 0, TAKES_S8 = 1, TAKES_S16 = 1 };

QC_INLINE vi load_weights(const int8_t *w) { return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)w)); }
QC_INLINE vi dot(vi sum, vi x, vi w) { return _mm256_add_epi32(sum, _mm256_madd_epi16(x, w)); }
QC_INLINE vi spread(const void *a, size_t k, int part)
{
    int64_t four;
    (void)part;
    __builtin_memcpy(&four, (const char *)a + k * 8, 8);
    return _mm256_set1_epi64x(four);
}
/* Columns 0-3 and 4-7, two sums each, to 0, 1, 4, 5, 2, 3, 6, 7 and in order. */
QC_INLINE vi join(vi a, vi b) { return _mm256_permute4x64_epi64(_mm256_hadd_epi32(a, b), 0xd8); }

#include "kernel/gemm_s8_template.h"

QC_TILE(1, 1) QC_TILE(1, 2) QC_TILE(2, 1) QC_TILE(2, 2) QC_TILE(4, 1) QC_TILE(6, 1)

static void run(const struct qc_gemm_s8_tile *t)
{
    static tile_fn *const one[ROW_TILES] = {tile_1x1, tile_2x1, tile_4x1, tile_6x1};
    if (t->rows <= 2 && t->columns > 8) {
        (t->rows == 1 ? tile_1x2 : tile_2x2)(t, 0, t->columns);
        return;
    }
    one[row_tile(t->rows)](t, 0, QC_MIN(t->columns, (size_t)8));
    if (t->columns > 8) one[row_tile(t->rows)](t, 8, t->columns - 8);
}

static void widen(const void *from, size_t n, void *ready)
{
    const int8_t *x = from;
    int16_t *to = ready;
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        _mm256_storeu_si256((__m256i *)(to + i), _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(x + i))));
    for (; i < n; i++) to[i] = x[i];
    for (; i % 4; i++) to[i] = 0;
}
QC_ISA_END

extern const struct qc_gemm_s8 qc_gemm_s8_avx2;
const struct qc_gemm_s8 qc_gemm_s8_avx2 = {{"avx2", QC_CPU_AVX2}, 16, run, widen, .element = 2, .exact = 508};
#endif
