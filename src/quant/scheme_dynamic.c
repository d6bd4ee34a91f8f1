/*
 * scheme_dynamic.c - int8 weights where an operator's kernels take them beside float activations (they quantize the activations as they
 * run), int8 behind a DEQUANTIZE for weights of other operators.
 */
#include "quant/shared/weight.h"

static const char *const aliases[] = {"dynamic-range", "dynamic_range", "drq", "dynamic-int8", NULL};

const struct qc_scheme qc_scheme_dynamic = {
    .name = "dynamic", .aliases = aliases, .summary = "int8 weights, activations quantized while running: a quarter of the size", .constant = qc_weight_beside_float};
