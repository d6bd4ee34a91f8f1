/*
 * denormals.h - whether the processor takes numbers too small for a full mantissa as they are or as zero, for the calling thread.
 *
 * Flushing them keeps loops over decaying values fast; elementary functions of libm need them intact to be right.
 */
#ifndef QC_BASE_DENORMALS_H
#define QC_BASE_DENORMALS_H

#if defined(__x86_64__)
#include <immintrin.h>

#define QC_FLUSH_TO_ZERO 0x8040u /* FTZ for results, DAZ for operands */

/* Each returns the mode before, for qc_denormals_restore. */
static inline unsigned qc_denormals_flush(void)
{
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | QC_FLUSH_TO_ZERO);
    return before;
}

static inline unsigned qc_denormals_keep(void)
{
    unsigned before = _mm_getcsr();
    _mm_setcsr(before & ~QC_FLUSH_TO_ZERO);
    return before;
}

static inline void qc_denormals_restore(unsigned mode)
{
    _mm_setcsr(mode);
}

#else

static inline unsigned qc_denormals_flush(void)
{
    return 0;
}

static inline unsigned qc_denormals_keep(void)
{
    return 0;
}

static inline void qc_denormals_restore(unsigned mode)
{
    (void)mode;
}

#endif
#endif
