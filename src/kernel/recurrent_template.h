/*
 * recurrent_template.h - the cells of recurrent.h over the vector of the simd_*.h included before.
 */
#include "kernel/recurrent.h"
#include "kernel/vmath_inline.h"

QC_INLINE vf gate(struct qc_gate g, vf x)
{
    switch (g.function) {
    case QC_GATE_TANH: return vf_tanh(x);
    case QC_GATE_LOGISTIC: return vf_logistic(x);
    case QC_GATE_RELU: return vf_max(vf_zero(), x);
    case QC_GATE_HARD: return vf_min(vf_set1(1.0f), vf_max(vf_zero(), vf_fma(vf_set1(g.slope), x, vf_set1(g.offset))));
    default: return x;
    }
}

/* The vector of units [u, u + vf_width) of gate g: its recurrent sum, and the input's part of it. */
QC_INLINE vf sum_at(const struct qc_cell_step *s, size_t u, size_t g, size_t gates)
{
    return vf_load(s->sum + u / QC_PANEL * gates * QC_PANEL + g * QC_PANEL + u % QC_PANEL);
}
QC_INLINE vf x_at(const struct qc_cell_step *s, size_t u, size_t g)
{
    const float *x = s->x + u / QC_PANEL * s->x_block + g * s->x_gate + u % QC_PANEL;
    return u + vf_width <= s->units ? vf_load(x) : vf_load_to(x, s->units - u);
}
QC_INLINE vf both_at(const struct qc_cell_step *s, size_t u, size_t g, size_t gates) { return vf_add(sum_at(s, u, g, gates), x_at(s, u, g)); }

/* z h + (1 - z) candidate */
QC_INLINE void blend(const struct qc_cell_step *s, size_t u, vf z, vf candidate)
{
    vf_store(s->h + u, vf_fma(z, vf_load(s->h + u), vf_mul(vf_sub(vf_set1(1.0f), z), candidate)));
}

/* The usual functions as constants, so that the compiler sees through them. */
QC_INLINE void lstm_with(const struct qc_cell_step *s, struct qc_gate a, struct qc_gate r)
{
    for (size_t u = 0; u < s->units; u += vf_width) {
        const vf i = gate(r, both_at(s, u, 0, 4)), f = gate(r, both_at(s, u, 1, 4)), g = gate(a, both_at(s, u, 2, 4));
        vf c = vf_fma(f, vf_load(s->c + u), vf_mul(i, g));
        if (s->cell_clip > 0) c = vf_min(vf_set1(s->cell_clip), vf_max(vf_set1(-s->cell_clip), c));
        vf_store(s->c + u, c);
        vf_store(s->h + u, vf_mul(gate(r, both_at(s, u, 3, 4)), gate(a, c)));
    }
}

QC_INLINE void gru_after_with(const struct qc_cell_step *s, struct qc_gate a, struct qc_gate r)
{
    for (size_t u = 0; u < s->units; u += vf_width) {
        const vf z = gate(r, both_at(s, u, 0, 3)), reset = gate(r, both_at(s, u, 1, 3));
        blend(s, u, z, gate(a, vf_fma(reset, sum_at(s, u, 2, 3), x_at(s, u, 2))));
    }
}

static bool usual(const struct qc_cell_step *s)
{
    return s->activation.function == QC_GATE_TANH && s->recurrent_activation.function == QC_GATE_LOGISTIC;
}

static void lstm(const struct qc_cell_step *s)
{
    if (usual(s))
        lstm_with(s, (struct qc_gate){QC_GATE_TANH, 0, 0}, (struct qc_gate){QC_GATE_LOGISTIC, 0, 0});
    else
        lstm_with(s, s->activation, s->recurrent_activation);
}

static void gru_after(const struct qc_cell_step *s)
{
    if (usual(s))
        gru_after_with(s, (struct qc_gate){QC_GATE_TANH, 0, 0}, (struct qc_gate){QC_GATE_LOGISTIC, 0, 0});
    else
        gru_after_with(s, s->activation, s->recurrent_activation);
}

static void gru_before_gates(const struct qc_cell_step *s)
{
    float *z = s->keep, *rh = s->keep + qc_recurrent_padded(s->units);
    for (size_t u = 0; u < s->units; u += vf_width) {
        vf_store(z + u, gate(s->recurrent_activation, both_at(s, u, 0, 2)));
        vf_store(rh + u, vf_mul(gate(s->recurrent_activation, both_at(s, u, 1, 2)), vf_load(s->h + u)));
    }
}

static void gru_before_state(const struct qc_cell_step *s)
{
    for (size_t u = 0; u < s->units; u += vf_width)
        blend(s, u, vf_load(s->keep + u), gate(s->activation, vf_add(sum_at(s, u, 0, 1), x_at(s, u, 2))));
}

static void simple(const struct qc_cell_step *s)
{
    for (size_t u = 0; u < s->units; u += vf_width) vf_store(s->h + u, gate(s->activation, both_at(s, u, 0, 1)));
}

#define QC_RECURRENT_ROW(isa, bits)                        \
    extern const struct qc_recurrent_kernel qc_recurrent_##isa; \
    const struct qc_recurrent_kernel qc_recurrent_##isa = {{#isa, bits}, lstm, gru_after, gru_before_gates, gru_before_state, simple};
