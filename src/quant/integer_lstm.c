/*
 * integer_lstm.c - see integer_lstm.h. Source of the recipe: TensorFlow Lite's operator_property.cc and lstm_eval.cc.
 */
#include "quant/integer_lstm.h"
#include "pass/shared/edit.h"
#include "quant/stats.h"

#include <math.h>
#include <string.h>

/* Operands: the first of four gates each, in the order input, forget, cell, output; states; what a plain cell lacks. */
enum { X, W = 1, RECURRENT = 5, PEEPHOLE = 9, BIAS = 12, PROJECTION = 16, H = 18, C = 19, NORM = 20, GATES = 4, INTERMEDIATES = 5 };

bool qc_int_lstm(const struct qc_node *node)
{
    return node->code == tfl_BuiltinOperator_UNIDIRECTIONAL_SEQUENCE_LSTM;
}

static bool made_by(const struct qc_tensor *tensor, int code)
{
    return tensor && tensor->producer && tensor->producer->code == code;
}

/* MUL(ZEROS_LIKE(x), zeros) into a variable. */
static bool writes_zeros(const struct qc_node *node)
{
    return node->code == tfl_BuiltinOperator_MUL && node->out[0]->variable && made_by(node->in[0], tfl_BuiltinOperator_ZEROS_LIKE) &&
           !node->in[0]->producer->in[0]->constant && node->in[1]->constant;
}

bool qc_int_lstm_clears(const struct qc_node *node)
{
    if (node->code != tfl_BuiltinOperator_ZEROS_LIKE) return writes_zeros(node);
    for (const struct qc_use *use = node->out[0]->uses; use; use = use->next)
        if (!writes_zeros(use->node)) return false;
    return node->out[0]->uses && !node->out[0]->output_uses;
}

/* ---- calibration ---- */

static const struct tfl_UnidirectionalSequenceLSTMOptions *options_of(const struct qc_step *step)
{
    return step->options;
}

static const float *floats(const struct qc_step *step, int slot)
{
    const struct qc_value *value = slot < step->in_count ? step->in[slot] : NULL;
    return value && value->type == QC_FLOAT32 ? value->data : NULL;
}

/* A float cell that qc_int_lstm_cells can follow. */
static bool is_plain(const struct qc_step *step)
{
    for (int g = 1; g < GATES; g++)
        if (!floats(step, W + g) || !floats(step, RECURRENT + g) || step->in[RECURRENT + g]->rank != 2 || !floats(step, BIAS + g)) return false;
    for (int i = PEEPHOLE; i < step->in_count; i++)
        if ((i < BIAS || i >= NORM || i == PROJECTION) && step->in[i]) return false;
    return floats(step, X) && step->in_count > C && floats(step, C) && options_of(step)->fused_activation_function == tfl_ActivationFunctionType_TANH;
}

size_t qc_int_lstm_work(const struct qc_step *step)
{
    return is_plain(step) ? qc_value_elements(step->in[C]) : 0;
}

static float gate(const struct qc_step *step, int g, size_t unit, const float *x, size_t inputs, const float *h, size_t cells)
{
    const float *w = floats(step, W + g) + unit * inputs, *r = floats(step, RECURRENT + g) + unit * cells;
    float sum = floats(step, BIAS + g)[unit];
    for (size_t i = 0; i < inputs; i++) sum += w[i] * x[i];
    for (size_t i = 0; h && i < cells; i++) sum += r[i] * h[i];
    return sum;
}

static float logistic(float x)
{
    return 1 / (1 + expf(-x));
}

static void next_cell(const struct qc_step *step, const float *x, size_t inputs, const float *h, float *c, size_t cells)
{
    float clip = options_of(step)->cell_clip;
    for (size_t unit = 0; unit < cells; unit++) {
        float forget = logistic(gate(step, 1, unit, x, inputs, h, cells));
        float input = floats(step, W) ? logistic(gate(step, 0, unit, x, inputs, h, cells)) : 1 - forget;
        float value = forget * c[unit] + input * tanhf(gate(step, 2, unit, x, inputs, h, cells));
        c[unit] = clip > 0 ? fminf(fmaxf(value, -clip), clip) : value;
    }
}

void qc_int_lstm_cells(const struct qc_step *step, float *c, void (*see)(void *user, const struct qc_tensor *state, const float *value, size_t count),
                   void *user)
{
    const struct qc_value *x = step->in[X];
    bool time_major = options_of(step)->time_major;
    size_t batch = (size_t)x->dims[time_major], time = (size_t)x->dims[!time_major], inputs = (size_t)x->dims[2], count = qc_int_lstm_work(step);
    size_t cells = batch ? count / batch : 0;
    memset(c, 0, count * sizeof *c);
    for (size_t t = 0; t < time; t++) {
        for (size_t b = 0; b < batch; b++) {
            size_t at = time_major ? t * batch + b : b * time + t, before = time_major ? at - batch : at - 1;
            const float *y = step->out[0]->data; /* the hidden state after each step */
            next_cell(step, (const float *)x->data + at * inputs, inputs, t ? y + before * cells : NULL, c + b * cells, cells);
        }
        see(user, step->in[C]->tensor, c, count);
    }
}

/* ---- which ---- */

static const struct qc_tensor *operand(const struct qc_node *node, int slot)
{
    return slot < node->in_count ? node->in[slot] : NULL;
}

static bool is_float_matrix(const struct qc_tensor *tensor)
{
    return tensor && tensor->constant && tensor->type == QC_FLOAT32;
}

const char *qc_int_lstm_refusal(const struct qc_quantizer *q, const struct qc_node *node, int bits)
{
    float min, max;
    const struct qc_tensor *c = operand(node, C), *h = operand(node, H);
    if (bits != 8) return "TensorFlow Lite has no kernel for it with int16 input";
    if (!c || !h || !c->variable || !h->variable || qc_tensor_use_count(c) != 1 || qc_tensor_use_count(h) != 1) return "its states are not its own";
    if ((h->producer || c->producer) && !(made_by(h, tfl_BuiltinOperator_MUL) && made_by(c, tfl_BuiltinOperator_MUL) && writes_zeros(h->producer) &&
                                          writes_zeros(c->producer)))
        return "its states do not start from zero";
    if (operand(node, PEEPHOLE + 2) || operand(node, PROJECTION) || operand(node, NORM + 3)) return "it has peepholes, a projection or normalization";
    if (qc_option(node, "fused_activation_function", 0) != tfl_ActivationFunctionType_TANH) return "TensorFlow Lite's integer kernel has tanh alone";
    for (int g = operand(node, W) ? 0 : 1; g < GATES; g++) {
        if (!is_float_matrix(operand(node, W + g)) || !is_float_matrix(operand(node, RECURRENT + g)) || !is_float_matrix(operand(node, BIAS + g)))
            return "its weights are computed while running";
        if (operand(node, RECURRENT + g)->rank != 2) return "TensorFlow Lite's integer kernel has no diagonal matrices";
        if (qc_constant_vanishes(operand(node, W + g)) || qc_constant_vanishes(operand(node, RECURRENT + g)))
            return "a few weights are so large that one scale makes the others 0";
    }
    if (!qc_stats_range(q->stats, node->in[X], &min, &max) || !qc_stats_range(q->stats, node->out[0], &min, &max) || !qc_stats_range(q->stats, c, &min, &max))
        return "calibration never saw its values";
    if (fmaxf(-min, max) > 64) return "its cell state leaves [-64, 64], which TensorFlow Lite's integer kernel cannot hold";
    return NULL;
}

/* ---- rewriting ---- */

static qc_status new_state(struct qc_int_plan *plan, struct qc_node *node, int slot, qc_dtype type, struct qc_affine params)
{
    const struct qc_tensor *old = node->in[slot];
    struct qc_tensor *state = qc_graph_add_tensor(plan->graph, old->name, type, old->rank, old->dims);
    if (!state || !(state->quant = qc_quant_new(&plan->q->model->arena, params.scale, params.zero_point))) return QC_NOMEM;
    memcpy(state->signature, old->signature, sizeof state->signature);
    state->variable = true;
    qc_node_set_input(node, slot, state);
    return QC_OK;
}

/* `mul` wrote zeros into a float state: now into an int8 `state`, as one int8 feature times 0. */
static qc_status write_zeros(struct qc_int_plan *plan, struct qc_node *mul, struct qc_tensor *state)
{
    struct qc_arena *arena = &plan->q->model->arena;
    const struct qc_tensor *like = mul->in[1];
    size_t count = qc_tensor_elements(like);
    int8_t *stored = qc_arena_array(arena, count, 1); /* zeros */
    struct qc_tensor *zeros = stored ? qc_graph_add_constant(plan->graph, like->name, QC_INT8, like->rank, like->dims, stored, count) : NULL;
    if (!zeros || !(zeros->quant = qc_quant_new(arena, 1, 0))) return QC_NOMEM;
    qc_node_set_input(mul, 0, mul->in[0]->producer->in[0]); /* what ZEROS_LIKE read */
    qc_node_set_input(mul, 1, zeros);
    QC_TRY(qc_int_activation(plan, &(struct qc_int_node){.node = mul, .bits = 8}, 0));
    mul->version = 0;
    qc_node_set_output(mul, 0, state);
    return QC_OK;
}

/* The cell state takes 16 bits of 8-bit zeros. CAST, because TensorFlow Lite had no QUANTIZE from int8 to int16 for long. */
static qc_status clear_states(struct qc_int_plan *plan, struct qc_node *node, struct qc_node *hidden, struct qc_node *cell)
{
    struct qc_arena *arena = &plan->q->model->arena;
    struct tfl_CastOptions *options = fb_new(arena, &tfl_CastOptions_table);
    struct qc_tensor *c = node->in[C], *zeros = qc_graph_add_tensor(plan->graph, c->name, QC_INT8, c->rank, c->dims);
    if (!options || !zeros || !(zeros->quant = qc_quant_new(arena, 1, 0))) return QC_NOMEM;
    memcpy(zeros->signature, c->signature, sizeof zeros->signature);
    QC_TRY(write_zeros(plan, hidden, node->in[H]));
    QC_TRY(write_zeros(plan, cell, zeros));
    options->in_data_type = tfl_TensorType_INT8;
    options->out_data_type = tfl_TensorType_INT16;
    return qc_graph_add_node(plan->graph, node, tfl_BuiltinOperator_CAST, &tfl_CastOptions_table, options, 1, &zeros, 1, &c) ? QC_OK : QC_NOMEM;
}

/* Only the hidden state in front of a projection has parameters; without one they are those of the output. */
static qc_status add_intermediates(struct qc_int_plan *plan, struct qc_node *node, struct qc_affine hidden)
{
    static const char *const name[INTERMEDIATES] = {"input_to_input_intermediate", "input_to_forget_intermediate", "input_to_cell_intermediate",
                                                    "input_to_output_intermediate", "effective_hidden_scale_intermediate"};
    struct qc_arena *arena = &plan->q->model->arena;
    node->intermediate = qc_arena_array(arena, INTERMEDIATES, sizeof(struct qc_tensor *));
    if (!node->intermediate) return QC_NOMEM;
    node->intermediate_count = INTERMEDIATES;
    for (int i = 0; i < INTERMEDIATES; i++) {
        bool last = i + 1 == INTERMEDIATES;
        struct qc_tensor *tensor = node->intermediate[i] = qc_graph_add_tensor(plan->graph, name[i], last ? QC_INT8 : QC_FLOAT32, 1, (int32_t[]){0});
        if (!tensor || (last && !(tensor->quant = qc_quant_new(arena, hidden.scale, hidden.zero_point)))) return QC_NOMEM;
    }
    return QC_OK;
}

static qc_status quantize_gate(struct qc_int_plan *plan, struct qc_node *node, int g, float x_scale)
{
    struct qc_tensor *w, *recurrent, *bias;
    QC_TRY(qc_constant_int8(plan->q, node->in[W + g], -1, QC_BESIDE_INT8, &w));
    QC_TRY(qc_constant_int8(plan->q, node->in[RECURRENT + g], -1, QC_BESIDE_INT8, &recurrent));
    QC_TRY(qc_int_bias(plan, node->in[BIAS + g], w, x_scale, 32, &bias));
    qc_node_set_input(node, W + g, w);
    qc_node_set_input(node, RECURRENT + g, recurrent);
    qc_node_set_input(node, BIAS + g, bias);
    return QC_OK;
}

qc_status qc_int_lstm_apply(struct qc_int_plan *plan, const struct qc_int_node *n)
{
    struct qc_node *node = n->node;
    float min, max;
    if (!qc_stats_range(plan->q->stats, node->in[C], &min, &max)) return QC_INVALID; /* was asked before */
    struct qc_affine cell = {qc_params_cell(min, max), 0};
    QC_TRY(qc_int_activation(plan, n, X));
    QC_TRY(qc_int_results(plan, n));
    struct qc_affine hidden = {node->out[0]->quant->scale[0], (int32_t)node->out[0]->quant->zero_point[0]};
    for (int g = node->in[W] ? 0 : 1; g < GATES; g++) QC_TRY(quantize_gate(plan, node, g, node->in[X]->quant->scale[0]));
    struct qc_node *hidden_zeros = node->in[H]->producer, *cell_zeros = node->in[C]->producer;
    QC_TRY(new_state(plan, node, H, QC_INT8, hidden));
    QC_TRY(new_state(plan, node, C, QC_INT16, cell));
    if (hidden_zeros) QC_TRY(clear_states(plan, node, hidden_zeros, cell_zeros));
    QC_TRY(add_intermediates(plan, node, hidden));
    node->version = 0;
    return qc_set_option(node, "asymmetric_quantize_inputs", 0);
}
