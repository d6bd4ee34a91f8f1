/*
 * check_gemm_s8.c - integer matrix products and convolutions by row pointers, bit for bit.
 */
#include "check.h"
#include "kernel/gemm_s8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void random_window(struct qc_window *w, size_t *images, size_t *m)
{
    w->kernel_h = check_between(1, 4), w->kernel_w = check_between(1, 4);
    w->stride_h = check_between(1, 3), w->stride_w = check_between(1, 3);
    w->dilation_h = check_between(1, 2), w->dilation_w = check_between(1, 2);
    w->in_h = check_between(1, 9), w->in_w = check_between(1, 9);
    w->out_h = check_between(1, 6), w->out_w = check_between(1, 6);
    w->pad_top = (ptrdiff_t)check_between(0, 3), w->pad_left = (ptrdiff_t)check_between(0, 3);
    *images = check_between(1, 2);
    *m = *images * w->out_h * w->out_w;
}

static void *pack(size_t columns, size_t taps, size_t depth)
{
    int8_t *w = check_memory(columns * taps * depth);
    int32_t *bias = check_memory(columns * 4);
    float *scale = check_floats(columns), *float_bias = check_floats(columns);
    check_fill_s8(w, columns * taps * depth, -128);
    for (size_t i = 0; i < columns; i++) {
        bias[i] = check_chance(10) ? (int32_t)check_random() : (int32_t)(check_random() % 20001) - 10000;
        scale[i] = check_chance(10) ? 1.0f : check_uniform(1e-5f, 0.01f);
        float_bias[i] = check_uniform(-3, 3);
    }
    const struct qc_gemm_s8_pack p = {.columns = columns, .taps = taps, .depth = depth, .w = w, .bias = check_chance(80) ? bias : NULL,
                                      .scale = scale, .float_bias = check_chance(80) ? float_bias : NULL};
    void *block = check_memory(qc_gemm_s8_packed_bytes(columns, taps, depth));
    qc_gemm_s8_pack(block, &p);
    return block;
}

static void check_case(const struct qc_gemm_s8 *kernel)
{
    struct qc_window window;
    size_t images = 1, m = check_size(40), taps = 1;
    const size_t depth = check_size(140), columns = check_size(150), pitch = depth + (check_chance(30) ? check_between(1, 9) : 0);
    const bool sliding = check_chance(50);
    if (sliding) random_window(&window, &images, &m);
    if (sliding) taps = window.kernel_h * window.kernel_w;
    const size_t pixels = sliding ? images * window.in_h * window.in_w : m, bytes = (pixels - 1) * pitch + depth;
    int8_t *a = check_memory(bytes), *border = check_memory(depth);
    check_fill_s8(a, bytes, -128);
    int32_t *zero = check_memory(m * 4);
    float *row_scale = check_floats(m);
    const size_t row_step = sliding ? 0 : check_between(0, 1);
    for (size_t i = 0; i < m; i++) {
        zero[i] = (int32_t)(check_random() % 256) - 128;
        row_scale[i] = check_uniform(1e-4f, 0.1f);
    }
    memset(border, zero[0], depth);
    const bool gather = sliding && check_chance(40);
    const size_t ldc = columns + (check_chance(50) ? check_between(1, 5) : 0);
    struct qc_gemm_s8_call call = {.form = (enum qc_s8_form)check_between(row_step ? 1 : 0, 2), .m = m, .columns = columns, .depth = depth,
                                   .rows = {(const char *)a, pitch, sliding ? &window : NULL, border}, .gather = gather,
                                   .packed = gather ? pack(columns, 1, taps * depth) : pack(columns, taps, depth), .zero = zero, .row_scale = row_scale, .row_step = row_step, .ldc = ldc,
                                   .zero_point = (int32_t)(check_random() % 256) - 128};
    call.low = call.form == QC_S8_FLOAT ? (check_chance(30) ? -1 : -INFINITY) : (float)(-128 - call.zero_point);
    call.high = call.form == QC_S8_FLOAT ? (check_chance(30) ? 2 : INFINITY) : (float)((check_chance(70) ? 127 : 127 / 2 + call.zero_point / 2) - call.zero_point);
    const size_t element = call.form == QC_S8_REQUANT ? 1 : 4;
    char *c = check_memory(m * ldc * element), *right = check_memory(m * ldc * element);
    struct qc_pool *pool = check_pool();
    call.kernel = kernel;
    call.c = c;
    call.work = check_memory(qc_gemm_s8_work_bytes(kernel, taps, depth, gather, qc_pool_threads(pool)));
    qc_gemm_s8_run(&call, pool);
    call.kernel = qc_gemm_s8_pick(0);
    call.c = right;
    call.work = check_memory(qc_gemm_s8_work_bytes(call.kernel, taps, depth, gather, 1));
    qc_gemm_s8_run(&call, NULL);
    for (size_t i = 0; i < m * ldc * element; i++)
        if (c[i] != right[i]) {
            check_fail("form %d %zux%zux%zux%zu: row %zu column %zu differs", call.form, m, columns, taps, depth, i / element / ldc, i / element % ldc);
            break;
        }
    check_release();
}

static void check(int rounds)
{
    size_t count;
    const struct qc_gemm_s8 *const *v = qc_gemm_s8_variants(&count);
    for (size_t i = 0; i < count; i++)
        if (check_variant(&v[i]->variant))
            for (int r = 0; r < rounds * 5; r++) check_case(v[i]);
}

static void work(void *context) { qc_gemm_s8_run(context, NULL); }

static void bench_case(const struct qc_gemm_s8 *kernel, const char *label, size_t m, size_t n, size_t k)
{
    const size_t bytes = qc_gemm_s8_packed_bytes(n, 1, k);
    int8_t *a = aligned_alloc(64, (m * k + 63) / 64 * 64), *c = aligned_alloc(64, (m * n + 63) / 64 * 64);
    void *packed = aligned_alloc(64, (bytes + 63) / 64 * 64);
    void *room = aligned_alloc(64, qc_gemm_s8_work_bytes(kernel, 1, k, false, 1));
    memset(packed, 0, bytes);
    memset(a, 1, m * k);
    const int32_t zero = 3;
    struct qc_gemm_s8_call call = {.kernel = kernel, .form = QC_S8_REQUANT, .m = m, .columns = n, .depth = k, .rows = {(const char *)a, k, NULL, NULL},
                                   .packed = packed, .zero = &zero, .c = c, .ldc = n, .low = -128, .high = 127, .work = room};
    check_time(kernel->variant.name, label, (double)(m * n * k), "MAC", work, &call);
    free(a), free(c), free(packed), free(room);
}

static void bench(void)
{
    size_t count;
    const struct qc_gemm_s8 *const *v = qc_gemm_s8_variants(&count);
    for (size_t i = 1; i < count; i++) {
        if (!check_variant(&v[i]->variant)) continue;
        bench_case(v[i], "256 x 256 x 256", 256, 256, 256);
        bench_case(v[i], "512 x 512 x 512", 512, 512, 512);
        bench_case(v[i], "12544 x 96 x 16", 12544, 96, 16);
        bench_case(v[i], "12544 x 16 x 32", 12544, 16, 32);
        bench_case(v[i], "3136 x 24 x 144", 3136, 24, 144);
        bench_case(v[i], "784 x 192 x 32", 784, 192, 32);
        bench_case(v[i], "49 x 320 x 960", 49, 320, 960);
        bench_case(v[i], "1 x 256 x 64", 1, 256, 64);
        bench_case(v[i], "1 x 1001 x 1280", 1, 1001, 1280);
        bench_case(v[i], "1 x 4096 x 4096", 1, 4096, 4096);
    }
}

const struct check_family qc_check_gemm_s8 = {"gemm_s8", check, bench};
