/*
 * lower.h - what the tests of the lowerings share: a model with one graph under construction, and its outputs for given inputs.
 */
#ifndef TEST_LOWER_H
#define TEST_LOWER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "import/lower/batch.h"
#include "import/lower/recurrent.h"

#include <math.h>

struct fixture {
    struct qc_model *model;
    struct qc_build build;
    struct qc_tensor *input[4];
    int input_count;
};

static inline struct qc_build *begin(struct fixture *f)
{
    struct qc_error error;
    memset(f, 0, sizeof *f);
    f->model = qc_model_new(NULL, &error);
    assert_non_null(f->model);
    f->build = (struct qc_build){.graph = f->model->graph[0], .scope = "layer"};
    return &f->build;
}

/* A graph input of batch 1 whose axes in `free_axes` (bits) take any size. */
static inline struct qc_tensor *input(struct fixture *f, qc_dtype type, int rank, const int32_t *dims, int free_axes)
{
    char name[16];
    snprintf(name, sizeof name, "input%d", f->input_count);
    struct qc_tensor *tensor = qc_graph_add_tensor(f->build.graph, name, type, rank, dims);
    assert_non_null(tensor);
    for (int i = 0; i < rank; i++)
        if (free_axes >> i & 1) tensor->signature[i] = -1;
    f->input[f->input_count++] = tensor;
    assert_int_equal(qc_graph_set_inputs(f->build.graph, f->input_count, f->input), QC_OK);
    return tensor;
}

/* Ends the graph; a session for it, inputs of the given batch. */
static inline struct qc_session *finish(struct fixture *f, int count, struct qc_tensor *const *output, int32_t batch)
{
    struct qc_error error = {0};
    qc_env_take(&f->model->env, &error);
    if (error.status) fail_msg("%s", error.text);
    for (int i = 0; i < count; i++) assert_non_null(output[i]);
    assert_int_equal(qc_graph_set_outputs(f->build.graph, count, output), QC_OK);
    assert_int_equal(qc_import_mark_batch(f->build.graph), QC_OK);
    if (qc_model_check(f->model)) {
        qc_env_take(&f->model->env, &error);
        fail_msg("%s", error.text);
    }
    struct qc_session *session = qc_session_create(f->model, NULL, &error);
    if (!session) fail_msg("%s", error.text);
    for (int i = 0; i < f->input_count && batch > 1; i++) {
        int32_t dims[QC_MAX_RANK];
        memcpy(dims, f->input[i]->dims, sizeof dims);
        assert_int_equal(f->input[i]->signature[0], -1);
        dims[0] = batch;
        assert_int_equal(qc_session_resize(session, (size_t)i, f->input[i]->rank, dims, &error), QC_OK);
    }
    return session;
}

static inline void set_input(struct qc_session *session, size_t index, const void *data, size_t bytes)
{
    struct qc_tensor_info info;
    assert_int_equal(qc_session_input(session, index, &info), QC_OK);
    assert_int_equal(info.bytes, bytes);
    memcpy(info.data, data, bytes);
}

static inline void invoke(struct qc_session *session)
{
    struct qc_error error;
    if (qc_session_invoke(session, &error)) fail_msg("%s", error.text);
}

static inline void expect_floats(struct qc_session *session, size_t index, const float *want, size_t count, float tolerance)
{
    struct qc_tensor_info info;
    assert_int_equal(qc_session_output(session, index, &info), QC_OK);
    assert_int_equal(info.bytes, count * sizeof *want);
    const float *have = info.data;
    for (size_t i = 0; i < count; i++)
        if (!(fabsf(have[i] - want[i]) <= tolerance)) fail_msg("output %zu, element %zu of %zu: %g, not %g", index, i, count, (double)have[i], (double)want[i]);
}

static inline void end(struct fixture *f, struct qc_session *session)
{
    qc_session_free(session);
    qc_model_free(f->model);
}

/* Numbers in (-1, 1), the same on every machine. */
static inline float next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)((int32_t)(*state >> 8) - (1 << 23)) / (1 << 23);
}

static inline float *random_floats(uint32_t *state, size_t count, float scale)
{
    float *data = malloc(count * sizeof *data + 1);
    assert_non_null(data);
    for (size_t i = 0; i < count; i++) data[i] = scale * next_random(state);
    return data;
}

#endif
