/*
 * half.c - rows of float16 to float32, scalar and with F16C. See half.h.
 */
#include "kernel/half.h"

#include "base/dtype.h"

#ifdef QC_X86
QC_ISA_BEGIN("avx2,f16c")
/* Eight at a time; returns how many are done. */
static size_t convert_avx2(const uint16_t *x, float *y, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8) _mm256_storeu_ps(y + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(x + i))));
    return i;
}
QC_ISA_END
#endif

void qc_half_row(const uint16_t *x, float *y, size_t n)
{
    size_t i = 0;
#ifdef QC_X86
    if (qc_cpu_features() & QC_CPU_AVX2) i = convert_avx2(x, y, n);
#endif
    for (; i < n; i++) y[i] = qc_half_to_float(x[i]);
}
