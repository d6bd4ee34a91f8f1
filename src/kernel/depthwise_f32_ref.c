/*
 * depthwise_f32_ref.c - float depthwise convolution, plain. See depthwise_f32.h.
 */
#include "kernel/depthwise_f32.h"

static float sum_of(const struct qc_depthwise_f32_strip *s, size_t column, size_t c)
{
    float sum = s->bias[c];
    for (size_t ky = 0; ky < s->rows; ky++)
        for (size_t kx = 0; kx < s->kernel_w; kx++) {
            const size_t at = (size_t)(s->first + (ptrdiff_t)(column * s->stride + kx * s->dilation)); /* left of the picture: huge */
            if (at < s->in_w) sum += s->x[ky * s->row_step + at * s->pitch + c] * s->w[(ky * s->kernel_w + kx) * QC_DEPTHWISE_BLOCK + c];
        }
    return sum;
}

static void strip(const struct qc_depthwise_f32_strip *s)
{
    for (size_t column = 0; column < s->out_w; column++)
        for (size_t c = 0; c < s->channels; c++) {
            float sum = sum_of(s, column, c);
            sum = sum < s->low ? s->low : sum;
            s->y[column * s->pitch + c] = sum > s->high ? s->high : sum;
        }
}

extern const struct qc_depthwise_f32 qc_depthwise_f32_ref;
const struct qc_depthwise_f32 qc_depthwise_f32_ref = {{"ref", 0}, strip};
