/*
 * t_savedmodel.c - SavedModels and frozen graphs: imported, run, and compared with what TensorFlow gave for them.
 *
 * tests/data/savedmodel: tf.Module with and without signatures, TensorFlow 1 models (frozen, reference and resource variables), a frozen
 * GraphDef, and a masked GRU as Keras 3 exports it.
 */
#include "import/savedmodel/package.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <quantc/quantc.h>

#define DATA QC_SOURCE_DIR "/tests/data/savedmodel/"

struct named {
    const char *name;
    size_t count;
    const float *value;
};

/* Opens a model, runs it, and compares the outputs. */
static void check(const char *path, const struct qc_options *options, int inputs, const struct named *input, int outputs, const struct named *output)
{
    struct qc_error error;
    struct qc_model *model = qc_model_open(path, options, &error);
    if (!model) fail_msg("%s", error.text);
    struct qc_session *session = qc_session_create(model, NULL, &error);
    if (!session) fail_msg("%s", error.text);
    struct qc_tensor_info info;
    for (int i = 0; i < inputs; i++) {
        int at = qc_session_input_index(session, input[i].name);
        assert_true(at >= 0);
        assert_int_equal(qc_session_input(session, (size_t)at, &info), QC_OK);
        assert_int_equal(info.bytes, input[i].count * sizeof(float));
        assert_int_equal(info.signature[0], -1);
        memcpy(info.data, input[i].value, info.bytes);
    }
    for (int call = 0; call < 2; call++) { /* nothing is carried from call to call */
        assert_int_equal(qc_session_invoke(session, &error), QC_OK);
        for (int i = 0; i < outputs; i++) {
            int at = qc_session_output_index(session, output[i].name);
            assert_true(at >= 0);
            assert_int_equal(qc_session_output(session, (size_t)at, &info), QC_OK);
            assert_int_equal(info.bytes, output[i].count * sizeof(float));
            for (size_t k = 0; k < output[i].count; k++) {
                float got = ((const float *)info.data)[k];
                if (!(fabsf(got - output[i].value[k]) <= 1e-5f * fmaxf(1, fabsf(output[i].value[k]))))
                    fail_msg("%s: %s[%zu] is %g, not %g", path, output[i].name, k, (double)got, (double)output[i].value[k]);
            }
        }
    }
    qc_session_free(session);
    qc_model_free(model);
}

static const float x[4] = {1, -2, .5f, 3};

static void test_module(void **state)
{
    static const float y[3] = {0, 4.6686320304870605f, 8.558639526367188f};
    (void)state;
    check(DATA "module", NULL, 1, &(struct named){"x", 4, x}, 1, &(struct named){"output_0", 3, y});
}

static void test_tf1(void **state)
{
    static const struct {
        const char *path;
        float y[3];
    } rows[] = {{DATA "tf1_res", {0.0009705599513836205f, 9.900153963826597e-05f, 0.9989305138587952f}},
                {DATA "tf1_ref", {0.004881713539361954f, 0.18939803540706635f, 0.8057202100753784f}},
                {DATA "tf1_frozen", {0.05283553525805473f, 0.014515753835439682f, 0.9326487183570862f}}};
    (void)state;
    for (size_t i = 0; i < 3; i++) check(rows[i].path, NULL, 1, &(struct named){"x", 4, x}, 1, &(struct named){"y", 3, rows[i].y});
}

static void test_frozen_graph(void **state)
{
    struct qc_error error;
    (void)state;
    struct qc_model *model = qc_model_open(DATA "frozen.pb", NULL, &error);
    assert_non_null(model);
    qc_model_free(model);
}

static void test_masked_gru(void **state)
{
    static const float sequence[21] = {2.3794727f,   0.7317547f,  -0.55879354f, 0,          0,          0,           -1.175821f,
                                       -0.99486417f, -0.8708036f, -0.25425643f, -2.8694882f, 1.5727923f, 1.0158377f, 0.28074208f,
                                       -2.2976334f,  1.920497f,   2.177759f,    -1.6648039f, 0.96646106f, 0.35531735f, 1.2730024f};
    static const float side[3] = {-1.2242323f, -1.334167f, -0.10154328f}, y1[2] = {0.43898523f, -1.3840013f};
    static const float y0[49] = {
        0.13334402f,   -0.52289337f, -0.23872165f, 0.24920548f, -0.1653005f,  -0.36369357f, 0.8817533f,  0.13334402f,  -0.52289337f, -0.23872165f,
        0.24920548f,   -0.1653005f,  -0.36369357f, 0.8817533f,  0.06185738f,  0.074435234f, 0.7807439f,  0.29717606f,  0.47829506f,  -0.16588867f,
        0.6946727f,    -0.003463537f, 0.1259845f,  0.94256413f, -0.3706478f,  0.24955794f,  0.67699015f, 0.645983f,    0.45969027f,  -0.5473275f,
        0.08204469f,   0.74920183f,  0.3125673f,   0.36937946f, 0.96785504f,  0.621957f,    -0.9015433f, -0.26228896f, 0.9437942f,   0.059177548f,
        -0.06932616f,  0.95406795f,  -0.07064834f, -0.59051627f, -0.46311593f, 0.25063765f, -0.42177954f, -0.4826998f, 0.8359378f};
    const struct named input[2] = {{"main", 21, sequence}, {"side", 3, side}}, output[2] = {{"output_0", 49, y0}, {"output_1", 2, y1}};
    (void)state;
    check(DATA "keras3_gru_masked", NULL, 2, input, 2, output);
}

/* What is not there is answered with what is. */
static void test_choices(void **state)
{
    static const struct {
        const char *path, *signature, *tag, *says[2];
    } rows[] = {
        {DATA "module", "no_such", NULL, {"'no_such'", "'serving_default'"}},
        {DATA "module", NULL, "gpu", {"'gpu'", "'serve'"}},
        {DATA "module_nosig", NULL, NULL, {"no signature", "__inference"}},
        {DATA "frozen.pb", "serving_default", NULL, {"frozen graph", "serving_default"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct qc_options options = {.signature = rows[i].signature, .tag = rows[i].tag};
        struct qc_error error;
        assert_null(qc_model_open(rows[i].path, &options, &error));
        assert_int_equal(error.status, QC_INVALID);
        for (int k = 0; k < 2; k++)
            if (!strstr(error.text, rows[i].says[k])) fail_msg("'%s' does not say %s", error.text, rows[i].says[k]);
    }
}

/* Without a checkpoint a model that reads variables is refused; tf1_frozen, which reads none, is not (TensorFlow's loader agrees). */
static void test_missing_checkpoint(void **state)
{
    char folder[] = "/tmp/t_savedmodel_XXXXXX", path[64], bytes[1 << 16];
    struct qc_error error;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/saved_model.pb", folder);
    FILE *from = fopen(DATA "module/saved_model.pb", "rb"), *to = fopen(path, "wb");
    assert_true(from && to);
    size_t size = fread(bytes, 1, sizeof bytes, from);
    assert_int_equal(fwrite(bytes, 1, size, to), size);
    fclose(from);
    fclose(to);
    assert_null(qc_model_open(folder, NULL, &error));
    if (!strstr(error.text, "variables/variables.index: cannot be opened")) fail_msg("%s", error.text);
    remove(path);
    remove(folder);
}

/* Operators that nobody knows are listed, all of them, those behind others too. */
static void test_unknown_operators(void **state)
{
    (void)state;
    char bytes[4096];
    FILE *file = fopen(DATA "frozen.pb", "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_true(size > 0 && size < sizeof bytes);
    for (size_t i = 0; i + 7 < size; i++) {
        if (!memcmp(bytes + i, "AddV2", 5)) memcpy(bytes + i, "AddV9", 5);
        if (!memcmp(bytes + i, "Softmax*", 8)) memcpy(bytes + i, "Softmux*", 8);
        if (!memcmp(bytes + i, "\x07Softmax", 8)) memcpy(bytes + i + 1, "Softmux", 7);
    }
    struct qc_error error;
    assert_null(qc_model_open_memory(bytes, size, NULL, &error));
    assert_int_equal(error.status, QC_UNSUPPORTED);
    if (!strstr(error.text, "AddV9 (node 'add'), Softmux (node '")) fail_msg("%s", error.text);
}

/* A fixed batch, and every allocation failing once. */
static void test_memory(void **state)
{
    (void)state;
    for (size_t k = 1;; k++) {
        struct unit_allocator counter = {.fail_at = k};
        struct qc_allocator allocator = {unit_resize, &counter};
        struct qc_options options = {.allocator = &allocator, .batch = 2};
        struct qc_error error;
        struct qc_model *model = qc_model_open(DATA "module", &options, &error);
        if (!model) assert_int_equal(error.status, QC_NOMEM);
        qc_model_free(model);
        assert_int_equal(counter.live, 0);
        if (model) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_module),     cmocka_unit_test(test_tf1),     cmocka_unit_test(test_frozen_graph),
                                       cmocka_unit_test(test_masked_gru), cmocka_unit_test(test_choices), cmocka_unit_test(test_missing_checkpoint),
                                       cmocka_unit_test(test_unknown_operators),
                                       cmocka_unit_test(test_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
