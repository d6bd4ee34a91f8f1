/*
 * weight.c - int8 weights beside float activations. See weight.h.
 */
#include "quant/shared/weight.h"
#include "pass/shared/edit.h"

enum { DEFAULT_LEAST = 1024 }; /* elements: TensorFlow Lite's rule */

static int64_t least_elements(const struct qc_quantizer *q)
{
    return q->options->min_elements ? q->options->min_elements : DEFAULT_LEAST;
}

/* Recurrent operators want all their weights in one form, so they are judged together. */
static size_t elements_judged(const struct qc_node *node, const struct qc_quant_rule *rule, int slot)
{
    if (!(rule->hybrid >> slot & 1)) return qc_tensor_elements(node->in[slot]);
    size_t total = 0;
    for (int i = 0; i < node->in_count && i < 64; i++)
        if ((rule->hybrid >> i & 1) && node->in[i] && node->in[i]->constant) total += qc_tensor_elements(node->in[i]);
    return total;
}

/* Of a recurrent operator: some writers of fused layers reset the state by such a weight. */
static bool any_vanishes(const struct qc_node *node, const struct qc_quant_rule *rule)
{
    for (int i = 0; i < node->in_count && i < 64; i++)
        if ((rule->hybrid >> i & 1) && node->in[i] && node->in[i]->constant && node->in[i]->type == QC_FLOAT32 && qc_constant_vanishes(node->in[i]))
            return true;
    return false;
}

const char *qc_weight_refusal(const struct qc_quantizer *q, const struct qc_node *node, int slot)
{
    const struct qc_op *op = qc_op_find(node->code, node->custom);
    const struct qc_quant_rule *rule = op ? op->quant : NULL;
    if (!rule) return "its operator has no quantized form";
    int role = qc_operand_rule(rule, slot)->role;
    if (role == QC_ROLE_BIAS) return "a bias: it is added in float";
    if (role != QC_ROLE_WEIGHT && !(rule->hybrid >> slot & 1) && !qc_weight_moves(node, slot)) return "not a weight";
    if ((int64_t)elements_judged(node, rule, slot) < least_elements(q)) return "fewer elements than --min-elements";
    if (rule->in[0].role == QC_ROLE_FLOAT && any_vanishes(node, rule)) return "a few weights are so large that one scale makes the others 0";
    return NULL;
}

bool qc_weight_moves(const struct qc_node *node, int slot)
{
    const struct qc_op *op = qc_op_find(node->code, node->custom);
    const struct qc_quant_rule *rule = op ? op->quant : NULL;
    if (!rule || rule->output != QC_OUTPUT_SAME || rule->same_as != slot || !(rule->modes & QC_Q_INT8) || node->out_count != 1) return false;
    for (int i = 0; i < node->in_count; i++)
        if (i != slot && node->in[i] && qc_dtype_is_float(node->in[i]->type)) return false;
    return true;
}

qc_status qc_weight_move(struct qc_quantizer *q, struct qc_node *node, int slot)
{
    struct qc_tensor *stored, *out = node->out[0];
    QC_TRY(qc_constant_int8(q, node->in[slot], -1, QC_BESIDE_FLOAT, &stored));
    const char *name = qc_arena_printf(&q->model->arena, "%s/quantized", out->name);
    struct qc_tensor *moved = name ? qc_graph_add_tensor(q->graph, name, QC_INT8, out->rank, out->has_shape ? out->dims : NULL) : NULL;
    if (!moved) return QC_NOMEM;
    for (int i = 0; i < out->rank; i++) moved->signature[i] = out->signature[i];
    moved->has_shape = out->has_shape;
    moved->quant = stored->quant;
    struct qc_node *next = node->index + 1 < q->graph->node_count ? q->graph->node[node->index + 1] : NULL;
    qc_node_set_input(node, slot, stored);
    qc_node_set_output(node, 0, moved);
    node->version = 0;
    return qc_graph_add_node(q->graph, next, tfl_BuiltinOperator_DEQUANTIZE, &tfl_DequantizeOptions_table, NULL, 1, &moved, 1, &out) ? QC_OK
                                                                                                                                  : QC_NOMEM;
}

qc_status qc_weight_unpack(struct qc_quantizer *q, struct qc_node *node, int slot)
{
    const struct qc_operand_rule *operand = qc_operand_rule(qc_op_find(node->code, node->custom)->quant, slot);
    struct qc_tensor *stored, *unpacked;
    int declared = operand->role == QC_ROLE_WEIGHT ? operand->axis : -1;
    QC_TRY(qc_constant_int8(q, node->in[slot], qc_weight_axis(q, node, slot, declared), QC_BESIDE_FLOAT, &stored));
    QC_TRY(qc_constant_unpacked(q, node->in[slot], stored, &unpacked));
    qc_node_set_input(node, slot, unpacked);
    return QC_OK;
}

qc_status qc_weight_beside_float(struct qc_quantizer *q, struct qc_node *node, int slot)
{
    const struct qc_quant_rule *rule = qc_op_find(node->code, node->custom)->quant;
    const char *reason = qc_weight_refusal(q, node, slot);
    if (reason) return qc_constant_keep(q, node->in[slot], reason), QC_OK;
    if (qc_weight_moves(node, slot)) return qc_weight_move(q, node, slot);
    if (q->options->tflm || !(rule->hybrid >> slot & 1)) return qc_weight_unpack(q, node, slot);

    struct qc_tensor *stored;
    QC_TRY(qc_constant_int8(q, node->in[slot], qc_weight_axis(q, node, slot, rule->hybrid_axis), QC_BESIDE_FLOAT, &stored));
    qc_node_set_input(node, slot, stored);
    node->version = 0;
    if (qc_option(node, "asymmetric_quantize_inputs", -1) == 0) return qc_set_option(node, "asymmetric_quantize_inputs", 1);
    return QC_OK;
}

bool qc_weight_stays_int8(const struct qc_quantizer *q, const struct qc_node *node)
{
    for (int i = 0; i < node->in_count; i++)
        if (node->in[i] && node->in[i]->constant && node->in[i]->type == QC_FLOAT32 && qc_weight_moves(node, i) && !qc_weight_refusal(q, node, i)) return true;
    return false;
}
