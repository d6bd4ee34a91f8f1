/*
 * simd_neon.h - the vector of four floats. The names and their meaning are those of simd_avx2.h.
 */
#ifndef QC_KERNEL_SIMD_NEON_H
#define QC_KERNEL_SIMD_NEON_H

#include "kernel/kernel.h"
#include <string.h>

#define QC_INLINE static inline __attribute__((always_inline, unused))

typedef float32x4_t vf;
typedef int32x4_t vi;
enum { vf_width = 4 };

QC_INLINE vf vf_set1(float x) { return vdupq_n_f32(x); }
QC_INLINE vf vf_zero(void) { return vdupq_n_f32(0); }
QC_INLINE vf vf_load(const float *p) { return vld1q_f32(p); }
QC_INLINE void vf_store(float *p, vf x) { vst1q_f32(p, x); }
QC_INLINE vf vf_load_to(const float *p, size_t count)
{
    float all[4] = {0};
    memcpy(all, p, count * sizeof *p);
    return vld1q_f32(all);
}
QC_INLINE void vf_store_to(float *p, vf x, size_t count)
{
    float all[4];
    vst1q_f32(all, x);
    memcpy(p, all, count * sizeof *p);
}
QC_INLINE vf vf_load_half(const uint16_t *p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
QC_INLINE vf vf_load_s8(const int8_t *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof word);
    const int16x8_t wide = vmovl_s8(vreinterpret_s8_u32(vdup_n_u32(word)));
    return vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)));
}
QC_INLINE vf vf_add(vf a, vf b) { return vaddq_f32(a, b); }
QC_INLINE vf vf_sub(vf a, vf b) { return vsubq_f32(a, b); }
QC_INLINE vf vf_mul(vf a, vf b) { return vmulq_f32(a, b); }
QC_INLINE vf vf_div(vf a, vf b) { return vdivq_f32(a, b); }
QC_INLINE vf vf_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
QC_INLINE vf vf_min(vf a, vf b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
QC_INLINE vf vf_max(vf a, vf b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
QC_INLINE vf vf_abs(vf x) { return vabsq_f32(x); }
QC_INLINE vf vf_copysign(vf magnitude, vf sign) { return vbslq_f32(vdupq_n_u32(0x80000000u), sign, magnitude); }
QC_INLINE vf vf_select_lt(vf a, vf b, vf yes, vf no) { return vbslq_f32(vcltq_f32(a, b), yes, no); }
QC_INLINE vf vf_round(vf x) { return vrndnq_f32(x); }
QC_INLINE vf vf_trunc(vf x) { return vrndq_f32(x); }
QC_INLINE vf vf_sqrt(vf x) { return vsqrtq_f32(x); }
QC_INLINE vf vf_scale2(vf x, vf n)
{
    const int32x4_t whole = vcvtnq_s32_f32(n), half = vshrq_n_s32(whole, 1), rest = vsubq_s32(whole, half), bias = vdupq_n_s32(127);
    const vf a = vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(half, bias), 23));
    const vf b = vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(rest, bias), 23));
    return vmulq_f32(vmulq_f32(x, a), b);
}
QC_INLINE float vf_sum(vf x) { return vaddvq_f32(x); }
QC_INLINE float vf_reduce_max(vf x) { return vmaxvq_f32(x); }

QC_INLINE vi vi_zero(void) { return vdupq_n_s32(0); }
QC_INLINE vi vi_opaque(vi x)
{
    __asm__("" : "+w"(x));
    return x;
}
QC_INLINE vf vf_opaque(vf x)
{
    __asm__("" : "+w"(x));
    return x;
}
QC_INLINE vf vf_negative_abs(vf x) { return vnegq_f32(vabsq_f32(x)); }
QC_INLINE vi vi_bits(vf x) { return vreinterpretq_s32_f32(x); }
QC_INLINE vf vf_of_bits(vi x) { return vreinterpretq_f32_s32(x); }
QC_INLINE vi vi_shift_left(vi x, const int count) { return vshlq_s32(x, vdupq_n_s32(count)); }
QC_INLINE vi vi_set1(int32_t x) { return vdupq_n_s32(x); }
QC_INLINE vi vi_load(const int32_t *p) { return vld1q_s32(p); }
QC_INLINE void vi_store(int32_t *p, vi x) { vst1q_s32(p, x); }
QC_INLINE void vi_store_to(int32_t *p, vi x, size_t count)
{
    int32_t all[4];
    vst1q_s32(all, x);
    memcpy(p, all, count * sizeof *p);
}
QC_INLINE vi vi_add(vi a, vi b) { return vaddq_s32(a, b); }
QC_INLINE vi vi_sub(vi a, vi b) { return vsubq_s32(a, b); }
QC_INLINE vi vi_mul(vi a, vi b) { return vmulq_s32(a, b); }
QC_INLINE vf vf_from(vi x) { return vcvtq_f32_s32(x); }
QC_INLINE vi vi_from(vf x) { return vcvtnq_s32_f32(x); }
QC_INLINE vi vi_cut(vf x) { return vcvtq_s32_f32(x); }
QC_INLINE void vi_store_s8(int8_t *p, vi x, size_t count)
{
    const int16x4_t wide = vmovn_s32(x);
    int8_t all[8];
    vst1_s8(all, vmovn_s16(vcombine_s16(wide, wide)));
    memcpy(p, all, count < 4 ? count : 4);
}

typedef int8x16_t vb;
QC_INLINE vb vb_pack(vi a, vi b, vi c, vi d, int16_t zero)
{
    const int16x8_t z = vdupq_n_s16(zero), ab = vcombine_s16(vqmovn_s32(a), vqmovn_s32(b)), cd = vcombine_s16(vqmovn_s32(c), vqmovn_s32(d));
    return vcombine_s8(vqmovn_s16(vqaddq_s16(ab, z)), vqmovn_s16(vqaddq_s16(cd, z)));
}
QC_INLINE vb vb_order(vb x) { return x; }
QC_INLINE vb vb_set1(int8_t x) { return vdupq_n_s8(x); }
QC_INLINE vb vb_max(vb a, vb b) { return vmaxq_s8(a, b); }
QC_INLINE void vb_store(int8_t *p, vb x) { vst1q_s8(p, x); }
QC_INLINE void vb_store_quarter(int8_t *p, vb x, const int quarter)
{
    int8_t all[16];
    vst1q_s8(all, x);
    memcpy(p, all + 4 * quarter, 4);
}

QC_INLINE void vi_store_lanes(int32_t *p, size_t step, vi x) { (void)step, vst1q_s32(p, x); }
QC_INLINE void vf_store_by_lanes(float *p, vf a, vf b, vf c, vf d)
{
    vf_store(p, a);
    vf_store(p + 4, b);
    vf_store(p + 8, c);
    vf_store(p + 12, d);
}
QC_INLINE void vi_store_s16(int16_t *p, vi a, vi b) { vst1q_s16(p, vcombine_s16(vqmovn_s32(a), vqmovn_s32(b))); }

QC_INLINE vi vi_round_narrow(vi x, vi multiplier, vi shift)
{
    const int32x4_t right = vsubq_s32(vdupq_n_s32(-16), shift);
    const int64x2_t low = vrshlq_s64(vmull_s32(vget_low_s32(x), vget_low_s32(multiplier)), vmovl_s32(vget_low_s32(right)));
    return vcombine_s32(vmovn_s64(low), vmovn_s64(vrshlq_s64(vmull_high_s32(x, multiplier), vmovl_high_s32(right))));
}
QC_INLINE vb vb_pack_s16(vi a, vi b, int16_t low, int16_t high)
{
    const int16x8_t x = vcombine_s16(vqmovn_s32(a), vqmovn_s32(b));
    return vreinterpretq_s8_s16(vminq_s16(vmaxq_s16(x, vdupq_n_s16(low)), vdupq_n_s16(high)));
}
QC_INLINE void vb_store_half(void *p, vb x, const int half) { vst1_s8(p, half ? vget_high_s8(x) : vget_low_s8(x)); }

QC_INLINE float64x2_t vi_sum64(int32x2_t x, const double *bias) { return vaddq_f64(vcvtq_f64_s64(vmovl_s32(x)), vld1q_f64(bias)); }
QC_INLINE vi vi_round_up64(vi x, const double *bias, const double *scale)
{
    const float64x2_t half = vdupq_n_f64(0.5);
    const float64x2_t low = vfmaq_f64(half, vi_sum64(vget_low_s32(x), bias), vld1q_f64(scale));
    const float64x2_t high = vfmaq_f64(half, vi_sum64(vget_high_s32(x), bias + 2), vld1q_f64(scale + 2));
    return vcombine_s32(vmovn_s64(vcvtmq_s64_f64(low)), vmovn_s64(vcvtmq_s64_f64(high)));
}
QC_INLINE vi vi_round_away64(vi x, const double *bias, const double *scale)
{
    const float64x2_t low = vmulq_f64(vi_sum64(vget_low_s32(x), bias), vld1q_f64(scale));
    const float64x2_t high = vmulq_f64(vi_sum64(vget_high_s32(x), bias + 2), vld1q_f64(scale + 2));
    return vcombine_s32(vqmovn_s64(vcvtaq_s64_f64(low)), vqmovn_s64(vcvtaq_s64_f64(high)));
}
QC_INLINE vi vi_limit(vi x, vi low, vi high) { return vminq_s32(vmaxq_s32(x, low), high); }
QC_INLINE void vi_store_row_s16(int16_t *p, vi x) { vst1_s16(p, vqmovn_s32(x)); }

#endif
