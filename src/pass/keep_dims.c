/*
 * keep_dims.c - a RESHAPE that only adds or drops the dimensions of size 1 that a reduction in front of it dropped or kept is
 * absorbed into the reduction's keep_dims option.
 */
#include "pass/pass.h"
#include "pass/shared/edit.h"

#include <string.h>

static bool is_reduction(int code)
{
    return code == tfl_BuiltinOperator_MEAN || code == tfl_BuiltinOperator_SUM || code == tfl_BuiltinOperator_REDUCE_MAX ||
           code == tfl_BuiltinOperator_REDUCE_MIN || code == tfl_BuiltinOperator_REDUCE_PROD;
}

/* The signature that the reduction gives with the other value of keep_dims. */
static int other_shape(const struct qc_node *node, bool keep, int32_t *signature)
{
    const struct qc_tensor *in = node->in[0];
    int64_t axis[QC_MAX_RANK];
    bool reduced[QC_MAX_RANK] = {false};
    int count = qc_integers(node->in[1], axis), rank = 0;
    if (count < 0 || !in->has_shape) return -1;
    for (int i = 0; i < count; i++) {
        int at = qc_axis(axis[i], in->rank);
        if (at < 0) return -1;
        reduced[at] = true;
    }
    for (int i = 0; i < in->rank; i++)
        if (keep || !reduced[i]) signature[rank++] = reduced[i] ? 1 : in->signature[i];
    return rank;
}

static qc_status run(struct qc_graph *graph)
{
    for (uint32_t i = 0; i < graph->node_count; i++) {
        struct qc_node *node = graph->node[i];
        int32_t signature[QC_MAX_RANK];
        if (node->code < 0 || !is_reduction(node->code)) continue;
        struct qc_node *reshape = qc_tensor_sole_user(node->out[0]);
        if (!reshape || reshape->code != tfl_BuiltinOperator_RESHAPE || reshape->in[0] != node->out[0]) continue;
        struct qc_tensor *out = reshape->out[0];
        bool keep = !qc_option(node, "keep_dims", 0);
        int rank = other_shape(node, keep, signature);
        if (rank != out->rank || !out->has_shape || memcmp(signature, out->signature, (size_t)rank * sizeof *signature)) continue;
        QC_TRY(qc_set_option(node, "keep_dims", keep));
        if (!qc_replace_node(reshape, node->code, node->options, node->in_count, node->in)) return QC_NOMEM;
        qc_node_remove(node);
    }
    return QC_OK;
}

const struct qc_pass qc_pass_keep_dims = {"keep_dims", run};
