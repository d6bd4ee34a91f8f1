/*
 * row_quantize_avx512.c - quantization of rows while running, over avx512.
 */
#include "kernel/kernel.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX512)
#include "kernel/simd_avx512.h"

#include "kernel/row_quantize_template.h"
QC_ISA_END

QC_ROW_QUANTIZE_ROW(avx512, QC_CPU_AVX2 | QC_CPU_AVX512)
#endif
