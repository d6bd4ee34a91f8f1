/*
 * call.c - a layer call's inputs, arguments, weights and results. See call.h.
 */
#include "import/keras/tree.h"

#include <stdio.h>
#include <string.h>

/* ---- results ---- */

void qc_keras_return_masked(struct qc_keras_call *call, struct qc_tensor *tensor, struct qc_tensor *mask)
{
    int n = call->out_count;
    if (!tensor) return;
    if ((n & (n - 1)) == 0) { /* 0, 1, 2, 4 ...: full */
        struct qc_keras_value *grown = qc_arena_array(call->im->arena, (size_t)QC_MAX(1, 2 * n), sizeof *grown);
        if (!grown) return;
        if (n) memcpy(grown, call->out, (size_t)n * sizeof *grown);
        call->out = grown;
    }
    call->out[call->out_count++] = (struct qc_keras_value){tensor, mask};
}

void qc_keras_return(struct qc_keras_call *call, struct qc_tensor *tensor)
{
    qc_keras_return_masked(call, tensor, NULL);
}

void qc_keras_fail(struct qc_keras_call *call, qc_status status, const char *format, ...)
{
    char text[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    qc_fail(&call->im->model->env, status, "%s '%s' (%s): %s", call->layer->kind == QC_KERAS_OPERATION ? "operation" : "layer", call->layer->path,
            call->layer->class_name, text);
}

bool qc_keras_failed(const struct qc_keras_call *call)
{
    return qc_build_status(call->b) != QC_OK;
}

/* ---- inputs ---- */

struct qc_tensor *qc_keras_in_rank(struct qc_keras_call *call, int index, int rank)
{
    if (qc_keras_failed(call)) return NULL;
    if (index >= call->in_count) {
        qc_keras_fail(call, QC_FORMAT, "it is called with %d inputs and needs more", call->in_count);
        return NULL;
    }
    struct qc_tensor *x = call->in[index].tensor;
    if (!x->has_shape || (rank >= 0 ? x->rank != rank : x->rank < 1)) {
        qc_keras_fail(call, QC_FORMAT, "its input has %d dimensions, not %d", x->rank, QC_MAX(rank, 1));
        return NULL;
    }
    return x;
}

struct qc_tensor *qc_keras_in(struct qc_keras_call *call, int index)
{
    return qc_keras_in_rank(call, index, -1);
}

struct qc_tensor *qc_keras_mask(struct qc_keras_call *call, int index)
{
    return index < call->in_count ? call->in[index].mask : NULL;
}

bool qc_keras_tensor_arg(struct qc_keras_call *call, int position, const char *name, struct qc_keras_value *value)
{
    const struct qc_json *json = qc_json_get(call->kwargs, name);
    if (!qc_json_is_null(json)) return qc_keras_resolve(call, json, value);
    if (position < 0 || position >= call->in_count) return false;
    *value = call->in[position];
    return true;
}

const struct qc_json *qc_keras_arg(struct qc_keras_call *call, int position, const char *name)
{
    const struct qc_json *json = qc_json_get(call->kwargs, name);
    if (!json && position >= 0 && call->im->major >= 3) json = qc_json_at(call->args, (size_t)position);
    else if (!json && position == 0) json = call->args;
    if (!json) json = qc_keras_member(call->layer, name);
    return json;
}

/* ---- weights ---- */

struct qc_weight qc_keras_weight_of(struct qc_keras_call *call, struct qc_keras_layer *layer, const char *name)
{
    if (qc_keras_failed(call) || qc_keras_load(call->im, layer)) return (struct qc_weight){0};
    const char *slash = strrchr(name, '/');
    size_t part = slash ? (size_t)(slash - name) : 0;
    for (int i = 0; i < layer->variable_count; i++) {
        const struct qc_keras_variable *v = &layer->variable[i];
        if (strlen(v->part) == part && !memcmp(v->part, name, part) && !strcmp(v->name, slash ? slash + 1 : name)) return v->value;
    }
    return (struct qc_weight){0};
}

struct qc_weight qc_keras_weight(struct qc_keras_call *call, const char *name)
{
    return qc_keras_weight_of(call, call->layer, name);
}
