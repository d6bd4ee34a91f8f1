/*
 * sparse.h - constants in TFLite's sparse form: a tree of dimensions (in traversal order, blocks last), each dense or compressed by rows
 * (segments and indices), with the values of the leaves one after the other.
 */
#ifndef QC_OP_SHARED_SPARSE_H
#define QC_OP_SHARED_SPARSE_H

#include "op/op.h"

/* QC_FORMAT unless the tensor's sparsity is sound for its shape and holds as many leaves as it has values of `width` bytes. */
qc_status qc_sparse_check(struct qc_step *step, const struct qc_value *value, size_t width) QC_MUST_USE;
/* Writes a checked tensor dense; `dense` has room for all elements. */
void qc_sparse_expand(const struct qc_value *value, size_t width, void *dense);

#endif
