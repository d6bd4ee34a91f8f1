/*
 * lstm.c - LSTM (one step), UNIDIRECTIONAL_SEQUENCE_LSTM and BIDIRECTIONAL_SEQUENCE_LSTM: sequences, states and outputs. One
 * direction's arithmetic is op/shared/lstm_layer.h (float32, hybrid) and lstm_integer.h (int8, and LSTM's basic cell).
 *
 * An auxiliary input goes to both directions with weights of its own; without such weights it is the backward direction's input.
 */
#include "op/quant_rule.h"
#include "op/shared/lstm_packed.h"
#include "op/shared/recurrent_layer.h"
#include "op/shared/sliding.h"
#include "op/shared/version.h"

struct direction {
    struct qc_lstm_map map;
    struct qc_lstm_sizes sizes;
    int x;        /* operand */
    int aux;      /* operand, or -1 */
    bool backward;
    struct qc_recurrent_layer *layer; /* a plain cell: on the kernels of recurrent.h; NULL: step by step */
};

struct state {
    struct direction direction[2];
    int count;
    struct qc_sequence sequence;
    int activation;
    float cell_clip, projection_clip;
    bool time_major, asymmetric, merge;
    size_t work_bytes, work;
    struct qc_lstm_s8 integer; /* int8 */
    struct qc_lstm_packed *packed; /* int8: a plain cell on packed products; NULL: step by step */
};

static const struct qc_lstm_map single = {1, 5, 9, 12, 16, 18, 19, -1, 20};
static const struct qc_lstm_map forward = {1, 5, 9, 12, 16, 35, 36, 40, -1};
static const struct qc_lstm_map backward = {18, 22, 26, 29, 33, 37, 38, 44, -1};

static void read_options(const struct qc_step *step, struct state *s)
{
    s->time_major = true;
    if (step->op->code == tfl_BuiltinOperator_LSTM) {
        const struct tfl_LSTMOptions *o = step->options;
        s->activation = o->fused_activation_function, s->cell_clip = o->cell_clip, s->projection_clip = o->proj_clip;
        s->asymmetric = o->asymmetric_quantize_inputs;
    } else if (step->op->code == tfl_BuiltinOperator_UNIDIRECTIONAL_SEQUENCE_LSTM) {
        const struct tfl_UnidirectionalSequenceLSTMOptions *o = step->options;
        s->activation = o->fused_activation_function, s->cell_clip = o->cell_clip, s->projection_clip = o->proj_clip;
        s->asymmetric = o->asymmetric_quantize_inputs, s->time_major = o->time_major;
    } else {
        const struct tfl_BidirectionalSequenceLSTMOptions *o = step->options;
        s->activation = o->fused_activation_function, s->cell_clip = o->cell_clip, s->projection_clip = o->proj_clip;
        s->asymmetric = o->asymmetric_quantize_inputs, s->time_major = o->time_major, s->merge = o->merge_outputs;
    }
}

/* Batch, time and how they lie. */
static qc_status read_sequence(struct qc_step *step, struct state *s)
{
    int rank = step->op->code == tfl_BuiltinOperator_LSTM ? 2 : 3;
    QC_TRY(qc_require_rank(step, 0, rank));
    const int32_t *x = step->in[0]->dims;
    int32_t time = rank == 2 ? 1 : x[s->time_major ? 0 : 1], batch = rank == 2 ? x[0] : x[s->time_major ? 1 : 0];
    s->sequence = (struct qc_sequence){.batch = batch, .time = time, .time_step = s->time_major ? (size_t)batch : 1,
                                       .batch_step = s->time_major ? 1 : (size_t)time};
    return QC_OK;
}

static qc_status read_directions(struct qc_step *step, struct state *s)
{
    bool both = step->op->code == tfl_BuiltinOperator_BIDIRECTIONAL_SEQUENCE_LSTM;
    const struct qc_value *aux = both ? qc_operand(step, 39) : NULL;
    bool weighted = both && qc_operand(step, 40 + 3);
    s->count = both ? 2 : 1;
    for (int i = 0; i < s->count; i++) {
        struct direction *d = &s->direction[i];
        *d = (struct direction){.map = both ? (i ? backward : forward) : single, .aux = weighted ? 39 : -1, .backward = i == 1};
        if (i == 1 && aux && !weighted) d->x = 39;
        QC_TRY(qc_require_rank(step, d->x, step->in[0]->rank));
        const struct qc_value *x = step->in[d->x];
        int last = x->rank - 1;
        if (weighted && !aux) return qc_step_fail(step, QC_FORMAT, "input 39 (auxiliary input) is missing, but has weights");
        for (int k = 0; k < last; k++)
            if (x->dims[k] != step->in[0]->dims[k] || (weighted && (aux->rank != x->rank || aux->dims[k] != x->dims[k])))
                return qc_step_fail(step, QC_FORMAT, "input 39 (auxiliary input) has another batch or length than input 0");
        if (x->type != step->in[0]->type || (weighted && aux->type != x->type)) return qc_step_unsupported_type(step);
        d->sizes = (struct qc_lstm_sizes){.batch = s->sequence.batch, .time = s->sequence.time, .input = x->dims[last],
                                          .aux = weighted ? aux->dims[last] : 0};
        QC_TRY(qc_lstm_check(step, &d->map, &d->sizes));
    }
    return QC_OK;
}

static qc_status read_all(struct qc_step *step, struct state *s)
{
    if (!step->in[0]) return qc_step_fail(step, QC_FORMAT, "input 0 is missing");
    read_options(step, s);
    QC_TRY(qc_require_activation(step, s->activation));
    if (!(s->cell_clip >= 0) || !(s->projection_clip >= 0))
        return qc_step_fail(step, QC_FORMAT, "cell_clip %g and proj_clip %g must not be negative", (double)s->cell_clip,
                            (double)s->projection_clip);
    QC_TRY(read_sequence(step, s));
    return read_directions(step, s);
}

static bool is_basic(const struct qc_step *step)
{
    return step->op->code == tfl_BuiltinOperator_LSTM &&
           ((const struct tfl_LSTMOptions *)step->options)->kernel_type == tfl_LSTMKernelType_BASIC;
}

static qc_status infer(struct qc_step *step)
{
    struct state s = {0};
    if (is_basic(step)) return qc_lstm_basic_infer(step);
    if (step->in_count < 20) return qc_step_fail(step, QC_FORMAT, "%d inputs; an LSTM has 20 or 24", step->in_count);
    QC_TRY(read_all(step, &s));
    bool integer = step->in[0]->type == QC_INT8 && s.count == 1;
    if (step->in[0]->type != QC_FLOAT32 && !integer) return qc_step_unsupported_type(step);
    if (integer) QC_TRY(qc_lstm_s8_check(step, &s.direction[0].map, &s.direction[0].sizes));
    int32_t dims[QC_MAX_RANK];
    const struct qc_value *x = step->in[0];
    memcpy(dims, x->dims, sizeof dims);
    int outputs = s.count == 2 && !s.merge ? 2 : 1;
    if (step->out_count < outputs) return qc_step_fail(step, QC_FORMAT, "%d outputs, but two are needed", step->out_count);
    for (int i = 0; i < outputs; i++) {
        dims[x->rank - 1] = s.direction[i].sizes.output + (s.merge ? s.direction[1].sizes.output : 0);
        QC_TRY(qc_step_output(step, i, x->type, x->rank, dims));
    }
    return QC_OK;
}

/* Constant weights as they are stored, before a DEQUANTIZE from float16. */
static const struct qc_tensor *stored(const struct qc_value *value)
{
    const struct qc_node *node = value->tensor->producer;
    const bool half = node && node->code == tfl_BuiltinOperator_DEQUANTIZE && node->in[0] && node->in[0]->type == QC_FLOAT16;
    return half ? node->in[0] : value->tensor;
}

/* A cell without peepholes, normalization, projection, coupled gates or auxiliary input, its weights constant. */
static qc_status plan_layer(struct qc_step *step, const struct state *s, struct direction *d)
{
    const struct qc_lstm_sizes *z = &d->sizes;
    const int a = s->activation;
    const bool known = a == tfl_ActivationFunctionType_NONE || a == tfl_ActivationFunctionType_RELU || a == tfl_ActivationFunctionType_TANH;
    if (z->coupled || z->normalized || z->peephole || z->projected || z->aux || !known || step->rt->reference || z->time < 1 || z->batch < 1)
        return QC_OK;
    struct qc_recurrent_layer *l = qc_step_alloc(step, sizeof *l);
    if (!l) return QC_NOMEM;
    l->cell = QC_RNN_LSTM;
    l->units = z->cells;
    l->inputs = z->input;
    l->cell_clip = s->cell_clip;
    l->how = s->asymmetric ? QC_ROW_ASYMMETRIC : QC_ROW_SYMMETRIC;
    l->recurrent_activation.function = QC_GATE_LOGISTIC;
    l->activation.function = a == tfl_ActivationFunctionType_TANH ? QC_GATE_TANH : a ? QC_GATE_RELU : QC_GATE_LINEAR;
    for (int g = 0; g < 4; g++) {
        const struct qc_value *bias = step->in[d->map.bias + g];
        l->input[g].tensor = stored(step->in[d->map.w + g]);
        l->recurrent[g].tensor = stored(step->in[d->map.recurrent + g]);
        if (!bias->constant || !bias->data) return QC_OK;
        l->input_bias[g] = bias->data;
    }
    bool fits;
    QC_TRY(qc_recurrent_layer_plan(step, l, (size_t)z->batch, (size_t)z->time, &fits));
    if (fits) d->layer = l, step->kernel = l->kernel->variant.name;
    return QC_OK;
}

static qc_status prepare(struct qc_step *step)
{
    const struct state *s = step->state;
    if (s->packed) return qc_lstm_packed_prepare(step, s->packed);
    for (int i = 0; i < s->count; i++)
        if (s->direction[i].layer) QC_TRY(qc_recurrent_layer_prepare(step, s->direction[i].layer));
    return QC_OK;
}

static void run_layer(struct qc_step *step, const struct state *s, const struct direction *d, float *y, size_t y_width)
{
    const struct qc_sequence *q = &s->sequence;
    const size_t input = (size_t)d->sizes.input;
    float *h = step->in[d->map.h]->data, *c = step->in[d->map.c]->data;
    const struct qc_recurrent_run r = {.x = step->in[d->x]->data, .x_step = (ptrdiff_t)(q->time_step * input),
                                       .x_row = (ptrdiff_t)(q->batch_step * input), .backward = d->backward, .steps = (size_t)q->time,
                                       .h0 = h, .c0 = c, .h = h, .c = c, .sequence = y, .sequence_step = (ptrdiff_t)(q->time_step * y_width),
                                       .sequence_row = (ptrdiff_t)(q->batch_step * y_width)};
    qc_recurrent_layer_run(step, d->layer, &r);
}

static qc_status plan(struct qc_step *step)
{
    struct state *s = step->state = qc_step_alloc(step, sizeof *s);
    if (!s) return QC_NOMEM;
    if (is_basic(step)) return QC_OK;
    QC_TRY(read_all(step, s));
    const struct direction *d = &s->direction[0];
    if (step->in[0]->type == QC_INT8) {
        qc_lstm_s8_plan(step, &d->map, &d->sizes, s->cell_clip, s->projection_clip, &s->integer);
        s->work_bytes = (qc_lstm_s8_work(&s->integer) + 63) & ~(size_t)63;
        QC_TRY(qc_lstm_packed_plan(step, &d->map, &d->sizes, &s->integer, &s->packed));
    }
    for (int i = 0; i < s->count && step->in[0]->type == QC_FLOAT32; i++) QC_TRY(plan_layer(step, s, &s->direction[i]));
    for (int i = 0; i < s->count; i++) s->work_bytes = QC_MAX(s->work_bytes, qc_lstm_scratch(&s->direction[i].sizes));
    s->work = qc_step_scratch(step, s->work_bytes * (size_t)qc_pool_threads(step->rt->pool));
    return QC_OK;
}

static qc_status run(struct qc_step *step)
{
    struct state *s = step->state;
    if (is_basic(step)) return qc_lstm_basic_run(step);
    if (s->packed) {
        qc_lstm_packed_run(step, s->packed, &s->sequence);
        return QC_OK;
    }
    if (step->in[0]->type == QC_INT8) {
        qc_lstm_s8_run(step, &s->direction[0].map, &s->direction[0].sizes, &s->sequence, &s->integer,
                       (char *)step->scratch + s->work, s->work_bytes);
        return QC_OK;
    }
    for (int i = 0; i < s->count; i++) {
        const struct direction *d = &s->direction[i];
        struct qc_sequence sequence = s->sequence;
        sequence.backward = d->backward;
        const struct qc_value *y = step->out[i && !s->merge ? 1 : 0];
        size_t offset = i && s->merge ? (size_t)s->direction[0].sizes.output : 0;
        if (d->layer) {
            run_layer(step, s, d, (float *)y->data + offset, (size_t)y->dims[y->rank - 1]);
            continue;
        }
        struct qc_lstm_call call = {.map = &d->map, .sizes = &d->sizes, .sequence = &sequence, .x = step->in[d->x]->data,
                                    .aux = d->aux >= 0 ? step->in[d->aux]->data : NULL, .y = (float *)y->data + offset,
                                    .y_width = (size_t)y->dims[y->rank - 1], .activation = s->activation, .cell_clip = s->cell_clip,
                                    .projection_clip = s->projection_clip, .asymmetric = s->asymmetric,
                                    .work = (char *)step->scratch + s->work, .work_bytes = s->work_bytes};
        qc_lstm_run(step, &call);
    }
    return QC_OK;
}

static int sequence_version(const struct qc_node *node)
{
    const struct tfl_UnidirectionalSequenceLSTMOptions *o = node->options;
    if (qc_node_type(node, 0) == QC_INT16) return 5;
    if (o && o->diagonal_recurrent_tensors) return 4;
    return qc_node_hybrid(node, 0, 4) ? (o && o->asymmetric_quantize_inputs ? 3 : 2) : 1;
}

static int both_version(const struct qc_node *node)
{
    const struct tfl_BidirectionalSequenceLSTMOptions *o = node->options;
    return qc_node_hybrid(node, 0, 4) ? (o && o->asymmetric_quantize_inputs ? 3 : 2) : 1;
}

static int single_version(const struct qc_node *node)
{
    const struct tfl_LSTMOptions *o = node->options;
    if (qc_node_type(node, 0) == QC_INT16) return 5;
    if (o && o->kernel_type == tfl_LSTMKernelType_BASIC) return 2;
    return qc_node_hybrid(node, 0, 4) ? (o && o->asymmetric_quantize_inputs ? 4 : 3) : 1;
}

#define BITS(from, to) ((UINT64_C(2) << (to)) - (UINT64_C(1) << (from)))
static const struct qc_quant_rule single_rule = {
    .modes = QC_Q_HYBRID, .in = {{QC_ROLE_FLOAT, 0, 0, 0}}, .hybrid = BITS(1, 11) | BITS(16, 16), .hybrid_axis = -1,
};
static const struct qc_quant_rule both_rule = {
    .modes = QC_Q_HYBRID, .in = {{QC_ROLE_FLOAT, 0, 0, 0}},
    .hybrid = BITS(1, 11) | BITS(16, 16) | BITS(18, 28) | BITS(33, 33) | BITS(40, 47), .hybrid_axis = -1,
};

const struct qc_op qc_op_lstm[] = {
    {.name = "LSTM", .code = tfl_BuiltinOperator_LSTM, .options = &tfl_LSTMOptions_table, .in_min = 5, .in_max = 24, .out_min = 1,
     .out_max = 4, .max_version = 4, .flags = QC_OP_STATEFUL, .quant = &single_rule, .infer = infer, .plan = plan, .prepare = prepare, .run = run,
     .version = single_version},
    {.name = "UNIDIRECTIONAL_SEQUENCE_LSTM", .code = tfl_BuiltinOperator_UNIDIRECTIONAL_SEQUENCE_LSTM,
     .options = &tfl_UnidirectionalSequenceLSTMOptions_table, .in_min = 20, .in_max = 24, .out_min = 1, .out_max = 1,
     .max_version = 4, .flags = QC_OP_STATEFUL, .quant = &single_rule, .infer = infer, .plan = plan, .prepare = prepare, .run = run,
     .version = sequence_version},
    {.name = "BIDIRECTIONAL_SEQUENCE_LSTM", .code = tfl_BuiltinOperator_BIDIRECTIONAL_SEQUENCE_LSTM,
     .options = &tfl_BidirectionalSequenceLSTMOptions_table, .in_min = 48, .in_max = 48, .out_min = 1, .out_max = 2,
     .max_version = 3, .flags = QC_OP_STATEFUL, .quant = &both_rule, .infer = infer, .plan = plan, .prepare = prepare, .run = run,
     .version = both_version},
    {0},
};
