/*
 * depthwise_f32.h - float depthwise convolution: one window for each channel, through row pointers (window.h).
 *
 *     y[pixel][c] = clamp(bias[c] + sum over taps of x[tap's pixel][c] * w[tap][c], low, high)
 *
 * The sum starts at the bias and adds taps in order by fused multiply-add; all vector variants agree to the bit.
 * Packed weights: blocks of 16 channels, each float bias[16], then for each tap float w[16]; zeros behind the last channel; 64-byte aligned.
 * Nothing outside of the inputs is read; a padding pointer leads to `channels` zeros.
 */
#ifndef QC_KERNEL_DEPTHWISE_F32_H
#define QC_KERNEL_DEPTHWISE_F32_H

#include "base/pool.h"
#include "kernel/kernel.h"
#include "kernel/window.h"

enum { QC_DEPTHWISE_BLOCK = 16 };

struct qc_depthwise_f32_tile {
    size_t pixels, channels, taps;  /* pixels <= QC_TILE_ROWS */
    const float *const *a;          /* [taps][QC_TILE_ROWS] */
    const float *w;
    float *c;
    size_t ldc; /* elements from one pixel to the next */
    float low, high;
};

struct qc_depthwise_f32 {
    struct qc_variant variant;
    void (*tile)(const struct qc_depthwise_f32_tile *tile);
};

const struct qc_depthwise_f32 *const *qc_depthwise_f32_variants(size_t *count);
const struct qc_depthwise_f32 *qc_depthwise_f32_pick(uint32_t features);

size_t qc_depthwise_f32_packed_bytes(size_t channels, size_t taps);
/* w[channel * taps + tap]; bias may be NULL. */
void qc_depthwise_f32_pack(void *block, size_t channels, size_t taps, const float *w, const float *bias);

struct qc_depthwise_f32_call {
    const struct qc_depthwise_f32 *kernel;
    size_t m, channels;   /* m: output pixels of all batches */
    struct qc_rows rows;  /* with a window */
    const void *packed;
    float *c;
    float low, high;
    const void **pointer; /* room for [threads][taps][QC_TILE_ROWS] */
};
void qc_depthwise_f32_run(const struct qc_depthwise_f32_call *call, struct qc_pool *pool);

#endif
