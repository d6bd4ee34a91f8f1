/*
 * recurrent_avx512.c - the cells of recurrent layers, over avx512.
 */
#include "kernel/kernel.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX512)
#include "kernel/simd_avx512.h"

enum { LSTM_BLOCKS = 1, GRU_BLOCKS = 2 };
#include "kernel/recurrent_template.h"
QC_ISA_END

QC_RECURRENT_ROW(avx512, QC_CPU_AVX2 | QC_CPU_AVX512)
#endif
