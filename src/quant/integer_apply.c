/*
 * integer_apply.c - rewrites the nodes that compute in integers: operands, weights, biases, results, and the QUANTIZE and DEQUANTIZE
 * between them and what stays float. See integer.h.
 */
#include "quant/integer.h"
#include "pass/shared/edit.h"
#include "quant/integer_lstm.h"
#include "quant/stats.h"

#include <math.h>
#include <string.h>

static const struct qc_quant_rule *rule_of(const struct qc_node *node)
{
    return qc_op_find(node->code, node->custom)->quant;
}

static bool same_params(struct qc_affine a, struct qc_affine b)
{
    return a.scale == b.scale && a.zero_point == b.zero_point;
}

static struct qc_int_form *find_form(struct qc_int_form *form, qc_dtype type, struct qc_affine params)
{
    for (; form; form = form->next)
        if (form->type == type && same_params(form->params, params)) return form;
    return NULL;
}

/* Added at the end: the first form stays the producer's. */
static qc_status add_form(struct qc_int_plan *plan, struct qc_int_form **list, qc_dtype type, struct qc_affine params, struct qc_tensor *tensor)
{
    struct qc_int_form *form = qc_arena_alloc(&plan->q->model->arena, sizeof *form);
    if (!form) return QC_NOMEM;
    *form = (struct qc_int_form){type, params, tensor, NULL};
    while (*list) list = &(*list)->next;
    *list = form;
    return QC_OK;
}

static struct qc_tensor *new_value(struct qc_int_plan *plan, const struct qc_tensor *like, qc_dtype type, struct qc_affine params)
{
    struct qc_tensor *tensor = qc_graph_add_tensor(plan->graph, like->name, type, like->rank, like->has_shape ? like->dims : NULL);
    if (!tensor) return NULL;
    tensor->has_shape = like->has_shape;
    memcpy(tensor->signature, like->signature, sizeof tensor->signature);
    tensor->quant = qc_quant_new(&plan->q->model->arena, params.scale, params.zero_point);
    return tensor->quant ? tensor : NULL;
}

/* ---- operands ---- */

/* The value as `type` with `params`, for use by `user`; a QUANTIZE in front of it makes what is not there yet. */
static qc_status value_as(struct qc_int_plan *plan, struct qc_node *user, struct qc_tensor *tensor, qc_dtype type, struct qc_affine params,
                          struct qc_tensor **made)
{
    struct qc_int_value *value = qc_int_value_of(plan, tensor);
    const struct qc_int_form *form = find_form(value->form, type, params);
    if (form) return *made = form->tensor, QC_OK;
    struct qc_tensor *from = value->form && value->form->tensor->producer ? value->form->tensor : tensor;
    if (!(*made = new_value(plan, tensor, type, params)) ||
        !qc_graph_add_node(plan->graph, user, tfl_BuiltinOperator_QUANTIZE, &tfl_QuantizeOptions_table, NULL, 1, &from, 1, made))
        return QC_NOMEM;
    return add_form(plan, &value->form, type, params, *made);
}

static void range_of(const float *data, size_t count, double *min, double *max)
{
    *min = *max = 0;
    for (size_t i = 0; i < count; i++) {
        *min = fmin(*min, (double)data[i]);
        *max = fmax(*max, (double)data[i]);
    }
}

/* Constant data as aligned floats. */
static const float *floats_of(struct qc_int_plan *plan, const struct qc_tensor *tensor)
{
    if ((uintptr_t)tensor->data % sizeof(float) == 0) return tensor->data;
    return qc_arena_copy(&plan->q->model->arena, tensor->data, tensor->bytes);
}

/* A constant that is quantized like an activation; `params` NULL: by its own range. */
static qc_status constant_as(struct qc_int_plan *plan, struct qc_tensor *tensor, qc_dtype type, const struct qc_affine *params, struct qc_tensor **made)
{
    struct qc_arena *arena = &plan->q->model->arena;
    const float *data = floats_of(plan, tensor);
    size_t count = tensor->bytes / sizeof(float), width = type == QC_INT8 ? 1 : 2;
    double min, max;
    if (!data) return QC_NOMEM;
    range_of(data, count, &min, &max);
    struct qc_affine own = params ? *params : qc_params_constant(min, max, type == QC_INT8 ? 8 : 16);
    struct qc_int_form **list = &plan->constant[tensor->index], *form = find_form(*list, type, own);
    if (form) return *made = form->tensor, QC_OK;
    char *stored = qc_arena_array(arena, count, width);
    if (!stored) return QC_NOMEM;
    if (type == QC_INT8)
        for (size_t i = 0; i < count; i++) stored[i] = (char)qc_quantize_affine(data[i], own, -128, 127);
    else
        qc_quantize_symmetric16(data, count, own.scale, (int16_t *)(void *)stored);
    if (!(*made = qc_graph_add_constant(plan->graph, tensor->name, type, tensor->rank, tensor->dims, stored, count * width)) ||
        !((*made)->quant = qc_quant_new(arena, own.scale, own.zero_point)))
        return QC_NOMEM;
    return add_form(plan, list, type, own, *made);
}

/* What a node of `bits` takes of a value: the producer's form if it has those bits, else parameters of its own for the range. */
static struct qc_affine params_for(const struct qc_int_plan *plan, const struct qc_tensor *tensor, const struct qc_int_value *value, int bits)
{
    float min, max;
    if (value->form && value->form->type == (bits == 8 ? QC_INT8 : QC_INT16)) return value->form->params;
    if (!value->form && value->bits == bits) return value->params;
    if (qc_stats_range(plan->q->stats, tensor, &min, &max)) return qc_params_activation((double)min, (double)max, bits);
    return value->params;
}

qc_status qc_int_activation(struct qc_int_plan *plan, const struct qc_int_node *n, int slot)
{
    struct qc_tensor *tensor = n->node->in[slot], *made;
    qc_dtype type = n->bits == 8 ? QC_INT8 : QC_INT16;
    bool grouped = qc_int_in_group(n, slot);
    if (tensor->constant) {
        QC_TRY(constant_as(plan, tensor, type, grouped ? &n->params : NULL, &made));
    } else {
        struct qc_affine params = grouped ? n->params : params_for(plan, tensor, qc_int_value_of(plan, tensor), n->bits);
        QC_TRY(value_as(plan, n->node, tensor, type, params, &made));
    }
    qc_node_set_input(n->node, slot, made);
    return QC_OK;
}

/* ---- weights and bias ---- */

/* Scales of weights that a large bias forces up; NULL if none does. */
static qc_status scales_for_bias(struct qc_int_plan *plan, const struct qc_tensor *weight, const float *bias, size_t count, float input_scale,
                                 float **scales)
{
    uint32_t slices = weight->quant->count;
    *scales = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t slice = slices == 1 ? 0 : i % slices;
        const float *now = *scales ? *scales : weight->quant->scale;
        float needed = qc_params_weight_for_bias(fabs((double)bias[i]), input_scale, now[slice]);
        if (needed == 0) continue;
        if (!*scales && !(*scales = qc_arena_copy(&plan->q->model->arena, weight->quant->scale, slices * sizeof **scales))) return QC_NOMEM;
        (*scales)[slice] = needed;
    }
    return QC_OK;
}

/* The weights again, with other scales: of their own, however many nodes share the float ones. */
static qc_status weights_with(struct qc_int_plan *plan, const struct qc_tensor *from, const struct qc_tensor *like, const float *scales,
                              struct qc_tensor **made)
{
    struct qc_arena *arena = &plan->q->model->arena;
    const struct qc_quant *old = like->quant;
    const float *data = floats_of(plan, from);
    size_t total = from->bytes / sizeof(float), inner = 1;
    struct qc_quant *quant = qc_arena_copy(arena, old, sizeof *old);
    int8_t *stored = qc_arena_alloc(arena, total);
    if (!data || !quant || !stored) return QC_NOMEM;
    quant->scale = scales;
    for (int i = old->axis + 1; old->count > 1 && i < from->rank; i++) inner *= (size_t)from->dims[i];
    if (old->count == 1) inner = total;
    for (size_t at = 0, slice = 0; at < total; at += inner, slice = (slice + 1) % old->count)
        qc_quantize_symmetric(data + at, inner, scales[slice], 127, stored + at);
    if (!(*made = qc_graph_add_constant(plan->graph, from->name, QC_INT8, from->rank, from->dims, stored, total))) return QC_NOMEM;
    (*made)->quant = quant;
    return QC_OK;
}

qc_status qc_int_bias(struct qc_int_plan *plan, const struct qc_tensor *bias, const struct qc_tensor *weight, float input_scale, int bits,
                      struct qc_tensor **made)
{
    struct qc_arena *arena = &plan->q->model->arena;
    const float *data = floats_of(plan, bias);
    size_t count = bias->bytes / sizeof(float), width = bits == 64 ? 8 : 4;
    uint32_t slices = weight->quant->count;
    float *scale = qc_arena_array(arena, slices, sizeof *scale);
    int64_t *zero = qc_arena_array(arena, slices, sizeof *zero);
    struct qc_quant *quant = qc_arena_alloc(arena, sizeof *quant);
    char *stored = qc_arena_array(arena, count, width);
    if (!data || !scale || !zero || !quant || !stored) return QC_NOMEM;
    for (uint32_t i = 0; i < slices; i++) scale[i] = qc_params_bias(input_scale, weight->quant->scale[i]);
    for (size_t i = 0; i < count; i++) {
        int64_t value = qc_quantize_bias(data[i], scale[slices == 1 ? 0 : i % slices], bits);
        if (bits == 64)
            memcpy(stored + 8 * i, &value, 8);
        else
            memcpy(stored + 4 * i, &(int32_t){(int32_t)value}, 4);
    }
    *quant = (struct qc_quant){.count = slices, .scale = scale, .zero_point = zero};
    *made = qc_graph_add_constant(plan->graph, bias->name, bits == 64 ? QC_INT64 : QC_INT32, bias->rank, bias->dims, stored, count * width);
    if (!*made) return QC_NOMEM;
    (*made)->quant = quant;
    return QC_OK;
}

/* Weights first, then the bias that depends on their scales. */
static qc_status weights_and_bias(struct qc_int_plan *plan, const struct qc_int_node *n, int slot)
{
    const struct qc_quant_rule *rule = rule_of(n->node);
    const struct qc_operand_rule *bias_rule = NULL;
    struct qc_tensor *from = n->node->in[slot], *weight, *made;
    int bias_slot = -1;
    for (int i = 0; i < n->node->in_count; i++)
        if (qc_int_is_float(n->node->in[i]) && qc_operand_rule(rule, i)->role == QC_ROLE_BIAS && qc_operand_rule(rule, i)->b == slot) {
            bias_slot = i;
            bias_rule = qc_operand_rule(rule, i);
        }
    QC_TRY(qc_constant_int8(plan->q, from, qc_weight_axis(plan->q, n->node, slot, qc_operand_rule(rule, slot)->axis), n->bits == 8 ? QC_BESIDE_INT8 : QC_BESIDE_INT16, &weight));
    if (bias_slot >= 0) {
        struct qc_tensor *bias = n->node->in[bias_slot];
        const float *data = floats_of(plan, bias);
        float input_scale = n->node->in[bias_rule->a]->quant->scale[0], *scales = NULL;
        if (!data) return QC_NOMEM;
        if (n->bits == 8) QC_TRY(scales_for_bias(plan, weight, data, bias->bytes / sizeof(float), input_scale, &scales));
        if (scales) QC_TRY(weights_with(plan, from, weight, scales, &weight));
        QC_TRY(qc_int_bias(plan, bias, weight, input_scale, n->bits == 8 ? 32 : 64, &made));
        qc_node_set_input(n->node, bias_slot, made);
    }
    qc_node_set_input(n->node, slot, weight);
    return QC_OK;
}

/* ---- nodes ---- */

qc_status qc_int_results(struct qc_int_plan *plan, const struct qc_int_node *n)
{
    qc_dtype type = n->bits == 8 ? QC_INT8 : QC_INT16;
    if (rule_of(n->node)->output == QC_OUTPUT_KEEP) return QC_OK;
    for (int i = 0; i < n->node->out_count; i++) {
        struct qc_tensor *out = n->node->out[i];
        if (!qc_int_is_float(out)) continue;
        struct qc_int_value *value = qc_int_value_of(plan, out);
        struct qc_affine params = qc_int_results_in_group(n) ? n->params : params_for(plan, out, value, n->bits);
        struct qc_tensor *made = new_value(plan, out, type, params);
        if (!made) return QC_NOMEM;
        qc_node_set_output(n->node, i, made);
        QC_TRY(add_form(plan, &value->form, type, params, made));
    }
    return QC_OK;
}

static qc_status apply_node(struct qc_int_plan *plan, const struct qc_int_node *n)
{
    const struct qc_quant_rule *rule = rule_of(n->node);
    if (qc_int_lstm(n->node)) return qc_int_lstm_apply(plan, n);
    for (int i = 0; i < n->node->in_count; i++) {
        int role = qc_int_is_float(n->node->in[i]) ? qc_operand_rule(rule, i)->role : QC_ROLE_KEEP;
        if (role == QC_ROLE_ACTIVATION || role == QC_ROLE_SAME) QC_TRY(qc_int_activation(plan, n, i));
    }
    for (int i = 0; i < n->node->in_count; i++)
        if (qc_int_is_float(n->node->in[i]) && qc_operand_rule(rule, i)->role == QC_ROLE_WEIGHT) QC_TRY(weights_and_bias(plan, n, i));
    QC_TRY(qc_int_results(plan, n));
    n->node->version = 0;
    if (qc_option(n->node, "pot_scale_int16", 0)) QC_TRY(qc_set_option(n->node, "pot_scale_int16", 0));
    return QC_OK;
}

/* Float uses of values that are made as integers: one DEQUANTIZE behind the producer. */
static qc_status unpack_values(struct qc_int_plan *plan)
{
    for (uint32_t i = 0; i < plan->value_count; i++) {
        struct qc_tensor *tensor = plan->graph->tensor[i], *stored = plan->value[i].form ? plan->value[i].form->tensor : NULL;
        if (!stored || !stored->producer || tensor->producer || !(tensor->uses || tensor->output_uses)) continue;
        bool is_input = false; /* an input is float by itself */
        for (int k = 0; k < plan->graph->input_count; k++) is_input |= plan->graph->input[k] == tensor;
        if (is_input) continue;
        const char *name = qc_arena_printf(&plan->q->model->arena, "%s/integer", tensor->name);
        uint32_t at = stored->producer->index + 1;
        if (!name || !qc_graph_add_node(plan->graph, at < plan->graph->node_count ? plan->graph->node[at] : NULL, tfl_BuiltinOperator_DEQUANTIZE,
                                        &tfl_DequantizeOptions_table, NULL, 1, &stored, 1, &tensor))
            return QC_NOMEM;
        stored->name = name;
    }
    return QC_OK;
}

qc_status qc_int_apply(struct qc_int_plan *plan)
{
    struct qc_quantizer *q = plan->q;
    q->graph = plan->graph; /* for forms of weights */
    q->form_count = plan->value_count;
    q->form = qc_arena_array(&q->model->arena, plan->value_count, sizeof *q->form);
    q->reason = qc_arena_array(&q->model->arena, plan->value_count, sizeof *q->reason);
    if (!q->form || !q->reason) return QC_NOMEM;
    for (uint32_t i = 0; i < plan->node_count; i++)
        if (plan->node[i].bits) QC_TRY(apply_node(plan, &plan->node[i]));
    return unpack_values(plan);
}
