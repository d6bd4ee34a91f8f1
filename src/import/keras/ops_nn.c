/*
 * ops_nn.c - operations of neural networks: activations, convolutions, pooling, normalization, pictures.
 */
#include "import/keras/operation.h"
#include "import/lower/dense.h"
#include "import/lower/move.h"
#include "import/lower/norm.h"
#include "import/lower/pool.h"

#include <math.h>
#include <string.h>

#define OP(name) tfl_BuiltinOperator_##name

/* ---- activations: the row's name in snake case is Keras's function ---- */

static void activate(struct qc_keras_call *call, const char *name, int code)
{
    struct qc_activation f;
    struct qc_tensor *x = qc_keras_op_input(call, true);
    if (!qc_activation_find(name, 3, &f)) {
        qc_keras_fail(call, QC_UNSUPPORTED, "the activation '%s' is not supported", name);
        return;
    }
    switch ((enum qc_activation_kind)code) {
    case QC_ACT_RELU:
        f.alpha = (float)qc_keras_op_number(call, 1, "negative_slope alpha", f.alpha);
        f.beta = (float)qc_keras_op_number(call, -1, "threshold", f.beta);
        f.max_value = (float)qc_keras_op_number(call, -1, "max_value", f.max_value);
        break;
    case QC_ACT_ELU:
    case QC_ACT_CELU: f.alpha = (float)qc_keras_op_number(call, 1, "alpha", f.alpha); break;
    case QC_ACT_SQUAREPLUS: f.alpha = (float)qc_keras_op_number(call, 1, "b", f.alpha); break;
    case QC_ACT_HARD_SHRINK:
    case QC_ACT_SOFT_SHRINK: f.alpha = (float)qc_keras_op_number(call, 1, "threshold", f.alpha); break;
    case QC_ACT_THRESHOLD:
        f.alpha = (float)qc_keras_op_number(call, 1, "threshold", f.alpha);
        f.beta = (float)qc_keras_op_number(call, 2, "default_value value", f.beta);
        break;
    case QC_ACT_SOFTMAX:
    case QC_ACT_LOG_SOFTMAX:
    case QC_ACT_SPARSEMAX:
    case QC_ACT_GLU: f.axis = qc_keras_op_int(call, 1, "axis", -1); break;
    case QC_ACT_GELU: f.kind = qc_keras_op_bool(call, 1, "approximate", call->layer->kind == QC_KERAS_OPERATION) ? QC_ACT_GELU_TANH : QC_ACT_GELU; break;
    default: break;
    }
    qc_keras_return(call, qc_lower_activation(call->b, x, &f));
}

#define ACTIVATION(function, name) \
    static void function(struct qc_keras_call *call, int code) { activate(call, name, code); }
ACTIVATION(relu, "relu")
ACTIVATION(relu6, "relu6")
ACTIVATION(leaky_relu, "leaky_relu")
ACTIVATION(elu, "elu")
ACTIVATION(selu, "selu")
ACTIVATION(celu, "celu")
ACTIVATION(gelu, "gelu")
ACTIVATION(sigmoid, "sigmoid")
ACTIVATION(hyperbolic_tangent, "tanh")
ACTIVATION(silu, "silu")
ACTIVATION(softplus, "softplus")
ACTIVATION(softsign, "softsign")
ACTIVATION(softmax, "softmax")
ACTIVATION(log_softmax, "log_softmax")
ACTIVATION(log_sigmoid, "log_sigmoid")
ACTIVATION(mish, "mish")
ACTIVATION(squareplus, "squareplus")
ACTIVATION(hard_sigmoid, "hard_sigmoid")
ACTIVATION(hard_silu, "hard_silu")
ACTIVATION(hard_tanh, "hard_tanh")
ACTIVATION(hard_shrink, "hard_shrink")
ACTIVATION(soft_shrink, "soft_shrink")
ACTIVATION(tanh_shrink, "tanh_shrink")
ACTIVATION(threshold, "threshold")
ACTIVATION(sparse_plus, "sparse_plus")
ACTIVATION(sparse_sigmoid, "sparse_sigmoid")
ACTIVATION(sparsemax, "sparsemax")
ACTIVATION(glu, "glu")

/* ---- windows ---- */

static enum qc_conv_padding padding(struct qc_keras_call *call, int position)
{
    const char *text = qc_keras_op_text(call, position, "padding", "valid");
    if (!strcmp(text, "same") || !strcmp(text, "SAME")) return QC_PADDING_SAME;
    if (!strcmp(text, "causal")) return QC_PADDING_CAUSAL;
    if (strcmp(text, "valid") && strcmp(text, "VALID")) qc_keras_fail(call, QC_UNSUPPORTED, "padding '%.20s' is not supported", text);
    return QC_PADDING_VALID;
}

static bool channels_first(struct qc_keras_call *call)
{
    const char *text = qc_keras_op_text(call, -1, "data_format", "channels_last");
    return !strcmp(text, "channels_first") || !strncmp(text, "NC", 2);
}

/* One number for all axes, one per axis, or TensorFlow's four with 1 for batch and channels. */
static void per_axis(struct qc_keras_call *call, int position, const char *names, int rank, int32_t *values)
{
    int32_t given[QC_MAX_RANK];
    int count = qc_keras_op_ints(call, position, names, given);
    if (count < 0) return;
    if (count != 1 && count != rank && count != rank + 2) {
        qc_keras_fail(call, QC_FORMAT, "'%s' has %d numbers for %d axes", names, count, rank);
        return;
    }
    int skip = count == rank + 2 ? 1 + channels_first(call) : 0;
    for (int i = 0; i < rank; i++) values[i] = given[count == 1 ? 0 : i + skip];
    for (int i = 0; i < rank; i++)
        if (values[i] < 1) qc_keras_fail(call, QC_FORMAT, "'%s' is %d, not at least 1", names, values[i]);
}

/* code: 0 a convolution, 1 depthwise, 2 transposed. Kernels are constants in Keras's layout. */
static void convolution(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, true);
    if (!x) return;
    struct qc_conv_spec spec = {.rank = x->rank - 2, .kernel = qc_keras_op_weight(call, 1, "kernel filter filters"), .channels_first = channels_first(call)};
    if (spec.rank < 1 || spec.rank > 3 || !spec.kernel.data) {
        if (!qc_keras_failed(call)) qc_keras_fail(call, QC_UNSUPPORTED, "its kernel is not constant, or its input has %d dimensions", x->rank);
        return;
    }
    per_axis(call, 2, "strides", spec.rank, spec.stride);
    per_axis(call, -1, "dilation_rate dilations rate", spec.rank, spec.dilation);
    spec.padding = padding(call, 3);
    if (code == 2) spec.has_output_padding = qc_keras_op_ints(call, -1, "output_padding", spec.output_padding) > 0;
    qc_keras_return(call, code == 1 ? qc_lower_depthwise(call->b, x, &spec) : code == 2 ? qc_lower_conv_transpose(call->b, x, &spec) : qc_lower_conv(call->b, x, &spec));
}

static void pool(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, true);
    if (!x) return;
    struct qc_pool_spec spec = {.kind = (enum qc_pool_kind)code, .rank = x->rank - 2, .channels_first = channels_first(call)};
    if (spec.rank < 1 || spec.rank > 3) {
        qc_keras_fail(call, QC_UNSUPPORTED, "its input has %d dimensions", x->rank);
        return;
    }
    per_axis(call, 1, "pool_size ksize", spec.rank, spec.size);
    memcpy(spec.stride, spec.size, sizeof spec.size);
    per_axis(call, 2, "strides", spec.rank, spec.stride);
    spec.padding = padding(call, 3);
    if (spec.size[0] < 1) qc_keras_fail(call, QC_FORMAT, "it does not say its window");
    qc_keras_return(call, qc_lower_pool(call->b, x, &spec));
}

/* Patches are a convolution with a kernel of ones and zeros, one output channel per element of the window. */
static void extract_patches(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, true);
    int32_t size[2] = {0, 0};
    (void)code;
    if (!x || x->rank != 4) return;
    struct qc_conv_spec spec = {.rank = 2, .channels_first = channels_first(call), .padding = padding(call, -1)};
    per_axis(call, 1, "size sizes", 2, size);
    memcpy(spec.stride, size, sizeof size);
    per_axis(call, -1, "strides", 2, spec.stride);
    per_axis(call, -1, "dilation_rate rates", 2, spec.dilation);
    int64_t channels = x->dims[spec.channels_first ? 1 : 3], n = (int64_t)size[0] * size[1] * channels;
    if (n < 1 || n > 4096) {
        qc_keras_fail(call, QC_UNSUPPORTED, "patches of %lld elements are not supported", (long long)n);
        return;
    }
    float *kernel = qc_arena_array(call->im->arena, (size_t)(n * n), sizeof *kernel);
    for (int64_t i = 0; kernel && i < n; i++) kernel[i * n + i] = 1;
    spec.kernel = (struct qc_weight){.data = kernel, .rank = 4, .dims = {size[0], size[1], (int32_t)channels, (int32_t)n}};
    if (kernel) qc_keras_return(call, qc_lower_conv(call->b, x, &spec));
}

/* ---- normalization ---- */

static void normalize(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, true);
    int32_t axes[QC_MAX_RANK];
    (void)code;
    if (!x) return;
    if (qc_keras_op_number(call, -1, "order", 2) != 2) qc_keras_fail(call, QC_UNSUPPORTED, "only order 2 is supported");
    int count = qc_keras_op_axes(call, 1, "axis", x->rank, axes);
    qc_keras_return(call, qc_lower_unit_norm(call->b, x, count, axes));
}

static void layer_norm(struct qc_keras_call *call, int code) /* code 1: root mean square */
{
    struct qc_tensor *x = qc_keras_op_input(call, true);
    struct qc_layer_norm_spec spec = {.rms = code != 0};
    if (!x) return;
    spec.axis_count = qc_keras_op_json(call, -1, "axis") ? qc_keras_op_axes(call, -1, "axis", x->rank, spec.axes) : 1;
    if (!qc_keras_op_json(call, -1, "axis")) spec.axes[0] = x->rank - 1;
    spec.epsilon = (float)qc_keras_op_number(call, -1, "epsilon", 1e-7);
    spec.gamma = qc_keras_op_weight(call, 1, code ? "scale" : "gamma");
    if (!code) spec.beta = qc_keras_op_weight(call, 2, "beta");
    if (qc_keras_op_bool(call, -1, "rms_scaling", false)) qc_keras_fail(call, QC_UNSUPPORTED, "rms_scaling is not supported");
    qc_keras_return(call, qc_lower_layer_norm(call->b, x, &spec));
}

static void batch_norm(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, true);
    (void)code;
    if (!x) return;
    struct qc_batch_norm_spec spec = {.axis = qc_keras_op_axis(call, -1, "axis", -1, x->rank), .epsilon = (float)qc_keras_op_number(call, -1, "epsilon variance_epsilon", 1e-3)};
    spec.mean = qc_keras_op_weight(call, 1, "mean");
    spec.variance = qc_keras_op_weight(call, 2, "variance");
    spec.beta = qc_keras_op_weight(call, 4, "offset");
    spec.gamma = qc_keras_op_weight(call, 5, "scale");
    if (!qc_keras_failed(call)) qc_keras_return(call, qc_lower_batch_norm(call->b, x, &spec));
}

/* softmax(q k^T scale + bias) v on [B, T, heads, size], where mask holds. */
static void attention(struct qc_keras_call *call, int code)
{
    struct qc_build *b = call->b;
    (void)code;
    if (call->in_count != 3 || qc_keras_op_bool(call, -1, "is_causal", false) || qc_keras_op_json(call, -1, "mask") || qc_keras_op_json(call, -1, "bias") ||
        qc_keras_op_json(call, -1, "attn_logits_soft_cap")) {
        qc_keras_fail(call, QC_UNSUPPORTED, "bias, mask, is_causal and attn_logits_soft_cap are not supported; use the layer MultiHeadAttention");
        return;
    }
    struct qc_tensor *query = call->in[0].tensor, *key = call->in[1].tensor, *value = call->in[2].tensor;
    double scale = qc_keras_op_number(call, -1, "scale", 1 / sqrt(query->rank ? query->dims[query->rank - 1] : 1));
    struct qc_tensor *scores = qc_lower_einsum(b, "btnh,bsnh->bnts", query, key);
    scores = qc_build_binary(b, OP(MUL), scores, qc_build_f32(b, (float)scale));
    scores = qc_lower_activation(b, scores, &(struct qc_activation){.kind = QC_ACT_SOFTMAX, .axis = -1});
    qc_keras_return(call, qc_lower_einsum(b, "bnts,bsnh->btnh", scores, value));
}

/* ---- categories and pictures ---- */

static void one_hot(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, false);
    QC_OPTIONS(call->b, OneHotOptions, options);
    qc_dtype type = QC_FLOAT32;
    (void)code;
    if (!x || !options) return;
    qc_keras_op_dtype(call, -1, "dtype", &type);
    int32_t axis = qc_keras_op_int(call, 2, "axis", -1), depth = qc_keras_op_int(call, 1, "num_classes depth", 0);
    options->axis = axis == x->rank ? -1 : axis;
    if (depth < 1) qc_keras_fail(call, QC_FORMAT, "it has %d classes", depth);
    if (qc_keras_op_bool(call, -1, "sparse", false)) qc_keras_fail(call, QC_UNSUPPORTED, "sparse=True is not supported");
    struct qc_tensor *hot = QC_BUILD(call->b, ONE_HOT, options, qc_lower_cast(call->b, x, QC_INT32), qc_build_i32(call->b, depth), qc_build_f32(call->b, 1), qc_build_f32(call->b, 0));
    qc_keras_return(call, hot ? qc_lower_cast(call->b, hot, type) : NULL);
}

static void resize(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, true);
    const char *method = qc_keras_op_text(call, -1, "interpolation method", "bilinear");
    enum qc_interpolation interpolation = QC_BILINEAR;
    int32_t size[QC_MAX_RANK];
    (void)code;
    if (!x) return;
    if (!qc_interpolation_find(method, &interpolation)) qc_keras_fail(call, QC_UNSUPPORTED, "the method '%.30s' is not supported", method);
    if (qc_keras_op_ints(call, 1, "size", size) != 2 || size[0] < 1 || size[1] < 1) {
        qc_keras_fail(call, QC_UNSUPPORTED, "its size is not two numbers above 0");
        return;
    }
    qc_keras_return(call, qc_lower_resizing(call->b, x, size[0], size[1], interpolation, qc_keras_op_bool(call, -1, "antialias", false),
                                            qc_keras_op_bool(call, -1, "crop_to_aspect_ratio", false), qc_keras_op_bool(call, -1, "pad_to_aspect_ratio preserve_aspect_ratio", false),
                                            (float)qc_keras_op_number(call, -1, "fill_value", 0), channels_first(call)));
}

static void grayscale(struct qc_keras_call *call, int code)
{
    static const float share[3] = {0.2989F, 0.5870F, 0.1140F};
    struct qc_build *b = call->b;
    struct qc_tensor *x = qc_keras_op_input(call, true);
    (void)code;
    if (!x || x->rank < 3) return;
    int32_t axis = channels_first(call) ? x->rank - 3 : x->rank - 1, dims[3] = {1, 1, 1};
    dims[axis - (x->rank - 3)] = 3;
    x = qc_build_binary(b, OP(MUL), x, qc_build_constant(b, "grayscale", QC_FLOAT32, 3, dims, share));
    qc_keras_return(call, qc_lower_reduce(b, OP(SUM), x, 1, &axis, true));
}

const struct qc_keras_operation qc_keras_operations_nn[] = {
    {"Relu", "nn.relu Relu", relu, QC_ACT_RELU},
    {"ReLU", "", relu, QC_ACT_RELU},
    {"Relu6", "nn.relu6 Relu6", relu6, 0},
    {"LeakyRelu", "nn.leaky_relu LeakyRelu", leaky_relu, QC_ACT_RELU},
    {"Elu", "nn.elu Elu", elu, QC_ACT_ELU},
    {"Selu", "nn.selu Selu", selu, 0},
    {"Celu", "", celu, QC_ACT_CELU},
    {"Gelu", "nn.gelu", gelu, QC_ACT_GELU},
    {"Sigmoid", "math.sigmoid nn.sigmoid sigmoid Sigmoid", sigmoid, 0},
    {"Tanh", "math.tanh nn.tanh tanh Tanh", hyperbolic_tangent, 0},
    {"Silu", "nn.silu nn.swish", silu, 0},
    {"Softplus", "math.softplus nn.softplus Softplus", softplus, 0},
    {"Softsign", "nn.softsign math.softsign Softsign", softsign, 0},
    {"SoftSign", "", softsign, 0},
    {"Softmax", "nn.softmax math.softmax Softmax", softmax, QC_ACT_SOFTMAX},
    {"LogSoftmax", "nn.log_softmax math.log_softmax LogSoftmax", log_softmax, QC_ACT_LOG_SOFTMAX},
    {"LogSigmoid", "math.log_sigmoid", log_sigmoid, 0},
    {"Mish", "", mish, 0},
    {"Squareplus", "", squareplus, QC_ACT_SQUAREPLUS},
    {"HardSigmoid", "", hard_sigmoid, 0},
    {"HardSilu", "", hard_silu, 0},
    {"HardTanh", "", hard_tanh, 0},
    {"HardShrink", "", hard_shrink, QC_ACT_HARD_SHRINK},
    {"SoftShrink", "", soft_shrink, QC_ACT_SOFT_SHRINK},
    {"TanhShrink", "", tanh_shrink, 0},
    {"Threshold", "", threshold, QC_ACT_THRESHOLD},
    {"SparsePlus", "", sparse_plus, 0},
    {"SparseSigmoid", "", sparse_sigmoid, 0},
    {"Sparsemax", "", sparsemax, QC_ACT_SPARSEMAX},
    {"Glu", "", glu, QC_ACT_GLU},
    {"Conv", "nn.conv2d compat.v1.nn.conv2d nn.convolution nn.conv1d", convolution, 0},
    {"DepthwiseConv", "nn.depthwise_conv2d compat.v1.nn.depthwise_conv2d", convolution, 1},
    {"ConvTranspose", "", convolution, 2},
    {"MaxPool", "nn.max_pool2d nn.max_pool nn.max_pool1d", pool, QC_POOL_MAX},
    {"AveragePool", "nn.avg_pool2d nn.avg_pool nn.avg_pool1d", pool, QC_POOL_AVERAGE},
    {"ExtractPatches", "image.extract_patches", extract_patches, 0},
    {"Normalize", "math.l2_normalize nn.l2_normalize linalg.l2_normalize", normalize, 0},
    {"LayerNorm", "", layer_norm, 0},
    {"RMSNorm", "", layer_norm, 1},
    {"BatchNorm", "nn.batch_normalization", batch_norm, 0},
    {"DotProductAttention", "", attention, 0},
    {"OneHot", "one_hot", one_hot, 0},
    {"Resize", "image.resize image.resize_v2 compat.v1.image.resize", resize, 0},
    {"RGBToGrayscale", "image.rgb_to_grayscale", grayscale, 0},
    {0},
};
