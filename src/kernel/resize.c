/* resize.c - see resize.h. */
#include "kernel/resize.h"

QC_VECTORIZE

/* EXPR from tl, tr, bl, br (the four numbers), p (the pixel) and row; SETUP is computed once for a pixel. */
#define RESIZE(name, T, SETUP, EXPR)                                                                     \
    void name(const struct qc_resize_row *row)                                                           \
    {                                                                                                    \
        const T *top = row->top, *bottom = row->bottom;                                                  \
        T *restrict out = row->out;                                                                      \
        for (size_t i = 0; i < row->count; i++, out += row->channels) {                                  \
            const struct qc_resize_pixel *p = &row->pixel[i];                                            \
            const T *a = top + p->left, *b = top + p->right, *c = bottom + p->left, *d = bottom + p->right; \
            SETUP                                                                                        \
            for (size_t k = 0; k < row->channels; k++) {                                                 \
                const T tl = a[k], tr = b[k], bl = c[k], br = d[k];                                      \
                out[k] = (T)(EXPR);                                                                      \
            }                                                                                            \
        }                                                                                                \
    }

static inline float mix(float from, float to, float share)
{
    return from + (to - from) * share;
}

static inline int32_t mix_fast(int32_t tl, int32_t tr, int32_t bl, int32_t br, int32_t across, int32_t down)
{
    int32_t t = tl * 2048 + (tr - tl) * across, b = bl * 2048 + (br - bl) * across;
    return (int32_t)((uint32_t)t * 2048 + (uint32_t)((b - t) * down) + (1 << 21)) >> 22;
}

static inline int64_t mix_portable(int64_t tl, int64_t tr, int64_t bl, int64_t br, int64_t across, int64_t down)
{
    int64_t sum = tl * (1024 - down) * (1024 - across) + bl * down * (1024 - across) + tr * (1024 - down) * across + br * down * across;
    return (sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20);
}

RESIZE(qc_resize_f32, float, const float across = p->share; const float down = row->down;, mix(mix(tl, tr, across), mix(bl, br, across), down))
RESIZE(qc_resize_s8_fast, int8_t, const int32_t across = p->fixed; const int32_t down = row->fixed_down;, mix_fast(tl, tr, bl, br, across, down))
RESIZE(qc_resize_u8, uint8_t, const float w0 = (1 - row->down) * (1 - p->share); const float w1 = (1 - row->down) * p->share;
       const float w2 = row->down * (1 - p->share); const float w3 = row->down * p->share;
       , (int32_t)(tl * w0 + tr * w1 + bl * w2 + br * w3 + 0.5f))
RESIZE(qc_resize_u8_portable, uint8_t, const float across = p->share; const float down = row->down;
       , (int32_t)(tl * (1 - down) * (1 - across) + bl * down * (1 - across) + tr * (1 - down) * across + br * down * across + 0.5f))
RESIZE(qc_resize_s8, int8_t, const int32_t across = p->fixed; const int32_t down = row->fixed_down;, mix_portable(tl, tr, bl, br, across, down))
RESIZE(qc_resize_s16, int16_t, const int32_t across = p->fixed; const int32_t down = row->fixed_down;, mix_portable(tl, tr, bl, br, across, down))
