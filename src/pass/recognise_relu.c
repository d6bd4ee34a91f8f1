/*
 * recognise_relu.c - MINIMUM and MAXIMUM with constants that make up RELU, RELU6 or RELU_N1_TO_1 are written so.
 */
#include "pass/pass.h"
#include "pass/shared/edit.h"

#include <math.h>

struct clamp {
    float low, high;
    struct qc_tensor *x;
};

/* Reads one node as min(max(x, low), high). */
static bool read_clamp(const struct qc_node *node, struct clamp *clamp)
{
    *clamp = (struct clamp){-INFINITY, INFINITY, node->in_count ? node->in[0] : NULL};
    switch (node->code) {
    case tfl_BuiltinOperator_RELU: clamp->low = 0; break;
    case tfl_BuiltinOperator_MINIMUM:
    case tfl_BuiltinOperator_MAXIMUM: {
        float value;
        int slot = qc_is_splat(node->in[1], &value) ? 0 : qc_is_splat(node->in[0], &value) ? 1 : -1;
        if (slot < 0) return false;
        clamp->x = node->in[slot];
        if (node->code == tfl_BuiltinOperator_MINIMUM)
            clamp->high = value;
        else
            clamp->low = value;
        break;
    }
    default: return false;
    }
    return clamp->x && clamp->x->type == QC_FLOAT32 && qc_same_shape(clamp->x, node->out[0]);
}

static qc_status replace(struct qc_node *node, int code, struct qc_tensor *x)
{
    return qc_replace_node(node, code, NULL, 1, &x) ? QC_OK : QC_NOMEM;
}

static qc_status run(struct qc_graph *graph)
{
    for (uint32_t i = 0; i < graph->node_count; i++) {
        struct qc_node *node = graph->node[i];
        struct clamp outer, inner;
        if (node->code < 0 || !read_clamp(node, &outer)) continue;
        if (outer.x->producer && qc_tensor_sole_user(outer.x) && read_clamp(outer.x->producer, &inner)) {
            float low = fmaxf(outer.low, inner.low), high = fminf(outer.high, inner.high);
            if (low <= high) outer = (struct clamp){low, high, inner.x};
        }
        if (outer.low == 0 && outer.high == 6)
            QC_TRY(replace(node, tfl_BuiltinOperator_RELU6, outer.x));
        else if (outer.low == -1 && outer.high == 1)
            QC_TRY(replace(node, tfl_BuiltinOperator_RELU_N1_TO_1, outer.x));
        else if (outer.low == 0 && outer.high == INFINITY && node->code != tfl_BuiltinOperator_RELU)
            QC_TRY(replace(node, tfl_BuiltinOperator_RELU, outer.x));
    }
    return QC_OK;
}

const struct qc_pass qc_pass_recognise_relu = {"recognise_relu", run};
