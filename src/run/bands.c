/*
 * bands.c - products one behind the other run in bands of rows, so that what passes between them stays in the second-level cache. See run.h.
 *
 * A chain is a product, the one that alone reads its result, and so on, while these results are too large for the cache. The last one's
 * rows are computed band by band; of every result in between a window of rows is in memory, as many as the next product needs. Every row
 * is computed once: those that the next band needs again move to the front of the window.
 */
#include "run/run.h"

#include "base/cpu.h"
#include <string.h>

enum { MEMBERS = 16 };

struct member {
    struct qc_step *step;
    struct qc_frame_step *fs;
    int32_t height, capacity; /* rows of the result, and of the window on it */
    int32_t origin, done;     /* while running: first row in the window; rows computed */
    int32_t keep, end;        /* of the band under way: first row that is needed; rows [done, end) are to be computed */
    size_t row_bytes;
};

struct qc_bands {
    int32_t rows; /* of a band */
    int count;
    struct member member[MEMBERS];
};

static void begin(struct qc_bands *b)
{
    for (int k = 0; k < b->count; k++) b->member[k].origin = b->member[k].done = 0;
}

/* What every member does for the next band. False: there is none. */
static bool next_band(struct qc_bands *b)
{
    struct member *last = &b->member[b->count - 1];
    if (last->done == last->height) return false;
    last->end = QC_MIN(last->done + b->rows, last->height);
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

/* Bytes of all windows for bands of that many rows. Sets the windows' capacities. */
static size_t measure(struct qc_bands *b, int32_t rows)
{
    size_t bytes = 0;
    b->rows = rows;
    for (int k = 0; k < b->count; k++) b->member[k].capacity = 0;
    for (begin(b); next_band(b);)
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
    return fs->step.banded && !fs->evaluated && !fs->at_invoke;
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

static void settle(struct qc_frame *frame, struct qc_bands *b)
{
    const int32_t at = (int32_t)(b->member[b->count - 1].fs - frame->step);
    for (int k = 0; k < b->count; k++) {
        struct member *m = &b->member[k];
        m->fs->at = at;
        if (k < b->count - 1) qc_frame_holder(m->step->out[0])->window_bytes = (size_t)m->capacity * m->row_bytes;
    }
    b->member[b->count - 1].fs->bands = b;
}

qc_status qc_frame_bands(struct qc_frame *frame)
{
    const size_t cache = (size_t)qc_cpu_l2_bytes() / 2;
    /* An observer wants every value as a whole. Several threads would cut every band among them, and the rows that a thread needs of one product
     * would be in the cache of another; without bands each has its part of the picture in all of them. */
    if (frame->session->observe || qc_pool_threads(frame->session->pool) > 1) return QC_OK;
    struct qc_uses *uses = qc_frame_uses(frame);
    qc_status status = uses ? QC_OK : QC_NOMEM;
    for (uint32_t n = 0; n < frame->graph->node_count && !status; n++) {
        struct qc_bands b;
        if (!can_join(&frame->step[n]) || frame->step[n].at != (int32_t)n || frame->step[n].bands) continue;
        collect(frame, uses, n, cache, &b);
        if (b.count < 2) continue;
        const int32_t rows = fit(&b, cache);
        if (rows == b.member[b.count - 1].height) continue;
        struct qc_bands *kept = qc_arena_alloc(&frame->arena, sizeof *kept);
        if (!kept) status = QC_NOMEM;
        else settle(frame, memcpy(kept, &b, sizeof b));
    }
    qc_env_free(&frame->session->env, uses);
    return status;
}

/* Makes room for the band's rows in the window, and has the value's data point to where row 0 would be. */
static void slide(struct member *m)
{
    struct qc_frame_value *fv = qc_frame_holder(m->step->out[0]);
    if (m->end - m->origin > m->capacity) {
        memmove(fv->window, (char *)fv->window + (size_t)(m->keep - m->origin) * m->row_bytes, (size_t)(m->done - m->keep) * m->row_bytes);
        m->origin = m->keep;
    }
    fv->value.data = (void *)((uintptr_t)fv->window - (size_t)m->origin * m->row_bytes);
}

qc_status qc_bands_run(struct qc_bands *b, uint64_t (*now)(void))
{
    for (begin(b); next_band(b);)
        for (int k = 0; k < b->count; k++) {
            struct member *m = &b->member[k];
            if (m->end == m->done) continue;
            const uint64_t start = now ? now() : 0;
            if (k < b->count - 1) slide(m);
            QC_TRY(m->step->op->run_rows(m->step, m->done, m->end));
            m->done = m->end;
            if (now) m->fs->nanoseconds += now() - start;
        }
    for (int k = 0; k < b->count; k++) b->member[k].fs->calls += now != NULL;
    return QC_OK;
}
