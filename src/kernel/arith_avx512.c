/* arith_avx512.c - arith.h for AVX-512. */
#include "kernel/arith.h"

#ifdef QC_X86
QC_ISA_BEGIN(QC_AVX512)
QC_VECTORIZE
#include "kernel/simd_avx512.h"
#define ARITH_SIMD
#define ARITH_FEW
#include "kernel/arith_template.h"
QC_ISA_END

extern const struct qc_arith qc_arith_avx512;
const struct qc_arith qc_arith_avx512 = {{"avx512", QC_CPU_AVX512}, ARITH_ROWS};
#endif
