/*
 * config.c - reading a layer's configuration: typed, bounded, with the names of Keras 1. See call.h.
 */
#include "import/keras/tree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Keras 2's and 3's key, and Keras 1's or another version's. */
static const struct {
    const char *key, *other;
} alias[] = {
    {"units", "output_dim"}, {"filters", "nb_filter"}, {"use_bias", "bias"}, {"padding", "border_mode"}, {"strides", "subsample"},
    {"strides", "subsample_length"}, {"strides", "stride"}, {"kernel_size", "filter_length"}, {"recurrent_activation", "inner_activation"},
    {"rate", "p"}, {"pool_size", "pool_length"}, {"size", "length"}, {"dilation_rate", "atrous_rate"}, {"negative_slope", "alpha"},
    {"batch_shape", "batch_input_shape"}, {"layer", "cell"},
};

const struct qc_json *qc_keras_member(const struct qc_keras_layer *layer, const char *key)
{
    const struct qc_json *value = qc_json_get(layer->config, key), *other;
    const char *name;
    int index = 0;
    if (!value) return NULL;
    for (const void *i = NULL; index < QC_KERAS_MOST_ASKED && (i = qc_json_next(layer->config, i, &name, &other)); index++)
        if (!strcmp(name, key)) *layer->asked |= UINT64_C(1) << index;
    return value;
}

const struct qc_json *qc_keras_get(const struct qc_keras_layer *layer, const char *key)
{
    const struct qc_json *json = qc_keras_member(layer, key);
    for (size_t i = 0; i < QC_COUNT(alias) && !json; i++)
        if (!strcmp(alias[i].key, key)) json = qc_keras_member(layer, alias[i].other);
    return qc_json_is_null(json) ? NULL : json;
}

static void complain(struct qc_keras_call *call, const char *key, const char *expected)
{
    qc_keras_fail(call, QC_FORMAT, "its configuration '%s' is not %s", key, expected);
}

bool qc_keras_bool(struct qc_keras_call *call, const char *key, bool otherwise)
{
    const struct qc_json *json = qc_keras_get(call->layer, key);
    bool value = otherwise;
    if (json && !qc_json_bool(json, &value)) complain(call, key, "true or false");
    return value;
}

/* Numpy values are written as {"class_name": "__numpy__", "config": {"value": ...}} or {"type": "ndarray", "value": ...}. */
static const struct qc_json *plain(const struct qc_json *json)
{
    if (!qc_json_is_object(json)) return json;
    if (qc_json_equal(qc_json_get(json, "class_name"), "__numpy__")) return qc_json_get(qc_json_get(json, "config"), "value");
    if (qc_json_equal(qc_json_get(json, "class_name"), "__tuple__")) return qc_json_get(json, "items");
    if (qc_json_equal(qc_json_get(json, "class_name"), "__tensor__")) return qc_json_get(qc_json_get(json, "config"), "value");
    return qc_json_equal(qc_json_get(json, "type"), "ndarray") ? qc_json_get(json, "value") : json;
}

const struct qc_json *qc_keras_plain(const struct qc_json *json)
{
    return plain(json);
}

double qc_keras_number(struct qc_keras_call *call, const char *key, double otherwise)
{
    const struct qc_json *json = plain(qc_keras_get(call->layer, key));
    double value = otherwise;
    bool flag;
    if (qc_json_is_array(json) && qc_json_count(json) == 1) json = qc_json_at(json, 0);
    if (json && !qc_json_number(json, &value)) {
        if (qc_json_bool(json, &flag)) return flag;
        complain(call, key, "a number");
    }
    return value;
}

static bool one_int(const struct qc_json *json, int32_t least, int32_t most, int32_t *value)
{
    int64_t wide;
    if (!qc_json_int(json, &wide) || wide < least || wide > most) return false;
    *value = (int32_t)wide;
    return true;
}

int32_t qc_keras_int(struct qc_keras_call *call, const char *key, int32_t otherwise, int32_t least, int32_t most)
{
    const struct qc_json *json = plain(qc_keras_get(call->layer, key));
    int32_t value = otherwise;
    if (qc_json_is_array(json) && qc_json_count(json) == 1) json = qc_json_at(json, 0);
    if (json ? !one_int(json, least, most, &value) : otherwise < least)
        qc_keras_fail(call, QC_FORMAT, "its configuration '%s' is not a whole number from %d to %d", key, least, most);
    return value;
}

const char *qc_keras_text(struct qc_keras_call *call, const char *key, const char *otherwise)
{
    const struct qc_json *json = qc_keras_get(call->layer, key);
    const char *text = json ? qc_json_string(json) : otherwise;
    if (!text && json) complain(call, key, "a text");
    return text ? text : otherwise;
}

int qc_keras_ints_of(struct qc_keras_call *call, const char *what, const struct qc_json *json, int count, int32_t *values, int32_t least,
                     int32_t most)
{
    json = plain(json);
    if (qc_json_is_null(json)) return 0;
    bool list = qc_json_is_array(json);
    size_t given = list ? qc_json_count(json) : 1;
    bool sound = list && count > 0 ? given == (size_t)count || given == 1 : given <= QC_MAX_RANK;
    for (size_t i = 0; sound && i < given; i++) sound = one_int(list ? qc_json_at(json, i) : json, least, most, &values[i]);
    if (!sound) {
        qc_keras_fail(call, QC_FORMAT, "'%s' is not %s whole numbers from %d to %d", what, count == 1 ? "one or a list of" : "a list of", least, most);
        return 0;
    }
    for (int i = 1; given == 1 && i < count; i++) values[i] = values[0];
    return count > 0 ? count : (int)given;
}

int qc_keras_ints(struct qc_keras_call *call, const char *key, int count, int32_t *values, int32_t least, int32_t most)
{
    return qc_keras_ints_of(call, key, qc_keras_get(call->layer, key), count, values, least, most);
}

int qc_keras_axes(struct qc_keras_call *call, const char *key, int otherwise, int rank, int32_t *axes)
{
    bool taken[QC_MAX_RANK] = {false};
    int32_t given[QC_MAX_RANK] = {otherwise};
    int count = qc_keras_ints(call, key, 0, given, -QC_MAX_RANK, QC_MAX_RANK), n = 0;
    if (!count && !qc_keras_get(call->layer, key)) count = 1;
    for (int i = 0; i < count; i++) {
        int32_t axis = given[i] < 0 ? given[i] + rank : given[i];
        if (axis < 0 || axis >= rank || taken[axis]) {
            qc_keras_fail(call, QC_FORMAT, "axis %d is %s for its input of rank %d", given[i], axis < 0 || axis >= rank ? "out of range" : "given twice", rank);
            return 0;
        }
        taken[axis] = true;
    }
    for (int32_t axis = 0; axis < rank; axis++)
        if (taken[axis]) axes[n++] = axis;
    return n;
}

int qc_keras_axis(struct qc_keras_call *call, const char *key, int otherwise, int rank)
{
    int32_t axes[QC_MAX_RANK] = {0};
    int count = qc_keras_axes(call, key, otherwise, rank, axes);
    if (count != 1) complain(call, key, "one axis");
    return axes[0];
}

bool qc_keras_channels_first(struct qc_keras_call *call)
{
    const char *text = qc_keras_text(call, "data_format", "channels_last"), *keras1 = qc_keras_text(call, "dim_ordering", "tf");
    if (strcmp(text, "channels_last") && strcmp(text, "channels_first")) complain(call, "data_format", "channels_last or channels_first");
    return !strcmp(text, "channels_first") || !strcmp(keras1, "th");
}

/* A layer in place of an activation's name: {"class_name": "LeakyReLU", "config": {"alpha": 0.1}}, or a function with arguments. */
static bool activation_layer(struct qc_keras_call *call, const struct qc_json *json, struct qc_activation *activation)
{
    const char *name = qc_json_string(qc_json_get(json, "class_name"));
    const struct qc_json *config = qc_json_get(json, "config");
    double number;
    char snake[64];
    if (name && !strcmp(name, "function")) return config && qc_json_string(config) && qc_activation_find(qc_json_string(config), call->im->major, activation);
    if (name && !strcmp(name, "Activation")) name = qc_json_string(qc_json_get(config, "activation"));
    if (!name) return false;
    qc_keras_snake_case(name, snake, sizeof snake);
    const char *plain_name = !strcmp(snake, "re_lu") ? "relu" : !strcmp(snake, "leaky_re_lu") ? "leaky_relu" : snake;
    if (!qc_activation_find(plain_name, call->im->major, activation)) return false;
    bool leaky = !strcmp(plain_name, "leaky_relu"), relu = !strcmp(plain_name, "relu");
    if (leaky) activation->alpha = 0.3F; /* the layer's default, not the function's */
    if (qc_json_number(qc_json_get(config, "alpha"), &number) || qc_json_number(qc_json_get(config, "negative_slope"), &number))
        activation->alpha = (float)number;
    if (relu && qc_json_number(qc_json_get(config, "threshold"), &number)) activation->beta = (float)number;
    if (relu && qc_json_number(qc_json_get(config, "max_value"), &number)) activation->max_value = (float)number;
    if (qc_json_number(qc_json_get(config, "axis"), &number) && fabs(number) <= QC_MAX_RANK) activation->axis = (int)number;
    return true;
}

void qc_keras_activation(struct qc_keras_call *call, const char *key, struct qc_activation *activation)
{
    const struct qc_json *json = qc_keras_get(call->layer, key);
    *activation = (struct qc_activation){.kind = QC_ACT_LINEAR};
    if (!json) return;
    const char *name = qc_json_string(json);
    if (name ? qc_activation_find(name, call->im->major, activation) : activation_layer(call, json, activation)) return;
    if (!name) name = qc_json_string(qc_json_get(json, "class_name"));
    qc_keras_fail(call, QC_UNSUPPORTED, "its %s '%.100s' is no activation of Keras; custom ones are Python code that the file does not hold", key,
                  name ? name : "?");
}
