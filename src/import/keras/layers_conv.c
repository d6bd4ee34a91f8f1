/*
 * layers_conv.c - convolutions.
 */
#include "import/keras/tables.h"
#include "import/lower/conv.h"

#include <string.h>

static enum qc_conv_padding padding(struct qc_keras_call *call)
{
    const char *text = qc_keras_text(call, "padding", "valid");
    if (!strcmp(text, "same")) return QC_PADDING_SAME;
    if (!strcmp(text, "causal")) return QC_PADDING_CAUSAL;
    if (strcmp(text, "valid")) qc_keras_fail(call, QC_UNSUPPORTED, "padding '%.40s' is not supported", text);
    return QC_PADDING_VALID;
}

static void common(struct qc_keras_call *call, int rank, struct qc_conv_spec *spec)
{
    *spec = (struct qc_conv_spec){.rank = rank, .padding = padding(call), .channels_first = qc_keras_channels_first(call)};
    spec->kernel = qc_keras_weight(call, "kernel");
    spec->bias = qc_keras_weight(call, "bias");
    qc_keras_ints(call, "strides", rank, spec->stride, 1, INT32_MAX);
    qc_keras_ints(call, "dilation_rate", rank, spec->dilation, 1, INT32_MAX);
    qc_keras_activation(call, "activation", &spec->activation);
}

/* The kernel must be of the configuration's size; -1 stands for what the input decides. */
static void expect_kernel(struct qc_keras_call *call, const struct qc_weight *kernel, int rank, int32_t last_but_one, int32_t last)
{
    int32_t shape[5] = {-1, -1, -1, -1, -1};
    qc_keras_ints(call, "kernel_size", rank, shape, 1, INT32_MAX);
    shape[rank] = last_but_one;
    shape[rank + 1] = last;
    qc_weight_expect(call->b, "kernel", kernel, rank + 2, shape);
}

static struct qc_tensor *float_input(struct qc_keras_call *call)
{
    struct qc_tensor *x = qc_keras_in(call, 0);
    return x ? qc_lower_cast(call->b, x, QC_FLOAT32) : NULL;
}

static void conv(struct qc_keras_call *call, int rank)
{
    struct qc_conv_spec spec;
    common(call, rank, &spec);
    int32_t filters = qc_keras_int(call, "filters", -1, 1, INT32_MAX), groups = qc_keras_int(call, "groups", 1, 1, INT32_MAX), channels = -1;
    struct qc_tensor *x = float_input(call);
    if (x && x->rank >= rank + 2) channels = x->dims[spec.channels_first ? x->rank - rank - 1 : x->rank - 1] / groups;
    expect_kernel(call, &spec.kernel, rank, channels, filters);
    qc_keras_return(call, qc_lower_conv(call->b, x, &spec));
}

static void conv1d(struct qc_keras_call *call) { conv(call, 1); }
static void conv2d(struct qc_keras_call *call) { conv(call, 2); }
static void conv3d(struct qc_keras_call *call) { conv(call, 3); }

static void transposed(struct qc_keras_call *call, int rank)
{
    struct qc_conv_spec spec;
    common(call, rank, &spec);
    spec.has_output_padding = qc_keras_ints(call, "output_padding", rank, spec.output_padding, 0, INT32_MAX) != 0;
    expect_kernel(call, &spec.kernel, rank, qc_keras_int(call, "filters", -1, 1, INT32_MAX), -1);
    qc_keras_return(call, qc_lower_conv_transpose(call->b, float_input(call), &spec));
}

static void transposed1d(struct qc_keras_call *call) { transposed(call, 1); }
static void transposed2d(struct qc_keras_call *call) { transposed(call, 2); }
static void transposed3d(struct qc_keras_call *call) { transposed(call, 3); }

static void depthwise(struct qc_keras_call *call, int rank)
{
    struct qc_conv_spec spec;
    common(call, rank, &spec);
    expect_kernel(call, &spec.kernel, rank, -1, qc_keras_int(call, "depth_multiplier", 1, 1, INT32_MAX));
    qc_keras_return(call, qc_lower_depthwise(call->b, float_input(call), &spec));
}

static void depthwise1d(struct qc_keras_call *call) { depthwise(call, 1); }
static void depthwise2d(struct qc_keras_call *call) { depthwise(call, 2); }

static void separable(struct qc_keras_call *call, int rank)
{
    struct qc_conv_spec spec;
    common(call, rank, &spec);
    spec.kernel = qc_keras_weight(call, "depthwise_kernel");
    struct qc_weight pointwise = qc_keras_weight(call, "pointwise_kernel");
    expect_kernel(call, &spec.kernel, rank, -1, qc_keras_int(call, "depth_multiplier", 1, 1, INT32_MAX));
    qc_keras_return(call, qc_lower_separable(call->b, float_input(call), &spec, &pointwise));
}

static void separable1d(struct qc_keras_call *call) { separable(call, 1); }
static void separable2d(struct qc_keras_call *call) { separable(call, 2); }

/* Keras 2: weights of their own at every position, in one of three layouts; the third lists those of one matrix that count. */
static void local(struct qc_keras_call *call, int rank)
{
    struct qc_conv_spec spec;
    int32_t size[3] = {0};
    common(call, rank, &spec);
    int32_t layout = qc_keras_int(call, "implementation", 1, 1, 3);
    if (layout == 3 || (layout == 2 && spec.channels_first)) {
        qc_keras_fail(call, QC_UNSUPPORTED, "implementation %d%s is not supported; build the layer with implementation=1", layout, layout == 2 ? " with channels_first" : "");
        return;
    }
    if (spec.padding != QC_PADDING_VALID) {
        qc_keras_fail(call, QC_UNSUPPORTED, "padding other than 'valid' is not supported");
        return;
    }
    qc_keras_ints(call, "kernel_size", rank, size, 1, INT32_MAX);
    qc_keras_return(call, qc_lower_locally_connected(call->b, float_input(call), &spec, size));
}

static void local1d(struct qc_keras_call *call) { local(call, 1); }
static void local2d(struct qc_keras_call *call) { local(call, 2); }

/* ---- Keras 1: kernel [rows, columns, in, out] for dim_ordering "tf"; "th" files hold [out, in, rows, columns], flipped ---- */

static void conv_of_keras1(struct qc_keras_call *call, int rank)
{
    struct qc_conv_spec spec;
    common(call, rank, &spec);
    spec.kernel = qc_keras_weight(call, "W");
    spec.bias = qc_keras_weight(call, "b");
    if (rank == 2 && spec.channels_first) {
        qc_keras_fail(call, QC_UNSUPPORTED, "dim_ordering 'th' of Keras 1 is not supported; load the model in Keras 2 and save it again");
        return;
    }
    struct qc_tensor *x = float_input(call);
    if (rank == 1 && spec.kernel.rank == 4 && spec.kernel.dims[1] == 1) { /* kept as [length, 1, in, out] */
        spec.kernel.rank = 3;
        spec.kernel.dims[1] = spec.kernel.dims[2];
        spec.kernel.dims[2] = spec.kernel.dims[3];
    }
    qc_keras_return(call, qc_lower_conv(call->b, x, &spec));
}

static void conv1d_of_keras1(struct qc_keras_call *call) { conv_of_keras1(call, 1); }
static void conv2d_of_keras1(struct qc_keras_call *call) { conv_of_keras1(call, 2); }

#define SEPARABLE "depthwise_kernel pointwise_kernel bias?use_bias"
const struct qc_keras_class qc_keras_layers_conv[] = {
    {"Conv1D", "kernel bias?use_bias", 0, conv1d},
    {"Conv2D", "kernel bias?use_bias", 0, conv2d},
    {"Conv3D", "kernel bias?use_bias", 0, conv3d},
    {"Conv1DTranspose", "kernel bias?use_bias", 0, transposed1d},
    {"Conv2DTranspose", "kernel bias?use_bias", 0, transposed2d},
    {"Conv3DTranspose", "kernel bias?use_bias", 0, transposed3d},
    {"DepthwiseConv1D", "kernel bias?use_bias", 0, depthwise1d},
    {"DepthwiseConv2D", "kernel bias?use_bias", 0, depthwise2d},
    {"SeparableConv1D", SEPARABLE, 0, separable1d},
    {"SeparableConv2D", SEPARABLE, 0, separable2d},
    {"LocallyConnected1D", "kernel bias?use_bias", 0, local1d},
    {"LocallyConnected2D", "kernel bias?use_bias", 0, local2d},
    {"Convolution1D", "W b?use_bias", 0, conv1d_of_keras1},
    {"Convolution2D", "W b?use_bias", 0, conv2d_of_keras1},
    {"AtrousConvolution2D", "W b?use_bias", 0, conv2d_of_keras1},
    {0},
};
