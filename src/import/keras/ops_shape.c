/*
 * ops_shape.c - operations that reshape, select, join, split, repeat or pad.
 */
#include "import/keras/operation.h"
#include "import/lower/move.h"

#include <string.h>

#define OP(name) tfl_BuiltinOperator_##name

/* ---- shapes as arguments: numbers, or numbers and tensors that hold one ---- */

/* Is any element of the list a tensor? */
static bool has_tensor(struct qc_keras_call *call, const struct qc_json *list)
{
    struct qc_keras_value value;
    bool found = qc_keras_resolve(call, list, &value);
    for (size_t i = 0; !found && qc_json_is_array(list) && i < qc_json_count(list); i++) found = qc_keras_resolve(call, qc_json_at(list, i), &value);
    return found;
}

/* The list as one int32 vector. */
static struct qc_tensor *shape_tensor(struct qc_keras_call *call, const struct qc_json *list)
{
    struct qc_keras_value value;
    struct qc_tensor *part[QC_MAX_RANK];
    size_t count = qc_json_count(list);
    if (qc_keras_resolve(call, list, &value)) return qc_lower_cast(call->b, value.tensor, QC_INT32);
    if (!qc_json_is_array(list) || !count || count > QC_MAX_RANK) {
        qc_keras_fail(call, QC_UNSUPPORTED, "its shape is no list of 1 to %d dimensions", QC_MAX_RANK);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        struct qc_tensor *one = qc_keras_op_value(call, qc_json_at(list, i), NULL);
        part[i] = one ? qc_lower_reshape(call->b, qc_lower_cast(call->b, one, QC_INT32), 1, (int32_t[]){1}) : NULL;
        if (!part[i]) return NULL;
    }
    return qc_lower_concat(call->b, (int)count, part, 0);
}

static void reshape(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, false);
    const struct qc_json *shape = qc_keras_plain(qc_keras_op_json(call, 1, "newshape shape"));
    int32_t dims[QC_MAX_RANK];
    (void)code;
    if (!x || !shape) return;
    if (!has_tensor(call, shape)) {
        int rank = qc_keras_ints_of(call, "shape", shape, 0, dims, -1, INT32_MAX);
        if (!qc_keras_failed(call)) qc_keras_return(call, qc_lower_reshape(call->b, x, rank, dims));
        return;
    }
    size_t count = qc_json_count(shape);
    int free = -1;
    struct qc_keras_value value;
    for (size_t i = 0; i < count && i < QC_MAX_RANK; i++) { /* one computed size is the one that the others leave */
        int64_t size = -1;
        if (!qc_json_int(qc_json_at(shape, i), &size)) free = free == -1 && qc_keras_resolve(call, qc_json_at(shape, i), &value) ? (int)i : -2;
        else if (size < 0) free = -2;
        dims[i] = (int32_t)QC_MIN(size, INT32_MAX);
    }
    if (free >= 0 && count <= QC_MAX_RANK) qc_keras_return(call, qc_lower_reshape(call->b, x, (int)count, dims));
    else qc_keras_return(call, QC_BUILD(call->b, RESHAPE, NULL, x, shape_tensor(call, shape)));
}

static void ravel(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, false);
    (void)code;
    qc_keras_return(call, x ? qc_lower_reshape(call->b, x, 1, (int32_t[]){-1}) : NULL);
}

static void shape_of(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, false);
    (void)code;
    qc_keras_return(call, x ? qc_lower_shape(call->b, x) : NULL);
}

/* An axis of size 1 at every place in `at` (of the result). */
static struct qc_tensor *with_axes(struct qc_keras_call *call, struct qc_tensor *x, int rank, const bool *at)
{
    int32_t dims[QC_MAX_RANK];
    int from = 0;
    if (rank > QC_MAX_RANK) {
        qc_keras_fail(call, QC_UNSUPPORTED, "more than %d dimensions", QC_MAX_RANK);
        return NULL;
    }
    for (int i = 0; i < rank; i++) dims[i] = at[i] ? 1 : QC_KEEP(from++);
    return qc_lower_reshape(call->b, x, rank, dims);
}

static void expand_dims(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, false);
    int32_t axes[QC_MAX_RANK];
    bool at[2 * QC_MAX_RANK] = {false};
    (void)code;
    int count = x ? qc_keras_op_ints(call, 1, "axis dim", axes) : -1;
    for (int i = 0; i < count; i++) {
        int axis = qc_axis(axes[i], x->rank + count);
        if (axis < 0) qc_keras_fail(call, QC_FORMAT, "axis %d is out of range", axes[i]);
        else at[axis] = true;
    }
    if (count > 0 && !qc_keras_failed(call)) qc_keras_return(call, with_axes(call, x, x->rank + count, at));
}

static void squeeze(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, false);
    int32_t axes[QC_MAX_RANK], dims[QC_MAX_RANK];
    bool drop[QC_MAX_RANK] = {false};
    int rank = 0;
    (void)code;
    if (!x) return;
    bool all = !qc_keras_op_json(call, 1, "axis squeeze_dims");
    int count = qc_keras_op_axes(call, 1, "axis squeeze_dims", x->rank, axes);
    for (int i = 0; i < count; i++) {
        drop[axes[i]] = x->dims[axes[i]] == 1 && !(all && qc_lower_is_free(call->b, x, axes[i]));
        if (!drop[axes[i]] && !all) qc_keras_fail(call, QC_FORMAT, "axis %d has the size %d, not 1", axes[i], x->dims[axes[i]]);
    }
    for (int i = 0; i < x->rank; i++)
        if (!drop[i]) dims[rank++] = QC_KEEP(i);
    qc_keras_return(call, qc_lower_reshape(call->b, x, rank, dims));
}

/* ---- order of axes ---- */

static void transpose(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, false);
    int32_t order[QC_MAX_RANK];
    (void)code;
    if (!x) return;
    int count = qc_keras_op_ints(call, 1, "axes perm", order);
    for (int i = 0; count < 0 && i < x->rank; i++) order[i] = x->rank - 1 - i;
    unsigned seen = 0;
    for (int i = 0; i < x->rank && (count < 0 || i < count); i++) {
        order[i] = qc_axis(order[i], x->rank);
        seen |= order[i] < 0 ? 0 : 1U << order[i];
    }
    if ((count >= 0 && count != x->rank) || seen != (1U << x->rank) - 1) qc_keras_fail(call, QC_FORMAT, "its axes are no permutation of %d", x->rank);
    else qc_keras_return(call, qc_lower_transpose(call->b, x, order));
}

static void swap_axes(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, false);
    int32_t order[QC_MAX_RANK];
    (void)code;
    if (!x) return;
    int a = qc_keras_op_axis(call, 1, "axis1", 0, x->rank), c = qc_keras_op_axis(call, 2, "axis2", 1, x->rank);
    for (int i = 0; i < x->rank; i++) order[i] = i == a ? c : i == c ? a : i;
    qc_keras_return(call, qc_lower_transpose(call->b, x, order));
}

static void move_axis(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, false);
    int32_t from[QC_MAX_RANK], to[QC_MAX_RANK], order[QC_MAX_RANK];
    bool moved[QC_MAX_RANK] = {false};
    (void)code;
    if (!x) return;
    int count = qc_keras_op_ints(call, 1, "source", from), other = qc_keras_op_ints(call, 2, "destination", to), next = 0;
    for (int i = 0; i < x->rank; i++) order[i] = -1;
    for (int i = 0; i < count && i < other; i++) {
        int source = qc_axis(from[i], x->rank), target = qc_axis(to[i], x->rank);
        if (source < 0 || target < 0 || moved[source] || order[target] >= 0) {
            qc_keras_fail(call, QC_FORMAT, "its axes are out of range or given twice");
            return;
        }
        order[target] = source;
        moved[source] = true;
    }
    for (int i = 0; i < x->rank; i++) {
        while (order[i] < 0 && next < x->rank && moved[next]) next++;
        if (order[i] < 0) order[i] = next++;
    }
    qc_keras_return(call, qc_lower_transpose(call->b, x, order));
}

static void flip(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, false);
    int32_t axes[QC_MAX_RANK];
    if (!x) return;
    int count = code ? 1 : qc_keras_op_axes(call, 1, "axis dims", x->rank, axes);
    if (code) axes[0] = x->rank - code; /* images: left to right is axis -2, up to down -3 */
    for (int i = 0; x && i < count; i++) x = QC_BUILD(call->b, REVERSE_V2, NULL, x, qc_build_i32s(call->b, 1, &axes[i]));
    qc_keras_return(call, x);
}

static void roll(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, false);
    (void)code;
    if (!x) return;
    int axis = qc_keras_op_axis(call, 2, "axis", 0, x->rank);
    int32_t n = x->dims[axis], shift = qc_keras_op_int(call, 1, "shift", 0);
    if (!qc_keras_op_json(call, 2, "axis") || qc_lower_is_free(call->b, x, axis)) {
        qc_keras_fail(call, QC_UNSUPPORTED, "it rolls an axis that is not given or has no fixed size");
        return;
    }
    shift = n ? (int32_t)(((int64_t)shift % n + n) % n) : 0;
    if (shift)
        x = qc_lower_concat(call->b, 2, (struct qc_tensor *[]){qc_lower_slice(call->b, x, axis, n - shift, INT32_MAX), qc_lower_slice(call->b, x, axis, 0, n - shift)}, axis);
    qc_keras_return(call, x);
}

/* ---- x[...] ---- */

struct slice {
    int32_t begin[QC_MAX_RANK], end[QC_MAX_RANK], stride[QC_MAX_RANK];
    int begin_mask, end_mask, shrink_mask, axis;
    bool fresh[2 * QC_MAX_RANK]; /* axes of size 1 in the result */
    int rank;                    /* of the result */
};

static const struct qc_json *field(const struct qc_json *slice, const char *key)
{
    const struct qc_json *config = qc_json_get(slice, "config");
    return qc_json_get(config ? config : slice, key);
}

static bool add_index(struct qc_keras_call *call, struct slice *s, const struct qc_json *index, int rank)
{
    int64_t number, begin = 0, end = 0, stride = 1;
    if (qc_json_is_null(index)) {
        if (s->rank >= QC_MAX_RANK) return false;
        s->fresh[s->rank++] = true;
        return true;
    }
    if (s->axis >= rank || s->rank >= QC_MAX_RANK) return false;
    if (qc_json_int(index, &number) && number >= INT32_MIN && number < INT32_MAX) {
        s->begin[s->axis] = (int32_t)number;
        s->end[s->axis] = (int32_t)number + 1;
        if (number == -1) s->end_mask |= 1 << s->axis;
        s->stride[s->axis] = 1;
        s->shrink_mask |= 1 << s->axis++;
        return true;
    }
    if (!qc_json_is_object(index)) return false;
    if (!qc_json_int(field(index, "start"), &begin)) s->begin_mask |= 1 << s->axis;
    if (!qc_json_int(field(index, "stop"), &end)) s->end_mask |= 1 << s->axis;
    if (!qc_json_int(field(index, "step"), &stride)) stride = 1;
    if (stride == 0 || stride < INT32_MIN || stride > INT32_MAX) return false;
    s->begin[s->axis] = (int32_t)QC_MAX(INT32_MIN, QC_MIN(begin, INT32_MAX));
    s->end[s->axis] = (int32_t)QC_MAX(INT32_MIN, QC_MIN(end, INT32_MAX));
    s->stride[s->axis++] = (int32_t)stride;
    s->rank++;
    (void)call;
    return true;
}

static void keep_axes(struct slice *s, int count)
{
    for (int i = 0; i < count; i++) {
        s->begin_mask |= 1 << s->axis;
        s->end_mask |= 1 << s->axis;
        s->stride[s->axis++] = 1;
        s->rank++;
    }
}

/* "..." : {"class_name": "__ellipsis__"} in Keras 3 and 2, or the text "Ellipsis". */
static bool is_ellipsis(const struct qc_json *index)
{
    return qc_json_equal(index, "Ellipsis") || qc_json_equal(qc_json_get(index, "class_name"), "__ellipsis__");
}

static void get_item(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, false);
    const struct qc_json *key = qc_keras_plain(call->layer->kind == QC_KERAS_OPERATION ? qc_json_at(call->args, 1) : qc_json_get(call->kwargs, "slice_spec"));
    struct slice s = {.rank = 0};
    (void)code;
    if (!x) return;
    bool list = qc_json_is_array(key);
    size_t count = list ? qc_json_count(key) : 1, used = 0;
    for (size_t i = 0; i < count; i++) used += !qc_json_is_null(list ? qc_json_at(key, i) : key) && !is_ellipsis(list ? qc_json_at(key, i) : key);
    for (size_t i = 0; i < count; i++) {
        const struct qc_json *index = list ? qc_json_at(key, i) : key;
        if (is_ellipsis(index) && used <= x->rank) keep_axes(&s, x->rank - (int)used);
        else if (!add_index(call, &s, index, x->rank)) {
            if (!qc_keras_failed(call)) qc_keras_fail(call, QC_UNSUPPORTED, "index %zu is neither a whole number nor a slice, or has no axis", i);
            return;
        }
    }
    keep_axes(&s, x->rank - s.axis);
    QC_OPTIONS(call->b, StridedSliceOptions, options);
    if (!options) return;
    options->begin_mask = s.begin_mask;
    options->end_mask = s.end_mask;
    options->shrink_axis_mask = s.shrink_mask;
    struct qc_tensor *y = QC_BUILD(call->b, STRIDED_SLICE, options, x, qc_build_i32s(call->b, x->rank, s.begin), qc_build_i32s(call->b, x->rank, s.end),
                                   qc_build_i32s(call->b, x->rank, s.stride));
    bool fresh = false;
    for (int i = 0; i < s.rank; i++) fresh |= s.fresh[i];
    qc_keras_return(call, y && fresh ? with_axes(call, y, s.rank, s.fresh) : y);
}

/* TF's tf.slice and image crops: begin and size per axis. */
static void crop_images(struct qc_keras_call *call, int code)
{
    struct qc_build *b = call->b;
    struct qc_tensor *x = qc_keras_op_input(call, false);
    (void)code;
    if (!x || x->rank < 3) return;
    int h = x->rank - 3, w = x->rank - 2;
    int32_t top = qc_keras_op_int(call, 1, "top_cropping offset_height", 0), left = qc_keras_op_int(call, 2, "left_cropping offset_width", 0);
    int32_t height = qc_keras_op_int(call, 3, "target_height", -1), width = qc_keras_op_int(call, 4, "target_width", -1);
    if (height < 0) height = x->dims[h] - top - qc_keras_op_int(call, -1, "bottom_cropping", 0);
    if (width < 0) width = x->dims[w] - left - qc_keras_op_int(call, -1, "right_cropping", 0);
    if (top < 0 || left < 0 || height < 1 || width < 1 || height > x->dims[h] - top || width > x->dims[w] - left) {
        qc_keras_fail(call, QC_FORMAT, "the crop lies outside of the image");
        return;
    }
    qc_keras_return(call, qc_lower_slice(b, qc_lower_slice(b, x, h, top, top + height), w, left, left + width));
}

/* ---- gathering ---- */

static void take(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, false), *indices = qc_keras_op_tensor(call, 1, "indices");
    int32_t batch = qc_keras_op_int(call, -1, "batch_dims", 0);
    (void)code;
    if (!x || !indices) return;
    QC_OPTIONS(call->b, GatherOptions, options);
    if (!options) return;
    options->batch_dims = batch;
    options->axis = qc_keras_op_axis(call, 2, "axis", batch, x->rank);
    qc_keras_return(call, QC_BUILD(call->b, GATHER, options, x, qc_lower_cast(call->b, indices, QC_INT32)));
}

/* out[.., i, ..] = x[.., index[.., i, ..], ..]: a one-hot product where the sizes behind the axis are 1 or those of x. */
static void take_along_axis(struct qc_keras_call *call, int code)
{
    struct qc_build *b = call->b;
    struct qc_tensor *x = qc_keras_op_input(call, false), *indices = qc_keras_op_tensor(call, 1, "indices");
    int32_t order[QC_MAX_RANK];
    (void)code;
    if (!x || !indices) return;
    int axis = qc_keras_op_axis(call, 2, "axis", -1, x->rank), n = x->rank;
    if (indices->rank != n || n + 1 > QC_MAX_RANK || qc_lower_is_free(b, x, axis) || x->type != QC_FLOAT32) {
        qc_keras_fail(call, QC_UNSUPPORTED, "it needs floats and an axis of a fixed size");
        return;
    }
    /* x with its axis last, and one axis of size 1 in its place; the one-hot of indices has the axis last too. */
    for (int i = 0; i < n; i++) order[i] = i < axis ? i : i == n - 1 ? axis : i + 1;
    struct qc_tensor *turned = qc_lower_transpose(b, x, order);
    bool at[QC_MAX_RANK] = {false};
    at[axis] = true;
    turned = turned ? with_axes(call, turned, n + 1, at) : NULL;
    QC_OPTIONS(b, OneHotOptions, options);
    if (!options) return;
    options->axis = -1;
    struct qc_tensor *hot = QC_BUILD(b, ONE_HOT, options, qc_lower_cast(b, indices, QC_INT32), qc_build_i32(b, x->dims[axis]), qc_build_f32(b, 1), qc_build_f32(b, 0));
    qc_keras_return(call, qc_lower_reduce(b, OP(SUM), qc_build_binary(b, OP(MUL), hot, turned), 1, (int32_t[]){-1}, false));
}

/* ---- joining and splitting ---- */

/* The tensors of the first argument: a list. */
static struct qc_tensor **tensors(struct qc_keras_call *call, int *count)
{
    bool modern = call->layer->kind == QC_KERAS_OPERATION;
    const struct qc_json *list = modern ? qc_json_at(call->args, 0) : call->args;
    *count = (int)QC_MIN(qc_json_count(list), 1 << 16);
    struct qc_tensor **x = qc_arena_array(call->im->arena, (size_t)*count + 1, sizeof *x);
    for (int i = 0; x && i < *count; i++) {
        const struct qc_json *item = qc_json_at(list, (size_t)i);
        if (qc_json_equal(qc_json_at(item, 0), "_CONSTANT_VALUE")) item = qc_json_at(item, 2);
        x[i] = qc_keras_op_value(call, item, i ? x[0] : NULL);
        if (x[i] && i) qc_keras_op_promote(call, &x[0], &x[i]);
        if (!x[i]) return NULL;
    }
    return *count ? x : NULL;
}

static void concatenate(struct qc_keras_call *call, int code)
{
    int count;
    struct qc_tensor **x = tensors(call, &count);
    (void)code;
    if (x) qc_keras_return(call, qc_lower_concat(call->b, count, x, qc_keras_op_axis(call, 1, "axis", 0, x[0]->rank)));
}

static void stack(struct qc_keras_call *call, int code)
{
    int count;
    struct qc_tensor **x = tensors(call, &count);
    (void)code;
    if (!x) return;
    int axis = qc_keras_op_axis(call, 1, "axis", 0, x[0]->rank + 1);
    bool at[2 * QC_MAX_RANK] = {false};
    at[axis] = true;
    for (int i = 0; i < count; i++)
        if (!(x[i] = with_axes(call, x[i], x[i]->rank + 1, at))) return;
    qc_keras_return(call, qc_lower_concat(call->b, count, x, axis));
}

/* Parts of equal size, at the indices (Keras 3) or of the sizes (TensorFlow) given. */
static void split(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, false);
    const struct qc_json *how = qc_keras_plain(qc_keras_op_json(call, 1, "indices_or_sections num_or_size_splits"));
    (void)code;
    if (!x || !how) return;
    int axis = qc_keras_op_axis(call, 2, "axis", 0, x->rank);
    int64_t sections = 0, begin = 0, value, n = x->dims[axis];
    bool even = qc_json_int(how, &sections), places = call->layer->kind == QC_KERAS_OPERATION;
    size_t count = even ? (size_t)QC_MAX(sections, 0) : qc_json_count(how) + places;
    if (even ? sections < 1 || n % sections || sections > n : !qc_json_is_array(how) || count > 1 << 12) {
        qc_keras_fail(call, QC_FORMAT, "an axis of %lld does not split as told", (long long)n);
        return;
    }
    if (qc_lower_is_free(call->b, x, axis)) {
        qc_keras_fail(call, QC_UNSUPPORTED, "it splits an axis whose size is not fixed");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t end = even ? begin + n / sections : n;
        if (!even && qc_json_int(qc_json_at(how, i), &value) && (!places || i + 1 < count)) end = places ? value : value < 0 ? n : begin + value;
        if (end < begin || end > n) {
            qc_keras_fail(call, QC_FORMAT, "part %zu of its split lies outside of the axis", i);
            return;
        }
        qc_keras_return(call, qc_lower_slice(call->b, x, axis, (int32_t)begin, (int32_t)end));
        begin = end;
    }
}

static void unstack(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, false);
    (void)code;
    if (!x) return;
    int axis = qc_keras_op_axis(call, 2, "axis", 0, x->rank);
    if (qc_lower_is_free(call->b, x, axis) || x->dims[axis] > 1 << 12) qc_keras_fail(call, QC_UNSUPPORTED, "it splits an axis whose size is not fixed");
    for (int i = 0; !qc_keras_failed(call) && i < x->dims[axis]; i++) qc_keras_return(call, qc_lower_pick(call->b, x, axis, i));
}

/* ---- repeating and filling ---- */

static void tile(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, false);
    int32_t times[QC_MAX_RANK];
    bool at[2 * QC_MAX_RANK] = {false};
    (void)code;
    if (!x) return;
    int count = qc_keras_op_ints(call, 1, "repeats multiples", times);
    if (count < 1 || count > QC_MAX_RANK) return;
    for (int i = 0; i < count - x->rank; i++) at[i] = true;
    if (count > x->rank) x = with_axes(call, x, count, at);
    for (; x && count < x->rank; count++) {
        memmove(times + 1, times, (size_t)count * sizeof *times);
        times[0] = 1;
    }
    qc_keras_return(call, x ? QC_BUILD(call->b, TILE, NULL, x, qc_build_i32s(call->b, count, times)) : NULL);
}

static void repeat(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, false);
    (void)code;
    if (!x) return;
    if (!qc_keras_op_json(call, 2, "axis")) x = qc_lower_reshape(call->b, x, 1, (int32_t[]){-1});
    if (!x) return;
    qc_keras_return(call, qc_lower_repeat(call->b, x, qc_keras_op_axis(call, 2, "axis", 0, x->rank), qc_keras_op_int(call, 1, "repeats", 1)));
}

static void broadcast_to(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, false);
    int32_t dims[QC_MAX_RANK];
    (void)code;
    int count = x ? qc_keras_op_ints(call, 1, "shape", dims) : 0;
    if (count > 0) qc_keras_return(call, QC_BUILD(call->b, BROADCAST_TO, NULL, x, qc_build_i32s(call->b, count, dims)));
}

static void filled_like(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, false);
    qc_dtype type;
    if (!x) return;
    if (qc_keras_op_dtype(call, -1, "dtype", &type)) x = qc_lower_cast(call->b, x, type);
    struct qc_tensor *zeros = qc_build_unary(call->b, OP(ZEROS_LIKE), x);
    struct qc_tensor *one = zeros && code ? qc_lower_cast(call->b, qc_build_i32(call->b, 1), zeros->type) : NULL;
    qc_keras_return(call, code ? qc_build_binary(call->b, OP(ADD), zeros, one) : zeros);
}

static void filled(struct qc_keras_call *call, int code)
{
    const struct qc_json *shape = call->layer->kind == QC_KERAS_OPERATION ? qc_keras_op_json(call, 0, "shape") : call->args;
    qc_dtype type = QC_FLOAT32;
    qc_keras_op_dtype(call, 1, "dtype", &type);
    struct qc_tensor *value = qc_lower_cast(call->b, qc_build_i32(call->b, code), type);
    struct qc_tensor *dims = has_tensor(call, shape) || qc_json_is_array(shape) ? shape_tensor(call, shape) : NULL;
    struct qc_tensor *full = dims ? QC_BUILD(call->b, FILL, NULL, dims, value) : NULL;
    if (full && full->has_shape) qc_keras_return(call, full);
    else if (full) qc_keras_fail(call, QC_UNSUPPORTED, "its shape is computed by the model, which is not supported; export the model as a SavedModel");
    else qc_keras_fail(call, QC_UNSUPPORTED, "its shape is not understood");
}

static void pad(struct qc_keras_call *call, int code)
{
    struct qc_build *b = call->b;
    struct qc_tensor *x = qc_keras_op_input(call, false);
    const struct qc_json *width = qc_keras_plain(qc_keras_op_json(call, 1, "pad_width paddings"));
    const char *mode = qc_keras_op_text(call, 2, "mode", "constant");
    int32_t amount[QC_MAX_RANK][2] = {{0}};
    (void)code;
    if (!x || !width) return;
    if (qc_json_count(width) != x->rank && !qc_keras_failed(call)) qc_keras_fail(call, QC_FORMAT, "it pads %zu axes of %d", qc_json_count(width), x->rank);
    for (int i = 0; i < x->rank && !qc_keras_failed(call); i++) qc_keras_ints_of(call, "pad_width", qc_json_at(width, (size_t)i), 2, amount[i], 0, INT32_MAX);
    struct qc_tensor *pads = qc_build_constant(b, "paddings", QC_INT32, 2, (int32_t[]){x->rank, 2}, amount);
    if (!strcmp(mode, "constant") || !strcmp(mode, "CONSTANT")) {
        struct qc_tensor *value = qc_keras_op_value(call, qc_keras_op_json(call, 3, "constant_values"), x);
        if (value) value = qc_lower_cast(b, value, x->type);
        qc_keras_return(call, value ? QC_BUILD(b, PADV2, NULL, x, pads, value) : QC_BUILD(b, PAD, NULL, x, pads));
        return;
    }
    bool symmetric = !strcmp(mode, "symmetric") || !strcmp(mode, "SYMMETRIC");
    if (!symmetric && strcmp(mode, "reflect") && strcmp(mode, "REFLECT")) qc_keras_fail(call, QC_UNSUPPORTED, "mode '%.20s' is not supported", mode);
    QC_OPTIONS(b, MirrorPadOptions, options);
    if (!options) return;
    options->mode = symmetric ? tfl_MirrorPadMode_SYMMETRIC : tfl_MirrorPadMode_REFLECT;
    qc_keras_return(call, QC_BUILD(b, MIRROR_PAD, options, x, pads));
}

static void space_depth(struct qc_keras_call *call, int code)
{
    struct qc_build *b = call->b;
    struct qc_tensor *x = qc_keras_op_input(call, false);
    int32_t block = qc_keras_op_int(call, 1, "block_size", 2);
    if (code == OP(SPACE_TO_DEPTH)) {
        QC_OPTIONS(b, SpaceToDepthOptions, options);
        if (options) options->block_size = block;
        qc_keras_return(call, qc_build_op(b, code, options, 1, &x));
    } else {
        QC_OPTIONS(b, DepthToSpaceOptions, options);
        if (options) options->block_size = block;
        qc_keras_return(call, qc_build_op(b, code, options, 1, &x));
    }
}

const struct qc_keras_operation qc_keras_operations_shape[] = {
    {"Reshape", "reshape Reshape", reshape, 0},
    {"Ravel", "", ravel, 0},
    {"Shape", "shape compat.v1.shape shape_v2 Shape", shape_of, 0},
    {"ExpandDims", "expand_dims ExpandDims", expand_dims, 0},
    {"Squeeze", "squeeze compat.v1.squeeze Squeeze", squeeze, 0},
    {"Transpose", "transpose compat.v1.transpose Transpose", transpose, 0},
    {"Swapaxes", "", swap_axes, 0},
    {"Moveaxis", "", move_axis, 0},
    {"Flip", "reverse ReverseV2", flip, 0},
    {"FlipLeftRight", "image.flip_left_right", flip, 2},
    {"FlipUpDown", "image.flip_up_down", flip, 3},
    {"Roll", "roll", roll, 0},
    {"GetItem", "__operators__.getitem", get_item, 0},
    {"CropImages", "image.crop_to_bounding_box", crop_images, 0},
    {"Take", "gather compat.v1.gather GatherV2", take, 0},
    {"TakeAlongAxis", "", take_along_axis, 0},
    {"Concatenate", "concat ConcatV2", concatenate, 0},
    {"Stack", "stack Pack", stack, 0},
    {"Split", "split Split", split, 0},
    {"Unstack", "unstack Unpack", unstack, 0},
    {"Tile", "tile Tile", tile, 0},
    {"Repeat", "repeat", repeat, 0},
    {"BroadcastTo", "broadcast_to BroadcastTo", broadcast_to, 0},
    {"OnesLike", "ones_like OnesLike compat.v1.ones_like", filled_like, 1},
    {"ZerosLike", "zeros_like ZerosLike compat.v1.zeros_like", filled_like, 0},
    {"Ones", "ones", filled, 1},
    {"Zeros", "zeros", filled, 0},
    {"Pad", "pad compat.v1.pad Pad PadV2 MirrorPad", pad, 0},
    {"SpaceToDepth", "nn.space_to_depth SpaceToDepth", space_depth, OP(SPACE_TO_DEPTH)},
    {"DepthToSpace", "nn.depth_to_space DepthToSpace", space_depth, OP(DEPTH_TO_SPACE)},
    {0},
};
