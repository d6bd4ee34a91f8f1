/*
 * move.h - layers that pad, crop, repeat, resample or reorder.
 */
#ifndef QC_IMPORT_LOWER_MOVE_H
#define QC_IMPORT_LOWER_MOVE_H

#include "import/lower/conv.h"

/* amount[axis] = {before, after}, for the `rank` spatial axes. */
struct qc_tensor *qc_lower_zero_padding(struct qc_build *b, struct qc_tensor *x, int rank, const int32_t (*amount)[2], bool channels_first);
struct qc_tensor *qc_lower_cropping(struct qc_build *b, struct qc_tensor *x, int rank, const int32_t (*amount)[2], bool channels_first);

enum qc_interpolation {
    QC_NEAREST, QC_BILINEAR, QC_BICUBIC, QC_LANCZOS3, QC_LANCZOS5, QC_AREA, QC_GAUSSIAN, QC_MITCHELLCUBIC, QC_INTERPOLATION_COUNT
};
/* "nearest" ...; false if unknown. */
bool qc_interpolation_find(const char *name, enum qc_interpolation *interpolation);

/* Half-pixel centres, as all Keras layers. channels-last [B, H, W, C]. `antialias` as tf.image.resize. Exact for every method: those TFLite lacks are
 * products with constant matrices. */
struct qc_tensor *qc_lower_resize(struct qc_build *b, struct qc_tensor *x, int32_t height, int32_t width, enum qc_interpolation method,
                                  bool antialias);
/* UpSampling1D/2D/3D; other methods than NEAREST for rank 2 only. */
struct qc_tensor *qc_lower_upsampling(struct qc_build *b, struct qc_tensor *x, int rank, const int32_t *factor, enum qc_interpolation method,
                                      bool channels_first);
/* Keras's CenterCrop: the middle height x width, or, if the input is smaller in one of them, a bilinear resize that keeps the aspect ratio
 * of the target (smart_resize). */
struct qc_tensor *qc_lower_center_crop(struct qc_build *b, struct qc_tensor *x, int32_t height, int32_t width, bool channels_first);
/* Resizing layer, with crop_to_aspect_ratio or pad_to_aspect_ratio (at most one of them true). */
struct qc_tensor *qc_lower_resizing(struct qc_build *b, struct qc_tensor *x, int32_t height, int32_t width, enum qc_interpolation method,
                                    bool antialias, bool crop_to_aspect_ratio, bool pad_to_aspect_ratio, float fill_value,
                                    bool channels_first);

/* [B, ...] -> [B, n]; channels_first: transposed to channels-last first, as Keras does. */
struct qc_tensor *qc_lower_flatten(struct qc_build *b, struct qc_tensor *x, bool channels_first);
/* Reshape layer: target without the batch, one -1 allowed. */
struct qc_tensor *qc_lower_reshape_layer(struct qc_build *b, struct qc_tensor *x, int rank, const int32_t *target);
/* [B, F] -> [B, n, F] */
struct qc_tensor *qc_lower_repeat_vector(struct qc_build *b, struct qc_tensor *x, int32_t n);
/* x repeated element-wise `n` times along an axis (numpy.repeat). */
struct qc_tensor *qc_lower_repeat(struct qc_build *b, struct qc_tensor *x, int axis, int32_t n);

#endif
