/*
 * sigmoid_s16.c - the table of sigmoid_s16.h, and the plain variant.
 */
#include "kernel/sigmoid_s16.h"

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

/* tanh(x) = 2 logistic(2 x) - 1: half the step in x, twice the result. Where the table ends, the two are cut differently. */
void qc_sigmoid_s16_fill(struct qc_sigmoid_s16 *s, bool tanh, int32_t multiplier, int shift)
{
    s->multiplier = multiplier, s->shift = shift;
    s->fraction = tanh ? 8 : 9;
    s->down = tanh ? 8 : 10;
    s->centre = tanh ? 1 << 7 : (1 << 24) + (1 << 9);
    for (int i = 0; i < 256; i++) {
        s->value[i] = (int16_t)(i < 255 ? logistic_24[i] - 32768 : tanh ? 32767 : 32766);
        s->slope[i] = (int16_t)(i < 255 ? logistic_24[i + 1] - logistic_24[i] : 0);
        s->pair[i] = (uint32_t)s->value[i] | (uint32_t)s->slope[i] << 16;
    }
}

static void row(const void *params, void *out, const void *const *in, const size_t *step, size_t n)
{
    const struct qc_sigmoid_s16 *s = params;
    const int16_t *x = in[0];
    int16_t *y = out;
    (void)step;
    const int32_t half = s->shift > 0 ? 1 << (s->shift - 1) : 0;
    for (size_t i = 0; i < n; i++) {
        const int32_t at = (x[i] * s->multiplier + half) >> s->shift, magnitude = at < 0 ? -at : at;
        const int32_t index = magnitude >> s->fraction > 255 ? 255 : magnitude >> s->fraction;
        const int32_t r = s->value[index] * (1 << s->fraction) + s->slope[index] * (magnitude & ((1 << s->fraction) - 1));
        const int32_t result = ((at < 0 ? ~r : r) + s->centre) >> s->down;
        y[i] = (int16_t)(result > INT16_MAX ? INT16_MAX : result);
    }
}

static const struct qc_sigmoid_s16_kernel plain = {{"ref", 0}, row};
extern const struct qc_sigmoid_s16_kernel qc_sigmoid_s16_avx2, qc_sigmoid_s16_avx512;

static const struct qc_sigmoid_s16_kernel *const variant[] = {
    &plain,
#if QC_X86
    &qc_sigmoid_s16_avx2,
    &qc_sigmoid_s16_avx512,
#endif
};

const struct qc_sigmoid_s16_kernel *const *qc_sigmoid_s16_variants(size_t *count)
{
    *count = sizeof variant / sizeof *variant;
    return variant;
}

const struct qc_sigmoid_s16_kernel *qc_sigmoid_s16_pick(uint32_t features)
{
    const struct qc_sigmoid_s16_kernel *chosen;
    QC_PICK(variant, features, chosen);
    return chosen;
}
