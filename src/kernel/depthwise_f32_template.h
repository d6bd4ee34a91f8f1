/*
 * depthwise_f32_template.h - the tile of depthwise_f32.h over the vector of the simd_*.h included before: a block of channels of up to six
 * pixels stays in registers over all taps, so that a weight is loaded once for them.
 */
#include "kernel/depthwise_f32.h"

enum { block_vectors = QC_DEPTHWISE_BLOCK / vf_width };

/* `vectors` vectors from channel c on; the last one may be cut to `count` channels. */
QC_INLINE void part(const struct qc_depthwise_f32_tile *t, const int pixels, const int vectors, const float *w, size_t c, size_t count)
{
    vf sum[QC_TILE_ROWS][4];
    QC_UNROLL
    for (int m = 0; m < pixels; m++) {
        QC_UNROLL
        for (int j = 0; j < vectors; j++) sum[m][j] = vf_load(w + j * vf_width);
    }
    const float *const *a = t->a;
    for (size_t tap = 0; tap < t->taps; tap++, a += QC_TILE_ROWS) {
        w += QC_DEPTHWISE_BLOCK;
        vf b[4];
        QC_UNROLL
        for (int j = 0; j < vectors; j++) b[j] = vf_load(w + j * vf_width);
        QC_UNROLL
        for (int m = 0; m < pixels; m++) {
            QC_UNROLL
            for (int j = 0; j < vectors; j++) {
                const float *x = a[m] + c + j * vf_width;
                sum[m][j] = vf_fma(count == 0 ? vf_load(x) : vf_load_to(x, count), b[j], sum[m][j]);
            }
        }
    }
    const vf low = vf_set1(t->low), high = vf_set1(t->high);
    QC_UNROLL
    for (int m = 0; m < pixels; m++) {
        QC_UNROLL
        for (int j = 0; j < vectors; j++) {
            const vf y = vf_min(high, vf_max(low, sum[m][j]));
            float *to = t->c + (size_t)m * t->ldc + c + j * vf_width;
            if (count == 0) vf_store(to, y);
            else vf_store_to(to, y, count);
        }
    }
}

QC_INLINE void all_channels(const struct qc_depthwise_f32_tile *t, const int pixels)
{
    const size_t step = QC_DEPTHWISE_BLOCK * (t->taps + 1);
    const float *w = t->w;
    size_t c = 0;
    for (; c + QC_DEPTHWISE_BLOCK <= t->channels; c += QC_DEPTHWISE_BLOCK, w += step) part(t, pixels, block_vectors, w, c, 0);
    for (int j = 0; c < t->channels; j++, c += vf_width)
        part(t, pixels, 1, w + j * vf_width, c, t->channels - c < vf_width ? t->channels - c : vf_width);
}

static void tile(const struct qc_depthwise_f32_tile *t)
{
    switch (t->pixels) {
    case 1: all_channels(t, 1); break;
    case 2: all_channels(t, 2); break;
    case 3: all_channels(t, 3); break;
    case 4: all_channels(t, 4); break;
    case 5: all_channels(t, 5); break;
    default: all_channels(t, 6);
    }
}

#define QC_DEPTHWISE_F32_ROW(isa, bits)                          \
    extern const struct qc_depthwise_f32 qc_depthwise_f32_##isa; \
    const struct qc_depthwise_f32 qc_depthwise_f32_##isa = {{#isa, bits}, tile};
