/*
 * conv.h - convolutions of one to three dimensions. Weights come in Keras's and TensorFlow's layout and are laid out for TFLite here.
 */
#ifndef QC_IMPORT_LOWER_CONV_H
#define QC_IMPORT_LOWER_CONV_H

#include "import/lower/activation.h"

enum qc_conv_padding {
    QC_PADDING_VALID = 0,
    QC_PADDING_SAME,
    QC_PADDING_CAUSAL,   /* 1-D: (k - 1) * dilation zeros in front */
    QC_PADDING_EXPLICIT, /* pad[axis] = {before, after} */
};

struct qc_conv_spec {
    int rank; /* 1, 2 or 3 spatial axes; those of Conv1D are index 0 */
    enum qc_conv_padding padding;
    int32_t stride[3], dilation[3]; /* 0 counts as 1 */
    int32_t pad[3][2];
    bool channels_first; /* activations are [B, C, ...]; weights never are */
    struct qc_weight kernel; /* conv: [k..., I / groups, O]; depthwise: [k..., I, M]; transposed: [k..., O, I] */
    struct qc_weight bias;   /* [O]; data NULL: none */
    struct qc_activation activation;
    /* transposed only: */
    bool has_output_padding;
    int32_t output_padding[3];
    int32_t output[3]; /* spatial sizes of the output where they are given (Conv2DBackpropInput); 0: from the formula */
};

/* Axes in front of the spatial ones beyond the batch are folded into it. groups = input channels / kernel's I. */
struct qc_tensor *qc_lower_conv(struct qc_build *b, struct qc_tensor *x, const struct qc_conv_spec *spec);
struct qc_tensor *qc_lower_depthwise(struct qc_build *b, struct qc_tensor *x, const struct qc_conv_spec *spec);
/* Depthwise with spec (its bias and activation come last), then 1x1 with `pointwise` [1..., I * M, O]. */
struct qc_tensor *qc_lower_separable(struct qc_build *b, struct qc_tensor *x, const struct qc_conv_spec *spec,
                                     const struct qc_weight *pointwise);
struct qc_tensor *qc_lower_conv_transpose(struct qc_build *b, struct qc_tensor *x, const struct qc_conv_spec *spec);

/* LocallyConnected1D/2D of Keras 2, padding valid: kernel [out positions, k... * I, O] (implementation 1), or [in..., I, out..., O]
 * (implementation 2, of which only what a window covers counts). bias [out..., O]. */
struct qc_tensor *qc_lower_locally_connected(struct qc_build *b, struct qc_tensor *x, const struct qc_conv_spec *spec,
                                             const int32_t *kernel_size);

/* stride and dilation with their 0 as 1; false with a failure if the spec is none. */
bool qc_conv_spec_complete(struct qc_build *b, const struct qc_tensor *x, struct qc_conv_spec *spec);
/* PAD with zeros: amount[i] = {before, after} of axis first + i; x itself if all are 0. */
struct qc_tensor *qc_lower_pad(struct qc_build *b, struct qc_tensor *x, int first, int rank, const int32_t (*amount)[2]);
/* Axes in front of the `rank` spatial ones as one batch axis, and back to those of `like`. */
struct qc_tensor *qc_lower_fold_batch(struct qc_build *b, struct qc_tensor *x, int rank);
struct qc_tensor *qc_lower_unfold_batch(struct qc_build *b, struct qc_tensor *x, int rank, struct qc_tensor *like);

/* For layers that work in channels-last only: [B, C, ...] <-> [B, ..., C]. */
struct qc_tensor *qc_lower_to_last(struct qc_build *b, struct qc_tensor *x);
struct qc_tensor *qc_lower_to_first(struct qc_build *b, struct qc_tensor *x);

#endif
