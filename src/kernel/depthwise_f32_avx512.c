/*
 * depthwise_f32_avx512.c - float depthwise convolution, over avx512.
 */
#include "kernel/kernel.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX512)
#include "kernel/simd_avx512.h"

enum { GROUP = 7 };
#include "kernel/depthwise_f32_template.h"
QC_ISA_END

QC_DEPTHWISE_F32_ROW(avx512, QC_CPU_AVX2 | QC_CPU_AVX512)
#endif
