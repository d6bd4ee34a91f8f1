/*
 * lstm_layer.h - the operands of one direction of an LSTM operator, checked, and its run over a sequence: float32 and hybrid.
 *
 * Gates come in the order input, forget, cell, output everywhere. States are variable tensors, read and written.
 */
#ifndef QC_OP_SHARED_LSTM_LAYER_H
#define QC_OP_SHARED_LSTM_LAYER_H

#include "kernel/lstm.h"
#include "op/op.h"

/* Operand numbers; -1: the operator has no such operand. */
struct qc_lstm_map {
    int w, recurrent, peephole, bias; /* first of 4, 4, 3, 4 */
    int projection;                   /* weights, then bias */
    int h, c;
    int aux_w, norm;                  /* first of 4 */
};

struct qc_lstm_sizes {
    int32_t batch, time, input, aux, cells, output;
    bool coupled, normalized, peephole, projected;
};

/* How a sequence lies: element (t, b) of x begins at (t * x_time + b * x_batch) * width, and the same for y. */
struct qc_sequence {
    int32_t batch, time;
    size_t time_step, batch_step; /* rows from one to the next */
    bool backward;
};

/* Fills cells, output and the flags; batch, time, input and aux are given. Checks every operand's presence, type and shape. */
qc_status qc_lstm_check(struct qc_step *step, const struct qc_lstm_map *map, struct qc_lstm_sizes *sizes);

/* Bytes of work space that qc_lstm_run needs for each thread. */
size_t qc_lstm_scratch(const struct qc_lstm_sizes *sizes);

struct qc_lstm_call {
    const struct qc_lstm_map *map;
    const struct qc_lstm_sizes *sizes;
    const struct qc_sequence *sequence;
    const float *x, *aux; /* aux: NULL if there is none */
    float *y;             /* rows of y_width floats; this direction writes sizes->output of them from y on */
    size_t y_width;
    int activation;
    float cell_clip, projection_clip;
    bool asymmetric;
    char *work;
    size_t work_bytes;    /* for each thread */
};
void qc_lstm_run(const struct qc_step *step, const struct qc_lstm_call *call);

/* Shared with the other recurrent operators. */
qc_status qc_require_matrix(struct qc_step *step, int k, qc_dtype type, int32_t rows, int32_t columns);
qc_status qc_require_vector(struct qc_step *step, int k, qc_dtype type, int32_t count);
/* A variable tensor of `type` with `count` elements, any shape. */
qc_status qc_require_state(struct qc_step *step, int k, qc_dtype type, int64_t count);
qc_status qc_require_activation(struct qc_step *step, int activation);
/* The matrix in operand k as kernels take it; absent if k is negative or the operand left out. */
struct qc_matrix qc_matrix_of(const struct qc_step *step, int k);

#endif
