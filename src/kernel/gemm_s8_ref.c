/*
 * gemm_s8_ref.c - integer matrix products, plain. See gemm_s8.h.
 */
#include "kernel/gemm_s8.h"

#include <math.h>

static inline int32_t sum_at(const struct qc_gemm_s8_tile *t, const struct qc_s8_head *head, size_t m, size_t lane, bool wide)
{
    const int8_t *w = (const int8_t *)(head + 1) + t->skip * 64 + lane * 4;
    const bool bias = t->form < QC_S16_WIDE;
    uint32_t sum = bias ? (uint32_t)head->bias[lane] : 0;
    for (size_t tap = 0; tap < t->taps; tap++, w += (t->depth + 3) / 4 * 64) {
        const void *a = t->a[tap * QC_TILE_ROWS + m];
        for (size_t k = 0; k < t->depth; k++) {
            const int32_t x = wide ? ((const int16_t *)a)[k] : ((const int8_t *)a)[k];
            sum += (uint32_t)(x - t->zero[m]) * (uint32_t)w[k / 4 * 64 + k % 4];
        }
    }
    return (int32_t)sum;
}

static void finish(const struct qc_gemm_s8_tile *t, const struct qc_s8_head *head, size_t m, size_t n, int32_t sum)
{
    const size_t lane = n % 16, at = m * t->ldc + n;
    const struct qc_s16_head *wide = (const void *)head;
    if (t->form == QC_S8_SUM || t->form == QC_S16_PART) {
        ((int32_t *)t->c)[at] = sum;
    } else if (t->form == QC_S8_FLOAT) {
        const float y = (float)sum * t->row_scale[m] * head->scale[lane] + head->float_bias[lane];
        ((float *)t->c)[at] = y < t->low ? t->low : y > t->high ? t->high : y;
    } else if (t->form == QC_S8_REQUANT) {
        float y = (float)sum * head->scale[lane];
        y = y > t->low ? y : t->low;
        y = y < t->high ? y : t->high;
        ((int8_t *)t->c)[at] = (int8_t)(lrintf(y) + t->zero_point);
    } else if (t->form == QC_S16_NARROW) {
        const struct qc_s16_narrow_head *narrow = (const void *)head;
        ((int16_t *)t->c)[at] = qc_s16_round_narrow(sum, narrow->multiplier[lane], narrow->shift[lane], t->low, t->high);
    } else {
        ((int16_t *)t->c)[at] = qc_s16_round((double)sum + wide->bias[lane], wide->scale[lane], t->low, t->high, t->form);
    }
}

static inline void run(const struct qc_gemm_s8_tile *t, bool wide)
{
    for (size_t m = 0; m < t->rows; m++)
        for (size_t n = 0; n < t->columns; n++) {
            const struct qc_s8_head *head = (const void *)(t->w + n / 16 * t->panel_bytes);
            finish(t, head, m, n, sum_at(t, head, m, n % 16, wide));
        }
}

static void tile_s8(const struct qc_gemm_s8_tile *t) { run(t, false); }
static void tile_s16(const struct qc_gemm_s8_tile *t) { run(t, true); }

extern const struct qc_gemm_s8 qc_gemm_s8_ref, qc_gemm_s16_ref;
const struct qc_gemm_s8 qc_gemm_s8_ref = {{"ref", 0}, 16, tile_s8, .element = 1};
const struct qc_gemm_s8 qc_gemm_s16_ref = {{"ref", 0}, 16, tile_s16, .element = 2, .exact = 508};
