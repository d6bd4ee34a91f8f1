/*
 * weight.h - what the schemes that store weights as int8 beside float activations share.
 */
#ifndef QC_QUANT_SHARED_WEIGHT_H
#define QC_QUANT_SHARED_WEIGHT_H

#include "quant/quant.h"

/* Why this constant operand stays float; NULL if it may be int8. */
const char *qc_weight_refusal(const struct qc_quantizer *q, const struct qc_node *node, int slot);
/* The node only moves elements of the constant (GATHER from an embedding): its result can be int8 as well. */
bool qc_weight_moves(const struct qc_node *node, int slot);
/* The constant and the node's result become int8, with a DEQUANTIZE behind. */
qc_status qc_weight_move(struct qc_quantizer *q, struct qc_node *node, int slot);
/* The constant becomes int8 with a DEQUANTIZE in front of the node. */
qc_status qc_weight_unpack(struct qc_quantizer *q, struct qc_node *node, int slot);

/* The treatment of scheme dynamic: int8 where the kernels take it beside float activations, else unpacked. */
qc_status qc_weight_beside_float(struct qc_quantizer *q, struct qc_node *node, int slot);

/* The node moves elements of a large constant: an embedding, better as int8 than as int16 beside 16-bit activations. */
bool qc_weight_stays_int8(const struct qc_quantizer *q, const struct qc_node *node);

#endif
