/*
 * pool.c - pooling. See pool.h.
 *
 * One axis is done as two with height 1, three as two passes: windows over H and W with D folded into the batch, then windows over D with H and W
 * joined. That is exact for maxima, and for averages as every window counts (elements in D) x (elements in H, W).
 */
#include "import/lower/pool.h"

#define OP(CODE) tfl_BuiltinOperator_##CODE

struct window {
    enum qc_pool_kind kind;
    bool same;
    int32_t size[2], stride[2];
};

/* x [B, H, W, C] */
static struct qc_tensor *pool_2d(struct qc_build *b, struct qc_tensor *x, const struct window *w)
{
    if (w->size[0] == 1 && w->size[1] == 1 && w->stride[0] == 1 && w->stride[1] == 1) return x;
    QC_OPTIONS(b, Pool2DOptions, options);
    if (!options) return NULL;
    options->padding = w->same ? tfl_Padding_SAME : tfl_Padding_VALID;
    options->filter_height = w->size[0];
    options->filter_width = w->size[1];
    options->stride_h = w->stride[0];
    options->stride_w = w->stride[1];
    return qc_build_op(b, w->kind == QC_POOL_MAX ? OP(MAX_POOL_2D) : OP(AVERAGE_POOL_2D), options, 1, &x);
}

/* x [B, D, H, W, C] */
static struct qc_tensor *pool_3d(struct qc_build *b, struct qc_tensor *x, const struct qc_pool_spec *spec)
{
    struct window flat = {spec->kind, spec->padding == QC_PADDING_SAME, {spec->size[1], spec->size[2]}, {spec->stride[1], spec->stride[2]}};
    struct window deep = {spec->kind, flat.same, {spec->size[0], 1}, {spec->stride[0], 1}};
    struct qc_tensor *y = pool_2d(b, qc_lower_merge(b, x, 0, 2), &flat);
    if (!y) return NULL;
    int32_t height = y->dims[1], width = y->dims[2], channels = y->dims[3];
    if (qc_lower_is_free(b, x, 1) || qc_lower_is_free(b, y, 1) || qc_lower_is_free(b, y, 2))
        return qc_lower_fail(b, QC_UNSUPPORTED, "3-D pooling over dimensions of unknown size");
    y = qc_lower_reshape(b, y, 4, (int32_t[]){-1, x->dims[1], height * width, channels});
    y = pool_2d(b, y, &deep);
    return y ? qc_lower_reshape(b, y, 5, (int32_t[]){QC_KEEP(0), y->dims[1], height, width, channels}) : NULL;
}

struct qc_tensor *qc_lower_pool(struct qc_build *b, struct qc_tensor *x, const struct qc_pool_spec *given)
{
    struct qc_pool_spec spec = *given;
    if (!x || qc_build_status(b)) return NULL;
    int r = spec.rank;
    if (r < 1 || r > 3 || x->rank != r + 2) return qc_lower_fail(b, QC_FORMAT, "%d-D pooling of an input of rank %d", r, x->rank);
    for (int i = 0; i < r; i++) {
        if (!spec.stride[i]) spec.stride[i] = spec.size[i];
        if (spec.size[i] < 1 || spec.stride[i] < 1) return qc_lower_fail(b, QC_FORMAT, "pool size %d, stride %d", spec.size[i], spec.stride[i]);
    }
    if (spec.channels_first) x = qc_lower_to_last(b, x);
    struct window w = {spec.kind, spec.padding == QC_PADDING_SAME, {r == 1 ? 1 : spec.size[0], spec.size[r - 1]},
                       {r == 1 ? 1 : spec.stride[0], spec.stride[r - 1]}};
    if (r == 3) x = x ? pool_3d(b, x, &spec) : NULL;
    else if (r == 2) x = pool_2d(b, x, &w);
    else x = qc_lower_squeeze(b, pool_2d(b, qc_lower_expand(b, x, 1), &w), 1);
    return spec.channels_first ? qc_lower_to_first(b, x) : x;
}

struct qc_tensor *qc_lower_global_pool(struct qc_build *b, struct qc_tensor *x, enum qc_pool_kind kind, bool channels_first,
                                       bool keep_dims, struct qc_tensor *mask)
{
    int32_t axes[QC_MAX_RANK];
    if (!x || qc_build_status(b)) return NULL;
    int count = x->rank - 2;
    if (count < 1) return qc_lower_fail(b, QC_FORMAT, "global pooling of an input of rank %d", x->rank);
    for (int i = 0; i < count; i++) axes[i] = i + (channels_first ? 2 : 1);
    if (!mask || kind == QC_POOL_MAX) return qc_lower_reduce(b, kind == QC_POOL_MAX ? OP(REDUCE_MAX) : OP(MEAN), x, count, axes, keep_dims);
    mask = qc_lower_expand(b, qc_lower_cast(b, mask, QC_FLOAT32), channels_first ? 1 : 2);
    struct qc_tensor *sum = qc_lower_reduce(b, OP(SUM), qc_build_binary(b, OP(MUL), x, mask), count, axes, keep_dims);
    return qc_build_binary(b, OP(DIV), sum, qc_lower_reduce(b, OP(SUM), mask, count, axes, keep_dims));
}

/* One axis in `bins` bins, each reduced by itself. */
static struct qc_tensor *adapt_axis(struct qc_build *b, struct qc_tensor *x, enum qc_pool_kind kind, int32_t axis, int32_t bins)
{
    int code = kind == QC_POOL_MAX ? OP(REDUCE_MAX) : OP(MEAN);
    if (!x) return NULL;
    if (bins == 1) return qc_lower_reduce(b, code, x, 1, &axis, true);
    if (qc_lower_is_free(b, x, axis)) return qc_lower_fail(b, QC_UNSUPPORTED, "adaptive pooling of a dimension of unknown size");
    int64_t size = x->dims[axis];
    if (bins < 1 || bins > size * 64) return qc_lower_fail(b, QC_FORMAT, "adaptive pooling of %d elements into %d", (int)size, bins);
    if (bins == size) return x;
    struct qc_tensor **part = qc_arena_array(&b->graph->model->arena, (size_t)bins, sizeof *part);
    if (!part) return NULL;
    for (int64_t i = 0; i < bins; i++) {
        int32_t begin = (int32_t)(i * size / bins), end = (int32_t)(((i + 1) * size + bins - 1) / bins);
        part[i] = qc_lower_slice(b, x, axis, begin, end);
        if (end - begin > 1) part[i] = qc_lower_reduce(b, code, part[i], 1, &axis, true);
    }
    return qc_lower_concat(b, bins, part, axis);
}

struct qc_tensor *qc_lower_adaptive_pool(struct qc_build *b, struct qc_tensor *x, enum qc_pool_kind kind, bool channels_first,
                                         const int32_t *output_size)
{
    if (!x || qc_build_status(b)) return NULL;
    for (int i = 0, rank = x->rank - 2; i < rank; i++) x = adapt_axis(b, x, kind, i + (channels_first ? 2 : 1), output_size[i]);
    return x;
}
