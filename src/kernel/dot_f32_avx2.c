/*
 * dot_f32_avx2.c - products of one row, over avx2: 4 columns in 8 registers.
 */
#include "kernel/kernel.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX2)
#include "kernel/simd_avx2.h"

enum { GROUP = 4 };
#include "kernel/dot_f32_template.h"
QC_ISA_END

QC_DOT_F32_ROW(avx2, QC_CPU_AVX2)
#endif
