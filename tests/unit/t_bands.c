/*
 * t_bands.c - elementwise steps that join a product, and products that run in bands of rows, give the bits of the plain order.
 *
 * Random nets of convolutions, depthwise convolutions, residual sums, gates and activations run as they ship, with 1 and 3 threads, and with an
 * observer, which keeps every step on its own.
 */
#include "unit.h"

#include "op/build.h"
#include "run/run.h"

#include <math.h>

static uint64_t seed;

static int32_t among(int32_t low, int32_t high) { return low + (int32_t)(unit_random(&seed) % (uint64_t)(high - low + 1)); }

static struct qc_tensor *weights(struct qc_build *b, int rank, const int32_t *dims)
{
    size_t count = 1;
    for (int i = 0; i < rank; i++) count *= (size_t)dims[i];
    float *data = malloc(count * sizeof *data);
    for (size_t i = 0; i < count; i++) data[i] = unit_float(&seed, -0.3f, 0.3f);
    struct qc_tensor *tensor = qc_build_constant(b, "weights", QC_FLOAT32, rank, dims, data);
    free(data);
    return tensor;
}

static struct qc_tensor *convolution(struct qc_build *b, struct qc_tensor *x, int32_t channels)
{
    static const int32_t sizes[] = {1, 1, 3, 2};
    QC_OPTIONS(b, Conv2DOptions, o);
    const int32_t size = sizes[among(0, 3)];
    o->padding = among(0, 2) || 2 * size > x->dims[1] || 2 * size > x->dims[2] ? tfl_Padding_SAME : tfl_Padding_VALID;
    o->stride_h = o->stride_w = among(0, 3) ? 1 : 2;
    o->dilation_h_factor = o->dilation_w_factor = among(0, 4) ? 1 : 2;
    o->fused_activation_function = among(0, 1) ? tfl_ActivationFunctionType_RELU6 : tfl_ActivationFunctionType_NONE;
    struct qc_tensor *w = weights(b, 4, (int32_t[]){channels, size, size, x->dims[3]}), *bias = weights(b, 1, &channels);
    return QC_BUILD(b, CONV_2D, o, x, w, bias);
}

static struct qc_tensor *depthwise(struct qc_build *b, struct qc_tensor *x)
{
    QC_OPTIONS(b, DepthwiseConv2DOptions, o);
    const int32_t size = among(0, 1) ? 3 : 5, channels = x->dims[3];
    o->padding = tfl_Padding_SAME;
    o->stride_h = o->stride_w = among(1, 2);
    o->depth_multiplier = 1;
    struct qc_tensor *w = weights(b, 4, (int32_t[]){1, size, size, channels}), *bias = weights(b, 1, &channels);
    return QC_BUILD(b, DEPTHWISE_CONV_2D, o, x, w, bias);
}

/* x of a shape that some earlier result has, if there is one. */
static struct qc_tensor *of_shape(struct qc_tensor *const *made, int count, const struct qc_tensor *x)
{
    for (int i = count - 1; i >= 0; i--)
        if (made[i] != x && !memcmp(made[i]->dims, x->dims, sizeof x->dims)) return made[i];
    return NULL;
}

static struct qc_tensor *elementwise(struct qc_build *b, struct qc_tensor *x, struct qc_tensor *other)
{
    switch (among(0, 4)) {
    case 0: return qc_build_unary(b, tfl_BuiltinOperator_HARD_SWISH, x);
    case 1: return qc_build_binary(b, tfl_BuiltinOperator_MUL, x, qc_build_unary(b, tfl_BuiltinOperator_LOGISTIC, x));
    case 2: return qc_build_unary(b, tfl_BuiltinOperator_TANH, x);
    case 3: return other ? qc_build_binary(b, among(0, 1) ? tfl_BuiltinOperator_ADD : tfl_BuiltinOperator_SUB, x, other) : x;
    default: return other ? qc_build_binary(b, tfl_BuiltinOperator_SUB, other, x) : x;
    }
}

static struct qc_model *random_net(void)
{
    struct qc_model *model = qc_model_new(NULL, NULL);
    struct qc_build b = {.graph = model->graph[0], .scope = "net"};
    struct qc_tensor *made[32], *x = qc_graph_add_tensor(b.graph, "x", QC_FLOAT32, 4, (int32_t[]){1, among(20, 90), among(20, 90), 3});
    assert_int_equal(qc_graph_set_inputs(b.graph, 1, &x), QC_OK);
    int count = 0;
    x = convolution(&b, x, 48);
    for (int i = 0; i < 7; i++) {
        made[count++] = x;
        x = among(0, 2) ? convolution(&b, x, among(0, 1) ? 48 : among(20, 90)) : depthwise(&b, x);
        while (x && among(0, 1)) x = elementwise(&b, x, of_shape(made, count, x));
    }
    assert_int_equal(qc_build_status(&b), QC_OK);
    assert_int_equal(qc_graph_set_outputs(b.graph, 1, &x), QC_OK);
    assert_int_equal(qc_model_check(model), QC_OK);
    return model;
}

static void see(void *user, const struct qc_step *step)
{
    (void)user;
    (void)step;
}

static int chains, joined, winograds;

static float *outputs(struct qc_model *model, int threads, bool observed, bool winograd, size_t *count)
{
    struct qc_error error;
    struct qc_tensor_info info;
    struct qc_session *session = qc_session_create(model, &(struct qc_options){.threads = threads, .winograd = winograd}, &error);
    assert_non_null(session);
    if (observed) qc_session_observe(session, see, NULL);
    assert_int_equal(qc_session_input(session, 0, &info), QC_OK);
    uint64_t random = 5;
    for (size_t i = 0; i < info.bytes / 4; i++) ((float *)info.data)[i] = unit_float(&random, -1, 1);
    for (int i = 0; i < 2; i++)
        if (qc_session_invoke(session, &error)) fail_msg("%s", error.text);
    assert_int_equal(qc_session_output(session, 0, &info), QC_OK);
    *count = info.bytes / 4;
    for (uint32_t n = 0; n < session->main->graph->node_count; n++) {
        chains += session->main->step[n].bands != NULL;
        joined += session->main->step[n].step.finish != NULL;
        const char *kernel = session->main->step[n].step.kernel;
        winograds += kernel && !strncmp(kernel, "winograd", 8);
        if (observed) assert_true(!session->main->step[n].bands && !session->main->step[n].step.finish);
    }
    float *copy = malloc(info.bytes);
    memcpy(copy, info.data, info.bytes);
    qc_session_free(session);
    return copy;
}

static void bits_are_those_of_the_plain_order(void **state)
{
    (void)state;
    for (uint64_t net = 1; net <= 40; net++) {
        seed = net << 32;
        struct qc_model *model = random_net();
        size_t count, same;
        float *plain = outputs(model, 1, true, false, &count);
        for (int threads = 1; threads <= 3; threads += 2) {
            float *ours = outputs(model, threads, false, false, &same);
            assert_int_equal(count, same);
            assert_memory_equal(plain, ours, count * sizeof *plain);
            free(ours);
        }
        free(plain);
        qc_model_free(model);
    }
    assert_true(chains > 0); /* how many depends on the size of the cache */
    assert_true(joined > 20);
    assert_int_equal(winograds, 0);
}

/* A picture without columns: products of nothing give nothing. */
static void empty_pictures_are_run(void **state)
{
    struct qc_error error;
    struct qc_tensor_info y;
    (void)state;
    struct qc_model *model = qc_model_new(NULL, NULL);
    struct qc_build b = {.graph = model->graph[0], .scope = "net"};
    struct qc_tensor *x = qc_graph_add_tensor(b.graph, "x", QC_FLOAT32, 4, (int32_t[]){1, 5, 0, 3});
    assert_int_equal(qc_graph_set_inputs(b.graph, 1, &x), QC_OK);
    struct qc_tensor *out[] = {depthwise(&b, x), convolution(&b, x, 4)};
    assert_int_equal(qc_build_status(&b), QC_OK);
    assert_int_equal(qc_graph_set_outputs(b.graph, 2, out), QC_OK);
    struct qc_session *session = qc_session_create(model, NULL, &error);
    if (!session || qc_session_invoke(session, &error)) fail_msg("%s", error.text);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(qc_session_output(session, i, &y), QC_OK);
        assert_int_equal(y.bytes, 0);
    }
    qc_session_free(session);
    qc_model_free(model);
}

/* Less exact, but for any number of threads and with or without joined steps the same. */
static void winograd_is_close(void **state)
{
    (void)state;
    for (uint64_t net = 1; net <= 20; net++) {
        seed = net << 32;
        struct qc_model *model = random_net();
        size_t count, same;
        float *plain = outputs(model, 1, true, false, &count), *close = outputs(model, 1, true, true, &same), largest = 0;
        assert_int_equal(count, same);
        for (size_t i = 0; i < count; i++) largest = QC_MAX(largest, fabsf(plain[i]));
        for (size_t i = 0; i < count; i++)
            if (!(fabsf(plain[i] - close[i]) <= 1e-4f * largest)) fail_msg("net %d: %g, not %g", (int)net, (double)close[i], (double)plain[i]);
        for (int threads = 1; threads <= 3; threads += 2) {
            float *ours = outputs(model, threads, false, true, &same);
            assert_memory_equal(close, ours, count * sizeof *close);
            free(ours);
        }
        free(plain);
        free(close);
        qc_model_free(model);
    }
    assert_true(winograds > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bits_are_those_of_the_plain_order), cmocka_unit_test(winograd_is_close), cmocka_unit_test(empty_pictures_are_run)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
