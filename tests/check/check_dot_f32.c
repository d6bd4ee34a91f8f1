/*
 * check_dot_f32.c - float products of one row.
 */
#include "check.h"
#include "kernel/dot_f32.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void check_case(const struct qc_dot_f32 *kernel)
{
    struct qc_dot_f32_call call = {.kernel = kernel, .columns = check_size(60), .k = check_size(300), .low = check_chance(30) ? -0.5f : -INFINITY,
                                   .high = check_chance(30) ? 1.5f : INFINITY};
    float *x = check_floats(call.k), *w = check_floats(call.columns * call.k), *bias = check_floats(call.columns);
    check_fill_f32(x, call.k, 1);
    check_fill_f32(w, call.columns * call.k, 1);
    check_fill_f32(bias, call.columns, 2);
    call.x = x, call.w = w, call.bias = check_chance(80) ? bias : NULL;
    call.y = check_floats(call.columns);
    qc_dot_f32_run(&call, check_pool());
    float *right = check_floats(call.columns);
    struct qc_dot_f32_call reference = call;
    reference.kernel = qc_dot_f32_pick(0);
    reference.y = right;
    qc_dot_f32_run(&reference, NULL);
    const float tolerance = 3e-7f * (float)(4 + call.k / 4); /* as for gemm_f32: the reference's own */
    for (size_t n = 0; n < call.columns; n++)
        if (!check_close(call.y[n], right[n], tolerance))
            check_fail("%zux%zu: [%zu] is %.9g, not %.9g", call.columns, call.k, n, (double)call.y[n], (double)right[n]);
    check_release();
}

static void check(int rounds)
{
    size_t count;
    const struct qc_dot_f32 *const *v = qc_dot_f32_variants(&count);
    for (size_t i = 0; i < count; i++)
        if (check_variant(&v[i]->variant))
            for (int r = 0; r < rounds * 5; r++) check_case(v[i]);
}

static void work(void *context) { qc_dot_f32_run(context, NULL); }

static void bench_case(const struct qc_dot_f32 *kernel, const char *label, size_t columns, size_t k)
{
    float *x = aligned_alloc(64, (k * 4 + 63) / 64 * 64), *w = aligned_alloc(64, (columns * k * 4 + 63) / 64 * 64),
          *y = aligned_alloc(64, (columns * 4 + 63) / 64 * 64);
    memset(x, 0, k * 4), memset(w, 0, columns * k * 4);
    struct qc_dot_f32_call call = {.kernel = kernel, .columns = columns, .k = k, .x = x, .w = w, .y = y, .low = -INFINITY, .high = INFINITY};
    check_time(kernel->variant.name, label, (double)(columns * k), "MAC", work, &call);
    free(x), free(w), free(y);
}

static void bench(void)
{
    size_t count;
    const struct qc_dot_f32 *const *v = qc_dot_f32_variants(&count);
    for (size_t i = 1; i < count; i++) {
        if (!check_variant(&v[i]->variant)) continue;
        bench_case(v[i], "256 x 64", 256, 64);
        bench_case(v[i], "128 x 128", 128, 128);
        bench_case(v[i], "96 x 1536", 96, 1536);
        bench_case(v[i], "1001 x 1280", 1001, 1280);
        bench_case(v[i], "4096 x 4096", 4096, 4096);
    }
}

const struct check_family qc_check_dot_f32 = {"dot_f32", check, bench};
