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
#define QC_HALF(kind)                                                                                        \
    static void half_##kind(const struct qc_gemm_f32_tile *t, float *c, size_t columns, const char *w)       \
    {                                                                                                        \
        struct qc_gemm_f32_tile rest = *t;                                                                   \
        rest.c = c;                                                                                          \
        rest.columns = columns;                                                                              \
        rest.w = w;                                                                                          \
        qc_gemm_f32_avx2.tile[kind](&rest);                                                                  \
    }
QC_HALF(QC_W_F32)
QC_HALF(QC_W_F16)
QC_HALF(QC_W_S8)

#define QC_ROWS(kind)                                                                                        \
    QC_TILE(1, 1, kind) QC_TILE(1, 2, kind) QC_TILE(1, 3, kind) QC_TILE(1, 4, kind)                          \
    QC_TILE(2, 1, kind) QC_TILE(2, 2, kind) QC_TILE(2, 3, kind) QC_TILE(2, 4, kind)                          \
    QC_TILE(3, 1, kind) QC_TILE(3, 2, kind) QC_TILE(3, 3, kind) QC_TILE(3, 4, kind)                          \
    QC_TILE(4, 1, kind) QC_TILE(4, 2, kind) QC_TILE(4, 3, kind) QC_TILE(4, 4, kind)                          \
    QC_TILE(5, 1, kind) QC_TILE(5, 2, kind) QC_TILE(5, 3, kind) QC_TILE(5, 4, kind)                          \
    QC_TILE(6, 1, kind) QC_TILE(6, 2, kind) QC_TILE(6, 3, kind) QC_TILE(6, 4, kind)                          \
    static void run_##kind(const struct qc_gemm_f32_tile *t)                                                 \
    {                                                                                                        \
        static tile_fn *const table[QC_TILE_ROWS][4] = {                                                     \
            {tile_1x1_##kind, tile_1x2_##kind, tile_1x3_##kind, tile_1x4_##kind},                            \
            {tile_2x1_##kind, tile_2x2_##kind, tile_2x3_##kind, tile_2x4_##kind},                            \
            {tile_3x1_##kind, tile_3x2_##kind, tile_3x3_##kind, tile_3x4_##kind},                            \
            {tile_4x1_##kind, tile_4x2_##kind, tile_4x3_##kind, tile_4x4_##kind},                            \
            {tile_5x1_##kind, tile_5x2_##kind, tile_5x3_##kind, tile_5x4_##kind},                            \
            {tile_6x1_##kind, tile_6x2_##kind, tile_6x3_##kind, tile_6x4_##kind}};                           \
        tile_any(t, table, 4, t->rows < 3 ? NULL : half_##kind);                                             \
    }
QC_ROWS(QC_W_F32)
QC_ROWS(QC_W_F16)
QC_ROWS(QC_W_S8)

QC_STRIP(strip_1, 1) QC_STRIP(strip_2, 2) QC_STRIP(strip_4, 4)
static void strip_half(const struct qc_gemm_f32_tile *t, float *c, size_t columns, const char *w)
{
    struct qc_gemm_f32_tile rest = *t;
    rest.c = c;
    rest.columns = columns;
    rest.w = w;
    qc_gemm_f32_avx2.strip(&rest);
}
static void strip(const struct qc_gemm_f32_tile *t)
{
    static tile_fn *const table[4] = {strip_1, strip_2, NULL, strip_4};
    strip_any(t, table, 4, strip_half);
}
QC_ISA_END

extern const struct qc_gemm_f32 qc_gemm_f32_avx512;
const struct qc_gemm_f32 qc_gemm_f32_avx512 = {{"avx512", QC_CPU_AVX2 | QC_CPU_AVX512}, 4, {run_QC_W_F32, run_QC_W_F16, run_QC_W_S8}, strip};
#endif
