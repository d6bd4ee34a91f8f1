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

#endif
