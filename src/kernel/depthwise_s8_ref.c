/*
 * depthwise_s8_ref.c - int8 depthwise convolution, plain. See depthwise_s8.h.
 */
#include "kernel/depthwise_s8.h"

#include <math.h>

static void tile(const struct qc_depthwise_s8_tile *t)
{
    for (size_t m = 0; m < t->pixels; m++)
        for (size_t c = 0; c < t->channels; c++) {
            const struct qc_s8_head *head = (const void *)(t->w + c / 16 * qc_depthwise_s8_block_bytes(t->taps));
            const int16_t *w = (const int16_t *)(head + 1) + c % 16 * 2;
            const size_t at = m * t->ldc + c, lane = c % 16;
            uint32_t bits = (uint32_t)head->bias[lane];
            for (size_t tap = 0; tap < t->taps; tap++)
                bits += (uint32_t)((t->a[tap * QC_TILE_ROWS + m][c] - t->zero) * w[tap / 2 * 32 + tap % 2]);
            const int32_t sum = (int32_t)bits;
            if (t->form == QC_S8_SUM) {
                ((int32_t *)t->c)[at] = sum;
            } else if (t->form == QC_S8_FLOAT) {
                const float y = (float)sum * t->row_scale * head->scale[lane] + head->float_bias[lane];
                ((float *)t->c)[at] = y < t->low ? t->low : y > t->high ? t->high : y;
            } else {
                float y = (float)sum * head->scale[lane];
                y = y > t->low ? y : t->low;
                y = y < t->high ? y : t->high;
                ((int8_t *)t->c)[at] = (int8_t)(lrintf(y) + t->zero_point);
            }
        }
}

extern const struct qc_depthwise_s8 qc_depthwise_s8_ref;
const struct qc_depthwise_s8 qc_depthwise_s8_ref = {{"ref", 0}, tile};
