/*
 * depthwise_s8_avx512vnni.c - int8 depthwise convolution by vpdpbusd on four taps at a time, 256 bits wide: a block of 64 channels
 * would be half empty in narrow layers, and CPUs that split 512-bit operations gain nothing.
 */
#include "kernel/kernel.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX512VNNI)
#include "kernel/depthwise_s8.h"
#include "kernel/simd_avx2.h"

enum { PIXELS = 4 };
#define QC_SLIDES 1
#define QC_DPBUSD _mm256_dpbusd_epi32
#include "kernel/depthwise_s8_vnni.h"
QC_ISA_END

extern const struct qc_depthwise_s8 qc_depthwise_s8_avx512vnni;
const struct qc_depthwise_s8 qc_depthwise_s8_avx512vnni = {{"avx512vnni", QC_CPU_AVX2 | QC_CPU_AVX512 | QC_CPU_AVX512VNNI}, ELEMENT, BLOCK, LANE, GROUP, .tile = tile,
                                                            .slides = true};
#endif
