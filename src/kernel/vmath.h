/*
 * vmath.h - elementary functions of arrays of floats.
 *
 * x and y may be the same array, need no alignment, and nothing outside of [0, n) is touched.
 *
 * Bounds, against the exact value rounded to float32, in units of its last place: exp 2, logistic 3, tanh 3, hard_swish 3, elu 4, gelu and gelu_tanh
 * 250 (where they are below 1e-30; less nearer to 0); denormal results may be zero (flushed). exp: 0 below -104, infinity above 88.73. NaN gives NaN, infinities give their limits.
 * Every element is computed alike wherever it stands: results do not depend on n or on how an array is split.
 */
#ifndef QC_KERNEL_VMATH_H
#define QC_KERNEL_VMATH_H

#include "kernel/kernel.h"

struct qc_vmath {
    struct qc_variant variant;
    void (*exp)(size_t n, const float *x, float *y);
    void (*logistic)(size_t n, const float *x, float *y);
    void (*tanh)(size_t n, const float *x, float *y);
    void (*hard_swish)(size_t n, const float *x, float *y); /* x * min(max(x + 3, 0), 6) / 6 */
    void (*elu)(size_t n, const float *x, float *y);       /* x < 0 ? e^x - 1 : x */
    void (*gelu)(size_t n, const float *x, float *y);      /* x (1 + erf(x / sqrt 2)) / 2 */
    void (*gelu_tanh)(size_t n, const float *x, float *y); /* x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 */
    /* sum[i] += x[row * n + i], row after row. */
    void (*add_rows)(size_t rows, size_t n, const float *x, float *sum);
    /* y[i] = e^(beta (x[i] - max x)) / sum; the sum is taken in a fixed order that depends on n alone. n >= 1. */
    void (*softmax)(size_t n, const float *x, float beta, float *y);
};

/* All variants of this build, plain first. */
const struct qc_vmath *const *qc_vmath_variants(size_t *count);
/* The fastest that `features` allow. */
const struct qc_vmath *qc_vmath_pick(uint32_t features);

#endif
