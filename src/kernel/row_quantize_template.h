/*
 * row_quantize_template.h - row_quantize.h over the vector of the simd_*.h included before.
 */
#include "kernel/row_quantize.h"

static void range(const float *x, size_t n, float *least, float *most)
{
    vf low = vf_zero(), high = low, low2 = low, high2 = low;
    size_t i = 0;
    for (; i + 2 * vf_width <= n; i += 2 * vf_width) {
        const vf a = vf_load(x + i), b = vf_load(x + i + vf_width);
        low = vf_min(a, low), high = vf_max(a, high);
        low2 = vf_min(b, low2), high2 = vf_max(b, high2);
    }
    for (; i < n; i += vf_width) { /* the zeros behind the end do no harm */
        const vf a = vf_load_to(x + i, n - i < vf_width ? n - i : vf_width);
        low = vf_min(a, low), high = vf_max(a, high);
    }
    const vf zero = vf_zero();
    *least = -vf_reduce_max(vf_sub(zero, vf_min(low, low2)));
    *most = vf_reduce_max(vf_max(high, high2));
}

/* Four vectors of integers at a time, of which `low` and `high` are, become bytes; `zero` is added to them. NaN becomes the least. */
QC_INLINE void quantize(const float *x, size_t n, const struct qc_row_scale *s, vi (*one)(vf x, const struct qc_row_scale *s), int16_t zero, int8_t *out)
{
    size_t i = 0;
    for (; i + 4 * vf_width <= n; i += 4 * vf_width) {
        vi y[4];
        QC_UNROLL
        for (size_t j = 0; j < 4; j++) y[j] = one(vf_load(x + i + j * vf_width), s);
        vb_store(out + i, vb_order(vb_pack(y[0], y[1], y[2], y[3], zero)));
    }
    for (; i < n; i += vf_width) {
        const size_t count = n - i < vf_width ? n - i : vf_width;
        vi_store_s8(out + i, vi_add(one(count < vf_width ? vf_load_to(x + i, count) : vf_load(x + i), s), vi_set1(zero)), count);
    }
}

QC_INLINE vi even_one(vf x, const struct qc_row_scale *s)
{
    const vf low = vf_set1((float)(s->least - s->zero)), high = vf_set1((float)(127 - s->zero));
    return vi_from(vf_min(vf_max(vf_mul(x, vf_set1(s->inverse)), low), high));
}
static void even(const float *x, size_t n, const struct qc_row_scale *s, int8_t *out)
{
    const struct qc_row_scale own = *s; /* which no output overwrites */
    quantize(x, n, &own, even_one, (int16_t)own.zero, out);
}

/* The largest number below 0.5, added before cutting off, rounds halves away from zero and nothing else up. */
QC_INLINE vi away_one(vf x, const struct qc_row_scale *s)
{
    const vf y = vf_add(vf_set1((float)s->zero), vf_mul(x, vf_set1(s->inverse))), rounded = vf_add(y, vf_copysign(vf_set1(0x1.fffffep-2f), y));
    return vi_cut(vf_min(vf_max(rounded, vf_set1((float)s->least)), vf_set1(127)));
}
static void away(const float *x, size_t n, const struct qc_row_scale *s, int8_t *out)
{
    const struct qc_row_scale own = *s;
    quantize(x, n, &own, away_one, 0, out);
}

static void even_s16(const float *x, size_t n, float inverse, int16_t *out)
{
    const vf scale = vf_set1(inverse), low = vf_set1(-32768), high = vf_set1(32767);
    for (size_t i = 0; i < n; i += vf_width) {
        const bool whole = n - i >= vf_width;
        const vf a = whole ? vf_load(x + i) : vf_load_to(x + i, n - i);
        const vi y = vi_from(vf_min(vf_max(vf_round(vf_mul(a, scale)), low), high));
        int16_t part[vf_width];
        vi_store_row_s16(whole ? out + i : part, y);
        for (size_t k = 0; !whole && k < n - i; k++) out[i + k] = part[k];
    }
}

static void restore(const int8_t *x, size_t n, float scale, int32_t zero, float *out)
{
    const vf factor = vf_set1(scale), origin = vf_set1((float)zero);
    size_t i = 0;
    for (; i + vf_width <= n; i += vf_width) vf_store(out + i, vf_mul(vf_sub(vf_load_s8(x + i), origin), factor));
    for (; i < n; i++) out[i] = (float)(x[i] - zero) * scale;
}

#define QC_ROW_QUANTIZE_ROW(isa, bits)                         \
    extern const struct qc_row_quantizer qc_row_quantizer_##isa; \
    const struct qc_row_quantizer qc_row_quantizer_##isa = {{#isa, bits}, range, even, away, even_s16, restore};
