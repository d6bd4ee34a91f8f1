/*
 * row_quantize_neon.c - quantization of rows while running, over neon.
 */
#include "kernel/kernel.h"

#if QC_ARM
#include "kernel/simd_neon.h"

#include "kernel/row_quantize_template.h"

QC_ROW_QUANTIZE_ROW(neon, QC_CPU_NEON)
#endif
