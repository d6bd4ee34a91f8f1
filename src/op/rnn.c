/*
 * rnn.c - RNN (one step), UNIDIRECTIONAL_SEQUENCE_RNN and BIDIRECTIONAL_SEQUENCE_RNN: h = activation(w x + r h + bias), float32 and
 * hybrid.
 *
 * As with LSTM, an auxiliary input without weights of its own is the backward direction's input.
 */
#include "op/quant_rule.h"
#include "op/shared/lstm_layer.h"
#include "op/shared/sliding.h"
#include "op/shared/version.h"

struct direction { /* operand numbers, then sizes */
    int x, aux, w, recurrent, bias, h, aux_w;
    int32_t input, aux_input, units;
    bool backward;
};

struct state {
    struct direction direction[2];
    int count, activation;
    int32_t batch, time;
    bool time_major, asymmetric, merge;
    size_t work, work_bytes;
};

static void read_options(const struct qc_step *step, struct state *s)
{
    s->time_major = true;
    if (step->op->code == tfl_BuiltinOperator_RNN) {
        const struct tfl_RNNOptions *o = step->options;
        s->activation = o->fused_activation_function, s->asymmetric = o->asymmetric_quantize_inputs;
    } else if (step->op->code == tfl_BuiltinOperator_UNIDIRECTIONAL_SEQUENCE_RNN) {
        const struct tfl_SequenceRNNOptions *o = step->options;
        s->activation = o->fused_activation_function, s->asymmetric = o->asymmetric_quantize_inputs, s->time_major = o->time_major;
    } else {
        const struct tfl_BidirectionalSequenceRNNOptions *o = step->options;
        s->activation = o->fused_activation_function, s->asymmetric = o->asymmetric_quantize_inputs, s->time_major = o->time_major;
        s->merge = o->merge_outputs;
    }
}

static qc_status check_direction(struct qc_step *step, const struct state *s, struct direction *d, int rank)
{
    QC_TRY(qc_require_rank(step, d->x, rank));
    const struct qc_value *x = step->in[d->x], *w = qc_operand(step, d->w), *aux = d->aux >= 0 ? qc_operand(step, d->aux) : NULL;
    if (!w || w->rank != 2) return qc_step_fail(step, QC_FORMAT, "input %d (weights) must be a matrix", d->w);
    for (int i = 0; i < rank - 1; i++)
        if (x->dims[i] != step->in[0]->dims[i] || (aux && (aux->rank != rank || aux->dims[i] != x->dims[i])))
            return qc_step_fail(step, QC_FORMAT, "the auxiliary input has another batch or length than input 0");
    if (x->type != QC_FLOAT32 || (aux && aux->type != QC_FLOAT32)) return qc_step_unsupported_type(step);
    if (w->type != QC_FLOAT32 && w->type != QC_INT8 && w->type != QC_UINT8) return qc_step_unsupported_type(step);
    d->input = x->dims[rank - 1];
    d->units = w->dims[0];
    QC_TRY(qc_require_matrix(step, d->w, w->type, d->units, d->input));
    QC_TRY(qc_require_matrix(step, d->recurrent, w->type, d->units, d->units));
    QC_TRY(qc_require_vector(step, d->bias, QC_FLOAT32, d->units));
    if (aux) {
        d->aux_input = aux->dims[rank - 1];
        QC_TRY(qc_require_matrix(step, d->aux_w, w->type, d->units, d->aux_input));
    }
    return qc_require_state(step, d->h, QC_FLOAT32, (int64_t)s->batch * d->units);
}

static qc_status read_all(struct qc_step *step, struct state *s)
{
    bool both = step->op->code == tfl_BuiltinOperator_BIDIRECTIONAL_SEQUENCE_RNN;
    int rank = step->op->code == tfl_BuiltinOperator_RNN ? 2 : 3;
    read_options(step, s);
    QC_TRY(qc_require_activation(step, s->activation));
    QC_TRY(qc_require_rank(step, 0, rank));
    const int32_t *x = step->in[0]->dims;
    s->batch = rank == 2 ? x[0] : x[s->time_major ? 1 : 0];
    s->time = rank == 2 ? 1 : x[s->time_major ? 0 : 1];
    bool has_aux = both && qc_operand(step, 9), weighted = has_aux && qc_operand(step, 10);
    s->direction[0] = (struct direction){.x = 0, .aux = weighted ? 9 : -1, .w = 1, .recurrent = 2, .bias = 3, .h = 4, .aux_w = 10};
    s->direction[1] = (struct direction){.x = has_aux && !weighted ? 9 : 0, .aux = weighted ? 9 : -1, .w = 5, .recurrent = 6, .bias = 7,
                                         .h = 8, .aux_w = 11, .backward = true};
    s->count = both ? 2 : 1;
    for (int i = 0; i < s->count; i++) QC_TRY(check_direction(step, s, &s->direction[i], rank));
    return QC_OK;
}

static qc_status infer(struct qc_step *step)
{
    struct state s = {0};
    QC_TRY(read_all(step, &s));
    int32_t dims[QC_MAX_RANK];
    const struct qc_value *x = step->in[0];
    memcpy(dims, x->dims, sizeof dims);
    int outputs = s.count == 2 && !s.merge ? 2 : 1;
    if (step->out_count < outputs) return qc_step_fail(step, QC_FORMAT, "%d outputs, but two are needed", step->out_count);
    for (int i = 0; i < outputs; i++) {
        dims[x->rank - 1] = s.direction[i].units + (s.merge ? s.direction[1].units : 0);
        QC_TRY(qc_step_output(step, i, QC_FLOAT32, x->rank, dims));
    }
    return QC_OK;
}

static struct qc_rnn cell_of(const struct qc_step *step, const struct state *s, const struct direction *d)
{
    return (struct qc_rnn){.input = (size_t)d->input, .aux = (size_t)d->aux_input, .units = (size_t)d->units,
                           .w = qc_matrix_of(step, d->w), .recurrent = qc_matrix_of(step, d->recurrent),
                           .w_aux = d->aux >= 0 ? qc_matrix_of(step, d->aux_w) : (struct qc_matrix){0},
                           .bias = step->in[d->bias]->data, .activation = (enum qc_activation)s->activation,
                           .hybrid = step->in[d->w]->type != QC_FLOAT32, .how = s->asymmetric ? QC_ROW_ASYMMETRIC : QC_ROW_SYMMETRIC,
                           .math = qc_vmath_pick(qc_cpu_features())};
}

static qc_status plan(struct qc_step *step)
{
    struct state *s = step->state = qc_step_alloc(step, sizeof *s);
    if (!s) return QC_NOMEM;
    QC_TRY(read_all(step, s));
    for (int i = 0; i < s->count; i++) {
        struct qc_rnn cell = cell_of(step, s, &s->direction[i]);
        s->work_bytes = QC_MAX(s->work_bytes, qc_rnn_work(&cell));
    }
    s->work = qc_step_scratch(step, s->work_bytes * (size_t)qc_pool_threads(step->rt->pool));
    return QC_OK;
}

struct task {
    const struct qc_step *step;
    const struct direction *d;
    struct qc_rnn cell;
    float *y;
    size_t y_width;
};

/*
 * Where the auxiliary input of one step begins. TensorFlow Lite takes steps of the input's width for those of the auxiliary one, in time-major order and
 * in all hybrid forms: models are what they are with it. Where that would lead outside (an input wider than the auxiliary one) it is not followed.
 */
static size_t aux_at(const struct task *t, size_t b, size_t time)
{
    const struct state *s = t->step->state;
    const size_t right = t->cell.aux, width = (s->time_major || t->cell.hybrid) && t->cell.input < right ? t->cell.input : right;
    return s->time_major ? time * (size_t)s->batch * width + b * right : (b * (size_t)s->time + time) * width;
}

static void sequence(const struct task *t, size_t b, float *h, char *work)
{
    const struct state *s = t->step->state;
    const struct direction *d = t->d;
    const float *x = t->step->in[d->x]->data, *aux = d->aux >= 0 ? t->step->in[d->aux]->data : NULL;
    for (int32_t i = 0; i < s->time; i++) {
        size_t time = (size_t)(d->backward ? s->time - 1 - i : i);
        size_t at = s->time_major ? time * (size_t)s->batch + b : b * (size_t)s->time + time;
        qc_rnn_step(&t->cell, x + at * t->cell.input, aux ? aux + aux_at(t, b, time) : NULL, h, work);
        memcpy(t->y + at * t->y_width, h, t->cell.units * sizeof *h);
    }
}

static void rows(void *context, size_t begin, size_t end, int thread)
{
    const struct task *t = context;
    const struct state *s = t->step->state;
    char *work = (char *)t->step->scratch + s->work + (size_t)thread * s->work_bytes;
    /* TensorFlow Lite goes through a hybrid time-major sequence of two directions as often as it has steps, with the state of the time before */
    const int32_t times = s->count == 2 && s->time_major && t->cell.hybrid ? s->time : 1;
    for (size_t b = begin; b < end; b++)
        for (int32_t i = 0; i < times; i++) sequence(t, b, (float *)t->step->in[t->d->h]->data + b * t->cell.units, work);
}

static qc_status run(struct qc_step *step)
{
    const struct state *s = step->state;
    for (int i = 0; i < s->count; i++) {
        const struct qc_value *y = step->out[i && !s->merge ? 1 : 0];
        size_t offset = i && s->merge ? (size_t)s->direction[0].units : 0;
        struct task task = {step, &s->direction[i], cell_of(step, s, &s->direction[i]), (float *)y->data + offset,
                            (size_t)y->dims[y->rank - 1]};
        qc_pool_for(step->rt->pool, (size_t)s->batch, 1, rows, &task);
    }
    return QC_OK;
}

static int version(const struct qc_node *node)
{
    if (!qc_node_hybrid(node, 0, 1)) return 1;
    bool asymmetric = false;
    if (node->options && node->code == tfl_BuiltinOperator_RNN)
        asymmetric = ((const struct tfl_RNNOptions *)node->options)->asymmetric_quantize_inputs;
    else if (node->options && node->code == tfl_BuiltinOperator_UNIDIRECTIONAL_SEQUENCE_RNN)
        asymmetric = ((const struct tfl_SequenceRNNOptions *)node->options)->asymmetric_quantize_inputs;
    else if (node->options)
        asymmetric = ((const struct tfl_BidirectionalSequenceRNNOptions *)node->options)->asymmetric_quantize_inputs;
    return asymmetric ? 3 : 2;
}

static const struct qc_quant_rule rule = {
    .modes = QC_Q_HYBRID, .in = {{QC_ROLE_FLOAT, 0, 0, 0}}, .hybrid = 1 << 1 | 1 << 2, .hybrid_axis = -1,
};
/* Never made hybrid: see rows. */
static const struct qc_quant_rule both_rule = {.in = {{QC_ROLE_FLOAT, 0, 0, 0}}};

#define ROW(op, table, least, most_in, most_out, quantization)                                                                 \
    {                                                                                                                          \
        .name = #op, .code = tfl_BuiltinOperator_##op, .options = &table, .in_min = least, .in_max = most_in, .out_min = 1,    \
        .out_max = most_out, .max_version = 3, .flags = QC_OP_STATEFUL, .quant = &quantization, .infer = infer, .plan = plan,  \
        .run = run, .version = version                                                                                         \
    }

const struct qc_op qc_op_rnn[] = {
    ROW(RNN, tfl_RNNOptions_table, 5, 5, 1, rule),
    ROW(UNIDIRECTIONAL_SEQUENCE_RNN, tfl_SequenceRNNOptions_table, 5, 5, 1, rule),
    ROW(BIDIRECTIONAL_SEQUENCE_RNN, tfl_BidirectionalSequenceRNNOptions_table, 9, 12, 2, both_rule),
    {0},
};
