/*
 * unpack.c - sources whose weights are stored small already: float16 or int8 constants behind DEQUANTIZE become float again, so that they
 * can be folded and quantized anew. Models with integer activations are refused.
 */
#include "quant/quant.h"
#include "run/eval.h"

static qc_status refuse_quantized(struct qc_model *model)
{
    for (uint32_t g = 0; g < model->graph_count; g++)
        for (uint32_t i = 0; i < model->graph[g]->tensor_count; i++) {
            const struct qc_tensor *tensor = model->graph[g]->tensor[i];
            bool integer = tensor->type == QC_INT8 || tensor->type == QC_UINT8 || tensor->type == QC_INT16;
            if (tensor->constant || !tensor->quant || !tensor->quant->count || !integer || !tensor->producer) continue;
            if (tensor->producer->in_count && tensor->producer->in[0] && tensor->producer->in[0]->constant) continue; /* moves stored weights */
            return qc_fail(&model->env, QC_INVALID, "the model is quantized already ('%s' is %s); quantize the float model it came from", tensor->name,
                           qc_dtype_name(tensor->type));
        }
    return QC_OK;
}

qc_status qc_drop_densify(struct qc_model *model)
{
    for (uint32_t g = 0; g < model->graph_count; g++) {
        struct qc_graph *graph = model->graph[g];
        bool any = false;
        for (uint32_t i = 0; i < graph->node_count; i++) {
            struct qc_node *node = graph->node[i];
            if (node->code != tfl_BuiltinOperator_DENSIFY || node->in_count != 1 || node->out_count != 1 || !node->in[0] || !node->in[0]->constant)
                continue;
            qc_graph_replace_uses(graph, node->out[0], node->in[0]);
            qc_node_remove(node);
            any = true;
        }
        if (any) QC_TRY(qc_graph_sweep(graph));
    }
    return QC_OK;
}

qc_status qc_unpack_weights(struct qc_model *model)
{
    QC_TRY(refuse_quantized(model));
    for (uint32_t g = 0; g < model->graph_count; g++) {
        struct qc_graph *graph = model->graph[g];
        for (uint32_t i = 0; i < graph->node_count; i++) {
            struct qc_node *node = graph->node[i];
            if (node->code == tfl_BuiltinOperator_DEQUANTIZE && node->in[0]->constant && !node->out[0]->output_uses) QC_TRY(qc_eval_node(node));
        }
        QC_TRY(qc_graph_sweep(graph));
    }
    return QC_OK;
}
