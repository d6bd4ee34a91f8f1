/*
 * check_gemm_s8.c - integer matrix products and convolutions by row pointers, bit for bit.
 */
#include "check.h"
#include "kernel/gemm_s8.h"

#include <math.h>
#include <stdio.h>
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

static struct qc_gemm_s8_pack weights_of(size_t columns, size_t taps, size_t depth, enum qc_s8_form form)
{
    int8_t *w = check_memory(columns * taps * depth);
    int32_t *bias = check_memory(columns * 4);
    float *scale = check_floats(columns), *float_bias = check_floats(columns);
    int64_t *bias64 = check_memory(columns * 8);
    double *scale64 = check_memory(columns * 8);
    check_fill_s8(w, columns * taps * depth, -128);
    for (size_t i = 0; i < columns; i++) {
        bias[i] = check_chance(10) ? (int32_t)check_random() : (int32_t)(check_random() % 20001) - 10000;
        scale[i] = check_chance(10) ? 1.0f : check_uniform(1e-5f, 0.01f);
        float_bias[i] = check_uniform(-3, 3);
        bias64[i] = (int64_t)(check_random() % 0x1000000001) - 0x800000000;
        scale64[i] = form == QC_S16_F64 ? 1.0 / (double)check_between(1, 50000) : ldexp((double)check_between(1, 32767), -(int)check_between(22, 40));
    }
    struct qc_multiplier *narrow = check_memory(columns * sizeof *narrow);
    for (size_t i = 0; i < columns; i++) {
        if (form == QC_S16_NARROW) bias64[i] = (int64_t)(check_random() % 30000001) - 15000000; /* 511 * 128 * 2^15 and this fit 32 bits */
        narrow[i] = (struct qc_multiplier){(int32_t)check_between(0, 32767), (int32_t)check_between(1, 30)};
    }
    return (struct qc_gemm_s8_pack){.columns = columns, .taps = taps, .depth = depth, .w = w, .bias = check_chance(80) ? bias : NULL, .scale = scale,
                                      .float_bias = check_chance(80) ? float_bias : NULL, .scale64 = form >= QC_S16_WIDE ? scale64 : NULL,
                                      .narrow = form == QC_S16_NARROW ? narrow : NULL,
                                      .bias64 = check_chance(80) ? bias64 : NULL};
}

static void compare(struct qc_gemm_s8_call *call, struct qc_gemm_s8_pack *pack, const struct qc_gemm_s8 *kernel, const struct qc_gemm_s8 *plain, size_t taps)
{
    const size_t bytes = call->m * call->ldc * qc_s8_form_bytes(call->form);
    struct qc_pool *pool = check_pool();
    char *c[2];
    for (int i = 0; i < 2; i++) {
        call->kernel = i ? plain : kernel;
        void *packed = check_memory(qc_gemm_s8_packed_bytes(pack->columns, pack->taps, pack->depth));
        pack->x_bias = call->kernel->x_bias;
        qc_gemm_s8_pack(packed, pack);
        call->packed = packed;
        call->c = c[i] = check_memory(bytes);
        call->work = check_memory(qc_gemm_s8_work_bytes(call->kernel, taps, call->depth, call->gather, qc_pool_threads(pool)));
        qc_gemm_s8_run(call, pool);
    }
    for (size_t i = 0; i < bytes; i++)
        if (c[0][i] != c[1][i]) {
            const size_t at = i / qc_s8_form_bytes(call->form);
            check_fail("%sform %d %zux%zux%zux%zu: row %zu column %zu differs", call->wide ? "int16 " : "", call->form, call->m, call->columns, taps,
                       call->depth, at / call->ldc, at % call->ldc);
            break;
        }
    check_release();
}

static void check_case(const struct qc_gemm_s8 *kernel, bool wide)
{
    struct qc_window window;
    size_t images = 1, m = check_size(40), taps = 1;
    const size_t depth = check_size(wide && check_chance(20) ? 700 : 140), columns = check_size(150), element = wide ? 2 : 1;
    const size_t pitch = depth + (check_chance(30) ? check_between(1, 9) : 0);
    const bool sliding = check_chance(50);
    if (sliding) random_window(&window, &images, &m);
    if (sliding) taps = window.kernel_h * window.kernel_w;
    const size_t pixels = sliding ? images * window.in_h * window.in_w : m, elements = (pixels - 1) * pitch + depth;
    void *a = check_memory(elements * element), *border = check_memory(depth * element);
    if (wide) check_fill_s16(a, elements);
    else check_fill_s8(a, elements, -128);
    int32_t *zero = check_memory(m * 4);
    float *row_scale = check_floats(m);
    const size_t row_step = sliding || wide ? 0 : check_between(0, 1);
    for (size_t i = 0; i < m; i++) {
        zero[i] = wide ? 0 : (int32_t)(check_random() % 256) - 128;
        row_scale[i] = check_uniform(1e-4f, 0.1f);
    }
    memset(border, zero[0], depth * element);
    const bool gather = sliding && check_chance(40);
    const enum qc_s8_form form[] = {QC_S8_REQUANT, QC_S8_FLOAT, QC_S8_SUM, QC_S8_SUM, QC_S16_WIDE, QC_S16_F64, QC_S16_NARROW};
    const bool shallow = taps * depth < 512;
    struct qc_gemm_s8_call call = {.form = form[wide ? check_between(3, shallow ? 6 : 5) : check_between(row_step ? 1 : 0, 2)], .m = m, .columns = columns,
                                   .depth = depth, .rows = {a, pitch * element, sliding ? &window : NULL, border}, .gather = gather, .wide = wide,
                                   .chunk = shallow ? SIZE_MAX : 508, .zero = zero, .row_scale = row_scale, .row_step = row_step,
                                   .ldc = columns + (check_chance(50) ? check_between(1, 5) : 0),
                                   .zero_point = wide ? 0 : (int32_t)(check_random() % 256) - 128};
    struct qc_gemm_s8_pack pack = gather ? weights_of(columns, 1, taps * depth, call.form) : weights_of(columns, taps, depth, call.form);
    call.low = call.form == QC_S8_FLOAT ? (check_chance(30) ? -1 : -INFINITY) : (float)((wide ? -32768 : -128) - call.zero_point);
    call.high = call.form == QC_S8_FLOAT ? (check_chance(30) ? 2 : INFINITY) : wide ? 32767
                : (float)((check_chance(70) ? 127 : 127 / 2 + call.zero_point / 2) - call.zero_point);
    compare(&call, &pack, kernel, wide ? qc_gemm_s16_pick(0) : qc_gemm_s8_pick(0), taps);
}

static void check(int rounds)
{
    size_t count;
    for (int wide = 0; wide < 2; wide++) {
        const struct qc_gemm_s8 *const *v = wide ? qc_gemm_s16_variants(&count) : qc_gemm_s8_variants(&count);
        for (size_t i = 0; i < count; i++)
            if (check_variant(&v[i]->variant))
                for (int r = 0; r < rounds * 5; r++) check_case(v[i], wide);
    }
}

static void work(void *context) { qc_gemm_s8_run(context, NULL); }

static void bench_case(const struct qc_gemm_s8 *kernel, bool wide, size_t m, size_t n, size_t k)
{
    const size_t bytes = qc_gemm_s8_packed_bytes(n, 1, k), element = wide ? 2 : 1;
    char *a = aligned_alloc(64, (m * k * element + 63) / 64 * 64), *c = aligned_alloc(64, (m * n * element + 63) / 64 * 64);
    void *packed = aligned_alloc(64, (bytes + 63) / 64 * 64);
    void *room = aligned_alloc(64, qc_gemm_s8_work_bytes(kernel, 1, k, false, 1));
    memset(packed, 0, bytes);
    memset(a, 1, m * k * element);
    const int32_t zero = wide ? 0 : 3;
    struct qc_gemm_s8_call call = {.kernel = kernel, .form = wide ? QC_S16_NARROW : QC_S8_REQUANT, .m = m, .columns = n, .depth = k, .wide = wide,
                                   .chunk = SIZE_MAX, .rows = {a, k * element, NULL, NULL}, .packed = packed, .zero = &zero, .c = c, .ldc = n,
                                   .low = -128, .high = 127, .work = room};
    char label[48];
    snprintf(label, sizeof label, "int%d %zu x %zu x %zu", wide ? 16 : 8, m, n, k);
    check_time(kernel->variant.name, label, (double)(m * n * k), "MAC", work, &call);
    free(a), free(c), free(packed), free(room);
}

static void bench(void)
{
    static const size_t shape[][3] = {{256, 256, 256}, {512, 512, 512}, {12544, 96, 16}, {12544, 16, 32}, {3136, 24, 144}, {784, 192, 32},
                                      {49, 320, 960}, {1, 256, 64}, {1, 1001, 1280}, {1, 4096, 4096}};
    size_t count;
    for (int wide = 0; wide < 2; wide++) {
        const struct qc_gemm_s8 *const *v = wide ? qc_gemm_s16_variants(&count) : qc_gemm_s8_variants(&count);
        for (size_t i = 1; i < count; i++)
            for (size_t j = 0; check_variant(&v[i]->variant) && j < sizeof shape / sizeof *shape; j++)
                bench_case(v[i], wide, shape[j][0], shape[j][1], shape[j][2]);
    }
}

const struct check_family qc_check_gemm_s8 = {"gemm_s8", check, bench};
