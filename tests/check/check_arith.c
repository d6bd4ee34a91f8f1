/*
 * check_arith.c - quantized element-wise rows, bit for bit.
 */
#include "check.h"
#include "kernel/arith.h"

#include <stdlib.h>
#include <string.h>

static struct qc_multiplier multiplier(int low, int high)
{
    return (struct qc_multiplier){(int32_t)(0x40000000 + check_random() % 0x40000000), low + (int)check_between(0, (size_t)(high - low))};
}

static struct qc_arith_quantized params_of(qc_dtype type)
{
    const int32_t low = type == QC_INT16 ? -32768 : type == QC_INT8 ? -128 : 0, high = type == QC_INT16 ? 32767 : type == QC_INT8 ? 127 : 255;
    const uint64_t span = (uint64_t)(high - low + 1);
    struct qc_arith_quantized p = {.low = low, .high = high, .sign = check_chance(50) ? 1 : -1, .left_shift = type == QC_INT16 ? 15 : 20,
                                   .a = multiplier(-6, 0), .b = multiplier(-6, 0), .out = multiplier(-20, 0), .scale = check_uniform(1e-5f, 0.5f),
                                   .a_factor = (int32_t)check_between(0, 1 << 21), .b_factor = -(int32_t)check_between(0, 1 << 21)};
    p.shift = (int32_t)check_between(13, 22);
    if (type != QC_INT16) {
        p.a_zero = low + (int32_t)(check_random() % span), p.b_zero = low + (int32_t)(check_random() % span), p.zero = low + (int32_t)(check_random() % span);
        p.bias = (1 << (p.shift - 1)) - p.a_factor * p.a_zero - p.b_factor * p.b_zero;
    }
    if (check_chance(30)) p.low = low + (int32_t)(check_random() % span);
    if (check_chance(30)) p.high = p.low + (int32_t)(check_random() % (uint64_t)(high - p.low + 1));
    return p;
}

static void check_case(const struct qc_arith *v, const struct qc_arith *plain, enum qc_arith_op op, qc_dtype type)
{
    const size_t n = check_size(300), width = type == QC_INT16 ? 2 : 1, step[QC_ROW_INPUTS] = {check_chance(80), check_chance(80)};
    const struct qc_arith_quantized p = params_of(type);
    void *a = check_memory(n * width), *b = check_memory(n * width), *y = check_memory(n * width), *right = check_memory(n * width);
    if (width == 2) check_fill_s16(a, n), check_fill_s16(b, n);
    else check_fill_s8(a, n, -128), check_fill_s8(b, n, -128);
    const void *const in[QC_ROW_INPUTS] = {a, b};
    v->row[op][type](&p, y, in, step, n);
    plain->row[op][type](&p, right, in, step, n);
    for (size_t i = 0; i < n * width; i++)
        if (((char *)y)[i] != ((char *)right)[i]) {
            check_fail("operation %d, type %d, steps %zu %zu: byte %zu of %zu elements differs", op, type, step[0], step[1], i, n);
            break;
        }
    check_release();
}

static void check(int rounds)
{
    static const enum qc_arith_op op[] = {QC_ARITH_QADD_FAST, QC_ARITH_QADD, QC_ARITH_QMUL_FAST, QC_ARITH_QMUL};
    size_t count;
    const struct qc_arith *const *v = qc_arith_variants(&count);
    for (size_t i = 1; i < count; i++)
        for (size_t k = 0; check_variant(&v[i]->variant) && k < sizeof op / sizeof *op; k++)
            for (int type = 0; type < QC_DTYPE_COUNT; type++)
                for (int r = 0; v[i]->row[op[k]][type] && r < rounds; r++) check_case(v[i], v[0], op[k], (qc_dtype)type);
}

struct job {
    qc_row_fn *row;
    struct qc_arith_quantized p;
    size_t n;
    int16_t a[8192], b[8192], y[8192];
};

static void work(void *context)
{
    struct job *j = context;
    const void *const in[QC_ROW_INPUTS] = {j->a, j->b};
    const size_t step[QC_ROW_INPUTS] = {1, 1};
    j->row(&j->p, j->y, in, step, j->n);
}

static void bench(void)
{
    size_t count;
    const struct qc_arith *const *v = qc_arith_variants(&count);
    struct job *job = calloc(1, sizeof *job);
    job->n = 8192;
    for (size_t i = 0; i < count; i++) {
        if (!check_variant(&v[i]->variant)) continue;
        job->p = params_of(QC_INT8);
        job->row = v[i]->row[QC_ARITH_QADD_FAST][QC_INT8];
        check_time(v[i]->variant.name, "int8 sums", 8192, "elements", work, job);
        job->row = v[i]->row[QC_ARITH_QMUL_FAST][QC_INT8];
        check_time(v[i]->variant.name, "int8 products", 8192, "elements", work, job);
        job->p = params_of(QC_INT16);
        job->row = v[i]->row[QC_ARITH_QADD][QC_INT16];
        check_time(v[i]->variant.name, "int16 sums", 8192, "elements", work, job);
        job->row = v[i]->row[QC_ARITH_QMUL][QC_INT16];
        check_time(v[i]->variant.name, "int16 products", 8192, "elements", work, job);
    }
    free(job);
}

const struct check_family qc_check_arith = {"arith", check, bench};
