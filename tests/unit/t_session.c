/*
 * t_session.c - the runtime: memory shared between values never changes a result, shapes may change, sessions of one model run in several
 * threads, a failed allocation anywhere is an error and no leak.
 */
#include "unit.h"

#include "export/export.h"
#include "op/build.h"
#include "run/run.h"

#include <pthread.h>

/*
 * x[n,4] -> a = x + 1 -> b = reshape(a)[-1,2] -> c = b * b -> d = reshape(c)[-1,4] -> y0 = d + a, y1 = relu-free copy of d, y2 = x
 * (as an output): elementwise steps that may run in place, reshapes that pass memory on, values that live long.
 */
static struct qc_model *branching(void)
{
    struct qc_model *model = qc_model_new(NULL, NULL);
    struct qc_build b = {.graph = model->graph[0], .scope = "net"};
    struct qc_tensor *x = qc_graph_add_tensor(b.graph, "x", QC_FLOAT32, 2, (int32_t[]){1, 4});
    x->signature[0] = -1;
    assert_int_equal(qc_graph_set_inputs(b.graph, 1, &x), QC_OK);
    struct qc_tensor *a = qc_build_binary(&b, tfl_BuiltinOperator_ADD, x, qc_build_f32(&b, 1));
    struct qc_tensor *half = qc_build_reshape(&b, a, 2, (int32_t[]){-1, 2});
    struct qc_tensor *c = qc_build_binary(&b, tfl_BuiltinOperator_MUL, half, half);
    struct qc_tensor *d = qc_build_reshape(&b, c, 2, (int32_t[]){-1, 4});
    struct qc_tensor *y0 = qc_build_binary(&b, tfl_BuiltinOperator_ADD, d, a);
    struct qc_tensor *out[] = {y0, d, x};
    assert_int_equal(qc_build_status(&b), QC_OK);
    assert_int_equal(qc_graph_set_outputs(b.graph, 3, out), QC_OK);
    assert_int_equal(qc_model_check(model), QC_OK);
    return model;
}

static void run_branching(struct qc_session *session, int rows, uint64_t *random)
{
    struct qc_tensor_info in, y[3];
    struct qc_error error;
    float x[64];
    assert_int_equal(qc_session_resize(session, 0, 2, (int32_t[]){rows, 4}, &error), QC_OK);
    assert_int_equal(qc_session_input(session, 0, &in), QC_OK);
    assert_int_equal(in.bytes, (size_t)rows * 16);
    for (int i = 0; i < 4 * rows; i++) ((float *)in.data)[i] = x[i] = unit_float(random, -4, 4);
    if (qc_session_invoke(session, &error)) fail_msg("%s", error.text);
    for (size_t k = 0; k < 3; k++) assert_int_equal(qc_session_output(session, k, &y[k]), QC_OK);
    for (int i = 0; i < 4 * rows; i++) {
        float a = x[i] + 1;
        assert_true(((float *)y[1].data)[i] == a * a);
        assert_true(((float *)y[0].data)[i] == a * a + a);
        assert_true(((float *)y[2].data)[i] == x[i]);
    }
}

static void shared_memory_keeps_results(void **state)
{
    uint64_t random = 3;
    (void)state;
    struct qc_model *model = branching();
    struct qc_session *session = qc_session_create(model, NULL, NULL);
    for (int round = 0; round < 50; round++) run_branching(session, 1 + round % 7, &random);
    qc_session_free(session);
    qc_model_free(model);
}

/* x -> custom operators one behind another. */
static void missing_operators_are_all_listed(void **state)
{
    static const char *const names[] = {"", "FooBar", "Foo", "Foo"};
    struct qc_error error = {0};
    (void)state;
    struct qc_model *model = qc_model_new(NULL, NULL);
    struct qc_graph *graph = model->graph[0];
    struct qc_tensor *x = qc_graph_add_tensor(graph, "x", QC_FLOAT32, 1, (int32_t[]){4});
    assert_int_equal(qc_graph_set_inputs(graph, 1, &x), QC_OK);
    for (size_t i = 0; i < QC_COUNT(names); i++) {
        struct qc_tensor *y = qc_graph_add_tensor(graph, "y", QC_FLOAT32, 1, (int32_t[]){4});
        struct qc_node *node = qc_graph_add_node(graph, NULL, tfl_BuiltinOperator_CUSTOM, NULL, NULL, 1, &x, 1, &y);
        node->custom = names[i];
        x = y;
    }
    assert_int_equal(qc_graph_set_outputs(graph, 1, &x), QC_OK);
    assert_null(qc_session_create(model, NULL, &error));
    assert_int_equal(error.status, QC_UNSUPPORTED);
    assert_string_equal(error.text, "the model needs 3 operators that quantc does not have: a custom one without a name, FooBar, Foo");
    qc_model_free(model);
}

/* A loop with a body subgraph: (i, v) -> while i < 5: (i + 1, v * 2). */
static struct qc_model *looping(void)
{
    struct qc_model *model = qc_model_new(NULL, NULL);
    struct qc_graph *cond = qc_model_add_graph(model, "cond"), *body = qc_model_add_graph(model, "body");
    for (int g = 0; g < 3; g++) {
        struct qc_graph *graph = model->graph[g];
        struct qc_tensor *in[] = {qc_graph_add_tensor(graph, "i", QC_INT32, 0, NULL),
                                  qc_graph_add_tensor(graph, "v", QC_FLOAT32, 1, (int32_t[]){3})};
        in[1]->signature[0] = g ? 3 : -1;
        assert_int_equal(qc_graph_set_inputs(graph, 2, in), QC_OK);
    }
    struct qc_build b = {.graph = cond};
    struct qc_tensor *less = QC_BUILD(&b, LESS, NULL, cond->input[0], qc_build_i32(&b, 5));
    assert_int_equal(qc_graph_set_outputs(cond, 1, &less), QC_OK);
    b.graph = body;
    struct qc_tensor *next[] = {qc_build_binary(&b, tfl_BuiltinOperator_ADD, body->input[0], qc_build_i32(&b, 1)),
                                qc_build_binary(&b, tfl_BuiltinOperator_MUL, body->input[1], qc_build_f32(&b, 2))};
    assert_int_equal(qc_graph_set_outputs(body, 2, next), QC_OK);
    b.graph = model->graph[0];
    QC_OPTIONS(&b, WhileOptions, options);
    options->cond_subgraph_index = 1;
    options->body_subgraph_index = 2;
    struct qc_tensor *out[2];
    assert_int_equal(qc_build_ops(&b, tfl_BuiltinOperator_WHILE, options, 2, b.graph->input, 2, out), QC_OK);
    assert_int_equal(qc_graph_set_outputs(b.graph, 2, out), QC_OK);
    assert_int_equal(qc_model_check(model), QC_OK);
    return model;
}

static void loops_run_for_any_shape(void **state)
{
    (void)state;
    struct qc_model *model = looping();
    struct qc_session *session = qc_session_create(model, NULL, NULL);
    assert_non_null(session);
    for (int32_t n = 1; n < 20; n += 3) {
        struct qc_tensor_info i, v;
        struct qc_error error;
        assert_int_equal(qc_session_resize(session, 1, 1, &n, &error), QC_OK);
        assert_int_equal(qc_session_input(session, 0, &i), QC_OK);
        assert_int_equal(qc_session_input(session, 1, &v), QC_OK);
        *(int32_t *)i.data = 2;
        for (int k = 0; k < n; k++) ((float *)v.data)[k] = (float)k;
        if (qc_session_invoke(session, &error)) fail_msg("%s", error.text);
        assert_int_equal(qc_session_output(session, 1, &v), QC_OK);
        for (int k = 0; k < n; k++) assert_true(((float *)v.data)[k] == 8.0f * (float)k);
    }
    qc_session_free(session);
    qc_model_free(model);
}

static void a_graph_that_calls_itself_is_an_error(void **state)
{
    (void)state;
    struct qc_model *model = looping();
    struct qc_error error;
    for (uint32_t n = 0; n < model->graph[0]->node_count; n++)
        ((struct tfl_WhileOptions *)(uintptr_t)model->graph[0]->node[n]->options)->body_subgraph_index = 0;
    struct qc_session *session = qc_session_create(model, NULL, &error);
    if (session) assert_int_not_equal(qc_session_invoke(session, &error), QC_OK);
    assert_true(*error.text);
    qc_session_free(session);
    qc_model_free(model);
}

static void *many_runs(void *argument)
{
    struct qc_model *model = argument;
    struct qc_session *session = qc_session_create(model, NULL, NULL);
    uint64_t random = (uintptr_t)&random;
    for (int round = 0; round < 200; round++) run_branching(session, 1 + round % 5, &random);
    qc_session_free(session);
    return NULL;
}

static void sessions_share_a_model_between_threads(void **state)
{
    pthread_t thread[4];
    (void)state;
    struct qc_model *model = branching();
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&thread[i], NULL, many_runs, model), 0);
    for (int i = 0; i < 4; i++) pthread_join(thread[i], NULL);
    qc_model_free(model);
}

/* y = relu(x v) w, large enough to be split between the threads of a pool; weights are packed. */
enum { WIDE = 512 };
static struct qc_model *heavy(const struct qc_options *options)
{
    struct qc_model *model = qc_model_new(options, NULL);
    struct qc_build b = {.graph = model->graph[0], .scope = "net"};
    float *weights = qc_arena_array(&model->arena, WIDE * WIDE, sizeof *weights);
    uint64_t random = 9;
    for (int i = 0; i < WIDE * WIDE; i++) weights[i] = unit_float(&random, -0.1f, 0.1f);
    struct qc_tensor *x = qc_graph_add_tensor(b.graph, "x", QC_FLOAT32, 2, (int32_t[]){8, WIDE}), *y = x;
    assert_int_equal(qc_graph_set_inputs(b.graph, 1, &x), QC_OK);
    for (int layer = 0; layer < 2; layer++) {
        QC_OPTIONS(&b, FullyConnectedOptions, options);
        options->fused_activation_function = layer ? tfl_ActivationFunctionType_NONE : tfl_ActivationFunctionType_RELU;
        struct qc_tensor *w = qc_graph_add_constant(b.graph, layer ? "w" : "v", QC_FLOAT32, 2, (int32_t[]){WIDE, WIDE}, weights, WIDE * WIDE * sizeof(float));
        y = QC_BUILD(&b, FULLY_CONNECTED, options, y, w, qc_none());
    }
    assert_int_equal(qc_graph_set_outputs(b.graph, 1, &y), QC_OK);
    return model;
}

struct shared_run {
    struct qc_model *model;
    uint64_t sum; /* of the bits of all results */
    size_t memory;
};

static void *run_with_pool(void *argument)
{
    struct shared_run *shared = argument;
    struct qc_tensor_info in, out;
    uint64_t random = 11;
    struct qc_session *session = qc_session_create(shared->model, &(struct qc_options){.threads = 2}, NULL);
    for (int round = 0; round < 5; round++) {
        if (qc_session_input(session, 0, &in)) return NULL;
        for (size_t i = 0; i < in.bytes / sizeof(float); i++) ((float *)in.data)[i] = unit_float(&random, -1, 1);
        if (qc_session_invoke(session, NULL) || qc_session_output(session, 0, &out)) return NULL;
        for (size_t i = 0; i < out.bytes / 4; i++) shared->sum = shared->sum * 31 + ((const uint32_t *)out.data)[i];
    }
    shared->memory = qc_session_memory(session);
    qc_session_free(session);
    return NULL;
}

/* Sessions with pools of their own, packing and reading the same weights at the same time; the thread sanitizer watches. */
static void sessions_with_pools_share_weights(void **state)
{
    pthread_t thread[3];
    struct shared_run run[3];
    (void)state;
    struct qc_model *model = heavy(NULL);
    for (int i = 0; i < 3; i++) {
        run[i] = (struct shared_run){.model = model};
        assert_int_equal(pthread_create(&thread[i], NULL, run_with_pool, &run[i]), 0);
    }
    for (int i = 0; i < 3; i++) pthread_join(thread[i], NULL);
    for (int i = 0; i < 3; i++) {
        assert_true(run[i].sum && run[i].sum == run[0].sum);
        assert_true(run[i].memory < WIDE * WIDE * sizeof(float)); /* weights are the model's */
    }
    qc_model_free(model);
}

static int fills;

static void fill_block(void *block, const void *context)
{
    memset(block, *(const int *)context, (size_t)*(const int *)context);
    fills++;
}

/* Blocks of any size begin on a cache line, keep to themselves, and are made once for each tensor and kind. */
static void packed_blocks_are_aligned_and_made_once(void **state)
{
    (void)state;
    struct qc_model *model = heavy(NULL);
    struct qc_env env;
    const char *const kind[] = {"one", "two"};
    const char *block[2][200];
    qc_env_init(&env, NULL);
    fills = 0;
    for (int round = 0; round < 2; round++)
        for (int k = 0; k < 2; k++)
            for (int bytes = 1; bytes < 200; bytes++) {
                char name[16];
                snprintf(name, sizeof name, "%s%d", kind[k], bytes);
                const char *packed = qc_pack_get(model, &env, model->graph[0]->tensor[k], name, (size_t)bytes, fill_block, &bytes);
                assert_non_null(packed);
                assert_int_equal((uintptr_t)packed % 64, 0);
                if (round) assert_ptr_equal(packed, block[k][bytes]);
                block[k][bytes] = packed;
            }
    assert_int_equal(fills, 2 * 199);
    for (int k = 0; k < 2; k++)
        for (int bytes = 1; bytes < 200; bytes++)
            for (int i = 0; i < bytes; i++) assert_int_equal((unsigned char)block[k][bytes][i], bytes);
    qc_model_free(model);
}

/* A ceiling ends planning with an error that says so; the same session fits below a higher one. */
static void a_ceiling_of_memory_is_kept(void **state)
{
    (void)state;
    struct qc_error error;
    struct qc_model *model = heavy(NULL);
    assert_null(qc_session_create(model, &(struct qc_options){.max_memory = 10000}, &error));
    assert_int_equal(error.status, QC_NOMEM);
    assert_non_null(strstr(error.text, "10000"));
    struct qc_session *session = qc_session_create(model, &(struct qc_options){.max_memory = 4 << 20}, &error);
    assert_non_null(session);
    assert_int_not_equal(qc_session_resize(session, 0, 2, (int32_t[]){1 << 20, WIDE}, &error) || qc_session_invoke(session, &error), QC_OK);
    assert_int_equal(error.status, QC_NOMEM);
    qc_session_free(session);
    qc_model_free(model);
}

struct meter {
    size_t now, most;
};

static void *metered(void *user, void *block, size_t bytes)
{
    enum { HEAD = 16 };
    struct meter *meter = user;
    size_t *raw = block ? (size_t *)(void *)((char *)block - HEAD) : NULL, old = raw ? *raw : 0;
    meter->now += bytes - old;
    meter->most = meter->now > meter->most ? meter->now : meter->most;
    if (!bytes) {
        free(raw);
        return NULL;
    }
    size_t *fresh = realloc(raw, bytes + HEAD);
    *fresh = bytes;
    return (char *)fresh + HEAD;
}

/* Model, packed weights and values together, whatever the ceiling. */
static void nothing_is_held_above_the_ceiling(void **state)
{
    enum { LEAST = WIDE * WIDE * 5, STEP = 200000, BLOCKS = 64 * 16 }; /* of an allocation the 16 bytes that hold its size are not counted */
    int made = 0;
    (void)state;
    for (size_t limit = LEAST; limit < 4 << 20; limit += STEP) {
        struct meter meter = {0};
        const struct qc_allocator allocator = {.resize = metered, .user = &meter};
        struct qc_model *model = heavy(&(struct qc_options){.allocator = &allocator});
        struct qc_session *session = qc_session_create(model, &(struct qc_options){.allocator = &allocator, .max_memory = limit}, NULL);
        made += session && !qc_session_invoke(session, NULL);
        if (meter.most > limit + BLOCKS) fail_msg("%zu bytes were held, the ceiling was %zu", meter.most, limit);
        qc_session_free(session);
        qc_model_free(model);
        assert_int_equal(meter.now, 0);
    }
    assert_true(made > 0 && made < 10);
}

/* Wrong arguments get a status and a sentence that names them. */
static void wrong_arguments_are_errors(void **state)
{
    (void)state;
    struct qc_error error = {0};
    struct qc_tensor_info info;
    struct qc_model *model = branching();
    struct qc_session *session = qc_session_create(model, NULL, &error);
    assert_null(qc_model_open(NULL, NULL, &error));
    assert_string_equal(error.text, "qc_model_open: path is NULL");
    assert_null(qc_model_open(NULL, NULL, NULL));
    assert_null(qc_model_open_memory(NULL, 10, NULL, &error));
    assert_null(qc_session_create(NULL, NULL, &error));
    assert_string_equal(error.text, "qc_session_create: model is NULL");
    assert_int_equal(qc_session_invoke(NULL, &error), QC_INVALID);
    assert_int_equal(qc_session_resize(session, 0, 2, NULL, &error), QC_INVALID);
    assert_string_equal(error.text, "qc_session_resize: dims is NULL");
    assert_int_equal(qc_session_resize(session, 1, 1, (int32_t[]){1}, &error), QC_INVALID);
    assert_int_equal(qc_session_resize(session, 0, QC_MAX_RANK + 1, (int32_t[QC_MAX_RANK + 1]){0}, &error), QC_INVALID);
    assert_int_equal(qc_session_resize(session, 0, 1, (int32_t[]){-1}, &error), QC_INVALID);
    assert_int_equal(qc_session_input(session, 1, &info), QC_INVALID);
    assert_int_equal(qc_session_input(session, 0, NULL), QC_INVALID);
    assert_int_equal(qc_session_input_index(session, NULL), -1);
    assert_int_equal(qc_session_set_strings(session, 0, 1, (const char *[]){"x"}, NULL, &error), QC_INVALID);
    assert_int_equal(qc_session_invoke(session, &error), QC_OK); /* none of it did harm */
    qc_session_free(session);
    qc_session_free(NULL);
    qc_model_free(model);
    qc_model_free(NULL);
}

/* A file whose operator holds another one's options: they are not read as its own. */
static void options_of_another_operator_are_none(void **state)
{
    struct qc_error error;
    struct qc_export out;
    (void)state;
    struct qc_model *source = qc_model_new(NULL, NULL);
    struct qc_build b = {.graph = source->graph[0], .scope = "net"};
    struct qc_tensor *x = qc_graph_add_tensor(b.graph, "x", QC_FLOAT32, 1, (int32_t[]){4}), *sum[] = {x, qc_build_f32(&b, 1)};
    struct qc_tensor *y = qc_graph_add_tensor(b.graph, "y", QC_FLOAT32, 1, (int32_t[]){4});
    assert_int_equal(qc_graph_set_inputs(b.graph, 1, &x), QC_OK);
    assert_non_null(qc_graph_add_node(b.graph, NULL, tfl_BuiltinOperator_ADD, &tfl_GatherOptions_table, NULL, 2, sum, 1, &y));
    assert_int_equal(qc_graph_set_outputs(b.graph, 1, &y), QC_OK);
    assert_int_equal(qc_export_build(source, &out), QC_OK);
    char *bytes = malloc(out.total);
    qc_export_copy(&out, bytes);
    struct qc_model *model = qc_model_open_memory(bytes, out.total, NULL, &error);
    if (!model) fail_msg("%s", error.text);
    assert_null(model->graph[0]->node[0]->options);
    qc_model_free(model);
    qc_export_free(&out);
    qc_model_free(source);
    free(bytes);
}

/* Loading, planning and running with the k-th allocation failing, for every k. */
static void every_failed_allocation_is_an_error(void **state)
{
    (void)state;
    struct qc_model *source = branching();
    struct qc_export out;
    assert_int_equal(qc_export_build(source, &out), QC_OK);
    char *bytes = malloc(out.total);
    size_t size = out.total;
    qc_export_copy(&out, bytes);
    qc_export_free(&out);
    qc_model_free(source);
    for (size_t k = 1;; k++) {
        struct unit_allocator count = {.fail_at = k};
        struct qc_allocator allocator = {unit_resize, &count};
        struct qc_options options = {.allocator = &allocator};
        struct qc_error error = {0};
        struct qc_model *model = qc_model_open_memory(bytes, size, &options, &error);
        struct qc_session *session = model ? qc_session_create(model, &options, &error) : NULL;
        bool done = session && !qc_session_invoke(session, &error) && count.calls < k;
        if (!done && count.calls >= k) assert_int_equal(error.status ? error.status : QC_NOMEM, QC_NOMEM);
        qc_session_free(session);
        qc_model_free(model);
        assert_int_equal(count.live, 0);
        if (done) break;
        assert_true(k < 5000);
    }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_memory_keeps_results), cmocka_unit_test(missing_operators_are_all_listed),
        cmocka_unit_test(options_of_another_operator_are_none),
        cmocka_unit_test(loops_run_for_any_shape),
        cmocka_unit_test(a_graph_that_calls_itself_is_an_error),
        cmocka_unit_test(sessions_share_a_model_between_threads),
        cmocka_unit_test(sessions_with_pools_share_weights),
        cmocka_unit_test(packed_blocks_are_aligned_and_made_once),
        cmocka_unit_test(a_ceiling_of_memory_is_kept), cmocka_unit_test(nothing_is_held_above_the_ceiling),
        cmocka_unit_test(wrong_arguments_are_errors),
        cmocka_unit_test(every_failed_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
