/*
 * winograd_f32.h - float 3x3 convolutions of stride 1 by Winograd's F(4x4, 3x3): a quarter of the multiplications.
 *
 * Each 4x4 tile of outputs comes from 6x6 inputs d and the window g as A^T [(G g G^T) . (B^T d B)] A (Lavin and Gray, 2015), where the dot multiplies
 * element by element: summed over input channels that is a matrix product for each of the 36 elements, with tiles as rows, on the tiles of gemm_f32.h.
 * The interpolation points are 0, +-1/sqrt 2, +-sqrt 2 and infinity, whose transforms amplify rounding less than those with +-1 and +-2.
 *
 * Error: against the exact sum at most QC_WINOGRAD_ERROR = 2^-20 times the largest |x| times the sum of |w| over the window; measured with random values
 * 2^-23, which is 1.2 to 2.3 times what direct sums have (root of mean squares: twice). An input that is infinite or NaN makes all outputs of its
 * tiles NaN.
 * All vector variants agree to the bit, for any number of threads.
 */
#ifndef QC_KERNEL_WINOGRAD_F32_H
#define QC_KERNEL_WINOGRAD_F32_H

#include "base/pool.h"
#include "kernel/finish.h"
#include "kernel/gemm_f32.h"

#define QC_WINOGRAD_ERROR 0x1p-20
enum { QC_WINOGRAD_OUT = 4, QC_WINOGRAD_IN = 6, QC_WINOGRAD_ALL = QC_WINOGRAD_IN * QC_WINOGRAD_IN };

struct qc_winograd_tile { /* of outputs */
    const float *m;       /* products: element e of channel c at m[e * step + c] */
    size_t step, channels;
    const float *bias;    /* NULL: zeros */
    float *y;
    size_t row_pitch, pixel_pitch; /* elements */
    size_t rows, columns;          /* inside of the picture, at most 4 */
    float low, high;
};

struct qc_winograd_f32 {
    struct qc_variant variant;
    /* Element e of channel c goes to v[e * step + c]. */
    void (*input)(const float *const pixel[QC_WINOGRAD_ALL], size_t channels, float *v, size_t step);
    void (*output)(const struct qc_winograd_tile *tile);
};

const struct qc_winograd_f32 *const *qc_winograd_f32_variants(size_t *count);
const struct qc_winograd_f32 *qc_winograd_f32_pick(uint32_t features);

/* Is it faster than the direct way? Many tiles must share the transformed weights, of which there are four times as many. */
bool qc_winograd_f32_pays(size_t batch, size_t out_h, size_t out_w, size_t depth, size_t columns);

/* w[column][3][3][depth]; buffer: of qc_winograd_f32_buffer_bytes. */
size_t qc_winograd_f32_packed_bytes(size_t columns, size_t depth);
size_t qc_winograd_f32_buffer_bytes(size_t depth);
void qc_winograd_f32_pack(void *block, size_t columns, size_t depth, const float *w, float *buffer);

struct qc_winograd_f32_call {
    const struct qc_winograd_f32 *kernel;
    const struct qc_gemm_f32 *product;
    size_t batch, depth, columns;
    const struct qc_window *window; /* 3x3, strides and dilations 1 */
    const float *x, *bias;          /* bias NULL: zeros */
    const void *packed;
    float *y;
    float low, high;
    const struct qc_finish *finish; /* NULL: nothing */
    void *work;                     /* of qc_winograd_f32_work_bytes, 64-byte aligned */
};
size_t qc_winograd_f32_work_bytes(const struct qc_winograd_f32_call *call, int threads); /* addresses are not read */
void qc_winograd_f32_run(const struct qc_winograd_f32_call *call, struct qc_pool *pool);

#endif
