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

extern const struct qc_row_quantizer qc_row_quantizer_ref;
const struct qc_row_quantizer qc_row_quantizer_ref = {{"ref", 0}, range, even, away};
