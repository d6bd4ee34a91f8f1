/*
 * evaluate.c - one node on known values. See evaluate.h.
 */
#include "op/evaluate.h"

#include <string.h>

void qc_value_of_tensor(struct qc_value *value, const struct qc_tensor *tensor)
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
    if (tensor->constant)
        value->bytes = tensor->bytes;
    else if (tensor->has_shape)
        value->bytes = qc_dtype_bytes(tensor->type, qc_tensor_elements(tensor));
}

/* Is everything there that run needs, and is running it harmless? */
static bool can_run(const struct qc_step *step, size_t max_bytes)
{
    if (!max_bytes || step->deferred || !step->op->run || (step->op->flags & QC_OP_STATEFUL)) return false;
    for (int i = 0; i < step->in_count; i++)
        if (step->in[i] && !step->in[i]->known && !(step->op->flags & QC_OP_SHAPE_ONLY)) return false;
    size_t total = 0;
    for (int i = 0; i < step->out_count; i++) {
        if (!step->out[i]->shaped || !qc_dtype_bits(step->out[i]->type)) return false;
        total += step->out[i]->bytes;
        if (total > max_bytes) return false;
    }
    return true;
}

static qc_status run(struct qc_step *step, struct qc_arena *keep)
{
    if (step->op->plan) QC_TRY(step->op->plan(step));
    char *raw = qc_arena_alloc(step->arena, step->scratch_bytes + 63);
    if (!raw) return QC_NOMEM;
    step->scratch = (void *)(((uintptr_t)raw + 63) & ~(uintptr_t)63);
    for (int i = 0; i < step->out_count; i++)
        if (step->out[i]->bytes && !(step->out[i]->data = qc_arena_alloc(keep, step->out[i]->bytes))) return QC_NOMEM;
    if (step->op->prepare) QC_TRY(step->op->prepare(step));
    QC_TRY(step->op->run(step));
    for (int i = 0; i < step->out_count; i++) step->out[i]->known = true;
    return QC_OK;
}

/* What operators that call subgraphs see of the world: enough to infer. */
struct outside {
    struct qc_runtime rt;
    struct qc_arena *scratch;
    int depth; /* of calls; a file may nest them without end */
};
enum { MAX_DEPTH = 16, MAX_SHAPE_BYTES = 256 };

static qc_status call_infer(struct qc_runtime *rt, uint32_t index, int in_count, struct qc_value *const *in, int out_count,
                            struct qc_value *const *out);

static qc_status evaluate(const struct qc_node *node, struct qc_value *const *in, struct qc_value *out, struct qc_arena *scratch,
                          struct qc_arena *keep, size_t max_bytes, int depth)
{
    struct qc_env *env = &node->graph->model->env;
    const struct qc_op *op = qc_op_find(node->code, node->custom);
    if (!op)
        return qc_fail(env, QC_UNSUPPORTED, "%s '%s': quantc does not have this operator", qc_node_op(node), qc_node_name(node));
    struct qc_value **pointer = qc_arena_array(scratch, (size_t)(node->in_count + node->out_count), sizeof *pointer);
    const void *options = qc_op_options(op, node, scratch);
    if (!pointer || (op->options && !options)) return QC_NOMEM;
    struct outside outside = {{.env = env, .model = node->graph->model, .call_infer = call_infer}, scratch, depth};
    struct qc_step step = {.node = node, .op = op, .options = options, .in = pointer, .out = pointer + node->in_count,
                           .in_count = node->in_count, .out_count = node->out_count, .rt = &outside.rt, .arena = scratch};
    bool shaped = true;
    for (int i = 0; i < node->in_count; i++) {
        step.in[i] = in[i];
        shaped &= !in[i] || in[i]->shaped;
    }
    for (int i = 0; i < node->out_count; i++) {
        qc_value_of_tensor(&out[i], node->out[i]);
        out[i].known = out[i].constant = out[i].shaped = false;
        out[i].data = NULL;
        step.out[i] = &out[i];
    }
    if (node->in_count < op->in_min || (op->in_max != 255 && node->in_count > op->in_max) || node->out_count < op->out_min ||
        (op->out_max != 255 && node->out_count > op->out_max))
        return qc_step_fail(&step, QC_FORMAT, "%d inputs and %d outputs do not fit this operator", node->in_count, node->out_count);
    if (!shaped) return QC_OK;
    QC_TRY(op->infer(&step));
    for (int i = 0; i < node->out_count; i++) out[i].shaped &= !step.deferred;
    return can_run(&step, max_bytes) ? run(&step, keep) : QC_OK;
}

/* The results' shapes for inputs of these shapes; what the inputs hold may change from call to call. */
static qc_status call_infer(struct qc_runtime *rt, uint32_t index, int in_count, struct qc_value *const *in, int out_count,
                            struct qc_value *const *out)
{
    const struct outside *outside = (const struct outside *)(const void *)rt;
    const struct qc_graph *graph = rt->model->graph[index];
    struct qc_arena *scratch = outside->scratch;
    if (outside->depth >= MAX_DEPTH) return QC_OK;
    struct qc_value *value = qc_arena_array(scratch, graph->tensor_count, sizeof *value);
    if (!value) return QC_NOMEM;
    for (uint32_t i = 0; i < graph->tensor_count; i++) qc_value_of_tensor(&value[i], graph->tensor[i]);
    for (int i = 0; i < in_count; i++) {
        struct qc_value *to = &value[graph->input[i]->index];
        if (!in[i]) continue;
        *to = *in[i];
        to->tensor = graph->input[i];
        to->known = to->constant = false;
        to->data = NULL;
    }
    for (uint32_t i = 0; i < graph->node_count; i++) {
        const struct qc_node *node = graph->node[i];
        if (node->code < 0) continue;
        struct qc_value **operand = qc_arena_array(scratch, (size_t)node->in_count, sizeof *operand);
        struct qc_value *result = qc_arena_array(scratch, (size_t)node->out_count, sizeof *result);
        if (!operand || !result) return QC_NOMEM;
        for (int k = 0; k < node->in_count; k++) operand[k] = node->in[k] ? &value[node->in[k]->index] : NULL;
        QC_TRY(evaluate(node, operand, result, scratch, scratch, MAX_SHAPE_BYTES, outside->depth + 1));
        for (int k = 0; k < node->out_count; k++)
            if (node->out[k]) value[node->out[k]->index] = result[k];
    }
    for (int i = 0; i < out_count; i++) {
        const struct qc_value *from = &value[graph->output[i]->index];
        out[i]->type = from->type;
        out[i]->shaped = from->shaped;
        out[i]->rank = from->rank;
        memcpy(out[i]->dims, from->dims, sizeof out[i]->dims);
        out[i]->bytes = from->bytes;
    }
    return QC_OK;
}

qc_status qc_evaluate(const struct qc_node *node, struct qc_value *const *in, struct qc_value *out, struct qc_arena *arena, size_t max_bytes)
{
    struct qc_arena scratch;
    qc_arena_init(&scratch, arena->env);
    qc_status status = evaluate(node, in, out, &scratch, arena, max_bytes, 0);
    qc_arena_free(&scratch);
    return status;
}
