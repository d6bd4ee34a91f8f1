/*
 * row_quantize.c - scales of rows. See row_quantize.h.
 */
#include "kernel/row_quantize.h"

#include <math.h>

extern const struct qc_row_quantizer qc_row_quantizer_ref, qc_row_quantizer_avx2, qc_row_quantizer_avx512, qc_row_quantizer_neon;

static const struct qc_row_quantizer *const variant[] = {
    &qc_row_quantizer_ref,
#if QC_X86
    &qc_row_quantizer_avx2,
    &qc_row_quantizer_avx512,
#elif QC_ARM
    &qc_row_quantizer_neon,
#endif
};

const struct qc_row_quantizer *const *qc_row_quantizer_variants(size_t *count)
{
    *count = sizeof variant / sizeof *variant;
    return variant;
}

const struct qc_row_quantizer *qc_row_quantizer_pick(uint32_t features)
{
    const struct qc_row_quantizer *chosen;
    QC_PICK(variant, features, chosen);
    return chosen;
}

static int8_t clamp8(float x, float low, float high)
{
    x = x > low ? x : low; /* NaN too */
    return (int8_t)(x < high ? x : high);
}

static struct qc_row_scale xnnpack(float least, float most)
{
    const float inverse = least == most ? 1.0f : 255.0f / (most - least);
    const float low = least * inverse, high = most * inverse;
    const float zero_point = (-128.0f + low) + (127.0f + high) > 0 ? -128.0f - low : 127.0f - high;
    return (struct qc_row_scale){1.0f / inverse, inverse, clamp8(rintf(zero_point), -128, 127), -128};
}

static struct qc_row_scale asymmetric(float least, float most)
{
    const double step = least == most ? 1.0 : ((double)most - least) / 255.0;
    const double low = least / step, high = most / step;
    const double zero_point = 128 + fabs(low) < 127 + fabs(high) ? -128 - low : 127 - high;
    const float scale = (float)step;
    return (struct qc_row_scale){scale, 1.0f / scale, least == most ? 0 : clamp8((float)round(zero_point), -128, 127), -128};
}

static struct qc_row_scale symmetric(float least, float most)
{
    const float range = fmaxf(fabsf(least), fabsf(most));
    return (struct qc_row_scale){range == 0 ? 1.0f : range / 127, range == 0 ? 0 : 127 / range, 0, -127};
}

struct qc_row_scale qc_row_scale_of(enum qc_row_quantization how, float least, float most)
{
    return how == QC_ROW_XNNPACK ? xnnpack(least, most) : how == QC_ROW_ASYMMETRIC ? asymmetric(least, most) : symmetric(least, most);
}

void qc_row_quantize(const struct qc_row_quantizer *quantizer, enum qc_row_quantization how, const float *x, size_t n, int8_t *out,
                     float *scale, int32_t *zero)
{
    float least, most;
    quantizer->range(x, n, &least, &most);
    const struct qc_row_scale s = qc_row_scale_of(how, least, most);
    *scale = s.scale;
    *zero = s.zero;
    (how == QC_ROW_XNNPACK ? quantizer->even : quantizer->away)(x, n, &s, out);
}
