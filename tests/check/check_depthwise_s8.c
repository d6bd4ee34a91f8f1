/*
 * check_depthwise_s8.c - int8 depthwise convolutions, bit for bit.
 */
#include "check.h"
#include "kernel/depthwise_s8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void check_case(const struct qc_depthwise_s8 *kernel)
{
    struct qc_window w = {.kernel_h = check_between(1, 5), .kernel_w = check_between(1, 5), .stride_h = check_between(1, 3),
                          .stride_w = check_between(1, 3), .dilation_h = check_between(1, 2), .dilation_w = check_between(1, 2),
                          .in_h = check_between(1, 12), .in_w = check_between(1, 12), .out_h = check_between(1, 8), .out_w = check_between(1, 8),
                          .pad_top = (ptrdiff_t)check_between(0, 3), .pad_left = (ptrdiff_t)check_between(0, 3)};
    const size_t images = check_between(1, 2), channels = check_size(70), taps = w.kernel_h * w.kernel_w, m = images * w.out_h * w.out_w;
    const size_t elements = images * w.in_h * w.in_w * channels;
    int8_t *x = check_memory(elements), *border = check_memory(channels), *weights = check_memory(channels * taps);
    int32_t *bias = check_memory(channels * sizeof *bias);
    float *scale = check_floats(channels), *float_bias = check_floats(channels);
    check_fill_s8(x, elements, -128);
    check_fill_s8(weights, channels * taps, -128);
    for (size_t i = 0; i < channels; i++) {
        bias[i] = (int32_t)(check_random() % 20001) - 10000;
        scale[i] = check_uniform(1e-4f, 0.02f);
        float_bias[i] = check_uniform(-3, 3);
    }
    const struct qc_gemm_s8_pack pack = {.columns = channels, .taps = taps, .depth = 1, .w = weights, .bias = bias, .scale = scale,
                                         .float_bias = float_bias};
    void *packed = check_memory(qc_depthwise_s8_packed_bytes(channels, taps));
    qc_depthwise_s8_pack(packed, &pack);
    struct qc_depthwise_s8_call call = {.form = (enum qc_s8_form)check_between(0, 2), .m = m, .channels = channels,
                                        .rows = {(const char *)x, channels, &w, border}, .packed = packed,
                                        .zero = (int32_t)(check_random() % 256) - 128, .zero_point = (int32_t)(check_random() % 256) - 128,
                                        .row_scale = check_uniform(1e-3f, 0.1f)};
    memset(border, call.zero, channels);
    call.low = call.form == QC_S8_FLOAT ? -INFINITY : (float)(-128 - call.zero_point);
    call.high = call.form == QC_S8_FLOAT ? 4 : (float)(127 - call.zero_point);
    const size_t bytes = m * channels * (call.form == QC_S8_REQUANT ? 1 : 4);
    char *c = check_memory(bytes), *right = check_memory(bytes);
    struct qc_pool *pool = check_pool();
    call.pointer = check_memory(taps * QC_TILE_ROWS * sizeof(void *) * (size_t)qc_pool_threads(pool));
    call.kernel = kernel;
    call.c = c;
    qc_depthwise_s8_run(&call, pool);
    call.kernel = qc_depthwise_s8_pick(0);
    call.c = right;
    qc_depthwise_s8_run(&call, NULL);
    for (size_t i = 0; i < bytes; i++)
        if (c[i] != right[i]) {
            check_fail("form %d %zu taps %zu channels: byte %zu differs", call.form, taps, channels, i);
            break;
        }
    check_release();
}

static void check(int rounds)
{
    size_t count;
    const struct qc_depthwise_s8 *const *v = qc_depthwise_s8_variants(&count);
    for (size_t i = 0; i < count; i++)
        if (check_variant(&v[i]->variant))
            for (int r = 0; r < rounds * 5; r++) check_case(v[i]);
}

static void work(void *context) { qc_depthwise_s8_run(context, NULL); }

static void bench_case(const struct qc_depthwise_s8 *kernel, const char *label, size_t in, size_t stride, size_t channels)
{
    const size_t out = in / stride;
    struct qc_window w = {in, in, out, out, 3, 3, stride, stride, 1, 1, 1, 1};
    int8_t *x = calloc(in * in * channels, 1), *c = calloc(out * out * channels, 1), *border = calloc(channels, 1);
    void *packed = aligned_alloc(64, qc_depthwise_s8_packed_bytes(channels, 9));
    memset(packed, 0, qc_depthwise_s8_packed_bytes(channels, 9));
    const void *pointer[9 * QC_TILE_ROWS];
    struct qc_depthwise_s8_call call = {.kernel = kernel, .form = QC_S8_REQUANT, .m = out * out, .channels = channels,
                                        .rows = {(const char *)x, channels, &w, border}, .packed = packed, .c = c, .low = -128, .high = 127,
                                        .pointer = pointer};
    check_time(kernel->variant.name, label, (double)(out * out * channels * 9), "MAC", work, &call);
    free(x), free(c), free(border), free(packed);
}

static void bench(void)
{
    size_t count;
    const struct qc_depthwise_s8 *const *v = qc_depthwise_s8_variants(&count);
    for (size_t i = 1; i < count; i++) {
        if (!check_variant(&v[i]->variant)) continue;
        bench_case(v[i], "3x3 112x112x32", 112, 1, 32);
        bench_case(v[i], "3x3 s2 112x112x96", 112, 2, 96);
        bench_case(v[i], "3x3 28x28x192", 28, 1, 192);
        bench_case(v[i], "3x3 7x7x960", 7, 1, 960);
    }
}

const struct check_family qc_check_depthwise_s8 = {"depthwise_s8", check, bench};
