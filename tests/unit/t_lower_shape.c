/*
 * t_lower_shape.c - free dimensions: how they are found, what becomes of signatures, and reshapes that no constant target can say.
 */
#include "import/lower/move.h"
#include "lower.h"

static void expect_signature(const struct qc_tensor *x, int rank, const int32_t *want)
{
    assert_int_equal(x->rank, rank);
    for (int i = 0; i < rank; i++) assert_int_equal(x->signature[i], want[i]);
}

static void free_dimensions_spread(void **state)
{
    (void)state;
    struct fixture f;
    struct qc_build *b = begin(&f);
    struct qc_tensor *x = input(&f, QC_FLOAT32, 4, (int32_t[]){1, 64, 64, 3}, 1 | 2);
    struct qc_tensor *cropped = qc_lower_cropping(b, x, 2, (const int32_t[][2]){{1, 2}, {0, 0}}, false);
    struct qc_tensor *turned = qc_lower_transpose(b, cropped, (int32_t[]){1, 0, 3, 2});
    assert_true(qc_lower_is_free(b, cropped, 0));
    assert_true(qc_lower_is_free(b, cropped, 1));
    assert_false(qc_lower_is_free(b, cropped, 2));
    assert_true(qc_lower_is_free(b, turned, 1));
    assert_int_equal(qc_import_mark_batch(b->graph), QC_OK);
    expect_signature(cropped, 4, (int32_t[]){-1, -1, 64, 3});
    expect_signature(turned, 4, (int32_t[]){-1, -1, 3, 64});
    assert_null(qc_model_note(f.model, 0));
    qc_model_free(f.model);
}

/* An operator that fits one batch only fixes the batch, and a note says which layer that is. */
static void what_does_not_fit_is_fixed(void **state)
{
    (void)state;
    struct fixture f;
    struct qc_build *b = begin(&f);
    b->scope = "the_culprit";
    struct qc_tensor *x = input(&f, QC_FLOAT32, 2, (int32_t[]){1, 6}, 1);
    struct qc_tensor *y = qc_build_reshape(b, x, 2, (int32_t[]){2, 3});
    assert_int_equal(qc_import_mark_batch(b->graph), QC_OK);
    expect_signature(x, 2, (int32_t[]){1, 6});
    expect_signature(y, 2, (int32_t[]){2, 3});
    const char *note = qc_model_note(f.model, 0);
    assert_non_null(note);
    assert_non_null(strstr(note, "the batch size is fixed"));
    assert_non_null(strstr(note, "the_culprit"));
    qc_model_free(f.model);
}

/* [B, T, 6] with B and T free as [B, T, 2, 3], [B, 2 T, 3], [B T, 6] and [B, 1, T, 6], at another B and T. */
static void reshapes(void **state)
{
    (void)state;
    struct fixture f;
    struct qc_build *b = begin(&f);
    uint32_t seed = 2;
    float data[3 * 5 * 6];
    struct qc_error error;
    struct qc_tensor_info info;
    for (int i = 0; i < 90; i++) data[i] = next_random(&seed);
    struct qc_tensor *x = input(&f, QC_FLOAT32, 3, (int32_t[]){1, 64, 6}, 3);
    struct qc_tensor *out[] = {qc_lower_reshape(b, x, 4, (int32_t[]){QC_KEEP(0), QC_KEEP(1), 2, 3}),
                               qc_lower_reshape(b, x, 3, (int32_t[]){QC_KEEP(0), -1, 3}), qc_lower_merge(b, x, 0, 2), qc_lower_expand(b, x, 1)};
    static const int32_t want[4][4] = {{3, 5, 2, 3}, {3, 10, 3}, {15, 6}, {3, 1, 5, 6}};
    struct qc_session *session = finish(&f, 4, out, 1);
    assert_int_equal(qc_session_resize(session, 0, 3, (int32_t[]){3, 5, 6}, &error), QC_OK);
    set_input(session, 0, data, sizeof data);
    invoke(session);
    for (size_t i = 0; i < 4; i++) {
        expect_floats(session, i, data, 90, 0);
        assert_int_equal(qc_session_output(session, i, &info), QC_OK);
        for (int k = 0; k < info.rank; k++) assert_int_equal(info.dims[k], want[i][k]);
    }
    end(&f, session);
}

static void one_free_dimension_needs_no_arithmetic(void **state)
{
    (void)state;
    struct fixture f;
    struct qc_build *b = begin(&f);
    struct qc_tensor *x = input(&f, QC_FLOAT32, 3, (int32_t[]){1, 4, 6}, 1);
    struct qc_tensor *y = qc_lower_reshape(b, x, 2, (int32_t[]){QC_KEEP(0), -1});
    assert_int_equal(b->graph->node_count, 1);
    assert_true(y->producer->in[1]->constant);
    assert_memory_equal(y->producer->in[1]->data, ((int32_t[]){-1, 24}), 8);
    assert_ptr_equal(qc_lower_reshape(b, y, 2, (int32_t[]){QC_KEEP(0), 24}), y);
    qc_model_free(f.model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(free_dimensions_spread), cmocka_unit_test(what_does_not_fit_is_fixed),
                                       cmocka_unit_test(reshapes), cmocka_unit_test(one_free_dimension_needs_no_arithmetic)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
