/*
 * json.c - jansson behind json.h.
 *
 * Python's literals are rewritten as strings ("NaN") before parsing; qc_json_number reads such a string as the number it names.
 */
#include "wire/json.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

static const struct {
    const char *text;
    size_t length;
    double value;
} python_literal[] = {{"-Infinity", 9, -INFINITY}, {"Infinity", 8, INFINITY}, {"NaN", 3, NAN}};

static const json_t *in(const struct qc_json *json)
{
    return (const json_t *)json;
}

static const struct qc_json *out(const json_t *json)
{
    return (const struct qc_json *)json;
}

/* Copies text with Python's literals in quotes; `to` may be NULL to learn the size. */
static size_t quote_literals(const char *text, size_t size, char *to)
{
    size_t n = 0;
    bool quoted = false;
    for (size_t i = 0; i < size;) {
        size_t take = 1;
        bool literal = false;
        if (quoted && text[i] == '\\' && i + 1 < size) take = 2;
        else if (text[i] == '"') quoted = !quoted;
        else if (!quoted && (text[i] == 'N' || text[i] == 'I' || text[i] == '-'))
            for (size_t k = 0; k < QC_COUNT(python_literal) && !literal; k++)
                if (size - i >= python_literal[k].length && !memcmp(text + i, python_literal[k].text, python_literal[k].length)) {
                    take = python_literal[k].length;
                    literal = true;
                }
        if (to) {
            char *at = to + n;
            if (literal) *at++ = '"';
            memcpy(at, text + i, take);
            if (literal) at[take] = '"';
        }
        n += take + (literal ? 2 : 0);
        i += take;
    }
    return n;
}

struct qc_json *qc_json_parse(struct qc_env *env, const char *text, size_t size, const char *what)
{
    size_t length = quote_literals(text, size, NULL);
    char *copy = NULL;
    if (length != size) {
        copy = qc_env_alloc(env, length);
        if (!copy) return NULL;
        quote_literals(text, size, copy);
    }
    json_error_t error;
    json_t *root = json_loadb(copy ? copy : text, length, JSON_DECODE_ANY, &error);
    qc_env_free(env, copy);
    if (!root) {
        qc_status status = json_error_code(&error) == json_error_out_of_memory ? QC_NOMEM : QC_FORMAT;
        qc_fail(env, status, "%s is no sound JSON: line %d, column %d: %s", what, error.line, error.column, error.text);
    }
    return (struct qc_json *)root;
}

void qc_json_free(struct qc_json *json)
{
    json_decref((json_t *)json);
}

bool qc_json_is_object(const struct qc_json *json)
{
    return json_is_object(in(json));
}

bool qc_json_is_array(const struct qc_json *json)
{
    return json_is_array(in(json));
}

bool qc_json_is_null(const struct qc_json *json)
{
    return !json || json_is_null(in(json));
}

const struct qc_json *qc_json_get(const struct qc_json *object, const char *key)
{
    return out(json_object_get(in(object), key));
}

const struct qc_json *qc_json_at(const struct qc_json *array, size_t index)
{
    return out(json_array_get(in(array), index));
}

size_t qc_json_count(const struct qc_json *json)
{
    return json_is_object(in(json)) ? json_object_size(in(json)) : json_array_size(in(json));
}

const char *qc_json_string(const struct qc_json *json)
{
    return json_string_value(in(json));
}

bool qc_json_equal(const struct qc_json *json, const char *string)
{
    const char *value = json_string_value(in(json));
    return value && !strcmp(value, string);
}

bool qc_json_bool(const struct qc_json *json, bool *value)
{
    if (!json_is_boolean(in(json))) return false;
    *value = json_is_true(in(json));
    return true;
}

bool qc_json_int(const struct qc_json *json, int64_t *value)
{
    if (json_is_integer(in(json))) {
        *value = json_integer_value(in(json));
        return true;
    }
    double real = json_is_real(in(json)) ? json_real_value(in(json)) : 0.5;
    if (!(real >= -0x1p62 && real <= 0x1p62) || real != floor(real)) return false;
    *value = (int64_t)real;
    return true;
}

bool qc_json_number(const struct qc_json *json, double *value)
{
    if (json_is_number(in(json))) {
        *value = json_number_value(in(json));
        return true;
    }
    for (size_t k = 0; k < QC_COUNT(python_literal); k++)
        if (qc_json_equal(json, python_literal[k].text)) {
            *value = python_literal[k].value;
            return true;
        }
    return false;
}

static bool same(const json_t *a, const json_t *b, const char *but)
{
    const char *key;
    const json_t *value;
    size_t i, left = json_object_size(b) - (json_object_get(b, but) != NULL);
    if (json_is_array(a) && json_is_array(b) && json_array_size(a) == json_array_size(b)) {
        for (i = 0; i < json_array_size(a); i++)
            if (!same(json_array_get(a, i), json_array_get(b, i), but)) return false;
        return true;
    }
    if (!json_is_object(a) || !json_is_object(b)) return json_equal(a, b);
    for (void *at = json_object_iter((json_t *)a); at; at = json_object_iter_next((json_t *)a, at)) {
        key = json_object_iter_key(at);
        value = json_object_get(b, key);
        if (!strcmp(key, but)) continue;
        if (!value || !same(json_object_iter_value(at), value, but)) return false;
        left--;
    }
    return left == 0;
}

bool qc_json_same(const struct qc_json *a, const struct qc_json *b, const char *but)
{
    return a && b && same(in(a), in(b), but);
}

const void *qc_json_next(const struct qc_json *object, const void *iterator, const char **key, const struct qc_json **value)
{
    json_t *json = (json_t *)in(object);
    void *at = iterator ? json_object_iter_next(json, (void *)iterator) : json_object_iter(json);
    if (!at) return NULL;
    *key = json_object_iter_key(at);
    *value = out(json_object_iter_value(at));
    return at;
}
