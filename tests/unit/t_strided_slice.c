/*
 * t_strided_slice.c - masks and index vectors to ranges: against numpy's rules worked out by hand, and against a walk over all small cases.
 */
#include "unit.h"

#include "op/shared/strided_slice.h"

static struct qc_slice_axis axis[QC_SLICE_MOST + 8];
static int axes;
static bool unknown;

static const char *resolve(struct qc_slice_spec spec)
{
    return qc_slice_resolve(&spec, axis, &axes, &unknown);
}

static void expect(int k, int of, int64_t start, int64_t step, int64_t count, bool shrink)
{
    assert_true(k < axes);
    assert_int_equal(axis[k].axis, of);
    assert_int_equal(axis[k].count, count);
    assert_int_equal(axis[k].shrink, shrink);
    if (of < 0 || !count) return;
    assert_int_equal(axis[k].start, start);
    if (count > 1) assert_int_equal(axis[k].step, step);
}

/* x[1, ..., newaxis, ::-2] of [3, 4, 5, 6] */
static void ellipsis_and_new_axis(void **state)
{
    (void)state;
    assert_null(resolve((struct qc_slice_spec){.rank = 4, .dims = (int32_t[]){3, 4, 5, 6}, .count = 4, .begin = (int64_t[]){1, 0, 0, 0},
                                               .end = (int64_t[]){2, 0, 0, 0}, .step = (int64_t[]){1, 1, 1, -2}, .ellipsis_mask = 2,
                                               .new_axis_mask = 4, .shrink_axis_mask = 1, .begin_mask = 8, .end_mask = 8}));
    assert_int_equal(axes, 5);
    expect(0, 0, 1, 1, 1, true);
    expect(1, 1, 0, 1, 4, false);
    expect(2, 2, 0, 1, 5, false);
    expect(3, -1, 0, 1, 1, false);
    expect(4, 3, 5, -2, 3, false);
}

/* One axis, every start, stop and step: as many elements as a walk from start to stop meets. */
static void every_range(void **state)
{
    (void)state;
    for (int32_t size = 0; size <= 5; size++)
        for (int64_t begin = -7; begin <= 7; begin++)
            for (int64_t end = -7; end <= 7; end++)
                for (int64_t step = -3; step <= 3; step++) {
                    if (!step) continue;
                    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1, count = 0;
                    int64_t from = begin < 0 ? begin + size : begin, to = end < 0 ? end + size : end;
                    from = from < low ? low : from > high ? high : from;
                    to = to < low ? low : to > high ? high : to;
                    for (int64_t at = from; step > 0 ? at < to : at > to; at += step) count++;
                    assert_null(resolve((struct qc_slice_spec){.rank = 1, .dims = &size, .count = 1, .begin = &begin, .end = &end, .step = &step}));
                    expect(0, 0, from, step, count, false);
                }
}

static void unknown_indices(void **state)
{
    (void)state;
    struct qc_slice_spec spec = {.rank = 2, .dims = (int32_t[]){3, 4}, .count = 1, .step = (int64_t[]){1}};
    assert_null(resolve(spec));
    assert_true(unknown); /* x[b:e] */
    spec.shrink_axis_mask = 1;
    assert_null(resolve(spec));
    assert_false(unknown); /* x[b] */
    expect(1, 1, 0, 1, 4, false);
    spec.shrink_axis_mask = 0;
    spec.begin_mask = spec.end_mask = 1;
    assert_null(resolve(spec));
    assert_false(unknown); /* x[:] */
    expect(0, 0, 0, 1, 3, false);
}

static void refusals(void **state)
{
    (void)state;
    const int32_t dims[] = {3, 4};
    const int64_t zero[] = {0, 0, 0}, one[] = {1, 1, 1}, far[] = {3, 0, 0}, least = INT32_MIN;
    assert_non_null(resolve((struct qc_slice_spec){.rank = 2, .dims = dims, .count = 3, .begin = zero, .end = one, .step = one}));
    assert_non_null(resolve((struct qc_slice_spec){.rank = 2, .dims = dims, .count = 2, .begin = zero, .end = one, .step = one, .ellipsis_mask = 3}));
    assert_non_null(resolve((struct qc_slice_spec){.rank = 2, .dims = dims, .count = 1, .begin = zero, .end = one, .step = zero}));
    assert_non_null(resolve((struct qc_slice_spec){.rank = 2, .dims = dims, .count = 1, .begin = zero, .end = one, .step = &least}));
    assert_non_null(resolve((struct qc_slice_spec){.rank = 2, .dims = dims, .count = 1, .begin = far, .end = far, .step = one, .shrink_axis_mask = 1}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ellipsis_and_new_axis), cmocka_unit_test(every_range), cmocka_unit_test(unknown_indices),
                                       cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
