/*
 * stored.h - float32 numbers out of their stored forms: float16, bfloat16, and integers with a scale, or one for each slice of an axis.
 */
#ifndef QC_OP_SHARED_STORED_H
#define QC_OP_SHARED_STORED_H

#include "op/op.h"

/* Elements [begin, end) of a value that DEQUANTIZE takes, into out[0 .. end - begin). */
void qc_stored_read(const struct qc_value *value, size_t begin, size_t end, float *out);

#endif
