/*
 * conv.c - convolutions as CONV_2D, DEPTHWISE_CONV_2D and CONV_3D. See conv.h; transposed ones are in conv_transpose.c.
 *
 * One dimension is done as two with height 1. Layouts: CONV_2D [O, kh, kw, I], DEPTHWISE_CONV_2D [1, kh, kw, I * M], CONV_3D Keras's own.
 */
#include "import/lower/conv.h"

#include <string.h>

#define OP(CODE) tfl_BuiltinOperator_##CODE

/* ---- shared with the other layers that slide windows ---- */

struct qc_tensor *qc_lower_to_last(struct qc_build *b, struct qc_tensor *x)
{
    int32_t order[QC_MAX_RANK] = {0};
    if (!x) return NULL;
    for (int i = 1; i < x->rank - 1; i++) order[i] = i + 1;
    order[x->rank - 1] = 1;
    return qc_lower_transpose(b, x, order);
}

struct qc_tensor *qc_lower_to_first(struct qc_build *b, struct qc_tensor *x)
{
    int32_t order[QC_MAX_RANK] = {0};
    if (!x) return NULL;
    for (int i = 2; i < x->rank; i++) order[i] = i - 1;
    order[1] = x->rank - 1;
    return qc_lower_transpose(b, x, order);
}

struct qc_tensor *qc_lower_pad(struct qc_build *b, struct qc_tensor *x, int first, int rank, const int32_t (*amount)[2])
{
    int32_t pads[QC_MAX_RANK][2] = {{0}}, any = 0;
    if (!x) return NULL;
    for (int i = 0; i < rank; i++) {
        pads[first + i][0] = amount[i][0];
        pads[first + i][1] = amount[i][1];
        any |= amount[i][0] | amount[i][1];
    }
    if (!any) return x;
    return QC_BUILD(b, PAD, NULL, x, qc_build_constant(b, "paddings", QC_INT32, 2, (int32_t[]){x->rank, 2}, pads));
}

struct qc_tensor *qc_lower_fold_batch(struct qc_build *b, struct qc_tensor *x, int rank)
{
    return x && x->rank > rank + 2 ? qc_lower_merge(b, x, 0, x->rank - rank - 1) : x;
}

struct qc_tensor *qc_lower_unfold_batch(struct qc_build *b, struct qc_tensor *x, int rank, struct qc_tensor *like)
{
    int32_t dims[QC_MAX_RANK];
    if (!x || !like || like->rank == rank + 2) return x;
    int front = like->rank - rank - 1;
    dims[0] = -1;
    for (int i = 1; i < front; i++) {
        if (qc_lower_is_free(b, like, i)) return qc_lower_fail(b, QC_UNSUPPORTED, "an axis of unknown size between the batch and the window axes");
        dims[i] = like->dims[i];
    }
    for (int i = 1; i < x->rank; i++) dims[front + i - 1] = QC_KEEP(i);
    return qc_lower_reshape(b, x, front + x->rank - 1, dims);
}

bool qc_conv_spec_complete(struct qc_build *b, const struct qc_tensor *x, struct qc_conv_spec *spec)
{
    if (qc_build_status(b)) return false;
    if (spec->rank < 1 || spec->rank > 3 || x->rank < spec->rank + 2 || spec->kernel.rank != spec->rank + 2)
        return qc_lower_fail(b, QC_FORMAT, "a convolution over %d axes with an input of rank %d and a kernel of rank %d", spec->rank, x->rank,
                             spec->kernel.rank) != NULL;
    if (!spec->kernel.data) return qc_lower_fail(b, QC_FORMAT, "the weight 'kernel' is missing") != NULL;
    if (spec->padding == QC_PADDING_CAUSAL && spec->rank != 1)
        return qc_lower_fail(b, QC_FORMAT, "padding 'causal' over %d axes: it is for one only", spec->rank) != NULL;
    for (int i = 0; i < spec->rank; i++) {
        if (!spec->stride[i]) spec->stride[i] = 1;
        if (!spec->dilation[i]) spec->dilation[i] = 1;
        if (spec->stride[i] < 1 || spec->dilation[i] < 1 || spec->kernel.dims[i] < 1 || spec->dilation[i] > 1 << 20 || spec->kernel.dims[i] > 1 << 20)
            return qc_lower_fail(b, QC_FORMAT, "stride %d, dilation %d, kernel size %d in axis %d", spec->stride[i], spec->dilation[i],
                                 spec->kernel.dims[i], i) != NULL;
    }
    return true;
}

/* ---- the operators ---- */

/* Padding in front of a VALID operator where TFLite has none of its own; *same tells which of the two to write. */
static struct qc_tensor *padded(struct qc_build *b, struct qc_tensor *x, const struct qc_conv_spec *spec, bool *same)
{
    int32_t amount[3][2] = {{0}};
    *same = spec->padding == QC_PADDING_SAME;
    if (spec->padding == QC_PADDING_CAUSAL) amount[0][0] = (spec->kernel.dims[0] - 1) * spec->dilation[0];
    if (spec->padding == QC_PADDING_EXPLICIT) memcpy(amount, spec->pad, sizeof amount);
    return qc_lower_pad(b, x, 1, spec->rank, (const int32_t(*)[2])amount);
}

/* Zeros if there is none: LiteRT refuses a bias left out, and XNNPACK takes no convolution without one. */
static struct qc_tensor *bias_of(struct qc_build *b, const struct qc_conv_spec *spec, int32_t channels)
{
    if (!spec->bias.data) return qc_lower_fill(b, "bias", 1, &channels, 0);
    return qc_weight_expect(b, "bias", &spec->bias, 1, &channels) ? qc_weight_constant(b, "bias", &spec->bias) : NULL;
}

/* A spec of one axis as one of two, its axis the width. */
static struct qc_conv_spec widened(const struct qc_conv_spec *spec)
{
    struct qc_conv_spec two = *spec;
    if (spec->rank > 1) return two;
    two.rank = 2;
    two.stride[1] = spec->stride[0];
    two.dilation[1] = spec->dilation[0];
    two.stride[0] = two.dilation[0] = 1;
    two.kernel.rank = 4;
    two.kernel.dims[0] = 1;
    memcpy(two.kernel.dims + 1, spec->kernel.dims, 3 * sizeof *two.kernel.dims);
    return two;
}

/* CONV_2D on padded x; the filter's I may be a divisor of the channels (groups). */
static struct qc_tensor *conv_2d(struct qc_build *b, struct qc_tensor *x, const struct qc_conv_spec *spec, bool same)
{
    int fused = qc_activation_fused(&spec->activation);
    struct qc_weight filter = qc_weight_transposed(b, &spec->kernel, (int32_t[]){3, 0, 1, 2});
    QC_OPTIONS(b, Conv2DOptions, options);
    if (!options) return NULL;
    options->padding = same ? tfl_Padding_SAME : tfl_Padding_VALID;
    options->stride_h = spec->stride[0];
    options->stride_w = spec->stride[1];
    options->dilation_h_factor = spec->dilation[0];
    options->dilation_w_factor = spec->dilation[1];
    options->fused_activation_function = (tfl_i8)(fused < 0 ? 0 : fused);
    x = QC_BUILD(b, CONV_2D, options, x, qc_weight_constant(b, "kernel", &filter), bias_of(b, spec, spec->kernel.dims[3]));
    return fused < 0 ? qc_lower_activation(b, x, &spec->activation) : x;
}

/* DEPTHWISE_CONV_2D; kernel [kh, kw, I, M] or, as one group per channel, [kh, kw, 1, I * M]: the same bytes. */
static struct qc_tensor *depthwise_2d(struct qc_build *b, struct qc_tensor *x, const struct qc_conv_spec *spec, bool same)
{
    int fused = qc_activation_fused(&spec->activation);
    if (!x) return NULL;
    int32_t out = spec->kernel.dims[2] * spec->kernel.dims[3], channels = x->dims[x->rank - 1];
    QC_OPTIONS(b, DepthwiseConv2DOptions, options);
    if (!options) return NULL;
    options->padding = same ? tfl_Padding_SAME : tfl_Padding_VALID;
    options->stride_h = spec->stride[0];
    options->stride_w = spec->stride[1];
    options->dilation_h_factor = spec->dilation[0];
    options->dilation_w_factor = spec->dilation[1];
    options->depth_multiplier = out / channels;
    options->fused_activation_function = (tfl_i8)(fused < 0 ? 0 : fused);
    struct qc_tensor *filter =
        qc_weight_reshaped(b, "kernel", &spec->kernel, 4, (int32_t[]){1, spec->kernel.dims[0], spec->kernel.dims[1], out});
    x = QC_BUILD(b, DEPTHWISE_CONV_2D, options, x, filter, bias_of(b, spec, out));
    return fused < 0 ? qc_lower_activation(b, x, &spec->activation) : x;
}

static struct qc_tensor *conv_3d(struct qc_build *b, struct qc_tensor *x, const struct qc_conv_spec *spec, bool same)
{
    int fused = qc_activation_fused(&spec->activation);
    QC_OPTIONS(b, Conv3DOptions, options);
    if (!options) return NULL;
    options->padding = same ? tfl_Padding_SAME : tfl_Padding_VALID;
    options->stride_d = spec->stride[0];
    options->stride_h = spec->stride[1];
    options->stride_w = spec->stride[2];
    options->dilation_d_factor = spec->dilation[0];
    options->dilation_h_factor = spec->dilation[1];
    options->dilation_w_factor = spec->dilation[2];
    options->fused_activation_function = (tfl_i8)(fused < 0 ? 0 : fused);
    x = QC_BUILD(b, CONV_3D, options, x, qc_weight_constant(b, "kernel", &spec->kernel), bias_of(b, spec, spec->kernel.dims[4]));
    return fused < 0 ? qc_lower_activation(b, x, &spec->activation) : x;
}

/* CONV_3D has no groups: one convolution for each, joined. */
static struct qc_tensor *grouped_3d(struct qc_build *b, struct qc_tensor *x, const struct qc_conv_spec *spec, bool same, int32_t groups)
{
    struct qc_tensor **part = qc_arena_array(&b->graph->model->arena, (size_t)groups, sizeof *part);
    QC_OPTIONS(b, SplitOptions, options);
    if (!part || !options || !x) return NULL;
    options->num_splits = groups;
    if (qc_build_ops(b, OP(SPLIT), options, 2, (struct qc_tensor *[]){qc_build_i32(b, 4), x}, groups, part)) return NULL;
    int32_t columns = spec->kernel.dims[4] / groups;
    for (int32_t g = 0; g < groups; g++) {
        struct qc_conv_spec one = *spec;
        one.kernel = qc_weight_columns(b, &spec->kernel, g * columns, columns);
        if (spec->bias.data) one.bias = qc_weight_columns(b, &spec->bias, g * columns, columns);
        part[g] = conv_3d(b, part[g], &one, same);
    }
    return qc_lower_concat(b, groups, part, 4);
}

enum kind { CONV, DEPTHWISE };

static struct qc_tensor *convolve(struct qc_build *b, struct qc_tensor *x, const struct qc_conv_spec *spec, enum kind kind)
{
    bool same;
    x = padded(b, x, spec, &same);
    if (!x) return NULL;
    struct qc_conv_spec wide = widened(spec);
    int32_t channels = x->dims[x->rank - 1], inner = wide.kernel.dims[wide.rank], out = wide.kernel.dims[wide.rank + 1];
    int32_t groups = kind == CONV && inner > 0 ? channels / inner : 1;
    if (kind == CONV ? inner < 1 || out < 1 || channels % inner || out % groups : inner != channels || out < 1)
        return qc_lower_fail(b, QC_FORMAT, "a kernel for %d input and %d output channels with an input of %d channels", inner, out, channels);
    if (spec->bias.data && !qc_weight_expect(b, "bias", &spec->bias, 1, (int32_t[]){kind == CONV ? out : inner * out})) return NULL;
    if (spec->rank == 3) {
        if (kind == DEPTHWISE) return qc_lower_fail(b, QC_UNSUPPORTED, "a depthwise convolution over three axes");
        return groups > 1 ? grouped_3d(b, x, spec, same, groups) : conv_3d(b, x, spec, same);
    }
    if (spec->rank == 1) x = qc_lower_expand(b, x, 1);
    bool depthwise = kind == DEPTHWISE || (inner == 1 && channels > 1);
    x = depthwise ? depthwise_2d(b, x, &wide, same) : conv_2d(b, x, &wide, same);
    return spec->rank == 1 ? qc_lower_squeeze(b, x, 1) : x;
}

static struct qc_tensor *convolution(struct qc_build *b, struct qc_tensor *x, const struct qc_conv_spec *given, enum kind kind,
                                     const struct qc_conv_spec *then)
{
    struct qc_conv_spec spec = *given;
    if (!x || !qc_conv_spec_complete(b, x, &spec)) return NULL;
    if (spec.channels_first) x = qc_lower_to_last(b, x);
    struct qc_tensor *whole = x;
    x = convolve(b, qc_lower_fold_batch(b, x, spec.rank), &spec, kind);
    if (then && x) x = convolve(b, x, then, CONV);
    x = qc_lower_unfold_batch(b, x, spec.rank, whole);
    return spec.channels_first ? qc_lower_to_first(b, x) : x;
}

struct qc_tensor *qc_lower_conv(struct qc_build *b, struct qc_tensor *x, const struct qc_conv_spec *spec)
{
    return convolution(b, x, spec, CONV, NULL);
}

struct qc_tensor *qc_lower_depthwise(struct qc_build *b, struct qc_tensor *x, const struct qc_conv_spec *spec)
{
    return convolution(b, x, spec, DEPTHWISE, NULL);
}

struct qc_tensor *qc_lower_separable(struct qc_build *b, struct qc_tensor *x, const struct qc_conv_spec *spec,
                                     const struct qc_weight *pointwise)
{
    struct qc_conv_spec first = *spec, second = {.rank = spec->rank, .stride = {1, 1, 1}, .dilation = {1, 1, 1}};
    second.kernel = *pointwise;
    second.bias = spec->bias;
    second.activation = spec->activation;
    first.bias = (struct qc_weight){0};
    first.activation = (struct qc_activation){0};
    if (!x || !qc_conv_spec_complete(b, x, &second)) return NULL;
    return convolution(b, x, &first, DEPTHWISE, &second);
}
