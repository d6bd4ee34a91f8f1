/*
 * function.h - functions of one number that TFLite has no operator for, written with those it has: within 1e-6 of the value, relative, over the
 * whole range of float where the operators are, tiny arguments included (tan, acos, erfc and erfinv: near their zeros and poles, of the scale).
 */
#ifndef QC_IMPORT_LOWER_FUNCTION_H
#define QC_IMPORT_LOWER_FUNCTION_H

#include "import/lower/shape.h"

enum qc_function {
    QC_FN_RECIPROCAL, QC_FN_EXPM1, QC_FN_LOG1P, QC_FN_LOG2, QC_FN_LOG10, QC_FN_EXP2, QC_FN_TAN, QC_FN_SINH, QC_FN_COSH, QC_FN_ASINH, QC_FN_ACOSH,
    QC_FN_ATANH, QC_FN_ASIN, QC_FN_ACOS, QC_FN_ATAN, QC_FN_ERF, QC_FN_ERFC, QC_FN_ERFINV, QC_FN_TRUNC, QC_FN_DEGREES, QC_FN_RADIANS,
    QC_FN_IS_NAN, QC_FN_IS_INF, QC_FN_IS_FINITE, /* bool */
};

/* x: float32. NULL if something has failed before. */
struct qc_tensor *qc_lower_function(struct qc_build *b, enum qc_function function, struct qc_tensor *x);
/* x if y was made of it as QC_FN_ERF, else NULL. */
struct qc_tensor *qc_lower_erf_argument(const struct qc_tensor *y);

#endif
