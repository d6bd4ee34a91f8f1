/*
 * recognise_l2_normalization.c - x * rsqrt(max(sum(x * x), 1e-12)) over the last axis is L2_NORMALIZATION, whose kernel divides by
 * max(sqrt(sum(x * x)), 1e-6): the same value.
 */
#include "pass/pass.h"
#include "pass/shared/edit.h"

/* If `tensor` is the square of something: that. */
static struct qc_tensor *square_of(const struct qc_tensor *tensor)
{
    const struct qc_node *node = tensor && qc_tensor_sole_user(tensor) ? tensor->producer : NULL;
    if (!node) return NULL;
    if (node->code == tfl_BuiltinOperator_SQUARE) return node->in[0];
    return node->code == tfl_BuiltinOperator_MUL && node->in[0] == node->in[1] && qc_activation(node) == tfl_ActivationFunctionType_NONE
               ? node->in[0]
               : NULL;
}

/* If `tensor` is the sum of squares over the last axis, dimensions kept: what was squared. */
static struct qc_tensor *squares_summed(const struct qc_tensor *tensor)
{
    const struct qc_node *sum = qc_sole_producer(tensor, tfl_BuiltinOperator_SUM);
    int64_t axis[QC_MAX_RANK];
    if (!sum || !qc_option(sum, "keep_dims", 0) || qc_integers(sum->in[1], axis) != 1) return NULL;
    struct qc_tensor *x = square_of(sum->in[0]);
    return x && (*axis == -1 || *axis == x->rank - 1) ? x : NULL;
}

/* If `tensor` is rsqrt(max(sum, 1e-12)) or 1 / sqrt ... in its written forms: x. */
static struct qc_tensor *inverse_norm_of(const struct qc_tensor *tensor)
{
    const struct qc_node *rsqrt = qc_sole_producer(tensor, tfl_BuiltinOperator_RSQRT);
    const struct qc_node *floor = rsqrt ? qc_sole_producer(rsqrt->in[0], tfl_BuiltinOperator_MAXIMUM) : NULL;
    if (floor)
        for (int slot = 0; slot < 2; slot++)
            if (qc_is_near(floor->in[1 - slot], 1e-12f)) return squares_summed(floor->in[slot]);
    const struct qc_node *cap = qc_sole_producer(tensor, tfl_BuiltinOperator_MINIMUM); /* Keras 3: min(rsqrt(sum), 1e6) */
    if (!cap) return NULL;
    for (int slot = 0; slot < 2; slot++) {
        rsqrt = qc_is_near(cap->in[1 - slot], 1e6f) ? qc_sole_producer(cap->in[slot], tfl_BuiltinOperator_RSQRT) : NULL;
        if (rsqrt) return squares_summed(rsqrt->in[0]);
    }
    return NULL;
}

static qc_status run(struct qc_graph *graph)
{
    for (uint32_t i = 0; i < graph->node_count; i++) {
        struct qc_node *node = graph->node[i];
        if (node->code != tfl_BuiltinOperator_MUL || qc_activation(node) != tfl_ActivationFunctionType_NONE) continue;
        for (int slot = 0; slot < 2; slot++) {
            struct qc_tensor *x = node->in[slot];
            if (inverse_norm_of(qc_other(node, slot)) != x || x->type != QC_FLOAT32) continue;
            if (!qc_replace_node(node, tfl_BuiltinOperator_L2_NORMALIZATION, NULL, 1, &x)) return QC_NOMEM;
            break;
        }
    }
    return QC_OK;
}

const struct qc_pass qc_pass_recognise_l2_normalization = {"recognise_l2_normalization", run};
