/*
 * reshape.c - operators that give the same bytes another shape or type: RESHAPE, SQUEEZE, EXPAND_DIMS, BITCAST.
 */
#include "op/shared/move.h"
#include "op/shared/rules.h"
#include "op/shared/version.h"

/* The wanted shape comes from input 1 if it is there, else from the options. One -1 stands for what is left. */
static qc_status reshape_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 1));
    QC_TRY(qc_need_type(step, 0, QC_SET_MOVE));
    const struct qc_value *in = step->in[0];
    const struct tfl_ReshapeOptions *options = step->options;
    int64_t want[QC_MAX_RANK];
    int rank = 0;
    if (step->in_count > 1 && step->in[1]) {
        if (!step->in[1]->known) return qc_defer(step, 0, in->type);
        QC_TRY(qc_read_ints(step, 1, QC_MAX_RANK, want, &rank));
    } else {
        if (options->new_shape.count > QC_MAX_RANK)
            return qc_step_fail(step, QC_UNSUPPORTED, "new_shape has %u dimensions; at most %d are supported", options->new_shape.count, QC_MAX_RANK);
        rank = (int)options->new_shape.count;
        for (int d = 0; d < rank; d++) want[d] = options->new_shape.data[d];
        if (rank == 1 && want[0] == 0) rank = 0; /* how old converters write a scalar */
    }
    size_t elements = qc_value_elements(in), product = 1;
    int stretch = -1;
    int32_t dims[QC_MAX_RANK];
    for (int d = 0; d < rank; d++) {
        if (want[d] == -1 && stretch < 0) {
            stretch = d;
        } else {
            if (want[d] < 0) return qc_step_fail(step, QC_FORMAT, "dimension %d of the new shape is %lld", d, (long long)want[d]);
            QC_TRY(qc_need_dim(step, want[d], &dims[d]));
            if (__builtin_mul_overflow(product, (size_t)dims[d], &product))
                return qc_step_fail(step, QC_NOMEM, "the new shape has more elements than memory can hold");
        }
    }
    if (stretch >= 0) {
        size_t rest = product ? elements / product : 0;
        QC_TRY(qc_need_dim(step, (int64_t)rest, &dims[stretch]));
        product *= rest;
    }
    if (product != elements)
        return qc_step_fail(step, QC_FORMAT, "input 0 has %zu elements, which do not fill a shape of %zu", elements, product);
    return qc_step_output(step, 0, in->type, rank, dims);
}

static qc_status squeeze_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 1));
    QC_TRY(qc_need_type(step, 0, QC_SET_MOVE));
    const struct qc_value *in = step->in[0];
    const struct tfl_SqueezeOptions *options = step->options;
    bool drop[QC_MAX_RANK] = {false};
    for (uint32_t i = 0; i < options->squeeze_dims.count; i++) {
        int axis;
        QC_TRY(qc_need_axis(step, options->squeeze_dims.data[i], in->rank, &axis));
        if (in->dims[axis] != 1) return qc_step_fail(step, QC_FORMAT, "dimension %d is %d and cannot be squeezed", axis, in->dims[axis]);
        drop[axis] = true;
    }
    int rank = 0;
    int32_t dims[QC_MAX_RANK];
    for (int d = 0; d < in->rank; d++) {
        bool gone = options->squeeze_dims.count ? drop[d] : in->dims[d] == 1;
        if (!gone) dims[rank++] = in->dims[d];
    }
    return qc_step_output(step, 0, in->type, rank, dims);
}

static qc_status expand_dims_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 2));
    QC_TRY(qc_need_type(step, 0, QC_SET_MOVE));
    QC_TRY(qc_need_type(step, 1, QC_SET_INDEX));
    QC_TRY(qc_need_scalar(step, 1));
    const struct qc_value *in = step->in[0];
    if (!step->in[1]->known) return qc_defer(step, 0, in->type);
    if (in->rank == QC_MAX_RANK) return qc_step_fail(step, QC_UNSUPPORTED, "input 0 has rank %d already, the most supported", in->rank);
    int axis;
    QC_TRY(qc_need_axis(step, qc_value_int(step->in[1], 0), in->rank + 1, &axis));
    int32_t dims[QC_MAX_RANK];
    for (int d = 0; d <= in->rank; d++) dims[d] = d == axis ? 1 : in->dims[d > axis ? d - 1 : d];
    return qc_step_output(step, 0, in->type, in->rank + 1, dims);
}

/* The output's type is the file's. A wider one eats the last dimension, a narrower one adds a dimension. */
static qc_status bitcast_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 1));
    QC_TRY(qc_need_type(step, 0, QC_SET_FIXED));
    const struct qc_value *in = step->in[0];
    qc_dtype type = step->out[0]->tensor->type;
    size_t from = qc_dtype_bytes(in->type, 1), to = QC_SET_FIXED >> type & 1 ? qc_dtype_bytes(type, 1) : 0;
    if (!to) return qc_step_unsupported_type(step);
    int rank = in->rank;
    int32_t dims[QC_MAX_RANK + 1];
    memcpy(dims, in->dims, sizeof in->dims);
    if (from > to) {
        dims[rank++] = (int32_t)(from / to);
    } else if (from < to) {
        if (rank == 0 || dims[rank - 1] != (int32_t)(to / from))
            return qc_step_fail(step, QC_FORMAT, "the last dimension must be %zu to make %s of %s", to / from, qc_dtype_name(type), qc_dtype_name(in->type));
        rank--;
    }
    if (rank > QC_MAX_RANK) return qc_step_fail(step, QC_UNSUPPORTED, "the result would have rank %d; at most %d is supported", rank, QC_MAX_RANK);
    return qc_step_output(step, 0, type, rank, dims);
}

QC_VERSION_BY_TYPE(squeeze_version, 0, {QC_STRING, 2})

const struct qc_op qc_op_reshape[] = {
    {.name = "RESHAPE", .code = tfl_BuiltinOperator_RESHAPE, .options = &tfl_ReshapeOptions_table, .in_min = 1, .in_max = 2, .out_min = 1,
     .out_max = 1, .max_version = 1, .flags = QC_OP_ALIAS, .quant = &qc_rule_move, .infer = reshape_infer, .run = qc_run_same},
    {.name = "SQUEEZE", .code = tfl_BuiltinOperator_SQUEEZE, .options = &tfl_SqueezeOptions_table, .in_min = 1, .in_max = 1, .out_min = 1,
     .out_max = 1, .max_version = 2, .flags = QC_OP_ALIAS, .quant = &qc_rule_move, .infer = squeeze_infer, .run = qc_run_same,
     .version = squeeze_version},
    {.name = "EXPAND_DIMS", .code = tfl_BuiltinOperator_EXPAND_DIMS, .options = &tfl_ExpandDimsOptions_table, .in_min = 2, .in_max = 2,
     .out_min = 1, .out_max = 1, .max_version = 1, .flags = QC_OP_ALIAS, .quant = &qc_rule_move, .infer = expand_dims_infer,
     .run = qc_run_same},
    {.name = "BITCAST", .code = tfl_BuiltinOperator_BITCAST, .options = &tfl_BitcastOptions_table, .in_min = 1, .in_max = 1, .out_min = 1,
     .out_max = 1, .max_version = 1, .flags = QC_OP_ALIAS, .infer = bitcast_infer, .run = qc_run_same},
    {0},
};
