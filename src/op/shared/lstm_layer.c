/*
 * lstm_layer.c - see lstm_layer.h.
 */
#include "op/shared/lstm_layer.h"
#include "op/shared/quantized.h"
#include "op/shared/sliding.h"

#include <stdio.h>

static bool is_byte(qc_dtype type)
{
    return type == QC_INT8 || type == QC_UINT8;
}

static bool there(const struct qc_step *step, int k)
{
    return k >= 0 && qc_operand(step, k);
}

/* ---- checks ---- */

static qc_status check_type(struct qc_step *step, int k, qc_dtype type)
{
    const struct qc_value *v = step->in[k];
    if (v->type != type)
        return qc_step_fail(step, QC_UNSUPPORTED, "input %d: element type is %s, not %s", k, qc_dtype_name(v->type), qc_dtype_name(type));
    char what[24];
    snprintf(what, sizeof what, "input %d", k);
    if (is_byte(type) || type == QC_INT16) return qc_require_quantized(step, what, v);
    return QC_OK;
}

qc_status qc_require_matrix(struct qc_step *step, int k, qc_dtype type, int32_t rows, int32_t columns)
{
    QC_TRY(qc_require_rank(step, k, 2));
    const int32_t *dims = step->in[k]->dims;
    if (dims[0] != rows || dims[1] != columns)
        return qc_step_fail(step, QC_FORMAT, "input %d: shape is [%d, %d], not [%d, %d]", k, (int)dims[0], (int)dims[1], (int)rows,
                            (int)columns);
    return check_type(step, k, type);
}

qc_status qc_require_vector(struct qc_step *step, int k, qc_dtype type, int32_t count)
{
    QC_TRY(qc_require_rank(step, k, 1));
    if (step->in[k]->dims[0] != count)
        return qc_step_fail(step, QC_FORMAT, "input %d: %d elements, not %d", k, (int)step->in[k]->dims[0], (int)count);
    return check_type(step, k, type);
}

qc_status qc_require_state(struct qc_step *step, int k, qc_dtype type, int64_t count)
{
    const struct qc_value *v = qc_operand(step, k);
    if (!v) return qc_step_fail(step, QC_FORMAT, "input %d (a state) is missing", k);
    if (!v->tensor->variable || v->constant)
        return qc_step_fail(step, QC_FORMAT, "input %d (a state) is '%s', which is no variable tensor", k, v->tensor->name);
    if ((int64_t)qc_value_elements(v) != count)
        return qc_step_fail(step, QC_FORMAT, "input %d (a state): %zu elements, not %lld", k, qc_value_elements(v), (long long)count);
    return check_type(step, k, type);
}

qc_status qc_require_activation(struct qc_step *step, int activation)
{
    if (activation >= 0 && activation <= tfl_ActivationFunctionType_SIGN_BIT) return QC_OK;
    return qc_step_fail(step, QC_FORMAT, "fused activation number %d is unknown", activation);
}

/* `count` operands from `first` on, all there or (if optional) all left out. The first is left out with a coupled input gate. */
static qc_status all_or_none(struct qc_step *step, int first, int count, bool coupled, bool *present)
{
    *present = there(step, first + count - 1);
    for (int i = 0; i < count; i++) {
        bool expected = *present && !(i == 0 && coupled);
        if (there(step, first + i) != expected)
            return qc_step_fail(step, QC_FORMAT, "input %d is %s, unlike its neighbours", first + i, expected ? "missing" : "there");
    }
    return QC_OK;
}

static qc_status check_gate(struct qc_step *step, const struct qc_lstm_map *map, const struct qc_lstm_sizes *s, int g, qc_dtype w)
{
    bool integer = step->in[0]->type == QC_INT8;
    QC_TRY(qc_require_matrix(step, map->w + g, w, s->cells, s->input));
    const struct qc_value *recurrent = qc_operand(step, map->recurrent + g);
    if (!recurrent) return qc_step_fail(step, QC_FORMAT, "input %d is missing", map->recurrent + g);
    if (recurrent->rank == 1 && !integer) {
        if (s->output != s->cells) return qc_step_fail(step, QC_FORMAT, "input %d: a diagonal matrix, but not square", map->recurrent + g);
        QC_TRY(qc_require_vector(step, map->recurrent + g, recurrent->type == QC_FLOAT32 ? QC_FLOAT32 : w, s->cells));
    } else {
        QC_TRY(qc_require_matrix(step, map->recurrent + g, w, s->cells, s->output));
    }
    if (s->aux) QC_TRY(qc_require_matrix(step, map->aux_w + g, w, s->cells, s->aux));
    int peephole = g == 3 ? 2 : g;
    if (s->peephole && g != 2) QC_TRY(qc_require_vector(step, map->peephole + peephole, integer ? QC_INT16 : w, s->cells));
    if (s->normalized) QC_TRY(qc_require_vector(step, map->norm + g, integer ? QC_INT16 : QC_FLOAT32, s->cells));
    return qc_require_vector(step, map->bias + g, integer ? QC_INT32 : QC_FLOAT32, s->cells);
}

qc_status qc_lstm_check(struct qc_step *step, const struct qc_lstm_map *map, struct qc_lstm_sizes *s)
{
    const struct qc_value *w = qc_operand(step, map->w + 3), *r = qc_operand(step, map->recurrent + 3);
    if (!w || !r) return qc_step_fail(step, QC_FORMAT, "input %d is missing", w ? map->recurrent + 3 : map->w + 3);
    bool integer = step->in[0]->type == QC_INT8;
    if (w->rank != 2 || r->rank < 1 || r->rank > 2)
        return qc_step_fail(step, QC_FORMAT, "inputs %d and %d (weights) have ranks %d and %d", map->w + 3, map->recurrent + 3, w->rank, r->rank);
    if (integer ? w->type != QC_INT8 : w->type != QC_FLOAT32 && !is_byte(w->type)) return qc_step_unsupported_type(step);
    s->cells = w->dims[0];
    s->output = r->dims[r->rank - 1];
    if (s->cells < 1 || s->output < 1 || s->input < 1) return qc_step_fail(step, QC_FORMAT, "a layer without units or inputs");
    s->coupled = !there(step, map->w);
    bool present;
    QC_TRY(all_or_none(step, map->w, 4, s->coupled, &present));
    QC_TRY(all_or_none(step, map->recurrent, 4, s->coupled, &present));
    QC_TRY(all_or_none(step, map->bias, 4, s->coupled, &present));
    if (!present) return qc_step_fail(step, QC_FORMAT, "input %d (bias) is missing", map->bias + 3);
    QC_TRY(all_or_none(step, map->peephole, 3, s->coupled, &s->peephole));
    s->normalized = false;
    if (map->norm >= 0 && map->norm < step->in_count) QC_TRY(all_or_none(step, map->norm, 4, s->coupled, &s->normalized));
    s->projected = there(step, map->projection);
    if (!s->projected && s->output != s->cells)
        return qc_step_fail(step, QC_FORMAT, "%d cells and %d outputs, but no projection", (int)s->cells, (int)s->output);
    if (s->projected) QC_TRY(qc_require_matrix(step, map->projection, w->type, s->output, s->cells));
    if (there(step, map->projection + 1)) {
        if (!s->projected) return qc_step_fail(step, QC_FORMAT, "input %d is a bias without a projection", map->projection + 1);
        QC_TRY(qc_require_vector(step, map->projection + 1, integer ? QC_INT32 : QC_FLOAT32, s->output));
    }
    for (int g = s->coupled ? 1 : 0; g < 4; g++) QC_TRY(check_gate(step, map, s, g, w->type));
    QC_TRY(qc_require_state(step, map->h, integer ? QC_INT8 : QC_FLOAT32, (int64_t)s->batch * s->output));
    return qc_require_state(step, map->c, integer ? QC_INT16 : QC_FLOAT32, (int64_t)s->batch * s->cells);
}

/* ---- run ---- */

struct qc_matrix qc_matrix_of(const struct qc_step *step, int k)
{
    struct qc_matrix m = {0};
    const struct qc_value *v = k >= 0 ? qc_operand(step, k) : NULL;
    if (!v) return m;
    m.diagonal = v->rank == 1;
    if (v->type == QC_FLOAT32) m.f32 = v->data;
    else m.s8 = v->data, m.scale = qc_value_scale(v);
    return m;
}

static const float *floats(const struct qc_step *step, int k)
{
    const struct qc_value *v = k >= 0 ? qc_operand(step, k) : NULL;
    return v ? v->data : NULL;
}

static struct qc_lstm cell_of(const struct qc_step *step, const struct qc_lstm_call *call)
{
    const struct qc_lstm_map *map = call->map;
    const struct qc_lstm_sizes *s = call->sizes;
    struct qc_lstm l = {.input = (size_t)s->input, .aux = (size_t)s->aux, .cells = (size_t)s->cells, .output = (size_t)s->output,
                        .projection = qc_matrix_of(step, map->projection), .cell_clip = call->cell_clip,
                        .projection_clip = call->projection_clip, .activation = (enum qc_activation)call->activation,
                        .hybrid = step->in[map->w + 3]->type != QC_FLOAT32,
                        .how = call->asymmetric ? QC_ROW_ASYMMETRIC : QC_ROW_SYMMETRIC, .math = qc_vmath_pick(qc_cpu_features())};
    if (s->projected) l.projection_bias = floats(step, map->projection + 1);
    for (int g = s->coupled ? 1 : 0; g < 4; g++) {
        struct qc_lstm_gate *gate = &l.gate[g];
        gate->input = qc_matrix_of(step, map->w + g);
        gate->recurrent = qc_matrix_of(step, map->recurrent + g);
        if (s->aux) gate->aux = qc_matrix_of(step, map->aux_w + g);
        if (s->peephole && g != 2) gate->peephole = qc_matrix_of(step, map->peephole + (g == 3 ? 2 : g));
        if (s->normalized) gate->norm = floats(step, map->norm + g);
        gate->bias = floats(step, map->bias + g);
    }
    return l;
}

size_t qc_lstm_scratch(const struct qc_lstm_sizes *s)
{
    struct qc_lstm l = {.input = (size_t)s->input, .aux = (size_t)s->aux, .cells = (size_t)s->cells, .output = (size_t)s->output};
    return qc_lstm_work(&l);
}

struct task {
    const struct qc_lstm_call *call;
    struct qc_lstm lstm;
    float *h, *c;
};

static void rows(void *context, size_t begin, size_t end, int thread)
{
    const struct task *t = context;
    const struct qc_lstm_call *call = t->call;
    const struct qc_sequence *q = call->sequence;
    size_t output = t->lstm.output;
    for (size_t b = begin; b < end; b++) {
        float *h = t->h + b * output, *c = t->c + b * t->lstm.cells;
        for (int32_t i = 0; i < q->time; i++) {
            size_t at = (size_t)(q->backward ? q->time - 1 - i : i) * q->time_step + b * q->batch_step;
            qc_lstm_step(&t->lstm, call->x + at * t->lstm.input, call->aux ? call->aux + at * t->lstm.aux : NULL, h, c,
                         call->work + (size_t)thread * call->work_bytes);
            memcpy(call->y + at * call->y_width, h, output * sizeof *h);
        }
    }
}

void qc_lstm_run(const struct qc_step *step, const struct qc_lstm_call *call)
{
    struct task task = {.call = call, .lstm = cell_of(step, call), .h = step->in[call->map->h]->data, .c = step->in[call->map->c]->data};
    qc_pool_for(step->rt->pool, (size_t)call->sequence->batch, 1, rows, &task);
}
