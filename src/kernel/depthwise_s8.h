/*
 * depthwise_s8.h - int8 depthwise convolution: one window for each channel, through row pointers (window.h).
 *
 *     sum[pixel][c] = bias[c] + sum over taps of (x[tap's pixel][c] - zero) * w[tap][c]       exact modulo 2^32
 *
 * and from it int8 or float or the sum itself, by the forms of gemm_s8.h. All variants give the same bits.
 *
 * Packed weights: blocks of 16 channels, each a struct qc_s8_head (gemm_s8.h; weight_sum takes out the zero point), then for each two taps
 * int16 w[16 channels][2 taps], zeros where taps or channels run out; 64-byte aligned. Two taps' products fit one vpmaddwd.
 * Nothing outside of the inputs is read; a padding pointer leads to `channels` bytes equal to zero.
 */
#ifndef QC_KERNEL_DEPTHWISE_S8_H
#define QC_KERNEL_DEPTHWISE_S8_H

#include "kernel/gemm_s8.h"

struct qc_depthwise_s8_tile {
    enum qc_s8_form form;
    size_t pixels, channels, taps; /* pixels <= QC_TILE_ROWS */
    const int8_t *const *a;        /* [taps][QC_TILE_ROWS] */
    const char *w;
    void *c;
    size_t ldc; /* elements from one pixel to the next */
    int32_t zero, zero_point;
    float row_scale, low, high;
};

struct qc_depthwise_s8 {
    struct qc_variant variant;
    void (*tile)(const struct qc_depthwise_s8_tile *tile);
};

const struct qc_depthwise_s8 *const *qc_depthwise_s8_variants(size_t *count);
const struct qc_depthwise_s8 *qc_depthwise_s8_pick(uint32_t features);

size_t qc_depthwise_s8_block_bytes(size_t taps);
size_t qc_depthwise_s8_packed_bytes(size_t channels, size_t taps);
/* w[channel * taps + tap]; as in qc_gemm_s8_pack. */
void qc_depthwise_s8_pack(void *block, const struct qc_gemm_s8_pack *pack);

struct qc_depthwise_s8_call {
    const struct qc_depthwise_s8 *kernel;
    enum qc_s8_form form;
    size_t m, channels;   /* m: output pixels */
    struct qc_rows rows;  /* with a window */
    const void *packed;
    void *c;
    int32_t zero, zero_point;
    float row_scale, low, high; /* as in gemm_s8.h */
    const void **pointer; /* room for [threads][taps][QC_TILE_ROWS] */
};
void qc_depthwise_s8_run(const struct qc_depthwise_s8_call *call, struct qc_pool *pool);

#endif
