/*
 * layers_attention.c - Attention, AdditiveAttention, MultiHeadAttention, GroupedQueryAttention.
 */
#include "import/keras/tables.h"
#include "import/lower/attention.h"

#include <stdio.h>
#include <string.h>

static bool flag(struct qc_keras_call *call, const char *name)
{
    bool value = false;
    qc_json_bool(qc_json_get(call->kwargs, name), &value);
    return value;
}

static struct qc_tensor *bool_mask(struct qc_keras_call *call, struct qc_tensor *mask)
{
    return mask && mask->type != QC_BOOL ? qc_lower_cast(call->b, mask, QC_BOOL) : mask;
}

static struct qc_tensor *floats(struct qc_keras_call *call, struct qc_tensor *x)
{
    return x && x->type != QC_FLOAT32 ? qc_lower_cast(call->b, x, QC_FLOAT32) : x;
}

static void attend(struct qc_keras_call *call, bool additive)
{
    struct qc_attention_spec spec = {.additive = additive, .scale = qc_keras_weight(call, "scale"),
                                     .concat_score_weight = qc_keras_weight(call, "concat_score_weight")};
    struct qc_tensor *query = floats(call, qc_keras_in(call, 0)), *value = floats(call, qc_keras_in(call, 1)), *key, *scores = NULL;
    key = call->in_count > 2 ? floats(call, call->in[2].tensor) : value;
    spec.concat = !additive && !strcmp(qc_keras_text(call, "score_mode", "dot"), "concat");
    spec.causal = flag(call, "use_causal_mask") || qc_keras_bool(call, "causal", false);
    spec.query_mask = bool_mask(call, qc_keras_mask(call, 0));
    spec.value_mask = bool_mask(call, qc_keras_mask(call, 1));
    bool want_scores = flag(call, "return_attention_scores");
    if (qc_keras_failed(call)) return;
    struct qc_tensor *y = qc_lower_attention(call->b, query, value, key, &spec, want_scores ? &scores : NULL);
    qc_keras_return_masked(call, y, spec.query_mask);
    if (want_scores) qc_keras_return(call, scores);
}

static void attention(struct qc_keras_call *call) { attend(call, false); }
static void additive_attention(struct qc_keras_call *call) { attend(call, true); }

/* A mask argument, or that which came with the tensor. */
static struct qc_tensor *mask_argument(struct qc_keras_call *call, const char *name, struct qc_tensor *implicit)
{
    struct qc_keras_value value;
    return bool_mask(call, qc_keras_tensor_arg(call, -1, name, &value) ? value.tensor : implicit);
}

/* Was the model written by this version of Keras or a later one? */
static bool since(const struct qc_keras_call *call, int major, int minor)
{
    return call->im->major > major || (call->im->major == major && call->im->minor >= minor);
}

struct attention_inputs {
    struct qc_keras_value query, value, key;
    bool want_scores;
};

/* What the two multi-head layers have in common; false after a failure. */
static bool fill(struct qc_keras_call *call, struct qc_multi_head_spec *spec, struct attention_inputs *in)
{
    if (!qc_keras_tensor_arg(call, 0, "query", &in->query) || !qc_keras_tensor_arg(call, 1, "value", &in->value)) {
        if (!qc_keras_failed(call)) qc_keras_fail(call, QC_FORMAT, "it is called without query or value");
        return false;
    }
    bool own_key = qc_keras_tensor_arg(call, 2, "key", &in->key);
    if (!own_key) in->key = in->value;
    if (in->query.tensor->rank < 3 || in->value.tensor->rank < 3) qc_keras_fail(call, QC_FORMAT, "its query and value have fewer than 3 dimensions");
    spec->query_mask = mask_argument(call, "query_mask", in->query.mask);
    spec->value_mask = mask_argument(call, "value_mask", in->value.mask);
    spec->key_mask = mask_argument(call, "key_mask", own_key ? in->key.mask : NULL);
    spec->attention_mask = mask_argument(call, "attention_mask", NULL);
    spec->causal = flag(call, "use_causal_mask");
    in->want_scores = flag(call, "return_attention_scores");
    if (qc_keras_get(call->layer, "sliding_window")) spec->sliding_window = qc_keras_int(call, "sliding_window", 1, 1, INT32_MAX);
    bool scores = qc_keras_number(call, "dropout", 0) > 0 || in->want_scores || in->query.tensor->rank != 3;
    spec->zero_masked_rows = scores && since(call, 3, 13); /* of the layer Softmax; else the function dot_product_attention */
    return !qc_keras_failed(call);
}

static void finish(struct qc_keras_call *call, struct qc_multi_head_spec *spec, const struct attention_inputs *in)
{
    struct qc_tensor *scores = NULL;
    struct qc_tensor *y = qc_lower_multi_head_attention(call->b, floats(call, in->query.tensor), floats(call, in->value.tensor),
                                                        floats(call, in->key.tensor), spec, in->want_scores ? &scores : NULL);
    qc_keras_return_masked(call, y, spec->query_mask);
    if (in->want_scores) qc_keras_return(call, scores);
}

/*
 * Keras 3.8 and later takes the masks off the tensors that MultiHeadAttention has read: a residual connection around it has none, and so no layer
 * behind that.
 */
static void forget_masks(struct qc_keras_call *call, const struct attention_inputs *in)
{
    if (!since(call, 3, 8)) return;
    qc_keras_forget_mask(call, in->query.tensor);
    qc_keras_forget_mask(call, in->value.tensor);
    qc_keras_forget_mask(call, in->key.tensor);
}

/* The projections' weights; their inner layers are called query_dense or _query_dense. */
static void projections(struct qc_keras_call *call, struct qc_multi_head_spec *spec, const char *hidden)
{
    static const char *const part[] = {"query_dense", "key_dense", "value_dense", "output_dense"};
    struct qc_weight *kernel[] = {&spec->query_kernel, &spec->key_kernel, &spec->value_kernel, &spec->output_kernel};
    struct qc_weight *bias[] = {&spec->query_bias, &spec->key_bias, &spec->value_bias, &spec->output_bias};
    for (int i = 0; i < 4; i++) {
        char name[40];
        snprintf(name, sizeof name, "%s%s/kernel", hidden, part[i]);
        *kernel[i] = qc_keras_weight(call, name);
        snprintf(name, sizeof name, "%s%s/bias", hidden, part[i]);
        *bias[i] = qc_keras_weight(call, name);
    }
    if (!qc_keras_bool(call, "use_gate", false)) return;
    spec->gate_kernel = qc_keras_weight(call, "_gate_dense/kernel");
    spec->gate_bias = qc_keras_weight(call, "_gate_dense/bias");
}

static void multi_head_attention(struct qc_keras_call *call)
{
    struct qc_multi_head_spec spec = {.heads = qc_keras_int(call, "num_heads", -1, 1, 1 << 16), .key_dim = qc_keras_int(call, "key_dim", -1, 1, 1 << 24)};
    struct attention_inputs in;
    spec.key_heads = spec.heads;
    spec.value_dim = qc_keras_int(call, "value_dim", spec.key_dim, 1, 1 << 24);
    projections(call, &spec, "");
    if (!fill(call, &spec, &in)) return;
    if (qc_keras_get(call->layer, "attention_axes")) spec.axis_count = qc_keras_axes(call, "attention_axes", 1, in.query.tensor->rank, spec.axes);
    finish(call, &spec, &in);
    forget_masks(call, &in);
}

static void grouped_query_attention(struct qc_keras_call *call)
{
    struct qc_multi_head_spec spec = {.heads = qc_keras_int(call, "num_query_heads", -1, 1, 1 << 16),
                                      .key_heads = qc_keras_int(call, "num_key_value_heads", -1, 1, 1 << 16),
                                      .key_dim = qc_keras_int(call, "head_dim", -1, 1, 1 << 24)};
    struct attention_inputs in;
    spec.value_dim = spec.key_dim;
    projections(call, &spec, "_");
    if (fill(call, &spec, &in)) finish(call, &spec, &in);
}

#define PROJECTION(part) part "/kernel " part "/bias?use_bias "
#define GATE "_gate_dense/kernel?!use_gate _gate_dense/bias?!use_gate?use_bias "
#define PROJECTIONS(hidden, gate) \
    PROJECTION(hidden "query_dense") PROJECTION(hidden "key_dense") gate PROJECTION(hidden "value_dense") PROJECTION(hidden "output_dense")
const struct qc_keras_class qc_keras_layers_attention[] = {
    {"Attention", "scale?!use_scale concat_score_weight?score_mode=concat", 0, attention},
    {"AdditiveAttention", "scale?use_scale", 0, additive_attention},
    {"MultiHeadAttention", PROJECTIONS("", GATE), 0, multi_head_attention},
    {"GroupedQueryAttention", PROJECTIONS("_", GATE), 0, grouped_query_attention},
    {"GroupQueryAttention", PROJECTIONS("_", GATE), 0, grouped_query_attention},
    {0},
};
