/*
 * lower_conv.c - convolutions, poolings, and the block form of dilation. See graph.h.
 */
#include "import/lower/pool.h"
#include "import/savedmodel/match.h"

#include <string.h>

#define FAILED(s) ((s)->im->env->error.status)

/* A list attribute with one value for each axis of the activations, reduced to the spatial ones. */
static bool spatial(struct qc_tf_step *s, const char *name, int rank, int32_t *values)
{
    int64_t list[5];
    int count = qc_tf_attr_ints(s->node, name, list, 5), first = qc_tf_channels_first(s) ? 2 : 1;
    for (int i = 0; i < rank; i++) values[i] = 1;
    if (count <= 0) return true;
    if (count != rank + 2) return false;
    for (int i = 0; i < rank; i++) {
        if (list[first + i] < 1 || list[first + i] > INT32_MAX) return false;
        values[i] = (int32_t)list[first + i];
    }
    return list[0] == 1 && list[first == 2 ? 1 : rank + 1] == 1;
}

static bool read_padding(struct qc_tf_step *s, int rank, struct qc_conv_spec *spec)
{
    struct pb_bytes padding = qc_tf_attr_string(s->node, "padding");
    int64_t list[10];
    int first = qc_tf_channels_first(s) ? 2 : 1;
    if (pb_equal(padding, "SAME")) spec->padding = QC_PADDING_SAME;
    else if (pb_equal(padding, "VALID")) spec->padding = QC_PADDING_VALID;
    else {
        if (!pb_equal(padding, "EXPLICIT") || qc_tf_attr_ints(s->node, "explicit_paddings", list, 10) != 2 * (rank + 2)) return false;
        spec->padding = QC_PADDING_EXPLICIT;
        for (int i = 0; i < 2 * rank; i++) {
            int64_t amount = list[2 * first + i];
            if (amount < 0 || amount > INT32_MAX / 4) return false;
            spec->pad[i / 2][i % 2] = (int32_t)amount;
        }
    }
    return true;
}

enum { CONV, DEPTHWISE, TRANSPOSED }; /* detail = 10 * spatial rank + kind */

static qc_status lower_conv(struct qc_tf_step *s)
{
    int rank = s->op->detail / 10, kind = s->op->detail % 10, data = kind == TRANSPOSED ? 2 : 0;
    struct qc_tensor *x = qc_tf_tensor(s, data), *filter = qc_tf_tensor(s, 1);
    struct qc_conv_spec spec = {.rank = rank, .channels_first = qc_tf_channels_first(s)};
    if (!x || !filter) return FAILED(s);
    if (!x->has_shape || x->rank != rank + 2) return qc_tf_fail(s, QC_FORMAT, "its input has rank %d, not %d", x->rank, rank + 2);
    if (!qc_tf_weight(filter, &spec.kernel)) return qc_tf_unsupported(s, "with a kernel that is computed or not float32 has no TFLite form");
    if (!spatial(s, "strides", rank, spec.stride) || !spatial(s, "dilations", rank, spec.dilation) || !read_padding(s, rank, &spec))
        return qc_tf_fail(s, QC_FORMAT, "its strides, dilations or padding are damaged");
    if (kind == DEPTHWISE) return qc_tf_return(s, qc_lower_depthwise(s->b, x, &spec));
    if (kind == CONV) return qc_tf_return(s, qc_lower_conv(s->b, x, &spec));
    struct qc_tf_number size[5];
    struct qc_tensor *sizes = qc_tf_tensor(s, 0);
    int count = sizes ? qc_tf_numbers(s->im, sizes, 5, size) : -1, first = spec.channels_first ? 2 : 1;
    if (count == rank) first = 0; /* Conv3DBackpropInputV2 and late versions may give spatial sizes alone */
    else if (count != rank + 2) return qc_tf_unsupported(s, "has an output size that depends on data");
    for (int i = 0; i < rank; i++) {
        if (size[first + i].value < 1 || size[first + i].value > INT32_MAX)
            return qc_tf_fail(s, QC_FORMAT, "its output size is %lld", (long long)size[first + i].value);
        spec.output[i] = size[first + i].value == size[first + i].other ? (int32_t)size[first + i].value : 0;
    }
    return qc_tf_return(s, qc_lower_conv_transpose(s->b, x, &spec));
}

static qc_status lower_pool(struct qc_tf_step *s)
{
    int rank = s->op->detail / 10;
    struct qc_tensor *x = qc_tf_tensor(s, 0);
    struct qc_conv_spec read = {.rank = rank};
    struct qc_pool_spec spec = {.kind = s->op->detail % 10 ? QC_POOL_AVERAGE : QC_POOL_MAX, .rank = rank, .channels_first = qc_tf_channels_first(s)};
    if (!x) return FAILED(s);
    if (!x->has_shape || x->rank != rank + 2) return qc_tf_fail(s, QC_FORMAT, "its input has rank %d, not %d", x->rank, rank + 2);
    if (!spatial(s, "strides", rank, spec.stride) || !spatial(s, "ksize", rank, spec.size) || !read_padding(s, rank, &read))
        return qc_tf_fail(s, QC_FORMAT, "its window, strides or padding are damaged");
    if (read.padding == QC_PADDING_EXPLICIT) return qc_tf_unsupported(s, "with explicit padding has no TFLite form");
    spec.padding = read.padding;
    return qc_tf_return(s, qc_lower_pool(s->b, x, &spec));
}

/* The convolution that x comes from, itself or (1-D) behind a RESHAPE that keeps the channels, if it has no bias and no activation yet. */
static struct qc_node *bare_conv(struct qc_tf_import *im, const struct qc_tensor *x)
{
    struct qc_node *reshape = qc_tf_made_by(x, tfl_BuiltinOperator_RESHAPE), *conv = NULL;
    const struct qc_tensor *y = reshape ? reshape->in[0] : x;
    static const int codes[] = {tfl_BuiltinOperator_CONV_2D, tfl_BuiltinOperator_DEPTHWISE_CONV_2D};
    double number;
    for (size_t i = 0; i < QC_COUNT(codes) && !conv; i++) conv = qc_tf_made_by(y, codes[i]);
    if (!conv || conv->in_count < 3 || !y->rank || y->dims[y->rank - 1] != x->dims[x->rank - 1]) return NULL;
    if (conv->in[2] && (!qc_tf_splat(im, conv->in[2], &number) || number != 0)) return NULL;
    int activation = conv->code == tfl_BuiltinOperator_CONV_2D ? ((const struct tfl_Conv2DOptions *)conv->options)->fused_activation_function
                                                               : ((const struct tfl_DepthwiseConv2DOptions *)conv->options)->fused_activation_function;
    return activation ? NULL : conv;
}

/* The same convolution with a bias. The one without is left to whoever else reads it. */
static struct qc_tensor *with_bias(struct qc_tf_step *s, struct qc_tensor *x, struct qc_tensor *bias)
{
    struct qc_node *conv = bare_conv(s->im, x), *reshape = qc_tf_made_by(x, tfl_BuiltinOperator_RESHAPE);
    if (!conv || !bias->constant || bias->rank != 1 || bias->dims[0] != x->dims[x->rank - 1]) return NULL;
    struct qc_tensor *y = qc_build_op(s->b, conv->code, conv->options, 3, (struct qc_tensor *[]){conv->in[0], conv->in[1], bias});
    return reshape && y ? QC_BUILD(s->b, RESHAPE, NULL, y, reshape->in[1]) : y;
}

static qc_status lower_bias_add(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *bias = qc_tf_tensor(s, 1);
    int32_t dims[QC_MAX_RANK];
    if (!x || !bias) return FAILED(s);
    if (qc_tf_channels_first(s) && x->rank > 2) { /* [C] along axis 1 */
        for (int i = 0; i < x->rank - 1; i++) dims[i] = 1;
        dims[0] = bias->dims[0];
        bias = qc_build_reshape(s->b, bias, x->rank - 1, dims);
    } else {
        struct qc_tensor *fused = with_bias(s, x, bias);
        if (fused || FAILED(s)) return qc_tf_return(s, fused);
    }
    return qc_tf_return(s, qc_build_binary(s->b, tfl_BuiltinOperator_ADD, x, bias));
}

/* ---- dilation as blocks ---- */

/* Sizes are copied out and elements of the batch made, so that a convolution without dilation does the work of one with it: TensorFlow
 * writes SpaceToBatchND, Conv2D VALID, BatchToSpaceND. Here the three become one dilated convolution again. */

struct dilated {
    struct qc_node *to_batch, *conv;
    struct qc_tensor *x;
    int rank;                  /* spatial axes in blocks: 1 or 2 */
    int64_t block[2], pad[4], crop[4];
};

/* x -> SPACE_TO_BATCH_ND (-> RESHAPE for 1-D) -> conv (-> RESHAPE): found backwards from `y`. */
static bool find_dilated(struct qc_tf_import *im, struct qc_tensor *y, struct dilated *d)
{
    struct qc_node *squeeze = qc_tf_made_by(y, tfl_BuiltinOperator_RESHAPE), *expand;
    struct qc_tensor *from = squeeze ? squeeze->in[0] : y;
    d->conv = qc_tf_made_by(from, tfl_BuiltinOperator_CONV_2D);
    if (!d->conv) d->conv = qc_tf_made_by(from, tfl_BuiltinOperator_DEPTHWISE_CONV_2D);
    if (!d->conv) return false;
    from = d->conv->in[0];
    expand = qc_tf_made_by(from, tfl_BuiltinOperator_RESHAPE);
    if ((expand != NULL) != (squeeze != NULL)) return false;
    d->to_batch = qc_tf_made_by(expand ? expand->in[0] : from, tfl_BuiltinOperator_SPACE_TO_BATCH_ND);
    if (!d->to_batch) return false;
    d->x = d->to_batch->in[0];
    d->rank = d->x->rank - 2;
    return (d->rank == 1) == (expand != NULL) && d->rank <= 2 && qc_tf_ints(im, d->to_batch->in[1], 2, d->block) == d->rank &&
           qc_tf_ints(im, d->to_batch->in[2], 4, d->pad) == 2 * d->rank;
}

/* The convolution again, on x padded by the blocks' pads less their crops, with dilation. `from` is x as [B, H, W, C]. */
static struct qc_tensor *write_dilated(struct qc_tf_step *s, const struct dilated *d, struct qc_tensor *from)
{
    bool depthwise = d->conv->code == tfl_BuiltinOperator_DEPTHWISE_CONV_2D, padded = false;
    int32_t pad[8] = {0}, dilation[2] = {1, 1};
    for (int i = 0; i < d->rank; i++) {
        int axis = 2 - d->rank + i;
        dilation[axis] = (int32_t)d->block[i];
        pad[2 * (axis + 1)] = (int32_t)d->pad[2 * i];
        pad[2 * (axis + 1) + 1] = (int32_t)(d->pad[2 * i + 1] - d->crop[2 * i + 1]);
        padded |= pad[2 * (axis + 1)] || pad[2 * (axis + 1) + 1];
    }
    if (padded) from = QC_BUILD(s->b, PAD, NULL, from, qc_build_constant(s->b, "paddings", QC_INT32, 2, (int32_t[]){4, 2}, pad));
    struct qc_tensor *in[3] = {from, d->conv->in[1], d->conv->in_count > 2 && d->conv->in[2] ? d->conv->in[2] : qc_none()};
    if (depthwise) {
        struct tfl_DepthwiseConv2DOptions *options = qc_arena_copy(&s->im->model->arena, d->conv->options, sizeof *options);
        if (!options) return NULL;
        options->dilation_h_factor = dilation[0];
        options->dilation_w_factor = dilation[1];
        return qc_build_op(s->b, d->conv->code, options, 3, in);
    }
    struct tfl_Conv2DOptions *options = qc_arena_copy(&s->im->model->arena, d->conv->options, sizeof *options);
    if (!options) return NULL;
    options->dilation_h_factor = dilation[0];
    options->dilation_w_factor = dilation[1];
    return qc_build_op(s->b, d->conv->code, options, 3, in);
}

/* Is it a plain VALID convolution of stride 1, and do pads and crops leave at least zero padding? */
static bool fits(const struct dilated *d)
{
    int padding, stride_h, stride_w;
    if (!d->conv->options) return false;
    if (d->conv->code == tfl_BuiltinOperator_CONV_2D) {
        const struct tfl_Conv2DOptions *o = d->conv->options;
        padding = o->padding, stride_h = o->stride_h, stride_w = o->stride_w;
    } else {
        const struct tfl_DepthwiseConv2DOptions *o = d->conv->options;
        padding = o->padding, stride_h = o->stride_h, stride_w = o->stride_w;
    }
    if (padding != tfl_Padding_VALID || stride_h != 1 || stride_w != 1) return false;
    for (int i = 0; i < d->rank; i++)
        if (d->crop[2 * i] || d->crop[2 * i + 1] > d->pad[2 * i + 1] || d->block[i] < 1 || d->pad[2 * i] < 0 || d->pad[2 * i] > 1 << 20) return false;
    return true;
}

static qc_status lower_batch_to_space(struct qc_tf_step *s)
{
    struct dilated d;
    int64_t block[2];
    struct qc_tensor *y = qc_tf_tensor(s, 0), *blocks = qc_tf_tensor(s, 1), *crops = qc_tf_tensor(s, 2);
    if (!y || !blocks || !crops) return FAILED(s);
    if (find_dilated(s->im, y, &d) && qc_tf_ints(s->im, blocks, 2, block) == d.rank && !memcmp(block, d.block, (size_t)d.rank * sizeof *block) &&
        qc_tf_ints(s->im, crops, 4, d.crop) == 2 * d.rank && fits(&d)) {
        struct qc_tensor *from = d.x;
        if (d.rank == 1) from = qc_lower_reshape(s->b, from, 4, (int32_t[]){QC_KEEP(0), 1, QC_KEEP(1), QC_KEEP(2)});
        struct qc_tensor *result = write_dilated(s, &d, from);
        if (d.rank == 1 && result) result = qc_lower_reshape(s->b, result, 3, (int32_t[]){QC_KEEP(0), QC_KEEP(2), QC_KEEP(3)});
        return qc_tf_return(s, result);
    }
    return qc_tf_return(s, QC_BUILD(s->b, BATCH_TO_SPACE_ND, NULL, y, qc_tf_int32(s, 1), qc_lower_cast(s->b, crops, QC_INT32)));
}

static qc_status lower_space_to_batch(struct qc_tf_step *s)
{
    return qc_tf_return(s, QC_BUILD(s->b, SPACE_TO_BATCH_ND, NULL, qc_tf_tensor(s, 0), qc_tf_int32(s, 1), qc_lower_cast(s->b, qc_tf_tensor(s, 2), QC_INT32)));
}

static qc_status lower_depth_to_space(struct qc_tf_step *s)
{
    QC_OPTIONS(s->b, DepthToSpaceOptions, options);
    if (!options) return QC_NOMEM;
    if (qc_tf_channels_first(s)) return qc_tf_unsupported(s, "on NCHW has no TFLite form");
    options->block_size = (int32_t)qc_tf_attr_int(s->node, "block_size", 1); /* SpaceToDepthOptions is the same struct */
    struct qc_tensor *x = qc_tf_tensor(s, 0);
    return qc_tf_return(s, qc_build_op(s->b, s->op->code, options, 1, &x));
}

const struct qc_tf_op qc_tf_conv_ops[] = {
    {"Conv2D", lower_conv, 2, 2, 0, 20 + CONV},
    {"Conv3D", lower_conv, 2, 2, 0, 30 + CONV},
    {"DepthwiseConv2dNative", lower_conv, 2, 2, 0, 20 + DEPTHWISE},
    {"Conv2DBackpropInput", lower_conv, 3, 3, 0, 20 + TRANSPOSED},
    {"Conv3DBackpropInputV2", lower_conv, 3, 3, 0, 30 + TRANSPOSED},
    {"MaxPool", lower_pool, 1, 1, 0, 20},
    {"AvgPool", lower_pool, 1, 1, 0, 21},
    {"MaxPool3D", lower_pool, 1, 1, 0, 30},
    {"AvgPool3D", lower_pool, 1, 1, 0, 31},
    {"BiasAdd", lower_bias_add, 2, 2, 0, 0},
    {"BiasAddV1", lower_bias_add, 2, 2, 0, 0},
    {"SpaceToBatchND", lower_space_to_batch, 3, 3, 0, 0},
    {"BatchToSpaceND", lower_batch_to_space, 3, 3, 0, 0},
    {"DepthToSpace", lower_depth_to_space, 1, 1, tfl_BuiltinOperator_DEPTH_TO_SPACE, 0},
    {"SpaceToDepth", lower_depth_to_space, 1, 1, tfl_BuiltinOperator_SPACE_TO_DEPTH, 0},
    {NULL, NULL, 0, 0, 0, 0},
};
