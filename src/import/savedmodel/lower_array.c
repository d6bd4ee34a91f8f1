/*
 * lower_array.c - operators that shape, join, split and fill. See graph.h.
 */
#include "import/savedmodel/match.h"

#include <string.h>

#define FAILED(s) ((s)->im->env->error.status)

static void fixed(struct qc_tf_number *number, int64_t value)
{
    *number = (struct qc_tf_number){value, value};
}

/* ---- reshaping ---- */

/* Dense on more than two dimensions is written RESHAPE, FULLY_CONNECTED, RESHAPE: one FULLY_CONNECTED that keeps the dimensions. */
static struct qc_tensor *dense_of_rank(struct qc_tf_step *s, struct qc_tensor *x, int rank, const struct qc_tf_number *size)
{
    struct qc_node *dense = qc_tf_made_by(x, tfl_BuiltinOperator_FULLY_CONNECTED);
    struct qc_node *flat = dense ? qc_tf_made_by(dense->in[0], tfl_BuiltinOperator_RESHAPE) : NULL;
    struct qc_tf_number of[QC_MAX_RANK];
    if (!flat || flat->in[0]->rank != rank || rank < 3) return NULL;
    struct qc_tensor *source = flat->in[0];
    qc_tf_sizes(s->im, source, of);
    for (int i = 0; i + 1 < rank; i++)
        if (of[i].value != size[i].value || of[i].other != size[i].other) return NULL;
    if (source->dims[rank - 1] != dense->in[0]->dims[1]) return NULL;
    QC_OPTIONS(s->b, FullyConnectedOptions, options);
    if (!options) return NULL;
    options->keep_num_dims = true;
    return QC_BUILD(s->b, FULLY_CONNECTED, options, source, dense->in[1], dense->in_count > 2 && dense->in[2] ? dense->in[2] : qc_none());
}

/* Replaces the one -1 of a target by what is left for it. */
static bool resolve_rest(struct qc_tf_import *im, const struct qc_tensor *x, int rank, struct qc_tf_number *size)
{
    struct qc_tf_number of[QC_MAX_RANK], total = {1, 1}, rest = {1, 1};
    int at = -1;
    qc_tf_sizes(im, x, of);
    for (int i = 0; i < x->rank; i++) total.value *= of[i].value, total.other *= of[i].other;
    for (int i = 0; i < rank; i++) {
        if (size[i].value == -1 && size[i].other == -1) {
            if (at >= 0) return false;
            at = i;
        } else if (__builtin_mul_overflow(rest.value, size[i].value, &rest.value) || __builtin_mul_overflow(rest.other, size[i].other, &rest.other))
            return false;
    }
    if (at < 0) return rest.value == total.value;
    if (rest.value <= 0 || rest.other <= 0 || total.value % rest.value || total.other % rest.other) return !total.value && rest.value > 0;
    size[at] = (struct qc_tf_number){total.value / rest.value, total.other / rest.other};
    return true;
}

static qc_status lower_reshape(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_any_tensor(s, 0), *shape = qc_tf_any_tensor(s, 1);
    struct qc_tf_number size[QC_MAX_RANK];
    if (!x || !shape) return FAILED(s);
    int rank = shape->has_shape && shape->rank == 1 && !shape->dims[0] ? 0 : qc_tf_numbers(s->im, shape, QC_MAX_RANK, size);
    if (rank < 0 || !x->has_shape) return qc_tf_return(s, QC_BUILD(s->b, RESHAPE, NULL, x, qc_tf_int32(s, 1)));
    if (!resolve_rest(s->im, x, rank, size)) return qc_tf_fail(s, QC_FORMAT, "the elements of its input do not fit its target shape");
    struct qc_tensor *dense = dense_of_rank(s, x, rank, size);
    return qc_tf_return(s, dense ? dense : qc_tf_reshape(s, x, rank, size, shape));
}

static qc_status lower_expand_dims(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0);
    struct qc_tf_number size[QC_MAX_RANK + 1];
    int axis = x ? qc_tf_axis(s, 1, x->rank + 1) : -1;
    if (axis < 0) return FAILED(s);
    if (x->rank == QC_MAX_RANK) return qc_tf_unsupported(s, "makes more than %d dimensions", QC_MAX_RANK);
    qc_tf_sizes(s->im, x, size);
    memmove(&size[axis + 1], &size[axis], (size_t)(x->rank - axis) * sizeof *size);
    fixed(&size[axis], 1);
    return qc_tf_return(s, qc_tf_reshape(s, x, x->rank + 1, size, NULL));
}

static qc_status squeeze_unknown(struct qc_tf_step *s, struct qc_tensor *x, int count, const int64_t *axes)
{
    QC_OPTIONS(s->b, SqueezeOptions, options);
    int32_t *dims = qc_arena_array(&s->im->model->arena, QC_MAX_RANK, sizeof *dims);
    if (!options || !dims) return QC_NOMEM;
    for (int i = 0; i < count; i++) dims[i] = (int32_t)axes[i];
    options->squeeze_dims.data = dims;
    options->squeeze_dims.count = (uint32_t)QC_MAX(count, 0);
    return qc_tf_return(s, QC_BUILD(s->b, SQUEEZE, options, x));
}

static qc_status lower_squeeze(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_any_tensor(s, 0);
    struct qc_tf_number size[QC_MAX_RANK];
    int64_t axes[QC_MAX_RANK];
    bool drop[QC_MAX_RANK] = {false};
    if (!x) return FAILED(s);
    int count = qc_tf_attr_ints(s->node, "squeeze_dims", axes, QC_MAX_RANK), rank = 0;
    if (count < 0) count = qc_tf_attr_ints(s->node, "axis", axes, QC_MAX_RANK);
    if (count > QC_MAX_RANK) return qc_tf_fail(s, QC_FORMAT, "names %d axes", count);
    if (!x->has_shape) return squeeze_unknown(s, x, count, axes);
    qc_tf_sizes(s->im, x, size);
    for (int i = 0; i < count; i++) {
        int axis = qc_axis(axes[i], x->rank);
        if (axis < 0 || x->dims[axis] != 1) return qc_tf_fail(s, QC_FORMAT, "axis %lld is not of size 1", (long long)axes[i]);
        drop[axis] = true;
    }
    for (int i = 0; i < x->rank; i++) {
        if (count <= 0) drop[i] = size[i].value == 1 && size[i].other == 1;
        if (!drop[i]) size[rank++] = size[i];
    }
    return qc_tf_return(s, qc_tf_reshape(s, x, rank, size, NULL));
}

/* Two transposes that undo each other are none. */
static qc_status lower_transpose(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *permutation = qc_tf_tensor(s, 1);
    int64_t axes[QC_MAX_RANK], before[QC_MAX_RANK];
    int32_t narrow[QC_MAX_RANK];
    bool seen[QC_MAX_RANK] = {false}, undone = true;
    if (!x || !permutation) return FAILED(s);
    if (qc_tf_ints(s->im, permutation, QC_MAX_RANK, axes) != x->rank) return qc_tf_unsupported(s, "has an order of axes that depends on data");
    struct qc_node *other = qc_tf_made_by(x, tfl_BuiltinOperator_TRANSPOSE);
    if (!other || qc_tf_ints(s->im, other->in[1], QC_MAX_RANK, before) != x->rank) undone = false;
    for (int i = 0; i < x->rank; i++) {
        int axis = qc_axis(axes[i], x->rank);
        if (axis < 0 || seen[axis]) return qc_tf_fail(s, QC_FORMAT, "its order of axes is no permutation");
        seen[axis] = true;
        narrow[i] = (int32_t)axis;
        if (undone) undone = before[axis] == i;
    }
    return qc_tf_return(s, undone ? other->in[0] : qc_lower_transpose(s->b, x, narrow));
}

/* ---- joining and splitting ---- */

static qc_status join(struct qc_tf_step *s, int first, int count, int axis_input)
{
    struct qc_tensor **part = qc_arena_array(s->im->scratch, (size_t)count, sizeof *part);
    int kept = 0;
    if (!part) return QC_NOMEM;
    for (int i = 0; i < count; i++) {
        struct qc_tensor *x = qc_tf_tensor(s, first + i);
        if (!x) return FAILED(s);
        bool empty = x->has_shape && x->constant && !qc_tensor_elements(x);
        if (!empty || (i + 1 == count && !kept)) part[kept++] = x;
    }
    int axis = qc_tf_axis(s, axis_input, part[0]->rank);
    if (axis < 0) return FAILED(s);
    return qc_tf_return(s, kept == 1 ? part[0] : qc_lower_concat(s->b, kept, part, axis));
}

static qc_status lower_concat(struct qc_tf_step *s)
{
    bool old = pb_equal(s->node->op, "Concat"); /* TF1: the axis comes first */
    return join(s, old, s->in_count - 1, old ? 0 : s->in_count - 1);
}

static qc_status lower_pack(struct qc_tf_step *s)
{
    struct qc_tensor **part = qc_arena_array(s->im->scratch, (size_t)s->in_count, sizeof *part);
    QC_OPTIONS(s->b, PackOptions, options);
    if (!part || !options) return QC_NOMEM;
    for (int i = 0; i < s->in_count; i++)
        if (!(part[i] = qc_tf_tensor(s, i))) return FAILED(s);
    options->values_count = s->in_count;
    int axis = qc_axis(qc_tf_attr_int(s->node, "axis", 0), part[0]->rank + 1);
    if (axis < 0) return qc_tf_fail(s, QC_FORMAT, "its axis does not fit rank %d", part[0]->rank);
    options->axis = axis;
    return qc_tf_return(s, qc_build_op(s->b, tfl_BuiltinOperator_PACK, options, s->in_count, part));
}

static qc_status return_list(struct qc_tf_step *s, int code, const void *options, int in_count, struct qc_tensor *const *in, int64_t count)
{
    if (count < 1 || count > 65536) return qc_tf_fail(s, QC_FORMAT, "makes %lld parts", (long long)count);
    struct qc_tensor **out = qc_arena_array(s->im->scratch, (size_t)count, sizeof *out);
    if (!out) return QC_NOMEM;
    QC_TRY(qc_build_ops(s->b, code, options, in_count, in, (int)count, out));
    return qc_tf_return_all(s, (int)count, out);
}

static qc_status lower_unpack(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0);
    QC_OPTIONS(s->b, UnpackOptions, options);
    if (!x || !options) return FAILED(s);
    int axis = qc_axis(qc_tf_attr_int(s->node, "axis", 0), x->rank);
    int64_t count = qc_tf_attr_int(s->node, "num", 0);
    if (axis < 0 || x->dims[axis] != count) return qc_tf_fail(s, QC_FORMAT, "%lld parts do not fit its input", (long long)count);
    options->axis = axis;
    options->num = (int32_t)count;
    return return_list(s, tfl_BuiltinOperator_UNPACK, options, 1, &x, count);
}

static qc_status lower_split(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 1), *in[2];
    QC_OPTIONS(s->b, SplitOptions, options);
    int axis = x && options ? qc_tf_axis(s, 0, x->rank) : -1;
    if (axis < 0) return FAILED(s);
    int64_t count = qc_tf_attr_int(s->node, "num_split", 0);
    if (count == 1) return qc_tf_return(s, x);
    options->num_splits = (int32_t)QC_MIN(count, INT32_MAX);
    in[0] = qc_build_i32(s->b, axis);
    in[1] = x;
    return return_list(s, tfl_BuiltinOperator_SPLIT, options, 2, in, count);
}

static qc_status lower_split_v(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *in[3];
    QC_OPTIONS(s->b, SplitVOptions, options);
    int axis = x && options ? qc_tf_axis(s, 2, x->rank) : -1;
    if (axis < 0) return FAILED(s);
    int64_t count = qc_tf_attr_int(s->node, "num_split", 0);
    if (count == 1) return qc_tf_return(s, x);
    options->num_splits = (int32_t)QC_MIN(count, INT32_MAX);
    in[0] = x;
    in[1] = qc_tf_int32(s, 1);
    in[2] = qc_build_i32(s->b, axis);
    return return_list(s, tfl_BuiltinOperator_SPLIT_V, options, 3, in, count);
}

/* ---- filling ---- */

static qc_status lower_tile(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *multiples = qc_tf_tensor(s, 1);
    int64_t times[QC_MAX_RANK];
    if (!x || !multiples) return FAILED(s);
    int count = qc_tf_ints(s->im, multiples, QC_MAX_RANK, times), ones = 0;
    for (int i = 0; i < count; i++) ones += times[i] == 1;
    if (count == x->rank && ones == count) return qc_tf_return(s, x);
    return qc_tf_return(s, QC_BUILD(s->b, TILE, NULL, x, qc_tf_int32(s, 1)));
}

static qc_status lower_broadcast_to(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *shape = qc_tf_tensor(s, 1);
    struct qc_tf_number size[QC_MAX_RANK], of[QC_MAX_RANK];
    if (!x || !shape) return FAILED(s);
    int rank = qc_tf_numbers(s->im, shape, QC_MAX_RANK, size);
    bool same = rank == x->rank && x->has_shape;
    if (same) qc_tf_sizes(s->im, x, of);
    for (int i = 0; i < rank && same; i++) same = of[i].value == size[i].value && of[i].other == size[i].other;
    return qc_tf_return(s, same ? x : QC_BUILD(s->b, BROADCAST_TO, NULL, x, qc_tf_int32(s, 1)));
}

static qc_status lower_fill(struct qc_tf_step *s)
{
    return qc_tf_return(s, QC_BUILD(s->b, FILL, NULL, qc_tf_int32(s, 0), qc_tf_tensor(s, 1)));
}

/* ZerosLike, OnesLike. */
static qc_status lower_like(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0);
    int32_t nothing[2] = {s->op->detail, 0}; /* int64 1 or 0 in little-endian order serves every integer type */
    float real = (float)s->op->detail;
    if (!x) return FAILED(s);
    if (x->type != QC_FLOAT32 && !qc_dtype_is_integer(x->type) && x->type != QC_BOOL)
        return qc_tf_unsupported(s, "of %s has no TFLite form", qc_dtype_name(x->type));
    struct qc_tensor *value = qc_build_constant(s->b, "like", x->type, 0, NULL, x->type == QC_FLOAT32 ? (const void *)&real : nothing);
    return qc_tf_return(s, QC_BUILD(s->b, FILL, NULL, qc_tf_shape_of(s->b, x, QC_INT32), value));
}

static qc_status lower_range(struct qc_tf_step *s)
{
    return qc_tf_return(s, QC_BUILD(s->b, RANGE, NULL, qc_tf_tensor(s, 0), qc_tf_tensor(s, 1), qc_tf_tensor(s, 2)));
}

/* ---- sizes ---- */

static struct qc_tensor *shape_of(struct qc_tf_step *s, struct qc_tensor *x)
{
    qc_dtype type = QC_INT32;
    qc_tf_type(s, "out_type", QC_TF_INT32, &type);
    return qc_tf_shape_of(s->b, x, type);
}

static qc_status lower_shape(struct qc_tf_step *s)
{
    return qc_tf_return(s, shape_of(s, qc_tf_tensor(s, 0)));
}

static qc_status lower_shape_n(struct qc_tf_step *s)
{
    QC_TRY(qc_tf_outputs(s, s->in_count));
    for (int i = 0; i < s->in_count; i++) {
        struct qc_tensor *shape = shape_of(s, qc_tf_tensor(s, i));
        if (!shape) return FAILED(s);
        s->out[i] = (struct qc_tf_value){.kind = QC_TF_TENSOR, .tensor = shape};
    }
    return QC_OK;
}

static qc_status lower_rank(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0);
    if (!x) return FAILED(s);
    return qc_tf_return(s, qc_build_i32(s->b, x->rank));
}

static qc_status lower_size(struct qc_tf_step *s)
{
    struct qc_tensor *shape = shape_of(s, qc_tf_tensor(s, 0));
    return qc_tf_return(s, qc_lower_reduce(s->b, tfl_BuiltinOperator_REDUCE_PROD, shape, 1, (int32_t[]){0}, false));
}

/* ---- padding ---- */

static qc_status lower_pad(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *amount = qc_tf_tensor(s, 1), *narrow;
    int64_t value[2 * QC_MAX_RANK];
    int32_t pad[2 * QC_MAX_RANK];
    if (!x || !amount) return FAILED(s);
    int count = qc_tf_ints(s->im, amount, 2 * QC_MAX_RANK, value), zeros = 0;
    for (int i = 0; i < count; i++) {
        if (value[i] < 0 || value[i] > INT32_MAX) return qc_tf_fail(s, QC_FORMAT, "pads by %lld", (long long)value[i]);
        pad[i] = (int32_t)value[i];
        zeros += !pad[i];
    }
    if (count == 2 * x->rank && zeros == count) return qc_tf_return(s, x);
    narrow = count > 0 ? qc_build_constant(s->b, "paddings", QC_INT32, 2, (int32_t[]){count / 2, 2}, pad) : qc_lower_cast(s->b, amount, QC_INT32);
    if (s->op->code == tfl_BuiltinOperator_PADV2) return qc_tf_return(s, QC_BUILD(s->b, PADV2, NULL, x, narrow, qc_tf_tensor(s, 2)));
    if (s->op->code == tfl_BuiltinOperator_PAD) return qc_tf_return(s, QC_BUILD(s->b, PAD, NULL, x, narrow));
    QC_OPTIONS(s->b, MirrorPadOptions, options);
    if (!options) return QC_NOMEM;
    options->mode = pb_equal(qc_tf_attr_string(s->node, "mode"), "SYMMETRIC") ? tfl_MirrorPadMode_SYMMETRIC : tfl_MirrorPadMode_REFLECT;
    return qc_tf_return(s, QC_BUILD(s->b, MIRROR_PAD, options, x, narrow));
}

const struct qc_tf_op qc_tf_array_ops[] = {
    {"Reshape", lower_reshape, 2, 2, 0, 0},
    {"ExpandDims", lower_expand_dims, 2, 2, 0, 0},
    {"Squeeze", lower_squeeze, 1, 1, 0, 0},
    {"Transpose", lower_transpose, 2, 2, 0, 0},
    {"ConcatV2", lower_concat, 2, -1, 0, 0},
    {"Concat", lower_concat, 2, -1, 0, 0},
    {"Pack", lower_pack, 1, -1, 0, 0},
    {"Unpack", lower_unpack, 1, 1, 0, 0},
    {"Split", lower_split, 2, 2, 0, 0},
    {"SplitV", lower_split_v, 3, 3, 0, 0},
    {"Tile", lower_tile, 2, 2, 0, 0},
    {"BroadcastTo", lower_broadcast_to, 2, 2, 0, 0},
    {"BroadcastArgs", NULL, 2, 2, tfl_BuiltinOperator_BROADCAST_ARGS, 0},
    {"Fill", lower_fill, 2, 2, 0, 0},
    {"ZerosLike", lower_like, 1, 1, 0, 0},
    {"OnesLike", lower_like, 1, 1, 0, 1},
    {"Range", lower_range, 3, 3, 0, 0},
    {"Shape", lower_shape, 1, 1, 0, 0},
    {"ShapeN", lower_shape_n, 1, -1, 0, 0},
    {"Rank", lower_rank, 1, 1, 0, 0},
    {"Size", lower_size, 1, 1, 0, 0},
    {"Pad", lower_pad, 2, 2, tfl_BuiltinOperator_PAD, 0},
    {"PadV2", lower_pad, 3, 3, tfl_BuiltinOperator_PADV2, 0},
    {"MirrorPad", lower_pad, 2, 2, tfl_BuiltinOperator_MIRROR_PAD, 0},
    {NULL, NULL, 0, 0, 0, 0},
};
