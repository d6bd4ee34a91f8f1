/*
 * winograd_f32_avx512.c - transforms of Winograd convolutions, over avx512.
 */
#include "kernel/kernel.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX512)
#include "kernel/simd_avx512.h"

#include "kernel/winograd_f32_template.h"
QC_ISA_END

QC_WINOGRAD_F32_ROW(avx512, QC_CPU_AVX2 | QC_CPU_AVX512)
#endif
