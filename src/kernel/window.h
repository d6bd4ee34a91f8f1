/*
 * window.h - the rows a matrix product reads: rows of a matrix, or the input pixels below a sliding window (convolution without im2col).
 *
 * A product of `taps` x `depth` sums over taps, and within a tap over depth neighbouring elements. For row m (an output pixel) and
 * tap t the elements begin at pointer [t * QC_TILE_ROWS + m - first], which qc_rows_fill writes. A window that hangs over the border
 * points to `zero`: depth elements that stand for padding.
 */
#ifndef QC_KERNEL_WINDOW_H
#define QC_KERNEL_WINDOW_H

#include <stddef.h>
#include <stdint.h>

enum { QC_TILE_ROWS = 6 }; /* rows of the register tile of every matrix kernel */

struct qc_window {
    size_t in_h, in_w, out_h, out_w, kernel_h, kernel_w;
    size_t stride_h, stride_w, dilation_h, dilation_w;
    ptrdiff_t pad_top, pad_left;
};

struct qc_rows {
    const char *base;
    size_t pitch;                   /* bytes from one row, or one pixel, to the next */
    const struct qc_window *window; /* NULL: row m begins at base + m * pitch, one tap */
    const void *zero;
};

static inline size_t qc_rows_taps(const struct qc_rows *rows)
{
    return rows->window ? rows->window->kernel_h * rows->window->kernel_w : 1;
}

/* Pointers of rows [first, first + count), count <= QC_TILE_ROWS; [taps][QC_TILE_ROWS]. */
void qc_rows_fill(const struct qc_rows *rows, size_t first, size_t count, const void **pointer);

/* The bytes under all taps of those rows side by side, `depth` for each tap, rows `pitch` apart. */
void qc_rows_gather(const struct qc_rows *rows, size_t first, size_t count, size_t depth, void *to, size_t pitch);

/* What qc_rows_fill does, for windows whose taps of one line are neighbours in memory (dilation_w 1, pixels of `pitch` bytes without gaps): one pointer for each
 * line, to kernel_w * pitch bytes; [kernel_h][QC_TILE_ROWS]. Lines that hang over the border are copied to `border`, with zeros there, which has room for
 * [kernel_h][QC_TILE_ROWS] of them. */
void qc_rows_fill_lines(const struct qc_rows *rows, size_t first, size_t count, const void **pointer, char *border);

#endif
