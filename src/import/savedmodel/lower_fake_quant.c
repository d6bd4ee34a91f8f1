/*
 * lower_fake_quant.c - the fake quantization that quantization-aware training leaves in a graph. See graph.h.
 */
#include "import/savedmodel/match.h"

#include <math.h>
#include <string.h>

#define FAILED(s) ((s)->im->env->error.status)
#define CODE(name) tfl_BuiltinOperator_##name

struct bits {
    int count;
    bool narrow; /* the lowest of the steps is not used */
};

static struct bits bits_of(struct qc_tf_step *s)
{
    return (struct bits){(int)QC_MAX(QC_MIN(qc_tf_attr_int(s->node, "num_bits", 8), 16), 2), qc_tf_attr_bool(s->node, "narrow_range", false)};
}

/* TensorFlow moves the range so that zero is one of the steps (fake_quant_ops_functor.h, Nudge). */
static void nudge(struct bits bits, float min, float max, float *low, float *high, float *scale)
{
    float first = bits.narrow ? 1.0f : 0.0f, last = (float)((1 << bits.count) - 1);
    *scale = (max - min) / (last - first);
    float zero = first - min / *scale;
    float nudged = zero < first ? first : zero > last ? last : roundf(zero);
    *low = (first - nudged) * *scale;
    *high = (last - nudged) * *scale;
}

/* One range for each channel, the last axis, or one for all: floor((clamped - low) / scale + 1/2) scale + low, as TensorFlow computes it. */
static qc_status in_steps(struct qc_tf_step *s, struct bits bits, int32_t channels, const float *min, const float *max)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *constant[4];
    float *number = qc_arena_array(s->im->scratch, 4 * (size_t)channels, sizeof *number);
    if (!x || !number) return number ? FAILED(s) : QC_NOMEM;
    float *low = number, *high = low + channels, *scale = high + channels, *inverse = scale + channels;
    for (int32_t i = 0; i < channels; i++) {
        if (!(min[i] < max[i])) return qc_tf_unsupported(s, "with an empty range (channel %d) has no TFLite form", i);
        nudge(bits, min[i], max[i], &low[i], &high[i], &scale[i]);
        inverse[i] = 1 / scale[i];
    }
    for (int i = 0; i < 4; i++) constant[i] = qc_build_constant(s->b, "range", QC_FLOAT32, 1, &channels, number + i * channels);
    x = qc_build_binary(s->b, CODE(MAXIMUM), qc_build_binary(s->b, CODE(MINIMUM), x, constant[1]), constant[0]);
    x = qc_build_binary(s->b, CODE(MUL), qc_build_binary(s->b, CODE(SUB), x, constant[0]), constant[3]);
    x = qc_build_unary(s->b, CODE(FLOOR), qc_build_binary(s->b, CODE(ADD), x, qc_build_f32(s->b, 0.5f)));
    return qc_tf_return(s, qc_build_binary(s->b, CODE(ADD), qc_build_binary(s->b, CODE(MUL), x, constant[2]), constant[0]));
}

/* FAKE_QUANT, whose kernel refuses narrow ranges. */
static qc_status whole_tensor(struct qc_tf_step *s, struct bits bits, float min, float max)
{
    if (bits.narrow) return in_steps(s, bits, 1, &min, &max);
    QC_OPTIONS(s->b, FakeQuantOptions, options);
    if (!options) return QC_NOMEM;
    options->min = min;
    options->max = max;
    options->num_bits = bits.count;
    return qc_tf_return(s, QC_BUILD(s->b, FAKE_QUANT, options, qc_tf_tensor(s, 0)));
}

static qc_status lower_args(struct qc_tf_step *s)
{
    return whole_tensor(s, bits_of(s), qc_tf_attr_float(s->node, "min", -6), qc_tf_attr_float(s->node, "max", 6));
}

/* A constant range of `count` values; false with the operator made unsupported. */
static bool range(struct qc_tf_step *s, size_t count, const float **min, const float **max)
{
    struct qc_weight low, high;
    if (!qc_tf_weight(qc_tf_tensor(s, 1), &low) || !qc_tf_weight(qc_tf_tensor(s, 2), &high)) return false;
    *min = low.data;
    *max = high.data;
    return qc_weight_elements(&low) == count && qc_weight_elements(&high) == count;
}

static qc_status lower_vars(struct qc_tf_step *s)
{
    const float *min, *max;
    if (!range(s, 1, &min, &max)) return FAILED(s) ? FAILED(s) : qc_tf_unsupported(s, "with a range that depends on data has no TFLite form");
    return whole_tensor(s, bits_of(s), *min, *max);
}

static qc_status lower_channels(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0);
    const float *min, *max;
    if (!x) return FAILED(s);
    int32_t channels = x->rank ? x->dims[x->rank - 1] : 1;
    if (channels < 1 || !range(s, (size_t)channels, &min, &max))
        return FAILED(s) ? FAILED(s) : qc_tf_unsupported(s, "with ranges that depend on data has no TFLite form");
    return in_steps(s, bits_of(s), channels, min, max);
}

const struct qc_tf_op qc_tf_fake_quant_ops[] = {
    {"FakeQuantWithMinMaxArgs", lower_args, 1, 1, 0, 0},
    {"FakeQuantWithMinMaxVars", lower_vars, 3, 3, 0, 0},
    {"FakeQuantWithMinMaxVarsPerChannel", lower_channels, 3, 3, 0, 0},
    {NULL, NULL, 0, 0, 0, 0},
};
