/*
 * logistic.h - the logistic function of 8-bit numbers, for LOGISTIC itself and for a product that takes it in.
 */
#ifndef QC_OP_SHARED_LOGISTIC_H
#define QC_OP_SHARED_LOGISTIC_H

#include "op/op.h"

/* By the default's (XNNPACK) or the reference's arithmetic; x and y are sound, with one scale each. */
void qc_logistic_table8(uint8_t table[256], bool reference, qc_dtype type, const struct qc_quant *x, const struct qc_quant *y);

#endif
