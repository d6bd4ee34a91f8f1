/*
 * depthwise_f32.h - float depthwise convolution: one window for each channel, strip by strip: up to 16 channels of one row of the output.
 *
 *     y[pixel][c] = clamp(bias[c] + sum over taps of x[tap's pixel][c] * w[tap][c], low, high)
 *
 * The sum starts at the bias and adds taps in order by fused multiply-add; all vector variants agree to the bit. Taps outside of the picture
 * are left out (columns may be added as zero times weight). NaN in the sum gives NaN, whatever low and high are.
 * Packed weights: blocks of 16 channels, each float bias[16], then for each tap float w[16]; zeros behind the last channel; 64-byte aligned.
 * Nothing outside of the inputs is read.
 */
#ifndef QC_KERNEL_DEPTHWISE_F32_H
#define QC_KERNEL_DEPTHWISE_F32_H

#include "base/pool.h"
#include "kernel/finish.h"
#include "kernel/kernel.h"
#include "kernel/window.h"

enum { QC_DEPTHWISE_BLOCK = 16 };

struct qc_depthwise_f32_strip {
    size_t channels;               /* 1 .. QC_DEPTHWISE_BLOCK */
    size_t pitch;                  /* elements from one pixel to the next, of input and output */
    const float *x;                /* column 0 of the row under the first tap that is inside */
    size_t rows, row_step;         /* rows of taps inside, elements from one to the next */
    size_t in_w, out_w, kernel_w, stride, dilation;
    ptrdiff_t first;               /* column under the first tap of the first output; may lie outside, as may others */
    const float *bias, *w;         /* w: of the first row of taps inside */
    float *y;
    float low, high;
};

struct qc_depthwise_f32 {
    struct qc_variant variant;
    void (*strip)(const struct qc_depthwise_f32_strip *strip);
};

const struct qc_depthwise_f32 *const *qc_depthwise_f32_variants(size_t *count);
const struct qc_depthwise_f32 *qc_depthwise_f32_pick(uint32_t features);

size_t qc_depthwise_f32_packed_bytes(size_t channels, size_t taps);
/* w[channel * taps + tap]; bias may be NULL. */
void qc_depthwise_f32_pack(void *block, size_t channels, size_t taps, const float *w, const float *bias);

struct qc_depthwise_f32_call {
    const struct qc_depthwise_f32 *kernel;
    size_t batch, channels;
    const struct qc_window *window;
    size_t first_row, rows; /* of the output, all of them if batch is not 1 */
    const float *x;
    const void *packed;
    float *y;
    float low, high;
    const struct qc_finish *finish; /* NULL: nothing */
};
void qc_depthwise_f32_run(const struct qc_depthwise_f32_call *call, struct qc_pool *pool);

#endif
