/*
 * quantized.h - quantization of operands, checked. After these a kernel may rely on: scales finite and positive, zero points
 * within the type, as many scales as channels.
 */
#ifndef QC_OP_SHARED_QUANTIZED_H
#define QC_OP_SHARED_QUANTIZED_H

#include "base/requant.h"
#include "op/op.h"

/* "input 1" or "output 0" must be quantized with one sound scale and zero point. `what` is that text. */
qc_status qc_require_quantized(struct qc_step *step, const char *what, const struct qc_value *value);

/* One scale, or one for each slice along the axis that the quantization names; every one sound. */
qc_status qc_require_scales(struct qc_step *step, const char *what, const struct qc_value *value);

/* As qc_require_quantized, and the zero point is 0 (16 bit activations, symmetric weights). */
qc_status qc_require_symmetric(struct qc_step *step, const char *what, const struct qc_value *value);

/*
 * Weights: one scale, or one for each of `channels` slices along `axis`; every zero point 0 unless the type is uint8 or uint4.
 */
qc_status qc_require_weights(struct qc_step *step, const char *what, const struct qc_value *value, int axis, int32_t channels);
/* Of such weights: the scale of each channel. */
void qc_weight_scales(const struct qc_value *value, int32_t channels, float *scale);

/* Has the value a float16 scale for each block of a row? */
static inline bool qc_is_blockwise(const struct qc_value *value)
{
    return value->quant && value->quant->block_size > 0;
}

/* A blockwise value: int4 or int2, its rows (everything behind the first axis) divide into blocks, and the scales of all blocks are there,
 * finite and positive. */
qc_status qc_require_blocks(struct qc_step *step, const char *what, const struct qc_value *value);

#endif
