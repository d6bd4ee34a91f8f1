/*
 * t_copy.c - the engines that operators share: strided copies and broadcast rows, on random shapes against a walk element by element.
 */
#include "unit.h"

#include "op/shared/broadcast.h"
#include "op/shared/copy.h"

enum { MOST = 4, ROOM = 1 << 14 };

/* Random strides on the reading side: repetition, reversal, gaps. */
static void copies(void **state)
{
    static uint32_t from[ROOM], to[ROOM], want[ROOM];
    uint64_t random = 5;
    (void)state;
    for (uint32_t i = 0; i < ROOM; i++) from[i] = i;
    for (int round = 0; round < 400; round++) {
        int rank = (int)(unit_random(&random) % (MOST + 1));
        size_t count[MOST], total = 1;
        ptrdiff_t step[MOST], begin = ROOM / 2;
        for (int d = rank - 1; d >= 0; d--) {
            count[d] = unit_random(&random) % 6;
            step[d] = (ptrdiff_t)(unit_random(&random) % 41) - 20;
            if (unit_random(&random) % 3 == 0) step[d] = d == rank - 1 ? 1 : step[d + 1] * (ptrdiff_t)count[d + 1];
            if (step[d] > 400 || step[d] < -400) step[d] = 0;
            total *= count[d];
        }
        struct qc_copy copy;
        ptrdiff_t dense = (ptrdiff_t)total;
        qc_copy_begin(&copy, sizeof *from);
        for (int d = 0; d < rank; d++) {
            dense = count[d] ? dense / (ptrdiff_t)count[d] : 0;
            qc_copy_dim(&copy, count[d], dense * 4, step[d] * 4);
        }
        qc_copy_end(&copy);
        memset(to, 0xee, sizeof to);
        memset(want, 0xee, sizeof want);
        for (size_t i = 0; i < total; i++) {
            ptrdiff_t at = begin;
            size_t rest = i;
            for (int d = rank - 1; d >= 0; rest /= count[d--]) at += (ptrdiff_t)(rest % count[d]) * step[d];
            want[i] = from[at];
        }
        qc_copy_run(&copy, to, from + begin, NULL);
        assert_memory_equal(to, want, sizeof to);
    }
}

static void difference(const void *params, void *out, const void *const *in, const size_t *step, size_t n)
{
    (void)params;
    for (size_t i = 0; i < n; i++) ((float *)out)[i] = ((const float *)in[0])[i * step[0]] - 2 * ((const float *)in[1])[i * step[1]];
}

/* Shapes of random rank in which either operand may stand still on any axis, or lack the first ones. */
static void broadcasts(void **state)
{
    static float a[ROOM], b[ROOM], y[ROOM];
    uint64_t random = 9;
    (void)state;
    for (int i = 0; i < ROOM; i++) a[i] = (float)i, b[i] = (float)(i % 1001);
    for (int round = 0; round < 400; round++) {
        struct qc_value in[2] = {{.type = QC_FLOAT32, .data = a}, {.type = QC_FLOAT32, .data = b}}, out = {.type = QC_FLOAT32, .data = y};
        struct qc_value *const operand[] = {&in[0], &in[1]};
        out.rank = (uint8_t)(unit_random(&random) % (MOST + 1));
        for (int d = 0; d < out.rank; d++) out.dims[d] = (int32_t)(1 + unit_random(&random) % 5);
        for (int k = 0; k < 2; k++) {
            in[k].rank = k && out.rank ? (uint8_t)(unit_random(&random) % (uint64_t)(out.rank + 1)) : out.rank;
            for (int d = 0; d < in[k].rank; d++) in[k].dims[d] = unit_random(&random) % 3 ? out.dims[d + out.rank - in[k].rank] : 1;
        }
        for (int d = 0; d < out.rank; d++) { /* what both leave out is 1 */
            int other = d - (out.rank - in[1].rank);
            out.dims[d] = QC_MAX(in[0].dims[d], other >= 0 ? in[1].dims[other] : 1);
        }
        struct qc_broadcast plan;
        qc_broadcast_plan(&plan, 2, operand, &out);
        qc_broadcast_run(&plan, difference, NULL, operand, &out, NULL);
        for (size_t i = 0; i < qc_value_elements(&out); i++) {
            size_t at[2] = {0, 0}, span[2] = {1, 1}, rest = i;
            for (int d = out.rank - 1; d >= 0; rest /= (size_t)out.dims[d--])
                for (int k = 0; k < 2; k++) {
                    int own = d - (out.rank - in[k].rank);
                    if (own < 0) continue;
                    if (in[k].dims[own] > 1) at[k] += rest % (size_t)out.dims[d] * span[k];
                    span[k] *= (size_t)in[k].dims[own];
                }
            assert_true(y[i] == a[at[0]] - 2 * b[at[1]]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(copies), cmocka_unit_test(broadcasts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
