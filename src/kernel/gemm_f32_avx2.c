/*
 * gemm_f32_avx2.c - float matrix products, over avx2: 6 x 16 in 12 of 16 registers; for 1 and 2 rows up to 64 and 32 columns, so that enough
 * sums are under way to hide the latency of a multiply-add.
 */
#include "kernel/kernel.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX2)
#include "kernel/simd_avx2.h"

#include "kernel/gemm_f32_template.h"

QC_TILE(1, 1, F32) QC_TILE(1, 2, F32) QC_TILE(1, 3, F32) QC_TILE(1, 4, F32)
QC_TILE(2, 1, F32) QC_TILE(2, 2, F32) QC_TILE(3, 1, F32) QC_TILE(4, 1, F32) QC_TILE(5, 1, F32) QC_TILE(6, 1, F32)
QC_HALF_TILE(3) QC_HALF_TILE(4) QC_HALF_TILE(5) QC_HALF_TILE(6)
static void run_f32(const struct qc_gemm_f32_tile *t)
{
    static tile_fn *const table[QC_TILE_ROWS][4] = {{tile_1x1_F32, tile_1x2_F32, tile_1x3_F32, tile_1x4_F32}, {tile_2x1_F32, tile_2x2_F32},
                                                    {tile_3x1_F32}, {tile_4x1_F32}, {tile_5x1_F32}, {tile_6x1_F32}};
    static tile_fn *const half[QC_TILE_ROWS] = {NULL, NULL, half_3, half_4, half_5, half_6};
    tile_any(t, table, half[t->rows - 1]);
}

QC_TILE(1, 1, F16) QC_TILE(1, 2, F16) QC_TILE(1, 4, F16)
QC_TILE(2, 1, F16) QC_TILE(3, 1, F16) QC_TILE(4, 1, F16) QC_TILE(5, 1, F16) QC_TILE(6, 1, F16)
static void run_f16(const struct qc_gemm_f32_tile *t)
{
    static tile_fn *const table[QC_TILE_ROWS][4] = {{tile_1x1_F16, tile_1x2_F16, NULL, tile_1x4_F16}, {tile_2x1_F16}, {tile_3x1_F16}, {tile_4x1_F16},
                                                    {tile_5x1_F16}, {tile_6x1_F16}};
    tile_any(t, table, NULL);
}

QC_STRIP(strip_1, 2) QC_STRIP(strip_half, 1)
static void strip(const struct qc_gemm_f32_tile *t)
{
    static tile_fn *const table[1] = {strip_1};
    strip_any(t, table, 1, strip_half);
}
QC_ISA_END

extern const struct qc_gemm_f32 qc_gemm_f32_avx2;
const struct qc_gemm_f32 qc_gemm_f32_avx2 = {{"avx2", QC_CPU_AVX2}, 4, {run_f32, run_f16}, strip};
#endif
