/*
 * lstm_packed.h - an integer LSTM (lstm_integer.h) with constant weights and four plain gates (no peepholes, normalization, projection or coupling) on
 * packed matrix products and rows of vectors. Bits are those of qc_lstm_s8_step.
 */
#ifndef QC_OP_SHARED_LSTM_PACKED_H
#define QC_OP_SHARED_LSTM_PACKED_H

#include "op/shared/lstm_integer.h"

struct qc_lstm_packed;

/* In plan, after qc_lstm_s8_plan: *packed stays NULL if the cell is of another kind. */
qc_status qc_lstm_packed_plan(struct qc_step *step, const struct qc_lstm_map *map, const struct qc_lstm_sizes *sizes, const struct qc_lstm_s8 *lstm,
                              struct qc_lstm_packed **packed);
qc_status qc_lstm_packed_prepare(struct qc_step *step, struct qc_lstm_packed *packed);
void qc_lstm_packed_run(const struct qc_step *step, const struct qc_lstm_packed *packed, const struct qc_sequence *sequence);

#endif
