/*
 * vmath_neon.c - elementary functions of float arrays, over neon.
 */
#include "kernel/kernel.h"

#if QC_ARM
#include "kernel/simd_neon.h"

#include "kernel/vmath_template.h"

QC_VMATH_ROW(neon, QC_CPU_NEON)
#endif
