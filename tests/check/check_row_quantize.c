/*
 * check_row_quantize.c - quantization of rows while running, bit for bit.
 */
#include "check.h"
#include "kernel/row_quantize.h"

#include <math.h>
#include <string.h>

static void check_case(const struct qc_row_quantizer *v)
{
    const size_t n = check_size(300);
    float *x = check_floats(n), scale[2];
    int8_t *out = check_memory(n), *right = check_memory(n);
    int32_t zero[2];
    check_fill_f32(x, n, check_chance(50) ? 3 : 1e-3f);
    if (check_chance(10)) x[check_between(0, n - 1)] = check_chance(50) ? NAN : INFINITY;
    const enum qc_row_quantization how = (enum qc_row_quantization)check_between(0, 2);
    qc_row_quantize(v, how, x, n, out, &scale[0], &zero[0]);
    qc_row_quantize(qc_row_quantizer_pick(0), how, x, n, right, &scale[1], &zero[1]);
    if (memcmp(&scale[0], &scale[1], sizeof *scale) || zero[0] != zero[1])
        check_fail("how %d: scale %.9g and zero %d, not %.9g and %d", how, (double)scale[0], zero[0], (double)scale[1], zero[1]);
    for (size_t i = 0; i < n; i++)
        if (out[i] != right[i] && isfinite(scale[1])) check_fail("how %d: [%zu] of %zu is %d, not %d", how, i, n, out[i], right[i]);
    int16_t *wide = check_memory(n * 2), *wide_right = check_memory(n * 2);
    const float inverse = check_uniform(10, 40000);
    v->even_s16(x, n, inverse, wide);
    qc_row_quantizer_pick(0)->even_s16(x, n, inverse, wide_right);
    if (memcmp(wide, wide_right, n * 2)) check_fail("%zu to int16 differ", n);
    float *back = check_floats(n), *back_right = check_floats(n);
    v->restore(right, n, 0.013f, zero[1], back);
    qc_row_quantizer_pick(0)->restore(right, n, 0.013f, zero[1], back_right);
    if (memcmp(back, back_right, n * sizeof *back)) check_fail("%zu restored differ", n);
    check_release();
}

static void check(int rounds)
{
    size_t count;
    const struct qc_row_quantizer *const *v = qc_row_quantizer_variants(&count);
    for (size_t i = 0; i < count; i++)
        if (check_variant(&v[i]->variant))
            for (int r = 0; r < rounds * 10; r++) check_case(v[i]);
}

const struct check_family qc_check_row_quantize = {"row_quantize", check, NULL};
