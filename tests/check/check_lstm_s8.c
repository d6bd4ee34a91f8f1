/*
 * check_lstm_s8.c - functions of fixed point and rows of integer LSTM cells, bit for bit.
 */
#include "check.h"
#include "kernel/fixed_s16.h"
#include "kernel/lstm_s8_rows.h"

#include <string.h>

enum { VALUES = 65536 };

static void check_functions(const struct qc_fixed_s16 *v, const struct qc_fixed_s16 *plain)
{
    int16_t *x = check_memory(VALUES * sizeof *x), *y = check_memory(VALUES * sizeof *x), *right = check_memory(VALUES * sizeof *x);
    for (int bits = -1; bits <= 6; bits++) {
        const size_t n = VALUES - check_between(0, 20);
        for (int i = 0; i < VALUES; i++) x[i] = (int16_t)i;
        if (bits < 0) v->logistic(n, x, y), plain->logistic(n, x, right);
        else v->tanh(n, bits, x, y), plain->tanh(n, bits, x, right);
        if (memcmp(y, right, n * sizeof *y)) check_fail("function %d differs", bits);
    }
    check_release();
}

static struct qc_multiplier multiplier(int low, int high)
{
    return (struct qc_multiplier){(int32_t)(0x40000000 + check_random() % 0x40000000), low + (int)check_between(0, (size_t)(high - low))};
}

static void check_rows(const struct qc_lstm_s8_rows *v, const struct qc_lstm_s8_rows *plain)
{
    const size_t n = check_between(1, 9) * QC_LSTM_ROW;
    int32_t *x = check_memory(n * sizeof *x), *h = check_memory(n * sizeof *h);
    int16_t *gate[4], *y[2], *c[2];
    int8_t *hidden[2];
    for (size_t i = 0; i < n; i++) {
        x[i] = check_chance(10) ? (int32_t)check_random() : (int32_t)(check_random() % 2000001) - 1000000;
        h[i] = check_chance(10) ? (int32_t)check_random() : (int32_t)(check_random() % 2000001) - 1000000;
    }
    for (int k = 0; k < 4; k++) check_fill_s16(gate[k] = check_memory(n * sizeof **gate), n);
    for (int k = 0; k < 2; k++) y[k] = check_memory(n * sizeof **y), c[k] = check_memory(n * sizeof **c), hidden[k] = check_memory(n);
    for (size_t i = 0; i < n; i++) gate[0][i] &= INT16_MAX, gate[1][i] &= INT16_MAX, c[0][i] = c[1][i] = gate[3][i];
    const struct qc_multiplier a = multiplier(-31, 8), b = multiplier(-31, 8);
    const int bits = (int)check_between(0, 6), zero = (int)check_between(0, 255) - 128;
    const int16_t clip = (int16_t)(check_chance(50) ? 0 : check_between(1, 32767));
    for (int k = 0; k < 2; k++) {
        const struct qc_lstm_s8_rows *r = k ? plain : v;
        r->sums(n, x, a, h, b, y[k]);
        r->cell(n, gate[0], gate[1], gate[2], bits, clip, c[k]);
        r->hidden(n, gate[0], gate[2], a, zero, hidden[k]);
    }
    if (memcmp(y[0], y[1], n * sizeof **y)) check_fail("sums of %zu units differ", n);
    if (memcmp(c[0], c[1], n * sizeof **c)) check_fail("cells of %zu units differ", n);
    if (memcmp(hidden[0], hidden[1], n)) check_fail("outputs of %zu units differ", n);
    check_release();
}

static void check(int rounds)
{
    size_t count;
    const struct qc_fixed_s16 *const *f = qc_fixed_s16_variants(&count);
    for (size_t i = 1; i < count; i++)
        if (check_variant(&f[i]->variant)) check_functions(f[i], f[0]);
    const struct qc_lstm_s8_rows *const *v = qc_lstm_s8_rows_variants(&count);
    for (size_t i = 1; i < count; i++)
        for (int r = 0; check_variant(&v[i]->variant) && r < rounds * 5; r++) check_rows(v[i], v[0]);
}

struct job {
    const struct qc_fixed_s16 *v;
    int16_t x[8192], y[8192];
};

static void work(void *context)
{
    struct job *j = context;
    j->v->logistic(8192, j->x, j->y);
}

static void bench(void)
{
    static struct job job;
    size_t count;
    const struct qc_fixed_s16 *const *v = qc_fixed_s16_variants(&count);
    for (int i = 0; i < 8192; i++) job.x[i] = (int16_t)check_random();
    for (size_t i = 0; i < count; i++) {
        job.v = v[i];
        if (check_variant(&v[i]->variant)) check_time(v[i]->variant.name, "logistic of 16 bits", 8192, "elements", work, &job);
    }
}

const struct check_family qc_check_lstm_s8 = {"lstm_s8", check, bench};
