/*
 * depthwise_f32.c - packing and looping of float depthwise convolutions. See depthwise_f32.h.
 */
#include "kernel/depthwise_f32.h"

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

static void run_pixels(void *context, size_t begin, size_t end, int thread)
{
    const struct qc_depthwise_f32_call *call = context;
    const size_t taps = qc_rows_taps(&call->rows);
    const void **pointer = call->pointer + (size_t)thread * taps * QC_TILE_ROWS;
    struct qc_depthwise_f32_tile t = {.channels = call->channels, .taps = taps, .a = (const float *const *)pointer, .w = call->packed,
                                      .ldc = call->channels, .low = call->low, .high = call->high};
    for (size_t m = begin; m < end; m += QC_TILE_ROWS) {
        t.pixels = QC_MIN(end - m, (size_t)QC_TILE_ROWS);
        qc_rows_fill(&call->rows, m, t.pixels, pointer);
        t.c = call->c + m * call->channels;
        call->kernel->tile(&t);
    }
}

void qc_depthwise_f32_run(const struct qc_depthwise_f32_call *call, struct qc_pool *pool)
{
    const size_t least = 1 + (1 << 16) / (qc_rows_taps(&call->rows) * call->channels);
    qc_pool_for(pool, call->m, (least + QC_TILE_ROWS - 1) / QC_TILE_ROWS * QC_TILE_ROWS, run_pixels, (void *)(uintptr_t)call);
}
