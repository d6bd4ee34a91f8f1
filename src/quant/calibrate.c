/*
 * calibrate.c - runs the float graph on the shipping runtime, with an observer on every float value. Each thread has a session and states of
 * its own and takes the next sample when it is done with one; at the end the states are joined. Memory does not grow with the samples.
 */
#include "base/pool.h"
#include "quant/integer_lstm.h"
#include "quant/observer.h"
#include "quant/stats.h"
#include "run/run.h"

#include <pthread.h>
#include <stdarg.h>
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

/* Samples are handed out in order, one at a time; what is done with them is not in order. */
struct calibration {
    struct qc_model *model;
    const struct qc_convert_options *options;
    const struct qc_observer *observer;
    pthread_mutex_t lock;   /* of what follows */
    size_t next;            /* sample */
    size_t failed;          /* the first sample that failed; SIZE_MAX: none */
    struct qc_error error;  /* its sentence */
};

struct watch { /* one thread's */
    struct calibration *calibration;
    struct qc_session *session;
    struct qc_arena arena;
    void ***state; /* [graph][tensor], NULL: not seen yet */
    bool no_memory;
    const struct qc_tensor *odd; /* the first tensor with a value that is not finite */
};

/* ---- observing ---- */

static void see(struct watch *w, const struct qc_tensor *tensor, const void *data, size_t bytes)
{
    const struct qc_observer *observer = w->calibration->observer;
    void **state = &w->state[tensor->graph->index][tensor->index];
    if (w->no_memory || w->odd || !qc_tensor_use_count(tensor)) return;
    if (!*state && !(*state = qc_arena_alloc(&w->arena, observer->state_bytes))) {
        w->no_memory = true;
        return;
    }
    if (!observer->see(*state, data, bytes / sizeof(float))) w->odd = tensor;
}

static void see_cell(void *user, const struct qc_tensor *state, const float *value, size_t count)
{
    see(user, state, value, count * sizeof *value);
}

static void see_cells(struct watch *w, const struct qc_step *step)
{
    struct qc_env *env = &w->session->env;
    size_t count = qc_int_lstm_work(step);
    float *work = count ? qc_env_alloc(env, count * sizeof *work) : NULL;
    w->no_memory |= count && !work;
    if (work) qc_int_lstm_cells(step, work, see_cell, w);
    qc_env_free(env, work);
}

static void see_step(void *user, const struct qc_step *step)
{
    struct watch *w = user;
    for (int i = 0; i < step->out_count; i++)
        if (step->out[i] && step->out[i]->type == QC_FLOAT32) see(w, step->out[i]->tensor, step->out[i]->data, step->out[i]->bytes);
    if (qc_int_lstm(step->node)) see_cells(w, step);
}

static void see_inputs(struct watch *w)
{
    const struct qc_graph *graph = w->session->main->graph;
    for (int i = 0; i < graph->input_count; i++) {
        const struct qc_value *value = &w->session->main->value[graph->input[i]->index].value;
        if (value->type == QC_FLOAT32) see(w, graph->input[i], value->data, value->bytes);
    }
}

/* ---- samples ---- */

/* Keeps the sentence of the first sample that failed, in order of samples: it does not depend on threads. */
static void fail(struct calibration *c, size_t sample, const struct qc_error *error)
{
    pthread_mutex_lock(&c->lock);
    if (sample < c->failed) {
        c->failed = sample;
        c->error = *error;
    }
    pthread_mutex_unlock(&c->lock);
}

static void explain(struct qc_error *error, qc_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void explain(struct qc_error *error, qc_status status, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    error->status = status;
    vsnprintf(error->text, sizeof error->text, format, list);
    va_end(list);
}

/* The next sample, in the inputs of this thread's session; false: there is none. */
static bool take(struct watch *w, size_t *sample)
{
    struct calibration *c = w->calibration;
    const struct qc_convert_options *options = c->options;
    const struct qc_samples *samples = options->samples;
    struct qc_error why = {0}, error = {0};
    pthread_mutex_lock(&c->lock);
    bool taken = c->failed == SIZE_MAX && c->next < samples->count;
    if (taken) {
        *sample = c->next++;
        if (options->progress && !options->progress(options->progress_user, "calibrating", *sample, samples->count))
            explain(&error, QC_CANCELLED, "stopped while calibrating, at sample %zu", *sample);
        else if (qc_session_reset(w->session, &why)) /* every sample is a sequence of its own */
            explain(&error, why.status, "sample %zu: %.*s", *sample, 900, why.text);
        else if (samples->fill(samples->user, *sample, w->session, &why))
            explain(&error, why.status ? why.status : QC_INVALID, "sample %zu: %.*s", *sample, 900, why.text);
    }
    pthread_mutex_unlock(&c->lock);
    if (error.status) fail(c, *sample, &error);
    return taken && !error.status;
}

static bool run_sample(struct watch *w, size_t sample)
{
    struct qc_error why = {0}, error = {0};
    if (qc_session_invoke(w->session, &why)) {
        explain(&error, why.status, "sample %zu: %.*s", sample, 900, why.text);
    } else {
        see_inputs(w);
        if (w->no_memory) explain(&error, QC_NOMEM, "memory ran out while calibrating");
        if (w->odd)
            explain(&error, QC_RANGE, "sample %zu: '%.200s' becomes NaN or infinite; check the sample, or keep the layer in front with --keep-float", sample,
                    w->odd->name);
    }
    if (error.status) fail(w->calibration, sample, &error);
    return !error.status;
}

static void run_samples(void *context, size_t begin, size_t end, int thread)
{
    struct watch *w = context;
    size_t sample;
    (void)thread;
    for (size_t i = begin; i < end; i++)
        while (take(&w[i], &sample) && run_sample(&w[i], sample)) {}
}

/* ---- all of it ---- */

static qc_status open_watch(struct watch *w, struct calibration *c, int threads)
{
    struct qc_options run = {.threads = threads};
    struct qc_error error = {0};
    struct qc_env *env = &c->model->env;
    w->calibration = c;
    if (!(w->session = qc_session_create(c->model, &run, &error))) return qc_fail(env, error.status, "the float model does not run: %s", error.text);
    qc_session_observe(w->session, see_step, w);
    qc_arena_init(&w->arena, &w->session->env);
    if (!(w->state = qc_arena_array(&w->arena, c->model->graph_count, sizeof *w->state))) return qc_fail(env, QC_NOMEM, "memory ran out while calibrating");
    for (uint32_t g = 0; g < c->model->graph_count; g++)
        if (!(w->state[g] = qc_arena_array(&w->arena, c->model->graph[g]->tensor_count, sizeof **w->state)))
            return qc_fail(env, QC_NOMEM, "memory ran out while calibrating");
    return QC_OK;
}

static void close_watch(struct watch *w)
{
    if (!w->session) return;
    qc_arena_free(&w->arena);
    qc_session_free(w->session);
}

/* What all threads saw of a tensor, in the first one's state; NULL: nothing. */
static void *joined(struct watch *w, int count, uint32_t graph, uint32_t tensor)
{
    void *state = NULL;
    for (int i = 0; i < count; i++) {
        void *other = w[i].state[graph][tensor];
        if (state && other) w->calibration->observer->join(state, other);
        if (!state) state = other;
    }
    return state;
}

static qc_status collect(struct watch *w, int count, int bits, struct qc_stats *stats)
{
    const struct qc_model *model = w->calibration->model;
    size_t most = 0;
    for (uint32_t g = 0; g < model->graph_count; g++) most += model->graph[g]->tensor_count;
    if (!(stats->row = qc_arena_array(&stats->arena, most, sizeof *stats->row))) return QC_NOMEM;
    for (uint32_t g = 0; g < model->graph_count; g++)
        for (uint32_t i = 0; i < model->graph[g]->tensor_count; i++) {
            const char *name = model->graph[g]->tensor[i]->name;
            struct qc_stats_row *row = &stats->row[stats->count];
            const void *state = joined(w, count, g, i);
            if (!state || !w->calibration->observer->range(state, bits, &row->min, &row->max)) continue;
            row->name = g ? qc_arena_printf(&stats->arena, "%s:%s", model->graph[g]->name, name) : qc_arena_string(&stats->arena, name);
            if (!row->name) return QC_NOMEM;
            stats->count++;
        }
    qc_stats_settle(stats);
    return QC_OK;
}

/* A session for each of `workers` threads; those left over share out over the sessions. */
static qc_status run_all(struct calibration *c, int workers, int threads, int bits, struct qc_stats *stats)
{
    struct qc_env *env = &c->model->env;
    struct watch *w = qc_env_alloc(env, (size_t)workers * sizeof *w);
    struct qc_pool *pool = w && workers > 1 ? qc_pool_create(env, workers) : NULL;
    qc_status status = w && (pool || workers == 1) ? QC_OK : QC_NOMEM;
    for (int i = 0; i < workers && !status; i++) status = open_watch(&w[i], c, threads / workers);
    if (!status) {
        qc_pool_for(pool, (size_t)workers, 1, run_samples, w);
        if (c->failed != SIZE_MAX) status = qc_fail(env, c->error.status, "%s", c->error.text);
    }
    if (!status) status = collect(w, workers, bits, stats);
    for (int i = 0; w && i < workers; i++) close_watch(&w[i]);
    qc_pool_free(pool);
    qc_env_free(env, w);
    return status;
}

/* Variables that samples write are read by later ones: then there is one order alone. */
static bool keeps_variables(const struct qc_model *model)
{
    for (uint32_t g = 0; g < model->graph_count; g++)
        for (uint32_t n = 0; n < model->graph[g]->node_count; n++)
            if (model->graph[g]->node[n]->code == tfl_BuiltinOperator_ASSIGN_VARIABLE) return true;
    return false;
}

struct qc_stats *qc_calibrate(struct qc_model *model, const struct qc_convert_options *options, int bits)
{
    const char *name = options->observer ? options->observer : "minmax";
    struct calibration c = {.model = model, .options = options, .observer = qc_observer_find(name), .failed = SIZE_MAX};
    size_t samples = options->samples->count;
    int threads = options->threads < 0 ? qc_cpu_count() : QC_MAX(options->threads, 1);
    struct qc_stats *stats = qc_stats_new();
    qc_status status = stats ? QC_OK : qc_fail(&model->env, QC_NOMEM, "memory ran out while calibrating");
    if (!c.observer) status = qc_fail(&model->env, QC_INVALID, "there is no observer '%s'", name);
    if (!status && !samples) status = qc_fail(&model->env, QC_INVALID, "the representative data holds no samples");
    pthread_mutex_init(&c.lock, NULL);
    int workers = keeps_variables(model) ? 1 : (int)QC_MIN((size_t)threads, samples);
    if (!status) status = run_all(&c, workers, threads, bits, stats);
    pthread_mutex_destroy(&c.lock);
    if (!status) return stats;
    qc_stats_free(stats);
    return NULL;
}
