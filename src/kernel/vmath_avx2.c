/*
 * vmath_avx2.c - elementary functions of float arrays, over avx2.
 */
#include "kernel/kernel.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX2)
#include "kernel/simd_avx2.h"

#include "kernel/vmath_template.h"
QC_ISA_END

QC_VMATH_ROW(avx2, QC_CPU_AVX2)
#endif
