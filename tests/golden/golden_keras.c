/*
 * golden_keras.c - Keras models, imported and converted, against Keras's own outputs: float32 within each case's tolerance, float16 within
 * 1e-2; two calls in a row with different inputs, without a reset between them. SavedModels that hold a Keras configuration go both ways, by
 * their graph and by their configuration: either result must be Keras's.
 *
 *   golden_keras keras3.zip [BEGINNING]      (made by tests/oracle/pack_golden.py)
 */
#include "golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct keras_case {
    struct golden *golden;
    struct qc_model *source;
    struct qc_arrays *arrays;
    int calls;
    char *inputs, *outputs; /* names: lists by |, alternatives by ; */
};

/* The position in the session of alternative `which` of the name of recorded input or output `index`; -1 if there is none. */
static int find_name(struct qc_session *session, const char *names, size_t index, int which, bool output)
{
    char name[256];
    while (index-- && *names) names += strcspn(names, "|"), names += *names == '|';
    while (which-- && *names && *names != '|') names += strcspn(names, ";|"), names += *names == ';';
    snprintf(name, sizeof name, "%.*s", (int)strcspn(names, ";|"), names);
    if (!name[0]) return -1;
    return output ? qc_session_output_index(session, name) : qc_session_input_index(session, name);
}

/* Does alternative `which` name all of them, each another one? */
static bool names_fit(struct qc_session *session, const char *names, size_t count, int which, bool output)
{
    for (size_t i = 0; i < count; i++) {
        int found = find_name(session, names, i, which, output);
        for (size_t k = 0; k < i; k++)
            if (find_name(session, names, k, which, output) == found) return false;
        if (found < 0) return false;
    }
    return true;
}

/* Position in the session of recorded input or output `index`: by the first naming that fits, else by order. */
static size_t position(struct qc_session *session, const char *names, size_t index, bool output)
{
    size_t count = output ? qc_session_output_count(session) : qc_session_input_count(session);
    for (int which = 0; which < 3; which++)
        if (names_fit(session, names, count, which, output)) return (size_t)find_name(session, names, index, which, output);
    return index;
}

/* Row `row` of an array of `rows`, as a batch of one; the array itself if rows is 0. */
static struct qc_array slice(const struct qc_array *array, size_t row, size_t rows)
{
    struct qc_array part = *array;
    if (!rows) return part;
    part.dims[0] = 1;
    part.count /= rows;
    part.bytes /= rows;
    part.data = (const char *)array->data + row * part.bytes;
    return part;
}

static const char *call(const struct keras_case *c, struct qc_session *session, int number, size_t row, size_t rows, double atol, char text[256])
{
    const struct golden_tolerance tolerance = {.atol = atol, .floor = 1e-3, .any_width = true};
    struct qc_error error = {0};
    struct qc_array array;
    char prefix[16];
    snprintf(prefix, sizeof prefix, "i%d_", number);
    for (int step = 0; step < 2; step++)
        for (size_t i = 0; golden_array(c->arrays, prefix, i, &array); i++) {
            size_t at = position(session, c->inputs, i, false);
            array = slice(&array, row, rows);
            if (step ? golden_feed(session, at, &array, &error) : golden_resize(session, at, &array, &error)) return snprintf(text, 256, "%.250s", error.text), text;
        }
    if (qc_session_invoke(session, &error)) return snprintf(text, 256, "%.250s", error.text), text;
    snprintf(prefix, sizeof prefix, "o%d_", number);
    for (size_t i = 0; golden_array(c->arrays, prefix, i, &array); i++) {
        array = slice(&array, row, rows);
        const char *wrong = golden_compare(session, position(session, c->outputs, i, true), &array, &tolerance, text);
        if (wrong) return wrong;
    }
    return NULL;
}

/* Rows of the batch if the file takes one at a time; else 0. */
static size_t rows_apart(const struct keras_case *c, struct qc_session *session)
{
    struct qc_tensor_info info;
    struct qc_array array;
    if (!golden_array(c->arrays, "i0_", 0, &array) || !array.rank || array.dims[0] < 2) return 0;
    if (qc_session_input(session, position(session, c->inputs, 0, false), &info) || !info.rank) return 0;
    return info.signature[0] == 1 ? (size_t)array.dims[0] : 0;
}

static void judge(const struct keras_case *c, const char *mode, double atol)
{
    const struct qc_convert_options options = {.mode = mode, .saturate = true};
    const struct qc_options run = {.signature = "serving_default"};
    struct qc_error error = {0};
    char text[256];
    const char *wrong = NULL;
    struct qc_model *model = qc_model_convert(c->source, &options, &error);
    struct qc_session *session = model ? qc_session_create(model, &run, &error) : NULL;
    if (!session) {
        golden_fail(c->golden, "%s: %s", mode, error.text);
    } else {
        size_t rows = rows_apart(c, session);
        for (int number = 0; number < c->calls && !wrong; number++)
            for (size_t row = 0; row < (rows ? rows : 1) && !wrong; row++) wrong = call(c, session, number, row, rows, atol, text);
        if (wrong) golden_fail(c->golden, "%s: %s", mode, wrong);
    }
    qc_session_free(session);
    qc_model_free(model);
}

/* The SavedModel once more, from its configuration. */
static void judge_configuration(struct keras_case *c, const char *path, double tolerance, bool may_refuse)
{
    const struct qc_options options = {.route = QC_ROUTE_CONFIG};
    struct qc_error error = {0};
    qc_model_free(c->source);
    c->source = qc_model_open(path, &options, &error);
    if (c->source) judge(c, "float32", tolerance);
    else if (!may_refuse || error.status != QC_UNSUPPORTED) golden_fail(c->golden, "by its configuration: %s", error.text);
}

static bool has_configuration(const char *path)
{
    char name[512];
    snprintf(name, sizeof name, "%s/keras_metadata.pb", path);
    return qc_file_exists(name);
}

static void one(struct golden *golden, char *const column[])
{
    struct keras_case c = {.golden = golden, .calls = atoi(column[4]), .inputs = column[5], .outputs = column[6]};
    double tolerance = atof(column[2]);
    char arrays[256];
    const char *path = golden_path(golden, 0, column[1]);
    struct qc_error error = {0};
    c.source = qc_model_open(path, NULL, &error);
    if (!c.source) {
        bool may_refuse = atoi(column[3]) && error.status == QC_UNSUPPORTED;
        if (!may_refuse) golden_fail(golden, "%s", error.text);
        return;
    }
    snprintf(arrays, sizeof arrays, "%s.npz", column[0]);
    c.arrays = qc_arrays_open(golden_path(golden, 1, arrays), NULL, &error);
    if (!c.arrays) {
        golden_fail(golden, "%s", error.text);
    } else {
        judge(&c, "float32", tolerance);
        judge(&c, "float16", tolerance > 1e-2 ? tolerance : 1e-2);
        if (has_configuration(path)) judge_configuration(&c, path, tolerance, atoi(column[7]));
    }
    qc_arrays_free(c.arrays);
    qc_model_free(c.source);
}

int main(int argc, char **argv)
{
    return golden_main(argc, argv, one);
}
