/*
 * lower_norm.c - fused normalizations. See graph.h. Keras 3 writes none of these but plain arithmetic on constants, which folds.
 */
#include "import/lower/conv.h"
#include "import/lower/norm.h"
#include "import/savedmodel/match.h"

#define FAILED(s) ((s)->im->env->error.status)

/* Statistics of the batch itself: Keras 2 computes LayerNormalization so, on data reshaped to [1, N, D, 1] in NCHW order. */
static qc_status normalize(struct qc_tf_step *s, struct qc_tensor *x, int axis, float epsilon)
{
    struct qc_build *b = s->b;
    int32_t axes[QC_MAX_RANK], dims[QC_MAX_RANK];
    int count = 0;
    double scale, offset;
    for (int i = 0; i < x->rank; i++) {
        dims[i] = i == axis ? QC_KEEP(0) : 1;
        if (i != axis) axes[count++] = i;
    }
    struct qc_tensor *mean = qc_lower_reduce(b, tfl_BuiltinOperator_MEAN, x, count, axes, true);
    struct qc_tensor *centred = qc_build_binary(b, tfl_BuiltinOperator_SUB, x, mean);
    struct qc_tensor *variance = qc_lower_reduce(b, tfl_BuiltinOperator_MEAN, qc_build_unary(b, tfl_BuiltinOperator_SQUARE, centred), count, axes, true);
    struct qc_tensor *factor = qc_build_unary(b, tfl_BuiltinOperator_RSQRT, qc_build_binary(b, tfl_BuiltinOperator_ADD, variance, qc_build_f32(b, epsilon)));
    struct qc_tensor *y = qc_build_binary(b, tfl_BuiltinOperator_MUL, centred, factor);
    struct qc_tensor *gamma = qc_tf_tensor(s, 1), *beta = qc_tf_tensor(s, 2);
    if (!gamma || !beta) return FAILED(s);
    if (!qc_tf_splat(s->im, gamma, &scale) || scale != 1)
        y = qc_build_binary(b, tfl_BuiltinOperator_MUL, y, qc_lower_reshape(b, gamma, x->rank, dims));
    if (!qc_tf_splat(s->im, beta, &offset) || offset != 0)
        y = qc_build_binary(b, tfl_BuiltinOperator_ADD, y, qc_lower_reshape(b, beta, x->rank, dims));
    return qc_tf_return(s, y);
}

static qc_status lower_fused(struct qc_tf_step *s)
{
    struct qc_batch_norm_spec spec = {.epsilon = qc_tf_attr_float(s->node, "epsilon", 1e-4f)};
    struct qc_tensor *x = qc_tf_tensor(s, 0);
    if (!x) return FAILED(s);
    if (!x->has_shape || x->rank < 2) return qc_tf_fail(s, QC_FORMAT, "its input has rank %d", x->rank);
    spec.axis = qc_tf_channels_first(s) ? 1 : x->rank - 1;
    for (int i = 1; i < s->want_count; i++)
        if (s->want[i]) return qc_tf_unsupported(s, "has statistics that are read by others");
    if (qc_tf_attr_bool(s->node, "is_training", true)) return normalize(s, x, spec.axis, spec.epsilon);
    struct qc_weight *weight[4] = {&spec.gamma, &spec.beta, &spec.mean, &spec.variance};
    for (int i = 0; i < 4; i++) {
        struct qc_tensor *tensor = qc_tf_tensor(s, i + 1);
        if (!tensor) return FAILED(s);
        if (!qc_tf_weight(tensor, weight[i])) return qc_tf_unsupported(s, "with statistics that are computed has no TFLite form");
    }
    return qc_tf_return(s, qc_lower_batch_norm(s->b, x, &spec));
}

static qc_status lower_local_response(struct qc_tf_step *s)
{
    QC_OPTIONS(s->b, LocalResponseNormalizationOptions, options);
    if (!options) return QC_NOMEM;
    options->radius = (int32_t)qc_tf_attr_int(s->node, "depth_radius", 5);
    options->bias = qc_tf_attr_float(s->node, "bias", 1);
    options->alpha = qc_tf_attr_float(s->node, "alpha", 1);
    options->beta = qc_tf_attr_float(s->node, "beta", .5f);
    return qc_tf_return(s, QC_BUILD(s->b, LOCAL_RESPONSE_NORMALIZATION, options, qc_tf_tensor(s, 0)));
}

const struct qc_tf_op qc_tf_norm_ops[] = {
    {"FusedBatchNorm", lower_fused, 5, 5, 0, 0},
    {"FusedBatchNormV2", lower_fused, 5, 5, 0, 0},
    {"FusedBatchNormV3", lower_fused, 5, 5, 0, 0},
    {"LRN", lower_local_response, 1, 1, 0, 0},
    {NULL, NULL, 0, 0, 0, 0},
};
