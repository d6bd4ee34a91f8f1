/*
 * depthwise_s8.h - depthwise convolution of int8 or int16 activations by int8 weights: one window for each channel, run by run of neighbouring output pixels.
 *
 *     sum[pixel][c] = bias[c] + sum over taps of (x[tap's pixel][c] - zero) * w[tap][c]       exact modulo 2^32
 *
 * and from it a stored number, a float or the sum itself, by the forms of gemm_s8.h (int16: forms of 16 bits, zero 0). All variants give the same bits.
 *
 * A variant works on blocks of channels, one vector of activations. Activations of several taps are interleaved within 128-bit lanes, so that the
 * taps of a channel lie side by side in 32 bits, and the sums of a block stand in vectors of four channels of every lane: order of qc_depthwise_s8_slot.
 * Packing the sums to bytes within lanes brings the channels back in order.
 * Variants that `slide` take the taps of 3x3 windows at stride 1 column by column, a group each (qc_depthwise_s8_by_columns): a
 * column that is interleaved once serves the windows of three neighbouring pixels. Packed weights: for each block a head (as struct qc_s8_head: int32
 * weight_sum, bias; float scale, float_bias or int32 multiplier, shift; or double bias, scale; `block` of each), then for each `group` of taps 4 bytes for each channel, zeros where taps
 * run out; 64-byte aligned. The last block ends with the last channel and overlaps the one before. Fewer channels than a block are copied
 * to the work space of the call, so that nothing outside of the inputs is read. `rows.zero` leads to `channels` elements equal to zero.
 */
#ifndef QC_KERNEL_DEPTHWISE_S8_H
#define QC_KERNEL_DEPTHWISE_S8_H

#include "kernel/gemm_s8.h"

struct qc_depthwise_s8_tile {
    enum qc_s8_form form;
    size_t pixels, channels, taps; /* channels >= block */
    const char *const *a;          /* [taps, rounded up to whole groups], of the first pixel */
    bool slide;                    /* the next pixels' columns lie `step` bytes apart, as this one's do */
    size_t step;                   /* bytes from one pixel's taps to the next one's */
    const char *w;
    void *c;
    size_t ldc; /* elements from one pixel to the next */
    int32_t zero, zero_point;
    float row_scale, low, high;
};

struct qc_depthwise_s8 {
    struct qc_variant variant;
    size_t element;            /* bytes of an activation */
    size_t block, lane, group; /* channels, channels of a 128-bit lane, taps */
    void (*tile)(const struct qc_depthwise_s8_tile *tile);
    bool slides;
};

const struct qc_depthwise_s8 *const *qc_depthwise_s8_variants(size_t *count); /* of both types */
/* element: 1 for int8, 2 for int16. */
const struct qc_depthwise_s8 *qc_depthwise_s8_pick(size_t element, uint32_t features);

/* Where channel c of a block stands among its sums. */
static inline size_t qc_depthwise_s8_slot(const struct qc_depthwise_s8 *kernel, size_t c)
{
    return c % kernel->lane / 4 * (kernel->block / kernel->lane * 4) + c / kernel->lane * 4 + c % 4;
}
static inline size_t qc_depthwise_s8_block_bytes(size_t block, size_t group, size_t taps)
{
    return block * 16 + (taps + group - 1) / group * block * 4;
}
size_t qc_depthwise_s8_packed_bytes(const struct qc_depthwise_s8 *kernel, size_t channels, size_t taps);
bool qc_depthwise_s8_by_columns(const struct qc_depthwise_s8 *kernel, const struct qc_window *window);
/* w[channel * taps + tap]; as in qc_gemm_s8_pack. */
void qc_depthwise_s8_pack(const struct qc_depthwise_s8 *kernel, void *block, bool by_columns, const struct qc_gemm_s8_pack *pack);

struct qc_depthwise_s8_call {
    const struct qc_depthwise_s8 *kernel;
    enum qc_s8_form form;
    size_t m, channels;   /* m: output pixels */
    struct qc_rows rows;  /* with a window */
    const void *packed;
    void *c;
    int32_t zero, zero_point;
    float row_scale, low, high; /* as in gemm_s8.h */
    const struct qc_finish *finish; /* NULL: nothing */
    void *work; /* qc_depthwise_s8_work_bytes, 64-byte aligned */
};
size_t qc_depthwise_s8_work_bytes(const struct qc_depthwise_s8 *kernel, size_t channels, size_t taps, size_t in_w, int threads);
void qc_depthwise_s8_run(const struct qc_depthwise_s8_call *call, struct qc_pool *pool);

#endif
