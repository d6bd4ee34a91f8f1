/*
 * dot_f32.h - the product of one row of floats with weights as a file stores them.
 *
 *     y[n] = clamp(bias[n] + sum over k of x[k] * w[n * k_count + k], low, high)
 *
 * For one row, reading the weights is all the work: packing them first (gemm_f32.h) would read and write them once more and keep a second copy. Vectors
 * of 16 are no faster.
 *
 * Each sum is taken in sixteen parts, k modulo 16, by fused multiply-add, and the parts are added in pairs: at most k / 16 + 5 roundings in a row.
 * The order does not depend on the thread count or on the other columns. The scalar reference adds in order and rounds products as well.
 * Nothing outside of the inputs is read. NaN in the sum gives NaN, whatever low and high are.
 */
#ifndef QC_KERNEL_DOT_F32_H
#define QC_KERNEL_DOT_F32_H

#include "base/pool.h"
#include "kernel/kernel.h"

struct qc_dot_f32_call {
    const struct qc_dot_f32 *kernel;
    size_t columns, k;
    const float *x, *w, *bias; /* bias NULL: zeros */
    float *y;
    float low, high; /* -INFINITY, INFINITY: none */
};

struct qc_dot_f32 {
    struct qc_variant variant;
    void (*columns)(const struct qc_dot_f32_call *call, size_t begin, size_t end);
};

const struct qc_dot_f32 *const *qc_dot_f32_variants(size_t *count);
const struct qc_dot_f32 *qc_dot_f32_pick(uint32_t features);
void qc_dot_f32_run(const struct qc_dot_f32_call *call, struct qc_pool *pool);

#endif
