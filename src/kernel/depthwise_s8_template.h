/*
 * depthwise_s8_template.h - the tile of depthwise_s8.h over the vector of the simd_*.h included before.
 *
 * Columns of vf_width channels of up to six pixels stay in registers over all taps. The including file defines
 *   load_pair(_to) (a, b [, count])  the bytes at a and at b, vf_width channels of two taps, as int16 pairs side by side
 *   pair_dot (sum, pairs, weights)   sum + both products of each pair
 */
#include "kernel/depthwise_s8.h"

QC_INLINE void finish(const struct qc_depthwise_s8_tile *t, const char *head, size_t m, vi sum, size_t c, size_t count)
{
    const size_t at = m * t->ldc + c;
    const vf scale = vf_load((const float *)(head + offsetof(struct qc_s8_head, scale)));
    if (t->form == QC_S8_REQUANT) {
        const vf y = vf_min(vf_max(vf_mul(vf_from(sum), scale), vf_set1(t->low)), vf_set1(t->high));
        vi_store_s8((int8_t *)t->c + at, vi_add(vi_from(y), vi_set1(t->zero_point)), count);
    } else if (t->form == QC_S8_FLOAT) {
        vf y = vf_mul(vf_mul(vf_from(sum), vf_set1(t->row_scale)), scale);
        y = vf_add(y, vf_load((const float *)(head + offsetof(struct qc_s8_head, float_bias))));
        vf_store_to((float *)t->c + at, vf_min(vf_set1(t->high), vf_max(vf_set1(t->low), y)), count < vf_width ? count : vf_width);
    } else {
        vi_store_to((int32_t *)t->c + at, sum, count < vf_width ? count : vf_width);
    }
}

/* vf_width channels from c on, whose block has its columns at `head`; `count` of them are there. */
QC_INLINE void part(const struct qc_depthwise_s8_tile *t, const int pixels, const char *head, size_t c, size_t count, const bool cut)
{
    vi sum[QC_TILE_ROWS];
    const vi start = vi_sub(vi_load((const int32_t *)(head + offsetof(struct qc_s8_head, bias))),
                            vi_mul(vi_load((const int32_t *)head), vi_set1(t->zero)));
    QC_UNROLL
    for (int m = 0; m < pixels; m++) sum[m] = vi_opaque(start);
    const char *w = head + sizeof(struct qc_s8_head);
    const int8_t *const *a = t->a;
    size_t tap = 0;
    for (; tap + 2 <= t->taps; tap += 2, a += 2 * QC_TILE_ROWS, w += 64) {
        const vi b = vi_load((const int32_t *)w);
        QC_UNROLL
        for (int m = 0; m < pixels; m++) sum[m] = pair_dot(sum[m], cut ? load_pair_to(a[m] + c, a[m + QC_TILE_ROWS] + c, count)
                                                                       : load_pair(a[m] + c, a[m + QC_TILE_ROWS] + c), b);
    }
    if (tap < t->taps) { /* the second weight of the pair is 0 */
        const vi b = vi_load((const int32_t *)w);
        QC_UNROLL
        for (int m = 0; m < pixels; m++) sum[m] = pair_dot(sum[m], cut ? load_pair_to(a[m] + c, a[m] + c, count) : load_pair(a[m] + c, a[m] + c), b);
    }
    QC_UNROLL
    for (int m = 0; m < pixels; m++) finish(t, head, (size_t)m, sum[m], c, count);
}

QC_INLINE void all_channels(const struct qc_depthwise_s8_tile *t, const int pixels)
{
    const size_t bytes = qc_depthwise_s8_block_bytes(t->taps);
    size_t c = 0;
    for (; c + vf_width <= t->channels; c += vf_width) part(t, pixels, t->w + c / 16 * bytes + c % 16 * 4, c, vf_width, false);
    if (c < t->channels) part(t, pixels, t->w + c / 16 * bytes + c % 16 * 4, c, t->channels - c, true);
}

static __attribute__((noinline)) void pixels_6(const struct qc_depthwise_s8_tile *t) { all_channels(t, 6); }

static void tile(const struct qc_depthwise_s8_tile *t)
{
    switch (t->pixels) {
    case 1: all_channels(t, 1); break;
    case 2: all_channels(t, 2); break;
    case 3: all_channels(t, 3); break;
    case 4: all_channels(t, 4); break;
    case 5: all_channels(t, 5); break;
    default: pixels_6(t);
    }
}

#define QC_DEPTHWISE_S8_ROW(isa, bits)                          \
    extern const struct qc_depthwise_s8 qc_depthwise_s8_##isa; \
    const struct qc_depthwise_s8 qc_depthwise_s8_##isa = {{#isa, bits}, tile};
