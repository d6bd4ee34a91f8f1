/*
 * arith.h - elementwise arithmetic of two operands, as rows (row.h).
 *
 * Integers wrap. Floats are IEEE operations, then limited to [low, high] with NaN kept; MAX and MIN give y when either is NaN.
 * The quantized rows exist in two roundings (docs/bit-exactness.md): FAST as XNNPACK's kernels, exact in the bits of
 * its multipliers, and TFLite's portable kernels. All variants give equal bits.
 */
#ifndef QC_KERNEL_ARITH_H
#define QC_KERNEL_ARITH_H

#include "base/dtype.h"
#include "base/requant.h"
#include "kernel/row.h"

enum qc_arith_op {
    QC_ARITH_ADD, /* float32, int16, int32, int64: params is qc_arith_limits */
    QC_ARITH_SUB,
    QC_ARITH_MUL,
    QC_ARITH_DIV, /* float32, int32 (no y may be 0) */
    QC_ARITH_MAX, /* and int8, uint8 */
    QC_ARITH_MIN,
    QC_ARITH_SQUARED_DIFFERENCE, /* float32, int32 */
    QC_ARITH_QADD_FAST,          /* int8, uint8: params is qc_arith_quantized; subtraction by a negative b_factor */
    QC_ARITH_QADD,               /* int8, uint8, int16; subtraction by sign -1 */
    QC_ARITH_QMUL_FAST,          /* int8, uint8 */
    QC_ARITH_QMUL,               /* int8, uint8, int16 */
    QC_ARITH_FAST_OPS,
    /* From here on in one variant only: operations and types (float16, complex64 ...) whose speed matters less. */
    QC_ARITH_QADD_POT = QC_ARITH_FAST_OPS, /* int16 of power of two scales: a.shift and b.shift are rounding right shifts */
    QC_ARITH_QDIV, /* int8, uint8, int16; no operand y may be its zero point */
    QC_ARITH_QSQUARED_DIFFERENCE, /* int8 */
    QC_ARITH_FLOOR_DIV, /* no integer y may be 0 */
    QC_ARITH_FLOOR_MOD,
    QC_ARITH_POW, /* no integer y may be negative */
    QC_ARITH_ATAN2,
    QC_ARITH_AND,
    QC_ARITH_OR,
    QC_ARITH_XOR,
    QC_ARITH_SHIFT_RIGHT, /* arithmetic for signed types; y limited to [0, bits - 1] */
    QC_ARITH_SHIFT_LEFT,  /* 0 where y is outside of [0, bits - 1] */
    QC_ARITH_EQUAL,       /* the result of comparisons is bool */
    QC_ARITH_NOT_EQUAL,
    QC_ARITH_LESS,
    QC_ARITH_LESS_EQUAL,
    QC_ARITH_GREATER,
    QC_ARITH_GREATER_EQUAL,
    QC_ARITH_QEQUAL, /* int8, uint8, int16: both operands requantized by a and b after left_shift */
    QC_ARITH_QNOT_EQUAL,
    QC_ARITH_QLESS,
    QC_ARITH_QLESS_EQUAL,
    QC_ARITH_QGREATER,
    QC_ARITH_QGREATER_EQUAL,
    QC_ARITH_OPS
};

struct qc_arith_limits {
    float low, high;
    int64_t integer_low, integer_high; /* within the type */
};

struct qc_arith_quantized {
    int32_t a_zero, b_zero, zero, low, high;
    /* QADD_FAST: (bias + a * a_factor + b * b_factor) >> shift, + zero. The sum must fit 32 bits. */
    int32_t a_factor, b_factor, bias, shift;
    /* QMUL_FAST */
    float scale;
    /* QADD: operands << left_shift, each by its multiplier; the sum by `out`. QMUL: `out` alone. */
    int32_t left_shift, sign;
    struct qc_multiplier a, b, out;
};

struct qc_arith {
    struct qc_variant variant;
    qc_row_fn *row[QC_ARITH_FAST_OPS][QC_DTYPE_COUNT]; /* NULL: not for this type, or no faster than in the variant before */
};

/* All variants of this build, plain first. */
const struct qc_arith *const *qc_arith_variants(size_t *count);
/* arith_rare.c: what has no variants; NULL if there is none. */
qc_row_fn *qc_arith_rare(enum qc_arith_op op, qc_dtype type);
/* The fastest row that `features` allow; *name is the variant's. NULL if the operation does not exist for the type. */
qc_row_fn *qc_arith_pick(uint32_t features, enum qc_arith_op op, qc_dtype type, const char **name);

#endif
