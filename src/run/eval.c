/*
 * eval.c - one node on constants. See eval.h.
 */
#include "run/eval.h"

#include <string.h>

static void set_value(struct qc_value *value, const struct qc_tensor *tensor)
{
    *value = (struct qc_value){.type = tensor->type, .rank = tensor->rank, .known = true, .constant = true, .shaped = tensor->has_shape,
                               .data = (void *)(uintptr_t)tensor->data, .bytes = tensor->bytes, .quant = tensor->quant, .tensor = tensor};
    memcpy(value->dims, tensor->dims, sizeof value->dims);
}

static qc_status compute(struct qc_step *step, struct qc_arena *results)
{
    const struct qc_op *op = step->op;
    QC_TRY(op->infer(step));
    for (int i = 0; i < step->out_count; i++) {
        if (step->deferred || !step->out[i]->shaped || step->out[i]->type == QC_STRING)
            return qc_step_fail(step, QC_UNSUPPORTED, "its result has a shape that only running tells");
        if (!(step->out[i]->data = qc_arena_alloc(results, step->out[i]->bytes))) return QC_NOMEM;
    }
    if (op->plan) QC_TRY(op->plan(step));
    if (op->prepare) QC_TRY(op->prepare(step));
    char *raw = qc_arena_alloc(step->arena, step->scratch_bytes + 64);
    if (!raw) return QC_NOMEM;
    step->scratch = (void *)(((uintptr_t)raw + 63) & ~(uintptr_t)63);
    return op->run(step);
}

static void keep(struct qc_node *node, const struct qc_step *step)
{
    for (int i = 0; i < step->out_count; i++) {
        const struct qc_value *value = step->out[i];
        struct qc_tensor *tensor = node->out[i];
        tensor->type = value->type;
        tensor->rank = value->rank;
        tensor->has_shape = tensor->constant = true;
        memcpy(tensor->dims, value->dims, sizeof tensor->dims);
        memcpy(tensor->signature, value->dims, sizeof tensor->signature);
        tensor->data = value->data;
        tensor->bytes = value->bytes;
    }
    qc_node_remove(node);
}

qc_status qc_eval_node(struct qc_node *node)
{
    struct qc_model *model = node->graph->model;
    const struct qc_op *op = qc_op_find(node->code, node->custom);
    struct qc_arena arena;
    qc_arena_init(&arena, &model->env);
    int count = node->in_count + node->out_count;
    struct qc_value *value = qc_arena_array(&arena, (size_t)count, sizeof *value);
    struct qc_value **pointer = qc_arena_array(&arena, (size_t)count, sizeof *pointer);
    struct qc_runtime rt = {.env = &model->env, .model = model};
    struct qc_step step = {.node = node, .op = op, .in = pointer, .out = pointer + node->in_count,
                           .in_count = node->in_count, .out_count = node->out_count, .rt = &rt, .arena = &arena};
    qc_status status = value && pointer ? QC_OK : QC_NOMEM;
    for (int i = 0; i < count && !status; i++) {
        const struct qc_tensor *tensor = i < node->in_count ? node->in[i] : node->out[i - node->in_count];
        if (!tensor) continue;
        set_value(&value[i], tensor);
        pointer[i] = &value[i];
    }
    if (!status && (!op || op->flags & QC_OP_STATEFUL || !op->infer || !op->run))
        status = qc_step_fail(&step, QC_UNSUPPORTED, "cannot be computed on constants");
    if (!status && op->options && !(step.options = qc_op_options(op, node, &arena))) status = QC_NOMEM;
    if (!status) status = compute(&step, &model->arena);
    if (!status) keep(node, &step);
    qc_arena_free(&arena);
    return status;
}
