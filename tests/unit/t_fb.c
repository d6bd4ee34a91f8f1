/*
 * t_fb.c - the FlatBuffers codec: what is written is read back, and damaged files get an error, never a crash.
 */
#include "unit.h"

#include "tfl/tfl.h"

static char *make_file(struct qc_arena *arena, size_t *size)
{
    static const int32_t shape[] = {1, 2, 3};
    static const float scale[] = {0.5f, 0.25f};
    static const unsigned char weights[5000] = {1, 2, 3};
    struct tfl_Model *model = fb_new(arena, &tfl_Model_table);
    struct tfl_SubGraph *graph = fb_new(arena, &tfl_SubGraph_table);
    struct tfl_Tensor *tensor = fb_new(arena, &tfl_Tensor_table);
    struct tfl_QuantizationParameters *quant = fb_new(arena, &tfl_QuantizationParameters_table);
    struct tfl_Operator *op = fb_new(arena, &tfl_Operator_table);
    struct tfl_Conv2DOptions *options = fb_new(arena, &tfl_Conv2DOptions_table);
    struct tfl_Buffer *buffer = fb_new(arena, &tfl_Buffer_table);
    model->version = 3;
    model->description = "a model";
    quant->scale.data = scale;
    quant->scale.count = 2;
    quant->quantized_dimension = 1;
    tensor->name = "weights";
    tensor->type = tfl_TensorType_INT8;
    tensor->shape.data = shape;
    tensor->shape.count = 3;
    tensor->quantization = quant;
    options->stride_w = 2;
    op->builtin_options_type = tfl_BuiltinOptions_Conv2DOptions;
    op->builtin_options = options;
    buffer->data.data = weights;
    buffer->data.count = sizeof weights;
    buffer->offset = 0;
    graph->tensors.data = &tensor;
    graph->operators.data = &op;
    graph->tensors.count = graph->operators.count = 1;
    model->subgraphs.data = &graph;
    model->buffers.data = &buffer;
    model->subgraphs.count = model->buffers.count = 1;
    struct fb_output out;
    assert_int_equal(fb_encode(arena, model, &tfl_Model_table, "TFL3", &out), QC_OK);
    assert_int_equal(out.insert_count, 1); /* the weights are not copied */
    char *file = malloc(out.total);
    size_t head = out.insert[0].at;
    memcpy(file, out.bytes, head);
    memcpy(file + head, weights, sizeof weights);
    memcpy(file + head + sizeof weights, out.bytes + head, out.size - head);
    *size = out.total;
    return file;
}

static void round_trip(void **state)
{
    struct qc_env env;
    struct qc_arena arena;
    size_t size;
    (void)state;
    qc_env_init(&env, NULL);
    qc_arena_init(&arena, &env);
    char *file = make_file(&arena, &size);
    const struct tfl_Model *model = fb_decode(&arena, file, size, "TFL3", &tfl_Model_table);
    assert_non_null(model);
    assert_int_equal(model->version, 3);
    assert_string_equal(model->description, "a model");
    const struct tfl_SubGraph *graph = model->subgraphs.data[0];
    const struct tfl_Tensor *tensor = graph->tensors.data[0];
    assert_string_equal(tensor->name, "weights");
    assert_int_equal(tensor->type, tfl_TensorType_INT8);
    assert_int_equal(tensor->shape.count, 3);
    assert_int_equal(tensor->shape.data[2], 3);
    assert_true(tensor->quantization->scale.data[1] == 0.25f);
    const struct tfl_Operator *op = graph->operators.data[0];
    assert_int_equal(op->builtin_options_type, tfl_BuiltinOptions_Conv2DOptions);
    const struct tfl_Conv2DOptions *options = op->builtin_options;
    assert_int_equal(options->stride_w, 2);
    assert_int_equal(options->dilation_w_factor, 1); /* the schema's default */
    assert_int_equal(model->buffers.data[0]->data.count, 5000);
    assert_int_equal((model->buffers.data[0]->data.data - (const unsigned char *)file) % 16, 0);
    free(file);
    qc_arena_free(&arena);
}

static void damage_is_an_error(void **state)
{
    struct qc_env env;
    struct qc_arena arena;
    size_t size, refused = 0;
    uint64_t random = 1;
    (void)state;
    qc_env_init(&env, NULL);
    qc_arena_init(&arena, &env);
    char *file = make_file(&arena, &size);
    for (int round = 0; round < 20000; round++) {
        size_t length = round % 3 ? size : unit_random(&random) % size;
        char *copy = malloc(length + 1); /* an exact block, for the sanitizers */
        memcpy(copy, file, length);
        for (int k = round % 3 ? 1 + round % 4 : 0; k; k--)
            copy[unit_random(&random) % QC_MIN(length, (size_t)400)] = (char)unit_random(&random);
        struct qc_arena own;
        qc_arena_init(&own, &env);
        if (!fb_decode(&own, copy, length, "TFL3", &tfl_Model_table)) {
            assert_true(env.error.status && *env.error.text);
            refused++;
        }
        assert_true(env.used < 1 << 21); /* memory in proportion to the file */
        qc_env_take(&env, NULL);
        qc_arena_free(&own);
        free(copy);
    }
    assert_true(refused > 6000);
    free(file);
    qc_arena_free(&arena);
}

static void text_of(void *user, const char *text)
{
    strncat(user, text, 4000 - strlen(user));
}

static void as_json(void **state)
{
    struct qc_env env;
    struct qc_arena arena;
    char text[4096] = "";
    (void)state;
    qc_env_init(&env, NULL);
    qc_arena_init(&arena, &env);
    struct tfl_Conv2DOptions *options = fb_new(&arena, &tfl_Conv2DOptions_table);
    options->padding = tfl_Padding_VALID;
    fb_json(options, &tfl_Conv2DOptions_table, 0, text_of, text);
    assert_string_equal(text, "{\"padding\":\"VALID\",\"dilation_w_factor\":1,\"dilation_h_factor\":1}");
    qc_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(round_trip), cmocka_unit_test(damage_is_an_error), cmocka_unit_test(as_json)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
