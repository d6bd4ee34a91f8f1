/*
 * fully_connected.c - FULLY_CONNECTED: the rows of x against the rows of weights [units, depth].
 *
 * x may have any rank: its elements are taken as rows of `depth`. With keep_num_dims the output keeps the leading dimensions. Weights with a
 * scale for each block go to op/shared/blockwise.h, all others to op/shared/product.h.
 */
#include "op/quant_rule.h"
#include "op/shared/blockwise.h"
#include "op/shared/product.h"
#include "op/shared/quantized.h"
#include "op/shared/sliding.h"
#include "op/shared/version.h"

static qc_status geometry(struct qc_step *step, struct qc_conv *conv)
{
    const struct tfl_FullyConnectedOptions *o = step->options;
    QC_TRY(qc_require_rank(step, 1, 2));
    const struct qc_value *x = qc_operand(step, 0), *w = step->in[1];
    if (!x || x->rank < 1) return qc_step_fail(step, QC_FORMAT, "input 0 must be a tensor of rank 1 or more");
    if (o->weights_format)
        return qc_step_fail(step, QC_UNSUPPORTED, "weights in the shuffled 4x16 layout; convert the model without it");
    int32_t units = w->dims[0], depth = w->dims[1];
    size_t elements = qc_value_elements(x), rows = depth ? elements / (size_t)depth : qc_value_span(x, 0, x->rank - 1);
    if (rows * (size_t)depth != elements || rows > INT32_MAX)
        return qc_step_fail(step, QC_FORMAT, "the %zu elements of input 0 do not divide into rows of %d, the depth of the weights",
                            elements, (int)depth);
    if (o->keep_num_dims && x->dims[x->rank - 1] != depth)
        return qc_step_fail(step, QC_FORMAT, "input 0: the last dimension is %d, but the weights have depth %d",
                            (int)x->dims[x->rank - 1], (int)depth);
    *conv = (struct qc_conv){.batch = (int32_t)rows, .in = {1, 1, 1}, .out = {1, 1, 1}, .kernel = {1, 1, 1}, .stride = {1, 1, 1},
                             .dilation = {1, 1, 1}, .in_channels = depth, .out_channels = units, .groups = 1};
    return QC_OK;
}

static struct qc_product product_of(const struct qc_step *step)
{
    const struct tfl_FullyConnectedOptions *o = step->options;
    const struct qc_value *x = step->in[0], *w = step->in[1], *bias = qc_operand(step, 2);
    bool constant = w->constant && (!bias || bias->constant), reference = step->rt->reference;
    bool wide = bias ? bias->type == QC_INT64 : o->quantized_bias_type == tfl_TensorType_INT64;
    enum qc_rounding rounding = reference ? QC_ROUND_F64 : x->type == QC_INT16 ? QC_ROUND_ONCE : QC_ROUND_UP;
    if (x->type == QC_INT16 && wide) rounding = QC_ROUND_F64;
    else if (!reference && x->type != QC_INT16 && constant) rounding = QC_ROUND_F32;
    return (struct qc_product){.x = 0, .w = 1, .bias = 2, .w_axis = 0, .activation = o->fused_activation_function, .rounding = rounding,
                               .narrow = !reference && !wide, .float_product = true,
                               .hybrid = constant && w->type != QC_UINT8 && !reference ? QC_ROW_XNNPACK
                                         : o->asymmetric_quantize_inputs ? QC_ROW_ASYMMETRIC : QC_ROW_SYMMETRIC};
}

static qc_status infer(struct qc_step *step)
{
    const struct tfl_FullyConnectedOptions *o = step->options;
    struct qc_conv conv;
    QC_TRY(geometry(step, &conv));
    struct qc_product product = product_of(step);
    QC_TRY(qc_is_blockwise(step->in[1]) ? qc_blockwise_check(step) : qc_product_check(step, &product, conv.out_channels));
    const struct qc_value *x = step->in[0];
    if (!o->keep_num_dims) return qc_step_output(step, 0, x->type, 2, (int32_t[]){conv.batch, conv.out_channels});
    int32_t dims[QC_MAX_RANK];
    memcpy(dims, x->dims, sizeof dims);
    dims[x->rank - 1] = conv.out_channels;
    return qc_step_output(step, 0, x->type, x->rank, dims);
}

static qc_status plan(struct qc_step *step)
{
    const struct tfl_FullyConnectedOptions *o = step->options;
    if (qc_is_blockwise(step->in[1])) return qc_blockwise_plan(step, o->fused_activation_function, (struct qc_blockwise **)&step->state);
    struct qc_product *product = step->state = qc_step_alloc(step, sizeof *product);
    if (!product) return QC_NOMEM;
    *product = product_of(step);
    QC_TRY(geometry(step, &product->conv));
    return qc_product_plan(step, product);
}

static qc_status prepare(struct qc_step *step)
{
    return qc_is_blockwise(step->in[1]) ? qc_blockwise_prepare(step, step->state) : qc_product_prepare(step, step->state);
}

static qc_status run(struct qc_step *step)
{
    if (!qc_is_blockwise(step->in[1])) return qc_product_run(step, step->state);
    qc_blockwise_run(step, step->state);
    return QC_OK;
}

static int version(const struct qc_node *node)
{
    const struct tfl_FullyConnectedOptions *o = node->options;
    qc_dtype x = qc_node_type(node, 0), w = qc_node_type(node, 1);
    bool hybrid = qc_node_hybrid(node, 0, 1);
    if (w == QC_INT2) return 14;
    if (x == QC_INT16 && w == QC_INT4) return 13;
    if (hybrid && qc_node_per_channel(node, 1)) return 12;
    if (x == QC_INT16 && w == QC_INT8 && o && o->quantized_bias_type) return 11;
    if (node->in_count == 2) return 6;
    if (o && o->keep_num_dims) return 5;
    if (x == QC_INT8) return w == QC_INT4 ? 10 : 4;
    if (hybrid) return o && o->asymmetric_quantize_inputs ? 9 : 3;
    return 1;
}

static const struct qc_quant_rule rule = {
    .modes = QC_Q_INT8 | QC_Q_INT16 | QC_Q_HYBRID,
    .in = {{QC_ROLE_ACTIVATION, 0, 0, 0}, {QC_ROLE_WEIGHT, 0, 0, 0}, {QC_ROLE_BIAS, 0, 0, 1}},
    .hybrid = 1 << 1, .hybrid_axis = 0,
};

const struct qc_op qc_op_fully_connected[] = {
    {.name = "FULLY_CONNECTED", .stored = 1 << 1, .code = tfl_BuiltinOperator_FULLY_CONNECTED, .options = &tfl_FullyConnectedOptions_table, .in_min = 2,
     .in_max = 3, .out_min = 1, .out_max = 1, .max_version = 14, .quant = &rule, .infer = infer, .plan = plan, .prepare = prepare,
     .run = run, .version = version},
    {0},
};
