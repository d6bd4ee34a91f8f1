/*
 * share_equal.c - equal constants become one tensor, and nodes that do the same to the same operands become one node.
 *
 * Found by hashing; order is that of the graph, so the result does not depend on addresses.
 */
#include "pass/pass.h"
#include "pass/shared/edit.h"

#include <string.h>

static uint64_t mix(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (; size >= 8; size -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    while (size--) hash = (hash ^ *at++) * 0x100000001b3u;
    return hash;
}

struct table { /* open addressing; entries are indices + 1 */
    uint32_t *slot, mask;
};

static qc_status table_open(struct qc_env *env, struct table *table, uint32_t count)
{
    uint32_t size = 16;
    while (size < 2 * count) size *= 2;
    table->mask = size - 1;
    return (table->slot = qc_env_alloc(env, size * sizeof *table->slot)) ? QC_OK : QC_NOMEM;
}

/* ---- constants ---- */

static bool same_constant(const struct qc_tensor *a, const struct qc_tensor *b)
{
    return a->type == b->type && a->rank == b->rank && a->bytes == b->bytes &&
           (a->quant || b->quant ? qc_quant_equal(a->quant, b->quant) : true) &&
           !memcmp(a->dims, b->dims, a->rank * sizeof *a->dims) &&
           (a->data == b->data || !a->bytes || !memcmp(a->data, b->data, a->bytes));
}

static qc_status share_constants(struct qc_graph *graph)
{
    struct table table;
    QC_TRY(table_open(&graph->model->env, &table, graph->tensor_count));
    for (uint32_t i = 0; i < graph->tensor_count; i++) {
        struct qc_tensor *tensor = graph->tensor[i];
        if (!tensor->constant || tensor->variable || tensor->output_uses || !tensor->has_shape) continue;
        uint64_t hash = mix(tensor->type + 31u * tensor->rank, tensor->data, tensor->bytes);
        for (uint32_t at = (uint32_t)hash & table.mask;; at = (at + 1) & table.mask) {
            if (!table.slot[at]) {
                table.slot[at] = i + 1;
                break;
            }
            struct qc_tensor *first = graph->tensor[table.slot[at] - 1];
            if (!same_constant(first, tensor)) continue;
            qc_graph_replace_uses(graph, tensor, first);
            break;
        }
    }
    qc_env_free(&graph->model->env, table.slot);
    return QC_OK;
}

/* ---- nodes ---- */

static bool may_share(const struct qc_node *node)
{
    const struct qc_op *op = node->code < 0 ? NULL : qc_op_find(node->code, node->custom);
    if (!op || (op->flags & QC_OP_STATEFUL) || node->custom || node->intermediate_count || !node->in_count) return false;
    if (node->code == tfl_BuiltinOperator_RANDOM_UNIFORM || node->code == tfl_BuiltinOperator_RANDOM_STANDARD_NORMAL ||
        node->code == tfl_BuiltinOperator_MULTINOMIAL)
        return false;
    for (int i = 0; i < node->in_count; i++)
        if (node->in[i] && node->in[i]->variable) return false;
    for (int i = 0; i < node->out_count; i++)
        if (node->out[i]->output_uses || node->out[i]->quant || node->out[i]->variable) return false;
    return true;
}

static bool same_node(const struct qc_node *a, const struct qc_node *b)
{
    if (a->code != b->code || a->in_count != b->in_count || a->out_count != b->out_count || !qc_same_options(a, b)) return false;
    for (int i = 0; i < a->in_count; i++)
        if (a->in[i] != b->in[i]) return false;
    for (int i = 0; i < a->out_count; i++)
        if (a->out[i]->type != b->out[i]->type || !qc_same_shape(a->out[i], b->out[i])) return false;
    return true;
}

static qc_status share_nodes(struct qc_graph *graph)
{
    struct table table;
    QC_TRY(table_open(&graph->model->env, &table, graph->node_count));
    for (uint32_t i = 0; i < graph->node_count; i++) {
        struct qc_node *node = graph->node[i];
        if (!may_share(node)) continue;
        uint64_t hash = (uint64_t)node->code * 0x9e3779b97f4a7c15u;
        for (int k = 0; k < node->in_count; k++) {
            uint32_t index = node->in[k] ? node->in[k]->index : UINT32_MAX;
            hash = mix(hash, &index, sizeof index);
        }
        for (uint32_t at = (uint32_t)hash & table.mask;; at = (at + 1) & table.mask) {
            if (!table.slot[at]) {
                table.slot[at] = i + 1;
                break;
            }
            struct qc_node *first = graph->node[table.slot[at] - 1];
            if (!same_node(first, node)) continue;
            for (int k = 0; k < node->out_count; k++) qc_graph_replace_uses(graph, node->out[k], first->out[k]);
            qc_node_remove(node);
            break;
        }
    }
    qc_env_free(&graph->model->env, table.slot);
    return QC_OK;
}

static qc_status run(struct qc_graph *graph)
{
    QC_TRY(share_constants(graph));
    return share_nodes(graph);
}

const struct qc_pass qc_pass_share_equal = {"share_equal", run};
