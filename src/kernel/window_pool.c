/*
 * window_pool.c - see window_pool.h. Channels are the inner loop, in blocks whose accumulators stay in the first-level cache.
 */
#include "kernel/window_pool.h"
#include "base/env.h"
#include "kernel/kernel.h"

#include <math.h>

QC_VECTORIZE

enum { BLOCK = 256, LANES = 8 };

struct span { /* of rows or columns of the input that a window covers */
    int32_t first, count;
};

static inline struct span span_of(const struct qc_window_pool *p, int axis, size_t at)
{
    const int64_t from = (int64_t)at * p->stride[axis] - p->before[axis], to = from + p->kernel[axis];
    const int32_t begin = from < 0 ? 0 : (int32_t)from;
    return (struct span){begin, (to > p->in[axis] ? p->in[axis] : (int32_t)to) - begin};
}

/* Channels [0, WIDTH) of one window. ADD(total, value) accumulates; FINISH(total, count) gives the output value. */
#define POOL_CHANNELS(X, TOTAL, MOST, WIDTH, FIRST, ADD, FINISH)                                    \
    {                                                                                               \
        const X *first = from;                                                                      \
        TOTAL total[MOST];                                                                          \
        for (size_t k = 0; k < (WIDTH); k++) total[k] = FIRST;                                      \
        for (int32_t h = 0; h < v.count; h++, first += row) {                                       \
            const X *pixel = first;                                                                 \
            for (int32_t w = 0; w < s.count; w++, pixel += channels)                                \
                for (size_t k = 0; k < (WIDTH); k++) total[k] = ADD(total[k], pixel[k]);            \
        }                                                                                           \
        for (size_t k = 0; k < (WIDTH); k++) to[k] = (X)(FINISH(total[k], count));                  \
    }

/* FEW: few channels by a number that is known, whose totals stay in registers. */
#define DEFINE_POOL(NAME, X, TOTAL, FIRST, ADD, FINISH, FEW)                                                       \
    void NAME(const struct qc_window_pool *pool, const void *input, void *output, size_t begin, size_t end)        \
    {                                                                                                              \
        const struct qc_window_pool own = *pool, *p = &own; /* which no output overwrites */                       \
        const size_t channels = (size_t)p->channels, row = (size_t)p->in[1] * channels;                            \
        const size_t width = (size_t)p->out[1], height = (size_t)p->out[0], in_height = (size_t)p->in[0];          \
        X *to = (X *)output + begin * channels;                                                                    \
        for (size_t i = begin, stop; i < end; i = stop) { /* a line of output, or what is wanted of it */          \
            const size_t line = i / width, batch = line / height;                                                  \
            const struct span v = span_of(p, 0, line % height);                                                    \
            const X *lines = (const X *)input + (batch * in_height + (size_t)v.first) * row;                       \
            stop = QC_MIN((line + 1) * width, end);                                                                \
            for (size_t x = i - line * width; x < stop - line * width; x++) {                                      \
                const struct span s = span_of(p, 1, x);                                                            \
                const int64_t count = (int64_t)v.count * s.count;                                                  \
                const X *from = lines + (size_t)s.first * channels;                                                \
                for (size_t c = 0, some; c < channels; c += some, from += some, to += some) {                      \
                    some = QC_MIN(channels - c, (size_t)BLOCK);                                                    \
                    if (!(FEW) || some >= 4 * LANES || some < LANES) {                                             \
                        POOL_CHANNELS(X, TOTAL, BLOCK, some, FIRST, ADD, FINISH)                                   \
                    } else {                                                                                       \
                        some = LANES;                                                                              \
                        POOL_CHANNELS(X, TOTAL, LANES, LANES, FIRST, ADD, FINISH)                                  \
                    }                                                                                              \
                }                                                                                                  \
            }                                                                                                      \
        }                                                                                                          \
    }

#define SUM(a, b) ((a) + (b))
#define SUM_OF_SQUARES(a, b) ((a) + (b) * (b))
#define LARGER(a, b) ((a) < (b) ? (b) : (a))

static inline float clamp_f32(const struct qc_window_pool *p, float v)
{
    v = v < p->low ? p->low : v;
    return v > p->high ? p->high : v;
}

static inline int32_t clamp_s32(const struct qc_window_pool *p, int32_t v)
{
    return v < p->least ? p->least : v > p->most ? p->most : v;
}

static inline int32_t mean_s32(int32_t total, int64_t count)
{
    if (count == 0) return 0;
    return (int32_t)((total > 0 ? total + count / 2 : total - count / 2) / count);
}

#define MEAN_F32(total, count) clamp_f32(p, (total) / (float)(count))
#define ROOT_F32(total, count) clamp_f32(p, sqrtf((total) / (float)(count)))
#define MEAN_S32(total, count) clamp_s32(p, mean_s32((int32_t)(total), count))
#define SELF_F32(total, count) clamp_f32(p, ((void)(count), total))
#define SELF_S32(total, count) clamp_s32(p, ((void)(count), total))

/* uint32_t: sums of hostile windows wrap */
DEFINE_POOL(qc_average_pool_f32, float, float, 0, SUM, MEAN_F32, true)
DEFINE_POOL(qc_average_pool_s8, int8_t, uint32_t, 0, SUM, MEAN_S32, false)
DEFINE_POOL(qc_average_pool_u8, uint8_t, uint32_t, 0, SUM, MEAN_S32, false)
DEFINE_POOL(qc_average_pool_s16, int16_t, uint32_t, 0, SUM, MEAN_S32, false)
DEFINE_POOL(qc_max_pool_f32, float, float, -INFINITY, LARGER, SELF_F32, true)
DEFINE_POOL(qc_max_pool_s8, int8_t, int32_t, INT8_MIN, LARGER, SELF_S32, true)
DEFINE_POOL(qc_max_pool_u8, uint8_t, int32_t, 0, LARGER, SELF_S32, false)
DEFINE_POOL(qc_max_pool_s16, int16_t, int32_t, INT16_MIN, LARGER, SELF_S32, false)
DEFINE_POOL(qc_l2_pool_f32, float, float, 0, SUM_OF_SQUARES, ROOT_F32, false)
