/*
 * gemm_s8.c - packing, splitting and looping of integer matrix products. See gemm_s8.h.
 */
#include "kernel/gemm_s8.h"

#include "kernel/gemm_split.h"
#include <string.h>

enum { PANEL = 16 };

extern const struct qc_gemm_s8 qc_gemm_s8_ref, qc_gemm_s8_avx2, qc_gemm_s8_avx512, qc_gemm_s8_avxvnni, qc_gemm_s8_avx512vnni,
    qc_gemm_s8_neon, qc_gemm_s8_dotprod;

static const struct qc_gemm_s8 *const variant[] = {
    &qc_gemm_s8_ref,
#if QC_X86
    &qc_gemm_s8_avx2,
    &qc_gemm_s8_avxvnni,
    &qc_gemm_s8_avx512,
    &qc_gemm_s8_avx512vnni,
#elif QC_ARM
    &qc_gemm_s8_neon,
    &qc_gemm_s8_dotprod,
#endif
};

const struct qc_gemm_s8 *const *qc_gemm_s8_variants(size_t *count)
{
    *count = sizeof variant / sizeof *variant;
    return variant;
}

const struct qc_gemm_s8 *qc_gemm_s8_pick(uint32_t features)
{
    const struct qc_gemm_s8 *chosen;
    QC_PICK(variant, features, chosen);
    return chosen;
}

static size_t fours(size_t depth) { return (depth + 3) / 4; }

size_t qc_gemm_s8_panel_bytes(size_t taps, size_t depth)
{
    return sizeof(struct qc_s8_head) + taps * fours(depth) * PANEL * 4;
}

size_t qc_gemm_s8_packed_bytes(size_t columns, size_t taps, size_t depth)
{
    return (columns + PANEL - 1) / PANEL * qc_gemm_s8_panel_bytes(taps, depth);
}

void qc_gemm_s8_pack(void *block, const struct qc_gemm_s8_pack *p)
{
    const size_t panel_bytes = qc_gemm_s8_panel_bytes(p->taps, p->depth);
    memset(block, 0, qc_gemm_s8_packed_bytes(p->columns, p->taps, p->depth));
    for (size_t n = 0; n < p->columns; n++) {
        char *panel = (char *)block + n / PANEL * panel_bytes;
        struct qc_s8_head *head = (struct qc_s8_head *)(void *)panel;
        const size_t lane = n % PANEL;
        int8_t *to = (int8_t *)panel + sizeof *head + lane * 4;
        const int8_t *from = p->w + n * p->taps * p->depth;
        uint32_t sum = 0;
        for (size_t tap = 0; tap < p->taps; tap++, to += fours(p->depth) * PANEL * 4, from += p->depth)
            for (size_t k = 0; k < p->depth; k++) {
                to[k / 4 * PANEL * 4 + k % 4] = from[k];
                sum += (uint32_t)from[k];
            }
        head->weight_sum[lane] = (int32_t)sum;
        if (p->bias) head->bias[lane] = p->bias[n];
        if (p->scale) head->scale[lane] = p->scale[n];
        if (p->float_bias) head->float_bias[lane] = p->float_bias[n];
    }
}

/* One tap costs a pointer for each row and up to three multiplications by padding for each column. */
bool qc_gemm_s8_gathers(size_t taps, size_t depth) { return taps > 1 && depth < 16 && (depth < 8 || depth % 4); }

/*
 * Rows are made ready for the tile: gathered, copied to whole fours, widened. Gathered ones many at a time: a tile that loads what was just stored
 * in other pieces waits for the stores to reach the cache.
 */
enum { AHEAD = 8 * QC_TILE_ROWS };

static size_t rows_at_once(bool gather) { return gather ? AHEAD : QC_TILE_ROWS; }

/* Work of one thread: pointers to rows in the input and as the tile reads them, and room for rows that are copied and widened. */
static size_t thread_bytes(const struct qc_gemm_s8 *kernel, size_t taps, size_t depth, bool gather)
{
    const size_t pointers = taps * QC_TILE_ROWS * sizeof(void *) * 2;
    const size_t rows = gather ? AHEAD * fours(taps * depth) * 4 : taps * QC_TILE_ROWS * fours(depth) * 4;
    return (pointers + rows + (kernel->widen ? rows * sizeof(int16_t) : 0) + 63) & ~(size_t)63;
}

size_t qc_gemm_s8_work_bytes(const struct qc_gemm_s8 *kernel, size_t taps, size_t depth, bool gather, int threads)
{
    return thread_bytes(kernel, taps, depth, gather) * (size_t)threads;
}

struct loop {
    const struct qc_gemm_s8_call *call;
    struct qc_gemm_split split;
    size_t taps, depth; /* of the packed weights */
    size_t panel_bytes, width;
};

struct room { /* one thread's work space */
    const void **pointer, **ready; /* to the rows in the input, and as the tile reads them */
    int16_t *wide;
    int8_t *copy;
};

static struct room room_of(const struct loop *l, void *work)
{
    const size_t rows = qc_rows_taps(&l->call->rows) * QC_TILE_ROWS, padded = fours(l->depth) * 4;
    struct room r = {.pointer = work};
    r.ready = r.pointer + rows;
    r.wide = (int16_t *)(void *)(r.ready + rows);
    r.copy = (int8_t *)(l->call->kernel->widen ? r.wide + padded * l->taps * rows_at_once(l->call->gather) : r.wide);
    return r;
}

/* Gathers up to AHEAD rows from `first` on, below `end`. */
static void gather_rows(const struct loop *l, size_t first, size_t end, const struct room *r)
{
    const size_t padded = fours(l->depth) * 4, count = QC_MIN(end - first, (size_t)AHEAD);
    qc_rows_gather(&l->call->rows, first, count, l->call->depth, r->copy, padded);
    if (l->call->kernel->widen)
        for (size_t m = 0; m < count; m++) l->call->kernel->widen(r->copy + m * padded, l->depth, r->wide + m * padded);
}

/* Pointers to rows that the tile can read: `count` rows from `first` on, the `nth` of those gathered. */
static const void *const *ready_rows(const struct loop *l, size_t first, size_t count, size_t nth, const struct room *r)
{
    const struct qc_gemm_s8 *kernel = l->call->kernel;
    const size_t padded = fours(l->depth) * 4;
    if (l->call->gather) {
        for (size_t m = nth; m < nth + count; m++)
            r->ready[m - nth] = kernel->widen ? (const void *)(r->wide + m * padded) : r->copy + m * padded;
        return r->ready;
    }
    qc_rows_fill(&l->call->rows, first, count, r->pointer);
    if (!kernel->widen && l->depth % 4 == 0) return r->pointer;
    size_t i = 0;
    for (size_t tap = 0; tap < l->taps; tap++)
        for (size_t m = 0; m < count; m++, i += padded) { /* a padding row is done once for each place */
            const size_t at = tap * QC_TILE_ROWS + m;
            if (kernel->widen) kernel->widen(r->pointer[at], l->depth, r->wide + i);
            else memcpy(r->copy + i, r->pointer[at], l->depth);
            r->ready[at] = kernel->widen ? (const void *)(r->wide + i) : r->copy + i;
        }
    return r->ready;
}

static void run_block(const struct loop *l, size_t row_begin, size_t row_end, size_t column_begin, size_t column_end, char *work)
{
    const struct qc_gemm_s8_call *call = l->call;
    const struct room room = room_of(l, work);
    int32_t zero[QC_TILE_ROWS];
    float scale[QC_TILE_ROWS];
    struct qc_gemm_s8_tile t = {.form = call->form, .taps = l->taps, .depth = l->depth, .panel_bytes = l->panel_bytes, .zero = zero, .row_scale = scale, .ldc = call->ldc,
                                .zero_point = call->zero_point, .low = call->low, .high = call->high};
    const size_t element = call->form == QC_S8_REQUANT ? 1 : 4;
    for (size_t m = row_begin; m < row_end; m += QC_TILE_ROWS) {
        const size_t nth = (m - row_begin) % AHEAD;
        if (call->gather && nth == 0) gather_rows(l, m, row_end, &room);
        t.rows = QC_MIN(row_end - m, (size_t)QC_TILE_ROWS);
        t.a = ready_rows(l, m, t.rows, nth, &room);
        for (size_t i = 0; i < t.rows; i++) {
            zero[i] = call->zero[(m + i) * call->row_step];
            scale[i] = call->row_scale ? call->row_scale[(m + i) * call->row_step] : 1;
        }
        for (size_t n = column_begin; n < column_end; n += l->width) {
            t.columns = QC_MIN(column_end - n, l->width);
            t.w = (const char *)call->packed + n / PANEL * l->panel_bytes;
            t.c = (char *)call->c + (m * call->ldc + n) * element;
            call->kernel->tile(&t);
        }
    }
}

static void run_pieces(void *context, size_t begin, size_t end, int thread)
{
    const struct loop *l = context;
    char *work = (char *)l->call->work + (size_t)thread * thread_bytes(l->call->kernel, qc_rows_taps(&l->call->rows), l->call->depth, l->call->gather);
    for (size_t i = begin; i < end; i++) {
        const size_t row = i % l->split.row_blocks * l->split.row_block * QC_TILE_ROWS;
        const size_t column = i / l->split.row_blocks * l->split.column_block * l->width;
        run_block(l, row, QC_MIN(row + l->split.row_block * QC_TILE_ROWS, l->call->m), column,
                  QC_MIN(column + l->split.column_block * l->width, l->call->columns), work);
    }
}

void qc_gemm_s8_run(const struct qc_gemm_s8_call *call, struct qc_pool *pool)
{
    const size_t taps = qc_rows_taps(&call->rows);
    struct loop l = {.call = call, .taps = call->gather ? 1 : taps, .depth = call->gather ? taps * call->depth : call->depth,
                     .width = (call->kernel->columns + PANEL - 1) / PANEL * PANEL};
    if (!call->m || !call->columns) return;
    l.panel_bytes = qc_gemm_s8_panel_bytes(l.taps, l.depth);
    /* a widened row pays when many columns use it: columns are cut only as far as the cache asks */
    l.split = qc_gemm_split((call->m + QC_TILE_ROWS - 1) / QC_TILE_ROWS, (call->columns + l.width - 1) / l.width,
                            QC_MIN(call->m, (size_t)QC_TILE_ROWS) * l.width * l.taps * l.depth / 2, l.panel_bytes * (l.width / PANEL),
                            qc_pool_threads(pool));
    qc_pool_for(pool, l.split.row_blocks * l.split.column_blocks, 1, run_pieces, &l);
}
