/*
 * gemm_f32_avx2.c - float matrix products, over avx2: 6 x 16 in 12 of 16 registers; for 1 and 2 rows up to 64 and 32 columns, so that enough
 * sums are under way to hide the latency of a multiply-add.
 */
#include "kernel/kernel.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX2)
#include "kernel/simd_avx2.h"

#include "kernel/gemm_f32_template.h"

#define QC_ROWS(kind)                                                                                       \
    QC_TILE(1, 1, kind) QC_TILE(1, 2, kind) QC_TILE(1, 3, kind) QC_TILE(1, 4, kind)                         \
    QC_TILE(2, 1, kind) QC_TILE(2, 2, kind)                                                                 \
    QC_TILE(3, 1, kind) QC_TILE(4, 1, kind) QC_TILE(5, 1, kind) QC_TILE(6, 1, kind)                         \
    QC_HALF_TILE(3, kind) QC_HALF_TILE(4, kind) QC_HALF_TILE(5, kind) QC_HALF_TILE(6, kind)                 \
    static void run_##kind(const struct qc_gemm_f32_tile *t)                                                \
    {                                                                                                       \
        static tile_fn *const table[QC_TILE_ROWS][4] = {                                                    \
            {tile_1x1_##kind, tile_1x2_##kind, tile_1x3_##kind, tile_1x4_##kind},                           \
            {tile_2x1_##kind, tile_2x2_##kind}, {tile_3x1_##kind}, {tile_4x1_##kind}, {tile_5x1_##kind},    \
            {tile_6x1_##kind}};                                                                             \
        static tile_fn *const half[QC_TILE_ROWS] = {NULL, NULL, half_3_##kind, half_4_##kind, half_5_##kind, half_6_##kind}; \
        tile_any(t, table, t->rows == 1 ? 4 : t->rows == 2 ? 2 : 1, half[t->rows - 1]);                     \
    }
QC_ROWS(QC_W_F32)
QC_ROWS(QC_W_F16)
QC_ROWS(QC_W_S8)

QC_STRIP(strip_1, 2) QC_STRIP(strip_half, 1)
static void strip(const struct qc_gemm_f32_tile *t)
{
    static tile_fn *const table[1] = {strip_1};
    strip_any(t, table, 1, strip_half);
}
QC_ISA_END

extern const struct qc_gemm_f32 qc_gemm_f32_avx2;
const struct qc_gemm_f32 qc_gemm_f32_avx2 = {{"avx2", QC_CPU_AVX2}, 4, {run_QC_W_F32, run_QC_W_F16, run_QC_W_S8}, strip};
#endif
