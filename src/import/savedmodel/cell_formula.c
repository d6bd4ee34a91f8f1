/*
 * cell_formula.c - the formulas of recurrent cells, tried on samples of a step. See recurrent_probe.h.
 *
 *   LSTM        z = x K + h R + b, columns i f c o;  c' = r(f) c + r(i) a(c);  h' = r(o) a(c')
 *   GRU         columns z r h; reset after: x K + b0 and h R + b1 apart, h~ = a(xh + r hh); before: h~ = a(xh + b + (r h) R_h)
 *               h' = z h + (1 - z) h~
 *   simple RNN  h' = a(x K + h R + b)
 *
 * Which weight plays which role is tried out, and so are all of Keras's activations.
 */
#include "import/savedmodel/recurrent_probe.h"

#include <math.h>
#include <string.h>

static const char *const activation_names[] = {
    "tanh",      "sigmoid",   "relu",     "linear",      "hard_sigmoid", "softsign",  "elu",         "selu",        "relu6",
    "leaky_relu", "softplus", "silu",     "gelu",        "exponential",  "mish",      "hard_silu",   "celu",        "log_sigmoid",
    "squareplus", "hard_tanh", "hard_shrink", "soft_shrink", "tanh_shrink", "threshold", "sparse_plus", "sparse_sigmoid",
};
enum { NAMES = QC_COUNT(activation_names), ACTIVATIONS = NAMES + 1 }; /* the last one: hard_sigmoid of Keras 1 and 2 */

struct trial {
    struct qc_tf_import *im;
    const struct qc_tf_sample *sample;
    int rounds, weight_count;
    int32_t batch, inputs, units, gates; /* gates x units columns */
    struct qc_activation activation[ACTIVATIONS];
    bool usable[ACTIVATIONS];
    float *from_x[QC_PROBE_ROUNDS], *from_h[QC_PROBE_ROUNDS]; /* x K, h R: [batch, gates units] */
    float *sum, *value, *scratch, *value2;                    /* [batch, gates units] */
};

/* ---- arithmetic ---- */

static void multiply(const float *x, int32_t rows, int32_t inner, const float *w, int32_t columns, float *y)
{
    for (int32_t r = 0; r < rows; r++) {
        float *to = y + (size_t)r * (size_t)columns;
        memset(to, 0, (size_t)columns * sizeof *to);
        for (int32_t k = 0; k < inner; k++)
            for (int32_t c = 0; c < columns; c++) to[c] += x[(size_t)r * (size_t)inner + (size_t)k] * w[(size_t)k * (size_t)columns + (size_t)c];
    }
}

static bool close_to(const float *a, const float *b, size_t count)
{
    float largest = 1;
    for (size_t i = 0; i < count; i++) largest = fmaxf(largest, fabsf(b[i]));
    for (size_t i = 0; i < count; i++)
        if (!(fabsf(a[i] - b[i]) <= 2e-5f * largest)) return false;
    return true;
}

/* y = activation(x), by the very operators that the layer would become. One that cannot be computed is left out from then on. */
static qc_status apply(struct trial *t, int which, const float *x, float *y, size_t count)
{
    struct qc_build *b = &t->im->b;
    struct qc_tensor *in = qc_build_constant(b, "probe", QC_FLOAT32, 2, (int32_t[]){1, (int32_t)count}, x);
    struct qc_tensor *out = qc_lower_activation(b, in, &t->activation[which]);
    qc_status status = qc_tf_settle(t->im);
    if (status == QC_NOMEM) return status;
    if (status || !out || !out->constant) {
        qc_env_take(t->im->env, NULL);
        t->usable[which] = false;
        for (size_t i = 0; i < count; i++) y[i] = NAN;
    } else
        memcpy(y, out->data, count * sizeof *y);
    return QC_OK;
}

/* z = x K + h R + bias (may be NULL) of round r. */
static void pre_activation(struct trial *t, int r, const float *bias, float *z)
{
    int32_t columns = t->gates * t->units;
    for (int32_t b = 0; b < t->batch; b++)
        for (int32_t c = 0; c < columns; c++) {
            size_t i = (size_t)b * (size_t)columns + (size_t)c;
            z[i] = t->from_x[r][i] + t->from_h[r][i] + (bias ? bias[c] : 0);
        }
}

/* Copies gate `gate` of [batch, gates units] to [batch, units]. */
static void take_gate(const struct trial *t, const float *all, int gate, float *one)
{
    for (int32_t b = 0; b < t->batch; b++)
        memcpy(one + (size_t)b * (size_t)t->units, all + ((size_t)b * (size_t)t->gates + (size_t)gate) * (size_t)t->units, (size_t)t->units * sizeof *one);
}

static const float *bias_row(const struct trial *t, int r, int weight, int row)
{
    return weight < 0 ? NULL : t->sample[r].weight[weight].data + (size_t)row * (size_t)t->sample[r].weight[weight].columns;
}

/* ---- the cells ---- */

/* One round of an LSTM with the activations a and s; the gates after s and after a are computed anew. */
static qc_status lstm_fits(struct trial *t, int r, int bias, int a, int s, bool *fits)
{
    size_t count = (size_t)t->batch * (size_t)t->units, all = count * 4;
    float *cell = t->scratch, *gate = t->scratch + count, *other = t->scratch + 2 * count;
    const struct qc_tf_sample *sample = &t->sample[r];
    pre_activation(t, r, bias_row(t, r, bias, 0), t->sum);
    QC_TRY(apply(t, s, t->sum, t->value, all));
    QC_TRY(apply(t, a, t->sum, t->value2, all));
    take_gate(t, t->value, 0, gate);
    take_gate(t, t->value2, 2, other);
    for (size_t i = 0; i < count; i++) cell[i] = gate[i] * other[i];
    take_gate(t, t->value, 1, gate);
    for (size_t i = 0; i < count; i++) cell[i] += gate[i] * sample->before[1][i];
    *fits = close_to(cell, sample->after[1], count);
    if (!*fits) return QC_OK;
    QC_TRY(apply(t, a, cell, other, count));
    take_gate(t, t->value, 3, gate);
    for (size_t i = 0; i < count; i++) other[i] *= gate[i];
    *fits = close_to(other, sample->after[0], count);
    return QC_OK;
}

/* h~ before its activation. */
static void gru_candidate(struct trial *t, int r, const float *b0, const float *b1, bool after, int recurrent_kernel, const float *reset, float *out)
{
    const struct qc_tf_sample *sample = &t->sample[r];
    int32_t columns = 3 * t->units;
    const float *kernel = sample->weight[recurrent_kernel].data;
    for (int32_t b = 0; b < t->batch; b++)
        for (int32_t u = 0; u < t->units; u++) {
            size_t at = (size_t)b * (size_t)columns + 2 * (size_t)t->units + (size_t)u, cell = (size_t)b * (size_t)t->units + (size_t)u;
            float value = t->from_x[r][at] + (b0 ? b0[2 * t->units + u] : 0), inner = 0;
            if (after) {
                inner = reset[cell] * (t->from_h[r][at] + (b1 ? b1[2 * t->units + u] : 0));
            } else {
                for (int32_t k = 0; k < t->units; k++) {
                    size_t from = (size_t)b * (size_t)t->units + (size_t)k;
                    inner += reset[from] * sample->before[0][from] * kernel[(size_t)k * (size_t)columns + 2 * (size_t)t->units + (size_t)u];
                }
            }
            out[cell] = value + inner;
        }
}

static qc_status gru_fits(struct trial *t, int r, const struct qc_tf_guess *guess, bool two_rows, int a, int s, bool *fits)
{
    size_t count = (size_t)t->batch * (size_t)t->units, all = count * 3;
    float *reset = t->scratch, *candidate = t->scratch + count, *update = t->scratch + 2 * count;
    const struct qc_tf_sample *sample = &t->sample[r];
    const float *b0 = bias_row(t, r, guess->bias[0], 0);
    const float *b1 = two_rows ? bias_row(t, r, guess->bias[0], 1) : bias_row(t, r, guess->bias[1], 0);
    pre_activation(t, r, b0, t->sum);
    for (size_t i = 0; b1 && i < all; i++) t->sum[i] += b1[i % (3 * (size_t)t->units)];
    QC_TRY(apply(t, s, t->sum, t->value, all));
    take_gate(t, t->value, 0, update);
    take_gate(t, t->value, 1, reset);
    gru_candidate(t, r, b0, b1, guess->cell.reset_after, guess->recurrent_kernel, reset, candidate);
    QC_TRY(apply(t, a, candidate, t->value2, count));
    for (size_t i = 0; i < count; i++) candidate[i] = update[i] * sample->before[0][i] + (1 - update[i]) * t->value2[i];
    *fits = close_to(candidate, sample->after[0], count);
    return QC_OK;
}

static qc_status simple_fits(struct trial *t, int r, int bias, int a, bool *fits)
{
    size_t count = (size_t)t->batch * (size_t)t->units;
    pre_activation(t, r, bias_row(t, r, bias, 0), t->sum);
    QC_TRY(apply(t, a, t->sum, t->value, count));
    *fits = close_to(t->value, t->sample[r].after[0], count);
    return QC_OK;
}

/* ---- the search ---- */

static qc_status try_activations(struct trial *t, struct qc_tf_guess *guess, bool two_rows, bool *found)
{
    for (int turn = 0; turn < ACTIVATIONS && !*found; turn++) {
        int s = turn < 2 ? 1 - turn : turn; /* sigmoid is the usual one */
        if (!t->usable[s] || (guess->cell.kind == QC_CELL_SIMPLE_RNN && turn)) continue;
        for (int a = 0; a < ACTIVATIONS && !*found; a++) {
            bool fits = t->usable[a];
            for (int r = 0; r < t->rounds && fits; r++) {
                if (guess->cell.kind == QC_CELL_LSTM) QC_TRY(lstm_fits(t, r, guess->bias[0], a, s, &fits));
                else if (guess->cell.kind == QC_CELL_GRU) QC_TRY(gru_fits(t, r, guess, two_rows, a, s, &fits));
                else QC_TRY(simple_fits(t, r, guess->bias[0], a, &fits));
            }
            if (!fits) continue;
            *found = true;
            guess->cell.activation = t->activation[a];
            guess->cell.recurrent_activation = t->activation[s];
        }
    }
    return QC_OK;
}

/* All ways to give biases: none, one vector, one of two rows, two vectors. */
static qc_status try_biases(struct trial *t, struct qc_tf_guess *guess, bool *found)
{
    int32_t columns = t->gates * t->units;
    bool gru = guess->cell.kind == QC_CELL_GRU;
    for (int i = -1; i < t->weight_count && !*found; i++) {
        const struct qc_tf_array2 *w = i < 0 ? NULL : &t->sample[0].weight[i];
        bool vector = w && w->rows == 1 && w->columns == columns, pair = w && gru && w->rows == 2 && w->columns == columns;
        if (i == guess->kernel || i == guess->recurrent_kernel || (w && !vector && !pair)) continue;
        for (int after = gru; after >= 0 && !*found; after--) {
            guess->bias[0] = i;
            guess->bias[1] = -1;
            guess->cell.reset_after = after;
            if (pair && !after) continue;
            QC_TRY(try_activations(t, guess, pair, found));
            for (int j = 0; vector && after && j < t->weight_count && !*found; j++) {
                const struct qc_tf_array2 *v = &t->sample[0].weight[j];
                if (j == i || v->rows != 1 || v->columns != columns) continue;
                guess->bias[1] = j;
                QC_TRY(try_activations(t, guess, false, found));
            }
        }
    }
    return QC_OK;
}

static qc_status try_kernels(struct trial *t, struct qc_tf_guess *guess, bool *found)
{
    int32_t columns = t->gates * t->units;
    for (int k = 0; k < t->weight_count && !*found; k++)
        for (int r = 0; r < t->weight_count && !*found; r++) {
            const struct qc_tf_array2 *kernel = &t->sample[0].weight[k], *recurrent = &t->sample[0].weight[r];
            if (k == r || kernel->rows != t->inputs || kernel->columns != columns || recurrent->rows != t->units || recurrent->columns != columns) continue;
            guess->kernel = k;
            guess->recurrent_kernel = r;
            for (int n = 0; n < t->rounds; n++) {
                multiply(t->sample[n].x, t->batch, t->inputs, t->sample[n].weight[k].data, columns, t->from_x[n]);
                multiply(t->sample[n].before[0], t->batch, t->units, t->sample[n].weight[r].data, columns, t->from_h[n]);
            }
            QC_TRY(try_biases(t, guess, found));
        }
    return QC_OK;
}

qc_status qc_tf_guess_cell(struct qc_tf_import *im, int rounds, const struct qc_tf_sample *sample, int weight_count, int state_count,
                           int32_t batch, int32_t inputs, int32_t units, struct qc_tf_guess *guess, bool *found)
{
    struct trial t = {.im = im, .sample = sample, .rounds = rounds, .weight_count = weight_count, .batch = batch, .inputs = inputs, .units = units};
    for (int i = 0; i < ACTIVATIONS; i++)
        t.usable[i] = qc_activation_find(i < NAMES ? activation_names[i] : "hard_sigmoid", i < NAMES ? 3 : 2, &t.activation[i]);
    static const enum qc_cell_kind kinds[2][2] = {{QC_CELL_GRU, QC_CELL_SIMPLE_RNN}, {QC_CELL_LSTM, QC_CELL_LSTM}};
    *found = false;
    for (int i = 0; i < (state_count == 2 ? 1 : 2) && !*found; i++) {
        enum qc_cell_kind kind = kinds[state_count == 2][i];
        t.gates = kind == QC_CELL_LSTM ? 4 : kind == QC_CELL_GRU ? 3 : 1;
        size_t all = (size_t)batch * (size_t)units * (size_t)t.gates;
        for (int r = 0; r < rounds; r++) {
            t.from_x[r] = qc_arena_array(im->scratch, all, sizeof(float));
            t.from_h[r] = qc_arena_array(im->scratch, all, sizeof(float));
            if (!t.from_x[r] || !t.from_h[r]) return QC_NOMEM;
        }
        t.sum = qc_arena_array(im->scratch, all, sizeof(float));
        t.value = qc_arena_array(im->scratch, all, sizeof(float));
        t.value2 = qc_arena_array(im->scratch, all, sizeof(float));
        t.scratch = qc_arena_array(im->scratch, 3 * all, sizeof(float));
        if (!t.sum || !t.value || !t.value2 || !t.scratch) return QC_NOMEM;
        *guess = (struct qc_tf_guess){.cell = {.kind = kind, .units = units}};
        QC_TRY(try_kernels(&t, guess, found));
    }
    return QC_OK;
}
