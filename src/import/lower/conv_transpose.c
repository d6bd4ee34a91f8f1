/*
 * conv_transpose.c - transposed convolutions as TRANSPOSE_CONV and CONV_3D_TRANSPOSE. See conv.h.
 *
 * One dimension is done as two with height 1. Both operators take the output shape as an operand: a constant, or computed from SHAPE
 * where dimensions are free. Neither dilates on all runtimes, so a dilated kernel is written out with its zeros.
 */
#include "import/lower/conv.h"

#include <string.h>

/* The kernel with dilation - 1 zeros between its taps, for three spatial axes (leading ones of size 1 if it has fewer). */
static struct qc_weight dilated(struct qc_build *b, const struct qc_weight *kernel, int rank, const int32_t *dilation)
{
    int32_t size[3] = {1, 1, 1}, step[3] = {1, 1, 1}, out[3];
    struct qc_weight result = *kernel;
    bool any = false;
    for (int i = 0; i < rank; i++) {
        size[3 - rank + i] = kernel->dims[i];
        step[3 - rank + i] = dilation[i];
        any |= dilation[i] > 1;
        result.dims[i] = (kernel->dims[i] - 1) * dilation[i] + 1;
    }
    if (!any) return result;
    for (int i = 0; i < 3; i++) out[i] = (size[i] - 1) * step[i] + 1;
    size_t inner = (size_t)kernel->dims[rank] * (size_t)kernel->dims[rank + 1];
    float *data = qc_arena_array(&b->graph->model->arena, qc_weight_elements(&result), sizeof *data);
    result.data = data;
    if (!data) return result;
    for (int32_t d = 0; d < size[0]; d++)
        for (int32_t h = 0; h < size[1]; h++)
            for (int32_t w = 0; w < size[2]; w++) {
                size_t from = (size_t)((d * size[1] + h) * size[2] + w);
                size_t to = ((size_t)d * (size_t)step[0] * (size_t)out[1] + (size_t)h * (size_t)step[1]) * (size_t)out[2] + (size_t)w * (size_t)step[2];
                memcpy(data + to * inner, kernel->data + from * inner, inner * sizeof *data);
            }
    return result;
}

/* Output size in spatial axis i (Keras's deconv_output_length), kernel dilated already. */
static int32_t output_size(const struct qc_conv_spec *spec, int i, int32_t size)
{
    int32_t k = spec->kernel.dims[i], s = spec->stride[i];
    if (spec->output[i] > 0) return spec->output[i];
    if (spec->padding == QC_PADDING_SAME) return spec->has_output_padding ? (size - 1) * s + k % 2 + spec->output_padding[i] : size * s;
    return (size - 1) * s + k + (spec->has_output_padding ? spec->output_padding[i] : k < s ? s - k : 0);
}

/* [batch, (1,) sizes..., channels] as an operand. x has the spatial axes at 1 .... */
static struct qc_tensor *output_shape(struct qc_build *b, struct qc_tensor *x, const struct qc_conv_spec *spec, int32_t channels)
{
    struct qc_tensor *part[5];
    int32_t sizes[5];
    int count = 0;
    bool any_free = qc_lower_is_free(b, x, 0);
    part[count] = any_free ? qc_lower_size(b, x, 0) : qc_build_i32(b, x->dims[0]);
    sizes[count++] = x->dims[0];
    if (spec->rank == 1) {
        part[count] = qc_build_i32(b, 1);
        sizes[count++] = 1;
    }
    for (int i = 0; i < spec->rank; i++) {
        int32_t size = x->dims[i + 1], out = output_size(spec, i, size), s = spec->stride[i];
        if (qc_lower_is_free(b, x, i + 1) && spec->output[i] <= 0) { /* every formula is size * stride + a constant */
            any_free = true;
            part[count] = qc_build_binary(b, tfl_BuiltinOperator_MUL, qc_lower_size(b, x, i + 1), qc_build_i32(b, s));
            if (out != size * s) part[count] = qc_build_binary(b, tfl_BuiltinOperator_ADD, part[count], qc_build_i32(b, out - size * s));
        } else {
            part[count] = qc_build_i32(b, out);
        }
        sizes[count++] = out;
    }
    part[count] = qc_build_i32(b, channels);
    sizes[count++] = channels;
    if (!any_free) return qc_build_i32s(b, count, sizes);
    QC_OPTIONS(b, PackOptions, options);
    if (!options) return NULL;
    options->values_count = count;
    return qc_build_op(b, tfl_BuiltinOperator_PACK, options, count, part);
}

/* An operator whose output shape is an operand cannot infer it here if that is computed. */
static struct qc_tensor *shaped(struct qc_tensor *y, const struct qc_tensor *x, const struct qc_conv_spec *spec, int32_t channels)
{
    if (!y || y->has_shape) return y;
    int rank = 0;
    y->dims[rank++] = x->dims[0];
    if (spec->rank == 1) y->dims[rank++] = 1;
    for (int i = 0; i < spec->rank; i++) y->dims[rank++] = output_size(spec, i, x->dims[i + 1]);
    y->dims[rank++] = channels;
    y->rank = (uint8_t)rank;
    y->has_shape = true;
    memcpy(y->signature, y->dims, sizeof y->dims);
    return y;
}

static struct qc_tensor *transpose_2d(struct qc_build *b, struct qc_tensor *x, struct qc_tensor *shape, const struct qc_conv_spec *spec)
{
    int r = spec->rank;
    struct qc_weight kernel = spec->kernel;
    if (r == 1) { /* [k, O, I] as [1, k, O, I] */
        kernel.rank = 4;
        kernel.dims[0] = 1;
        memcpy(kernel.dims + 1, spec->kernel.dims, 3 * sizeof *kernel.dims);
        x = qc_lower_expand(b, x, 1);
    }
    struct qc_weight filter = qc_weight_transposed(b, &kernel, (int32_t[]){2, 0, 1, 3});
    QC_OPTIONS(b, TransposeConvOptions, options);
    if (!options) return NULL;
    options->padding = spec->padding == QC_PADDING_SAME ? tfl_Padding_SAME : tfl_Padding_VALID;
    options->stride_h = r == 1 ? 1 : spec->stride[0];
    options->stride_w = spec->stride[r - 1];
    struct qc_tensor *in[] = {shape, qc_weight_constant(b, "kernel", &filter), x, NULL};
    if (spec->bias.data) in[3] = qc_weight_constant(b, "bias", &spec->bias);
    return qc_build_op(b, tfl_BuiltinOperator_TRANSPOSE_CONV, options, spec->bias.data ? 4 : 3, in);
}

static struct qc_tensor *transpose_3d(struct qc_build *b, struct qc_tensor *x, struct qc_tensor *shape, const struct qc_conv_spec *spec)
{
    QC_OPTIONS(b, Conv3DOptions, options);
    if (!options) return NULL;
    options->padding = spec->padding == QC_PADDING_SAME ? tfl_Padding_SAME : tfl_Padding_VALID;
    options->stride_d = spec->stride[0];
    options->stride_h = spec->stride[1];
    options->stride_w = spec->stride[2];
    struct qc_tensor *in[] = {shape, qc_weight_constant(b, "kernel", &spec->kernel), x, NULL};
    if (spec->bias.data) in[3] = qc_weight_constant(b, "bias", &spec->bias);
    return qc_build_op(b, tfl_BuiltinOperator_CONV_3D_TRANSPOSE, options, spec->bias.data ? 4 : 3, in);
}

struct qc_tensor *qc_lower_conv_transpose(struct qc_build *b, struct qc_tensor *x, const struct qc_conv_spec *given)
{
    struct qc_conv_spec spec = *given;
    if (!x || !qc_conv_spec_complete(b, x, &spec)) return NULL;
    int r = spec.rank;
    if (spec.channels_first) x = qc_lower_to_last(b, x);
    struct qc_tensor *whole = x;
    if (!(x = qc_lower_fold_batch(b, x, r))) return NULL;
    int32_t channels = spec.kernel.dims[r];
    if (spec.kernel.dims[r + 1] != x->dims[r + 1])
        return qc_lower_fail(b, QC_FORMAT, "a kernel for %d input channels with an input of %d", spec.kernel.dims[r + 1], x->dims[r + 1]);
    if (spec.bias.data && !qc_weight_expect(b, "bias", &spec.bias, 1, &channels)) return NULL;
    if (spec.padding != QC_PADDING_SAME && spec.padding != QC_PADDING_VALID)
        return qc_lower_fail(b, QC_UNSUPPORTED, "a transposed convolution with padding other than 'valid' or 'same'");
    spec.kernel = dilated(b, &spec.kernel, r, spec.dilation);
    for (int i = 0; i < r; i++)
        if (output_size(&spec, i, x->dims[i + 1]) < 1) return qc_lower_fail(b, QC_FORMAT, "the transposed convolution has an empty output");
    struct qc_tensor *shape = output_shape(b, x, &spec, channels);
    struct qc_tensor *y = shaped(r == 3 ? transpose_3d(b, x, shape, &spec) : transpose_2d(b, x, shape, &spec), x, &spec, channels);
    if (r == 1) y = qc_lower_squeeze(b, y, 1);
    y = qc_lower_activation(b, qc_lower_unfold_batch(b, y, r, whole), &spec.activation);
    return spec.channels_first ? qc_lower_to_first(b, y) : y;
}
