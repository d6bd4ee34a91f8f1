/*
 * fold_shapes.c - RESHAPE whose target is computed from shapes gets a constant target.
 *
 * Frameworks write a Flatten over an unknown batch as RESHAPE(x, PACK(STRIDED_SLICE(SHAPE(y)), 4, 8)). All elements of that target but one are
 * known, and a reshape keeps the number of elements, so the unknown one may be written as -1. The shape operators then have no user.
 */
#include "pass/pass.h"
#include "pass/shared/edit.h"

/* An integer vector or scalar, each element known or not. */
struct partial {
    int count;
    int64_t value[QC_MAX_RANK];
    bool known[QC_MAX_RANK];
};

enum { MAX_DEPTH = 16 };

static bool trace(const struct qc_tensor *tensor, struct partial *out, int depth);

static bool trace_slice(const struct qc_node *node, struct partial *out, int depth)
{
    struct partial in;
    int64_t begin[QC_MAX_RANK], end[QC_MAX_RANK], stride[QC_MAX_RANK];
    if (node->in_count != 4 || qc_integers(node->in[1], begin) != 1 || qc_integers(node->in[2], end) != 1 ||
        qc_integers(node->in[3], stride) != 1 || *stride != 1 || !trace(node->in[0], &in, depth))
        return false;
    if (qc_option(node, "ellipsis_mask", 0) || qc_option(node, "new_axis_mask", 0) || qc_option(node, "offset", 0)) return false;
    int64_t from = *begin < 0 ? *begin + in.count : *begin, to = *end < 0 ? *end + in.count : *end;
    if (qc_option(node, "begin_mask", 0) & 1) from = 0;
    if (qc_option(node, "shrink_axis_mask", 0) & 1)
        to = from + 1;
    else if (qc_option(node, "end_mask", 0) & 1)
        to = in.count;
    to = QC_MIN(to, in.count);
    if (from < 0 || from >= to) return false;
    out->count = (int)(to - from);
    for (int i = 0; i < out->count; i++) {
        out->value[i] = in.value[from + i];
        out->known[i] = in.known[from + i];
    }
    return true;
}

static bool trace_join(const struct qc_node *node, struct partial *out, int depth)
{
    out->count = 0;
    for (int i = 0; i < node->in_count; i++) {
        struct partial in;
        if (!node->in[i] || node->in[i]->rank > 1 || !trace(node->in[i], &in, depth) || out->count + in.count > QC_MAX_RANK) return false;
        for (int k = 0; k < in.count; k++, out->count++) {
            out->value[out->count] = in.value[k];
            out->known[out->count] = in.known[k];
        }
    }
    return true;
}

static bool trace(const struct qc_tensor *tensor, struct partial *out, int depth)
{
    const struct qc_node *node = tensor ? tensor->producer : NULL;
    if (tensor && tensor->constant) {
        out->count = qc_integers(tensor, out->value);
        for (int i = 0; i < out->count; i++) out->known[i] = true;
        return out->count >= 0;
    }
    if (!node || !depth || (tensor->type != QC_INT32 && tensor->type != QC_INT64)) return false;
    switch (node->code) {
    case tfl_BuiltinOperator_SHAPE:
        if (!node->in[0]->has_shape) return false;
        out->count = node->in[0]->rank;
        for (int i = 0; i < out->count; i++) {
            out->value[i] = node->in[0]->signature[i];
            out->known[i] = out->value[i] >= 0;
        }
        return true;
    case tfl_BuiltinOperator_STRIDED_SLICE: return trace_slice(node, out, depth - 1);
    case tfl_BuiltinOperator_PACK:
    case tfl_BuiltinOperator_CONCATENATION: return trace_join(node, out, depth - 1);
    case tfl_BuiltinOperator_CAST:
    case tfl_BuiltinOperator_RESHAPE:
    case tfl_BuiltinOperator_SQUEEZE:
    case tfl_BuiltinOperator_EXPAND_DIMS: return trace(node->in[0], out, depth - 1);
    default: return false;
    }
}

static qc_status run(struct qc_graph *graph)
{
    for (uint32_t i = 0; i < graph->node_count; i++) {
        struct qc_node *node = graph->node[i];
        struct partial target;
        int unknown = 0;
        if (node->code != tfl_BuiltinOperator_RESHAPE || node->in_count < 2 || !node->in[1] || node->in[1]->constant) continue;
        if (!trace(node->in[1], &target, MAX_DEPTH)) continue;
        int32_t *dims = qc_arena_array(&graph->model->arena, QC_MAX_RANK, sizeof *dims), count = target.count;
        if (!dims) return QC_NOMEM;
        for (int k = 0; k < count; k++) {
            dims[k] = target.known[k] ? (int32_t)target.value[k] : -1;
            unknown += dims[k] < 0;
        }
        if (unknown > 1) continue;
        struct qc_tensor *constant =
            qc_graph_add_constant(graph, node->in[1]->name, QC_INT32, 1, &count, dims, (size_t)count * sizeof *dims);
        if (!constant) return QC_NOMEM;
        qc_node_set_input(node, 1, constant);
        struct qc_tensor *out = node->out[0];
        if (out->has_shape) continue; /* with what may vary marked by the importer */
        QC_TRY(qc_node_infer(node));
        for (int k = 0; k < count; k++)
            if (dims[k] < 0) out->signature[k] = -1;
    }
    return QC_OK;
}

const struct qc_pass qc_pass_fold_shapes = {"fold_shapes", run};
