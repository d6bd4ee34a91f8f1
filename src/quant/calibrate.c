/*
 * calibrate.c - runs the float graph on the shipping runtime, one sample after another, with an observer on every float value.
 */
#include "quant/observer.h"
#include "quant/stats.h"
#include "run/run.h"

#include <stdio.h>
#include <string.h>

#include "observer_declare.inc"

static const struct qc_observer *const observers[] = {
#include "observer_rows.inc"
    NULL,
};

const struct qc_observer *const *qc_observer_list(void)
{
    return observers;
}

const struct qc_observer *qc_observer_find(const char *name)
{
    for (size_t i = 0; observers[i]; i++)
        if (!strcmp(observers[i]->name, name)) return observers[i];
    return NULL;
}

struct watch {
    struct qc_model *model;
    const struct qc_observer *observer;
    struct qc_arena arena;
    void ***state; /* [graph][tensor], NULL: not seen yet */
    bool failed;
    const struct qc_tensor *odd; /* the first tensor with a value that is not finite */
};

static void see(struct watch *w, const struct qc_tensor *tensor, const void *data, size_t bytes)
{
    void **state = &w->state[tensor->graph->index][tensor->index];
    if (w->failed || w->odd || !qc_tensor_use_count(tensor)) return;
    if (!*state && !(*state = qc_arena_alloc(&w->arena, w->observer->state_bytes))) {
        w->failed = true;
        return;
    }
    if (!w->observer->see(*state, data, bytes / sizeof(float))) w->odd = tensor;
}

static void see_step(void *user, const struct qc_step *step)
{
    struct watch *w = user;
    for (int i = 0; i < step->out_count; i++)
        if (step->out[i] && step->out[i]->type == QC_FLOAT32) see(w, step->out[i]->tensor, step->out[i]->data, step->out[i]->bytes);
    for (int i = 0; i < step->intermediate_count; i++)
        if (step->intermediate[i] && step->intermediate[i]->type == QC_FLOAT32 && step->intermediate[i]->data)
            see(w, step->intermediate[i]->tensor, step->intermediate[i]->data, step->intermediate[i]->bytes);
}

static void see_inputs(struct watch *w, struct qc_session *session)
{
    const struct qc_graph *graph = session->main->graph;
    for (int i = 0; i < graph->input_count; i++) {
        const struct qc_value *value = &session->main->value[graph->input[i]->index].value;
        if (value->type == QC_FLOAT32) see(w, graph->input[i], value->data, value->bytes);
    }
}

static qc_status one_sample(struct watch *w, struct qc_session *session, const struct qc_convert_options *options, size_t index)
{
    struct qc_env *env = &w->model->env;
    struct qc_error error = {0};
    if (options->progress && !options->progress(options->progress_user, "calibrating", index, options->samples->count))
        return qc_fail(env, QC_CANCELLED, "stopped while calibrating, at sample %zu", index);
    if (options->samples->fill(options->samples->user, index, session, &error) || qc_session_invoke(session, &error))
        return qc_fail(env, error.status ? error.status : QC_INVALID, "sample %zu: %s", index, error.text);
    see_inputs(w, session);
    if (w->failed) return qc_fail(env, QC_NOMEM, "memory ran out while calibrating");
    if (w->odd)
        return qc_fail(env, QC_RANGE, "sample %zu: '%s' becomes NaN or infinite; check the sample, or keep the layer in front with --keep-float", index,
                       w->odd->name);
    return QC_OK;
}

static qc_status run_samples(struct watch *w, const struct qc_convert_options *options)
{
    struct qc_options run = {.threads = options->threads};
    struct qc_error error = {0};
    struct qc_session *session = qc_session_create(w->model, &run, &error);
    if (!session) return qc_fail(&w->model->env, error.status, "the float model does not run: %s", error.text);
    session->observe = see_step;
    session->observer = w;
    qc_status status = QC_OK;
    for (size_t i = 0; i < options->samples->count && !status; i++) status = one_sample(w, session, options, i);
    qc_session_free(session);
    return status;
}

static qc_status collect(const struct watch *w, int bits, struct qc_stats *stats)
{
    size_t most = 0;
    for (uint32_t g = 0; g < w->model->graph_count; g++) most += w->model->graph[g]->tensor_count;
    if (!(stats->row = qc_arena_array(&stats->arena, most, sizeof *stats->row))) return QC_NOMEM;
    for (uint32_t g = 0; g < w->model->graph_count; g++)
        for (uint32_t i = 0; i < w->model->graph[g]->tensor_count; i++) {
            const char *name = w->model->graph[g]->tensor[i]->name;
            struct qc_stats_row *row = &stats->row[stats->count];
            if (!w->state[g][i] || !w->observer->range(w->state[g][i], bits, &row->min, &row->max)) continue;
            row->name = g ? qc_arena_printf(&stats->arena, "%s:%s", w->model->graph[g]->name, name) : qc_arena_string(&stats->arena, name);
            if (!row->name) return QC_NOMEM;
            stats->count++;
        }
    qc_stats_settle(stats);
    return QC_OK;
}

struct qc_stats *qc_calibrate(struct qc_model *model, const struct qc_convert_options *options, int bits)
{
    const char *name = options->observer ? options->observer : "minmax";
    struct watch w = {.model = model, .observer = qc_observer_find(name)};
    struct qc_stats *stats = qc_stats_new();
    qc_status status = stats ? QC_OK : qc_fail(&model->env, QC_NOMEM, "memory ran out while calibrating");
    qc_arena_init(&w.arena, &model->env);
    if (!w.observer) status = qc_fail(&model->env, QC_INVALID, "there is no observer '%s'", name);
    if (!status && !options->samples->count) status = qc_fail(&model->env, QC_INVALID, "the representative data holds no samples");
    if (!status && !(w.state = qc_arena_array(&w.arena, model->graph_count, sizeof *w.state))) status = QC_NOMEM;
    for (uint32_t g = 0; g < model->graph_count && !status; g++)
        if (!(w.state[g] = qc_arena_array(&w.arena, model->graph[g]->tensor_count, sizeof **w.state))) status = QC_NOMEM;
    if (!status) status = run_samples(&w, options);
    if (!status) status = collect(&w, bits, stats);
    qc_arena_free(&w.arena);
    if (!status) return stats;
    qc_stats_free(stats);
    return NULL;
}
