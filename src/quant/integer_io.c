/*
 * integer_io.c - inputs and outputs as integers where asked for. Ids keep their type. See integer.h.
 */
#include "quant/integer.h"
#include "quant/stats.h"

#include <string.h>

static struct qc_tensor *new_io(struct qc_int_plan *plan, const struct qc_tensor *like, qc_dtype type, float scale, int64_t zero_point)
{
    struct qc_tensor *tensor = qc_graph_add_tensor(plan->graph, like->name, type, like->rank, like->has_shape ? like->dims : NULL);
    if (!tensor) return NULL;
    tensor->has_shape = like->has_shape;
    memcpy(tensor->signature, like->signature, sizeof tensor->signature);
    tensor->quant = qc_quant_new(&plan->q->model->arena, scale, zero_point);
    return tensor->quant ? tensor : NULL;
}

static qc_status convert_node(struct qc_int_plan *plan, struct qc_node *before, int code, struct qc_tensor *from, struct qc_tensor *to)
{
    const struct fb_table *table = code == tfl_BuiltinOperator_QUANTIZE ? &tfl_QuantizeOptions_table : &tfl_DequantizeOptions_table;
    return qc_graph_add_node(plan->graph, before, code, table, NULL, 1, &from, 1, &to) ? QC_OK : QC_NOMEM;
}

/* Only integers come of it, or it feeds what looks things up. */
static bool holds_ids(const struct qc_tensor *input)
{
    if (!qc_dtype_is_float(input->type)) return input->type != QC_BOOL && input->type != QC_STRING;
    for (const struct qc_use *use = input->uses; use; use = use->next)
        if (use->node->code != tfl_BuiltinOperator_CAST || qc_dtype_is_float(use->node->out[0]->type)) return false;
    return input->uses != NULL;
}

/* The parameters of an input or output that no integer operator touches: by its range. */
static qc_status own_params(struct qc_int_plan *plan, const struct qc_tensor *tensor, struct qc_affine *params)
{
    float min, max;
    if (!qc_stats_range(plan->q->stats, tensor, &min, &max))
        return qc_fail(&plan->q->model->env, QC_INVALID, "'%s': calibration never saw it, so it cannot be made an integer", tensor->name);
    *params = qc_params_activation((double)min, (double)max, plan->q->options->io == QC_INT16 ? 16 : 8);
    return QC_OK;
}

/* uint8 is int8 with everything 128 higher. */
static int64_t shifted(qc_dtype io, int64_t zero_point)
{
    return io == QC_UINT8 ? zero_point + 128 : zero_point;
}

static qc_status one_input(struct qc_int_plan *plan, int index)
{
    struct qc_model *model = plan->q->model;
    struct qc_tensor *input = plan->graph->input[index], *made;
    qc_dtype io = plan->q->options->io, inner = io == QC_INT16 ? QC_INT16 : QC_INT8;
    struct qc_node *quantize = NULL, *first = plan->graph->node_count ? plan->graph->node[0] : NULL;
    struct qc_affine params;
    if (holds_ids(input))
        return qc_fail(&model->env, QC_INVALID, "input '%s' holds ids or indices and keeps its type %s: as %s every id beyond %d would be lost; leave --io out",
                       input->name, qc_dtype_name(input->type), qc_dtype_name(io), io == QC_UINT8 ? 255 : io == QC_INT8 ? 127 : 32767);
    if (input->type != QC_FLOAT32) return QC_OK;
    for (const struct qc_use *use = input->uses; use; use = use->next)
        if (use->node->code == tfl_BuiltinOperator_QUANTIZE && use->node->out[0]->type == inner) quantize = use->node;
    if (quantize)
        params = (struct qc_affine){quantize->out[0]->quant->scale[0], (int32_t)quantize->out[0]->quant->zero_point[0]};
    else
        QC_TRY(own_params(plan, input, &params));
    if (!(made = new_io(plan, input, io, params.scale, shifted(io, params.zero_point)))) return QC_NOMEM;
    if (quantize && io != QC_UINT8) {
        qc_graph_replace_uses(plan->graph, quantize->out[0], made);
        qc_node_remove(quantize);
    } else if (quantize) {
        qc_node_set_input(quantize, 0, made);
    }
    plan->graph->input[index] = made;
    for (uint32_t s = 0; s < model->signature_count; s++)
        for (int i = 0; i < model->signature[s].input_count; i++)
            if (model->signature[s].input[i].tensor == input) model->signature[s].input[i].tensor = made;
    return input->uses ? convert_node(plan, first, tfl_BuiltinOperator_DEQUANTIZE, made, input) : QC_OK;
}

static qc_status one_output(struct qc_int_plan *plan, int index)
{
    struct qc_model *model = plan->q->model;
    struct qc_tensor *output = plan->graph->output[index], *made;
    qc_dtype io = plan->q->options->io, inner = io == QC_INT16 ? QC_INT16 : QC_INT8;
    struct qc_affine params;
    if (output->type != QC_FLOAT32) return QC_OK;
    struct qc_node *dequantize = output->producer && output->producer->code == tfl_BuiltinOperator_DEQUANTIZE ? output->producer : NULL;
    struct qc_tensor *stored = dequantize && dequantize->in[0]->type == inner && dequantize->in[0]->producer ? dequantize->in[0] : NULL;
    if (stored)
        params = (struct qc_affine){stored->quant->scale[0], (int32_t)stored->quant->zero_point[0]};
    else
        QC_TRY(own_params(plan, output, &params));
    made = stored && io != QC_UINT8 ? stored : new_io(plan, output, io, params.scale, shifted(io, params.zero_point));
    if (!made) return QC_NOMEM;
    if (made == stored)
        stored->name = output->name;
    else
        QC_TRY(convert_node(plan, NULL, tfl_BuiltinOperator_QUANTIZE, stored ? stored : output, made));
    qc_graph_set_output(plan->graph, index, made);
    for (uint32_t s = 0; s < model->signature_count; s++)
        for (int i = 0; i < model->signature[s].output_count; i++)
            if (model->signature[s].output[i].tensor == output) model->signature[s].output[i].tensor = made;
    return QC_OK;
}

qc_status qc_int_io(struct qc_int_plan *plan)
{
    for (int i = 0; i < plan->graph->input_count; i++) QC_TRY(one_input(plan, i));
    for (int i = 0; i < plan->graph->output_count; i++) QC_TRY(one_output(plan, i));
    return QC_OK;
}
