/*
 * depthwise_f32_template.h - the strip of depthwise_f32.h over the vector of the simd_*.h included before, which also says GROUP.
 *
 * A block of channels of GROUP neighbouring outputs stays in registers over all taps, so that a weight is loaded once for them. Windows of 3
 * and 5 columns and strides 1 and 2 are compiled on their own.
 */
#include "kernel/depthwise_f32.h"

/* As QC_UNROLL, for windows: in the instances whose window is not known, GCC would unroll the loop 64 times all the same. */
#if defined(__clang__)
#define UNROLL_WINDOW
#else
#define UNROLL_WINDOW _Pragma("GCC unroll 5")
#endif

enum { block_vectors = QC_DEPTHWISE_BLOCK / vf_width };

struct lane { /* some vectors of a strip's channels */
    const struct qc_depthwise_f32_strip *s;
    const float *x, *bias, *w;
    float *y;
    size_t count; /* channels, if the vector is cut; else 0 */
};

struct shape { /* what the compiler is to know */
    bool known; /* stride at most 2, kernel_w at most 5, dilation 1 */
    size_t kernel_w, stride, dilation;
    int vectors;
    size_t count;
};

/* Limits and stores one vector of outputs. */
QC_INLINE void finish(const struct qc_depthwise_f32_strip *s, float *y, size_t outputs, vf *const sum, const size_t sum_step, const size_t count)
{
    const vf low = vf_set1(s->low), high = vf_set1(s->high);
    QC_UNROLL
    for (size_t p = 0; p < GROUP; p++, y += s->pitch) {
        if (p >= outputs) break;
        const vf v = vf_min(high, vf_max(low, sum[p * sum_step]));
        if (count) vf_store_to(y, v, count);
        else vf_store(y, v);
    }
}

/* Outputs [column, column + outputs). `inside`: all columns under their windows are. */
QC_INLINE void group(const struct lane *l, size_t column, size_t outputs, const struct shape k, const bool inside)
{
    const struct qc_depthwise_f32_strip *s = l->s;
    const ptrdiff_t first = s->first + (ptrdiff_t)(column * k.stride);
    vf sum[GROUP][block_vectors];
    QC_UNROLL
    for (int p = 0; p < GROUP; p++) {
        QC_UNROLL
        for (int j = 0; j < k.vectors; j++) sum[p][j] = vf_load(l->bias + j * vf_width);
    }
    const float *row = l->x + first * (ptrdiff_t)s->pitch, *w = l->w;
    for (size_t ky = 0; ky < s->rows; ky++, row += s->row_step)
        UNROLL_WINDOW
        for (size_t kx = 0; kx < k.kernel_w; kx++, w += QC_DEPTHWISE_BLOCK) {
            vf b[block_vectors];
            QC_UNROLL
            for (int j = 0; j < k.vectors; j++) b[j] = vf_load(w + j * vf_width);
            QC_UNROLL
            for (size_t p = 0; p < GROUP; p++) {
                const size_t at = p * k.stride + kx * k.dilation;
                if (!inside && (size_t)(first + (ptrdiff_t)at) >= s->in_w) continue;
                const float *x = row + at * s->pitch;
                QC_UNROLL
                for (int j = 0; j < k.vectors; j++)
                    sum[p][j] = vf_fma(k.count ? vf_load_to(x, k.count) : vf_load(x + j * vf_width), b[j], sum[p][j]);
            }
        }
    QC_UNROLL
    for (int j = 0; j < k.vectors; j++) finish(s, l->y + column * s->pitch + j * vf_width, outputs, &sum[0][j], block_vectors, k.count);
}

/* The same at the border, for one vector and windows of neighbouring columns: each is loaded once, or is zero, for all outputs. */
QC_INLINE void border_group(const struct lane *l, size_t column, size_t outputs, const struct shape k)
{
    const struct qc_depthwise_f32_strip *s = l->s;
    const ptrdiff_t first = s->first + (ptrdiff_t)(column * k.stride);
    const float *row = l->x + first * (ptrdiff_t)s->pitch, *w = l->w;
    vf sum[GROUP];
    QC_UNROLL
    for (int p = 0; p < GROUP; p++) sum[p] = vf_load(l->bias);
    for (size_t ky = 0; ky < s->rows; ky++, row += s->row_step) {
        vf x[(GROUP - 1) * 2 + 5];
        QC_UNROLL
        for (size_t at = 0; at < (GROUP - 1) * k.stride + k.kernel_w; at++) {
            x[at] = vf_zero();
            if ((size_t)(first + (ptrdiff_t)at) < s->in_w) x[at] = vf_load(row + at * s->pitch);
        }
        QC_UNROLL
        for (size_t kx = 0; kx < k.kernel_w; kx++, w += QC_DEPTHWISE_BLOCK) {
            const vf b = vf_load(w);
            QC_UNROLL
            for (size_t p = 0; p < GROUP; p++) sum[p] = vf_fma(x[p * k.stride + kx], b, sum[p]);
        }
    }
    finish(s, l->y + column * s->pitch, outputs, sum, 1, 0);
}

QC_INLINE void columns(const struct lane *l, const struct shape k)
{
    const struct qc_depthwise_f32_strip *s = l->s;
    const ptrdiff_t reach = (ptrdiff_t)((GROUP - 1) * k.stride + (k.kernel_w - 1) * k.dilation);
    for (size_t column = 0; column < s->out_w; column += GROUP) {
        const ptrdiff_t first = s->first + (ptrdiff_t)(column * k.stride);
        const size_t outputs = s->out_w - column;
        if (first >= 0 && first + reach < (ptrdiff_t)s->in_w && outputs >= GROUP) group(l, column, GROUP, k, true);
        else if (k.known && block_vectors == 1) border_group(l, column, outputs, k); /* has registers for all columns */
        else group(l, column, outputs, k, false);
    }
}

#define QC_COLUMNS(name, ...) \
    static __attribute__((noinline)) void name(const struct lane *l) { columns(l, (struct shape){__VA_ARGS__}); }
QC_COLUMNS(columns_3_1, true, 3, 1, 1, block_vectors, 0)
QC_COLUMNS(columns_3_2, true, 3, 2, 1, block_vectors, 0)
QC_COLUMNS(columns_5_1, true, 5, 1, 1, block_vectors, 0)
QC_COLUMNS(columns_5_2, true, 5, 2, 1, block_vectors, 0)
QC_COLUMNS(columns_any, false, l->s->kernel_w, l->s->stride, l->s->dilation, block_vectors, 0)
QC_COLUMNS(columns_cut, false, l->s->kernel_w, l->s->stride, l->s->dilation, 1, l->count)

static void strip(const struct qc_depthwise_f32_strip *s)
{
    void (*run)(const struct lane *) = columns_any;
    if (s->dilation == 1 && s->stride <= 2 && s->kernel_w == 3) run = s->stride == 1 ? columns_3_1 : columns_3_2;
    if (s->dilation == 1 && s->stride <= 2 && s->kernel_w == 5) run = s->stride == 1 ? columns_5_1 : columns_5_2;
    struct lane lane = {s, s->x, s->bias, s->w, s->y, 0};
    if (s->channels == QC_DEPTHWISE_BLOCK) {
        run(&lane);
        return;
    }
    for (size_t c = 0; c < s->channels; c += vf_width) {
        lane = (struct lane){s, s->x + c, s->bias + c, s->w + c, s->y + c, QC_MIN(s->channels - c, (size_t)vf_width)};
        columns_cut(&lane);
    }
}

#define QC_DEPTHWISE_F32_ROW(isa, bits)                          \
    extern const struct qc_depthwise_f32 qc_depthwise_f32_##isa; \
    const struct qc_depthwise_f32 qc_depthwise_f32_##isa = {{#isa, bits}, strip};
