/*
 * table.h - functions of 8-bit and 16-bit activations by table.
 *
 * 8 bits: one entry for each of 256 values, indexed by the value's bits. 16 bits: 512 intervals and linear interpolation, as TFLite does.
 */
#ifndef QC_KERNEL_TABLE_H
#define QC_KERNEL_TABLE_H

#include "kernel/kernel.h"

struct qc_affine { /* real = (stored - zero) * scale */
    float scale;
    int32_t zero;
};

typedef float qc_table_function(float x, const void *context);

/* half_even: XNNPACK's arithmetic (ties to even, zero point added before rounding), else TFLite's (ties away from zero). */
void qc_table8_fill(uint8_t table[256], bool is_signed, bool half_even, struct qc_affine x, struct qc_affine y,
                    qc_table_function *function, const void *context);
/* y[i] = table[x[i]]; y may be x. */
struct qc_table8 {
    struct qc_variant variant;
    void (*apply)(const uint8_t table[256], const uint8_t *x, uint8_t *y, size_t n);
};
const struct qc_table8 *const *qc_table8_variants(size_t *count);
void qc_table8_apply(const uint8_t table[256], const uint8_t *x, uint8_t *y, size_t n); /* by the fastest */

/* In single precision; the double form serves the two tables of 16-bit softmax. */
void qc_table16_fill(int16_t table[513], struct qc_affine x, struct qc_affine y, qc_table_function *function, const void *context);
void qc_table16_fill_f64(int16_t table[513], double x_scale, int32_t x_zero, double y_scale, double (*function)(double x));

static inline int16_t qc_table16_get(const int16_t table[513], int16_t x)
{
    int index = 256 + (x >> 7), offset = x & 0x7f;
    int16_t slope = (int16_t)(table[index + 1] - table[index]);
    return (int16_t)(table[index] + ((slope * offset + 64) >> 7));
}

#endif
