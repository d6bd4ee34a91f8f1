/*
 * lstm_s8_rows.h - what an integer LSTM cell (lstm_s8.h) does for each of its units, as rows; n is a multiple of 16. All variants give the same bits.
 */
#ifndef QC_KERNEL_LSTM_S8_ROWS_H
#define QC_KERNEL_LSTM_S8_ROWS_H

#include "base/requant.h"
#include "kernel/kernel.h"

enum { QC_LSTM_ROW = 16 };

struct qc_lstm_s8_rows {
    struct qc_variant variant;
    /* gate = the input's sums and the recurrent ones, requantized one by one (qc_requant), each step cut to 16 bits */
    void (*sums)(size_t n, const int32_t *x, struct qc_multiplier x_scale, const int32_t *h, struct qc_multiplier h_scale, int16_t *gate);
    /* cell = forget * cell + in * fresh, of Q`bits`; clip 0: none */
    void (*cell)(size_t n, const int16_t *in, const int16_t *forget, const int16_t *fresh, int bits, int16_t clip, int16_t *cell);
    /* hidden = out * activated cell, requantized */
    void (*hidden)(size_t n, const int16_t *out, const int16_t *activated, struct qc_multiplier scale, int32_t zero, int8_t *hidden);
};

const struct qc_lstm_s8_rows *const *qc_lstm_s8_rows_variants(size_t *count);
const struct qc_lstm_s8_rows *qc_lstm_s8_rows_pick(uint32_t features);

#endif
