/*
 * lower_math.c - functions that TFLite has no operator for. See lower_math.h.
 *
 * GELU is met in several written forms; the error function in them is looked back for by the tensor that it was written to.
 */
#include "import/savedmodel/lower_math.h"
#include "import/savedmodel/match.h"

#include <math.h>

#define UNARY(name, x) qc_build_unary(b, tfl_BuiltinOperator_##name, x)
#define BINARY(name, x, y) qc_build_binary(b, tfl_BuiltinOperator_##name, x, y)
#define NUMBER(v) qc_build_f32(b, (float)(v))

/* exp(x) - 1 without cancellation near 0: tanh(x / 2) (exp(x) + 1). */
static struct qc_tensor *expm1_of(struct qc_build *b, struct qc_tensor *x)
{
    return BINARY(MUL, UNARY(TANH, BINARY(MUL, x, NUMBER(.5))), BINARY(ADD, UNARY(EXP, x), NUMBER(1)));
}

/* log(x + sqrt(x^2 + sign)) with the sign of x outside, so that large negative numbers do not cancel. */
static struct qc_tensor *asinh_of(struct qc_build *b, struct qc_tensor *x)
{
    struct qc_tensor *a = UNARY(ABS, x), *root = UNARY(SQRT, BINARY(ADD, UNARY(SQUARE, a), NUMBER(1)));
    /* log1p-like for small a: asinh(a) = log(1 + a + a^2 / (1 + root)) */
    struct qc_tensor *more = BINARY(ADD, a, BINARY(DIV, UNARY(SQUARE, a), BINARY(ADD, root, NUMBER(1))));
    return BINARY(MUL, UNARY(SIGN, x), UNARY(LOG, BINARY(ADD, more, NUMBER(1))));
}

static struct qc_tensor *math_of(struct qc_build *b, enum qc_tf_math what, struct qc_tensor *x)
{
    struct qc_tensor *one = NUMBER(1), *half = NUMBER(.5);
    switch (what) {
    case QC_TF_EXPM1: return expm1_of(b, x);
    case QC_TF_LOG1P: return UNARY(LOG, BINARY(ADD, x, one));
    case QC_TF_RECIPROCAL: return BINARY(DIV, one, x);
    case QC_TF_TAN: return BINARY(DIV, UNARY(SIN, x), UNARY(COS, x));
    case QC_TF_SINH: {
        struct qc_tensor *m = expm1_of(b, x); /* (m + m / (m + 1)) / 2 */
        return BINARY(MUL, half, BINARY(ADD, m, BINARY(DIV, m, BINARY(ADD, m, one))));
    }
    case QC_TF_COSH: return BINARY(MUL, half, BINARY(ADD, UNARY(EXP, x), UNARY(EXP, UNARY(NEG, x))));
    case QC_TF_ASINH: return asinh_of(b, x);
    case QC_TF_ACOSH: return UNARY(LOG, BINARY(ADD, x, UNARY(SQRT, BINARY(SUB, UNARY(SQUARE, x), one))));
    case QC_TF_ATANH: return BINARY(MUL, half, UNARY(LOG, BINARY(DIV, BINARY(ADD, one, x), BINARY(SUB, one, x))));
    case QC_TF_ATAN: return BINARY(ATAN2, x, QC_BUILD(b, FILL, NULL, qc_tf_shape_of(b, x, QC_INT32), one)); /* it does not broadcast */
    case QC_TF_ASIN: return BINARY(ATAN2, x, UNARY(SQRT, BINARY(MUL, BINARY(SUB, one, x), BINARY(ADD, one, x))));
    case QC_TF_ACOS: return BINARY(ATAN2, UNARY(SQRT, BINARY(MUL, BINARY(SUB, one, x), BINARY(ADD, one, x))), x);
    case QC_TF_IS_NAN: return BINARY(NOT_EQUAL, x, x);
    case QC_TF_IS_INF: return BINARY(EQUAL, UNARY(ABS, x), NUMBER(INFINITY));
    case QC_TF_IS_FINITE: return BINARY(LESS, UNARY(ABS, x), NUMBER(INFINITY)); /* NaN compares false */
    }
    return NULL;
}

qc_status qc_tf_lower_math(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0);
    if (!x) return s->im->env->error.status;
    if (x->type != QC_FLOAT32) return qc_tf_unsupported(s, "of %s has no TFLite form", qc_dtype_name(x->type));
    return qc_tf_return(s, math_of(s->b, (enum qc_tf_math)s->op->detail, x));
}

qc_status qc_tf_lower_div_no_nan(struct qc_tf_step *s)
{
    struct qc_build *b = s->b;
    struct qc_tensor *x = qc_tf_tensor(s, 0), *y = qc_tf_tensor(s, 1);
    if (!x || !y) return s->im->env->error.status;
    struct qc_tensor *zero = BINARY(EQUAL, y, NUMBER(0)), *safe = qc_lower_select(b, zero, NUMBER(1), y);
    return qc_tf_return(s, qc_lower_select(b, zero, NUMBER(0), BINARY(DIV, x, safe)));
}

/* ---- the error function and what is made of it ---- */

/* erf(a) for a = |x|: 1 - t (a1 + t (a2 + t (a3 + t (a4 + t a5)))) exp(-a^2), t = 1 / (1 + p a). `tail` is 1 - erf(a). */
static struct qc_tensor *erf_tail(struct qc_build *b, struct qc_tensor *a)
{
    static const double coefficient[5] = {1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592};
    struct qc_tensor *t = BINARY(DIV, NUMBER(1), BINARY(ADD, BINARY(MUL, a, NUMBER(0.3275911)), NUMBER(1)));
    struct qc_tensor *sum = BINARY(MUL, t, NUMBER(coefficient[0]));
    for (int i = 1; i < 5; i++) sum = BINARY(MUL, t, BINARY(ADD, sum, NUMBER(coefficient[i])));
    return BINARY(MUL, sum, UNARY(EXP, UNARY(NEG, UNARY(SQUARE, a))));
}

qc_status qc_tf_lower_erf(struct qc_tf_step *s)
{
    struct qc_build *b = s->b;
    struct qc_tensor *x = qc_tf_tensor(s, 0);
    if (!x) return s->im->env->error.status;
    struct qc_tensor *sign = UNARY(SIGN, x), *erf = BINARY(MUL, sign, BINARY(SUB, NUMBER(1), erf_tail(b, UNARY(ABS, x))));
    struct qc_tensor *result = s->op->detail ? BINARY(SUB, NUMBER(1), erf) : erf;
    return qc_tf_return(s, result);
}

/* x if `tensor` is erf(x), looking through the form above. */
static struct qc_tensor *erf_argument(const struct qc_tensor *tensor)
{
    struct qc_node *product = qc_tf_made_by(tensor, tfl_BuiltinOperator_MUL);
    struct qc_node *sign = product ? qc_tf_made_by(product->in[0], tfl_BuiltinOperator_SIGN) : NULL;
    struct qc_node *rest = product ? qc_tf_made_by(product->in[1], tfl_BuiltinOperator_SUB) : NULL;
    return sign && rest && qc_tf_made_by(rest->in[1], tfl_BuiltinOperator_MUL) ? sign->in[0] : NULL;
}

/* x if tensor is x / sqrt 2 or x * sqrt 0.5. */
static struct qc_tensor *without_root(struct qc_tf_import *im, const struct qc_tensor *tensor)
{
    struct qc_node *division = qc_tf_made_by(tensor, tfl_BuiltinOperator_DIV);
    double number;
    if (division && qc_tf_splat(im, division->in[1], &number) && qc_tf_near(number, sqrt(2))) return division->in[0];
    return qc_tf_other_than(im, qc_tf_made_by(tensor, tfl_BuiltinOperator_MUL), sqrt(.5));
}

/* x if tensor is 1 + erf(x / sqrt 2), or erfc(-x / sqrt 2) with the sign inside or outside of the root. */
static struct qc_tensor *normal_argument(struct qc_tf_import *im, const struct qc_tensor *tensor)
{
    struct qc_tensor *sum = qc_tf_other_than(im, qc_tf_made_by(tensor, tfl_BuiltinOperator_ADD), 1);
    if (sum) return without_root(im, erf_argument(sum));
    struct qc_node *complement = qc_tf_made_by(tensor, tfl_BuiltinOperator_SUB);
    double one;
    if (!complement || !qc_tf_splat(im, complement->in[0], &one) || one != 1) return NULL;
    struct qc_tensor *argument = erf_argument(complement->in[1]);
    struct qc_node *negated = qc_tf_made_by(argument, tfl_BuiltinOperator_NEG);
    if (negated) return without_root(im, negated->in[0]);
    negated = qc_tf_made_by(without_root(im, argument), tfl_BuiltinOperator_NEG);
    return negated ? negated->in[0] : NULL;
}

/* x if tensor is 1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)). */
static struct qc_tensor *tanh_argument(struct qc_tf_import *im, const struct qc_tensor *tensor)
{
    struct qc_tensor *sum = qc_tf_other_than(im, qc_tf_made_by(tensor, tfl_BuiltinOperator_ADD), 1);
    struct qc_node *tanh_node = qc_tf_made_by(sum, tfl_BuiltinOperator_TANH);
    struct qc_tensor *inner = tanh_node ? qc_tf_other_than(im, qc_tf_made_by(tanh_node->in[0], tfl_BuiltinOperator_MUL), sqrt(2 / 3.14159265358979)) : NULL;
    struct qc_node *add = qc_tf_made_by(inner, tfl_BuiltinOperator_ADD);
    for (int i = 0; add && i < 2; i++) {
        struct qc_node *cube = qc_tf_made_by(qc_tf_other_than(im, qc_tf_made_by(add->in[i], tfl_BuiltinOperator_MUL), 0.044715), tfl_BuiltinOperator_POW);
        double power;
        if (cube && cube->in[0] == add->in[1 - i] && qc_tf_splat(im, cube->in[1], &power) && power == 3) return cube->in[0];
    }
    return NULL;
}

static struct qc_tensor *gelu_of(struct qc_tf_step *s, struct qc_tensor *x, bool approximate)
{
    QC_OPTIONS(s->b, GeluOptions, options);
    if (options) options->approximate = approximate;
    return options ? QC_BUILD(s->b, GELU, options, x) : NULL;
}

/* Met: (0.5 x) n and x (0.5 n) and 0.5 (x n), with n one of the two forms above. */
struct qc_tensor *qc_tf_gelu(struct qc_tf_step *s, struct qc_tensor *x, struct qc_tensor *y)
{
    struct qc_tf_import *im = s->im;
    for (int turn = 0; turn < 2; turn++) {
        struct qc_tensor *first = turn ? y : x, *second = turn ? x : y, *half;
        double number;
        struct qc_tensor *rest[2] = {first, second};
        if (qc_tf_splat(im, first, &number) && number == .5) {
            struct qc_node *product = qc_tf_made_by(second, tfl_BuiltinOperator_MUL);
            if (!product) continue;
            rest[0] = product->in[0];
            rest[1] = product->in[1];
        } else if ((half = qc_tf_other_than(im, qc_tf_made_by(first, tfl_BuiltinOperator_MUL), .5)))
            rest[0] = half;
        else
            continue;
        for (int i = 0; i < 2; i++) {
            if (normal_argument(im, rest[i]) == rest[1 - i] && rest[1 - i]) return gelu_of(s, rest[1 - i], false);
            if (tanh_argument(im, rest[i]) == rest[1 - i] && rest[1 - i]) return gelu_of(s, rest[1 - i], true);
        }
    }
    return NULL;
}
