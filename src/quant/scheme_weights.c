/*
 * scheme_weights.c - weights as int8 behind a DEQUANTIZE: a quarter of the size, computed in float.
 */
#include "quant/shared/weight.h"

static qc_status constant(struct qc_quantizer *q, struct qc_node *node, int slot)
{
    const char *reason = qc_weight_refusal(q, node, slot);
    if (reason) return qc_constant_keep(q, node->in[slot], reason), QC_OK;
    if (qc_weight_moves(node, slot)) return qc_weight_move(q, node, slot);
    return qc_weight_unpack(q, node, slot);
}

static const char *const aliases[] = {"weight-only", "weight_only", "weights-int8", NULL};

const struct qc_scheme qc_scheme_weights = {
    .name = "weights", .aliases = aliases, .summary = "weights as int8, unpacked to float: a quarter of the size", .constant = constant};
