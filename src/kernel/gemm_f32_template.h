/*
 * gemm_f32_template.h - the register tile of gemm_f32.h over the vector of the simd_*.h included before.
 *
 * rows x panels accumulators stay in registers for the whole sum. Per k, one load for each vector of weights and one broadcast for each row
 * serve rows x vectors multiply-adds.
 */
#include "kernel/gemm_f32.h"

enum { panel_vectors = QC_PANEL / vf_width, most_vectors = 4 * panel_vectors };

QC_INLINE vf load_weights(enum qc_weight_kind kind, const char *w, size_t i)
{
    if (kind == QC_W_F32) return vf_load((const float *)w + i);
    if (kind == QC_W_F16) return vf_load_half((const uint16_t *)w + i);
    return vf_load_s8((const int8_t *)w + i);
}

QC_INLINE void tile(const struct qc_gemm_f32_tile *t, const int rows, const int vectors, const enum qc_weight_kind kind, float *c, size_t columns,
                    const char *w)
{
    const size_t bytes = kind == QC_W_F32 ? 4 : kind == QC_W_F16 ? 2 : 1, panel_bytes = t->panel_bytes;
    vf sum[QC_TILE_ROWS][most_vectors];
    QC_UNROLL
    for (int j = 0; j < vectors; j++) {
        const float *head = (const float *)(w + (size_t)(j / panel_vectors) * panel_bytes) + j % panel_vectors * vf_width;
        QC_UNROLL
        for (int m = 0; m < rows; m++) sum[m][j] = kind == QC_W_S8 ? vf_opaque(vf_zero()) : vf_load(head);
    }
    const char *body = w + QC_PANEL * sizeof(float) * (kind == QC_W_S8 ? 2 : 1);
    for (size_t tap = 0; tap < t->taps; tap++) {
        const float *a[QC_TILE_ROWS];
        QC_UNROLL
        for (int m = 0; m < rows; m++) a[m] = t->a[tap * QC_TILE_ROWS + (size_t)m];
        for (size_t k = 0; k < t->depth; k++, body += QC_PANEL * bytes) {
            if (rows <= 2) {
                vf x[2];
                QC_UNROLL
                for (int m = 0; m < rows; m++) x[m] = vf_set1(a[m][k]);
                QC_UNROLL
                for (int j = 0; j < vectors; j++) {
                    const vf b = load_weights(kind, body + (size_t)(j / panel_vectors) * panel_bytes, (size_t)(j % panel_vectors * vf_width));
                    QC_UNROLL
                    for (int m = 0; m < rows; m++) sum[m][j] = vf_fma(x[m], b, sum[m][j]);
                }
                continue;
            }
            vf b[most_vectors];
            QC_UNROLL
            for (int j = 0; j < vectors; j++)
                b[j] = load_weights(kind, body + (size_t)(j / panel_vectors) * panel_bytes, (size_t)(j % panel_vectors * vf_width));
            QC_UNROLL
            for (int m = 0; m < rows; m++) {
                const vf x = vf_set1(a[m][k]);
                QC_UNROLL
                for (int j = 0; j < vectors; j++) sum[m][j] = vf_fma(x, b[j], sum[m][j]);
            }
        }
    }
    const vf low = vf_set1(t->low), high = vf_set1(t->high);
    QC_UNROLL
    for (int j = 0; j < vectors; j++) {
        const float *head = (const float *)(w + (size_t)(j / panel_vectors) * panel_bytes) + j % panel_vectors * vf_width;
        QC_UNROLL
        for (int m = 0; m < rows; m++) {
            if (kind == QC_W_S8) sum[m][j] = vf_fma(sum[m][j], vf_load(head + QC_PANEL), vf_load(head));
            sum[m][j] = vf_min(high, vf_max(low, sum[m][j]));
        }
    }
    if (columns == (size_t)vectors * vf_width) {
        QC_UNROLL
        for (int m = 0; m < rows; m++) {
            QC_UNROLL
            for (int j = 0; j < vectors; j++) vf_store(c + (size_t)m * t->ldc + j * vf_width, sum[m][j]);
        }
        return;
    }
    QC_UNROLL
    for (int j = 0; j < vectors; j++) {
        const size_t at = (size_t)j * vf_width;
        if (at >= columns) break;
        QC_UNROLL
        for (int m = 0; m < rows; m++) vf_store_to(c + (size_t)m * t->ldc + at, sum[m][j], QC_MIN(columns - at, (size_t)vf_width));
    }
}

#define QC_TILE(rows, panels, kind)                                                                        \
    static __attribute__((noinline)) void tile_##rows##x##panels##_##kind(const struct qc_gemm_f32_tile *t, float *c, size_t columns, \
                                                                         const char *w)                    \
    {                                                                                                      \
        tile(t, rows, (panels) * panel_vectors, kind, c, columns, w);                                      \
    }
/* Of 8 columns at most, half a panel. */
#define QC_HALF_TILE(rows, kind)                                                                                                      \
    static __attribute__((noinline)) void half_##rows##_##kind(const struct qc_gemm_f32_tile *t, float *c, size_t columns, const char *w) \
    {                                                                                                                                 \
        tile(t, rows, (panel_vectors + 1) / 2, kind, c, columns, w);                                                                  \
    }

typedef void tile_fn(const struct qc_gemm_f32_tile *t, float *c, size_t columns, const char *w);

/* Walks the columns by the widest tiles that the number of rows leaves room for. `half`: for up to 8 columns at the end; may be NULL. */
QC_INLINE void tile_any(const struct qc_gemm_f32_tile *t, tile_fn *const table[QC_TILE_ROWS][4], size_t widest, tile_fn *half)
{
    size_t n = 0;
    while (n < t->columns) {
        const size_t rest = t->columns - n;
        if (half && rest <= QC_PANEL / 2) {
            half(t, t->c + n, rest, t->w + n / QC_PANEL * t->panel_bytes);
            return;
        }
        const bool halves = half && rest % QC_PANEL && rest % QC_PANEL <= QC_PANEL / 2;
        const size_t left = halves ? rest / QC_PANEL : (rest + QC_PANEL - 1) / QC_PANEL, wide = QC_MIN(left, widest);
        const size_t columns = QC_MIN(rest, wide * QC_PANEL);
        table[t->rows - 1][wide - 1](t, t->c + n, columns, t->w + n / QC_PANEL * t->panel_bytes);
        n += columns;
    }
}
