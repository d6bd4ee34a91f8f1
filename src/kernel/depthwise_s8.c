/*
 * depthwise_s8.c - packing and looping of integer depthwise convolutions. See depthwise_s8.h.
 */
#include "kernel/depthwise_s8.h"

#include <string.h>

extern const struct qc_depthwise_s8 qc_depthwise_s8_ref, qc_depthwise_s8_avx2, qc_depthwise_s8_avxvnni, qc_depthwise_s8_avx512vnni,
    qc_depthwise_s8_neon, qc_depthwise_s16_ref, qc_depthwise_s16_avx2, qc_depthwise_s16_avx512, qc_depthwise_s16_neon;

static const struct qc_depthwise_s8 *const variant[] = {
    &qc_depthwise_s8_ref,
    &qc_depthwise_s16_ref,
#if QC_X86
    &qc_depthwise_s8_avx2,
    &qc_depthwise_s16_avx2,
    &qc_depthwise_s16_avx512,
    &qc_depthwise_s8_avxvnni,
    &qc_depthwise_s8_avx512vnni,
#elif QC_ARM
    &qc_depthwise_s8_neon,
    &qc_depthwise_s16_neon,
#endif
};

const struct qc_depthwise_s8 *const *qc_depthwise_s8_variants(size_t *count)
{
    *count = sizeof variant / sizeof *variant;
    return variant;
}

const struct qc_depthwise_s8 *qc_depthwise_s8_pick(size_t element, uint32_t features)
{
    const struct qc_depthwise_s8 *chosen = NULL;
    for (size_t i = 0; i < sizeof variant / sizeof *variant; i++)
        if (variant[i]->element == element && !(variant[i]->variant.cpu & ~features)) chosen = variant[i];
    return chosen;
}

static size_t blocks(const struct qc_depthwise_s8 *kernel, size_t channels) { return (channels + kernel->block - 1) / kernel->block; }

size_t qc_depthwise_s8_packed_bytes(const struct qc_depthwise_s8 *kernel, size_t channels, size_t taps)
{
    return blocks(kernel, channels) * qc_depthwise_s8_block_bytes(kernel->block, kernel->group, taps);
}

static void pack_head(const struct qc_depthwise_s8 *kernel, char *block, size_t slot, const struct qc_gemm_s8_pack *p, size_t c)
{
    if (p->scale64) {
        double *head = (double *)(void *)block + slot;
        head[0] = p->bias64 ? (double)p->bias64[c] : 0;
        head[kernel->block] = p->scale64[c];
        return;
    }
    int32_t *head = (int32_t *)(void *)block + slot, sum = 0;
    float *real = (float *)(void *)(head + 2 * kernel->block);
    for (size_t tap = 0; tap < p->taps; tap++) sum += p->w[c * p->taps + tap];
    head[0] = sum;
    if (p->narrow) { /* multipliers and shifts in the place of the floats */
        head[kernel->block] = p->bias64 ? (int32_t)p->bias64[c] : 0;
        head[2 * kernel->block] = p->narrow[c].multiplier;
        head[3 * kernel->block] = p->narrow[c].shift;
        return;
    }
    if (p->bias) head[kernel->block] = p->bias[c];
    if (p->scale) real[0] = p->scale[c];
    if (p->float_bias) real[kernel->block] = p->float_bias[c];
}

enum { SIDE = 3, COLUMN = 4 /* places of a column */ };

bool qc_depthwise_s8_by_columns(const struct qc_depthwise_s8 *kernel, const struct qc_window *w)
{
    return kernel->slides && w->kernel_h == SIDE && w->kernel_w == SIDE && w->stride_w == 1 && w->dilation_w == 1;
}

/* Where the tap of line ky and column kx stands. */
static size_t place(const struct qc_window *w, bool by_columns, size_t ky, size_t kx) { return by_columns ? kx * COLUMN + ky : ky * w->kernel_w + kx; }

void qc_depthwise_s8_pack(const struct qc_depthwise_s8 *kernel, void *to, bool by_columns, const struct qc_gemm_s8_pack *p)
{
    const size_t bytes = qc_depthwise_s8_block_bytes(kernel->block, kernel->group, p->taps);
    memset(to, 0, qc_depthwise_s8_packed_bytes(kernel, p->columns, p->taps));
    for (size_t b = 0; b < blocks(kernel, p->columns); b++) {
        char *block = (char *)to + b * bytes;
        size_t first = b * kernel->block;
        if (first + kernel->block > p->columns) first = p->columns > kernel->block ? p->columns - kernel->block : 0;
        for (size_t i = 0; i < kernel->block && first + i < p->columns; i++) {
            const size_t slot = qc_depthwise_s8_slot(kernel, i);
            const int8_t *w = p->w + (first + i) * p->taps;
            char *four = block + kernel->block * 16 + slot * 4;
            pack_head(kernel, block, slot, p, first + i);
            for (size_t g = 0; g < (p->taps + kernel->group - 1) / kernel->group; g++, four += kernel->block * 4)
                for (size_t k = 0; k < kernel->group; k++) {
                    const size_t tap = by_columns ? k * SIDE + g : g * kernel->group + k;
                    if (tap >= p->taps) break;
                    if (kernel->group == 4) ((int8_t *)four)[k] = w[tap];
                    else ((int16_t *)(void *)four)[k] = w[tap];
                }
        }
    }
}

/* ---- looping ---- */

enum { NARROW = 6 }; /* pixels at a time of channels that do not fill a block */

/* One thread's work: pointers to taps, a line of the input that is all zero points, and room for the inputs and outputs of narrow runs. */
struct work {
    const char **tap, **narrow; /* where the taps are, and where a narrow run's copies are */
    char *line, *in, *out;
    size_t bytes;
};

static struct work work_of(const struct qc_depthwise_s8 *kernel, size_t channels, size_t taps, size_t in_w, void *at)
{
    const size_t padded = (taps + 3) / 4 * 4, narrow = channels < kernel->block ? NARROW * kernel->block : 0;
    const size_t line = (in_w * channels * kernel->element + 63) & ~(size_t)63;
    struct work w = {.tap = at, .narrow = (const char **)at + padded, .line = (char *)at + ((2 * padded * sizeof(char *) + 63) & ~(size_t)63)};
    w.in = w.line + line;
    w.out = w.in + padded * narrow * kernel->element;
    w.bytes = (size_t)(w.out - (char *)at) + narrow * sizeof(float);
    return w;
}

size_t qc_depthwise_s8_work_bytes(const struct qc_depthwise_s8 *kernel, size_t channels, size_t taps, size_t in_w, int threads)
{
    char origin[1];
    return work_of(kernel, channels, taps, in_w, origin).bytes * (size_t)threads;
}

/* A run of fewer channels than a block, by way of the work space. */
static void run_narrow(const struct qc_depthwise_s8_call *call, const struct work *work, struct qc_depthwise_s8_tile t)
{
    const struct qc_depthwise_s8 *kernel = call->kernel;
    const size_t pixels = t.pixels, bytes = t.channels * kernel->element, row = kernel->block * kernel->element, step = t.step;
    const size_t out = qc_s8_form_bytes(call->form), out_bytes = t.channels * out, padded = (t.taps + kernel->group - 1) / kernel->group * kernel->group;
    const char *const *from = t.a, **to = work->narrow;
    char *c = t.c;
    for (size_t tap = 0; tap < padded; tap++) to[tap] = work->in + tap * NARROW * row;
    t.a = to, t.slide = false, t.c = work->out, t.ldc = t.channels = kernel->block, t.step = row;
    for (size_t m = 0; m < pixels; m += NARROW) {
        t.pixels = QC_MIN(pixels - m, (size_t)NARROW);
        for (size_t tap = 0; tap < padded; tap++)
            for (size_t i = 0; i < t.pixels; i++) memcpy(work->in + (tap * NARROW + i) * row, from[tap] + (m + i) * step, bytes);
        kernel->tile(&t);
        for (size_t i = 0; i < t.pixels; i++) memcpy(c + (m + i) * out_bytes, work->out + i * kernel->block * out, out_bytes);
    }
}

/* Output pixels [x, x + count) of line y, of whose windows all or just this one's taps are found in the same columns of the picture. */
static void run_pixels(const struct qc_depthwise_s8_call *call, const struct work *work, size_t line, size_t x, size_t count)
{
    const struct qc_window *w = call->rows.window;
    const struct qc_depthwise_s8 *kernel = call->kernel;
    const size_t pitch = call->rows.pitch, image = line / w->out_h, taps = w->kernel_h * w->kernel_w;
    const ptrdiff_t x0 = (ptrdiff_t)(x * w->stride_w) - w->pad_left, y0 = (ptrdiff_t)(line % w->out_h * w->stride_h) - w->pad_top;
    const bool by_columns = qc_depthwise_s8_by_columns(kernel, w);
    size_t tap = by_columns ? SIDE * COLUMN : taps;
    for (size_t ky = 0; ky < w->kernel_h; ky++) {
        const size_t y = (size_t)(y0 + (ptrdiff_t)(ky * w->dilation_h)); /* above the top: huge */
        const char *row = y < w->in_h ? call->rows.base + (image * w->in_h + y) * w->in_w * pitch : work->line;
        for (size_t kx = 0; kx < w->kernel_w; kx++) {
            const size_t at = (size_t)(x0 + (ptrdiff_t)(kx * w->dilation_w));
            work->tap[place(w, by_columns, ky, kx)] = at < w->in_w ? row + at * pitch : (const char *)call->rows.zero;
        }
    }
    /* places without a tap, whose weights are 0 */
    for (size_t kx = 0; by_columns && kx < SIDE; kx++) work->tap[kx * COLUMN + SIDE] = work->tap[kx * COLUMN];
    for (; tap % kernel->group; tap++) work->tap[tap] = work->tap[0];
    struct qc_depthwise_s8_tile t = {.form = call->form, .pixels = count, .channels = call->channels, .taps = by_columns ? SIDE * COLUMN : taps, .a = work->tap,
                                     .slide = by_columns && count > 1,
                                     .step = w->stride_w * pitch, .w = call->packed, .ldc = call->channels, .zero = call->zero,
                                     .zero_point = call->zero_point, .row_scale = call->row_scale, .low = call->low, .high = call->high};
    t.c = (char *)call->c + (line * w->out_w + x) * call->channels * qc_s8_form_bytes(call->form);
    if (call->channels < kernel->block) run_narrow(call, work, t);
    else kernel->tile(&t);
    if (call->finish)
        qc_finish_rows(call->finish, call->c, qc_s8_form_bytes(call->form), (line * w->out_w + x) * call->channels, call->channels, count, call->channels);
}

/* First output column whose window begins inside of the picture, and one past the last whose window ends there. */
static void inner_columns(const struct qc_window *w, size_t *from, size_t *to)
{
    const ptrdiff_t left = w->pad_left > 0 ? w->pad_left : 0, room = (ptrdiff_t)w->in_w + w->pad_left - (ptrdiff_t)((w->kernel_w - 1) * w->dilation_w);
    *from = ((size_t)left + w->stride_w - 1) / w->stride_w;
    *to = room > 0 ? ((size_t)room + w->stride_w - 1) / w->stride_w : 0;
    if (*to > w->out_w) *to = w->out_w;
}

static void run_positions(void *context, size_t begin, size_t end, int thread)
{
    const struct qc_depthwise_s8_call *call = context;
    const struct qc_window *w = call->rows.window;
    const size_t bytes = qc_depthwise_s8_work_bytes(call->kernel, call->channels, qc_rows_taps(&call->rows), w->in_w, 1);
    const struct work work = work_of(call->kernel, call->channels, qc_rows_taps(&call->rows), w->in_w, (char *)call->work + (size_t)thread * bytes);
    const size_t most = 6 + 8192 / call->channels / 6 * 6; /* pixels whose lines stay in the first-level cache for all blocks of channels */
    size_t from, to;
    inner_columns(w, &from, &to);
    memset(work.line, call->kernel->element == 1 ? call->zero : 0, w->in_w * call->rows.pitch);
    for (size_t m = begin, count; m < end; m += count) {
        const size_t x = m % w->out_w;
        count = x >= from && x < to ? QC_MIN(to - x, most) : 1;
        count = QC_MIN(count, end - m);
        run_pixels(call, &work, m / w->out_w, x, count);
    }
}

void qc_depthwise_s8_run(const struct qc_depthwise_s8_call *call, struct qc_pool *pool)
{
    const size_t least = 1 + (1 << 17) / (qc_rows_taps(&call->rows) * call->channels), width = call->rows.window->out_w;
    qc_pool_for(pool, call->m, (least + width - 1) / width * width, run_positions, (void *)(uintptr_t)call);
}
