/*
 * conv_2d.c - CONV_2D and DEPTHWISE_CONV_2D: shapes and geometry; the rest is op/shared/product.h.
 *
 * Weights of CONV_2D are [out, height, width, in / groups]; the number of groups follows from the shapes. Those of
 * DEPTHWISE_CONV_2D are [1, height, width, out], where out is a multiple of the input channels.
 */
#include "op/quant_rule.h"
#include "op/shared/product.h"
#include "op/shared/version.h"
#include "op/shared/sliding.h"

struct window_options { /* what both operators' options say, in one form */
    int padding, stride_h, stride_w, dilation_h, dilation_w, activation;
};

static struct window_options options_of(const struct qc_step *step)
{
    if (step->op->code == tfl_BuiltinOperator_CONV_2D) {
        const struct tfl_Conv2DOptions *o = step->options;
        return (struct window_options){o->padding, o->stride_h, o->stride_w, o->dilation_h_factor, o->dilation_w_factor,
                                       o->fused_activation_function};
    }
    const struct tfl_DepthwiseConv2DOptions *o = step->options;
    return (struct window_options){o->padding, o->stride_h, o->stride_w, o->dilation_h_factor, o->dilation_w_factor,
                                   o->fused_activation_function};
}

/* Fills and checks the geometry. */
static qc_status geometry(struct qc_step *step, struct qc_conv *conv)
{
    QC_TRY(qc_require_rank(step, 0, 4));
    QC_TRY(qc_require_rank(step, 1, 4));
    struct window_options o = options_of(step);
    const int32_t *x = step->in[0]->dims, *w = step->in[1]->dims;
    bool depthwise = step->op->code == tfl_BuiltinOperator_DEPTHWISE_CONV_2D;
    *conv = (struct qc_conv){.batch = x[0], .in = {1, x[1], x[2]}, .out = {1, 1, 1}, .kernel = {1, w[1], w[2]},
                             .stride = {1, o.stride_h, o.stride_w}, .dilation = {1, o.dilation_h, o.dilation_w},
                             .in_channels = x[3], .out_channels = depthwise ? w[3] : w[0]};
    int32_t depth = depthwise ? 1 : w[3];
    if (depthwise && w[0] != 1) return qc_step_fail(step, QC_FORMAT, "input 1: the first dimension is %d, not 1", (int)w[0]);
    if (x[3] < 1 || depth < 1 || x[3] % depth)
        return qc_step_fail(step, QC_FORMAT, "%d input channels do not fit filters of %d", (int)x[3], (int)depth);
    conv->groups = x[3] / depth;
    if (conv->out_channels < 1 || conv->out_channels % conv->groups)
        return qc_step_fail(step, QC_FORMAT, "%d output channels are no multiple of the %d groups that %d input channels make",
                            (int)conv->out_channels, (int)conv->groups, (int)x[3]);
    QC_TRY(qc_window_axis(step, "height", x[1], w[1], o.stride_h, o.dilation_h, o.padding, &conv->out[1], &conv->before[1]));
    return qc_window_axis(step, "width", x[2], w[2], o.stride_w, o.dilation_w, o.padding, &conv->out[2], &conv->before[2]);
}

static const uint8_t depthwise_order[] = {3, 1, 2, 0};

static struct qc_product product_of(const struct qc_step *step)
{
    bool depthwise = step->op->code == tfl_BuiltinOperator_DEPTHWISE_CONV_2D;
    const struct qc_value *w = step->in[1], *bias = qc_operand(step, 2);
    bool xnnpack = (w->type == QC_INT8 || w->type == QC_UINT8) && w->constant && bias && bias->constant;
    bool optimized = !step->rt->reference && (depthwise || step->in[0]->dims[3] == w->dims[3]); /* TFLite has it not for groups */
    enum qc_rounding rounding = !optimized ? QC_ROUND_TWICE : depthwise ? QC_ROUND_VECTORS : QC_ROUND_UP;
    if (step->in[0]->type == QC_INT16) rounding = optimized && !depthwise ? QC_ROUND_ONCE : QC_ROUND_TWICE;
    if (xnnpack && !step->rt->reference && step->in[0]->type != QC_INT16) rounding = QC_ROUND_F32;
    return (struct qc_product){.x = 0, .w = 1, .bias = 2, .w_axis = depthwise ? 3 : 0, .order = depthwise ? depthwise_order : NULL,
                               .activation = options_of(step).activation, .rounding = rounding, .float_product = w->type == QC_UINT8,
                               .hybrid = xnnpack && !depthwise && !step->rt->reference ? QC_ROW_XNNPACK : QC_ROW_ASYMMETRIC};
}

static qc_status infer(struct qc_step *step)
{
    struct qc_conv conv;
    QC_TRY(geometry(step, &conv));
    struct qc_product product = product_of(step);
    QC_TRY(qc_product_check(step, &product, conv.out_channels));
    return qc_step_output(step, 0, step->in[0]->type, 4, (int32_t[]){conv.batch, conv.out[1], conv.out[2], conv.out_channels});
}

static qc_status plan(struct qc_step *step)
{
    struct qc_product *product = step->state = qc_step_alloc(step, sizeof *product);
    if (!product) return QC_NOMEM;
    *product = product_of(step);
    QC_TRY(geometry(step, &product->conv));
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

static void rows_needed(const struct qc_step *step, int32_t begin, int32_t end, int32_t *first, int32_t *last)
{
    const struct qc_conv *c = &((const struct qc_product *)step->state)->conv;
    const int64_t top = (int64_t)begin * c->stride[1] - c->before[1];
    const int64_t bottom = (int64_t)(end - 1) * c->stride[1] - c->before[1] + (int64_t)(c->kernel[1] - 1) * c->dilation[1] + 1;
    *first = (int32_t)QC_MIN(QC_MAX(top, 0), c->in[1]);
    *last = (int32_t)QC_MIN(QC_MAX(bottom, *first), c->in[1]);
}

static void run_rows(struct qc_step *step, int32_t begin, int32_t end)
{
    qc_product_run_rows(step, step->state, begin, end);
}

static int conv_version(const struct qc_node *node)
{
    const struct tfl_Conv2DOptions *o = node->options;
    qc_dtype x = qc_node_type(node, 0), w = qc_node_type(node, 1);
    if (x == QC_INT16 && w == QC_INT8 && o && o->quantized_bias_type) return 8;
    if (node->in[0]->rank == 4 && node->in[1]->rank == 4 && node->in[1]->dims[3] != node->in[0]->dims[3]) return 6;
    if (x == QC_INT8) return w == QC_INT4 ? 7 : 3;
    if (qc_node_hybrid(node, 0, 1)) return qc_node_per_channel(node, 1) ? 5 : 2;
    return 1;
}

static int depthwise_version(const struct qc_node *node)
{
    const struct tfl_DepthwiseConv2DOptions *o = node->options;
    qc_dtype x = qc_node_type(node, 0), w = qc_node_type(node, 1);
    if (x == QC_INT8) return w == QC_INT4 ? 7 : 3;
    if (qc_node_hybrid(node, 0, 1)) return qc_node_per_channel(node, 1) ? 6 : 4;
    return o && (o->dilation_w_factor != 1 || o->dilation_h_factor != 1) ? 2 : 1;
}

static const struct qc_quant_rule conv_rule = {
    .modes = QC_Q_INT8 | QC_Q_INT16 | QC_Q_HYBRID,
    .in = {{QC_ROLE_ACTIVATION, 0, 0, 0}, {QC_ROLE_WEIGHT, 0, 0, 0}, {QC_ROLE_BIAS, 0, 0, 1}},
    .hybrid = 1 << 1, .hybrid_axis = 0,
};
static const struct qc_quant_rule depthwise_rule = {
    .modes = QC_Q_INT8 | QC_Q_INT16 | QC_Q_HYBRID,
    .in = {{QC_ROLE_ACTIVATION, 0, 0, 0}, {QC_ROLE_WEIGHT, 3, 0, 0}, {QC_ROLE_BIAS, 0, 0, 1}},
    .hybrid = 1 << 1, .hybrid_axis = 3,
};

const struct qc_op qc_op_conv_2d[] = {
    {.name = "CONV_2D", .stored = 1 << 1, .code = tfl_BuiltinOperator_CONV_2D, .options = &tfl_Conv2DOptions_table, .in_min = 2, .in_max = 3,
     .out_min = 1, .out_max = 1, .max_version = 8, .quant = &conv_rule, .infer = infer, .plan = plan, .prepare = prepare, .run = run,
     .rows_needed = rows_needed, .run_rows = run_rows, .version = conv_version},
    {.name = "DEPTHWISE_CONV_2D", .stored = 1 << 1, .code = tfl_BuiltinOperator_DEPTHWISE_CONV_2D, .options = &tfl_DepthwiseConv2DOptions_table,
     .in_min = 2, .in_max = 3, .out_min = 1, .out_max = 1, .max_version = 7, .quant = &depthwise_rule, .infer = infer, .plan = plan,
     .prepare = prepare, .run = run, .rows_needed = rows_needed, .run_rows = run_rows, .version = depthwise_version},
    {0},
};
