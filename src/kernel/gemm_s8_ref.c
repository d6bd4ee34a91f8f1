/*
 * gemm_s8_ref.c - integer matrix products, plain. See gemm_s8.h.
 */
#include "kernel/gemm_s8.h"

#include <math.h>

static int32_t sum_at(const struct qc_gemm_s8_tile *t, const struct qc_s8_head *head, size_t m, size_t lane)
{
    const int8_t *w = (const int8_t *)(head + 1) + lane * 4;
    uint32_t sum = (uint32_t)head->bias[lane];
    for (size_t tap = 0; tap < t->taps; tap++, w += (t->depth + 3) / 4 * 64) {
        const int8_t *a = t->a[tap * QC_TILE_ROWS + m];
        for (size_t k = 0; k < t->depth; k++) sum += (uint32_t)(a[k] - t->zero[m]) * (uint32_t)w[k / 4 * 64 + k % 4];
    }
    return (int32_t)sum;
}

static void tile(const struct qc_gemm_s8_tile *t)
{
    for (size_t m = 0; m < t->rows; m++)
        for (size_t n = 0; n < t->columns; n++) {
            const struct qc_s8_head *head = (const void *)(t->w + n / 16 * t->panel_bytes);
            const size_t lane = n % 16, at = m * t->ldc + n;
            const int32_t sum = sum_at(t, head, m, lane);
            if (t->form == QC_S8_SUM) {
                ((int32_t *)t->c)[at] = sum;
            } else if (t->form == QC_S8_FLOAT) {
                const float y = (float)sum * t->row_scale[m] * head->scale[lane] + head->float_bias[lane];
                ((float *)t->c)[at] = y < t->low ? t->low : y > t->high ? t->high : y;
            } else {
                float y = (float)sum * head->scale[lane];
                y = y > t->low ? y : t->low;
                y = y < t->high ? y : t->high;
                ((int8_t *)t->c)[at] = (int8_t)(lrintf(y) + t->zero_point);
            }
        }
}

extern const struct qc_gemm_s8 qc_gemm_s8_ref;
const struct qc_gemm_s8 qc_gemm_s8_ref = {{"ref", 0}, 16, tile, NULL};
