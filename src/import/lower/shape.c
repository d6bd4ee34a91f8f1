/*
 * shape.c - reshape, slice, reduce and the like when some dimensions are free. See shape.h.
 */
#include "import/lower/shape.h"

#include "import/lower/batch.h"
#include "import/lower/weight.h"

#include <string.h>

bool qc_lower_is_free(struct qc_build *b, const struct qc_tensor *x, int axis)
{
    return qc_import_is_free(b->graph, x, axis);
}

/* Says what the operator's own inference cannot know yet, as its operand is computed from SHAPE. */
static struct qc_tensor *with_shape(struct qc_tensor *x, int rank, const int32_t *dims)
{
    if (!x || x->has_shape) return x;
    x->has_shape = true;
    x->rank = (uint8_t)rank;
    memcpy(x->dims, dims, (size_t)rank * sizeof *dims);
    memcpy(x->signature, dims, (size_t)rank * sizeof *dims);
    return x;
}

/* The int32 vector of dims, where from[i] >= 0 is the free axis of x that dims[i] is the size of. */
static struct qc_tensor *computed_dims(struct qc_build *b, struct qc_tensor *x, int rank, const int32_t *dims, const int *from)
{
    struct qc_tensor *part[QC_MAX_RANK];
    for (int i = 0; i < rank; i++) part[i] = from[i] < 0 ? qc_build_i32(b, dims[i]) : qc_lower_size(b, x, from[i]);
    QC_OPTIONS(b, PackOptions, options);
    if (!options) return NULL;
    options->values_count = rank;
    return qc_build_op(b, tfl_BuiltinOperator_PACK, options, rank, part);
}

struct qc_tensor *qc_lower_reshape(struct qc_build *b, struct qc_tensor *x, int rank, const int32_t *dims)
{
    int32_t target[QC_MAX_RANK], actual[QC_MAX_RANK];
    int from[QC_MAX_RANK], rest = -1, free_count = 0, last_free = -1;
    bool kept[QC_MAX_RANK] = {false}, rest_free = false, same;
    size_t known = 1, total;
    if (!x || qc_build_status(b)) return NULL;
    total = qc_tensor_elements(x);
    same = rank == x->rank;
    for (int i = 0; i < rank; i++) {
        bool keep = dims[i] < INT32_MIN + QC_MAX_RANK;
        int axis = keep ? dims[i] - INT32_MIN : -1;
        from[i] = keep && qc_lower_is_free(b, x, axis) ? axis : -1;
        target[i] = actual[i] = keep ? x->dims[axis] : dims[i];
        if (keep) kept[axis] = true;
        if (from[i] >= 0) last_free = i, free_count++;
        if (target[i] < 0) rest = i;
        else known *= (size_t)target[i];
        same &= keep ? axis == i : dims[i] == x->dims[i] && !qc_lower_is_free(b, x, i);
    }
    if (same) return x;
    if (rest >= 0) {
        if (!known || total % known)
            return qc_lower_fail(b, QC_FORMAT, "%zu elements cannot be given a shape with %zu in its other dimensions", total, known);
        actual[rest] = (int32_t)(total / known);
        for (int i = 0; i < x->rank; i++) rest_free |= !kept[i] && qc_lower_is_free(b, x, i);
        if (!rest_free) target[rest] = actual[rest]; /* a constant after all */
        else if (!free_count) last_free = rest;
    }
    if (free_count + rest_free > 1) return with_shape(QC_BUILD(b, RESHAPE, NULL, x, computed_dims(b, x, rank, target, from)), rank, actual);
    if (last_free >= 0) target[last_free] = -1;
    return qc_build_reshape(b, x, rank, target);
}

static int free_axes(struct qc_build *b, const struct qc_tensor *x)
{
    int count = 0;
    for (int i = 0; i < x->rank; i++) count += qc_lower_is_free(b, x, i);
    return count;
}

struct qc_tensor *qc_lower_expand(struct qc_build *b, struct qc_tensor *x, int axis)
{
    int32_t dims[QC_MAX_RANK];
    if (!x) return NULL;
    if (x->rank >= QC_MAX_RANK) return qc_lower_fail(b, QC_UNSUPPORTED, "more than %d dimensions", QC_MAX_RANK);
    if (free_axes(b, x) > 1) return QC_BUILD(b, EXPAND_DIMS, NULL, x, qc_build_i32(b, axis)); /* one RESHAPE could not say it */
    for (int i = 0; i <= x->rank; i++) dims[i] = i == axis ? 1 : QC_KEEP(i < axis ? i : i - 1);
    return qc_lower_reshape(b, x, x->rank + 1, dims);
}

struct qc_tensor *qc_lower_squeeze(struct qc_build *b, struct qc_tensor *x, int axis)
{
    int32_t dims[QC_MAX_RANK];
    if (!x) return NULL;
    if (free_axes(b, x) > 1) return qc_lower_pick(b, x, axis, 0);
    for (int i = 0; i < x->rank - 1; i++) dims[i] = QC_KEEP(i < axis ? i : i + 1);
    return qc_lower_reshape(b, x, x->rank - 1, dims);
}

struct qc_tensor *qc_lower_merge(struct qc_build *b, struct qc_tensor *x, int from, int to)
{
    int32_t dims[QC_MAX_RANK];
    int rank = 0;
    if (!x) return NULL;
    for (int i = 0; i < from; i++) dims[rank++] = QC_KEEP(i);
    dims[rank++] = -1;
    for (int i = to; i < x->rank; i++) dims[rank++] = QC_KEEP(i);
    return qc_lower_reshape(b, x, rank, dims);
}

struct qc_tensor *qc_lower_transpose(struct qc_build *b, struct qc_tensor *x, const int32_t *permutation)
{
    int32_t dims[QC_MAX_RANK];
    bool moved = false, needed = false;
    if (!x) return NULL;
    for (int i = 0, last = -1; i < x->rank; i++) {
        int axis = permutation[i];
        moved |= axis != i;
        dims[i] = QC_KEEP(axis);
        if (x->dims[axis] == 1 && !qc_lower_is_free(b, x, axis)) continue;
        needed |= axis < last; /* two axes that matter change their order */
        last = axis;
    }
    if (!moved) return x;
    return needed ? qc_build_transpose(b, x, permutation) : qc_lower_reshape(b, x, x->rank, dims);
}

struct qc_tensor *qc_lower_slice(struct qc_build *b, struct qc_tensor *x, int axis, int32_t begin, int32_t end)
{
    int32_t from[QC_MAX_RANK] = {0}, to[QC_MAX_RANK] = {0}, step[QC_MAX_RANK];
    if (!x) return NULL;
    if (axis < 0) axis += x->rank;
    if (begin == 0 && end == INT32_MAX) return x;
    if (begin == 0 && end == x->dims[axis] && !qc_lower_is_free(b, x, axis)) return x;
    QC_OPTIONS(b, StridedSliceOptions, options);
    if (!options) return NULL;
    for (int i = 0; i < x->rank; i++) step[i] = 1;
    from[axis] = begin;
    to[axis] = end == INT32_MAX ? 0 : end;
    int all = (1 << x->rank) - 1, one = 1 << axis;
    options->begin_mask = begin == 0 ? all : all & ~one;
    options->end_mask = end == INT32_MAX ? all : all & ~one;
    return QC_BUILD(b, STRIDED_SLICE, options, x, qc_build_i32s(b, x->rank, from), qc_build_i32s(b, x->rank, to),
                    qc_build_i32s(b, x->rank, step));
}

struct qc_tensor *qc_lower_pick(struct qc_build *b, struct qc_tensor *x, int axis, int32_t index)
{
    int32_t from[QC_MAX_RANK] = {0}, to[QC_MAX_RANK] = {0}, step[QC_MAX_RANK];
    if (!x) return NULL;
    if (axis < 0) axis += x->rank;
    QC_OPTIONS(b, StridedSliceOptions, options);
    if (!options) return NULL;
    for (int i = 0; i < x->rank; i++) step[i] = 1;
    from[axis] = index;
    to[axis] = index + 1; /* 0 after -1: not read, as the axis is shrunk */
    options->begin_mask = options->end_mask = ((1 << x->rank) - 1) & ~(1 << axis);
    options->shrink_axis_mask = 1 << axis;
    return QC_BUILD(b, STRIDED_SLICE, options, x, qc_build_i32s(b, x->rank, from), qc_build_i32s(b, x->rank, to),
                    qc_build_i32s(b, x->rank, step));
}

struct qc_tensor *qc_lower_shape(struct qc_build *b, struct qc_tensor *x)
{
    QC_OPTIONS(b, ShapeOptions, options);
    if (!options) return NULL;
    options->out_type = tfl_TensorType_INT32;
    return QC_BUILD(b, SHAPE, options, x);
}

struct qc_tensor *qc_lower_size(struct qc_build *b, struct qc_tensor *x, int axis)
{
    if (!x) return NULL;
    if (axis < 0) axis += x->rank;
    if (!qc_lower_is_free(b, x, axis)) return qc_build_i32(b, x->dims[axis]);
    return qc_lower_pick(b, qc_lower_shape(b, x), 0, axis);
}

struct qc_tensor *qc_lower_reduce(struct qc_build *b, int code, struct qc_tensor *x, int count, const int32_t *axes, bool keep_dims)
{
    int32_t positive[QC_MAX_RANK];
    if (!x || !count) return x;
    QC_OPTIONS(b, ReducerOptions, options);
    if (!options) return NULL;
    for (int i = 0; i < count; i++) positive[i] = axes[i] < 0 ? axes[i] + x->rank : axes[i];
    options->keep_dims = keep_dims;
    return qc_build_op(b, code, options, 2, (struct qc_tensor *[]){x, qc_build_i32s(b, count, positive)});
}

struct qc_tensor *qc_lower_cast(struct qc_build *b, struct qc_tensor *x, qc_dtype type)
{
    if (!x || x->type == type) return x;
    QC_OPTIONS(b, CastOptions, options);
    if (!options) return NULL;
    options->in_data_type = (tfl_i8)x->type;
    options->out_data_type = (tfl_i8)type;
    return QC_BUILD(b, CAST, options, x);
}

struct qc_tensor *qc_lower_concat(struct qc_build *b, int count, struct qc_tensor *const *x, int axis)
{
    if (count == 1) return x[0];
    QC_OPTIONS(b, ConcatenationOptions, options);
    if (!options || !x[0]) return NULL;
    options->axis = axis < 0 ? axis + x[0]->rank : axis;
    return qc_build_op(b, tfl_BuiltinOperator_CONCATENATION, options, count, x);
}

struct qc_tensor *qc_lower_select(struct qc_build *b, struct qc_tensor *condition, struct qc_tensor *x, struct qc_tensor *y)
{
    return QC_BUILD(b, SELECT_V2, NULL, condition, x, y);
}
