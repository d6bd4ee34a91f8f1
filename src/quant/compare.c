/*
 * compare.c - two models on the same samples, value by value. See quantc.h section 6.
 *
 * The reference runs first and its values are kept for one sample; the other model's are compared as they come. So memory is that of one
 * sample's activations, however many samples there are.
 */
#include "quant/shared/pair.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct track { /* one layer or output */
    const char *name, *op;
    const struct qc_tensor *reference;
    float *kept; /* the reference's values of this sample */
    size_t room, count;
    /* over all samples: */
    size_t elements, rows, agreed;
    double max_error, error, signal, noise, dot, norm;
    bool odd;
    float *first; /* outputs: values of the first sample, to tell constant ones */
    float *reference_first;
    size_t first_count;
    bool varies;
    double spread; /* largest distance of the reference's values from those of the first sample */
    double step;   /* of the model's quantization */
};

struct qc_comparison {
    struct qc_env env;
    struct qc_arena arena;
    struct qc_model *reference_model, *model;
    struct track *layer, *output;
    struct track **by_reference, **by_model; /* by tensor index of the main graphs */
    size_t layer_count, output_count;
    bool failed;
    float *scratch; /* one value of the model as floats */
    size_t scratch_room;
};

static bool make_room(struct qc_comparison *c, float **block, size_t *room, size_t count)
{
    if (count <= *room && *block) return true;
    float *grown = qc_env_resize(&c->env, *block, (count + 1) * sizeof *grown);
    if (!grown) return false;
    *block = grown;
    *room = count;
    return true;
}

/* ---- one value ---- */

static void keep(struct qc_comparison *c, struct track *t, const struct qc_value *value)
{
    size_t count = qc_value_elements(value);
    if (!make_room(c, &t->kept, &t->room, count)) {
        c->failed = true;
        return;
    }
    t->count = qc_pair_floats(value, t->kept) ? count : 0;
}

static void measure(struct track *t, const float *got, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double want = (double)t->kept[i], have = (double)got[i], error = fabs(have - want);
        if (!isfinite(have) || !isfinite(want)) {
            t->odd |= !isfinite(have) && isfinite(want);
            continue;
        }
        t->max_error = fmax(t->max_error, error);
        t->error += error;
        t->signal += want * want;
        t->noise += error * error;
        t->dot += want * have;
        t->norm += have * have;
    }
    t->elements += count;
}

static size_t largest(const float *value, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (value[i] > value[best]) best = i;
    return best;
}

static void measure_labels(struct track *t, const float *got, size_t count, size_t row)
{
    for (size_t at = 0; row && at + row <= count; at += row, t->rows++)
        t->agreed += row == 1 ? (got[at] > 0.5f) == (t->kept[at] > 0.5f) : largest(got + at, row) == largest(t->kept + at, row);
}

static void measure_variation(struct qc_comparison *c, struct track *t, const float *got, size_t count)
{
    if (!t->first) {
        t->first = qc_arena_copy(&c->arena, got, count * sizeof *got);
        t->reference_first = qc_arena_copy(&c->arena, t->kept, count * sizeof *got);
        t->first_count = count;
        c->failed |= !t->first || !t->reference_first;
        return;
    }
    t->varies |= count != t->first_count || memcmp(got, t->first, count * sizeof *got);
    for (size_t i = 0; i < QC_MIN(count, t->first_count); i++)
        t->spread = fmax(t->spread, fabs((double)t->kept[i] - (double)t->reference_first[i]));
}

static const float *got_floats(struct qc_comparison *c, const struct track *t, const struct qc_value *value)
{
    size_t count = qc_value_elements(value);
    if (count != t->count) return NULL;
    if (value->type == QC_FLOAT32) return value->data;
    if (!make_room(c, &c->scratch, &c->scratch_room, count)) {
        c->failed = true;
        return NULL;
    }
    return qc_pair_floats(value, c->scratch) ? c->scratch : NULL;
}

static void see_reference(void *user, const struct qc_step *step)
{
    struct qc_comparison *c = user;
    for (int i = 0; i < step->out_count; i++) {
        const struct qc_tensor *tensor = step->out[i]->tensor;
        struct track *t = tensor->graph->index || !qc_tensor_use_count(tensor) ? NULL : c->by_reference[tensor->index];
        if (t) keep(c, t, step->out[i]);
    }
}

static void see_model(void *user, const struct qc_step *step)
{
    struct qc_comparison *c = user;
    for (int i = 0; i < step->out_count; i++) {
        const struct qc_tensor *tensor = step->out[i]->tensor;
        struct track *t = tensor->graph->index || !qc_tensor_use_count(tensor) ? NULL : c->by_model[tensor->index];
        const float *got = t ? got_floats(c, t, step->out[i]) : NULL;
        if (got) measure(t, got, t->count);
    }
}

/* ---- matching ---- */

static qc_status match_layers(struct qc_comparison *c)
{
    const struct qc_graph *from = c->reference_model->graph[0], *to = c->model->graph[0];
    const struct qc_tensor **match = qc_pair_match(&c->arena, from, to);
    c->by_reference = qc_arena_array(&c->arena, from->tensor_count, sizeof *c->by_reference);
    c->by_model = qc_arena_array(&c->arena, to->tensor_count, sizeof *c->by_model);
    c->layer = qc_arena_array(&c->arena, to->tensor_count, sizeof *c->layer);
    if (!match || !c->by_reference || !c->by_model || !c->layer) return QC_NOMEM;
    for (uint32_t i = 0; i < to->tensor_count; i++) {
        if (!match[i]) continue;
        struct track *t = &c->layer[c->layer_count++];
        *t = (struct track){.name = match[i]->name, .op = qc_node_op(to->tensor[i]->producer), .reference = match[i]};
        c->by_reference[match[i]->index] = c->by_model[i] = t;
    }
    return QC_OK;
}

static qc_status match_outputs(struct qc_comparison *c)
{
    const struct qc_graph *from = c->reference_model->graph[0], *to = c->model->graph[0];
    if (from->output_count != to->output_count || from->input_count != to->input_count)
        return qc_fail(&c->env, QC_INVALID, "the models have %d and %d inputs, %d and %d outputs: they cannot be compared", from->input_count,
                       to->input_count, from->output_count, to->output_count);
    c->output_count = (size_t)from->output_count;
    if (!(c->output = qc_arena_array(&c->arena, c->output_count, sizeof *c->output))) return QC_NOMEM;
    for (int i = 0; i < from->output_count; i++) {
        const struct qc_tensor *out = to->output[i], *stored = qc_pair_converts(out->producer) ? out->producer->in[0] : out;
        c->output[i] = (struct track){.name = from->output[i]->name, .op = stored->producer ? qc_node_op(stored->producer) : ""};
        c->output[i].step = stored->quant && stored->quant->count ? (double)stored->quant->scale[0] : 0;
    }
    return QC_OK;
}

/* ---- running ---- */

static void see_outputs(struct qc_comparison *c, struct qc_session *reference, struct qc_session *session)
{
    for (size_t i = 0; i < c->output_count; i++) {
        const struct qc_value *want = &reference->main->value[reference->output[i]].value, *have = &session->main->value[session->output[i]].value;
        struct track *t = &c->output[i];
        keep(c, t, want);
        const float *got = c->failed ? NULL : got_floats(c, t, have);
        if (!got) continue;
        measure(t, got, t->count);
        measure_labels(t, got, t->count, have->rank ? (size_t)have->dims[have->rank - 1] : 1);
        measure_variation(c, t, got, t->count);
    }
}

static qc_status one_sample(struct qc_comparison *c, const struct qc_samples *samples, size_t index, struct qc_session *reference,
                            struct qc_session *session)
{
    struct qc_error error = {0};
    if (qc_session_reset(reference, &error) || qc_session_reset(session, &error)) return qc_fail(&c->env, error.status, "%s", error.text);
    if (samples->fill(samples->user, index, reference, &error)) return qc_fail(&c->env, error.status, "sample %zu: %s", index, error.text);
    QC_TRY(qc_pair_feed(&c->env, reference, session));
    if (qc_session_invoke(reference, &error) || qc_session_invoke(session, &error))
        return qc_fail(&c->env, error.status, "sample %zu: %s", index, error.text);
    see_outputs(c, reference, session);
    return c->failed ? qc_fail(&c->env, QC_NOMEM, "memory ran out while comparing") : QC_OK;
}

static int worst_first(const void *a, const void *b)
{
    const struct track *x = a, *y = b;
    double p = x->noise * y->signal, q = y->noise * x->signal; /* noise / signal, without dividing by 0 */
    return p < q ? 1 : p > q ? -1 : 0;
}

static qc_status run_all(struct qc_comparison *c, const struct qc_samples *samples, int threads)
{
    struct qc_options options = {.threads = threads};
    struct qc_error error = {0};
    struct qc_session *reference = qc_session_create(c->reference_model, &options, &error);
    struct qc_session *session = reference ? qc_session_create(c->model, &options, &error) : NULL;
    qc_status status = session ? QC_OK : qc_fail(&c->env, error.status, "%s", error.text);
    if (session) {
        qc_session_observe(reference, see_reference, c);
        qc_session_observe(session, see_model, c);
    }
    for (size_t i = 0; i < samples->count && !status; i++) status = one_sample(c, samples, i, reference, session);
    qc_session_free(session);
    qc_session_free(reference);
    for (size_t i = 0; i < c->layer_count; i++) qc_env_free(&c->env, c->layer[i].kept);
    for (size_t i = 0; i < c->output_count; i++) qc_env_free(&c->env, c->output[i].kept);
    qc_env_free(&c->env, c->scratch);
    size_t kept = 0;
    for (size_t i = 0; i < c->layer_count; i++)
        if (c->layer[i].elements) c->layer[kept++] = c->layer[i];
    c->layer_count = kept;
    if (kept) qsort(c->layer, kept, sizeof *c->layer, worst_first);
    return status;
}

struct qc_comparison *qc_compare(struct qc_model *reference, struct qc_model *model, const struct qc_samples *samples, int threads,
                                 struct qc_error *error)
{
    if (!QC_GIVEN(reference, error) || !QC_GIVEN(model, error) || !QC_GIVEN(samples, error)) return NULL;
    struct qc_env env;
    qc_env_init(&env, NULL);
    struct qc_comparison *c = qc_env_alloc(&env, sizeof *c);
    if (!c) {
        qc_env_take(&env, error);
        return NULL;
    }
    c->env = env;
    c->reference_model = reference;
    c->model = model;
    qc_arena_init(&c->arena, &c->env);
    if (!match_layers(c) && !match_outputs(c) && !run_all(c, samples, threads)) return c;
    qc_env_take(&c->env, error);
    qc_comparison_free(c);
    return NULL;
}

void qc_comparison_free(struct qc_comparison *c)
{
    if (!c) return;
    qc_arena_free(&c->arena);
    struct qc_env env = c->env;
    qc_env_free(&env, c);
}

/* ---- results ---- */

static bool give(const struct track *t, struct qc_difference *d)
{
    double norm = sqrt(t->signal) * sqrt(t->norm);
    *d = (struct qc_difference){.name = t->name, .op = t->op, .elements = t->elements, .max_error = t->max_error, .not_finite = t->odd, .step = t->step};
    d->mean_error = t->elements ? t->error / (double)t->elements : 0;
    d->sqnr = t->noise > 0 ? 10 * log10(t->signal / t->noise) : (double)INFINITY;
    d->cosine = norm > 0 ? t->dot / norm : t->noise > 0 ? 0 : 1;
    d->agreement = t->rows ? (double)t->agreed / (double)t->rows : (double)NAN;
    d->constant = t->first && !t->varies && t->spread > 8 * t->step;
    return true;
}

bool qc_comparison_output(const struct qc_comparison *c, size_t index, struct qc_difference *difference)
{
    return index < c->output_count && give(&c->output[index], difference);
}

bool qc_comparison_layer(const struct qc_comparison *c, size_t index, struct qc_difference *difference)
{
    return index < c->layer_count && give(&c->layer[index], difference);
}
