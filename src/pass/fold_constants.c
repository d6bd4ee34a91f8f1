/*
 * fold_constants.c - nodes whose operands are all known become constants, by the operator's own run.
 *
 * Not folded: DEQUANTIZE of stored weights (their small form is the point), random numbers, state, control flow, and results that
 * would make the file larger (a FILL or BROADCAST_TO of megabytes stays an operator).
 */
#include "pass/pass.h"
#include "pass/shared/edit.h"
#include "run/eval.h"

enum { SMALL = 16 * 1024 }; /* bytes: results up to this are folded though their operands are smaller */

/* Into a variable, itself or by the next node: LiteRT computes operators on constants once, when it allocates, but this is to happen on every call. */
static bool writes_variable(const struct qc_node *node)
{
    for (int i = 0; i < node->out_count; i++) {
        if (node->out[i]->variable) return true;
        for (const struct qc_use *use = node->out[i]->uses; use; use = use->next)
            for (int k = 0; k < use->node->out_count; k++)
                if (use->node->out[k]->variable) return true;
    }
    return false;
}

static bool may_fold(const struct qc_node *node)
{
    if (writes_variable(node)) return false;
    switch (node->code) {
    case tfl_BuiltinOperator_DEQUANTIZE:
    case tfl_BuiltinOperator_RANDOM_UNIFORM:
    case tfl_BuiltinOperator_RANDOM_STANDARD_NORMAL:
    case tfl_BuiltinOperator_MULTINOMIAL:
    case tfl_BuiltinOperator_CUSTOM: return false;
    default: break;
    }
    const struct qc_op *op = qc_op_find(node->code, node->custom);
    return op && op->run && !(op->flags & QC_OP_STATEFUL);
}

static bool operands_known(const struct qc_node *node)
{
    const struct qc_op *op = qc_op_find(node->code, node->custom);
    bool shape_only = op->flags & QC_OP_SHAPE_ONLY;
    if (!node->in_count) return false;
    for (int i = 0; i < node->in_count; i++) {
        const struct qc_tensor *in = node->in[i];
        if (in && !in->constant && !(shape_only && qc_is_static(in))) return false;
    }
    return true;
}

static bool worth_folding(const struct qc_node *node)
{
    size_t in = 0, out = 0;
    for (int i = 0; i < node->in_count; i++)
        if (node->in[i]) in += node->in[i]->bytes;
    for (int i = 0; i < node->out_count; i++) {
        const struct qc_tensor *tensor = node->out[i];
        if (tensor->output_uses || tensor->quant) return false;
        if (tensor->has_shape) out += qc_dtype_bytes(tensor->type, qc_tensor_elements(tensor));
    }
    return out <= SMALL || out <= in;
}

static qc_status run(struct qc_graph *graph)
{
    for (uint32_t i = 0; i < graph->node_count; i++) {
        struct qc_node *node = graph->node[i];
        if (node->code < 0 || !may_fold(node) || !operands_known(node) || !worth_folding(node)) continue;
        qc_status status = qc_eval_node(node);
        if (status == QC_NOMEM) return status;
        if (status) qc_env_take(&graph->model->env, NULL); /* it stays, and running it will say what is wrong */
    }
    return QC_OK;
}

const struct qc_pass qc_pass_fold_constants = {"fold_constants", run};
