/*
 * reduce.h - folding many numbers into few, as rows: `fold` takes n numbers into one accumulator, `merge` takes n numbers into n
 * accumulators, one each.
 *
 * Accumulators are float32 for float32 sums and products, int32 for sums of 8 and 16 bit integers, int64 for QC_REDUCE_MEAN of int32 and
 * int64 and for QC_REDUCE_QPROD, else the type itself; integers wrap. A fold sums in 16 lanes, whose order depends on n alone.
 */
#ifndef QC_KERNEL_REDUCE_H
#define QC_KERNEL_REDUCE_H

#include "base/dtype.h"
#include "base/requant.h"
#include "kernel/kernel.h"

enum qc_reduce_op {
    QC_REDUCE_SUM,
    QC_REDUCE_MEAN, /* sums, in wider accumulators */
    QC_REDUCE_PROD,
    QC_REDUCE_MAX, /* NaN never wins */
    QC_REDUCE_MIN,
    QC_REDUCE_ANY,
    QC_REDUCE_ALL,
    QC_REDUCE_QPROD, /* int8, int16: each product requantized; params is qc_reduce_qprod, the accumulator starts at INT64_MIN */
    QC_REDUCE_OPS
};

struct qc_reduce_qprod {
    int32_t zero;
    struct qc_multiplier scale;
};

struct qc_reduce {
    size_t width;        /* bytes of an accumulator; 0: the operation does not exist for the type */
    const void *start;   /* its value before the first number */
    void (*fold)(const void *params, void *accumulator, const void *in, size_t n);
    void (*merge)(const void *params, void *accumulators, const void *in, size_t n);
};

struct qc_reduce_rows {
    struct qc_variant variant;
    struct qc_reduce row[QC_REDUCE_OPS][QC_DTYPE_COUNT];
};

const struct qc_reduce *qc_reduce_pick(enum qc_reduce_op op, qc_dtype type);

#endif
