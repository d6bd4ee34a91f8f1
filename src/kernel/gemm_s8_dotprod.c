/*
 * gemm_s8_dotprod.c - integer matrix products by sdot: 6 rows x 16 columns in 24 of 32 registers.
 */
#include "kernel/kernel.h"

#if QC_ARM
#if defined(__clang__)
QC_ISA_BEGIN("dotprod")
#else
QC_ISA_BEGIN("arch=armv8.2-a+dotprod")
#endif
#include "kernel/simd_neon.h"

enum { UNIT_PARTS = 1, PART_BYTES = 0, X_BIAS = 0, TAKES_S8 = 1, TAKES_S16 = 0 };

QC_INLINE vi load_weights(const int8_t *w) { return vreinterpretq_s32_s8(vld1q_s8(w)); }
QC_INLINE vi dot(vi sum, vi x, vi w) { return vdotq_s32(sum, vreinterpretq_s8_s32(x), vreinterpretq_s8_s32(w)); }
QC_INLINE vi spread(const void *a, size_t k, int part)
{
    int32_t four;
    (void)part;
    memcpy(&four, (const char *)a + k * 4, 4);
    return vdupq_n_s32(four);
}
QC_INLINE vi join(vi a, vi b) { return (void)b, a; }

#include "kernel/gemm_s8_template.h"

QC_TILE(1, 4) QC_TILE(2, 4) QC_TILE(4, 4) QC_TILE(6, 4)

static void run(const struct qc_gemm_s8_tile *t)
{
    static tile_fn *const table[ROW_TILES] = {tile_1x4, tile_2x4, tile_4x4, tile_6x4};
    table[row_tile(t->rows)](t, 0, t->columns);
}
QC_ISA_END

extern const struct qc_gemm_s8 qc_gemm_s8_dotprod;
const struct qc_gemm_s8 qc_gemm_s8_dotprod = {{"dotprod", QC_CPU_NEON | QC_CPU_DOTPROD}, 16, run, .element = 1};
#endif
