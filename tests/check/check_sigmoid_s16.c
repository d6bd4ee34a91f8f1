/*
 * check_sigmoid_s16.c - logistic function and hyperbolic tangent of 16 bits, bit for bit.
 */
#include "check.h"
#include "kernel/sigmoid_s16.h"

#include <stdlib.h>
#include <string.h>

static void check_case(const struct qc_sigmoid_s16_kernel *v, const struct qc_sigmoid_s16_kernel *plain)
{
    static const size_t step[QC_ROW_INPUTS] = {1};
    const size_t n = check_size(300);
    struct qc_sigmoid_s16 s;
    const int32_t multiplier = (int32_t)check_between(0, 32768);
    qc_sigmoid_s16_fill(&s, check_chance(50), multiplier, (int)check_between(0, check_chance(70) ? 8 : multiplier < 32768 ? 31 : 30));
    int16_t *x = check_memory(n * sizeof *x), *y = check_memory(n * sizeof *x), *right = check_memory(n * sizeof *x);
    check_fill_s16(x, n);
    const void *const in[QC_ROW_INPUTS] = {x};
    v->row(&s, y, in, step, n);
    plain->row(&s, right, in, step, n);
    if (memcmp(y, right, n * sizeof *y)) check_fail("%zu elements differ", n);
    v->row(&s, x, in, step, n);
    if (memcmp(x, right, n * sizeof *y)) check_fail("%zu elements in place differ", n);
    check_release();
}

static void check(int rounds)
{
    size_t count;
    const struct qc_sigmoid_s16_kernel *const *v = qc_sigmoid_s16_variants(&count);
    for (size_t i = 0; i < count; i++)
        if (check_variant(&v[i]->variant))
            for (int r = 0; r < rounds * 5; r++) check_case(v[i], v[0]);
}

struct job {
    qc_row_fn *row;
    struct qc_sigmoid_s16 sigmoid;
    int16_t x[8192], y[8192];
};

static void work(void *context)
{
    static const size_t step[QC_ROW_INPUTS] = {1};
    struct job *j = context;
    j->row(&j->sigmoid, j->y, (const void *const[QC_ROW_INPUTS]){j->x}, step, 8192);
}

static void bench(void)
{
    size_t count;
    const struct qc_sigmoid_s16_kernel *const *v = qc_sigmoid_s16_variants(&count);
    struct job *job = calloc(1, sizeof *job);
    qc_sigmoid_s16_fill(&job->sigmoid, false, 20000, 3);
    for (size_t i = 0; i < 8192; i++) job->x[i] = (int16_t)check_random();
    for (size_t i = 0; i < count; i++) {
        job->row = v[i]->row;
        if (check_variant(&v[i]->variant)) check_time(v[i]->variant.name, "8192 of 16 bits", 8192, "elements", work, job);
    }
    free(job);
}

const struct check_family qc_check_sigmoid_s16 = {"sigmoid_s16", check, bench};
