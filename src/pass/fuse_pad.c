/*
 * fuse_pad.c - PAD with zeros in front of a VALID convolution, where it is what SAME would do, becomes SAME.
 */
#include "pass/pass.h"
#include "pass/shared/edit.h"

/* What SAME puts in front and behind: half of what the last window needs, the odd one behind. */
static bool equals_same(int64_t size, int64_t stride, int64_t window, int64_t before, int64_t after)
{
    int64_t outputs = (size + stride - 1) / stride, total = (outputs - 1) * stride + window - size;
    if (total < 0) total = 0;
    return before == total / 2 && after == total - total / 2;
}

static qc_status try_fuse(struct qc_node *node)
{
    bool conv = node->code == tfl_BuiltinOperator_CONV_2D || node->code == tfl_BuiltinOperator_DEPTHWISE_CONV_2D;
    if (!conv || qc_option(node, "padding", tfl_Padding_SAME) != tfl_Padding_VALID) return QC_OK;
    struct qc_node *pad = qc_sole_producer(node->in[0], tfl_BuiltinOperator_PAD);
    const struct qc_tensor *amount = pad ? pad->in[1] : NULL, *x = pad ? pad->in[0] : NULL, *filter = node->in[1];
    int64_t by[QC_MAX_RANK];
    if (!amount || x->rank != 4 || !x->has_shape || filter->rank != 4 || qc_integers(amount, by) != 8) return QC_OK;
    if (by[0] || by[1] || by[6] || by[7] || x->signature[1] < 0 || x->signature[2] < 0) return QC_OK;
    for (int d = 0; d < 2; d++) {
        int64_t stride = qc_option(node, d ? "stride_w" : "stride_h", 1), dilation = qc_option(node, d ? "dilation_w_factor" : "dilation_h_factor", 1);
        int64_t window = (filter->dims[1 + d] - 1) * dilation + 1;
        if (stride < 1 || !equals_same(x->dims[1 + d], stride, window, by[2 + 2 * d], by[3 + 2 * d])) return QC_OK;
    }
    qc_node_set_input(node, 0, pad->in[0]);
    return qc_set_option(node, "padding", tfl_Padding_SAME);
}

static qc_status run(struct qc_graph *graph)
{
    for (uint32_t i = 0; i < graph->node_count; i++)
        if (graph->node[i]->code >= 0) QC_TRY(try_fuse(graph->node[i]));
    return QC_OK;
}

const struct qc_pass qc_pass_fuse_pad = {"fuse_pad", run};
