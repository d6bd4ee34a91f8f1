/*
 * depthwise_s8_template.h - the tile of depthwise_s8.h: the sums of a block's channels of PIXELS pixels stay in registers over all taps.
 *
 * The including file has included a simd_*.h and defines
 *   GROUP, PARTS, PIXELS   taps of a group, vectors of sums of a block, pixels of a register tile
 *   X_BIAS                 what `interleave` adds to every activation
 *   interleave             (const char *const *a, size_t offset, vi x[PARTS]): GROUP taps at a[tap] + offset bytes, side by side
 *   interleave_one         the same for a last group of one tap; what stands in the places of the others is multiplied by 0
 *   dot                    (vi sum, vi x, vi w): sum + the products of each channel's taps
 *   QC_SLIDES              if three columns' sums fit in registers beside one column (t->slide)
 *   vi_store_lanes         (int32_t *p, size_t step, vi x): 128-bit lanes of x, `step` elements apart (of the simd header)
 */
#include "kernel/depthwise_s8.h"

enum { BLOCK = PARTS * vf_width, LANE = 4 * PARTS, ELEMENT = PARTS == 4 ? 1 : 2 };

/* int32 sums, for forms that are not the type's usual one. */
static __attribute__((noinline)) void finish_sums(const struct qc_depthwise_s8_tile *t, const int32_t *sum, size_t at)
{
    for (int v = 0; v < PARTS; v++) vi_store_lanes((int32_t *)t->c + at + v * 4, LANE, vi_load(sum + v * vf_width));
}

#if !DEPTHWISE_S16
/* `order`: of the block's vectors. */
QC_INLINE vf finish_float(const struct qc_depthwise_s8_tile *t, const char *head, vi sum, const int order)
{
    const float *scale = (const float *)(const void *)head + 2 * BLOCK + order * vf_width;
    const vf y = vf_add(vf_mul(vf_mul(vf_from(sum), vf_set1(t->row_scale)), vf_load(scale)), vf_load(scale + BLOCK));
    return vf_min(vf_set1(t->high), vf_max(vf_set1(t->low), y));
}
static __attribute__((noinline)) void finish_floats(const struct qc_depthwise_s8_tile *t, const char *head, vi a, vi b, vi c, vi d, size_t at)
{
    vf_store_by_lanes((float *)t->c + at, finish_float(t, head, a, 0), finish_float(t, head, b, 1), finish_float(t, head, c, 2),
                      finish_float(t, head, d, 3));
}
#endif

/* Of the usual form, in registers: the stores might otherwise change them, for all the compiler knows. */
#if DEPTHWISE_S16
struct limits {
    vi low, high;
};
QC_INLINE struct limits limits_of(const struct qc_depthwise_s8_tile *t)
{
    return (struct limits){vi_set1((int32_t)t->low), vi_set1((int32_t)t->high)};
}
#else
struct limits {
    vb low;
    vf high;
    int16_t zero;
};
QC_INLINE struct limits limits_of(const struct qc_depthwise_s8_tile *t)
{
    const float low = t->form == QC_S8_REQUANT ? t->low : 0; /* floats may have none */
    return (struct limits){vb_set1((int8_t)((int32_t)low + t->zero_point)), vf_set1(t->high), (int16_t)t->zero_point};
}
#endif

QC_INLINE void finish(const struct qc_depthwise_s8_tile *t, const struct limits limits, const char *head, const vi sum[PARTS], size_t at)
{
    if (t->form == QC_S8_SUM) {
        int32_t all[BLOCK];
        QC_UNROLL
        for (int v = 0; v < PARTS; v++) vi_store(all + v * vf_width, sum[v]);
        finish_sums(t, all, at);
        return;
    }
#if !DEPTHWISE_S16
    if (t->form == QC_S8_FLOAT) {
        finish_floats(t, head, sum[0], sum[1], sum[2], sum[3], at);
        return;
    }
#endif
#if DEPTHWISE_S16
    const double *bias = (const double *)(const void *)head;
    const int32_t *multiplier = (const int32_t *)(const void *)head + 2 * BLOCK;
    vi y[PARTS];
    QC_UNROLL
    for (int v = 0; v < PARTS; v++)
        y[v] = t->form == QC_S16_NARROW ? vi_round_narrow(sum[v], vi_load(multiplier + v * vf_width), vi_load(multiplier + BLOCK + v * vf_width))
               : t->form == QC_S16_F64 ? vi_round_away64(sum[v], bias + v * vf_width, bias + BLOCK + v * vf_width)
                                       : vi_round_up64(sum[v], bias + v * vf_width, bias + BLOCK + v * vf_width);
    vi_store_s16((int16_t *)t->c + at, vi_limit(y[0], limits.low, limits.high), vi_limit(y[1], limits.low, limits.high));
#else
    vi y[PARTS];
    QC_UNROLL
    for (int v = 0; v < PARTS; v++)
        y[v] = vi_from(vf_min(limits.high, vf_mul(vf_from(sum[v]), vf_load((const float *)head + 2 * BLOCK + v * vf_width)))); /* NaN: the least */
    vb_store((int8_t *)t->c + at, vb_max(vb_pack(y[0], y[1], y[2], y[3], limits.zero), limits.low));
#endif
}

/* Channels [c, c + BLOCK) of `pixels` pixels from the first on. */
QC_INLINE void block(const struct qc_depthwise_s8_tile *t, const struct limits limits, const int pixels, size_t first, const char *head, size_t c)
{
    vi sum[PIXELS][PARTS];
    QC_UNROLL
    for (int v = 0; v < PARTS; v++) {
        vi start = vi_zero();
        if (!DEPTHWISE_S16 || t->form < QC_S16_WIDE) {
            const int32_t *weight_sum = (const int32_t *)(const void *)head + v * vf_width;
            start = vi_sub(vi_load(weight_sum + BLOCK), vi_mul(vi_load(weight_sum), vi_set1(t->zero + X_BIAS)));
        }
        QC_UNROLL
        for (int m = 0; m < pixels; m++) sum[m][v] = vi_opaque(start);
    }
    const int32_t *w = (const int32_t *)(const void *)(head + BLOCK * 16);
    const char *const *a = t->a;
    const size_t offset = first * t->step + c * ELEMENT;
    size_t tap = 0;
    for (; tap + (GROUP == 4 ? 2 : 1) <= t->taps; tap += GROUP, a += GROUP, w += BLOCK) {
        QC_UNROLL
        for (int m = 0; m < pixels; m++) {
            vi x[PARTS];
            interleave(a, offset + (size_t)m * t->step, x);
            QC_UNROLL
            for (int v = 0; v < PARTS; v++) sum[m][v] = dot(sum[m][v], x[v], vi_load(w + v * vf_width));
        }
    }
    if (tap < t->taps) {
        QC_UNROLL
        for (int m = 0; m < pixels; m++) {
            vi x[PARTS];
            interleave_one(a[0], offset + (size_t)m * t->step, x);
            QC_UNROLL
            for (int v = 0; v < PARTS; v++) sum[m][v] = dot(sum[m][v], x[v], vi_load(w + v * vf_width));
        }
    }
    QC_UNROLL
    for (int m = 0; m < pixels; m++) finish(t, limits, head, sum[m], (first + (size_t)m) * t->ldc + c);
}

#if QC_SLIDES
/* Channels [c, c + BLOCK) of all pixels: each column of three lines goes into the sums of the pixels that it is the last, middle and first column of. */
QC_INLINE void slide(const struct qc_depthwise_s8_tile *t, const struct limits limits, const char *head, size_t c)
{
    const int32_t *weight_sum = (const int32_t *)(const void *)head, *w = weight_sum + 4 * BLOCK;
    vi start[PARTS], last[PARTS], middle[PARTS], first[PARTS], x[PARTS];
    QC_UNROLL
    for (int v = 0; v < PARTS; v++) {
        const vi sums = vi_load(weight_sum + v * vf_width), bias = vi_load(weight_sum + v * vf_width + BLOCK);
        last[v] = middle[v] = start[v] = vi_opaque(vi_sub(bias, vi_mul(sums, vi_set1(t->zero + X_BIAS))));
    }
    for (size_t column = 0; column < t->pixels + 2; column++) {
        interleave_three(t->a, c + column * t->step, x);
        QC_UNROLL
        for (int v = 0; v < PARTS; v++) {
            first[v] = dot(start[v], x[v], vi_load(w + v * vf_width));
            middle[v] = dot(middle[v], x[v], vi_load(w + v * vf_width + BLOCK));
            last[v] = dot(last[v], x[v], vi_load(w + v * vf_width + 2 * BLOCK));
        }
        if (column >= 2) finish(t, limits, head, last, (column - 2) * t->ldc + c);
        QC_UNROLL
        for (int v = 0; v < PARTS; v++) last[v] = middle[v], middle[v] = first[v];
    }
}
#endif

static void tile(const struct qc_depthwise_s8_tile *t)
{
    const size_t bytes = qc_depthwise_s8_block_bytes(BLOCK, GROUP, t->taps);
    const struct limits limits = limits_of(t);
    const char *head = t->w;
    for (size_t c = 0; c < t->channels; c += BLOCK, head += bytes) {
        const size_t at = c + BLOCK <= t->channels ? c : t->channels - BLOCK;
        size_t m = 0;
#if QC_SLIDES
        if (t->slide) {
            slide(t, limits, head, at);
            continue;
        }
#endif
        for (; m + PIXELS <= t->pixels; m += PIXELS) block(t, limits, PIXELS, m, head, at);
        for (; m < t->pixels; m++) block(t, limits, 1, m, head, at);
    }
}
