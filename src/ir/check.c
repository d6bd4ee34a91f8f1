/*
 * check.c - the invariants of a graph, in one place. See ir.h.
 *
 *   1. tensor->index, node->index and graph->index are positions; every operand belongs to the node's graph.
 *   2. a tensor has one source: a graph input, a constant, a variable or one producer (which may write a variable anew); a producer lists it as
 *      an output.
 *   3. nodes stand after the producers of their inputs.
 *   4. uses mirror node inputs exactly; output_uses counts the graph's outputs.
 *   5. a constant's bytes are those of its shape (sparse ones and strings aside); dimensions are not negative.
 *   6. per-channel quantization has one scale for each slice of its axis; scales are positive and finite.
 *   7. subgraphs that operators call exist.
 */
#include "ir/ir.h"

#include <float.h>

static qc_status broken(const struct qc_graph *graph, const char *format, const char *name, const char *what)
{
    return qc_fail(&graph->model->env, QC_FORMAT, format, graph->name, name, what);
}

static qc_status check_tensor(const struct qc_graph *graph, const struct qc_tensor *tensor, uint32_t index)
{
    if (tensor->index != index || tensor->graph != graph) return broken(graph, "graph '%s': tensor '%s' %s", tensor->name, "is misplaced");
    if (tensor->constant && tensor->producer) return broken(graph, "graph '%s': tensor '%s' %s", tensor->name, "is a constant and is computed too");
    for (int i = 0; tensor->has_shape && i < tensor->rank; i++)
        if (tensor->dims[i] < 0) return broken(graph, "graph '%s': tensor '%s' %s", tensor->name, "has a negative dimension");
    if (tensor->constant && tensor->type != QC_STRING &&
        tensor->bytes != qc_dtype_bytes(tensor->type, qc_tensor_elements(tensor)))
        return broken(graph, "graph '%s': tensor '%s' %s", tensor->name, "has more or fewer bytes than its shape");
    const struct qc_quant *quant = tensor->quant;
    if (quant && quant->count > 1 && tensor->has_shape &&
        (quant->axis < 0 || quant->axis >= tensor->rank || (uint32_t)tensor->dims[quant->axis] != quant->count))
        return broken(graph, "graph '%s': tensor '%s' %s", tensor->name, "has scales that do not fit its axis");
    for (uint32_t i = 0; quant && i < quant->count; i++)
        if (!(quant->scale[i] >= 0 && quant->scale[i] <= FLT_MAX))
            return qc_fail(&graph->model->env, QC_FORMAT, "graph '%s': tensor '%s': scale[%u] is %g", graph->name, tensor->name, i,
                           (double)quant->scale[i]);
    int outputs = 0;
    for (int i = 0; i < graph->output_count; i++) outputs += graph->output[i] == tensor;
    if (outputs != tensor->output_uses) return broken(graph, "graph '%s': tensor '%s' %s", tensor->name, "miscounts its uses as output");
    for (const struct qc_use *use = tensor->uses; use; use = use->next)
        if (use->slot >= use->node->in_count || use->node->in[use->slot] != tensor || *use->link != use)
            return broken(graph, "graph '%s': tensor '%s' %s", tensor->name, "is used by a node that does not list it");
    return QC_OK;
}

static qc_status check_node(const struct qc_graph *graph, const struct qc_node *node, uint32_t index)
{
    if (node->index != index || node->graph != graph) return broken(graph, "graph '%s': node '%s' %s", qc_node_name(node), "is misplaced");
    for (int i = 0; i < node->in_count; i++) {
        const struct qc_tensor *in = node->in[i];
        if (!in) continue;
        if (in->graph != graph) return broken(graph, "graph '%s': node '%s' %s", qc_node_name(node), "reads a tensor of another graph");
        if (in->producer && in->producer->index >= index)
            return broken(graph, "graph '%s': node '%s' reads '%s' before it is computed", qc_node_name(node), in->name);
        if (node->use[i].node != node || node->use[i].slot != i || !node->use[i].link)
            return broken(graph, "graph '%s': node '%s' %s", qc_node_name(node), "has an input that does not know of it");
    }
    for (int i = 0; i < node->out_count; i++)
        if (node->out[i] && node->out[i]->producer != node)
            return broken(graph, "graph '%s': node '%s' %s", qc_node_name(node), "has an output that another node computes");
    return QC_OK;
}

static qc_status check_calls(const struct qc_model *model, const struct qc_node *node)
{
    int32_t called[2] = {0, 0};
    if (!node->options) return QC_OK;
    if (node->options_table == &tfl_WhileOptions_table) {
        const struct tfl_WhileOptions *options = node->options;
        called[0] = options->cond_subgraph_index;
        called[1] = options->body_subgraph_index;
    } else if (node->options_table == &tfl_IfOptions_table) {
        const struct tfl_IfOptions *options = node->options;
        called[0] = options->then_subgraph_index;
        called[1] = options->else_subgraph_index;
    }
    for (int i = 0; i < 2; i++)
        if (called[i] < 0 || (uint32_t)called[i] >= model->graph_count)
            return qc_fail((struct qc_env *)(uintptr_t)&model->env, QC_FORMAT, "%s '%s' calls subgraph %d, but there are only %u", qc_node_op(node),
                           qc_node_name(node), (int)called[i], model->graph_count);
    return QC_OK;
}

qc_status qc_model_check(struct qc_model *model)
{
    for (uint32_t g = 0; g < model->graph_count; g++) {
        const struct qc_graph *graph = model->graph[g];
        for (uint32_t i = 0; i < graph->tensor_count; i++) QC_TRY(check_tensor(graph, graph->tensor[i], i));
        for (uint32_t n = 0; n < graph->node_count; n++) {
            if (graph->node[n]->code < 0) continue; /* removed, waits for the sweep */
            QC_TRY(check_node(graph, graph->node[n], n));
            QC_TRY(check_calls(model, graph->node[n]));
        }
    }
    return QC_OK;
}
