/*
 * lstm.h - one time step of recurrent cells in their general form: coupled gates, peepholes, layer normalization, projection, an
 * auxiliary input; float32 weights, or int8 weights with activations quantized to int8 at each step (hybrid).
 *
 * Scalar, one row of the batch at a time. (Whole sequences of plain cells, vectorized: recurrent.h.)
 */
#ifndef QC_KERNEL_LSTM_H
#define QC_KERNEL_LSTM_H

#include "kernel/row_quantize.h"
#include "kernel/vmath.h"

#include <stdbool.h>

enum qc_activation { /* 0 to 5 are the schema's numbers */
    QC_ACTIVATION_NONE,
    QC_ACTIVATION_RELU,
    QC_ACTIVATION_RELU_N1_TO_1,
    QC_ACTIVATION_RELU6,
    QC_ACTIVATION_TANH,
    QC_ACTIVATION_SIGN_BIT,
    QC_ACTIVATION_LOGISTIC,
};

/* In place. */
void qc_activate(const struct qc_vmath *math, enum qc_activation activation, float *x, size_t n);

/* A matrix [rows][columns], or a diagonal one stored as [rows]. Both pointers NULL: absent. */
struct qc_matrix {
    const float *f32;
    const int8_t *s8; /* times scale */
    float scale;
    bool diagonal;
};

static inline bool qc_matrix_there(const struct qc_matrix *m)
{
    return m->f32 || m->s8;
}

/* A vector that matrices are applied to; the stored form is there if any of them is int8. */
struct qc_vector {
    const float *f32;
    const int8_t *stored;
    float scale;
    int32_t zero;
};

struct qc_vector qc_vector_of(const float *x, size_t n, bool hybrid, enum qc_row_quantization how, int8_t *buffer);
/* y[r] += (m x)[r]. */
void qc_matrix_accumulate(const struct qc_matrix *m, size_t rows, size_t columns, const struct qc_vector *x, float *y);

struct qc_lstm_gate {
    struct qc_matrix input, aux, recurrent, peephole; /* peephole: diagonal */
    const float *norm, *bias;                         /* norm may be NULL */
};

struct qc_lstm {
    size_t input, aux, cells, output;       /* sizes; output == cells without a projection */
    struct qc_lstm_gate gate[4];            /* input, forget, cell, output; an absent input gate is 1 - forget */
    struct qc_matrix projection;
    const float *projection_bias;
    float cell_clip, projection_clip;       /* 0: none */
    enum qc_activation activation;          /* of the cell gate and the cell */
    bool hybrid;
    enum qc_row_quantization how;
    const struct qc_vmath *math;
};

/* Bytes of work space for one row. */
size_t qc_lstm_work(const struct qc_lstm *lstm);
/* h [output] and c [cells] are the states, in and out; aux may be NULL. */
void qc_lstm_step(const struct qc_lstm *lstm, const float *x, const float *aux, float *h, float *c, void *work);

struct qc_rnn {
    size_t input, aux, units;
    struct qc_matrix w, w_aux, recurrent;
    const float *bias;
    enum qc_activation activation;
    bool hybrid;
    enum qc_row_quantization how;
    const struct qc_vmath *math;
};
size_t qc_rnn_work(const struct qc_rnn *rnn);
void qc_rnn_step(const struct qc_rnn *rnn, const float *x, const float *aux, float *h, void *work);

#endif
