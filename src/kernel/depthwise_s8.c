/*
 * depthwise_s8.c - packing and looping of integer depthwise convolutions. See depthwise_s8.h.
 */
#include "kernel/depthwise_s8.h"

#include <string.h>

extern const struct qc_depthwise_s8 qc_depthwise_s8_ref, qc_depthwise_s8_avx2, qc_depthwise_s8_avxvnni, qc_depthwise_s8_avx512vnni,
    qc_depthwise_s8_neon, qc_depthwise_s16_ref, qc_depthwise_s16_avx2, qc_depthwise_s16_neon;

static const struct qc_depthwise_s8 *const variant[] = {
    &qc_depthwise_s8_ref,
    &qc_depthwise_s16_ref,
#if QC_X86
    &qc_depthwise_s8_avx2,
    &qc_depthwise_s16_avx2,
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
    if (p->bias) head[kernel->block] = p->bias[c];
    if (p->scale) real[0] = p->scale[c];
    if (p->float_bias) real[kernel->block] = p->float_bias[c];
}

void qc_depthwise_s8_pack(const struct qc_depthwise_s8 *kernel, void *to, const struct qc_gemm_s8_pack *p)
{
    const size_t bytes = qc_depthwise_s8_block_bytes(kernel->block, kernel->group, p->taps);
    memset(to, 0, qc_depthwise_s8_packed_bytes(kernel, p->columns, p->taps));
    for (size_t b = 0; b < blocks(kernel, p->columns); b++) {
        char *block = (char *)to + b * bytes;
        size_t first = b * kernel->block;
        if (first + kernel->block > p->columns) first = p->columns > kernel->block ? p->columns - kernel->block : 0;
        for (size_t i = 0; i < kernel->block && first + i < p->columns; i++) {
            const size_t slot = qc_depthwise_s8_slot(kernel, i);
            pack_head(kernel, block, slot, p, first + i);
            for (size_t tap = 0; tap < p->taps; tap++) {
                char *four = block + kernel->block * 16 + (tap / kernel->group * kernel->block + slot) * 4;
                const int8_t w = p->w[(first + i) * p->taps + tap];
                if (kernel->group == 4) ((int8_t *)four)[tap % 4] = w;
                else ((int16_t *)(void *)four)[tap % 2] = w;
            }
        }
    }
}

/* Work of one thread: pointers, and where channels do not fill a block, the inputs of a tile and its outputs. */
static size_t thread_bytes(const struct qc_depthwise_s8 *kernel, size_t channels, size_t taps)
{
    const size_t rows = (taps + 3) / 4 * 4 * QC_TILE_ROWS, pointers = (rows * sizeof(void *) + 63) & ~(size_t)63;
    return pointers + (channels < kernel->block ? (rows * kernel->element + QC_TILE_ROWS * sizeof(float)) * kernel->block : 0);
}

size_t qc_depthwise_s8_work_bytes(const struct qc_depthwise_s8 *kernel, size_t channels, size_t taps, int threads)
{
    return thread_bytes(kernel, channels, taps) * (size_t)threads;
}

/* The taps that fill the last group have weights 0: they may be any. */
static void fill_group(const struct qc_depthwise_s8 *kernel, size_t taps, const void **pointer)
{
    for (size_t tap = taps; tap % kernel->group; tap++) memcpy(pointer + tap * QC_TILE_ROWS, pointer, QC_TILE_ROWS * sizeof *pointer);
}

struct staged {
    const struct qc_depthwise_s8_call *call;
    size_t taps, element; /* element of the output */
    char *in, *out;
};

/* A tile of fewer channels than a block, by way of the work space. */
static void run_narrow(const struct staged *s, struct qc_depthwise_s8_tile *t, const void **pointer)
{
    const struct qc_depthwise_s8 *kernel = s->call->kernel;
    const size_t channels = t->channels, bytes = channels * kernel->element;
    char *to = s->in, *c = t->c;
    for (size_t tap = 0; tap < s->taps; tap++)
        for (size_t m = 0; m < t->pixels; m++, to += kernel->block * kernel->element)
            pointer[tap * QC_TILE_ROWS + m] = memcpy(to, pointer[tap * QC_TILE_ROWS + m], bytes);
    fill_group(kernel, s->taps, pointer);
    t->c = s->out;
    t->ldc = t->channels = kernel->block;
    kernel->tile(t);
    for (size_t m = 0; m < t->pixels; m++) memcpy(c + m * channels * s->element, s->out + m * kernel->block * s->element, channels * s->element);
    t->ldc = t->channels = channels;
}

static void run_pixels(void *context, size_t begin, size_t end, int thread)
{
    const struct qc_depthwise_s8_call *call = context;
    const struct qc_depthwise_s8 *kernel = call->kernel;
    const size_t taps = qc_rows_taps(&call->rows), rows = (taps + 3) / 4 * 4 * QC_TILE_ROWS;
    char *work = (char *)call->work + (size_t)thread * thread_bytes(kernel, call->channels, taps);
    const void **pointer = (const void **)(void *)work;
    const struct staged s = {.call = call, .taps = taps, .element = qc_s8_form_bytes(call->form),
                             .in = work + ((rows * sizeof(void *) + 63) & ~(size_t)63),
                             .out = work + ((rows * sizeof(void *) + 63) & ~(size_t)63) + rows * kernel->element * kernel->block};
    struct qc_depthwise_s8_tile t = {.form = call->form, .channels = call->channels, .taps = taps, .a = pointer,
                                     .w = call->packed, .ldc = call->channels, .zero = call->zero, .zero_point = call->zero_point,
                                     .row_scale = call->row_scale, .low = call->low, .high = call->high};
    for (size_t m = begin; m < end; m += QC_TILE_ROWS) {
        t.pixels = QC_MIN(end - m, (size_t)QC_TILE_ROWS);
        qc_rows_fill(&call->rows, m, t.pixels, pointer);
        t.c = (char *)call->c + m * call->channels * s.element;
        if (call->channels < kernel->block) {
            run_narrow(&s, &t, pointer);
        } else {
            fill_group(kernel, taps, pointer);
            kernel->tile(&t);
        }
    }
}

void qc_depthwise_s8_run(const struct qc_depthwise_s8_call *call, struct qc_pool *pool)
{
    const size_t least = 1 + (1 << 17) / (qc_rows_taps(&call->rows) * call->channels);
    qc_pool_for(pool, call->m, (least + QC_TILE_ROWS - 1) / QC_TILE_ROWS * QC_TILE_ROWS, run_pixels, (void *)(uintptr_t)call);
}
