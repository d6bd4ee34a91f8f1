/*
 * t_join_integer.c - elementwise steps that join a product of int8 or int16 give the bits of the plain order, in both contracts.
 *
 * Random nets of convolutions, depthwise convolutions, residual sums, products and gates run as they ship, with 1 and 3 threads, and with an
 * observer, which keeps every step on its own.
 */
#include "unit.h"

#include "op/build.h"
#include "run/run.h"

#include <math.h>

enum { SIDE = 11, NODES = 14 };

struct net {
    struct qc_graph *graph;
    qc_dtype type;
};

static uint64_t seed;

static int32_t among(int32_t low, int32_t high) { return low + (int32_t)(unit_random(&seed) % (uint64_t)(high - low + 1)); }

static struct qc_tensor *picture(const struct net *n, int32_t channels, float scale, int64_t zero)
{
    struct qc_tensor *tensor = qc_graph_add_tensor(n->graph, NULL, n->type, 4, (int32_t[]){1, SIDE, SIDE, channels});
    assert_non_null(tensor);
    tensor->quant = qc_quant_new(&n->graph->model->arena, scale, n->type == QC_INT16 ? 0 : zero);
    return tensor;
}

/* With the scale and zero point of some calibration. */
static struct qc_tensor *result(const struct net *n, int32_t channels)
{
    return picture(n, channels, unit_float(&seed, 1.0f / 60, 1.0f / 20) / (n->type == QC_INT16 ? 256 : 1), among(-60, 60));
}

static struct qc_tensor *node(const struct net *n, int code, const struct fb_table *table, const void *options, int count, struct qc_tensor *const *in, struct qc_tensor *out)
{
    assert_non_null(qc_graph_add_node(n->graph, NULL, code, table, options, count, in, 1, &out));
    return out;
}

static struct qc_tensor *product(const struct net *n, struct qc_tensor *x, int32_t channels, bool depthwise)
{
    struct qc_build b = {.graph = n->graph, .scope = "net"};
    const int32_t size = among(0, 1) ? 3 : 1, depth = x->dims[3], dims[] = {depthwise ? 1 : channels, size, size, depth};
    const size_t count = (size_t)dims[0] * (size_t)(size * size * depth);
    int8_t *data = malloc(count);
    for (size_t i = 0; i < count; i++) data[i] = (int8_t)among(-127, 127);
    struct qc_tensor *w = qc_build_constant(&b, "w", QC_INT8, 4, dims, data), *y = result(n, channels);
    const float scale = 0.01f;
    w->quant = qc_quant_new(&n->graph->model->arena, scale, 0);
    int64_t *sums = malloc((size_t)channels * sizeof *sums);
    int32_t *narrow = malloc((size_t)channels * sizeof *narrow);
    for (int32_t i = 0; i < channels; i++) sums[i] = narrow[i] = among(-3000, 3000);
    const bool wide = n->type == QC_INT16;
    struct qc_tensor *bias = qc_build_constant(&b, "bias", wide ? QC_INT64 : QC_INT32, 1, &channels, wide ? (const void *)sums : narrow);
    bias->quant = qc_quant_new(&n->graph->model->arena, scale * x->quant->scale[0], 0);
    free(data), free(sums), free(narrow);
    struct qc_tensor *in[] = {x, w, bias};
    if (depthwise) {
        QC_OPTIONS(&b, DepthwiseConv2DOptions, o);
        o->padding = tfl_Padding_SAME, o->stride_h = o->stride_w = o->depth_multiplier = 1;
        return node(n, tfl_BuiltinOperator_DEPTHWISE_CONV_2D, &tfl_DepthwiseConv2DOptions_table, o, 3, in, y);
    }
    QC_OPTIONS(&b, Conv2DOptions, o);
    o->padding = tfl_Padding_SAME, o->stride_h = o->stride_w = 1;
    return node(n, tfl_BuiltinOperator_CONV_2D, &tfl_Conv2DOptions_table, o, 3, in, y);
}

static struct qc_tensor *binary(const struct net *n, int code, struct qc_tensor *a, struct qc_tensor *b)
{
    struct qc_build build = {.graph = n->graph, .scope = "net"};
    struct qc_tensor *in[] = {a, b}, *y = result(n, a->dims[3]);
    if (code == tfl_BuiltinOperator_MUL) {
        QC_OPTIONS(&build, MulOptions, o);
        return node(n, code, &tfl_MulOptions_table, o, 2, in, y);
    }
    QC_OPTIONS(&build, AddOptions, o);
    o->pot_scale_int16 = false;
    return node(n, code, &tfl_AddOptions_table, o, 2, in, y);
}

static struct qc_tensor *unary(const struct net *n, int code, struct qc_tensor *x)
{
    const bool tanh = code == tfl_BuiltinOperator_TANH;
    return node(n, code, NULL, NULL, 1, &x, picture(n, x->dims[3], n->type == QC_INT16 ? 1.0f / 32768 : tanh ? 1.0f / 128 : 1.0f / 256, tanh ? 0 : -128));
}

static struct qc_model *random_net(qc_dtype type)
{
    struct qc_model *model = qc_model_new(NULL, NULL);
    const struct net n = {model->graph[0], type};
    struct qc_tensor *x = result(&n, among(3, 40)), *made[NODES];
    assert_int_equal(qc_graph_set_inputs(n.graph, 1, &x), QC_OK);
    x = product(&n, x, 37, false);
    for (int i = 0; i < NODES; i++) {
        made[i] = x;
        struct qc_tensor *before = made[among(0, i)];
        switch (among(0, 6)) {
        case 0: x = binary(&n, tfl_BuiltinOperator_ADD, x, before); break;
        case 1: x = binary(&n, tfl_BuiltinOperator_MUL, before, x); break;
        case 2: x = unary(&n, tfl_BuiltinOperator_TANH, x); break;
        case 3: x = binary(&n, tfl_BuiltinOperator_MUL, unary(&n, tfl_BuiltinOperator_LOGISTIC, x), x); break;
        case 4: x = binary(&n, tfl_BuiltinOperator_MUL, x, unary(&n, tfl_BuiltinOperator_LOGISTIC, x)); break;
        default: x = product(&n, x, 37, among(0, 1));
        }
    }
    assert_int_equal(qc_graph_set_outputs(n.graph, 1, &x), QC_OK);
    assert_int_equal(qc_model_check(model), QC_OK);
    return model;
}

static void see(void *user, const struct qc_step *step)
{
    (void)user;
    (void)step;
}

static int joined;

static void *outputs(struct qc_model *model, int threads, bool reference, bool observed, size_t *bytes)
{
    struct qc_error error;
    struct qc_tensor_info info;
    struct qc_session *session = qc_session_create(model, &(struct qc_options){.threads = threads, .reference = reference}, &error);
    if (!session) fail_msg("%s", error.text);
    if (observed) qc_session_observe(session, see, NULL);
    assert_int_equal(qc_session_input(session, 0, &info), QC_OK);
    uint64_t random = 5;
    for (size_t i = 0; i < info.bytes; i++) ((uint8_t *)info.data)[i] = (uint8_t)unit_random(&random);
    for (int i = 0; i < 2; i++)
        if (qc_session_invoke(session, &error)) fail_msg("%s", error.text);
    for (uint32_t n = 0; n < session->main->graph->node_count; n++) joined += session->main->step[n].step.finish != NULL;
    assert_int_equal(qc_session_output(session, 0, &info), QC_OK);
    void *copy = malloc(*bytes = info.bytes);
    memcpy(copy, info.data, info.bytes);
    qc_session_free(session);
    return copy;
}

static void bits_are_those_of_the_plain_order(void **state)
{
    (void)state;
    for (uint64_t net = 0; net < 60; net++) {
        const bool reference = net / 2 % 2;
        seed = (net + 1) << 32;
        struct qc_model *model = random_net(net % 2 ? QC_INT16 : QC_INT8);
        size_t bytes, same;
        const int before = joined;
        void *plain = outputs(model, 1, reference, true, &bytes);
        assert_int_equal(joined, before);
        for (int threads = 1; threads <= 3; threads += 2) {
            void *ours = outputs(model, threads, reference, false, &same);
            assert_int_equal(bytes, same);
            if (memcmp(plain, ours, bytes)) fail_msg("net %d, %d threads: other bits", (int)net, threads);
            free(ours);
        }
        free(plain);
        qc_model_free(model);
    }
    assert_true(joined > 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bits_are_those_of_the_plain_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
