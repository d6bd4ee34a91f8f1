/*
 * arith_template.h - the rows of arith.h, compiled once for each instruction set by the files that include it. Defines `rows`.
 *
 * ARITH_FEW: only the quantized rows that gain by wider vectors, the others being as fast as memory anyhow.
 *
 * Plain loops: compilers turn them into vector code, since out and operands carry nothing from one round to the next (row.h).
 */
#include "kernel/arith.h"

#define LIMIT(v, lo, hi) ((v) < (lo) ? (lo) : (v) > (hi) ? (hi) : (v))

static inline float limit_f32(float v, const struct qc_arith_limits *p)
{
    v = v < p->low ? p->low : v;
    return v > p->high ? p->high : v;
}

#define FLOAT_ROW(name, EXPR) QC_BINARY_ROW(name, struct qc_arith_limits, float, float, limit_f32(EXPR, p))
#define INT_ROW(name, T, U, OP) \
    QC_BINARY_ROW(name, struct qc_arith_limits, T, T, LIMIT((T)((U)x OP(U) y), (T)p->integer_low, (T)p->integer_high))
#define CHOICE_ROW(name, T, OP) QC_BINARY_ROW(name, void, T, T, x OP y ? x : y)

#ifndef ARITH_FEW
FLOAT_ROW(add_f32, x + y)
FLOAT_ROW(sub_f32, x - y)
FLOAT_ROW(mul_f32, x *y)
FLOAT_ROW(div_f32, x / y)
QC_BINARY_ROW(squared_difference_f32, void, float, float, (x - y) * (x - y))
INT_ROW(add_s16, int16_t, uint32_t, +)
INT_ROW(sub_s16, int16_t, uint32_t, -)
INT_ROW(mul_s16, int16_t, uint32_t, *)
INT_ROW(add_s32, int32_t, uint32_t, +)
INT_ROW(sub_s32, int32_t, uint32_t, -)
INT_ROW(mul_s32, int32_t, uint32_t, *)
INT_ROW(mul_u32, uint32_t, uint32_t, *)
INT_ROW(add_s64, int64_t, uint64_t, +)
INT_ROW(sub_s64, int64_t, uint64_t, -)
INT_ROW(mul_s64, int64_t, uint64_t, *)
QC_BINARY_ROW(squared_difference_s32, void, int32_t, int32_t, ((uint32_t)x - (uint32_t)y) * ((uint32_t)x - (uint32_t)y))
CHOICE_ROW(max_f32, float, >)
CHOICE_ROW(min_f32, float, <)
CHOICE_ROW(max_s8, int8_t, >)
CHOICE_ROW(min_s8, int8_t, <)
CHOICE_ROW(max_u8, uint8_t, >)
CHOICE_ROW(min_u8, uint8_t, <)
CHOICE_ROW(max_s16, int16_t, >)
CHOICE_ROW(min_s16, int16_t, <)
CHOICE_ROW(max_s32, int32_t, >)
CHOICE_ROW(min_s32, int32_t, <)
CHOICE_ROW(max_s64, int64_t, >)
CHOICE_ROW(min_s64, int64_t, <)
#endif

/* ---- quantized ---- */

static inline int32_t qadd_fast(int32_t x, int32_t y, const struct qc_arith_quantized *p)
{
    int32_t v = ((p->bias + x * p->a_factor + y * p->b_factor) >> p->shift) + p->zero;
    return LIMIT(v, p->low, p->high);
}

/* 1.5 * 2^23: adding it rounds |v| < 2^22 half to even into the low bits. */
static inline int32_t qmul_fast(int32_t x, int32_t y, const struct qc_arith_quantized *p)
{
    union {
        float value;
        int32_t bits;
    } v = {(float)((x - p->a_zero) * (y - p->b_zero)) * p->scale};
    float least = (float)(p->low - p->zero), most = (float)(p->high - p->zero);
    v.value = v.value > least ? v.value : least;
    v.value = v.value < most ? v.value : most;
    v.value += 12582912.0f;
    return v.bits - 0x4B400000 + p->zero;
}

#define QUANTIZED_ROW(name, T, F) QC_BINARY_ROW(name, struct qc_arith_quantized, T, T, F(x, y, p))

QUANTIZED_ROW(qadd_fast_s8, int8_t, qadd_fast)
#ifndef ARITH_FEW
QUANTIZED_ROW(qadd_fast_u8, uint8_t, qadd_fast)
QUANTIZED_ROW(qmul_fast_u8, uint8_t, qmul_fast)
#endif

/* The portable roundings work on blocks of 32-bit numbers, whatever the type: one body for all types, of a shape that becomes vector code. */
enum { BLOCK = 256 };

static void qadd_block(int32_t *restrict a, const int32_t *restrict b, size_t n, const struct qc_arith_quantized *params)
{
    const struct qc_arith_quantized p = *params;
    for (size_t i = 0; i < n; i++) {
        int32_t x = qc_requant(qc_shift_left(a[i] - p.a_zero, p.left_shift), p.a);
        int32_t y = qc_requant(qc_shift_left(b[i] - p.b_zero, p.left_shift), p.b);
        int32_t v = qc_requant((int32_t)((uint32_t)x + (uint32_t)y * (uint32_t)p.sign), p.out);
        v = (int32_t)((uint32_t)v + (uint32_t)p.zero);
        a[i] = LIMIT(v, p.low, p.high);
    }
}

static void qmul_block(int32_t *restrict a, const int32_t *restrict b, size_t n, const struct qc_arith_quantized *params)
{
    const struct qc_arith_quantized p = *params;
    for (size_t i = 0; i < n; i++) {
        int32_t v = qc_requant((a[i] - p.a_zero) * (b[i] - p.b_zero), p.out);
        v = (int32_t)((uint32_t)v + (uint32_t)p.zero);
        a[i] = LIMIT(v, p.low, p.high);
    }
}

typedef void block_fn(int32_t *restrict a, const int32_t *restrict b, size_t n, const struct qc_arith_quantized *params);

#define BLOCK_ROWS(type, T)                                                                                                   \
    static __attribute__((noinline)) void widen_##type(int32_t *restrict to, const void *from, size_t step, size_t at, size_t n) \
    {                                                                                                                         \
        const T *x = (const T *)from + at * step;                                                                             \
        if (step)                                                                                                             \
            for (size_t i = 0; i < n; i++) to[i] = x[i];                                                                      \
        else                                                                                                                  \
            for (size_t i = 0; i < n; i++) to[i] = *x;                                                                        \
    }                                                                                                                         \
    static void blocks_##type(block_fn *block, const void *params, T *out, const void *const *in, const size_t *step, size_t n) \
    {                                                                                                                         \
        int32_t a[BLOCK], b[BLOCK];                                                                                           \
        for (size_t at = 0; at < n; at += BLOCK) {                                                                            \
            size_t count = n - at < BLOCK ? n - at : BLOCK;                                                                   \
            widen_##type(a, in[0], step[0], at, count);                                                                       \
            widen_##type(b, in[1], step[1], at, count);                                                                       \
            block(a, b, count, params);                                                                                       \
            for (size_t i = 0; i < count; i++) out[at + i] = (T)a[i];                                                         \
        }                                                                                                                     \
    }                                                                                                                         \
    static void qadd_##type(const void *params, void *out, const void *const *in, const size_t *step, size_t n)               \
    {                                                                                                                         \
        blocks_##type(qadd_block, params, out, in, step, n);                                                                  \
    }                                                                                                                         \
    static void qmul_##type(const void *params, void *out, const void *const *in, const size_t *step, size_t n)               \
    {                                                                                                                         \
        blocks_##type(qmul_block, params, out, in, step, n);                                                                  \
    }

#ifndef ARITH_FEW
BLOCK_ROWS(s8, int8_t)
BLOCK_ROWS(u8, uint8_t)
#endif
BLOCK_ROWS(s16, int16_t)

#ifdef ARITH_SIMD
#include "kernel/simd_requant.h"

QUANTIZED_ROW(qmul_fast_s8_rest, int8_t, qmul_fast)

/* Both operands advance, or one element serves all. */
static void qmul_fast_s8(const void *params, void *out, const void *const *in, const size_t *step, size_t n)
{
    const struct qc_arith_quantized *p = params;
    const int8_t *a = in[0], *b = in[1];
    int8_t *o = out;
    const vf a_zero = vf_set1((float)p->a_zero), b_zero = vf_set1((float)p->b_zero), scale = vf_set1(p->scale);
    const vf high = vf_set1((float)(p->high - p->zero)), one_a = vf_set1((float)(*a - p->a_zero)), one_b = vf_set1((float)(*b - p->b_zero));
    const vb low = vb_set1((int8_t)p->low);
    size_t i = 0;
    for (; i + 4 * vf_width <= n; i += 4 * vf_width) {
        vi y[4];
        QC_UNROLL
        for (int k = 0; k < 4; k++) {
            const vf x0 = step[0] ? vf_sub(vf_load_s8(a + i + k * vf_width), a_zero) : one_a;
            const vf x1 = step[1] ? vf_sub(vf_load_s8(b + i + k * vf_width), b_zero) : one_b;
            y[k] = vi_from(vf_min(high, vf_mul(vf_mul(x0, x1), scale))); /* the product of the two is exact */
        }
        vb_store(o + i, vb_max(vb_order(vb_pack(y[0], y[1], y[2], y[3], (int16_t)p->zero)), low));
    }
    const void *const rest[QC_ROW_INPUTS] = {a + i * step[0], b + i * step[1]};
    qmul_fast_s8_rest(params, o + i, rest, step, n - i);
}

static void qadd_s16_simd(const void *params, void *out, const void *const *in, const size_t *step, size_t n)
{
    const struct qc_arith_quantized *p = params;
    const int16_t *a = in[0], *b = in[1];
    int16_t *o = out;
    const vi low = vi_set1(p->low), high = vi_set1(p->high), sign = vi_set1(p->sign);
    size_t i = 0;
    for (; step[0] && step[1] && i + vf_width <= n; i += vf_width) {
        const vi x = vi_requant(vi_shift_left_by(vi_sub(vi_load_s16(a + i), vi_set1(p->a_zero)), p->left_shift), p->a);
        const vi y = vi_requant(vi_shift_left_by(vi_sub(vi_load_s16(b + i), vi_set1(p->b_zero)), p->left_shift), p->b);
        const vi sum = vi_add(vi_requant(vi_add(x, vi_mul(y, sign)), p->out), vi_set1(p->zero));
        vi_store_row_s16(o + i, vi_limit(sum, low, high));
    }
    const void *const rest[QC_ROW_INPUTS] = {a + i * step[0], b + i * step[1]};
    qadd_s16(params, o + i, rest, step, n - i);
}

/* Products of 16 bits leave room for half of what the shift drops. */
QC_INLINE vi product_requant(vi product, struct qc_multiplier m)
{
    const vi x = vi_high_mul(product, m.multiplier);
    return m.shift ? vi_sra_by(vi_add(vi_add(x, vi_set1((1 << -m.shift) >> 1)), vi_sra_by(x, 31)), -m.shift) : x;
}

static void qmul_s16_simd(const void *params, void *out, const void *const *in, const size_t *step, size_t n)
{
    const struct qc_arith_quantized *p = params;
    const struct qc_multiplier m = p->out;
    const int16_t *a = in[0], *b = in[1], low = (int16_t)p->low, high = (int16_t)p->high;
    int16_t *o = out;
    const vi one_a = vi_set1(*a), one_b = vi_set1(*b);
    const bool plain = !p->a_zero && !p->b_zero && !p->zero && m.shift <= 0 && m.shift > -31 && m.multiplier >= 0;
    size_t i = 0;
    for (; plain && i + 2 * vf_width <= n; i += 2 * vf_width) {
        vi y[2];
        QC_UNROLL
        for (int k = 0; k < 2; k++) {
            const vi x0 = step[0] ? vi_load_s16(a + i + k * vf_width) : one_a, x1 = step[1] ? vi_load_s16(b + i + k * vf_width) : one_b;
            y[k] = product_requant(vi_mul(x0, x1), m);
        }
        vb_store((int8_t *)(o + i), vb_pack_s16(y[0], y[1], low, high));
    }
    const void *const rest[QC_ROW_INPUTS] = {a + i * step[0], b + i * step[1]};
    qmul_s16(params, o + i, rest, step, n - i);
}
#define QADD_S16 qadd_s16_simd
#define QMUL_S16 qmul_s16_simd
#else
QUANTIZED_ROW(qmul_fast_s8, int8_t, qmul_fast)
#define QADD_S16 qadd_s16
#define QMUL_S16 qmul_s16
#endif

#ifdef ARITH_FEW
#define ARITH_ROWS                                               \
    {                                                            \
        [QC_ARITH_QADD_FAST] = {[QC_INT8] = qadd_fast_s8},       \
        [QC_ARITH_QADD] = {[QC_INT16] = QADD_S16},               \
        [QC_ARITH_QMUL_FAST] = {[QC_INT8] = qmul_fast_s8},       \
        [QC_ARITH_QMUL] = {[QC_INT16] = QMUL_S16},               \
    }
#else
#define ARITH_ROWS                                                                                                                   \
    {                                                                                                                                \
        [QC_ARITH_ADD] = {[QC_FLOAT32] = add_f32, [QC_INT16] = add_s16, [QC_INT32] = add_s32, [QC_INT64] = add_s64},                 \
        [QC_ARITH_SUB] = {[QC_FLOAT32] = sub_f32, [QC_INT16] = sub_s16, [QC_INT32] = sub_s32, [QC_INT64] = sub_s64},                 \
        [QC_ARITH_MUL] = {[QC_FLOAT32] = mul_f32, [QC_INT16] = mul_s16, [QC_INT32] = mul_s32, [QC_UINT32] = mul_u32,                 \
                          [QC_INT64] = mul_s64},                                                                                     \
        [QC_ARITH_DIV] = {[QC_FLOAT32] = div_f32},                                                                                   \
        [QC_ARITH_MAX] = {[QC_FLOAT32] = max_f32, [QC_INT8] = max_s8, [QC_UINT8] = max_u8, [QC_INT16] = max_s16,                     \
                          [QC_INT32] = max_s32, [QC_INT64] = max_s64},                                                               \
        [QC_ARITH_MIN] = {[QC_FLOAT32] = min_f32, [QC_INT8] = min_s8, [QC_UINT8] = min_u8, [QC_INT16] = min_s16,                     \
                          [QC_INT32] = min_s32, [QC_INT64] = min_s64},                                                               \
        [QC_ARITH_SQUARED_DIFFERENCE] = {[QC_FLOAT32] = squared_difference_f32, [QC_INT32] = squared_difference_s32},                \
        [QC_ARITH_QADD_FAST] = {[QC_INT8] = qadd_fast_s8, [QC_UINT8] = qadd_fast_u8},                                                \
        [QC_ARITH_QADD] = {[QC_INT8] = qadd_s8, [QC_UINT8] = qadd_u8, [QC_INT16] = QADD_S16},                                        \
        [QC_ARITH_QMUL_FAST] = {[QC_INT8] = qmul_fast_s8, [QC_UINT8] = qmul_fast_u8},                                                \
        [QC_ARITH_QMUL] = {[QC_INT8] = qmul_s8, [QC_UINT8] = qmul_u8, [QC_INT16] = QMUL_S16},                                        \
    }
#endif
