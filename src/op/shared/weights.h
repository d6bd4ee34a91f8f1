/*
 * weights.h - weights as kernels want them: dense float32 or int8, one element in its own bytes, axes in the kernel's order.
 *
 * Constants are converted once and the result is shared by all sessions, unless it is packed further and then not needed any more; weights
 * that come at run time are converted at each invocation, or used in place where nothing is to be done.
 */
#ifndef QC_OP_SHARED_WEIGHTS_H
#define QC_OP_SHARED_WEIGHTS_H

#include "op/op.h"

struct qc_weights {
    /* filled by the caller of qc_weights_plan */
    const struct qc_value *value;
    const uint8_t *order; /* order[i]: the stored axis that becomes axis i; NULL: as stored */
    bool flip;            /* uint8: subtract 128 (else the bits are taken as int8, which is what old hybrid files mean) */
    /* private */
    bool direct;          /* use the value's own bytes */
    const void *packed;
    size_t scratch, elements, width;
};

/* float32 gives float32; int8, uint8, int4 and int2 give int8. Others are refused. In plan. */
qc_status qc_weights_plan(struct qc_step *step, struct qc_weights *weights);
/* In prepare, for kernels that read constant weights in this form. */
qc_status qc_weights_prepare(struct qc_step *step, struct qc_weights *weights);
/* In run. */
const void *qc_weights_get(const struct qc_step *step, const struct qc_weights *weights);

/* Constant weights while they are packed: in place, or converted into `buffer` of qc_weights_bytes. */
size_t qc_weights_bytes(const struct qc_weights *weights);
const void *qc_weights_read(const struct qc_weights *weights, void *buffer);

/* One int8 for each of `count` elements of an int8, uint8 (bits kept), int4 or int2 array. */
void qc_unpack_s8(qc_dtype type, const void *packed, size_t count, int8_t *out);

#endif
