/*
 * lstm_ref.c - see lstm.h.
 */
#include "kernel/lstm.h"

#include <math.h>
#include <string.h>

enum { INPUT, FORGET, CELL, OUTPUT };

static size_t round_up(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

static void clip(float *x, size_t n, float low, float high)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = x[i] < low ? low : x[i];
        x[i] = x[i] > high ? high : x[i];
    }
}

void qc_activate(const struct qc_vmath *math, enum qc_activation activation, float *x, size_t n)
{
    switch (activation) {
    case QC_ACTIVATION_NONE: break;
    case QC_ACTIVATION_RELU: clip(x, n, 0, INFINITY); break;
    case QC_ACTIVATION_RELU_N1_TO_1: clip(x, n, -1, 1); break;
    case QC_ACTIVATION_RELU6: clip(x, n, 0, 6); break;
    case QC_ACTIVATION_TANH: math->tanh(n, x, x); break;
    case QC_ACTIVATION_LOGISTIC: math->logistic(n, x, x); break;
    case QC_ACTIVATION_SIGN_BIT:
        for (size_t i = 0; i < n; i++) x[i] = signbit(x[i]) ? 1 : 0;
        break;
    }
}

struct qc_vector qc_vector_of(const float *x, size_t n, bool hybrid, enum qc_row_quantization how, int8_t *buffer)
{
    struct qc_vector v = {.f32 = x};
    if (!hybrid) return v;
    qc_row_quantize(qc_row_quantizer_pick(qc_cpu_features()), how, x, n, buffer, &v.scale, &v.zero);
    v.stored = buffer;
    return v;
}

void qc_matrix_accumulate(const struct qc_matrix *m, size_t rows, size_t columns, const struct qc_vector *x, float *y)
{
    if (m->diagonal) {
        for (size_t r = 0; r < rows; r++) y[r] += (m->f32 ? m->f32[r] : (float)m->s8[r] * m->scale) * x->f32[r];
    } else if (m->f32) {
        for (size_t r = 0; r < rows; r++) {
            const float *row = m->f32 + r * columns;
            float sum = 0;
            for (size_t i = 0; i < columns; i++) sum += row[i] * x->f32[i];
            y[r] += sum;
        }
    } else if (m->s8) {
        for (size_t r = 0; r < rows; r++) {
            const int8_t *row = m->s8 + r * columns;
            uint32_t sum = 0;
            for (size_t i = 0; i < columns; i++) sum += (uint32_t)((x->stored[i] - x->zero) * row[i]);
            y[r] += (float)(int32_t)sum * (x->scale * m->scale);
        }
    }
}

/* (x - mean) / deviation, with a guard against a deviation of 0. */
static void normalize(float *x, size_t n)
{
    float sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    float mean = sum / (float)n;
    for (size_t i = 0; i < n; i++) squares += (x[i] - mean) * (x[i] - mean);
    float inverse = 1.0f / sqrtf(squares / (float)n + 1e-8f);
    for (size_t i = 0; i < n; i++) x[i] = (x[i] - mean) * inverse;
}

struct inputs {
    struct qc_vector x, aux, h, c;
};

static void gate(const struct qc_lstm *l, int which, const struct inputs *in, float *sum)
{
    const struct qc_lstm_gate *g = &l->gate[which];
    size_t n = l->cells;
    if (g->norm) memset(sum, 0, n * sizeof *sum);
    else memcpy(sum, g->bias, n * sizeof *sum);
    qc_matrix_accumulate(&g->input, n, l->input, &in->x, sum);
    if (in->aux.f32) qc_matrix_accumulate(&g->aux, n, l->aux, &in->aux, sum);
    qc_matrix_accumulate(&g->recurrent, n, l->output, &in->h, sum);
    qc_matrix_accumulate(&g->peephole, n, n, &in->c, sum);
    if (g->norm) {
        normalize(sum, n);
        for (size_t i = 0; i < n; i++) sum[i] = sum[i] * g->norm[i] + g->bias[i];
    }
    qc_activate(l->math, which == CELL ? l->activation : QC_ACTIVATION_LOGISTIC, sum, n);
}

/* Sums of three gates and a spare, then the stored forms of x, aux, h (or the cell's output before projection). */
size_t qc_lstm_work(const struct qc_lstm *l)
{
    size_t widest = l->cells > l->output ? l->cells : l->output;
    return 4 * round_up(l->cells * sizeof(float)) + round_up(l->input) + round_up(l->aux) + round_up(widest);
}

static void project(const struct qc_lstm *l, const float *m, int8_t *stored, float *h)
{
    if (!qc_matrix_there(&l->projection)) {
        memcpy(h, m, l->cells * sizeof *h);
        return;
    }
    if (l->projection_bias) memcpy(h, l->projection_bias, l->output * sizeof *h);
    else memset(h, 0, l->output * sizeof *h);
    struct qc_vector v = qc_vector_of(m, l->cells, l->hybrid, l->how, stored);
    qc_matrix_accumulate(&l->projection, l->output, l->cells, &v, h);
    if (l->projection_clip > 0) clip(h, l->output, -l->projection_clip, l->projection_clip);
}

void qc_lstm_step(const struct qc_lstm *l, const float *x, const float *aux, float *h, float *c, void *work)
{
    size_t n = l->cells, stride = round_up(n * sizeof(float)) / sizeof(float);
    float *sum[4] = {work, (float *)work + stride, (float *)work + 2 * stride, (float *)work + 3 * stride};
    int8_t *stored_x = (int8_t *)((float *)work + 4 * stride), *stored_aux = stored_x + round_up(l->input);
    int8_t *stored_h = stored_aux + round_up(l->aux);
    struct inputs in = {.x = qc_vector_of(x, l->input, l->hybrid, l->how, stored_x),
                        .h = qc_vector_of(h, l->output, l->hybrid, l->how, stored_h), .c = {.f32 = c}};
    if (aux) in.aux = qc_vector_of(aux, l->aux, l->hybrid, l->how, stored_aux);
    bool coupled = !qc_matrix_there(&l->gate[INPUT].input);
    gate(l, FORGET, &in, sum[FORGET]);
    gate(l, CELL, &in, sum[CELL]);
    if (coupled)
        for (size_t i = 0; i < n; i++) sum[INPUT][i] = 1 - sum[FORGET][i];
    else gate(l, INPUT, &in, sum[INPUT]);
    for (size_t i = 0; i < n; i++) sum[FORGET][i] = sum[FORGET][i] * c[i] + sum[CELL][i] * sum[INPUT][i];
    if (l->cell_clip > 0) clip(sum[FORGET], n, -l->cell_clip, l->cell_clip);
    memcpy(c, sum[FORGET], n * sizeof *c);
    gate(l, OUTPUT, &in, sum[OUTPUT]); /* its peephole sees the new cell */
    qc_activate(l->math, l->activation, sum[FORGET], n);
    for (size_t i = 0; i < n; i++) sum[FORGET][i] *= sum[OUTPUT][i];
    project(l, sum[FORGET], stored_h, h);
}

size_t qc_rnn_work(const struct qc_rnn *r)
{
    return round_up(r->units * sizeof(float)) + round_up(r->input) + round_up(r->aux) + round_up(r->units);
}

void qc_rnn_step(const struct qc_rnn *r, const float *x, const float *aux, float *h, void *work)
{
    float *sum = work;
    int8_t *stored = (int8_t *)work + round_up(r->units * sizeof(float)), *stored_aux = stored + round_up(r->input);
    struct qc_vector vx = qc_vector_of(x, r->input, r->hybrid, r->how, stored);
    struct qc_vector vh = qc_vector_of(h, r->units, r->hybrid, r->how, stored_aux + round_up(r->aux));
    memcpy(sum, r->bias, r->units * sizeof *sum);
    qc_matrix_accumulate(&r->w, r->units, r->input, &vx, sum);
    if (aux && qc_matrix_there(&r->w_aux)) {
        struct qc_vector va = qc_vector_of(aux, r->aux, r->hybrid, r->how, stored_aux);
        qc_matrix_accumulate(&r->w_aux, r->units, r->aux, &va, sum);
    }
    qc_matrix_accumulate(&r->recurrent, r->units, r->units, &vh, sum);
    qc_activate(r->math, r->activation, sum, r->units);
    memcpy(h, sum, r->units * sizeof *h);
}
