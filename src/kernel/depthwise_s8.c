/*
 * depthwise_s8.c - packing and looping of int8 depthwise convolutions. See depthwise_s8.h.
 */
#include "kernel/depthwise_s8.h"

#include <string.h>

enum { BLOCK = 16 };

extern const struct qc_depthwise_s8 qc_depthwise_s8_ref, qc_depthwise_s8_avx2, qc_depthwise_s8_avx512, qc_depthwise_s8_neon;

static const struct qc_depthwise_s8 *const variant[] = {
    &qc_depthwise_s8_ref,
#if QC_X86
    &qc_depthwise_s8_avx2,
    &qc_depthwise_s8_avx512,
#elif QC_ARM
    &qc_depthwise_s8_neon,
#endif
};

const struct qc_depthwise_s8 *const *qc_depthwise_s8_variants(size_t *count)
{
    *count = sizeof variant / sizeof *variant;
    return variant;
}

const struct qc_depthwise_s8 *qc_depthwise_s8_pick(uint32_t features)
{
    const struct qc_depthwise_s8 *chosen;
    QC_PICK(variant, features, chosen);
    return chosen;
}

size_t qc_depthwise_s8_block_bytes(size_t taps)
{
    return sizeof(struct qc_s8_head) + (taps + 1) / 2 * BLOCK * 2 * sizeof(int16_t);
}

size_t qc_depthwise_s8_packed_bytes(size_t channels, size_t taps)
{
    return (channels + BLOCK - 1) / BLOCK * qc_depthwise_s8_block_bytes(taps);
}

void qc_depthwise_s8_pack(void *block, const struct qc_gemm_s8_pack *p)
{
    memset(block, 0, qc_depthwise_s8_packed_bytes(p->columns, p->taps));
    for (size_t c = 0; c < p->columns; c++) {
        struct qc_s8_head *head = (struct qc_s8_head *)(void *)((char *)block + c / BLOCK * qc_depthwise_s8_block_bytes(p->taps));
        int16_t *to = (int16_t *)(head + 1) + c % BLOCK * 2;
        const int8_t *from = p->w + c * p->taps;
        for (size_t tap = 0; tap < p->taps; tap++) {
            to[tap / 2 * BLOCK * 2 + tap % 2] = from[tap];
            head->weight_sum[c % BLOCK] += from[tap];
        }
        if (p->bias) head->bias[c % BLOCK] = p->bias[c];
        if (p->scale) head->scale[c % BLOCK] = p->scale[c];
        if (p->float_bias) head->float_bias[c % BLOCK] = p->float_bias[c];
    }
}

static void run_pixels(void *context, size_t begin, size_t end, int thread)
{
    const struct qc_depthwise_s8_call *call = context;
    const size_t taps = qc_rows_taps(&call->rows), element = call->form == QC_S8_REQUANT ? 1 : 4;
    const void **pointer = call->pointer + (size_t)thread * taps * QC_TILE_ROWS;
    struct qc_depthwise_s8_tile t = {.form = call->form, .channels = call->channels, .taps = taps, .a = (const int8_t *const *)pointer,
                                     .w = call->packed, .ldc = call->channels, .zero = call->zero, .zero_point = call->zero_point,
                                     .row_scale = call->row_scale, .low = call->low, .high = call->high};
    for (size_t m = begin; m < end; m += QC_TILE_ROWS) {
        t.pixels = QC_MIN(end - m, (size_t)QC_TILE_ROWS);
        qc_rows_fill(&call->rows, m, t.pixels, pointer);
        t.c = (char *)call->c + m * call->channels * element;
        call->kernel->tile(&t);
    }
}

void qc_depthwise_s8_run(const struct qc_depthwise_s8_call *call, struct qc_pool *pool)
{
    const size_t least = 1 + (1 << 17) / (qc_rows_taps(&call->rows) * call->channels);
    qc_pool_for(pool, call->m, (least + QC_TILE_ROWS - 1) / QC_TILE_ROWS * QC_TILE_ROWS, run_pixels, (void *)(uintptr_t)call);
}
