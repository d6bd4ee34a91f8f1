/*
 * version.c - see version.h.
 */
#include "op/shared/version.h"

int qc_version_by_width(const struct qc_node *node)
{
    qc_dtype type = qc_node_type(node, 0);
    return type == QC_INT16 ? 3 : type == QC_INT8 ? 2 : 1;
}

int qc_version_by_int8(const struct qc_node *node)
{
    return qc_node_type(node, 0) == QC_INT8 ? 2 : 1;
}

int qc_version_of(const struct qc_node *node, int input, const struct qc_type_version *row)
{
    for (; row->version; row++)
        if (row->type == qc_node_type(node, input)) return row->version;
    return 1;
}

bool qc_node_broadcasts_beyond(const struct qc_node *node, int rank)
{
    if (node->in_count < 2 || !node->in[0] || !node->in[1]) return false;
    const struct qc_tensor *a = node->in[0], *b = node->in[1];
    if (QC_MAX(a->rank, b->rank) <= rank) return false;
    if (a->rank != b->rank) return true;
    for (int d = 0; d < a->rank; d++)
        if (a->dims[d] != b->dims[d]) return true;
    return false;
}
