/*
 * bias_correction.c - moves into the biases what quantization shifts the mean of each output channel by, on representative data. See quantc.h
 * section 6. (Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019: the empirical form.)
 *
 * Layers are corrected in rounds, those that depend on no uncorrected layer at a time: so a layer is measured behind corrected ones. What is measured
 * is the mean in front of the fused activation, of the layer in float on the values and weights as they are stored: an activation would turn noise into
 * a shift. Models made for the purpose compute it, MEAN included; they hold only what leads to their layers. Where the values come no nearer to the
 * float model's, the biases are put back.
 */
#include "pass/shared/edit.h"
#include "quant/quant.h"
#include "quant/shared/pair.h"

#include <math.h>
#include <string.h>

/* Samples looked at, spread over all: the mean needs no more, since both models see the same ones. */
enum { MOST_SAMPLES = 64 };

struct layer {
    struct qc_node *node;            /* of the quantized model */
    const struct qc_node *reference; /* of the float model */
    struct qc_tensor *old;           /* the bias before */
    int slot, round;
    size_t channels;
    double *want, *have; /* sums over samples of the means without bias */
};

struct correction {
    struct qc_model *floating, *model;
    const struct qc_convert_options *options;
    struct qc_env *env; /* of the model */
    struct qc_arena arena;
    struct layer *layer, **turn; /* [layer_count]; those of a round */
    size_t layer_count, turn_count;
    int rounds;
    size_t samples, done;
};

/* ---- the layers ---- */

static bool is_int8(const struct qc_tensor *weight)
{
    const struct qc_node *from = weight->producer;
    if (from && from->code == tfl_BuiltinOperator_DEQUANTIZE) weight = from->in[0];
    return weight->constant && weight->type == QC_INT8;
}

/* The operand that is its bias, the last one, with a number for each channel of its only output; -1: it has none. */
static int bias_slot(const struct qc_node *node)
{
    const struct qc_op *op = qc_op_find(node->code, node->custom);
    const struct qc_tensor *out = node->out_count == 1 ? node->out[0] : NULL, *bias = node->in_count ? node->in[node->in_count - 1] : NULL;
    if (!op || !op->quant || !out || !out->has_shape || out->rank < 2 || !bias || !bias->constant || bias->rank != 1) return -1;
    int slot = node->in_count - 1;
    const struct qc_operand_rule *rule = qc_operand_rule(op->quant, slot);
    bool known = bias->type == QC_INT32 || bias->type == QC_INT64 || bias->type == QC_FLOAT32;
    return rule->role == QC_ROLE_BIAS && known && bias->dims[0] == out->dims[out->rank - 1] ? slot : -1;
}

static bool has_int8_weights(const struct qc_node *node, int slot)
{
    const struct qc_tensor *weight = node->in[qc_operand_rule(qc_op_find(node->code, node->custom)->quant, slot)->b];
    return weight && is_int8(weight);
}

static qc_status add_layer(struct correction *c, struct qc_node *node, int slot, int round, const struct qc_node *reference)
{
    struct layer *layer = &c->layer[c->layer_count++];
    size_t channels = (size_t)node->in[slot]->dims[0];
    *layer = (struct layer){.node = node, .reference = reference, .old = node->in[slot], .slot = slot, .round = round, .channels = channels};
    layer->want = qc_arena_array(&c->arena, channels, sizeof *layer->want);
    layer->have = qc_arena_array(&c->arena, channels, sizeof *layer->have);
    c->rounds = QC_MAX(c->rounds, round + 1);
    return layer->want && layer->have ? QC_OK : QC_NOMEM;
}

/* The round of a layer is the number of layers on the longest way to it. */
static qc_status find_layers(struct correction *c)
{
    const struct qc_graph *graph = c->model->graph[0];
    const struct qc_tensor **match = qc_pair_match(&c->arena, c->floating->graph[0], graph);
    int *depth = qc_arena_array(&c->arena, graph->tensor_count, sizeof *depth);
    c->layer = qc_arena_array(&c->arena, graph->node_count, sizeof *c->layer);
    c->turn = qc_arena_array(&c->arena, graph->node_count, sizeof *c->turn);
    if (!match || !depth || !c->layer || !c->turn) return QC_NOMEM;
    for (uint32_t n = 0; n < graph->node_count; n++) {
        struct qc_node *node = graph->node[n];
        int slot = bias_slot(node), round = 0;
        for (int i = 0; i < node->in_count; i++)
            if (node->in[i]) round = QC_MAX(round, depth[node->in[i]->index]);
        const struct qc_tensor *out = slot >= 0 && has_int8_weights(node, slot) ? match[node->out[0]->index] : NULL;
        bool corrected = out && out->producer->code == node->code && bias_slot(out->producer) == slot && out->producer->in[slot]->type == QC_FLOAT32;
        if (corrected) QC_TRY(add_layer(c, node, slot, round, out->producer));
        for (int i = 0; i < node->out_count; i++)
            if (node->out[i]) depth[node->out[i]->index] = round + corrected;
    }
    return QC_OK;
}

/* ---- measuring ---- */

static bool go_on(struct correction *c)
{
    size_t total = (size_t)(c->rounds + 1) * c->samples;
    return !c->options->progress || c->options->progress(c->options->progress_user, "correcting biases", c->done++, total);
}

/* Sample `k` of those looked at, into a session of the float model. */
static qc_status fill(struct correction *c, size_t k, struct qc_session *session)
{
    const struct qc_samples *samples = c->options->samples;
    struct qc_error why = {0};
    size_t index = k * samples->count / c->samples;
    if (!go_on(c)) return qc_fail(c->env, QC_CANCELLED, "stopped while correcting biases");
    if (!qc_session_reset(session, &why) && !samples->fill(samples->user, index, session, &why)) return QC_OK;
    return qc_fail(c->env, why.status ? why.status : QC_INVALID, "sample %zu: %s", index, why.text);
}

/* A float32 form of a value. */
static struct qc_tensor *as_float(struct qc_graph *graph, struct qc_tensor *from)
{
    struct qc_tensor *made = qc_graph_add_tensor(graph, from->name, QC_FLOAT32, from->rank, from->has_shape ? from->dims : NULL);
    if (!made) return NULL;
    memcpy(made->signature, from->signature, sizeof made->signature);
    return qc_graph_add_node(graph, NULL, tfl_BuiltinOperator_DEQUANTIZE, &tfl_DequantizeOptions_table, NULL, 1, &from, 1, &made) ? made : NULL;
}

/* The mean of each channel of what the node computes in float, without bias and activation. NULL if memory is short. */
static struct qc_tensor *add_mean(struct qc_graph *graph, const struct qc_node *node, int bias)
{
    struct qc_arena *arena = &graph->model->arena;
    const struct qc_tensor *out = node->out[0];
    struct qc_tensor **in = qc_arena_copy(arena, node->in, (size_t)bias * sizeof *in), *sum, *mean, *axes;
    int32_t *axis = qc_arena_array(arena, out->rank, sizeof *axis);
    if (!in || !axis) return NULL;
    for (int i = 0; i < bias && out->type != QC_FLOAT32; i++)
        if (in[i] && in[i]->quant && !(in[i] = as_float(graph, in[i]))) return NULL;
    for (int i = 0; i + 1 < out->rank; i++) axis[i] = i;
    sum = qc_graph_add_tensor(graph, out->name, QC_FLOAT32, out->rank, out->dims);
    axes = qc_graph_add_constant(graph, "axes", QC_INT32, 1, &(int32_t){out->rank - 1}, axis, (size_t)(out->rank - 1) * sizeof *axis);
    mean = qc_graph_add_tensor(graph, out->name, QC_FLOAT32, 1, &out->dims[out->rank - 1]);
    if (!sum || !axes || !mean) return NULL;
    memcpy(sum->signature, out->signature, sizeof sum->signature);
    struct qc_node *product = qc_graph_add_node(graph, NULL, node->code, node->options_table, node->options, bias, in, 1, &sum);
    struct qc_tensor *operands[] = {sum, axes};
    if (!product || !qc_graph_add_node(graph, NULL, tfl_BuiltinOperator_MEAN, &tfl_ReducerOptions_table, NULL, 2, operands, 1, &mean)) return NULL;
    bool fused = qc_activation(product) != tfl_ActivationFunctionType_NONE;
    return fused && qc_set_option(product, "fused_activation_function", tfl_ActivationFunctionType_NONE) ? NULL : mean;
}

/* A copy of `source` that computes the means of the layers whose turn it is, and nothing else. */
static qc_status make_probe(struct correction *c, struct qc_model *source, struct qc_model **probe)
{
    struct qc_error why = {0};
    struct qc_tensor **mean = qc_arena_array(&c->arena, c->turn_count, sizeof *mean);
    if (!mean || !(*probe = qc_model_clone(source, &why))) return QC_NOMEM;
    struct qc_graph *graph = (*probe)->graph[0];
    for (size_t i = 0; i < c->turn_count; i++) {
        const struct qc_node *node = source == c->model ? c->turn[i]->node : c->turn[i]->reference;
        if (!(mean[i] = add_mean(graph, graph->node[node->index], c->turn[i]->slot))) return QC_NOMEM;
    }
    (*probe)->signature_count = 0;
    QC_TRY(qc_graph_set_outputs(graph, (int)c->turn_count, mean));
    return qc_graph_sweep(graph);
}

static qc_status run_sample(struct correction *c, size_t k, struct qc_session *feeder, struct qc_session *session)
{
    struct qc_error why = {0};
    QC_TRY(fill(c, k, feeder));
    if (qc_session_reset(session, &why)) return qc_fail(c->env, why.status, "%s", why.text);
    QC_TRY(qc_pair_feed(c->env, feeder, session));
    if (qc_session_invoke(session, &why)) return qc_fail(c->env, why.status, "correcting biases: %s", why.text);
    return QC_OK;
}

/* Adds up the means of the layers whose turn it is. */
static qc_status measure(struct correction *c, struct qc_model *source, struct qc_session *feeder)
{
    struct qc_options options = {.threads = c->options->threads};
    struct qc_error why = {0};
    struct qc_model *probe = NULL;
    struct qc_session *session = NULL;
    qc_status status = make_probe(c, source, &probe);
    if (!status && !(session = qc_session_create(probe, &options, &why))) status = qc_fail(c->env, why.status, "correcting biases: %s", why.text);
    for (size_t k = 0; k < c->samples && !status; k++) {
        if ((status = run_sample(c, k, feeder, session))) break;
        for (size_t i = 0; i < c->turn_count; i++) {
            double *sum = source == c->model ? c->turn[i]->have : c->turn[i]->want;
            const float *mean = session->main->value[session->output[i]].value.data;
            for (size_t at = 0; at < c->turn[i]->channels; at++) sum[at] += (double)mean[at];
        }
    }
    qc_session_free(session);
    qc_model_free(probe);
    return status;
}

/* ---- correcting ---- */

static void add_to(char *data, qc_dtype type, double shift)
{
    int32_t narrow;
    int64_t wide;
    float real;
    switch (type) {
    case QC_INT32:
        memcpy(&narrow, data, sizeof narrow);
        narrow = (int32_t)fmin(fmax((double)narrow + shift, -INT32_MAX), INT32_MAX);
        memcpy(data, &narrow, sizeof narrow);
        break;
    case QC_INT64:
        memcpy(&wide, data, sizeof wide);
        wide += (int64_t)fmin(fmax(shift, -0x1p40), 0x1p40);
        memcpy(data, &wide, sizeof wide);
        break;
    default:
        memcpy(&real, data, sizeof real);
        real += (float)shift;
        memcpy(data, &real, sizeof real);
    }
}

static double bias_at(const struct qc_tensor *bias, size_t i)
{
    double scale = bias->quant && bias->quant->count ? (double)bias->quant->scale[bias->quant->count == 1 ? 0 : i] : 1;
    int32_t narrow;
    int64_t wide;
    float real;
    switch (bias->type) {
    case QC_INT32: memcpy(&narrow, (const char *)bias->data + 4 * i, 4); return narrow * scale;
    case QC_INT64: memcpy(&wide, (const char *)bias->data + 8 * i, 8); return (double)wide * scale;
    default: memcpy(&real, (const char *)bias->data + 4 * i, 4); return (double)real;
    }
}

static qc_status correct(struct correction *c, const struct layer *layer)
{
    const struct qc_tensor *old = layer->old, *wanted = layer->reference->in[layer->slot];
    size_t width = old->bytes / layer->channels;
    char *data = qc_arena_copy(&c->model->arena, old->data, old->bytes);
    if (!data) return QC_NOMEM;
    for (size_t i = 0; i < layer->channels; i++) {
        double shift = (layer->want[i] - layer->have[i]) / (double)c->samples + bias_at(wanted, i) - bias_at(old, i);
        if (old->type != QC_FLOAT32) shift = round(shift / (double)old->quant->scale[old->quant->count == 1 ? 0 : i]);
        if (isfinite(shift)) add_to(data + i * width, old->type, shift);
    }
    struct qc_tensor *fresh = qc_graph_add_constant(c->model->graph[0], old->name, old->type, old->rank, old->dims, data, old->bytes);
    if (!fresh) return QC_NOMEM;
    fresh->quant = old->quant;
    qc_node_set_input(layer->node, layer->slot, fresh);
    return QC_OK;
}

/* ---- all of it ---- */

static void take_turns(struct correction *c, int round)
{
    c->turn_count = 0;
    for (size_t i = 0; i < c->layer_count; i++)
        if (round < 0 || c->layer[i].round == round) c->turn[c->turn_count++] = &c->layer[i];
}

static qc_status correct_all(struct correction *c)
{
    struct qc_error why = {0};
    struct qc_session *feeder = qc_session_create(c->floating, NULL, &why); /* never runs: samples are given to float models */
    if (!feeder) return qc_fail(c->env, why.status, "%s", why.text);
    take_turns(c, -1);
    qc_status status = measure(c, c->floating, feeder);
    for (int round = 0; round < c->rounds && !status; round++) {
        take_turns(c, round);
        status = measure(c, c->model, feeder);
        for (size_t i = 0; i < c->turn_count && !status; i++) status = correct(c, c->turn[i]);
    }
    qc_session_free(feeder);
    return status;
}

/* The signal-to-noise ratio of all values that both models have, in decibels, on average: that of an output alone may be the rounding of its softmax. */
static qc_status judge(struct correction *c, double *decibels)
{
    static const double most = 120; /* equal values would count infinitely */
    struct qc_samples few = *c->options->samples;
    struct qc_error why = {0};
    struct qc_difference d;
    size_t count = 0;
    few.count = c->samples;
    *decibels = 0;
    struct qc_comparison *comparison = qc_compare(c->floating, c->model, &few, c->options->threads, &why);
    if (!comparison) return qc_fail(c->env, why.status, "correcting biases: %s", why.text);
    while (qc_comparison_layer(comparison, count, &d)) {
        *decibels += fmin(d.sqnr, most);
        count++;
    }
    *decibels /= (double)QC_MAX(count, (size_t)1);
    qc_comparison_free(comparison);
    return QC_OK;
}

static qc_status correct_if_better(struct correction *c)
{
    double before, after;
    QC_TRY(find_layers(c));
    if (!c->layer_count) {
        qc_model_add_note(c->model, "no layer has int8 weights and a bias to correct");
        return QC_OK;
    }
    QC_TRY(judge(c, &before));
    QC_TRY(correct_all(c));
    QC_TRY(judge(c, &after));
    bool better = after > before;
    for (size_t i = 0; i < c->layer_count && !better; i++) qc_node_set_input(c->layer[i].node, c->layer[i].slot, c->layer[i].old);
    qc_model_add_note(c->model, "biases of %zu layers corrected on %zu samples: SQNR of the layers on average %.1f dB -> %.1f dB%s", c->layer_count,
                      c->samples, before, after, better ? "" : "; that is no better, so they are left as they were");
    return qc_graph_sweep(c->model->graph[0]);
}

qc_status qc_correct_biases(struct qc_model *model, struct qc_model *floating, const struct qc_convert_options *options)
{
    struct correction c = {.floating = floating, .model = model, .options = options, .env = &model->env};
    if (!options->samples || !options->samples->count)
        return qc_fail(&model->env, QC_INVALID, "correcting biases needs representative data, statistics are not enough: name it with --data");
    c.samples = QC_MIN(options->samples->count, (size_t)MOST_SAMPLES);
    qc_arena_init(&c.arena, c.env);
    qc_status status = correct_if_better(&c);
    qc_arena_free(&c.arena);
    return status;
}
