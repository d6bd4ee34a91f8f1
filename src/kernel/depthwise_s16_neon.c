/*
 * depthwise_s16_neon.c - depthwise convolution of int16 by int8, by widening multiplies on two taps at a time.
 */
#include "kernel/kernel.h"

#if QC_ARM
#include "kernel/depthwise_s8.h"
#include "kernel/simd_neon.h"

#define DEPTHWISE_S16 1
enum { GROUP = 2, PARTS = 2, PIXELS = 2, X_BIAS = 0 };

QC_INLINE int16x8_t load(const char *a, size_t offset) { return vld1q_s16((const int16_t *)(const void *)(a + offset)); }
QC_INLINE void pairs(int16x8_t a, int16x8_t b, vi x[PARTS])
{
    x[0] = vreinterpretq_s32_s16(vzip1q_s16(a, b)), x[1] = vreinterpretq_s32_s16(vzip2q_s16(a, b));
}
QC_INLINE void interleave(const char *const *a, size_t offset, vi x[PARTS]) { pairs(load(a[0], offset), load(a[1], offset), x); }
QC_INLINE void interleave_one(const char *a, size_t offset, vi x[PARTS]) { pairs(load(a, offset), load(a, offset), x); }
QC_INLINE vi dot(vi sum, vi x, vi w)
{
    const int16x8_t a = vreinterpretq_s16_s32(x), b = vreinterpretq_s16_s32(w);
    return vaddq_s32(sum, vpaddq_s32(vmull_s16(vget_low_s16(a), vget_low_s16(b)), vmull_high_s16(a, b)));
}

#include "kernel/depthwise_s8_template.h"

extern const struct qc_depthwise_s8 qc_depthwise_s16_neon;
const struct qc_depthwise_s8 qc_depthwise_s16_neon = {{"neon", QC_CPU_NEON}, ELEMENT, BLOCK, LANE, GROUP, .tile = tile};
#endif
