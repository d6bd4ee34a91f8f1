/* reduce_avx2.c - reduce.h for AVX2: sums and largest numbers. */
#include "kernel/reduce.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX2)
QC_VECTORIZE
#include "kernel/reduce_template.h"
QC_ISA_END

extern const struct qc_reduce_rows qc_reduce_avx2;
const struct qc_reduce_rows qc_reduce_avx2 = {{"avx2", QC_CPU_AVX2},
                                              {[QC_REDUCE_SUM] = {SUMS},
                                               [QC_REDUCE_MEAN] = {SUMS},
                                               [QC_REDUCE_MAX] = {[QC_FLOAT32] = ROW(max_f32), [QC_INT8] = ROW(max_s8), [QC_INT16] = ROW(max_s16)}}};
#endif
