/*
 * row_quantize.h - quantization of float activations to int8 while running, one scale for each row (hybrid operators).
 *
 * real = (stored - zero) * scale. Non-finite inputs give some stored number and a scale that carries the NaN or infinity on.
 */
#ifndef QC_KERNEL_ROW_QUANTIZE_H
#define QC_KERNEL_ROW_QUANTIZE_H

#include <stddef.h>
#include <stdint.h>

enum qc_row_quantization {
    QC_ROW_XNNPACK,    /* [min, max] with 0 in it on [-128, 127], float32 arithmetic, half to even */
    QC_ROW_ASYMMETRIC, /* the same by TFLite's kernels: double arithmetic, half away from zero */
    QC_ROW_SYMMETRIC,  /* max |x| on 127, zero 0, half away from zero */
};

void qc_row_quantize_ref(enum qc_row_quantization how, const float *x, size_t n, int8_t *out, float *scale, int32_t *zero);

#endif
