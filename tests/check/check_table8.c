/*
 * check_table8.c - look-up of bytes, byte for byte.
 */
#include "check.h"
#include "kernel/table.h"

#include <stdlib.h>
#include <string.h>

static void check_case(const struct qc_table8 *v, const struct qc_table8 *plain)
{
    const size_t n = check_size(400);
    uint8_t table[256], *x = check_memory(n), *y = check_memory(n), *right = check_memory(n);
    for (int i = 0; i < 256; i++) table[i] = (uint8_t)check_random();
    for (size_t i = 0; i < n; i++) x[i] = (uint8_t)check_random();
    v->apply(table, x, y, n);
    plain->apply(table, x, right, n);
    if (memcmp(y, right, n)) check_fail("%zu bytes differ", n);
    v->apply(table, x, x, n);
    if (memcmp(x, right, n)) check_fail("%zu bytes in place differ", n);
    check_release();
}

static void check(int rounds)
{
    size_t count;
    const struct qc_table8 *const *v = qc_table8_variants(&count);
    for (size_t i = 0; i < count; i++)
        if (check_variant(&v[i]->variant))
            for (int r = 0; r < rounds * 5; r++) check_case(v[i], v[0]);
}

struct job {
    const struct qc_table8 *v;
    uint8_t table[256], x[16384], y[16384];
};

static void work(void *context)
{
    struct job *j = context;
    j->v->apply(j->table, j->x, j->y, sizeof j->x);
}

static void bench(void)
{
    size_t count;
    const struct qc_table8 *const *v = qc_table8_variants(&count);
    struct job *job = calloc(1, sizeof *job);
    for (size_t i = 0; i < count; i++) {
        job->v = v[i];
        if (check_variant(&v[i]->variant)) check_time(v[i]->variant.name, "16384 bytes", sizeof job->x, "bytes", work, job);
    }
    free(job);
}

const struct check_family qc_check_table8 = {"table8", check, bench};
