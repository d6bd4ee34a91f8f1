/*
 * half.h - rows of float16 to float32. Exact in every variant: each half has one float.
 */
#ifndef QC_KERNEL_HALF_H
#define QC_KERNEL_HALF_H

#include "kernel/kernel.h"

/* y[i] = x[i] for i in [0, n); any alignment, no overlap. */
void qc_half_row(const uint16_t *x, float *y, size_t n);

#endif
