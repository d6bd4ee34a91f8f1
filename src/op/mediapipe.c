/*
 * mediapipe.c - custom operators of MediaPipe's models that LiteRT's default resolver runs: Convolution2DTransposeBias,
 * MaxPoolingWithArgmax2D and MaxUnpooling2D. float32 only.
 *
 * Their options are the native C structs of TensorFlow Lite, as bytes: int32 padding (1 SAME, 2 VALID), stride width, stride height, and of
 * pools filter width, filter height. An index tells the place in its window, counted down the columns; its four bytes are stored whatever
 * type the tensor has.
 */
#include "op/shared/product.h"
#include "op/shared/sliding.h"

enum { PADDING, STRIDE_W, STRIDE_H, FILTER_W, FILTER_H, OPTIONS };

/* *padding becomes a tfl_Padding. */
static qc_status read_options(struct qc_step *step, int count, int32_t *option)
{
    const struct qc_node *node = step->node;
    if (!node->custom_data || node->custom_bytes < (size_t)count * sizeof *option)
        return qc_step_fail(step, QC_FORMAT, "its options are %zu bytes, fewer than %zu", node->custom_bytes, (size_t)count * sizeof *option);
    memcpy(option, node->custom_data, (size_t)count * sizeof *option);
    if (option[PADDING] != 1 && option[PADDING] != 2) return qc_step_fail(step, QC_FORMAT, "padding is %d", (int)option[PADDING]);
    option[PADDING] = option[PADDING] == 1 ? tfl_Padding_SAME : tfl_Padding_VALID;
    for (int i = 1; i < count; i++)
        if (option[i] < 1) return qc_step_fail(step, QC_FORMAT, "a stride or filter size is %d", (int)option[i]);
    return QC_OK;
}

static qc_status need_float(struct qc_step *step, int count)
{
    for (int i = 0; i < count; i++) {
        QC_TRY(qc_require_rank(step, i, 4));
        if (step->in[i]->type != QC_FLOAT32) return qc_step_unsupported_type(step);
    }
    return QC_OK;
}

/* ---- Convolution2DTransposeBias ---- */

/* Size of an output axis: the file's if it belongs to this input, for a stride leaves several. */
static int64_t grown(const struct qc_step *step, int axis, int32_t in, int32_t kernel, int32_t stride, int padding)
{
    const struct qc_tensor *y = step->out[0]->tensor;
    const bool same = padding == tfl_Padding_SAME;
    const int64_t least = same ? (in - 1) * (int64_t)stride + 1 : (in - 1) * (int64_t)stride + kernel;
    const int64_t declared = y->has_shape && y->rank == 4 ? y->dims[axis] : 0;
    return declared >= least && declared < least + stride ? declared : same ? in * (int64_t)stride : least;
}

static qc_status transposed(struct qc_step *step, struct qc_product *product)
{
    static const char *const name[] = {"depth", "height", "width"};
    int32_t option[STRIDE_H + 1];
    QC_TRY(read_options(step, STRIDE_H + 1, option));
    QC_TRY(need_float(step, 2));
    const int32_t *x = step->in[0]->dims, *w = step->in[1]->dims;
    if (x[3] < 1 || x[3] != w[3]) return qc_step_fail(step, QC_FORMAT, "%d input channels do not fit weights for %d", (int)x[3], (int)w[3]);
    if (w[0] < 1 || x[1] < 1 || x[2] < 1) return qc_step_fail(step, QC_FORMAT, "an operand is empty");
    *product = (struct qc_product){.x = 0, .w = 1, .bias = 2, .activation = tfl_ActivationFunctionType_NONE};
    struct qc_conv *c = &product->conv;
    *c = (struct qc_conv){.batch = x[0], .in = {1, x[1], x[2]}, .out = {1, 1, 1}, .kernel = {1, w[1], w[2]}, .stride = {1, option[STRIDE_H], option[STRIDE_W]},
                          .dilation = {1, 1, 1}, .in_channels = x[3], .out_channels = w[0], .groups = 1, .transposed = true};
    for (int i = 1; i < 3; i++) {
        int32_t unused;
        const int64_t size = grown(step, i, c->in[i], c->kernel[i], c->stride[i], option[PADDING]);
        if (size > INT32_MAX) return qc_step_fail(step, QC_FORMAT, "the %s grows to %lld", name[i], (long long)size);
        c->out[i] = (int32_t)size;
        QC_TRY(qc_window_axis(step, name[i], c->out[i], c->kernel[i], c->stride[i], 1, option[PADDING], &unused, &c->before[i]));
    }
    return QC_OK;
}

static qc_status conv_infer(struct qc_step *step)
{
    struct qc_product product;
    QC_TRY(transposed(step, &product));
    QC_TRY(qc_product_check(step, &product, product.conv.out_channels));
    const struct qc_conv *c = &product.conv;
    return qc_step_output(step, 0, QC_FLOAT32, 4, (int32_t[]){c->batch, c->out[1], c->out[2], c->out_channels});
}

static qc_status conv_plan(struct qc_step *step)
{
    struct qc_product *product = step->state = qc_step_alloc(step, sizeof *product);
    if (!product) return QC_NOMEM;
    QC_TRY(transposed(step, product));
    return qc_product_plan(step, product);
}

static qc_status conv_prepare(struct qc_step *step)
{
    return qc_product_prepare(step, step->state);
}

static qc_status conv_run(struct qc_step *step)
{
    return qc_product_run(step, step->state);
}

/* ---- MaxPoolingWithArgmax2D, MaxUnpooling2D: windows that do not overlap ---- */

struct pool {
    int32_t height, width; /* of a window */
    int32_t top, left;     /* padding */
};

static qc_status read_pool(struct qc_step *step, int32_t option[OPTIONS], struct pool *pool)
{
    QC_TRY(read_options(step, OPTIONS, option));
    if (option[FILTER_W] != option[STRIDE_W] || option[FILTER_H] != option[STRIDE_H])
        return qc_step_fail(step, QC_UNSUPPORTED, "windows of %d x %d with strides %d x %d overlap or leave gaps", (int)option[FILTER_H],
                            (int)option[FILTER_W], (int)option[STRIDE_H], (int)option[STRIDE_W]);
    *pool = (struct pool){.height = option[FILTER_H], .width = option[FILTER_W]};
    return QC_OK;
}

/* The index tensor of 4-byte elements. */
static qc_status need_index(struct qc_step *step, const struct qc_value *index)
{
    const qc_dtype type = index->tensor->type;
    return type == QC_INT32 || type == QC_UINT32 || type == QC_FLOAT32 ? QC_OK : qc_step_unsupported_type(step);
}

static qc_status pool_geometry(struct qc_step *step, struct pool *pool, int32_t dims[4])
{
    int32_t option[OPTIONS];
    QC_TRY(need_float(step, 1));
    QC_TRY(read_pool(step, option, pool));
    memcpy(dims, step->in[0]->dims, 4 * sizeof *dims);
    QC_TRY(qc_window_axis(step, "height", dims[1], pool->height, pool->height, 1, option[PADDING], &dims[1], &pool->top));
    return qc_window_axis(step, "width", dims[2], pool->width, pool->width, 1, option[PADDING], &dims[2], &pool->left);
}

static qc_status pool_infer(struct qc_step *step)
{
    struct pool pool;
    int32_t dims[4];
    QC_TRY(pool_geometry(step, &pool, dims));
    QC_TRY(need_index(step, step->out[1]));
    QC_TRY(qc_step_output(step, 0, QC_FLOAT32, 4, dims));
    return qc_step_output(step, 1, step->out[1]->tensor->type, 4, dims);
}

/* Places outside of the image read its border, as XNNPACK does it; of equal values the first counts. */
static void pool_window(const struct pool *pool, const struct qc_value *x, const float *image, int32_t row, int32_t column, float *y, uint32_t *index)
{
    const size_t channels = (size_t)x->dims[3];
    for (int32_t k = 0; k < pool->width * pool->height; k++) {
        const int32_t at_x = QC_MIN(QC_MAX(column * pool->width + k / pool->height - pool->left, 0), x->dims[2] - 1);
        const int32_t at_y = QC_MIN(QC_MAX(row * pool->height + k % pool->height - pool->top, 0), x->dims[1] - 1);
        const float *from = image + ((size_t)at_y * (size_t)x->dims[2] + (size_t)at_x) * channels;
        for (size_t c = 0; c < channels; c++) {
            if (k && !(from[c] > y[c])) continue;
            y[c] = from[c];
            index[c] = (uint32_t)k;
        }
    }
}

static qc_status pool_run(struct qc_step *step)
{
    const struct qc_value *x = step->in[0], *out = step->out[0];
    struct pool pool;
    int32_t dims[4];
    QC_TRY(pool_geometry(step, &pool, dims));
    const size_t channels = (size_t)dims[3], image = qc_value_span(x, 1, 4);
    float *y = out->data;
    uint32_t *index = step->out[1]->data;
    for (int32_t b = 0; b < dims[0]; b++)
        for (int32_t row = 0; row < dims[1]; row++)
            for (int32_t column = 0; column < dims[2]; column++, y += channels, index += channels)
                pool_window(&pool, x, (const float *)x->data + (size_t)b * image, row, column, y, index);
    return QC_OK;
}

static qc_status unpool_infer(struct qc_step *step)
{
    int32_t option[OPTIONS], dims[4];
    struct pool pool;
    QC_TRY(need_float(step, 1));
    QC_TRY(qc_require_rank(step, 1, 4));
    QC_TRY(need_index(step, step->in[1]));
    QC_TRY(read_pool(step, option, &pool));
    if (!qc_value_same_shape(step->in[0], step->in[1])) return qc_step_fail(step, QC_FORMAT, "values and indices differ in shape");
    memcpy(dims, step->in[0]->dims, sizeof dims);
    if (__builtin_mul_overflow(dims[1], pool.height, &dims[1]) || __builtin_mul_overflow(dims[2], pool.width, &dims[2]))
        return qc_step_fail(step, QC_FORMAT, "windows of %d x %d make the image too large", (int)pool.height, (int)pool.width);
    return qc_step_output(step, 0, QC_FLOAT32, 4, dims);
}

/* Indices outside of their window are left out. */
static qc_status unpool_run(struct qc_step *step)
{
    const struct qc_value *x = step->in[0];
    const uint32_t *index = step->in[1]->data;
    const float *from = x->data;
    int32_t option[OPTIONS];
    struct pool pool;
    QC_TRY(read_pool(step, option, &pool));
    const size_t channels = (size_t)x->dims[3], columns = (size_t)x->dims[2], width = columns * (size_t)pool.width;
    const size_t rows = (size_t)x->dims[0] * (size_t)x->dims[1], most = (size_t)pool.width * (size_t)pool.height;
    float *y = step->out[0]->data;
    if (step->out[0]->bytes) memset(y, 0, step->out[0]->bytes);
    for (size_t i = 0; i < rows * columns * channels; i++) {
        if (index[i] >= most) continue;
        const size_t pixel = i / channels, row = pixel / columns * (size_t)pool.height + index[i] % (uint32_t)pool.height;
        const size_t column = pixel % columns * (size_t)pool.width + index[i] / (uint32_t)pool.height;
        y[(row * width + column) * channels + i % channels] = from[i];
    }
    return QC_OK;
}

const struct qc_op qc_op_mediapipe[] = {
    {.name = "Convolution2DTransposeBias", .stored = 1 << 1, .code = tfl_BuiltinOperator_CUSTOM, .in_min = 3, .in_max = 3, .out_min = 1, .out_max = 1,
     .infer = conv_infer, .plan = conv_plan, .prepare = conv_prepare, .run = conv_run},
    {.name = "MaxPoolingWithArgmax2D", .code = tfl_BuiltinOperator_CUSTOM, .in_min = 1, .in_max = 1, .out_min = 2, .out_max = 2,
     .infer = pool_infer, .run = pool_run},
    {.name = "MaxUnpooling2D", .code = tfl_BuiltinOperator_CUSTOM, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1, .infer = unpool_infer,
     .run = unpool_run},
    {0},
};
