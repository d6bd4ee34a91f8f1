/*
 * arith_rare.c - the operations and types of arith.h that exist in one variant only.
 */
#include "kernel/arith.h"
#include "base/denormals.h"
#include "kernel/fixed_point.h"
#include <limits.h>
#include <math.h>

/* ---- float16: computed in float32, rounded once; complex64 ---- */

static uint16_t limit_f16(float v, const struct qc_arith_limits *p)
{
    v = v < p->low ? p->low : v;
    return qc_float_to_half(v > p->high ? p->high : v);
}

#define X qc_half_to_float(x)
#define Y qc_half_to_float(y)
#define HALF_ROW(name, EXPR) QC_BINARY_ROW_PLAIN(name, struct qc_arith_limits, uint16_t, uint16_t, limit_f16(EXPR, p))

HALF_ROW(add_f16, X + Y)
HALF_ROW(sub_f16, X - Y)
HALF_ROW(mul_f16, X *Y)
HALF_ROW(div_f16, X / Y)
QC_BINARY_ROW_PLAIN(max_f16, void, uint16_t, uint16_t, X > Y ? x : y)
QC_BINARY_ROW_PLAIN(min_f16, void, uint16_t, uint16_t, X < Y ? x : y)
QC_BINARY_ROW_PLAIN(add_f64, void, double, double, x + y)
QC_BINARY_ROW_PLAIN(mul_f64, void, double, double, x *y)
QC_BINARY_ROW_PLAIN(max_f64, void, double, double, x > y ? x : y)
QC_BINARY_ROW_PLAIN(min_f64, void, double, double, x < y ? x : y)

struct complex64 {
    float re, im;
};
QC_BINARY_ROW_PLAIN(mul_c64, void, struct complex64, struct complex64,
              ((struct complex64){x.re * y.re - x.im * y.im, x.re * y.im + x.im * y.re}))

/* ---- division ---- */

static int32_t divide_s32(int32_t x, int32_t y, const struct qc_arith_limits *p)
{
    int64_t v = (int32_t)(uint32_t)((int64_t)x / y); /* -2^31 / -1 wraps */
    return (int32_t)(v < p->integer_low ? p->integer_low : v > p->integer_high ? p->integer_high : v);
}
QC_BINARY_ROW_PLAIN(div_s32, struct qc_arith_limits, int32_t, int32_t, divide_s32(x, y, p))

static int32_t qdiv(int32_t x, int32_t y, const struct qc_arith_quantized *p)
{
    x -= p->a_zero;
    y -= p->b_zero;
    if (y < 0) {
        x = -x;
        y = -y;
    }
    if (y == 0) return p->zero;
    int over;
    int32_t inverse = qc_fixed_reciprocal(y, 31, &over);
    int headroom = x == 0 ? 31 : x > 0 ? __builtin_clz((uint32_t)x) - 1 : __builtin_clz(2 * (uint32_t)-x - 1);
    int32_t quotient = qc_high_mul(qc_shift_left(x, headroom), inverse);
    int shift = p->out.shift - over - headroom;
    int32_t v = qc_high_mul(quotient, p->out.multiplier);
    if (shift < -31) v = (v >> (-shift & 31)) + (v >= 0); /* what TensorFlow Lite makes of numbers too small, on x86, where a shift by 32 is none */
    else v = shift > 0 ? qc_fixed_scale(32, v, shift > 30 ? 30 : shift) : qc_rounding_shift(v, -shift);
    int64_t sum = (int64_t)v + p->zero;
    return (int32_t)(sum < p->low ? p->low : sum > p->high ? p->high : sum);
}

static int32_t qsquared_difference(int32_t x, int32_t y, const struct qc_arith_quantized *p)
{
    int32_t a = qc_requant(qc_shift_left(x - p->a_zero, p->left_shift), p->a);
    int32_t b = qc_requant(qc_shift_left(y - p->b_zero, p->left_shift), p->b);
    uint32_t d = (uint32_t)a - (uint32_t)b;
    int64_t sum = (int64_t)qc_requant((int32_t)(d * d), p->out) + p->zero;
    return (int32_t)(sum < p->low ? p->low : sum > p->high ? p->high : sum);
}

static int32_t qadd_pot(int32_t x, int32_t y, const struct qc_arith_quantized *p)
{
    int32_t v = qc_rounding_shift(x, p->a.shift) + p->sign * qc_rounding_shift(y, p->b.shift);
    return v < p->low ? p->low : v > p->high ? p->high : v;
}

#define QUANTIZED_ROW(name, T, F) QC_BINARY_ROW_PLAIN(name, struct qc_arith_quantized, T, T, F(x, y, p))
QUANTIZED_ROW(qdiv_s8, int8_t, qdiv)
QUANTIZED_ROW(qdiv_u8, uint8_t, qdiv)
QUANTIZED_ROW(qdiv_s16, int16_t, qdiv)
QUANTIZED_ROW(qadd_pot_s16, int16_t, qadd_pot)
QUANTIZED_ROW(qsquared_difference_s8, int8_t, qsquared_difference)

static int64_t floor_div(int64_t x, int64_t y)
{
    if (y == -1) return (int64_t)(0 - (uint64_t)x);
    return x / y - (x % y != 0 && (x < 0) != (y < 0));
}

static int64_t floor_mod(int64_t x, int64_t y)
{
    if (y == -1) return 0;
    int64_t rest = x % y;
    return rest != 0 && (y < 0) != (rest < 0) ? rest + y : rest;
}

static float floor_mod_f32(float x, float y)
{
    float rest = fmodf(x, y);
    return rest != 0 && (y < 0) != (rest < 0) ? rest + y : rest;
}

QC_BINARY_ROW_PLAIN(floor_div_s8, void, int8_t, int8_t, floor_div(x, y))
QC_BINARY_ROW_PLAIN(floor_div_s16, void, int16_t, int16_t, floor_div(x, y))
QC_BINARY_ROW_PLAIN(floor_div_s32, void, int32_t, int32_t, floor_div(x, y))
QC_BINARY_ROW_PLAIN(floor_div_f32, void, float, float, floorf(x / y))
QC_BINARY_ROW_PLAIN(floor_mod_s8, void, int8_t, int8_t, floor_mod(x, y))
QC_BINARY_ROW_PLAIN(floor_mod_s16, void, int16_t, int16_t, floor_mod(x, y))
QC_BINARY_ROW_PLAIN(floor_mod_s32, void, int32_t, int32_t, floor_mod(x, y))
QC_BINARY_ROW_PLAIN(floor_mod_s64, void, int64_t, int64_t, floor_mod(x, y))
QC_BINARY_ROW_PLAIN(floor_mod_flushed, void, float, float, floor_mod_f32(x, y))
QC_KEEP_DENORMALS(floor_mod_f32_row, floor_mod_flushed)

/* ---- powers, angles ---- */

static int32_t power_s32(int32_t base, int32_t exponent)
{
    uint32_t result = 1, square = (uint32_t)base;
    for (uint32_t e = (uint32_t)exponent; e; e >>= 1, square *= square)
        if (e & 1) result *= square;
    return (int32_t)result;
}

QC_BINARY_ROW_PLAIN(pow_s32, void, int32_t, int32_t, power_s32(x, y))
QC_BINARY_ROW_PLAIN(pow_flushed, void, float, float, powf(x, y))
QC_KEEP_DENORMALS(pow_f32, pow_flushed)
QC_BINARY_ROW_PLAIN(atan2_flushed, void, float, float, atan2f(x, y))
QC_KEEP_DENORMALS(atan2_f32, atan2_flushed)
QC_BINARY_ROW_PLAIN(atan2_f64, void, double, double, atan2(x, y))
QC_BINARY_ROW_PLAIN(atan2_f16, void, uint16_t, uint16_t, qc_float_to_half(atan2f(X, Y)))

/* ---- bits ---- */

static uint64_t limit_shift(int64_t y, int bits)
{
    return (uint64_t)(y < 0 ? 0 : y > bits - 1 ? bits - 1 : y);
}

static uint64_t shift_left(uint64_t x, int64_t y, int bits)
{
    return y < 0 || y >= bits ? 0 : x << y;
}

#define INTEGER_ROWS(s, T)                                                                          \
    QC_BINARY_ROW_PLAIN(add_##s, void, T, T, (T)((uint64_t)x + (uint64_t)y)) \
    QC_BINARY_ROW_PLAIN(mul_##s, void, T, T, (T)((uint64_t)x * (uint64_t)y)) \
    QC_BINARY_ROW_PLAIN(max_##s, void, T, T, x > y ? x : y) \
    QC_BINARY_ROW_PLAIN(min_##s, void, T, T, x < y ? x : y) \
    QC_BINARY_ROW_PLAIN(and_##s, void, T, T, x &y) \
    QC_BINARY_ROW_PLAIN(xor_##s, void, T, T, x ^ y) \
    QC_BINARY_ROW_PLAIN(shift_right_##s, void, T, T, x >> limit_shift(y, sizeof(T) * CHAR_BIT)) \
    QC_BINARY_ROW_PLAIN(shift_left_##s, void, T, T, (T)shift_left((uint64_t)x, y, sizeof(T) * CHAR_BIT))

INTEGER_ROWS(s8, int8_t)
INTEGER_ROWS(u8, uint8_t)
INTEGER_ROWS(s16, int16_t)
INTEGER_ROWS(u16, uint16_t)
INTEGER_ROWS(s32, int32_t)
INTEGER_ROWS(u32, uint32_t)
INTEGER_ROWS(s64, int64_t)
INTEGER_ROWS(u64, uint64_t)
QC_BINARY_ROW_PLAIN(and_bool, void, uint8_t, uint8_t, x && y)
QC_BINARY_ROW_PLAIN(or_bool, void, uint8_t, uint8_t, x || y)
QC_BINARY_ROW_PLAIN(xor_bool, void, uint8_t, uint8_t, !x != !y)

/* ---- comparisons ---- */

#define COMPARE_ROWS(name, OP)                                                                             \
    QC_BINARY_ROW_PLAIN(name##_f32, void, float, uint8_t, x OP y) \
    QC_BINARY_ROW_PLAIN(name##_f16, void, uint16_t, uint8_t, X OP Y) \
    QC_BINARY_ROW_PLAIN(name##_s8, void, int8_t, uint8_t, x OP y) \
    QC_BINARY_ROW_PLAIN(name##_u8, void, uint8_t, uint8_t, x OP y) \
    QC_BINARY_ROW_PLAIN(name##_s16, void, int16_t, uint8_t, x OP y) \
    QC_BINARY_ROW_PLAIN(name##_s32, void, int32_t, uint8_t, x OP y) \
    QC_BINARY_ROW_PLAIN(name##_s64, void, int64_t, uint8_t, x OP y) \
    QC_BINARY_ROW_PLAIN(q##name##_s8, struct qc_arith_quantized, int8_t, uint8_t, left(x, p) OP right(y, p)) \
    QC_BINARY_ROW_PLAIN(q##name##_u8, struct qc_arith_quantized, uint8_t, uint8_t, left(x, p) OP right(y, p)) \
    QC_BINARY_ROW_PLAIN(q##name##_s16, struct qc_arith_quantized, int16_t, uint8_t, left(x, p) OP right(y, p))

static int32_t left(int32_t x, const struct qc_arith_quantized *p)
{
    return qc_requant(qc_shift_left(x - p->a_zero, p->left_shift), p->a);
}

static int32_t right(int32_t y, const struct qc_arith_quantized *p)
{
    return qc_requant(qc_shift_left(y - p->b_zero, p->left_shift), p->b);
}

COMPARE_ROWS(equal, ==)
COMPARE_ROWS(not_equal, !=)
COMPARE_ROWS(less, <)
COMPARE_ROWS(less_equal, <=)
COMPARE_ROWS(greater, >)
COMPARE_ROWS(greater_equal, >=)

/* ---- the table ---- */

#define INTEGERS(name)                                                                                                             \
    [QC_INT8] = name##_s8, [QC_UINT8] = name##_u8, [QC_INT16] = name##_s16, [QC_UINT16] = name##_u16, [QC_INT32] = name##_s32,      \
    [QC_UINT32] = name##_u32, [QC_INT64] = name##_s64, [QC_UINT64] = name##_u64
#define COMPARE(name)                                                                                                              \
    {[QC_FLOAT32] = name##_f32, [QC_FLOAT16] = name##_f16, [QC_INT8] = name##_s8, [QC_UINT8] = name##_u8, [QC_BOOL] = name##_u8,    \
     [QC_INT16] = name##_s16, [QC_INT32] = name##_s32, [QC_INT64] = name##_s64}
#define COMPARE_QUANTIZED(name) {[QC_INT8] = q##name##_s8, [QC_UINT8] = q##name##_u8, [QC_INT16] = q##name##_s16}

static qc_row_fn *const rows[QC_ARITH_OPS][QC_DTYPE_COUNT] = {
    [QC_ARITH_ADD] = {[QC_FLOAT16] = add_f16, [QC_FLOAT64] = add_f64, INTEGERS(add)},
    [QC_ARITH_SUB] = {[QC_FLOAT16] = sub_f16},
    [QC_ARITH_MUL] = {[QC_FLOAT16] = mul_f16, [QC_FLOAT64] = mul_f64, [QC_COMPLEX64] = mul_c64, INTEGERS(mul)},
    [QC_ARITH_DIV] = {[QC_FLOAT16] = div_f16, [QC_INT32] = div_s32},
    [QC_ARITH_MAX] = {[QC_FLOAT16] = max_f16, [QC_FLOAT64] = max_f64, [QC_BOOL] = max_u8, INTEGERS(max)},
    [QC_ARITH_MIN] = {[QC_FLOAT16] = min_f16, [QC_FLOAT64] = min_f64, [QC_BOOL] = min_u8, INTEGERS(min)},
    [QC_ARITH_QDIV] = {[QC_INT8] = qdiv_s8, [QC_UINT8] = qdiv_u8, [QC_INT16] = qdiv_s16},
    [QC_ARITH_QADD_POT] = {[QC_INT16] = qadd_pot_s16},
    [QC_ARITH_QSQUARED_DIFFERENCE] = {[QC_INT8] = qsquared_difference_s8},
    [QC_ARITH_FLOOR_DIV] = {[QC_INT8] = floor_div_s8, [QC_INT16] = floor_div_s16, [QC_INT32] = floor_div_s32, [QC_FLOAT32] = floor_div_f32},
    [QC_ARITH_FLOOR_MOD] = {[QC_INT8] = floor_mod_s8, [QC_INT16] = floor_mod_s16, [QC_INT32] = floor_mod_s32, [QC_INT64] = floor_mod_s64,
                            [QC_FLOAT32] = floor_mod_f32_row},
    [QC_ARITH_POW] = {[QC_INT32] = pow_s32, [QC_FLOAT32] = pow_f32},
    [QC_ARITH_ATAN2] = {[QC_FLOAT32] = atan2_f32, [QC_FLOAT64] = atan2_f64, [QC_FLOAT16] = atan2_f16},
    [QC_ARITH_AND] = {[QC_BOOL] = and_bool, INTEGERS(and)},
    [QC_ARITH_OR] = {[QC_BOOL] = or_bool},
    [QC_ARITH_XOR] = {[QC_BOOL] = xor_bool, INTEGERS(xor)},
    [QC_ARITH_SHIFT_RIGHT] = {INTEGERS(shift_right)},
    [QC_ARITH_SHIFT_LEFT] = {INTEGERS(shift_left)},
    [QC_ARITH_EQUAL] = COMPARE(equal),
    [QC_ARITH_NOT_EQUAL] = COMPARE(not_equal),
    [QC_ARITH_LESS] = COMPARE(less),
    [QC_ARITH_LESS_EQUAL] = COMPARE(less_equal),
    [QC_ARITH_GREATER] = COMPARE(greater),
    [QC_ARITH_GREATER_EQUAL] = COMPARE(greater_equal),
    [QC_ARITH_QEQUAL] = COMPARE_QUANTIZED(equal),
    [QC_ARITH_QNOT_EQUAL] = COMPARE_QUANTIZED(not_equal),
    [QC_ARITH_QLESS] = COMPARE_QUANTIZED(less),
    [QC_ARITH_QLESS_EQUAL] = COMPARE_QUANTIZED(less_equal),
    [QC_ARITH_QGREATER] = COMPARE_QUANTIZED(greater),
    [QC_ARITH_QGREATER_EQUAL] = COMPARE_QUANTIZED(greater_equal),
};

qc_row_fn *qc_arith_rare(enum qc_arith_op op, qc_dtype type)
{
    return rows[op][type];
}
