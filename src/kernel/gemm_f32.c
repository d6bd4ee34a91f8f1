/*
 * gemm_f32.c - packing, splitting and looping of float matrix products. See gemm_f32.h.
 */
#include "kernel/gemm_f32.h"

#include "base/dtype.h"
#include "kernel/gemm_split.h"
#include <string.h>

extern const struct qc_gemm_f32 qc_gemm_f32_ref, qc_gemm_f32_avx2, qc_gemm_f32_avx512, qc_gemm_f32_neon;

static const struct qc_gemm_f32 *const variant[] = {
    &qc_gemm_f32_ref,
#if QC_X86
    &qc_gemm_f32_avx2,
    &qc_gemm_f32_avx512,
#elif QC_ARM
    &qc_gemm_f32_neon,
#endif
};

const struct qc_gemm_f32 *const *qc_gemm_f32_variants(size_t *count)
{
    *count = sizeof variant / sizeof *variant;
    return variant;
}

const struct qc_gemm_f32 *qc_gemm_f32_pick(uint32_t features)
{
    const struct qc_gemm_f32 *chosen;
    QC_PICK(variant, features, chosen);
    return chosen;
}

static size_t element_bytes(enum qc_weight_kind kind)
{
    return kind == QC_W_F32 ? 4 : 2;
}

enum { HEAD_BYTES = QC_PANEL * sizeof(float) };

size_t qc_gemm_f32_panel_bytes(enum qc_weight_kind kind, size_t k)
{
    return (HEAD_BYTES + k * QC_PANEL * element_bytes(kind) + 63) & ~(size_t)63;
}

size_t qc_gemm_f32_packed_bytes(enum qc_weight_kind kind, size_t columns, size_t k)
{
    return (columns + QC_PANEL - 1) / QC_PANEL * qc_gemm_f32_panel_bytes(kind, k);
}

/* A vector of four, whatever the machine has. */
typedef uint32_t four __attribute__((vector_size(16)));
#if defined(__clang__)
#define SHUFFLE(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#else
#define SHUFFLE(a, b, i, j, k, l) __builtin_shuffle(a, b, (four){i, j, k, l})
#endif

/* Four neighbours in k of each of four columns, to four rows of the panel. */
static inline void transpose(const uint32_t *from, size_t column_step, uint32_t *to)
{
    four a, b, c, d;
    memcpy(&a, from, 16), memcpy(&b, from + column_step, 16), memcpy(&c, from + 2 * column_step, 16), memcpy(&d, from + 3 * column_step, 16);
    const four ab = SHUFFLE(a, b, 0, 4, 1, 5), cd = SHUFFLE(c, d, 0, 4, 1, 5), ab2 = SHUFFLE(a, b, 2, 6, 3, 7), cd2 = SHUFFLE(c, d, 2, 6, 3, 7);
    const four row[4] = {SHUFFLE(ab, cd, 0, 1, 4, 5), SHUFFLE(ab, cd, 2, 3, 6, 7), SHUFFLE(ab2, cd2, 0, 1, 4, 5), SHUFFLE(ab2, cd2, 2, 3, 6, 7)};
    for (size_t i = 0; i < 4; i++) memcpy(to + i * QC_PANEL, &row[i], 16);
}

/* Weights of the columns of one panel, column by column in the file, side by side in the panel; missing columns are zeros. In blocks of STRIP,
 * a cache line of each column: columns are often a power of two apart and would push one another out of the cache. */
enum { STRIP = 16 };
#define DEFINE_INTERLEAVE(name, T, TRANSPOSE)                                                                     \
    static void name(const struct qc_gemm_f32_pack *p, size_t first, size_t columns, T *to)                       \
    {                                                                                                             \
        const size_t all = p->k, column_step = p->column_step, step = p->k_step;                                  \
        const T *base = (const T *)p->w + first * column_step;                                                    \
        for (size_t k = 0; k < all; k += STRIP, to += STRIP * QC_PANEL) {                                         \
            const size_t rows = QC_MIN(all - k, (size_t)STRIP), fours = step == 1 && (TRANSPOSE) ? columns / 4 * 4 : 0, even = rows / 4 * 4; \
            if (columns < QC_PANEL) memset(to, 0, rows * QC_PANEL * sizeof *to);                                  \
            for (size_t n = 0; n < fours; n += 4) {                                                               \
                const T *from = base + n * column_step + k;                                                       \
                for (size_t i = 0; i < 4; i++) __builtin_prefetch(from + i * column_step + 8 * STRIP);            \
                for (size_t i = 0; i < even; i += 4) transpose((const void *)(from + i), column_step, (void *)(to + i * QC_PANEL + n)); \
            }                                                                                                     \
            for (size_t n = 0; n < columns; n++) {                                                                \
                const T *from = base + n * column_step + k * step;                                                \
                if (n >= fours) __builtin_prefetch(from + 8 * STRIP * step);                                      \
                for (size_t i = n < fours ? even : 0; i < rows; i++) memcpy(to + i * QC_PANEL + n, from + i * step, sizeof *to); \
            }                                                                                                     \
        }                                                                                                         \
    }
DEFINE_INTERLEAVE(interleave_4, uint32_t, true)
DEFINE_INTERLEAVE(interleave_2, uint16_t, false)

static void expand(const struct qc_gemm_f32_pack *p, size_t first, size_t columns, float *to)
{
    const uint16_t *from = (const uint16_t *)p->w + first * p->column_step;
    for (size_t k = 0; k < p->k; k++)
        for (size_t n = 0; n < QC_PANEL; n++)
            *to++ = n < columns ? qc_half_to_float(from[n * p->column_step + k * p->k_step]) : 0;
}

/* Columns that stand side by side already. */
static void copy_rows(const struct qc_gemm_f32_pack *p, size_t first, float *to)
{
    const float *from = (const float *)p->w + first;
    for (size_t k = 0; k < p->k; k++, from += p->k_step, to += QC_PANEL) memcpy(to, from, QC_PANEL * sizeof *to);
}

void qc_gemm_f32_pack(void *block, const struct qc_gemm_f32_pack *p)
{
    const size_t panel_bytes = qc_gemm_f32_panel_bytes(p->kind, p->k), used = HEAD_BYTES + p->k * QC_PANEL * element_bytes(p->kind);
    for (size_t first = 0; first < p->columns; first += QC_PANEL) {
        char *panel = (char *)block + first / QC_PANEL * panel_bytes;
        float *head = (float *)panel;
        const size_t columns = QC_MIN(p->columns - first, (size_t)QC_PANEL);
        memset(head, 0, HEAD_BYTES);
        if (p->bias) memcpy(head, p->bias + first, columns * sizeof *head);
        void *body = panel + HEAD_BYTES;
        if (p->kind == QC_W_F32 && !p->expand && p->column_step == 1 && columns == QC_PANEL) copy_rows(p, first, body);
        else if (p->expand) expand(p, first, columns, body);
        else if (p->kind == QC_W_F32) interleave_4(p, first, columns, body);
        else interleave_2(p, first, columns, body);
        memset(panel + used, 0, panel_bytes - used);
    }
}

/* Pictures of few channels: the taps of one line of the window are taken as one, since a tap costs as much as some ten multiplications, and output
 * is computed line by line, since pointers to windows then differ by a constant. */
static bool by_lines(const struct qc_rows *rows, size_t depth)
{
    const struct qc_window *w = rows->window;
    return w && w->kernel_w > 1 && w->dilation_w == 1 && depth <= 16 && rows->pitch == depth * sizeof(float);
}

/* Of one thread: pointers to rows; or the offsets of elements, and lines at the border. */
static size_t thread_bytes(const struct qc_rows *rows, size_t depth)
{
    const size_t taps = qc_rows_taps(rows), pointers = taps * QC_TILE_ROWS * sizeof(void *);
    return by_lines(rows, depth) ? QC_MAX(pointers, taps * depth * sizeof(size_t) + qc_rows_lines_bytes(rows)) : pointers;
}

size_t qc_gemm_f32_work_bytes(const struct qc_rows *rows, size_t depth, int threads)
{
    return (thread_bytes(rows, depth) + 63) / 64 * 64 * (size_t)threads;
}

struct loop {
    const struct qc_gemm_f32_call *call;
    struct qc_gemm_split split;
    size_t taps, depth, panel_bytes, width; /* of pointers; width: columns of a group */
    size_t unit;                            /* rows of a unit of the split: a line, or a tile */
    bool lines;
};

struct block { /* of output: rows from and to, columns from and to */
    size_t row, row_end, column, column_end;
};

static void run_group(const struct loop *l, struct qc_gemm_f32_tile *t, size_t m, const struct block *b, void (*kernel)(const struct qc_gemm_f32_tile *))
{
    const struct qc_gemm_f32_call *call = l->call;
    for (size_t n = b->column; n < b->column_end; n += l->width) {
        t->columns = QC_MIN(b->column_end - n, l->width);
        t->w = (const char *)call->packed + n / QC_PANEL * l->panel_bytes;
        t->c = call->c + m * call->ldc + n;
        kernel(t);
    }
    if (call->finish) qc_finish_rows(call->finish, call->c, sizeof(float), m * call->ldc + b->column, call->ldc, t->rows, b->column_end - b->column);
}

static void run_lines(const struct loop *l, struct qc_gemm_f32_tile *t, const struct block *b, size_t *offset)
{
    const struct qc_gemm_f32_call *call = l->call;
    struct qc_lines lines = {.padded = (char *)(offset + l->taps * l->depth)};
    t->rows = l->unit;
    t->step = call->rows.window->stride_w * call->rows.pitch;
    t->depth *= l->taps;
    t->offset = offset;
    for (size_t m = b->row, before = SIZE_MAX, down; m < b->row_end; m += t->rows) {
        t->first = qc_rows_line(&call->rows, &lines, m / t->rows, &down);
        for (size_t tap = 0; tap < l->taps && down != before; tap++)
            for (size_t k = 0; k < l->depth; k++) offset[tap * l->depth + k] = tap * down + k * sizeof(float);
        before = down;
        run_group(l, t, m, b, call->kernel->strip);
    }
}

static void run_block(const struct loop *l, const struct block *b, const void **work)
{
    const struct qc_gemm_f32_call *call = l->call;
    struct qc_gemm_f32_tile t = {.taps = l->taps, .depth = l->depth, .a = (const float *const *)work, .panel_bytes = l->panel_bytes,
                                 .ldc = call->ldc, .low = call->low, .high = call->high};
    if (l->lines) {
        run_lines(l, &t, b, (size_t *)work);
        return;
    }
    for (size_t m = b->row; m < b->row_end; m += QC_TILE_ROWS) {
        t.rows = QC_MIN(b->row_end - m, (size_t)QC_TILE_ROWS);
        qc_rows_fill(&call->rows, m, t.rows, work);
        run_group(l, &t, m, b, call->kernel->tile[call->kind]);
    }
}

static void run_pieces(void *context, size_t begin, size_t end, int thread)
{
    const struct loop *l = context;
    const struct qc_gemm_f32_call *call = l->call;
    const void *single[QC_TILE_ROWS], **pointer = single;
    if (call->work) pointer = (void *)((char *)call->work + (size_t)thread * qc_gemm_f32_work_bytes(&call->rows, call->depth, 1));
    for (size_t i = begin; i < end; i++) {
        const struct qc_gemm_piece p = qc_gemm_piece(&l->split, i);
        const struct block b = {call->first + p.row * l->unit, call->first + QC_MIN(p.row_end * l->unit, call->m), p.column * l->width,
                                QC_MIN(p.column_end * l->width, call->columns)};
        run_block(l, &b, pointer);
    }
}

void qc_gemm_f32_run(const struct qc_gemm_f32_call *call, struct qc_pool *pool)
{
    struct loop l = {.call = call, .taps = qc_rows_taps(&call->rows), .depth = call->depth, .width = call->kernel->panels * QC_PANEL, .unit = QC_TILE_ROWS};
    const size_t k = l.taps * call->depth;
    if ((l.lines = call->kind == QC_W_F32 && by_lines(&call->rows, call->depth))) {
        l.depth *= call->rows.window->kernel_w;
        l.taps = call->rows.window->kernel_h;
        l.unit = call->rows.window->out_w;
    }
    if (!call->m || !call->columns) return;
    l.panel_bytes = qc_gemm_f32_panel_bytes(call->kind, k);
    l.split = qc_gemm_split((call->m + l.unit - 1) / l.unit, (call->columns + l.width - 1) / l.width, QC_MIN(call->m, l.unit) * l.width * k,
                            l.panel_bytes * call->kernel->panels, qc_pool_threads(pool));
    qc_pool_for(pool, qc_gemm_pieces(&l.split), 1, run_pieces, &l);
}
