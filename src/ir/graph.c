/*
 * graph.c - building and rewriting graphs: the only writer of links. See ir.h.
 */
#include "ir/ir.h"

#include <stdio.h>
#include <string.h>

/* ---- models ---- */

static void keep_note(void *user, const char *sentence)
{
    struct qc_model *model = user;
    if (model->note_count == model->note_capacity) {
        size_t capacity = 2 * model->note_capacity + 8;
        const char **grown = qc_arena_array(&model->arena, capacity, sizeof *grown);
        if (!grown) return;
        if (model->note_count) memcpy(grown, model->notes, model->note_count * sizeof *grown);
        model->notes = grown;
        model->note_capacity = capacity;
    }
    char *copy = qc_arena_string(&model->arena, sentence);
    if (copy) model->notes[model->note_count++] = copy;
}

void qc_model_add_note(struct qc_model *model, const char *format, ...)
{
    char text[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    keep_note(model, text);
}

struct qc_model *qc_model_new(const struct qc_options *options, struct qc_error *error)
{
    struct qc_env env;
    qc_env_init(&env, options);
    struct qc_model *model = qc_env_alloc(&env, sizeof *model);
    if (!model) {
        qc_env_take(&env, error);
        return NULL;
    }
    model->env = env;
    model->env.note = keep_note;
    model->env.note_user = model;
    if (options) model->options = *options;
    model->options.allocator = NULL; /* copied into env */
    model->path = model->description = "";
    qc_arena_init(&model->arena, &model->env);
    if (!qc_model_add_graph(model, "main")) {
        qc_env_take(&model->env, error);
        qc_arena_free(&model->arena);
        env = model->env;
        qc_env_free(&env, model);
        return NULL;
    }
    return model;
}

/* Makes room for one more pointer in a list. */
static bool grow(struct qc_arena *arena, void *list, uint32_t count, uint32_t *capacity)
{
    void **old, **grown;
    if (count < *capacity) return true;
    grown = qc_arena_array(arena, 2 * (size_t)*capacity + 16, sizeof *grown);
    if (!grown) return false;
    memcpy(&old, list, sizeof old);
    if (count) memcpy(grown, old, count * sizeof *grown);
    memcpy(list, &grown, sizeof grown);
    *capacity = 2 * *capacity + 16;
    return true;
}

struct qc_graph *qc_model_add_graph(struct qc_model *model, const char *name)
{
    struct qc_graph *graph = qc_arena_alloc(&model->arena, sizeof *graph);
    if (!graph || !grow(&model->arena, &model->graph, model->graph_count, &model->graph_capacity)) return NULL;
    graph->model = model;
    graph->name = qc_arena_string(&model->arena, name);
    graph->index = model->graph_count;
    if (!graph->name) return NULL;
    return model->graph[model->graph_count++] = graph;
}

qc_status qc_model_clear(struct qc_model *model)
{
    model->graph_count = model->signature_count = 0;
    model->signature = NULL;
    model->note_count = 0;
    return qc_model_add_graph(model, "main") ? QC_OK : QC_NOMEM;
}

/* ---- tensors and nodes ---- */

struct qc_tensor *qc_graph_add_tensor(struct qc_graph *graph, const char *name, qc_dtype type, int rank, const int32_t *dims)
{
    struct qc_arena *arena = &graph->model->arena;
    struct qc_tensor *tensor = qc_arena_alloc(arena, sizeof *tensor);
    if (!tensor || !grow(arena, &graph->tensor, graph->tensor_count, &graph->tensor_capacity)) return NULL;
    if (!(tensor->name = qc_arena_string(arena, name ? name : ""))) return NULL;
    tensor->type = type;
    tensor->graph = graph;
    tensor->index = graph->tensor_count;
    tensor->has_shape = dims || !rank;
    tensor->rank = (uint8_t)rank;
    for (int i = 0; dims && i < rank; i++) tensor->dims[i] = tensor->signature[i] = dims[i];
    return graph->tensor[graph->tensor_count++] = tensor;
}

struct qc_tensor *qc_graph_add_constant(struct qc_graph *graph, const char *name, qc_dtype type, int rank, const int32_t *dims,
                                        const void *data, size_t bytes)
{
    struct qc_tensor *tensor = qc_graph_add_tensor(graph, name, type, rank, dims);
    if (!tensor) return NULL;
    tensor->constant = true;
    tensor->data = data;
    tensor->bytes = bytes;
    return tensor;
}

static void link_use(struct qc_node *node, int slot, struct qc_tensor *tensor)
{
    struct qc_use *use = &node->use[slot];
    node->in[slot] = tensor;
    *use = (struct qc_use){node, slot, NULL, NULL};
    if (!tensor) return;
    use->next = tensor->uses;
    use->link = &tensor->uses;
    if (use->next) use->next->link = &use->next;
    tensor->uses = use;
}

static void unlink_use(struct qc_node *node, int slot)
{
    struct qc_use *use = &node->use[slot];
    node->in[slot] = NULL;
    if (!use->link) return;
    *use->link = use->next;
    if (use->next) use->next->link = use->link;
    use->link = NULL;
}

struct qc_node *qc_graph_add_node(struct qc_graph *graph, struct qc_node *before, int code, const struct fb_table *options_table,
                                  const void *options, int in_count, struct qc_tensor *const *in, int out_count,
                                  struct qc_tensor *const *out)
{
    struct qc_arena *arena = &graph->model->arena;
    struct qc_node *node = qc_arena_alloc(arena, sizeof *node);
    if (!node || !grow(arena, &graph->node, graph->node_count, &graph->node_capacity)) return NULL;
    node->in = qc_arena_array(arena, (size_t)in_count, sizeof *node->in);
    node->use = qc_arena_array(arena, (size_t)in_count, sizeof *node->use);
    node->out = qc_arena_array(arena, (size_t)out_count, sizeof *node->out);
    if (!node->in || !node->use || !node->out) return NULL;
    if (options_table && !options && !(options = fb_new(arena, options_table))) return NULL;
    node->graph = graph;
    node->code = code;
    node->options = options;
    node->options_table = options_table;
    node->in_count = in_count;
    node->out_count = out_count;
    for (int i = 0; i < in_count; i++) link_use(node, i, in[i]);
    for (int i = 0; i < out_count; i++) {
        node->out[i] = out[i];
        if (out[i]) out[i]->producer = node;
    }
    uint32_t at = before ? before->index : graph->node_count;
    for (uint32_t i = graph->node_count; i > at; i--) {
        graph->node[i] = graph->node[i - 1];
        graph->node[i]->index = i;
    }
    graph->node[at] = node;
    node->index = at;
    graph->node_count++;
    return node;
}

qc_status qc_graph_set_inputs(struct qc_graph *graph, int count, struct qc_tensor *const *input)
{
    graph->input = qc_arena_copy(&graph->model->arena, input, (size_t)count * sizeof *input);
    graph->input_count = graph->input ? count : 0;
    return graph->input ? QC_OK : QC_NOMEM;
}

qc_status qc_graph_set_outputs(struct qc_graph *graph, int count, struct qc_tensor *const *output)
{
    for (int i = 0; i < graph->output_count; i++) graph->output[i]->output_uses--;
    graph->output = qc_arena_copy(&graph->model->arena, output, (size_t)count * sizeof *output);
    graph->output_count = graph->output ? count : 0;
    for (int i = 0; i < graph->output_count; i++) graph->output[i]->output_uses++;
    return graph->output ? QC_OK : QC_NOMEM;
}

void qc_graph_set_output(struct qc_graph *graph, int index, struct qc_tensor *tensor)
{
    graph->output[index]->output_uses--;
    graph->output[index] = tensor;
    tensor->output_uses++;
}

/* ---- rewriting ---- */

void qc_node_set_input(struct qc_node *node, int slot, struct qc_tensor *tensor)
{
    unlink_use(node, slot);
    link_use(node, slot, tensor);
}

void qc_node_set_output(struct qc_node *node, int index, struct qc_tensor *tensor)
{
    if (node->out[index] && node->out[index]->producer == node) node->out[index]->producer = NULL;
    node->out[index] = tensor;
    tensor->producer = node;
}

void qc_graph_replace_uses(struct qc_graph *graph, struct qc_tensor *old, struct qc_tensor *fresh)
{
    if (old == fresh) return;
    while (old->uses) qc_node_set_input(old->uses->node, old->uses->slot, fresh);
    for (int i = 0; i < graph->output_count; i++)
        if (graph->output[i] == old) qc_graph_set_output(graph, i, fresh);
    struct qc_model *model = graph->model;
    for (uint32_t s = 0; s < model->signature_count; s++)
        for (int i = 0; i < model->signature[s].output_count; i++)
            if (model->signature[s].output[i].tensor == old) model->signature[s].output[i].tensor = fresh;
}

void qc_node_remove(struct qc_node *node)
{
    for (int i = 0; i < node->in_count; i++) unlink_use(node, i);
    for (int i = 0; i < node->out_count; i++)
        if (node->out[i] && node->out[i]->producer == node) node->out[i]->producer = NULL;
    node->in_count = node->out_count = node->intermediate_count = 0;
    node->code = -1;
}

/* ---- asking ---- */

size_t qc_tensor_elements(const struct qc_tensor *tensor)
{
    size_t count = 1;
    for (int i = 0; i < tensor->rank; i++) count *= (size_t)tensor->dims[i];
    return count;
}

int qc_tensor_use_count(const struct qc_tensor *tensor)
{
    int count = tensor->output_uses;
    for (const struct qc_use *use = tensor->uses; use; use = use->next) count++;
    return count;
}

struct qc_node *qc_tensor_sole_user(const struct qc_tensor *tensor)
{
    return !tensor->output_uses && tensor->uses && !tensor->uses->next ? tensor->uses->node : NULL;
}

const char *qc_node_name(const struct qc_node *node)
{
    if (node->name) return node->name;
    return node->out_count && node->out[0] ? node->out[0]->name : "";
}

const char *qc_node_op(const struct qc_node *node)
{
    const char *name = node->custom ? node->custom : tfl_operator_name(node->code);
    return name ? name : "?";
}

struct qc_quant *qc_quant_new(struct qc_arena *arena, float scale, int64_t zero_point)
{
    struct {
        struct qc_quant quant;
        float scale;
        int64_t zero_point;
    } *block = qc_arena_alloc(arena, sizeof *block);
    if (!block) return NULL;
    block->scale = scale;
    block->zero_point = zero_point;
    block->quant = (struct qc_quant){.count = 1, .scale = &block->scale, .zero_point = &block->zero_point};
    return &block->quant;
}

bool qc_quant_equal(const struct qc_quant *a, const struct qc_quant *b)
{
    if (!a || !b || a->count != b->count || (a->count > 1 && a->axis != b->axis)) return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (a->scale[i] != b->scale[i] || a->zero_point[i] != b->zero_point[i]) return false;
    return a->count > 0;
}
