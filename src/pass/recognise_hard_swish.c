/*
 * recognise_hard_swish.c - x * relu6(x + 3) / 6, in any order of its factors, is HARD_SWISH.
 */
#include "pass/pass.h"
#include "pass/shared/edit.h"

/* If `tensor` is relu6(x + 3), RELU6 alone or fused into the ADD: x. */
static struct qc_tensor *gate_of(const struct qc_tensor *tensor)
{
    const struct qc_node *node = tensor->producer;
    if (!node || !qc_tensor_sole_user(tensor)) return NULL;
    int wanted = tfl_ActivationFunctionType_RELU6;
    if (node->code == tfl_BuiltinOperator_RELU6) {
        node = qc_sole_producer(node->in[0], tfl_BuiltinOperator_ADD);
        wanted = tfl_ActivationFunctionType_NONE;
    }
    if (!node || node->code != tfl_BuiltinOperator_ADD || qc_activation(node) != wanted) return NULL;
    for (int slot = 0; slot < 2; slot++)
        if (qc_is_near(node->in[1 - slot], 3) && qc_same_shape(node->in[slot], node->out[0])) return node->in[slot];
    return NULL;
}

/* If node is tensor * (1/6) or tensor / 6: tensor. */
static struct qc_tensor *divided_by_6(const struct qc_node *node)
{
    if (!node || qc_activation(node) != tfl_ActivationFunctionType_NONE) return NULL;
    if (node->code == tfl_BuiltinOperator_DIV) return qc_is_near(node->in[1], 6) ? node->in[0] : NULL;
    if (node->code != tfl_BuiltinOperator_MUL) return NULL;
    return qc_is_near(node->in[1], 1.0f / 6) ? node->in[0] : qc_is_near(node->in[0], 1.0f / 6) ? node->in[1] : NULL;
}

/* If node is u * v: the two in both orders. */
static bool is_product(const struct qc_node *node)
{
    return node && node->code == tfl_BuiltinOperator_MUL && qc_activation(node) == tfl_ActivationFunctionType_NONE;
}

static struct qc_tensor *hard_swish_of(const struct qc_node *node)
{
    struct qc_tensor *scaled = divided_by_6(node); /* (x * gate) / 6 */
    const struct qc_node *product = scaled && qc_tensor_sole_user(scaled) ? scaled->producer : NULL;
    if (is_product(product))
        for (int slot = 0; slot < 2; slot++)
            if (gate_of(product->in[slot]) == qc_other(product, slot)) return qc_other(product, slot);
    if (!is_product(node)) return NULL;
    for (int slot = 0; slot < 2; slot++) { /* x * (gate / 6), (x / 6) * gate */
        const struct qc_tensor *factor = node->in[slot];
        struct qc_tensor *other = qc_other(node, slot);
        struct qc_tensor *inner = factor->producer && qc_tensor_sole_user(factor) ? divided_by_6(factor->producer) : NULL;
        if (inner && gate_of(inner) == other) return other;
        if (inner && gate_of(other) == inner) return inner;
    }
    return NULL;
}

static qc_status run(struct qc_graph *graph)
{
    for (uint32_t i = 0; i < graph->node_count; i++) {
        struct qc_node *node = graph->node[i];
        struct qc_tensor *x = node->code < 0 ? NULL : hard_swish_of(node);
        if (!x || x->type != QC_FLOAT32 || !qc_same_shape(x, node->out[0])) continue;
        if (!qc_replace_node(node, tfl_BuiltinOperator_HARD_SWISH, NULL, 1, &x)) return QC_NOMEM;
    }
    return QC_OK;
}

const struct qc_pass qc_pass_recognise_hard_swish = {"recognise_hard_swish", run};
