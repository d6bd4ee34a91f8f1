/*
 * dot_f32_neon.c - products of one row, over neon: 4 columns in 16 registers.
 */
#include "kernel/kernel.h"

#if QC_ARM
#include "kernel/simd_neon.h"

enum { GROUP = 4 };
#include "kernel/dot_f32_template.h"

QC_DOT_F32_ROW(neon, QC_CPU_NEON)
#endif
