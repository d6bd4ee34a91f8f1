/*
 * remove_identity.c - operators that change nothing go away, and chains of reshapes and transposes become one.
 */
#include "pass/pass.h"
#include "pass/shared/edit.h"

/* x + 0, x - 0, x * 1, x / 1 where the constant does not widen the shape. */
static bool is_neutral(const struct qc_node *node, int *kept)
{
    float neutral;
    switch (node->code) {
    case tfl_BuiltinOperator_ADD:
    case tfl_BuiltinOperator_SUB: neutral = 0; break;
    case tfl_BuiltinOperator_MUL:
    case tfl_BuiltinOperator_DIV: neutral = 1; break;
    default: return false;
    }
    if (node->in_count != 2 || qc_activation(node) != tfl_ActivationFunctionType_NONE) return false;
    bool commutes = node->code == tfl_BuiltinOperator_ADD || node->code == tfl_BuiltinOperator_MUL;
    for (int slot = 0; slot < (commutes ? 2 : 1); slot++) {
        float value;
        if (qc_is_splat(node->in[1 - slot], &value) && value == neutral && qc_same_shape(node->in[slot], node->out[0])) {
            *kept = slot;
            return true;
        }
    }
    return false;
}

static bool all_zero(const struct qc_tensor *tensor)
{
    if (!tensor || !tensor->constant || !tensor->bytes) return false;
    for (size_t i = 0; i < tensor->bytes; i++)
        if (((const char *)tensor->data)[i]) return false;
    return true;
}

static bool is_identity(const struct qc_node *node, int *kept)
{
    const struct qc_tensor *in = node->in_count ? node->in[0] : NULL, *out = node->out_count == 1 ? node->out[0] : NULL;
    int64_t order[QC_MAX_RANK];
    *kept = 0;
    if (!in || !out || in->type != out->type || (in->quant && out->quant && !qc_quant_equal(in->quant, out->quant)) ||
        !in->quant != !out->quant)
        return false;
    switch (node->code) {
    case tfl_BuiltinOperator_CAST: return true;
    case tfl_BuiltinOperator_RESHAPE:
    case tfl_BuiltinOperator_SQUEEZE:
    case tfl_BuiltinOperator_EXPAND_DIMS:
    case tfl_BuiltinOperator_BROADCAST_TO: return qc_same_shape(in, out);
    case tfl_BuiltinOperator_SLICE:
    case tfl_BuiltinOperator_TILE: return qc_same_shape(in, out) && qc_is_static(in);
    case tfl_BuiltinOperator_PAD: return all_zero(node->in[1]);
    case tfl_BuiltinOperator_CONCATENATION: return node->in_count == 1 && qc_activation(node) == tfl_ActivationFunctionType_NONE;
    case tfl_BuiltinOperator_TRANSPOSE: {
        int count = qc_integers(node->in[1], order);
        for (int i = 0; i < count; i++)
            if (order[i] != i && order[i] + count != i) return false;
        return count >= 0;
    }
    default: return is_neutral(node, kept);
    }
}

/* RESHAPE of RESHAPE (or SQUEEZE, EXPAND_DIMS): the first one is skipped. A target that copies a dimension is not to be had in TFLite, so
 * any target fits any input of the same size. */
static bool skip_reshape(struct qc_node *node)
{
    const struct qc_node *first = node->in[0] ? node->in[0]->producer : NULL;
    if (node->code != tfl_BuiltinOperator_RESHAPE || !first) return false;
    if (first->code != tfl_BuiltinOperator_RESHAPE && first->code != tfl_BuiltinOperator_SQUEEZE && first->code != tfl_BuiltinOperator_EXPAND_DIMS)
        return false;
    if (!first->in[0] || first->in[0]->type != node->in[0]->type || first->in[0]->quant || node->in[0]->quant) return false;
    qc_node_set_input(node, 0, first->in[0]);
    return true;
}

/* TRANSPOSE of TRANSPOSE: one with the product of both orders. */
static qc_status join_transposes(struct qc_node *node)
{
    const struct qc_node *first = node->code == tfl_BuiltinOperator_TRANSPOSE && node->in[0] ? node->in[0]->producer : NULL;
    int64_t a[QC_MAX_RANK], b[QC_MAX_RANK];
    if (!first || first->code != tfl_BuiltinOperator_TRANSPOSE || !first->in[0]) return QC_OK;
    int count = qc_integers(first->in[1], a);
    if (count < 0 || qc_integers(node->in[1], b) != count) return QC_OK;
    int32_t *order = qc_arena_array(&node->graph->model->arena, (size_t)count, sizeof *order);
    if (!order) return QC_NOMEM;
    for (int i = 0; i < count; i++) {
        if (b[i] < 0 || b[i] >= count || a[b[i]] < 0) return QC_OK;
        order[i] = (int32_t)a[b[i]];
    }
    struct qc_tensor *constant =
        qc_graph_add_constant(node->graph, node->in[1]->name, QC_INT32, 1, &(int32_t){count}, order, (size_t)count * sizeof *order);
    if (!constant) return QC_NOMEM;
    qc_node_set_input(node, 0, first->in[0]);
    qc_node_set_input(node, 1, constant);
    return QC_OK;
}

/* A RESHAPE of the node's first operand in its place; `dims` are kept. */
static qc_status as_reshape(struct qc_node *node, int32_t rank, const int32_t *dims)
{
    struct qc_tensor *target = qc_graph_add_constant(node->graph, node->in[1]->name, QC_INT32, 1, &rank, dims, (size_t)rank * sizeof *dims);
    if (!target) return QC_NOMEM;
    return qc_replace_node(node, tfl_BuiltinOperator_RESHAPE, NULL, 2, (struct qc_tensor *[]){node->in[0], target}) ? QC_OK : QC_NOMEM;
}

/* TRANSPOSE that moves only dimensions of size 1: no element moves, so it is a RESHAPE. */
static qc_status transpose_as_reshape(struct qc_node *node)
{
    int64_t order[QC_MAX_RANK];
    const struct qc_tensor *in = node->in[0];
    int unknown = 0;
    if (!in || !in->has_shape || in->quant || in->constant || qc_integers(node->in[1], order) != in->rank) return QC_OK;
    int32_t rank = in->rank, *dims = qc_arena_array(&node->graph->model->arena, (size_t)rank, sizeof *dims);
    if (!dims) return QC_NOMEM;
    for (int64_t i = 0, last = -1; i < rank; i++) {
        if (order[i] < 0) order[i] += rank;
        dims[i] = in->signature[order[i]];
        unknown += dims[i] < 0;
        if (dims[i] == 1) continue;
        if (order[i] < last) return QC_OK;
        last = order[i];
    }
    if (unknown > 1) return QC_OK;
    return as_reshape(node, rank, dims);
}

/* Does STRIDED_SLICE take all of dimension i? */
static bool takes_all(const struct qc_node *node, int i, int64_t begin, int64_t end, int64_t stride)
{
    const struct qc_tensor *in = node->in[0];
    bool from_begin = qc_option(node, "begin_mask", 0) >> i & 1, to_end = qc_option(node, "end_mask", 0) >> i & 1;
    if (in->signature[i] == 1 && qc_option(node, "shrink_axis_mask", 0) >> i & 1) return true;
    return stride == 1 && (from_begin || begin == 0) && (to_end || (in->signature[i] > 0 && end >= in->signature[i]));
}

/* STRIDED_SLICE that leaves out nothing but perhaps dimensions of size 1 (the last step of a sequence of one) is a RESHAPE. */
static qc_status slice_as_reshape(struct qc_node *node)
{
    int64_t begin[QC_MAX_RANK], end[QC_MAX_RANK], stride[QC_MAX_RANK];
    const struct qc_tensor *in = node->in[0], *out = node->out[0];
    int unknown = 0;
    if (!in || in->constant || in->quant || !in->has_shape || !out->has_shape || !out->rank ||
        qc_integers(node->in[1], begin) != in->rank || qc_integers(node->in[2], end) != in->rank || qc_integers(node->in[3], stride) != in->rank ||
        qc_option(node, "ellipsis_mask", 0) || qc_option(node, "new_axis_mask", 0))
        return QC_OK;
    for (int i = 0; i < in->rank; i++)
        if (!takes_all(node, i, begin[i], end[i], stride[i])) return QC_OK;
    for (int i = 0; i < out->rank; i++) unknown += out->signature[i] < 0;
    if (unknown > 1) return QC_OK;
    int32_t rank = out->rank, *dims = qc_arena_copy(&node->graph->model->arena, out->signature, (size_t)rank * sizeof *dims);
    return dims ? as_reshape(node, rank, dims) : QC_NOMEM;
}

static qc_status run(struct qc_graph *graph)
{
    for (uint32_t i = 0; i < graph->node_count; i++) {
        struct qc_node *node = graph->node[i];
        int kept;
        if (node->code < 0 || !node->in_count) continue;
        skip_reshape(node);
        QC_TRY(join_transposes(node));
        if (is_identity(node, &kept))
            qc_bypass(node, kept);
        else if (node->code == tfl_BuiltinOperator_TRANSPOSE)
            QC_TRY(transpose_as_reshape(node));
        else if (node->code == tfl_BuiltinOperator_STRIDED_SLICE)
            QC_TRY(slice_as_reshape(node));
    }
    return QC_OK;
}

const struct qc_pass qc_pass_remove_identity = {"remove_identity", run};
