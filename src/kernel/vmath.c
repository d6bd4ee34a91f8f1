/*
 * vmath.c - the variants of the elementary functions. See vmath.h.
 */
#include "kernel/vmath.h"

extern const struct qc_vmath qc_vmath_ref, qc_vmath_avx2, qc_vmath_avx512, qc_vmath_neon;

static const struct qc_vmath *const variant[] = {
    &qc_vmath_ref,
#if QC_X86
    &qc_vmath_avx2,
    &qc_vmath_avx512,
#elif QC_ARM
    &qc_vmath_neon,
#endif
};

const struct qc_vmath *const *qc_vmath_variants(size_t *count)
{
    *count = sizeof variant / sizeof *variant;
    return variant;
}

const struct qc_vmath *qc_vmath_pick(uint32_t features)
{
    const struct qc_vmath *chosen;
    QC_PICK(variant, features, chosen);
    return chosen;
}
