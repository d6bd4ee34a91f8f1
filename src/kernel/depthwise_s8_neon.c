/*
 * depthwise_s8_neon.c - int8 depthwise convolution, over neon.
 */
#include "kernel/kernel.h"

#if QC_ARM
#include "kernel/simd_neon.h"

QC_INLINE vi load_pair(const int8_t *a, const int8_t *b)
{
    uint32_t left, right;
    memcpy(&left, a, 4);
    memcpy(&right, b, 4);
    return vreinterpretq_s32_s16(vmovl_s8(vzip1_s8(vreinterpret_s8_u32(vdup_n_u32(left)), vreinterpret_s8_u32(vdup_n_u32(right)))));
}
QC_INLINE vi load_pair_to(const int8_t *a, const int8_t *b, size_t count)
{
    int8_t left[4] = {0}, right[4] = {0};
    memcpy(left, a, count);
    memcpy(right, b, count);
    return load_pair(left, right);
}
QC_INLINE vi pair_dot(vi sum, vi x, vi w)
{
    const int16x8_t a = vreinterpretq_s16_s32(x), b = vreinterpretq_s16_s32(w);
    return vaddq_s32(sum, vpaddq_s32(vmull_s16(vget_low_s16(a), vget_low_s16(b)), vmull_high_s16(a, b)));
}

#include "kernel/depthwise_s8_template.h"

QC_DEPTHWISE_S8_ROW(neon, QC_CPU_NEON)
#endif
