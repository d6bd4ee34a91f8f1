/*
 * lstm_integer.c - see lstm_integer.h.
 */
#include "op/shared/lstm_integer.h"
#include "op/shared/quantized.h"
#include "op/shared/sliding.h"

#include <math.h>

static const void *data_of(const struct qc_step *step, int k)
{
    const struct qc_value *v = k >= 0 ? qc_operand(step, k) : NULL;
    return v ? v->data : NULL;
}

static float scale_of(const struct qc_step *step, int k)
{
    return qc_value_scale(step->in[k]);
}

static int cell_exponent(const struct qc_step *step, const struct qc_lstm_map *map)
{
    return (int)roundf(log2f(scale_of(step, map->c)));
}

qc_status qc_lstm_s8_check(struct qc_step *step, const struct qc_lstm_map *map, const struct qc_lstm_sizes *s)
{
    QC_TRY(qc_require_quantized(step, "input 0", step->in[0]));
    QC_TRY(qc_require_quantized(step, "output 0", step->out[0]));
    QC_TRY(qc_require_symmetric(step, "the cell state", step->in[map->c]));
    if (step->intermediate_count == 12)
        return qc_step_fail(step, QC_UNSUPPORTED, "12 intermediate tensors (8-bit gates); quantc has the form with 5 (16-bit gates)");
    if (step->intermediate_count != 5)
        return qc_step_fail(step, QC_FORMAT, "%d intermediate tensors; an int8 LSTM needs 5", step->intermediate_count);
    for (int i = s->normalized ? 0 : 4; i < 5; i++) {
        if (i == 0 && s->coupled) continue;
        if (!step->intermediate[i]) return qc_step_fail(step, QC_FORMAT, "intermediate tensor %d is missing", i);
        QC_TRY(qc_require_quantized(step, "an intermediate tensor", step->intermediate[i]));
    }
    float exponent = log2f(scale_of(step, map->c));
    if (fabsf(exponent - roundf(exponent)) >= 1e-3f || roundf(exponent) < -15 || roundf(exponent) > -9)
        return qc_step_fail(step, QC_FORMAT, "the cell state's scale is %g, but must be a power of two from 2^-15 to 2^-9",
                            (double)scale_of(step, map->c));
    return QC_OK;
}

void qc_lstm_s8_plan(const struct qc_step *step, const struct qc_lstm_map *map, const struct qc_lstm_sizes *s, float cell_clip,
                     float projection_clip, struct qc_lstm_s8 *l)
{
    float x = scale_of(step, 0), h = scale_of(step, map->h), hidden = qc_value_scale(step->intermediate[4]);
    int exponent = cell_exponent(step, map);
    *l = (struct qc_lstm_s8){.input = (size_t)s->input, .cells = (size_t)s->cells, .output = (size_t)s->output,
                             .rows = (size_t)s->batch, .x_zero = qc_value_zero_point(step->in[0]), .h_zero = qc_value_zero_point(step->in[map->h]),
                             .hidden_zero = qc_value_zero_point(step->intermediate[4]), .cell_bits = 15 + exponent};
    l->hidden_scale = qc_multiplier_of((float)(ldexp(1, -15) / (double)hidden * ldexp(1, -15)));
    if (s->projected) l->projection_scale = qc_multiplier_of(scale_of(step, map->projection) * hidden / h);
    if (cell_clip > 0) l->cell_clip = (int16_t)fminf(cell_clip / scale_of(step, map->c), 32767.0f);
    if (projection_clip > 0) l->projection_clip = (int8_t)fminf(projection_clip / qc_value_scale(step->out[0]), 127.0f);
    for (int g = s->coupled ? 1 : 0; g < 4; g++) {
        struct qc_lstm_s8_gate *gate = &l->gate[g];
        float sum = s->normalized ? qc_value_scale(step->intermediate[g]) : 1.0f / 4096;
        gate->input_scale = qc_multiplier_of(scale_of(step, map->w + g) * x / sum);
        gate->recurrent_scale = qc_multiplier_of(scale_of(step, map->recurrent + g) * h / sum);
        if (s->peephole && g != 2)
            gate->peephole_scale = qc_multiplier_of((float)(ldexp(1, exponent) * (double)scale_of(step, map->peephole + (g == 3 ? 2 : g)) / (double)sum));
        if (!s->normalized) continue;
        float norm = scale_of(step, map->norm + g);
        gate->norm_scale = qc_multiplier_of(norm);
        gate->variance_guard = norm < 1e5f ? (int32_t)fmaxf(1, 10000 * norm) : INT32_MAX;
    }
}

struct task {
    const struct qc_lstm_s8 *lstm;
    const struct qc_sequence *sequence;
    const int8_t *x;
    int8_t *h, *y;
    int16_t *c;
    char *work;
    size_t work_bytes;
};

static void rows(void *context, size_t begin, size_t end, int thread)
{
    const struct task *t = context;
    const struct qc_sequence *q = t->sequence;
    for (size_t b = begin; b < end; b++) {
        int8_t *h = t->h + b * t->lstm->output;
        for (int32_t i = 0; i < q->time; i++) {
            size_t at = (size_t)(q->backward ? q->time - 1 - i : i) * q->time_step + b * q->batch_step;
            qc_lstm_s8_step(t->lstm, b, t->x + at * t->lstm->input, h, t->c + b * t->lstm->cells, t->work + (size_t)thread * t->work_bytes);
            memcpy(t->y + at * t->lstm->output, h, t->lstm->output);
        }
    }
}

void qc_lstm_s8_run(const struct qc_step *step, const struct qc_lstm_map *map, const struct qc_lstm_sizes *s,
                    const struct qc_sequence *sequence, struct qc_lstm_s8 *l, char *work, size_t work_bytes)
{
    for (int g = s->coupled ? 1 : 0; g < 4; g++) {
        struct qc_lstm_s8_gate *gate = &l->gate[g];
        gate->w = data_of(step, map->w + g);
        gate->recurrent = data_of(step, map->recurrent + g);
        gate->bias = data_of(step, map->bias + g);
        if (s->peephole && g != 2) gate->peephole = data_of(step, map->peephole + (g == 3 ? 2 : g));
        if (s->normalized) gate->norm = data_of(step, map->norm + g);
    }
    l->projection = data_of(step, map->projection);
    l->projection_bias = data_of(step, map->projection + 1);
    struct task task = {l, sequence, step->in[0]->data, step->in[map->h]->data, step->out[0]->data, step->in[map->c]->data, work, work_bytes};
    qc_pool_for(step->rt->pool, (size_t)sequence->batch, 1, rows, &task);
}

/* ---- the basic cell ---- */

enum { X, H, WEIGHTS, BASIC_BIAS, C };

qc_status qc_lstm_basic_infer(struct qc_step *step)
{
    if (step->in_count != 5 || step->out_count != 4)
        return qc_step_fail(step, QC_FORMAT, "%d inputs and %d outputs; the basic cell has 5 and 4", step->in_count, step->out_count);
    for (int k = 0; k < 5; k++) QC_TRY(qc_require_rank(step, k, k == BASIC_BIAS ? 1 : 2));
    const struct qc_value *x = step->in[X], *h = step->in[H], *c = step->in[C];
    bool bytes = x->type == QC_UINT8;
    if (!bytes && x->type != QC_FLOAT32) return qc_step_unsupported_type(step);
    int32_t batch = x->dims[0], input = x->dims[1], n = h->dims[1];
    if (n < 1 || n > INT32_MAX / 8 || h->dims[0] != batch || c->dims[0] != batch || c->dims[1] != n || h->type != x->type ||
        c->type != (bytes ? QC_INT16 : QC_FLOAT32))
        return qc_step_fail(step, QC_FORMAT, "the states do not fit input 0 in shape or type");
    QC_TRY(qc_require_matrix(step, WEIGHTS, x->type, 4 * n, input + n));
    QC_TRY(qc_require_vector(step, BASIC_BIAS, bytes ? QC_INT32 : QC_FLOAT32, 4 * n));
    QC_TRY(qc_step_output_like(step, 0, x->type, h));
    QC_TRY(qc_step_output_like(step, 1, c->type, c));
    QC_TRY(qc_step_output(step, 2, x->type, 2, (int32_t[]){batch, input + n}));
    QC_TRY(qc_step_output(step, 3, c->type, 2, (int32_t[]){batch, 4 * n}));
    if (!bytes) return QC_OK;
    QC_TRY(qc_require_quantized(step, "input 3", step->in[BASIC_BIAS]));
    QC_TRY(qc_require_quantized(step, "output 1", step->out[1]));
    float exponent = log2f(qc_value_scale(step->out[1]));
    if (fabsf(exponent + 11) >= 1e-3f)
        return qc_step_fail(step, QC_FORMAT, "output 1 (the cell): scale is %g, not 2^-11", (double)qc_value_scale(step->out[1]));
    return QC_OK;
}

static void basic_row(struct qc_step *step, size_t b, size_t input, size_t n)
{
    size_t width = qc_dtype_bytes(step->in[X]->type, 1);
    char *xh = (char *)step->out[2]->data + b * (input + n) * width;
    memcpy(xh, (const char *)step->in[X]->data + b * input * width, input * width);
    memcpy(xh + input * width, (const char *)step->in[H]->data + b * n * width, n * width);
    const void *w = step->in[WEIGHTS]->data, *bias = step->in[BASIC_BIAS]->data, *before = step->in[C]->data, *row = xh;
    void *h = step->out[0]->data, *c = step->out[1]->data, *sums = step->out[3]->data;
    if (width == 1)
        qc_lstm_basic_u8(input, n, row, w, qc_value_zero_point(step->in[WEIGHTS]), bias,
                         qc_multiplier_of(4096 * scale_of(step, BASIC_BIAS)), (const int16_t *)before + b * n,
                         (int16_t *)sums + b * 4 * n, (uint8_t *)h + b * n, (int16_t *)c + b * n);
    else
        qc_lstm_basic_f32(input, n, row, w, bias, (const float *)before + b * n, (float *)sums + b * 4 * n, (float *)h + b * n,
                          (float *)c + b * n);
}

/* States that are variable tensors keep what was computed. */
qc_status qc_lstm_basic_run(struct qc_step *step)
{
    size_t batch = (size_t)step->in[X]->dims[0], input = (size_t)step->in[X]->dims[1], n = (size_t)step->in[H]->dims[1];
    for (size_t b = 0; b < batch; b++) basic_row(step, b, input, n);
    if (step->in[H]->tensor->variable && step->out[0]->bytes) memcpy(step->in[H]->data, step->out[0]->data, step->out[0]->bytes);
    if (step->in[C]->tensor->variable && step->out[1]->bytes) memcpy(step->in[C]->data, step->out[1]->data, step->out[1]->bytes);
    return QC_OK;
}
