/*
 * winograd_f32_neon.c - transforms of Winograd convolutions, over neon.
 */
#include "kernel/kernel.h"

#if QC_ARM
#include "kernel/simd_neon.h"

#include "kernel/winograd_f32_template.h"

QC_WINOGRAD_F32_ROW(neon, QC_CPU_NEON)
#endif
