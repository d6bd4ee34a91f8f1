/*
 * conv.h - convolutions and, as the case of a one-element window, matrix products: the contract and the scalar reference.
 *
 * Channels last, up to three axes (depth, height, width; unused ones are 1). Weights stand as [out_channels][taps][in_channels /
 * groups]: for a plain product that is [n][k], with batch the rows. One output channel sees the input channels of its own group.
 * A depthwise convolution is the case groups == in_channels.
 *
 * Every function computes the output positions [begin, end) of batch * out[0] * out[1] * out[2], all channels of each. Integer sums
 * are exact modulo 2^32 (2^64 with 16-bit activations). float32: sums in the order taps, channels, from 0; bias last.
 */
#ifndef QC_KERNEL_CONV_H
#define QC_KERNEL_CONV_H

#include "kernel/kernel.h"
#include "kernel/stage.h"

#include <stdbool.h>

struct qc_conv {
    int32_t batch;
    int32_t in[3], out[3], kernel[3], stride[3], dilation[3], before[3]; /* before: zeros in front */
    int32_t in_channels, out_channels, groups;
    bool transposed; /* input positions are `stride` apart in the output's grid: the gradient of a convolution */
};

/* bias may be NULL; low and high clamp. */
void qc_conv_f32_ref(const struct qc_conv *conv, const float *x, const float *w, const float *bias, float low, float high, float *y,
                     size_t begin, size_t end);

/* (x - x_zero) * (w - w_zero), summed, plus bias, through the stage. */
void qc_conv_s8_ref(const struct qc_conv *conv, const int8_t *x, int32_t x_zero, const int8_t *w, int32_t w_zero, const int32_t *bias,
                    const struct qc_stage *stage, int8_t *y, size_t begin, size_t end);
void qc_conv_u8_ref(const struct qc_conv *conv, const uint8_t *x, int32_t x_zero, const int8_t *w, int32_t w_zero, const int32_t *bias,
                    const struct qc_stage *stage, uint8_t *y, size_t begin, size_t end);
/* 16 bit activations with zero points 0; 64-bit sums. */
void qc_conv_s16_ref(const struct qc_conv *conv, const int16_t *x, const int8_t *w, const int64_t *bias, const struct qc_stage *stage,
                     int16_t *y, size_t begin, size_t end);
/* The same with 32-bit sums. */
void qc_conv_s16_b32_ref(const struct qc_conv *conv, const int16_t *x, const int8_t *w, const int32_t *bias,
                         const struct qc_stage *stage, int16_t *y, size_t begin, size_t end);

/*
 * Float activations that were quantized to int8 with x_scale[b], x_zero[b] for each batch b, against int8 weights:
 * y = (float)sum * x_scale[b] * w_scale[channel] + bias, clamped, multiplied in this order.
 */
struct qc_hybrid {
    const float *x_scale;
    const int32_t *x_zero; /* real = (stored - zero) * scale */
    const float *w_scale;  /* [out_channels] */
    const float *bias;     /* may be NULL */
    float low, high;
    bool turns_128;         /* of one tap: -128 counts as 128 against negative activations */
};
void qc_conv_hybrid_ref(const struct qc_conv *conv, const int8_t *x, const int8_t *w, const struct qc_hybrid *hybrid, float *y,
                        size_t begin, size_t end);

#endif
