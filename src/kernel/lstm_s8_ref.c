/*
 * lstm_s8_ref.c - see lstm_s8.h.
 */
#include "kernel/lstm_s8.h"
#include "kernel/fixed_point.h"

#include <math.h>
#include <string.h>

enum { INPUT, FORGET, CELL, OUTPUT };

static int16_t clamp16(int64_t x)
{
    return (int16_t)(x < INT16_MIN ? INT16_MIN : x > INT16_MAX ? INT16_MAX : x);
}

static int32_t dot(const int8_t *w, const int8_t *x, int32_t x_zero, size_t n, int32_t bias)
{
    uint32_t sum = (uint32_t)bias;
    for (size_t i = 0; i < n; i++) sum += (uint32_t)(w[i] * (x[i] - x_zero));
    return (int32_t)sum;
}

/* (x - mean) / deviation times weights plus bias; ten more bits in between. */
static void normalize(const struct qc_lstm_s8_gate *g, int16_t *x, size_t n)
{
    int64_t sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i];
        squares += x[i] * x[i];
    }
    int32_t mean = (int32_t)(sum * 1024 / (int64_t)n);
    int64_t variance = squares * ((1 << 20) / (int32_t)n) - (int64_t)mean * mean;
    int32_t reduced = (int32_t)(variance / (1 << 20));
    struct qc_multiplier inverse = qc_fixed_inverse_sqrt(reduced < 1 ? g->variance_guard : reduced);
    struct qc_multiplier scale = {g->norm_scale.multiplier, qc_clamp(g->norm_scale.shift + 12, -31, 30)};
    for (size_t i = 0; i < n; i++) {
        int32_t scaled = qc_requant(1024 * x[i] - mean, inverse);
        int64_t value = (int32_t)((uint32_t)scaled * (uint32_t)g->norm[i] + (uint32_t)g->bias[i]);
        int32_t rounded = (int32_t)((value > 0 ? value + 512 : value - 512) / 1024);
        x[i] = clamp16(qc_requant(rounded, scale));
    }
}

/* The peephole of a cell. TensorFlow Lite walks cells and peepholes of all rows together, in rows as wide as the output: with a projection to fewer
 * outputs than cells, others meet, and the last ones none. */
static int16_t peephole(const struct qc_lstm_s8 *l, const int16_t *weight, size_t row, size_t cell)
{
    const size_t at = row * l->cells + cell;
    if (l->output >= l->cells) return weight[cell];
    return at < l->rows * l->output ? weight[at % l->output] : 0;
}

static void gate(const struct qc_lstm_s8 *l, int which, const int8_t *x, const int8_t *h, const int16_t *c, size_t row, int16_t *out)
{
    const struct qc_lstm_s8_gate *g = &l->gate[which];
    for (size_t i = 0; i < l->cells; i++) {
        int32_t from_x = dot(g->w + i * l->input, x, l->x_zero, l->input, g->norm ? 0 : g->bias[i]);
        int32_t from_h = dot(g->recurrent + i * l->output, h, l->h_zero, l->output, 0);
        int16_t sum = clamp16(qc_requant(from_x, g->input_scale));
        sum = clamp16((int64_t)sum + qc_requant(from_h, g->recurrent_scale));
        if (g->peephole) sum = clamp16((int64_t)sum + qc_requant(peephole(l, g->peephole, row, i) * c[i], g->peephole_scale));
        out[i] = sum;
    }
    if (g->norm) normalize(g, out, l->cells);
    for (size_t i = 0; i < l->cells; i++)
        out[i] = (int16_t)(which == CELL ? qc_fixed_tanh(16, 3, out[i]) : qc_fixed_logistic(16, 3, out[i]));
}

size_t qc_lstm_s8_work(const struct qc_lstm_s8 *l)
{
    return 4 * l->cells * sizeof(int16_t) + l->cells;
}

/* m = hidden output in 8 bits, one for each cell; h = projection of it, or m itself. */
static void output(const struct qc_lstm_s8 *l, const int16_t *gate_out, const int16_t *c, int8_t *m, int8_t *h)
{
    int32_t zero = l->projection ? -l->hidden_zero : l->hidden_zero;
    int8_t *to = l->projection ? m : h;
    for (size_t i = 0; i < l->cells; i++) {
        int32_t product = gate_out[i] * qc_fixed_tanh(16, l->cell_bits, c[i]);
        to[i] = (int8_t)qc_clamp(qc_clamp(qc_requant(product, l->hidden_scale), -65536, 65536) + zero, INT8_MIN, INT8_MAX);
    }
    if (!l->projection) return;
    for (size_t i = 0; i < l->output; i++) {
        int32_t bias = l->projection_bias ? l->projection_bias[i] : 0;
        int32_t sum = dot(l->projection + i * l->cells, m, -l->hidden_zero, l->cells, bias);
        int64_t stored = (int64_t)qc_requant(sum, l->projection_scale) + l->h_zero;
        h[i] = (int8_t)(stored < INT8_MIN ? INT8_MIN : stored > INT8_MAX ? INT8_MAX : stored);
        if (l->projection_clip > 0) h[i] = (int8_t)qc_clamp(h[i], -l->projection_clip, l->projection_clip);
    }
}

void qc_lstm_s8_step(const struct qc_lstm_s8 *l, size_t row, const int8_t *x, int8_t *h, int16_t *c, void *work)
{
    size_t n = l->cells;
    int16_t *g[4] = {work, (int16_t *)work + n, (int16_t *)work + 2 * n, (int16_t *)work + 3 * n};
    if (l->gate[INPUT].w) gate(l, INPUT, x, h, c, row, g[INPUT]);
    gate(l, FORGET, x, h, c, row, g[FORGET]);
    gate(l, CELL, x, h, c, row, g[CELL]);
    for (size_t i = 0; i < n; i++) {
        int32_t in = l->gate[INPUT].w ? g[INPUT][i] : INT16_MAX - g[FORGET][i];
        int16_t kept = (int16_t)qc_rounding_shift(g[FORGET][i] * c[i], 15);
        int16_t fresh = (int16_t)qc_rounding_shift((int16_t)in * g[CELL][i], 15 + l->cell_bits);
        c[i] = clamp16(kept + fresh);
        if (l->cell_clip > 0) c[i] = (int16_t)qc_clamp(c[i], -l->cell_clip, l->cell_clip);
    }
    gate(l, OUTPUT, x, h, c, row, g[OUTPUT]);
    output(l, g[OUTPUT], c, (int8_t *)(g[3] + n), h);
}

void qc_lstm_basic_f32(size_t input, size_t n, const float *xh, const float *w, const float *bias, const float *before, float *sums,
                       float *h, float *c)
{
    size_t width = input + n;
    for (size_t r = 0; r < 4 * n; r++) {
        float sum = 0;
        for (size_t i = 0; i < width; i++) sum += w[r * width + i] * xh[i];
        sums[r] = sum + bias[r];
    }
    for (size_t i = 0; i < n; i++) {
        float in = 1.0f / (1.0f + expf(-sums[i])), fresh = tanhf(sums[n + i]);
        float forget = 1.0f / (1.0f + expf(-sums[2 * n + i])), out = 1.0f / (1.0f + expf(-sums[3 * n + i]));
        c[i] = in * fresh + forget * before[i];
        h[i] = out * tanhf(c[i]);
    }
}

void qc_lstm_basic_u8(size_t input, size_t n, const uint8_t *xh, const uint8_t *w, int32_t w_zero, const int32_t *bias,
                      struct qc_multiplier scale, const int16_t *before, int16_t *sums, uint8_t *h, int16_t *c)
{
    enum { BITS = 4 }; /* of the cell */
    size_t width = input + n;
    for (size_t r = 0; r < 4 * n; r++) {
        uint32_t sum = (uint32_t)bias[r];
        for (size_t i = 0; i < width; i++) sum += (uint32_t)((xh[i] - 128) * (w[r * width + i] - w_zero));
        sums[r] = clamp16(qc_requant_up((int32_t)sum, scale));
    }
    for (size_t i = 0; i < n; i++) {
        int32_t in = qc_fixed_logistic(16, 3, sums[i]), fresh = qc_fixed_tanh(16, 3, sums[n + i]);
        int32_t forget = qc_fixed_logistic(16, 3, sums[2 * n + i]), out = qc_fixed_logistic(16, 3, sums[3 * n + i]);
        int32_t add = qc_fixed_scale(16, qc_fixed_mul(16, in, fresh), -BITS);
        c[i] = clamp16(add + qc_fixed_mul(16, forget, before[i]));
        int32_t result = qc_fixed_mul(16, out, qc_fixed_tanh(16, 3, qc_fixed_scale(16, c[i], BITS - 3)));
        h[i] = (uint8_t)(128 + qc_clamp(qc_rounding_shift(result, 8), -128, 127));
    }
}
