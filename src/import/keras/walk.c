/*
 * walk.c - the evaluation of Sequential and Functional models. See walk.h.
 *
 * Layers stand in the file in the order of their creation, which need not be an order of evaluation (a layer shared by two branches
 * has a later call that depends on later layers). Calls are therefore done in file order, each after the calls it depends on, with an
 * explicit stack: chains may be tens of thousands of calls long.
 */
#include "import/keras/walk.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_CALLS = 1 << 18, MOST_ENDS = 4096, MOST_NESTING = 32 };
enum state { UNSEEN = 0, NEEDED, ACTIVE, DONE };

struct result { /* of one call of one layer */
    enum state state;
    int count;
    struct qc_keras_value *value;
};

struct place {
    int child, node;
};

struct place_list {
    struct qc_arena *arena;
    struct place *place;
    size_t count, capacity;
};

struct qc_keras_frame {
    struct qc_keras_import *im;
    struct qc_keras_frame *outer; /* of the model that calls this one */
    struct qc_keras_layer *model;
    struct result **result; /* [child][call] */
    struct place_list stack, needs;
};

static bool push(struct place_list *list, struct place place)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 64;
        struct place *grown = qc_arena_array(list->arena, capacity, sizeof *grown);
        if (!grown) return false;
        if (list->count) memcpy(grown, list->place, list->count * sizeof *grown);
        list->place = grown;
        list->capacity = capacity;
    }
    list->place[list->count++] = place;
    return true;
}

static int call_count(const struct qc_keras_layer *layer)
{
    return QC_MAX(layer->node_count, 1); /* an InputLayer has one "call" without record */
}

/* ---- references ---- */

/* false with an error if the reference leads nowhere. */
static bool locate(struct qc_keras_frame *frame, const struct qc_keras_reference *reference, struct place *place)
{
    struct qc_env *env = &frame->im->model->env;
    int child = qc_keras_child(frame->model, reference->name);
    if (child < 0) {
        qc_fail(env, QC_FORMAT, "model '%s' refers to a layer '%.200s' that it does not have", frame->model->path, reference->name);
        return false;
    }
    const struct qc_keras_layer *layer = frame->model->child[child];
    int64_t node = reference->node;
    if (layer->node_shift && node > 0) node--;
    if (node < 0 || node >= call_count(layer)) {
        qc_fail(env, QC_FORMAT, "model '%s' refers to call %lld of layer '%s', which has %d", frame->model->path, (long long)reference->node,
                layer->path, layer->node_count);
        return false;
    }
    *place = (struct place){child, (int)node};
    return true;
}

/* Adds the calls that anything below json refers to. */
static qc_status add_needs(struct qc_keras_frame *frame, const struct qc_json *json, int depth)
{
    struct qc_keras_reference reference;
    struct place place;
    if (depth > MOST_NESTING) return qc_fail(&frame->im->model->env, QC_FORMAT, "model '%s': the arguments of a call are nested too deeply", frame->model->path);
    if (qc_keras_reference(json, &reference)) {
        if (qc_keras_child(frame->model, reference.name) >= 0) {
            if (!locate(frame, &reference, &place)) return QC_FORMAT;
            if (!push(&frame->needs, place)) return QC_NOMEM;
        }
        return reference.kwargs ? add_needs(frame, reference.kwargs, depth + 1) : QC_OK;
    }
    if (qc_json_is_array(json))
        for (size_t i = 0, n = qc_json_count(json); i < n; i++) QC_TRY(add_needs(frame, qc_json_at(json, i), depth + 1));
    const char *key;
    const struct qc_json *value;
    if (qc_json_is_object(json))
        for (const void *i = NULL; (i = qc_json_next(json, i, &key, &value));) QC_TRY(add_needs(frame, value, depth + 1));
    return QC_OK;
}

static const struct qc_json *node_of(const struct qc_keras_frame *frame, struct place place)
{
    return qc_json_at(qc_json_get(frame->model->child[place.child]->json, "inbound_nodes"), (size_t)place.node);
}

bool qc_keras_resolve(struct qc_keras_call *call, const struct qc_json *json, struct qc_keras_value *value)
{
    struct qc_keras_reference reference;
    struct place place;
    if (!call->frame || !qc_keras_reference(json, &reference)) return false;
    if (!strcmp(reference.name, "_CONSTANT_VALUE")) return false;
    if (!locate(call->frame, &reference, &place)) return false;
    const struct result *result = &call->frame->result[place.child][place.node];
    if (reference.tensor < 0 || reference.tensor >= result->count) {
        qc_keras_fail(call, QC_FORMAT, "it is given output %lld of layer '%s', which has %d", (long long)reference.tensor,
                      call->frame->model->child[place.child]->path, result->count);
        return false;
    }
    *value = result->value[reference.tensor];
    return true;
}

/* ---- one call ---- */

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct inputs {
    struct qc_keras_value *value;
    int count, capacity;
    const struct qc_json *kwargs;
};

/* Flattens positional arguments as Keras does: lists in order, dictionaries by sorted key; plain values are left out. */
static qc_status flatten(struct qc_keras_call *call, const struct qc_json *json, struct inputs *inputs)
{
    struct qc_keras_value value;
    struct qc_keras_reference reference;
    if (qc_keras_reference(json, &reference)) {
        if (!inputs->kwargs) inputs->kwargs = reference.kwargs;
        if (!qc_keras_resolve(call, json, &value)) return qc_build_status(call->b);
        if (inputs->count == inputs->capacity) {
            int capacity = inputs->capacity ? 2 * inputs->capacity : 4;
            struct qc_keras_value *grown = qc_arena_array(call->im->arena, (size_t)capacity, sizeof *grown);
            if (!grown) return QC_NOMEM;
            if (inputs->count) memcpy(grown, inputs->value, (size_t)inputs->count * sizeof *grown);
            inputs->value = grown;
            inputs->capacity = capacity;
        }
        inputs->value[inputs->count++] = value;
        return QC_OK;
    }
    if (qc_json_is_array(json)) {
        for (size_t i = 0, n = qc_json_count(json); i < n; i++) QC_TRY(flatten(call, qc_json_at(json, i), inputs));
        return QC_OK;
    }
    if (!qc_json_is_object(json) || qc_json_get(json, "class_name")) return QC_OK;
    const char **keys = qc_arena_array(call->im->arena, qc_json_count(json) + 1, sizeof *keys), *key;
    const struct qc_json *member;
    size_t n = 0;
    if (!keys) return QC_NOMEM;
    for (const void *i = NULL; (i = qc_json_next(json, i, &key, &member));) keys[n++] = key;
    qsort(keys, n, sizeof *keys, compare_keys);
    for (size_t i = 0; i < n; i++) QC_TRY(flatten(call, qc_json_get(json, keys[i]), inputs));
    return QC_OK;
}

/* An explicit `mask` argument takes the place of the masks that came along. */
static qc_status apply_mask_argument(struct qc_keras_call *call)
{
    const struct qc_json *mask = qc_json_get(call->kwargs, "mask");
    struct qc_keras_value value;
    if (qc_json_is_null(mask)) return QC_OK;
    if (qc_keras_resolve(call, mask, &value)) {
        if (call->in_count) call->in[0].mask = value.tensor;
        return QC_OK;
    }
    for (size_t i = 0; i < qc_json_count(mask) && i < (size_t)call->in_count; i++)
        if (qc_keras_resolve(call, qc_json_at(mask, i), &value)) call->in[i].mask = value.tensor;
    return qc_build_status(call->b);
}

static qc_status invoke(struct qc_keras_call *call)
{
    struct qc_keras_import *im = call->im;
    struct qc_keras_layer *layer = call->layer;
    if (++im->calls > MOST_CALLS)
        return qc_fail(&im->model->env, QC_FORMAT, "the model makes more than %d calls of layers, counting those inside nested models", MOST_CALLS);
    if (layer->kind == QC_KERAS_MODEL) return qc_keras_evaluate(im, layer, call->in_count, call->in, &call->out, &call->out_count);
    if (layer->kind == QC_KERAS_INPUT)
        return qc_fail(&im->model->env, QC_FORMAT, "input layer '%s' is not among the inputs of its model, yet an output depends on it", layer->path);
    QC_TRY(qc_keras_load(im, layer));
    const char *scope = im->b.scope;
    im->b.scope = layer->path;
    if (layer->class->lower) layer->class->lower(call);
    else qc_keras_return(call, qc_keras_in(call, 0));
    if (call->out_count && layer->class->flags & QC_KERAS_MASK_PASSES && !call->out[0].mask) call->out[0].mask = qc_keras_mask(call, 0);
    im->b.scope = scope;
    return qc_build_status(&im->b);
}

static qc_status call_node(struct qc_keras_frame *frame, struct place place)
{
    struct qc_keras_import *im = frame->im;
    struct qc_keras_layer *layer = frame->model->child[place.child];
    const struct qc_json *node = node_of(frame, place);
    struct qc_keras_call call = {.im = im, .b = &im->b, .layer = layer, .frame = frame, .args = node};
    struct inputs inputs = {0};
    if (qc_json_is_object(node) && qc_json_get(node, "args")) {
        call.args = qc_json_get(node, "args");
        inputs.kwargs = qc_json_get(node, "kwargs");
    }
    QC_TRY(flatten(&call, call.args, &inputs));
    call.in = inputs.value;
    call.in_count = inputs.count;
    call.kwargs = inputs.kwargs;
    if (!call.kwargs && qc_json_equal(qc_json_at(node, 0), "_CONSTANT_VALUE")) call.kwargs = qc_json_at(node, 3);
    if (call.kwargs) QC_TRY(apply_mask_argument(&call));
    QC_TRY(invoke(&call));
    frame->result[place.child][place.node] = (struct result){DONE, call.out_count, call.out};
    return QC_OK;
}

void qc_keras_forget_mask(struct qc_keras_call *call, const struct qc_tensor *tensor)
{
    for (struct qc_keras_frame *frame = call->im->frame; frame; frame = frame->outer)
        for (int child = 0; child < frame->model->child_count; child++)
            for (int node = 0; node < call_count(frame->model->child[child]); node++) {
                const struct result *result = &frame->result[child][node];
                for (int i = 0; i < result->count; i++)
                    if (result->value[i].tensor == tensor) result->value[i].mask = NULL;
            }
}

qc_status qc_keras_apply(struct qc_keras_call *call, struct qc_keras_layer *layer, int count, const struct qc_keras_value *in,
                         struct qc_keras_value **out, int *out_count)
{
    struct qc_keras_call inner = {.im = call->im, .b = call->b, .layer = layer, .in_count = count};
    QC_TRY(qc_build_status(call->b));
    inner.in = qc_arena_copy(call->im->arena, in, (size_t)count * sizeof *in);
    if (!inner.in) return QC_NOMEM;
    QC_TRY(invoke(&inner));
    *out = inner.out;
    *out_count = inner.out_count;
    return QC_OK;
}

/* ---- one model ---- */

static struct result *result_of(struct qc_keras_frame *frame, struct place place)
{
    return &frame->result[place.child][place.node];
}

/* Marks the calls that the outputs need: those on the stack, and what they depend on. */
static qc_status mark_needed(struct qc_keras_frame *frame)
{
    while (frame->stack.count) {
        struct place place = frame->stack.place[--frame->stack.count];
        struct result *result = result_of(frame, place);
        if (result->state != UNSEEN) continue;
        result->state = NEEDED;
        frame->needs.count = 0;
        QC_TRY(add_needs(frame, node_of(frame, place), 0));
        for (size_t i = 0; i < frame->needs.count; i++)
            if (!push(&frame->stack, frame->needs.place[i])) return QC_NOMEM;
    }
    return QC_OK;
}

static qc_status evaluate_call(struct qc_keras_frame *frame, struct place wanted)
{
    frame->stack.count = 0;
    if (!push(&frame->stack, wanted)) return QC_NOMEM;
    while (frame->stack.count) {
        struct place place = frame->stack.place[frame->stack.count - 1];
        struct result *result = result_of(frame, place);
        bool ready = true;
        frame->needs.count = 0;
        if (result->state != DONE) QC_TRY(add_needs(frame, node_of(frame, place), 0));
        for (size_t i = 0; i < frame->needs.count; i++) {
            struct place need = frame->needs.place[i];
            if (result_of(frame, need)->state == DONE) continue;
            if (result_of(frame, need)->state == ACTIVE)
                return qc_fail(&frame->im->model->env, QC_FORMAT, "model '%s': layer '%s' depends on its own output", frame->model->path,
                               frame->model->child[need.child]->name);
            if (!push(&frame->stack, need)) return QC_NOMEM;
            ready = false;
        }
        if (ready) {
            if (result->state != DONE) QC_TRY(call_node(frame, place));
            frame->stack.count--;
        } else
            result->state = ACTIVE;
    }
    return QC_OK;
}

static qc_status open_frame(struct qc_keras_frame *frame, int count, const struct qc_keras_value *in)
{
    struct qc_keras_layer *model = frame->model;
    struct qc_arena *arena = frame->im->arena;
    struct qc_keras_end *ends;
    int end_count;
    frame->stack.arena = frame->needs.arena = arena;
    frame->result = qc_arena_array(arena, (size_t)model->child_count, sizeof *frame->result);
    if (!frame->result) return QC_NOMEM;
    for (int i = 0; i < model->child_count; i++)
        if (!(frame->result[i] = qc_arena_array(arena, (size_t)call_count(model->child[i]), sizeof **frame->result))) return QC_NOMEM;
    QC_TRY(qc_keras_ends(frame->im, model, "input_layers", &ends, &end_count));
    if (end_count != count)
        return qc_fail(&frame->im->model->env, QC_FORMAT, "model '%s' has %d inputs and is called with %d", model->path, end_count, count);
    for (int i = 0; i < count; i++) {
        struct place place;
        struct qc_keras_value *value = qc_arena_copy(arena, &in[i], sizeof in[i]);
        if (!locate(frame, &ends[i].reference, &place) || !value) return frame->im->model->env.error.status;
        *result_of(frame, place) = (struct result){DONE, 1, value};
    }
    return QC_OK;
}

static qc_status evaluate_functional(struct qc_keras_frame *frame, int count, const struct qc_keras_value *in, struct qc_keras_value **out,
                                     int *out_count)
{
    struct qc_env *env = &frame->im->model->env;
    struct qc_keras_layer *model = frame->model;
    struct qc_keras_end *ends;
    int end_count;
    QC_TRY(open_frame(frame, count, in));
    QC_TRY(qc_keras_ends(frame->im, model, "output_layers", &ends, &end_count));
    struct place *place = qc_arena_array(frame->im->arena, (size_t)end_count, sizeof *place);
    *out = qc_arena_array(frame->im->arena, (size_t)end_count, sizeof **out);
    if (!place || !*out) return QC_NOMEM;
    for (int i = 0; i < end_count; i++)
        if (!locate(frame, &ends[i].reference, &place[i]) || !push(&frame->stack, place[i])) return env->error.status;
    QC_TRY(mark_needed(frame));
    for (int child = 0; child < model->child_count; child++)
        for (int node = 0; node < call_count(model->child[child]); node++)
            if (frame->result[child][node].state == NEEDED) QC_TRY(evaluate_call(frame, (struct place){child, node}));
    for (int i = 0; i < end_count; i++) {
        const struct result *result = result_of(frame, place[i]);
        int64_t tensor = ends[i].reference.tensor;
        if (tensor < 0 || tensor >= result->count)
            return qc_fail(env, QC_FORMAT, "model '%s': its output %d is output %lld of layer '%s', which has %d", model->path, i, (long long)tensor,
                           model->child[place[i].child]->name, result->count);
        (*out)[i] = result->value[tensor];
    }
    *out_count = end_count;
    return QC_OK;
}

static qc_status evaluate_sequential(struct qc_keras_import *im, struct qc_keras_layer *model, int count, const struct qc_keras_value *in,
                                     struct qc_keras_value **out, int *out_count)
{
    struct qc_keras_value *value = qc_arena_copy(im->arena, in, (size_t)count * sizeof *in);
    if (!value) return QC_NOMEM;
    for (int i = 0; i < model->child_count; i++) {
        if (model->child[i]->kind == QC_KERAS_INPUT) continue;
        struct qc_keras_call call = {.im = im, .b = &im->b, .layer = model->child[i], .in = value, .in_count = count};
        QC_TRY(invoke(&call));
        value = call.out;
        count = call.out_count;
    }
    *out = value;
    *out_count = count;
    return QC_OK;
}

qc_status qc_keras_evaluate(struct qc_keras_import *im, struct qc_keras_layer *model, int count, const struct qc_keras_value *in,
                            struct qc_keras_value **out, int *out_count)
{
    struct qc_keras_frame frame = {.im = im, .outer = im->frame, .model = model};
    if (model->sequential) return evaluate_sequential(im, model, count, in, out, out_count);
    im->frame = &frame;
    qc_status status = evaluate_functional(&frame, count, in, out, out_count);
    im->frame = frame.outer;
    return status;
}

/* ---- the ends of a model ---- */

/* Counts only if `ends` is NULL. */
static qc_status add_ends(struct qc_keras_import *im, const struct qc_keras_layer *model, const struct qc_json *json, const char *key,
                          struct qc_keras_end *ends, int *count, int depth)
{
    struct qc_keras_reference reference;
    if (depth > MOST_NESTING || *count >= MOST_ENDS)
        return qc_fail(&im->model->env, QC_FORMAT, "model '%s' has more than %d inputs or outputs", model->path, MOST_ENDS);
    json = qc_keras_plain(json); /* tuples */
    if (qc_keras_reference(json, &reference)) {
        if (ends) ends[*count] = (struct qc_keras_end){key, reference};
        ++*count;
        return QC_OK;
    }
    if (qc_json_is_array(json) && qc_json_count(json)) {
        for (size_t i = 0, n = qc_json_count(json); i < n; i++) QC_TRY(add_ends(im, model, qc_json_at(json, i), key, ends, count, depth + 1));
        return QC_OK;
    }
    const char **keys = qc_arena_array(im->arena, qc_json_count(json) + 1, sizeof *keys), *name;
    const struct qc_json *member;
    size_t n = 0;
    if (!keys) return QC_NOMEM;
    if (!qc_json_is_object(json) || !qc_json_count(json))
        return qc_fail(&im->model->env, QC_FORMAT, "model '%s': its inputs or outputs are not given as [layer, call, tensor]", model->path);
    for (const void *i = NULL; (i = qc_json_next(json, i, &name, &member));) keys[n++] = name;
    qsort(keys, n, sizeof *keys, compare_keys);
    for (size_t i = 0; i < n; i++) QC_TRY(add_ends(im, model, qc_json_get(json, keys[i]), keys[i], ends, count, depth + 1));
    return QC_OK;
}

qc_status qc_keras_ends(struct qc_keras_import *im, const struct qc_keras_layer *model, const char *list, struct qc_keras_end **ends,
                        int *count)
{
    const struct qc_json *json = qc_keras_member(model, list);
    *count = 0;
    QC_TRY(add_ends(im, model, json, NULL, NULL, count, 0)); /* counts */
    *ends = qc_arena_array(im->arena, (size_t)*count, sizeof **ends);
    *count = 0;
    return *ends ? add_ends(im, model, json, NULL, *ends, count, 0) : QC_NOMEM;
}
