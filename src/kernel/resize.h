/*
 * resize.h - bilinear interpolation of one row of pixels from two input rows.
 *
 * Pixel i of the output mixes left[i] and right[i] (element offsets) of both rows; `down` is the share of the lower row. The arithmetic is
 * the operator's contract:
 *   f32       differences first, as XNNPACK
 *   s8_fast   shares with 11 bits, rounded half up once (XNNPACK)
 *   u8, u8_portable   float32 shares; the portable form multiplies by one share after the other (TFLite's two uint8 kernels)
 *   s8, s16   shares with 10 bits, rounded half away from zero (TFLite)
 */
#ifndef QC_KERNEL_RESIZE_H
#define QC_KERNEL_RESIZE_H

#include "kernel/kernel.h"

struct qc_resize_pixel {
    size_t left, right;
    float share;    /* of right */
    int32_t fixed;  /* the same with 11 or 10 bits */
};

struct qc_resize_row {
    const void *top, *bottom;
    void *out;
    const struct qc_resize_pixel *pixel;
    size_t count, channels;
    float down;
    int32_t fixed_down;
};

typedef void qc_resize_fn(const struct qc_resize_row *row);

qc_resize_fn qc_resize_f32, qc_resize_s8_fast, qc_resize_u8, qc_resize_u8_portable, qc_resize_s8, qc_resize_s16;

#endif
