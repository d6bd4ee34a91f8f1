/*
 * dot_f32_avx512.c - products of one row, over avx512: 8 columns in 8 registers.
 */
#include "kernel/kernel.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX512)
#include "kernel/simd_avx512.h"

enum { GROUP = 8 };
#include "kernel/dot_f32_template.h"
QC_ISA_END

QC_DOT_F32_ROW(avx512, QC_CPU_AVX2 | QC_CPU_AVX512)
#endif
