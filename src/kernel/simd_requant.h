/*
 * simd_requant.h - qc_requant (base/requant.h) of every element of a vector. Include after a simd_*.h.
 */
#ifndef QC_KERNEL_SIMD_REQUANT_H
#define QC_KERNEL_SIMD_REQUANT_H

#include "base/requant.h"

QC_INLINE vi vi_requant(vi x, struct qc_multiplier m)
{
    const int left = m.shift > 0 ? m.shift : 0, right = m.shift > 0 ? 0 : -m.shift;
    return vi_rounding_shift(vi_high_mul(vi_shift_left_by(x, left), m.multiplier), right);
}

#endif
