/*
 * lstm_integer.h - the integer forms of LSTM: full cells with int8 input (intermediate tensors give the scales in between), and the
 * basic cell with five operands.
 */
#ifndef QC_OP_SHARED_LSTM_INTEGER_H
#define QC_OP_SHARED_LSTM_INTEGER_H

#include "kernel/lstm_s8.h"
#include "op/shared/lstm_layer.h"

/* After qc_lstm_check: the quantization of everything is sound. */
qc_status qc_lstm_s8_check(struct qc_step *step, const struct qc_lstm_map *map, const struct qc_lstm_sizes *sizes);
/* In plan: multipliers. Pointers are set by qc_lstm_s8_run. */
void qc_lstm_s8_plan(const struct qc_step *step, const struct qc_lstm_map *map, const struct qc_lstm_sizes *sizes, float cell_clip,
                     float projection_clip, struct qc_lstm_s8 *lstm);
void qc_lstm_s8_run(const struct qc_step *step, const struct qc_lstm_map *map, const struct qc_lstm_sizes *sizes,
                    const struct qc_sequence *sequence, struct qc_lstm_s8 *lstm, char *work, size_t work_bytes);

/* LSTM with kernel type BASIC: inputs x, h, weights, bias, c; outputs h, c, and two temporaries [x h] and the gates' sums. */
qc_status qc_lstm_basic_infer(struct qc_step *step);
qc_status qc_lstm_basic_run(struct qc_step *step);

#endif
