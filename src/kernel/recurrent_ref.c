/*
 * recurrent_ref.c - the cells of recurrent.h, one unit at a time.
 */
#include "kernel/recurrent.h"

#include <math.h>

static float gate(struct qc_gate g, float x)
{
    switch (g.function) {
    case QC_GATE_TANH: return tanhf(x);
    case QC_GATE_LOGISTIC: return 1.0f / (1.0f + expf(-x));
    case QC_GATE_RELU: return x > 0 || isnan(x) ? x : 0;
    case QC_GATE_HARD: {
        const float y = g.slope * x + g.offset;
        return y < 0 ? 0 : y > 1 ? 1 : y;
    }
    default: return x;
    }
}

/* Sum and input of gate g of unit u; `gates` gates in this pass. */
static float sum(const struct qc_cell_step *s, size_t u, size_t g, size_t gates)
{
    return s->sum[u / QC_PANEL * gates * QC_PANEL + g * QC_PANEL + u % QC_PANEL];
}
static float x(const struct qc_cell_step *s, size_t u, size_t g)
{
    return s->x[u / QC_PANEL * s->x_block + g * s->x_gate + u % QC_PANEL];
}

static void lstm(const struct qc_cell_step *s)
{
    for (size_t u = 0; u < s->units; u++) {
        float v[4];
        for (size_t g = 0; g < 4; g++) v[g] = sum(s, u, g, 4) + x(s, u, g);
        float c = gate(s->recurrent_activation, v[1]) * s->c[u] + gate(s->recurrent_activation, v[0]) * gate(s->activation, v[2]);
        if (s->cell_clip > 0) c = c > s->cell_clip ? s->cell_clip : c < -s->cell_clip ? -s->cell_clip : c;
        s->c[u] = c;
        s->next[u] = gate(s->recurrent_activation, v[3]) * gate(s->activation, c);
    }
}

static void gru_after(const struct qc_cell_step *s)
{
    for (size_t u = 0; u < s->units; u++) {
        const float z = gate(s->recurrent_activation, sum(s, u, 0, 3) + x(s, u, 0));
        const float r = gate(s->recurrent_activation, sum(s, u, 1, 3) + x(s, u, 1));
        const float candidate = gate(s->activation, x(s, u, 2) + r * sum(s, u, 2, 3));
        s->next[u] = z * s->h[u] + (1 - z) * candidate;
    }
}

static void gru_before_gates(const struct qc_cell_step *s)
{
    float *z = s->keep, *rh = s->keep + qc_recurrent_padded(s->units);
    for (size_t u = 0; u < s->units; u++) {
        z[u] = gate(s->recurrent_activation, sum(s, u, 0, 2) + x(s, u, 0));
        rh[u] = gate(s->recurrent_activation, sum(s, u, 1, 2) + x(s, u, 1)) * s->h[u];
    }
}

static void gru_before_state(const struct qc_cell_step *s)
{
    for (size_t u = 0; u < s->units; u++) {
        const float z = s->keep[u];
        s->next[u] = z * s->h[u] + (1 - z) * gate(s->activation, x(s, u, 2) + sum(s, u, 0, 1));
    }
}

static void simple(const struct qc_cell_step *s)
{
    for (size_t u = 0; u < s->units; u++) s->next[u] = gate(s->activation, sum(s, u, 0, 1) + x(s, u, 0));
}

extern const struct qc_recurrent_kernel qc_recurrent_ref;
const struct qc_recurrent_kernel qc_recurrent_ref = {{"ref", 0}, lstm, gru_after, gru_before_gates, gru_before_state, simple, 0, 0, NULL, NULL};
