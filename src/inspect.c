/*
 * inspect.c - the public API for looking inside a model. See quantc.h section 4.
 */
#include "export/export.h"
#include "op/op.h"

#include <stdio.h>
#include <string.h>

static const struct qc_graph *graph_at(const struct qc_model *model, size_t subgraph)
{
    return subgraph < model->graph_count ? model->graph[subgraph] : NULL;
}

static const struct qc_node *node_at(const struct qc_model *model, size_t subgraph, size_t index)
{
    const struct qc_graph *graph = graph_at(model, subgraph);
    return graph && index < graph->node_count ? graph->node[index] : NULL;
}

size_t qc_model_subgraph_count(const struct qc_model *model)
{
    return model->graph_count;
}

const char *qc_model_subgraph_name(const struct qc_model *model, size_t subgraph)
{
    const struct qc_graph *graph = graph_at(model, subgraph);
    return graph ? graph->name : NULL;
}

bool qc_model_tensor(const struct qc_model *model, size_t subgraph, size_t index, struct qc_tensor_detail *detail)
{
    const struct qc_graph *graph = graph_at(model, subgraph);
    if (!graph || index >= graph->tensor_count) return false;
    const struct qc_tensor *tensor = graph->tensor[index];
    *detail = (struct qc_tensor_detail){.name = tensor->name, .type = tensor->type, .shaped = tensor->has_shape, .rank = tensor->rank,
                                        .constant = tensor->constant, .variable = tensor->variable};
    memcpy(detail->dims, tensor->dims, sizeof detail->dims);
    memcpy(detail->signature, tensor->signature, sizeof detail->signature);
    if (tensor->constant) {
        detail->bytes = tensor->bytes;
        detail->data = tensor->data;
    }
    if (tensor->quant) {
        detail->scale_count = tensor->quant->count;
        detail->axis = tensor->quant->axis;
        detail->scale = tensor->quant->scale;
        detail->zero_point = tensor->quant->zero_point;
    }
    return true;
}

bool qc_model_op(const struct qc_model *model, size_t subgraph, size_t index, struct qc_op_detail *detail)
{
    const struct qc_node *node = node_at(model, subgraph, index);
    if (!node) return false;
    *detail = (struct qc_op_detail){qc_node_op(node), qc_node_version(node), qc_node_name(node), (size_t)node->in_count, (size_t)node->out_count};
    return true;
}

static long number_of(const struct qc_tensor *tensor)
{
    return tensor ? (long)tensor->index : -1;
}

long qc_model_op_input(const struct qc_model *model, size_t subgraph, size_t op, size_t input)
{
    const struct qc_node *node = node_at(model, subgraph, op);
    return node && input < (size_t)node->in_count ? number_of(node->in[input]) : -1;
}

long qc_model_op_output(const struct qc_model *model, size_t subgraph, size_t op, size_t output)
{
    const struct qc_node *node = node_at(model, subgraph, op);
    return node && output < (size_t)node->out_count ? number_of(node->out[output]) : -1;
}

bool qc_model_op_options(const struct qc_model *model, size_t subgraph, size_t op, void (*put)(void *user, const char *text), void *user)
{
    const struct qc_node *node = node_at(model, subgraph, op);
    if (!node || !node->options || !node->options_table) return false;
    fb_json(node->options, node->options_table, 16, put, user);
    return true;
}

long qc_model_subgraph_input(const struct qc_model *model, size_t subgraph, size_t index)
{
    const struct qc_graph *graph = graph_at(model, subgraph);
    return graph && index < (size_t)graph->input_count ? number_of(graph->input[index]) : -1;
}

long qc_model_subgraph_output(const struct qc_model *model, size_t subgraph, size_t index)
{
    const struct qc_graph *graph = graph_at(model, subgraph);
    return graph && index < (size_t)graph->output_count ? number_of(graph->output[index]) : -1;
}

static bool entry_at(const struct qc_signature *signature, const struct qc_signature_entry *entry, int count, size_t index, const char **name,
                     size_t *subgraph, size_t *tensor)
{
    if (index >= (size_t)count) return false;
    *name = entry[index].name;
    *subgraph = signature->graph->index;
    *tensor = entry[index].tensor->index;
    return true;
}

bool qc_model_signature_input(const struct qc_model *model, size_t signature, size_t index, const char **name, size_t *subgraph, size_t *tensor)
{
    const struct qc_signature *s = signature < model->signature_count ? &model->signature[signature] : NULL;
    return s && entry_at(s, s->input, s->input_count, index, name, subgraph, tensor);
}

bool qc_model_signature_output(const struct qc_model *model, size_t signature, size_t index, const char **name, size_t *subgraph, size_t *tensor)
{
    const struct qc_signature *s = signature < model->signature_count ? &model->signature[signature] : NULL;
    return s && entry_at(s, s->output, s->output_count, index, name, subgraph, tensor);
}

static bool blob_at(const struct qc_blob *blob, uint32_t count, size_t index, const char **name, size_t *size)
{
    if (index >= count) return false;
    *name = blob[index].name;
    *size = blob[index].bytes;
    return true;
}

bool qc_model_metadata_entry(const struct qc_model *model, size_t index, const char **name, size_t *size)
{
    return blob_at(model->metadata, model->metadata_count, index, name, size);
}

bool qc_model_file_entry(const struct qc_model *model, size_t index, const char **name, size_t *size)
{
    return blob_at(model->file, model->file_count, index, name, size);
}

const char *qc_model_description(const struct qc_model *model)
{
    return model->description;
}

void qc_model_runtime(const struct qc_model *model, char *text)
{
    struct qc_runtime_version version = qc_runtime_needed(model);
    snprintf(text, 32, "%d.%d.%d", version.major, version.minor, version.patch);
}

size_t qc_model_constant_bytes(const struct qc_model *model)
{
    struct qc_env env;
    size_t count, bytes = 0;
    qc_env_init(&env, NULL);
    const struct qc_tensor **list = qc_model_constants(model, &env, &count);
    for (size_t i = 0; list && i < count; i++) bytes += list[i]->bytes;
    qc_env_free(&env, list);
    return bytes;
}
