/*
 * params.h - scale and zero point from ranges, and values from scale and zero point: the only place that rounds them.
 *
 * The arithmetic, float and double where TensorFlow Lite's converter has float and double, is that of its quantizers, so that scales,
 * zero points and stored integers equal the converter's. Source: LiteRT quantization_utils.cc (DownCastScale,
 * QuantizeLegacy), tools/optimize/quantization_utils.cc.
 */
#ifndef QC_QUANT_PARAMS_H
#define QC_QUANT_PARAMS_H

#include "base/env.h"

struct qc_affine { /* real = (stored - zero_point) * scale */
    float scale;
    int32_t zero_point;
};

/* An activation's range. 8 bits: asymmetric in [-128, 127]; 16 bits: symmetric in [-32767, 32767]. The range is widened to hold 0,
 * and to 2e-6 if it is narrower than 1e-6. */
struct qc_affine qc_params_activation(double min, double max, int bits);
/* A constant operand that is quantized like an activation: widened to 1e-6 only. */
struct qc_affine qc_params_constant(double min, double max, int bits);
/* Of weights with this largest magnitude: symmetric in [-127, 127]. */
float qc_params_weight(double magnitude);
/* Of an LSTM's cell state: symmetric 16 bits, the range a power of two, at least 1. */
float qc_params_cell(double min, double max);
/* Of a bias: the product of both scales. */
float qc_params_bias(float input_scale, float weight_scale);
/* The weight scale that a bias of this magnitude needs, to leave room in the 32-bit accumulator; 0 if weight_scale is enough. */
float qc_params_weight_for_bias(double bias_magnitude, float input_scale, float weight_scale);

/* Stored values: nearest, ties away from zero, clamped. Symmetric ones to [-limit, limit]. */
void qc_quantize_symmetric(const float *value, size_t count, float scale, int limit, int8_t *stored);
/* Weights of which the largest has this magnitude. The converter computes them in three ways: times the float inverse of the scale; times the float quotient
 * 127 / magnitude; divided by the scale in double. */
enum qc_beside { QC_BESIDE_INT8, QC_BESIDE_INT16, QC_BESIDE_FLOAT }; /* activations of that kind */
void qc_quantize_weights(const float *value, size_t count, double magnitude, enum qc_beside beside, int8_t *stored);
void qc_quantize_symmetric16(const float *value, size_t count, float scale, int16_t *stored);
int32_t qc_quantize_affine(float value, struct qc_affine affine, int32_t low, int32_t high);
/* bits: 32 or 64. */
int64_t qc_quantize_bias(float value, float scale, int bits);

#endif
