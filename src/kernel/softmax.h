/*
 * softmax.h - softmax and its logarithm over rows of integers. (Of float32: vmath.h, and qc_log_softmax_f32 here.)
 *
 * Each function takes one row of n >= 1. Two contracts: `_fixed` equals TFLite's reference kernels, `_table` its optimized ones.
 */
#ifndef QC_KERNEL_SOFTMAX_H
#define QC_KERNEL_SOFTMAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Constants of one softmax with 8-bit input; see qc_softmax8_init. */
struct qc_softmax8 {
    bool is_signed;                   /* of the input */
    int32_t multiplier, shift, least; /* fixed: differences below `least` give 0 */
    int32_t reverse_multiplier, reverse_shift;
    float exponential[256];           /* table: e^(-beta scale (255 - i)) */
    float x_scale, y_scale;
    int32_t y_zero, low, high;        /* of the output */
};

void qc_softmax8_init(struct qc_softmax8 *s, double beta, float x_scale);
void qc_softmax8_fixed(const struct qc_softmax8 *s, const uint8_t *x, int32_t *y, size_t n);
void qc_softmax8_table(const struct qc_softmax8 *s, const uint8_t *x, int32_t *y, size_t n);
void qc_log_softmax8_fixed(const struct qc_softmax8 *s, const uint8_t *x, int32_t *y, size_t n);
void qc_log_softmax8_table(const struct qc_softmax8 *s, const uint8_t *x, int32_t *y, size_t n);

/* 16 bits: y in units of 2^-15. */
struct qc_softmax16 {
    int16_t exponential[513], reciprocal[513];
    int32_t multiplier, shift;
};
void qc_softmax16_init(struct qc_softmax16 *s, float beta, float x_scale);
void qc_softmax16(const struct qc_softmax16 *s, const int16_t *x, int16_t *y, size_t n);

void qc_log_softmax_f32(const float *x, float *y, size_t n);

#endif
