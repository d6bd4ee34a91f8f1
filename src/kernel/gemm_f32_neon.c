/*
 * gemm_f32_neon.c - float matrix products, over neon: 6 rows x 16 columns in 24 of 32 registers.
 */
#include "kernel/kernel.h"

#if QC_ARM
#include "kernel/simd_neon.h"

#include "kernel/gemm_f32_template.h"

#define QC_ROWS(kind)                                                                                           \
    QC_TILE(1, 1, kind) QC_TILE(2, 1, kind) QC_TILE(3, 1, kind)                                                 \
    QC_TILE(4, 1, kind) QC_TILE(5, 1, kind) QC_TILE(6, 1, kind)                                                 \
    static void run_##kind(const struct qc_gemm_f32_tile *t)                                                    \
    {                                                                                                           \
        static tile_fn *const table[QC_TILE_ROWS][4] = {{tile_1x1_##kind}, {tile_2x1_##kind}, {tile_3x1_##kind}, \
                                                        {tile_4x1_##kind}, {tile_5x1_##kind}, {tile_6x1_##kind}}; \
        tile_any(t, table, NULL);                                                                               \
    }
QC_ROWS(F32)
QC_ROWS(F16)

QC_STRIP(strip_1, panel_vectors) QC_STRIP(strip_half, panel_vectors / 2)
static void strip(const struct qc_gemm_f32_tile *t)
{
    static tile_fn *const table[1] = {strip_1};
    strip_any(t, table, 1, strip_half);
}

extern const struct qc_gemm_f32 qc_gemm_f32_neon;
const struct qc_gemm_f32 qc_gemm_f32_neon = {{"neon", QC_CPU_NEON}, 4, {run_F32, run_F16}, strip};
#endif
