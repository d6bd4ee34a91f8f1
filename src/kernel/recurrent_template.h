/*
 * recurrent_template.h - the cells of recurrent.h over the vector of the simd_*.h included before.
 */
#include "kernel/recurrent.h"
#include "kernel/vmath_inline.h"

static __attribute__((noinline)) vf gate(struct qc_gate g, vf x)
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
    vf_store(s->next + u, vf_fma(z, vf_load(s->h + u), vf_mul(vf_sub(vf_set1(1.0f), z), candidate)));
}

/* The two functions of a cell; `usual`: the logistic function and tanh, which the compiler then sees through. */
QC_INLINE vf recurrent_gate(const struct qc_cell_step *s, const bool usual, vf x) { return usual ? vf_logistic(x) : gate(s->recurrent_activation, x); }
QC_INLINE vf activation(const struct qc_cell_step *s, const bool usual, vf x) { return usual ? vf_tanh(x) : gate(s->activation, x); }
/* Their product, by one division in place of two. */
QC_INLINE vf gated(const struct qc_cell_step *s, const bool usual, vf x, vf y)
{
    if (!usual) return vf_mul(recurrent_gate(s, usual, x), activation(s, usual, y));
    const struct vf_ratio p = vf_logistic_ratio(x), q = vf_tanh_ratio(y);
    return vf_div(vf_mul(p.a, q.a), vf_mul(p.b, q.b));
}

/* New c of an LSTM in place, and new h, from the gates' sums. */
QC_INLINE void lstm_unit(const struct qc_cell_step *s, size_t u, const bool usual, vf i, vf f, vf g, vf o)
{
    vf c = vf_fma(recurrent_gate(s, usual, f), vf_load(s->c + u), gated(s, usual, i, g));
    if (s->cell_clip > 0) c = vf_min(vf_set1(s->cell_clip), vf_max(vf_set1(-s->cell_clip), c));
    vf_store(s->c + u, c);
    vf_store(s->next + u, gated(s, usual, o, c));
}
QC_INLINE void gru_unit(const struct qc_cell_step *s, size_t u, const bool usual, vf z, vf reset, vf state)
{
    const vf candidate = activation(s, usual, vf_fma(recurrent_gate(s, usual, reset), state, x_at(s, u, 2)));
    blend(s, u, recurrent_gate(s, usual, z), candidate);
}

QC_INLINE void lstm_with(const struct qc_cell_step *s, const bool usual)
{
    for (size_t u = 0; u < s->units; u += vf_width)
        lstm_unit(s, u, usual, both_at(s, u, 0, 4), both_at(s, u, 1, 4), both_at(s, u, 2, 4), both_at(s, u, 3, 4));
}

QC_INLINE void gru_after_with(const struct qc_cell_step *s, const bool usual)
{
    for (size_t u = 0; u < s->units; u += vf_width) gru_unit(s, u, usual, both_at(s, u, 0, 3), both_at(s, u, 1, 3), sum_at(s, u, 2, 3));
}

static bool is_usual(const struct qc_cell_step *s)
{
    return s->activation.function == QC_GATE_TANH && s->recurrent_activation.function == QC_GATE_LOGISTIC;
}

static void lstm(const struct qc_cell_step *s)
{
    if (is_usual(s)) lstm_with(s, true);
    else lstm_with(s, false);
}

static void gru_after(const struct qc_cell_step *s)
{
    if (is_usual(s)) gru_after_with(s, true);
    else gru_after_with(s, false);
}

/* Sums of all gates of some blocks in registers: panel_vectors vectors of each gate of each block, which begin at the bias and are added in the order of k. */
enum { panel_vectors = QC_PANEL / vf_width };
QC_INLINE void sums(const struct qc_recurrent_product *p, const int panels, vf *sum)
{
    const char *w = p->w + QC_PANEL * sizeof(float);
    QC_UNROLL
    for (int j = 0; j < panels * panel_vectors; j++)
        sum[j] = vf_load((const float *)(const void *)(p->w + (size_t)(j / panel_vectors) * p->panel_bytes) + j % panel_vectors * vf_width);
    for (size_t k = 0; k < p->k; k++, w += QC_PANEL * sizeof(float)) {
        const vf x = vf_set1(p->x[k]);
        QC_UNROLL
        for (int j = 0; j < panels * panel_vectors; j++)
            sum[j] = vf_fma(x, vf_load((const float *)(const void *)(w + (size_t)(j / panel_vectors) * p->panel_bytes) + j % panel_vectors * vf_width), sum[j]);
    }
}

static void lstm_fused(const struct qc_cell_step *s, const struct qc_recurrent_product *p)
{
    vf sum[LSTM_BLOCKS * 4 * panel_vectors];
    sums(p, LSTM_BLOCKS * 4, sum);
    QC_UNROLL
    for (int v = 0; v < LSTM_BLOCKS * panel_vectors; v++) {
        const size_t u = (size_t)(v * vf_width);
        const vf *gates = sum + v / panel_vectors * 4 * panel_vectors + v % panel_vectors;
        if (u >= s->units) break;
        lstm_unit(s, u, true, vf_add(gates[0], x_at(s, u, 0)), vf_add(gates[panel_vectors], x_at(s, u, 1)),
                  vf_add(gates[2 * panel_vectors], x_at(s, u, 2)), vf_add(gates[3 * panel_vectors], x_at(s, u, 3)));
    }
}

static void gru_after_fused(const struct qc_cell_step *s, const struct qc_recurrent_product *p)
{
    vf sum[GRU_BLOCKS * 3 * panel_vectors];
    sums(p, GRU_BLOCKS * 3, sum);
    QC_UNROLL
    for (int v = 0; v < GRU_BLOCKS * panel_vectors; v++) {
        const size_t u = (size_t)(v * vf_width);
        const vf *gates = sum + v / panel_vectors * 3 * panel_vectors + v % panel_vectors;
        if (u >= s->units) break;
        gru_unit(s, u, true, vf_add(gates[0], x_at(s, u, 0)), vf_add(gates[panel_vectors], x_at(s, u, 1)), gates[2 * panel_vectors]);
    }
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
    for (size_t u = 0; u < s->units; u += vf_width) vf_store(s->next + u, gate(s->activation, both_at(s, u, 0, 1)));
}

#define QC_RECURRENT_ROW(isa, bits)                        \
    extern const struct qc_recurrent_kernel qc_recurrent_##isa; \
    const struct qc_recurrent_kernel qc_recurrent_##isa = {{#isa, bits}, lstm, gru_after, gru_before_gates, gru_before_state, simple, \
                                                            LSTM_BLOCKS, GRU_BLOCKS, lstm_fused, gru_after_fused};
