/*
 * depthwise_f32.c - packing and looping of float depthwise convolutions. See depthwise_f32.h.
 */
#include "kernel/depthwise_f32.h"

#include "kernel/gemm_split.h"
#include <string.h>

extern const struct qc_depthwise_f32 qc_depthwise_f32_ref, qc_depthwise_f32_avx2, qc_depthwise_f32_avx512, qc_depthwise_f32_neon;

static const struct qc_depthwise_f32 *const variant[] = {
    &qc_depthwise_f32_ref,
#if QC_X86
    &qc_depthwise_f32_avx2,
    &qc_depthwise_f32_avx512,
#elif QC_ARM
    &qc_depthwise_f32_neon,
#endif
};

const struct qc_depthwise_f32 *const *qc_depthwise_f32_variants(size_t *count)
{
    *count = sizeof variant / sizeof *variant;
    return variant;
}

const struct qc_depthwise_f32 *qc_depthwise_f32_pick(uint32_t features)
{
    const struct qc_depthwise_f32 *chosen;
    QC_PICK(variant, features, chosen);
    return chosen;
}

size_t qc_depthwise_f32_packed_bytes(size_t channels, size_t taps)
{
    return (channels + QC_DEPTHWISE_BLOCK - 1) / QC_DEPTHWISE_BLOCK * QC_DEPTHWISE_BLOCK * (taps + 1) * sizeof(float);
}

void qc_depthwise_f32_pack(void *block, size_t channels, size_t taps, const float *w, const float *bias)
{
    memset(block, 0, qc_depthwise_f32_packed_bytes(channels, taps));
    for (size_t c = 0; c < channels; c++) {
        float *to = (float *)block + c / QC_DEPTHWISE_BLOCK * QC_DEPTHWISE_BLOCK * (taps + 1) + c % QC_DEPTHWISE_BLOCK;
        *to = bias ? bias[c] : 0;
        for (size_t tap = 0; tap < taps; tap++) to[(tap + 1) * QC_DEPTHWISE_BLOCK] = w[c * taps + tap];
    }
}

/* The work is cut into rows of the output, and chunks of channels, so narrow that the rows below one row's windows stay in the first-level
 * cache until the next row of the output needs them again. */
struct loop {
    const struct qc_depthwise_f32_call *call;
    size_t chunk; /* channels, a multiple of the block */
    struct qc_gemm_split split;
};

static void run_row(const struct qc_depthwise_f32_call *call, size_t row, size_t begin, size_t end)
{
    const struct qc_window *w = call->window;
    const size_t y = row % w->out_h, image = row / w->out_h, taps = w->kernel_h * w->kernel_w;
    const ptrdiff_t top = (ptrdiff_t)(y * w->stride_h) - w->pad_top;
    struct qc_depthwise_f32_strip s = {.pitch = call->channels, .row_step = w->dilation_h * w->in_w * call->channels, .in_w = w->in_w,
                                       .out_w = w->out_w, .kernel_w = w->kernel_w, .stride = w->stride_w, .dilation = w->dilation_w,
                                       .first = -w->pad_left, .low = call->low, .high = call->high};
    size_t ky = 0;
    while (ky < w->kernel_h && top + (ptrdiff_t)(ky * w->dilation_h) < 0) ky++;
    while (ky + s.rows < w->kernel_h && top + (ptrdiff_t)((ky + s.rows) * w->dilation_h) < (ptrdiff_t)w->in_h) s.rows++;
    const size_t in_row = image * w->in_h + (s.rows ? (size_t)(top + (ptrdiff_t)(ky * w->dilation_h)) : 0);
    for (size_t c = begin; c < end; c += QC_DEPTHWISE_BLOCK) {
        s.channels = QC_MIN(end - c, (size_t)QC_DEPTHWISE_BLOCK);
        s.x = call->x + in_row * w->in_w * call->channels + c;
        s.y = call->y + row * w->out_w * call->channels + c;
        s.bias = (const float *)call->packed + c * (taps + 1);
        s.w = s.bias + (1 + ky * w->kernel_w) * QC_DEPTHWISE_BLOCK;
        call->kernel->strip(&s);
    }
    if (call->finish)
        qc_finish_rows(call->finish, call->y, sizeof(float), row * w->out_w * call->channels + begin, call->channels, w->out_w, end - begin);
}

static void run_rows(void *context, size_t begin, size_t end, int thread)
{
    const struct loop *l = context;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        const struct qc_gemm_piece p = qc_gemm_piece(&l->split, i);
        for (size_t chunk = p.column; chunk < p.column_end; chunk++)
            for (size_t row = p.row; row < p.row_end; row++)
                run_row(l->call, l->call->first_row + row, chunk * l->chunk, QC_MIN((chunk + 1) * l->chunk, l->call->channels));
    }
}

void qc_depthwise_f32_run(const struct qc_depthwise_f32_call *call, struct qc_pool *pool)
{
    const struct qc_window *w = call->window;
    const size_t cache = 16384 / sizeof(float) / (w->kernel_h * w->in_w), block = QC_DEPTHWISE_BLOCK;
    struct loop l = {.call = call, .chunk = QC_MAX(cache / block, 1u) * block};
    if (!call->channels) return;
    if (call->finish) l.chunk = call->channels; /* its passes want long rows */
    const size_t chunks = (call->channels + l.chunk - 1) / l.chunk, taps = w->kernel_h * w->kernel_w;
    l.split = qc_gemm_split(call->batch * call->rows, chunks, w->out_w * taps * QC_MIN(l.chunk, call->channels), 1, qc_pool_threads(pool));
    qc_pool_for(pool, qc_gemm_pieces(&l.split), 1, run_rows, &l);
}
