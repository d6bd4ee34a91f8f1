/*
 * activation.c - smooth activation functions: LOGISTIC, TANH, ELU, GELU and HARD_SWISH.
 *
 * float32 (and float16, by way of float32) by the function itself; 8 bits by a table of 256; 16 bits by the tables and fixed point
 * that TFLite prescribes. HARD_SWISH of 8 bits is fixed point too, tabulated.
 */
#include "kernel/fixed_point.h"
#include "kernel/fixed_s16.h"
#include "kernel/row.h"
#include "kernel/sigmoid_s16.h"
#include "kernel/table.h"
#include "kernel/vmath.h"
#include "op/quant_rule.h"
#include "op/shared/logistic.h"
#include "op/shared/quantized.h"
#include "op/shared/version.h"

#include <math.h>

enum { CHUNK = 512 };

struct state {
    const struct qc_vmath *math;
    bool fixed;                    /* 16 bits: gemmlowp's fixed point, after a shift left, in place of the table */
    int shift;
    qc_row_fn *row16;              /* 16 bits by table */
    struct qc_sigmoid_s16 sigmoid;
    uint8_t table8[256];
    int16_t table16[513];
};

/* ---- the functions ---- */

static float logistic(float x, const void *unused)
{
    (void)unused;
    return 1.0f / (1.0f + expf(-x));
}

static float hyperbolic(float x, const void *unused)
{
    (void)unused;
    return tanhf(x);
}

static float elu(float x, const void *unused)
{
    (void)unused;
    return x < 0 ? expm1f(x) : x;
}

/* By erfc, which does not cancel for large negative x. */
static float gelu(float x, const void *unused)
{
    (void)unused;
    return 0.5f * x * erfcf(x * (float)-M_SQRT1_2);
}

static float gelu_tanh(float x, const void *unused)
{
    (void)unused;
    const float root = (float)(M_2_SQRTPI * M_SQRT1_2);
    return 0.5f * x * (1.0f + tanhf(root * (x + 0.044715f * x * x * x)));
}

static float hard_swish(float x, const void *unused)
{
    (void)unused;
    float t = x + 3 < 0 ? 0 : x + 3;
    return x * (t > 6 ? 6 : t) / 6;
}

static qc_table_function *function_of(const struct qc_step *step)
{
    switch (step->op->code) {
    case tfl_BuiltinOperator_LOGISTIC: return logistic;
    case tfl_BuiltinOperator_TANH: return hyperbolic;
    case tfl_BuiltinOperator_ELU: return elu;
    case tfl_BuiltinOperator_HARD_SWISH: return hard_swish;
    default: return ((const struct tfl_GeluOptions *)step->options)->approximate ? gelu_tanh : gelu;
    }
}

static void apply_f32(const struct qc_step *step, size_t n, const float *x, float *y)
{
    const struct state *s = step->state;
    qc_table_function *f = function_of(step);
    if (f == logistic) s->math->logistic(n, x, y);
    else if (f == hyperbolic) s->math->tanh(n, x, y);
    else if (f == hard_swish) s->math->hard_swish(n, x, y);
    else if (f == elu) s->math->elu(n, x, y);
    else if (f == gelu) s->math->gelu(n, x, y);
    else s->math->gelu_tanh(n, x, y);
}

/* ---- HARD_SWISH in 8 bits ---- */

struct hard_swish_8 {
    int32_t x_zero, y_zero, low, high;
    struct qc_multiplier out, relu; /* multipliers cut to 16 bits */
};

static struct qc_multiplier cut(double real)
{
    struct qc_multiplier m = qc_multiplier_of(real);
    m.multiplier = m.multiplier >= INT32_MAX - (1 << 15) ? INT16_MAX : (m.multiplier + (1 << 15)) >> 16;
    return m;
}

static int16_t shift_left_16(int16_t x, int amount)
{
    int64_t wide = (int64_t)x * (INT64_C(1) << (amount < 32 ? amount : 32));
    return (int16_t)(wide < INT16_MIN ? INT16_MIN : wide > INT16_MAX ? INT16_MAX : wide);
}

/* x times (x + 3) / 6 held to [0, 1], all in 16 bits: 2^15 stands for the real number 3 in `gate`. */
static int32_t hard_swish_fixed(const struct hard_swish_8 *h, int32_t x)
{
    int16_t wide = (int16_t)((x - h->x_zero) * 128);
    int16_t scaled = qc_high_mul16(wide, (int16_t)h->out.multiplier);
    int16_t gate = wide;
    if (h->relu.shift > 0) gate = shift_left_16(gate, h->relu.shift - 1);
    gate = qc_high_mul16(gate, (int16_t)h->relu.multiplier);
    if (h->relu.shift > 0) gate = shift_left_16(gate, 1);
    if (h->relu.shift < 0) gate = (int16_t)qc_rounding_shift(gate, -h->relu.shift);
    gate = (int16_t)((gate + (1 << 15)) >> 1);
    int16_t product = (int16_t)((int32_t)gate * scaled / (1 << 15));
    int16_t y = (int16_t)(qc_rounding_shift(product, -h->out.shift) + h->y_zero);
    return qc_clamp(y, h->low, h->high);
}

static qc_status plan_hard_swish(struct qc_step *step, struct state *s)
{
    const struct qc_value *x = step->in[0], *y = step->out[0];
    bool is_signed = x->type == QC_INT8;
    float fine = qc_value_scale(x) * (1.0f / 128);
    struct hard_swish_8 h = {.x_zero = qc_value_zero_point(x), .y_zero = qc_value_zero_point(y), .low = is_signed ? INT8_MIN : 0,
                             .high = is_signed ? INT8_MAX : UINT8_MAX, .out = cut(fine / qc_value_scale(y)),
                             .relu = cut(fine / (3.0f / 32768))};
    if (h.out.shift > 0)
        return qc_step_fail(step, QC_FORMAT, "input scale %g is more than 128 times the output scale %g", (double)qc_value_scale(x),
                            (double)qc_value_scale(y));
    for (int32_t v = h.low; v <= h.high; v++) s->table8[(uint8_t)v] = (uint8_t)hard_swish_fixed(&h, v);
    return QC_OK;
}

/* ---- 16 bits ---- */

/* The exponent if scale is a power of two (within a thousandth of a bit), else INT32_MIN. */
static int power_of_two(float scale)
{
    float exponent = log2f(scale);
    return fabsf(exponent - roundf(exponent)) < 1e-3f ? (int)roundf(exponent) : INT32_MIN;
}

static qc_status plan_16(struct qc_step *step, struct state *s)
{
    const struct qc_value *x = step->in[0], *y = step->out[0];
    int code = step->op->code;
    if (code == tfl_BuiltinOperator_GELU) {
        qc_table16_fill(s->table16, (struct qc_affine){qc_value_scale(x), qc_value_zero_point(x)},
                        (struct qc_affine){qc_value_scale(y), qc_value_zero_point(y)}, function_of(step), NULL);
        return QC_OK;
    }
    if (power_of_two(qc_value_scale(y)) != -15)
        return qc_step_fail(step, QC_FORMAT, "output 0: scale is %g, but must be 1/32768 here", (double)qc_value_scale(y));
    int exponent = power_of_two(qc_value_scale(x)), most = code == tfl_BuiltinOperator_TANH ? 1 : 0;
    const struct qc_sigmoid_s16_kernel *kernel = qc_sigmoid_s16_pick(qc_cpu_features());
    s->row16 = kernel->row;
    if (exponent >= -12 && exponent <= most - 12) {
        s->fixed = !step->rt->reference;
        s->shift = exponent + 12;
        qc_sigmoid_s16_fill(&s->sigmoid, code == tfl_BuiltinOperator_TANH, 3 << s->shift, 0);
        return QC_OK;
    }
    int shift = 0;
    double multiplier = (double)qc_value_scale(x) * 4096.0 * 3.0;
    while (multiplier <= 32767.0 / 2.0 && shift <= 30) {
        shift++;
        multiplier *= 2;
    }
    if (multiplier > 32768)
        return qc_step_fail(step, QC_FORMAT, "input 0: scale is %g, too large for 16 bits", (double)qc_value_scale(x));
    qc_sigmoid_s16_fill(&s->sigmoid, code == tfl_BuiltinOperator_TANH, (int32_t)multiplier, shift);
    step->kernel = kernel->variant.name;
    return QC_OK;
}

static void apply_16(const struct qc_step *step, size_t n, const int16_t *x, int16_t *y)
{
    const struct state *s = step->state;
    bool tanh = step->op->code == tfl_BuiltinOperator_TANH;
    if (step->op->code == tfl_BuiltinOperator_GELU)
        for (size_t i = 0; i < n; i++) y[i] = qc_table16_get(s->table16, x[i]);
    else if (s->fixed && tanh && !s->shift) qc_fixed_s16_pick(qc_cpu_features())->tanh(n, 3, x, y);
    else if (s->fixed && tanh)
        for (size_t i = 0; i < n; i++) y[i] = (int16_t)qc_fixed_tanh(16, 3, qc_fixed_scale(16, x[i], s->shift));
    else if (s->fixed) qc_fixed_s16_pick(qc_cpu_features())->logistic(n, x, y);
    else s->row16(&s->sigmoid, y, (const void *const[QC_ROW_INPUTS]){x}, (const size_t[QC_ROW_INPUTS]){1}, n);
}

/* ---- the operator ---- */

static bool takes(int code, qc_dtype type)
{
    bool eights = code == tfl_BuiltinOperator_ELU ? type == QC_INT8 : type == QC_INT8 || type == QC_UINT8;
    bool sixteen = type == QC_INT16 && code != tfl_BuiltinOperator_ELU && code != tfl_BuiltinOperator_HARD_SWISH;
    bool half = type == QC_FLOAT16 || type == QC_BFLOAT16;
    return type == QC_FLOAT32 || eights || sixteen || half;
}

static qc_status infer(struct qc_step *step)
{
    const struct qc_value *x = step->in[0];
    if (!x) return qc_step_fail(step, QC_FORMAT, "input 0 is missing");
    if (!takes(step->op->code, x->type)) return qc_step_unsupported_type(step);
    if (x->type == QC_INT16) {
        QC_TRY(qc_require_symmetric(step, "input 0", x));
        QC_TRY(qc_require_symmetric(step, "output 0", step->out[0]));
    } else if (x->type == QC_INT8 || x->type == QC_UINT8) {
        QC_TRY(qc_require_quantized(step, "input 0", x));
        QC_TRY(qc_require_quantized(step, "output 0", step->out[0]));
    }
    return qc_step_output_like(step, 0, x->type, x);
}

static qc_status plan(struct qc_step *step)
{
    struct state *s = step->state = qc_step_alloc(step, sizeof *s);
    if (!s) return QC_NOMEM;
    const struct qc_value *x = step->in[0], *y = step->out[0];
    s->math = qc_vmath_pick(qc_cpu_features());
    if (x->type == QC_INT16) return plan_16(step, s);
    if (x->type != QC_INT8 && x->type != QC_UINT8) return QC_OK;
    if (step->op->code == tfl_BuiltinOperator_HARD_SWISH) return plan_hard_swish(step, s);
    if (step->op->code == tfl_BuiltinOperator_LOGISTIC) {
        qc_logistic_table8(s->table8, step->rt->reference, x->type, x->quant, y->quant);
        return QC_OK;
    }
    /* LiteRT's default gives these two to XNNPACK */
    bool xnnpack = !step->rt->reference && step->op->code != tfl_BuiltinOperator_GELU;
    qc_table8_fill(s->table8, x->type == QC_INT8, xnnpack, (struct qc_affine){qc_value_scale(x), qc_value_zero_point(x)},
                   (struct qc_affine){qc_value_scale(y), qc_value_zero_point(y)}, function_of(step), NULL);
    return QC_OK;
}

static float load_half(qc_dtype type, uint16_t bits)
{
    return type == QC_FLOAT16 ? qc_half_to_float(bits) : qc_bfloat16_to_float(bits);
}

static uint16_t store_half(qc_dtype type, float value)
{
    return type == QC_FLOAT16 ? qc_float_to_half(value) : qc_float_to_bfloat16(value);
}

static void apply_half(const struct qc_step *step, size_t n, const uint16_t *x, uint16_t *y)
{
    float buffer[CHUNK];
    qc_dtype type = step->in[0]->type;
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t count = n - at < CHUNK ? n - at : CHUNK;
        for (size_t i = 0; i < count; i++) buffer[i] = load_half(type, x[at + i]);
        apply_f32(step, count, buffer, buffer);
        for (size_t i = 0; i < count; i++) y[at + i] = store_half(type, buffer[i]);
    }
}

static void slice(void *context, size_t begin, size_t end, int thread)
{
    const struct qc_step *step = context;
    const struct state *s = step->state;
    const void *x = step->in[0]->data;
    void *y = step->out[0]->data;
    size_t n = end - begin;
    (void)thread;
    switch (step->in[0]->type) {
    case QC_FLOAT32: apply_f32(step, n, (const float *)x + begin, (float *)y + begin); break;
    case QC_INT16: apply_16(step, n, (const int16_t *)x + begin, (int16_t *)y + begin); break;
    case QC_INT8:
    case QC_UINT8: qc_table8_apply(s->table8, (const uint8_t *)x + begin, (uint8_t *)y + begin, n); break;
    default: apply_half(step, n, (const uint16_t *)x + begin, (uint16_t *)y + begin); break;
    }
}

/* ---- behind a product ---- */

static void logistic_row(const void *params, void *out, const void *const *in, const size_t *step, size_t n)
{
    (void)step;
    ((const struct qc_vmath *)params)->logistic(n, in[0], out);
}

static void tanh_row(const void *params, void *out, const void *const *in, const size_t *step, size_t n)
{
    (void)step;
    ((const struct qc_vmath *)params)->tanh(n, in[0], out);
}

static void hard_swish_row(const void *params, void *out, const void *const *in, const size_t *step, size_t n)
{
    (void)step;
    ((const struct qc_vmath *)params)->hard_swish(n, in[0], out);
}

static void table8_row(const void *params, void *out, const void *const *in, const size_t *step, size_t n)
{
    (void)step;
    qc_table8_apply(params, in[0], out, n);
}

static bool finish(const struct qc_step *step, qc_row_fn **row, const void **params)
{
    const struct state *s = step->state;
    qc_table_function *f = function_of(step);
    if (step->in[0]->type == QC_INT8) {
        *row = table8_row;
        *params = s->table8;
        return true;
    }
    if (step->in[0]->type == QC_INT16) {
        *row = s->fixed ? NULL : s->row16;
        *params = &s->sigmoid;
        return *row != NULL;
    }
    *row = f == logistic ? logistic_row : f == hyperbolic ? tanh_row : f == hard_swish ? hard_swish_row : NULL;
    *params = s->math;
    return *row && step->in[0]->type == QC_FLOAT32;
}

static qc_status run(struct qc_step *step)
{
    qc_pool_for(step->rt->pool, qc_value_elements(step->in[0]), 4096, slice, step);
    return QC_OK;
}

static int gelu_version(const struct qc_node *node)
{
    qc_dtype type = qc_node_type(node, 0);
    return type == QC_FLOAT16 ? 3 : type == QC_INT8 || type == QC_UINT8 ? 2 : 1;
}

/* The output is fixed where the function's range is. */
#define FIXED(scale8, zero8, scale16)                                                              \
    {                                                                                              \
        .modes = QC_Q_INT8 | QC_Q_INT16, .in = {{QC_ROLE_ACTIVATION, 0, 0, 0}}, .output = QC_OUTPUT_FIXED, \
        .fixed_scale8 = scale8, .fixed_zero_point8 = zero8, .fixed_scale16 = scale16               \
    }
static const struct qc_quant_rule logistic_rule = FIXED(1.0f / 256, -128, 1.0f / 32768);
static const struct qc_quant_rule tanh_rule = FIXED(1.0f / 128, 0, 1.0f / 32768);
static const struct qc_quant_rule gelu_rule = {.modes = QC_Q_INT8 | QC_Q_INT16, .in = {{QC_ROLE_ACTIVATION, 0, 0, 0}}};
static const struct qc_quant_rule other_rule = {.modes = QC_Q_INT8, .in = {{QC_ROLE_ACTIVATION, 0, 0, 0}}};

#define ROW(op, table, most, rule, choose)                                                                                      \
    {                                                                                                                           \
        .name = #op, .code = tfl_BuiltinOperator_##op, .options = table, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1,  \
        .max_version = most, .flags = QC_OP_INPLACE, .quant = &rule, .infer = infer, .plan = plan, .run = run, .finish = finish, \
        .version = choose                                                                                                       \
    }

const struct qc_op qc_op_activation[] = {
    ROW(LOGISTIC, NULL, 3, logistic_rule, qc_version_by_width),
    ROW(TANH, NULL, 3, tanh_rule, qc_version_by_width),
    ROW(ELU, NULL, 1, other_rule, NULL),
    ROW(GELU, &tfl_GeluOptions_table, 3, gelu_rule, gelu_version),
    ROW(HARD_SWISH, NULL, 1, other_rule, NULL),
    {0},
};
