/*
 * integer_lstm.h - UNIDIRECTIONAL_SEQUENCE_LSTM in integers, by the recipe of TensorFlow Lite's quantizer for its "8x8_16" kernel: int8 input,
 * output, hidden state and weights (one scale for each matrix), int32 biases, a 16-bit cell state whose range is a power of two. Plain
 * cells alone: peepholes, projections and layer normalization stay float, with the reason. Operators that clear the states on every call stay
 * in front, in integers: MUL(one feature as int8, 0) is the hidden state, a CAST of another the cell state.
 */
#ifndef QC_QUANT_INTEGER_LSTM_H
#define QC_QUANT_INTEGER_LSTM_H

#include "op/op.h"
#include "quant/integer.h"

bool qc_int_lstm(const struct qc_node *node);
/* It is one of those that write zeros into the states of an LSTM: MUL(ZEROS_LIKE(x), zeros) into a variable. They go with the LSTM. */
bool qc_int_lstm_clears(const struct qc_node *node);

/*
 * The cell state at every step of the sequence that `step` has just computed from zero states: [batch][cells] floats, given to `see` one
 * step after another. The kernels keep only the last of them. `work` holds qc_int_lstm_work() floats.
 */
size_t qc_int_lstm_work(const struct qc_step *step);
void qc_int_lstm_cells(const struct qc_step *step, float *work, void (*see)(void *user, const struct qc_tensor *state, const float *value, size_t count),
                   void *user);

/* Why this node stays float; NULL if it need not. */
const char *qc_int_lstm_refusal(const struct qc_quantizer *q, const struct qc_node *node, int bits);
/* Rewrites a node that need not. */
qc_status qc_int_lstm_apply(struct qc_int_plan *plan, const struct qc_int_node *n);

#endif
