/*
 * function.c - see function.h.
 *
 * Sums near 1 lose the digits of a small term, and differences of nearly equal numbers those of the rest; the forms here avoid both. What is
 * odd is computed of |x| or with an odd factor, so that negative numbers are as good.
 */
#include "import/lower/function.h"

#include <float.h>
#include <math.h>

#define UNARY(name, x) qc_build_unary(b, tfl_BuiltinOperator_##name, x)
#define BINARY(name, x, y) qc_build_binary(b, tfl_BuiltinOperator_##name, x, y)

static struct qc_tensor *number(struct qc_build *b, double value)
{
    return qc_build_f32(b, (float)value);
}

static struct qc_tensor *plus(struct qc_build *b, struct qc_tensor *x, double value)
{
    return BINARY(ADD, x, number(b, value));
}

static struct qc_tensor *times(struct qc_build *b, struct qc_tensor *x, double value)
{
    return BINARY(MUL, x, number(b, value));
}

/* p[0] w^(count - 1) + ... + p[count - 1] */
static struct qc_tensor *polynomial(struct qc_build *b, struct qc_tensor *w, const double *p, size_t count)
{
    struct qc_tensor *sum = plus(b, times(b, w, p[0]), p[1]);
    for (size_t i = 2; i < count; i++) sum = plus(b, BINARY(MUL, sum, w), p[i]);
    return sum;
}

/* ---- exponentials and logarithms ---- */

/* tanh(x / 2) (exp(x) + 1) */
static struct qc_tensor *expm1_of(struct qc_build *b, struct qc_tensor *x)
{
    return BINARY(MUL, UNARY(TANH, times(b, x, .5)), plus(b, UNARY(EXP, x), 1));
}

/* log(1 + x) + what rounding 1 + x took from x (which counts for |x| < 1 alone). */
static struct qc_tensor *log1p_of(struct qc_build *b, struct qc_tensor *x)
{
    struct qc_tensor *near = UNARY(RELU_N1_TO_1, x), *kept = plus(b, plus(b, near, 1), -1);
    return BINARY(ADD, UNARY(LOG, plus(b, x, 1)), BINARY(SUB, near, kept));
}

static struct qc_tensor *cosh_of(struct qc_build *b, struct qc_tensor *x)
{
    return times(b, BINARY(ADD, UNARY(EXP, x), UNARY(EXP, UNARY(NEG, x))), .5);
}

/* tanh(x / 2) (cosh(x) + 1) */
static struct qc_tensor *sinh_of(struct qc_build *b, struct qc_tensor *x)
{
    return BINARY(MUL, UNARY(TANH, times(b, x, .5)), plus(b, cosh_of(b, x), 1));
}

/* log1p(a + a m / (1 + sqrt(m^2 + 1))), a = |x|, with the sign of x; m = min(a, 2^30), where the fraction is 1, has a square. */
static struct qc_tensor *asinh_of(struct qc_build *b, struct qc_tensor *x)
{
    struct qc_tensor *a = UNARY(ABS, x), *m = BINARY(MINIMUM, a, number(b, 0x1p30)), *root = UNARY(SQRT, plus(b, UNARY(SQUARE, m), 1));
    struct qc_tensor *more = BINARY(MUL, a, BINARY(DIV, m, plus(b, root, 1)));
    return BINARY(MUL, UNARY(SIGN, x), log1p_of(b, BINARY(ADD, a, more)));
}

/* log1p(d + sqrt(d) sqrt(x + 1)), d = x - 1 */
static struct qc_tensor *acosh_of(struct qc_build *b, struct qc_tensor *x)
{
    struct qc_tensor *d = plus(b, x, -1), *root = BINARY(MUL, UNARY(SQRT, d), UNARY(SQRT, plus(b, x, 1)));
    return log1p_of(b, BINARY(ADD, d, root));
}

/* log1p(2 a / (1 - a)) / 2, a = |x|, with the sign of x */
static struct qc_tensor *atanh_of(struct qc_build *b, struct qc_tensor *x)
{
    struct qc_tensor *a = UNARY(ABS, x), *ratio = BINARY(DIV, BINARY(ADD, a, a), BINARY(SUB, number(b, 1), a));
    return BINARY(MUL, UNARY(SIGN, x), times(b, log1p_of(b, ratio), .5));
}

/* ---- angles ---- */

/* sqrt(1 - x^2) */
static struct qc_tensor *other_leg(struct qc_build *b, struct qc_tensor *x)
{
    return UNARY(SQRT, BINARY(MUL, BINARY(SUB, number(b, 1), x), plus(b, x, 1)));
}

/* ---- the error function ---- */

/* x P(x^2) / Q(x^2), which is 1 from `last` on: the coefficients that XLA and Eigen use for float. */
static struct qc_tensor *erf_of(struct qc_build *b, struct qc_tensor *x)
{
    static const double last = 3.7439211627767994;
    static const double p[] = {0.00022905065861350646, 0.0034082910107109506, 0.050955695062380861, 0.18520832239976145, 1.128379143519084};
    static const double q[] = {-1.1791602954361697e-7, 0.000023547966471313185, 0.0010179625278914885, 0.014070470171167667, 0.11098505178285362,
                               0.49746925110067538, 1};
    struct qc_tensor *near = BINARY(MAXIMUM, BINARY(MINIMUM, x, number(b, last)), number(b, -last)), *square = UNARY(SQUARE, near);
    return BINARY(MUL, near, BINARY(DIV, polynomial(b, square, p, QC_COUNT(p)), polynomial(b, square, q, QC_COUNT(q))));
}

static const struct qc_node *made_by(const struct qc_tensor *tensor, int code)
{
    return tensor && tensor->producer && tensor->producer->code == code ? tensor->producer : NULL;
}

struct qc_tensor *qc_lower_erf_argument(const struct qc_tensor *y)
{
    const struct qc_node *product = made_by(y, tfl_BuiltinOperator_MUL);
    const struct qc_node *low = product && made_by(product->in[1], tfl_BuiltinOperator_DIV) ? made_by(product->in[0], tfl_BuiltinOperator_MAXIMUM) : NULL;
    const struct qc_node *high = low ? made_by(low->in[0], tfl_BuiltinOperator_MINIMUM) : NULL;
    return high ? high->in[0] : NULL;
}

/* M. Giles, "Approximating the erfinv function" (2010), single precision: within 4e-7 of the value. At -1 and 1 infinity. */
static struct qc_tensor *erfinv_of(struct qc_build *b, struct qc_tensor *x)
{
    static const double middle[] = {2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503, -0.00417768164, 0.246640727, 1.50140941};
    static const double tail[] = {-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047, 1.00167406, 2.83297682};
    struct qc_tensor *w = UNARY(NEG, UNARY(LOG, BINARY(MUL, BINARY(SUB, number(b, 1), x), plus(b, x, 1))));
    struct qc_tensor *near = polynomial(b, plus(b, w, -2.5), middle, QC_COUNT(middle)), *far = polynomial(b, plus(b, UNARY(SQRT, w), -3), tail, QC_COUNT(tail));
    struct qc_tensor *y = BINARY(MUL, qc_lower_select(b, BINARY(LESS, w, number(b, 5)), near, far), x);
    return qc_lower_select(b, BINARY(EQUAL, UNARY(ABS, x), number(b, 1)), times(b, x, INFINITY), y);
}

struct qc_tensor *qc_lower_function(struct qc_build *b, enum qc_function function, struct qc_tensor *x)
{
    static const double pi = 3.14159265358979323846, ln2 = 0.69314718055994530942, ln10 = 2.30258509299404568402;
    if (!x) return NULL;
    switch (function) {
    case QC_FN_RECIPROCAL: return BINARY(DIV, number(b, 1), x);
    case QC_FN_EXPM1: return expm1_of(b, x);
    case QC_FN_LOG1P: return log1p_of(b, x);
    case QC_FN_LOG2: return times(b, UNARY(LOG, x), 1 / ln2);
    case QC_FN_LOG10: return times(b, UNARY(LOG, x), 1 / ln10);
    case QC_FN_EXP2: return UNARY(EXP, times(b, x, ln2));
    case QC_FN_TAN: return BINARY(DIV, UNARY(SIN, x), UNARY(COS, x));
    case QC_FN_SINH: return sinh_of(b, x);
    case QC_FN_COSH: return cosh_of(b, x);
    case QC_FN_ASINH: return asinh_of(b, x);
    case QC_FN_ACOSH: return acosh_of(b, x);
    case QC_FN_ATANH: return atanh_of(b, x);
    case QC_FN_ASIN: return BINARY(ATAN2, x, other_leg(b, x));
    case QC_FN_ACOS: return BINARY(ATAN2, other_leg(b, x), x);
    case QC_FN_ATAN: return BINARY(ATAN2, x, plus(b, UNARY(ZEROS_LIKE, x), 1)); /* it does not broadcast */
    case QC_FN_ERF: return erf_of(b, x);
    case QC_FN_ERFC: return BINARY(SUB, number(b, 1), erf_of(b, x));
    case QC_FN_ERFINV: return erfinv_of(b, x);
    case QC_FN_TRUNC: return BINARY(MUL, UNARY(SIGN, x), UNARY(FLOOR, UNARY(ABS, x)));
    case QC_FN_DEGREES: return times(b, x, 180 / pi);
    case QC_FN_RADIANS: return times(b, x, pi / 180);
    case QC_FN_IS_NAN: return BINARY(NOT_EQUAL, x, x);
    case QC_FN_IS_INF: return BINARY(EQUAL, UNARY(ABS, x), number(b, INFINITY));
    case QC_FN_IS_FINITE: return BINARY(LESS_EQUAL, UNARY(ABS, x), number(b, FLT_MAX)); /* NaN compares false */
    }
    return NULL;
}
