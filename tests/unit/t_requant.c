/*
 * t_requant.c - the arithmetic of base/requant.h against wide integer and rational arithmetic written out.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/requant.h"

static uint64_t state = 1;
static uint32_t draw(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 32);
}

static void multiplier_is_the_nearest_q31(void **unused)
{
    (void)unused;
    for (int i = 0; i < 10000; i++) {
        double real = ldexp(1.0 + draw() / 4294967296.0, (int)(draw() % 40) - 30);
        struct qc_multiplier m = qc_multiplier_of(real);
        assert_true(m.multiplier >= 1 << 30);
        assert_true(fabs(ldexp(m.multiplier, m.shift - 31) - real) <= ldexp(real, -31));
    }
    assert_int_equal(qc_multiplier_of(0).multiplier, 0);
    assert_int_equal(qc_multiplier_of(ldexp(1, -40)).multiplier, 0);
    assert_int_equal(qc_multiplier_of(NAN).multiplier, 0);
    assert_int_equal(qc_multiplier_of(1e30).multiplier, INT32_MAX);
    assert_int_equal(qc_multiplier_of(INFINITY).shift, 30);
    struct qc_multiplier one = qc_multiplier_of(1.0 - 1e-12); /* rounds up to 2^31: mantissa halves, exponent grows */
    assert_int_equal(one.multiplier, 1 << 30);
    assert_int_equal(one.shift, 1);
}

static void roundings(void **unused)
{
    (void)unused;
    struct qc_multiplier half = qc_multiplier_of(0.5);
    assert_int_equal(qc_requant(3, half), 2);   /* 1.5: half up */
    assert_int_equal(qc_requant(-3, half), -1);
    assert_int_equal(qc_requant(-3, (struct qc_multiplier){1 << 30, -1}), -1); /* -0.75 by way of -1 / 2 = -0.5: away from zero */
    assert_int_equal(qc_requant_once(3, half), 2);
    assert_int_equal(qc_requant_once(-3, half), -1); /* half up */
    struct qc_multiplier sixteenth = {1737000000, -4}; /* -228 x 0.05055 = -11.526: -184 in sixteenths, then -11.5 */
    assert_int_equal(qc_requant(-228, sixteenth), -12);
    assert_int_equal(qc_requant_up(-228, sixteenth), -11);
    assert_int_equal(qc_requant_f64(-3, 0.5), -2);
    assert_int_equal(qc_requant_f64(INT64_MAX, 1e9), INT32_MAX);
    assert_int_equal(qc_requant_f32(3, 0.5f, 0, -128, 127), 2);
    assert_int_equal(qc_requant_f32(5, 0.5f, 0, -128, 127), 2); /* half to even */
    assert_int_equal(qc_requant_f32(-5, 0.5f, 7, -128, 127), 5);
    assert_int_equal(qc_requant_f32(1000, 1.0f, 3, -128, 127), 127);
    assert_int_equal(qc_requant_f32(-1000, 1.0f, 3, -100, 127), -100);
    /* 0.4999...: the first rounding makes 0.5 of it, the second 1 */
    assert_int_equal(qc_requant(1, (struct qc_multiplier){INT32_MAX, 0}), 1);
    assert_int_equal(qc_requant(1, (struct qc_multiplier){INT32_MAX, -1}), 1);
    assert_int_equal(qc_requant_once(1, (struct qc_multiplier){INT32_MAX, -1}), 0);
}

static void near_the_real_product(void **unused)
{
    (void)unused;
    for (int i = 0; i < 100000; i++) {
        int32_t x = (int32_t)draw() >> (draw() % 20 + 2);
        double real = ldexp(1.0 + draw() / 4294967296.0, -(int)(draw() % 30));
        struct qc_multiplier m = qc_multiplier_of(real / 4);
        double product = x * ldexp(m.multiplier, m.shift - 31);
        assert_true(fabs(qc_requant(x, m) - product) <= 1.0);
        assert_true(fabs(qc_requant_once(x, m) - product) <= 0.5);
        assert_true(fabs(qc_requant_wide(x, m) - product) <= 0.5 + fabs(product) / 32768);
    }
}

static void extremes_do_not_overflow(void **unused)
{
    (void)unused;
    const int32_t x[] = {INT32_MIN, INT32_MIN + 1, -1, 0, 1, INT32_MAX};
    for (int i = 0; i < 6; i++)
        for (int shift = -31; shift <= 30; shift++) {
            struct qc_multiplier m = {INT32_MAX, shift};
            (void)qc_requant(x[i], m);
            (void)qc_requant_once(x[i], m);
            (void)qc_requant_wide((int64_t)x[i] * 65536, m);
        }
    assert_int_equal(qc_high_mul(INT32_MIN, INT32_MIN), INT32_MAX);
    assert_int_equal(qc_rounding_shift(INT32_MIN, 31), -1);
    assert_int_equal(qc_rounding_shift(INT32_MAX, 31), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multiplier_is_the_nearest_q31),
        cmocka_unit_test(roundings),
        cmocka_unit_test(near_the_real_product),
        cmocka_unit_test(extremes_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
