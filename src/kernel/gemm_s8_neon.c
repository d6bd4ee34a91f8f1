/*
 * gemm_s8_neon.c - integer matrix products by widening multiplies: 6 rows x 4 columns. Two bytes' products fit 16 bits only one at a time
 * ((-128)^2 twice does not), so each pair is added on the way to 32 bits.
 */
#include "kernel/kernel.h"

#if QC_ARM
#include "kernel/simd_neon.h"

enum { UNIT_PARTS = 2, PART_BYTES = 8, X_BIAS = 0, TAKES_S8 = 1, TAKES_S16 = 1 };

/* Two columns, four k each. */
QC_INLINE vi load_weights(const int8_t *w) { return vreinterpretq_s32_s16(vmovl_s8(vld1_s8(w))); }
QC_INLINE vi dot(vi sum, vi x, vi w)
{
    const int16x8_t a = vreinterpretq_s16_s32(x), b = vreinterpretq_s16_s32(w);
    const vi low = vmull_s16(vget_low_s16(a), vget_low_s16(b)), high = vmull_high_s16(a, b);
    return vaddq_s32(sum, vpaddq_s32(low, high));
}
QC_INLINE vi spread(const void *a, size_t k, int part)
{
    int64_t four;
    (void)part;
    memcpy(&four, (const char *)a + k * 8, 8);
    return vreinterpretq_s32_s64(vdupq_n_s64(four));
}
QC_INLINE vi join(vi a, vi b) { return vpaddq_s32(a, b); }

#include "kernel/gemm_s8_template.h"

QC_TILE(1, 1) QC_TILE(2, 1) QC_TILE(4, 1) QC_TILE(6, 1)

static void run(const struct qc_gemm_s8_tile *t)
{
    static tile_fn *const one[ROW_TILES] = {tile_1x1, tile_2x1, tile_4x1, tile_6x1};
    for (size_t n = 0; n < t->columns; n += 4) one[row_tile(t->rows)](t, n, t->columns - n);
}

static void widen(const void *from, size_t n, void *ready)
{
    const int8_t *x = from;
    int16_t *to = ready;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) vst1q_s16(to + i, vmovl_s8(vld1_s8(x + i)));
    for (; i < n; i++) to[i] = x[i];
    for (; i % 4; i++) to[i] = 0;
}

extern const struct qc_gemm_s8 qc_gemm_s8_neon;
const struct qc_gemm_s8 qc_gemm_s8_neon = {{"neon", QC_CPU_NEON}, 16, run, widen, .element = 2, .exact = 508};
#endif
