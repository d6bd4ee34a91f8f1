/*
 * fixed_s16.c - see fixed_s16.h: the plain variant, and which one runs.
 */
#include "kernel/fixed_s16.h"

#include "kernel/fixed_point.h"

static void logistic(size_t n, const int16_t *x, int16_t *y)
{
    for (size_t i = 0; i < n; i++) y[i] = (int16_t)qc_fixed_logistic(16, 3, x[i]);
}

static void hyperbolic(size_t n, int bits, const int16_t *x, int16_t *y)
{
    for (size_t i = 0; i < n; i++) y[i] = (int16_t)qc_fixed_tanh(16, bits, x[i]);
}

static const struct qc_fixed_s16 plain = {{"ref", 0}, logistic, hyperbolic};
extern const struct qc_fixed_s16 qc_fixed_s16_avx2;

static const struct qc_fixed_s16 *const variant[] = {
    &plain,
#if QC_X86
    &qc_fixed_s16_avx2,
#endif
};

const struct qc_fixed_s16 *const *qc_fixed_s16_variants(size_t *count)
{
    *count = sizeof variant / sizeof *variant;
    return variant;
}

const struct qc_fixed_s16 *qc_fixed_s16_pick(uint32_t features)
{
    const struct qc_fixed_s16 *chosen;
    QC_PICK(variant, features, chosen);
    return chosen;
}
