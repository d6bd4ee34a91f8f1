/*
 * gemm_s8.c - packing, splitting and looping of integer matrix products. See gemm_s8.h.
 */
#include "kernel/gemm_s8.h"

#include "kernel/gemm_split.h"
#include <string.h>

enum { PANEL = 16 };

extern const struct qc_gemm_s8 qc_gemm_s8_ref, qc_gemm_s8_avx2, qc_gemm_s8_avx512, qc_gemm_s8_avxvnni, qc_gemm_s8_avx512vnni,
    qc_gemm_s8_neon, qc_gemm_s8_dotprod, qc_gemm_s16_ref, qc_gemm_s16_avx512vnni;

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

static const struct qc_gemm_s8 *const variant_s16[] = {
    &qc_gemm_s16_ref,
#if QC_X86
    &qc_gemm_s8_avx2, /* what widens int8 reads int16 */
    &qc_gemm_s8_avx512, /* vpdpwssd, at half the rate on the CPUs measured, is slower */
    &qc_gemm_s16_avx512vnni,
#elif QC_ARM
    &qc_gemm_s8_neon,
#endif
};

const struct qc_gemm_s8 *const *qc_gemm_s16_variants(size_t *count)
{
    *count = sizeof variant_s16 / sizeof *variant_s16;
    return variant_s16;
}

const struct qc_gemm_s8 *qc_gemm_s16_pick(uint32_t features)
{
    const struct qc_gemm_s8 *chosen;
    QC_PICK(variant_s16, features, chosen);
    return chosen;
}

/* Products of float64 stay below 2^53: sums below 2^37, multipliers of 15 bits, and half a unit of the last place is added. */
size_t qc_s16_chunk(enum qc_s8_form form, size_t weight_sum, double largest, double largest_scaled)
{
    if (!(largest < 0x1p37) || (form == QC_S16_WIDE && !(largest_scaled < 0x1p31))) return QC_S16_REFUSED;
    return weight_sum < 65536 ? SIZE_MAX : 508; /* 508 * 128 * 2^15 < 2^31 */
}

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

enum { ROW = PANEL * 4, PIECE = 256 };

/* At most PIECE k of one column into its lane, the last four filled up with zeros; returns their sum. That is taken of eight at once, as bytes + 128
 * in four lanes of 16 bits, which hold 2 * 32 of them. */
static uint32_t pack_lane(char *to, const int8_t *from, size_t depth)
{
    const uint64_t even = UINT64_C(0x00ff00ff00ff00ff), words = UINT64_C(0x0000ffff0000ffff);
    uint64_t eight, lanes = 0;
    size_t k = 0;
    for (; k + 8 <= depth; k += 8, to += 2 * ROW) {
        memcpy(&eight, from + k, 8);
        memcpy(to, from + k, 4);
        memcpy(to + ROW, from + k + 4, 4);
        eight ^= UINT64_C(0x8080808080808080);
        lanes += (eight & even) + (eight >> 8 & even);
    }
    lanes = (lanes & words) + (lanes >> 16 & words);
    uint32_t sum = (uint32_t)lanes + (uint32_t)(lanes >> 32) - 128 * (uint32_t)k;
    for (; k < depth; k += 4, to += ROW) {
        const size_t count = QC_MIN(depth - k, (size_t)4);
        memset(to, 0, 4);
        memcpy(to, from + k, count);
        for (size_t i = 0; i < count; i++) sum += (uint32_t)from[k + i];
    }
    return sum;
}

/* All k of one panel; a piece of all columns at a time, so that rows stay in the cache while their lanes are filled. */
static void pack_panel(char *panel, const struct qc_gemm_s8_pack *p, size_t first, uint32_t *sum)
{
    const size_t columns = QC_MIN(p->columns - first, (size_t)PANEL), all = p->taps * p->depth;
    const int8_t *from = p->w + first * all;
    memset(panel, 0, columns < PANEL ? qc_gemm_s8_panel_bytes(p->taps, p->depth) : sizeof(struct qc_s8_head));
    memset(sum, 0, PANEL * sizeof *sum);
    char *to = panel + sizeof(struct qc_s8_head);
    for (size_t tap = 0; tap < p->taps; tap++, from += p->depth, to += fours(p->depth) * ROW)
        for (size_t k = 0; k < p->depth; k += PIECE)
            for (size_t n = 0; n < columns; n++)
                sum[n] += pack_lane(to + k / 4 * ROW + n * 4, from + n * all + k, QC_MIN(p->depth - k, (size_t)PIECE));
}

void qc_gemm_s8_pack(void *block, const struct qc_gemm_s8_pack *p)
{
    const size_t panel_bytes = qc_gemm_s8_panel_bytes(p->taps, p->depth);
    uint32_t sums[PANEL];
    for (size_t n = 0; n < p->columns; n++) {
        char *panel = (char *)block + n / PANEL * panel_bytes;
        struct qc_s8_head *head = (struct qc_s8_head *)(void *)panel;
        const size_t lane = n % PANEL;
        if (lane == 0) pack_panel(panel, p, n, sums);
        const uint32_t sum = sums[lane];
        if (p->scale64) {
            struct qc_s16_head *wide = (struct qc_s16_head *)(void *)panel;
            wide->bias[lane] = (double)((p->bias64 ? p->bias64[n] : 0) - (int64_t)(int32_t)sum * p->x_bias);
            wide->scale[lane] = p->scale64[n];
            continue;
        }
        head->weight_sum[lane] = (int32_t)sum;
        if (p->narrow) {
            struct qc_s16_narrow_head *narrow = (struct qc_s16_narrow_head *)(void *)panel;
            narrow->bias[lane] = p->bias64 ? (int32_t)p->bias64[n] : 0;
            narrow->multiplier[lane] = p->narrow[n].multiplier;
            narrow->shift[lane] = p->narrow[n].shift;
            continue;
        }
        if (p->bias) head->bias[lane] = p->bias[n];
        if (p->scale) head->scale[lane] = p->scale[n];
        if (p->float_bias) head->float_bias[lane] = p->float_bias[n];
    }
}

/* One tap costs a pointer for each row and up to three multiplications by padding for each column. */
bool qc_gemm_s8_gathers(size_t taps, size_t depth) { return taps > 1 && depth < 16; }

/*
 * Rows are made ready for the tile: gathered, copied to whole fours, widened. Many at a time if they are gathered, or lie one behind the other: a
 * tile that loads what was just stored in other pieces waits for the stores to reach the cache.
 */
enum { AHEAD = 8, AHEAD_ELEMENTS = 8192 };

static size_t rows_at_once(size_t taps, size_t depth, bool gather)
{
    const size_t tiles = gather ? AHEAD : taps > 1 ? 1 : AHEAD_ELEMENTS / QC_TILE_ROWS / (depth + 1);
    return QC_TILE_ROWS * (tiles < 1 ? 1 : tiles > AHEAD ? AHEAD : tiles);
}

/* Work of one thread: pointers to rows in the input and as the tile reads them, and room for rows that are copied and widened. */
static size_t thread_bytes(const struct qc_gemm_s8 *kernel, size_t taps, size_t depth, bool gather)
{
    const size_t pointers = taps * QC_TILE_ROWS * sizeof(void *) * 2;
    const size_t rows = rows_at_once(taps, depth, gather) * (gather ? fours(taps * depth) : taps * fours(depth)) * 4;
    return (pointers + rows * (kernel->element + (kernel->split ? 2 : kernel->widen ? 1 : 0)) + 63) & ~(size_t)63;
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
    size_t at_once; /* rows that are made ready together */
};

struct room { /* one thread's work space */
    const void **pointer, **ready; /* to the rows in the input, and as the tile reads them */
    void (*make)(const void *x, size_t n, void *to); /* of the kernel; NULL: it reads activations as they are */
    char *made, *copy;
    bool flat; /* rows lie one behind the other, in whole fours */
};

static struct room room_of(const struct loop *l, void *work)
{
    const size_t rows = qc_rows_taps(&l->call->rows) * QC_TILE_ROWS, padded = fours(l->depth) * 4;
    const struct qc_gemm_s8 *kernel = l->call->kernel;
    struct room r = {.pointer = work, .make = l->call->wide ? kernel->split : kernel->widen};
    r.ready = r.pointer + rows;
    r.made = (char *)(r.ready + rows);
    r.copy = r.made + (r.make ? padded * l->taps * l->at_once * kernel->element : 0);
    r.flat = r.make && !l->call->rows.window && l->depth % 4 == 0 && l->call->rows.pitch == l->depth * (l->call->wide ? 2 : 1);
    return r;
}

/* Rows from `first` on, below `end`, as many as are made ready together. */
static void rows_ahead(const struct loop *l, size_t first, size_t end, const struct room *r)
{
    const size_t padded = fours(l->depth) * 4, count = QC_MIN(end - first, l->at_once), element = l->call->wide ? 2 : 1;
    if (!l->call->gather) {
        r->make((const char *)l->call->rows.base + first * l->call->rows.pitch, count * l->depth, r->made);
        return;
    }
    qc_rows_gather(&l->call->rows, first, count, l->call->depth * element, r->copy, padded * element);
    if (r->make)
        for (size_t m = 0; m < count; m++) r->make(r->copy + m * padded * element, l->depth, r->made + m * padded * l->call->kernel->element);
}

/* Pointers to rows that the tile can read: `count` rows from `first` on, the `nth` of those made ready ahead. */
static const void *const *ready_rows(const struct loop *l, size_t first, size_t count, size_t nth, const struct room *r)
{
    const size_t element = r->make ? l->call->kernel->element : l->call->wide ? 2 : 1, padded = fours(l->depth) * 4 * element;
    char *to = r->make ? r->made : r->copy;
    if (l->call->gather || r->flat) {
        for (size_t m = nth; m < nth + count; m++) r->ready[m - nth] = to + m * padded;
        return r->ready;
    }
    qc_rows_fill(&l->call->rows, first, count, r->pointer);
    if (!r->make && l->depth % 4 == 0) return r->pointer;
    for (size_t tap = 0; tap < l->taps; tap++)
        for (size_t m = 0; m < count; m++, to += padded) { /* a padding row is done once for each place */
            const size_t at = tap * QC_TILE_ROWS + m;
            if (r->make) r->make(r->pointer[at], l->depth, to);
            else memcpy(to, r->pointer[at], l->depth * element);
            r->ready[at] = to;
        }
    return r->ready;
}

enum { WIDEST = 64, FINISH_ELEMENTS = 2048 /* long rows, still in the first-level cache */ };

/* A tile of int16 whose sums need more than 32 bits: in pieces of k, added in 64. */
static void run_chunks(const struct qc_gemm_s8_call *call, struct qc_gemm_s8_tile t)
{
    int32_t part[QC_TILE_ROWS * WIDEST];
    int64_t sum[QC_TILE_ROWS * WIDEST] = {0};
    int16_t *c = t.c;
    const size_t ldc = t.ldc, taps = t.taps, depth = t.depth;
    const size_t taps_at_once = depth < call->chunk ? call->chunk / depth : 1, depth_at_once = QC_MIN(depth, call->chunk / 4 * 4);
    const void *const *a = t.a, *piece[QC_TILE_ROWS];
    t.form = QC_S16_PART, t.c = part, t.ldc = WIDEST;
    for (size_t tap = 0; tap < taps; tap += t.taps) {
        t.taps = QC_MIN(taps - tap, taps_at_once);
        for (size_t k = 0; k < depth; k += depth_at_once) {
            t.depth = QC_MIN(depth - k, depth_at_once);
            t.skip = tap * fours(depth) + k / 4;
            for (size_t m = 0; m < t.rows; m++) piece[m] = (const int16_t *)a[tap * QC_TILE_ROWS + m] + k;
            t.a = k || t.depth < depth ? piece : a + tap * QC_TILE_ROWS;
            call->kernel->tile(&t);
            for (size_t m = 0; m < t.rows; m++)
                for (size_t n = 0; n < t.columns; n++) sum[m * WIDEST + n] += part[m * WIDEST + n];
        }
    }
    for (size_t m = 0; m < t.rows; m++)
        for (size_t n = 0; n < t.columns; n++) {
            const struct qc_s16_head *head = (const void *)(t.w + n / PANEL * t.panel_bytes);
            c[m * ldc + n] = qc_s16_round((double)sum[m * WIDEST + n] + head->bias[n % PANEL], head->scale[n % PANEL], t.low, t.high, call->form);
        }
}

static void run_block(const struct loop *l, size_t row_begin, size_t row_end, size_t column_begin, size_t column_end, char *work)
{
    const struct qc_gemm_s8_call *call = l->call;
    const struct room room = room_of(l, work);
    int32_t zero[QC_TILE_ROWS];
    float scale[QC_TILE_ROWS];
    struct qc_gemm_s8_tile t = {.form = call->form, .taps = l->taps, .depth = l->depth, .panel_bytes = l->panel_bytes, .zero = zero, .row_scale = scale, .ldc = call->ldc,
                                .zero_point = call->zero_point, .low = call->low, .high = call->high};
    const size_t element = qc_s8_form_bytes(call->form);
    size_t finished = row_begin;
    const bool chunks = call->form >= QC_S16_WIDE && QC_MAX(call->chunk, call->kernel->exact) < l->taps * l->depth;
    for (size_t m = row_begin; m < row_end; m += QC_TILE_ROWS) {
        const size_t nth = (m - row_begin) % l->at_once;
        if ((call->gather || room.flat) && nth == 0) rows_ahead(l, m, row_end, &room);
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
            if (chunks) run_chunks(call, t);
            else call->kernel->tile(&t);
        }
        const size_t rows = m + t.rows - finished, columns = column_end - column_begin;
        if (!call->finish || (m + t.rows < row_end && rows * columns < FINISH_ELEMENTS)) continue;
        qc_finish_rows(call->finish, call->c, element, finished * call->ldc + column_begin, call->ldc, rows, columns);
        finished += rows;
    }
}

static void run_pieces(void *context, size_t begin, size_t end, int thread)
{
    const struct loop *l = context;
    char *work = (char *)l->call->work + (size_t)thread * thread_bytes(l->call->kernel, qc_rows_taps(&l->call->rows), l->call->depth, l->call->gather);
    for (size_t i = begin; i < end; i++) {
        const struct qc_gemm_piece p = qc_gemm_piece(&l->split, i);
        run_block(l, p.row * QC_TILE_ROWS, QC_MIN(p.row_end * QC_TILE_ROWS, l->call->m), p.column * l->width,
                  QC_MIN(p.column_end * l->width, l->call->columns), work);
    }
}

void qc_gemm_s8_run(const struct qc_gemm_s8_call *call, struct qc_pool *pool)
{
    const size_t taps = qc_rows_taps(&call->rows);
    struct loop l = {.call = call, .taps = call->gather ? 1 : taps, .depth = call->gather ? taps * call->depth : call->depth,
                     .width = (call->kernel->columns + PANEL - 1) / PANEL * PANEL};
    if (!call->m || !call->columns) return;
    l.at_once = rows_at_once(taps, call->depth, call->gather);
    l.panel_bytes = qc_gemm_s8_panel_bytes(l.taps, l.depth);
    /* a widened row pays when many columns use it: columns are cut only as far as the cache asks */
    l.split = qc_gemm_split((call->m + QC_TILE_ROWS - 1) / QC_TILE_ROWS, (call->columns + l.width - 1) / l.width,
                            QC_MIN(call->m, (size_t)QC_TILE_ROWS) * l.width * l.taps * l.depth / 2, l.panel_bytes * (l.width / PANEL),
                            qc_pool_threads(pool));
    qc_pool_for(pool, qc_gemm_pieces(&l.split), 1, run_pieces, &l);
}
