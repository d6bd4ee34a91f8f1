/*
 * strings.h - TFLite's packed form of string tensors: int32 count, int32 offset[count + 1] from the start of the buffer, bytes.
 *
 * The form comes from files and callers, so it is checked before it is read.
 */
#ifndef QC_OP_SHARED_STRINGS_H
#define QC_OP_SHARED_STRINGS_H

#include "op/op.h"

/* QC_FORMAT unless value holds exactly `count` strings inside its bytes. */
qc_status qc_strings_check(struct qc_step *step, const struct qc_value *value, size_t count) QC_MUST_USE;
/* Of a checked value. */
const char *qc_strings_get(const struct qc_value *value, size_t i, size_t *length);
/* Makes `out` (its shape known) hold strings in[index[k]], k < elements of out; index -1 is the empty string. */
qc_status qc_strings_pick(struct qc_step *step, struct qc_value *out, const struct qc_value *in, const int32_t *index) QC_MUST_USE;

#endif
