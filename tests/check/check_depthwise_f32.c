/*
 * check_depthwise_f32.c - float depthwise convolutions.
 */
#include "check.h"
#include "kernel/depthwise_f32.h"
#include "kernel/gemm_f32.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void check_case(const struct qc_depthwise_f32 *kernel)
{
    struct qc_window w = {.kernel_h = check_between(1, 5), .kernel_w = check_between(1, 5), .stride_h = check_between(1, 3),
                          .stride_w = check_between(1, 3), .dilation_h = check_between(1, 2), .dilation_w = check_between(1, 2),
                          .in_h = check_between(1, 12), .in_w = check_between(1, 12), .out_h = check_between(1, 8), .out_w = check_between(1, 8),
                          .pad_top = (ptrdiff_t)check_between(0, 3), .pad_left = (ptrdiff_t)check_between(0, 3)};
    const size_t images = check_between(1, 2), channels = check_size(70), taps = w.kernel_h * w.kernel_w, m = images * w.out_h * w.out_w;
    const size_t elements = images * w.in_h * w.in_w * channels;
    float *x = check_floats(elements), *weights = check_floats(channels * taps), *bias = check_floats(channels);
    check_fill_f32(x, elements, 2);
    check_fill_f32(weights, channels * taps, 1);
    check_fill_f32(bias, channels, 1);
    void *packed = check_memory(qc_depthwise_f32_packed_bytes(channels, taps));
    qc_depthwise_f32_pack(packed, channels, taps, weights, check_chance(80) ? bias : NULL);
    struct qc_pool *pool = check_pool();
    float *c = check_floats(m * channels), *right = check_floats(m * channels);
    struct qc_depthwise_f32_call call = {.kernel = kernel, .batch = images, .channels = channels, .window = &w, .rows = w.out_h, .x = x, .packed = packed,
                                         .y = c, .low = check_chance(30) ? 0 : -INFINITY, .high = check_chance(30) ? 3 : INFINITY};
    qc_depthwise_f32_run(&call, pool);
    call.kernel = qc_depthwise_f32_pick(0);
    call.y = right;
    qc_depthwise_f32_run(&call, NULL);
    for (size_t i = 0; i < m * channels; i++)
        if (!check_close(c[i], right[i], 1e-5f)) check_fail("%zu taps %zu channels: [%zu] is %.9g, not %.9g", taps, channels, i, (double)c[i], (double)right[i]);
    check_release();
}

static void check(int rounds)
{
    size_t count;
    const struct qc_depthwise_f32 *const *v = qc_depthwise_f32_variants(&count);
    for (size_t i = 0; i < count; i++)
        if (check_variant(&v[i]->variant))
            for (int r = 0; r < rounds * 5; r++) check_case(v[i]);
}

static void work(void *context) { qc_depthwise_f32_run(context, NULL); }

static void bench_case(const struct qc_depthwise_f32 *kernel, const char *label, size_t in, size_t size, size_t stride, size_t channels)
{
    const size_t out = in / stride, taps = size * size;
    struct qc_window w = {in, in, out, out, size, size, stride, stride, 1, 1, (ptrdiff_t)size / 2, (ptrdiff_t)size / 2};
    float *x = aligned_alloc(64, in * in * channels * 4), *y = aligned_alloc(64, out * out * channels * 4);
    memset(x, 0, in * in * channels * 4);
    void *packed = aligned_alloc(64, qc_depthwise_f32_packed_bytes(channels, taps));
    memset(packed, 0, qc_depthwise_f32_packed_bytes(channels, taps));
    struct qc_depthwise_f32_call call = {kernel, 1, channels, &w, 0, out, x, packed, y, 0, 6, NULL};
    check_time(kernel->variant.name, label, (double)(out * out * channels * taps), "MAC", work, &call);
    free(x), free(y), free(packed);
}

static void bench(void)
{
    size_t count;
    const struct qc_depthwise_f32 *const *v = qc_depthwise_f32_variants(&count);
    for (size_t i = 1; i < count; i++) {
        if (!check_variant(&v[i]->variant)) continue;
        bench_case(v[i], "3x3 14x14x512", 14, 3, 1, 512);
        bench_case(v[i], "3x3 112x112x32", 112, 3, 1, 32);
        bench_case(v[i], "3x3 s2 112x112x96", 112, 3, 2, 96);
        bench_case(v[i], "3x3 28x28x192", 28, 3, 1, 192);
        bench_case(v[i], "3x3 7x7x960", 7, 3, 1, 960);
        bench_case(v[i], "5x5 14x14x240", 14, 5, 1, 240);
        bench_case(v[i], "5x5 s2 28x28x240", 28, 5, 2, 240);
    }
}

const struct check_family qc_check_depthwise_f32 = {"depthwise_f32", check, bench};
