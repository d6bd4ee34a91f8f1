/* arith_avx2.c - arith.h for AVX2. */
#include "kernel/arith.h"

#ifdef QC_X86
QC_ISA_BEGIN(QC_AVX2)
QC_VECTORIZE
#include "kernel/simd_avx2.h"
#define ARITH_SIMD
#include "kernel/arith_template.h"
QC_ISA_END

extern const struct qc_arith qc_arith_avx2;
const struct qc_arith qc_arith_avx2 = {{"avx2", QC_CPU_AVX2}, ARITH_ROWS};
#endif
