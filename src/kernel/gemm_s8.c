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

/* Work of one thread: row pointers, and room for the rows of a tile if they are widened. */
static size_t thread_bytes(const struct qc_gemm_s8 *kernel, size_t taps, size_t depth)
{
    const size_t pointers = taps * QC_TILE_ROWS * sizeof(void *) * 2, wide = taps * QC_TILE_ROWS * fours(depth) * 4 * sizeof(int16_t);
    return (pointers + (kernel->widen ? wide : 0) + 63) & ~(size_t)63;
}

size_t qc_gemm_s8_work_bytes(const struct qc_gemm_s8 *kernel, size_t taps, size_t depth, int threads)
{
    return thread_bytes(kernel, taps, depth) * (size_t)threads;
}

struct loop {
    const struct qc_gemm_s8_call *call;
    struct qc_gemm_split split;
    size_t taps, panel_bytes, width;
};

/* Widens the rows of a tile and puts pointers to them in place of the original ones. A padding row is widened once for each place. */
static void widen_rows(const struct loop *l, size_t rows, const void **pointer, const void **wide, int16_t *room)
{
    const size_t depth = l->call->depth, padded = fours(depth) * 4;
    for (size_t tap = 0; tap < l->taps; tap++)
        for (size_t m = 0; m < rows; m++, room += padded) {
            l->call->kernel->widen(pointer[tap * QC_TILE_ROWS + m], depth, room);
            wide[tap * QC_TILE_ROWS + m] = room;
        }
}

static void run_block(const struct loop *l, size_t row_begin, size_t row_end, size_t column_begin, size_t column_end, char *work)
{
    const struct qc_gemm_s8_call *call = l->call;
    const void **pointer = (const void **)(void *)work, **wide = pointer + l->taps * QC_TILE_ROWS;
    int16_t *room = (int16_t *)(void *)(wide + l->taps * QC_TILE_ROWS);
    int32_t zero[QC_TILE_ROWS];
    float scale[QC_TILE_ROWS];
    struct qc_gemm_s8_tile t = {.form = call->form, .taps = l->taps, .depth = call->depth, .a = call->kernel->widen ? wide : pointer,
                                .panel_bytes = l->panel_bytes, .zero = zero, .row_scale = scale, .ldc = call->ldc,
                                .zero_point = call->zero_point, .low = call->low, .high = call->high};
    const size_t element = call->form == QC_S8_REQUANT ? 1 : 4;
    for (size_t m = row_begin; m < row_end; m += QC_TILE_ROWS) {
        t.rows = QC_MIN(row_end - m, (size_t)QC_TILE_ROWS);
        qc_rows_fill(&call->rows, m, t.rows, pointer);
        if (call->kernel->widen) widen_rows(l, t.rows, pointer, wide, room);
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
    char *work = (char *)l->call->work + (size_t)thread * thread_bytes(l->call->kernel, l->taps, l->call->depth);
    for (size_t i = begin; i < end; i++) {
        const size_t row = i % l->split.row_blocks * l->split.row_block * QC_TILE_ROWS;
        const size_t column = i / l->split.row_blocks * l->split.column_block * l->width;
        run_block(l, row, QC_MIN(row + l->split.row_block * QC_TILE_ROWS, l->call->m), column,
                  QC_MIN(column + l->split.column_block * l->width, l->call->columns), work);
    }
}

void qc_gemm_s8_run(const struct qc_gemm_s8_call *call, struct qc_pool *pool)
{
    struct loop l = {.call = call, .taps = qc_rows_taps(&call->rows), .width = (call->kernel->columns + PANEL - 1) / PANEL * PANEL};
    if (!call->m || !call->columns) return;
    l.panel_bytes = qc_gemm_s8_panel_bytes(l.taps, call->depth);
    /* a widened row pays when many columns use it: columns are cut only as far as the cache asks */
    l.split = qc_gemm_split((call->m + QC_TILE_ROWS - 1) / QC_TILE_ROWS, (call->columns + l.width - 1) / l.width,
                            QC_MIN(call->m, (size_t)QC_TILE_ROWS) * l.width * l.taps * call->depth / 2, l.panel_bytes * (l.width / PANEL),
                            qc_pool_threads(pool));
    qc_pool_for(pool, l.split.row_blocks * l.split.column_blocks, 1, run_pieces, &l);
}
