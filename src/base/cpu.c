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
    {"avx512vnni", QC_CPU_AVX2 | QC_CPU_AVXVNNI | QC_CPU_AVX512 | QC_CPU_AVX512VNNI},
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

uint32_t qc_cpu_features(void)
{
    uint32_t features = detect();
    const char *wanted = getenv("QUANTC_CPU");
    for (size_t i = 0; wanted && i < sizeof level / sizeof *level; i++)
        if (!strcmp(wanted, level[i].name)) features &= level[i].features;
    return features;
}

const char *qc_cpu_describe(uint32_t features, char *text, int size)
{
    snprintf(text, (size_t)size, "%s%s%s%s%s%s", features & QC_CPU_AVX2 ? "avx2" : "", features & QC_CPU_AVXVNNI ? "+avxvnni" : "",
             features & QC_CPU_AVX512 ? "+avx512" : "", features & QC_CPU_AVX512VNNI ? "+avx512vnni" : "",
             features & QC_CPU_NEON ? "neon" : "", features & QC_CPU_DOTPROD ? "+dotprod" : "");
    if (!*text) snprintf(text, (size_t)size, "scalar");
    return text;
}

static int cache_bytes(int name, int otherwise)
{
    long bytes = name ? sysconf(name) : 0;
    return bytes > 0 ? (int)bytes : otherwise;
}

#ifdef _SC_LEVEL1_DCACHE_SIZE
int qc_cpu_l1_bytes(void) { return cache_bytes(_SC_LEVEL1_DCACHE_SIZE, 32 << 10); }
int qc_cpu_l2_bytes(void) { return cache_bytes(_SC_LEVEL2_CACHE_SIZE, 512 << 10); }
#else
int qc_cpu_l1_bytes(void) { return cache_bytes(0, 32 << 10); }
int qc_cpu_l2_bytes(void) { return cache_bytes(0, 512 << 10); }
#endif
