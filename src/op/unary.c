/*
 * unary.c - elementwise operators of one operand: ABS, NEG, EXP, LOG, SQRT, RSQRT, SQUARE, SIN, COS, CEIL, FLOOR, ROUND, SIGN, LOGICAL_NOT, REAL,
 * IMAG, COMPLEX_ABS.
 *
 * Quantized int8 is a table of 256 results whatever the function; quantized int16 is an interpolated table, except for ABS and SQRT.
 */
#include "base/requant.h"
#include "kernel/fixed_point.h"
#include "kernel/table.h"
#include "kernel/unary.h"
#include "kernel/vmath.h"
#include "op/shared/check.h"
#include "op/shared/quantized.h"
#include "op/shared/rules.h"
#include "op/shared/version.h"
#include <math.h>

enum { PARALLEL_ELEMENTS = 1 << 14 };

#define CODE(name) tfl_BuiltinOperator_##name
#define FLOATS (QC_SET(FLOAT32) | QC_SET(FLOAT16))

struct family {
    int code;
    uint8_t op;               /* enum qc_unary_op */
    uint32_t plain, quantized; /* types; int16 in both: plain if the tensor has no scale */
    bool not_negative;        /* quantized operands below zero are an error */
};

static const struct family families[] = {
    {CODE(ABS), QC_UNARY_ABS, FLOATS | QC_SET(INT16) | QC_SET(INT32), QC_SET(INT8) | QC_SET(INT16), false},
    {CODE(NEG), QC_UNARY_NEG, FLOATS | QC_SET(BFLOAT16) | QC_SET(INT8) | QC_SET(INT16) | QC_SET_INDEX, 0, false},
    {CODE(EXP), QC_UNARY_EXP, QC_SET(FLOAT32), QC_SET(INT8) | QC_SET(INT16), false},
    {CODE(LOG), QC_UNARY_LOG, QC_SET(FLOAT32), QC_SET(INT8) | QC_SET(INT16), false},
    {CODE(SQRT), QC_UNARY_SQRT, QC_SET(FLOAT32), QC_SET(INT8) | QC_SET(INT16), true},
    {CODE(RSQRT), QC_UNARY_RSQRT, QC_SET(FLOAT32), QC_SET(INT8) | QC_SET(INT16), true},
    {CODE(SQUARE), QC_UNARY_SQUARE, QC_SET(FLOAT32), 0, false},
    {CODE(SIN), QC_UNARY_SIN, FLOATS, 0, false},
    {CODE(COS), QC_UNARY_COS, FLOATS, 0, false},
    {CODE(CEIL), QC_UNARY_CEIL, FLOATS, 0, false},
    {CODE(FLOOR), QC_UNARY_FLOOR, FLOATS, 0, false},
    {CODE(ROUND), QC_UNARY_ROUND, FLOATS, 0, false},
    {CODE(SIGN), QC_UNARY_SIGN, QC_SET(FLOAT32) | QC_SET(FLOAT64) | QC_SET(INT32), 0, false},
    {CODE(LOGICAL_NOT), QC_UNARY_NOT, QC_SET(BOOL), 0, false},
    {CODE(REAL), QC_UNARY_REAL, QC_SET(COMPLEX64) | QC_SET(COMPLEX128), 0, false},
    {CODE(IMAG), QC_UNARY_IMAG, QC_SET(COMPLEX64) | QC_SET(COMPLEX128), 0, false},
    {CODE(COMPLEX_ABS), QC_UNARY_MAGNITUDE, QC_SET(COMPLEX64) | QC_SET(COMPLEX128), 0, false},
};

static const struct family *family_of(const struct qc_step *step)
{
    const struct family *f = families;
    while (f->code != step->op->code) f++;
    return f;
}

static bool is_scaled(const struct family *f, const struct qc_value *in)
{
    if (!(f->quantized >> in->type & 1)) return false;
    return qc_is_quantized(in) || !(f->plain >> in->type & 1);
}

static qc_status infer(struct qc_step *step)
{
    const struct family *f = family_of(step);
    QC_TRY(qc_need_inputs(step, 1));
    const struct qc_value *in = step->in[0];
    qc_dtype out = in->type == QC_COMPLEX64 ? QC_FLOAT32 : in->type == QC_COMPLEX128 ? QC_FLOAT64 : in->type;
    if (!((f->plain | f->quantized) >> in->type & 1)) return qc_step_unsupported_type(step);
    QC_TRY(qc_step_output_like(step, 0, out, in));
    if (!is_scaled(f, in)) return QC_OK;
    if (in->type == QC_INT16) {
        QC_TRY(qc_require_symmetric(step, "input 0", in));
        return qc_require_symmetric(step, "output 0", step->out[0]);
    }
    QC_TRY(qc_require_quantized(step, "input 0", in));
    return qc_require_quantized(step, "output 0", step->out[0]);
}

/* ---- quantized forms ---- */

struct state {
    qc_row_fn *row;
    const void *params;
    struct qc_affine x, y;
    uint8_t table8[256];
    int16_t table16[513];
};

static float exp_of(float x, const void *context)
{
    (void)context;
    return expf(x);
}

/* The limit at zero is the smallest result there is. */
static float log_of(float x, const void *context)
{
    return x <= 0 ? *(const float *)context : logf(x);
}

/* And the largest here. */
static float rsqrt_of(float x, const void *context)
{
    return x <= 0 ? *(const float *)context : 1.0f / sqrtf(x);
}

static int32_t requant_within(int32_t x, struct qc_multiplier m)
{
    return m.shift < -31 ? 0 : qc_requant(x, m);
}

static int32_t abs_scaled(const struct state *s, int32_t x)
{
    int32_t value = x < s->x.zero ? s->x.zero - x : x - s->x.zero;
    if (s->x.scale != s->y.scale) value = qc_requant(value, qc_multiplier_of(s->x.scale / s->y.scale));
    return value + s->y.zero;
}

/* Cut towards zero, as LiteRT does. */
static int32_t sqrt_scaled(const struct state *s, int32_t x)
{
    float value = sqrtf(s->x.scale * (float)(x - s->x.zero)) / s->y.scale;
    return (value < 65536 ? (int32_t)value : 65536) + s->y.zero;
}

static int32_t rsqrt_scaled(const struct state *s, int32_t x)
{
    enum { SHIFT = 20 }; /* keeps the intermediate result whole */
    int32_t value = x - s->x.zero;
    if (value == 0) return INT8_MAX;
    struct qc_multiplier inverse = qc_fixed_inverse_sqrt(value), rescale = qc_multiplier_of(1 / (sqrtf(s->x.scale) * s->y.scale));
    inverse.shift += SHIFT;
    rescale.shift -= SHIFT;
    return requant_within(requant_within(1, inverse), rescale) + s->y.zero;
}

static void fill_int8(const struct family *f, struct state *s)
{
    float lowest = (float)(INT8_MIN - s->y.zero) * s->y.scale;
    if (f->op == QC_UNARY_EXP) qc_table8_fill(s->table8, true, false, s->x, s->y, exp_of, NULL);
    else if (f->op == QC_UNARY_LOG) qc_table8_fill(s->table8, true, false, s->x, s->y, log_of, &lowest);
    else
        for (int x = INT8_MIN; x <= INT8_MAX; x++) {
            if (f->not_negative && x < s->x.zero) continue; /* refused while running */
            int32_t y = f->op == QC_UNARY_ABS ? abs_scaled(s, x) : f->op == QC_UNARY_SQRT ? sqrt_scaled(s, x) : rsqrt_scaled(s, x);
            s->table8[(uint8_t)x] = (uint8_t)qc_clamp(y, INT8_MIN, INT8_MAX);
        }
}

static void fill_int16(const struct family *f, struct state *s)
{
    float lowest = INT16_MIN * s->y.scale, highest = INT16_MAX * s->y.scale;
    if (f->op == QC_UNARY_EXP) qc_table16_fill(s->table16, s->x, s->y, exp_of, NULL);
    if (f->op == QC_UNARY_LOG) qc_table16_fill(s->table16, s->x, s->y, log_of, &lowest);
    if (f->op == QC_UNARY_RSQRT) qc_table16_fill(s->table16, s->x, s->y, rsqrt_of, &highest);
}

static void table8_row(const void *params, void *out, const void *const *in, const size_t *step, size_t n)
{
    (void)step;
    qc_table8_apply(((const struct state *)params)->table8, in[0], out, n);
}

static void table16_row(const void *params, void *out, const void *const *in, const size_t *step, size_t n)
{
    const struct state *s = params;
    (void)step;
    for (size_t i = 0; i < n; i++) ((int16_t *)out)[i] = qc_table16_get(s->table16, ((const int16_t *)in[0])[i]);
}

static void abs_row16(const void *params, void *out, const void *const *in, const size_t *step, size_t n)
{
    (void)step;
    for (size_t i = 0; i < n; i++)
        ((int16_t *)out)[i] = (int16_t)qc_clamp(abs_scaled(params, ((const int16_t *)in[0])[i]), INT16_MIN, INT16_MAX);
}

static void sqrt_row16(const void *params, void *out, const void *const *in, const size_t *step, size_t n)
{
    (void)step;
    for (size_t i = 0; i < n; i++)
        ((int16_t *)out)[i] = (int16_t)qc_clamp(sqrt_scaled(params, ((const int16_t *)in[0])[i]), INT16_MIN, INT16_MAX);
}

/* ---- hooks ---- */

static qc_status plan(struct qc_step *step)
{
    const struct family *f = family_of(step);
    const struct qc_value *in = step->in[0], *out = step->out[0];
    struct state *s = qc_step_alloc(step, sizeof *s);
    if (!s) return QC_NOMEM;
    step->state = s;
    s->params = s;
    if (is_scaled(f, in)) {
        s->x = (struct qc_affine){qc_value_scale(in), qc_value_zero_point(in)};
        s->y = (struct qc_affine){qc_value_scale(out), qc_value_zero_point(out)};
        if (in->type == QC_INT8) s->row = table8_row;
        else s->row = f->op == QC_UNARY_ABS ? abs_row16 : f->op == QC_UNARY_SQRT ? sqrt_row16 : table16_row;
        return QC_OK;
    }
    s->row = qc_unary_pick((enum qc_unary_op)f->op, in->type);
    if (f->op == QC_UNARY_EXP) {
        const struct qc_vmath *vmath = qc_vmath_pick(qc_cpu_features());
        s->params = vmath;
        step->kernel = vmath->variant.name;
    }
    return s->row ? QC_OK : qc_step_unsupported_type(step);
}

static qc_status prepare(struct qc_step *step)
{
    const struct family *f = family_of(step);
    struct state *s = step->state;
    if (s->row == table8_row) fill_int8(f, s);
    if (s->row == table16_row) fill_int16(f, s);
    return QC_OK;
}

static void run_piece(void *context, size_t begin, size_t end, int thread)
{
    struct qc_step *step = context;
    const struct state *s = step->state;
    (void)thread;
    const void *in[QC_ROW_INPUTS] = {(const char *)step->in[0]->data + begin * qc_width(step->in[0])};
    const size_t advance[QC_ROW_INPUTS] = {1};
    s->row(s->params, (char *)step->out[0]->data + begin * qc_width(step->out[0]), in, advance, end - begin);
}

static qc_status run(struct qc_step *step)
{
    const struct family *f = family_of(step);
    const struct qc_value *in = step->in[0];
    size_t count = qc_value_elements(in);
    if (f->not_negative && is_scaled(f, in)) {
        int32_t zero = qc_value_zero_point(in);
        for (size_t i = 0; i < count; i++) {
            int32_t x = in->type == QC_INT8 ? ((const int8_t *)in->data)[i] : ((const int16_t *)in->data)[i];
            if (x < zero) return qc_step_fail(step, QC_RANGE, "element %zu is below zero, where this function is not defined", i);
        }
    }
    if (count <= PARALLEL_ELEMENTS) run_piece(step, 0, count, 0);
    else qc_pool_for(step->rt->pool, count, PARALLEL_ELEMENTS, run_piece, step);
    return QC_OK;
}

/* ---- registration ---- */

static int abs_version(const struct qc_node *node)
{
    qc_dtype type = qc_node_type(node, 0);
    if (type == QC_INT32) return 5;
    if (type == QC_INT16) return node->in[0]->quant && node->in[0]->quant->count ? 3 : 4;
    return type == QC_INT8 ? 2 : 1;
}

QC_VERSION_BY_TYPE(version_8_16, 0, {QC_INT8, 2}, {QC_INT16, 2})
QC_VERSION_BY_TYPE(version_half, 0, {QC_FLOAT16, 2})
QC_VERSION_BY_TYPE(sign_version, 0, {QC_INT32, 2})

#define OP(op_name, table, most, rule, version_of)                                                                               \
    {.name = #op_name, .code = CODE(op_name), .options = table, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1,            \
     .max_version = most, .flags = QC_OP_INPLACE, .quant = rule, .infer = infer, .plan = plan, .prepare = prepare, .run = run, \
     .version = version_of}

const struct qc_op qc_op_unary[] = {
    OP(ABS, &tfl_AbsOptions_table, 5, &qc_rule_unary, abs_version),
    OP(NEG, &tfl_NegOptions_table, 1, NULL, NULL),
    OP(EXP, &tfl_ExpOptions_table, 2, &qc_rule_unary, version_8_16),
    OP(LOG, NULL, 2, &qc_rule_unary, version_8_16),
    OP(SQRT, NULL, 2, &qc_rule_unary, version_8_16),
    OP(RSQRT, NULL, 3, &qc_rule_unary, qc_version_by_width),
    OP(SQUARE, &tfl_SquareOptions_table, 1, NULL, NULL),
    OP(SIN, NULL, 2, NULL, version_half),
    OP(COS, &tfl_CosOptions_table, 2, NULL, version_half),
    OP(CEIL, NULL, 1, NULL, NULL),
    OP(FLOOR, NULL, 1, NULL, NULL),
    OP(ROUND, NULL, 1, NULL, NULL),
    OP(SIGN, &tfl_SignOptions_table, 2, NULL, sign_version),
    OP(LOGICAL_NOT, &tfl_LogicalNotOptions_table, 1, NULL, NULL),
    OP(REAL, NULL, 1, NULL, NULL),
    OP(IMAG, NULL, 1, NULL, NULL),
    OP(COMPLEX_ABS, NULL, 1, NULL, NULL),
    {0},
};
