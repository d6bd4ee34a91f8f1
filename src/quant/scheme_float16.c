/*
 * scheme_float16.c - every float constant is stored as float16 behind one DEQUANTIZE, as TensorFlow's converter writes it.
 *
 * Runtimes without float16 arithmetic unpack it once. Single numbers that operators compute with (an epsilon, a scale: rank 0) stay as they
 * are: an operator to unpack them would cost more than it saves.
 */
#include "quant/quant.h"

static qc_status constant(struct qc_quantizer *q, struct qc_node *node, int slot)
{
    struct qc_tensor *tensor = node->in[slot], *half, *unpacked;
    if (!tensor->rank) return qc_constant_keep(q, tensor, "a single number of the computation"), QC_OK;
    if (node->custom) return qc_constant_keep(q, tensor, "a custom operator may demand float32"), QC_OK;
    QC_TRY(qc_constant_half(q, tensor, &half));
    QC_TRY(qc_constant_unpacked(q, tensor, half, &unpacked));
    qc_node_set_input(node, slot, unpacked);
    return QC_OK;
}

static const char *const aliases[] = {"fp16", "f16", "half", NULL};

const struct qc_scheme qc_scheme_float16 = {
    .name = "float16", .aliases = aliases, .summary = "weights as float16: half the size", .constant = constant};
