/*
 * dot_f32_ref.c - products of one row, plain. See dot_f32.h.
 */
#include "kernel/dot_f32.h"

static void columns(const struct qc_dot_f32_call *call, size_t begin, size_t end)
{
    for (size_t n = begin; n < end; n++) {
        float sum = call->bias ? call->bias[n] : 0;
        for (size_t k = 0; k < call->k; k++) sum += call->x[k] * call->w[n * call->k + k];
        sum = sum < call->low ? call->low : sum;
        call->y[n] = sum > call->high ? call->high : sum;
    }
}

extern const struct qc_dot_f32 qc_dot_f32_ref;
const struct qc_dot_f32 qc_dot_f32_ref = {{"ref", 0}, columns};
