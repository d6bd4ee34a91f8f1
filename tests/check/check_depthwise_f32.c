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
    float *x = check_floats(elements), *border = check_floats(channels), *weights = check_floats(channels * taps), *bias = check_floats(channels);
    check_fill_f32(x, elements, 2);
    check_fill_f32(weights, channels * taps, 1);
    check_fill_f32(bias, channels, 1);
    memset(border, 0, channels * sizeof *border);
    void *packed = check_memory(qc_depthwise_f32_packed_bytes(channels, taps));
    qc_depthwise_f32_pack(packed, channels, taps, weights, check_chance(80) ? bias : NULL);
    struct qc_pool *pool = check_pool();
    float *c = check_floats(m * channels), *right = check_floats(m * channels);
    struct qc_depthwise_f32_call call = {.kernel = kernel, .m = m, .channels = channels, .rows = {(const char *)x, channels * sizeof *x, &w, border},
                                         .packed = packed, .c = c, .low = check_chance(30) ? 0 : -INFINITY, .high = check_chance(30) ? 3 : INFINITY,
                                         .pointer = check_memory(taps * QC_TILE_ROWS * sizeof(void *) * (size_t)qc_pool_threads(pool))};
    qc_depthwise_f32_run(&call, pool);
    call.kernel = qc_depthwise_f32_pick(0);
    call.c = right;
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

static void bench_case(const struct qc_depthwise_f32 *kernel, const char *label, size_t in, size_t stride, size_t channels)
{
    const size_t out = in / stride;
    struct qc_window w = {in, in, out, out, 3, 3, stride, stride, 1, 1, 1, 1};
    float *x = aligned_alloc(64, in * in * channels * 4), *c = aligned_alloc(64, out * out * channels * 4), *border = aligned_alloc(64, channels * 4);
    memset(x, 0, in * in * channels * 4);
    memset(border, 0, channels * 4);
    void *packed = aligned_alloc(64, qc_depthwise_f32_packed_bytes(channels, 9));
    memset(packed, 0, qc_depthwise_f32_packed_bytes(channels, 9));
    const void *pointer[9 * QC_TILE_ROWS];
    struct qc_depthwise_f32_call call = {kernel, out * out, channels, {(const char *)x, channels * 4, &w, border}, packed, c, 0, 6, pointer};
    check_time(kernel->variant.name, label, (double)(out * out * channels * 9), "MAC", work, &call);
    free(x), free(c), free(border), free(packed);
}

static void bench(void)
{
    size_t count;
    const struct qc_depthwise_f32 *const *v = qc_depthwise_f32_variants(&count);
    for (size_t i = 1; i < count; i++) {
        if (!check_variant(&v[i]->variant)) continue;
        bench_case(v[i], "3x3 112x112x32", 112, 1, 32);
        bench_case(v[i], "3x3 s2 112x112x96", 112, 2, 96);
        bench_case(v[i], "3x3 28x28x192", 28, 1, 192);
        bench_case(v[i], "3x3 7x7x960", 7, 1, 960);
    }
}

const struct check_family qc_check_depthwise_f32 = {"depthwise_f32", check, bench};
