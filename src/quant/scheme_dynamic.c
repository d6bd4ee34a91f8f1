/*
 * scheme_dynamic.c - int8 weights where an operator's kernels take them beside float activations (they quantize the activations as they
 * run), int8 behind a DEQUANTIZE for weights of other operators.
 */
#include "quant/shared/weight.h"
#include "pass/shared/edit.h"

static qc_status constant(struct qc_quantizer *q, struct qc_node *node, int slot)
{
    const struct qc_quant_rule *rule = qc_op_find(node->code, node->custom)->quant;
    const char *reason = qc_weight_refusal(q, node, slot);
    if (reason) return qc_constant_keep(q, node->in[slot], reason), QC_OK;
    if (qc_weight_moves(node, slot)) return qc_weight_move(q, node, slot);
    if (q->options->tflm || !(rule->hybrid >> slot & 1)) return qc_weight_unpack(q, node, slot);

    struct qc_tensor *stored;
    QC_TRY(qc_constant_int8(q, node->in[slot], qc_weight_axis(q, node, slot, rule->hybrid_axis), &stored));
    qc_node_set_input(node, slot, stored);
    node->version = 0;
    if (qc_option(node, "asymmetric_quantize_inputs", -1) == 0) return qc_set_option(node, "asymmetric_quantize_inputs", 1);
    return QC_OK;
}

static const char *const aliases[] = {"dynamic-range", "dynamic_range", "drq", "dynamic-int8", NULL};

const struct qc_scheme qc_scheme_dynamic = {
    .name = "dynamic", .aliases = aliases, .summary = "int8 weights, activations quantized while running: a quarter of the size", .constant = constant};
