/*
 * gemm_s8_avx512.c - integer matrix products by the 512-bit vpmaddwd, for CPUs without vpdpbusd: 6 rows x 32 columns in 24 of 32 registers.
 * See gemm_s8_avx2.c.
 */
#include "kernel/kernel.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX512)
#include "kernel/simd_avx512.h"

enum { UNIT_PARTS = 2, PART_BYTES = 32, X_BIAS = 0, TAKES_S8 = 1, TAKES_S16 = 1 };

QC_INLINE vi load_weights(const int8_t *w) { return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)w)); }
QC_INLINE vi dot(vi sum, vi x, vi w) { return _mm512_add_epi32(sum, _mm512_madd_epi16(x, w)); }
QC_INLINE vi spread(const void *a, size_t k, int part)
{
    int64_t four;
    (void)part;
    __builtin_memcpy(&four, (const char *)a + k * 8, 8);
    return _mm512_set1_epi64(four);
}
QC_INLINE vi join(vi a, vi b)
{
    const vi even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const vi odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    return _mm512_add_epi32(_mm512_permutex2var_epi32(a, even, b), _mm512_permutex2var_epi32(a, odd, b));
}

#include "kernel/gemm_s8_template.h"

QC_TILE(1, 1) QC_TILE(1, 2) QC_TILE(2, 1) QC_TILE(2, 2)
QC_TILE(4, 1) QC_TILE(4, 2) QC_TILE(6, 1) QC_TILE(6, 2)

static void run(const struct qc_gemm_s8_tile *t)
{
    static tile_fn *const table[ROW_TILES][2] = {{tile_1x1, tile_1x2}, {tile_2x1, tile_2x2}, {tile_4x1, tile_4x2}, {tile_6x1, tile_6x2}};
    table[row_tile(t->rows)][(t->columns - 1) / 16](t, 0, t->columns);
}

static void widen(const void *from, size_t n, void *ready)
{
    const int8_t *x = from;
    int16_t *to = ready;
    size_t i = 0;
    for (; i + 32 <= n; i += 32) _mm512_storeu_si512(to + i, _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(x + i))));
    for (; i < n; i++) to[i] = x[i];
    for (; i % 4; i++) to[i] = 0;
}
QC_ISA_END

extern const struct qc_gemm_s8 qc_gemm_s8_avx512;
const struct qc_gemm_s8 qc_gemm_s8_avx512 = {{"avx512", QC_CPU_AVX2 | QC_CPU_AVX512}, 32, run, widen, .element = 2, .exact = 508};
#endif
