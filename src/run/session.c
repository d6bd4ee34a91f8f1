/*
 * session.c - the public session API on top of frames. See quantc.h section 5.
 */
#include "run/run.h"
#include "base/denormals.h"

#include <stdio.h>
#include <string.h>

/* ---- creation ---- */

const struct qc_op *qc_session_op(const struct qc_session *session, const struct qc_node *node)
{
    for (size_t i = 0; i < session->extra_op_count; i++) {
        const struct qc_op *op = session->extra_op[i];
        if (op->code == node->code && (!node->custom || !strcmp(op->name, node->custom))) return op;
    }
    return qc_op_find(node->code, node->custom);
}

/* Is `item` one of those in `list`, which are separated by ", "? */
static bool is_listed(const char *list, const char *item)
{
    size_t length = strlen(item);
    for (const char *at = list; *item && (at = strstr(at, item)); at++)
        if ((at == list || at[-1] == ' ') && (!at[length] || at[length] == ',')) return true;
    return false;
}

/* All operators the model needs and quantc lacks, in one error. */
static qc_status check_operators(struct qc_session *session)
{
    char missing[900];
    size_t at = 0, kinds = 0;
    missing[0] = 0;
    for (uint32_t g = 0; g < session->model->graph_count; g++)
        for (uint32_t n = 0; n < session->model->graph[g]->node_count; n++) {
            const struct qc_node *node = session->model->graph[g]->node[n];
            const struct qc_op *op = qc_session_op(session, node);
            if (op && node->version <= QC_MAX(op->max_version, 1)) continue;
            const char *name = *qc_node_op(node) ? qc_node_op(node) : "a custom one without a name";
            char item[120];
            if (op)
                snprintf(item, sizeof item, "%.90s version %d", name, node->version);
            else
                snprintf(item, sizeof item, "%.100s", name);
            if (is_listed(missing, item) || at + strlen(item) + 3 > sizeof missing) continue;
            at += (size_t)snprintf(missing + at, sizeof missing - at, "%s%s", at ? ", " : "", item);
            kinds++;
        }
    if (!kinds) return QC_OK;
    bool flex = strstr(missing, "Flex");
    return qc_fail(&session->env, QC_UNSUPPORTED, "the model needs %zu operator%s that quantc does not have: %s%s", kinds,
                   kinds == 1 ? "" : "s", missing, flex ? "; Flex operators run inside TensorFlow only: convert the model again without Select TF ops, with quantc for instance" : "");
}

static int entry_name_order(const void *a, const void *b, void *context)
{
    const struct qc_signature_entry *entry = context;
    return strcmp(entry[*(const int *)a].name, entry[*(const int *)b].name);
}

/* Tensor indices of inputs or outputs: the graph's order, or that of the signature's names. */
static int *list_io(struct qc_session *session, const struct qc_signature_entry *entry, int count, struct qc_tensor *const *tensor)
{
    int *index = qc_env_alloc(&session->env, ((size_t)count + 1) * sizeof *index);
    if (!index) return NULL;
    for (int i = 0; i < count; i++) index[i] = i;
    if (entry) qsort_r(index, (size_t)count, sizeof *index, entry_name_order, (void *)(uintptr_t)entry);
    for (int i = 0; i < count; i++) index[i] = (int)(entry ? entry[index[i]].tensor->index : tensor[i]->index);
    return index;
}

static qc_status select_signature(struct qc_session *session)
{
    const struct qc_model *model = session->model;
    const char *key = session->options.signature;
    const struct qc_graph *graph = model->graph[0];
    for (uint32_t i = 0; key && i < model->signature_count; i++)
        if (!strcmp(model->signature[i].key, key)) session->signature = &model->signature[i];
    if (key && !session->signature) {
        char list[600] = "";
        for (uint32_t i = 0; i < model->signature_count && strlen(list) < 500; i++)
            snprintf(list + strlen(list), sizeof list - strlen(list), "%s'%.80s'", i ? ", " : "", model->signature[i].key);
        return qc_fail(&session->env, QC_INVALID, "there is no signature '%s'; the model has %s", key, *list ? list : "none");
    }
    const struct qc_signature *signature = session->signature;
    if (signature) graph = signature->graph;
    session->input_count = signature ? signature->input_count : graph->input_count;
    session->output_count = signature ? signature->output_count : graph->output_count;
    session->input = list_io(session, signature ? signature->input : NULL, session->input_count, graph->input);
    session->output = list_io(session, signature ? signature->output : NULL, session->output_count, graph->output);
    if (!session->input || !session->output) return QC_NOMEM;
    QC_TRY(qc_frame_make(session, graph->index, &session->main));
    return QC_OK;
}

static qc_status start(struct qc_session *session)
{
    QC_TRY(check_operators(session));
    int threads = session->options.threads < 0 ? qc_cpu_count() : session->options.threads;
    if (threads > 1 && !(session->pool = qc_pool_create(&session->env, threads))) return QC_NOMEM;
    qc_runtime_init(session);
    session->frame = qc_env_alloc(&session->env, session->model->graph_count * sizeof *session->frame);
    if (!session->frame) return QC_NOMEM;
    QC_TRY(select_signature(session));
    session->main->owns_inputs = true;
    return QC_OK;
}

struct qc_session *qc_session_start(struct qc_model *model, const struct qc_options *options, const struct qc_op *const *extra_op,
                                    size_t extra_op_count, struct qc_error *error)
{
    struct qc_options merged = options ? *options : model->options;
    struct qc_env env;
    if (!merged.allocator) merged.allocator = &model->env.allocator;
    qc_env_init(&env, &merged);
    struct qc_session *session = qc_env_alloc(&env, sizeof *session);
    if (!session) {
        qc_env_take(&env, error);
        return NULL;
    }
    session->env = env;
    session->env.elsewhere = model->env.used; /* the ceiling is one for both */
    session->model = model;
    session->options = merged;
    session->options.allocator = NULL;
    session->extra_op = extra_op;
    session->extra_op_count = extra_op_count;
    qc_status status = start(session);
    (void)status; /* is in the env */
    return session;
}

struct qc_session *qc_session_create(struct qc_model *model, const struct qc_options *options, struct qc_error *error)
{
    if (!QC_GIVEN(model, error)) return NULL;
    struct qc_session *session = qc_session_start(model, options, NULL, 0, error);
    if (!session) return NULL;
    if (!session->env.error.status && !qc_frame_plan(session->main)) return session;
    if (*model->path) qc_context(&session->env, "%s", model->path);
    qc_env_take(&session->env, error);
    qc_session_free(session);
    return NULL;
}

void qc_session_free(struct qc_session *session)
{
    if (!session) return;
    qc_pool_free(session->pool);
    for (uint32_t g = 0; session->frame && g < session->model->graph_count; g++) qc_frame_free(&session->frame[g]);
    for (struct qc_resource *r = session->resources, *next; r; r = next) {
        next = r->next;
        if (r->destroy) r->destroy(&session->env, r->data);
        qc_env_free(&session->env, r);
    }
    qc_env_free(&session->env, session->frame);
    qc_env_free(&session->env, session->input);
    qc_env_free(&session->env, session->output);
    struct qc_env env = session->env;
    qc_env_free(&env, session);
}

/* ---- inputs and outputs ---- */

size_t qc_session_input_count(const struct qc_session *session)
{
    return (size_t)session->input_count;
}

size_t qc_session_output_count(const struct qc_session *session)
{
    return (size_t)session->output_count;
}

static void describe(const struct qc_frame *frame, int index, struct qc_tensor_info *info)
{
    const struct qc_value *value = &frame->value[index].value;
    const struct qc_tensor *tensor = value->tensor;
    bool there = value->shaped;
    memset(info, 0, sizeof *info);
    info->name = tensor->name;
    info->type = value->type;
    info->rank = there ? value->rank : tensor->has_shape ? tensor->rank : 0;
    memcpy(info->dims, value->dims, sizeof info->dims);
    memcpy(info->signature, tensor->signature, sizeof info->signature);
    info->scale = qc_value_scale(value);
    info->zero_point = qc_value_zero_point(value);
    info->data = there && value->bytes ? value->data : NULL;
    info->bytes = there ? value->bytes : 0;
}

void qc_session_observe(struct qc_session *session, void (*observe)(void *user, const struct qc_step *step), void *observer)
{
    session->observe = observe;
    session->observer = observer;
    for (uint32_t i = 0; i < session->model->graph_count; i++) session->frame[i].planned = false; /* without steps that share a pass */
}

/* Plans anew if a resize asked for it. */
static qc_status ready(struct qc_session *session)
{
    return session->main->planned ? QC_OK : qc_frame_plan(session->main);
}

static qc_status get(struct qc_session *session, const int *list, int count, size_t index, struct qc_tensor_info *info)
{
    if (!info || index >= (size_t)count) return QC_INVALID;
    qc_status status = ready(session);
    if (status) {
        qc_env_take(&session->env, NULL);
        return status;
    }
    describe(session->main, list[index], info);
    return QC_OK;
}

qc_status qc_session_input(struct qc_session *session, size_t index, struct qc_tensor_info *info)
{
    return get(session, session->input, session->input_count, index, info);
}

qc_status qc_session_output(struct qc_session *session, size_t index, struct qc_tensor_info *info)
{
    return get(session, session->output, session->output_count, index, info);
}

static int find(const struct qc_session *session, const int *list, int count, const struct qc_signature_entry *entry, int entries,
                const char *name)
{
    if (!name) return -1;
    for (int e = 0; e < entries; e++)
        for (int i = 0; i < count && !strcmp(entry[e].name, name); i++)
            if (list[i] == (int)entry[e].tensor->index) return i;
    for (int i = 0; i < count; i++)
        if (!strcmp(session->main->graph->tensor[list[i]]->name, name)) return i;
    return -1;
}

/* The signature asked for, else the first one of the main graph. */
static const struct qc_signature *names_of(const struct qc_session *session)
{
    if (session->signature) return session->signature;
    for (uint32_t i = 0; i < session->model->signature_count; i++)
        if (session->model->signature[i].graph == session->main->graph) return &session->model->signature[i];
    return NULL;
}

int qc_session_input_index(const struct qc_session *session, const char *name)
{
    const struct qc_signature *s = names_of(session);
    return find(session, session->input, session->input_count, s ? s->input : NULL, s ? s->input_count : 0, name);
}

int qc_session_output_index(const struct qc_session *session, const char *name)
{
    const struct qc_signature *s = names_of(session);
    return find(session, session->output, session->output_count, s ? s->output : NULL, s ? s->output_count : 0, name);
}

qc_status qc_session_resize(struct qc_session *session, size_t index, int rank, const int32_t *dims, struct qc_error *error)
{
    if (!QC_GIVEN(session, error)) return QC_INVALID;
    if (index >= (size_t)session->input_count) {
        qc_fail(&session->env, QC_INVALID, "there is no input %zu; the model has %d", index, session->input_count);
        return qc_env_take(&session->env, error);
    }
    struct qc_value *value = &session->main->value[session->input[index]].value;
    if (rank < 0 || rank > QC_MAX_RANK) {
        qc_fail(&session->env, QC_INVALID, "input %zu: rank %d is outside 0 to %d", index, rank, QC_MAX_RANK);
        return qc_env_take(&session->env, error);
    }
    if (rank && !QC_GIVEN(dims, error)) return QC_INVALID;
    for (int i = 0; i < rank; i++)
        if (dims[i] < 0) {
            qc_fail(&session->env, QC_INVALID, "input %zu: dimension %d is %d", index, i, (int)dims[i]);
            return qc_env_take(&session->env, error);
        }
    if (value->rank == rank && !memcmp(value->dims, dims, (size_t)rank * sizeof *dims)) return QC_OK;
    value->rank = (uint8_t)rank;
    memcpy(value->dims, dims, (size_t)rank * sizeof *dims);
    session->main->planned = false;
    return QC_OK;
}

/* ---- running ---- */

qc_status qc_session_invoke(struct qc_session *session, struct qc_error *error)
{
    if (!QC_GIVEN(session, error)) return QC_INVALID;
    qc_status status = ready(session);
    if (!status) {
        /* as XNNPACK does; TensorFlow Lite's reference kernels see denormals as they are */
        unsigned mode = session->rt.reference ? qc_denormals_keep() : qc_denormals_flush();
        status = qc_frame_invoke(session->main);
        qc_denormals_restore(mode);
    }
    if (!status) return QC_OK;
    if (*session->model->path) qc_context(&session->env, "%s", session->model->path);
    return qc_env_take(&session->env, error);
}

qc_status qc_session_reset(struct qc_session *session, struct qc_error *error)
{
    (void)error;
    for (uint32_t g = 0; g < session->model->graph_count; g++) qc_frame_reset(&session->frame[g]);
    return QC_OK;
}

size_t qc_session_arena(const struct qc_session *session, size_t *lower_bound)
{
    if (lower_bound) *lower_bound = qc_frame_lower_bound(session->main);
    return session->main->memory_bytes;
}

size_t qc_session_memory(const struct qc_session *session)
{
    return session->env.used;
}

bool qc_session_profile(const struct qc_session *session, size_t index, struct qc_profile_row *row)
{
    for (uint32_t g = 0; g < session->model->graph_count; g++) {
        const struct qc_frame *frame = &session->frame[g];
        for (uint32_t n = 0; frame->made && n < frame->graph->node_count; n++) {
            const struct qc_frame_step *fs = &frame->step[n];
            if (!fs->calls || index--) continue;
            *row = (struct qc_profile_row){qc_node_op(fs->step.node), qc_node_name(fs->step.node), fs->step.kernel ? fs->step.kernel : "",
                                           fs->calls, fs->nanoseconds};
            return true;
        }
    }
    return false;
}

/* ---- strings: TFLite's packed form is int32 count, count + 1 int32 offsets, then the bytes ---- */

qc_status qc_session_set_strings(struct qc_session *session, size_t index, size_t count, const char *const *strings, const size_t *lengths,
                                 struct qc_error *error)
{
    if (!QC_GIVEN(session, error) || (count && !QC_GIVEN(strings, error))) return QC_INVALID;
    struct qc_tensor_info info;
    if (qc_session_input(session, index, &info) || info.type != QC_STRING) {
        qc_fail(&session->env, QC_INVALID, "input %zu is no string tensor", index);
        return qc_env_take(&session->env, error);
    }
    size_t expected = 1, bytes = 4 * (count + 2);
    for (int i = 0; i < info.rank; i++) expected *= (size_t)info.dims[i];
    for (size_t i = 0; i < count; i++) bytes += lengths ? lengths[i] : strlen(strings[i]);
    if (count != expected || bytes > INT32_MAX) {
        qc_fail(&session->env, QC_INVALID, "input %zu takes %zu strings, %zu of %zu bytes are given", index, expected, count, bytes);
        return qc_env_take(&session->env, error);
    }
    struct qc_frame_value *fv = &session->main->value[session->input[index]];
    if (qc_frame_reserve(session->main, fv, bytes)) return qc_env_take(&session->env, error);
    int32_t *head = fv->value.data;
    int32_t at = (int32_t)(4 * (count + 2));
    head[0] = (int32_t)count;
    for (size_t i = 0; i < count; i++) {
        size_t length = lengths ? lengths[i] : strlen(strings[i]);
        head[1 + i] = at;
        if (length) memcpy((char *)fv->value.data + at, strings[i], length);
        at += (int32_t)length;
    }
    head[1 + count] = at;
    return QC_OK;
}

bool qc_session_get_string(struct qc_session *session, size_t output, size_t element, const char **bytes, size_t *length)
{
    struct qc_tensor_info info;
    int32_t head, begin, end;
    if (qc_session_output(session, output, &info) || info.type != QC_STRING || info.bytes < 8 || element > info.bytes / 4) return false;
    memcpy(&head, info.data, 4);
    if (head < 0 || element >= (size_t)head || 4 * ((size_t)head + 2) > info.bytes) return false;
    memcpy(&begin, (const char *)info.data + 4 * (element + 1), 4);
    memcpy(&end, (const char *)info.data + 4 * (element + 2), 4);
    if (begin < 0 || end < begin || (size_t)end > info.bytes) return false;
    *bytes = (const char *)info.data + begin;
    *length = (size_t)(end - begin);
    return true;
}
