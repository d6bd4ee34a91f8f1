/* check.c - see check.h. */
#include "op/shared/check.h"
#include <math.h>

qc_status qc_need_inputs(struct qc_step *step, int count)
{
    for (int i = 0; i < count; i++)
        if (i >= step->in_count || !step->in[i]) return qc_step_fail(step, QC_FORMAT, "input %d is missing", i);
    return QC_OK;
}

qc_status qc_need_type(struct qc_step *step, int input, uint32_t set)
{
    qc_dtype type = step->in[input]->type;
    if (set >> type & 1) return QC_OK;
    return qc_step_fail(step, QC_UNSUPPORTED, "input %d has type %s, which this operator does not take", input, qc_dtype_name(type));
}

qc_status qc_need_same_type(struct qc_step *step, int a, int b)
{
    if (step->in[a]->type == step->in[b]->type) return QC_OK;
    return qc_step_fail(step, QC_FORMAT, "input %d is %s but input %d is %s; they must be alike", a, qc_dtype_name(step->in[a]->type), b,
                        qc_dtype_name(step->in[b]->type));
}

qc_status qc_need_rank(struct qc_step *step, int input, int least, int most)
{
    int rank = step->in[input]->rank;
    if (rank >= least && rank <= most) return QC_OK;
    if (least == most) return qc_step_fail(step, QC_FORMAT, "input %d: rank is %d, not %d", input, rank, least);
    return qc_step_fail(step, QC_FORMAT, "input %d: rank is %d, not within %d to %d", input, rank, least, most);
}

qc_status qc_need_scalar(struct qc_step *step, int input)
{
    size_t count = qc_value_elements(step->in[input]);
    if (count == 1) return QC_OK;
    return qc_step_fail(step, QC_FORMAT, "input %d must hold one element, not %zu", input, count);
}

qc_status qc_need_axis(struct qc_step *step, int64_t axis, int rank, int *out)
{
    *out = qc_axis(axis, rank);
    if (*out >= 0) return QC_OK;
    return qc_step_fail(step, QC_FORMAT, "axis is %lld, outside a tensor of rank %d", (long long)axis, rank);
}

qc_status qc_need_scale(struct qc_step *step, int operand)
{
    const struct qc_value *value = operand < 0 ? step->out[~operand] : step->in[operand];
    float scale = qc_value_scale(value);
    if (scale > 0 && isfinite(scale)) return QC_OK;
    return qc_step_fail(step, QC_FORMAT, "%s %d ('%s') is %s and needs one positive scale, not %g", operand < 0 ? "output" : "input",
                        operand < 0 ? ~operand : operand, value->tensor->name, qc_dtype_name(value->type), (double)scale);
}

qc_status qc_read_ints(struct qc_step *step, int input, int most, int64_t *values, int *count)
{
    const struct qc_value *value = step->in[input];
    QC_TRY(qc_need_type(step, input, QC_SET_INDEX | QC_SET(INT16)));
    QC_TRY(qc_need_rank(step, input, 0, 1));
    size_t elements = qc_value_elements(value);
    if (elements > (size_t)most) return qc_step_fail(step, QC_FORMAT, "input %d holds %zu elements, at most %d make sense", input, elements, most);
    for (size_t i = 0; i < elements; i++) {
        if (value->type == QC_INT16) values[i] = ((const int16_t *)value->data)[i];
        else values[i] = qc_value_int(value, i);
    }
    if (count) *count = (int)elements;
    return QC_OK;
}

qc_status qc_defer(struct qc_step *step, int index, qc_dtype type)
{
    step->out[index]->type = type;
    step->out[index]->shaped = false;
    return qc_step_defer(step);
}

qc_status qc_need_dim(struct qc_step *step, int64_t value, int32_t *dim)
{
    if (value < 0) return qc_step_fail(step, QC_FORMAT, "an output dimension would be %lld", (long long)value);
    if (value > INT32_MAX) return qc_step_fail(step, QC_NOMEM, "an output dimension would be %lld, beyond 2^31 - 1", (long long)value);
    *dim = (int32_t)value;
    return QC_OK;
}
