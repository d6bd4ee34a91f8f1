/*
 * dot_f32_template.h - the columns of dot_f32.h over the vector of the simd_*.h included before, which also says GROUP: columns that are summed
 * side by side, so that as many sums are under way as the latency of an addition asks for.
 */
#include "kernel/dot_f32.h"

enum { PARTS = 16, VECTORS = PARTS / vf_width };

/* `count` floats from p on as part `j`; zeros behind them. */
QC_INLINE vf part(const float *p, size_t count, const int j)
{
    const size_t from = (size_t)j * vf_width;
    return from >= count ? vf_zero() : count - from >= vf_width ? vf_load(p + from) : vf_load_to(p + from, count - from);
}

QC_INLINE void dots(const struct qc_dot_f32_call *call, size_t first, const int columns)
{
    const float *w = call->w + first * call->k;
    vf sum[GROUP][VECTORS];
    size_t k = 0;
    QC_UNROLL
    for (int n = 0; n < columns; n++) {
        QC_UNROLL
        for (int j = 0; j < VECTORS; j++) sum[n][j] = vf_zero();
    }
    for (; k + PARTS <= call->k; k += PARTS) {
        QC_UNROLL
        for (int j = 0; j < VECTORS; j++) {
            const vf x = vf_load(call->x + k + j * vf_width);
            QC_UNROLL
            for (int n = 0; n < columns; n++) sum[n][j] = vf_fma(x, vf_load(w + (size_t)n * call->k + k + j * vf_width), sum[n][j]);
        }
    }
    QC_UNROLL
    for (int n = 0; n < columns; n++) {
        const size_t rest = call->k - k;
        QC_UNROLL
        for (int j = 0; rest && j < VECTORS; j++)
            sum[n][j] = vf_fma(part(call->x + k, rest, j), part(w + (size_t)n * call->k + k, rest, j), sum[n][j]);
        QC_UNROLL
        for (int step = VECTORS / 2; step; step /= 2) {
            QC_UNROLL
            for (int j = 0; j < step; j++) sum[n][j] = vf_add(sum[n][j], sum[n][j + step]);
        }
        float y = vf_sum(sum[n][0]) + (call->bias ? call->bias[first + (size_t)n] : 0);
        y = y < call->low ? call->low : y;
        call->y[first + (size_t)n] = y > call->high ? call->high : y;
    }
}

static void columns(const struct qc_dot_f32_call *call, size_t begin, size_t end)
{
    for (; begin + GROUP <= end; begin += GROUP) dots(call, begin, GROUP);
    for (; begin < end; begin++) dots(call, begin, 1);
}

#define QC_DOT_F32_ROW(isa, bits)                    \
    extern const struct qc_dot_f32 qc_dot_f32_##isa; \
    const struct qc_dot_f32 qc_dot_f32_##isa = {{#isa, bits}, columns};
