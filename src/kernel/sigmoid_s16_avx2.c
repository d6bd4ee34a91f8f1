/*
 * sigmoid_s16_avx2.c - sigmoid_s16.h for AVX2: places of the table are gathered.
 */
#include "kernel/kernel.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX2)
#include "kernel/sigmoid_s16.h"
#include "kernel/simd_avx2.h"

struct tables {
    const int *pair;
};
QC_INLINE struct tables tables_of(const struct qc_sigmoid_s16 *s) { return (struct tables){(const int *)s->pair}; }
QC_INLINE void lookup(const struct tables *t, const vi index[2], vi pair[2])
{
    pair[0] = _mm256_i32gather_epi32(t->pair, index[0], 4), pair[1] = _mm256_i32gather_epi32(t->pair, index[1], 4);
}

#include "kernel/sigmoid_s16_template.h"
QC_ISA_END

extern const struct qc_sigmoid_s16_kernel qc_sigmoid_s16_avx2;
const struct qc_sigmoid_s16_kernel qc_sigmoid_s16_avx2 = {{"avx2", QC_CPU_AVX2}, row};
#endif
