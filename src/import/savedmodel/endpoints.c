/*
 * endpoints.c - the order of inputs and outputs. See endpoints.h.
 *
 * A signature is a function `wrapper` whose arguments and results are sorted by name; it calls the model's function, whose arguments and
 * results stand in the order in which the model was built.
 */
#include "import/savedmodel/endpoints.h"

#include <stdlib.h>
#include <string.h>

/* "node" of "node:output:k", and k. */
static struct pb_bytes split(struct pb_bytes reference, int *index)
{
    struct pb_bytes node = reference;
    *index = 0;
    for (size_t i = 0; i < reference.size; i++)
        if (reference.at[i] == ':') {
            node.size = QC_MIN(node.size, i);
            *index = 0;
            for (size_t k = i + 1; k < reference.size && reference.at[k] >= '0' && reference.at[k] <= '9' && *index < 1 << 20; k++)
                *index = 10 * *index + reference.at[k] - '0';
        }
    return node;
}

static struct pb_bytes first_input(const struct qc_tf_node *node)
{
    struct pb_bytes found = {NULL, 0};
    struct pb_reader in = pb_open(node->message);
    struct pb_field field;
    while (pb_next(&in, &field))
        if (field.number == 3 && field.wire == PB_LENGTH && !found.at) found = field.bytes;
    return found;
}

/* The call that result `reference` comes from, through Identity nodes, and which of its results it is. */
static const struct qc_tf_node *calling(const struct qc_tf_body *body, struct pb_bytes reference, int *index)
{
    for (int hops = 0; hops < 16; hops++) {
        int64_t at = qc_tf_node_find(body, split(reference, index));
        if (at < 0) return NULL;
        if (!pb_equal(body->node[at].op, "Identity")) return qc_tf_attr_function(&body->node[at], "f").at ? &body->node[at] : NULL;
        reference = first_input(&body->node[at]);
    }
    return NULL;
}

struct ranked {
    struct qc_tf_endpoint point;
    int rank, was;
};

static int compare_ranks(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return x->rank != y->rank ? x->rank - y->rank : x->was - y->was;
}

static qc_status reorder(struct qc_arena *arena, struct qc_tf_endpoint *point, int count, const int *rank)
{
    struct ranked *list = qc_arena_array(arena, (size_t)count, sizeof *list);
    if (!list) return QC_NOMEM;
    for (int i = 0; i < count; i++) list[i] = (struct ranked){point[i], rank[i], i};
    qsort(list, (size_t)count, sizeof *list, compare_ranks);
    for (int i = 0; i < count; i++) point[i] = list[i].point;
    return QC_OK;
}

qc_status qc_tf_order_endpoints(struct qc_tf_package *package, struct qc_tf_signature *signature)
{
    int index, count = QC_MAX(signature->input_count, signature->output_count);
    struct qc_tf_body *wrapper, *model;
    int *rank = qc_arena_array(package->arena, (size_t)count, sizeof *rank);
    if (!rank) return QC_NOMEM;
    const struct qc_tf_node *call = calling(&package->top, signature->output[0].tensor, &index);
    if (!call) return QC_OK;
    QC_TRY(qc_tf_function_body(package, qc_tf_attr_function(call, "f"), &wrapper));
    if (!wrapper || index >= wrapper->ret_count) return QC_OK;
    call = calling(wrapper, wrapper->ret[index], &index);
    if (!call) return QC_OK;
    for (int i = 0; i < signature->output_count; i++) { /* wrapper's results are named by the keys; which of the model's are they? */
        int of = -1, which;
        rank[i] = INT32_MAX;
        for (int k = 0; k < wrapper->ret_count && of < 0; k++)
            if (pb_same(wrapper->ret_name[k], signature->output[i].key)) of = k;
        if (of < 0) calling(&package->top, signature->output[i].tensor, &of);
        if (of >= 0 && of < wrapper->ret_count && calling(wrapper, wrapper->ret[of], &which) == call) rank[i] = which;
    }
    QC_TRY(reorder(package->arena, signature->output, signature->output_count, rank));
    QC_TRY(qc_tf_function_body(package, qc_tf_attr_function(call, "f"), &model));
    if (!model) return QC_OK;
    for (int i = 0; i < signature->input_count; i++) {
        rank[i] = qc_tf_arg_find(model, signature->input[i].key);
        if (rank[i] < 0) return QC_OK; /* other names there: the order is not known */
    }
    return reorder(package->arena, signature->input, signature->input_count, rank);
}

/* ---- bare graphs ---- */

static bool is_output(const struct qc_tf_package *package, const bool *read, uint32_t i)
{
    static const char *const silent[] = {"Placeholder", "Const", "NoOp", "Assert", "VariableV2", "VarHandleOp", "ReadVariableOp"};
    for (size_t k = 0; k < QC_COUNT(silent); k++)
        if (pb_equal(package->top.node[i].op, silent[k])) return false;
    return !read[i];
}

qc_status qc_tf_graph_endpoints(struct qc_tf_package *package, struct qc_tf_signature *signature)
{
    const struct qc_tf_body *top = &package->top;
    bool *read = qc_arena_array(package->arena, top->node_count, sizeof *read);
    signature->key = (struct pb_bytes){(const uint8_t *)"serving_default", 15};
    signature->input = qc_arena_array(package->arena, top->node_count, sizeof *signature->input);
    signature->output = qc_arena_array(package->arena, top->node_count, sizeof *signature->output);
    if (!read || !signature->input || !signature->output) return QC_NOMEM;
    for (uint32_t i = 0; i < top->node_count; i++) {
        struct pb_reader in = pb_open(top->node[i].message);
        struct pb_field field;
        while (pb_next(&in, &field)) {
            if (field.number != 3 || field.wire != PB_LENGTH || !field.bytes.size) continue;
            int index;
            bool control = field.bytes.at[0] == '^';
            int64_t at = qc_tf_node_find(top, split((struct pb_bytes){field.bytes.at + control, field.bytes.size - control}, &index));
            if (at >= 0) read[at] = true;
        }
    }
    for (uint32_t i = 0; i < top->node_count; i++) {
        const struct qc_tf_node *node = &top->node[i];
        struct qc_tf_endpoint point = {.key = node->name, .tensor = node->name, .type = qc_tf_attr_type(node, "dtype", 0)};
        point.shaped = qc_tf_shape(pb_find(qc_tf_attr(node, "shape"), 7), &point.shape) && point.shape.known_rank && pb_find(qc_tf_attr(node, "shape"), 7).at;
        if (pb_equal(node->op, "Placeholder")) signature->input[signature->input_count++] = point;
        else if (is_output(package, read, i)) signature->output[signature->output_count++] = point;
    }
    if (!signature->output_count) return qc_fail(package->arena->env, QC_FORMAT, "%s: its graph has no node that could be an output", package->path);
    return QC_OK;
}
