/* arith_ref.c - arith.h for any processor. */
#include "kernel/arith.h"

#ifndef QC_X86 /* where it is for the oldest processors and for comparison alone */
QC_VECTORIZE
#endif
#include "kernel/arith_template.h"

extern const struct qc_arith qc_arith_ref;
const struct qc_arith qc_arith_ref = {{"scalar", 0}, ARITH_ROWS};
