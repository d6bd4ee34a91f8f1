/*
 * sigmoid_s16.h - logistic function and hyperbolic tangent of 16 bits, as TFLite's reference kernels compute them: a table of the logistic function at
 * 256 places and lines in between.
 *
 * All variants give the same bits.
 */
#ifndef QC_KERNEL_SIGMOID_S16_H
#define QC_KERNEL_SIGMOID_S16_H

#include "kernel/row.h"

struct qc_sigmoid_s16 {
    /*
     * x * multiplier / 2^shift, rounded, is `at`, in units of 1 / (24 * 2^fraction). With |at| = index * 2^fraction + rest, of the last index if it is larger,
     *     r = value[index] * 2^fraction + slope[index] * rest,   result = ((at < 0 ? ~r : r) + centre) / 2^down, rounded down and cut to 16 bits
     */
    int32_t multiplier, shift, fraction, centre, down;
    int16_t value[256], slope[256]; /* value: less 2^15 */
    uint32_t pair[256];             /* both: value in the low half */
};

/* x * multiplier / 2^shift must be the real number in units of 1 / 12288; multiplier in [0, 2^15]. The result is in units of 2^-15. */
void qc_sigmoid_s16_fill(struct qc_sigmoid_s16 *sigmoid, bool tanh, int32_t multiplier, int shift);

struct qc_sigmoid_s16_kernel {
    struct qc_variant variant;
    qc_row_fn *row; /* params is qc_sigmoid_s16; int16 to int16 */
};
const struct qc_sigmoid_s16_kernel *const *qc_sigmoid_s16_variants(size_t *count);
const struct qc_sigmoid_s16_kernel *qc_sigmoid_s16_pick(uint32_t features);

#endif
