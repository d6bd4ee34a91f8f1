/*
 * lstm_s8.h - one time step of an LSTM in integers: 8-bit weights, input and output, 16-bit gates and cell (TFLite's "8x8_16"),
 * and of the older 8-bit cell with one weight matrix.
 *
 * Gates are Q3 (4096 stands for 1), their activations Q0, the cell Q`cell_bits`. Scalar; equal to TFLite's kernels bit for bit.
 */
#ifndef QC_KERNEL_LSTM_S8_H
#define QC_KERNEL_LSTM_S8_H

#include "base/requant.h"

#include <stdbool.h>
#include <stddef.h>

struct qc_lstm_s8_gate {
    const int8_t *w, *recurrent;      /* [cells][input], [cells][output] */
    const int16_t *peephole, *norm;   /* [cells] or NULL */
    const int32_t *bias;              /* [cells] */
    struct qc_multiplier input_scale, recurrent_scale, peephole_scale, norm_scale;
    int32_t variance_guard;
};

struct qc_lstm_s8 {
    size_t input, cells, output, rows; /* rows of a batch */
    struct qc_lstm_s8_gate gate[4];   /* input, forget, cell, output; w of the input gate NULL: coupled */
    const int8_t *projection;         /* [output][cells] or NULL */
    const int32_t *projection_bias;   /* or NULL */
    struct qc_multiplier hidden_scale, projection_scale;
    int32_t x_zero, h_zero, hidden_zero;
    int cell_bits;                    /* integer bits of the cell: 0 to 6 */
    int16_t cell_clip;                /* 0: none */
    int8_t projection_clip;
};

size_t qc_lstm_s8_work(const struct qc_lstm_s8 *lstm);
/* One step of one row of a batch. */
void qc_lstm_s8_step(const struct qc_lstm_s8 *lstm, size_t row, const int8_t *x, int8_t *h, int16_t *c, void *work);

/*
 * The cell with one matrix [4 n][input + n] for input gate, new value, forget gate and output gate. xh holds input and state one
 * after the other; sums [4 n] is filled; h and c are written.
 */
void qc_lstm_basic_f32(size_t input, size_t n, const float *xh, const float *w, const float *bias, const float *before, float *sums,
                       float *h, float *c);
/* uint8 with scale 1/128 and zero point 128; cell in Q4. The sums are rounded by qc_requant_up. */
void qc_lstm_basic_u8(size_t input, size_t n, const uint8_t *xh, const uint8_t *w, int32_t w_zero, const int32_t *bias,
                      struct qc_multiplier scale, const int16_t *before, int16_t *sums, uint8_t *h, int16_t *c);

#endif
