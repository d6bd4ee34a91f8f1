/* arith_ref.c - arith.h for any processor. */
#include "kernel/arith.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif
#include "kernel/arith_template.h"

extern const struct qc_arith qc_arith_ref;
const struct qc_arith qc_arith_ref = {{"scalar", 0}, ARITH_ROWS};
