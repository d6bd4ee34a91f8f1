/*
 * cpu.c - CPU features and cache sizes. See cpu.h.
 */
#include "base/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

static const struct {
    const char *name;
    uint32_t features;
} level[] = {
    {"ref", 0},
    {"avx2", QC_CPU_AVX2},
    {"avxvnni", QC_CPU_AVX2 | QC_CPU_AVXVNNI},
    {"avx512", QC_CPU_AVX2 | QC_CPU_AVX512},
    {"avx512vnni", QC_CPU_AVX2 | QC_CPU_AVXVNNI | QC_CPU_AVX512 | QC_CPU_AVX512VNNI | QC_CPU_AVX512VBMI},
    {"neon", QC_CPU_NEON},
    {"dotprod", QC_CPU_NEON | QC_CPU_DOTPROD},
};

#if defined(__x86_64__)
static uint32_t detect(void)
{
    unsigned a, b, c, d, xcr0, high;
    uint32_t features = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
    const unsigned needed = 1u << 27 | 1u << 28 | 1u << 12 | 1u << 29; /* OSXSAVE, AVX, FMA, F16C */
    if ((c & needed) != needed) return 0;
    __asm__("xgetbv" : "=a"(xcr0), "=d"(high) : "c"(0));
    if ((xcr0 & 6) != 6 || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & 1u << 5)) return 0; /* YMM state, AVX2 */
    features |= QC_CPU_AVX2;
    const unsigned avx512 = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31; /* F, DQ, CD, BW, VL */
    if ((xcr0 & 0xe6) == 0xe6 && (b & avx512) == avx512) {
        features |= QC_CPU_AVX512;
        if (c & 1u << 11) features |= QC_CPU_AVX512VNNI;
        if (c & 1u << 1) features |= QC_CPU_AVX512VBMI;
    }
    if (__get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 4)) features |= QC_CPU_AVXVNNI;
    return features;
}
#elif defined(__aarch64__)
static uint32_t detect(void)
{
    uint32_t features = QC_CPU_NEON;
#if defined(__linux__)
    if (getauxval(AT_HWCAP) & 1u << 20) features |= QC_CPU_DOTPROD; /* HWCAP_ASIMDDP */
#endif
    return features;
}
#else
static uint32_t detect(void)
{
    return 0;
}
#endif

static uint32_t features;
static int l1_bytes = 32 << 10, l2_bytes = 512 << 10;

static int cache_bytes(int name, int otherwise)
{
    long bytes = sysconf(name);
    return bytes > 0 ? (int)bytes : otherwise;
}

/* Runs before main, so that the questions cost nothing afterwards: under a hypervisor each cpuid takes microseconds. */
__attribute__((constructor)) static void find_out(void)
{
    features = detect();
    const char *wanted = getenv("QUANTC_CPU");
    for (size_t i = 0; wanted && i < sizeof level / sizeof *level; i++)
        if (!strcmp(wanted, level[i].name)) features &= level[i].features;
#ifdef _SC_LEVEL1_DCACHE_SIZE
    l1_bytes = cache_bytes(_SC_LEVEL1_DCACHE_SIZE, l1_bytes);
    l2_bytes = cache_bytes(_SC_LEVEL2_CACHE_SIZE, l2_bytes);
#else
    (void)cache_bytes;
#endif
}

uint32_t qc_cpu_features(void) { return features; }
int qc_cpu_l1_bytes(void) { return l1_bytes; }
int qc_cpu_l2_bytes(void) { return l2_bytes; }

const char *qc_cpu_describe(uint32_t set, char *text, int size)
{
    snprintf(text, (size_t)size, "%s%s%s%s%s%s", set & QC_CPU_AVX2 ? "avx2" : "", set & QC_CPU_AVXVNNI ? "+avxvnni" : "",
             set & QC_CPU_AVX512 ? "+avx512" : "", set & QC_CPU_AVX512VNNI ? "+avx512vnni" : "",
             set & QC_CPU_NEON ? "neon" : "", set & QC_CPU_DOTPROD ? "+dotprod" : "");
    if (!*text) snprintf(text, (size_t)size, "scalar");
    return text;
}
