/*
 * check_gemm_f32.c - float matrix products and convolutions by row pointers.
 */
#include "check.h"
#include "base/dtype.h"
#include "kernel/gemm_f32.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct problem {
    enum qc_weight_kind kind;
    size_t m, columns, depth, k, ldc;
    struct qc_window window;
    struct qc_rows rows;
    char *packed;
    float low, high;
};

static void random_window(struct problem *p, size_t *images)
{
    struct qc_window *w = &p->window;
    w->kernel_h = check_between(1, 4), w->kernel_w = check_between(1, 4);
    w->stride_h = check_between(1, 3), w->stride_w = check_between(1, 3);
    w->dilation_h = check_between(1, 2), w->dilation_w = check_between(1, 2);
    w->in_h = check_between(1, 9), w->in_w = check_between(1, 9);
    w->out_h = check_between(1, 6), w->out_w = check_between(1, 6);
    w->pad_top = (ptrdiff_t)check_between(0, 3), w->pad_left = (ptrdiff_t)check_between(0, 3);
    *images = check_between(1, 2);
    p->m = *images * w->out_h * w->out_w;
}

static void make_weights(struct problem *p)
{
    static const size_t bytes[] = {4, 2};
    char *w = check_memory(p->columns * p->k * bytes[p->kind]);
    float *bias = check_floats(p->columns);
    check_fill_f32(bias, p->columns, 2);
    for (size_t i = 0; i < p->columns * p->k; i++) {
        const float x = check_uniform(-1, 1);
        const uint16_t half = qc_float_to_half(x);
        memcpy(w + i * bytes[p->kind], p->kind == QC_W_F32 ? (const void *)&x : &half, bytes[p->kind]);
    }
    const bool transposed = check_chance(30);
    struct qc_gemm_f32_pack pack = {.kind = p->kind, .columns = p->columns, .k = p->k, .w = w, .bias = check_chance(80) ? bias : NULL,
                                    .column_step = transposed ? 1 : p->k, .k_step = transposed ? p->columns : 1};
    const size_t size = qc_gemm_f32_packed_bytes(p->kind, p->columns, p->k);
    p->packed = check_memory(size);
    qc_gemm_f32_pack(p->packed, &pack);
}

static float *run(const struct problem *p, const struct qc_gemm_f32 *kernel, struct qc_pool *pool)
{
    float *c = check_floats(p->m * p->ldc);
    struct qc_gemm_f32_call call = {.kernel = kernel, .kind = p->kind, .m = p->m, .columns = p->columns, .depth = p->depth, .rows = p->rows,
                                    .packed = p->packed, .c = c, .ldc = p->ldc, .low = p->low, .high = p->high};
    call.work = check_memory(qc_gemm_f32_work_bytes(&p->rows, p->depth, qc_pool_threads(pool)) + 64);
    call.work = (void *)(((uintptr_t)call.work + 7) & ~(uintptr_t)7);
    qc_gemm_f32_run(&call, pool);
    const uint32_t canary = 0xa5a5a5a5;
    for (size_t m = 0; m < p->m; m++)
        for (size_t n = p->columns; n < p->ldc; n++)
            if (memcmp(c + m * p->ldc + n, &canary, 4)) check_fail("wrote past column %zu of row %zu", p->columns, m);
    return c;
}

static void check_case(const struct qc_gemm_f32 *kernel)
{
    struct problem p = {.kind = (enum qc_weight_kind)check_between(0, QC_W_KINDS - 1), .low = check_chance(30) ? -0.5f : -INFINITY,
                        .high = check_chance(30) ? 1.5f : INFINITY, .columns = check_size(150), .depth = check_size(140)};
    size_t images = 1, pixels;
    p.m = check_size(40);
    p.k = p.depth;
    const bool window = check_chance(50);
    if (window) random_window(&p, &images);
    if (window) p.k *= p.window.kernel_h * p.window.kernel_w;
    pixels = window ? images * p.window.in_h * p.window.in_w : p.m;
    const size_t pitch = p.depth + (check_chance(30) ? check_between(1, 9) : 0);
    float *a = check_floats((pixels - 1) * pitch + p.depth), *zero = check_floats(p.depth);
    check_fill_f32(a, (pixels - 1) * pitch + p.depth, 1);
    memset(zero, 0, p.depth * sizeof *zero);
    p.rows = (struct qc_rows){(const char *)a, pitch * sizeof(float), window ? &p.window : NULL, zero};
    p.ldc = p.columns + (check_chance(50) ? check_between(1, 5) : 0);
    make_weights(&p);
    const float *c = run(&p, kernel, check_pool()), *right = run(&p, qc_gemm_f32_pick(0), NULL);
    /* a sum of k products of size 1, each rounded: half a unit of the running sum for each, signs at random */
    const float tolerance = 3e-7f * (float)(4 + p.k / 4);
    for (size_t m = 0; m < p.m; m++)
        for (size_t n = 0; n < p.columns; n++)
            if (!check_close(c[m * p.ldc + n], right[m * p.ldc + n], tolerance))
                check_fail("kind %d %zux%zux%zu: [%zu][%zu] is %.9g, not %.9g", p.kind, p.m, p.columns, p.k, m, n, (double)c[m * p.ldc + n],
                           (double)right[m * p.ldc + n]);
    check_release();
}

static void check(int rounds)
{
    size_t count;
    const struct qc_gemm_f32 *const *v = qc_gemm_f32_variants(&count);
    for (size_t i = 0; i < count; i++)
        if (check_variant(&v[i]->variant))
            for (int r = 0; r < rounds * 5; r++) check_case(v[i]);
}

static void work(void *context) { qc_gemm_f32_run(context, NULL); }

static void bench_case(const struct qc_gemm_f32 *kernel, const char *label, enum qc_weight_kind kind, size_t m, size_t n, size_t k)
{
    const size_t bytes = qc_gemm_f32_packed_bytes(kind, n, k);
    float *a = aligned_alloc(64, (m * k * 4 + 63) / 64 * 64), *c = aligned_alloc(64, (m * n * 4 + 63) / 64 * 64);
    void *packed = aligned_alloc(64, bytes);
    memset(packed, 0, bytes);
    memset(a, 0, m * k * 4);
    struct qc_gemm_f32_call call = {.kernel = kernel, .kind = kind, .m = m, .columns = n, .depth = k, .rows = {(const char *)a, k * 4, NULL, NULL},
                                    .packed = packed, .c = c, .ldc = n, .low = -INFINITY, .high = INFINITY};
    check_time(kernel->variant.name, label, (double)(m * n * k), "MAC", work, &call);
    free(a), free(c), free(packed);
}

static void bench(void)
{
    size_t count;
    const struct qc_gemm_f32 *const *v = qc_gemm_f32_variants(&count);
    for (size_t i = 1; i < count; i++) {
        if (!check_variant(&v[i]->variant)) continue;
        bench_case(v[i], "256 x 256 x 256", QC_W_F32, 256, 256, 256);
        bench_case(v[i], "512 x 512 x 512", QC_W_F32, 512, 512, 512);
        bench_case(v[i], "100 x 256 x 100", QC_W_F32, 100, 256, 100);
        bench_case(v[i], "12544 x 96 x 16", QC_W_F32, 12544, 96, 16);
        bench_case(v[i], "3136 x 24 x 144", QC_W_F32, 3136, 24, 144);
        bench_case(v[i], "784 x 192 x 32", QC_W_F32, 784, 192, 32);
        bench_case(v[i], "49 x 320 x 960", QC_W_F32, 49, 320, 960);
        bench_case(v[i], "1 x 256 x 64 f32", QC_W_F32, 1, 256, 64);
        bench_case(v[i], "1 x 1001 x 1280 f32", QC_W_F32, 1, 1001, 1280);
        bench_case(v[i], "1 x 1001 x 1280 f16", QC_W_F16, 1, 1001, 1280);
        bench_case(v[i], "1 x 4096 x 4096 f32", QC_W_F32, 1, 4096, 4096);
        bench_case(v[i], "1 x 4096 x 4096 f16", QC_W_F16, 1, 4096, 4096);
    }
}

const struct check_family qc_check_gemm_f32 = {"gemm_f32", check, bench};
