/*
 * call.c - what the runtime gives to operators: calls of subgraphs, copies between values, shapes at run time, resources, packed
 * weights. See struct qc_runtime in op/op.h.
 *
 * A called graph reads its inputs where the caller has them (no copy); its results are copied out.
 */
#include "run/run.h"

#include <string.h>

enum { MAX_DEPTH = 64 };

static struct qc_session *session_of(struct qc_runtime *rt)
{
    return (struct qc_session *)(void *)((char *)rt - offsetof(struct qc_session, rt));
}

static struct qc_frame_value *holder(struct qc_value *value)
{
    return (struct qc_frame_value *)(void *)((char *)value - offsetof(struct qc_frame_value, value));
}

static qc_status resize(struct qc_runtime *rt, struct qc_value *value, int rank, const int32_t *dims, size_t string_bytes)
{
    struct qc_session *session = session_of(rt);
    size_t count = 1;
    if (rank < 0 || rank > QC_MAX_RANK) return qc_fail(rt->env, QC_UNSUPPORTED, "tensor '%s': rank %d", value->tensor->name, rank);
    for (int i = 0; i < rank; i++)
        if (dims[i] < 0 || __builtin_mul_overflow(count, (size_t)dims[i], &count) || count > SIZE_MAX / 32)
            return qc_fail(rt->env, QC_RANGE, "tensor '%s': its shape at run time has dimension %d", value->tensor->name, (int)dims[i]);
    memmove(value->dims, dims, (size_t)rank * sizeof *dims);
    value->rank = (uint8_t)rank;
    value->shaped = true;
    return qc_frame_reserve(session->main, holder(value), value->type == QC_STRING ? string_bytes : qc_dtype_bytes(value->type, count));
}

static qc_status assign(struct qc_runtime *rt, struct qc_value *to, const struct qc_value *from)
{
    if (to == from) return QC_OK;
    if (to->type != from->type)
        return qc_fail(rt->env, QC_FORMAT, "tensor '%s' of type %s is given a value of type %s", to->tensor->name, qc_dtype_name(to->type),
                       qc_dtype_name(from->type));
    if (to->dynamic || to->type == QC_STRING)
        QC_TRY(resize(rt, to, from->rank, from->dims, from->bytes));
    else if (to->bytes != from->bytes)
        return qc_fail(rt->env, QC_FORMAT, "tensor '%s' of %zu bytes is given a value of %zu bytes", to->tensor->name, to->bytes, from->bytes);
    if (from->bytes) memmove(to->data, from->data, from->bytes);
    return QC_OK;
}

/* The frame of `graph`, planned for inputs of these shapes. */
static qc_status enter(struct qc_runtime *rt, uint32_t index, int in_count, struct qc_value *const *in, struct qc_frame **result)
{
    struct qc_session *session = session_of(rt);
    struct qc_frame *frame;
    if (index >= session->model->graph_count)
        return qc_fail(rt->env, QC_FORMAT, "a call of subgraph %u, but there are only %u", index, session->model->graph_count);
    if (session->depth >= MAX_DEPTH) return qc_fail(rt->env, QC_FORMAT, "calls of subgraphs nest deeper than %d", MAX_DEPTH);
    QC_TRY(qc_frame_make(session, index, &frame));
    const struct qc_graph *graph = frame->graph;
    if (frame->busy) return qc_fail(rt->env, QC_FORMAT, "subgraph '%s' calls itself; the file is damaged", graph->name);
    if (graph->input_count != in_count)
        return qc_fail(rt->env, QC_FORMAT, "subgraph '%s' takes %d inputs and is given %d", graph->name, graph->input_count, in_count);
    bool same = frame->planned;
    for (int i = 0; i < in_count; i++) {
        struct qc_value *to = &frame->value[graph->input[i]->index].value;
        if (!in[i] || to->type != in[i]->type)
            return qc_fail(rt->env, QC_FORMAT, "subgraph '%s' input %d: type %s, given %s", graph->name, i, qc_dtype_name(to->type),
                           in[i] ? qc_dtype_name(in[i]->type) : "nothing");
        same &= to->rank == in[i]->rank && !memcmp(to->dims, in[i]->dims, to->rank * sizeof *to->dims);
        to->rank = in[i]->rank;
        memcpy(to->dims, in[i]->dims, sizeof to->dims);
    }
    *result = frame;
    if (same) return QC_OK;
    session->depth++;
    frame->busy = true; /* a graph that calls itself while being planned */
    qc_status status = qc_frame_plan(frame);
    frame->busy = false;
    session->depth--;
    if (status) qc_context(rt->env, "subgraph '%s'", graph->name);
    return status;
}

static qc_status check_outputs(struct qc_runtime *rt, const struct qc_frame *frame, int out_count)
{
    if (frame->graph->output_count == out_count) return QC_OK;
    return qc_fail(rt->env, QC_FORMAT, "subgraph '%s' gives %d results, %d are taken", frame->graph->name, frame->graph->output_count, out_count);
}

static qc_status call_infer(struct qc_runtime *rt, uint32_t graph, int in_count, struct qc_value *const *in, int out_count,
                            struct qc_value *const *out)
{
    struct qc_frame *frame;
    QC_TRY(enter(rt, graph, in_count, in, &frame));
    QC_TRY(check_outputs(rt, frame, out_count));
    for (int i = 0; i < out_count; i++) {
        const struct qc_value *from = &frame->value[frame->graph->output[i]->index].value;
        out[i]->type = from->type;
        out[i]->shaped = from->shaped && !from->dynamic;
        out[i]->rank = from->rank;
        memcpy(out[i]->dims, from->dims, sizeof out[i]->dims);
        out[i]->bytes = from->bytes;
    }
    return QC_OK;
}

static qc_status call(struct qc_runtime *rt, uint32_t graph, int in_count, struct qc_value *const *in, int out_count,
                      struct qc_value *const *out)
{
    struct qc_session *session = session_of(rt);
    struct qc_frame *frame;
    QC_TRY(enter(rt, graph, in_count, in, &frame));
    QC_TRY(check_outputs(rt, frame, out_count));
    for (int i = 0; i < in_count; i++) {
        struct qc_value *to = &frame->value[frame->graph->input[i]->index].value;
        to->data = in[i]->data;
        to->bytes = in[i]->bytes;
    }
    session->depth++;
    qc_status status = qc_frame_invoke(frame);
    session->depth--;
    if (status) qc_context(rt->env, "subgraph '%s'", frame->graph->name);
    for (int i = 0; i < out_count && !status; i++)
        if (out[i]) status = assign(rt, out[i], &frame->value[frame->graph->output[i]->index].value);
    return status;
}

static struct qc_resource *resource(struct qc_runtime *rt, const char *container, const char *name)
{
    struct qc_session *session = session_of(rt);
    for (struct qc_resource *r = session->resources; r; r = r->next)
        if (!strcmp(r->container, container ? container : "") && !strcmp(r->name, name ? name : "")) return r;
    container = container ? container : "";
    name = name ? name : "";
    size_t container_size = strlen(container) + 1, name_size = strlen(name) + 1;
    struct qc_resource *fresh = qc_env_alloc(rt->env, sizeof *fresh + container_size + name_size);
    if (!fresh) return NULL;
    char *text = (char *)(fresh + 1);
    fresh->id = session->next_resource++;
    fresh->container = memcpy(text, container, container_size);
    fresh->name = memcpy(text + container_size, name, name_size);
    fresh->next = session->resources;
    return session->resources = fresh;
}

static struct qc_resource *resource_at(struct qc_runtime *rt, int32_t id)
{
    for (struct qc_resource *r = session_of(rt)->resources; r; r = r->next)
        if (r->id == id) return r;
    return NULL;
}

static const void *pack(struct qc_runtime *rt, const struct qc_tensor *tensor, const char *kind, size_t bytes,
                        void (*fill)(void *block, const void *context), const void *context)
{
    return qc_pack_get(rt->model, rt->env, tensor, kind, bytes, fill, context);
}

void qc_runtime_init(struct qc_session *session)
{
    session->rt = (struct qc_runtime){.env = &session->env,
                                      .pool = session->pool,
                                      .reference = session->options.reference,
                                      .winograd = session->options.winograd && !session->options.reference,
                                      .own_ops = session->extra_op_count == 0,
                                      .model = session->model,
                                      .call = call,
                                      .call_infer = call_infer,
                                      .assign = assign,
                                      .resize = resize,
                                      .resource = resource,
                                      .resource_at = resource_at,
                                      .pack = pack};
}
