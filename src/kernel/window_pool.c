/*
 * window_pool.c - see window_pool.h. Channels are the inner loop, in blocks whose accumulators stay in the first-level cache.
 */
#include "kernel/window_pool.h"
#include "kernel/kernel.h"

#include <math.h>

QC_VECTORIZE

enum { BLOCK = 256 };

struct span { /* rows and columns of the input that one window covers */
    size_t first;
    int32_t rows, columns;
};

static struct span span_of(const struct qc_window_pool *p, size_t index)
{
    int32_t at[2] = {(int32_t)(index / (size_t)p->out[1] % (size_t)p->out[0]), (int32_t)(index % (size_t)p->out[1])};
    size_t batch = index / (size_t)p->out[1] / (size_t)p->out[0];
    int32_t begin[2], end[2];
    for (int i = 0; i < 2; i++) {
        int64_t from = (int64_t)at[i] * p->stride[i] - p->before[i], to = from + p->kernel[i];
        begin[i] = from < 0 ? 0 : (int32_t)from;
        end[i] = to > p->in[i] ? p->in[i] : (int32_t)to;
    }
    size_t pixel = (batch * (size_t)p->in[0] + (size_t)begin[0]) * (size_t)p->in[1] + (size_t)begin[1];
    return (struct span){pixel, end[0] - begin[0], end[1] - begin[1]};
}

/* ADD(total, value) accumulates; FINISH(total, count) gives the output value. */
#define DEFINE_POOL(NAME, X, TOTAL, FIRST, ADD, FINISH)                                                            \
    void NAME(const struct qc_window_pool *p, const void *input, void *output, size_t begin, size_t end)           \
    {                                                                                                              \
        const X *x = input;                                                                                        \
        X *y = output;                                                                                             \
        size_t channels = (size_t)p->channels, row = (size_t)p->in[1] * channels;                                  \
        for (size_t i = begin; i < end; i++) {                                                                     \
            struct span s = span_of(p, i);                                                                         \
            int64_t count = (int64_t)s.rows * s.columns;                                                           \
            for (size_t c = 0; c < channels; c += BLOCK) {                                                         \
                size_t width = channels - c < BLOCK ? channels - c : BLOCK;                                        \
                const X *from = x + s.first * channels + c;                                                        \
                TOTAL total[BLOCK];                                                                                \
                for (size_t k = 0; k < width; k++) total[k] = FIRST;                                               \
                for (int32_t h = 0; h < s.rows; h++)                                                               \
                    for (int32_t w = 0; w < s.columns; w++) {                                                      \
                        const X *pixel = from + (size_t)h * row + (size_t)w * channels;                            \
                        for (size_t k = 0; k < width; k++) total[k] = ADD(total[k], pixel[k]);                     \
                    }                                                                                              \
                for (size_t k = 0; k < width; k++) y[i * channels + c + k] = (X)(FINISH(total[k], count));         \
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
DEFINE_POOL(qc_average_pool_f32, float, float, 0, SUM, MEAN_F32)
DEFINE_POOL(qc_average_pool_s8, int8_t, uint32_t, 0, SUM, MEAN_S32)
DEFINE_POOL(qc_average_pool_u8, uint8_t, uint32_t, 0, SUM, MEAN_S32)
DEFINE_POOL(qc_average_pool_s16, int16_t, uint32_t, 0, SUM, MEAN_S32)
DEFINE_POOL(qc_max_pool_f32, float, float, -INFINITY, LARGER, SELF_F32)
DEFINE_POOL(qc_max_pool_s8, int8_t, int32_t, INT8_MIN, LARGER, SELF_S32)
DEFINE_POOL(qc_max_pool_u8, uint8_t, int32_t, 0, LARGER, SELF_S32)
DEFINE_POOL(qc_max_pool_s16, int16_t, int32_t, INT16_MIN, LARGER, SELF_S32)
DEFINE_POOL(qc_l2_pool_f32, float, float, 0, SUM_OF_SQUARES, ROOT_F32)
