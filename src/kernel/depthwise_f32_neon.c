/*
 * depthwise_f32_neon.c - float depthwise convolution, over neon.
 */
#include "kernel/kernel.h"

#if QC_ARM
#include "kernel/simd_neon.h"

enum { GROUP = 4 };
#include "kernel/depthwise_f32_template.h"

QC_DEPTHWISE_F32_ROW(neon, QC_CPU_NEON)
#endif
