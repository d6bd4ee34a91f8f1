/*
 * window.c - pointers to the input pixels below a window. See window.h.
 */
#include "kernel/window.h"

#include "base/env.h"
#include <stdbool.h>
#include <string.h>

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

/* memcpy for lengths that are mostly a few dozen: no call, no branch that depends on more than the length's size. */
static inline void copy(char *to, const char *from, size_t n)
{
    if (n >= 16) {
        for (size_t i = 0; i + 16 < n; i += 16) memcpy(to + i, from + i, 16);
        memcpy(to + n - 16, from + n - 16, 16);
    } else if (n >= 8) {
        memcpy(to, from, 8);
        memcpy(to + n - 8, from + n - 8, 8);
    } else if (n >= 4) {
        memcpy(to, from, 4);
        memcpy(to + n - 4, from + n - 4, 4);
    } else if (n >= 2) {
        memcpy(to, from, 2);
        memcpy(to + n - 2, from + n - 2, 2);
    } else if (n) {
        *to = *from;
    }
}

/* A window that hangs over the border, or whose taps are no neighbours. */
static void gather_border(const struct qc_rows *rows, const char *image, ptrdiff_t y0, ptrdiff_t x0, size_t depth, char *to)
{
    const struct qc_window *w = rows->window;
    for (size_t ky = 0; ky < w->kernel_h; ky++) {
        const size_t y = (size_t)(y0 + (ptrdiff_t)(ky * w->dilation_h)); /* above the top: huge */
        for (size_t kx = 0; kx < w->kernel_w; kx++, to += depth) {
            const size_t x = (size_t)(x0 + (ptrdiff_t)(kx * w->dilation_w));
            copy(to, y < w->in_h && x < w->in_w ? image + (y * w->in_w + x) * rows->pitch : rows->zero, depth);
        }
    }
}

void qc_rows_gather(const struct qc_rows *rows, size_t first, size_t count, size_t depth, void *to, size_t pitch)
{
    const struct qc_window *w = rows->window;
    const bool neighbours = w->dilation_w == 1 && rows->pitch == depth;
    const ptrdiff_t last_y = (ptrdiff_t)w->in_h - 1 - (ptrdiff_t)((w->kernel_h - 1) * w->dilation_h);
    const ptrdiff_t last_x = (ptrdiff_t)w->in_w - 1 - (ptrdiff_t)((w->kernel_w - 1) * w->dilation_w);
    const size_t line = w->in_w * rows->pitch, down = w->dilation_h * line, run = w->kernel_w * depth;
    size_t x = first % w->out_w, y = first / w->out_w % w->out_h, image = first / w->out_w / w->out_h;
    char *row = to;
    for (size_t i = 0; i < count; i++, row += pitch) {
        const ptrdiff_t y0 = (ptrdiff_t)(y * w->stride_h) - w->pad_top, x0 = (ptrdiff_t)(x * w->stride_w) - w->pad_left;
        const char *base = rows->base + image * w->in_h * line;
        if (neighbours && y0 >= 0 && y0 <= last_y && x0 >= 0 && x0 <= last_x) {
            const char *from = base + (size_t)y0 * line + (size_t)x0 * depth;
            for (size_t ky = 0; ky < w->kernel_h; ky++) copy(row + ky * run, from + ky * down, run);
        } else {
            gather_border(rows, base, y0, x0, depth, row);
        }
        if (++x < w->out_w) continue;
        x = 0;
        if (++y < w->out_h) continue;
        y = 0;
        image++;
    }
}

/* `width` pixels of a line from x0 on, zeros where they lie outside. `end`: columns of the picture, 0 if the line lies above or below it. */
static void copy_line(const struct qc_rows *rows, const char *line, size_t end, ptrdiff_t x0, size_t width, char *to)
{
    const size_t pitch = rows->pitch, left = x0 < 0 ? QC_MIN((size_t)-x0, width) : 0;
    const size_t stop = x0 + (ptrdiff_t)width > (ptrdiff_t)end ? (size_t)QC_MAX((ptrdiff_t)end - x0, (ptrdiff_t)left) : width;
    for (size_t i = 0; i < left * pitch; i++) to[i] = 0;
    if (stop > left) copy(to + left * pitch, line + (x0 + (ptrdiff_t)left) * (ptrdiff_t)pitch, (stop - left) * pitch);
    for (size_t i = stop * pitch; i < width * pitch; i++) to[i] = 0;
}

static size_t span(const struct qc_window *w) { return (w->kernel_h - 1) * w->dilation_h + 1; }

/* Of the copy: under a whole tile at the least. */
static size_t padded_width(const struct qc_window *w) { return (QC_MAX(w->out_w, (size_t)QC_TILE_ROWS) - 1) * w->stride_w + w->kernel_w; }

size_t qc_rows_lines_bytes(const struct qc_rows *rows)
{
    return 2 * span(rows->window) * padded_width(rows->window) * rows->pitch;
}

/* Has the copy hold lines [y, y + span), which may lie outside of the picture; those that it has already are kept. */
static const char *pad_lines(const struct qc_rows *rows, struct qc_lines *lines, size_t image, ptrdiff_t y)
{
    const struct qc_window *w = rows->window;
    const size_t width = padded_width(w), bytes = width * rows->pitch, line = w->in_w * rows->pitch;
    const ptrdiff_t stop = y + (ptrdiff_t)span(w);
    if (image != lines->image || y < lines->begin || y > lines->end) {
        lines->image = image;
        lines->begin = lines->end = y;
    } else if (stop - lines->begin > 2 * (ptrdiff_t)span(w)) {
        memmove(lines->padded, lines->padded + (size_t)(y - lines->begin) * bytes, (size_t)(lines->end - y) * bytes);
        lines->begin = y;
    }
    for (; lines->end < stop; lines->end++) {
        const bool there = lines->end >= 0 && lines->end < (ptrdiff_t)w->in_h;
        const char *from = rows->base + (image * w->in_h + (there ? (size_t)lines->end : 0)) * line;
        copy_line(rows, from, there ? w->in_w : 0, -w->pad_left, width, lines->padded + (size_t)(lines->end - lines->begin) * bytes);
    }
    return lines->padded + (size_t)(y - lines->begin) * bytes;
}

const char *qc_rows_line(const struct qc_rows *rows, struct qc_lines *lines, size_t number, size_t *down)
{
    const struct qc_window *w = rows->window;
    const size_t line = w->in_w * rows->pitch, width = padded_width(w), image = number / w->out_h;
    const ptrdiff_t y = (ptrdiff_t)(number % w->out_h * w->stride_h) - w->pad_top, x = -w->pad_left;
    if (y < 0 || y + (ptrdiff_t)span(w) > (ptrdiff_t)w->in_h || x < 0 || x + (ptrdiff_t)width > (ptrdiff_t)w->in_w) {
        *down = w->dilation_h * width * rows->pitch;
        return pad_lines(rows, lines, image, y);
    }
    *down = w->dilation_h * line;
    return rows->base + (image * w->in_h + (size_t)y) * line + (size_t)x * rows->pitch;
}
