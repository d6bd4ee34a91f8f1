/* arith.c - which variant of arith.h runs. */
#include "kernel/arith.h"

extern const struct qc_arith qc_arith_ref;
#ifdef QC_X86
extern const struct qc_arith qc_arith_avx2, qc_arith_avx512;
#endif

static const struct qc_arith *const variants[] = {
    &qc_arith_ref,
#ifdef QC_X86
    &qc_arith_avx2,
    &qc_arith_avx512,
#endif
};

const struct qc_arith *const *qc_arith_variants(size_t *count)
{
    *count = sizeof variants / sizeof *variants;
    return variants;
}

qc_row_fn *qc_arith_pick(uint32_t features, enum qc_arith_op op, qc_dtype type, const char **name)
{
    const struct qc_arith *chosen;
    QC_PICK(variants, features, chosen);
    qc_row_fn *row = op < QC_ARITH_FAST_OPS ? chosen->row[op][type] : NULL;
    *name = row ? chosen->variant.name : variants[0]->variant.name;
    return row ? row : qc_arith_rare(op, type);
}
