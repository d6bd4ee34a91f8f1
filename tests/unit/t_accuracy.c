/*
 * t_accuracy.c - the figures of a comparison, the checks after quantizing, and bias correction.
 */
#include "unit.h"

#include "op/build.h"
#include "quant/stats.h"

#include <math.h>

#define OP(name) tfl_BuiltinOperator_##name

enum { SIDE = 6, CHANNELS = 3, FILTERS = 8, TAPS = 9 * CHANNELS };

static struct qc_tensor *floats(struct qc_build *b, const char *name, int rank, const int32_t *dims, float (*value)(size_t at))
{
    size_t count = 1;
    for (int i = 0; i < rank; i++) count *= (size_t)dims[i];
    float *data = malloc(count * sizeof *data);
    assert_non_null(data);
    for (size_t i = 0; i < count; i++) data[i] = value(i);
    struct qc_tensor *tensor = qc_build_constant(b, name, QC_FLOAT32, rank, dims, data);
    free(data);
    return tensor;
}

/* One large weight in each filter, the others 0.4 of a step: rounded away, all in the same direction. */
static float biased(size_t at)
{
    return at % TAPS ? 0.4f / 127 : 1;
}

static float varied(size_t at)
{
    return sinf((float)at * 1.7f) / 8;
}

/* Of one sign in each output: what the samples differ by adds up. */
static float strong(size_t at)
{
    return (at / (SIDE * SIDE * FILTERS) % 2 ? 1.0f : -1.0f) / 64;
}

static struct qc_tensor *input(struct qc_build *b)
{
    struct qc_tensor *x = qc_graph_add_tensor(b->graph, "x", QC_FLOAT32, 4, (int32_t[]){1, SIDE, SIDE, CHANNELS});
    assert_int_equal(qc_graph_set_inputs(b->graph, 1, &x), QC_OK);
    return x;
}

static struct qc_model *finish(struct qc_model *model, struct qc_tensor *out)
{
    if (!out) fail_msg("%s", model->env.error.text);
    out->name = "out";
    assert_int_equal(qc_graph_set_outputs(model->graph[0], 1, &out), QC_OK);
    return model;
}

/* CONV_2D with RELU, FULLY_CONNECTED, SOFTMAX. */
static struct qc_model *network(void)
{
    struct qc_model *model = qc_model_new(NULL, NULL);
    struct qc_build b = {.graph = model->graph[0], .scope = "conv"};
    struct qc_tensor *x = input(&b);
    QC_OPTIONS(&b, Conv2DOptions, conv);
    conv->stride_h = conv->stride_w = 1;
    conv->fused_activation_function = tfl_ActivationFunctionType_RELU;
    x = QC_BUILD(&b, CONV_2D, conv, x, floats(&b, "w", 4, (int32_t[]){FILTERS, 3, 3, CHANNELS}, biased), floats(&b, "b", 1, (int32_t[]){FILTERS}, varied));
    x = qc_build_reshape(&b, x, 2, (int32_t[]){-1, SIDE * SIDE * FILTERS});
    b.scope = "dense";
    x = QC_BUILD(&b, FULLY_CONNECTED, NULL, x, floats(&b, "w", 2, (int32_t[]){4, SIDE * SIDE * FILTERS}, strong), floats(&b, "b", 1, (int32_t[]){4}, varied));
    QC_OPTIONS(&b, SoftmaxOptions, softmax);
    softmax->beta = 1;
    return finish(model, QC_BUILD(&b, SOFTMAX, softmax, x));
}

static qc_status fill(void *user, size_t index, struct qc_session *session, struct qc_error *error)
{
    struct qc_tensor_info info;
    uint64_t seed = index * 77 + 1;
    (void)user;
    (void)error;
    if (qc_session_input(session, 0, &info)) return QC_INVALID;
    for (size_t i = 0; i < info.bytes / 4; i++) ((float *)info.data)[i] = unit_float(&seed, 0, 1) * (float)(1 + index % 4) / 4;
    return QC_OK;
}

static const struct qc_samples samples = {20, fill, NULL};

static struct qc_model *convert(struct qc_model *source, const struct qc_convert_options *options)
{
    struct qc_error error = {0};
    struct qc_model *model = qc_model_convert(source, options, &error);
    if (!model) fail_msg("%s", error.text);
    return model;
}

static void refused(struct qc_model *source, const struct qc_convert_options *options, const char *words)
{
    struct qc_error error = {0};
    assert_null(qc_model_convert(source, options, &error));
    if (!strstr(error.text, words)) fail_msg("'%s' does not say '%s'", error.text, words);
}

/* ---- comparison ---- */

static void run(struct qc_session *session, size_t sample, float *out)
{
    struct qc_error error;
    struct qc_tensor_info info;
    assert_int_equal(fill(NULL, sample, session, &error), QC_OK);
    assert_int_equal(qc_session_invoke(session, &error), QC_OK);
    assert_int_equal(qc_session_output(session, 0, &info), QC_OK);
    memcpy(out, info.data, 4 * sizeof *out);
}

static int largest(const float *value)
{
    int best = 0;
    for (int i = 1; i < 4; i++)
        if (value[i] > value[best]) best = i;
    return best;
}

static void figures_are_right(void **state)
{
    struct qc_model *source = network(), *model = convert(source, &(struct qc_convert_options){.mode = "int8", .samples = &samples});
    struct qc_session *one = qc_session_create(source, NULL, NULL), *two = qc_session_create(model, NULL, NULL);
    double most = 0, sum = 0, signal = 0, noise = 0, dot = 0, norm = 0, same = 0;
    struct qc_difference d;
    (void)state;
    for (size_t s = 0; s < samples.count; s++) {
        float want[4], have[4];
        run(one, s, want);
        run(two, s, have);
        for (int i = 0; i < 4; i++) {
            double w = (double)want[i], h = (double)have[i];
            most = fmax(most, fabs(w - h));
            sum += fabs(w - h);
            signal += w * w;
            noise += (w - h) * (w - h);
            dot += w * h;
            norm += h * h;
        }
        same += largest(want) == largest(have);
    }
    struct qc_comparison *comparison = qc_compare(source, model, &samples, 1, NULL);
    assert_true(qc_comparison_output(comparison, 0, &d));
    assert_true(noise > 0);
    assert_int_equal(d.elements, 4 * samples.count);
    assert_true(fabs(d.max_error - most) < 1e-9);
    assert_true(fabs(d.mean_error - sum / (4.0 * (double)samples.count)) < 1e-9);
    assert_true(fabs(d.sqnr - 10 * log10(signal / noise)) < 1e-6);
    assert_true(fabs(d.cosine - dot / sqrt(signal * norm)) < 1e-9);
    assert_true(d.agreement == same / (double)samples.count);
    assert_false(d.not_finite || d.constant);
    qc_comparison_free(comparison);
    qc_session_free(one);
    qc_session_free(two);
    qc_model_free(model);
    qc_model_free(source);
}

/* ---- the checks after quantizing ---- */

/* The ranges of `source`, stretched. */
static struct qc_stats *stretched(struct qc_model *source, float factor)
{
    struct qc_stats *stats = qc_stats_collect(source, &(struct qc_convert_options){.mode = "int8", .samples = &samples}, NULL);
    assert_non_null(stats);
    for (size_t i = 0; i < stats->count; i++) {
        stats->row[i].min *= factor;
        stats->row[i].max *= factor;
    }
    return stats;
}

static void useless_ranges_are_refused(void **state)
{
    struct qc_model *source = network();
    struct qc_stats *wide = stretched(source, 1e4f), *endless = stretched(source, 1e38f), *none = stretched(source, 0), *right = stretched(source, 1);
    struct qc_error error = {0};
    (void)state;
    refused(source, &(struct qc_convert_options){.mode = "int8", .samples = &samples, .stats = wide}, "gives the same 'out' for all 10 samples");
    refused(source, &(struct qc_convert_options){.mode = "int8", .stats = endless}, "its range [");
    refused(source, &(struct qc_convert_options){.mode = "int8", .stats = endless}, "gives the scale inf");
    qc_model_free(convert(source, &(struct qc_convert_options){.mode = "int8", .stats = endless, .keep_float = (const char *const[]){"*", NULL}}));
    qc_model_free(convert(source, &(struct qc_convert_options){.mode = "int8", .samples = &samples, .stats = right}));
    /* A file that does not run is not written, data or not. */
    struct qc_model *model = convert(source, &(struct qc_convert_options){.mode = "int8", .stats = none});
    assert_int_not_equal(qc_model_save(model, "/dev/null", 0, NULL, &error), QC_OK);
    assert_non_null(strstr(error.text, "does not run: SOFTMAX"));
    qc_model_free(model);
    qc_stats_free(wide);
    qc_stats_free(endless);
    qc_stats_free(none);
    qc_stats_free(right);
    qc_model_free(source);
}

static float tiny(size_t at)
{
    (void)at;
    return 1e-9f;
}

/* float16 makes the divisor 0. */
static void infinities_are_refused(void **state)
{
    struct qc_model *source = qc_model_new(NULL, NULL);
    struct qc_build b = {.graph = source->graph[0], .scope = "div"};
    struct qc_tensor *x = input(&b);
    (void)state;
    finish(source, qc_build_binary(&b, OP(DIV), x, floats(&b, "tiny", 1, (int32_t[]){CHANNELS}, tiny)));
    refused(source, &(struct qc_convert_options){.mode = "float16", .samples = &samples}, "gives NaN or infinity in 'out'");
    qc_model_free(convert(source, &(struct qc_convert_options){.mode = "float32", .samples = &samples}));
    qc_model_free(source);
}

static void nothing_to_quantize_is_refused(void **state)
{
    struct qc_model *source = qc_model_new(NULL, NULL);
    struct qc_build b = {.graph = source->graph[0]};
    struct qc_tensor *x = input(&b);
    (void)state;
    assert_int_equal(qc_graph_set_outputs(source->graph[0], 1, &x), QC_OK);
    refused(source, &(struct qc_convert_options){.mode = "int8", .samples = &samples}, "computes nothing");
    refused(source, &(struct qc_convert_options){.mode = "int16x8", .samples = &samples}, "computes nothing");
    qc_model_free(convert(source, &(struct qc_convert_options){.mode = "float32"}));
    qc_model_free(source);
}

/* ---- bias correction ---- */

/* The SQNR of the convolution. */
static double conv_quality(struct qc_model *source, struct qc_model *model)
{
    struct qc_difference d;
    struct qc_comparison *comparison = qc_compare(source, model, &samples, 1, NULL);
    double sqnr = NAN;
    assert_non_null(comparison);
    for (size_t i = 0; qc_comparison_layer(comparison, i, &d); i++)
        if (!strcmp(d.op, "CONV_2D")) sqnr = d.sqnr;
    qc_comparison_free(comparison);
    return sqnr;
}

static void biases_are_corrected(void **state)
{
    static const struct qc_convert_options mode[] = {
        {.mode = "int8"}, {.mode = "int8", .io = QC_UINT8}, {.mode = "int8", .per_tensor = true}, {.mode = "int8", .threads = 2}, {.mode = "int16x8"},
        {.mode = "dynamic", .min_elements = 1}, {.mode = "weights", .min_elements = 1}, {.mode = "float16", .recipe = "[{\"match\": \"*\", \"mode\": \"int8\"}]"},
    };
    struct qc_model *source = network(), *plain = convert(source, &(struct qc_convert_options){.mode = "float32"});
    struct qc_stats *stats = stretched(source, 1.1f);
    (void)state;
    for (size_t i = 0; i < QC_COUNT(mode); i++) {
        struct qc_convert_options options = mode[i];
        options.samples = &samples;
        struct qc_model *before = convert(source, &options);
        options.correct_bias = true;
        struct qc_model *after = convert(source, &options);
        double was = conv_quality(plain, before), is = conv_quality(plain, after);
        if (!(is > was + 6)) fail_msg("%s, case %zu: %.1f dB before, %.1f dB after", options.mode, i, was, is);
        assert_int_equal(before->graph[0]->node_count, after->graph[0]->node_count);
        assert_int_equal(before->graph[0]->tensor_count, after->graph[0]->tensor_count);
        qc_model_free(after);
        options.stats = stats;
        after = convert(source, &options);
        assert_true(conv_quality(plain, after) > was + 6);
        qc_model_free(after);
        qc_model_free(before);
    }
    qc_stats_free(stats);
    qc_model_free(plain);
    qc_model_free(source);
}

static bool stop(void *user, const char *stage, size_t done, size_t total)
{
    assert_true(done < total);
    return strcmp(stage, "correcting biases") || done < *(size_t *)user;
}

static void correction_needs_data(void **state)
{
    struct qc_model *source = network();
    struct qc_stats *stats = stretched(source, 1);
    (void)state;
    refused(source, &(struct qc_convert_options){.mode = "int8", .stats = stats, .correct_bias = true}, "--data");
    for (size_t after = 0; after < 60; after += 13)
        refused(source, &(struct qc_convert_options){.mode = "int8", .samples = &samples, .correct_bias = true, .progress = stop, .progress_user = &after},
                "stopped while correcting biases");
    qc_model_free(convert(source, &(struct qc_convert_options){.mode = "float16", .samples = &samples, .correct_bias = true}));
    qc_stats_free(stats);
    qc_model_free(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_right), cmocka_unit_test(useless_ranges_are_refused), cmocka_unit_test(infinities_are_refused),
        cmocka_unit_test(nothing_to_quantize_is_refused), cmocka_unit_test(biases_are_corrected), cmocka_unit_test(correction_needs_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
