/*
 * recurrent_neon.c - the cells of recurrent layers, over neon.
 */
#include "kernel/kernel.h"

#if QC_ARM
#include "kernel/simd_neon.h"

enum { LSTM_BLOCKS = 1, GRU_BLOCKS = 1 };
#include "kernel/recurrent_template.h"

QC_RECURRENT_ROW(neon, QC_CPU_NEON)
#endif
