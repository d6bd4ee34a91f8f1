/*
 * layers_norm.c - normalization layers.
 */
#include "import/keras/tables.h"
#include "import/lower/norm.h"

#include <string.h>

static struct qc_tensor *float_input(struct qc_keras_call *call)
{
    struct qc_tensor *x = qc_keras_in(call, 0);
    return x ? qc_lower_cast(call->b, x, QC_FLOAT32) : NULL;
}

static void batch_norm_with(struct qc_keras_call *call, const char *mean, const char *variance)
{
    struct qc_tensor *x = float_input(call);
    if (!x) return;
    struct qc_batch_norm_spec spec = {.axis = qc_keras_axis(call, "axis", -1, x->rank), .epsilon = (float)qc_keras_number(call, "epsilon", 1e-3)};
    spec.gamma = qc_keras_weight(call, "gamma");
    spec.beta = qc_keras_weight(call, "beta");
    spec.mean = qc_keras_weight(call, mean);
    spec.variance = qc_keras_weight(call, variance);
    qc_keras_return(call, qc_lower_batch_norm(call->b, x, &spec));
}

static void batch_norm(struct qc_keras_call *call)
{
    batch_norm_with(call, "moving_mean", "moving_variance");
}

/* Keras 1 calls it running_std; it is the variance. Modes 1 and 2 compute statistics at inference. */
static void batch_norm1(struct qc_keras_call *call)
{
    if (qc_keras_int(call, "mode", 0, 0, 2) != 0) {
        qc_keras_fail(call, QC_UNSUPPORTED, "mode 1 and 2 of Keras 1 are not supported");
        return;
    }
    batch_norm_with(call, "running_mean", "running_std");
}

/* Keras 3's rms_scaling divides by the standard deviation without taking the mean off. */
static struct qc_tensor *scaled_by_deviation(struct qc_keras_call *call, struct qc_tensor *x, const struct qc_layer_norm_spec *spec)
{
    struct qc_build *b = call->b;
    int32_t dims[QC_MAX_RANK];
    for (int i = 0; i < x->rank; i++) dims[i] = 1;
    for (int i = 0; i < spec->axis_count; i++) dims[spec->axes[i]] = x->dims[spec->axes[i]];
    struct qc_tensor *mean = qc_lower_reduce(b, tfl_BuiltinOperator_MEAN, x, spec->axis_count, spec->axes, true);
    struct qc_tensor *variance = qc_lower_reduce(b, tfl_BuiltinOperator_MEAN, qc_build_binary(b, tfl_BuiltinOperator_SQUARED_DIFFERENCE, x, mean),
                                                 spec->axis_count, spec->axes, true);
    struct qc_tensor *root = qc_build_unary(b, tfl_BuiltinOperator_RSQRT, qc_build_binary(b, tfl_BuiltinOperator_ADD, variance, qc_build_f32(b, spec->epsilon)));
    struct qc_tensor *y = qc_build_binary(b, tfl_BuiltinOperator_MUL, x, root);
    return qc_build_binary(b, tfl_BuiltinOperator_MUL, y, qc_weight_reshaped(b, "gamma", &spec->gamma, x->rank, dims));
}

static void layer_norm(struct qc_keras_call *call)
{
    struct qc_tensor *x = float_input(call);
    if (!x) return;
    struct qc_layer_norm_spec spec = {.epsilon = (float)qc_keras_number(call, "epsilon", 1e-3)};
    spec.axis_count = qc_keras_axes(call, "axis", -1, x->rank, spec.axes);
    spec.gamma = qc_keras_weight(call, "gamma");
    spec.beta = qc_keras_weight(call, "beta");
    bool deviation = qc_keras_bool(call, "rms_scaling", false);
    qc_keras_return(call, deviation ? scaled_by_deviation(call, x, &spec) : qc_lower_layer_norm(call->b, x, &spec));
}

static void rms_norm(struct qc_keras_call *call)
{
    struct qc_tensor *x = float_input(call);
    if (!x) return;
    struct qc_layer_norm_spec spec = {.epsilon = (float)qc_keras_number(call, "epsilon", 1e-6), .rms = true};
    spec.axis_count = qc_keras_axes(call, "axis", -1, x->rank, spec.axes);
    spec.gamma = qc_keras_weight(call, "scale");
    qc_keras_return(call, qc_lower_layer_norm(call->b, x, &spec));
}

static void group_norm(struct qc_keras_call *call)
{
    struct qc_tensor *x = float_input(call);
    if (!x) return;
    struct qc_weight gamma = qc_keras_weight(call, "gamma"), beta = qc_keras_weight(call, "beta");
    qc_keras_return(call, qc_lower_group_norm(call->b, x, qc_keras_axis(call, "axis", -1, x->rank), qc_keras_int(call, "groups", 32, -1, INT32_MAX),
                                              (float)qc_keras_number(call, "epsilon", 1e-3), &gamma, &beta));
}

static void unit_norm(struct qc_keras_call *call)
{
    struct qc_tensor *x = float_input(call);
    int32_t axes[QC_MAX_RANK];
    if (!x) return;
    int count = qc_keras_axes(call, "axis", -1, x->rank, axes);
    qc_keras_return(call, qc_lower_unit_norm(call->b, x, count, axes));
}

/* A number or a nested list of them, flat, in the arena. */
static struct qc_weight constant_of(struct qc_keras_call *call, const char *key)
{
    struct qc_weight weight = {0};
    const struct qc_json *json = qc_keras_plain(qc_keras_get(call->layer, key));
    while (qc_json_is_array(json) && qc_json_count(json) == 1) json = qc_json_at(json, 0);
    size_t count = qc_json_is_array(json) ? qc_json_count(json) : 1;
    float *values = qc_arena_array(call->im->arena, count, sizeof *values);
    for (size_t i = 0; values && i < count; i++) {
        double number;
        if (!qc_json_number(qc_json_is_array(json) ? qc_json_at(json, i) : json, &number)) {
            qc_keras_fail(call, QC_FORMAT, "its configuration '%s' is neither a number nor a list of them", key);
            return weight;
        }
        values[i] = (float)number;
    }
    weight = (struct qc_weight){.data = values, .rank = qc_json_is_array(json) ? 1 : 0, .dims = {(int32_t)QC_MIN(count, INT32_MAX)}};
    return weight;
}

static void normalization(struct qc_keras_call *call)
{
    struct qc_tensor *x = float_input(call);
    struct qc_weight mean = qc_keras_weight(call, "mean"), variance = qc_keras_weight(call, "variance");
    int32_t axes[QC_MAX_RANK];
    int count = 0;
    bool some = qc_keras_get(call->layer, "axis") != NULL;
    if (!x) return;
    if (!mean.data) {
        mean = constant_of(call, "mean");
        variance = constant_of(call, "variance");
    }
    if (mean.rank && some) count = qc_keras_axes(call, "axis", -1, x->rank, axes);
    qc_keras_return(call, qc_lower_normalization(call->b, x, count, axes, &mean, &variance, qc_keras_bool(call, "invert", false)));
}

/* Of ConvNeXt: one factor for each channel. */
static void layer_scale(struct qc_keras_call *call)
{
    struct qc_tensor *x = float_input(call);
    struct qc_weight gamma = qc_keras_weight(call, "gamma");
    if (!x || !qc_weight_expect(call->b, "gamma", &gamma, 1, &x->dims[x->rank - 1])) return;
    qc_keras_return(call, qc_build_binary(call->b, tfl_BuiltinOperator_MUL, x, qc_weight_constant(call->b, "gamma", &gamma)));
}

#define BATCH_NORM "gamma?scale beta?center -moving_mean -moving_variance .renorm_mean?!renorm .renorm_stddev?!renorm"
const struct qc_keras_class qc_keras_layers_norm[] = {
    {"BatchNormalization", BATCH_NORM, QC_KERAS_MASK_PASSES, batch_norm},
    {"SyncBatchNormalization", BATCH_NORM, QC_KERAS_MASK_PASSES, batch_norm},
    {"BatchNormalizationV1", BATCH_NORM, QC_KERAS_MASK_PASSES, batch_norm},
    {"BatchNormalizationV2", BATCH_NORM, QC_KERAS_MASK_PASSES, batch_norm},
    {"BatchNormalization@1", "gamma beta -running_mean -running_std", QC_KERAS_MASK_PASSES, batch_norm1},
    {"LayerNormalization", "gamma?scale beta?center", QC_KERAS_MASK_PASSES, layer_norm},
    {"RMSNormalization", "scale", QC_KERAS_MASK_PASSES, rms_norm},
    {"GroupNormalization", "gamma?scale beta?center", QC_KERAS_MASK_PASSES, group_norm},
    {"LayerScale", "gamma", QC_KERAS_MASK_PASSES, layer_scale},
    {"UnitNormalization", NULL, QC_KERAS_MASK_PASSES, unit_norm},
    {"Normalization", "-mean?~mean -variance?~mean .count?~mean", 0, normalization},
    {0},
};
