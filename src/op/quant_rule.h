/*
 * quant_rule.h - what a quantizer must respect about an operator, as data. Schemes (src/quant) interpret it; operators
 * (src/op) declare it. Sources: LiteRT's quantization_spec.md, operator_property.cc, tfl_ops.td.
 */
#ifndef QC_OP_QUANT_RULE_H
#define QC_OP_QUANT_RULE_H

#include <stdint.h>

enum qc_role {
    QC_ROLE_END = 0,    /* past the last declared operand: it and the following ones behave as the last declared one */
    QC_ROLE_ACTIVATION, /* calibrated, asymmetric int8 / symmetric int16; a constant here is quantized the same way from its own range */
    QC_ROLE_WEIGHT,     /* symmetric int8 [-127, 127], per channel on `axis` (-1: per tensor) */
    QC_ROLE_BIAS,       /* int32 (int64 under int16 activations), scale = scale of in[a] x scale of in[b] */
    QC_ROLE_SAME,       /* shares scale and zero point with in[0] (a constant is requantized to it) */
    QC_ROLE_KEEP,       /* an index, shape, mask, condition: never touched */
    QC_ROLE_FLOAT,      /* must stay float: a quantized producer gets a DEQUANTIZE */
};

struct qc_operand_rule {
    uint8_t role;
    int8_t axis;
    uint8_t a, b;
};

enum qc_output_kind {
    QC_OUTPUT_CALIBRATED = 0,
    QC_OUTPUT_SAME,  /* as in[same_as]; concat-like operators: the output's range wins and is given to all inputs */
    QC_OUTPUT_FIXED, /* fixed_scale8 / zero_point8, fixed_scale16 / 0 */
    QC_OUTPUT_KEEP,  /* integer or bool result, not quantized (ARG_MAX, comparisons, SHAPE) */
};

enum { /* modes */
    QC_Q_INT8 = 1,    /* has int8 kernels in TFLite */
    QC_Q_INT16 = 2,   /* has int16 (16x8) kernels in TFLite */
    QC_Q_HYBRID = 4,  /* float activations with int8 weights: the operands in `hybrid` */
};

struct qc_quant_rule {
    uint8_t modes;
    struct qc_operand_rule in[8];
    uint8_t output, same_as;
    float fixed_scale8;
    int8_t fixed_zero_point8;
    float fixed_scale16;
    uint64_t hybrid;     /* bit k: operand k may be int8 while activations stay float */
    int8_t hybrid_axis;  /* per-channel axis of hybrid weights; -1: per tensor */
};

#endif
