/*
 * finish.h - elementwise work on the results of a product, row piece by row piece, while they are in the first-level cache.
 *
 * Each pass replaces a piece of the product's output by a function (row.h) of that piece, of the piece that an earlier pass put aside, or of
 * the same piece of another tensor of the output's shape. Bits are those of passes over whole tensors.
 */
#ifndef QC_KERNEL_FINISH_H
#define QC_KERNEL_FINISH_H

#include "kernel/row.h"

enum { QC_FINISH_MOST = 4 };
enum qc_finish_from { QC_FROM_OUTPUT, QC_FROM_ASIDE, QC_FROM_OTHER };

struct qc_finish_pass {
    qc_row_fn *row;
    const void *params;
    enum qc_finish_from from[2];
    const void *const *other; /* where the other tensor's address is; it has the output's element type */
    bool aside;               /* the result is put aside and the output stays as it is */
};

struct qc_finish {
    int count;
    struct qc_finish_pass pass[QC_FINISH_MOST];
};

/* `rows` rows of `columns` elements of `element` bytes that begin `at` elements behind `c`, one `pitch` behind the other. */
void qc_finish_rows(const struct qc_finish *finish, void *c, size_t element, size_t at, size_t pitch, size_t rows, size_t columns);

#endif
