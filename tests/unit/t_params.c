/*
 * t_params.c - scales and zero points equal those that TensorFlow Lite's converter writes (values recorded from it).
 */
#include "unit.h"

#include "quant/params.h"

#include <math.h>

static void activations_hold_zero(void **state)
{
    (void)state;
    struct qc_affine a = qc_params_activation(0.5, 6, 8); /* widened to [0, 6] */
    assert_float_equal(a.scale, 6.0f / 255, 0);
    assert_int_equal(a.zero_point, -128);
    a = qc_params_activation(-6, -0.5, 8); /* [-6, 0] */
    assert_float_equal(a.scale, 6.0f / 255, 0);
    assert_int_equal(a.zero_point, 127);
    a = qc_params_activation(-1, 1, 8);
    assert_float_equal(a.scale, 2.0f / 255, 0);
    assert_int_equal(a.zero_point, -1); /* round(-128 + 127.5), away from zero */
    a = qc_params_activation(-3, 2, 16);
    assert_float_equal(a.scale, 3.0f / 32767, 0);
    assert_int_equal(a.zero_point, 0);
}

static void narrow_ranges_are_widened(void **state)
{
    (void)state;
    struct qc_affine a = qc_params_activation(0, 0, 8);
    assert_true(a.scale > 7e-9f && a.scale < 8e-9f); /* 2e-6 / 255 */
    a = qc_params_constant(0, 0, 8);
    assert_true(a.scale > 3.9e-9f && a.scale < 4e-9f); /* 1e-6 / 255 */
    assert_true(qc_params_weight(0) > 0);
    assert_float_equal(qc_params_weight(127), 1, 0);
}

static void weights_round_away_from_zero(void **state)
{
    (void)state;
    const float value[] = {0.5f, -0.5f, 1.5f, 2.49f, 126.5f, 127.6f, -200, 0};
    int8_t stored[8];
    qc_quantize_symmetric(value, 8, 1, 127, stored);
    const int8_t expected[] = {1, -1, 2, 2, 127, 127, -127, 0};
    assert_memory_equal(stored, expected, 8);
}

/* Values within a float's rounding of half a step: TFLiteConverter rounds them by the kind of the activations. */
static void weights_are_rounded_as_the_converter_does(void **state)
{
    (void)state;
    const float largest = 0x1.185288p-3f, value[] = {0x1.185288p-4f, -0x1.3dd88ap-8f, largest, -largest, 0};
    int8_t stored[5];
    qc_quantize_weights(value, 5, (double)largest, QC_BESIDE_INT8, stored);
    assert_memory_equal(stored, ((const int8_t[]){63, -5, 127, -127, 0}), 5);
    qc_quantize_weights(value, 5, (double)largest, QC_BESIDE_INT16, stored);
    assert_memory_equal(stored, ((const int8_t[]){64, -5, 127, -127, 0}), 5);
    qc_quantize_weights(value, 5, (double)largest, QC_BESIDE_FLOAT, stored);
    assert_memory_equal(stored, ((const int8_t[]){64, -4, 127, -127, 0}), 5);
}

static void large_bias_widens_weights(void **state)
{
    (void)state;
    assert_float_equal(qc_params_weight_for_bias(1, 0.1f, 0.1f), 0, 0);
    float scale = qc_params_weight_for_bias(1e9, 1, 0.5f); /* 2e9 steps are more than INT32_MAX / 2 */
    assert_true(scale > 0.5f && fabs(1e9 / (double)scale - INT32_MAX / 2) < 1000);
    assert_true(qc_quantize_bias(1e30f, 1e-9f, 32) == INT32_MAX);
    assert_true(qc_quantize_bias(-1.5f, 1, 64) == -2);
}

static void cell_states_are_powers_of_two(void **state)
{
    (void)state;
    assert_float_equal(qc_params_cell(-3, 2), 4.0f / 32768, 0);
    assert_float_equal(qc_params_cell(-4, 2), 4.0f / 32768, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activations_hold_zero),     cmocka_unit_test(narrow_ranges_are_widened),
        cmocka_unit_test(weights_round_away_from_zero), cmocka_unit_test(weights_are_rounded_as_the_converter_does), cmocka_unit_test(large_bias_widens_weights),
        cmocka_unit_test(cell_states_are_powers_of_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
