/*
 * norm.h - normalization layers at inference.
 */
#ifndef QC_IMPORT_LOWER_NORM_H
#define QC_IMPORT_LOWER_NORM_H

#include "import/lower/shape.h"
#include "import/lower/weight.h"

/* Weights with data NULL are left out. All [C]. Writes MUL and ADD: src/pass folds them into a producer. */
struct qc_batch_norm_spec {
    int axis;
    float epsilon;
    struct qc_weight gamma, beta, mean, variance;
};
struct qc_tensor *qc_lower_batch_norm(struct qc_build *b, struct qc_tensor *x, const struct qc_batch_norm_spec *spec);

/* Statistics over `axes` together; gamma and beta have the sizes of those axes (any axis order is Keras's: ascending). */
struct qc_layer_norm_spec {
    int axis_count;
    int32_t axes[QC_MAX_RANK];
    float epsilon;
    struct qc_weight gamma, beta;
    bool rms; /* RMSNormalization: x * rsqrt(mean(x^2) + epsilon) * gamma, no mean taken off */
};
struct qc_tensor *qc_lower_layer_norm(struct qc_build *b, struct qc_tensor *x, const struct qc_layer_norm_spec *spec);

/* Over the channels of a group and all axes but batch and `axis`. groups -1: one per channel. gamma, beta [C]. */
struct qc_tensor *qc_lower_group_norm(struct qc_build *b, struct qc_tensor *x, int axis, int32_t groups, float epsilon,
                                      const struct qc_weight *gamma, const struct qc_weight *beta);
/* x / ||x|| over axes; a zero vector stays zero. */
struct qc_tensor *qc_lower_unit_norm(struct qc_build *b, struct qc_tensor *x, int axis_count, const int32_t *axes);
/* Normalization: (x - mean) / max(sqrt(variance), 1e-7), or its inverse. mean and variance: one value, or the sizes of `axes` ascending
 * (axis_count 0: scalar). */
struct qc_tensor *qc_lower_normalization(struct qc_build *b, struct qc_tensor *x, int axis_count, const int32_t *axes,
                                         const struct qc_weight *mean, const struct qc_weight *variance, bool invert);

#endif
