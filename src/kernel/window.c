/*
 * window.c - pointers to the input pixels below a window. See window.h.
 */
#include "kernel/window.h"

/* All taps inside of the picture: no question for each. */
static void fill_inside(const struct qc_rows *rows, const char *pixel, const void **pointer)
{
    const struct qc_window *w = rows->window;
    const size_t right = w->dilation_w * rows->pitch, down = w->dilation_h * w->in_w * rows->pitch;
    for (size_t ky = 0; ky < w->kernel_h; ky++, pixel += down) {
        const char *at = pixel;
        for (size_t kx = 0; kx < w->kernel_w; kx++, pointer += QC_TILE_ROWS, at += right) *pointer = at;
    }
}

static void fill_border(const struct qc_rows *rows, const char *image, ptrdiff_t y0, ptrdiff_t x0, const void **pointer)
{
    const struct qc_window *w = rows->window;
    for (size_t ky = 0; ky < w->kernel_h; ky++) {
        const size_t y = (size_t)(y0 + (ptrdiff_t)(ky * w->dilation_h)); /* above the top: huge */
        for (size_t kx = 0; kx < w->kernel_w; kx++, pointer += QC_TILE_ROWS) {
            const size_t x = (size_t)(x0 + (ptrdiff_t)(kx * w->dilation_w));
            *pointer = y < w->in_h && x < w->in_w ? image + (y * w->in_w + x) * rows->pitch : rows->zero;
        }
    }
}

void qc_rows_fill(const struct qc_rows *rows, size_t first, size_t count, const void **pointer)
{
    const struct qc_window *w = rows->window;
    if (!w) {
        for (size_t i = 0; i < count; i++) pointer[i] = rows->base + (first + i) * rows->pitch;
        return;
    }
    const ptrdiff_t last_y = (ptrdiff_t)w->in_h - 1 - (ptrdiff_t)((w->kernel_h - 1) * w->dilation_h);
    const ptrdiff_t last_x = (ptrdiff_t)w->in_w - 1 - (ptrdiff_t)((w->kernel_w - 1) * w->dilation_w);
    size_t x = first % w->out_w, y = first / w->out_w % w->out_h, image = first / w->out_w / w->out_h;
    for (size_t i = 0; i < count; i++) {
        const ptrdiff_t y0 = (ptrdiff_t)(y * w->stride_h) - w->pad_top, x0 = (ptrdiff_t)(x * w->stride_w) - w->pad_left;
        const char *base = rows->base + image * w->in_h * w->in_w * rows->pitch;
        if (y0 >= 0 && y0 <= last_y && x0 >= 0 && x0 <= last_x)
            fill_inside(rows, base + ((size_t)y0 * w->in_w + (size_t)x0) * rows->pitch, pointer + i);
        else
            fill_border(rows, base, y0, x0, pointer + i);
        if (++x < w->out_w) continue;
        x = 0;
        if (++y < w->out_h) continue;
        y = 0;
        image++;
    }
}
