/*
 * window_pool.h - average, maximum and root of mean square over windows of [batch, height, width, channels].
 *
 * Padding takes no part: an average divides by the elements it saw. Integer averages round half away from zero. Each function computes
 * the output positions [begin, end) of batch * out height * out width, all channels.
 */
#ifndef QC_KERNEL_WINDOW_POOL_H
#define QC_KERNEL_WINDOW_POOL_H

#include <stddef.h>
#include <stdint.h>

struct qc_window_pool {
    int32_t batch, channels;
    int32_t in[2], out[2], kernel[2], stride[2], before[2]; /* height, width */
    float low, high;       /* clamp of float32 */
    int32_t least, most;   /* clamp of integers */
};

typedef void qc_window_pool_kernel(const struct qc_window_pool *pool, const void *x, void *y, size_t begin, size_t end);

qc_window_pool_kernel qc_average_pool_f32;
qc_window_pool_kernel qc_average_pool_s8;
qc_window_pool_kernel qc_average_pool_u8;
qc_window_pool_kernel qc_average_pool_s16;
qc_window_pool_kernel qc_max_pool_f32;
qc_window_pool_kernel qc_max_pool_s8;
qc_window_pool_kernel qc_max_pool_u8;
qc_window_pool_kernel qc_max_pool_s16;
qc_window_pool_kernel qc_l2_pool_f32;

#endif
