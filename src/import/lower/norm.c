/*
 * norm.c - normalization layers. See norm.h.
 */
#include "import/lower/norm.h"

#include <math.h>

#define OP(CODE) tfl_BuiltinOperator_##CODE

static struct qc_tensor *mul(struct qc_build *b, struct qc_tensor *x, struct qc_tensor *y)
{
    return qc_build_binary(b, OP(MUL), x, y);
}

/* `count` values along one axis of a tensor of rank `rank`, broadcast over the others: [count] if it is the last one. */
static struct qc_tensor *along_axis(struct qc_build *b, const char *suffix, const float *values, int32_t count, int axis, int rank)
{
    int32_t dims[QC_MAX_RANK];
    struct qc_weight weight = {values, 1, {count}};
    int n = rank - axis;
    for (int i = 1; i < n; i++) dims[i] = 1;
    dims[0] = count;
    return qc_weight_reshaped(b, suffix, &weight, n, dims);
}

struct qc_tensor *qc_lower_batch_norm(struct qc_build *b, struct qc_tensor *x, const struct qc_batch_norm_spec *spec)
{
    if (!x || qc_build_status(b)) return NULL;
    int axis = qc_axis(spec->axis, x->rank);
    if (axis < 0) return qc_lower_fail(b, QC_FORMAT, "axis %d does not exist in an input of rank %d", spec->axis, x->rank);
    int32_t count = x->dims[axis];
    if (!qc_weight_expect(b, "moving_mean", &spec->mean, 1, &count) || !qc_weight_expect(b, "moving_variance", &spec->variance, 1, &count)) return NULL;
    if (spec->gamma.data && !qc_weight_expect(b, "gamma", &spec->gamma, 1, &count)) return NULL;
    if (spec->beta.data && !qc_weight_expect(b, "beta", &spec->beta, 1, &count)) return NULL;
    float *scale = qc_arena_array(&b->graph->model->arena, (size_t)count, sizeof *scale);
    float *shift = qc_arena_array(&b->graph->model->arena, (size_t)count, sizeof *shift);
    if (!scale || !shift) return NULL;
    for (int32_t i = 0; i < count; i++) { /* in double: rounded once */
        double s = (spec->gamma.data ? (double)spec->gamma.data[i] : 1) / sqrt((double)spec->variance.data[i] + (double)spec->epsilon);
        scale[i] = (float)s;
        shift[i] = (float)((spec->beta.data ? (double)spec->beta.data[i] : 0) - (double)spec->mean.data[i] * s);
    }
    x = mul(b, x, along_axis(b, "scale", scale, count, axis, x->rank));
    return x ? qc_build_binary(b, OP(ADD), x, along_axis(b, "shift", shift, count, axis, x->rank)) : NULL;
}

/* Ascending, positive, without doubles; the count, or 0 with a failure. */
static int sorted_axes(struct qc_build *b, const struct qc_tensor *x, int count, const int32_t *given, int32_t *axes)
{
    bool used[QC_MAX_RANK] = {false};
    int n = 0;
    for (int i = 0; i < count; i++) {
        int axis = qc_axis(given[i], x->rank);
        if (axis < 0) {
            qc_lower_fail(b, QC_FORMAT, "axis %d does not exist in an input of rank %d", given[i], x->rank);
            return 0;
        }
        used[axis] = true;
    }
    for (int i = 0; i < x->rank; i++)
        if (used[i]) axes[n++] = i;
    return n;
}

/* A weight with the sizes of `axes`, as a constant that broadcasts to x. */
static struct qc_tensor *over_axes(struct qc_build *b, const struct qc_tensor *x, const char *what, const struct qc_weight *weight, int count,
                                   const int32_t *axes)
{
    int32_t dims[QC_MAX_RANK], expect[QC_MAX_RANK];
    if (!x) return NULL;
    for (int i = 0; i < count; i++) expect[i] = x->dims[axes[i]];
    if (!qc_weight_expect(b, what, weight, count, expect)) return NULL;
    int first = axes[0], n = x->rank - first;
    for (int i = 0; i < n; i++) dims[i] = 1;
    for (int i = 0; i < count; i++) dims[axes[i] - first] = expect[i];
    return qc_weight_reshaped(b, what, weight, n, dims);
}

/* 1 / sqrt(x + epsilon) */
static struct qc_tensor *inverse_root(struct qc_build *b, struct qc_tensor *x, float epsilon)
{
    return qc_build_unary(b, OP(RSQRT), qc_build_binary(b, OP(ADD), x, qc_build_f32(b, epsilon)));
}

/* (x - mean) / sqrt(variance + epsilon) over axes; only the division for rms. */
static struct qc_tensor *standardized(struct qc_build *b, struct qc_tensor *x, int count, const int32_t *axes, float epsilon, bool rms)
{
    struct qc_tensor *centered = x;
    if (!rms) centered = qc_build_binary(b, OP(SUB), x, qc_lower_reduce(b, OP(MEAN), x, count, axes, true));
    struct qc_tensor *power = qc_lower_reduce(b, OP(MEAN), mul(b, centered, centered), count, axes, true);
    return mul(b, centered, inverse_root(b, power, epsilon));
}

struct qc_tensor *qc_lower_layer_norm(struct qc_build *b, struct qc_tensor *x, const struct qc_layer_norm_spec *spec)
{
    int32_t axes[QC_MAX_RANK];
    if (!x || qc_build_status(b)) return NULL;
    int count = sorted_axes(b, x, spec->axis_count, spec->axes, axes);
    if (!count) return qc_lower_fail(b, QC_FORMAT, "a normalization over no axis");
    struct qc_tensor *y = standardized(b, x, count, axes, spec->epsilon, spec->rms);
    if (spec->gamma.data) y = mul(b, y, over_axes(b, x, "gamma", &spec->gamma, count, axes));
    if (spec->beta.data) y = qc_build_binary(b, OP(ADD), y, over_axes(b, x, "beta", &spec->beta, count, axes));
    return y;
}

struct qc_tensor *qc_lower_group_norm(struct qc_build *b, struct qc_tensor *x, int axis, int32_t groups, float epsilon,
                                      const struct qc_weight *gamma, const struct qc_weight *beta)
{
    int32_t dims[QC_MAX_RANK], back[QC_MAX_RANK], axes[QC_MAX_RANK], count = 0;
    if (!x || qc_build_status(b)) return NULL;
    int at = qc_axis(axis, x->rank), rank = x->rank;
    if (at < 1 || rank >= QC_MAX_RANK) return qc_lower_fail(b, QC_FORMAT, "a group normalization over axis %d of rank %d", axis, rank);
    int32_t channels = x->dims[at];
    if (groups == -1) groups = channels;
    if (groups < 1 || channels % groups) return qc_lower_fail(b, QC_FORMAT, "%d channels do not divide into %d groups", channels, groups);
    for (int i = 0; i < rank; i++) { /* [..., groups, channels / groups, ...] */
        dims[i < at ? i : i + 1] = QC_KEEP(i);
        back[i] = i == at ? channels : QC_KEEP(i < at ? i : i + 1);
    }
    dims[at] = groups;
    dims[at + 1] = channels / groups;
    for (int i = 1; i <= rank; i++)
        if (i != at) axes[count++] = i;
    struct qc_tensor *y = qc_lower_reshape(b, x, rank + 1, dims);
    y = qc_lower_reshape(b, standardized(b, y, count, axes, epsilon, false), rank, back);
    int32_t one = at;
    if (gamma->data) y = mul(b, y, over_axes(b, x, "gamma", gamma, 1, &one));
    if (beta->data) y = qc_build_binary(b, OP(ADD), y, over_axes(b, x, "beta", beta, 1, &one));
    return y;
}

struct qc_tensor *qc_lower_unit_norm(struct qc_build *b, struct qc_tensor *x, int axis_count, const int32_t *given)
{
    int32_t axes[QC_MAX_RANK];
    if (!x || qc_build_status(b)) return NULL;
    int count = sorted_axes(b, x, axis_count, given, axes);
    if (!count) return qc_lower_fail(b, QC_FORMAT, "a normalization over no axis");
    if (count == 1 && axes[0] == x->rank - 1) return qc_build_unary(b, OP(L2_NORMALIZATION), x);
    struct qc_tensor *sum = qc_lower_reduce(b, OP(SUM), mul(b, x, x), count, axes, true);
    sum = qc_build_binary(b, OP(MAXIMUM), sum, qc_build_f32(b, 1e-12f));
    return mul(b, x, qc_build_unary(b, OP(RSQRT), sum));
}

struct qc_tensor *qc_lower_normalization(struct qc_build *b, struct qc_tensor *x, int axis_count, const int32_t *given,
                                         const struct qc_weight *mean, const struct qc_weight *variance, bool invert)
{
    int32_t axes[QC_MAX_RANK], dims[QC_MAX_RANK];
    if (!x || qc_build_status(b)) return NULL;
    int count = axis_count ? sorted_axes(b, x, axis_count, given, axes) : 0;
    if (qc_build_status(b)) return NULL;
    size_t size = 1;
    int first = count ? axes[0] : x->rank;
    for (int i = first; i < x->rank; i++) dims[i - first] = 1;
    for (int i = 0; i < count; i++) {
        dims[axes[i] - first] = x->dims[axes[i]];
        size *= (size_t)x->dims[axes[i]];
    }
    size_t have[2] = {mean->data ? qc_weight_elements(mean) : 0, variance->data ? qc_weight_elements(variance) : 0};
    for (int i = 0; i < 2; i++)
        if (have[i] != size && have[i] != 1)
            return qc_lower_fail(b, QC_FORMAT, "%s has %zu values, the normalized axes have %zu", i ? "variance" : "mean", have[i], size);
    float *factor = qc_arena_array(&b->graph->model->arena, size, sizeof *factor);
    float *shift = qc_arena_array(&b->graph->model->arena, size, sizeof *shift);
    if (!factor || !shift) return NULL;
    for (size_t i = 0; i < size; i++) {
        double s = fmax(sqrt((double)variance->data[have[1] == 1 ? 0 : i]), 1e-7);
        factor[i] = (float)(invert ? s : 1 / s);
        shift[i] = mean->data[have[0] == 1 ? 0 : i];
    }
    struct qc_weight by = {factor, 1, {(int32_t)size}}, off = {shift, 1, {(int32_t)size}};
    struct qc_tensor *by_tensor = qc_weight_reshaped(b, "factor", &by, x->rank - first, dims);
    struct qc_tensor *mean_tensor = qc_weight_reshaped(b, "mean", &off, x->rank - first, dims);
    if (invert) return qc_build_binary(b, OP(ADD), mul(b, x, by_tensor), mean_tensor);
    return mul(b, qc_build_binary(b, OP(SUB), x, mean_tensor), by_tensor); /* the mean first: it may be large against the deviation */
}
