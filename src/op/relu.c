/*
 * relu.c - activation functions of straight lines: RELU, RELU6, RELU_N1_TO_1, RELU_0_TO_1 and LEAKY_RELU.
 *
 * Quantized, each line is a multiplier: x - zero times one for the positive side, another for the negative. 8 bits are tabulated.
 */
#include "kernel/table.h"
#include "op/quant_rule.h"
#include "op/shared/fused.h"
#include "op/shared/quantized.h"
#include "op/shared/version.h"

#include <math.h>

struct state {
    float low, high, slope;
    struct qc_multiplier positive, negative;
    bool xnnpack;                          /* LEAKY_RELU: XNNPACK's 8-bit multipliers */
    int32_t coarse_positive, coarse_negative;
    int32_t x_zero, y_zero, least, most;
    uint8_t table[256];
};

static bool is_clamp(const struct qc_step *step)
{
    return step->op->code != tfl_BuiltinOperator_LEAKY_RELU;
}

static void real_limits(const struct qc_step *step, float *low, float *high)
{
    int code = step->op->code;
    *low = code == tfl_BuiltinOperator_RELU_N1_TO_1 ? -1 : 0;
    *high = code == tfl_BuiltinOperator_RELU ? INFINITY : code == tfl_BuiltinOperator_RELU6 ? 6 : 1;
}

static qc_status infer(struct qc_step *step)
{
    const struct qc_value *x = step->in[0], *y = step->out[0];
    if (!x) return qc_step_fail(step, QC_FORMAT, "input 0 is missing");
    if (x->type == QC_INT16) {
        QC_TRY(qc_require_symmetric(step, "input 0", x));
        QC_TRY(qc_require_symmetric(step, "output 0", y));
    } else if (x->type == QC_INT8 || x->type == QC_UINT8) {
        QC_TRY(qc_require_quantized(step, "input 0", x));
        QC_TRY(qc_require_quantized(step, "output 0", y));
    } else if (x->type != QC_FLOAT32) {
        return qc_step_unsupported_type(step);
    }
    return qc_step_output_like(step, 0, x->type, x);
}

/* Stored limits of a clamp: those of the type, narrowed by the function's. */
static void plan_limits(struct qc_step *step, struct state *s)
{
    float low, high, scale = qc_value_scale(step->out[0]);
    real_limits(step, &low, &high);
    float least = (float)s->y_zero + roundf(low / scale), most = (float)s->y_zero + roundf(high / scale);
    if (least > (float)s->least) s->least = (int32_t)fminf(least, (float)s->most);
    if (most < (float)s->most) s->most = (int32_t)fmaxf(most, (float)s->least);
}

static void plan_leaky(struct qc_step *step, struct state *s)
{
    float positive = qc_value_scale(step->in[0]) / qc_value_scale(step->out[0]), negative = positive * s->slope;
    s->negative = qc_multiplier_of((double)(qc_value_scale(step->in[0]) * s->slope / qc_value_scale(step->out[0])));
    s->xnnpack = !step->rt->reference && step->in[0]->type != QC_INT16 && isnormal(s->slope) && positive >= 1.0f / 256 &&
                 positive <= 128 && negative >= -127.99609375f && negative <= 128 && fabsf(negative) >= 1.0f / 256;
    if (!s->xnnpack) return;
    s->coarse_positive = (int32_t)lrintf(256 * positive);
    s->coarse_negative = (int32_t)lrintf(256 * negative);
}

/* x * m, symmetric about 0 for a negative multiplier. */
static int32_t scaled(int32_t x, struct qc_multiplier m)
{
    struct qc_multiplier magnitude = {m.multiplier < 0 ? -m.multiplier : m.multiplier, m.shift};
    int32_t y = qc_requant(x, magnitude);
    return m.multiplier < 0 ? -y : y;
}

static int32_t stored(const struct qc_step *step, int32_t x)
{
    const struct state *s = step->state;
    int32_t d = x - s->x_zero;
    bool negative = d < 0 && !is_clamp(step);
    if (s->xnnpack)
        return qc_clamp((d * (negative ? s->coarse_negative : s->coarse_positive) + s->y_zero * 256 + 128) >> 8, s->least, s->most);
    return qc_clamp(scaled(d, negative ? s->negative : s->positive) + s->y_zero, s->least, s->most);
}

static qc_status plan(struct qc_step *step)
{
    struct state *s = step->state = qc_step_alloc(step, sizeof *s);
    if (!s) return QC_NOMEM;
    const struct qc_value *x = step->in[0], *y = step->out[0];
    real_limits(step, &s->low, &s->high);
    if (!is_clamp(step)) s->slope = ((const struct tfl_LeakyReluOptions *)step->options)->alpha;
    if (x->type == QC_FLOAT32) return QC_OK;
    s->x_zero = qc_value_zero_point(x);
    s->y_zero = qc_value_zero_point(y);
    s->positive = qc_multiplier_of((double)(qc_value_scale(x) / qc_value_scale(y)));
    qc_integer_limits(x->type, &s->least, &s->most);
    if (is_clamp(step)) plan_limits(step, s);
    else plan_leaky(step, s);
    if (x->type != QC_INT16)
        for (int32_t v = x->type == QC_INT8 ? INT8_MIN : 0, n = 0; n < 256; v++, n++) s->table[(uint8_t)v] = (uint8_t)stored(step, v);
    return QC_OK;
}

static void apply_f32(const struct qc_step *step, const float *x, float *y, size_t n)
{
    const struct state *s = step->state;
    if (is_clamp(step)) {
        for (size_t i = 0; i < n; i++) {
            float v = x[i] < s->low ? s->low : x[i]; /* NaN stays */
            y[i] = v > s->high ? s->high : v;
        }
    } else {
        for (size_t i = 0; i < n; i++) y[i] = x[i] > 0 ? x[i] : x[i] * s->slope;
    }
}

static void slice(void *context, size_t begin, size_t end, int thread)
{
    const struct qc_step *step = context;
    const struct state *s = step->state;
    const void *x = step->in[0]->data;
    void *y = step->out[0]->data;
    (void)thread;
    switch (step->in[0]->type) {
    case QC_FLOAT32: apply_f32(step, (const float *)x + begin, (float *)y + begin, end - begin); break;
    case QC_INT16:
        for (size_t i = begin; i < end; i++) ((int16_t *)y)[i] = (int16_t)stored(step, ((const int16_t *)x)[i]);
        break;
    default: qc_table8_apply(s->table, (const uint8_t *)x + begin, (uint8_t *)y + begin, end - begin); break;
    }
}

static qc_status run(struct qc_step *step)
{
    qc_pool_for(step->rt->pool, qc_value_elements(step->in[0]), 16384, slice, step);
    return QC_OK;
}

static int relu_version(const struct qc_node *node)
{
    qc_dtype type = qc_node_type(node, 0);
    return type == QC_INT16 ? 3 : type == QC_INT8 || type == QC_UINT8 ? 2 : 1;
}

static int leaky_version(const struct qc_node *node)
{
    return qc_node_type(node, 0) == QC_INT16 ? 2 : 1;
}

static const struct qc_quant_rule rule = {.modes = QC_Q_INT8 | QC_Q_INT16, .in = {{QC_ROLE_ACTIVATION, 0, 0, 0}}};
static const struct qc_quant_rule rule_8 = {.modes = QC_Q_INT8, .in = {{QC_ROLE_ACTIVATION, 0, 0, 0}}};

#define ROW(op, table, most, quantization, choose)                                                                               \
    {                                                                                                                            \
        .name = #op, .code = tfl_BuiltinOperator_##op, .options = table, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1,   \
        .max_version = most, .flags = QC_OP_INPLACE, .quant = &quantization, .infer = infer, .plan = plan, .run = run,           \
        .version = choose                                                                                                        \
    }

const struct qc_op qc_op_relu[] = {
    ROW(RELU, NULL, 3, rule, relu_version),
    ROW(RELU6, NULL, 3, rule, qc_version_by_width),
    ROW(RELU_N1_TO_1, NULL, 1, rule_8, NULL),
    ROW(RELU_0_TO_1, NULL, 1, rule_8, NULL),
    ROW(LEAKY_RELU, &tfl_LeakyReluOptions_table, 2, rule, leaky_version),
    {0},
};
