/*
 * version.h - operator versions: rules that many operators share and the questions they depend on. A version is the lowest one whose meaning
 * covers the node, as TFLite's op_version.cc has it.
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

/* 0 if it is left out. */
static inline int qc_node_rank(const struct qc_node *node, int k)
{
    return k < node->in_count && node->in[k] ? node->in[k]->rank : 0;
}

/* The version in the first row whose type is that of the input, else 1. A row of version 0 ends the list. */
struct qc_type_version {
    qc_dtype type;
    int version;
};
int qc_version_of(const struct qc_node *node, int input, const struct qc_type_version *row);
/* static int name(node): the version by the type of one input, rows {QC_INT8, 2}, ... */
#define QC_VERSION_BY_TYPE(name, input, ...)                                        \
    static int name(const struct qc_node *node)                                     \
    {                                                                               \
        static const struct qc_type_version row[] = {__VA_ARGS__, {QC_FLOAT32, 0}}; \
        return qc_version_of(node, input, row);                                     \
    }

/* The rule of most operators: 3 with int16 activations, 2 with int8, else 1. */
int qc_version_by_width(const struct qc_node *node);
/* The same without int16: 2 with int8, else 1. */
int qc_version_by_int8(const struct qc_node *node);

/* The first two inputs differ in shape and broadcast to more than `rank` dimensions. */
bool qc_node_broadcasts_beyond(const struct qc_node *node, int rank);

#endif
