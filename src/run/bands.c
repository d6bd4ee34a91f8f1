/*
 * bands.c - products one behind the other run in bands of rows, so that what passes between them stays in the second-level cache. See run.h.
 *
 * A chain is a product, the one that alone reads its result, and so on, while these results are too large for the cache. The last one's
 * rows are computed band by band; of every result in between a window of rows is in memory, as many as the next product needs. Every row
 * is computed once: those that the next band needs again move to the front of the window.
 *
 * Several threads each take a part of the last one's rows through the whole chain, with windows of their own, so that nothing passes from one core
 * to another; the few rows in between that two parts need are computed twice.
 */
#include "run/run.h"

#include "base/cpu.h"
#include <string.h>

enum { MEMBERS = 16, OPERANDS = 4 };

struct member {
    struct qc_step *step;
    struct qc_frame_step *fs;
    int32_t height, capacity; /* rows of the result, and of a window on it */
    int32_t origin, done;     /* while running: first row in the window; rows computed */
    int32_t keep, end;        /* of the band under way: first row that is needed; rows [done, end) are to be computed */
    size_t row_bytes, scratch_bytes; /* scratch of one part */
};

struct qc_bands {
    int32_t rows; /* of a band */
    int32_t stop; /* of the part under way: the last member's row behind it */
    int count, parts;
    struct member member[MEMBERS];
};

/* The members begin with the rows that the part's first row is made of. */
static void begin(struct qc_bands *b, int part)
{
    const int64_t height = b->member[b->count - 1].height;
    int32_t row = (int32_t)(height * part / b->parts), behind;
    b->stop = (int32_t)(height * (part + 1) / b->parts);
    for (int k = b->count - 1; k >= 0; k--) {
        const struct qc_step *step = b->member[k].step;
        b->member[k].origin = b->member[k].done = row;
        if (k) step->op->rows_needed(step, row, row + 1, &row, &behind);
    }
}

/* What every member does for the next band. False: there is none. */
static bool next_band(struct qc_bands *b)
{
    struct member *last = &b->member[b->count - 1];
    if (last->done >= b->stop) return false;
    last->end = QC_MIN(last->done + b->rows, b->stop);
    for (int k = b->count - 1; k > 0; k--) {
        const struct member *next = &b->member[k];
        struct member *m = &b->member[k - 1];
        m->keep = m->end = m->done;
        if (next->end > next->done) next->step->op->rows_needed(next->step, next->done, next->end, &m->keep, &m->end);
        m->keep = QC_MIN(m->keep, m->done);
        m->end = QC_MAX(m->end, m->done);
    }
    return true;
}

/* Bytes of all windows of one part for bands of that many rows. Sets the windows' capacities. */
static size_t measure(struct qc_bands *b, int32_t rows)
{
    size_t bytes = 0;
    b->rows = rows;
    for (int k = 0; k < b->count; k++) b->member[k].capacity = 0;
    for (int part = 0; part < b->parts; part++)
        for (begin(b, part); next_band(b);)
            for (int k = 0; k < b->count; k++) {
                struct member *m = &b->member[k];
                m->capacity = QC_MAX(m->capacity, m->end - m->keep);
                m->done = m->end;
            }
    for (int k = 0; k < b->count - 1; k++) bytes += (size_t)b->member[k].capacity * b->member[k].row_bytes;
    return bytes;
}

static bool can_join(const struct qc_frame_step *fs)
{
    return fs->step.banded && fs->step.in_count <= OPERANDS && !fs->evaluated && !fs->at_invoke;
}

static void add(struct qc_bands *b, struct qc_frame_step *fs)
{
    const struct qc_value *out = fs->step.out[0];
    b->member[b->count++] = (struct member){.step = &fs->step, .fs = fs, .height = out->dims[1], .row_bytes = out->bytes / (size_t)out->dims[1]};
}

/* Rows of a band so that windows and weights fit in `cache`; 0: not even one does. Multiples of 3 suit the matrix kernels' tiles of 6 rows. */
static int32_t fit(struct qc_bands *b, size_t cache)
{
    size_t weights = 0;
    int32_t rows = b->member[b->count - 1].height;
    for (int k = 0; k < b->count; k++) weights += b->member[k].step->in[1]->bytes;
    if (weights >= cache || measure(b, 1) > cache - weights) return 0;
    while (rows > 1 && measure(b, rows) > cache - weights) rows = rows > 3 ? (rows - 1) / 3 * 3 : rows - 1;
    return rows;
}

/* The longest chain that begins with step n; one member: none. */
static void collect(struct qc_frame *frame, struct qc_uses *uses, uint32_t n, size_t cache, struct qc_bands *b)
{
    b->count = 0;
    add(b, &frame->step[n]);
    for (;;) {
        const struct qc_value *out = b->member[b->count - 1].step->out[0];
        const struct qc_uses *u = qc_uses_of(frame, uses, out);
        if (b->count == MEMBERS || u->count != 1 || out->bytes < cache / 4) return;
        struct qc_frame_step *next = &frame->step[u->reader[0]];
        if (!can_join(next) || next->step.in[0] != out) return;
        add(b, next);
        if (!fit(b, cache)) {
            b->count--;
            return;
        }
    }
}

static size_t window_bytes(const struct member *m) { return ((size_t)m->capacity * m->row_bytes + 63) & ~(size_t)63; }

static void settle(struct qc_frame *frame, struct qc_bands *b)
{
    const int32_t at = (int32_t)(b->member[b->count - 1].fs - frame->step);
    for (int k = 0; k < b->count; k++) {
        struct member *m = &b->member[k];
        m->fs->at = at;
        if (k < b->count - 1) qc_frame_holder(m->step->out[0])->window_bytes = (size_t)b->parts * window_bytes(m);
        m->scratch_bytes = m->step->scratch_bytes;
        m->step->scratch_bytes *= (size_t)b->parts;
    }
    b->member[b->count - 1].fs->bands = b;
}

qc_status qc_frame_bands(struct qc_frame *frame)
{
    const size_t cache = (size_t)qc_cpu_l2_bytes() / 2;
    if (frame->session->observe) return QC_OK; /* it wants to see every value as a whole */
    struct qc_uses *uses = qc_frame_uses(frame);
    qc_status status = uses ? QC_OK : QC_NOMEM;
    for (uint32_t n = 0; n < frame->graph->node_count && !status; n++) {
        struct qc_bands b = {.parts = qc_pool_threads(frame->session->rt.pool)};
        if (!can_join(&frame->step[n]) || frame->step[n].at != (int32_t)n || frame->step[n].bands) continue;
        collect(frame, uses, n, cache, &b);
        if (b.count < 2) continue;
        if (fit(&b, cache) * b.parts >= b.member[b.count - 1].height) continue; /* all of it fits */
        struct qc_bands *kept = qc_arena_alloc(&frame->arena, sizeof *kept);
        if (!kept) status = QC_NOMEM;
        else settle(frame, memcpy(kept, &b, sizeof b));
    }
    qc_env_free(&frame->session->env, uses);
    return status;
}

/* ---- running ---- */

/* A thread's own view of the chain: steps whose operands in between are its windows, and which use no threads. */
struct part {
    struct qc_bands bands;
    struct qc_runtime rt;
    struct qc_step step[MEMBERS];
    struct qc_value value[MEMBERS]; /* the window on member k's result */
    char *window[MEMBERS];
    struct qc_value *in[MEMBERS][OPERANDS], *out[MEMBERS];
};

static void make_part(struct part *p, const struct qc_bands *b, int part)
{
    p->bands = *b;
    p->rt = *b->member[0].step->rt;
    p->rt.pool = NULL;
    for (int k = 0; k < b->count; k++) {
        struct member *m = &p->bands.member[k];
        struct qc_step *step = &p->step[k];
        *step = *m->step;
        memcpy(p->in[k], step->in, (size_t)step->in_count * sizeof *step->in);
        p->out[k] = step->out[0];
        if (k) p->in[k][0] = &p->value[k - 1];
        if (k < b->count - 1) {
            p->value[k] = *step->out[0];
            p->window[k] = (char *)qc_frame_holder(step->out[0])->window + (size_t)part * window_bytes(m);
            p->out[k] = &p->value[k];
        }
        step->in = p->in[k];
        step->out = &p->out[k];
        step->rt = &p->rt;
        step->scratch = (char *)step->scratch + (size_t)part * m->scratch_bytes;
        m->step = step;
    }
    begin(&p->bands, part);
}

/* Makes room for the band's rows in the window, and has the value's data point to where row 0 would be. */
static void slide(struct member *m, struct qc_value *value, char *window)
{
    if (m->end - m->origin > m->capacity) {
        memmove(window, window + (size_t)(m->keep - m->origin) * m->row_bytes, (size_t)(m->done - m->keep) * m->row_bytes);
        m->origin = m->keep;
    }
    value->data = (void *)((uintptr_t)window - (size_t)m->origin * m->row_bytes);
}

struct run {
    struct qc_bands *bands;
    uint64_t (*now)(void);
};

static void run_part(struct run *run, int number)
{
    struct part p;
    uint64_t (*now)(void) = number ? NULL : run->now; /* the times are those of the first part */
    for (make_part(&p, run->bands, number); next_band(&p.bands);)
        for (int k = 0; k < p.bands.count; k++) {
            struct member *m = &p.bands.member[k];
            if (m->end == m->done) continue;
            const uint64_t start = now ? now() : 0;
            if (k < p.bands.count - 1) slide(m, &p.value[k], p.window[k]);
            m->step->op->run_rows(m->step, m->done, m->end);
            m->done = m->end;
            if (now) m->fs->nanoseconds += now() - start;
        }
}

static void run_parts(void *context, size_t first, size_t last, int thread)
{
    (void)thread;
    for (size_t i = first; i < last; i++) run_part(context, (int)i);
}

void qc_bands_run(struct qc_bands *b, struct qc_pool *pool, uint64_t (*now)(void))
{
    struct run run = {b, now};
    qc_pool_for(pool, (size_t)b->parts, 1, run_parts, &run);
    for (int k = 0; k < b->count; k++) b->member[k].fs->calls += now != NULL;
}
