/*
 * fold_batchnorm.c - per-channel arithmetic behind a convolution or a fully connected layer goes into its weights and bias.
 *
 * MUL, DIV, ADD and SUB by a constant with one value, or one per output channel, are affine in the layer's result: y * m + a. Weights
 * become w * m and the bias b * m + a. This folds BatchNormalization (which importers lower to MUL and ADD), bias additions and scalings.
 * A MUL or DIV in front of the layer by one value, or one per input channel, is folded likewise: zero padding stays zero.
 */
#include "pass/pass.h"
#include "pass/shared/edit.h"

/* Where a layer keeps its weights and bias. */
struct layout {
    int code, x, weight, bias, out_axis, in_axis; /* in_axis -1: none to scale */
};

static const struct layout layouts[] = {
    {tfl_BuiltinOperator_CONV_2D, 0, 1, 2, 0, 3},
    {tfl_BuiltinOperator_DEPTHWISE_CONV_2D, 0, 1, 2, 3, -1},
    {tfl_BuiltinOperator_FULLY_CONNECTED, 0, 1, 2, 0, 1},
    {tfl_BuiltinOperator_TRANSPOSE_CONV, 2, 1, 3, 0, 3},
    {tfl_BuiltinOperator_CONV_3D, 0, 1, 2, 4, 3},
};

static const struct layout *layout_of(const struct qc_node *node)
{
    for (size_t i = 0; node && i < QC_COUNT(layouts); i++)
        if (layouts[i].code == node->code) return &layouts[i];
    return NULL;
}

/* A constant with one value, or one for each of `channels` along the last dimension. */
static bool is_per_channel(const struct qc_tensor *tensor, int32_t channels, int rank)
{
    if (!qc_is_float_constant(tensor) || tensor->rank > rank) return false;
    size_t count = qc_tensor_elements(tensor);
    return count == 1 || (count == (size_t)channels && tensor->rank && tensor->dims[tensor->rank - 1] == channels);
}

static float channel_value(const struct qc_tensor *tensor, size_t channel)
{
    return qc_float_at(tensor, qc_tensor_elements(tensor) == 1 ? 0 : channel);
}

/* What a node does to operand `slot`, for channel c: y * (*scale) + *shift. */
static void affine(const struct qc_node *node, int slot, size_t c, double *scale, double *shift)
{
    double value = channel_value(node->in[1 - slot], c);
    *scale = 1;
    *shift = 0;
    switch (node->code) {
    case tfl_BuiltinOperator_MUL: *scale = value; break;
    case tfl_BuiltinOperator_DIV: *scale = 1 / value; break;
    case tfl_BuiltinOperator_ADD: *shift = value; break;
    default: /* SUB */
        *scale = slot ? -1 : 1;
        *shift = slot ? value : -value;
    }
}

/* The operand of an affine node that may be a layer's result; -1: it is no such node. */
static int affine_slot(const struct qc_node *node)
{
    switch (node->code) {
    case tfl_BuiltinOperator_DIV:
        if (!qc_is_float_constant(node->in[1])) return -1;
        for (size_t i = 0, n = qc_tensor_elements(node->in[1]); i < n; i++)
            if (qc_float_at(node->in[1], i) == 0) return -1;
        return 0;
    case tfl_BuiltinOperator_MUL:
    case tfl_BuiltinOperator_ADD:
    case tfl_BuiltinOperator_SUB: return qc_is_float_constant(node->in[1]) ? 0 : qc_is_float_constant(node->in[0]) ? 1 : -1;
    default: return -1;
    }
}

/* A copy of `weight` with slice k of `axis` times factor[k]. */
static struct qc_tensor *scaled(const struct qc_tensor *weight, int axis, const double *factor)
{
    float *data;
    struct qc_tensor *copy = qc_new_floats(weight->graph, weight->name, weight->rank, weight->dims, &data);
    size_t count = qc_tensor_elements(weight), inner = 1, slices = (size_t)weight->dims[axis];
    for (int i = axis + 1; i < weight->rank; i++) inner *= (size_t)weight->dims[i];
    for (size_t i = 0; copy && i < count; i++) data[i] = (float)(qc_float_at(weight, i) * factor[i / inner % slices]);
    return copy;
}

static bool has_float_weights(const struct qc_node *node, const struct layout *layout)
{
    if (node->in_count <= layout->weight || !qc_is_float_constant(node->in[layout->weight])) return false;
    if (node->in[layout->weight]->rank <= QC_MAX(layout->out_axis, layout->in_axis)) return false;
    const struct qc_tensor *bias = node->in_count > layout->bias ? node->in[layout->bias] : NULL;
    return !bias || (qc_is_float_constant(bias) && qc_tensor_elements(bias) == (size_t)node->in[layout->weight]->dims[layout->out_axis]);
}

/* The layer again, with other weights and bias, an activation and outputs: in the place of `user`. */
static qc_status rebuild(struct qc_node *layer, const struct layout *layout, struct qc_node *user, struct qc_tensor *weight,
                         struct qc_tensor *bias)
{
    struct qc_tensor *in[QC_MAX_RANK] = {NULL};
    int count = QC_MAX(layer->in_count, layout->bias + 1);
    for (int i = 0; i < layer->in_count; i++) in[i] = layer->in[i];
    in[layout->weight] = weight;
    in[layout->bias] = bias;
    const char *name = layer->name;
    int activation = qc_activation(user);
    struct qc_node *fresh = qc_replace_node(user, layer->code, layer->options, count, in);
    if (!fresh) return QC_NOMEM;
    if (name) fresh->name = name;
    qc_node_remove(layer);
    return activation != tfl_ActivationFunctionType_NONE ? qc_set_option(fresh, "fused_activation_function", activation) : QC_OK;
}

/* Folds `user`, whose operand `slot` is the result of `layer`, into it. */
static qc_status fold_behind(struct qc_node *layer, const struct layout *layout, struct qc_node *user, int slot)
{
    struct qc_graph *graph = layer->graph;
    struct qc_tensor *weight = layer->in[layout->weight], *bias = layer->in_count > layout->bias ? layer->in[layout->bias] : NULL, *fresh;
    int32_t channels = weight->dims[layout->out_axis];
    double *scale = qc_env_alloc(&graph->model->env, 2 * sizeof *scale * (size_t)channels), *shift = scale + channels;
    float *data;
    bool scales = false;
    if (!scale) return QC_NOMEM;
    const char *name = bias ? bias->name : qc_arena_printf(&graph->model->arena, "%s/bias", qc_node_name(layer));
    if (!name || !(fresh = qc_new_floats(graph, name, 1, &channels, &data))) return QC_NOMEM;
    for (int32_t c = 0; c < channels; c++) {
        affine(user, slot, (size_t)c, &scale[c], &shift[c]);
        scales |= scale[c] != 1;
        data[c] = (float)((bias ? qc_float_at(bias, (size_t)c) * scale[c] : 0) + shift[c]);
    }
    if (scales) weight = scaled(weight, layout->out_axis, scale);
    qc_env_free(&graph->model->env, scale);
    return weight ? rebuild(layer, layout, user, weight, fresh) : QC_NOMEM;
}

static qc_status try_behind(struct qc_node *user)
{
    int slot = affine_slot(user);
    struct qc_node *layer = slot < 0 || !qc_tensor_sole_user(user->in[slot]) ? NULL : user->in[slot]->producer;
    const struct layout *layout = layout_of(layer);
    if (!layout || !has_float_weights(layer, layout) || qc_activation(layer) != tfl_ActivationFunctionType_NONE ||
        !qc_same_shape(layer->out[0], user->out[0]))
        return QC_OK;
    if (!is_per_channel(user->in[1 - slot], layer->in[layout->weight]->dims[layout->out_axis], user->out[0]->rank)) return QC_OK;
    return fold_behind(layer, layout, user, slot);
}

/* MUL or DIV in front of the layer. */
static qc_status try_before(struct qc_node *layer, bool *folded)
{
    const struct layout *layout = layout_of(layer);
    *folded = false;
    if (!layout || layout->in_axis < 0 || !has_float_weights(layer, layout)) return QC_OK;
    struct qc_node *mul = qc_sole_producer(layer->in[layout->x], tfl_BuiltinOperator_MUL);
    if (!mul) mul = qc_sole_producer(layer->in[layout->x], tfl_BuiltinOperator_DIV);
    int slot = mul && qc_activation(mul) == tfl_ActivationFunctionType_NONE ? affine_slot(mul) : -1;
    struct qc_tensor *weight = layer->in[layout->weight];
    if (slot < 0 || !qc_same_shape(mul->in[slot], mul->out[0])) return QC_OK;
    int32_t channels = weight->dims[layout->in_axis];
    if (mul->out[0]->dims[mul->out[0]->rank - 1] != channels || !is_per_channel(mul->in[1 - slot], channels, mul->out[0]->rank)) return QC_OK;
    double *scale = qc_env_alloc(&layer->graph->model->env, sizeof *scale * (size_t)channels), shift;
    if (!scale) return QC_NOMEM;
    for (int32_t c = 0; c < channels; c++) affine(mul, slot, (size_t)c, &scale[c], &shift);
    weight = scaled(weight, layout->in_axis, scale);
    qc_env_free(&layer->graph->model->env, scale);
    if (!weight) return QC_NOMEM;
    qc_node_set_input(layer, layout->weight, weight);
    qc_node_set_input(layer, layout->x, mul->in[slot]);
    qc_node_remove(mul);
    *folded = true;
    return QC_OK;
}

static qc_status run(struct qc_graph *graph)
{
    for (uint32_t i = 0; i < graph->node_count; i++)
        if (graph->node[i]->code >= 0) QC_TRY(try_behind(graph->node[i]));
    for (uint32_t i = 0; i < graph->node_count; i++)
        for (bool folded = graph->node[i]->code >= 0; folded;) QC_TRY(try_before(graph->node[i], &folded));
    return QC_OK;
}

const struct qc_pass qc_pass_fold_batchnorm = {"fold_batchnorm", run};
