/*
 * row_quantize_ref.c - see row_quantize.h.
 */
#include "kernel/row_quantize.h"

#include <math.h>

static int8_t clamp8(float x, float low, float high)
{
    x = x > low ? x : low; /* NaN too */
    return (int8_t)(x < high ? x : high);
}

static void xnnpack(const float *x, size_t n, float least, float most, int8_t *out, float *scale, int32_t *zero)
{
    float inverse = least == most ? 1.0f : 255.0f / (most - least);
    float low = least * inverse, high = most * inverse;
    float zero_point = (-128.0f + low) + (127.0f + high) > 0 ? -128.0f - low : 127.0f - high;
    *zero = clamp8(rintf(zero_point), -128, 127);
    *scale = 1.0f / inverse;
    for (size_t i = 0; i < n; i++) out[i] = clamp8(rintf(x[i] * inverse) + (float)*zero, -128, 127);
}

static void asymmetric(const float *x, size_t n, float least, float most, int8_t *out, float *scale, int32_t *zero)
{
    double step = least == most ? 1.0 : ((double)most - least) / 255.0;
    double low = least / step, high = most / step;
    double zero_point = 128 + fabs(low) < 127 + fabs(high) ? -128 - low : 127 - high;
    *zero = least == most ? 0 : clamp8((float)round(zero_point), -128, 127);
    *scale = (float)step;
    float inverse = 1.0f / *scale;
    for (size_t i = 0; i < n; i++) out[i] = clamp8(roundf((float)*zero + x[i] * inverse), -128, 127);
}

static void symmetric(const float *x, size_t n, float least, float most, int8_t *out, float *scale, int32_t *zero)
{
    float range = fmaxf(fabsf(least), fabsf(most));
    *zero = 0;
    *scale = range == 0 ? 1.0f : range / 127;
    float inverse = range == 0 ? 0 : 127 / range;
    for (size_t i = 0; i < n; i++) out[i] = clamp8(roundf(x[i] * inverse), -127, 127);
}

void qc_row_quantize_ref(enum qc_row_quantization how, const float *x, size_t n, int8_t *out, float *scale, int32_t *zero)
{
    float least = 0, most = 0; /* 0 is always in the range */
    for (size_t i = 0; i < n; i++) {
        least = x[i] < least ? x[i] : least;
        most = x[i] > most ? x[i] : most;
    }
    if (how == QC_ROW_XNNPACK) xnnpack(x, n, least, most, out, scale, zero);
    else if (how == QC_ROW_ASYMMETRIC) asymmetric(x, n, least, most, out, scale, zero);
    else symmetric(x, n, least, most, out, scale, zero);
}
