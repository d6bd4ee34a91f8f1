/*
 * unary.h - elementwise functions of one operand, as rows (row.h).
 *
 * float32 follows libm (IEEE for the exact ones, below 2 ulp else); EXP comes from vmath.h, whose struct is its params. float16 is computed in
 * float32 and rounded once. Integers wrap.
 */
#ifndef QC_KERNEL_UNARY_H
#define QC_KERNEL_UNARY_H

#include "base/dtype.h"
#include "kernel/row.h"

enum qc_unary_op {
    QC_UNARY_ABS,
    QC_UNARY_NEG,
    QC_UNARY_EXP,
    QC_UNARY_LOG,
    QC_UNARY_SQRT,
    QC_UNARY_RSQRT,
    QC_UNARY_SQUARE,
    QC_UNARY_SIN,
    QC_UNARY_COS,
    QC_UNARY_CEIL,
    QC_UNARY_FLOOR,
    QC_UNARY_ROUND, /* half to even */
    QC_UNARY_SIGN,  /* NaN stays */
    QC_UNARY_NOT,   /* of bool */
    QC_UNARY_REAL,  /* of complex64 to float32, complex128 to float64 */
    QC_UNARY_IMAG,
    QC_UNARY_MAGNITUDE,
    QC_UNARY_OPS
};

/* NULL if the operation does not exist for the type. */
qc_row_fn *qc_unary_pick(enum qc_unary_op op, qc_dtype type);

#endif
