/*
 * gemm_f32_ref.c - float matrix products, plain. See gemm_f32.h.
 */
#include "kernel/gemm_f32.h"

#include "base/dtype.h"

static float weight(enum qc_weight_kind kind, const char *w, size_t i)
{
    if (kind == QC_W_F32) return ((const float *)w)[i];
    return qc_half_to_float(((const uint16_t *)w)[i]);
}

static void tile(const struct qc_gemm_f32_tile *t, enum qc_weight_kind kind, bool strip)
{
    for (size_t m = 0; m < t->rows; m++)
        for (size_t n = 0; n < t->columns; n++) {
            const char *panel = t->w + n / QC_PANEL * t->panel_bytes;
            const char *w = panel + QC_PANEL * sizeof(float);
            float sum = ((const float *)panel)[n % QC_PANEL];
            for (size_t tap = 0; tap < (strip ? 1 : t->taps); tap++)
                for (size_t k = 0; k < t->depth; k++) {
                    const float *a = strip ? (const float *)(const void *)(t->first + m * t->step + t->offset[k]) : t->a[tap * QC_TILE_ROWS + m] + k;
                    sum += *a * weight(kind, w, (tap * t->depth + k) * QC_PANEL + n % QC_PANEL);
                }
            sum = sum < t->low ? t->low : sum;
            t->c[m * t->ldc + n] = sum > t->high ? t->high : sum;
        }
}

static void tile_f32(const struct qc_gemm_f32_tile *t) { tile(t, QC_W_F32, false); }
static void tile_f16(const struct qc_gemm_f32_tile *t) { tile(t, QC_W_F16, false); }
static void strip(const struct qc_gemm_f32_tile *t) { tile(t, QC_W_F32, true); }

extern const struct qc_gemm_f32 qc_gemm_f32_ref;
const struct qc_gemm_f32 qc_gemm_f32_ref = {{"ref", 0}, 1, {tile_f32, tile_f16}, strip};
