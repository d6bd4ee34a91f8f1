/*
 * check_winograd_f32.c - Winograd convolutions against direct sums in float64, and for any number of threads against one.
 */
#include "check.h"
#include "kernel/winograd_f32.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The exact output, and in *size what its error may be measured by: the largest |x| times the sum of |w|. */
static double direct(const struct qc_winograd_f32_call *call, const float *w, size_t m, size_t column, double largest, double *size)
{
    const struct qc_window *v = call->window;
    const size_t x0 = m % v->out_w, y0 = m / v->out_w % v->out_h, image = m / v->out_w / v->out_h;
    double sum = call->bias ? call->bias[column] : 0;
    *size = 0;
    for (size_t tap = 0; tap < 9; tap++) {
        const size_t y = y0 + tap / 3 - (size_t)v->pad_top, x = x0 + tap % 3 - (size_t)v->pad_left;
        for (size_t k = 0; k < call->depth; k++) {
            const double weight = w[(column * 9 + tap) * call->depth + k];
            *size += fabs(weight) * largest;
            if (y < v->in_h && x < v->in_w) sum += weight * call->x[((image * v->in_h + y) * v->in_w + x) * call->depth + k];
        }
    }
    sum = sum < call->low ? call->low : sum;
    return sum > call->high ? call->high : sum;
}

static float *run(struct qc_winograd_f32_call call, size_t outputs, struct qc_pool *pool)
{
    call.y = check_floats(outputs);
    char *work = check_memory(qc_winograd_f32_work_bytes(&call, qc_pool_threads(pool)) + 64);
    call.work = (void *)(((uintptr_t)work + 63) & ~(uintptr_t)63);
    qc_winograd_f32_run(&call, pool);
    return call.y;
}

static void check_case(const struct qc_winograd_f32 *kernel)
{
    struct qc_window w = {.kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1, .in_h = check_between(1, 15),
                          .in_w = check_between(1, 15), .pad_top = (ptrdiff_t)check_between(0, 2), .pad_left = (ptrdiff_t)check_between(0, 2)};
    w.out_h = check_between(1, w.in_h + 2), w.out_w = check_between(1, w.in_w + 2);
    const size_t images = check_between(1, 3), depth = check_size(40), columns = check_size(90);
    const size_t inputs = images * w.in_h * w.in_w * depth, outputs = images * w.out_h * w.out_w * columns;
    float *x = check_floats(inputs), *weights = check_floats(columns * 9 * depth), *bias = check_floats(columns), largest = 0;
    check_fill_f32(x, inputs, 2);
    for (size_t i = 0; i < inputs; i++) {
        if (!(fabsf(x[i]) < 1e6f)) x[i] = 1; /* of infinities and NaN all outputs of a tile become NaN */
        largest = fmaxf(largest, fabsf(x[i]));
    }
    for (size_t i = 0; i < columns * 9 * depth; i++) weights[i] = check_uniform(-1, 1);
    for (size_t i = 0; i < columns; i++) bias[i] = check_uniform(-1, 1);
    void *packed = check_memory(qc_winograd_f32_packed_bytes(columns, depth));
    qc_winograd_f32_pack(packed, columns, depth, weights, check_floats(qc_winograd_f32_buffer_bytes(depth) / 4));
    const struct qc_winograd_f32_call call = {.kernel = kernel, .product = qc_gemm_f32_pick(kernel->variant.cpu), .batch = images, .depth = depth,
                                              .columns = columns, .window = &w, .x = x, .bias = check_chance(80) ? bias : NULL, .packed = packed,
                                              .low = check_chance(30) ? -0.5f : -INFINITY, .high = check_chance(30) ? 1.5f : INFINITY};
    const float *one = run(call, outputs, NULL), *several = run(call, outputs, check_pool());
    if (memcmp(one, several, outputs * sizeof *one)) check_fail("results depend on the number of threads");
    for (size_t i = 0; i < outputs; i++) {
        double size, right = direct(&call, weights, i / columns, i % columns, (double)largest, &size);
        if (!(fabs(one[i] - right) <= QC_WINOGRAD_ERROR * (size + 1)))
            check_fail("%zux%zu of %zux%zu, depth %zu: [%zu] of channel %zu is %.9g, not %.9g", w.out_h, w.out_w, w.in_h, w.in_w, depth, i / columns,
                       i % columns, (double)one[i], right);
    }
    check_release();
}

static void check(int rounds)
{
    size_t count;
    const struct qc_winograd_f32 *const *v = qc_winograd_f32_variants(&count);
    for (size_t i = 0; i < count; i++)
        if (check_variant(&v[i]->variant))
            for (int r = 0; r < rounds * 2; r++) check_case(v[i]);
}

static void work(void *context) { qc_winograd_f32_run(context, NULL); }

static void bench_case(const struct qc_winograd_f32 *kernel, const char *label, size_t size, size_t depth)
{
    struct qc_window w = {size, size, size, size, 3, 3, 1, 1, 1, 1, 1, 1};
    const size_t values = size * size * depth, bytes = qc_winograd_f32_packed_bytes(depth, depth);
    float *x = aligned_alloc(64, values * 4), *y = aligned_alloc(64, values * 4);
    void *packed = aligned_alloc(64, bytes);
    memset(packed, 0, bytes);
    memset(x, 0, values * 4);
    struct qc_winograd_f32_call call = {.kernel = kernel, .product = qc_gemm_f32_pick(kernel->variant.cpu), .batch = 1, .depth = depth, .columns = depth,
                                        .window = &w, .x = x, .packed = packed, .y = y, .low = 0, .high = INFINITY};
    call.work = aligned_alloc(64, qc_winograd_f32_work_bytes(&call, 1));
    check_time(kernel->variant.name, label, (double)(values * 9 * depth), "MAC", work, &call);
    free(x), free(y), free(packed), free(call.work);
}

static void bench(void)
{
    size_t count;
    const struct qc_winograd_f32 *const *v = qc_winograd_f32_variants(&count);
    for (size_t i = 1; i < count; i++) {
        if (!check_variant(&v[i]->variant)) continue;
        bench_case(v[i], "56x56x64", 56, 64);
        bench_case(v[i], "28x28x128", 28, 128);
        bench_case(v[i], "14x14x256", 14, 256);
        bench_case(v[i], "7x7x512", 7, 512);
    }
}

const struct check_family qc_check_winograd_f32 = {"winograd_f32", check, bench};
