/*
 * binary.c - elementwise operators of two operands: a row in `families` says which kernel rows (kernel/arith.h) an operator is.
 *
 * ADD, SUB, MUL, DIV, MAXIMUM, MINIMUM, SQUARED_DIFFERENCE, FLOOR_DIV, FLOOR_MOD, POW, ATAN2, BITWISE_XOR, RIGHT_SHIFT, LOGICAL_AND,
 * LOGICAL_OR, the comparisons and the STABLEHLO forms of some of them.
 */
#include "base/denormals.h"
#include "kernel/arith.h"
#include "kernel/table.h"
#include "op/shared/broadcast.h"
#include "op/shared/check.h"
#include "op/shared/fused.h"
#include "op/shared/logistic.h"
#include "op/shared/quantized.h"
#include "op/shared/rules.h"
#include "op/shared/version.h"
#include "op/shared/strings.h"
#include <float.h>

#define NONE QC_ARITH_OPS
#define SET_8 (QC_SET(INT8) | QC_SET(UINT8))
#define SET_8_16 (SET_8 | QC_SET(INT16))
#define SET_INTEGER (QC_SET(INT8) | QC_SET(UINT8) | QC_SET(INT16) | QC_SET(UINT16) | QC_SET(INT32) | QC_SET(UINT32) | QC_SET(INT64))
#define SET_WIDE (QC_SET(FLOAT32) | QC_SET(FLOAT16) | QC_SET(INT32) | QC_SET(INT64))

enum scaling { UNSCALED, SUM, PRODUCT, QUOTIENT, SQUARE, COMPARE };
enum check { ANY, NOT_ZERO, NOT_NEGATIVE };

struct family {
    int code;
    uint8_t plain, fast, quantized; /* enum qc_arith_op, NONE */
    uint32_t types;                 /* of `plain` */
    uint32_t quantized_types;       /* of `quantized`; int16 counts only where the tensors carry a scale */
    uint8_t scaling;
    uint8_t check; /* of the right operand, if it is of an integer type */
};

#define CODE(name) tfl_BuiltinOperator_##name
#define A(name) QC_ARITH_##name
#define COMPARISON(name, types) \
    {CODE(name), A(name), NONE, A(Q##name), SET_WIDE | SET_8_16 | QC_SET(BOOL), types, COMPARE, ANY}

static const struct family families[] = {
    {CODE(ADD), A(ADD), A(QADD_FAST), A(QADD), SET_WIDE | QC_SET(INT16), SET_8_16, SUM, ANY},
    {CODE(SUB), A(SUB), A(QADD_FAST), A(QADD), SET_WIDE, SET_8_16, SUM, ANY},
    {CODE(MUL), A(MUL), A(QMUL_FAST), A(QMUL), SET_WIDE | QC_SET(INT16) | QC_SET(UINT32) | QC_SET(COMPLEX64), SET_8_16, PRODUCT, ANY},
    {CODE(DIV), A(DIV), NONE, A(QDIV), QC_SET(FLOAT32) | QC_SET(FLOAT16) | QC_SET(INT32), SET_8_16, QUOTIENT, NOT_ZERO},
    {CODE(MAXIMUM), A(MAX), NONE, NONE, SET_WIDE | SET_8_16, 0, UNSCALED, ANY},
    {CODE(MINIMUM), A(MIN), NONE, NONE, SET_WIDE | SET_8_16, 0, UNSCALED, ANY},
    {CODE(SQUARED_DIFFERENCE), A(SQUARED_DIFFERENCE), NONE, A(QSQUARED_DIFFERENCE), QC_SET(FLOAT32) | QC_SET(INT32), QC_SET(INT8), SQUARE, ANY},
    {CODE(FLOOR_DIV), A(FLOOR_DIV), NONE, NONE, QC_SET(FLOAT32) | QC_SET(INT32) | QC_SET(INT16) | QC_SET(INT8), 0, UNSCALED, NOT_ZERO},
    {CODE(FLOOR_MOD), A(FLOOR_MOD), NONE, NONE, QC_SET(FLOAT32) | QC_SET(INT32) | QC_SET(INT16) | QC_SET(INT8) | QC_SET(INT64), 0, UNSCALED, NOT_ZERO},
    {CODE(POW), A(POW), NONE, NONE, QC_SET(FLOAT32) | QC_SET(INT32), 0, UNSCALED, NOT_NEGATIVE},
    {CODE(ATAN2), A(ATAN2), NONE, NONE, QC_SET(FLOAT32) | QC_SET(FLOAT64) | QC_SET(FLOAT16), 0, UNSCALED, ANY},
    {CODE(BITWISE_XOR), A(XOR), NONE, NONE, SET_INTEGER | QC_SET(BOOL), 0, UNSCALED, ANY},
    {CODE(RIGHT_SHIFT), A(SHIFT_RIGHT), NONE, NONE, SET_INTEGER, 0, UNSCALED, ANY},
    {CODE(LOGICAL_AND), A(AND), NONE, NONE, QC_SET(BOOL), 0, UNSCALED, ANY},
    {CODE(LOGICAL_OR), A(OR), NONE, NONE, QC_SET(BOOL), 0, UNSCALED, ANY},
    COMPARISON(EQUAL, SET_8_16),
    COMPARISON(NOT_EQUAL, SET_8_16),
    COMPARISON(LESS, SET_8),
    COMPARISON(LESS_EQUAL, SET_8),
    COMPARISON(GREATER, SET_8),
    COMPARISON(GREATER_EQUAL, SET_8),
    {CODE(STABLEHLO_ADD), A(ADD), NONE, NONE, SET_WIDE | SET_INTEGER | QC_SET(FLOAT64) | QC_SET(UINT64), 0, UNSCALED, ANY},
    {CODE(STABLEHLO_MULTIPLY), A(MUL), NONE, NONE, SET_WIDE | SET_INTEGER | QC_SET(FLOAT64) | QC_SET(UINT64), 0, UNSCALED, ANY},
    {CODE(STABLEHLO_MAXIMUM), A(MAX), NONE, NONE, SET_WIDE | SET_INTEGER | QC_SET(FLOAT64) | QC_SET(UINT64) | QC_SET(BOOL), 0, UNSCALED, ANY},
    {CODE(STABLEHLO_MINIMUM), A(MIN), NONE, NONE, SET_WIDE | SET_INTEGER | QC_SET(FLOAT64) | QC_SET(UINT64) | QC_SET(BOOL), 0, UNSCALED, ANY},
    {CODE(STABLEHLO_AND), A(AND), NONE, NONE, SET_INTEGER | QC_SET(UINT64) | QC_SET(BOOL), 0, UNSCALED, ANY},
    {CODE(STABLEHLO_SHIFT_LEFT), A(SHIFT_LEFT), NONE, NONE, SET_INTEGER, 0, UNSCALED, ANY},
};

static const struct family *family_of(const struct qc_step *step)
{
    const struct family *f = families;
    while (f->code != step->op->code) f++;
    return f;
}

static bool is_comparison(const struct family *f)
{
    return f->scaling == COMPARE;
}

/* Whether the stored numbers mean scaled ones here. */
static bool is_scaled(const struct family *f, const struct qc_step *step)
{
    const struct qc_value *in = step->in[0];
    if (!(f->quantized_types >> in->type & 1)) return false;
    return qc_is_quantized(in) || (in->type != QC_INT16 && !is_comparison(f)) || f->scaling == QUOTIENT;
}

static qc_status need_scales(struct qc_step *step, const struct family *f)
{
    bool zero_points = step->in[0]->type != QC_INT16;
    const char *const name[] = {"input 0", "input 1", "output 0"};
    for (int k = 0; k < (is_comparison(f) ? 2 : 3); k++) {
        const struct qc_value *value = k < 2 ? step->in[k] : step->out[0];
        QC_TRY(zero_points ? qc_require_quantized(step, name[k], value) : qc_require_symmetric(step, name[k], value));
    }
    return QC_OK;
}

static qc_status infer(struct qc_step *step)
{
    const struct family *f = family_of(step);
    QC_TRY(qc_need_inputs(step, 2));
    QC_TRY(qc_need_same_type(step, 0, 1));
    qc_dtype type = step->in[0]->type;
    bool strings = type == QC_STRING && (f->code == CODE(EQUAL) || f->code == CODE(NOT_EQUAL));
    QC_TRY(qc_infer_broadcast(step, 2, is_comparison(f) ? QC_BOOL : type));
    if (is_scaled(f, step)) return need_scales(step, f);
    if (!strings && !(f->types >> type & 1)) return qc_step_unsupported_type(step);
    return QC_OK;
}

/* ---- plan ---- */

struct state {
    struct qc_broadcast plan;
    qc_row_fn *row;
    union {
        struct qc_arith_limits limits;
        struct qc_arith_quantized quantized;
    } p;
    size_t tail; /* elements at the end that are computed with tail_params */
    struct qc_arith_quantized tail_params;
    int gated;   /* 1 + the operand that `table` is looked up by; 0: none */
    uint8_t table[256];
};

static int activation_of(const struct qc_step *step)
{
    switch (step->op->code) {
    case CODE(ADD): return ((const struct tfl_AddOptions *)step->options)->fused_activation_function;
    case CODE(SUB): return ((const struct tfl_SubOptions *)step->options)->fused_activation_function;
    case CODE(MUL): return ((const struct tfl_MulOptions *)step->options)->fused_activation_function;
    case CODE(DIV): return ((const struct tfl_DivOptions *)step->options)->fused_activation_function;
    default: return tfl_ActivationFunctionType_NONE;
    }
}

static bool pot_scale_of(const struct qc_step *step)
{
    if (step->op->code == CODE(ADD)) return ((const struct tfl_AddOptions *)step->options)->pot_scale_int16;
    return ((const struct tfl_SubOptions *)step->options)->pot_scale_int16;
}

/* Limits of a plain integer type under an activation. */
static void integer_limits(qc_dtype type, struct qc_arith_limits *limits)
{
    int64_t low = INT64_MIN, high = INT64_MAX;
    if (type == QC_INT32) low = INT32_MIN, high = INT32_MAX;
    if (type == QC_INT16) low = INT16_MIN, high = INT16_MAX;
    if (type == QC_UINT32) low = 0, high = UINT32_MAX;
    limits->integer_low = limits->low > (float)low ? (int64_t)limits->low : low;
    limits->integer_high = limits->high < (float)high ? (int64_t)limits->high : high;
}

static bool power_of_two(float scale, int *exponent)
{
    float log = log2f(scale);
    *exponent = (int)roundf(log);
    return fabsf(log - (float)*exponent) < 1e-3f;
}

/* int16 with power of two scales, as LSTM cells of old files have them: TRUE if it applies. */
static bool plan_power_of_two(struct qc_step *step, struct state *s)
{
    int a, b, out;
    if (step->in[0]->type != QC_INT16 || !pot_scale_of(step)) return false;
    if (!power_of_two(qc_value_scale(step->in[0]), &a) || !power_of_two(qc_value_scale(step->in[1]), &b) ||
        !power_of_two(qc_value_scale(step->out[0]), &out))
        return false;
    a = out - a;
    b = out - b;
    if (a < 0 || b < 0 || a > 31 || b > 31 || (a && b)) return false;
    s->p.quantized.a.shift = a;
    s->p.quantized.b.shift = b;
    return true;
}

/* XNNPACK's sum: both factors with about 21 bits and a common shift. False if the scales lie outside of what it takes. */
static bool plan_fast_sum(struct qc_step *step, struct qc_arith_quantized *q)
{
    float out = qc_value_scale(step->out[0]), a = qc_value_scale(step->in[0]) / out, b = qc_value_scale(step->in[1]) / out;
    if (!(a >= 0x1p-10f && a < 0x1p8f && b >= 0x1p-10f && b < 0x1p8f)) return false;
    int exponent;
    frexpf(a > b ? a : b, &exponent);
    q->shift = 20 - (exponent - 1);
    q->a_factor = (int32_t)lrintf(ldexpf(a, q->shift));
    q->b_factor = (int32_t)lrintf(ldexpf(b, q->shift)) * q->sign;
    q->bias = (1 << (q->shift - 1)) - q->a_factor * q->a_zero - q->b_factor * q->b_zero;
    return true;
}

/*
 * TFLite's vector kernel for ADD int16 shifts an operand once, by the sum of both shifts, where its scalar one shifts left and then right
 * again; it takes sixteen elements at a time of operands with equal shapes.
 */
static void plan_vector_sum(struct qc_step *step, struct state *s)
{
    enum { VECTOR = 16 };
    struct qc_arith_quantized *q = &s->p.quantized;
    bool once = !step->rt->reference && step->op->code == CODE(ADD) && step->in[0]->type == QC_INT16;
    if (!once || !qc_value_same_shape(step->in[0], step->in[1]) || q->left_shift + q->a.shift < 0 || q->left_shift + q->b.shift < 0) return;
    s->tail = s->plan.total % VECTOR;
    s->tail_params = *q;
    q->a.shift += q->left_shift;
    q->b.shift += q->left_shift;
    q->left_shift = 0;
}

static enum qc_arith_op plan_sum(struct qc_step *step, struct state *s, int left_shift)
{
    struct qc_arith_quantized *q = &s->p.quantized;
    float a = qc_value_scale(step->in[0]), b = qc_value_scale(step->in[1]), out = qc_value_scale(step->out[0]);
    double twice = 2 * (a > b ? a : b);
    q->left_shift = left_shift;
    q->a = qc_multiplier_of(a / twice);
    q->b = qc_multiplier_of(b / twice);
    q->out = qc_multiplier_of(twice / ((float)(1 << left_shift) * out));
    if (plan_power_of_two(step, s)) return QC_ARITH_QADD_POT;
    if (!step->rt->reference && step->in[0]->type == QC_INT8 && plan_fast_sum(step, q)) return QC_ARITH_QADD_FAST;
    plan_vector_sum(step, s);
    return QC_ARITH_QADD;
}

static enum qc_arith_op plan_scaled(struct qc_step *step, const struct family *f, struct state *s)
{
    struct qc_arith_quantized *q = &s->p.quantized;
    float a = qc_value_scale(step->in[0]), b = qc_value_scale(step->in[1]), out = qc_value_scale(step->out[0]);
    qc_dtype type = step->in[0]->type;
    q->a_zero = qc_value_zero_point(step->in[0]);
    q->b_zero = qc_value_zero_point(step->in[1]);
    q->zero = qc_value_zero_point(step->out[0]);
    q->sign = f->code == CODE(SUB) ? -1 : 1;
    double twice = 2 * (a > b ? a : b);
    switch (f->scaling) {
    case SUM: return plan_sum(step, s, type == QC_INT16 ? 15 : 20);
    case PRODUCT:
        q->scale = a * b / out;
        q->out = qc_multiplier_of(q->scale);
        if (!step->rt->reference && type == QC_INT8 && q->scale >= 0x1p-16f && q->scale < 0x1p8f) return f->fast;
        return f->quantized;
    case QUOTIENT: q->out = qc_multiplier_of(a / (b * out)); return f->quantized;
    case SQUARE:
        q->left_shift = 7;
        q->a = qc_multiplier_of(a / twice);
        q->b = qc_multiplier_of(b / twice);
        q->out = qc_multiplier_of(twice * twice / ((float)(1 << 14) * out));
        return f->quantized;
    default: /* COMPARE */
        q->left_shift = 8;
        q->a = qc_multiplier_of(a);
        q->b = qc_multiplier_of(b);
        return f->quantized;
    }
}

/*
 * x * logistic(x) in 8 bits is a function of x alone, and so a table. The state of the step is ready otherwise.
 */
static void plan_gate(struct qc_step *step, struct state *s)
{
    for (int k = 0; k < 2; k++) {
        const struct qc_node *gate = step->in[k]->tensor->producer;
        const struct qc_tensor *x = step->in[1 - k]->tensor;
        if (!gate || gate->code != CODE(LOGISTIC) || gate->in_count != 1 || gate->in[0] != x || x->variable || !x->quant) continue;
        uint8_t gates[256], bytes[256];
        const void *in[QC_ROW_INPUTS] = {k ? bytes : gates, k ? gates : bytes};
        for (int i = 0; i < 256; i++) bytes[i] = (uint8_t)i;
        qc_logistic_table8(gates, step->rt->reference, step->in[k]->type, x->quant, step->in[k]->quant);
        s->row(&s->p, s->table, in, (const size_t[QC_ROW_INPUTS]){1, 1}, 256);
        s->gated = 2 - k;
        step->unread = 1u << k;
        step->kernel = "table";
    }
}

static qc_status plan(struct qc_step *step)
{
    const struct family *f = family_of(step);
    qc_dtype type = step->in[0]->type;
    struct state *s = qc_step_alloc(step, sizeof *s);
    if (!s) return QC_NOMEM;
    step->state = s;
    step->unread = 0;
    qc_broadcast_plan(&s->plan, 2, step->in, step->out[0]);
    if (type == QC_STRING) return QC_OK;
    enum qc_arith_op op = f->plain;
    if (is_scaled(f, step)) {
        if (!is_comparison(f))
            QC_TRY(qc_fused_limits_quantized(step, activation_of(step), step->out[0], &s->p.quantized.low, &s->p.quantized.high));
        op = plan_scaled(step, f, s);
    } else {
        QC_TRY(qc_fused_limits(step, activation_of(step), &s->p.limits.low, &s->p.limits.high));
        if (step->rt->reference) { /* there infinities become the largest numbers */
            s->p.limits.low = fmaxf(s->p.limits.low, -FLT_MAX);
            s->p.limits.high = fminf(s->p.limits.high, FLT_MAX);
        }
        integer_limits(type, &s->p.limits);
    }
    s->row = qc_arith_pick(qc_cpu_features(), op, type, &step->kernel);
    if (!s->row) return qc_step_unsupported_type(step);
    if (f->code == CODE(MUL) && is_scaled(f, step) && type != QC_INT16 && step->rt->own_ops) plan_gate(step, s);
    return QC_OK;
}

/* ---- run ---- */

static void look_up(void *context, size_t begin, size_t end, int thread)
{
    const struct qc_step *step = context;
    const struct state *s = step->state;
    (void)thread;
    qc_table8_apply(s->table, (const uint8_t *)step->in[s->gated - 1]->data + begin, (uint8_t *)step->out[0]->data + begin, end - begin);
}

static void run_tail(struct qc_step *step, const struct state *s)
{
    struct qc_broadcast most = s->plan;
    size_t bytes = qc_dtype_bytes(step->out[0]->type, 1) * (most.total -= s->tail), both[QC_ROW_INPUTS] = {1, 1};
    const void *in[QC_ROW_INPUTS] = {(const char *)step->in[0]->data + bytes, (const char *)step->in[1]->data + bytes};
    qc_broadcast_run(&most, s->row, &s->p, step->in, step->out[0], step->rt->pool);
    s->row(&s->tail_params, (char *)step->out[0]->data + bytes, in, both, s->tail);
}

static int64_t element(const struct qc_value *value, size_t i)
{
    switch (value->type) {
    case QC_INT8: return ((const int8_t *)value->data)[i];
    case QC_UINT8: return ((const uint8_t *)value->data)[i];
    case QC_INT16: return ((const int16_t *)value->data)[i];
    default: return qc_value_int(value, i);
    }
}

static qc_status check_right(struct qc_step *step, const struct family *f)
{
    const struct qc_value *right = step->in[1];
    if (f->check == ANY || qc_dtype_is_float(right->type)) return QC_OK;
    int64_t zero = f->check == NOT_ZERO && is_scaled(f, step) ? qc_value_zero_point(right) : 0;
    size_t count = qc_value_elements(right);
    for (size_t i = 0; i < count; i++) {
        int64_t y = element(right, i);
        if (f->check == NOT_ZERO && y == zero) return qc_step_fail(step, QC_RANGE, "input 1: element %zu is 0, and nothing can be divided by it", i);
        if (f->check == NOT_NEGATIVE && y < 0)
            return qc_step_fail(step, QC_RANGE, "input 1: element %zu is %lld; integers have no negative powers", i, (long long)y);
    }
    return QC_OK;
}

/* Strings are compared one by one; a broadcast operand is found by its flat index in the plan. */
static qc_status run_strings(struct qc_step *step, const struct qc_broadcast *plan)
{
    bool wanted = step->op->code == CODE(EQUAL);
    for (int k = 0; k < 2; k++) QC_TRY(qc_strings_check(step, step->in[k], qc_value_elements(step->in[k])));
    for (size_t i = 0; i < plan->total; i++) {
        size_t rest = i, at[2] = {0}, length[2];
        for (int d = plan->rank - 1; d >= 0; d--, rest /= plan->dims[d + 1])
            for (int k = 0; k < 2; k++) at[k] += rest % plan->dims[d] * plan->stride[k][d];
        const char *a = qc_strings_get(step->in[0], at[0], &length[0]), *b = qc_strings_get(step->in[1], at[1], &length[1]);
        bool equal = length[0] == length[1] && !memcmp(a, b, length[0]);
        ((uint8_t *)step->out[0]->data)[i] = equal == wanted;
    }
    return QC_OK;
}

static void keep_denormals(const void *params, void *out, const void *const *in, const size_t *step, size_t n)
{
    const struct state *s = params;
    unsigned mode = qc_denormals_keep();
    s->row(&s->p, out, in, step, n);
    qc_denormals_restore(mode);
}

static qc_status run(struct qc_step *step)
{
    const struct state *s = step->state;
    const struct family *f = family_of(step);
    if (step->in[0]->type == QC_STRING) return run_strings(step, &s->plan);
    if (s->gated) {
        qc_pool_for(step->rt->pool, s->plan.total, 16384, look_up, step);
        return QC_OK;
    }
    QC_TRY(check_right(step, f));
    /* what XNNPACK does not take sees denormals in LiteRT; here it changes the answer */
    const bool keep = step->in[0]->type == QC_FLOAT32 && (is_comparison(f) || f->code == CODE(FLOOR_DIV));
    if (s->tail) run_tail(step, s);
    else qc_broadcast_run(&s->plan, keep ? keep_denormals : s->row, keep ? (const void *)s : &s->p, step->in, step->out[0], step->rt->pool);
    return QC_OK;
}

static void gated_row(const void *params, void *out, const void *const *in, const size_t *step, size_t n)
{
    const struct state *s = params;
    (void)step;
    qc_table8_apply(s->table, in[s->gated - 1], out, n);
}

static bool finish(const struct qc_step *step, qc_row_fn **row, const void **params)
{
    const struct state *s = step->state;
    *row = s->gated ? gated_row : s->row;
    *params = s->gated ? (const void *)s : &s->p;
    const qc_dtype type = step->in[0]->type;
    return step->out[0]->type == type && (type == QC_FLOAT32 || ((type == QC_INT8 || type == QC_INT16) && !s->tail && family_of(step)->check == ANY));
}

/* ---- versions ---- */

static bool has_scale(const struct qc_node *node, int input)
{
    return input < node->in_count && node->in[input] && node->in[input]->quant && node->in[input]->quant->count;
}

static int add_version(const struct qc_node *node)
{
    const struct tfl_AddOptions *options = node->options;
    qc_dtype type = qc_node_type(node, 0);
    if (type == QC_FLOAT16) return 6;
    if (type == QC_INT16 && !has_scale(node, 0)) return 5;
    if (type == QC_INT64) return 4;
    if (type == QC_INT16 && options && !options->pot_scale_int16) return 3;
    return type == QC_INT8 ? 2 : 1;
}

static int sub_version(const struct qc_node *node)
{
    const struct tfl_SubOptions *options = node->options;
    qc_dtype type = qc_node_type(node, 0);
    if (type == QC_INT16 && options && !options->pot_scale_int16) return 5;
    if (type == QC_INT64) return 4;
    if (qc_node_broadcasts_beyond(node, 4)) return 3;
    return type == QC_INT8 ? 2 : 1;
}

static int mul_version(const struct qc_node *node)
{
    qc_dtype type = qc_node_type(node, 0);
    if (type == QC_FLOAT16) return 8;
    if ((type == QC_INT16 && !has_scale(node, 0)) || type == QC_UINT32) return 7;
    if (type == QC_COMPLEX64) return 6;
    if (type == QC_INT64) return 5;
    if (type == QC_INT16) return 4;
    if (has_scale(node, 0) && has_scale(node, 1) && node->out[0]->quant && node->out[0]->quant->count &&
        node->in[0]->quant->scale[0] * node->in[1]->quant->scale[0] / node->out[0]->quant->scale[0] >= 1)
        return 3;
    return type == QC_INT8 ? 2 : 1;
}

static int div_version(const struct qc_node *node)
{
    return qc_node_broadcasts_beyond(node, 4) ? 2 : 1;
}

static int extremum_version(const struct qc_node *node)
{
    qc_dtype type = qc_node_type(node, 0);
    if (type == QC_INT16) return 4;
    if (qc_node_broadcasts_beyond(node, 4)) return 3;
    return type == QC_INT8 ? 2 : 1;
}

QC_VERSION_BY_TYPE(floor_div_version, 0, {QC_INT16, 3}, {QC_INT8, 3}, {QC_FLOAT32, 2})
QC_VERSION_BY_TYPE(floor_mod_version, 0, {QC_INT16, 2}, {QC_INT8, 2})
QC_VERSION_BY_TYPE(equal_version, 0, {QC_INT16, 5}, {QC_STRING, 3}, {QC_INT8, 2})
QC_VERSION_BY_TYPE(not_equal_version, 0, {QC_INT16, 4}, {QC_STRING, 3}, {QC_INT8, 2})

/* ---- registration ---- */

#define OP(op_name, table, most, rule, version_of)                                                                            \
    {.name = #op_name, .code = CODE(op_name), .options = table, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1,         \
     .max_version = most, .flags = QC_OP_INPLACE | QC_OP_INPLACE_1, .quant = rule, .infer = infer, .plan = plan, .run = run, \
     .finish = finish, \
     .version = version_of}

const struct qc_op qc_op_binary[] = {
    OP(ADD, &tfl_AddOptions_table, 6, &qc_rule_binary, add_version),
    OP(SUB, &tfl_SubOptions_table, 5, &qc_rule_binary, sub_version),
    OP(MUL, &tfl_MulOptions_table, 8, &qc_rule_binary, mul_version),
    OP(DIV, &tfl_DivOptions_table, 2, NULL, div_version),
    OP(MAXIMUM, &tfl_MaximumMinimumOptions_table, 4, &qc_rule_join, extremum_version),
    OP(MINIMUM, &tfl_MaximumMinimumOptions_table, 4, &qc_rule_join, extremum_version),
    OP(SQUARED_DIFFERENCE, &tfl_SquaredDifferenceOptions_table, 2, &qc_rule_binary_8, qc_version_by_int8),
    OP(FLOOR_DIV, &tfl_FloorDivOptions_table, 3, NULL, floor_div_version),
    OP(FLOOR_MOD, &tfl_FloorModOptions_table, 2, NULL, floor_mod_version),
    OP(POW, &tfl_PowOptions_table, 1, NULL, NULL),
    OP(ATAN2, &tfl_ATan2Options_table, 1, NULL, NULL),
    OP(BITWISE_XOR, &tfl_BitwiseXorOptions_table, 1, NULL, NULL),
    OP(RIGHT_SHIFT, &tfl_RightShiftOptions_table, 1, NULL, NULL),
    OP(LOGICAL_AND, &tfl_LogicalAndOptions_table, 1, NULL, NULL),
    OP(LOGICAL_OR, &tfl_LogicalOrOptions_table, 1, NULL, NULL),
    OP(EQUAL, &tfl_EqualOptions_table, 5, &qc_rule_compare, equal_version),
    OP(NOT_EQUAL, &tfl_NotEqualOptions_table, 4, &qc_rule_compare, not_equal_version),
    OP(LESS, &tfl_LessOptions_table, 3, &qc_rule_compare, qc_version_by_width),
    OP(LESS_EQUAL, &tfl_LessEqualOptions_table, 2, &qc_rule_compare, qc_version_by_int8),
    OP(GREATER, &tfl_GreaterOptions_table, 2, &qc_rule_compare, qc_version_by_int8),
    OP(GREATER_EQUAL, &tfl_GreaterEqualOptions_table, 3, &qc_rule_compare, qc_version_by_width),
    OP(STABLEHLO_ADD, NULL, 1, NULL, NULL),
    OP(STABLEHLO_MULTIPLY, NULL, 1, NULL, NULL),
    OP(STABLEHLO_MAXIMUM, NULL, 1, NULL, NULL),
    OP(STABLEHLO_MINIMUM, NULL, 1, NULL, NULL),
    OP(STABLEHLO_AND, NULL, 1, NULL, NULL),
    OP(STABLEHLO_SHIFT_LEFT, NULL, 1, NULL, NULL),
    {0},
};
