/*
 * row_quantize_ref.c - see row_quantize.h.
 */
#include "kernel/row_quantize.h"

#include <math.h>

static void range(const float *x, size_t n, float *least, float *most)
{
    *least = *most = 0;
    for (size_t i = 0; i < n; i++) {
        *least = x[i] < *least ? x[i] : *least;
        *most = x[i] > *most ? x[i] : *most;
    }
}

static void even(const float *x, size_t n, const struct qc_row_scale *s, int8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        float y = rintf(x[i] * s->inverse) + (float)s->zero;
        y = y > (float)s->least ? y : (float)s->least; /* NaN too */
        out[i] = (int8_t)(y < 127 ? y : 127);
    }
}

static void away(const float *x, size_t n, const struct qc_row_scale *s, int8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        float y = roundf((float)s->zero + x[i] * s->inverse);
        y = y > (float)s->least ? y : (float)s->least; /* NaN too */
        out[i] = (int8_t)(y < 127 ? y : 127);
    }
}

static void even_s16(const float *x, size_t n, float inverse, int16_t *out)
{
    for (size_t i = 0; i < n; i++) {
        const float y = rintf(x[i] * inverse);
        out[i] = (int16_t)(y > -32768 ? y < 32767 ? y : 32767 : -32768); /* NaN too */
    }
}

static void restore(const int8_t *x, size_t n, float scale, int32_t zero, float *out)
{
    for (size_t i = 0; i < n; i++) out[i] = (float)(x[i] - zero) * scale;
}

extern const struct qc_row_quantizer qc_row_quantizer_ref;
const struct qc_row_quantizer qc_row_quantizer_ref = {{"ref", 0}, range, even, away, even_s16, restore};
