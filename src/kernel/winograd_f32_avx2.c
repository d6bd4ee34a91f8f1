/*
 * winograd_f32_avx2.c - transforms of Winograd convolutions, over avx2.
 */
#include "kernel/kernel.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX2)
#include "kernel/simd_avx2.h"

#include "kernel/winograd_f32_template.h"
QC_ISA_END

QC_WINOGRAD_F32_ROW(avx2, QC_CPU_AVX2)
#endif
