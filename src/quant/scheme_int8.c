/*
 * scheme_int8.c - int8 activations and weights, 32-bit biases: TensorFlow Lite's 8-bit specification.
 *
 * What stays float computes with int8 weights where its kernels take them, so that a loop's weights shrink too.
 */
#include "quant/shared/weight.h"

static const char *const aliases[] = {"full-integer", "full_integer", "integer", "i8", NULL};

const struct qc_scheme qc_scheme_int8 = {
    .name = "int8", .aliases = aliases, .summary = "int8 activations and weights, calibrated on data: a quarter of the size, fastest", .bits = 8, .recurrent = QC_RECURRENT_INT8,
    .constant = qc_weight_beside_float};
