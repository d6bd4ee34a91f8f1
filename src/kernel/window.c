/*
 * window.c - pointers to the input pixels below a window. See window.h.
 */
#include "kernel/window.h"

static void fill_pixel(const struct qc_rows *rows, size_t pixel, const void **pointer)
{
    const struct qc_window *w = rows->window;
    const size_t image = pixel / (w->out_h * w->out_w), inside = pixel % (w->out_h * w->out_w);
    const ptrdiff_t y0 = (ptrdiff_t)(inside / w->out_w * w->stride_h) - w->pad_top;
    const ptrdiff_t x0 = (ptrdiff_t)(inside % w->out_w * w->stride_w) - w->pad_left;
    const char *base = rows->base + image * w->in_h * w->in_w * rows->pitch;
    for (size_t ky = 0; ky < w->kernel_h; ky++) {
        const size_t y = (size_t)(y0 + (ptrdiff_t)(ky * w->dilation_h)); /* above the top: huge */
        for (size_t kx = 0; kx < w->kernel_w; kx++, pointer += QC_TILE_ROWS) {
            const size_t x = (size_t)(x0 + (ptrdiff_t)(kx * w->dilation_w));
            *pointer = y < w->in_h && x < w->in_w ? base + (y * w->in_w + x) * rows->pitch : rows->zero;
        }
    }
}

void qc_rows_fill(const struct qc_rows *rows, size_t first, size_t count, const void **pointer)
{
    for (size_t i = 0; i < count; i++)
        if (rows->window)
            fill_pixel(rows, first + i, pointer + i);
        else
            pointer[i] = rows->base + (first + i) * rows->pitch;
}
