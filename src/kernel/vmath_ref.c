/*
 * vmath_ref.c - elementary functions by the C library, in double where that is the way to the correctly rounded value.
 */
#include "kernel/vmath.h"

#include <math.h>

static void exp_ref(size_t n, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++) y[i] = (float)exp((double)x[i]);
}

static void logistic_ref(size_t n, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++) y[i] = (float)(1.0 / (1.0 + exp(-(double)x[i])));
}

static void tanh_ref(size_t n, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++) y[i] = (float)tanh((double)x[i]);
}

static void hard_swish_ref(size_t n, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++) {
        float gate = x[i] + 3 < 0 ? 0 : x[i] + 3;
        gate = gate > 6 ? 6 : gate;
        y[i] = x[i] * gate / 6;
    }
}

static void elu_ref(size_t n, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++) y[i] = x[i] < 0 ? (float)expm1((double)x[i]) : x[i];
}

static void gelu_ref(size_t n, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++) y[i] = (float)(0.5 * (double)x[i] * erfc(-(double)x[i] * M_SQRT1_2));
}

static void gelu_tanh_ref(size_t n, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++) {
        const double v = (double)x[i], u = M_2_SQRTPI * M_SQRT1_2 * (v + 0.044715 * v * v * v);
        y[i] = (float)(v / (1 + exp(-2 * u)));
    }
}

static void add_rows_ref(size_t rows, size_t n, const float *x, float *sum)
{
    for (size_t r = 0; r < rows; r++, x += n)
        for (size_t i = 0; i < n; i++) sum[i] += x[i];
}

static void softmax_ref(size_t n, const float *x, float beta, float *y)
{
    float most = x[0];
    double sum = 0;
    for (size_t i = 1; i < n; i++) most = x[i] > most ? x[i] : most;
    for (size_t i = 0; i < n; i++) sum += (double)(y[i] = expf((x[i] - most) * beta));
    for (size_t i = 0; i < n; i++) y[i] = (float)((double)y[i] / sum);
}

extern const struct qc_vmath qc_vmath_ref;
const struct qc_vmath qc_vmath_ref = {{"ref", 0}, exp_ref, logistic_ref, tanh_ref, hard_swish_ref, elu_ref, gelu_ref, gelu_tanh_ref, add_rows_ref, softmax_ref};
