/*
 * move.c - padding, cropping, repeating and reshaping layers. See move.h; resampling is in resize.c.
 */
#include "import/lower/move.h"

#define OP(CODE) tfl_BuiltinOperator_##CODE

static bool check_axes(struct qc_build *b, const struct qc_tensor *x, int rank)
{
    if (!x || qc_build_status(b)) return false;
    if (rank >= 1 && rank <= 3 && x->rank == rank + 2) return true;
    return qc_lower_fail(b, QC_FORMAT, "a layer over %d axes with an input of rank %d", rank, x->rank) != NULL;
}

struct qc_tensor *qc_lower_zero_padding(struct qc_build *b, struct qc_tensor *x, int rank, const int32_t (*amount)[2], bool channels_first)
{
    if (!check_axes(b, x, rank)) return NULL;
    for (int i = 0; i < rank; i++)
        if (amount[i][0] < 0 || amount[i][1] < 0) return qc_lower_fail(b, QC_FORMAT, "padding by %d and %d", amount[i][0], amount[i][1]);
    return qc_lower_pad(b, x, channels_first ? 2 : 1, rank, amount);
}

/* Takes amount[i] = {before, after} off axis first + i. */
static struct qc_tensor *crop(struct qc_build *b, struct qc_tensor *x, int first, int rank, const int32_t (*amount)[2])
{
    int32_t from[QC_MAX_RANK] = {0}, to[QC_MAX_RANK] = {0}, step[QC_MAX_RANK], any = 0;
    if (!x) return NULL;
    QC_OPTIONS(b, StridedSliceOptions, options);
    if (!options) return NULL;
    options->begin_mask = options->end_mask = (1 << x->rank) - 1;
    for (int i = 0; i < x->rank; i++) step[i] = 1;
    for (int i = 0; i < rank; i++) {
        int axis = first + i;
        if (amount[i][0] < 0 || amount[i][1] < 0 || (int64_t)amount[i][0] + amount[i][1] >= x->dims[axis])
            return qc_lower_fail(b, QC_FORMAT, "cropping %d and %d from a dimension of %d", amount[i][0], amount[i][1], x->dims[axis]);
        any |= amount[i][0] | amount[i][1];
        from[axis] = amount[i][0];
        to[axis] = -amount[i][1];
        if (from[axis]) options->begin_mask &= ~(1 << axis);
        if (to[axis]) options->end_mask &= ~(1 << axis);
    }
    if (!any) return x;
    return QC_BUILD(b, STRIDED_SLICE, options, x, qc_build_i32s(b, x->rank, from), qc_build_i32s(b, x->rank, to),
                    qc_build_i32s(b, x->rank, step));
}

struct qc_tensor *qc_lower_cropping(struct qc_build *b, struct qc_tensor *x, int rank, const int32_t (*amount)[2], bool channels_first)
{
    return check_axes(b, x, rank) ? crop(b, x, channels_first ? 2 : 1, rank, amount) : NULL;
}

/* ---- sizes that follow the aspect ratio of a target, in the float32 arithmetic of Keras ---- */

static int32_t in_proportion(int32_t other, int32_t target, int32_t target_other)
{
    return (int32_t)((float)((int64_t)other * target) / (float)target_other);
}

static bool check_image(struct qc_build *b, const struct qc_tensor *x, int32_t height, int32_t width)
{
    if (!check_axes(b, x, 2)) return false;
    if (height < 1 || width < 1) return qc_lower_fail(b, QC_FORMAT, "a target size of %d x %d", height, width) != NULL;
    if (!qc_lower_is_free(b, x, 1) && !qc_lower_is_free(b, x, 2)) return true;
    return qc_lower_fail(b, QC_UNSUPPORTED, "an image of unknown size") != NULL;
}

static struct qc_tensor *crop_to_ratio(struct qc_build *b, struct qc_tensor *x, int32_t height, int32_t width)
{
    int32_t h = QC_MAX(QC_MIN(x->dims[1], in_proportion(x->dims[2], height, width)), 1);
    int32_t w = QC_MAX(QC_MIN(x->dims[2], in_proportion(x->dims[1], width, height)), 1);
    int32_t top = (x->dims[1] - h) / 2, left = (x->dims[2] - w) / 2;
    return crop(b, x, 1, 2, (const int32_t[][2]){{top, x->dims[1] - h - top}, {left, x->dims[2] - w - left}});
}

/* Keras pads both sides by the same amount. */
static struct qc_tensor *pad_to_ratio(struct qc_build *b, struct qc_tensor *x, int32_t height, int32_t width, float value)
{
    int32_t h = QC_MAX(x->dims[1], in_proportion(x->dims[2], height, width));
    int32_t w = QC_MAX(x->dims[2], in_proportion(x->dims[1], width, height));
    int32_t pads[4][2] = {{0}, {(h - x->dims[1]) / 2, (h - x->dims[1]) / 2}, {(w - x->dims[2]) / 2, (w - x->dims[2]) / 2}, {0}};
    if (!pads[1][0] && !pads[2][0]) return x;
    return QC_BUILD(b, PADV2, NULL, x, qc_build_constant(b, "paddings", QC_INT32, 2, (int32_t[]){4, 2}, pads), qc_build_f32(b, value));
}

struct qc_tensor *qc_lower_center_crop(struct qc_build *b, struct qc_tensor *x, int32_t height, int32_t width, bool channels_first)
{
    if (!x) return NULL;
    if (channels_first) x = qc_lower_to_last(b, x);
    if (!check_image(b, x, height, width)) return NULL;
    int32_t h = x->dims[1] - height, w = x->dims[2] - width;
    if (h >= 0 && w >= 0) x = crop(b, x, 1, 2, (const int32_t[][2]){{h / 2, h - h / 2}, {w / 2, w - w / 2}});
    else x = qc_lower_resize(b, crop_to_ratio(b, x, height, width), height, width, QC_BILINEAR, false);
    return channels_first ? qc_lower_to_first(b, x) : x;
}

struct qc_tensor *qc_lower_resizing(struct qc_build *b, struct qc_tensor *x, int32_t height, int32_t width, enum qc_interpolation method,
                                    bool antialias, bool crop_to_aspect_ratio, bool pad_to_aspect_ratio, float fill_value,
                                    bool channels_first)
{
    if (!x) return NULL;
    if (channels_first) x = qc_lower_to_last(b, x);
    if ((crop_to_aspect_ratio || pad_to_aspect_ratio) && !check_image(b, x, height, width)) return NULL;
    if (crop_to_aspect_ratio) x = crop_to_ratio(b, x, height, width);
    else if (pad_to_aspect_ratio) x = pad_to_ratio(b, x, height, width, fill_value);
    x = qc_lower_resize(b, x, height, width, method, antialias);
    return channels_first ? qc_lower_to_first(b, x) : x;
}

/* ---- order and repetition ---- */

struct qc_tensor *qc_lower_flatten(struct qc_build *b, struct qc_tensor *x, bool channels_first)
{
    if (!x) return NULL;
    if (channels_first && x->rank > 2) x = qc_lower_to_last(b, x);
    if (!x) return NULL;
    if (x->rank < 2) return qc_lower_expand(b, x, 1);
    return qc_lower_reshape(b, x, 2, (int32_t[]){QC_KEEP(0), -1});
}

struct qc_tensor *qc_lower_reshape_layer(struct qc_build *b, struct qc_tensor *x, int rank, const int32_t *target)
{
    int32_t dims[QC_MAX_RANK] = {QC_KEEP(0)};
    if (!x) return NULL;
    if (rank < 0 || rank >= QC_MAX_RANK) return qc_lower_fail(b, QC_UNSUPPORTED, "a target shape of rank %d", rank + 1);
    for (int i = 0, unknown = 0; i < rank; i++) {
        dims[i + 1] = target[i];
        if (target[i] < -1 || (target[i] == -1 && unknown++)) return qc_lower_fail(b, QC_FORMAT, "the target shape has an entry %d", target[i]);
    }
    return qc_lower_reshape(b, x, rank + 1, dims);
}

struct qc_tensor *qc_lower_repeat_vector(struct qc_build *b, struct qc_tensor *x, int32_t n)
{
    if (!x) return NULL;
    if (x->rank != 2 || n < 1) return qc_lower_fail(b, QC_FORMAT, "repeating an input of rank %d %d times", x->rank, n);
    return QC_BUILD(b, TILE, NULL, qc_lower_expand(b, x, 1), qc_build_i32s(b, 3, (int32_t[]){1, n, 1}));
}

struct qc_tensor *qc_lower_repeat(struct qc_build *b, struct qc_tensor *x, int axis, int32_t n)
{
    int32_t times[QC_MAX_RANK], dims[QC_MAX_RANK];
    if (!x || n == 1) return x;
    int rank = x->rank, at = qc_axis(axis, rank);
    if (at < 0 || n < 1 || rank >= QC_MAX_RANK) return qc_lower_fail(b, QC_FORMAT, "repeating axis %d of rank %d %d times", axis, rank, n);
    if (qc_lower_is_free(b, x, at)) return qc_lower_fail(b, QC_UNSUPPORTED, "repeating along a dimension of unknown size");
    for (int i = 0; i <= rank; i++) times[i] = i == at + 1 ? n : 1;
    for (int i = 0; i < rank; i++) dims[i] = i == at ? x->dims[at] * n : QC_KEEP(i < at ? i : i + 1);
    x = QC_BUILD(b, TILE, NULL, qc_lower_expand(b, x, at + 1), qc_build_i32s(b, rank + 1, times));
    return qc_lower_reshape(b, x, rank, dims);
}
