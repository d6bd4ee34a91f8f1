/*
 * lstm_s8_rows.c - see lstm_s8_rows.h: the plain variant, and which one runs.
 */
#include "kernel/lstm_s8_rows.h"

static int32_t clamp16(int64_t x) { return (int32_t)(x < INT16_MIN ? INT16_MIN : x > INT16_MAX ? INT16_MAX : x); }

static void sums(size_t n, const int32_t *x, struct qc_multiplier x_scale, const int32_t *h, struct qc_multiplier h_scale, int16_t *gate)
{
    for (size_t i = 0; i < n; i++)
        gate[i] = (int16_t)clamp16((int64_t)clamp16(qc_requant(x[i], x_scale)) + qc_requant(h[i], h_scale));
}

static void cell(size_t n, const int16_t *in, const int16_t *forget, const int16_t *fresh, int bits, int16_t clip, int16_t *c)
{
    for (size_t i = 0; i < n; i++) {
        const int32_t kept = qc_rounding_shift(forget[i] * c[i], 15), added = qc_rounding_shift(in[i] * fresh[i], 15 + bits);
        c[i] = (int16_t)clamp16(kept + added);
        if (clip > 0) c[i] = (int16_t)qc_clamp(c[i], -clip, clip);
    }
}

static void hidden(size_t n, const int16_t *out, const int16_t *activated, struct qc_multiplier scale, int32_t zero, int8_t *h)
{
    for (size_t i = 0; i < n; i++)
        h[i] = (int8_t)qc_clamp(qc_clamp(qc_requant(out[i] * activated[i], scale), -65536, 65536) + zero, INT8_MIN, INT8_MAX);
}

static const struct qc_lstm_s8_rows plain = {{"ref", 0}, sums, cell, hidden};
extern const struct qc_lstm_s8_rows qc_lstm_s8_rows_avx2;

static const struct qc_lstm_s8_rows *const variant[] = {
    &plain,
#if QC_X86
    &qc_lstm_s8_rows_avx2,
#endif
};

const struct qc_lstm_s8_rows *const *qc_lstm_s8_rows_variants(size_t *count)
{
    *count = sizeof variant / sizeof *variant;
    return variant;
}

const struct qc_lstm_s8_rows *qc_lstm_s8_rows_pick(uint32_t features)
{
    const struct qc_lstm_s8_rows *chosen;
    QC_PICK(variant, features, chosen);
    return chosen;
}
