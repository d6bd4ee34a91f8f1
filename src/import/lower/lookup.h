/*
 * lookup.h - tables from integers to integers.
 */
#ifndef QC_IMPORT_LOWER_LOOKUP_H
#define QC_IMPORT_LOWER_LOOKUP_H

#include "import/lower/shape.h"

/* For each number of x (int32 or int64) values[i], as int32, where it is keys[i], which differ from one another; `absent` where it is none of them. */
struct qc_tensor *qc_lower_lookup(struct qc_build *b, struct qc_tensor *x, const int32_t *keys, const int32_t *values, int32_t count, int32_t absent);

#endif
