/*
 * table.c - see table.h.
 */
#include "kernel/table.h"

#include <math.h>

/* Rounded already; NaN gives `low`. */
static float limit(float x, float low, float high)
{
    return x > low ? x < high ? x : high : low;
}

void qc_table8_fill(uint8_t table[256], bool is_signed, bool half_even, struct qc_affine x, struct qc_affine y,
                    qc_table_function *function, const void *context)
{
    int32_t low = is_signed ? INT8_MIN : 0;
    float inverse = 1.0f / y.scale;
    for (int32_t value = low; value < low + 256; value++) {
        float real = function(x.scale * (float)(value - x.zero), context);
        float stored;
        if (half_even) stored = rintf((isnan(real) ? 0 : real) * inverse + (float)y.zero);
        else stored = roundf(real * inverse) + (float)y.zero;
        table[(uint8_t)value] = (uint8_t)(int32_t)limit(stored, (float)low, (float)(low + 255));
    }
}

static void apply(const uint8_t table[256], const uint8_t *x, uint8_t *y, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = table[x[i]];
}

static const struct qc_table8 table8_ref = {{"ref", 0}, apply};
extern const struct qc_table8 qc_table8_avx2, qc_table8_avx512vbmi;

static const struct qc_table8 *const variant[] = {
    &table8_ref,
#if QC_X86
    &qc_table8_avx2,
    &qc_table8_avx512vbmi,
#endif
};

const struct qc_table8 *const *qc_table8_variants(size_t *count)
{
    *count = sizeof variant / sizeof *variant;
    return variant;
}

void qc_table8_apply(const uint8_t table[256], const uint8_t *x, uint8_t *y, size_t n)
{
    const struct qc_table8 *chosen;
    QC_PICK(variant, qc_cpu_features(), chosen);
    chosen->apply(table, x, y, n);
}

/*
 * An entry is the function at the left end, moved by half of what interpolation is off in the middle of the interval. T is the precision
 * of the arithmetic, CALL(v) the function.
 */
#define FILL(T, ROUND, CALL, x_scale, x_zero, y_scale, y_zero)                                             \
    T x_low = (x_scale) * (T)(INT16_MIN - (x_zero)), x_high = (x_scale) * (T)(INT16_MAX - (x_zero));       \
    T y_low = (y_scale) * (T)(INT16_MIN - (y_zero)), y_high = (y_scale) * (T)(INT16_MAX - (y_zero));       \
    T step = (x_high - x_low) / 512, half = step / 2, inverse = (T)65536 / (y_high - y_low);               \
    for (int i = 0; i < 512; i++) {                                                                        \
        T value = CALL(x_low + (T)i * step), next = CALL(x_low + (T)(i + 1) * step);                       \
        T middle = ROUND(CALL(x_low + (T)i * step + half) * inverse), left = ROUND(value * inverse);       \
        T off = ROUND((ROUND((next * inverse + left) / 2) - middle) / 2);                                  \
        table[i] = (int16_t)limit((float)(left - off), INT16_MIN, INT16_MAX);                              \
    }                                                                                                      \
    table[512] = (int16_t)limit((float)ROUND(CALL(x_high) * inverse), INT16_MIN, INT16_MAX);

void qc_table16_fill(int16_t table[513], struct qc_affine x, struct qc_affine y, qc_table_function *function, const void *context)
{
#define CALL(v) function(v, context)
    FILL(float, roundf, CALL, x.scale, x.zero, y.scale, y.zero)
#undef CALL
}

void qc_table16_fill_f64(int16_t table[513], double x_scale, int32_t x_zero, double y_scale, double (*function)(double x))
{
    FILL(double, round, function, x_scale, x_zero, y_scale, 0)
}
