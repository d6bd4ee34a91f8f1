/*
 * matmul.h - products of two matrices that are both activations: the scalar reference.
 *
 * y[i][j] = sum over p of x(i, p) w(p, j), with any strides (elements), so that transposed operands need no copy; y is dense. Each
 * function computes rows [begin, end). Integer sums are exact modulo 2^32 (2^64 with 16-bit operands).
 */
#ifndef QC_KERNEL_MATMUL_H
#define QC_KERNEL_MATMUL_H

#include "kernel/stage.h"


struct qc_matmul {
    size_t rows, columns, depth;
    size_t x_row, x_depth, w_depth, w_column; /* strides */
};

void qc_matmul_f32_ref(const struct qc_matmul *m, const float *x, const float *w, float *y, size_t begin, size_t end);
/* Through the stage's channel 0. */
void qc_matmul_s8_ref(const struct qc_matmul *m, const int8_t *x, int32_t x_zero, const int8_t *w, int32_t w_zero,
                      const struct qc_stage *stage, int8_t *y, size_t begin, size_t end);
/* The sums themselves. */
void qc_matmul_s32_ref(const struct qc_matmul *m, const int8_t *x, int32_t x_zero, const int8_t *w, int32_t w_zero, int32_t *y,
                       size_t begin, size_t end);
void qc_matmul_s16_ref(const struct qc_matmul *m, const int16_t *x, const int16_t *w, const struct qc_stage *stage, int16_t *y,
                       size_t begin, size_t end);
void qc_matmul_s16_s8_ref(const struct qc_matmul *m, const int16_t *x, const int8_t *w, const struct qc_stage *stage, int16_t *y,
                          size_t begin, size_t end);
/* Row i of x was quantized with x_scale[i], x_zero[i]; all of w has one scale. */
void qc_matmul_hybrid_ref(const struct qc_matmul *m, const int8_t *x, const float *x_scale, const int32_t *x_zero, const int8_t *w,
                          float w_scale, float *y, size_t begin, size_t end);

#endif
