/*
 * check_vmath.c - elementary functions: error in units of the last place against double precision.
 */
#include "check.h"
#include "kernel/vmath.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static double exact_exp(double x) { return exp(x); }
static double exact_logistic(double x) { return 1 / (1 + exp(-x)); }
static double exact_tanh(double x) { return tanh(x); }
static double exact_hard_swish(double x)
{
    const double product = x * fmin(6, x + 3 < 0 ? 0 : x + 3);
    return isnan(x) ? x : fabs(product) > FLT_MAX ? product * INFINITY : product / 6; /* the product is a float */
}

static double exact_elu(double x) { return x < 0 ? expm1(x) : x; }
static double exact_gelu(double x) { return 0.5 * x * erfc(-x * M_SQRT1_2); }
static double exact_gelu_tanh(double x) { return x / (1 + exp(-2 * M_2_SQRTPI * M_SQRT1_2 * (x + 0.044715 * x * x * x))); }

static const struct {
    const char *name;
    size_t member; /* of struct qc_vmath */
    double (*exact)(double), bound;
} function[] = {
    {"exp", offsetof(struct qc_vmath, exp), exact_exp, 2},
    {"logistic", offsetof(struct qc_vmath, logistic), exact_logistic, 3},
    {"tanh", offsetof(struct qc_vmath, tanh), exact_tanh, 3},
    {"hard_swish", offsetof(struct qc_vmath, hard_swish), exact_hard_swish, 3},
    {"elu", offsetof(struct qc_vmath, elu), exact_elu, 4},
    {"gelu", offsetof(struct qc_vmath, gelu), exact_gelu, 250},
    {"gelu_tanh", offsetof(struct qc_vmath, gelu_tanh), exact_gelu_tanh, 250},
};
typedef void map_fn(size_t, const float *, float *);

static map_fn *const *run_of(const struct qc_vmath *math, size_t f)
{
    return (map_fn *const *)(const void *)((const char *)math + function[f].member);
}

static void check_function(const char *name, void (*run)(size_t, const float *, float *), double (*exact)(double), double bound)
{
    const size_t n = check_between(1, 70);
    float *x = check_floats(n), *y = check_floats(n);
    static const float special[] = {0, -0.0f, INFINITY, -INFINITY, NAN, 88.7f, 89.5f, -87.3f, -103.9f, -105, 1e-20f, 1e30f, -1e30f, 20, -20};
    const int kind = (int)check_between(0, 4);
    for (size_t i = 0; i < n; i++)
        x[i] = kind == 0 ? special[check_between(0, 14)]
             : kind == 1 ? check_uniform(-110, 110) : kind == 2 ? check_uniform(-10, 10) : kind == 3 ? check_uniform(-0.5f, 0.5f)
             : check_uniform(-1, 1) * 1e-6f;
    run(n, x, y);
    for (size_t i = 0; i < n; i++) {
        const double right = exact((double)x[i]);
        const float nearest = (float)right;
        if (isnan(right) ? isnan(y[i]) : isinf(nearest) ? y[i] == nearest : y[i] == nearest) continue;
        const double unit = ldexp(1, QC_MAX(ilogb(nearest == 0 ? 1e-45 : (double)nearest), -126) - 23);
        if (fabs(right) < 0x1p-126 && y[i] == 0) continue;
        const double error = fabs((double)y[i] - right) / unit;
        if (!(error <= bound)) check_fail("%s(%.9g) is %.9g, not %.9g: %.2f units", name, (double)x[i], (double)y[i], right, error);
    }
    float *one = check_floats(1);
    const size_t at = check_between(0, n - 1);
    run(1, x + at, one);
    if (memcmp(one, y + at, sizeof *one) && !isnan(*one)) check_fail("%s depends on the position", name);
    check_release();
}

static void check_add_rows(const struct qc_vmath *v)
{
    const size_t n = check_size(200), rows = check_between(0, 20);
    float *x = check_floats(n * rows), *sum = check_floats(n), *right = check_floats(n);
    check_fill_f32(x, n * rows, 3);
    check_fill_f32(sum, n, 3);
    memcpy(right, sum, n * sizeof *sum);
    v->add_rows(rows, n, x, sum);
    qc_vmath_pick(0)->add_rows(rows, n, x, right);
    if (memcmp(sum, right, n * sizeof *sum)) check_fail("add_rows of %zu x %zu", rows, n);
    check_release();
}

static void check_softmax(const struct qc_vmath *v)
{
    const size_t n = check_size(600);
    float *x = check_floats(n), *y = check_floats(n), *right = check_floats(n);
    check_fill_f32(x, n, 30);
    const float beta = check_uniform(0.1f, 2);
    v->softmax(n, x, beta, y);
    qc_vmath_pick(0)->softmax(n, x, beta, right);
    for (size_t i = 0; i < n; i++)
        if (!check_close(y[i], right[i], 2e-6f)) check_fail("softmax of %zu: [%zu] is %.9g, not %.9g", n, i, (double)y[i], (double)right[i]);
    check_release();
}

static void check(int rounds)
{
    size_t count;
    const struct qc_vmath *const *v = qc_vmath_variants(&count);
    for (size_t i = 0; i < count; i++) {
        if (!check_variant(&v[i]->variant)) continue;
        for (int r = 0; r < rounds * 10; r++) {
            for (size_t f = 0; f < QC_COUNT(function); f++)
                check_function(function[f].name, *run_of(v[i], f), function[f].exact, function[f].bound);
            check_softmax(v[i]);
            check_add_rows(v[i]);
        }
    }
}

struct job {
    void (*run)(size_t, const float *, float *);
    float x[1024], y[1024];
};

static void work(void *context)
{
    struct job *j = context;
    j->run(1024, j->x, j->y);
}

static void bench(void)
{
    size_t count;
    const struct qc_vmath *const *v = qc_vmath_variants(&count);
    static struct job j;
    check_fill_f32(j.x, 1024, 5);
    for (size_t i = 0; i < count; i++) {
        if (!check_variant(&v[i]->variant)) continue;
        for (size_t f = 0; f < QC_COUNT(function); f++) {
            char what[40];
            snprintf(what, sizeof what, "%s 1024", function[f].name);
            j.run = *run_of(v[i], f);
            check_time(v[i]->variant.name, what, 1024, "element", work, &j);
        }
    }
}

const struct check_family qc_check_vmath = {"vmath", check, bench};
