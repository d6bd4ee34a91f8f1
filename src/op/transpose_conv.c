/*
 * transpose_conv.c - TRANSPOSE_CONV, CONV_3D and CONV_3D_TRANSPOSE: shapes and geometry; the rest is op/shared/product.h.
 *
 * Weights are [out, height, width, in] in 2-D; [depth, height, width, in, out] in CONV_3D and [depth, height, width, out, in] in its
 * transpose. A transposed convolution is told its output's shape; its padding is that of the convolution from output to input.
 */
#include "op/quant_rule.h"
#include "op/shared/check.h"
#include "op/shared/product.h"
#include "op/shared/sliding.h"
#include "op/shared/version.h"

struct layout { /* where an operator keeps things */
    int axes;   /* spatial: 2 or 3 */
    int x, w, bias;
    int w_first, w_in, w_out; /* axes of the weights: first spatial, input channels, output channels */
    const uint8_t *order;
    bool transposed;
};

static const uint8_t order_3d[] = {4, 0, 1, 2, 3}, order_3d_transposed[] = {3, 0, 1, 2, 4};

static struct layout layout_of(const struct qc_step *step)
{
    switch (step->op->code) {
    case tfl_BuiltinOperator_CONV_3D: return (struct layout){3, 0, 1, 2, 0, 3, 4, order_3d, false};
    case tfl_BuiltinOperator_CONV_3D_TRANSPOSE: return (struct layout){3, 2, 1, 3, 0, 4, 3, order_3d_transposed, true};
    default: return (struct layout){2, 2, 1, 3, 1, 3, 0, NULL, true};
    }
}

/* Strides and dilations of depth, height and width. */
static int options_of(const struct qc_step *step, int32_t stride[3], int32_t dilation[3], int *activation)
{
    dilation[0] = dilation[1] = dilation[2] = stride[0] = 1;
    if (step->op->code == tfl_BuiltinOperator_TRANSPOSE_CONV) {
        const struct tfl_TransposeConvOptions *o = step->options;
        stride[1] = o->stride_h, stride[2] = o->stride_w;
        *activation = o->fused_activation_function;
        return o->padding;
    }
    const struct tfl_Conv3DOptions *o = step->options;
    stride[0] = o->stride_d, stride[1] = o->stride_h, stride[2] = o->stride_w;
    dilation[0] = o->dilation_d_factor, dilation[1] = o->dilation_h_factor, dilation[2] = o->dilation_w_factor;
    *activation = o->fused_activation_function;
    return o->padding;
}

/* The declared output shape of a transposed convolution. */
static qc_status read_output_shape(struct qc_step *step, const struct layout *l, int32_t dims[5])
{
    int64_t values[5];
    int count, rank = l->axes + 2;
    QC_TRY(qc_read_ints(step, 0, 5, values, &count));
    if (count != rank) return qc_step_fail(step, QC_FORMAT, "input 0 (output shape): %d numbers, not %d", count, rank);
    for (int i = 0; i < rank; i++) QC_TRY(qc_need_dim(step, values[i], &dims[i]));
    const int32_t *x = step->in[l->x]->dims, *w = step->in[l->w]->dims;
    if (dims[0] != x[0] || dims[rank - 1] != w[l->w_out])
        return qc_step_fail(step, QC_FORMAT, "input 0 (output shape): batch %d and %d channels, but the operands give %d and %d",
                            (int)dims[0], (int)dims[rank - 1], (int)x[0], (int)w[l->w_out]);
    return QC_OK;
}

static qc_status geometry(struct qc_step *step, const struct layout *l, struct qc_conv *c, int *activation)
{
    static const char *const name[] = {"depth", "height", "width"};
    int rank = l->axes + 2, first = 3 - l->axes;
    QC_TRY(qc_require_rank(step, l->x, rank));
    QC_TRY(qc_require_rank(step, l->w, rank));
    const int32_t *x = step->in[l->x]->dims, *w = step->in[l->w]->dims;
    int32_t declared[5];
    if (l->transposed) QC_TRY(read_output_shape(step, l, declared));
    *c = (struct qc_conv){.batch = x[0], .in = {1, 1, 1}, .out = {1, 1, 1}, .kernel = {1, 1, 1}, .in_channels = x[rank - 1],
                          .out_channels = w[l->w_out], .groups = 1, .transposed = l->transposed};
    int padding = options_of(step, c->stride, c->dilation, activation);
    if (x[rank - 1] < 1 || x[rank - 1] != w[l->w_in])
        return qc_step_fail(step, QC_FORMAT, "%d input channels do not fit weights for %d", (int)x[rank - 1], (int)w[l->w_in]);
    if (c->out_channels < 1) return qc_step_fail(step, QC_FORMAT, "input %d: no output channels", l->w);
    for (int i = first; i < 3; i++) {
        c->in[i] = x[1 + i - first];
        c->kernel[i] = w[l->w_first + i - first];
        int32_t unused, *positions = l->transposed ? &unused : &c->out[i];
        if (l->transposed) c->out[i] = declared[1 + i - first];
        QC_TRY(qc_window_axis(step, name[i], l->transposed ? c->out[i] : c->in[i], c->kernel[i], c->stride[i], c->dilation[i], padding,
                              positions, &c->before[i]));
    }
    return QC_OK;
}

/* Does XNNPACK take it in LiteRT? Constant operands, and with SAME no stride beyond the kernel. */
static bool is_delegated(const struct qc_step *step, const struct layout *l)
{
    const struct qc_value *w = step->in[l->w], *bias = qc_operand(step, l->bias);
    if (step->rt->reference || l->axes != 2 || (w->type != QC_INT8 && w->type != QC_UINT8)) return false;
    if (!w->constant || (bias && !bias->constant) || !step->in[0]->constant) return false;
    const struct tfl_TransposeConvOptions *o = step->options;
    return o->padding != tfl_Padding_SAME || (w->dims[1] >= o->stride_h && w->dims[2] >= o->stride_w);
}

static struct qc_product product_of(const struct qc_step *step, const struct layout *l)
{
    const qc_dtype type = step->in[l->x]->type;
    const bool xnnpack = is_delegated(step, l);
    enum qc_rounding rounding = QC_ROUND_TWICE; /* reference, and int16 */
    if (!step->rt->reference && type != QC_INT16) rounding = xnnpack ? QC_ROUND_F32 : QC_ROUND_VECTORS;
    return (struct qc_product){.x = l->x, .w = l->w, .bias = l->bias, .w_axis = l->w_out, .order = l->order,
                               .rounding = rounding, .float_product = step->in[l->w]->type == QC_UINT8,
                               .hybrid = xnnpack ? QC_ROW_XNNPACK : QC_ROW_ASYMMETRIC};
}

static qc_status infer(struct qc_step *step)
{
    struct layout l = layout_of(step);
    if (!qc_operand(step, l.x) || !qc_operand(step, l.w)) return qc_step_fail(step, QC_FORMAT, "an operand is missing");
    const struct qc_value *x = step->in[l.x];
    if (l.axes == 3 && (x->type != QC_FLOAT32 || step->in[l.w]->type != QC_FLOAT32)) return qc_step_unsupported_type(step);
    if (l.transposed && (!step->in[0] || !step->in[0]->known)) return qc_defer(step, 0, x->type);
    struct qc_conv conv;
    int unused;
    QC_TRY(geometry(step, &l, &conv, &unused));
    struct qc_product product = product_of(step, &l);
    QC_TRY(qc_product_check(step, &product, conv.out_channels));
    int32_t dims[5] = {conv.batch};
    for (int i = 0; i < l.axes; i++) dims[1 + i] = conv.out[3 - l.axes + i];
    dims[l.axes + 1] = conv.out_channels;
    return qc_step_output(step, 0, x->type, l.axes + 2, dims);
}

static qc_status plan(struct qc_step *step)
{
    struct qc_product *product = step->state = qc_step_alloc(step, sizeof *product);
    if (!product) return QC_NOMEM;
    struct layout l = layout_of(step);
    *product = product_of(step, &l);
    QC_TRY(geometry(step, &l, &product->conv, &product->activation));
    return qc_product_plan(step, product);
}

static qc_status prepare(struct qc_step *step)
{
    return qc_product_prepare(step, step->state);
}

static qc_status run(struct qc_step *step)
{
    return qc_product_run(step, step->state);
}

static int version(const struct qc_node *node)
{
    const struct tfl_TransposeConvOptions *o = node->options;
    if (qc_node_type(node, 2) == QC_INT16 && o && o->quantized_bias_type) return 5;
    if (o && o->fused_activation_function) return 4;
    if (node->in_count == 4 && node->in[3]) return 3;
    return qc_node_type(node, 1) == QC_INT8 ? 2 : 1;
}

static const struct qc_quant_rule rule = {
    .modes = QC_Q_INT8 | QC_Q_INT16 | QC_Q_HYBRID,
    .in = {{QC_ROLE_KEEP, 0, 0, 0}, {QC_ROLE_WEIGHT, 0, 0, 0}, {QC_ROLE_ACTIVATION, 0, 0, 0}, {QC_ROLE_BIAS, 0, 2, 1}},
    .hybrid = 1 << 1, .hybrid_axis = -1,
};

const struct qc_op qc_op_transpose_conv[] = {
    {.name = "TRANSPOSE_CONV", .stored = 1 << 1, .code = tfl_BuiltinOperator_TRANSPOSE_CONV, .options = &tfl_TransposeConvOptions_table, .in_min = 3,
     .in_max = 4, .out_min = 1, .out_max = 1, .max_version = 5, .quant = &rule, .infer = infer, .plan = plan, .prepare = prepare,
     .run = run, .version = version},
    {.name = "CONV_3D", .stored = 1 << 1, .code = tfl_BuiltinOperator_CONV_3D, .options = &tfl_Conv3DOptions_table, .in_min = 2, .in_max = 3,
     .out_min = 1, .out_max = 1, .infer = infer, .plan = plan, .prepare = prepare, .run = run},
    {.name = "CONV_3D_TRANSPOSE", .stored = 1 << 1, .code = tfl_BuiltinOperator_CONV_3D_TRANSPOSE, .options = &tfl_Conv3DOptions_table, .in_min = 3,
     .in_max = 4, .out_min = 1, .out_max = 1, .infer = infer, .plan = plan, .prepare = prepare, .run = run},
    {0},
};
