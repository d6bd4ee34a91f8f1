/* unary.c - see unary.h. */
#include "kernel/unary.h"
#include "base/denormals.h"
#include "kernel/vmath.h"
#include <math.h>

QC_VECTORIZE

#define FLOAT_ROW(name, EXPR) QC_UNARY_ROW(name, void, float, float, EXPR)
#define HALF_ROW(name, EXPR) QC_UNARY_ROW(name, void, uint16_t, uint16_t, qc_float_to_half(EXPR))
#define X qc_half_to_float(x)

FLOAT_ROW(abs_f32, fabsf(x))
FLOAT_ROW(neg_f32, -x)
FLOAT_ROW(sqrt_f32, sqrtf(x))
FLOAT_ROW(rsqrt_flushed, 1.0f / sqrtf(x))
FLOAT_ROW(square_f32, x *x)
FLOAT_ROW(ceil_f32, ceilf(x))
FLOAT_ROW(floor_f32, floorf(x))
FLOAT_ROW(round_f32, rintf(x))
FLOAT_ROW(sign_flushed, isnan(x) ? x : (float)((x > 0) - (x < 0)))
QC_UNARY_ROW(sign_f64, void, double, double, isnan(x) ? x : (double)((x > 0) - (x < 0)))
QC_UNARY_ROW(sign_s32, void, int32_t, int32_t, (x > 0) - (x < 0))
FLOAT_ROW(log_flushed, logf(x))
FLOAT_ROW(sin_flushed, sinf(x))
FLOAT_ROW(cos_flushed, cosf(x))
QC_KEEP_DENORMALS(rsqrt_f32, rsqrt_flushed)
QC_KEEP_DENORMALS(sign_f32, sign_flushed)
QC_KEEP_DENORMALS(log_f32, log_flushed)
QC_KEEP_DENORMALS(sin_f32, sin_flushed)
QC_KEEP_DENORMALS(cos_f32, cos_flushed)

HALF_ROW(sin_f16, sinf(X))
HALF_ROW(cos_f16, cosf(X))
HALF_ROW(ceil_f16, ceilf(X))
HALF_ROW(floor_f16, floorf(X))
HALF_ROW(round_f16, rintf(X))
QC_UNARY_ROW(abs_f16, void, uint16_t, uint16_t, x & 0x7fff)
QC_UNARY_ROW(neg_f16, void, uint16_t, uint16_t, x ^ 0x8000) /* bfloat16 too */

QC_UNARY_ROW(abs_s16, void, int16_t, int16_t, (int16_t)(x < 0 ? -x : x))
QC_UNARY_ROW(abs_s32, void, int32_t, int32_t, (int32_t)(x < 0 ? 0 - (uint32_t)x : (uint32_t)x))
QC_UNARY_ROW(neg_s8, void, int8_t, int8_t, (int8_t)-x)
QC_UNARY_ROW(neg_s16, void, int16_t, int16_t, (int16_t)-x)
QC_UNARY_ROW(neg_s32, void, int32_t, int32_t, (int32_t)(0 - (uint32_t)x))
QC_UNARY_ROW(neg_s64, void, int64_t, int64_t, (int64_t)(0 - (uint64_t)x))
QC_UNARY_ROW(not_bool, void, uint8_t, uint8_t, !x)

struct complex64 {
    float re, im;
};
struct complex128 {
    double re, im;
};
QC_UNARY_ROW(real_c64, void, struct complex64, float, x.re)
QC_UNARY_ROW(imag_c64, void, struct complex64, float, x.im)
QC_UNARY_ROW(magnitude_c64, void, struct complex64, float, hypotf(x.re, x.im))
QC_UNARY_ROW(real_c128, void, struct complex128, double, x.re)
QC_UNARY_ROW(imag_c128, void, struct complex128, double, x.im)
QC_UNARY_ROW(magnitude_c128, void, struct complex128, double, hypot(x.re, x.im))

static void exp_f32(const void *params, void *out, const void *const *in, const size_t *step, size_t n)
{
    (void)step;
    ((const struct qc_vmath *)params)->exp(n, in[0], out);
}

static qc_row_fn *const rows[QC_UNARY_OPS][QC_DTYPE_COUNT] = {
    [QC_UNARY_ABS] = {[QC_FLOAT32] = abs_f32, [QC_FLOAT16] = abs_f16, [QC_INT16] = abs_s16, [QC_INT32] = abs_s32},
    [QC_UNARY_NEG] = {[QC_FLOAT32] = neg_f32, [QC_FLOAT16] = neg_f16, [QC_BFLOAT16] = neg_f16, [QC_INT8] = neg_s8, [QC_INT16] = neg_s16,
                      [QC_INT32] = neg_s32, [QC_INT64] = neg_s64},
    [QC_UNARY_EXP] = {[QC_FLOAT32] = exp_f32},
    [QC_UNARY_LOG] = {[QC_FLOAT32] = log_f32},
    [QC_UNARY_SQRT] = {[QC_FLOAT32] = sqrt_f32},
    [QC_UNARY_RSQRT] = {[QC_FLOAT32] = rsqrt_f32},
    [QC_UNARY_SQUARE] = {[QC_FLOAT32] = square_f32},
    [QC_UNARY_SIN] = {[QC_FLOAT32] = sin_f32, [QC_FLOAT16] = sin_f16},
    [QC_UNARY_COS] = {[QC_FLOAT32] = cos_f32, [QC_FLOAT16] = cos_f16},
    [QC_UNARY_CEIL] = {[QC_FLOAT32] = ceil_f32, [QC_FLOAT16] = ceil_f16},
    [QC_UNARY_FLOOR] = {[QC_FLOAT32] = floor_f32, [QC_FLOAT16] = floor_f16},
    [QC_UNARY_ROUND] = {[QC_FLOAT32] = round_f32, [QC_FLOAT16] = round_f16},
    [QC_UNARY_SIGN] = {[QC_FLOAT32] = sign_f32, [QC_FLOAT64] = sign_f64, [QC_INT32] = sign_s32},
    [QC_UNARY_NOT] = {[QC_BOOL] = not_bool},
    [QC_UNARY_REAL] = {[QC_COMPLEX64] = real_c64, [QC_COMPLEX128] = real_c128},
    [QC_UNARY_IMAG] = {[QC_COMPLEX64] = imag_c64, [QC_COMPLEX128] = imag_c128},
    [QC_UNARY_MAGNITUDE] = {[QC_COMPLEX64] = magnitude_c64, [QC_COMPLEX128] = magnitude_c128},
};

qc_row_fn *qc_unary_pick(enum qc_unary_op op, qc_dtype type)
{
    return rows[op][type];
}
