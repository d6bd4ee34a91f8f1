/*
 * fill.c - tensors made from a few numbers: FILL, RANGE, ZEROS_LIKE, ONE_HOT.
 */
#include "op/shared/check.h"
#include "op/shared/pad.h"
#include "op/shared/rules.h"
#include "op/shared/version.h"
#include "op/shared/strings.h"
#include <math.h>

/* ---- FILL ---- */

static qc_status fill_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 2));
    QC_TRY(qc_need_type(step, 0, QC_SET_INDEX));
    QC_TRY(qc_need_rank(step, 0, 1, 1));
    QC_TRY(qc_need_type(step, 1, QC_SET_FIXED | QC_SET(STRING)));
    QC_TRY(qc_need_scalar(step, 1));
    qc_dtype type = step->in[1]->type;
    if (!step->in[0]->known) return qc_defer(step, 0, type);
    int64_t want[QC_MAX_RANK];
    int rank;
    int32_t dims[QC_MAX_RANK];
    QC_TRY(qc_read_ints(step, 0, QC_MAX_RANK, want, &rank));
    for (int d = 0; d < rank; d++) QC_TRY(qc_need_dim(step, want[d], &dims[d]));
    return qc_step_output(step, 0, type, rank, dims);
}

static qc_status fill_plan(struct qc_step *step)
{
    if (step->out[0]->type == QC_STRING) qc_step_scratch(step, qc_value_elements(step->out[0]) * sizeof(int32_t));
    return QC_OK;
}

static qc_status fill_run(struct qc_step *step)
{
    const struct qc_value *value = step->in[1];
    struct qc_value *out = step->out[0];
    if (out->type == QC_STRING) {
        QC_TRY(qc_strings_check(step, value, 1));
        memset(step->scratch, 0, qc_value_elements(out) * sizeof(int32_t));
        return qc_strings_pick(step, out, value, step->scratch);
    }
    if (out->bytes) qc_fill(out->data, out->bytes, value->data, qc_width(out));
    return QC_OK;
}

/* ---- ZEROS_LIKE ---- */

static qc_status zeros_like_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 1));
    QC_TRY(qc_need_type(step, 0, QC_SET_FIXED));
    return qc_step_output_like(step, 0, step->in[0]->type, step->in[0]);
}

static qc_status zeros_like_run(struct qc_step *step)
{
    if (step->out[0]->bytes) memset(step->out[0]->data, 0, step->out[0]->bytes);
    return QC_OK;
}

/* ---- RANGE ---- */

static qc_status range_count(struct qc_step *step, int64_t *count)
{
    const struct qc_value *start = step->in[0], *limit = step->in[1], *delta = step->in[2];
    if (start->type == QC_FLOAT32) {
        float a = *(const float *)start->data, b = *(const float *)limit->data, d = *(const float *)delta->data;
        if (!(isfinite(a) && isfinite(b) && isfinite(d)) || d == 0 || (d > 0 && a > b) || (d < 0 && a < b))
            return qc_step_fail(step, QC_RANGE, "no range leads from %g to %g in steps of %g", (double)a, (double)b, (double)d);
        float size = ceilf(fabsf((b - a) / d));
        if (size >= 2147483648.0f) return qc_step_fail(step, QC_NOMEM, "a range of %g elements", (double)size);
        *count = (int64_t)size;
        return QC_OK;
    }
    int64_t a = qc_value_int(start, 0), b = qc_value_int(limit, 0), d = qc_value_int(delta, 0);
    if (d == 0 || (d > 0 && a > b) || (d < 0 && a < b))
        return qc_step_fail(step, QC_RANGE, "no range leads from %lld to %lld in steps of %lld", (long long)a, (long long)b, (long long)d);
    uint64_t span = d > 0 ? (uint64_t)b - (uint64_t)a : (uint64_t)a - (uint64_t)b, stride = d > 0 ? (uint64_t)d : 0 - (uint64_t)d;
    uint64_t size = span / stride + (span % stride != 0);
    if (size > INT32_MAX) return qc_step_fail(step, QC_NOMEM, "a range of %llu elements", (unsigned long long)size);
    *count = (int64_t)size;
    return QC_OK;
}

static qc_status range_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 3));
    QC_TRY(qc_need_type(step, 0, QC_SET(FLOAT32) | QC_SET_INDEX));
    bool known = true;
    for (int k = 0; k < 3; k++) {
        QC_TRY(qc_need_same_type(step, 0, k));
        QC_TRY(qc_need_scalar(step, k));
        known &= step->in[k]->known;
    }
    if (!known) return qc_defer(step, 0, step->in[0]->type);
    int64_t count = 0;
    int32_t dim;
    QC_TRY(range_count(step, &count));
    QC_TRY(qc_need_dim(step, count, &dim));
    return qc_step_output(step, 0, step->in[0]->type, 1, &dim);
}

/* Sums step by step, as LiteRT does, so that float32 rounds alike. */
static qc_status range_run(struct qc_step *step)
{
    struct qc_value *out = step->out[0];
    size_t count = qc_value_elements(out);
    if (out->type == QC_FLOAT32) {
        float value = *(const float *)step->in[0]->data, delta = *(const float *)step->in[2]->data;
        for (size_t i = 0; i < count; i++, value += delta) ((float *)out->data)[i] = value;
        return QC_OK;
    }
    uint64_t value = (uint64_t)qc_value_int(step->in[0], 0), delta = (uint64_t)qc_value_int(step->in[2], 0);
    for (size_t i = 0; i < count; i++, value += delta) {
        if (out->type == QC_INT64) ((int64_t *)out->data)[i] = (int64_t)value;
        else ((int32_t *)out->data)[i] = (int32_t)value;
    }
    return QC_OK;
}

/* ---- ONE_HOT ---- */

static qc_status one_hot_infer(struct qc_step *step)
{
    const struct tfl_OneHotOptions *options = step->options;
    QC_TRY(qc_need_inputs(step, 4));
    QC_TRY(qc_need_type(step, 0, QC_SET_INDEX));
    QC_TRY(qc_need_type(step, 1, QC_SET(INT32)));
    QC_TRY(qc_need_type(step, 2, QC_SET_FIXED));
    QC_TRY(qc_need_same_type(step, 2, 3));
    for (int k = 1; k < 4; k++) QC_TRY(qc_need_scalar(step, k));
    const struct qc_value *at = step->in[0];
    qc_dtype type = step->in[2]->type;
    int axis;
    int32_t dims[QC_MAX_RANK];
    if (at->rank == QC_MAX_RANK) return qc_step_fail(step, QC_UNSUPPORTED, "the indices have rank %d already, the most supported", at->rank);
    QC_TRY(qc_need_axis(step, options->axis, at->rank + 1, &axis));
    if (!step->in[1]->known) return qc_defer(step, 0, type);
    for (int d = 0; d <= at->rank; d++) dims[d] = at->dims[d > axis ? d - 1 : d];
    QC_TRY(qc_need_dim(step, qc_value_int(step->in[1], 0), &dims[axis]));
    return qc_step_output(step, 0, type, at->rank + 1, dims);
}

static qc_status one_hot_run(struct qc_step *step)
{
    const struct tfl_OneHotOptions *options = step->options;
    const struct qc_value *at = step->in[0];
    struct qc_value *out = step->out[0];
    int axis = qc_axis(options->axis, out->rank);
    size_t width = qc_width(out), depth = (size_t)out->dims[axis];
    size_t outer = qc_value_span(out, 0, axis), inner = qc_value_span(out, axis + 1, out->rank);
    if (out->bytes == 0) return QC_OK;
    qc_fill(out->data, out->bytes, step->in[3]->data, width);
    for (size_t o = 0; o < outer; o++) {
        for (size_t i = 0; i < inner; i++) {
            int64_t index = qc_value_int(at, o * inner + i);
            if (index < 0 || index >= (int64_t)depth) continue; /* no class: all off */
            memcpy((char *)out->data + ((o * depth + (size_t)index) * inner + i) * width, step->in[2]->data, width);
        }
    }
    return QC_OK;
}

/* ---- registration ---- */

QC_VERSION_BY_TYPE(fill_version, 1, {QC_FLOAT16, 4}, {QC_INT8, 3}, {QC_INT16, 3}, {QC_BOOL, 2}, {QC_STRING, 2})
QC_VERSION_BY_TYPE(range_version, 0, {QC_INT64, 2})

static const struct qc_quant_rule fill_rule = {.modes = QC_Q_INT8 | QC_Q_INT16,
                                               .in = {{.role = QC_ROLE_KEEP}, {.role = QC_ROLE_ACTIVATION}},
                                               .output = QC_OUTPUT_SAME,
                                               .same_as = 1};

const struct qc_op qc_op_fill[] = {
    {.name = "FILL", .code = tfl_BuiltinOperator_FILL, .options = &tfl_FillOptions_table, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1,
     .max_version = 5, .quant = &fill_rule, .infer = fill_infer, .plan = fill_plan, .run = fill_run, .version = fill_version},
    {.name = "ZEROS_LIKE", .code = tfl_BuiltinOperator_ZEROS_LIKE, .options = &tfl_ZerosLikeOptions_table, .in_min = 1, .in_max = 1,
     .out_min = 1, .out_max = 1, .flags = QC_OP_SHAPE_ONLY, .infer = zeros_like_infer, .run = zeros_like_run},
    {.name = "RANGE", .code = tfl_BuiltinOperator_RANGE, .options = &tfl_RangeOptions_table, .in_min = 3, .in_max = 3, .out_min = 1,
     .out_max = 1, .max_version = 2, .infer = range_infer, .run = range_run, .version = range_version},
    {.name = "ONE_HOT", .code = tfl_BuiltinOperator_ONE_HOT, .options = &tfl_OneHotOptions_table, .in_min = 4, .in_max = 4, .out_min = 1,
     .out_max = 1, .infer = one_hot_infer, .run = one_hot_run},
    {0},
};
