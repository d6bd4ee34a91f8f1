/*
 * recurrent_avx2.c - the cells of recurrent layers, over avx2.
 */
#include "kernel/kernel.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX2)
#include "kernel/simd_avx2.h"

enum { LSTM_BLOCKS = 1, GRU_BLOCKS = 1 };
#include "kernel/recurrent_template.h"
QC_ISA_END

QC_RECURRENT_ROW(avx2, QC_CPU_AVX2)
#endif
