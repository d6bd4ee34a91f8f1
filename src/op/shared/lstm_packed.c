/*
 * lstm_packed.c - see lstm_packed.h.
 *
 * The gates stand side by side in one product of 4 * padded columns, where `padded` is the number of units in whole vectors. The input's product is made
 * for several time steps at once, the recurrent one step by step.
 */
#include "op/shared/lstm_packed.h"

#include "kernel/fingerprint.h"
#include "kernel/fixed_s16.h"
#include "kernel/gemm_s8.h"
#include "kernel/lstm_s8_rows.h"

#include <stdio.h>

enum { INPUT, FORGET, CELL, OUTPUT, GATES };
enum { AT_ONCE = 24 }; /* time steps of an input's product: whole tiles, whose sums stay in the second-level cache */

struct qc_lstm_packed {
    const struct qc_gemm_s8 *gemm;
    const struct qc_lstm_s8_rows *rows;
    const struct qc_fixed_s16 *fixed;
    const struct qc_lstm_map *map;
    const struct qc_lstm_s8 *lstm;
    size_t padded;
    const void *w, *recurrent;
    size_t scratch, thread_bytes;
};

/* One thread's work. */
struct work {
    int32_t *x, *h;          /* sums of AT_ONCE steps and of one: [4 * padded] each */
    int16_t *gate[GATES], *activated, *c;
    int8_t *state;
    void *gemm;
    size_t bytes;
};

static void *take(char *base, size_t *at, size_t bytes)
{
    void *piece = base + *at;
    *at += (bytes + 63) & ~(size_t)63;
    return piece;
}

static struct work work_of(const struct qc_lstm_packed *p, char *base)
{
    const size_t n = p->padded, input = qc_gemm_s8_work_bytes(p->gemm, 1, p->lstm->input, false, 1),
                 output = qc_gemm_s8_work_bytes(p->gemm, 1, p->lstm->output, false, 1);
    struct work w;
    size_t at = 0;
    w.x = take(base, &at, AT_ONCE * GATES * n * sizeof *w.x);
    w.h = take(base, &at, GATES * n * sizeof *w.h);
    for (int g = 0; g < GATES; g++) w.gate[g] = take(base, &at, n * sizeof *w.gate[g]);
    w.activated = take(base, &at, n * sizeof *w.activated);
    w.c = take(base, &at, n * sizeof *w.c);
    w.state = take(base, &at, n);
    w.gemm = take(base, &at, input > output ? input : output);
    w.bytes = at;
    return w;
}

qc_status qc_lstm_packed_plan(struct qc_step *step, const struct qc_lstm_map *map, const struct qc_lstm_sizes *s, const struct qc_lstm_s8 *lstm,
                              struct qc_lstm_packed **packed)
{
    bool plain = !s->coupled && !s->normalized && !s->peephole && !s->projected && s->cells > 0 && s->input > 0;
    for (int g = 0; g < GATES && plain; g++)
        plain = step->in[map->w + g]->constant && step->in[map->recurrent + g]->constant && step->in[map->bias + g]->constant;
    if (!plain) return QC_OK;
    struct qc_lstm_packed *p = qc_step_alloc(step, sizeof *p);
    if (!p) return QC_NOMEM;
    const uint32_t features = qc_cpu_features();
    *p = (struct qc_lstm_packed){.gemm = qc_gemm_s8_pick(features), .rows = qc_lstm_s8_rows_pick(features), .fixed = qc_fixed_s16_pick(features),
                                 .map = map, .lstm = lstm, .padded = (lstm->cells + QC_LSTM_ROW - 1) / QC_LSTM_ROW * QC_LSTM_ROW};
    char origin[1];
    p->thread_bytes = work_of(p, origin).bytes;
    p->scratch = qc_step_scratch(step, p->thread_bytes * (size_t)qc_pool_threads(step->rt->pool));
    step->kernel = p->gemm->variant.name;
    *packed = p;
    return QC_OK;
}

/* ---- packing ---- */

struct filling {
    const struct qc_step *step;
    const struct qc_lstm_packed *packed;
    int first; /* operand of the first gate's weights */
    size_t depth;
    bool biased;
    int8_t *w; /* [4 * padded][depth], zeros */
    int32_t *bias;
};

static void fill(void *block, const void *context)
{
    const struct filling *f = context;
    const size_t n = f->packed->padded, cells = f->packed->lstm->cells;
    for (int g = 0; g < GATES; g++) {
        memcpy(f->w + (size_t)g * n * f->depth, f->step->in[f->first + g]->data, cells * f->depth);
        if (f->biased) memcpy(f->bias + (size_t)g * n, f->step->in[f->packed->map->bias + g]->data, cells * sizeof *f->bias);
    }
    const struct qc_gemm_s8_pack pack = {.columns = GATES * n, .taps = 1, .depth = f->depth, .w = f->w, .bias = f->bias};
    qc_gemm_s8_pack(block, &pack);
}

static uint64_t fingerprint(const struct filling *f)
{
    const size_t cells = f->packed->lstm->cells;
    uint64_t hash = 0;
    for (int g = 0; g < GATES; g++) {
        hash = hash * 31 + qc_fingerprint64(f->step->in[f->first + g]->data, cells * f->depth);
        if (f->biased) hash = hash * 31 + qc_fingerprint64(f->step->in[f->packed->map->bias + g]->data, cells * sizeof(int32_t));
    }
    return hash;
}

static const void *pack(struct qc_step *step, const struct qc_lstm_packed *p, int first, size_t depth, bool biased)
{
    const size_t columns = GATES * p->padded, bytes = (columns * depth + 63) & ~(size_t)63;
    char *room = qc_env_resize(step->rt->env, NULL, bytes + columns * sizeof(int32_t)), kind[64];
    if (!room) return NULL;
    memset(room, 0, bytes + columns * sizeof(int32_t));
    const struct filling f = {step, p, first, depth, biased, (int8_t *)room, (int32_t *)(void *)(room + bytes)};
    snprintf(kind, sizeof kind, "lstm_packed %zu %016llx", depth, (unsigned long long)fingerprint(&f));
    const void *packed = qc_step_pack(step, step->in[first], kind, qc_gemm_s8_packed_bytes(columns, 1, depth), fill, &f);
    qc_env_free(step->rt->env, room);
    return packed;
}

qc_status qc_lstm_packed_prepare(struct qc_step *step, struct qc_lstm_packed *p)
{
    p->w = pack(step, p, p->map->w, p->lstm->input, true);
    p->recurrent = p->w ? pack(step, p, p->map->recurrent, p->lstm->output, false) : NULL;
    return p->recurrent ? QC_OK : QC_NOMEM;
}

/* ---- running ---- */

/* Sums of `count` rows from x on. */
static void product(const struct qc_lstm_packed *p, const struct work *w, const void *packed, const int8_t *x, size_t pitch, size_t count, size_t depth,
                    int32_t zero, int32_t *sums)
{
    const struct qc_gemm_s8_call call = {.kernel = p->gemm, .form = QC_S8_SUM, .m = count, .columns = GATES * p->padded, .depth = depth,
                                         .rows = {(const char *)x, pitch, NULL, NULL}, .packed = packed, .zero = &zero, .c = sums,
                                         .ldc = GATES * p->padded, .work = w->gemm};
    qc_gemm_s8_run(&call, NULL);
}

static void one_step(const struct qc_lstm_packed *p, const struct work *w, const int32_t *x)
{
    const struct qc_lstm_s8 *l = p->lstm;
    const size_t n = p->padded;
    product(p, w, p->recurrent, w->state, l->output, 1, l->output, l->h_zero, w->h);
    for (int g = 0; g < GATES; g++) {
        const size_t at = (size_t)g * n;
        p->rows->sums(n, x + at, l->gate[g].input_scale, w->h + at, l->gate[g].recurrent_scale, w->gate[g]);
        if (g == CELL) p->fixed->tanh(n, 3, w->gate[g], w->gate[g]);
        else p->fixed->logistic(n, w->gate[g], w->gate[g]);
    }
    p->rows->cell(n, w->gate[INPUT], w->gate[FORGET], w->gate[CELL], l->cell_bits, l->cell_clip, w->c);
    p->fixed->tanh(n, l->cell_bits, w->c, w->activated);
    p->rows->hidden(n, w->gate[OUTPUT], w->activated, l->hidden_scale, l->hidden_zero, w->state);
}

struct task {
    const struct qc_step *step;
    const struct qc_lstm_packed *packed;
    const struct qc_sequence *sequence;
};

static void run_rows(void *context, size_t begin, size_t end, int thread)
{
    const struct task *t = context;
    const struct qc_lstm_packed *p = t->packed;
    const struct qc_lstm_s8 *l = p->lstm;
    const struct qc_sequence *q = t->sequence;
    const struct work w = work_of(p, (char *)t->step->scratch + p->scratch + (size_t)thread * p->thread_bytes);
    const int8_t *x = t->step->in[0]->data;
    int8_t *y = t->step->out[0]->data, *h = t->step->in[p->map->h]->data;
    int16_t *c = t->step->in[p->map->c]->data;
    const size_t time = (size_t)q->time;
    for (size_t b = begin; b < end; b++) {
        memset(w.c, 0, p->padded * sizeof *w.c);
        memcpy(w.c, c + b * l->cells, l->cells * sizeof *c);
        memcpy(w.state, h + b * l->output, l->output);
        for (size_t done = 0, count; done < time; done += count) {
            count = QC_MIN(time - done, (size_t)AT_ONCE);
            const size_t first = q->backward ? time - done - count : done; /* in memory */
            product(p, &w, p->w, x + (first * q->time_step + b * q->batch_step) * l->input, q->time_step * l->input, count, l->input, l->x_zero, w.x);
            for (size_t i = 0; i < count; i++) {
                const size_t nth = q->backward ? count - 1 - i : i;
                one_step(p, &w, w.x + nth * GATES * p->padded);
                memcpy(y + ((first + nth) * q->time_step + b * q->batch_step) * l->output, w.state, l->output);
            }
        }
        memcpy(c + b * l->cells, w.c, l->cells * sizeof *c);
        memcpy(h + b * l->output, w.state, l->output);
    }
}

void qc_lstm_packed_run(const struct qc_step *step, const struct qc_lstm_packed *packed, const struct qc_sequence *sequence)
{
    struct task task = {step, packed, sequence};
    qc_pool_for(step->rt->pool, (size_t)sequence->batch, 1, run_rows, &task);
}
