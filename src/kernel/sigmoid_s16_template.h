/*
 * sigmoid_s16_template.h - the row of sigmoid_s16.h in vectors, two at a time. The including file has included a simd_*.h and defines
 *   struct tables and tables_of   what lookup needs of struct qc_sigmoid_s16
 *   lookup                        (const struct tables *, const vi index[2], vi pair[2]): value and slope of each
 */
#include "kernel/sigmoid_s16.h"
#include <string.h>

enum { AT_ONCE = 2 * vf_width };

QC_INLINE void piece(const struct qc_sigmoid_s16 *s, const struct tables *tables, const int16_t *x, int16_t *y)
{
    const vi multiplier = vi_set1(s->multiplier), half = vi_set1(s->shift > 0 ? 1 << (s->shift - 1) : 0);
    const vi unit = vi_set1(1 << s->fraction), mask = vi_set1((1 << s->fraction) - 1), centre = vi_set1(s->centre);
    vi sign[2], index[2], rest[2], pair[2], result[2];
    QC_UNROLL
    for (int k = 0; k < 2; k++) {
        const vi at = vi_sra_by(vi_add(vi_mul(vi_load_s16(x + k * vf_width), multiplier), half), s->shift), magnitude = vi_abs(at);
        sign[k] = vi_sra_by(at, 31);
        index[k] = vi_min(vi_sra_by(magnitude, s->fraction), vi_set1(255));
        rest[k] = vi_or(vi_shift_left(vi_and(magnitude, mask), 16), unit);
    }
    lookup(tables, index, pair);
    QC_UNROLL
    for (int k = 0; k < 2; k++) result[k] = vi_sra_by(vi_add(vi_xor(vi_madd(pair[k], rest[k]), sign[k]), centre), s->down);
    vb_store((int8_t *)y, vb_pack_s16(result[0], result[1], INT16_MIN, INT16_MAX));
}

static void row(const void *params, void *out, const void *const *in, const size_t *step, size_t n)
{
    const struct qc_sigmoid_s16 *s = params;
    const struct tables tables = tables_of(s);
    const int16_t *x = in[0];
    int16_t *y = out, last[AT_ONCE] = {0};
    (void)step;
    for (; n >= AT_ONCE; n -= AT_ONCE, x += AT_ONCE, y += AT_ONCE) piece(s, &tables, x, y);
    if (!n) return;
    memcpy(last, x, n * sizeof *x);
    piece(s, &tables, last, last);
    memcpy(y, last, n * sizeof *y);
}
