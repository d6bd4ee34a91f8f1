/*
 * winograd_f32_ref.c - transforms of Winograd convolutions, plain: the template over vectors of one float.
 */
#include "kernel/kernel.h"

#define QC_INLINE static inline
typedef float vf;
enum { vf_width = 1 };
QC_INLINE vf vf_set1(float x) { return x; }
QC_INLINE vf vf_zero(void) { return 0; }
QC_INLINE vf vf_load(const float *x) { return *x; }
QC_INLINE void vf_store(float *x, vf v) { *x = v; }
QC_INLINE vf vf_load_to(const float *x, size_t count) { return count ? *x : 0; }
QC_INLINE void vf_store_to(float *x, vf v, size_t count)
{
    if (count) *x = v;
}
QC_INLINE vf vf_add(vf x, vf y) { return x + y; }
QC_INLINE vf vf_sub(vf x, vf y) { return x - y; }
QC_INLINE vf vf_mul(vf x, vf y) { return x * y; }
QC_INLINE vf vf_fma(vf x, vf y, vf z) { return x * y + z; }
QC_INLINE vf vf_min(vf x, vf y) { return x < y ? x : y; }
QC_INLINE vf vf_max(vf x, vf y) { return x > y ? x : y; }

#include "kernel/winograd_f32_template.h"

QC_WINOGRAD_F32_ROW(ref, 0)
