/*
 * recurrent_probe.h - is one step of a loop the cell of an LSTM, GRU or simple RNN?
 *
 * The step is run on random numbers, in place of the weights too (trained ones can hide roles: a bias of zeros), and its results are
 * compared with the cells' formulas. No pattern of operators is matched: every writer's form of a cell is found alike.
 */
#ifndef QC_IMPORT_SAVEDMODEL_RECURRENT_PROBE_H
#define QC_IMPORT_SAVEDMODEL_RECURRENT_PROBE_H

#include "import/lower/recurrent.h"
#include "import/savedmodel/graph.h"

enum { QC_PROBE_ROUNDS = 6, QC_PROBE_WEIGHTS = 8 };

struct qc_tf_array2 { /* rows x columns; a vector has one row */
    float *data;
    int32_t rows, columns;
};

/* Numbers of one run of the step. */
struct qc_tf_sample {
    struct qc_tf_array2 weight[QC_PROBE_WEIGHTS];
    float *x;                        /* [batch, inputs] */
    float *before[2], *after[2];     /* states [batch, units] */
};

struct qc_tf_guess { /* what the step is */
    struct qc_cell cell;  /* kind, reset_after, units and activations; no weights */
    int kernel, recurrent_kernel, bias[2]; /* numbers of weights; -1: none */
};

/* Finds the formula that all samples fit. `weight_count` weights, `state_count` states; activations are computed in `im`, a scratch import. */
qc_status qc_tf_guess_cell(struct qc_tf_import *im, int rounds, const struct qc_tf_sample *sample, int weight_count, int state_count,
                           int32_t batch, int32_t inputs, int32_t units, struct qc_tf_guess *guess, bool *found) QC_MUST_USE;

#endif
