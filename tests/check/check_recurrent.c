/*
 * check_recurrent.c - recurrent cells and sequences against a plain loop written from the formulas in recurrent.h.
 */
#include "check.h"
#include "kernel/recurrent.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct problem {
    enum qc_recurrent_cell cell;
    size_t units, batch, steps;
    int gates;
    float *x, *r, *bias; /* x [steps][batch][gates][units], r [gates * units][units], bias [gates][units] */
    float *h, *c, *output;
    uint8_t *mask;
    struct qc_gate a, s;
    float clip;
    bool zero_masked, backwards;
};

static float apply(struct qc_gate g, float x)
{
    return g.function == QC_GATE_TANH ? tanhf(x) : g.function == QC_GATE_LOGISTIC ? 1 / (1 + expf(-x)) : g.function == QC_GATE_RELU ? fmaxf(x, 0)
         : g.function == QC_GATE_HARD ? fminf(1, fmaxf(0, g.slope * x + g.offset)) : x;
}

static float dot(const struct problem *p, int gate, size_t unit, const float *h)
{
    const size_t row = (size_t)gate * p->units + unit;
    double sum = (double)p->bias[row];
    for (size_t k = 0; k < p->units; k++) sum += (double)p->r[row * p->units + k] * (double)h[k];
    return (float)sum;
}

static void plain_step(const struct problem *p, const float *x, float *h, float *c)
{
    const size_t n = p->units;
    float *old = malloc(n * 2 * sizeof *old), *rh = old + n;
    memcpy(old, h, n * sizeof *h);
    for (size_t u = 0; p->cell == QC_RNN_GRU_BEFORE && u < n; u++) rh[u] = apply(p->s, x[n + u] + dot(p, 1, u, old)) * old[u];
    for (size_t u = 0; u < n; u++) {
        if (p->cell == QC_RNN_LSTM) {
            float v = apply(p->s, x[n + u] + dot(p, 1, u, old)) * c[u] +
                      apply(p->s, x[u] + dot(p, 0, u, old)) * apply(p->a, x[2 * n + u] + dot(p, 2, u, old));
            if (p->clip > 0) v = fminf(p->clip, fmaxf(-p->clip, v));
            h[u] = apply(p->s, x[3 * n + u] + dot(p, 3, u, old)) * apply(p->a, c[u] = v);
        } else if (p->cell == QC_RNN_SIMPLE) {
            h[u] = apply(p->a, x[u] + dot(p, 0, u, old));
        } else {
            const float z = apply(p->s, x[u] + dot(p, 0, u, old));
            const float candidate = p->cell == QC_RNN_GRU_AFTER
                                        ? x[2 * n + u] + apply(p->s, x[n + u] + dot(p, 1, u, old)) * dot(p, 2, u, old)
                                        : x[2 * n + u] + dot(p, 2, u, rh);
            h[u] = z * old[u] + (1 - z) * apply(p->a, candidate);
        }
    }
    free(old);
}

static void *pack(const struct problem *p)
{
    struct qc_recurrent_pack pack = {.cell = p->cell, .kind = QC_W_F32, .units = p->units, .k = p->units, .unit_step = p->units, .k_step = 1};
    for (int g = 0; g < p->gates; g++) {
        pack.w[g] = p->r + (size_t)g * p->units * p->units;
        pack.bias[g] = p->bias + (size_t)g * p->units;
    }
    void *block = check_memory(qc_recurrent_packed_bytes(p->cell, QC_W_F32, p->units, p->units));
    qc_recurrent_pack(block, &pack);
    return block;
}

static struct qc_gate random_gate(bool recurrent)
{
    const int kind = (int)check_between(0, 5);
    if (kind == 0) return (struct qc_gate){QC_GATE_HARD, 0.2f, 0.5f};
    if (kind == 1 && !recurrent) return (struct qc_gate){QC_GATE_RELU, 0, 0};
    if (kind == 2 && !recurrent) return (struct qc_gate){QC_GATE_LINEAR, 0, 0};
    return (struct qc_gate){recurrent ? QC_GATE_LOGISTIC : QC_GATE_TANH, 0, 0};
}

static void check_case(const struct qc_recurrent_kernel *kernel)
{
    struct problem p = {.cell = (enum qc_recurrent_cell)check_between(0, 3), .units = check_size(70), .batch = check_between(1, 9),
                        .steps = check_between(1, 6), .a = random_gate(false), .s = random_gate(true), .clip = check_chance(20) ? 0.4f : 0,
                        .zero_masked = check_chance(30), .backwards = check_chance(30)};
    p.gates = qc_recurrent_gates(p.cell);
    const size_t n = p.units, padded = qc_recurrent_padded(n), g = (size_t)p.gates;
    p.x = check_floats(p.steps * p.batch * g * n);
    p.r = check_floats(g * n * n);
    p.bias = check_floats(g * n);
    p.h = check_floats(p.batch * padded);
    p.c = check_floats(p.batch * padded);
    p.output = check_floats(p.batch * padded);
    check_fill_f32(p.x, p.steps * p.batch * g * n, 2);
    check_fill_f32(p.r, g * n * n, 1 / sqrtf((float)n));
    check_fill_f32(p.bias, g * n, 1);
    check_fill_f32(p.h, p.batch * padded, 1);
    check_fill_f32(p.c, p.batch * padded, 1);
    memset(p.output, 0, p.batch * padded * sizeof(float));
    if (check_chance(50)) {
        p.mask = check_memory(p.steps * p.batch);
        for (size_t i = 0; i < p.steps * p.batch; i++) p.mask[i] = check_chance(60);
    }
    float *h = malloc(p.batch * padded * 3 * sizeof *h), *c = h + p.batch * padded, *last = c + p.batch * padded;
    memcpy(h, p.h, p.batch * padded * sizeof *h);
    memcpy(c, p.c, p.batch * padded * sizeof *c);
    memset(last, 0, p.batch * padded * sizeof *last);
    float *sequence = check_floats(p.steps * p.batch * n), *right = check_floats(p.steps * p.batch * n);
    for (size_t t = 0; t < p.steps; t++)
        for (size_t b = 0; b < p.batch; b++) {
            const size_t at = (p.backwards ? p.steps - 1 - t : t) * p.batch + b;
            if (!p.mask || p.mask[at]) {
                plain_step(&p, p.x + at * g * n, h + b * padded, c + b * padded);
                memcpy(last + b * padded, h + b * padded, n * sizeof *h);
            } else if (p.zero_masked) {
                memset(last + b * padded, 0, n * sizeof *h);
            }
            memcpy(right + (t * p.batch + b) * n, last + b * padded, n * sizeof *h);
        }
    const ptrdiff_t way = p.backwards ? -1 : 1, first = p.backwards ? (ptrdiff_t)p.steps - 1 : 0;
    const ptrdiff_t x_step = (ptrdiff_t)(p.batch * g * n), mask_step = (ptrdiff_t)p.batch;
    struct qc_recurrent_call call = {.kernel = kernel, .product = qc_gemm_f32_pick(qc_cpu_features()), .cell = p.cell, .kind = QC_W_F32, .units = n,
                                     .batch = p.batch, .steps = p.steps, .gates = p.x + first * x_step, .gates_step = way * x_step,
                                     .gates_row = (ptrdiff_t)(g * n), .gates_block = QC_PANEL, .gates_gate = n, .packed = pack(&p),
                                     .activation = p.a, .recurrent_activation = p.s, .cell_clip = p.clip, .h = p.h, .c = p.c,
                                     .output = p.mask ? p.output : NULL, .sequence = sequence, .sequence_step = (ptrdiff_t)(p.batch * n),
                                     .sequence_row = (ptrdiff_t)n, .mask = p.mask ? p.mask + first * mask_step : NULL,
                                     .mask_step = way * mask_step, .mask_row = 1, .zero_masked = p.zero_masked,
                                     .work = check_memory((qc_recurrent_work_bytes(p.cell, QC_W_F32, NULL, n) + 63) / 64 * 64)};
    qc_recurrent_run(&call);
    for (size_t i = 0; i < p.steps * p.batch * n; i++)
        if (!check_close(sequence[i], right[i], 2e-5f))
            check_fail("cell %d units %zu batch %zu: sequence[%zu] is %.9g, not %.9g", p.cell, n, p.batch, i, (double)sequence[i], (double)right[i]);
    for (size_t b = 0; b < p.batch; b++)
        for (size_t u = 0; u < n; u++) {
            const size_t i = b * padded + u;
            if (!check_close(p.h[i], h[i], 2e-5f)) check_fail("cell %d: h[%zu][%zu] is %.9g, not %.9g", p.cell, b, u, (double)p.h[i], (double)h[i]);
            if (p.cell == QC_RNN_LSTM && !check_close(p.c[i], c[i], 2e-5f)) check_fail("c[%zu][%zu] is %.9g, not %.9g", b, u, (double)p.c[i], (double)c[i]);
        }
    free(h);
    check_release();
}

static void check(int rounds)
{
    size_t count;
    const struct qc_recurrent_kernel *const *v = qc_recurrent_variants(&count);
    for (size_t i = 0; i < count; i++)
        if (check_variant(&v[i]->variant))
            for (int r = 0; r < rounds * 5; r++) check_case(v[i]);
}

static void work(void *context) { qc_recurrent_run(context); }

static void bench_case(const struct qc_recurrent_kernel *kernel, const char *label, enum qc_recurrent_cell cell, enum qc_weight_kind kind, size_t units,
                       uint32_t features)
{
    const size_t steps = 100, gates = (size_t)qc_recurrent_gates(cell), padded = qc_recurrent_padded(units);
    const size_t bytes = qc_recurrent_packed_bytes(cell, kind, units, units);
    float *x = calloc(steps * gates * units, 4), *h = calloc(2 * padded, 4);
    void *packed = aligned_alloc(64, bytes), *room = aligned_alloc(64, (qc_recurrent_work_bytes(cell, kind, qc_gemm_s8_pick(features), units) + 63) / 64 * 64);
    memset(packed, 0, bytes);
    check_fill_f32(x, steps * gates * units, 2);
    struct qc_recurrent_call call = {.kernel = kernel, .product = qc_gemm_f32_pick(features), .product_s8 = qc_gemm_s8_pick(features), .cell = cell, .kind = kind, .units = units, .batch = 1,
                                     .steps = steps, .gates = x, .gates_step = (ptrdiff_t)(gates * units), .gates_block = QC_PANEL,
                                     .gates_gate = units, .packed = packed, .activation = {QC_GATE_TANH, 0, 0},
                                     .recurrent_activation = {QC_GATE_LOGISTIC, 0, 0}, .h = h, .c = h + padded, .work = room};
    check_time(kernel->variant.name, label, (double)(steps * gates * units * units), "MAC", work, &call);
    free(x), free(h), free(packed), free(room);
}

static void bench(void)
{
    size_t count;
    const struct qc_recurrent_kernel *const *v = qc_recurrent_variants(&count);
    for (size_t i = 1; i < count; i++) {
        if (!check_variant(&v[i]->variant)) continue;
        bench_case(v[i], "100 steps LSTM 64", QC_RNN_LSTM, QC_W_F32, 64, v[i]->variant.cpu);
        bench_case(v[i], "100 steps LSTM 64 f16", QC_RNN_LSTM, QC_W_F16, 64, v[i]->variant.cpu);
        bench_case(v[i], "100 steps LSTM 64 hybrid", QC_RNN_LSTM, QC_W_HYBRID, 64, v[i]->variant.cpu & QC_CPU_AVX512 ? qc_cpu_features() : v[i]->variant.cpu);
        bench_case(v[i], "100 steps LSTM 48", QC_RNN_LSTM, QC_W_F32, 48, v[i]->variant.cpu);
        bench_case(v[i], "100 steps LSTM 256", QC_RNN_LSTM, QC_W_F32, 256, v[i]->variant.cpu);
        bench_case(v[i], "100 steps GRU 64", QC_RNN_GRU_AFTER, QC_W_F32, 64, v[i]->variant.cpu);
        bench_case(v[i], "100 steps simple 64", QC_RNN_SIMPLE, QC_W_F32, 64, v[i]->variant.cpu);
    }
}

const struct check_family qc_check_recurrent = {"recurrent", check, bench};
