/*
 * logistic.c - see logistic.h.
 */
#include "op/shared/logistic.h"
#include "kernel/table.h"

#include <math.h>

static float logistic(float x, const void *unused)
{
    (void)unused;
    return 1.0f / (1.0f + expf(-x));
}

static float logistic_f64(float x, const void *unused)
{
    (void)unused;
    double e = exp(x);
    return x > 100 ? 1 : x < -100 ? 0 : (float)(e / (1 + e));
}

void qc_logistic_table8(uint8_t table[256], bool reference, qc_dtype type, const struct qc_quant *x, const struct qc_quant *y)
{
    qc_table8_fill(table, type == QC_INT8, !reference, (struct qc_affine){x->scale[0], (int32_t)x->zero_point[0]},
                   (struct qc_affine){y->scale[0], (int32_t)y->zero_point[0]}, reference ? logistic : logistic_f64, NULL);
}
