/*
 * copy.h - the one engine behind every operator that only moves elements: a strided copy of a block with any number of dimensions.
 *
 * A plan is built outermost dimension first; strides are bytes and may be 0 (repetition) or negative (reversal). Neighbouring
 * dimensions that lie one after the other in both places are merged, so that a copy of whole rows becomes memcpy.
 */
#ifndef QC_OP_SHARED_COPY_H
#define QC_OP_SHARED_COPY_H

#include "op/op.h"

#define QC_COPY_RANK (2 * QC_MAX_RANK)

struct qc_copy {
    int rank;
    size_t width; /* bytes of the innermost run */
    size_t count[QC_COPY_RANK];
    ptrdiff_t to[QC_COPY_RANK], from[QC_COPY_RANK];
};

void qc_copy_begin(struct qc_copy *copy, size_t width);
void qc_copy_dim(struct qc_copy *copy, size_t count, ptrdiff_t to, ptrdiff_t from);
/* Call once after the last dimension. */
void qc_copy_end(struct qc_copy *copy);
void qc_copy_run(const struct qc_copy *copy, void *to, const void *from, struct qc_pool *pool);

/* Byte strides of a dense tensor. */
void qc_dense_strides(int rank, const int32_t *dims, size_t width, ptrdiff_t *stride);

#endif
