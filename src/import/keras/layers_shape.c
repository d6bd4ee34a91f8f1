/*
 * layers_shape.c - layers that reorder, pad, crop, repeat or resample.
 */
#include "import/keras/tables.h"
#include "import/lower/move.h"

#include <string.h>

static void reshape(struct qc_keras_call *call)
{
    int32_t target[QC_MAX_RANK];
    int rank = qc_keras_ints(call, "target_shape", 0, target, -1, INT32_MAX);
    if (!qc_keras_get(call->layer, "target_shape")) {
        qc_keras_fail(call, QC_FORMAT, "its configuration has no target_shape");
        return;
    }
    qc_keras_return(call, qc_lower_reshape_layer(call->b, qc_keras_in(call, 0), rank, target));
}

static void flatten(struct qc_keras_call *call)
{
    qc_keras_return(call, qc_lower_flatten(call->b, qc_keras_in(call, 0), qc_keras_channels_first(call)));
}

static void permute(struct qc_keras_call *call)
{
    struct qc_tensor *x = qc_keras_in(call, 0);
    int32_t dims[QC_MAX_RANK] = {0}, order[QC_MAX_RANK] = {0};
    if (!x) return;
    int count = qc_keras_ints(call, "dims", 0, dims, 1, QC_MAX_RANK - 1);
    unsigned seen = 1;
    for (int i = 0; i < count && i < QC_MAX_RANK - 1; i++) {
        order[i + 1] = dims[i];
        seen |= 1U << dims[i];
    }
    if (count != x->rank - 1 || seen != (1U << x->rank) - 1) {
        qc_keras_fail(call, QC_FORMAT, "its dims are no permutation of the %d dimensions behind the batch", x->rank - 1);
        return;
    }
    qc_keras_return(call, qc_lower_transpose(call->b, x, order));
}

static void repeat_vector(struct qc_keras_call *call)
{
    qc_keras_return(call, qc_lower_repeat_vector(call->b, qc_keras_in_rank(call, 0, 2), qc_keras_int(call, "n", -1, 1, INT32_MAX)));
}

/* n, (h, w) or ((top, bottom), (left, right)) as pairs of before and after. */
static void pairs(struct qc_keras_call *call, const char *key, int rank, int32_t (*amount)[2])
{
    const struct qc_json *json = qc_keras_plain(qc_keras_get(call->layer, key));
    int32_t each[3] = {0};
    bool flat_pair = rank == 1 && qc_json_is_array(json) && qc_json_count(json) == 2; /* (before, after) of a 1-D layer */
    bool nested = qc_json_is_array(json) && qc_json_is_array(qc_keras_plain(qc_json_at(json, 0)));
    memset(amount, 0, (size_t)rank * sizeof *amount);
    if (flat_pair) qc_keras_ints_of(call, key, json, 2, amount[0], 0, INT32_MAX);
    else if (nested) {
        if (qc_json_count(json) != (size_t)rank) {
            qc_keras_fail(call, QC_FORMAT, "'%s' does not have %d pairs", key, rank);
            return;
        }
        for (int i = 0; i < rank; i++) qc_keras_ints_of(call, key, qc_json_at(json, (size_t)i), 2, amount[i], 0, INT32_MAX);
    } else {
        qc_keras_ints_of(call, key, json, rank, each, 0, INT32_MAX);
        for (int i = 0; i < rank; i++) amount[i][0] = amount[i][1] = each[i];
    }
}

static void zero_padding(struct qc_keras_call *call, int rank)
{
    int32_t amount[3][2];
    pairs(call, "padding", rank, amount);
    qc_keras_return(call, qc_lower_zero_padding(call->b, qc_keras_in_rank(call, 0, rank + 2), rank, (const int32_t(*)[2])amount, qc_keras_channels_first(call)));
}

static void padding1d(struct qc_keras_call *call) { zero_padding(call, 1); }
static void padding2d(struct qc_keras_call *call) { zero_padding(call, 2); }
static void padding3d(struct qc_keras_call *call) { zero_padding(call, 3); }

static void cropping(struct qc_keras_call *call, int rank)
{
    int32_t amount[3][2];
    pairs(call, "cropping", rank, amount);
    qc_keras_return(call, qc_lower_cropping(call->b, qc_keras_in_rank(call, 0, rank + 2), rank, (const int32_t(*)[2])amount, qc_keras_channels_first(call)));
}

static void cropping1d(struct qc_keras_call *call) { cropping(call, 1); }
static void cropping2d(struct qc_keras_call *call) { cropping(call, 2); }
static void cropping3d(struct qc_keras_call *call) { cropping(call, 3); }

static enum qc_interpolation interpolation(struct qc_keras_call *call, const char *otherwise)
{
    enum qc_interpolation method = QC_NEAREST;
    const char *text = qc_keras_text(call, "interpolation", otherwise);
    if (!qc_interpolation_find(text, &method)) qc_keras_fail(call, QC_UNSUPPORTED, "interpolation '%.40s' is not known", text);
    return method;
}

static void upsampling(struct qc_keras_call *call, int rank)
{
    int32_t factor[3] = {2, 2, 2};
    qc_keras_ints(call, "size", rank, factor, 1, 1 << 20);
    qc_keras_return(call, qc_lower_upsampling(call->b, qc_keras_in_rank(call, 0, rank + 2), rank, factor, interpolation(call, "nearest"),
                                              qc_keras_channels_first(call)));
}

static void upsampling1d(struct qc_keras_call *call) { upsampling(call, 1); }
static void upsampling2d(struct qc_keras_call *call) { upsampling(call, 2); }
static void upsampling3d(struct qc_keras_call *call) { upsampling(call, 3); }

/* Pictures as floats. */
static struct qc_tensor *pictures(struct qc_keras_call *call)
{
    struct qc_tensor *x = qc_keras_in(call, 0);
    if (x && x->rank != 4) qc_keras_fail(call, QC_UNSUPPORTED, "its input has %d dimensions, not 4 (batch, height, width, channels)", x->rank);
    return x && x->type != QC_FLOAT32 ? qc_lower_cast(call->b, x, QC_FLOAT32) : x;
}

static void resizing(struct qc_keras_call *call)
{
    struct qc_tensor *x = pictures(call);
    int32_t height = qc_keras_int(call, "height", -1, 1, INT32_MAX), width = qc_keras_int(call, "width", -1, 1, INT32_MAX);
    qc_keras_return(call, qc_lower_resizing(call->b, x, height, width, interpolation(call, "bilinear"), qc_keras_bool(call, "antialias", false),
                                            qc_keras_bool(call, "crop_to_aspect_ratio", false), qc_keras_bool(call, "pad_to_aspect_ratio", false),
                                            (float)qc_keras_number(call, "fill_value", 0), qc_keras_channels_first(call)));
}

static void center_crop(struct qc_keras_call *call)
{
    int32_t height = qc_keras_int(call, "height", -1, 1, INT32_MAX), width = qc_keras_int(call, "width", -1, 1, INT32_MAX);
    qc_keras_return(call, qc_lower_center_crop(call->b, pictures(call), height, width, qc_keras_channels_first(call)));
}

const struct qc_keras_class qc_keras_layers_shape[] = {
    {"Reshape", NULL, 0, reshape},
    {"Flatten", NULL, 0, flatten},
    {"Permute", NULL, 0, permute},
    {"RepeatVector", NULL, 0, repeat_vector},
    {"ZeroPadding1D", NULL, 0, padding1d},
    {"ZeroPadding2D", NULL, 0, padding2d},
    {"ZeroPadding3D", NULL, 0, padding3d},
    {"Cropping1D", NULL, 0, cropping1d},
    {"Cropping2D", NULL, 0, cropping2d},
    {"Cropping3D", NULL, 0, cropping3d},
    {"UpSampling1D", NULL, 0, upsampling1d},
    {"UpSampling2D", NULL, 0, upsampling2d},
    {"UpSampling3D", NULL, 0, upsampling3d},
    {"Resizing", NULL, 0, resizing},
    {"CenterCrop", NULL, 0, center_crop},
    {0},
};
