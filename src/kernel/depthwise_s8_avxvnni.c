/*
 * depthwise_s8_avxvnni.c - int8 depthwise convolution by vpdpbusd on four taps at a time.
 */
#include "kernel/kernel.h"

#if QC_X86
QC_ISA_BEGIN("avx2,fma,f16c,avxvnni")
#include "kernel/depthwise_s8.h"
#include "kernel/simd_avx2.h"

enum { PIXELS = 2 };
#define QC_DPBUSD _mm256_dpbusd_avx_epi32
#include "kernel/depthwise_s8_vnni.h"
QC_ISA_END

extern const struct qc_depthwise_s8 qc_depthwise_s8_avxvnni;
const struct qc_depthwise_s8 qc_depthwise_s8_avxvnni = {{"avxvnni", QC_CPU_AVX2 | QC_CPU_AVXVNNI}, ELEMENT, BLOCK, LANE, GROUP, .tile = tile};
#endif
