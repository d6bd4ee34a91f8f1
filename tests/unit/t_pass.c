/*
 * t_pass.c - every pass on a small graph that it must change: the operators that remain, and the same results before and after.
 */
#include "unit.h"

#include "import/lower/batch.h"
#include "op/build.h"
#include "pass/pass.h"

#include <math.h>

/* ---- a model under test ---- */

static struct qc_build start(struct qc_model **model, struct qc_tensor **x, int rank, const int32_t *dims)
{
    *model = qc_model_new(NULL, NULL);
    assert_non_null(*model);
    struct qc_graph *graph = (*model)->graph[0];
    *x = qc_graph_add_tensor(graph, "x", QC_FLOAT32, rank, dims);
    assert_non_null(*x);
    assert_int_equal(qc_graph_set_inputs(graph, 1, x), QC_OK);
    return (struct qc_build){.graph = graph, .scope = "layer"};
}

static struct qc_tensor *weights(struct qc_build *b, int rank, const int32_t *dims, uint64_t seed)
{
    float value[512];
    size_t count = 1;
    for (int i = 0; i < rank; i++) count *= (size_t)dims[i];
    assert_true(count <= 512);
    for (size_t i = 0; i < count; i++) value[i] = unit_float(&seed, -1, 1);
    return qc_build_constant(b, "weights", QC_FLOAT32, rank, dims, value);
}

static void run_model(struct qc_model *model, float *out, size_t most, size_t *count)
{
    struct qc_error error = {0};
    struct qc_session *session = qc_session_create(model, NULL, &error);
    if (!session) fail_msg("%s", error.text);
    struct qc_tensor_info info;
    uint64_t seed = 7;
    assert_int_equal(qc_session_input(session, 0, &info), QC_OK);
    for (size_t i = 0; i < info.bytes / 4; i++) ((float *)info.data)[i] = unit_float(&seed, -4, 4);
    if (qc_session_invoke(session, &error)) fail_msg("%s", error.text);
    assert_int_equal(qc_session_output(session, 0, &info), QC_OK);
    *count = info.bytes / 4;
    assert_true(*count <= most);
    memcpy(out, info.data, info.bytes);
    qc_session_free(session);
}

/* Runs the pipeline; checks results, names of the output, and the operators that remain, in order (codes NULL: any). */
static void expect(struct qc_model *model, struct qc_tensor *out, int count, const int *codes)
{
    enum { MOST = 4096 };
    static float before[MOST], after[MOST];
    size_t n, m;
    if (!out) fail_msg("%s", model->env.error.text);
    assert_int_equal(qc_graph_set_outputs(model->graph[0], 1, &out), QC_OK);
    const char *name = out->name;
    run_model(model, before, MOST, &n);
    struct qc_model *copy = qc_model_clone(model, NULL);
    assert_non_null(copy);
    assert_int_equal(qc_pipeline_run(copy), QC_OK);
    assert_int_equal(qc_model_check(copy), QC_OK);
    run_model(copy, after, MOST, &m);
    assert_int_equal(n, m);
    for (size_t i = 0; i < n; i++) assert_true(fabsf(before[i] - after[i]) <= 2e-5f * (1 + fabsf(before[i])));
    assert_string_equal(copy->graph[0]->output[0]->name, name);
    if (codes) assert_int_equal(copy->graph[0]->node_count, count);
    for (int i = 0; codes && i < count; i++) assert_int_equal(copy->graph[0]->node[i]->code, codes[i]);
    uint32_t nodes = copy->graph[0]->node_count; /* a second time changes nothing */
    assert_int_equal(qc_pipeline_run(copy), QC_OK);
    assert_int_equal(copy->graph[0]->node_count, nodes);
    qc_model_free(copy);
    qc_model_free(model);
}

#define EXPECT(model, out, ...)                                            \
    do {                                                                   \
        const int expected_[] = {__VA_ARGS__};                             \
        expect(model, out, (int)(sizeof expected_ / sizeof(int)), expected_); \
    } while (0)
#define OP(name) tfl_BuiltinOperator_##name

static void same_results(struct qc_model *model, struct qc_tensor *out)
{
    expect(model, out, 0, NULL);
}

static struct qc_tensor *conv(struct qc_build *b, struct qc_tensor *x, int padding, int stride)
{
    QC_OPTIONS(b, Conv2DOptions, options);
    options->padding = (int8_t)padding;
    options->stride_h = options->stride_w = stride;
    return QC_BUILD(b, CONV_2D, options, x, weights(b, 4, (int32_t[]){4, 3, 3, 3}, 1), weights(b, 1, (int32_t[]){4}, 2));
}

/* ---- the passes ---- */

static void batchnorm_and_activation(void **state)
{
    (void)state;
    struct qc_model *model;
    struct qc_tensor *x;
    struct qc_build b = start(&model, &x, 4, (int32_t[]){1, 6, 6, 3});
    struct qc_tensor *y = conv(&b, x, tfl_Padding_SAME, 1);
    y = qc_build_binary(&b, OP(MUL), y, weights(&b, 1, (int32_t[]){4}, 3));
    y = qc_build_binary(&b, OP(ADD), y, weights(&b, 1, (int32_t[]){4}, 4));
    y = qc_build_binary(&b, OP(SUB), qc_build_f32(&b, 0.5f), y);
    EXPECT(model, qc_build_unary(&b, OP(RELU6), y), OP(CONV_2D));
}

static void division_by_zero_is_not_folded(void **state)
{
    (void)state;
    struct qc_model *model;
    struct qc_tensor *x;
    struct qc_build b = start(&model, &x, 2, (int32_t[]){1, 8});
    struct qc_tensor *y = QC_BUILD(&b, FULLY_CONNECTED, NULL, x, weights(&b, 2, (int32_t[]){2, 8}, 1));
    y = qc_build_binary(&b, OP(DIV), y, qc_build_constant(&b, "d", QC_FLOAT32, 1, (int32_t[]){2}, (float[]){2, 0}));
    struct qc_tensor *bounded = qc_build_binary(&b, OP(MINIMUM), qc_build_binary(&b, OP(MAXIMUM), y, qc_build_f32(&b, -9)), qc_build_f32(&b, 9));
    EXPECT(model, bounded, OP(FULLY_CONNECTED), OP(DIV), OP(MAXIMUM), OP(MINIMUM));
}

static void pad_becomes_same(void **state)
{
    (void)state;
    /* stride 2 on 6 pads 0 in front and 1 behind; Keras's (1, 1), the same in all on the other side, and another channel are not SAME */
    static const int32_t by[][4][2] = {{{0, 0}, {0, 1}, {0, 1}, {0, 0}},
                                       {{0, 0}, {1, 1}, {1, 1}, {0, 0}},
                                       {{0, 0}, {1, 0}, {1, 0}, {0, 0}},
                                       {{0, 0}, {0, 1}, {0, 1}, {0, 1}},
                                       {{0, 0}, {0, 1}, {0, 1}, {1, 0}},
                                       {{1, 0}, {0, 1}, {0, 1}, {0, 0}}};
    for (size_t i = 0; i < sizeof by / sizeof *by; i++) {
        struct qc_model *model;
        struct qc_tensor *x;
        struct qc_build b = start(&model, &x, 4, (int32_t[]){1, 6, 6, 3 - by[i][3][0] - by[i][3][1]});
        struct qc_tensor *padded = QC_BUILD(&b, PAD, NULL, x, qc_build_constant(&b, "by", QC_INT32, 2, (int32_t[]){4, 2}, by[i]));
        struct qc_tensor *y = conv(&b, padded, tfl_Padding_VALID, 2);
        if (i)
            EXPECT(model, y, OP(PAD), OP(CONV_2D));
        else
            EXPECT(model, y, OP(CONV_2D));
    }
}

static void scaling_before_convolution(void **state)
{
    (void)state;
    struct qc_model *model;
    struct qc_tensor *x;
    struct qc_build b = start(&model, &x, 4, (int32_t[]){1, 6, 6, 3});
    int32_t by[4][2] = {{0, 0}, {0, 1}, {0, 1}, {0, 0}};
    struct qc_tensor *y = qc_build_binary(&b, OP(MUL), x, qc_build_f32(&b, 1 / 255.0f));
    y = qc_build_binary(&b, OP(DIV), y, qc_build_constant(&b, "deviation", QC_FLOAT32, 1, (int32_t[]){3}, (float[]){0.5f, 0.25f, 0.2f}));
    y = QC_BUILD(&b, PAD, NULL, y, qc_build_constant(&b, "by", QC_INT32, 2, (int32_t[]){4, 2}, by));
    EXPECT(model, conv(&b, y, tfl_Padding_VALID, 2), OP(CONV_2D));
}

/* As frameworks write a convolution over time. */
static void activation_past_reshape(void **state)
{
    (void)state;
    struct qc_model *model;
    struct qc_tensor *x;
    struct qc_build b = start(&model, &x, 4, (int32_t[]){1, 1, 6, 3});
    struct qc_tensor *y = qc_build_reshape(&b, conv(&b, x, tfl_Padding_SAME, 1), 3, (int32_t[]){-1, 6, 4});
    EXPECT(model, qc_build_unary(&b, OP(RELU), y), OP(CONV_2D), OP(RESHAPE));
}

/* x[:, :, -1] of x [4, 6, 1], and x[:, 0:5], which leaves something out. */
static void slices_of_everything(void **state)
{
    (void)state;
    for (int some = 0; some < 2; some++) {
        struct qc_model *model;
        struct qc_tensor *x;
        struct qc_build b = start(&model, &x, 3, (int32_t[]){4, 6, 1});
        QC_OPTIONS(&b, StridedSliceOptions, options);
        options->begin_mask = options->end_mask = 1;
        options->shrink_axis_mask = 4;
        struct qc_tensor *y = QC_BUILD(&b, STRIDED_SLICE, options, x, qc_build_i32s(&b, 3, (int32_t[]){0, 0, -1}), qc_build_i32s(&b, 3, (int32_t[]){0, 6 - some, 0}),
                                       qc_build_i32s(&b, 3, (int32_t[]){1, 1, 1}));
        if (some)
            EXPECT(model, y, OP(STRIDED_SLICE));
        else
            EXPECT(model, y, OP(RESHAPE));
    }
}

static void hard_swish(void **state)
{
    (void)state;
    for (int form = 0; form < 3; form++) {
        struct qc_model *model;
        struct qc_tensor *x, *y;
        struct qc_build b = start(&model, &x, 2, (int32_t[]){1, 32});
        struct qc_tensor *gate = qc_build_unary(&b, OP(RELU6), qc_build_binary(&b, OP(ADD), x, qc_build_f32(&b, 3)));
        if (form == 0) y = qc_build_binary(&b, OP(MUL), x, qc_build_binary(&b, OP(MUL), gate, qc_build_f32(&b, 1.0f / 6)));
        if (form == 1) y = qc_build_binary(&b, OP(MUL), qc_build_binary(&b, OP(MUL), gate, x), qc_build_f32(&b, 1.0f / 6));
        if (form == 2) y = qc_build_binary(&b, OP(DIV), qc_build_binary(&b, OP(MUL), x, gate), qc_build_f32(&b, 6));
        EXPECT(model, y, OP(HARD_SWISH));
    }
}

static void clamps(void **state)
{
    (void)state;
    struct qc_model *model;
    struct qc_tensor *x;
    struct qc_build b = start(&model, &x, 2, (int32_t[]){1, 32});
    struct qc_tensor *y = qc_build_binary(&b, OP(MINIMUM), qc_build_binary(&b, OP(MAXIMUM), x, qc_build_f32(&b, 0)), qc_build_f32(&b, 6));
    EXPECT(model, y, OP(RELU6));
    b = start(&model, &x, 2, (int32_t[]){1, 32});
    y = qc_build_binary(&b, OP(MAXIMUM), qc_build_binary(&b, OP(MINIMUM), x, qc_build_f32(&b, 1)), qc_build_f32(&b, -1));
    EXPECT(model, y, OP(RELU_N1_TO_1));
    b = start(&model, &x, 2, (int32_t[]){1, 32}); /* [0, 1] and then [3, 4] leave 3, whichever way they are written */
    y = qc_build_binary(&b, OP(MINIMUM), qc_build_binary(&b, OP(MAXIMUM), x, qc_build_f32(&b, 0)), qc_build_f32(&b, 1));
    y = qc_build_binary(&b, OP(MINIMUM), qc_build_binary(&b, OP(MAXIMUM), y, qc_build_f32(&b, 3)), qc_build_f32(&b, 4));
    same_results(model, y);
    b = start(&model, &x, 2, (int32_t[]){1, 32}); /* [2, 3] and then [-1, 1]: 1 */
    y = qc_build_binary(&b, OP(MAXIMUM), qc_build_binary(&b, OP(MINIMUM), x, qc_build_f32(&b, 3)), qc_build_f32(&b, 2));
    y = qc_build_binary(&b, OP(MAXIMUM), qc_build_binary(&b, OP(MINIMUM), y, qc_build_f32(&b, 1)), qc_build_f32(&b, -1));
    same_results(model, y);
}

static void identities(void **state)
{
    (void)state;
    struct qc_model *model;
    struct qc_tensor *x;
    struct qc_build b = start(&model, &x, 4, (int32_t[]){1, 2, 3, 4});
    struct qc_tensor *y = qc_build_transpose(&b, qc_build_transpose(&b, x, (int32_t[]){0, 3, 1, 2}), (int32_t[]){0, 2, 3, 1});
    y = qc_build_reshape(&b, qc_build_reshape(&b, y, 2, (int32_t[]){6, 4}), 2, (int32_t[]){1, 24});
    y = qc_build_binary(&b, OP(ADD), y, qc_build_f32(&b, 0));
    y = qc_build_binary(&b, OP(MUL), y, qc_build_f32(&b, 1));
    EXPECT(model, qc_build_unary(&b, OP(TANH), y), OP(RESHAPE), OP(TANH));
    b = start(&model, &x, 4, (int32_t[]){1, 1, 3, 4}); /* only dimensions of size 1 move */
    y = qc_build_transpose(&b, x, (int32_t[]){2, 0, 1, 3});
    EXPECT(model, y, OP(RESHAPE));
    b = start(&model, &x, 2, (int32_t[]){3, 4}); /* a slice and a tile that change nothing, and two that do */
    y = QC_BUILD(&b, SLICE, NULL, x, qc_build_i32s(&b, 2, (int32_t[]){0, 0}), qc_build_i32s(&b, 2, (int32_t[]){3, -1}));
    y = QC_BUILD(&b, TILE, NULL, y, qc_build_i32s(&b, 2, (int32_t[]){1, 1}));
    y = QC_BUILD(&b, SLICE, NULL, y, qc_build_i32s(&b, 2, (int32_t[]){1, 0}), qc_build_i32s(&b, 2, (int32_t[]){2, 3}));
    EXPECT(model, QC_BUILD(&b, TILE, NULL, y, qc_build_i32s(&b, 2, (int32_t[]){1, 2})), OP(SLICE), OP(TILE));
}

static void constants_and_equal_parts(void **state)
{
    (void)state;
    struct qc_model *model;
    struct qc_tensor *x;
    struct qc_build b = start(&model, &x, 2, (int32_t[]){1, 8});
    struct qc_tensor *w = qc_build_transpose(&b, weights(&b, 2, (int32_t[]){8, 4}, 5), (int32_t[]){1, 0});
    struct qc_tensor *v = qc_build_transpose(&b, weights(&b, 2, (int32_t[]){8, 4}, 5), (int32_t[]){1, 0});
    struct qc_tensor *p = QC_BUILD(&b, FULLY_CONNECTED, NULL, x, w), *q = QC_BUILD(&b, FULLY_CONNECTED, NULL, x, v);
    struct qc_tensor *s = qc_build_unary(&b, OP(TANH), p), *t = qc_build_unary(&b, OP(LOGISTIC), q);
    EXPECT(model, qc_build_binary(&b, OP(MUL), s, t), OP(FULLY_CONNECTED), OP(TANH), OP(LOGISTIC), OP(MUL));
}

extern const struct qc_pass qc_pass_share_equal;

static void equal_bytes_of_other_scales_stay_apart(void **state)
{
    (void)state;
    struct qc_model *model;
    struct qc_tensor *x, *y[3];
    struct qc_build b = start(&model, &x, 1, (int32_t[]){4});
    for (int k = 0; k < 3; k++) {
        struct qc_tensor *w = qc_build_constant(&b, "w", QC_INT8, 1, (int32_t[]){4}, (int8_t[]){1, -2, 3, 4});
        w->quant = qc_quant_new(&model->arena, k == 2 ? 0.5f : 0.25f, 0);
        y[k] = qc_build_unary(&b, OP(DEQUANTIZE), w);
    }
    struct qc_tensor *same = qc_build_binary(&b, OP(ADD), y[0], y[1]), *out = qc_build_binary(&b, OP(ADD), same, y[2]);
    assert_int_equal(qc_graph_set_outputs(b.graph, 1, &out), QC_OK);
    assert_int_equal(qc_pass_share_equal.run(b.graph), QC_OK);
    assert_ptr_equal(same->producer->in[0], same->producer->in[1]);
    assert_ptr_not_equal(out->producer->in[1], same->producer->in[0]);
    qc_model_free(model);
}

static void reductions_keep_dimensions(void **state)
{
    (void)state;
    struct qc_model *model;
    struct qc_tensor *x;
    struct qc_build b = start(&model, &x, 4, (int32_t[]){1, 4, 4, 3});
    struct qc_tensor *y = QC_BUILD(&b, MEAN, NULL, x, qc_build_i32s(&b, 2, (int32_t[]){1, 2}));
    EXPECT(model, qc_build_reshape(&b, y, 4, (int32_t[]){1, 1, 1, 3}), OP(MEAN));
}

static void shape_arithmetic(void **state)
{
    (void)state;
    struct qc_model *model;
    struct qc_tensor *x;
    struct qc_build b = start(&model, &x, 3, (int32_t[]){1, 2, 4});
    x->signature[0] = -1;
    QC_OPTIONS(&b, ShapeOptions, whole);
    whole->out_type = QC_INT32;
    struct qc_tensor *shape = QC_BUILD(&b, SHAPE, whole, x);
    QC_OPTIONS(&b, StridedSliceOptions, slice);
    slice->shrink_axis_mask = 1;
    struct qc_tensor *batch = QC_BUILD(&b, STRIDED_SLICE, slice, shape, qc_build_i32s(&b, 1, (int32_t[]){0}), qc_build_i32s(&b, 1, (int32_t[]){1}),
                                       qc_build_i32s(&b, 1, (int32_t[]){1}));
    QC_OPTIONS(&b, PackOptions, pack);
    pack->values_count = 2;
    struct qc_tensor *target = QC_BUILD(&b, PACK, pack, batch, qc_build_i32(&b, 8));
    EXPECT(model, QC_BUILD(&b, RESHAPE, NULL, x, target), OP(RESHAPE));
}

static void l2_normalization(void **state)
{
    (void)state;
    struct qc_model *model;
    struct qc_tensor *x;
    struct qc_build b = start(&model, &x, 2, (int32_t[]){3, 8});
    QC_OPTIONS(&b, ReducerOptions, keep);
    keep->keep_dims = true;
    struct qc_tensor *sum = QC_BUILD(&b, SUM, keep, qc_build_unary(&b, OP(SQUARE), x), qc_build_i32s(&b, 1, (int32_t[]){-1}));
    struct qc_tensor *norm = qc_build_unary(&b, OP(RSQRT), qc_build_binary(&b, OP(MAXIMUM), sum, qc_build_f32(&b, 1e-12f)));
    EXPECT(model, qc_build_binary(&b, OP(MUL), x, norm), OP(L2_NORMALIZATION));
}

/* f(x[:, 0]), f(x[:, 1]) ... stacked, of x [batch, steps, 4]. spoil: 1 another weight at one step, 2 steps in another order, 3 an addend that differs along
 * the batch, 4 the time axis in front. */
static struct qc_tensor *steps_of(struct qc_build *b, struct qc_tensor *x, int spoil)
{
    enum { COUNT = 3 };
    struct qc_tensor *w = weights(b, 2, (int32_t[]){5, 4}, 1), *other = weights(b, 2, (int32_t[]){5, 4}, 2), *y[COUNT];
    struct qc_tensor *addend = weights(b, spoil == 3 ? 2 : 1, spoil == 3 ? (int32_t[]){2, 5} : (int32_t[]){5}, 3);
    if (spoil != 4) x = qc_build_transpose(b, x, (int32_t[]){1, 0, 2});
    for (int i = 0; i < COUNT; i++) {
        int at = spoil == 2 ? COUNT - 1 - i : i;
        QC_OPTIONS(b, StridedSliceOptions, options);
        options->shrink_axis_mask = 1;
        options->begin_mask = options->end_mask = 6;
        struct qc_tensor *one = QC_BUILD(b, STRIDED_SLICE, options, x, qc_build_i32s(b, 3, (int32_t[]){at, 0, 0}), qc_build_i32s(b, 3, (int32_t[]){at + 1, 0, 0}),
                                         qc_build_i32s(b, 3, (int32_t[]){1, 1, 1}));
        one = QC_BUILD(b, FULLY_CONNECTED, NULL, one, i == 1 && spoil == 1 ? other : w, qc_none());
        y[i] = qc_build_binary(b, OP(ADD), qc_build_unary(b, OP(TANH), one), addend);
    }
    QC_OPTIONS(b, PackOptions, options);
    options->values_count = COUNT;
    struct qc_tensor *packed = qc_build_op(b, OP(PACK), options, COUNT, y);
    return spoil == 4 ? packed : qc_build_transpose(b, packed, (int32_t[]){1, 0, 2});
}

static void equal_steps_are_one(void **state)
{
    struct qc_model *model;
    struct qc_tensor *x;
    (void)state;
    struct qc_build b = start(&model, &x, 3, (int32_t[]){2, 3, 4});
    EXPECT(model, steps_of(&b, x, 0), OP(RESHAPE), OP(FULLY_CONNECTED), OP(TANH), OP(ADD), OP(RESHAPE));
    b = start(&model, &x, 3, (int32_t[]){3, 2, 4});
    EXPECT(model, steps_of(&b, x, 4), OP(RESHAPE), OP(FULLY_CONNECTED), OP(TANH), OP(ADD), OP(RESHAPE));
    for (int spoil = 1; spoil < 4; spoil++) {
        b = start(&model, &x, 3, (int32_t[]){2, 3, 4});
        struct qc_tensor *y = steps_of(&b, x, spoil);
        assert_non_null(y);
        const struct qc_graph *graph = model->graph[0];
        assert_int_equal(qc_graph_set_outputs(model->graph[0], 1, &y), QC_OK);
        assert_int_equal(qc_pipeline_run(model), QC_OK);
        bool stays = false;
        for (uint32_t i = 0; i < graph->node_count; i++) stays |= graph->node[i]->code == OP(PACK);
        assert_true(stays);
        qc_model_free(model);
    }
}

/* A batch of any size stays so. */
static void equal_steps_of_a_free_batch(void **state)
{
    struct qc_model *model[2];
    struct qc_tensor_info info[2];
    struct qc_tensor *x;
    (void)state;
    for (int rolled = 0; rolled < 2; rolled++) {
        struct qc_build b = start(&model[rolled], &x, 3, (int32_t[]){1, 3, 4});
        struct qc_tensor *y = steps_of(&b, x, 0);
        x->signature[0] = -1;
        assert_int_equal(qc_graph_set_outputs(b.graph, 1, &y), QC_OK);
        assert_int_equal(qc_import_mark_batch(b.graph), QC_OK);
        if (rolled) assert_int_equal(qc_pipeline_run(model[1]), QC_OK);
    }
    struct qc_session *session[2];
    for (int k = 0; k < 2; k++) {
        uint64_t seed = 3;
        session[k] = qc_session_create(model[k], NULL, NULL);
        assert_non_null(session[k]);
        assert_int_equal(qc_session_resize(session[k], 0, 3, (int32_t[]){4, 3, 4}, NULL), QC_OK);
        assert_int_equal(qc_session_input(session[k], 0, &info[k]), QC_OK);
        for (size_t i = 0; i < info[k].bytes / 4; i++) ((float *)info[k].data)[i] = unit_float(&seed, -1, 1);
        assert_int_equal(qc_session_invoke(session[k], NULL), QC_OK);
        assert_int_equal(qc_session_output(session[k], 0, &info[k]), QC_OK);
    }
    assert_int_equal(model[1]->graph[0]->node_count, 5);
    assert_int_equal(info[1].bytes, 4 * 3 * 5 * sizeof(float));
    for (size_t i = 0; i < info[1].bytes / 4; i++) assert_float_equal(((float *)info[0].data)[i], ((float *)info[1].data)[i], 1e-6f);
    for (int k = 0; k < 2; k++) qc_session_free(session[k]), qc_model_free(model[k]);
}

/* Two steps with so long a way each that no stack holds a call for each operator. */
static void long_equal_steps(void **state)
{
    (void)state;
    enum { LONG = 100000 };
    struct qc_model *model;
    struct qc_tensor *x, *step[2];
    struct qc_build b = start(&model, &x, 2, (int32_t[]){2, 3});
    QC_OPTIONS(&b, UnpackOptions, unpack);
    QC_OPTIONS(&b, PackOptions, pack);
    unpack->num = pack->values_count = 2;
    assert_int_equal(qc_build_ops(&b, tfl_BuiltinOperator_UNPACK, unpack, 1, &x, 2, step), QC_OK);
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < LONG; k++) step[i] = qc_build_unary(&b, tfl_BuiltinOperator_LOGISTIC, step[i]);
    struct qc_tensor *y = qc_build_op(&b, tfl_BuiltinOperator_PACK, pack, 2, step);
    assert_int_equal(qc_graph_set_outputs(b.graph, 1, &y), QC_OK);
    assert_int_equal(qc_pipeline_run(model), QC_OK);
    assert_int_equal(model->graph[0]->node_count, 2 * LONG + 2);
    qc_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batchnorm_and_activation), cmocka_unit_test(division_by_zero_is_not_folded), cmocka_unit_test(pad_becomes_same),
        cmocka_unit_test(scaling_before_convolution), cmocka_unit_test(activation_past_reshape), cmocka_unit_test(slices_of_everything),
        cmocka_unit_test(hard_swish), cmocka_unit_test(clamps), cmocka_unit_test(identities), cmocka_unit_test(constants_and_equal_parts),
        cmocka_unit_test(equal_bytes_of_other_scales_stay_apart),
        cmocka_unit_test(reductions_keep_dimensions), cmocka_unit_test(shape_arithmetic), cmocka_unit_test(equal_steps_are_one), cmocka_unit_test(equal_steps_of_a_free_batch),
        cmocka_unit_test(long_equal_steps),
        cmocka_unit_test(l2_normalization),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
