/*
 * check_depthwise_s8.c - int8 depthwise convolutions, bit for bit.
 */
#include "check.h"
#include "kernel/depthwise_s8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_case(const struct qc_depthwise_s8 *kernel)
{
    struct qc_window w = {.kernel_h = check_between(1, 5), .kernel_w = check_between(1, 5), .stride_h = check_between(1, 3),
                          .stride_w = check_between(1, 3), .dilation_h = check_between(1, 2), .dilation_w = check_between(1, 2),
                          .in_h = check_between(1, 12), .in_w = check_between(1, 12), .out_h = check_between(1, 8), .out_w = check_between(1, 8),
                          .pad_top = (ptrdiff_t)check_between(0, 3), .pad_left = (ptrdiff_t)check_between(0, 3)};
    if (check_chance(30)) w.kernel_h = w.kernel_w = 3, w.stride_w = w.dilation_w = 1; /* the usual kind, by columns */
    const size_t images = check_between(1, 2), channels = check_size(70), taps = w.kernel_h * w.kernel_w, m = images * w.out_h * w.out_w;
    const size_t elements = images * w.in_h * w.in_w * channels, element = kernel->element;
    void *x = check_memory(elements * element), *border = check_memory(channels * element);
    int8_t *weights = check_memory(channels * taps);
    int32_t *bias = check_memory(channels * sizeof *bias);
    float *scale = check_floats(channels), *float_bias = check_floats(channels);
    double *scale64 = check_memory(channels * sizeof *scale64);
    struct qc_multiplier *narrow = check_memory(channels * sizeof *narrow);
    int64_t *bias64 = check_memory(channels * sizeof *bias64);
    if (element == 1) check_fill_s8(x, elements, -128);
    else check_fill_s16(x, elements);
    check_fill_s8(weights, channels * taps, -128);
    const enum qc_s8_form form[] = {QC_S8_REQUANT, QC_S8_FLOAT, QC_S8_SUM, QC_S8_SUM, QC_S16_WIDE, QC_S16_F64, QC_S16_NARROW};
    struct qc_depthwise_s8_call call = {.form = form[element == 1 ? check_between(0, 2) : check_between(3, 6)], .m = m, .channels = channels,
                                        .rows = {(const char *)x, channels * element, &w, border},
                                        .zero = element == 1 ? (int32_t)(check_random() % 256) - 128 : 0,
                                        .zero_point = element == 1 ? (int32_t)(check_random() % 256) - 128 : 0,
                                        .row_scale = check_uniform(1e-3f, 0.1f)};
    for (size_t i = 0; i < channels; i++) {
        bias[i] = (int32_t)(check_random() % 20001) - 10000;
        scale[i] = check_uniform(1e-4f, 0.02f);
        float_bias[i] = check_uniform(-3, 3);
        scale64[i] = call.form == QC_S16_F64 ? 1.0 / (double)check_between(1, 5000) : ldexp((double)check_between(1, 32767), -(int)check_between(22, 40));
        bias64[i] = (int64_t)(check_random() % 0x1000000001) - 0x800000000;
        if (call.form == QC_S16_NARROW) bias64[i] >>= 6;
        narrow[i] = (struct qc_multiplier){(int32_t)check_between(0, 32767), (int32_t)check_between(1, 30)};
    }
    const struct qc_gemm_s8_pack pack = {.columns = channels, .taps = taps, .depth = 1, .w = weights, .bias = bias, .scale = scale,
                                         .float_bias = float_bias, .scale64 = call.form >= QC_S16_WIDE ? scale64 : NULL,
                                         .narrow = call.form == QC_S16_NARROW ? narrow : NULL,
                                         .bias64 = check_chance(80) ? bias64 : NULL};
    memset(border, call.zero, channels * element);
    call.low = call.form == QC_S8_FLOAT ? -INFINITY : (float)((element == 1 ? -128 : -32768) - call.zero_point);
    call.high = call.form == QC_S8_FLOAT ? 4 : (float)((element == 1 ? 127 : 32767) - call.zero_point);
    const size_t bytes = m * channels * qc_s8_form_bytes(call.form);
    char *c[2];
    struct qc_pool *pool = check_pool();
    for (int i = 0; i < 2; i++) {
        call.kernel = i ? qc_depthwise_s8_pick(element, 0) : kernel;
        call.packed = check_memory(qc_depthwise_s8_packed_bytes(call.kernel, channels, taps));
        qc_depthwise_s8_pack(call.kernel, (void *)(uintptr_t)call.packed, qc_depthwise_s8_by_columns(call.kernel, &w), &pack);
        call.c = c[i] = check_memory(bytes);
        call.work = check_memory(qc_depthwise_s8_work_bytes(call.kernel, channels, taps, w.in_w, qc_pool_threads(pool)));
        qc_depthwise_s8_run(&call, pool);
    }
    for (size_t i = 0; i < bytes; i++)
        if (c[0][i] != c[1][i]) {
            check_fail("int%zu form %d %zu taps %zu channels: byte %zu differs", element * 8, call.form, taps, channels, i);
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
    const size_t out = in / stride, element = kernel->element, bytes = qc_depthwise_s8_packed_bytes(kernel, channels, 9);
    struct qc_window w = {in, in, out, out, 3, 3, stride, stride, 1, 1, 1, 1};
    void *x = calloc(in * in * channels, element), *c = calloc(out * out * channels, element), *border = calloc(channels, element);
    void *packed = aligned_alloc(64, (bytes + 63) / 64 * 64), *work_room = malloc(qc_depthwise_s8_work_bytes(kernel, channels, 9, in, 1));
    memset(packed, 0, bytes);
    struct qc_depthwise_s8_call call = {.kernel = kernel, .form = element == 1 ? QC_S8_REQUANT : QC_S16_NARROW, .m = out * out,
                                        .channels = channels, .rows = {x, channels * element, &w, border}, .packed = packed, .c = c,
                                        .low = -128, .high = 127, .work = work_room};
    char name[40];
    snprintf(name, sizeof name, "int%zu %s", element * 8, label);
    check_time(kernel->variant.name, name, (double)(out * out * channels * 9), "MAC", work, &call);
    free(x), free(c), free(border), free(packed), free(work_room);
}

static void bench(void)
{
    size_t count;
    const struct qc_depthwise_s8 *const *v = qc_depthwise_s8_variants(&count);
    for (size_t i = 2; i < count; i++) {
        if (!check_variant(&v[i]->variant)) continue;
        bench_case(v[i], "3x3 112x112x32", 112, 1, 32);
        bench_case(v[i], "3x3 s2 112x112x96", 112, 2, 96);
        bench_case(v[i], "3x3 28x28x192", 28, 1, 192);
        bench_case(v[i], "3x3 14x14x64", 14, 1, 64);
        bench_case(v[i], "3x3 7x7x960", 7, 1, 960);
    }
}

const struct check_family qc_check_depthwise_s8 = {"depthwise_s8", check, bench};
