/*
 * eval.c - one node on constants. See eval.h.
 */
#include "run/eval.h"

#include "op/evaluate.h"

#include <string.h>

/* Values become the node's output tensors, which are constants from now on. */
static void keep(struct qc_node *node, const struct qc_value *out)
{
    for (int i = 0; i < node->out_count; i++) {
        struct qc_tensor *tensor = node->out[i];
        tensor->type = out[i].type;
        tensor->rank = out[i].rank;
        tensor->has_shape = tensor->constant = true;
        memcpy(tensor->dims, out[i].dims, sizeof tensor->dims);
        memcpy(tensor->signature, out[i].dims, sizeof tensor->signature);
        tensor->data = out[i].data;
        tensor->bytes = out[i].bytes;
    }
    qc_node_remove(node);
}

qc_status qc_eval_node(struct qc_node *node)
{
    struct qc_model *model = node->graph->model;
    struct qc_arena arena;
    qc_arena_init(&arena, &model->env);
    struct qc_value *value = qc_arena_array(&arena, (size_t)(node->in_count + node->out_count), sizeof *value);
    struct qc_value **in = qc_arena_array(&arena, (size_t)node->in_count, sizeof *in), *out = value + node->in_count;
    qc_status status = value && in ? QC_OK : QC_NOMEM;
    for (int i = 0; i < node->in_count && !status; i++) {
        if (!node->in[i]) continue;
        qc_value_of_tensor(&value[i], node->in[i]);
        in[i] = &value[i];
    }
    if (!status) status = qc_evaluate(node, in, out, &model->arena, SIZE_MAX);
    for (int i = 0; i < node->out_count && !status; i++)
        if (!out[i].known)
            status = qc_fail(&model->env, QC_UNSUPPORTED, "%s '%s': cannot be computed on constants", qc_node_op(node), qc_node_name(node));
    if (!status) keep(node, out);
    qc_arena_free(&arena);
    return status;
}
