/*
 * quantized.c - see quantized.h.
 */
#include "op/shared/quantized.h"

#include <math.h>

static qc_status check_scale(struct qc_step *step, const char *what, const struct qc_value *value, uint32_t i)
{
    float scale = value->quant->scale[i];
    if (isfinite(scale) && scale > 0) return QC_OK;
    return qc_step_fail(step, QC_FORMAT, "%s '%s': scale[%u] is %g, not a positive number", what, value->tensor->name, (unsigned)i,
                        (double)scale);
}

static qc_status check_zero_point(struct qc_step *step, const char *what, const struct qc_value *value, uint32_t i)
{
    int64_t zero = value->quant->zero_point[i], low = 0, high = 0;
    switch (value->type) {
    case QC_INT8: low = INT8_MIN, high = INT8_MAX; break;
    case QC_UINT8: high = UINT8_MAX; break;
    case QC_INT16: low = INT16_MIN, high = INT16_MAX; break;
    case QC_UINT16: high = UINT16_MAX; break;
    case QC_INT32: low = INT32_MIN, high = INT32_MAX; break;
    case QC_UINT4: high = 15; break;
    case QC_INT4: low = -8, high = 7; break;
    case QC_INT2: low = -2, high = 1; break;
    default: break;
    }
    if (zero >= low && zero <= high) return QC_OK;
    return qc_step_fail(step, QC_FORMAT, "%s '%s': zero_point[%u] is %lld, outside of %s", what, value->tensor->name, (unsigned)i,
                        (long long)zero, qc_dtype_name(value->type));
}

qc_status qc_require_quantized(struct qc_step *step, const char *what, const struct qc_value *value)
{
    if (!value->quant || value->quant->count == 0)
        return qc_step_fail(step, QC_FORMAT, "%s '%s' is %s without a scale", what, value->tensor->name, qc_dtype_name(value->type));
    if (value->quant->count > 1)
        return qc_step_fail(step, QC_UNSUPPORTED, "%s '%s' has %u scales; only one fits here", what, value->tensor->name,
                            (unsigned)value->quant->count);
    QC_TRY(check_scale(step, what, value, 0));
    return check_zero_point(step, what, value, 0);
}

qc_status qc_require_scales(struct qc_step *step, const char *what, const struct qc_value *value)
{
    const struct qc_quant *quant = value->quant;
    if (!quant || quant->count <= 1) return qc_require_quantized(step, what, value);
    if (quant->axis < 0 || quant->axis >= value->rank || quant->count != (uint32_t)value->dims[quant->axis])
        return qc_step_fail(step, QC_FORMAT, "%s '%s': %u scales along axis %d do not fit its shape", what, value->tensor->name,
                            (unsigned)quant->count, (int)quant->axis);
    for (uint32_t i = 0; i < quant->count; i++) {
        QC_TRY(check_scale(step, what, value, i));
        QC_TRY(check_zero_point(step, what, value, i));
    }
    return QC_OK;
}

qc_status qc_require_symmetric(struct qc_step *step, const char *what, const struct qc_value *value)
{
    QC_TRY(qc_require_quantized(step, what, value));
    if (value->quant->zero_point[0])
        return qc_step_fail(step, QC_FORMAT, "%s '%s': zero_point is %lld, but must be 0 here", what, value->tensor->name,
                            (long long)value->quant->zero_point[0]);
    return QC_OK;
}

void qc_weight_scales(const struct qc_value *value, int32_t channels, float *scale)
{
    for (int32_t i = 0; i < channels; i++) scale[i] = value->quant->scale[value->quant->count > 1 ? i : 0];
}

qc_status qc_require_weights(struct qc_step *step, const char *what, const struct qc_value *value, int axis, int32_t channels)
{
    const struct qc_quant *quant = value->quant;
    if (!quant || quant->count == 0)
        return qc_step_fail(step, QC_FORMAT, "%s '%s' is %s without a scale", what, value->tensor->name, qc_dtype_name(value->type));
    if (quant->count > 1 && quant->count != (uint32_t)channels)
        return qc_step_fail(step, QC_FORMAT, "%s '%s' has %u scales for %d channels", what, value->tensor->name,
                            (unsigned)quant->count, (int)channels);
    if (quant->count > 1 && quant->axis != axis)
        return qc_step_fail(step, QC_UNSUPPORTED, "%s '%s' is quantized along axis %d, not %d", what, value->tensor->name,
                            (int)quant->axis, axis);
    bool asymmetric = value->type == QC_UINT8 || value->type == QC_UINT4;
    for (uint32_t i = 0; i < quant->count; i++) {
        QC_TRY(check_scale(step, what, value, i));
        if (asymmetric) QC_TRY(check_zero_point(step, what, value, i));
        else if (quant->zero_point[i])
            return qc_step_fail(step, QC_FORMAT, "%s '%s': zero_point[%u] is %lld, but weights must have 0", what,
                                value->tensor->name, (unsigned)i, (long long)quant->zero_point[i]);
    }
    if (asymmetric && quant->count > 1)
        return qc_step_fail(step, QC_UNSUPPORTED, "%s '%s': %s weights with a scale per channel", what, value->tensor->name,
                            qc_dtype_name(value->type));
    return QC_OK;
}

qc_status qc_require_blocks(struct qc_step *step, const char *what, const struct qc_value *value)
{
    const struct qc_quant *quant = value->quant;
    const size_t columns = qc_value_span(value, 1, value->rank), block = (size_t)quant->block_size;
    const struct qc_tensor *scale = quant->block_scale;
    if (value->type != QC_INT4 && value->type != QC_INT2) return qc_step_unsupported_type(step);
    if (columns % block || block % (value->type == QC_INT4 ? 2 : 4))
        return qc_step_fail(step, QC_FORMAT, "%s '%s': rows of %zu do not divide into blocks of %zu", what, value->tensor->name, columns, block);
    const size_t blocks = (size_t)value->dims[0] * (columns / block);
    if (!scale || !scale->constant || scale->type != QC_FLOAT16 || scale->bytes < blocks * 2)
        return qc_step_fail(step, QC_FORMAT, "%s '%s': the scales of its %zu blocks are missing or no float16 constant", what, value->tensor->name, blocks);
    for (size_t i = 0; i < blocks; i++) {
        const float number = qc_half_to_float(((const uint16_t *)scale->data)[i]);
        if (!isfinite(number) || number <= 0)
            return qc_step_fail(step, QC_FORMAT, "%s '%s': the scale of block %zu is %g, not a positive number", what, value->tensor->name, i, (double)number);
    }
    return QC_OK;
}
