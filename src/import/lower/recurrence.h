/*
 * recurrence.h - one cell over one sequence, in the time order in which it runs: what recurrent.c prepares and the written forms
 * (recurrent_loop.c, recurrent_unroll.c) turn into operators.
 */
#ifndef QC_IMPORT_LOWER_RECURRENCE_H
#define QC_IMPORT_LOWER_RECURRENCE_H

#include "import/lower/dense.h"
#include "import/lower/recurrent.h"

struct qc_recurrence {
    const struct qc_cell *cell;
    const struct qc_conv_spec *convolution; /* of the state, for ConvLSTM; NULL: a product with cell->recurrent_kernel */
    struct qc_tensor *x;    /* [T, B, (spatial...,) g * units]: the product of all inputs with the kernel, bias added */
    struct qc_tensor *mask; /* bool [T, B, 1...], broadcasts to a state at each step; NULL: none */
    struct qc_tensor *state[2]; /* first states [B, (spatial...,) units] */
    int state_count;
    bool sequence; /* the states h of all steps are wanted */
};

struct qc_recurrence_result {
    struct qc_tensor *sequence; /* [T, B, (spatial...,) units], if wanted */
    struct qc_tensor *state[2]; /* last ones */
};

/* What a step needs besides its inputs, in the graph that b writes. */
struct qc_cell_constants {
    struct qc_tensor *recurrent;           /* [g * units, units]; GRU that resets before: gates z and r only */
    struct qc_tensor *recurrent_candidate; /* [units, units] of a GRU that resets before */
    struct qc_tensor *bias;                /* of the recurrent product: GRU that resets after; else qc_none() */
};
struct qc_cell_constants qc_cell_constants(struct qc_build *b, const struct qc_recurrence *r);
/* One step: x [B, ..., g * units], mask [B, 1...] or NULL, states in, states out. */
void qc_cell_step(struct qc_build *b, const struct qc_recurrence *r, const struct qc_cell_constants *constants, struct qc_tensor *x,
                  struct qc_tensor *mask, struct qc_tensor *const *state, struct qc_tensor **next);
int qc_cell_state_count(const struct qc_cell *cell);
int qc_cell_gates(const struct qc_cell *cell);

void qc_recurrent_loop(struct qc_build *b, const struct qc_recurrence *r, struct qc_recurrence_result *result);
void qc_recurrent_unroll(struct qc_build *b, const struct qc_recurrence *r, struct qc_recurrence_result *result);
/* LSTM with tanh and sigmoid from zero states, no mask. x [B, T, I]. Returns [B, T, units], or the last output [B, units]. */
struct qc_tensor *qc_recurrent_fused(struct qc_build *b, struct qc_tensor *x, const struct qc_cell *cell, bool sequence);

/* Runs the recurrence as `form` (LOOP or UNROLL). */
void qc_recurrence_run(struct qc_build *b, const struct qc_recurrence *r, enum qc_recurrent form, struct qc_recurrence_result *result);
/* Zero states from r->x: [B, (spatial...,) units]. */
struct qc_tensor *qc_recurrence_zero_state(struct qc_build *b, struct qc_tensor *x, int32_t units);
/*
 * What Keras gives out: y (the sequence, or the last h) with zeros where a step is masked (zero_output_for_mask) or comes before the first
 * one that is not (only visible if the states did not start at zero).
 */
struct qc_tensor *qc_recurrence_output(struct qc_build *b, const struct qc_recurrence *r, struct qc_tensor *y, bool zero_output_for_mask,
                                       bool from_zero);

#endif
