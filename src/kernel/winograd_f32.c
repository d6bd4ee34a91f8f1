/*
 * winograd_f32.c - weights, tiles and products of Winograd convolutions. See winograd_f32.h.
 */
#include "kernel/winograd_f32.h"

#include "base/cpu.h"
#include <math.h>
#include <string.h>

QC_VECTORIZE

extern const struct qc_winograd_f32 qc_winograd_f32_ref, qc_winograd_f32_avx2, qc_winograd_f32_avx512, qc_winograd_f32_neon;

static const struct qc_winograd_f32 *const variant[] = {
    &qc_winograd_f32_ref,
#if QC_X86
    &qc_winograd_f32_avx2,
    &qc_winograd_f32_avx512,
#elif QC_ARM
    &qc_winograd_f32_neon,
#endif
};

const struct qc_winograd_f32 *const *qc_winograd_f32_variants(size_t *count)
{
    *count = sizeof variant / sizeof *variant;
    return variant;
}

const struct qc_winograd_f32 *qc_winograd_f32_pick(uint32_t features)
{
    const struct qc_winograd_f32 *chosen;
    QC_PICK(variant, features, chosen);
    return chosen;
}

enum { OUT = QC_WINOGRAD_OUT, IN = QC_WINOGRAD_IN, ALL = QC_WINOGRAD_ALL };

static size_t across(size_t size) { return (size + OUT - 1) / OUT; }

/* Reading a transformed weight from memory takes the time of about 12 multiplications. */
bool qc_winograd_f32_pays(size_t batch, size_t out_h, size_t out_w, size_t depth, size_t columns)
{
    const size_t tiles = batch * across(out_h) * across(out_w);
    return depth >= 16 && columns >= 16 && ALL * (tiles + 12) < 9 * batch * out_h * out_w * 4 / 5;
}

/* ---- weights ---- */

size_t qc_winograd_f32_packed_bytes(size_t columns, size_t depth)
{
    return ALL * qc_gemm_f32_packed_bytes(QC_W_F32, columns, depth);
}

size_t qc_winograd_f32_buffer_bytes(size_t depth) { return ALL * QC_PANEL * depth * sizeof(float); }

/* G g G^T of one column, in float64: u[e * step + k]. Rows of G for a point x are 1, x, x^2 over the product of its distances from the others. */
static void transform(const float *w, size_t depth, float *u, size_t step)
{
    static const double root = 1.41421356237309504880;
    static const double g[IN][3] = {{1, 0, 0},
                                    {-2.0 / 3, -root / 3, -1.0 / 3}, {-2.0 / 3, root / 3, -1.0 / 3},
                                    {1.0 / 6, root / 6, 1.0 / 3}, {1.0 / 6, -root / 6, 1.0 / 3},
                                    {0, 0, 1}};
    for (size_t i = 0; i < IN; i++)
        for (size_t j = 0; j < IN; j++) {
            double factor[9];
            for (size_t tap = 0; tap < 9; tap++) factor[tap] = g[i][tap / 3] * g[j][tap % 3];
            float *to = u + (i * IN + j) * step;
            for (size_t k = 0; k < depth; k++) {
                double sum = 0;
                for (size_t tap = 0; tap < 9; tap++) sum += factor[tap] * w[tap * depth + k];
                to[k] = (float)sum;
            }
        }
}

void qc_winograd_f32_pack(void *block, size_t columns, size_t depth, const float *w, float *buffer)
{
    const size_t bytes = qc_gemm_f32_packed_bytes(QC_W_F32, columns, depth), panel_bytes = qc_gemm_f32_panel_bytes(QC_W_F32, depth);
    for (size_t first = 0; first < columns; first += QC_PANEL) {
        const size_t count = QC_MIN(columns - first, (size_t)QC_PANEL);
        for (size_t n = 0; n < count; n++) transform(w + (first + n) * 9 * depth, depth, buffer + n * depth, QC_PANEL * depth);
        for (size_t e = 0; e < ALL; e++) {
            const struct qc_gemm_f32_pack pack = {.kind = QC_W_F32, .columns = count, .k = depth, .w = buffer + e * QC_PANEL * depth,
                                                  .column_step = depth, .k_step = 1};
            qc_gemm_f32_pack((char *)block + e * bytes + first / QC_PANEL * panel_bytes, &pack);
        }
    }
}

/* ---- running ---- */

/* Tiles go through the three stages in blocks, each of which reads all weights once: of that many tiles that transformed inputs and products take
 * as much room as the weights, or half of the second-level cache. */
struct loop {
    const struct qc_winograd_f32_call *call;
    size_t tiles, block, wide; /* in all; of a block; across a picture */
    size_t v_step, m_step;     /* from one element to the next, with a cache line between so that they do not share sets of the cache */
};

static struct loop loop_of(const struct qc_winograd_f32_call *call, int threads)
{
    const struct qc_window *w = call->window;
    struct loop l = {.call = call, .wide = across(w->out_w)};
    l.tiles = call->batch * across(w->out_h) * l.wide;
    const size_t weights = qc_winograd_f32_packed_bytes(call->columns, call->depth), room = QC_MAX(weights, (size_t)qc_cpu_l2_bytes() / 2);
    const size_t most = room / (ALL * (call->depth + call->columns) * sizeof(float)), share = (l.tiles + (size_t)threads - 1) / (size_t)threads;
    l.block = QC_MIN(QC_MAX(most / QC_TILE_ROWS, 2u) * QC_TILE_ROWS, share);
    l.v_step = l.block * call->depth + 16;
    l.m_step = l.block * call->columns + 16;
    return l;
}

static size_t thread_bytes(const struct loop *l)
{
    return ((ALL * (l->v_step + l->m_step) + l->call->depth) * sizeof(float) + 63) / 64 * 64;
}

size_t qc_winograd_f32_work_bytes(const struct qc_winograd_f32_call *call, int threads)
{
    const struct loop l = loop_of(call, threads);
    return thread_bytes(&l) * (size_t)threads;
}

struct place { /* of a tile */
    size_t image, y, x;
};

static struct place place_of(const struct loop *l, size_t tile)
{
    const size_t high = across(l->call->window->out_h);
    return (struct place){tile / l->wide / high, tile / l->wide % high * OUT, tile % l->wide * OUT};
}

static void transform_inputs(const struct loop *l, size_t first, size_t count, float *v, const float *zero)
{
    const struct qc_winograd_f32_call *call = l->call;
    const struct qc_window *w = call->window;
    for (size_t i = 0; i < count; i++) {
        const struct place p = place_of(l, first + i);
        const float *image = call->x + p.image * w->in_h * w->in_w * call->depth, *pixel[ALL];
        for (size_t e = 0; e < ALL; e++) {
            const size_t y = (size_t)((ptrdiff_t)(p.y + e / IN) - w->pad_top), x = (size_t)((ptrdiff_t)(p.x + e % IN) - w->pad_left);
            pixel[e] = y < w->in_h && x < w->in_w ? image + (y * w->in_w + x) * call->depth : zero; /* before the first: huge */
        }
        call->kernel->input(pixel, call->depth, v + i * call->depth, l->v_step);
    }
}

static void multiply(const struct loop *l, size_t count, const float *v, float *m)
{
    const struct qc_winograd_f32_call *call = l->call;
    const size_t width = call->product->panels * QC_PANEL, panel_bytes = qc_gemm_f32_panel_bytes(QC_W_F32, call->depth);
    const size_t bytes = qc_gemm_f32_packed_bytes(QC_W_F32, call->columns, call->depth);
    const float *row[QC_TILE_ROWS];
    struct qc_gemm_f32_tile t = {.taps = 1, .depth = call->depth, .a = row, .panel_bytes = panel_bytes, .ldc = call->columns, .low = -INFINITY,
                                 .high = INFINITY};
    for (size_t e = 0; e < ALL; e++)
        for (size_t n = 0; n < call->columns; n += width) {
            t.columns = QC_MIN(call->columns - n, width);
            t.w = (const char *)call->packed + e * bytes + n / QC_PANEL * panel_bytes;
            for (size_t i = 0; i < count; i += t.rows) {
                t.rows = QC_MIN(count - i, (size_t)QC_TILE_ROWS);
                for (size_t r = 0; r < t.rows; r++) row[r] = v + e * l->v_step + (i + r) * call->depth;
                t.c = m + e * l->m_step + i * call->columns + n;
                call->product->tile[QC_W_F32](&t);
            }
        }
}

static void transform_outputs(const struct loop *l, size_t first, size_t count, const float *m)
{
    const struct qc_winograd_f32_call *call = l->call;
    const struct qc_window *w = call->window;
    const size_t pitch = w->out_w * call->columns;
    for (size_t i = 0; i < count; i++) {
        const struct place p = place_of(l, first + i);
        const size_t at = (p.image * w->out_h + p.y) * pitch + p.x * call->columns;
        const struct qc_winograd_tile tile = {.m = m + i * call->columns, .step = l->m_step, .channels = call->columns, .bias = call->bias,
                                              .y = call->y + at, .row_pitch = pitch, .pixel_pitch = call->columns,
                                              .rows = QC_MIN(w->out_h - p.y, (size_t)OUT), .columns = QC_MIN(w->out_w - p.x, (size_t)OUT),
                                              .low = call->low, .high = call->high};
        call->kernel->output(&tile);
        if (call->finish) qc_finish_rows(call->finish, call->y, sizeof(float), at, pitch, tile.rows, tile.columns * call->columns);
    }
}

static void run_blocks(void *context, size_t begin, size_t end, int thread)
{
    const struct loop *l = context;
    float *v = (float *)(void *)((char *)l->call->work + (size_t)thread * thread_bytes(l)), *m = v + ALL * l->v_step, *zero = m + ALL * l->m_step;
    memset(zero, 0, l->call->depth * sizeof *zero);
    for (size_t b = begin; b < end; b++) {
        const size_t first = b * l->block, count = QC_MIN(l->tiles - first, l->block);
        transform_inputs(l, first, count, v, zero);
        multiply(l, count, v, m);
        transform_outputs(l, first, count, m);
    }
}

void qc_winograd_f32_run(const struct qc_winograd_f32_call *call, struct qc_pool *pool)
{
    struct loop l = loop_of(call, qc_pool_threads(pool));
    qc_pool_for(pool, (l.tiles + l.block - 1) / l.block, 1, run_blocks, &l);
}
