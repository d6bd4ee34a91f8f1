/*
 * numeric_verify.c - custom operators that quantizers write: NumericVerify (difference between a quantized tensor and its float original) and
 * aeq.hadamard_rotation (Walsh-Hadamard transform of pieces of the last axis, scaled to keep lengths).
 */
#include "base/dtype.h"
#include "op/shared/check.h"
#include "wire/flex.h"
#include <math.h>

/* ---- NumericVerify ---- */

static qc_status verify_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 2));
    QC_TRY(qc_need_type(step, 0, QC_SET(INT8) | QC_SET(UINT8) | QC_SET(INT16) | QC_SET(FLOAT16)));
    QC_TRY(qc_need_type(step, 1, QC_SET(FLOAT32)));
    if (qc_value_elements(step->in[0]) != qc_value_elements(step->in[1]))
        return qc_step_fail(step, QC_FORMAT, "%zu quantized numbers and %zu floats", qc_value_elements(step->in[0]), qc_value_elements(step->in[1]));
    if (step->in[0]->type != QC_FLOAT16) QC_TRY(qc_need_scale(step, 0));
    return qc_step_output_like(step, 0, QC_FLOAT32, step->in[0]);
}

static float real_at(const struct qc_value *value, size_t i)
{
    switch (value->type) {
    case QC_FLOAT16: return qc_half_to_float(((const uint16_t *)value->data)[i]);
    case QC_INT8: return (float)(((const int8_t *)value->data)[i] - qc_value_zero_point(value)) * qc_value_scale(value);
    case QC_UINT8: return (float)(((const uint8_t *)value->data)[i] - qc_value_zero_point(value)) * qc_value_scale(value);
    default: return (float)(((const int16_t *)value->data)[i] - qc_value_zero_point(value)) * qc_value_scale(value);
    }
}

/* With log_if_failed, a difference beyond `tolerance` steps is an error. */
static qc_status verify_run(struct qc_step *step)
{
    const struct qc_value *in = step->in[0];
    struct qc_flex map;
    bool readable = qc_flex_root(step->node->custom_data, step->node->custom_bytes, &map);
    float tolerance = readable ? (float)qc_flex_float_of(&map, "tolerance", 0) : 0;
    bool strict = readable && qc_flex_int_of(&map, "log_if_failed", 0) && tolerance >= 0.1f;
    size_t count = qc_value_elements(in);
    for (size_t i = 0; i < count; i++) {
        float difference = real_at(in, i) - ((const float *)step->in[1]->data)[i];
        ((float *)step->out[0]->data)[i] = difference;
        if (strict && fabsf(difference) > tolerance * qc_value_scale(in))
            return qc_step_fail(step, QC_RANGE, "element %zu differs by %g, more than %g steps of %g", i, (double)difference, (double)tolerance,
                                (double)qc_value_scale(in));
    }
    return QC_OK;
}

/* ---- aeq.hadamard_rotation ---- */

static qc_status read_size(struct qc_step *step, size_t *size)
{
    struct qc_flex map;
    if (!qc_flex_root(step->node->custom_data, step->node->custom_bytes, &map)) return qc_step_fail(step, QC_FORMAT, "its options cannot be read");
    int64_t wanted = qc_flex_int_of(&map, "hadamard_size", 0);
    if (wanted < 1 || wanted > INT32_MAX || (wanted & (wanted - 1)))
        return qc_step_fail(step, QC_FORMAT, "hadamard_size is %lld, not a power of two", (long long)wanted);
    *size = (size_t)wanted;
    return QC_OK;
}

static qc_status rotation_infer(struct qc_step *step)
{
    size_t size;
    QC_TRY(qc_need_inputs(step, 1));
    QC_TRY(qc_need_type(step, 0, QC_SET(FLOAT32)));
    QC_TRY(qc_need_rank(step, 0, 1, QC_MAX_RANK));
    QC_TRY(read_size(step, &size));
    const struct qc_value *in = step->in[0];
    if ((size_t)in->dims[in->rank - 1] % size)
        return qc_step_fail(step, QC_FORMAT, "the last axis of %d is not a multiple of hadamard_size %zu", in->dims[in->rank - 1], size);
    if (step->out[0]->tensor->has_shape && !step->out[0]->tensor->rank) /* LiteRT gives the output no shape: it stays the file's */
        return qc_step_output(step, 0, QC_FLOAT32, 0, NULL);
    return qc_step_output_like(step, 0, QC_FLOAT32, in);
}

static qc_status rotation_plan(struct qc_step *step)
{
    qc_step_scratch(step, step->out[0]->bytes < step->in[0]->bytes ? step->in[0]->bytes : 0);
    return QC_OK;
}

static qc_status rotation_run(struct qc_step *step)
{
    const struct qc_value *in = step->in[0];
    struct qc_value *out = step->out[0];
    const size_t count = qc_value_elements(in);
    size_t size;
    QC_TRY(read_size(step, &size));
    float *all = out->bytes < in->bytes ? step->scratch : out->data, scale = 1.0f / sqrtf((float)size);
    if (in->bytes && all != in->data) memcpy(all, in->data, in->bytes);
    for (float *x = all, *end = x + count; x < end; x += size) {
        for (size_t h = 1; h < size; h *= 2)
            for (size_t i = 0; i < size; i += 2 * h)
                for (size_t j = i; j < i + h; j++) {
                    float a = x[j], b = x[j + h];
                    x[j] = a + b;
                    x[j + h] = a - b;
                }
        for (size_t i = 0; i < size; i++) x[i] *= scale;
    }
    if (all != out->data) memcpy(out->data, all, out->bytes);
    else if (!count && out->bytes) memset(out->data, 0, out->bytes);
    return QC_OK;
}

const struct qc_op qc_op_numeric_verify[] = {
    {.name = "NumericVerify", .code = tfl_BuiltinOperator_CUSTOM, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1, .infer = verify_infer,
     .run = verify_run},
    {.name = "aeq.hadamard_rotation", .code = tfl_BuiltinOperator_CUSTOM, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1,
     .flags = QC_OP_INPLACE, .infer = rotation_infer, .plan = rotation_plan, .run = rotation_run},
    {0},
};
