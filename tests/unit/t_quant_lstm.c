/*
 * t_quant_lstm.c - fused LSTM layers in integers: the recipe's parameters and types, accuracy, and what stays float with its reason.
 */
#include "unit.h"

#include "op/build.h"
#include "quant/integer_lstm.h"
#include "run/run.h"

#include <math.h>

enum { TIME = 12, INPUTS = 6, UNITS = 10, C = 19, H = 18 };

static struct qc_tensor *constant(struct qc_build *b, int rank, const int32_t *dims, uint64_t seed, float limit)
{
    size_t count = (size_t)dims[0] * (size_t)(rank > 1 ? dims[1] : 1);
    float value[UNITS * UNITS];
    for (size_t i = 0; i < count; i++) value[i] = unit_float(&seed, -limit, limit);
    return qc_build_constant(b, "w", QC_FLOAT32, rank, dims, value);
}

/* zero: written into it on every call; NULL: it keeps its value */
static struct qc_tensor *state(struct qc_build *b, const char *name, struct qc_tensor *zero)
{
    if (zero) {
        struct qc_tensor *tensor = qc_build_binary(b, tfl_BuiltinOperator_MUL, zero, constant(b, 1, (int32_t[]){UNITS}, 1, 0));
        assert_non_null(tensor);
        tensor->variable = true;
        return tensor;
    }
    struct qc_tensor *tensor = qc_graph_add_tensor(b->graph, name, QC_FLOAT32, 2, (int32_t[]){1, UNITS});
    assert_non_null(tensor);
    tensor->variable = true;
    return tensor;
}

/* spoil: one enormous weight. clear: the states are zeros at the beginning of every call. */
static struct qc_model *layer(bool time_major, bool coupled, float spoil, bool clear)
{
    struct qc_model *model = qc_model_new(NULL, NULL);
    struct qc_build b = {.graph = model->graph[0], .scope = "lstm"};
    struct qc_tensor *x = qc_graph_add_tensor(b.graph, "x", QC_FLOAT32, 3, time_major ? (int32_t[]){TIME, 1, INPUTS} : (int32_t[]){1, TIME, INPUTS});
    struct qc_tensor *in[24];
    assert_int_equal(qc_graph_set_inputs(b.graph, 1, &x), QC_OK);
    for (int i = 0; i < 24; i++) in[i] = qc_none();
    in[0] = x;
    for (int g = coupled ? 1 : 0; g < 4; g++) {
        in[1 + g] = constant(&b, 2, (int32_t[]){UNITS, INPUTS}, 10 + (uint64_t)g, 0.8f);
        in[5 + g] = constant(&b, 2, (int32_t[]){UNITS, UNITS}, 20 + (uint64_t)g, 0.6f);
        in[12 + g] = constant(&b, 1, (int32_t[]){UNITS}, 30 + (uint64_t)g, 0.5f);
    }
    if (spoil != 0) ((float *)(uintptr_t)in[2]->data)[3] = spoil;
    struct qc_tensor *one[] = {x, qc_build_i32s(&b, 3, (int32_t[]){0, 0, 0}), qc_build_i32s(&b, 3, (int32_t[]){1, 1, 1})};
    struct qc_tensor *zero = clear ? qc_build_unary(&b, tfl_BuiltinOperator_ZEROS_LIKE,
                                                    qc_build_reshape(&b, qc_build_op(&b, tfl_BuiltinOperator_SLICE, NULL, 3, one), 2, (int32_t[]){1, 1}))
                                   : NULL;
    in[H] = state(&b, "h", zero);
    in[C] = state(&b, "c", zero);
    QC_OPTIONS(&b, UnidirectionalSequenceLSTMOptions, options);
    options->fused_activation_function = tfl_ActivationFunctionType_TANH;
    options->time_major = time_major;
    struct qc_tensor *y = qc_build_op(&b, tfl_BuiltinOperator_UNIDIRECTIONAL_SEQUENCE_LSTM, options, 24, in);
    if (!y) fail_msg("%s", model->env.error.text);
    assert_int_equal(qc_graph_set_outputs(b.graph, 1, &y), QC_OK);
    return model;
}

static qc_status fill(void *user, size_t index, struct qc_session *session, struct qc_error *error)
{
    struct qc_tensor_info info;
    uint64_t seed = index * 99 + 5;
    (void)user;
    (void)error;
    if (qc_session_input(session, 0, &info)) return QC_INVALID;
    for (size_t i = 0; i < info.bytes / 4; i++) ((float *)info.data)[i] = unit_float(&seed, -2, 2);
    return QC_OK;
}

static const struct qc_samples samples = {12, fill, NULL};

static struct qc_model *convert(struct qc_model *source, const struct qc_convert_options *options)
{
    struct qc_error error = {0};
    struct qc_model *model = qc_model_convert(source, options, &error);
    if (!model) fail_msg("%s", error.text);
    return model;
}

static const struct qc_node *lstm_of(const struct qc_model *model)
{
    for (uint32_t i = 0; i < model->graph[0]->node_count; i++)
        if (qc_int_lstm(model->graph[0]->node[i])) return model->graph[0]->node[i];
    fail_msg("no LSTM is left");
    return NULL;
}

static void check_parameters(const struct qc_node *node, bool coupled)
{
    float x = node->in[0]->quant->scale[0];
    assert_int_equal(node->in[0]->type, QC_INT8);
    for (int g = coupled ? 1 : 0; g < 4; g++) {
        assert_int_equal(node->in[1 + g]->type, QC_INT8);
        assert_int_equal(node->in[1 + g]->quant->count, 1);
        assert_int_equal(node->in[5 + g]->quant->count, 1);
        assert_int_equal(node->in[12 + g]->type, QC_INT32);
        assert_true(node->in[12 + g]->quant->scale[0] == (float)((double)x * (double)node->in[1 + g]->quant->scale[0]));
    }
    assert_true(qc_quant_equal(node->in[H]->quant, node->out[0]->quant));
    assert_int_equal(node->in[H]->type, QC_INT8);
    assert_int_equal(node->in[C]->type, QC_INT16);
    assert_true(node->in[H]->variable && node->in[C]->variable);
    int exponent;
    assert_true(frexpf(node->in[C]->quant->scale[0], &exponent) == 0.5f);
    assert_int_equal(node->intermediate_count, 5);
    assert_true(qc_quant_equal(node->intermediate[4]->quant, node->out[0]->quant));
}

static void by_the_recipe(void **unused)
{
    (void)unused;
    for (int form = 0; form < 4; form++) {
        struct qc_model *source = layer(form & 1, form >> 1, 0, false);
        struct qc_model *model = convert(source, &(struct qc_convert_options){.mode = "int8", .samples = &samples, .strict = true, .threads = 2});
        check_parameters(lstm_of(model), form >> 1);
        struct qc_comparison *comparison = qc_compare(source, model, &samples, 1, NULL);
        struct qc_difference d;
        assert_non_null(comparison);
        assert_true(qc_comparison_output(comparison, 0, &d));
        if (d.sqnr < 25) fail_msg("form %d: SQNR %.1f", form, d.sqnr);
        qc_comparison_free(comparison);
        qc_model_free(model);
        qc_model_free(source);
    }
}

static void run(struct qc_session *session, size_t sample, int8_t *y)
{
    struct qc_tensor_info info;
    struct qc_error error = {0};
    assert_int_equal(fill(NULL, sample, session, &error), QC_OK);
    if (qc_session_invoke(session, &error)) fail_msg("%s", error.text);
    assert_int_equal(qc_session_output(session, 0, &info), QC_OK);
    memcpy(y, info.data, info.bytes);
}

/* Without a reset, every call gives what a reset of a layer that keeps its states gives. */
static void cleared_on_every_call(void **unused)
{
    (void)unused;
    const struct qc_convert_options options = {.mode = "int8", .samples = &samples, .strict = true};
    for (int major = 0; major < 2; major++) {
        float kept[TIME * UNITS], cleared[TIME * UNITS];
        struct qc_model *source[] = {layer(major, false, 0, false), layer(major, false, 0, true)};
        struct qc_model *model[] = {convert(source[0], &options), convert(source[1], &options)};
        check_parameters(lstm_of(model[1]), false);
        struct qc_session *keeps = qc_session_create(model[0], NULL, NULL), *clears = qc_session_create(model[1], NULL, NULL);
        assert_true(keeps && clears);
        for (size_t i = 0; i < 4; i++) {
            assert_int_equal(qc_session_reset(keeps, NULL), QC_OK);
            run(keeps, i, (int8_t *)kept);
            run(clears, i, (int8_t *)cleared);
            assert_memory_equal(kept, cleared, sizeof kept);
        }
        qc_session_free(keeps);
        qc_session_free(clears);
        for (int i = 0; i < 2; i++) qc_model_free(model[i]), qc_model_free(source[i]);
    }
}

/* A free batch of cleared states stays free, unless weights lie behind DEQUANTIZE: LiteRT would lose them when the batch changes. */
static void batch_beside_unpacked_weights(void **unused)
{
    (void)unused;
    for (int half = 0; half < 2; half++) {
        struct qc_model *source = layer(false, false, 0, true);
        struct qc_graph *graph = source->graph[0];
        graph->input[0]->signature[0] = -1;
        for (uint32_t i = 0; i < graph->tensor_count; i++)
            if (graph->tensor[i]->variable) graph->tensor[i]->signature[0] = -1;
        struct qc_model *model = convert(source, &(struct qc_convert_options){.mode = half ? "float16" : "float32"});
        assert_int_equal(model->graph[0]->input[0]->signature[0], half ? 1 : -1);
        qc_model_free(model);
        qc_model_free(source);
    }
}

/* What reads the last step alone, and would have a scale for it, does not narrow that of the hidden state. */
static void the_sequence_keeps_its_range(void **unused)
{
    (void)unused;
    struct qc_tensor *y[2];
    struct qc_model *source[] = {layer(false, false, 0, false), layer(false, false, 0, false)};
    struct qc_build b = {.graph = source[1]->graph[0], .scope = "ends"};
    for (int i = 0; i < 2; i++)
        y[i] = QC_BUILD(&b, SLICE, NULL, source[1]->graph[0]->output[0], qc_build_i32s(&b, 3, (int32_t[]){0, TIME - 2 + i, 0}),
                        qc_build_i32s(&b, 3, (int32_t[]){1, 1, UNITS}));
    QC_OPTIONS(&b, ConcatenationOptions, options);
    options->axis = 2;
    struct qc_tensor *joined = qc_build_op(&b, tfl_BuiltinOperator_CONCATENATION, options, 2, y);
    assert_non_null(joined);
    assert_int_equal(qc_graph_set_outputs(b.graph, 1, &joined), QC_OK);
    struct qc_model *model[2];
    for (int i = 0; i < 2; i++) model[i] = convert(source[i], &(struct qc_convert_options){.mode = "int8", .samples = &samples, .strict = true});
    assert_true(qc_quant_equal(lstm_of(model[0])->out[0]->quant, lstm_of(model[1])->out[0]->quant));
    for (int i = 0; i < 2; i++) qc_model_free(model[i]), qc_model_free(source[i]);
}

/* The last cell state that the kernel leaves is the last one that calibration follows. */
static void *followed;
static void keep_last(void *user, const struct qc_tensor *tensor, const float *value, size_t count)
{
    (void)user;
    assert_string_equal(tensor->name, "c");
    assert_int_equal(count, UNITS);
    memcpy(followed, value, count * sizeof *value);
}

static void follow(void *user, const struct qc_step *step)
{
    float work[UNITS];
    (void)user;
    assert_int_equal(qc_int_lstm_work(step), UNITS);
    qc_int_lstm_cells(step, work, keep_last, NULL);
    for (int i = 0; i < UNITS; i++) assert_float_equal(((const float *)followed)[i], ((const float *)step->in[C]->data)[i], 1e-5f);
}

static void calibration_follows_the_cell(void **unused)
{
    float last[UNITS];
    (void)unused;
    followed = last;
    for (int form = 0; form < 4; form++) {
        struct qc_model *source = layer(form & 1, form >> 1, 0, false);
        struct qc_session *session = qc_session_create(source, NULL, NULL);
        session->observe = follow;
        assert_int_equal(fill(NULL, 3, session, NULL), QC_OK);
        assert_int_equal(qc_session_invoke(session, NULL), QC_OK);
        qc_session_free(session);
        qc_model_free(source);
    }
}

static void stays_float(struct qc_model *source, const char *mode, const char *why)
{
    struct qc_kept kept;
    struct qc_model *model = convert(source, &(struct qc_convert_options){.mode = mode, .samples = &samples, .min_elements = 1});
    assert_int_equal(lstm_of(model)->in[0]->type, QC_FLOAT32);
    bool told = false;
    for (size_t i = 0; qc_model_kept(model, i, &kept); i++) told |= strstr(kept.reason, why) != NULL;
    assert_true(told);
    qc_model_free(model);
    qc_model_free(source);
}

static void reasons(void **unused)
{
    (void)unused;
    stays_float(layer(false, false, 0, false), "int16x8", "int16 input");
    stays_float(layer(false, false, 1e4f, false), "int8", "makes the others 0");
    stays_float(layer(false, false, 1e4f, false), "dynamic", "makes the others 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_the_recipe), cmocka_unit_test(cleared_on_every_call), cmocka_unit_test(the_sequence_keeps_its_range),
                                       cmocka_unit_test(batch_beside_unpacked_weights),
                                       cmocka_unit_test(calibration_follows_the_cell), cmocka_unit_test(reasons)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
