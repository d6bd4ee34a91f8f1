/*
 * quantize.c - quantizes a model in place: integer schemes first, node by node, then the constants of what computes in float.
 */
#include "quant/quant.h"

#include <strings.h>

#include "scheme_declare.inc"

static const struct qc_scheme *const schemes[] = {
#include "scheme_rows.inc"
    NULL,
};

const struct qc_scheme *const *qc_scheme_list(void)
{
    return schemes;
}

const struct qc_scheme *qc_scheme_find(const char *name)
{
    for (size_t i = 0; schemes[i]; i++) {
        if (!strcasecmp(schemes[i]->name, name)) return schemes[i];
        for (const char *const *alias = schemes[i]->aliases; alias && *alias; alias++)
            if (!strcasecmp(*alias, name)) return schemes[i];
    }
    return NULL;
}

bool qc_mode_list(size_t index, struct qc_mode *mode)
{
    if (index + 1 >= QC_COUNT(schemes)) return false;
    *mode = (struct qc_mode){schemes[index]->name, schemes[index]->aliases, schemes[index]->summary, schemes[index]->bits != 0, schemes[index]->recurrent};
    return true;
}

const struct qc_operand_rule *qc_operand_rule(const struct qc_quant_rule *rule, int slot)
{
    static const struct qc_operand_rule nothing = {QC_ROLE_KEEP, -1, 0, 0};
    int last = -1;
    for (int i = 0; i < (int)QC_COUNT(rule->in) && rule->in[i].role != QC_ROLE_END && i <= slot; i++) last = i;
    return last < 0 ? &nothing : &rule->in[last];
}

int qc_weight_axis(const struct qc_quantizer *q, const struct qc_node *node, int slot, int declared)
{
    if (q->options->per_tensor || declared < 0 || declared >= node->in[slot]->rank) return -1;
    bool dense = q->options->dense_per_tensor || q->options->tflm; /* many builds of TensorFlow Lite Micro take one scale alone */
    if (dense && node->code == tfl_BuiltinOperator_FULLY_CONNECTED) return -1;
    return declared;
}

/* ---- constants of float nodes ---- */

static bool is_float_constant(const struct qc_tensor *tensor)
{
    return tensor && tensor->constant && tensor->type == QC_FLOAT32 && tensor->has_shape && !tensor->quant && tensor->bytes &&
           tensor->bytes == sizeof(float) * qc_tensor_elements(tensor);
}

static qc_status treat_node(struct qc_quantizer *q, struct qc_node *node)
{
    const struct qc_scheme *scheme = qc_select(q, node);
    for (int slot = 0; slot < node->in_count; slot++) {
        struct qc_tensor *tensor = node->in[slot];
        if (!is_float_constant(tensor)) continue;
        if (scheme->constant)
            QC_TRY(scheme->constant(q, node, slot));
        else if (scheme->bits)
            qc_constant_keep(q, tensor, "its operator computes in float");
        else if (scheme != q->scheme)
            qc_constant_keep(q, tensor, "asked to stay float32");
    }
    return QC_OK;
}

static qc_status report_constants(struct qc_quantizer *q)
{
    for (uint32_t i = 0; i < q->form_count; i++) {
        const struct qc_tensor *tensor = q->graph->tensor[i];
        if (!is_float_constant(tensor) || !tensor->uses || !q->reason[i]) continue;
        QC_TRY(qc_report_add(q->model, false, tensor->name, qc_node_op(tensor->uses->node), tensor->bytes, q->reason[i]));
    }
    return QC_OK;
}

static qc_status treat_graph(struct qc_quantizer *q, struct qc_graph *graph)
{
    struct qc_arena *arena = &q->model->arena;
    uint32_t count = graph->node_count;
    q->graph = graph;
    q->first = count ? graph->node[0] : NULL;
    q->form_count = graph->tensor_count;
    q->form = qc_arena_array(arena, graph->tensor_count, sizeof *q->form);
    q->reason = qc_arena_array(arena, graph->tensor_count, sizeof *q->reason);
    struct qc_node **node = qc_arena_copy(arena, graph->node, count * sizeof *node); /* the list grows meanwhile */
    if (!q->form || !q->reason || !node) return QC_NOMEM;
    for (uint32_t i = 0; i < count; i++) QC_TRY(treat_node(q, node[i]));
    QC_TRY(report_constants(q));
    return qc_graph_sweep(graph);
}

/* LiteRT's kernel fills memory of its own on the first call, from a constant, and not again when memory is laid out anew. */
static bool keeps_constant(const struct qc_node *node)
{
    int slot = node->code == tfl_BuiltinOperator_BATCH_MATMUL;
    return (slot || node->code == tfl_BuiltinOperator_DEQUANTIZE || node->code == tfl_BuiltinOperator_CAST || node->code == tfl_BuiltinOperator_DENSIFY) &&
           slot < node->in_count && node->in[slot] && node->in[slot]->constant;
}

/* States of a free batch change their size with it, and so the layout: beside the above, LiteRT's results for a second batch size are wrong. */
static void fix_batch(struct qc_model *model)
{
    const struct qc_graph *graph = model->graph[0];
    bool keeps = false, states = false;
    for (uint32_t i = 0; i < graph->node_count; i++) keeps |= keeps_constant(graph->node[i]);
    for (uint32_t i = 0; i < graph->tensor_count; i++)
        states |= graph->tensor[i]->variable && graph->tensor[i]->producer && graph->tensor[i]->signature[0] < 0;
    if (!keeps || !states) return;
    for (int i = 0; i < graph->input_count; i++)
        if (graph->input[i]->rank) graph->input[i]->signature[0] = graph->input[i]->dims[0];
    qc_model_add_note(model, "the batch is fixed: LiteRT gives wrong results if a fused LSTM's batch changes beside weights that are unpacked once; "
                             "--recurrent loop keeps it free");
}

qc_status qc_quantize(struct qc_model *model, const struct qc_convert_options *options, const struct qc_stats *stats)
{
    struct qc_quantizer q = {.model = model, .options = options, .stats = stats};
    for (uint32_t g = 0; g < model->graph_count; g++)
        for (uint32_t i = 0; i < model->graph[g]->tensor_count; i++) qc_constant_note_odd(&q, model->graph[g]->tensor[i]);
    QC_TRY(qc_select_init(&q));
    QC_TRY(qc_quantize_integer(&q));
    for (uint32_t g = 0; g < model->graph_count; g++) QC_TRY(treat_graph(&q, model->graph[g]));
    fix_batch(model);
    return QC_OK;
}
