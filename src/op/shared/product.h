/*
 * product.h - what convolutions and matrix products share: element types, quantization, requantization, and the choice of kernel.
 *
 * The operator fills the upper part in infer and plan; then
 *   qc_product_check    in infer: the types of activations, weights, bias and output fit, and their quantization is sound
 *   qc_product_plan     in plan, after `conv` is filled: multipliers, limits, kernel, scratch
 *   qc_product_prepare  in prepare
 *   qc_product_run      in run
 *
 * Combinations (activations x weights, bias -> output):
 *   float32 x float32, float32 -> float32
 *   float32 x int8 | int4 | int2 | uint8 (int8 by another name), float32 -> float32    hybrid
 *   int8 x int8 | int4 | int2, int32 -> int8
 *   uint8 x uint8, int32 -> uint8
 *   int16 x int8 | int4 | int2, int64 | int32 -> int16
 */
#ifndef QC_OP_SHARED_PRODUCT_H
#define QC_OP_SHARED_PRODUCT_H

#include "kernel/conv.h"
#include "kernel/dot_f32.h"
#include "kernel/row_quantize.h"
#include "op/shared/tiled.h"
#include "op/shared/weights.h"

enum qc_product_kind { QC_PRODUCT_F32, QC_PRODUCT_HYBRID, QC_PRODUCT_S8, QC_PRODUCT_U8, QC_PRODUCT_S16, QC_PRODUCT_S16_B32 };

struct qc_product {
    /* filled by the operator */
    struct qc_conv conv;
    int x, w, bias;             /* operand numbers; the bias may be absent */
    int w_axis;                 /* of a scale per output channel */
    const uint8_t *order;       /* the weights' axes as [out, taps, in]; NULL: as stored */
    int activation;             /* fused */
    enum qc_rounding rounding;  /* of integers; with 64-bit sums only QC_ROUND_F64 or not matters */
    bool narrow;                /* int16 without a bias: 32-bit sums */
    bool float_product;         /* multiplier from the float32, not float64, product of the two scales (TFLite, one scale) */
    bool any_zero;              /* int8 weights with one scale may have a zero point */
    enum qc_row_quantization hybrid; /* one row for each conv.batch */
    bool turns_128;             /* hybrid: see kernel/conv.h */
    /* private */
    const struct qc_dot_f32 *dot; /* of one row; NULL: see tiled */
    struct qc_tiled *tiled;   /* NULL: the reference kernels */
    enum qc_product_kind kind;
    struct qc_weights weights;
    struct qc_stage stage;
    int32_t x_zero, w_zero;
    float low, high;
    const struct qc_row_quantizer *quantizer;
    float *w_scale;             /* [out_channels], hybrid */
    size_t x_scratch, scale_scratch, zero_scratch; /* hybrid */
};

qc_status qc_product_check(struct qc_step *step, const struct qc_product *product, int32_t channels);
qc_status qc_product_plan(struct qc_step *step, struct qc_product *product);
qc_status qc_product_prepare(struct qc_step *step, struct qc_product *product);
qc_status qc_product_run(struct qc_step *step, struct qc_product *product);
/* Rows [begin, end) of the height alone, of a step whose plan has set `banded`. */
void qc_product_run_rows(struct qc_step *step, const struct qc_product *product, int32_t begin, int32_t end);

#endif
