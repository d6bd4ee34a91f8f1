/*
 * t_layout.c - the memory planner: blocks alive together never overlap, and the total stays close to the lower bound.
 */
#include "unit.h"

#include "run/run.h"

static void blocks_do_not_overlap(void **state)
{
    enum { MOST = 200 };
    struct qc_block block[MOST];
    uint32_t order[MOST];
    uint64_t random = 7;
    double worst = 1;
    (void)state;
    for (int round = 0; round < 300; round++) {
        size_t count = 1 + unit_random(&random) % MOST;
        for (size_t i = 0; i < count; i++) {
            int32_t first = (int32_t)(unit_random(&random) % count);
            block[i] = (struct qc_block){1 + unit_random(&random) % 100000, 0, first, first + (int32_t)(unit_random(&random) % 4)};
        }
        const size_t total = qc_layout(block, order, count), bound = qc_layout_bound(block, count);
        assert_true(total >= bound);
        worst = total > worst * (double)bound ? (double)total / (double)bound : worst;
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(block[i].offset % 64, 0);
            assert_true(block[i].offset + block[i].bytes <= total);
            for (size_t k = 0; k < i; k++)
                assert_true(block[i].last < block[k].first || block[k].last < block[i].first ||
                            block[i].offset + block[i].bytes <= block[k].offset || block[k].offset + block[k].bytes <= block[i].offset);
        }
    }
    assert_true(worst < 1.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(blocks_do_not_overlap)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
