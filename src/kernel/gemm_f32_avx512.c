/*
 * gemm_f32_avx512.c - float matrix products, over avx512: 6 rows x 64 columns in 24 of 32 registers.
 */
#include "kernel/kernel.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX512)
#include "kernel/simd_avx512.h"

#include "kernel/gemm_f32_template.h"

/* Eight columns fill a vector of avx2. */
extern const struct qc_gemm_f32 qc_gemm_f32_avx2;
static struct qc_gemm_f32_tile rest_of(const struct qc_gemm_f32_tile *t, float *c, size_t columns, const char *w)
{
    struct qc_gemm_f32_tile rest = *t;
    rest.c = c;
    rest.columns = columns;
    rest.w = w;
    return rest;
}
static void half(const struct qc_gemm_f32_tile *t, float *c, size_t columns, const char *w)
{
    const struct qc_gemm_f32_tile rest = rest_of(t, c, columns, w);
    qc_gemm_f32_avx2.tile[QC_W_F32](&rest);
}

QC_TILE(1, 1, F32) QC_TILE(1, 2, F32) QC_TILE(1, 3, F32) QC_TILE(1, 4, F32)
QC_TILE(2, 1, F32) QC_TILE(2, 2, F32) QC_TILE(2, 4, F32) QC_TILE(3, 1, F32) QC_TILE(3, 2, F32) QC_TILE(3, 4, F32)
QC_TILE(4, 1, F32) QC_TILE(4, 2, F32) QC_TILE(4, 4, F32) QC_TILE(5, 1, F32) QC_TILE(5, 2, F32) QC_TILE(5, 4, F32)
QC_TILE(6, 1, F32) QC_TILE(6, 2, F32) QC_TILE(6, 3, F32) QC_TILE(6, 4, F32)
static void run_f32(const struct qc_gemm_f32_tile *t)
{
    static tile_fn *const table[QC_TILE_ROWS][4] = {
        {tile_1x1_F32, tile_1x2_F32, tile_1x3_F32, tile_1x4_F32}, {tile_2x1_F32, tile_2x2_F32, NULL, tile_2x4_F32},
        {tile_3x1_F32, tile_3x2_F32, NULL, tile_3x4_F32},         {tile_4x1_F32, tile_4x2_F32, NULL, tile_4x4_F32},
        {tile_5x1_F32, tile_5x2_F32, NULL, tile_5x4_F32},         {tile_6x1_F32, tile_6x2_F32, tile_6x3_F32, tile_6x4_F32}};
    tile_any(t, table, t->rows < 3 ? NULL : half);
}

QC_TILE(1, 1, F16) QC_TILE(1, 2, F16) QC_TILE(1, 4, F16)
QC_TILE(2, 1, F16) QC_TILE(3, 1, F16) QC_TILE(4, 1, F16) QC_TILE(5, 1, F16) QC_TILE(6, 1, F16)
static void run_f16(const struct qc_gemm_f32_tile *t)
{
    static tile_fn *const table[QC_TILE_ROWS][4] = {{tile_1x1_F16, tile_1x2_F16, NULL, tile_1x4_F16}, {tile_2x1_F16}, {tile_3x1_F16}, {tile_4x1_F16},
                                                    {tile_5x1_F16}, {tile_6x1_F16}};
    tile_any(t, table, NULL);
}

QC_STRIP(strip_1, 1) QC_STRIP(strip_2, 2) QC_STRIP(strip_4, 4)
static void strip_half(const struct qc_gemm_f32_tile *t, float *c, size_t columns, const char *w)
{
    const struct qc_gemm_f32_tile rest = rest_of(t, c, columns, w);
    qc_gemm_f32_avx2.strip(&rest);
}
static void strip(const struct qc_gemm_f32_tile *t)
{
    static tile_fn *const table[4] = {strip_1, strip_2, NULL, strip_4};
    strip_any(t, table, 4, strip_half);
}
QC_ISA_END

extern const struct qc_gemm_f32 qc_gemm_f32_avx512;
const struct qc_gemm_f32 qc_gemm_f32_avx512 = {{"avx512", QC_CPU_AVX2 | QC_CPU_AVX512}, 4, {run_f32, run_f16}, strip};
#endif
