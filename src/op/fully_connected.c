/*
 * fully_connected.c - FULLY_CONNECTED: the rows of x against the rows of weights [units, depth].
 *
 * x may have any rank: its elements are taken as rows of `depth`. With keep_num_dims the output keeps the leading dimensions. Weights with a
 * scale for each block go to op/shared/blockwise.h, those of 16 bits are done here, all others go to op/shared/product.h.
 */
#include "op/quant_rule.h"
#include "op/shared/blockwise.h"
#include "op/shared/fused.h"
#include "op/shared/product.h"
#include "op/shared/quantized.h"
#include "op/shared/sliding.h"
#include "op/shared/version.h"
#include "op/shared/wide_matrices.h"

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
    bool shifted = w->type == QC_INT8 && w->quant && w->quant->count == 1 && w->quant->zero_point[0]; /* not for XNNPACK */
    bool wide = bias ? bias->type == QC_INT64 : o->quantized_bias_type == tfl_TensorType_INT64;
    enum qc_rounding rounding = reference ? QC_ROUND_F64 : x->type == QC_INT16 ? QC_ROUND_ONCE : QC_ROUND_UP;
    if (x->type == QC_INT16 && wide) rounding = QC_ROUND_F64;
    else if (!reference && x->type != QC_INT16 && constant && !shifted) rounding = QC_ROUND_F32;
    return (struct qc_product){.x = 0, .w = 1, .bias = 2, .w_axis = 0, .activation = o->fused_activation_function, .rounding = rounding,
                               .narrow = !reference && !wide, .float_product = true, .any_zero = true,
                               .hybrid = constant && w->type != QC_UINT8 && !reference ? QC_ROW_XNNPACK
                                         : o->asymmetric_quantize_inputs ? QC_ROW_ASYMMETRIC : QC_ROW_SYMMETRIC};
}

/* ---- int16 by int16, in 64 bits ---- */

struct wide {
    struct qc_conv conv;
    struct qc_multiplier *multiplier; /* [units] */
    int64_t w_zero;
    int32_t low, high;
    struct qc_wide_matrices matrices;
    size_t total_at, work_at; /* in scratch */
};

static bool is_wide(const struct qc_step *step)
{
    return step->in[0]->type == QC_INT16 && step->in[1]->type == QC_INT16;
}

static qc_status wide_check(struct qc_step *step, int32_t units)
{
    const struct qc_value *w = step->in[1], *bias = qc_operand(step, 2);
    QC_TRY(qc_require_symmetric(step, "input 0", step->in[0]));
    QC_TRY(qc_require_symmetric(step, "output 0", step->out[0]));
    QC_TRY(qc_require_scales(step, "input 1", w));
    if (w->quant->count > 1 && w->quant->axis) return qc_step_fail(step, QC_FORMAT, "input 1 is quantized along axis %d, not 0", (int)w->quant->axis);
    return qc_require_bias(step, 2, bias && bias->type == QC_INT64 ? QC_INT64 : QC_INT32, units);
}

static qc_status wide_plan(struct qc_step *step)
{
    const struct tfl_FullyConnectedOptions *o = step->options;
    const struct qc_quant *quant = step->in[1]->quant;
    struct wide *s = step->state = qc_step_alloc(step, sizeof *s);
    if (!s) return QC_NOMEM;
    QC_TRY(geometry(step, &s->conv));
    if (!(s->multiplier = qc_step_alloc(step, (size_t)s->conv.out_channels * sizeof *s->multiplier))) return QC_NOMEM;
    const float x = qc_value_scale(step->in[0]), y = qc_value_scale(step->out[0]);
    for (int32_t n = 0; n < s->conv.out_channels; n++) {
        const double product = quant->count > 1 ? (double)x * quant->scale[n] : (double)(x * quant->scale[0]);
        s->multiplier[n] = qc_multiplier_of(product / y);
    }
    s->w_zero = quant->count > 1 ? 0 : quant->zero_point[0];
    const size_t rows = (size_t)s->conv.batch, units = (size_t)s->conv.out_channels, depth = (size_t)s->conv.in_channels;
    s->matrices = (struct qc_wide_matrices){.rows = rows, .columns = units, .depth = depth, .w_depth = 1, .w_column = depth};
    s->total_at = qc_step_scratch(step, rows * units * sizeof(int64_t));
    s->work_at = qc_step_scratch(step, qc_wide_matrices_plan(&s->matrices, qc_pool_threads(step->rt->pool)));
    step->kernel = s->matrices.kernel->variant.name;
    return qc_fused_limits_quantized(step, o->fused_activation_function, step->out[0], &s->low, &s->high);
}

static int64_t wide_bias(const struct qc_value *bias, size_t n)
{
    return !bias ? 0 : bias->type == QC_INT64 ? ((const int64_t *)bias->data)[n] : ((const int32_t *)bias->data)[n];
}

static qc_status wide_run(struct qc_step *step)
{
    const struct wide *s = step->state;
    const struct qc_wide_matrices *m = &s->matrices;
    const struct qc_value *bias = qc_operand(step, 2);
    const int16_t *x = step->in[0]->data;
    int16_t *y = step->out[0]->data;
    int64_t *total = (int64_t *)(void *)((char *)step->scratch + s->total_at);
    qc_wide_matrices_run(m, x, step->in[1]->data, total, (char *)step->scratch + s->work_at, step->rt->pool);
    for (size_t i = 0; i < m->rows; i++) {
        int64_t row = 0;
        for (size_t k = 0; k < m->depth && s->w_zero; k++) row += x[i * m->depth + k];
        for (size_t n = 0; n < m->columns; n++) {
            const uint64_t sum = (uint64_t)(total[i * m->columns + n] - row * s->w_zero) + (uint64_t)wide_bias(bias, n);
            y[i * m->columns + n] = (int16_t)qc_clamp(qc_requant_wide((int64_t)sum, s->multiplier[n]), s->low, s->high);
        }
    }
    return QC_OK;
}

/* ---- all forms ---- */

static qc_status infer(struct qc_step *step)
{
    const struct tfl_FullyConnectedOptions *o = step->options;
    struct qc_conv conv;
    QC_TRY(geometry(step, &conv));
    struct qc_product product = product_of(step);
    QC_TRY(qc_is_blockwise(step->in[1]) ? qc_blockwise_check(step)
           : is_wide(step)              ? wide_check(step, conv.out_channels)
                                        : qc_product_check(step, &product, conv.out_channels));
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
    if (is_wide(step)) return wide_plan(step);
    struct qc_product *product = step->state = qc_step_alloc(step, sizeof *product);
    if (!product) return QC_NOMEM;
    *product = product_of(step);
    const struct qc_value *w = step->in[1]; /* LiteRT's x86 kernel; weights of int8 keep off -128, which is 0x80 */
    product->turns_128 = step->in[0]->type == QC_FLOAT32 && w->type == QC_UINT8 && (!w->constant || memchr(w->data, 0x80, w->bytes));
    QC_TRY(geometry(step, &product->conv));
    return qc_product_plan(step, product);
}

static qc_status prepare(struct qc_step *step)
{
    if (is_wide(step)) return QC_OK;
    return qc_is_blockwise(step->in[1]) ? qc_blockwise_prepare(step, step->state) : qc_product_prepare(step, step->state);
}

static qc_status run(struct qc_step *step)
{
    if (is_wide(step)) return wide_run(step);
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
