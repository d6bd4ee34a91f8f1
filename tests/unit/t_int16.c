/*
 * t_int16.c - int16 operators whose TensorFlow Lite kernels round differently in their vector part and in the elements left over: the
 * default contract follows each part, the reference contract the portable kernel throughout.
 */
#include "unit.h"

#include "op/build.h"

#include <math.h>

enum { COUNT = 19 };

static struct qc_tensor *value(struct qc_graph *graph, const char *name, qc_dtype type, float scale)
{
    struct qc_tensor *tensor = qc_graph_add_tensor(graph, name, type, 1, (int32_t[]){COUNT});
    assert_non_null(tensor);
    if (scale != 0) tensor->quant = qc_quant_new(&graph->model->arena, scale, 0);
    return tensor;
}

static void run(struct qc_model *model, bool reference, const void *const *in, int16_t *out)
{
    struct qc_options options = {.reference = reference};
    struct qc_session *session = qc_session_create(model, &options, NULL);
    struct qc_tensor_info info;
    assert_non_null(session);
    for (size_t i = 0; i < qc_session_input_count(session); i++) {
        assert_int_equal(qc_session_input(session, i, &info), QC_OK);
        memcpy(info.data, in[i], info.bytes);
    }
    assert_int_equal(qc_session_invoke(session, NULL), QC_OK);
    assert_int_equal(qc_session_output(session, 0, &info), QC_OK);
    assert_int_equal(info.bytes, COUNT * sizeof *out);
    memcpy(out, info.data, info.bytes);
    qc_session_free(session);
}

static void quantize_multiplies_in_eights_and_divides_the_rest(void **state)
{
    (void)state;
    struct qc_model *model = qc_model_new(NULL, NULL);
    struct qc_graph *graph = model->graph[0];
    float scale = 0.25f, x[COUNT];
    struct qc_tensor *in = value(graph, "x", QC_FLOAT32, 0), *out = value(graph, "y", QC_INT16, scale);
    assert_int_equal(qc_graph_set_inputs(graph, 1, &in), QC_OK);
    assert_non_null(qc_graph_add_node(graph, NULL, tfl_BuiltinOperator_QUANTIZE, &tfl_QuantizeOptions_table, NULL, 1, &in, 1, &out));
    assert_int_equal(qc_graph_set_outputs(graph, 1, &out), QC_OK);
    for (int i = 0; i < COUNT; i++) x[i] = ((float)i - 9.5f) * scale; /* halfway between two integers, all of them */
    int16_t fast[COUNT], reference[COUNT];
    run(model, false, (const void *[]){x}, fast);
    run(model, true, (const void *[]){x}, reference);
    for (int i = 0; i < COUNT; i++) {
        float exact = x[i] / scale;
        assert_int_equal(reference[i], (int)roundf(exact));
        assert_int_equal(fast[i], (int)(i < 16 ? rintf(exact) : roundf(exact)));
    }
    qc_model_free(model);
}

/* Operands and results of LiteRT 2.3, where its vector kernel and its portable one differ by one. */
static void add_shifts_once_in_sixteens(void **state)
{
    static const int16_t pair[][4] = {/* a, b, vector, portable */
                                      {2755, -182, 1934, 1935}, {-2522, 3290, 1353, 1352}, {2755, 559, 2675, 2676}, {-2522, 3846, 1909, 1908}};
    (void)state;
    struct qc_model *model = qc_model_new(NULL, NULL);
    struct qc_graph *graph = model->graph[0];
    float scale = 0x1.0a4856p-12f, larger = 0x1.5a9d2ep-12f;
    struct qc_tensor *in[] = {value(graph, "a", QC_INT16, scale), value(graph, "b", QC_INT16, larger)}, *out = value(graph, "y", QC_INT16, larger);
    assert_int_equal(qc_graph_set_inputs(graph, 2, in), QC_OK);
    struct tfl_AddOptions *options = qc_arena_alloc(&model->arena, sizeof *options);
    assert_non_null(options);
    struct qc_node *node = qc_graph_add_node(graph, NULL, tfl_BuiltinOperator_ADD, &tfl_AddOptions_table, options, 2, in, 1, &out);
    assert_non_null(node);
    assert_int_equal(qc_graph_set_outputs(graph, 1, &out), QC_OK);
    int16_t a[COUNT], b[COUNT], fast[COUNT], reference[COUNT];
    for (int i = 0; i < COUNT; i++) {
        a[i] = pair[i % 4][0];
        b[i] = pair[i % 4][1];
    }
    run(model, false, (const void *[]){a, b}, fast);
    run(model, true, (const void *[]){a, b}, reference);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(reference[i], pair[i % 4][3]);
        assert_int_equal(fast[i], pair[i % 4][i < 16 ? 2 : 3]);
    }
    qc_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantize_multiplies_in_eights_and_divides_the_rest),
        cmocka_unit_test(add_shifts_once_in_sixteens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
