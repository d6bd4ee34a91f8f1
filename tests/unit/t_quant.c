/*
 * t_quant.c - every mode on a small network: types, sizes, accuracy, same-scale groups, errors, and that refused options are refused.
 */
#include "unit.h"

#include "op/build.h"
#include "quant/stats.h"

#include <math.h>
#include <unistd.h>

#define OP(name) tfl_BuiltinOperator_##name

static struct qc_tensor *weights(struct qc_build *b, const char *name, int rank, const int32_t *dims, uint64_t seed)
{
    size_t count = 1;
    for (int i = 0; i < rank; i++) count *= (size_t)dims[i];
    float *value = malloc(count * sizeof *value);
    assert_non_null(value);
    for (size_t i = 0; i < count; i++) value[i] = unit_float(&seed, -0.5f, 0.5f);
    struct qc_tensor *tensor = qc_build_constant(b, name, QC_FLOAT32, rank, dims, value);
    free(value);
    return tensor;
}

/* CONV_2D, its pooled value and a LOGISTIC of it joined, flattened, FULLY_CONNECTED, SOFTMAX. */
static struct qc_model *network(void)
{
    struct qc_model *model = qc_model_new(NULL, NULL);
    assert_non_null(model);
    struct qc_graph *graph = model->graph[0];
    struct qc_tensor *x = qc_graph_add_tensor(graph, "x", QC_FLOAT32, 4, (int32_t[]){1, 8, 8, 3});
    assert_int_equal(qc_graph_set_inputs(graph, 1, &x), QC_OK);
    struct qc_build b = {.graph = graph, .scope = "conv"};
    QC_OPTIONS(&b, Conv2DOptions, conv);
    conv->stride_h = conv->stride_w = 1;
    struct qc_tensor *y = QC_BUILD(&b, CONV_2D, conv, x, weights(&b, "w", 4, (int32_t[]){64, 3, 3, 3}, 1), weights(&b, "b", 1, (int32_t[]){64}, 2));
    b.scope = "pool";
    QC_OPTIONS(&b, Pool2DOptions, pool);
    pool->stride_h = pool->stride_w = pool->filter_height = pool->filter_width = 2;
    struct qc_tensor *p = QC_BUILD(&b, MAX_POOL_2D, pool, y);
    b.scope = "join";
    QC_OPTIONS(&b, ConcatenationOptions, join);
    join->axis = 3;
    struct qc_tensor *j = QC_BUILD(&b, CONCATENATION, join, p, qc_build_unary(&b, OP(LOGISTIC), p));
    j = qc_build_reshape(&b, j, 2, (int32_t[]){-1, 4 * 4 * 128});
    b.scope = "dense";
    struct qc_tensor *d = QC_BUILD(&b, FULLY_CONNECTED, NULL, j, weights(&b, "w", 2, (int32_t[]){5, 2048}, 3), weights(&b, "b", 1, (int32_t[]){5}, 4));
    QC_OPTIONS(&b, SoftmaxOptions, softmax);
    softmax->beta = 1;
    struct qc_tensor *out = QC_BUILD(&b, SOFTMAX, softmax, d);
    if (!out) fail_msg("%s", model->env.error.text);
    out->name = "out";
    assert_int_equal(qc_graph_set_outputs(graph, 1, &out), QC_OK);
    return model;
}

static qc_status fill(void *user, size_t index, struct qc_session *session, struct qc_error *error)
{
    struct qc_tensor_info info;
    uint64_t seed = index * 77 + 1;
    (void)error;
    if (qc_session_input(session, 0, &info)) return QC_INVALID;
    for (size_t i = 0; i < info.bytes / 4; i++) ((float *)info.data)[i] = user ? NAN : unit_float(&seed, -1, 1);
    return QC_OK;
}

static const struct qc_samples samples = {8, fill, NULL};

static struct qc_model *convert(struct qc_model *source, const struct qc_convert_options *options)
{
    struct qc_error error = {0};
    struct qc_model *model = qc_model_convert(source, options, &error);
    if (!model) fail_msg("%s", error.text);
    return model;
}

static void refused(struct qc_model *source, const struct qc_convert_options *options, const char *word)
{
    struct qc_error error = {0};
    struct qc_model *model = qc_model_convert(source, options, &error);
    assert_null(model);
    if (!strstr(error.text, word)) fail_msg("'%s' does not say '%s'", error.text, word);
}

static const struct qc_node *find(const struct qc_model *model, int code)
{
    for (uint32_t i = 0; i < model->graph[0]->node_count; i++)
        if (model->graph[0]->node[i]->code == code) return model->graph[0]->node[i];
    fail_msg("%s is not there", tfl_operator_name(code));
    return NULL;
}

static int count(const struct qc_model *model, int code)
{
    int found = 0;
    for (uint32_t i = 0; i < model->graph[0]->node_count; i++) found += model->graph[0]->node[i]->code == code;
    return found;
}

static double quality(struct qc_model *source, struct qc_model *model)
{
    struct qc_difference d;
    struct qc_comparison *comparison = qc_compare(source, model, &samples, 1, NULL);
    assert_non_null(comparison);
    assert_true(qc_comparison_output(comparison, 0, &d));
    assert_false(qc_comparison_output(comparison, 1, &d));
    qc_comparison_output(comparison, 0, &d);
    qc_comparison_free(comparison);
    return d.sqnr;
}

/* ---- weights alone ---- */

static void float_modes(void **state)
{
    (void)state;
    static const struct {
        const char *mode;
        int dequantize;
        qc_dtype dense;
        double size, sqnr;
    } row[] = {{"float32", 0, QC_FLOAT32, 1, 200}, {"fp16", 4, QC_FLOAT32, 0.51, 55}, {"drq", 0, QC_INT8, 0.28, 25}, {"weight-only", 2, QC_FLOAT32, 0.28, 25}};
    struct qc_model *source = network();
    size_t before = qc_model_constant_bytes(source);
    for (size_t i = 0; i < QC_COUNT(row); i++) {
        struct qc_model *model = convert(source, &(struct qc_convert_options){.mode = row[i].mode, .samples = &samples});
        assert_int_equal(count(model, OP(DEQUANTIZE)), row[i].dequantize);
        assert_int_equal(find(model, OP(FULLY_CONNECTED))->in[1]->type, row[i].dense);
        assert_true((double)qc_model_constant_bytes(model) <= row[i].size * (double)before + 64);
        double sqnr = quality(source, model);
        if (sqnr <= row[i].sqnr) fail_msg("%s: SQNR %.1f", row[i].mode, sqnr);
        qc_model_free(model);
    }
    qc_model_free(source);
}

static void min_elements(void **state)
{
    (void)state;
    struct qc_model *source = network();
    struct qc_model *model = convert(source, &(struct qc_convert_options){.mode = "dynamic", .min_elements = 5000});
    assert_int_equal(find(model, OP(CONV_2D))->in[1]->type, QC_FLOAT32);
    assert_int_equal(find(model, OP(FULLY_CONNECTED))->in[1]->type, QC_INT8);
    bool told = false;
    struct qc_kept kept;
    for (size_t i = 0; qc_model_kept(model, i, &kept); i++) told |= !strcmp(kept.op, "CONV_2D") && strstr(kept.reason, "fewer elements");
    assert_true(told);
    qc_model_free(model);
    qc_model_free(source);
}

static void out_of_range(void **state)
{
    (void)state;
    struct qc_model *source = network();
    float *value = (float *)(uintptr_t)find(source, OP(FULLY_CONNECTED))->in[1]->data;
    value[7] = 1e6f;
    refused(source, &(struct qc_convert_options){.mode = "float16"}, "65504");
    struct qc_model *model = convert(source, &(struct qc_convert_options){.mode = "float16", .saturate = true});
    assert_non_null(qc_model_note(model, 0));
    qc_model_free(model);
    value[7] = NAN;
    refused(source, &(struct qc_convert_options){.mode = "dynamic"}, "NaN");
    static const char *const modes[] = {"float32", "float16"};
    for (int i = 0; i < 2; i++) { /* stay what they are, and are told */
        model = convert(source, &(struct qc_convert_options){.mode = modes[i]});
        assert_non_null(strstr(qc_model_note(model, 0), "holds 1 NaN and 0 infinite values among its "));
        qc_model_free(model);
    }
    qc_model_free(source);
}

/* ---- integers ---- */

static void same_scale_and_fixed_ranges(void **state)
{
    (void)state;
    struct qc_model *source = network();
    struct qc_model *model = convert(source, &(struct qc_convert_options){.mode = "int8", .samples = &samples});
    const struct qc_node *conv = find(model, OP(CONV_2D)), *pool = find(model, OP(MAX_POOL_2D)), *join = find(model, OP(CONCATENATION)),
                         *softmax = find(model, OP(SOFTMAX)), *logistic = find(model, OP(LOGISTIC));
    assert_int_equal(conv->in[1]->quant->count, 64);
    assert_int_equal(conv->in[2]->type, QC_INT32);
    for (int c = 0; c < 64; c++)
        assert_float_equal(conv->in[2]->quant->scale[c], (float)((double)conv->in[0]->quant->scale[0] * (double)conv->in[1]->quant->scale[c]), 0);
    assert_true(qc_quant_equal(pool->in[0]->quant, pool->out[0]->quant));
    assert_true(qc_quant_equal(join->in[0]->quant, join->out[0]->quant)); /* the result's range wins */
    assert_true(qc_quant_equal(join->in[1]->quant, join->out[0]->quant)); /* through a QUANTIZE: LOGISTIC has a fixed one */
    assert_float_equal(logistic->out[0]->quant->scale[0], 1.0f / 256, 0);
    assert_int_equal(logistic->out[0]->quant->zero_point[0], -128);
    assert_float_equal(softmax->out[0]->quant->scale[0], 1.0f / 256, 0);
    assert_int_equal(model->graph[0]->input[0]->type, QC_FLOAT32);
    assert_true(quality(source, model) > 20);
    struct qc_kept kept;
    assert_false(qc_model_kept(model, 0, &kept));
    qc_model_free(model);
    qc_model_free(source);
}

static void inputs_and_outputs(void **state)
{
    (void)state;
    struct qc_model *source = network();
    static const struct {
        const char *mode;
        qc_dtype io;
    } row[] = {{"int8", QC_INT8}, {"full-integer", QC_UINT8}, {"16x8", QC_INT16}};
    for (size_t i = 0; i < QC_COUNT(row); i++) {
        struct qc_model *model = convert(source, &(struct qc_convert_options){.mode = row[i].mode, .io = row[i].io, .samples = &samples});
        struct qc_tensor_info info;
        assert_true(qc_model_input(model, 0, &info));
        assert_int_equal(info.type, row[i].io);
        assert_string_equal(info.name, "x");
        assert_true(info.scale > 0);
        assert_true(qc_model_output(model, 0, &info));
        assert_int_equal(info.type, row[i].io);
        assert_int_equal(count(model, OP(DEQUANTIZE)), 0);
        assert_true(quality(source, model) > 20);
        qc_model_free(model);
    }
    refused(source, &(struct qc_convert_options){.mode = "int8", .io = QC_INT16, .samples = &samples}, "--io");
    refused(source, &(struct qc_convert_options){.mode = "dynamic", .io = QC_INT8}, "--io");
    qc_model_free(source);
}

static void mixed(void **state)
{
    (void)state;
    struct qc_model *source = network();
    const char *keep[] = {"den*", NULL}, *nothing[] = {"nosuchlayer", NULL};
    struct qc_model *model = convert(source, &(struct qc_convert_options){.mode = "int8", .keep_float = keep, .samples = &samples});
    assert_int_equal(find(model, OP(FULLY_CONNECTED))->in[1]->type, QC_FLOAT32);
    assert_int_equal(find(model, OP(CONV_2D))->in[1]->type, QC_INT8);
    qc_model_free(model);
    const char *recipe = "[{\"match\": \"conv\", \"mode\": \"int16x8\"}, {\"match\": \"FULLY_CONNECTED\", \"mode\": \"float16\"}]";
    model = convert(source, &(struct qc_convert_options){.mode = "int8", .recipe = recipe, .samples = &samples});
    assert_int_equal(find(model, OP(CONV_2D))->out[0]->type, QC_INT16);
    assert_int_equal(find(model, OP(CONV_2D))->in[2]->type, QC_INT64);
    assert_int_equal(find(model, OP(MAX_POOL_2D))->out[0]->type, QC_INT8);
    assert_int_equal(find(model, OP(FULLY_CONNECTED))->in[1]->producer->in[0]->type, QC_FLOAT16);
    assert_true(quality(source, model) > 20);
    qc_model_free(model);
    refused(source, &(struct qc_convert_options){.mode = "int8", .keep_float = nothing, .samples = &samples}, "nosuchlayer");
    refused(source, &(struct qc_convert_options){.mode = "int8", .recipe = "{}", .samples = &samples}, "recipe");
    refused(source, &(struct qc_convert_options){.mode = "int7"}, "int7");
    qc_model_free(source);
}

static void data_is_checked(void **state)
{
    (void)state;
    struct qc_model *source = network();
    static int bad;
    const struct qc_samples none = {0, fill, NULL}, nan = {2, fill, &bad};
    refused(source, &(struct qc_convert_options){.mode = "int8"}, "--data");
    refused(source, &(struct qc_convert_options){.mode = "int8", .samples = &none}, "no samples");
    refused(source, &(struct qc_convert_options){.mode = "int8", .samples = &nan}, "NaN");
    refused(source, &(struct qc_convert_options){.mode = "int8", .samples = &samples, .observer = "wish"}, "wish");
    qc_model_free(source);
}

static qc_status fill_ids(void *user, size_t index, struct qc_session *session, struct qc_error *error)
{
    struct qc_tensor_info info;
    (void)user;
    (void)error;
    if (qc_session_input(session, 0, &info)) return QC_INVALID;
    for (size_t i = 0; i < info.bytes / 4; i++) {
        if (info.type == QC_INT32) ((int32_t *)info.data)[i] = (int32_t)((index + 7 * i) % 9);
        else ((float *)info.data)[i] = (float)((index + 7 * i) % 9);
    }
    return QC_OK;
}

/* A recurrent loop leaves those of its results unwritten that nothing reads; calibration must not look at them. */
static void what_nothing_reads_is_not_observed(void **state)
{
    const struct qc_convert_options options = {.mode = "int8", .samples = &(struct qc_samples){8, fill_ids, NULL}};
    struct qc_error error = {0};
    (void)state;
    struct qc_model *source = qc_model_open(QC_SOURCE_DIR "/tests/data/keras/keras1_lstm.h5", &(struct qc_options){.recurrent = QC_RECURRENT_LOOP}, &error);
    if (!source) fail_msg("%s", error.text);
    struct qc_model *model = convert(source, &(struct qc_convert_options){.mode = "float32"});
    struct qc_stats *stats = qc_stats_collect(source, &options, &error);
    if (!stats) fail_msg("%s", error.text);
    const struct qc_node *loop = find(model, OP(WHILE));
    int unread = 0;
    for (int i = 0; i < loop->out_count; i++) {
        float low, high;
        const struct qc_tensor *out = loop->out[i];
        if (out->type != QC_FLOAT32) continue;
        assert_int_equal(qc_stats_range(stats, out, &low, &high), qc_tensor_use_count(out) > 0);
        unread += !qc_tensor_use_count(out);
    }
    assert_true(unread > 0);
    qc_stats_free(stats);
    qc_model_free(model);
    qc_model_free(source);
}

/* SELECT_V2 passes stored numbers on: both operands, constants too, take the scale of the result, in which 0 is not stored as 0. */
static void selection_takes_one_scale(void **state)
{
    (void)state;
    bool mask[8 * 8 * 3];
    for (size_t i = 0; i < QC_COUNT(mask); i++) mask[i] = i % 3 == 0;
    for (int turn = 0; turn < 4; turn++) {
        struct qc_model *source = qc_model_new(NULL, NULL);
        assert_non_null(source);
        struct qc_build b = {.graph = source->graph[0], .scope = "select"};
        struct qc_tensor *x = qc_graph_add_tensor(b.graph, "x", QC_FLOAT32, 4, (int32_t[]){1, 8, 8, 3});
        assert_int_equal(qc_graph_set_inputs(b.graph, 1, &x), QC_OK);
        struct qc_tensor *value = qc_build_binary(&b, OP(ADD), x, qc_build_f32(&b, 2)), *zero = qc_build_f32(&b, 0);
        struct qc_tensor *which = qc_build_constant(&b, "mask", QC_BOOL, 4, (int32_t[]){1, 8, 8, 3}, mask);
        struct qc_tensor *y = QC_BUILD(&b, SELECT_V2, NULL, which, turn & 1 ? zero : value, turn & 1 ? value : zero);
        assert_non_null(y);
        assert_int_equal(qc_graph_set_outputs(b.graph, 1, &y), QC_OK);
        struct qc_model *model = convert(source, &(struct qc_convert_options){.mode = turn & 2 ? "int16x8" : "int8", .samples = &samples, .strict = true});
        double sqnr = quality(source, model);
        if (sqnr < 35) fail_msg("turn %d: SQNR %.1f", turn, sqnr);
        qc_model_free(model);
        qc_model_free(source);
    }
}

static void observers(void **state)
{
    (void)state;
    static const char *const name[] = {"minmax", "percentile", "mse", "entropy"};
    struct qc_model *source = network();
    for (size_t i = 0; i < QC_COUNT(name); i++) {
        struct qc_model *model = convert(source, &(struct qc_convert_options){.mode = "int8", .samples = &samples, .observer = name[i]});
        assert_true(quality(source, model) > 15);
        qc_model_free(model);
    }
    qc_model_free(source);
}

/* Sample 5 fails, and 6 too: the first one is named, whichever thread was faster. */
static qc_status fill_until_5(void *user, size_t index, struct qc_session *session, struct qc_error *error)
{
    return index < 5 ? fill(NULL, index, session, error) : fill(user, index, session, error);
}

static void threads_change_nothing(void **state)
{
    (void)state;
    static const char *const name[] = {"minmax", "percentile", "mse", "entropy"};
    struct qc_model *source = network();
    for (size_t i = 0; i < QC_COUNT(name); i++) {
        struct qc_convert_options options = {.mode = "int8", .samples = &samples, .observer = name[i]};
        struct qc_model *one = convert(source, &options), *three;
        options.threads = 3;
        three = convert(source, &options);
        for (uint32_t t = 0; t < one->graph[0]->tensor_count; t++) {
            const struct qc_quant *p = one->graph[0]->tensor[t]->quant, *q = three->graph[0]->tensor[t]->quant;
            assert_true(p ? qc_quant_equal(p, q) : !q);
        }
        qc_model_free(one);
        qc_model_free(three);
    }
    const struct qc_samples bad = {8, fill_until_5, source};
    for (int round = 0; round < 20; round++) refused(source, &(struct qc_convert_options){.mode = "int8", .samples = &bad, .threads = 3}, "sample 5");
    qc_model_free(source);
}

static void statistics_are_kept(void **state)
{
    (void)state;
    char path[] = "t_quant_stats_XXXXXX";
    struct qc_model *source = network();
    const struct qc_convert_options options = {.mode = "int8", .samples = &samples};
    struct qc_stats *stats = qc_stats_collect(source, &options, NULL);
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    close(descriptor);
    assert_non_null(stats);
    assert_int_equal(qc_stats_save(stats, path, NULL), QC_OK);
    struct qc_stats *again = qc_stats_open(path, NULL);
    assert_non_null(again);
    assert_int_equal(qc_stats_merge(again, stats, NULL), QC_OK);
    struct qc_stats *empty = qc_stats_new();
    refused(source, &(struct qc_convert_options){.mode = "int8", .stats = empty}, "another model");
    qc_stats_free(empty);
    struct qc_model *a = convert(source, &options), *b = convert(source, &(struct qc_convert_options){.mode = "int8", .stats = again});
    for (uint32_t i = 0; i < a->graph[0]->tensor_count; i++) {
        const struct qc_quant *p = a->graph[0]->tensor[i]->quant, *q = b->graph[0]->tensor[i]->quant;
        assert_true(p ? qc_quant_equal(p, q) : !q);
    }
    qc_model_free(a);
    qc_model_free(b);
    qc_stats_free(stats);
    qc_stats_free(again);
    unlink(path);
    qc_model_free(source);
}

static void strict_and_targets(void **state)
{
    (void)state;
    struct qc_model *source = network();
    struct qc_build b = {.graph = source->graph[0], .scope = "odd"};
    struct qc_tensor *out = qc_build_unary(&b, OP(COS), source->graph[0]->output[0]);
    assert_non_null(out);
    qc_graph_set_output(source->graph[0], 0, out);
    struct qc_model *model = convert(source, &(struct qc_convert_options){.mode = "int8", .samples = &samples});
    struct qc_kept kept;
    assert_true(qc_model_kept(model, 0, &kept));
    assert_true(kept.is_operator);
    assert_string_equal(kept.op, "COS");
    qc_model_free(model);
    refused(source, &(struct qc_convert_options){.mode = "int8", .samples = &samples, .strict = true}, "COS");
    refused(source, &(struct qc_convert_options){.mode = "dynamic", .target_runtime = "2.10"}, "2.17");
    refused(source, &(struct qc_convert_options){.mode = "int8", .samples = &samples, .target_runtime = "2.10"}, "--dense-per-tensor");
    model = convert(source, &(struct qc_convert_options){.mode = "int8", .samples = &samples, .target_runtime = "2.10", .dense_per_tensor = true});
    assert_int_equal(find(model, OP(FULLY_CONNECTED))->in[1]->quant->count, 1);
    qc_model_free(model);
    refused(source, &(struct qc_convert_options){.mode = "float16", .tflm = true}, "float16");
    model = convert(source, &(struct qc_convert_options){.mode = "int8", .samples = &samples, .tflm = true});
    assert_int_equal(find(model, OP(FULLY_CONNECTED))->in[1]->quant->count, 1);
    qc_model_free(model);
    qc_model_free(source);
}

static void saving(void **state)
{
    (void)state;
    char path[] = "t_quant_model_XXXXXX";
    struct qc_error error = {0};
    struct qc_model *source = network(), *model = convert(source, &(struct qc_convert_options){.mode = "float16"});
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    close(descriptor);
    unlink(path);
    assert_int_equal(qc_model_save(model, path, 100, NULL, &error), QC_RANGE);
    assert_non_null(strstr(error.text, "float16"));
    assert_int_not_equal(access(path, F_OK), 0);
    size_t size = 0;
    assert_int_equal(qc_model_save(model, path, 0, &size, &error), QC_OK);
    struct qc_model *again = qc_model_open(path, NULL, &error);
    assert_non_null(again);
    assert_true(size > qc_model_constant_bytes(model));
    qc_model_free(again);
    unlink(path);
    qc_model_free(model);
    qc_model_free(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(float_modes), cmocka_unit_test(min_elements), cmocka_unit_test(out_of_range),
        cmocka_unit_test(same_scale_and_fixed_ranges), cmocka_unit_test(inputs_and_outputs), cmocka_unit_test(mixed),
        cmocka_unit_test(data_is_checked), cmocka_unit_test(selection_takes_one_scale), cmocka_unit_test(observers), cmocka_unit_test(what_nothing_reads_is_not_observed),
        cmocka_unit_test(threads_change_nothing), cmocka_unit_test(statistics_are_kept),
        cmocka_unit_test(strict_and_targets), cmocka_unit_test(saving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
