/*
 * t_quantized_ops.c - operators on quantized values at the edges of what their scales may be.
 */
#include "unit.h"

#include "op/build.h"
#include "op/shared/wide_matrices.h"
#include "run/run.h"

#include <float.h>

enum { COUNT = 64 };

struct quantization {
    float scale;
    int64_t zero;
};

static struct qc_tensor *tensor(struct qc_model *model, const char *name, int32_t count, struct quantization q)
{
    struct qc_tensor *t = qc_graph_add_tensor(model->graph[0], name, QC_INT8, 1, &count);
    assert_non_null(t);
    t->quant = qc_quant_new(&model->arena, q.scale, q.zero);
    return t;
}

/* y = code(a, b), each of COUNT int8 (y of twice as many if they are joined). */
static void run(int code, struct quantization qa, struct quantization qb, struct quantization qy, bool reference, const int8_t *a, const int8_t *b, int8_t *y)
{
    struct qc_model *model = qc_model_new(NULL, NULL);
    struct qc_tensor *in[] = {tensor(model, "a", COUNT, qa), tensor(model, "b", COUNT, qb)};
    struct qc_tensor *out = tensor(model, "y", code == tfl_BuiltinOperator_CONCATENATION ? 2 * COUNT : COUNT, qy);
    assert_int_equal(qc_graph_set_inputs(model->graph[0], 2, in), QC_OK);
    struct qc_node *node = qc_graph_add_node(model->graph[0], NULL, code, NULL, NULL, 2, in, 1, &out);
    assert_non_null(node);
    node->version = 2;
    assert_int_equal(qc_graph_set_outputs(model->graph[0], 1, &out), QC_OK);
    struct qc_error error = {0};
    struct qc_tensor_info info;
    struct qc_session *session = qc_session_create(model, &(struct qc_options){.reference = reference}, &error);
    if (!session) fail_msg("%s", error.text);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(qc_session_input(session, i, &info), QC_OK);
        memcpy(info.data, i ? b : a, COUNT);
    }
    if (qc_session_invoke(session, &error)) fail_msg("%s", error.text);
    assert_int_equal(qc_session_output(session, 0, &info), QC_OK);
    memcpy(y, info.data, info.bytes);
    qc_session_free(session);
    qc_model_free(model);
}

/* XNNPACK leaves products of less than 2^-16 to TensorFlow Lite, which rounds their halves otherwise. */
static void small_products_round_as_the_reference(void **state)
{
    int8_t a[COUNT], b[COUNT], fast[COUNT], right[COUNT];
    (void)state;
    for (int i = 182; i < 256; i += 3)
        for (int k = i; k < 256; k += 5) {
            const float scale = 0.5f / (float)(i * k);
            for (int n = 0; n < COUNT; n++) a[n] = (int8_t)(i - 128), b[n] = (int8_t)(k - 128 - (n % 3 == 2));
            const struct quantization q = {1, -128}, small = {1 / scale, 0};
            run(tfl_BuiltinOperator_MUL, q, q, small, false, a, b, fast);
            run(tfl_BuiltinOperator_MUL, q, q, small, true, a, b, right);
            assert_memory_equal(fast, right, COUNT);
        }
}

/* Of an infinite ratio nothing is right but a number of the type; a huge one takes all but its zero point to the ends. */
static void joining_scales_far_apart(void **state)
{
    int8_t a[COUNT], b[COUNT], y[2 * COUNT];
    (void)state;
    for (int n = 0; n < COUNT; n++) a[n] = (int8_t)(4 * n - 128), b[n] = (int8_t)-a[n];
    run(tfl_BuiltinOperator_CONCATENATION, (struct quantization){FLT_MAX, 0}, (struct quantization){1, 3}, (struct quantization){FLT_MIN, 0}, false, a, b, y);
    for (int n = 0; n < COUNT; n++) {
        assert_int_equal(y[n], -128);
        assert_int_equal(y[COUNT + n], b[n] > 3 ? 127 : b[n] == 3 ? 0 : -128);
    }
    /* zero points that no type holds; sanitizers watch */
    run(tfl_BuiltinOperator_CONCATENATION, (struct quantization){1, INT32_MIN}, (struct quantization){1, INT64_MAX}, (struct quantization){1, 0}, false, a, b, y);
    for (int n = 0; n < COUNT; n++) assert_true(y[n] == 127 && y[COUNT + n] == -128);
}

/* FULLY_CONNECTED of int16 by int16; the results are LiteRT 2.3's. */
static void weights_of_16_bits(void **state)
{
    static const int16_t x[] = {100, -200, 3000, -32768, 32767, 32767, -32768, -1, 7, -9, 11, -13};
    static const int16_t w[] = {32767, -32768, 1234, -77, -5, 6000, -7000, 20000};
    static const int16_t right[2][6] = {{8, -339, -20, 213, 0, -1}, {8, -509, -20, 319, 0, -1}};
    static const float scale[] = {2e-5f, 3e-5f};
    static const int64_t zero[2] = {0};
    (void)state;
    for (int per_channel = 0; per_channel < 2; per_channel++) {
        struct qc_model *model = qc_model_new(NULL, NULL);
        struct qc_graph *graph = model->graph[0];
        struct qc_build b = {.graph = graph, .scope = "net"};
        struct qc_quant quant = {.count = per_channel ? 2 : 1, .scale = scale, .zero_point = zero};
        struct qc_tensor *in = qc_graph_add_tensor(graph, "x", QC_INT16, 2, (int32_t[]){3, 4}), *out = qc_graph_add_tensor(graph, "y", QC_INT16, 2, (int32_t[]){3, 2});
        in->quant = qc_quant_new(&model->arena, 1e-4f, 0);
        out->quant = qc_quant_new(&model->arena, 4e-3f, 0);
        assert_int_equal(qc_graph_set_inputs(graph, 1, &in), QC_OK);
        struct qc_tensor *weights = qc_build_constant(&b, "w", QC_INT16, 2, (int32_t[]){2, 4}, w);
        weights->quant = &quant;
        struct qc_tensor *bias = per_channel ? qc_build_constant(&b, "b", QC_INT64, 1, (int32_t[]){2}, (int64_t[]){123456, -654321})
                                             : qc_build_constant(&b, "b", QC_INT32, 1, (int32_t[]){2}, (int32_t[]){123456, -654321});
        struct qc_tensor *operand[] = {in, weights, bias};
        struct qc_node *node = qc_graph_add_node(graph, NULL, tfl_BuiltinOperator_FULLY_CONNECTED, &tfl_FullyConnectedOptions_table, NULL, 3, operand, 1, &out);
        assert_non_null(node);
        node->version = 14;
        assert_int_equal(qc_graph_set_outputs(graph, 1, &out), QC_OK);
        struct qc_error error = {0};
        struct qc_tensor_info info;
        struct qc_session *session = qc_session_create(model, NULL, &error);
        if (!session) fail_msg("%s", error.text);
        assert_int_equal(qc_session_input(session, 0, &info), QC_OK);
        memcpy(info.data, x, sizeof x);
        assert_int_equal(qc_session_invoke(session, &error), QC_OK);
        assert_int_equal(qc_session_output(session, 0, &info), QC_OK);
        assert_memory_equal(info.data, right[per_channel], sizeof right[0]);
        qc_session_free(session);
        qc_model_free(model);
    }
}

/* SVDF of two rows is that of each, with memories of their own. */
static struct qc_session *svdf(struct qc_model *model, int32_t batch)
{
    enum { INPUT = 5, FILTERS = 6, MEMORY = 3, UNITS = 3 };
    static int8_t feature[FILTERS * INPUT];
    static int16_t time[FILTERS * MEMORY];
    uint64_t random = 21;
    struct qc_graph *graph = model->graph[0];
    struct qc_build b = {.graph = graph, .scope = "net"};
    for (int i = 0; i < FILTERS * INPUT; i++) feature[i] = (int8_t)unit_random(&random);
    for (int i = 0; i < FILTERS * MEMORY; i++) time[i] = (int16_t)unit_random(&random);
    struct qc_tensor *in[] = {qc_graph_add_tensor(graph, "x", QC_INT8, 2, (int32_t[]){batch, INPUT}),
                              qc_build_constant(&b, "feature", QC_INT8, 2, (int32_t[]){FILTERS, INPUT}, feature),
                              qc_build_constant(&b, "time", QC_INT16, 2, (int32_t[]){FILTERS, MEMORY}, time),
                              qc_build_constant(&b, "bias", QC_INT32, 1, (int32_t[]){UNITS}, (int32_t[]){100, -3000, 20000}),
                              qc_graph_add_tensor(graph, "state", QC_INT16, 2, (int32_t[]){batch, FILTERS * MEMORY})};
    struct qc_tensor *out = qc_graph_add_tensor(graph, "y", QC_INT8, 2, (int32_t[]){batch, UNITS});
    static const float scale[] = {0.1f, 0.01f, 1e-4f, 1e-7f, 1e-3f};
    for (int i = 0; i < 5; i++) in[i]->quant = qc_quant_new(&model->arena, scale[i], i ? 0 : 3);
    out->quant = qc_quant_new(&model->arena, 0.02f, -7);
    in[4]->variable = true;
    assert_int_equal(qc_graph_set_inputs(graph, 1, in), QC_OK);
    QC_OPTIONS(&b, SVDFOptions, options);
    options->rank = FILTERS / UNITS;
    options->fused_activation_function = tfl_ActivationFunctionType_RELU;
    struct qc_node *node = qc_graph_add_node(graph, NULL, tfl_BuiltinOperator_SVDF, &tfl_SVDFOptions_table, options, 5, in, 1, &out);
    node->version = 3;
    assert_int_equal(qc_graph_set_outputs(graph, 1, &out), QC_OK);
    struct qc_error error = {0};
    struct qc_session *session = qc_session_create(model, NULL, &error);
    if (!session) fail_msg("%s", error.text);
    return session;
}

static void rows_of_a_batch_have_their_own_memory(void **state)
{
    struct qc_model *model[3] = {qc_model_new(NULL, NULL), qc_model_new(NULL, NULL), qc_model_new(NULL, NULL)};
    struct qc_session *session[3] = {svdf(model[0], 1), svdf(model[1], 1), svdf(model[2], 2)};
    struct qc_tensor_info info, both;
    uint64_t random = 5;
    int different = 0;
    (void)state;
    for (int round = 0; round < 6; round++) {
        assert_int_equal(qc_session_input(session[2], 0, &both), QC_OK);
        for (size_t i = 0; i < both.bytes; i++) ((int8_t *)both.data)[i] = (int8_t)unit_random(&random);
        for (int row = 0; row < 2; row++) {
            assert_int_equal(qc_session_input(session[row], 0, &info), QC_OK);
            memcpy(info.data, (int8_t *)both.data + (size_t)row * info.bytes, info.bytes);
        }
        for (int i = 0; i < 3; i++) assert_int_equal(qc_session_invoke(session[i], NULL), QC_OK);
        assert_int_equal(qc_session_output(session[2], 0, &both), QC_OK);
        for (int row = 0; row < 2; row++) {
            assert_int_equal(qc_session_output(session[row], 0, &info), QC_OK);
            assert_memory_equal(info.data, (int8_t *)both.data + (size_t)row * info.bytes, info.bytes);
        }
        different += memcmp(both.data, (int8_t *)both.data + info.bytes, info.bytes) != 0;
    }
    assert_true(different > 3);
    for (int i = 0; i < 3; i++) {
        qc_session_free(session[i]);
        qc_model_free(model[i]);
    }
}

/* The root of 0 is 0; one over it, as LiteRT has it, the largest number. */
static void roots_of_zero(void **state)
{
    static const int code[] = {tfl_BuiltinOperator_SQRT, tfl_BuiltinOperator_RSQRT};
    static const int8_t right[][2] = {{-20, -10}, {127, -10}}; /* of 0 and of 1 */
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct qc_model *model = qc_model_new(NULL, NULL);
        struct qc_tensor *in = tensor(model, "x", 2, (struct quantization){0.25f, -128}), *out = tensor(model, "y", 2, (struct quantization){0.1f, -20});
        struct qc_error error = {0};
        struct qc_tensor_info info;
        assert_int_equal(qc_graph_set_inputs(model->graph[0], 1, &in), QC_OK);
        assert_non_null(qc_graph_add_node(model->graph[0], NULL, code[i], NULL, NULL, 1, &in, 1, &out));
        model->graph[0]->node[0]->version = 2;
        assert_int_equal(qc_graph_set_outputs(model->graph[0], 1, &out), QC_OK);
        struct qc_session *session = qc_session_create(model, NULL, &error);
        if (!session) fail_msg("%s", error.text);
        assert_int_equal(qc_session_input(session, 0, &info), QC_OK);
        ((int8_t *)info.data)[0] = -128, ((int8_t *)info.data)[1] = -124;
        assert_int_equal(qc_session_invoke(session, &error), QC_OK);
        assert_int_equal(qc_session_output(session, 0, &info), QC_OK);
        assert_memory_equal(info.data, right[i], 2);
        qc_session_free(session);
        qc_model_free(model);
    }
}

/* The lowest version that says what the node means: older runtimes read it then. */
static void versions_are_the_lowest(void **state)
{
    static const struct {
        int code;
        qc_dtype type;
        int rank, other_rank, version;
    } right[] = {{tfl_BuiltinOperator_ADD, QC_FLOAT32, 2, 2, 1}, {tfl_BuiltinOperator_ADD, QC_INT8, 2, 2, 2},    {tfl_BuiltinOperator_ADD, QC_INT64, 2, 2, 4},
                 {tfl_BuiltinOperator_SUB, QC_FLOAT32, 5, 5, 1}, {tfl_BuiltinOperator_SUB, QC_FLOAT32, 5, 4, 3}, {tfl_BuiltinOperator_SUB, QC_FLOAT32, 4, 3, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        struct qc_model *model = qc_model_new(NULL, NULL);
        struct qc_graph *graph = model->graph[0];
        const int32_t dims[] = {2, 2, 2, 2, 2};
        struct qc_tensor *in[] = {qc_graph_add_tensor(graph, "a", right[i].type, right[i].rank, dims),
                                  qc_graph_add_tensor(graph, "b", right[i].type, right[i].other_rank, dims)};
        struct qc_tensor *out = qc_graph_add_tensor(graph, "y", right[i].type, right[i].rank, dims);
        const struct qc_node *node = qc_graph_add_node(graph, NULL, right[i].code, NULL, NULL, 2, in, 1, &out);
        if (qc_node_version(node) != right[i].version) fail_msg("%zu: version %d, not %d", i, qc_node_version(node), right[i].version);
        qc_model_free(model);
    }
}

/* Products of 16 by 16 bits are taken apart into bytes, and long sums into pieces: every bit as summed at once. */
static void wide_sums_are_exact(void **state)
{
    (void)state;
    enum { ROWS = 3, COLUMNS = 18, DEEP = 1300 };
    static const size_t depths[] = {1, 7, 504, 505, DEEP};
    static int16_t x[ROWS * DEEP], w[COLUMNS * DEEP];
    static int8_t narrow[COLUMNS * DEEP];
    uint64_t seed = 5;
    for (size_t i = 0; i < QC_COUNT(x); i++) x[i] = i % 9 ? INT16_MIN : (int16_t)unit_float(&seed, -32768, 32767);
    for (size_t i = 0; i < QC_COUNT(w); i++) w[i] = i % 7 ? INT16_MIN : (int16_t)unit_float(&seed, -32768, 32767);
    for (size_t i = 0; i < QC_COUNT(w); i++) narrow[i] = (int8_t)(w[i] >> 8);
    for (size_t d = 0; d < 2 * QC_COUNT(depths); d++) {
        const size_t depth = depths[d / 2];
        const bool bytes = d % 2;
        struct qc_wide_matrices wide = {.rows = ROWS, .columns = COLUMNS, .depth = depth, .w_depth = 1, .w_column = depth, .bytes = bytes};
        char *room = aligned_alloc(64, (qc_wide_matrices_plan(&wide, 1) + 63) / 64 * 64);
        int64_t total[ROWS * COLUMNS];
        assert_non_null(room);
        qc_wide_matrices_run(&wide, x, bytes ? (const void *)narrow : w, total, room, NULL);
        for (size_t i = 0; i < ROWS * COLUMNS; i++) {
            int64_t sum = 0;
            for (size_t k = 0, at = i % COLUMNS * depth; k < depth; k++, at++) sum += (int64_t)x[i / COLUMNS * depth + k] * (bytes ? narrow[at] : w[at]);
            assert_true(total[i] == sum);
        }
        free(room);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(small_products_round_as_the_reference), cmocka_unit_test(joining_scales_far_apart),
                                       cmocka_unit_test(weights_of_16_bits), cmocka_unit_test(rows_of_a_batch_have_their_own_memory),
                                       cmocka_unit_test(roots_of_zero), cmocka_unit_test(versions_are_the_lowest),
                                       cmocka_unit_test(wide_sums_are_exact)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
