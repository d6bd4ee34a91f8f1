/*
 * row_quantize_avx2.c - quantization of rows while running, over avx2.
 */
#include "kernel/kernel.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX2)
#include "kernel/simd_avx2.h"

#include "kernel/row_quantize_template.h"
QC_ISA_END

QC_ROW_QUANTIZE_ROW(avx2, QC_CPU_AVX2)
#endif
