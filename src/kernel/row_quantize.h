/*
 * row_quantize.h - quantization of float activations to int8 while running, one scale for each row (hybrid operators).
 *
 * real = (stored - zero) * scale. Non-finite inputs give some stored number and a scale that carries the NaN or infinity on. All variants give
 * the same bits.
 */
#ifndef QC_KERNEL_ROW_QUANTIZE_H
#define QC_KERNEL_ROW_QUANTIZE_H

#include "kernel/kernel.h"

enum qc_row_quantization {
    QC_ROW_XNNPACK,    /* [min, max] with 0 in it on [-128, 127], float32 arithmetic, half to even */
    QC_ROW_ASYMMETRIC, /* the same by TFLite's kernels: double arithmetic, half away from zero */
    QC_ROW_SYMMETRIC,  /* max |x| on 127, zero 0, half away from zero */
};

struct qc_row_scale {
    float scale, inverse; /* stored = round(x * inverse) + zero, cut to [least, 127] */
    int32_t zero, least;
};
/* From the least and the largest element, 0 counted in. */
struct qc_row_scale qc_row_scale_of(enum qc_row_quantization how, float least, float most);

struct qc_row_quantizer {
    struct qc_variant variant;
    void (*range)(const float *x, size_t n, float *least, float *most); /* 0 counted in, NaN left out */
    void (*even)(const float *x, size_t n, const struct qc_row_scale *s, int8_t *out); /* half to even, then + zero: QC_ROW_XNNPACK */
    void (*away)(const float *x, size_t n, const struct qc_row_scale *s, int8_t *out); /* + zero, then half away from zero: the others */
    void (*even_s16)(const float *x, size_t n, float inverse, int16_t *out);           /* zero 0, half to even, cut to the type; NaN: the least */
    void (*restore)(const int8_t *x, size_t n, float scale, int32_t zero, float *out); /* (x - zero) * scale */
};

const struct qc_row_quantizer *const *qc_row_quantizer_variants(size_t *count);
const struct qc_row_quantizer *qc_row_quantizer_pick(uint32_t features);

void qc_row_quantize(const struct qc_row_quantizer *quantizer, enum qc_row_quantization how, const float *x, size_t n, int8_t *out,
                     float *scale, int32_t *zero);

#endif
