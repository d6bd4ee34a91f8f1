/*
 * params.c - scale and zero point from ranges, stored values from both. See params.h.
 */
#include "quant/params.h"

#include <math.h>

static const double near_zero = 1e-6; /* ranges narrower than this are widened */

static struct qc_affine affine_of(double min, double max, int bits)
{
    if (bits == 16) return (struct qc_affine){(float)QC_MAX(fabs(min), fabs(max)) / 32767.0f, 0};
    float scale = ((float)max - (float)min) / 255.0f;
    float from_min = (float)(-128 - min / (double)scale);
    float zero_point = from_min < -128 ? -128 : from_min > 127 ? 127 : roundf(from_min);
    return (struct qc_affine){scale, (int32_t)zero_point};
}

struct qc_affine qc_params_activation(double min, double max, int bits)
{
    min = QC_MIN(min, 0.0);
    max = QC_MAX(max, 0.0);
    if (max - min < near_zero) {
        min -= near_zero;
        max += near_zero;
    }
    return affine_of(min, max, bits);
}

struct qc_affine qc_params_constant(double min, double max, int bits)
{
    min = QC_MIN(min, 0.0);
    max = QC_MAX(max, 0.0);
    if (max - min <= near_zero) {
        min = QC_MIN(min, -near_zero / 2);
        max = QC_MAX(max, near_zero / 2);
    }
    return affine_of(min, max, bits);
}

static double weight_magnitude(double magnitude)
{
    return 2 * magnitude <= near_zero ? QC_MAX(magnitude, near_zero / 2) : magnitude;
}

float qc_params_weight(double magnitude)
{
    magnitude = weight_magnitude(magnitude);
    return ((float)magnitude - (float)-magnitude) / 254.0f;
}

float qc_params_cell(double min, double max)
{
    double magnitude = QC_MAX(QC_MAX(fabs(min), fabs(max)), 1);
    return (float)exp2(ceil(log2(magnitude)) - 15);
}

float qc_params_bias(float input_scale, float weight_scale)
{
    return (float)((double)input_scale * (double)weight_scale);
}

float qc_params_weight_for_bias(double bias_magnitude, float input_scale, float weight_scale)
{
    const double most = INT32_MAX / 2;
    if (bias_magnitude / (double)qc_params_bias(input_scale, weight_scale) <= most) return 0;
    return (float)(bias_magnitude / most / (double)input_scale);
}

/* The product is rounded to float as TensorFlow Lite does; adding a half to it is exact in double. */
static inline int32_t round_away(float value, float inverse, double limit)
{
    double product = (double)(value * inverse);
    product = product < -limit ? -limit : product > limit ? limit : product;
    return (int32_t)(product + (product < 0 ? -0.5 : 0.5));
}

static float inverse_of(float scale)
{
    return scale == 0 ? 0 : (float)(1.0 / (double)scale);
}

void qc_quantize_symmetric(const float *value, size_t count, float scale, int limit, int8_t *stored)
{
    float inverse = inverse_of(scale);
    for (size_t i = 0; i < count; i++) stored[i] = (int8_t)round_away(value[i], inverse, limit);
}

void qc_quantize_weights(const float *value, size_t count, double magnitude, enum qc_beside beside, int8_t *stored)
{
    double scale = 2 * weight_magnitude(magnitude) / 254;
    float inverse = 127.0f / (float)weight_magnitude(magnitude);
    if (beside == QC_BESIDE_INT8) {
        qc_quantize_symmetric(value, count, qc_params_weight(magnitude), 127, stored);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        double ratio = (double)value[i] / scale;
        stored[i] = (int8_t)(beside == QC_BESIDE_INT16 ? round_away(value[i], inverse, 127) : (int32_t)(ratio + (ratio < 0 ? -0.5 : 0.5)));
    }
}

void qc_quantize_symmetric16(const float *value, size_t count, float scale, int16_t *stored)
{
    float inverse = inverse_of(scale);
    for (size_t i = 0; i < count; i++) stored[i] = (int16_t)round_away(value[i], inverse, 32767);
}

int32_t qc_quantize_affine(float value, struct qc_affine affine, int32_t low, int32_t high)
{
    double rounded = round((double)value / (double)affine.scale + affine.zero_point);
    return rounded < low ? low : rounded > high ? high : (int32_t)rounded;
}

int64_t qc_quantize_bias(float value, float scale, int bits)
{
    float inverse = inverse_of(scale);
    double limit = bits == 64 ? 9.2e18 : INT32_MAX, rounded = (double)roundf(value * inverse);
    return (int64_t)(rounded < -limit ? -limit : rounded > limit ? limit : rounded);
}
