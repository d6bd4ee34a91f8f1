/*
 * lower_math.h - functions that TFLite has no operator for, and GELU in its written forms.
 */
#ifndef QC_IMPORT_SAVEDMODEL_LOWER_MATH_H
#define QC_IMPORT_SAVEDMODEL_LOWER_MATH_H

#include "import/savedmodel/graph.h"

/* s->op->detail is an enum qc_function. */
qc_status qc_tf_lower_math(struct qc_tf_step *s);
/* x / y, 0 where y is 0. */
qc_status qc_tf_lower_div_no_nan(struct qc_tf_step *s);
/* GELU if x * y is one of its written forms, else NULL without an error. */
struct qc_tensor *qc_tf_gelu(struct qc_tf_step *s, struct qc_tensor *x, struct qc_tensor *y);

#endif
