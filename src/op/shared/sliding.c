/*
 * sliding.c - see sliding.h. The padding is TensorFlow's: SAME gives ceil(size / stride) positions and puts the odd zero at the end.
 */
#include "op/shared/sliding.h"

qc_status qc_window_axis(struct qc_step *step, const char *axis, int32_t size, int32_t kernel, int32_t stride, int32_t dilation,
                         int padding, int32_t *positions, int32_t *before)
{
    if (stride < 1) return qc_step_fail(step, QC_FORMAT, "the %s stride is %d, not at least 1", axis, (int)stride);
    if (dilation < 1) return qc_step_fail(step, QC_FORMAT, "the %s dilation is %d, not at least 1", axis, (int)dilation);
    if (kernel < 1) return qc_step_fail(step, QC_FORMAT, "the window's %s is %d, not at least 1", axis, (int)kernel);
    if (size < 0) return qc_step_fail(step, QC_FORMAT, "the input's %s is %d", axis, (int)size);
    int64_t span = (int64_t)(kernel - 1) * dilation + 1;
    if (padding == tfl_Padding_SAME) {
        int64_t count = ((int64_t)size + stride - 1) / stride;
        int64_t zeros = (count - 1) * stride + span - size;
        if (zeros / 2 > INT32_MAX / 2)
            return qc_step_fail(step, QC_FORMAT, "the window's %s spans %lld elements, which is absurd", axis, (long long)span);
        *positions = (int32_t)count;
        *before = zeros > 0 ? (int32_t)(zeros / 2) : 0;
        return QC_OK;
    }
    if (padding != tfl_Padding_VALID) return qc_step_fail(step, QC_FORMAT, "padding is %d, neither SAME nor VALID", padding);
    int64_t count = ((int64_t)size - span + stride) / stride;
    if (size - span + stride < 0)
        return qc_step_fail(step, QC_FORMAT, "the window's %s spans %lld elements, but the unpadded input has only %d", axis,
                            (long long)span, (int)size);
    *positions = (int32_t)count;
    *before = 0;
    return QC_OK;
}

qc_status qc_require_rank(struct qc_step *step, int k, int rank)
{
    const struct qc_value *value = qc_operand(step, k);
    if (!value) return qc_step_fail(step, QC_FORMAT, "input %d is missing", k);
    if (value->rank != rank) return qc_step_fail(step, QC_FORMAT, "input %d: rank is %d, not %d", k, value->rank, rank);
    return QC_OK;
}

qc_status qc_require_bias(struct qc_step *step, int k, qc_dtype type, int32_t count)
{
    const struct qc_value *value = qc_operand(step, k);
    if (!value) return QC_OK;
    if (value->type != type)
        return qc_step_fail(step, QC_UNSUPPORTED, "input %d (bias): element type is %s, not %s", k, qc_dtype_name(value->type),
                            qc_dtype_name(type));
    if (qc_value_elements(value) != (size_t)count)
        return qc_step_fail(step, QC_FORMAT, "input %d (bias): %zu elements, not %d", k, qc_value_elements(value), (int)count);
    return QC_OK;
}
