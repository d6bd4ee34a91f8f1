/*
 * fused.c - see fused.h.
 */
#include "op/shared/fused.h"

#include <math.h>

qc_status qc_fused_limits(struct qc_step *step, int activation, float *low, float *high)
{
    *low = -INFINITY;
    *high = INFINITY;
    switch (activation) {
    case tfl_ActivationFunctionType_NONE: return QC_OK;
    case tfl_ActivationFunctionType_RELU: *low = 0; return QC_OK;
    case tfl_ActivationFunctionType_RELU_N1_TO_1: *low = -1, *high = 1; return QC_OK;
    case tfl_ActivationFunctionType_RELU6: *low = 0, *high = 6; return QC_OK;
    default:
        return qc_step_fail(step, QC_UNSUPPORTED, "fused activation number %d: this operator has NONE, RELU, RELU_N1_TO_1 and RELU6",
                            activation);
    }
}

void qc_integer_limits(qc_dtype type, int32_t *low, int32_t *high)
{
    *low = type == QC_UINT8 ? 0 : type == QC_INT8 ? INT8_MIN : INT16_MIN;
    *high = type == QC_UINT8 ? UINT8_MAX : type == QC_INT8 ? INT8_MAX : INT16_MAX;
}

qc_status qc_fused_limits_quantized(struct qc_step *step, int activation, const struct qc_value *out, int32_t *low, int32_t *high)
{
    float least, most;
    QC_TRY(qc_fused_limits(step, activation, &least, &most));
    qc_integer_limits(out->type, low, high);
    float scale = qc_value_scale(out), zero_point = (float)qc_value_zero_point(out);
    float stored_least = roundf(least / scale) + zero_point, stored_most = roundf(most / scale) + zero_point;
    if (stored_least > (float)*low) *low = stored_least < (float)*high ? (int32_t)stored_least : *high;
    if (stored_most < (float)*high) *high = stored_most > (float)*low ? (int32_t)stored_most : *low;
    return QC_OK;
}
