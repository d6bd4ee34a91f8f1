/*
 * pad.h - one engine for every kind of padding with a constant: in front, behind and between elements, in one pass over the output.
 */
#ifndef QC_OP_SHARED_PAD_H
#define QC_OP_SHARED_PAD_H

#include "op/op.h"

struct qc_pad_axis {
    size_t in, out;
    int64_t low;  /* output position of input element 0; negative: elements are cut off */
    int64_t step; /* distance of neighbours in the output, >= 1 */
};

struct qc_pad {
    int rank;
    struct qc_pad_axis axis[QC_MAX_RANK];
};

/* `value` points to one element of `width` bytes. */
void qc_pad_run(const struct qc_pad *pad, size_t width, void *to, const void *from, const void *value, struct qc_pool *pool);

/* Fills `bytes` bytes with the pattern of `width` bytes; bytes is a multiple of width. */
void qc_fill(void *to, size_t bytes, const void *pattern, size_t width);

#endif
