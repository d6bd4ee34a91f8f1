/*
 * gemm_s8_avx512vnni.c - integer matrix products by vpdpbusd: 6 rows x 64 columns in 24 of 32 registers.
 *
 * vpdpbusd multiplies unsigned by signed bytes: a + 128 stands for a, and 128 times the weights' sum is taken off at the end.
 */
#include "kernel/kernel.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX512VNNI)
#include "kernel/simd_avx512.h"

enum { UNIT_PARTS = 1, PART_BYTES = 0, X_BIAS = 128, TAKES_S8 = 1, TAKES_S16 = 0 };

QC_INLINE vi load_weights(const int8_t *w) { return _mm512_loadu_si512(w); }
QC_INLINE vi dot(vi sum, vi x, vi w) { return _mm512_dpbusd_epi32(sum, x, w); }
QC_INLINE vi spread(const void *a, size_t k, int part)
{
    int32_t four;
    (void)part;
    __builtin_memcpy(&four, (const char *)a + k * 4, 4);
    return _mm512_xor_si512(_mm512_set1_epi32(four), _mm512_set1_epi32((int32_t)0x80808080));
}
QC_INLINE vi join(vi a, vi b) { return (void)b, a; }

#include "kernel/gemm_s8_template.h"

QC_TILE(1, 1) QC_TILE(1, 2) QC_TILE(1, 3) QC_TILE(1, 4)
QC_TILE(2, 1) QC_TILE(2, 2) QC_TILE(2, 3) QC_TILE(2, 4)
QC_TILE(4, 1) QC_TILE(4, 2) QC_TILE(4, 3) QC_TILE(4, 4)
QC_TILE(6, 1) QC_TILE(6, 2) QC_TILE(6, 3) QC_TILE(6, 4)

static void run(const struct qc_gemm_s8_tile *t)
{
    static tile_fn *const table[ROW_TILES][4] = {{tile_1x1, tile_1x2, tile_1x3, tile_1x4}, {tile_2x1, tile_2x2, tile_2x3, tile_2x4},
                                                        {tile_4x1, tile_4x2, tile_4x3, tile_4x4}, {tile_6x1, tile_6x2, tile_6x3, tile_6x4}};
    table[row_tile(t->rows)][(t->columns - 1) / 16](t, 0, t->columns);
}
QC_ISA_END

extern const struct qc_gemm_s8 qc_gemm_s8_avx512vnni;
const struct qc_gemm_s8 qc_gemm_s8_avx512vnni = {{"avx512vnni", QC_CPU_AVX2 | QC_CPU_AVX512 | QC_CPU_AVX512VNNI}, 64, run, .element = 1};
#endif
