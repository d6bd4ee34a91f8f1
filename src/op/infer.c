/*
 * infer.c - types and shapes of single nodes outside a session, for importers and passes. See op.h.
 */
#include "op/op.h"

#include <string.h>

int qc_node_version(const struct qc_node *node)
{
    const struct qc_op *op = qc_op_find(node->code, node->custom);
    if (node->version) return node->version;
    return op && op->version ? op->version(node) : 1;
}

static void from_tensor(struct qc_value *value, const struct qc_tensor *tensor)
{
    memset(value, 0, sizeof *value);
    value->tensor = tensor;
    value->type = tensor->type;
    value->quant = tensor->quant;
    value->rank = tensor->rank;
    value->shaped = tensor->has_shape;
    value->known = value->constant = tensor->constant;
    memcpy(value->dims, tensor->dims, sizeof value->dims);
    value->data = (void *)(uintptr_t)tensor->data;
    value->bytes = tensor->constant ? tensor->bytes : tensor->has_shape ? qc_dtype_bytes(tensor->type, qc_tensor_elements(tensor)) : 0;
}

static void to_tensor(const struct qc_value *value, struct qc_tensor *tensor, bool deferred)
{
    tensor->type = value->type;
    tensor->has_shape = value->shaped && !deferred;
    if (!tensor->has_shape) return;
    tensor->rank = value->rank;
    memcpy(tensor->dims, value->dims, sizeof tensor->dims);
    memcpy(tensor->signature, value->dims, sizeof tensor->signature);
}

qc_status qc_node_infer(struct qc_node *node)
{
    struct qc_env *env = &node->graph->model->env;
    const struct qc_op *op = qc_op_find(node->code, node->custom);
    if (!op)
        return qc_fail(env, QC_UNSUPPORTED, "%s '%s': quantc does not have this operator", qc_node_op(node), qc_node_name(node));
    struct qc_arena arena;
    qc_arena_init(&arena, env);
    int in_count = node->in_count, out_count = node->out_count, total = in_count + out_count;
    struct qc_value *value = qc_arena_array(&arena, (size_t)total, sizeof *value);
    struct qc_value **pointer = qc_arena_array(&arena, (size_t)total, sizeof *pointer);
    const void *options = qc_op_options(op, node, &arena);
    if (!value || !pointer || (op->options && !options)) {
        qc_arena_free(&arena);
        return QC_NOMEM;
    }
    bool unknown = false;
    for (int i = 0; i < total; i++) {
        const struct qc_tensor *tensor = i < in_count ? node->in[i] : node->out[i - in_count];
        if (!tensor) continue;
        from_tensor(&value[i], tensor);
        pointer[i] = &value[i];
        unknown |= i < in_count && !tensor->has_shape;
    }
    struct qc_runtime rt = {.env = env, .model = node->graph->model};
    struct qc_step step = {.node = node, .op = op, .options = options, .in = pointer, .out = pointer + in_count,
                           .in_count = in_count, .out_count = out_count, .rt = &rt, .arena = &arena};
    qc_status status = QC_OK;
    if (in_count < op->in_min || (op->in_max != 255 && in_count > op->in_max) || out_count < op->out_min ||
        (op->out_max != 255 && out_count > op->out_max))
        status = qc_step_fail(&step, QC_FORMAT, "%d inputs and %d outputs do not fit this operator", in_count, out_count);
    else if (!unknown)
        status = op->infer(&step);
    for (int i = 0; i < out_count && !status; i++)
        if (node->out[i]) to_tensor(&value[in_count + i], node->out[i], unknown || step.deferred);
    qc_arena_free(&arena);
    return status;
}
