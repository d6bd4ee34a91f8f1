/*
 * batch.c - finding the free dimensions of a graph by inferring all shapes a second time, with other sizes. See batch.h.
 */
#include "import/lower/batch.h"

#include "op/evaluate.h"

#include <string.h>

/* Values up to this size are computed, as they may be shapes. */
enum { MAX_SHAPE_BYTES = 1024 };

/* Which dimensions get another size. */
enum { BATCH = 1, OTHERS = 2 };

/*
 * Equal sizes stay equal, so that inputs that go together still do. Doubling keeps what a network needs to divide by (strides, pooling).
 */
static int32_t other_size(int32_t size)
{
    return size == 1 ? 3 : 2 * size;
}

/* The graphs a node runs with its own inputs, at most two. */
static int called_graphs(const struct qc_node *node, struct qc_graph **called, int *skip)
{
    const struct qc_model *model = node->graph->model;
    int32_t index[2] = {-1, -1};
    *skip = 0;
    if (node->code == tfl_BuiltinOperator_WHILE && node->options) {
        const struct tfl_WhileOptions *options = node->options;
        index[0] = options->cond_subgraph_index;
        index[1] = options->body_subgraph_index;
    } else if (node->code == tfl_BuiltinOperator_IF && node->options) {
        const struct tfl_IfOptions *options = node->options;
        index[0] = options->then_subgraph_index;
        index[1] = options->else_subgraph_index;
        *skip = 1;
    }
    int count = 0;
    for (int i = 0; i < 2; i++)
        if (index[i] > 0 && (uint32_t)index[i] < model->graph_count) called[count++] = model->graph[index[i]];
    return count;
}

static void mark(struct qc_tensor *tensor, const struct qc_value *value)
{
    if (!tensor->has_shape || !value->shaped || value->rank != tensor->rank) return;
    for (int i = 0; i < tensor->rank; i++) tensor->signature[i] = value->dims[i] == tensor->dims[i] ? tensor->dims[i] : -1;
}

static qc_status infer_graph(struct qc_graph *graph, const struct qc_value *input, struct qc_arena *arena, int depth);

/* value[] of the node's outputs from those of its inputs; *in becomes the operands. */
static qc_status infer_outputs(const struct qc_node *node, struct qc_value *value, struct qc_arena *arena, struct qc_value ***in)
{
    struct qc_value *out = qc_arena_array(arena, (size_t)node->out_count, sizeof *out);
    *in = qc_arena_array(arena, (size_t)node->in_count, sizeof **in);
    if (!*in || !out) return QC_NOMEM;
    for (int i = 0; i < node->in_count; i++) (*in)[i] = node->in[i] ? &value[node->in[i]->index] : NULL;
    QC_TRY(qc_evaluate(node, *in, out, arena, MAX_SHAPE_BYTES));
    for (int i = 0; i < node->out_count; i++)
        if (node->out[i]) value[node->out[i]->index] = out[i];
    return QC_OK;
}

static qc_status infer_node(struct qc_node *node, struct qc_value *value, struct qc_arena *arena, int depth)
{
    struct qc_value **in;
    struct qc_graph *called[2];
    int skip, count = called_graphs(node, called, &skip);
    QC_TRY(infer_outputs(node, value, arena, &in));
    for (int i = 0; i < node->out_count; i++)
        if (node->out[i]) mark(node->out[i], &value[node->out[i]->index]);
    for (int k = 0; k < count && depth < 16; k++) { /* deeper nesting is a cycle, which qc_model_check refuses */
        if (called[k]->input_count != node->in_count - skip) continue;
        struct qc_value *operand = qc_arena_array(arena, (size_t)called[k]->input_count, sizeof *operand);
        if (!operand) return QC_NOMEM;
        for (int i = 0; i < called[k]->input_count; i++)
            if (in[i + skip]) operand[i] = *in[i + skip];
        QC_TRY(infer_graph(called[k], operand, arena, depth + 1));
    }
    return QC_OK;
}

/* input: a value for each input of the graph, of which type and shape are used. */
static qc_status infer_graph(struct qc_graph *graph, const struct qc_value *input, struct qc_arena *arena, int depth)
{
    struct qc_value *value = qc_arena_array(arena, graph->tensor_count, sizeof *value);
    if (!value) return QC_NOMEM;
    for (uint32_t i = 0; i < graph->tensor_count; i++) qc_value_of_tensor(&value[i], graph->tensor[i]);
    for (int i = 0; i < graph->input_count; i++) {
        struct qc_value *to = &value[graph->input[i]->index];
        to->shaped = input[i].shaped;
        to->rank = input[i].rank;
        memcpy(to->dims, input[i].dims, sizeof to->dims);
        if (depth) mark(graph->input[i], to);
    }
    for (uint32_t i = 0; i < graph->node_count; i++)
        if (graph->node[i]->code >= 0) QC_TRY(infer_node(graph->node[i], value, arena, depth));
    return QC_OK;
}

/* Puts all signatures but those of the main inputs back to the dims, in this graph and those it runs. */
static void forget(struct qc_graph *graph, int depth)
{
    for (uint32_t i = 0; i < graph->tensor_count; i++) {
        struct qc_tensor *tensor = graph->tensor[i];
        bool input = false;
        for (int k = 0; k < graph->input_count && !depth; k++) input |= graph->input[k] == tensor;
        if (!input) memcpy(tensor->signature, tensor->dims, sizeof tensor->dims);
    }
    for (uint32_t i = 0; i < graph->node_count && depth < 16; i++) {
        struct qc_graph *called[2];
        int skip, count = called_graphs(graph->node[i], called, &skip);
        for (int k = 0; k < count; k++) forget(called[k], depth + 1);
    }
}

/* Infers with other sizes for the free dimensions `which`; on success their signatures and those of all that follows are set. */
static qc_status attempt(struct qc_graph *graph, int which)
{
    struct qc_arena arena;
    qc_status status = QC_NOMEM;
    qc_arena_init(&arena, &graph->model->env);
    struct qc_value *input = qc_arena_array(&arena, (size_t)graph->input_count, sizeof *input);
    forget(graph, 0);
    for (int i = 0; i < graph->input_count && input; i++) {
        const struct qc_tensor *tensor = graph->input[i];
        qc_value_of_tensor(&input[i], tensor);
        for (int k = 0; k < tensor->rank; k++)
            if (tensor->signature[k] < 0 && which & (k ? OTHERS : BATCH)) input[i].dims[k] = other_size(tensor->dims[k]);
    }
    if (input) status = infer_graph(graph, input, &arena, 0);
    qc_arena_free(&arena);
    return status;
}

/* Makes the inputs' free dimensions that are not in `which` fixed. */
static void fix(struct qc_graph *graph, int which)
{
    for (int i = 0; i < graph->input_count; i++)
        for (int k = 0; k < graph->input[i]->rank; k++)
            if (!(which & (k ? OTHERS : BATCH))) graph->input[i]->signature[k] = graph->input[i]->dims[k];
}

qc_status qc_import_mark_batch(struct qc_graph *graph)
{
    static const int attempts[] = {BATCH | OTHERS, BATCH, OTHERS, 0};
    static const char *const fixed[] = {"", "the batch size is", "input sizes other than the batch are", "all input sizes are"};
    struct qc_env *env = &graph->model->env;
    struct qc_error first = {0};
    int free_dims = 0;
    if (env->error.status) return env->error.status;
    for (int i = 0; i < graph->input_count; i++)
        for (int k = 0; k < graph->input[i]->rank; k++)
            if (graph->input[i]->signature[k] < 0) free_dims |= k ? OTHERS : BATCH;
    for (size_t i = 0; i < QC_COUNT(attempts); i++) {
        if (attempts[i] & ~free_dims) continue; /* the same as another attempt */
        qc_status status = attempt(graph, attempts[i]);
        if (status == QC_OK) {
            fix(graph, attempts[i]);
            if (first.status) qc_model_add_note(graph->model, "%s fixed: %s", fixed[free_dims & ~attempts[i]], first.text);
            return QC_OK;
        }
        struct qc_error error;
        qc_env_take(env, &error);
        if (status == QC_NOMEM) return qc_fail(env, status, "%s", error.text);
        if (!first.status) first = error;
    }
    return qc_fail(env, first.status, "%s", first.text);
}

/* ---- while a graph is being built ---- */

struct qc_free_dims {
    struct qc_value *value; /* of the tensors, with other sizes for the free dimensions */
    uint32_t count, capacity;
    uint32_t nodes; /* seen so far */
    bool broken;    /* some operator does not fit other sizes: qc_import_mark_batch will say so */
};

static bool see_tensors(struct qc_graph *graph, struct qc_free_dims *known)
{
    struct qc_arena *arena = &graph->model->arena;
    if (graph->tensor_count > known->capacity) {
        uint32_t capacity = 2 * graph->tensor_count;
        struct qc_value *grown = qc_arena_array(arena, capacity, sizeof *grown);
        if (!grown) return false;
        if (known->count) memcpy(grown, known->value, known->count * sizeof *grown);
        known->value = grown;
        known->capacity = capacity;
    }
    for (; known->count < graph->tensor_count; known->count++) {
        const struct qc_tensor *tensor = graph->tensor[known->count];
        struct qc_value *value = &known->value[known->count];
        qc_value_of_tensor(value, tensor);
        for (int i = 0; i < tensor->rank && !tensor->producer && !tensor->constant; i++)
            if (tensor->signature[i] < 0) value->dims[i] = other_size(tensor->dims[i]);
    }
    return true;
}

bool qc_import_is_free(struct qc_graph *graph, const struct qc_tensor *tensor, int axis)
{
    struct qc_env *env = &graph->model->env;
    if (env->error.status) return false;
    if (!graph->free_dims && !(graph->free_dims = qc_arena_alloc(&graph->model->arena, sizeof *graph->free_dims))) return false;
    struct qc_free_dims *known = graph->free_dims;
    if (!see_tensors(graph, known)) return false;
    for (; known->nodes < graph->node_count && !known->broken; known->nodes++) {
        struct qc_value **in;
        if (graph->node[known->nodes]->code < 0) continue;
        qc_status status = infer_outputs(graph->node[known->nodes], known->value, &graph->model->arena, &in);
        if (status == QC_NOMEM) return false;
        if (!status) continue;
        struct qc_error error;
        qc_env_take(env, &error);
        known->broken = true;
    }
    const struct qc_value *value = &known->value[tensor->index];
    return value->shaped && axis < value->rank && value->dims[axis] != tensor->dims[axis];
}
