/*
 * sweep.c - drops what nothing needs from a graph, and renumbers. See ir.h.
 */
#include "ir/ir.h"

#include <string.h>

/* Operators that matter though nothing reads their outputs. */
static bool has_side_effects(const struct qc_node *node)
{
    switch (node->code) {
    case tfl_BuiltinOperator_CALL_ONCE:
    case tfl_BuiltinOperator_ASSIGN_VARIABLE:
    case tfl_BuiltinOperator_HASHTABLE_IMPORT:
    case tfl_BuiltinOperator_CUSTOM: return true;
    case tfl_BuiltinOperator_WHILE:
    case tfl_BuiltinOperator_IF:
    case tfl_BuiltinOperator_CALL: return node->graph->model->graph_count > 1; /* their bodies may assign */
    default: break;
    }
    for (int i = 0; i < node->in_count; i++)
        if (node->in[i] && node->in[i]->variable) return true;
    return false;
}

static bool is_used(const struct qc_node *node)
{
    for (int i = 0; i < node->out_count; i++)
        if (node->out[i] && (node->out[i]->uses || node->out[i]->output_uses)) return true;
    return has_side_effects(node);
}

qc_status qc_graph_sweep(struct qc_graph *graph)
{
    struct qc_model *model = graph->model;
    for (uint32_t i = graph->node_count; i--;) /* backwards: a dead consumer frees its producers */
        if (graph->node[i]->code >= 0 && !is_used(graph->node[i])) qc_node_remove(graph->node[i]);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < graph->node_count; i++)
        if (graph->node[i]->code >= 0) {
            graph->node[kept] = graph->node[i];
            graph->node[kept]->index = kept;
            kept++;
        }
    graph->node_count = kept;

    bool *needed = qc_env_alloc(&model->env, graph->tensor_count + 1);
    if (!needed) return QC_NOMEM;
    for (int i = 0; i < graph->input_count; i++) needed[graph->input[i]->index] = true;
    for (int i = 0; i < graph->output_count; i++) needed[graph->output[i]->index] = true;
    for (uint32_t n = 0; n < graph->node_count; n++) {
        const struct qc_node *node = graph->node[n];
        for (int i = 0; i < node->in_count; i++)
            if (node->in[i]) needed[node->in[i]->index] = true;
        for (int i = 0; i < node->out_count; i++)
            if (node->out[i]) needed[node->out[i]->index] = true;
        for (int i = 0; i < node->intermediate_count; i++)
            if (node->intermediate[i]) needed[node->intermediate[i]->index] = true;
    }
    for (uint32_t i = 0; i < graph->tensor_count; i++) {
        const struct qc_quant *quant = graph->tensor[i]->quant;
        if (needed[i] && quant && quant->block_scale) needed[quant->block_scale->index] = true;
    }
    for (uint32_t s = 0; s < model->signature_count; s++) {
        const struct qc_signature *signature = &model->signature[s];
        if (signature->graph != graph) continue;
        for (int i = 0; i < signature->input_count; i++) needed[signature->input[i].tensor->index] = true;
        for (int i = 0; i < signature->output_count; i++) needed[signature->output[i].tensor->index] = true;
    }
    kept = 0;
    for (uint32_t i = 0; i < graph->tensor_count; i++)
        if (needed[i]) {
            graph->tensor[kept] = graph->tensor[i];
            graph->tensor[kept]->index = kept;
            kept++;
        }
    graph->tensor_count = kept;
    qc_env_free(&model->env, needed);
    return QC_OK;
}
