/*
 * scheme_int16x8.c - int16 activations, int8 weights, 64-bit biases.
 */
#include "quant/shared/weight.h"

static const char *const aliases[] = {"16x8", "int16", "i16x8", "a16w8", NULL};

const struct qc_scheme qc_scheme_int16x8 = {
    .name = "int16x8", .aliases = aliases,
    .summary = "int16 activations, int8 weights, calibrated on data: a quarter of the size, nearly float accuracy",
    .bits = 16, .recurrent = QC_RECURRENT_LOOP,
    .constant = qc_weight_beside_float};
