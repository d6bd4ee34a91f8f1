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
    for (size_t i = sizeof variants / sizeof *variants; i-- && op < QC_ARITH_FAST_OPS;) {
        qc_row_fn *row = variants[i]->row[op][type];
        if (!row || variants[i]->variant.cpu & ~features) continue;
        *name = variants[i]->variant.name;
        return row;
    }
    *name = variants[0]->variant.name;
    return qc_arith_rare(op, type);
}
