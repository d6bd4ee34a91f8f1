/*
 * clone.c - a copy of a model's graphs, to be rewritten without touching the original. See ir.h.
 *
 * Copied are the links; names, options and constant data stay the original's, which must outlive the copy.
 */
#include "ir/ir.h"

#include <string.h>

static struct qc_tensor *map_tensor(const struct qc_graph *to, const struct qc_tensor *from)
{
    return from ? to->tensor[from->index] : NULL;
}

static struct qc_tensor **map_tensors(struct qc_graph *to, struct qc_tensor *const *from, int count)
{
    struct qc_tensor **list = qc_arena_array(&to->model->arena, (size_t)count, sizeof *list);
    for (int i = 0; list && i < count; i++) list[i] = map_tensor(to, from[i]);
    return list;
}

static qc_status clone_tensors(struct qc_graph *to, const struct qc_graph *from)
{
    for (uint32_t i = 0; i < from->tensor_count; i++) {
        struct qc_tensor *tensor = qc_graph_add_tensor(to, "", from->tensor[i]->type, 0, NULL);
        if (!tensor) return QC_NOMEM;
        *tensor = *from->tensor[i];
        tensor->graph = to;
        tensor->index = i;
        tensor->producer = NULL;
        tensor->uses = NULL;
        tensor->output_uses = 0;
    }
    for (uint32_t i = 0; i < from->tensor_count; i++) {
        const struct qc_quant *quant = from->tensor[i]->quant;
        if (!quant || !quant->block_scale) continue;
        struct qc_quant *copy = qc_arena_copy(&to->model->arena, quant, sizeof *quant);
        if (!copy) return QC_NOMEM;
        copy->block_scale = map_tensor(to, quant->block_scale);
        to->tensor[i]->quant = copy;
    }
    return QC_OK;
}

static qc_status clone_nodes(struct qc_graph *to, const struct qc_graph *from)
{
    for (uint32_t i = 0; i < from->node_count; i++) {
        const struct qc_node *old = from->node[i];
        struct qc_tensor **in = map_tensors(to, old->in, old->in_count), **out = map_tensors(to, old->out, old->out_count);
        struct qc_node *node = in && out ? qc_graph_add_node(to, NULL, old->code, NULL, NULL, old->in_count, in, old->out_count, out) : NULL;
        if (!node) return QC_NOMEM;
        node->custom = old->custom;
        node->version = old->version;
        node->name = old->name;
        node->options = old->options;
        node->options_table = old->options_table;
        node->custom_data = old->custom_data;
        node->custom_bytes = old->custom_bytes;
        node->intermediate_count = old->intermediate_count;
        if (!(node->intermediate = map_tensors(to, old->intermediate, old->intermediate_count))) return QC_NOMEM;
    }
    return QC_OK;
}

static qc_status clone_graph(struct qc_graph *to, const struct qc_graph *from)
{
    to->name = from->name;
    QC_TRY(clone_tensors(to, from));
    QC_TRY(clone_nodes(to, from));
    struct qc_tensor **input = map_tensors(to, from->input, from->input_count), **output = map_tensors(to, from->output, from->output_count);
    if (!input || !output) return QC_NOMEM;
    QC_TRY(qc_graph_set_inputs(to, from->input_count, input));
    return qc_graph_set_outputs(to, from->output_count, output);
}

static struct qc_signature_entry *clone_entries(struct qc_graph *to, const struct qc_signature_entry *from, int count)
{
    struct qc_signature_entry *entry = qc_arena_array(&to->model->arena, (size_t)count, sizeof *entry);
    for (int i = 0; entry && i < count; i++) entry[i] = (struct qc_signature_entry){from[i].name, map_tensor(to, from[i].tensor)};
    return entry;
}

static qc_status clone_signatures(struct qc_model *to, const struct qc_model *from)
{
    if (!(to->signature = qc_arena_array(&to->arena, from->signature_count, sizeof *to->signature))) return QC_NOMEM;
    for (uint32_t i = 0; i < from->signature_count; i++) {
        struct qc_signature *copy = &to->signature[i];
        *copy = from->signature[i];
        copy->graph = to->graph[from->signature[i].graph->index];
        copy->input = clone_entries(copy->graph, copy->input, copy->input_count);
        copy->output = clone_entries(copy->graph, copy->output, copy->output_count);
        if (!copy->input || !copy->output) return QC_NOMEM;
    }
    to->signature_count = from->signature_count;
    return QC_OK;
}

static qc_status clone_into(struct qc_model *to, const struct qc_model *from)
{
    to->path = from->path;
    to->description = from->description;
    to->metadata = from->metadata;
    to->metadata_count = from->metadata_count;
    to->file = from->file;
    to->file_count = from->file_count;
    for (uint32_t i = 1; i < from->graph_count; i++)
        if (!qc_model_add_graph(to, from->graph[i]->name)) return QC_NOMEM;
    for (uint32_t i = 0; i < from->graph_count; i++) QC_TRY(clone_graph(to->graph[i], from->graph[i]));
    return clone_signatures(to, from);
}

struct qc_model *qc_model_clone(const struct qc_model *source, struct qc_error *error)
{
    struct qc_options options = source->options;
    options.allocator = &source->env.allocator;
    struct qc_model *model = qc_model_new(&options, error);
    if (!model) return NULL;
    if (clone_into(model, source)) {
        qc_env_take(&model->env, error);
        qc_model_free(model);
        return NULL;
    }
    return model;
}
