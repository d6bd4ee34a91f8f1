/*
 * infer.c - types and shapes of single nodes outside a session, for importers and passes. See op.h.
 */
#include "op/evaluate.h"

#include <string.h>

int qc_node_version(const struct qc_node *node)
{
    const struct qc_op *op = qc_op_find(node->code, node->custom);
    if (node->version) return node->version;
    return op && op->version ? op->version(node) : 1;
}

static void to_tensor(const struct qc_value *value, struct qc_tensor *tensor)
{
    tensor->type = value->type;
    tensor->has_shape = value->shaped;
    if (!tensor->has_shape) return;
    tensor->rank = value->rank;
    memcpy(tensor->dims, value->dims, sizeof tensor->dims);
    memcpy(tensor->signature, value->dims, sizeof tensor->signature);
}

qc_status qc_node_infer(struct qc_node *node)
{
    struct qc_arena arena;
    qc_arena_init(&arena, &node->graph->model->env);
    struct qc_value *value = qc_arena_array(&arena, (size_t)(node->in_count + node->out_count), sizeof *value);
    struct qc_value **in = qc_arena_array(&arena, (size_t)node->in_count, sizeof *in);
    if (!value || !in) {
        qc_arena_free(&arena);
        return QC_NOMEM;
    }
    struct qc_value *out = value + node->in_count;
    for (int i = 0; i < node->in_count; i++) {
        if (!node->in[i]) continue;
        qc_value_of_tensor(&value[i], node->in[i]);
        in[i] = &value[i];
    }
    qc_status status = qc_evaluate(node, in, out, &arena, 0);
    for (int i = 0; i < node->out_count && !status; i++)
        if (node->out[i]) to_tensor(&out[i], node->out[i]);
    qc_arena_free(&arena);
    return status;
}
