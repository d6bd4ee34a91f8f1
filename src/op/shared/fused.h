/*
 * fused.h - fused activation functions as limits of the output, and activation functions by their number for recurrent cells.
 */
#ifndef QC_OP_SHARED_FUSED_H
#define QC_OP_SHARED_FUSED_H

#include "op/op.h"

/* Limits of NONE, RELU, RELU_N1_TO_1 and RELU6; TANH, SIGN_BIT and unknown numbers are refused. No limit is an infinity. */
qc_status qc_fused_limits(struct qc_step *step, int activation, float *low, float *high);

/* The same in the stored numbers of the int8, uint8 or int16 output `out`, whose quantization is sound. */
qc_status qc_fused_limits_quantized(struct qc_step *step, int activation, const struct qc_value *out, int32_t *low, int32_t *high);

/* Smallest and largest stored number of an 8 or 16 bit type. */
void qc_integer_limits(qc_dtype type, int32_t *low, int32_t *high);

#endif
