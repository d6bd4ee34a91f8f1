/*
 * lower_image.c - resampling. See graph.h.
 */
#include "import/lower/move.h"
#include "import/savedmodel/match.h"

#include <math.h>
#include <string.h>

#define FAILED(s) ((s)->im->env->error.status)

static qc_status lower_resize(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0);
    if (!x) return FAILED(s);
    bool corners = qc_tf_attr_bool(s->node, "align_corners", false), half = qc_tf_attr_bool(s->node, "half_pixel_centers", false);
    if (s->op->code == tfl_BuiltinOperator_RESIZE_BILINEAR) {
        QC_OPTIONS(s->b, ResizeBilinearOptions, options);
        if (!options) return QC_NOMEM;
        options->align_corners = corners;
        options->half_pixel_centers = half;
        return qc_tf_return(s, QC_BUILD(s->b, RESIZE_BILINEAR, options, qc_lower_cast(s->b, x, QC_FLOAT32), qc_tf_int32(s, 1)));
    }
    QC_OPTIONS(s->b, ResizeNearestNeighborOptions, options);
    if (!options) return QC_NOMEM;
    options->align_corners = corners;
    options->half_pixel_centers = half;
    return qc_tf_return(s, QC_BUILD(s->b, RESIZE_NEAREST_NEIGHBOR, options, x, qc_tf_int32(s, 1)));
}

/* Methods that TFLite lacks, for a fixed size. */
static qc_status by_matrix(struct qc_tf_step *s, enum qc_interpolation method, bool antialias)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *size = qc_tf_tensor(s, 1);
    int64_t value[2];
    if (!x || !size) return FAILED(s);
    if (qc_tf_ints(s->im, size, 2, value) != 2 || value[0] < 1 || value[1] < 1 || value[0] > 1 << 20 || value[1] > 1 << 20)
        return qc_tf_unsupported(s, "to a size that depends on data has no TFLite form");
    return qc_tf_return(s, qc_lower_resize(s->b, qc_lower_cast(s->b, x, QC_FLOAT32), (int32_t)value[0], (int32_t)value[1], method, antialias));
}

static qc_status lower_bicubic(struct qc_tf_step *s)
{
    if (!qc_tf_attr_bool(s->node, "half_pixel_centers", false) || qc_tf_attr_bool(s->node, "align_corners", false))
        return qc_tf_unsupported(s, "without half-pixel centres has no TFLite form");
    return by_matrix(s, QC_BICUBIC, false);
}

static qc_status lower_area(struct qc_tf_step *s)
{
    if (qc_tf_attr_bool(s->node, "align_corners", false)) return qc_tf_unsupported(s, "with aligned corners has no TFLite form");
    return by_matrix(s, QC_AREA, false);
}

/* tf.image.resize writes its kernel methods so: scale = new size / old size, no translation. */
static qc_status lower_scale_and_translate(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *scale = qc_tf_tensor(s, 2), *translation = qc_tf_tensor(s, 3);
    struct pb_bytes kernel = qc_tf_attr_string(s->node, "kernel_type");
    enum qc_interpolation method;
    int64_t size[2];
    char name[32];
    double shift = 0;
    if (!x || !scale || !translation) return FAILED(s);
    if (kernel.size >= sizeof name) return qc_tf_fail(s, QC_FORMAT, "its kernel type is damaged");
    memcpy(name, kernel.size ? (const void *)kernel.at : "", kernel.size);
    name[kernel.size] = 0;
    if (!strcmp(name, "triangle")) strcpy(name, "bilinear");
    if (!strcmp(name, "keyscubic")) strcpy(name, "bicubic");
    if (!qc_interpolation_find(*name ? name : "lanczos3", &method)) return qc_tf_unsupported(s, "with the kernel '%s' has no TFLite form", name);
    struct qc_tensor *sizes = qc_tf_tensor(s, 1);
    bool plain = x->rank == 4 && sizes && qc_tf_ints(s->im, sizes, 2, size) == 2 && qc_tf_splat(s->im, translation, &shift) && shift == 0 &&
                 scale->constant && scale->type == QC_FLOAT32 && qc_tensor_elements(scale) == 2;
    for (int i = 0; i < 2 && plain; i++) {
        float factor;
        memcpy(&factor, (const char *)scale->data + 4 * i, sizeof factor);
        plain = fabs((double)factor * x->dims[1 + i] - (double)size[i]) < 1e-3;
    }
    if (!plain) return qc_tf_unsupported(s, "with a shift, or a scale that is not the ratio of the sizes, has no TFLite form");
    return by_matrix(s, method, qc_tf_attr_bool(s->node, "antialias", true));
}

/* (x - mean of the picture's channel) * factor + mean */
static qc_status lower_contrast(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *factor = qc_tf_tensor(s, 1);
    if (!x || !factor) return FAILED(s);
    if (x->rank < 3 || x->type != QC_FLOAT32) return qc_tf_unsupported(s, "of this rank or element type has no TFLite form");
    int32_t axis[2] = {x->rank - 3, x->rank - 2};
    struct qc_tensor *mean = qc_lower_reduce(s->b, tfl_BuiltinOperator_MEAN, x, 2, axis, true);
    struct qc_tensor *rest = qc_build_binary(s->b, tfl_BuiltinOperator_MUL, qc_build_binary(s->b, tfl_BuiltinOperator_SUB, x, mean), factor);
    return qc_tf_return(s, qc_build_binary(s->b, tfl_BuiltinOperator_ADD, rest, mean));
}

const struct qc_tf_op qc_tf_image_ops[] = {
    {"ResizeBilinear", lower_resize, 2, 2, tfl_BuiltinOperator_RESIZE_BILINEAR, 0},
    {"ResizeNearestNeighbor", lower_resize, 2, 2, tfl_BuiltinOperator_RESIZE_NEAREST_NEIGHBOR, 0},
    {"ResizeBicubic", lower_bicubic, 2, 2, 0, 0},
    {"ResizeArea", lower_area, 2, 2, 0, 0},
    {"ScaleAndTranslate", lower_scale_and_translate, 4, 4, 0, 0},
    {"AdjustContrastv2", lower_contrast, 2, 2, 0, 0},
    {NULL, NULL, 0, 0, 0, 0},
};
