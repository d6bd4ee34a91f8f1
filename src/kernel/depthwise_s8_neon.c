/*
 * depthwise_s8_neon.c - depthwise convolution of int8 by int8, by widening multiplies on two taps at a time.
 */
#include "kernel/kernel.h"

#if QC_ARM
#include "kernel/depthwise_s8.h"
#include "kernel/simd_neon.h"

#define DEPTHWISE_S16 0
enum { GROUP = 2, PARTS = 4, PIXELS = 2, X_BIAS = 0 };

QC_INLINE int8x16_t load(const char *a, size_t offset) { return vld1q_s8((const int8_t *)a + offset); }
QC_INLINE void pairs(int8x16_t a, int8x16_t b, vi x[PARTS])
{
    const int8x16_t low = vzip1q_s8(a, b), high = vzip2q_s8(a, b);
    x[0] = vreinterpretq_s32_s16(vmovl_s8(vget_low_s8(low))), x[1] = vreinterpretq_s32_s16(vmovl_high_s8(low));
    x[2] = vreinterpretq_s32_s16(vmovl_s8(vget_low_s8(high))), x[3] = vreinterpretq_s32_s16(vmovl_high_s8(high));
}
QC_INLINE void interleave(const char *const *a, size_t offset, vi x[PARTS]) { pairs(load(a[0], offset), load(a[1], offset), x); }
QC_INLINE void interleave_one(const char *a, size_t offset, vi x[PARTS]) { pairs(load(a, offset), load(a, offset), x); }
QC_INLINE vi dot(vi sum, vi x, vi w)
{
    const int16x8_t a = vreinterpretq_s16_s32(x), b = vreinterpretq_s16_s32(w);
    return vaddq_s32(sum, vpaddq_s32(vmull_s16(vget_low_s16(a), vget_low_s16(b)), vmull_high_s16(a, b)));
}

#include "kernel/depthwise_s8_template.h"

extern const struct qc_depthwise_s8 qc_depthwise_s8_neon;
const struct qc_depthwise_s8 qc_depthwise_s8_neon = {{"neon", QC_CPU_NEON}, ELEMENT, BLOCK, LANE, GROUP, .tile = tile};
#endif
