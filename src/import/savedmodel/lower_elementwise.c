/*
 * lower_elementwise.c - arithmetic, comparisons and activations, element by element. See graph.h.
 */
#include "import/lower/activation.h"
#include "import/lower/function.h"
#include "import/savedmodel/match.h"
#include "import/savedmodel/lower_math.h"

#include <math.h>

#define CODE(name) tfl_BuiltinOperator_##name

/* AddN, and operators that TFLite knows with two operands only. */
static qc_status lower_add_n(struct qc_tf_step *s)
{
    struct qc_tensor *sum = qc_tf_tensor(s, 0);
    for (int i = 1; i < s->in_count; i++) sum = qc_build_binary(s->b, CODE(ADD), sum, qc_tf_tensor(s, i));
    return qc_tf_return(s, sum);
}

/* Is x plus or times a scalar that changes nothing? Then x, unless it would be broadcast. */
static struct qc_tensor *neutral(struct qc_tf_step *s, struct qc_tensor *x, struct qc_tensor *y, double value)
{
    double number;
    bool grows = y->rank > x->rank;
    if (!x->has_shape || !y->has_shape || x->constant || !qc_tf_splat(s->im, y, &number) || number != value) return NULL;
    for (int i = 1; i <= y->rank && !grows; i++) grows = y->dims[y->rank - i] != 1 && y->dims[y->rank - i] != x->dims[x->rank - i];
    return grows ? NULL : x;
}

static qc_status lower_binary(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_any_tensor(s, 0), *y = qc_tf_any_tensor(s, 1), *same = NULL;
    if (!x || !y) return s->im->env->error.status;
    switch (s->op->code) {
    case CODE(ADD):
        if (!(same = neutral(s, x, y, 0))) same = neutral(s, y, x, 0);
        break;
    case CODE(MUL):
        if (!(same = qc_tf_gelu(s, x, y)) && !(same = neutral(s, x, y, 1))) same = neutral(s, y, x, 1);
        break;
    case CODE(SUB): same = neutral(s, x, y, 0); break;
    case CODE(DIV): same = neutral(s, x, y, 1); break;
    default: break;
    }
    if (!same) same = qc_build_binary(s->b, s->op->code, x, y);
    return qc_tf_return(s, same);
}

static qc_status lower_activation(struct qc_tf_step *s)
{
    struct qc_activation activation = {.kind = (enum qc_activation_kind)s->op->detail, .max_value = INFINITY, .axis = -1};
    struct qc_tensor *x = qc_tf_tensor(s, 0);
    if (!x) return s->im->env->error.status;
    if (pb_equal(s->node->op, "Relu6")) activation.max_value = 6;
    if (pb_equal(s->node->op, "LeakyRelu")) activation.alpha = qc_tf_attr_float(s->node, "alpha", 0.2f);
    if (activation.kind == QC_ACT_ELU) activation.alpha = 1;
    return qc_tf_return(s, qc_lower_activation(s->b, x, &activation));
}

static qc_status lower_select(struct qc_tf_step *s)
{
    struct qc_tensor *condition = qc_tf_tensor(s, 0), *x = qc_tf_tensor(s, 1), *y = qc_tf_tensor(s, 2);
    double truth;
    if (!condition || !x || !y) return s->im->env->error.status;
    bool alike = x->has_shape && y->has_shape && condition->has_shape && x->rank == y->rank && condition->rank <= x->rank;
    for (int i = 0; i < x->rank && alike; i++) alike = x->dims[i] == y->dims[i];
    if (alike && qc_tf_splat(s->im, condition, &truth)) return qc_tf_return(s, truth != 0 ? x : y);
    if (pb_equal(s->node->op, "Select") && condition->rank == 1 && x->rank > 1) { /* chooses rows */
        int32_t dims[QC_MAX_RANK] = {QC_KEEP(0)};
        for (int i = 1; i < x->rank; i++) dims[i] = 1;
        condition = qc_lower_reshape(s->b, condition, x->rank, dims);
    }
    return qc_tf_return(s, qc_lower_select(s->b, condition, x, y));
}

static qc_status lower_cast(struct qc_tf_step *s)
{
    qc_dtype type;
    if (!qc_tf_type(s, "DstT", 0, &type)) return qc_tf_unsupported(s, "casts to a type that TFLite lacks");
    return qc_tf_return(s, qc_lower_cast(s->b, qc_tf_any_tensor(s, 0), type));
}

static qc_status lower_clip(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_build_binary(s->b, CODE(MINIMUM), qc_tf_tensor(s, 0), qc_tf_tensor(s, 2));
    return qc_tf_return(s, qc_build_binary(s->b, CODE(MAXIMUM), x, qc_tf_tensor(s, 1)));
}

/* Xlogy, Xdivy: x log(y), x / y, and 0 wherever x is 0. */
static qc_status lower_x_times(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *y = qc_tf_tensor(s, 1), *zero = qc_build_f32(s->b, 0), *value;
    if (s->op->detail) value = qc_build_binary(s->b, CODE(MUL), x, qc_build_unary(s->b, CODE(LOG), y));
    else value = qc_build_binary(s->b, CODE(DIV), x, y);
    return qc_tf_return(s, qc_lower_select(s->b, qc_build_binary(s->b, CODE(EQUAL), x, zero), zero, value));
}

/* What integer division, which cuts off, leaves. */
static qc_status lower_truncate_mod(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *y = qc_tf_tensor(s, 1);
    if (!x || !y) return s->im->env->error.status;
    if (x->type != QC_INT32) return qc_tf_unsupported(s, "of this element type has no TFLite form");
    struct qc_tensor *times = qc_build_binary(s->b, CODE(DIV), x, y);
    return qc_tf_return(s, qc_build_binary(s->b, CODE(SUB), x, qc_build_binary(s->b, CODE(MUL), times, y)));
}

static qc_status lower_left_shift(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *y = qc_tf_tensor(s, 1);
    double by;
    if (!x || !y) return s->im->env->error.status;
    if (!qc_tf_splat(s->im, y, &by) || by < 0 || by > 30 || y->rank || x->type != QC_INT32) return qc_tf_unsupported(s, "by this amount has no TFLite form");
    return qc_tf_return(s, qc_build_binary(s->b, CODE(MUL), x, qc_build_i32(s->b, 1 << (int)by)));
}

/* Every bit turned: exclusive or with all ones. */
static qc_status lower_invert(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0);
    if (!x) return s->im->env->error.status;
    if (x->type != QC_INT32) return qc_tf_unsupported(s, "of this element type has no TFLite form");
    return qc_tf_return(s, qc_build_binary(s->b, CODE(BITWISE_XOR), x, qc_build_i32(s->b, -1)));
}

const struct qc_tf_op qc_tf_elementwise_ops[] = {
    {"Add", lower_binary, 2, 2, CODE(ADD), 0},
    {"AddV2", lower_binary, 2, 2, CODE(ADD), 0},
    {"AddN", lower_add_n, 1, -1, 0, 0},
    {"Sub", lower_binary, 2, 2, CODE(SUB), 0},
    {"Mul", lower_binary, 2, 2, CODE(MUL), 0},
    {"RealDiv", lower_binary, 2, 2, CODE(DIV), 0},
    {"Div", lower_binary, 2, 2, CODE(DIV), 0},
    {"TruncateDiv", lower_binary, 2, 2, CODE(DIV), 0},
    {"FloorDiv", lower_binary, 2, 2, CODE(FLOOR_DIV), 0},
    {"FloorMod", lower_binary, 2, 2, CODE(FLOOR_MOD), 0},
    {"Maximum", lower_binary, 2, 2, CODE(MAXIMUM), 0},
    {"Minimum", lower_binary, 2, 2, CODE(MINIMUM), 0},
    {"SquaredDifference", lower_binary, 2, 2, CODE(SQUARED_DIFFERENCE), 0},
    {"Pow", lower_binary, 2, 2, CODE(POW), 0},
    {"Atan2", lower_binary, 2, 2, CODE(ATAN2), 0},
    {"Less", NULL, 2, 2, CODE(LESS), 0},
    {"LessEqual", NULL, 2, 2, CODE(LESS_EQUAL), 0},
    {"Greater", NULL, 2, 2, CODE(GREATER), 0},
    {"GreaterEqual", NULL, 2, 2, CODE(GREATER_EQUAL), 0},
    {"Equal", NULL, 2, 2, CODE(EQUAL), 0},
    {"NotEqual", NULL, 2, 2, CODE(NOT_EQUAL), 0},
    {"LogicalAnd", NULL, 2, 2, CODE(LOGICAL_AND), 0},
    {"LogicalOr", NULL, 2, 2, CODE(LOGICAL_OR), 0},
    {"LogicalNot", NULL, 1, 1, CODE(LOGICAL_NOT), 0},
    {"BitwiseXor", NULL, 2, 2, CODE(BITWISE_XOR), 0},
    {"LeftShift", lower_left_shift, 2, 2, 0, 0},
    {"Invert", lower_invert, 1, 1, 0, 0},
    {"TruncateMod", lower_truncate_mod, 2, 2, 0, 0},
    {"Xlogy", lower_x_times, 2, 2, 0, 1},
    {"Xdivy", lower_x_times, 2, 2, 0, 0},
    {"RightShift", NULL, 2, 2, CODE(RIGHT_SHIFT), 0},
    {"Neg", NULL, 1, 1, CODE(NEG), 0},
    {"Abs", NULL, 1, 1, CODE(ABS), 0},
    {"Sqrt", NULL, 1, 1, CODE(SQRT), 0},
    {"Rsqrt", NULL, 1, 1, CODE(RSQRT), 0},
    {"Square", NULL, 1, 1, CODE(SQUARE), 0},
    {"Exp", NULL, 1, 1, CODE(EXP), 0},
    {"Log", NULL, 1, 1, CODE(LOG), 0},
    {"Floor", NULL, 1, 1, CODE(FLOOR), 0},
    {"Ceil", NULL, 1, 1, CODE(CEIL), 0},
    {"Round", NULL, 1, 1, CODE(ROUND), 0},
    {"Rint", NULL, 1, 1, CODE(ROUND), 0},
    {"Sign", NULL, 1, 1, CODE(SIGN), 0},
    {"Sin", NULL, 1, 1, CODE(SIN), 0},
    {"Cos", NULL, 1, 1, CODE(COS), 0},
    {"Sigmoid", NULL, 1, 1, CODE(LOGISTIC), 0},
    {"Tanh", NULL, 1, 1, CODE(TANH), 0},
    {"Relu", NULL, 1, 1, CODE(RELU), 0},
    {"Relu6", lower_activation, 1, 1, 0, QC_ACT_RELU},
    {"LeakyRelu", lower_activation, 1, 1, 0, QC_ACT_RELU},
    {"Elu", lower_activation, 1, 1, 0, QC_ACT_ELU},
    {"Selu", lower_activation, 1, 1, 0, QC_ACT_SELU},
    {"Softplus", lower_activation, 1, 1, 0, QC_ACT_SOFTPLUS},
    {"Softsign", lower_activation, 1, 1, 0, QC_ACT_SOFTSIGN},
    {"Softmax", lower_activation, 1, 1, 0, QC_ACT_SOFTMAX},
    {"LogSoftmax", lower_activation, 1, 1, 0, QC_ACT_LOG_SOFTMAX},
    {"Select", lower_select, 3, 3, 0, 0},
    {"SelectV2", lower_select, 3, 3, 0, 0},
    {"ClipByValue", lower_clip, 3, 3, 0, 0},
    {"Cast", lower_cast, 1, 1, 0, 0},
    {"Erf", qc_tf_lower_math, 1, 1, 0, QC_FN_ERF},
    {"Erfc", qc_tf_lower_math, 1, 1, 0, QC_FN_ERFC},
    {"Erfinv", qc_tf_lower_math, 1, 1, 0, QC_FN_ERFINV},
    {"Expm1", qc_tf_lower_math, 1, 1, 0, QC_FN_EXPM1},
    {"Log1p", qc_tf_lower_math, 1, 1, 0, QC_FN_LOG1P},
    {"Reciprocal", qc_tf_lower_math, 1, 1, 0, QC_FN_RECIPROCAL},
    {"Inv", qc_tf_lower_math, 1, 1, 0, QC_FN_RECIPROCAL},
    {"Tan", qc_tf_lower_math, 1, 1, 0, QC_FN_TAN},
    {"Sinh", qc_tf_lower_math, 1, 1, 0, QC_FN_SINH},
    {"Cosh", qc_tf_lower_math, 1, 1, 0, QC_FN_COSH},
    {"Asinh", qc_tf_lower_math, 1, 1, 0, QC_FN_ASINH},
    {"Acosh", qc_tf_lower_math, 1, 1, 0, QC_FN_ACOSH},
    {"Atanh", qc_tf_lower_math, 1, 1, 0, QC_FN_ATANH},
    {"Atan", qc_tf_lower_math, 1, 1, 0, QC_FN_ATAN},
    {"Asin", qc_tf_lower_math, 1, 1, 0, QC_FN_ASIN},
    {"Acos", qc_tf_lower_math, 1, 1, 0, QC_FN_ACOS},
    {"IsNan", qc_tf_lower_math, 1, 1, 0, QC_FN_IS_NAN},
    {"IsInf", qc_tf_lower_math, 1, 1, 0, QC_FN_IS_INF},
    {"IsFinite", qc_tf_lower_math, 1, 1, 0, QC_FN_IS_FINITE},
    {"DivNoNan", qc_tf_lower_div_no_nan, 2, 2, 0, 0},
    {NULL, NULL, 0, 0, 0, 0},
};
