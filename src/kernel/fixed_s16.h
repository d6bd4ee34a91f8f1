/*
 * fixed_s16.h - rows of the 16-bit logistic function and hyperbolic tangent of fixed_point.h. All variants give the same bits.
 */
#ifndef QC_KERNEL_FIXED_S16_H
#define QC_KERNEL_FIXED_S16_H

#include "kernel/kernel.h"

struct qc_fixed_s16 {
    struct qc_variant variant;
    void (*logistic)(size_t n, const int16_t *x, int16_t *y);        /* of Q3 */
    void (*tanh)(size_t n, int bits, const int16_t *x, int16_t *y);  /* of Q`bits`, 0 to 6 */
};

const struct qc_fixed_s16 *const *qc_fixed_s16_variants(size_t *count);
const struct qc_fixed_s16 *qc_fixed_s16_pick(uint32_t features);

#endif
