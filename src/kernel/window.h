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

/*
 * One line of output, number image * out_h + y, for windows whose taps of a line are neighbours in memory (dilation_w 1, pixels of `pitch` bytes without
 * gaps). Returns where the window of its first pixel begins; the next lines of that window are `*down` bytes apart, and the next pixel's window is
 * stride_w * pitch further. Where the line hangs over the border, or has fewer pixels than a tile has rows, it is read from a copy with zeros, which
 * is under a whole tile and which the caller keeps from line to line.
 */
struct qc_lines {
    char *padded;         /* of qc_rows_lines_bytes */
    size_t image;         /* which lines it holds; begin == end: none */
    ptrdiff_t begin, end;
};
const char *qc_rows_line(const struct qc_rows *rows, struct qc_lines *lines, size_t number, size_t *down);
size_t qc_rows_lines_bytes(const struct qc_rows *rows);

#endif
