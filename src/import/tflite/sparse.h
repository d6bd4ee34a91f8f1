/*
 * sparse.h - constants in TFLite's sparse form: a tree of dimensions (in traversal order, blocks last), each dense or compressed by rows
 * (segments and indices), with the values of the leaves one after the other.
 *
 * They are written out when the file is read: nothing behind the importer knows of sparse tensors.
 */
#ifndef QC_IMPORT_TFLITE_SPARSE_H
#define QC_IMPORT_TFLITE_SPARSE_H

#include "ir/ir.h"

/* `tensor` is a constant that holds the leaves' values; its data becomes a dense array in the model's arena. QC_FORMAT unless the
 * description is sound for its shape and holds as many leaves as there are values. */
qc_status qc_sparse_expand(struct qc_tensor *tensor, const struct tfl_SparsityParameters *sparsity) QC_MUST_USE;

#endif
