/*
 * version.h - questions that operator versions depend on. The rules are TFLite's (op_version.cc): the lowest version that is right.
 */
#ifndef QC_OP_SHARED_VERSION_H
#define QC_OP_SHARED_VERSION_H

#include "op/op.h"

/* Element type of an operand; QC_DTYPE_COUNT if it is left out. */
static inline qc_dtype qc_node_type(const struct qc_node *node, int k)
{
    return k < node->in_count && node->in[k] ? node->in[k]->type : QC_DTYPE_COUNT;
}

static inline qc_dtype qc_node_out_type(const struct qc_node *node, int k)
{
    return k < node->out_count && node->out[k] ? node->out[k]->type : QC_DTYPE_COUNT;
}

/* More than one scale. */
static inline bool qc_node_per_channel(const struct qc_node *node, int k)
{
    return k < node->in_count && node->in[k] && node->in[k]->quant && node->in[k]->quant->count > 1;
}

/* Float activations in operand x against 8-bit (or 4-bit) weights in operand w. */
static inline bool qc_node_hybrid(const struct qc_node *node, int x, int w)
{
    qc_dtype type = qc_node_type(node, w);
    return qc_node_type(node, x) == QC_FLOAT32 && (type == QC_INT8 || type == QC_UINT8 || type == QC_INT4 || type == QC_INT2);
}

/* The rule of most operators: 3 with int16 activations, 2 with int8, else 1. */
int qc_version_by_width(const struct qc_node *node);

#endif
