/*
 * ops_math.c - elementwise operations: functions of one number, arithmetic, comparisons, logic, choice.
 */
#include "import/keras/operation.h"

#include <float.h>
#include <math.h>

#define OP(name) tfl_BuiltinOperator_##name

static struct qc_tensor *two(struct qc_build *b, int code, struct qc_tensor *x, struct qc_tensor *y)
{
    return qc_build_binary(b, code, x, y);
}

static struct qc_tensor *one(struct qc_build *b, int code, struct qc_tensor *x)
{
    return qc_build_unary(b, code, x);
}

static struct qc_tensor *plus(struct qc_build *b, struct qc_tensor *x, double value)
{
    return two(b, OP(ADD), x, qc_build_f32(b, (float)value));
}

static struct qc_tensor *times(struct qc_build *b, struct qc_tensor *x, double value)
{
    return two(b, OP(MUL), x, qc_build_f32(b, (float)value));
}

/* ---- one operand ---- */

static void unary(struct qc_keras_call *call, int code) /* one operator, floats or integers */
{
    qc_keras_return(call, one(call->b, code, qc_keras_op_input(call, false)));
}

static void unary_float(struct qc_keras_call *call, int code)
{
    qc_keras_return(call, one(call->b, code, qc_keras_op_input(call, true)));
}

static void absolute(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, false);
    (void)code;
    if (x && x->type != QC_FLOAT32) x = two(call->b, OP(MAXIMUM), x, one(call->b, OP(NEG), x));
    else x = one(call->b, OP(ABS), x);
    qc_keras_return(call, x);
}

static void identity(struct qc_keras_call *call, int code)
{
    (void)code;
    qc_keras_return(call, qc_keras_op_input(call, false));
}

enum function {
    RECIPROCAL, EXPM1, LOG1P, LOG2, LOG10, EXP2, TAN, SINH, COSH, ASINH, ACOSH, ATANH, ASIN, ACOS, ATAN, ERF, ERFINV, TRUNC, DEGREES, RADIANS,
    IS_NAN, IS_INF, IS_FINITE,
};

static struct qc_tensor *half_sum(struct qc_build *b, int code, struct qc_tensor *x) /* (e^x + e^-x) / 2 or their difference */
{
    return times(b, two(b, code, one(b, OP(EXP), x), one(b, OP(EXP), one(b, OP(NEG), x))), 0.5);
}

/* sign(x) log(|x| + sqrt(x^2 + 1)): no cancellation for negative x. */
static struct qc_tensor *asinh_of(struct qc_build *b, struct qc_tensor *x)
{
    struct qc_tensor *size = one(b, OP(ABS), x), *root = one(b, OP(SQRT), plus(b, one(b, OP(SQUARE), x), 1));
    return two(b, OP(MUL), one(b, OP(SIGN), x), one(b, OP(LOG), two(b, OP(ADD), size, root)));
}

/* Abramowitz and Stegun 7.1.26: |error| < 1.5e-7. */
static struct qc_tensor *erf_of(struct qc_build *b, struct qc_tensor *x)
{
    static const double a[] = {1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592};
    struct qc_tensor *size = one(b, OP(ABS), x), *t = two(b, OP(DIV), qc_build_f32(b, 1), plus(b, times(b, size, 0.3275911), 1));
    struct qc_tensor *sum = times(b, t, a[0]);
    for (int i = 1; i < 5; i++) sum = two(b, OP(MUL), plus(b, sum, a[i]), t);
    struct qc_tensor *tail = two(b, OP(MUL), sum, one(b, OP(EXP), one(b, OP(NEG), one(b, OP(SQUARE), size))));
    return two(b, OP(MUL), one(b, OP(SIGN), x), two(b, OP(SUB), qc_build_f32(b, 1), tail));
}

/* p[0] w^(count - 1) + ... + p[count - 1] */
static struct qc_tensor *polynomial(struct qc_build *b, struct qc_tensor *w, const double *p, size_t count)
{
    struct qc_tensor *sum = plus(b, times(b, w, p[0]), p[1]);
    for (size_t i = 2; i < count; i++) sum = plus(b, two(b, OP(MUL), sum, w), p[i]);
    return sum;
}

/* M. Giles, "Approximating the erfinv function" (2010), single precision: within 4e-7 of the value. At -1 and 1 infinity. */
static struct qc_tensor *erfinv_of(struct qc_build *b, struct qc_tensor *x)
{
    static const double middle[] = {2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503, -0.00417768164, 0.246640727, 1.50140941};
    static const double tail[] = {-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047, 1.00167406, 2.83297682};
    struct qc_tensor *product = two(b, OP(MUL), two(b, OP(SUB), qc_build_f32(b, 1), x), plus(b, x, 1));
    struct qc_tensor *w = one(b, OP(NEG), one(b, OP(LOG), product));
    struct qc_tensor *near = polynomial(b, plus(b, w, -2.5), middle, QC_COUNT(middle)), *far = polynomial(b, plus(b, one(b, OP(SQRT), w), -3), tail, QC_COUNT(tail));
    struct qc_tensor *y = two(b, OP(MUL), qc_lower_select(b, two(b, OP(LESS), w, qc_build_f32(b, 5)), near, far), x);
    struct qc_tensor *edge = two(b, OP(EQUAL), one(b, OP(ABS), x), qc_build_f32(b, 1));
    return qc_lower_select(b, edge, times(b, x, INFINITY), y);
}

static struct qc_tensor *angle(struct qc_build *b, struct qc_tensor *x, bool sine) /* arcsin or arccos, by ATAN2 */
{
    struct qc_tensor *other = one(b, OP(SQRT), two(b, OP(SUB), qc_build_f32(b, 1), one(b, OP(SQUARE), x)));
    return sine ? two(b, OP(ATAN2), x, other) : two(b, OP(ATAN2), other, x);
}

static struct qc_tensor *quotient_log(struct qc_build *b, struct qc_tensor *x) /* log((1 + x) / (1 - x)) / 2 */
{
    struct qc_tensor *quotient = two(b, OP(DIV), plus(b, x, 1), two(b, OP(SUB), qc_build_f32(b, 1), x));
    return times(b, one(b, OP(LOG), quotient), 0.5);
}

static struct qc_tensor *evaluate(struct qc_build *b, struct qc_tensor *x, enum function f)
{
    const double pi = 3.14159265358979323846, ln2 = 0.69314718055994530942, ln10 = 2.30258509299404568402;
    switch (f) {
    case RECIPROCAL: return two(b, OP(DIV), qc_build_f32(b, 1), x);
    case EXPM1: return plus(b, one(b, OP(EXP), x), -1);
    case LOG1P: return one(b, OP(LOG), plus(b, x, 1));
    case LOG2: return times(b, one(b, OP(LOG), x), 1 / ln2);
    case LOG10: return times(b, one(b, OP(LOG), x), 1 / ln10);
    case EXP2: return one(b, OP(EXP), times(b, x, ln2));
    case TAN: return two(b, OP(DIV), one(b, OP(SIN), x), one(b, OP(COS), x));
    case SINH: return half_sum(b, OP(SUB), x);
    case COSH: return half_sum(b, OP(ADD), x);
    case ASINH: return asinh_of(b, x);
    case ACOSH: return one(b, OP(LOG), two(b, OP(ADD), x, one(b, OP(SQRT), plus(b, one(b, OP(SQUARE), x), -1))));
    case ATANH: return quotient_log(b, x);
    case ASIN: return angle(b, x, true);
    case ACOS: return angle(b, x, false);
    case ATAN: return two(b, OP(ATAN2), x, plus(b, one(b, OP(ZEROS_LIKE), x), 1)); /* its operands must have one shape */
    case ERF: return erf_of(b, x);
    case ERFINV: return erfinv_of(b, x);
    case TRUNC: return two(b, OP(MUL), one(b, OP(SIGN), x), one(b, OP(FLOOR), one(b, OP(ABS), x)));
    case DEGREES: return times(b, x, 180 / pi);
    case RADIANS: return times(b, x, pi / 180);
    case IS_NAN: return two(b, OP(NOT_EQUAL), x, x);
    case IS_INF: return two(b, OP(EQUAL), one(b, OP(ABS), x), qc_build_f32(b, INFINITY));
    case IS_FINITE: return two(b, OP(LESS_EQUAL), one(b, OP(ABS), x), qc_build_f32(b, FLT_MAX));
    }
    return NULL;
}

static void function(struct qc_keras_call *call, int code)
{
    qc_keras_return(call, evaluate(call->b, qc_keras_op_input(call, true), (enum function)code));
}

static void square(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, false);
    (void)code;
    qc_keras_return(call, x && x->type == QC_FLOAT32 ? one(call->b, OP(SQUARE), x) : two(call->b, OP(MUL), x, x));
}

static void round_to(struct qc_keras_call *call, int code)
{
    if (qc_keras_op_int(call, -1, "decimals", 0) != 0) qc_keras_fail(call, QC_UNSUPPORTED, "decimals other than 0 are not supported");
    unary_float(call, code);
}

static void nan_to_num(struct qc_keras_call *call, int code)
{
    struct qc_build *b = call->b;
    struct qc_tensor *x = qc_keras_op_input(call, true);
    (void)code;
    double most = qc_keras_op_number(call, -1, "posinf", FLT_MAX), least = qc_keras_op_number(call, -1, "neginf", -FLT_MAX);
    struct qc_tensor *y = qc_lower_select(b, two(b, OP(EQUAL), x, qc_build_f32(b, INFINITY)), qc_build_f32(b, (float)most), x);
    y = qc_lower_select(b, two(b, OP(EQUAL), x, qc_build_f32(b, -INFINITY)), qc_build_f32(b, (float)least), y);
    y = qc_lower_select(b, two(b, OP(NOT_EQUAL), x, x), qc_build_f32(b, (float)qc_keras_op_number(call, -1, "nan", 0)), y);
    qc_keras_return(call, y);
}

static void cast(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, false);
    qc_dtype type = QC_FLOAT32;
    (void)code;
    if (!qc_keras_op_dtype(call, 1, "dtype DstT", &type) && !qc_keras_failed(call)) qc_keras_fail(call, QC_FORMAT, "it does not say the type");
    qc_keras_return(call, qc_lower_cast(call->b, x, type));
}

/* ---- two operands ---- */

static void binary(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x, *y;
    if (qc_keras_op_pair(call, &x, &y)) qc_keras_return(call, two(call->b, code, x, y));
}

static void divide(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x, *y;
    if (!qc_keras_op_pair(call, &x, &y)) return;
    qc_keras_return(call, two(call->b, code, qc_lower_cast(call->b, x, QC_FLOAT32), qc_lower_cast(call->b, y, QC_FLOAT32)));
}

static void logical(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x, *y;
    if (!qc_keras_op_pair(call, &x, &y)) return;
    qc_keras_return(call, two(call->b, code, qc_lower_cast(call->b, x, QC_BOOL), qc_lower_cast(call->b, y, QC_BOOL)));
}

static void logical_not(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, false);
    qc_keras_return(call, x ? one(call->b, code, qc_lower_cast(call->b, x, QC_BOOL)) : NULL);
}

static void clip(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, false);
    struct qc_tensor *least = qc_keras_op_value(call, qc_keras_op_json(call, 1, "x_min clip_value_min"), x);
    struct qc_tensor *most = qc_keras_op_value(call, qc_keras_op_json(call, 2, "x_max clip_value_max"), x);
    (void)code;
    if (least) {
        qc_keras_op_promote(call, &x, &least);
        x = two(call->b, OP(MAXIMUM), x, least);
    }
    if (most) {
        qc_keras_op_promote(call, &x, &most);
        x = two(call->b, OP(MINIMUM), x, most);
    }
    qc_keras_return(call, x);
}

static void where(struct qc_keras_call *call, int code)
{
    struct qc_tensor *condition = qc_keras_op_tensor(call, 0, "condition");
    const struct qc_json *first = qc_keras_op_json(call, 1, "x1 x t"), *second = qc_keras_op_json(call, 2, "x2 y e");
    struct qc_keras_value value;
    (void)code;
    if (!condition || !first || !second) {
        qc_keras_fail(call, QC_UNSUPPORTED, "only where(condition, x, y) is supported");
        return;
    }
    struct qc_tensor *x = qc_keras_resolve(call, first, &value) ? value.tensor : NULL, *y = qc_keras_op_value(call, second, x);
    if (!x) x = qc_keras_op_value(call, first, y);
    qc_keras_op_promote(call, &x, &y);
    qc_keras_return(call, x && y ? qc_lower_select(call->b, qc_lower_cast(call->b, condition, QC_BOOL), x, y) : NULL);
}

const struct qc_keras_operation qc_keras_operations_math[] = {
    {"Absolute", "math.abs abs Abs", absolute, 0},
    {"Abs", "", absolute, 0},
    {"Negative", "math.negative negative __operators__.neg Neg", unary, OP(NEG)},
    {"Exp", "math.exp exp Exp", unary_float, OP(EXP)},
    {"Log", "math.log log Log", unary_float, OP(LOG)},
    {"Sqrt", "math.sqrt sqrt Sqrt", unary_float, OP(SQRT)},
    {"Rsqrt", "math.rsqrt Rsqrt", unary_float, OP(RSQRT)},
    {"Square", "math.square square Square", square, 0},
    {"Sin", "math.sin sin Sin", unary_float, OP(SIN)},
    {"Cos", "math.cos cos Cos", unary_float, OP(COS)},
    {"Ceil", "math.ceil Ceil", unary_float, OP(CEIL)},
    {"Floor", "math.floor floor Floor", unary_float, OP(FLOOR)},
    {"Round", "math.round round Round Rint", round_to, OP(ROUND)},
    {"Sign", "math.sign sign Sign", unary_float, OP(SIGN)},
    {"Reciprocal", "math.reciprocal Reciprocal Inv", function, RECIPROCAL},
    {"Expm1", "math.expm1 Expm1", function, EXPM1},
    {"Log1p", "math.log1p Log1p", function, LOG1P},
    {"Log2", "", function, LOG2},
    {"Log10", "", function, LOG10},
    {"Exp2", "", function, EXP2},
    {"Tan", "math.tan tan Tan", function, TAN},
    {"Sinh", "math.sinh sinh Sinh", function, SINH},
    {"Cosh", "math.cosh cosh Cosh", function, COSH},
    {"Arcsinh", "math.asinh asinh Asinh", function, ASINH},
    {"Arccosh", "math.acosh acosh Acosh", function, ACOSH},
    {"Arctanh", "math.atanh atanh Atanh", function, ATANH},
    {"Arcsin", "math.asin asin Asin", function, ASIN},
    {"Arccos", "math.acos acos Acos", function, ACOS},
    {"Arctan", "math.atan atan Atan", function, ATAN},
    {"Erf", "math.erf Erf", function, ERF},
    {"Erfinv", "math.erfinv Erfinv", function, ERFINV},
    {"Trunc", "", function, TRUNC},
    {"Rad2deg", "", function, DEGREES},
    {"Deg2rad", "", function, RADIANS},
    {"Isnan", "math.is_nan IsNan", function, IS_NAN},
    {"Isinf", "math.is_inf IsInf", function, IS_INF},
    {"Isfinite", "math.is_finite IsFinite", function, IS_FINITE},
    {"NanToNum", "", nan_to_num, 0},
    {"Cast", "cast Cast", cast, 0},
    {"StopGradient", "stop_gradient identity StopGradient Identity", identity, 0},
    {"Add", "__operators__.add math.add add AddV2 Add BiasAdd", binary, OP(ADD)},
    {"Subtract", "math.subtract subtract __operators__.sub Sub", binary, OP(SUB)},
    {"Multiply", "math.multiply multiply __operators__.mul Mul", binary, OP(MUL)},
    {"TrueDivide", "math.truediv truediv math.divide divide __operators__.truediv RealDiv", divide, OP(DIV)},
    {"Divide", "compat.v1.div", divide, OP(DIV)},
    {"FloorDivide", "compat.v1.floor_div math.floordiv floordiv FloorDiv", binary, OP(FLOOR_DIV)},
    {"Mod", "math.floormod math.mod FloorMod", binary, OP(FLOOR_MOD)},
    {"Power", "math.pow pow Pow", binary, OP(POW)},
    {"Maximum", "math.maximum maximum Maximum", binary, OP(MAXIMUM)},
    {"Minimum", "math.minimum minimum Minimum", binary, OP(MINIMUM)},
    {"SquaredDifference", "math.squared_difference SquaredDifference", binary, OP(SQUARED_DIFFERENCE)},
    {"Arctan2", "math.atan2 Atan2", divide, OP(ATAN2)},
    {"Equal", "math.equal equal __operators__.eq Equal", binary, OP(EQUAL)},
    {"NotEqual", "math.not_equal not_equal __operators__.ne NotEqual", binary, OP(NOT_EQUAL)},
    {"Greater", "math.greater greater __operators__.gt Greater", binary, OP(GREATER)},
    {"GreaterEqual", "math.greater_equal greater_equal __operators__.ge GreaterEqual", binary, OP(GREATER_EQUAL)},
    {"Less", "math.less less __operators__.lt Less", binary, OP(LESS)},
    {"LessEqual", "math.less_equal less_equal __operators__.le LessEqual", binary, OP(LESS_EQUAL)},
    {"LogicalAnd", "math.logical_and logical_and LogicalAnd", logical, OP(LOGICAL_AND)},
    {"LogicalOr", "math.logical_or logical_or LogicalOr", logical, OP(LOGICAL_OR)},
    {"LogicalXor", "math.logical_xor", logical, OP(NOT_EQUAL)},
    {"LogicalNot", "math.logical_not logical_not LogicalNot", logical_not, OP(LOGICAL_NOT)},
    {"Clip", "clip_by_value ClipByValue", clip, 0},
    {"Where", "where compat.v1.where where_v2 SelectV2 Select", where, 0},
    {0},
};
