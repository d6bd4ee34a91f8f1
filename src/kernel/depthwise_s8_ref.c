/*
 * depthwise_s8_ref.c - integer depthwise convolution, plain. See depthwise_s8.h.
 */
#include "kernel/depthwise_s8.h"

#include <math.h>

enum { BLOCK = 16, GROUP = 2 };

static void finish(const struct qc_depthwise_s8_tile *t, const char *block, size_t slot, int32_t sum, size_t at)
{
    const float *real = (const float *)(const void *)block + 2 * BLOCK + slot;
    const double *real64 = (const double *)(const void *)block + slot;
    if (t->form == QC_S8_SUM) {
        ((int32_t *)t->c)[at] = sum;
    } else if (t->form == QC_S8_FLOAT) {
        const float y = (float)sum * t->row_scale * real[0] + real[BLOCK];
        ((float *)t->c)[at] = y < t->low ? t->low : y > t->high ? t->high : y;
    } else if (t->form == QC_S8_REQUANT) {
        float y = (float)sum * real[0];
        y = y > t->low ? y : t->low;
        y = y < t->high ? y : t->high;
        ((int8_t *)t->c)[at] = (int8_t)(lrintf(y) + t->zero_point);
    } else if (t->form == QC_S16_NARROW) {
        const int32_t *head = (const int32_t *)(const void *)block + slot;
        ((int16_t *)t->c)[at] = qc_s16_round_narrow(sum, head[2 * BLOCK], head[3 * BLOCK], t->low, t->high);
    } else {
        ((int16_t *)t->c)[at] = qc_s16_round((double)sum + real64[0], real64[BLOCK], t->low, t->high, t->form);
    }
}

static inline void run(const struct qc_depthwise_s8_tile *t, bool wide)
{
    const size_t bytes = qc_depthwise_s8_block_bytes(BLOCK, GROUP, t->taps);
    for (size_t c = 0; c < t->channels; c++) {
        const bool last = c / BLOCK * BLOCK + BLOCK > t->channels; /* the last block ends with the last channel */
        const char *block = t->w + c / BLOCK * bytes;
        const size_t slot = last ? c - (t->channels - BLOCK) : c % BLOCK;
        const int32_t *head = (const int32_t *)(const void *)block;
        const int16_t *w = (const int16_t *)(const void *)(block + BLOCK * 16) + slot * 2;
        for (size_t m = 0; m < t->pixels; m++) {
            uint32_t sum = t->form >= QC_S16_WIDE ? 0 : (uint32_t)head[BLOCK + slot];
            for (size_t tap = 0; tap < t->taps; tap++) {
                const void *a = t->a[tap] + m * t->step;
                const int32_t x = wide ? ((const int16_t *)a)[c] : ((const int8_t *)a)[c];
                sum += (uint32_t)((x - t->zero) * w[tap / 2 * BLOCK * 2 + tap % 2]);
            }
            finish(t, block, slot, (int32_t)sum, m * t->ldc + c);
        }
    }
}

static void tile_s8(const struct qc_depthwise_s8_tile *t) { run(t, false); }
static void tile_s16(const struct qc_depthwise_s8_tile *t) { run(t, true); }

extern const struct qc_depthwise_s8 qc_depthwise_s8_ref, qc_depthwise_s16_ref;
const struct qc_depthwise_s8 qc_depthwise_s8_ref = {{"ref", 0}, 1, BLOCK, BLOCK, GROUP, .tile = tile_s8};
const struct qc_depthwise_s8 qc_depthwise_s16_ref = {{"ref", 0}, 2, BLOCK, BLOCK, GROUP, .tile = tile_s16};
