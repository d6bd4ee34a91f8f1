/*
 * kernel.h - conventions of the numeric kernels.
 *
 * Kernels know pointers, strides and counts: no tensors, nodes or files. They return void, allocate nothing and cannot fail.
 * Each family has a contract (<family>.h), a scalar reference that stays (<family>_ref.c) and one file per ISA
 * (<family>_avx2.c, _avx512.c, _avx512vnni.c, _avxvnni.c, _neon.c, _dotprod.c). An ISA file brackets its code:
 *
 *     QC_ISA_BEGIN("avx2,fma,f16c")
 *     ...
 *     QC_ISA_END
 *
 * so no file needs compiler flags of its own. A variant is a const row with the CPU bits it requires; selection happens once, in an
 * operator's plan. Integer variants equal the reference bit for bit; float variants state their bound in the family's header.
 */
#ifndef QC_KERNEL_KERNEL_H
#define QC_KERNEL_KERNEL_H

#include "base/cpu.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#define QC_X86 1
#include <immintrin.h>
#elif defined(__aarch64__)
#define QC_ARM 1
#include <arm_neon.h>
#endif

#define QC_PRAGMA_(x) _Pragma(#x)
#define QC_PRAGMA(x) QC_PRAGMA_(x)
#if defined(__clang__)
#define QC_ISA_BEGIN(features) QC_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define QC_ISA_END _Pragma("clang attribute pop")
#else
#define QC_ISA_BEGIN(features) _Pragma("GCC push_options") QC_PRAGMA(GCC target(features))
#define QC_ISA_END _Pragma("GCC pop_options")
#endif
#define QC_AVX2 "avx2,fma,f16c"
#define QC_AVX512 "avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq"
#define QC_AVX512VNNI "avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni"

/* At the top of a file: its plain loops become vector code. (-O2 alone does that for few of them; all of -O3 makes code that is twice as large
 * and no faster. Short loops depend on how they are aligned.) */
#if defined(__clang__)
#define QC_VECTORIZE
#else
#define QC_VECTORIZE QC_PRAGMA(GCC optimize("O2", "tree-vectorize", "vect-cost-model=dynamic", "peel-loops", "align-loops=32"))
#endif

/* In front of a loop of constant length: unrolled, so that an array indexed by it lives in registers. */
#if defined(__clang__)
#define QC_UNROLL _Pragma("clang loop unroll(full)")
#else
#define QC_UNROLL _Pragma("GCC unroll 64")
#endif

/* What every variant row begins with: rows of a family stand from plain to fast, and the last that the CPU can run is taken. */
struct qc_variant {
    const char *name;
    uint32_t cpu; /* QC_CPU_* bits it requires, all of them */
};
#define QC_PICK(rows, features, chosen)                                              \
    do {                                                                             \
        (chosen) = (rows)[0];                                                        \
        for (size_t pick_ = 1; pick_ < sizeof(rows) / sizeof *(rows); pick_++)       \
            if (!((rows)[pick_]->variant.cpu & ~(features))) (chosen) = (rows)[pick_]; \
    } while (0)

#endif
