/*
 * resize.c - resampling of images. See move.h.
 *
 * NEAREST and BILINEAR are TFLite operators. The other methods of tf.image.resize are linear in the pixels of a row and of a column, so each
 * is two products with constant matrices [out, in]: exact for every method, also with antialiasing. The weights follow TensorFlow's kernels
 * ScaleAndTranslate, ResizeBicubic and ResizeArea.
 */
#include "import/lower/dense.h"
#include "import/lower/move.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define OP(CODE) tfl_BuiltinOperator_##CODE

bool qc_interpolation_find(const char *name, enum qc_interpolation *interpolation)
{
    static const char *const names[QC_INTERPOLATION_COUNT] = {"nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", "area", "gaussian",
                                                              "mitchellcubic"};
    for (int i = 0; i < QC_INTERPOLATION_COUNT; i++)
        if (!strcmp(name, names[i])) {
            *interpolation = (enum qc_interpolation)i;
            return true;
        }
    return false;
}

/* ---- weights of one axis ---- */

static float radius_of(enum qc_interpolation method)
{
    switch (method) {
    case QC_LANCZOS3: return 3;
    case QC_LANCZOS5: return 5;
    case QC_GAUSSIAN: return 1.5f;
    case QC_BILINEAR: return 1;
    default: return 2;
    }
}

/* The sampling kernel at distance x >= 0. */
static float kernel_at(enum qc_interpolation method, float x)
{
    const float pi = 3.14159265359f;
    float r = radius_of(method);
    switch (method) {
    case QC_LANCZOS3:
    case QC_LANCZOS5:
        if (x > r) return 0;
        return x <= 1e-3f ? 1 : r * sinf(pi * x) * sinf(pi * x / r) / (pi * pi * x * x);
    case QC_GAUSSIAN: return x >= r ? 0 : expf(-x * x / (2 * (r / 3) * (r / 3)));
    case QC_BILINEAR: return fmaxf(0, 1 - x);
    case QC_MITCHELLCUBIC:
        if (x >= 2) return 0;
        if (x >= 1) return ((-7.0f / 18 * x + 2) * x - 10.0f / 3) * x + 16.0f / 9;
        return (7.0f / 6 * x - 2) * x * x + 8.0f / 9;
    default: /* Keys's cubic */
        if (x >= 2) return 0;
        if (x >= 1) return ((-0.5f * x + 2.5f) * x - 4) * x + 2;
        return (1.5f * x - 2.5f) * x * x + 1;
    }
}

static void normalize(float *row, int32_t count)
{
    float total = 0;
    for (int32_t i = 0; i < count; i++) total += row[i];
    if (fabsf(total) < 1000 * FLT_MIN) return;
    for (int32_t i = 0; i < count; i++) row[i] /= total;
}

/* ScaleAndTranslate: a kernel around the sample point, stretched by the scale when antialiasing. */
static void sampled_row(float *row, int32_t at, int32_t in, int32_t out, enum qc_interpolation method, bool antialias)
{
    float step = 1 / ((float)out / (float)in), stretch = antialias ? fmaxf(step, 1) : 1;
    float sample = ((float)at + 0.5f) * step, reach = radius_of(method) * stretch;
    if (sample < 0 || sample > (float)in) return;
    int32_t from = QC_MIN(QC_MAX((int32_t)ceilf(sample - reach - 0.5f), 0), in - 1);
    int32_t to = QC_MIN(QC_MAX((int32_t)floorf(sample + reach - 0.5f), 0), in - 1);
    for (int32_t i = from; i <= to; i++) row[i] = kernel_at(method, fabsf(((float)i + 0.5f - sample) / stretch));
    normalize(row, in);
}

/* ResizeBicubic reads its kernel from a table of 1024 steps. */
static void bicubic_row(float *row, int32_t at, int32_t in, int32_t out)
{
    float place = ((float)at + 0.5f) * ((float)in / (float)out) - 0.5f, whole = floorf(place);
    int32_t first = (int32_t)whole - 1;
    float offset = (float)lrintf((place - whole) * 1024) / 1024;
    float weight[4] = {kernel_at(QC_BICUBIC, 1 + offset), kernel_at(QC_BICUBIC, offset), kernel_at(QC_BICUBIC, 1 - offset),
                       kernel_at(QC_BICUBIC, 2 - offset)};
    for (int k = 0; k < 4; k++)
        if (first + k >= 0 && first + k < in) row[first + k] = weight[k];
    normalize(row, in);
}

/* ResizeArea: the share of each input cell that the output cell covers. */
static void area_row(float *row, int32_t at, int32_t in, int32_t out)
{
    float scale = (float)in / (float)out, from = (float)at * scale, to = ((float)at + 1) * scale;
    for (int32_t i = (int32_t)floorf(from); i < (int32_t)ceilf(to); i++)
        row[QC_MIN(QC_MAX(i, 0), in - 1)] += (fminf((float)i + 1, to) - fmaxf((float)i, from)) / scale;
}

static struct qc_tensor *matrix(struct qc_build *b, int32_t in, int32_t out, enum qc_interpolation method, bool antialias)
{
    float *data = qc_arena_array(&b->graph->model->arena, (size_t)in * (size_t)out, sizeof *data);
    if (!data) return NULL;
    for (int32_t i = 0; i < out; i++) {
        float *row = data + (size_t)i * (size_t)in;
        if (method == QC_AREA) area_row(row, i, in, out);
        else if (method == QC_BICUBIC && !antialias) bicubic_row(row, i, in, out);
        else sampled_row(row, i, in, out, method, antialias);
    }
    struct qc_weight weight = {data, 2, {out, in}};
    return qc_weight_constant(b, "resize", &weight);
}

/* ---- images ---- */

/* [B, H, W, C] by [h, H] on the left of every [H, W * C], then by [w, W] on the left of every [W, C]. */
static struct qc_tensor *by_matrices(struct qc_build *b, struct qc_tensor *x, int32_t height, int32_t width, enum qc_interpolation method,
                                     bool antialias)
{
    if (qc_lower_is_free(b, x, 1) || qc_lower_is_free(b, x, 2))
        return qc_lower_fail(b, QC_UNSUPPORTED, "resampling an image of unknown size by another method than nearest and bilinear");
    int32_t w = x->dims[2], channels = x->dims[3];
    struct qc_tensor *rows = matrix(b, x->dims[1], height, method, antialias), *columns = matrix(b, w, width, method, antialias);
    x = qc_lower_matmul(b, rows, qc_lower_merge(b, x, 2, 4), false, false);
    if (!x) return NULL;
    return qc_lower_matmul(b, columns, qc_lower_reshape(b, x, 4, (int32_t[]){QC_KEEP(0), height, w, channels}), false, false);
}

/* size: int32 [2], height and width */
static struct qc_tensor *by_operator(struct qc_build *b, struct qc_tensor *x, struct qc_tensor *size, bool bilinear)
{
    if (bilinear) {
        QC_OPTIONS(b, ResizeBilinearOptions, options);
        if (!options) return NULL;
        options->half_pixel_centers = true;
        return QC_BUILD(b, RESIZE_BILINEAR, options, x, size);
    }
    QC_OPTIONS(b, ResizeNearestNeighborOptions, options);
    if (!options) return NULL;
    options->half_pixel_centers = true;
    return QC_BUILD(b, RESIZE_NEAREST_NEIGHBOR, options, x, size);
}

struct qc_tensor *qc_lower_resize(struct qc_build *b, struct qc_tensor *x, int32_t height, int32_t width, enum qc_interpolation method,
                                  bool antialias)
{
    if (!x || qc_build_status(b)) return NULL;
    if (x->rank != 4 || height < 1 || width < 1)
        return qc_lower_fail(b, QC_FORMAT, "resizing an input of rank %d to %d x %d", x->rank, height, width);
    if (method == QC_NEAREST || (method == QC_BILINEAR && !antialias))
        return by_operator(b, x, qc_build_i32s(b, 2, (int32_t[]){height, width}), method == QC_BILINEAR);
    return by_matrices(b, x, height, width, method, antialias);
}

/* [B, H, W, C] enlarged by factors. */
static struct qc_tensor *enlarged(struct qc_build *b, struct qc_tensor *x, int32_t by_height, int32_t by_width, enum qc_interpolation method)
{
    if (!x || (by_height == 1 && by_width == 1)) return x;
    int32_t height = x->dims[1] * by_height, width = x->dims[2] * by_width;
    if (!qc_lower_is_free(b, x, 1) && !qc_lower_is_free(b, x, 2)) return qc_lower_resize(b, x, height, width, method, false);
    if (method > QC_BILINEAR) return qc_lower_resize(b, x, height, width, method, false); /* says why not */
    struct qc_tensor *size = qc_lower_slice(b, qc_lower_shape(b, x), 0, 1, 3);
    struct qc_tensor *y = by_operator(b, x, qc_build_binary(b, OP(MUL), size, qc_build_i32s(b, 2, (int32_t[]){by_height, by_width})),
                                      method == QC_BILINEAR);
    if (!y || y->has_shape) return y;
    y->has_shape = true; /* which its own inference could not tell from a computed size */
    y->rank = 4;
    memcpy(y->dims, (int32_t[]){x->dims[0], height, width, x->dims[3]}, 4 * sizeof *y->dims);
    memcpy(y->signature, y->dims, 4 * sizeof *y->dims);
    return y;
}

struct qc_tensor *qc_lower_upsampling(struct qc_build *b, struct qc_tensor *x, int rank, const int32_t *factor, enum qc_interpolation method,
                                      bool channels_first)
{
    if (!x || qc_build_status(b)) return NULL;
    if (rank < 1 || rank > 3 || x->rank != rank + 2) return qc_lower_fail(b, QC_FORMAT, "%d-D upsampling of an input of rank %d", rank, x->rank);
    for (int i = 0; i < rank; i++)
        if (factor[i] < 1 || factor[i] > 1 << 16) return qc_lower_fail(b, QC_FORMAT, "upsampling by %d", factor[i]);
    if (rank != 2 && method != QC_NEAREST) return qc_lower_fail(b, QC_UNSUPPORTED, "%d-D upsampling by interpolation", rank);
    if (channels_first) x = qc_lower_to_last(b, x);
    if (rank == 2) {
        x = enlarged(b, x, factor[0], factor[1], method);
    } else if (rank == 1) {
        x = qc_lower_squeeze(b, enlarged(b, qc_lower_expand(b, x, 2), factor[0], 1, method), 2);
    } else if (x) { /* H and W with D in the batch, then D with H and W joined */
        int32_t depth = x->dims[1], height = x->dims[2] * factor[1], width = x->dims[3] * factor[2], channels = x->dims[4];
        for (int i = 1; i < 4; i++)
            if (qc_lower_is_free(b, x, i)) return qc_lower_fail(b, QC_UNSUPPORTED, "3-D upsampling of dimensions of unknown size");
        x = enlarged(b, qc_lower_merge(b, x, 0, 2), factor[1], factor[2], method);
        x = qc_lower_reshape(b, x, 4, (int32_t[]){-1, depth, height * width, channels});
        x = enlarged(b, x, factor[0], 1, method);
        x = qc_lower_reshape(b, x, 5, (int32_t[]){QC_KEEP(0), depth * factor[0], height, width, channels});
    }
    return channels_first ? qc_lower_to_first(b, x) : x;
}
