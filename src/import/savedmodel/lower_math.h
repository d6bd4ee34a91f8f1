/*
 * lower_math.h - functions that TFLite has no operator for, written with those it has.
 */
#ifndef QC_IMPORT_SAVEDMODEL_LOWER_MATH_H
#define QC_IMPORT_SAVEDMODEL_LOWER_MATH_H

#include "import/savedmodel/graph.h"

enum qc_tf_math {
    QC_TF_EXPM1, QC_TF_LOG1P, QC_TF_RECIPROCAL, QC_TF_TAN, QC_TF_SINH, QC_TF_COSH, QC_TF_ASINH, QC_TF_ACOSH, QC_TF_ATANH, QC_TF_ATAN,
    QC_TF_ASIN, QC_TF_ACOS, QC_TF_IS_NAN, QC_TF_IS_INF, QC_TF_IS_FINITE,
};
/* s->op->detail says which. */
qc_status qc_tf_lower_math(struct qc_tf_step *s);
/* The error function (detail 0) and its complement (1): Abramowitz and Stegun 7.1.26, error below 2e-7. */
qc_status qc_tf_lower_erf(struct qc_tf_step *s);
/* x / y, 0 where y is 0. */
qc_status qc_tf_lower_div_no_nan(struct qc_tf_step *s);
/* GELU if x * y is one of its written forms, else NULL without an error. */
struct qc_tensor *qc_tf_gelu(struct qc_tf_step *s, struct qc_tensor *x, struct qc_tensor *y);

#endif
