/*
 * scheme_float32.c - nothing is quantized.
 */
#include "quant/quant.h"

static const char *const aliases[] = {"none", "fp32", "float", NULL};

const struct qc_scheme qc_scheme_float32 = {.name = "float32", .aliases = aliases, .summary = "nothing is quantized"};
