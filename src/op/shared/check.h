/*
 * check.h - what an operator's infer asks of its operands, one sentence per refusal.
 *
 * Every function records the violation with qc_step_fail and returns its status.
 */
#ifndef QC_OP_SHARED_CHECK_H
#define QC_OP_SHARED_CHECK_H

#include "op/op.h"

/* A set of element types: QC_SET(FLOAT32) | QC_SET(INT8). */
#define QC_SET(type) (1u << QC_##type)
#define QC_SET_INDEX (QC_SET(INT32) | QC_SET(INT64))
/* Types stored one element per 1, 2, 4, 8 or 16 bytes: whatever moves bytes takes them. */
#define QC_SET_FIXED                                                                                                     \
    (QC_SET(FLOAT32) | QC_SET(FLOAT16) | QC_SET(BFLOAT16) | QC_SET(FLOAT64) | QC_SET(INT8) | QC_SET(UINT8) | QC_SET(INT16) | \
     QC_SET(UINT16) | QC_SET(INT32) | QC_SET(UINT32) | QC_SET(INT64) | QC_SET(UINT64) | QC_SET(BOOL) | QC_SET(COMPLEX64) |   \
     QC_SET(COMPLEX128))

/* The first `count` inputs are there; outputs too. */
qc_status qc_need_inputs(struct qc_step *step, int count) QC_MUST_USE;
qc_status qc_need_type(struct qc_step *step, int input, uint32_t set) QC_MUST_USE;
qc_status qc_need_same_type(struct qc_step *step, int a, int b) QC_MUST_USE;
qc_status qc_need_rank(struct qc_step *step, int input, int least, int most) QC_MUST_USE;
/* Exactly one element. */
qc_status qc_need_scalar(struct qc_step *step, int input) QC_MUST_USE;
/* axis in [-rank, rank), made non-negative. */
qc_status qc_need_axis(struct qc_step *step, int64_t axis, int rank, int *out) QC_MUST_USE;
/* A positive, finite scale; input index, or ~index for an output. */
qc_status qc_need_scale(struct qc_step *step, int operand) QC_MUST_USE;

/* Reads a known int16, int32 or int64 operand of rank at most 1 with at most `most` elements into values; *count may be NULL. */
qc_status qc_read_ints(struct qc_step *step, int input, int most, int64_t *values, int *count) QC_MUST_USE;

/* The shape of output `index` waits for data; its type does not. */
qc_status qc_defer(struct qc_step *step, int index, qc_dtype type) QC_MUST_USE;

/* A dimension that must fit int32 and be >= 0; QC_FORMAT or QC_NOMEM else. */
qc_status qc_need_dim(struct qc_step *step, int64_t value, int32_t *dim) QC_MUST_USE;

static inline size_t qc_width(const struct qc_value *value)
{
    return qc_dtype_bytes(value->type, 1);
}

static inline bool qc_is_quantized(const struct qc_value *value)
{
    return value->quant && value->quant->count > 0;
}

#endif
