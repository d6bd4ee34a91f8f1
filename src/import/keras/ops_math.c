/*
 * ops_math.c - elementwise operations: functions of one number, arithmetic, comparisons, logic, choice.
 */
#include "import/keras/operation.h"
#include "import/lower/function.h"

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

static void function(struct qc_keras_call *call, int code)
{
    qc_keras_return(call, qc_lower_function(call->b, (enum qc_function)code, qc_keras_op_input(call, true)));
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
    {"Reciprocal", "math.reciprocal Reciprocal Inv", function, QC_FN_RECIPROCAL},
    {"Expm1", "math.expm1 Expm1", function, QC_FN_EXPM1},
    {"Log1p", "math.log1p Log1p", function, QC_FN_LOG1P},
    {"Log2", "", function, QC_FN_LOG2},
    {"Log10", "", function, QC_FN_LOG10},
    {"Exp2", "", function, QC_FN_EXP2},
    {"Tan", "math.tan tan Tan", function, QC_FN_TAN},
    {"Sinh", "math.sinh sinh Sinh", function, QC_FN_SINH},
    {"Cosh", "math.cosh cosh Cosh", function, QC_FN_COSH},
    {"Arcsinh", "math.asinh asinh Asinh", function, QC_FN_ASINH},
    {"Arccosh", "math.acosh acosh Acosh", function, QC_FN_ACOSH},
    {"Arctanh", "math.atanh atanh Atanh", function, QC_FN_ATANH},
    {"Arcsin", "math.asin asin Asin", function, QC_FN_ASIN},
    {"Arccos", "math.acos acos Acos", function, QC_FN_ACOS},
    {"Arctan", "math.atan atan Atan", function, QC_FN_ATAN},
    {"Erf", "math.erf Erf", function, QC_FN_ERF},
    {"Erfc", "math.erfc Erfc", function, QC_FN_ERFC},
    {"Erfinv", "math.erfinv Erfinv", function, QC_FN_ERFINV},
    {"Trunc", "", function, QC_FN_TRUNC},
    {"Rad2deg", "", function, QC_FN_DEGREES},
    {"Deg2rad", "", function, QC_FN_RADIANS},
    {"Isnan", "math.is_nan IsNan", function, QC_FN_IS_NAN},
    {"Isinf", "math.is_inf IsInf", function, QC_FN_IS_INF},
    {"Isfinite", "math.is_finite IsFinite", function, QC_FN_IS_FINITE},
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
