/*
 * depthwise_f32_ref.c - float depthwise convolution, plain. See depthwise_f32.h.
 */
#include "kernel/depthwise_f32.h"

static void tile(const struct qc_depthwise_f32_tile *t)
{
    for (size_t m = 0; m < t->pixels; m++)
        for (size_t c = 0; c < t->channels; c++) {
            const float *w = t->w + c / QC_DEPTHWISE_BLOCK * QC_DEPTHWISE_BLOCK * (t->taps + 1) + c % QC_DEPTHWISE_BLOCK;
            float sum = *w;
            for (size_t tap = 0; tap < t->taps; tap++) sum += t->a[tap * QC_TILE_ROWS + m][c] * w[(tap + 1) * QC_DEPTHWISE_BLOCK];
            sum = sum < t->low ? t->low : sum;
            t->c[m * t->ldc + c] = sum > t->high ? t->high : sum;
        }
}

extern const struct qc_depthwise_f32 qc_depthwise_f32_ref;
const struct qc_depthwise_f32 qc_depthwise_f32_ref = {{"ref", 0}, tile};
