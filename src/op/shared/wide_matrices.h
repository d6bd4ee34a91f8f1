/*
 * wide_matrices.h - products of matrices of int16 by int16 or int8, exactly in 64 bits, on the kernels of int16 by int8.
 *
 *     total[m][n] = sum over k of x[m][k] w(k, n)
 *
 * An int16 weight is 256 high + (low - 128) + 128 with high and low - 128 in int8: two products, and 128 times the sum of the row. A product sums at
 * most 508 k in 32 bits, so that longer ones are cut.
 */
#ifndef QC_OP_SHARED_WIDE_MATRICES_H
#define QC_OP_SHARED_WIDE_MATRICES_H

#include "kernel/gemm_s8.h"

struct qc_wide_matrices {
    size_t rows, columns, depth;
    size_t w_depth, w_column; /* steps of w, in elements; x is dense, row by row */
    bool bytes;               /* w is int8 */
    /* private: the kernel, and places in the work space */
    const struct qc_gemm_s8 *kernel;
    size_t plane_at, packed_at, part_at, work_at;
};

/* Fills in the private part; the bytes of work space for one product on that many threads. Work spaces are 64-byte aligned. */
size_t qc_wide_matrices_plan(struct qc_wide_matrices *wide, int threads);
void qc_wide_matrices_run(const struct qc_wide_matrices *wide, const int16_t *x, const void *w, int64_t *total, char *work, struct qc_pool *pool);

#endif
