/*
 * t_lower_function.c - every function against its value in double: tiny, middling and huge arguments of both signs, and what is infinite.
 */
#include "lower.h"

#include "import/lower/function.h"

enum { COUNT = 4000 };

static double erfinv_of(double y) /* by Newton's method */
{
    double x = 0;
    for (int i = 0; i < 200; i++) x -= (erf(x) - y) / (2 / sqrt(3.14159265358979323846) * exp(-x * x)) * (fabs(y) > 0.9 ? 0.5 : 1);
    return x;
}

static double want(enum qc_function f, double x)
{
    switch (f) {
    case QC_FN_RECIPROCAL: return 1 / x;
    case QC_FN_EXPM1: return expm1(x);
    case QC_FN_LOG1P: return log1p(x);
    case QC_FN_LOG2: return log2(x);
    case QC_FN_LOG10: return log10(x);
    case QC_FN_EXP2: return exp2(x);
    case QC_FN_TAN: return tan(x);
    case QC_FN_SINH: return sinh(x);
    case QC_FN_COSH: return cosh(x);
    case QC_FN_ASINH: return asinh(x);
    case QC_FN_ACOSH: return acosh(x);
    case QC_FN_ATANH: return atanh(x);
    case QC_FN_ASIN: return asin(x);
    case QC_FN_ACOS: return acos(x);
    case QC_FN_ATAN: return atan(x);
    case QC_FN_ERF: return erf(x);
    case QC_FN_ERFC: return erfc(x);
    case QC_FN_ERFINV: return erfinv_of(x);
    case QC_FN_TRUNC: return trunc(x);
    case QC_FN_DEGREES: return x * (180 / 3.14159265358979323846);
    case QC_FN_RADIANS: return x * (3.14159265358979323846 / 180);
    case QC_FN_IS_NAN: return isnan(x);
    case QC_FN_IS_INF: return isinf(x);
    case QC_FN_IS_FINITE: return isfinite(x);
    }
    return NAN;
}

/* `count` results for `x`. */
static void compute(enum qc_function f, const float *x, int32_t count, float *y)
{
    struct fixture fixture;
    struct qc_build *b = begin(&fixture);
    struct qc_tensor *result = qc_lower_function(b, f, input(&fixture, QC_FLOAT32, 1, &count, 0));
    if (result && result->type == QC_BOOL) result = qc_lower_cast(b, result, QC_FLOAT32);
    struct qc_session *session = finish(&fixture, 1, &result, 1);
    struct qc_tensor_info info;
    set_input(session, 0, x, (size_t)count * sizeof *x);
    invoke(session);
    assert_int_equal(qc_session_output(session, 0, &info), QC_OK);
    assert_int_equal(info.bytes, (size_t)count * sizeof *y);
    memcpy(y, info.data, info.bytes);
    end(&fixture, session);
}

static const struct domain {
    enum qc_function function;
    double least, most; /* of |x| */
    double from;        /* x is from + or - (if `both`) what lies between them */
    bool both;
    double relative, absolute;
} domains[] = {
    {QC_FN_RECIPROCAL, 1e-30, 1e30, 0, true, 1e-6, 0}, {QC_FN_EXPM1, 1e-30, 88, 0, true, 1e-6, 0},   {QC_FN_LOG1P, 1e-30, 1e30, 0, false, 1e-6, 0},
    {QC_FN_LOG1P, 1e-30, .9999, 0, true, 1e-6, 0},     {QC_FN_LOG2, 1e-30, 1e30, 0, false, 1e-6, 1e-7}, {QC_FN_LOG10, 1e-30, 1e30, 0, false, 1e-6, 1e-7},
    {QC_FN_EXP2, 1e-30, 120, 0, true, 1e-5, 0},        {QC_FN_TAN, 1e-30, 1.5, 0, true, 2e-6, 0},     {QC_FN_SINH, 1e-30, 88, 0, true, 1e-6, 0},
    {QC_FN_COSH, 1e-30, 88, 0, true, 1e-6, 0},         {QC_FN_ASINH, 1e-30, 1e37, 0, true, 1e-6, 0},  {QC_FN_ACOSH, 1e-6, 1e37, 1, false, 1e-6, 0},
    {QC_FN_ATANH, 1e-30, .99999, 0, true, 2e-6, 0},    {QC_FN_ASIN, 1e-30, 1, 0, true, 1e-6, 0},      {QC_FN_ACOS, 1e-30, 1, 0, true, 1e-6, 1e-7},
    {QC_FN_ATAN, 1e-30, 1e30, 0, true, 1e-6, 0},       {QC_FN_ERF, 1e-30, 30, 0, true, 1e-6, 0},      {QC_FN_ERFC, 1e-30, 30, 0, true, 0, 3e-7},
    {QC_FN_ERFINV, 1e-30, .9999, 0, true, 2e-5, 0},    {QC_FN_TRUNC, 1e-3, 1e30, 0, true, 0, 0},      {QC_FN_DEGREES, 1e-30, 1e30, 0, true, 1e-6, 0},
    {QC_FN_RADIANS, 1e-30, 1e30, 0, true, 1e-6, 0},
};

static void values(void **state)
{
    static float x[COUNT], y[COUNT];
    (void)state;
    for (size_t k = 0; k < sizeof domains / sizeof *domains; k++) {
        const struct domain *d = &domains[k];
        for (int i = 0; i < COUNT; i++) {
            double size = d->least * pow(d->most / d->least, i / (double)(COUNT - 1));
            x[i] = (float)(d->from + (d->both && i % 2 ? -size : size));
        }
        compute(d->function, x, COUNT, y);
        for (int i = 0; i < COUNT; i++) {
            double expected = want(d->function, (double)x[i]);
            if (fabs((double)y[i] - expected) <= d->relative * fabs(expected) + d->absolute + 1e-37) continue;
            fail_msg("function %d of %.9g is %.9g, not %.9g", d->function, (double)x[i], (double)y[i], expected);
        }
    }
}

static void edges(void **state)
{
    static const struct {
        enum qc_function function;
        float x, y;
    } rows[] = {
        {QC_FN_EXPM1, 0, 0}, {QC_FN_EXPM1, INFINITY, INFINITY}, {QC_FN_EXPM1, -INFINITY, -1}, {QC_FN_LOG1P, 0, 0}, {QC_FN_LOG1P, -1, -INFINITY},
        {QC_FN_LOG1P, INFINITY, INFINITY}, {QC_FN_SINH, 0, 0}, {QC_FN_SINH, INFINITY, INFINITY}, {QC_FN_SINH, -INFINITY, -INFINITY},
        {QC_FN_COSH, -INFINITY, INFINITY}, {QC_FN_ASINH, 0, 0}, {QC_FN_ASINH, INFINITY, INFINITY}, {QC_FN_ASINH, -INFINITY, -INFINITY},
        {QC_FN_ACOSH, 1, 0}, {QC_FN_ACOSH, INFINITY, INFINITY}, {QC_FN_ATANH, 1, INFINITY}, {QC_FN_ATANH, -1, -INFINITY}, {QC_FN_ATANH, 0, 0},
        {QC_FN_ERF, INFINITY, 1}, {QC_FN_ERF, -INFINITY, -1}, {QC_FN_ERF, 0, 0}, {QC_FN_ERFINV, 1, INFINITY}, {QC_FN_ERFINV, -1, -INFINITY},
        {QC_FN_ERFINV, 0, 0}, {QC_FN_IS_NAN, NAN, 1}, {QC_FN_IS_NAN, INFINITY, 0}, {QC_FN_IS_INF, -INFINITY, 1}, {QC_FN_IS_INF, NAN, 0},
        {QC_FN_IS_FINITE, NAN, 0}, {QC_FN_IS_FINITE, INFINITY, 0}, {QC_FN_IS_FINITE, -3e38f, 1}, {QC_FN_TRUNC, -0.7f, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        float y;
        compute(rows[i].function, &rows[i].x, 1, &y);
        if (!(y == rows[i].y || fabsf(y - rows[i].y) < 3e-7f))
            fail_msg("function %d of %g is %g, not %g", rows[i].function, (double)rows[i].x, (double)y, (double)rows[i].y);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(values), cmocka_unit_test(edges)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
