/*
 * sliding.h - sliding windows: the shape arithmetic common to convolutions and pools, and their validation.
 */
#ifndef QC_OP_SHARED_SLIDING_H
#define QC_OP_SHARED_SLIDING_H

#include "op/op.h"

/*
 * One axis of a window of `kernel` taps, `dilation` apart, moved by `stride` over `size` elements. `padding` is tfl_Padding_SAME
 * or VALID. Fills the number of positions and the zeros in front. Refuses strides, taps and dilations below 1, and a window
 * longer than an unpadded axis. `axis` names it in messages.
 */
qc_status qc_window_axis(struct qc_step *step, const char *axis, int32_t size, int32_t kernel, int32_t stride, int32_t dilation,
                         int padding, int32_t *positions, int32_t *before);

/* The rank of operand k, or a refusal. */
qc_status qc_require_rank(struct qc_step *step, int k, int rank);

/* Operand k is absent, or a vector of `count` elements of `type`. Any shape with that many elements will do, as in LiteRT. */
qc_status qc_require_bias(struct qc_step *step, int k, qc_dtype type, int32_t count);

/* in[k], or NULL where the operand is left out or not there at all. */
static inline struct qc_value *qc_operand(const struct qc_step *step, int k)
{
    return k < step->in_count ? step->in[k] : NULL;
}

#endif
