/*
 * cpu.h - what the processor can do. QUANTC_CPU=ref|sse|avx2|avxvnni|avx512|avx512vnni|neon|dotprod in the environment lowers
 * it to that level, for tests and measurements.
 */
#ifndef QC_BASE_CPU_H
#define QC_BASE_CPU_H

#include <stdint.h>

enum {
    QC_CPU_AVX2 = 1,        /* AVX2, FMA, F16C */
    QC_CPU_AVXVNNI = 2,     /* and the 256-bit VEX vpdpbusd */
    QC_CPU_AVX512 = 4,      /* F, BW, VL, DQ, CD, and all of AVX2 */
    QC_CPU_AVX512VNNI = 8,
    QC_CPU_NEON = 16,
    QC_CPU_DOTPROD = 32,
    QC_CPU_AVX512VBMI = 64, /* follows AVX512VNNI in QUANTC_CPU */
};

/* Detected once, masked by QUANTC_CPU. */
uint32_t qc_cpu_features(void);
/* "avx2+avx512" and so on; "scalar" if 0. */
const char *qc_cpu_describe(uint32_t features, char *text, int size);
/* Bytes of the level 1 data and the level 2 cache of one core; sensible guesses where unknown. */
int qc_cpu_l1_bytes(void);
int qc_cpu_l2_bytes(void);

#endif
