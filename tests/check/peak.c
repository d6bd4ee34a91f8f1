/*
 * peak.c - the measured limit of a variant's multiply instruction, which kernel benchmarks are compared with. See check.h.
 *
 * Sixteen independent chains of the instruction on registers: enough to hide its latency on every CPU so far.
 */
#include "check.h"

#include <string.h>
#include <time.h>

#if QC_X86

enum { ROUNDS = 2000, CHAINS = 16 };

#define SIXTEEN(one) one(0) one(1) one(2) one(3) one(4) one(5) one(6) one(7) one(8) one(9) one(10) one(11) one(12) one(13) one(14) one(15)

/* Zero operands: neither denormals nor infinities. */
#define DEFINE_LOOP(name, instruction)                                         \
    static void name(void)                                                                                            \
    {                                                                                                                 \
        for (int i = 0; i < ROUNDS; i++)                                                                              \
            __asm__ volatile(SIXTEEN(instruction) ::: SIXTEEN_CLOBBERS);                                              \
    }
#define SIXTEEN_CLOBBERS                                                                                                                       \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"
#define FMA_YMM(n) "vfmadd231ps %%ymm" #n ", %%ymm" #n ", %%ymm" #n "\n\t"
#define FMA_ZMM(n) "vfmadd231ps %%zmm" #n ", %%zmm" #n ", %%zmm" #n "\n\t"
#define MADD_YMM(n) "vpmaddwd %%ymm" #n ", %%ymm" #n ", %%ymm" #n "\n\t"
#define MADD_ZMM(n) "vpmaddwd %%zmm" #n ", %%zmm" #n ", %%zmm" #n "\n\t"
#define DOT_ZMM(n) "vpdpbusd %%zmm" #n ", %%zmm" #n ", %%zmm" #n "\n\t"
DEFINE_LOOP(fma_avx2, FMA_YMM)
DEFINE_LOOP(fma_avx512, FMA_ZMM)
DEFINE_LOOP(madd_avx2, MADD_YMM)
DEFINE_LOOP(madd_avx512, MADD_ZMM)
DEFINE_LOOP(dot_avx512vnni, DOT_ZMM)

static const struct peak {
    const char *variant;
    bool integer;
    void (*loop)(void);
    int products; /* of one instruction */
} peaks[] = {
    {"avx2", false, fma_avx2, 8},     {"avx512", false, fma_avx512, 16},          {"avx2", true, madd_avx2, 16},
    {"avx512", true, madd_avx512, 32}, {"avx512vnni", true, dot_avx512vnni, 64},
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double check_peak(const char *variant, bool integer)
{
    for (size_t i = 0; i < sizeof peaks / sizeof *peaks; i++) {
        if (strcmp(variant, peaks[i].variant) || peaks[i].integer != integer) continue;
        double best = 1;
        for (int round = 0; round < 30; round++) {
            const double start = now();
            peaks[i].loop();
            const double each = now() - start;
            if (each < best) best = each;
        }
        return (double)peaks[i].products * CHAINS * ROUNDS / best;
    }
    return 0;
}

#else

double check_peak(const char *variant, bool integer)
{
    (void)variant;
    (void)integer;
    return 0;
}

#endif
