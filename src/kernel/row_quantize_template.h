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

static void even(const float *x, size_t n, const struct qc_row_scale *s, int8_t *out)
{
    const vf inverse = vf_set1(s->inverse), zero = vf_set1((float)s->zero), low = vf_set1((float)s->least), high = vf_set1(127);
    for (size_t i = 0; i < n; i += vf_width) {
        const size_t count = n - i;
        const vf a = count >= vf_width ? vf_load(x + i) : vf_load_to(x + i, count);
        const vf y = vf_add(vf_round(vf_mul(a, inverse)), zero);
        vi_store_s8(out + i, vi_from(vf_min(vf_max(y, low), high)), count);
    }
}

/* The largest number below 0.5, added before cutting off, rounds halves away from zero and nothing else up. */
static void away(const float *x, size_t n, const struct qc_row_scale *s, int8_t *out)
{
    const vf inverse = vf_set1(s->inverse), zero = vf_set1((float)s->zero), low = vf_set1((float)s->least), high = vf_set1(127);
    for (size_t i = 0; i < n; i += vf_width) {
        const size_t count = n - i;
        const vf a = count >= vf_width ? vf_load(x + i) : vf_load_to(x + i, count), y = vf_add(zero, vf_mul(a, inverse));
        const vf rounded = vf_trunc(vf_add(y, vf_copysign(vf_set1(0x1.fffffep-2f), y)));
        vi_store_s8(out + i, vi_from(vf_min(vf_max(rounded, low), high)), count);
    }
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
