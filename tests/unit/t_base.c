/*
 * t_base.c - memory accounting, arenas, errors, half precision, the thread pool.
 */
#include "unit.h"

#include "base/arena.h"
#include "base/dtype.h"
#include "base/pool.h"

#include <math.h>
#include <stdatomic.h>

static void first_error_wins(void **state)
{
    struct qc_env env;
    struct qc_error error;
    (void)state;
    qc_env_init(&env, NULL);
    assert_int_equal(qc_fail(&env, QC_FORMAT, "scale[%d] is %d", 17, 0), QC_FORMAT);
    assert_int_equal(qc_fail(&env, QC_IO, "later"), QC_FORMAT);
    qc_context(&env, "CONV_2D '%s'", "a\nb");
    assert_int_equal(qc_env_take(&env, &error), QC_FORMAT);
    assert_string_equal(error.text, "CONV_2D 'a b': scale[17] is 0");
    assert_int_equal(env.error.status, QC_OK);
}

static void memory_has_a_ceiling(void **state)
{
    struct qc_env env;
    (void)state;
    qc_env_init(&env, &(struct qc_options){.max_memory = 1000});
    char *block = qc_env_alloc(&env, 600);
    assert_non_null(block);
    assert_int_equal(env.used, 600);
    assert_null(qc_env_alloc(&env, 600));
    assert_int_equal(qc_env_take(&env, NULL), QC_NOMEM);
    assert_null(qc_env_resize(&env, block, SIZE_MAX - 4));
    qc_env_take(&env, NULL);
    qc_env_free(&env, block);
    assert_int_equal(env.used, 0);
    assert_int_equal(env.peak, 600);
}

static void arena_is_zeroed_and_aligned(void **state)
{
    struct qc_env env;
    struct qc_arena arena;
    (void)state;
    qc_env_init(&env, NULL);
    qc_arena_init(&arena, &env);
    for (size_t bytes = 0; bytes < 9000; bytes = bytes * 2 + 1) {
        unsigned char *block = qc_arena_alloc(&arena, bytes);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 16, 0);
        for (size_t i = 0; i < bytes; i++) assert_int_equal(block[i], 0);
        memset(block, 0xff, bytes);
    }
    assert_null(qc_arena_array(&arena, SIZE_MAX / 2, 3));
    assert_int_equal(qc_env_take(&env, NULL), QC_NOMEM);
    assert_string_equal(qc_arena_printf(&arena, "%s-%d", "x", 7), "x-7");
    qc_arena_free(&arena);
    assert_int_equal(env.used, 0);
}

static void half_precision_is_exact(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 65536; bits++) { /* every half survives the way to float and back */
        float value = qc_half_to_float((uint16_t)bits);
        if (isnan(value))
            assert_true((qc_float_to_half(value) & 0x7c00) == 0x7c00 && qc_float_to_half(value) & 0x3ff);
        else
            assert_int_equal(qc_float_to_half(value), bits);
    }
    for (unsigned bits = 0; bits < 0x7bff; bits++) { /* between neighbours: nearest, ties to even */
        float low = qc_half_to_float((uint16_t)bits), high = qc_half_to_float((uint16_t)(bits + 1)), middle = (low + high) / 2;
        assert_int_equal(qc_float_to_half(middle), bits + (bits & 1));
        assert_int_equal(qc_float_to_half(nextafterf(middle, 0)), bits);
        assert_int_equal(qc_float_to_half(nextafterf(middle, 1e9f)), bits + 1);
    }
    assert_int_equal(qc_float_to_half(65519.99f), 0x7bff);
    assert_int_equal(qc_float_to_half(65520.0f), 0x7c00);
    assert_int_equal(qc_float_to_half(-1e30f), 0xfc00);
}

struct marks {
    atomic_uchar hit[10007];
};

static void mark(void *context, size_t begin, size_t end, int thread)
{
    struct marks *marks = context;
    (void)thread;
    for (size_t i = begin; i < end; i++) atomic_fetch_add(&marks->hit[i], 1);
}

static void pool_covers_every_index_once(void **state)
{
    static struct marks marks;
    struct qc_env env;
    (void)state;
    qc_env_init(&env, NULL);
    for (int threads = 1; threads <= 4; threads++) {
        struct qc_pool *pool = qc_pool_create(&env, threads);
        for (size_t round = 0; round < 300; round++) {
            size_t count = round * 37 % QC_COUNT(marks.hit);
            memset(&marks, 0, sizeof marks);
            qc_pool_for(pool, count, 1 + round % 50, mark, &marks);
            for (size_t i = 0; i < QC_COUNT(marks.hit); i++) assert_int_equal(marks.hit[i], i < count);
        }
        qc_pool_free(pool);
    }
    assert_int_equal(env.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_error_wins),       cmocka_unit_test(memory_has_a_ceiling), cmocka_unit_test(arena_is_zeroed_and_aligned),
        cmocka_unit_test(half_precision_is_exact), cmocka_unit_test(pool_covers_every_index_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
