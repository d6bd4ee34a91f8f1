/*
 * layers_preprocess.c - preprocessing layers: rescaling, categories, integer vocabularies, and augmentations, which do nothing at
 * inference.
 */
#include "import/keras/tables.h"
#include "import/lower/lookup.h"

#include <string.h>

enum { MOST_VOCABULARY = 1 << 16 };

static struct qc_tensor *float_input(struct qc_keras_call *call)
{
    struct qc_tensor *x = qc_keras_in(call, 0);
    return x ? qc_lower_cast(call->b, x, QC_FLOAT32) : NULL;
}

/* Numbers of a list (or one number), in the arena; NULL after a failure. */
static float *numbers(struct qc_keras_call *call, const char *key, size_t *count, double otherwise)
{
    const struct qc_json *json = qc_keras_plain(qc_keras_get(call->layer, key));
    bool list = qc_json_is_array(json);
    *count = list ? qc_json_count(json) : 1;
    float *values = qc_arena_array(call->im->arena, *count + 1, sizeof *values);
    for (size_t i = 0; values && i < *count; i++) {
        double number = otherwise;
        const struct qc_json *one = list ? qc_json_at(json, i) : json;
        if (one && !qc_json_number(one, &number)) {
            qc_keras_fail(call, QC_FORMAT, "its configuration '%s' is neither a number nor a list of them", key);
            return NULL;
        }
        values[i] = (float)number;
    }
    return values;
}

/* A scalar, or one value per channel (the last axis). */
static struct qc_tensor *per_channel(struct qc_keras_call *call, const char *key, double otherwise)
{
    size_t count;
    float *values = numbers(call, key, &count, otherwise);
    int32_t dims[1] = {(int32_t)QC_MIN(count, INT32_MAX)};
    return values ? qc_build_constant(call->b, key, QC_FLOAT32, count > 1, dims, values) : NULL;
}

static void rescaling(struct qc_keras_call *call)
{
    struct qc_tensor *y = qc_build_binary(call->b, tfl_BuiltinOperator_MUL, float_input(call), per_channel(call, "scale", 1));
    qc_keras_return(call, qc_build_binary(call->b, tfl_BuiltinOperator_ADD, y, per_channel(call, "offset", 0)));
}

/* ---- categories ---- */

static struct qc_tensor *one_hot(struct qc_build *b, struct qc_tensor *ids, int32_t depth)
{
    QC_OPTIONS(b, OneHotOptions, options);
    if (!options) return NULL;
    options->axis = -1;
    return QC_BUILD(b, ONE_HOT, options, ids, qc_build_i32(b, depth), qc_build_f32(b, 1), qc_build_f32(b, 0));
}

/* Keras's encode_categorical_inputs. `mode` is int, one_hot, multi_hot or count; weights may be NULL. */
static struct qc_tensor *encode(struct qc_keras_call *call, struct qc_tensor *ids, const char *mode, int32_t depth, struct qc_tensor *weights)
{
    struct qc_build *b = call->b;
    bool single = ids && !strcmp(mode, "one_hot"), count = !strcmp(mode, "count");
    if (!ids) return NULL;
    if (qc_keras_bool(call, "sparse", false)) qc_keras_fail(call, QC_UNSUPPORTED, "sparse=True gives a sparse tensor, which TensorFlow Lite's operators do not take");
    if (!strcmp(mode, "int")) return ids;
    if (!single && !count && strcmp(mode, "multi_hot")) {
        qc_keras_fail(call, QC_UNSUPPORTED, "output_mode '%.40s' is not supported", mode);
        return NULL;
    }
    bool drop = single && ids->rank > 1 && ids->dims[ids->rank - 1] == 1;
    struct qc_tensor *hot = one_hot(b, qc_lower_cast(b, ids, QC_INT32), depth);
    if (drop) return qc_lower_pick(b, hot, ids->rank - 1, 0);
    if (single) return hot;
    if (weights) {
        int32_t dims[QC_MAX_RANK] = {0};
        for (int i = 0; i < weights->rank; i++) dims[i] = QC_KEEP(i);
        dims[weights->rank] = 1;
        weights = qc_lower_reshape(b, qc_lower_cast(b, weights, QC_FLOAT32), weights->rank + 1, dims);
        hot = qc_build_binary(b, tfl_BuiltinOperator_MUL, hot, weights);
    }
    int32_t axis = count ? (ids->rank > 1 ? 1 : 0) : ids->rank - 1;
    if (ids->rank == 1 && !count) return hot; /* every sample is one category */
    return qc_lower_reduce(b, count ? tfl_BuiltinOperator_SUM : tfl_BuiltinOperator_REDUCE_MAX, hot, 1, &axis, false);
}

static void category_encoding(struct qc_keras_call *call)
{
    struct qc_keras_value weights = {NULL, NULL};
    qc_keras_tensor_arg(call, 1, "count_weights", &weights);
    qc_keras_return(call, encode(call, qc_keras_in(call, 0), qc_keras_text(call, "output_mode", "multi_hot"),
                                 qc_keras_int(call, "num_tokens", -1, 1, INT32_MAX), weights.tensor));
}

static void discretization(struct qc_keras_call *call)
{
    QC_OPTIONS(call->b, BucketizeOptions, options);
    size_t count;
    float *boundaries = numbers(call, "bin_boundaries", &count, 0);
    struct qc_tensor *x = float_input(call);
    if (!options || !boundaries || !x) return;
    if (!qc_json_is_array(qc_keras_plain(qc_keras_get(call->layer, "bin_boundaries"))) || count > INT32_MAX - 1) {
        qc_keras_fail(call, QC_FORMAT, "its configuration has no bin_boundaries (the layer was not adapted)");
        return;
    }
    options->boundaries.data = boundaries;
    options->boundaries.count = (uint32_t)count;
    struct qc_tensor *bin = QC_BUILD(call->b, BUCKETIZE, options, x);
    qc_keras_return(call, encode(call, bin, qc_keras_text(call, "output_mode", "int"), (int32_t)count + 1, NULL));
}

static void integer_lookup(struct qc_keras_call *call)
{
    const struct qc_json *vocabulary = qc_keras_plain(qc_keras_get(call->layer, "vocabulary"));
    size_t count = qc_json_count(vocabulary);
    struct qc_tensor *x = qc_keras_in(call, 0);
    int32_t unknowns = qc_keras_int(call, "num_oov_indices", 1, 0, INT32_MAX), mask_token = 0;
    bool masks = qc_keras_get(call->layer, "mask_token") != NULL;
    if (masks) mask_token = qc_keras_int(call, "mask_token", 0, INT32_MIN, INT32_MAX);
    if (!x) return;
    if (!qc_json_is_array(vocabulary) || !count || count > MOST_VOCABULARY || x->rank + 1 > QC_MAX_RANK)
        qc_keras_fail(call, QC_UNSUPPORTED, "its vocabulary of 1 to %d integers must be in the configuration", MOST_VOCABULARY);
    if (unknowns > 1) qc_keras_fail(call, QC_UNSUPPORTED, "num_oov_indices above 1 hashes unknown values, which is not supported");
    if (qc_keras_bool(call, "invert", false)) qc_keras_fail(call, QC_UNSUPPORTED, "invert=True is not supported");
    int32_t *words = qc_arena_array(call->im->arena, count + 1, 2 * sizeof *words), *indices = words + count + 1, n = 0;
    if (!words || qc_keras_failed(call)) return;
    int32_t unknown = masks && unknowns ? 1 : 0, first = masks + unknowns;
    if (masks) words[n] = mask_token, indices[n++] = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t word;
        if (!qc_json_int(qc_json_at(vocabulary, i), &word) || word < INT32_MIN || word > INT32_MAX) {
            qc_keras_fail(call, QC_UNSUPPORTED, "entry %zu of its vocabulary is no 32-bit integer", i);
            return;
        }
        words[n] = (int32_t)word, indices[n++] = first + (int32_t)i;
    }
    struct qc_tensor *index = qc_lower_lookup(call->b, x->type == QC_INT64 ? x : qc_lower_cast(call->b, x, QC_INT32), words, indices, n, unknown);
    int32_t depth = first + (int32_t)count, most = qc_keras_int(call, "max_tokens", depth, 1, INT32_MAX);
    if (qc_keras_bool(call, "pad_to_max_tokens", false)) depth = most;
    qc_keras_return(call, encode(call, index, qc_keras_text(call, "output_mode", "int"), depth, NULL));
}

/* ---- pictures ---- */

/* (x - from[0]) / (from[1] - from[0]) * (to[1] - to[0]) + to[0] */
static struct qc_tensor *change_range(struct qc_build *b, struct qc_tensor *x, const float *from, const float *to)
{
    if (from[0] == to[0] && from[1] == to[1]) return x;
    x = qc_build_binary(b, tfl_BuiltinOperator_SUB, x, qc_build_f32(b, from[0]));
    x = qc_build_binary(b, tfl_BuiltinOperator_DIV, x, qc_build_f32(b, from[1] - from[0]));
    x = qc_build_binary(b, tfl_BuiltinOperator_MUL, x, qc_build_f32(b, to[1] - to[0]));
    return qc_build_binary(b, tfl_BuiltinOperator_ADD, x, qc_build_f32(b, to[0]));
}

/* Every channel of every picture stretched to the whole range; one of a single value stays. */
static void auto_contrast(struct qc_keras_call *call)
{
    static const float bytes[] = {0, 255};
    struct qc_build *b = call->b;
    struct qc_tensor *x = float_input(call);
    int32_t last = x ? x->rank : 0, axes[] = {last - 3, last - 2};
    size_t count;
    float *range = qc_keras_get(call->layer, "value_range") ? numbers(call, "value_range", &count, 0) : (count = 2, qc_arena_copy(call->im->arena, bytes, sizeof bytes));
    if (!x || !range) return;
    if (last < 3 || count != 2 || !(range[0] < range[1])) {
        qc_keras_fail(call, QC_FORMAT, "it needs pictures of rank 3 or 4 and a value_range of two ascending numbers");
        return;
    }
    struct qc_tensor *y = change_range(b, x, range, bytes);
    struct qc_tensor *low = qc_lower_reduce(b, tfl_BuiltinOperator_REDUCE_MIN, y, 2, axes, true), *high = qc_lower_reduce(b, tfl_BuiltinOperator_REDUCE_MAX, y, 2, axes, true);
    struct qc_tensor *flat = QC_BUILD(b, EQUAL, NULL, low, high);
    struct qc_tensor *scale = qc_build_binary(b, tfl_BuiltinOperator_DIV, qc_build_f32(b, 255), qc_build_binary(b, tfl_BuiltinOperator_SUB, high, low));
    y = qc_build_binary(b, tfl_BuiltinOperator_MUL, qc_build_binary(b, tfl_BuiltinOperator_SUB, y, low), scale);
    y = qc_build_binary(b, tfl_BuiltinOperator_MINIMUM, qc_build_binary(b, tfl_BuiltinOperator_MAXIMUM, y, qc_build_f32(b, 0)), qc_build_f32(b, 255));
    qc_keras_return(call, qc_lower_select(b, flat, x, change_range(b, y, bytes, range)));
}

/* Augmentations give floats. */
static void augmentation(struct qc_keras_call *call)
{
    qc_keras_return(call, float_input(call));
}

#define AUGMENTATION(name) {name, NULL, QC_KERAS_IDENTITY | QC_KERAS_MASK_PASSES, augmentation}
const struct qc_keras_class qc_keras_layers_preprocess[] = {
    {"Rescaling", NULL, QC_KERAS_MASK_PASSES, rescaling},
    {"CategoryEncoding", NULL, 0, category_encoding},
    {"Discretization", NULL, 0, discretization},
    {"IntegerLookup", NULL, 0, integer_lookup},
    {"AutoContrast", NULL, QC_KERAS_MASK_PASSES, auto_contrast},
    AUGMENTATION("RandomBrightness"),
    AUGMENTATION("RandomColorDegeneration"),
    AUGMENTATION("RandomColorJitter"),
    AUGMENTATION("RandomContrast"),
    AUGMENTATION("RandomElasticTransform"),
    AUGMENTATION("RandomErasing"),
    AUGMENTATION("RandomFlip"),
    AUGMENTATION("RandomGaussianBlur"),
    AUGMENTATION("RandomGrayscale"),
    AUGMENTATION("RandomHeight"),
    AUGMENTATION("RandomHue"),
    AUGMENTATION("RandomInvert"),
    AUGMENTATION("RandomPerspective"),
    AUGMENTATION("RandomPosterization"),
    AUGMENTATION("RandomRotation"),
    AUGMENTATION("RandomSaturation"),
    AUGMENTATION("RandomSharpness"),
    AUGMENTATION("RandomShear"),
    AUGMENTATION("RandomTranslation"),
    AUGMENTATION("RandomWidth"),
    AUGMENTATION("RandomZoom"),
    AUGMENTATION("AugMix"),
    AUGMENTATION("CutMix"),
    AUGMENTATION("MixUp"),
    AUGMENTATION("Solarization"),
    AUGMENTATION("RandAugment"),
    {0},
};
