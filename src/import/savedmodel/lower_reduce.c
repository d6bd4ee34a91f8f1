/*
 * lower_reduce.c - reductions over axes. See graph.h.
 */
#include "import/savedmodel/match.h"

static qc_status lower_reduction(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *axes = qc_tf_tensor(s, 1);
    int64_t axis[QC_MAX_RANK];
    int32_t narrow[QC_MAX_RANK];
    if (!x || !axes) return s->im->env->error.status;
    int count = qc_tf_ints(s->im, axes, QC_MAX_RANK, axis);
    if (count < 0) return qc_tf_unsupported(s, "has axes that depend on data");
    for (int i = 0; i < count; i++) {
        narrow[i] = qc_axis(axis[i], x->rank);
        if (narrow[i] < 0) return qc_tf_fail(s, QC_FORMAT, "axis %lld does not fit rank %d", (long long)axis[i], x->rank);
    }
    if (!count) return qc_tf_return(s, x);
    return qc_tf_return(s, qc_lower_reduce(s->b, s->op->code, x, count, narrow, qc_tf_attr_bool(s->node, "keep_dims", false)));
}

/* The root of the sum of squares. */
static qc_status lower_norm(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0);
    s->in[0].tensor = x ? qc_build_unary(s->b, tfl_BuiltinOperator_SQUARE, x) : NULL;
    QC_TRY(lower_reduction(s));
    return s->out ? qc_tf_return(s, qc_build_unary(s->b, tfl_BuiltinOperator_SQRT, s->out[0].tensor)) : QC_OK;
}

/* Half the sum of squares. */
static qc_status lower_l2_loss(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0);
    int32_t axis[QC_MAX_RANK];
    if (!x) return s->im->env->error.status;
    for (int i = 0; i < x->rank; i++) axis[i] = i;
    struct qc_tensor *square = qc_build_unary(s->b, tfl_BuiltinOperator_SQUARE, x);
    struct qc_tensor *sum = x->rank ? qc_lower_reduce(s->b, tfl_BuiltinOperator_SUM, square, x->rank, axis, false) : square;
    return qc_tf_return(s, qc_build_binary(s->b, tfl_BuiltinOperator_MUL, sum, qc_build_f32(s->b, 0.5f)));
}

const struct qc_tf_op qc_tf_reduce_ops[] = {
    {"Mean", lower_reduction, 2, 2, tfl_BuiltinOperator_MEAN, 0},
    {"Sum", lower_reduction, 2, 2, tfl_BuiltinOperator_SUM, 0},
    {"Max", lower_reduction, 2, 2, tfl_BuiltinOperator_REDUCE_MAX, 0},
    {"Min", lower_reduction, 2, 2, tfl_BuiltinOperator_REDUCE_MIN, 0},
    {"Prod", lower_reduction, 2, 2, tfl_BuiltinOperator_REDUCE_PROD, 0},
    {"Any", lower_reduction, 2, 2, tfl_BuiltinOperator_REDUCE_ANY, 0},
    {"All", lower_reduction, 2, 2, tfl_BuiltinOperator_REDUCE_ALL, 0},
    {"EuclideanNorm", lower_norm, 2, 2, tfl_BuiltinOperator_SUM, 0},
    {"L2Loss", lower_l2_loss, 1, 1, 0, 0},
    {NULL, NULL, 0, 0, 0, 0},
};
