/*
 * version.c - see version.h.
 */
#include "op/shared/version.h"

int qc_version_by_width(const struct qc_node *node)
{
    qc_dtype type = qc_node_type(node, 0);
    return type == QC_INT16 ? 3 : type == QC_INT8 ? 2 : 1;
}
