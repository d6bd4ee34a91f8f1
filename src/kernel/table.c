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

/* logistic(i / 24) in units of 2^-16, by and large: the published table of the 16-bit kernels, whose last digits are no plain rounding. */
static const uint16_t logistic_24[256] = {
    32768, 33451, 34133, 34813, 35493, 36169, 36843, 37513, 38180, 38841, 39498, 40149, 40794, 41432, 42064, 42688, 43304,
    43912, 44511, 45102, 45683, 46255, 46817, 47369, 47911, 48443, 48964, 49475, 49975, 50464, 50942, 51409, 51865, 52311,
    52745, 53169, 53581, 53983, 54374, 54755, 55125, 55485, 55834, 56174, 56503, 56823, 57133, 57433, 57724, 58007, 58280,
    58544, 58800, 59048, 59288, 59519, 59743, 59959, 60168, 60370, 60565, 60753, 60935, 61110, 61279, 61441, 61599, 61750,
    61896, 62036, 62172, 62302, 62428, 62549, 62666, 62778, 62886, 62990, 63090, 63186, 63279, 63368, 63454, 63536, 63615,
    63691, 63765, 63835, 63903, 63968, 64030, 64090, 64148, 64204, 64257, 64308, 64357, 64405, 64450, 64494, 64536, 64576,
    64614, 64652, 64687, 64721, 64754, 64786, 64816, 64845, 64873, 64900, 64926, 64950, 64974, 64997, 65019, 65039, 65060,
    65079, 65097, 65115, 65132, 65149, 65164, 65179, 65194, 65208, 65221, 65234, 65246, 65258, 65269, 65280, 65291, 65301,
    65310, 65319, 65328, 65337, 65345, 65352, 65360, 65367, 65374, 65381, 65387, 65393, 65399, 65404, 65410, 65415, 65420,
    65425, 65429, 65433, 65438, 65442, 65445, 65449, 65453, 65456, 65459, 65462, 65465, 65468, 65471, 65474, 65476, 65479,
    65481, 65483, 65485, 65488, 65489, 65491, 65493, 65495, 65497, 65498, 65500, 65501, 65503, 65504, 65505, 65507, 65508,
    65509, 65510, 65511, 65512, 65513, 65514, 65515, 65516, 65517, 65517, 65518, 65519, 65520, 65520, 65521, 65522, 65522,
    65523, 65523, 65524, 65524, 65525, 65525, 65526, 65526, 65526, 65527, 65527, 65528, 65528, 65528, 65529, 65529, 65529,
    65529, 65530, 65530, 65530, 65530, 65531, 65531, 65531, 65531, 65531, 65532, 65532, 65532, 65532, 65532, 65532, 65533,
    65533, 65533, 65533, 65533, 65533, 65533, 65533, 65534, 65534, 65534, 65534, 65534, 65534, 65534, 65534, 65534, 65534,
    65535,
};

/* |x| in units of 2^-`fraction` table steps, interpolated: 2^(16 + fraction) * logistic. */
static uint32_t logistic_at(uint32_t magnitude, int fraction)
{
    uint32_t index = magnitude >> fraction;
    if (index >= 255) return fraction == 9 ? UINT32_C(0x7FFF) << 10 : UINT32_C(0xFFFF) << 8;
    uint32_t rest = magnitude & ((UINT32_C(1) << fraction) - 1);
    return ((uint32_t)logistic_24[index] << fraction) + rest * (uint32_t)(logistic_24[index + 1] - logistic_24[index]);
}

/* x in units of 1 / (3 * 4096). */
static int32_t to_24(int16_t x, int32_t multiplier, int shift)
{
    int32_t round = shift > 0 ? 1 << (shift - 1) : 0;
    return (x * multiplier + round) >> shift;
}

void qc_table_logistic_s16(const int16_t *x, int16_t *y, size_t n, int32_t multiplier, int shift)
{
    for (size_t i = 0; i < n; i++) {
        int32_t at = to_24(x[i], multiplier, shift);
        uint32_t result = logistic_at((uint32_t)(at < 0 ? -at : at), 9);
        result = at >= 0 ? result + (1 << 9) : (UINT32_C(1) << 25) - result + (1 << 9) - 1;
        y[i] = (int16_t)(result >> 10);
    }
}

/* tanh(x) = 2 logistic(2 x) - 1. */
void qc_table_tanh_s16(const int16_t *x, int16_t *y, size_t n, int32_t multiplier, int shift)
{
    for (size_t i = 0; i < n; i++) {
        int32_t at = to_24(x[i], multiplier, shift);
        int32_t result = (int32_t)logistic_at((uint32_t)(at < 0 ? -at : at), 8);
        result = at >= 0 ? result - (1 << 23) + (1 << 7) : -result + (1 << 23) + (1 << 7) - 1;
        y[i] = (int16_t)(result >> 8);
    }
}
