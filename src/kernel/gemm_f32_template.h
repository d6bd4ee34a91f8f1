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
    return vf_load_half((const uint16_t *)w + i);
}

/* Adds the products of element k of each row. */
QC_INLINE void add_products(vf sum[QC_TILE_ROWS][most_vectors], const int rows, const int vectors, const enum qc_weight_kind kind, const float *const *a,
                            size_t k, const char *w, size_t panel_bytes)
{
    if (rows <= 2) {
        vf x[2];
        QC_UNROLL
        for (int m = 0; m < rows; m++) x[m] = vf_set1(a[m][k]);
        QC_UNROLL
        for (int j = 0; j < vectors; j++) {
            const vf b = load_weights(kind, w + (size_t)(j / panel_vectors) * panel_bytes, (size_t)(j % panel_vectors * vf_width));
            QC_UNROLL
            for (int m = 0; m < rows; m++) sum[m][j] = vf_fma(x[m], b, sum[m][j]);
        }
        return;
    }
    vf b[most_vectors];
    QC_UNROLL
    for (int j = 0; j < vectors; j++)
        b[j] = load_weights(kind, w + (size_t)(j / panel_vectors) * panel_bytes, (size_t)(j % panel_vectors * vf_width));
    QC_UNROLL
    for (int m = 0; m < rows; m++) {
        const vf x = vf_set1(a[m][k]);
        QC_UNROLL
        for (int j = 0; j < vectors; j++) sum[m][j] = vf_fma(x, b[j], sum[m][j]);
    }
}

/* `strip`: rows lie `step` apart, and only t->rows of them are stored. */
QC_INLINE void tile(const struct qc_gemm_f32_tile *t, const int rows, const int vectors, const enum qc_weight_kind kind, const bool strip, float *c,
                    size_t columns, const char *w)
{
    const size_t bytes = kind == QC_W_F32 ? 4 : 2, panel_bytes = t->panel_bytes;
    vf sum[QC_TILE_ROWS][most_vectors];
    const float *a[QC_TILE_ROWS];
    QC_UNROLL
    for (int j = 0; j < vectors; j++) {
        const float *head = (const float *)(w + (size_t)(j / panel_vectors) * panel_bytes) + j % panel_vectors * vf_width;
        QC_UNROLL
        for (int m = 0; m < rows; m++) sum[m][j] = vf_load(head);
    }
    const char *body = w + QC_PANEL * sizeof(float);
    if (strip) {
        const size_t step = t->step;
        for (const size_t *offset = t->offset, *end = offset + t->depth; offset < end; offset++, body += QC_PANEL * bytes) {
            const char *first = t->first + *offset, *third = first + 3 * step;
            QC_UNROLL
            for (int m = 0; m < rows; m++) a[m] = (const float *)(const void *)(m < 3 ? first + (size_t)m * step : third + (size_t)(m - 3) * step);
            add_products(sum, rows, vectors, kind, a, 0, body, panel_bytes);
        }
    } else {
        for (size_t tap = 0; tap < t->taps; tap++) {
            QC_UNROLL
            for (int m = 0; m < rows; m++) a[m] = t->a[tap * QC_TILE_ROWS + (size_t)m];
            for (size_t k = 0; k < t->depth; k++, body += QC_PANEL * bytes) add_products(sum, rows, vectors, kind, a, k, body, panel_bytes);
        }
    }
    const vf low = vf_set1(t->low), high = vf_set1(t->high);
    QC_UNROLL
    for (int j = 0; j < vectors; j++) {
        QC_UNROLL
        for (int m = 0; m < rows; m++) sum[m][j] = vf_min(high, vf_max(low, sum[m][j]));
    }
    if (columns == (size_t)vectors * vf_width) {
        QC_UNROLL
        for (int m = 0; m < rows; m++) {
            if (strip && (size_t)m == t->rows) return;
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
        for (int m = 0; m < rows; m++) {
            if (strip && (size_t)m == t->rows) break;
            vf_store_to(c + (size_t)m * t->ldc + at, sum[m][j], QC_MIN(columns - at, (size_t)vf_width));
        }
    }
}

/* kind: F32 or F16. */
#define QC_TILE(rows, panels, kind)                                                                                                               \
    static __attribute__((noinline)) void tile_##rows##x##panels##_##kind(const struct qc_gemm_f32_tile *t, float *c, size_t columns, const char *w) \
    {                                                                                                                                             \
        tile(t, rows, (panels) * panel_vectors, QC_W_##kind, false, c, columns, w);                                                               \
    }
/* Of 8 columns at most, half a panel. */
#define QC_HALF_TILE(rows)                                                                                                            \
    static __attribute__((noinline)) void half_##rows(const struct qc_gemm_f32_tile *t, float *c, size_t columns, const char *w)      \
    {                                                                                                                                 \
        tile(t, rows, (panel_vectors + 1) / 2, QC_W_F32, false, c, columns, w);                                                       \
    }

typedef void tile_fn(const struct qc_gemm_f32_tile *t, float *c, size_t columns, const char *w);

/* Walks the columns by the widest tiles that the table has for the number of rows, by panels less one. `half`: for up to 8 columns at the end; may be
 * NULL. */
QC_INLINE void tile_any(const struct qc_gemm_f32_tile *t, tile_fn *const table[QC_TILE_ROWS][4], tile_fn *half)
{
    size_t n = 0;
    while (n < t->columns) {
        const size_t rest = t->columns - n;
        if (half && rest <= QC_PANEL / 2) {
            half(t, t->c + n, rest, t->w + n / QC_PANEL * t->panel_bytes);
            return;
        }
        const bool halves = half && rest % QC_PANEL && rest % QC_PANEL <= QC_PANEL / 2;
        const size_t left = halves ? rest / QC_PANEL : (rest + QC_PANEL - 1) / QC_PANEL;
        size_t wide = QC_MIN(left, 4u);
        while (!table[t->rows - 1][wide - 1]) wide--;
        const size_t columns = QC_MIN(rest, wide * QC_PANEL);
        table[t->rows - 1][wide - 1](t, t->c + n, columns, t->w + n / QC_PANEL * t->panel_bytes);
        n += columns;
    }
}

/* A line of pixels by tiles of QC_TILE_ROWS, the last of which lies over the one before if need be: what it computes twice is the same. */
QC_INLINE void strip_tiles(const struct qc_gemm_f32_tile *t, const int vectors, float *c, size_t columns, const char *w)
{
    struct qc_gemm_f32_tile one = *t;
    one.rows = QC_MIN(t->rows, (size_t)QC_TILE_ROWS);
    for (size_t m = 0; m < t->rows; m += QC_TILE_ROWS) {
        const size_t at = QC_MIN(m, t->rows - one.rows);
        one.first = t->first + at * t->step;
        tile(&one, QC_TILE_ROWS, vectors, QC_W_F32, true, c + at * t->ldc, columns, w);
    }
}
#define QC_STRIP(name, vectors)                                                                                                           \
    static __attribute__((noinline)) void name(const struct qc_gemm_f32_tile *t, float *c, size_t columns, const char *w)                  \
    {                                                                                                                                     \
        strip_tiles(t, vectors, c, columns, w);                                                                                           \
    }

/* table: for 1, 2 and 4 panels, at [panels - 1]; `half` as above. */
QC_INLINE void strip_any(const struct qc_gemm_f32_tile *t, tile_fn *const *table, size_t widest, tile_fn *half)
{
    for (size_t n = 0, columns; n < t->columns; n += columns) {
        const size_t rest = t->columns - n, left = (rest + QC_PANEL / 2 - 1) / QC_PANEL, panels = left == 3 && widest > 2 ? 2 : QC_MIN(left, widest);
        tile_fn *const run = panels ? table[panels - 1] : half;
        columns = QC_MIN(rest, panels ? panels * QC_PANEL : QC_PANEL / 2);
        run(t, t->c + n, columns, t->w + n / QC_PANEL * t->panel_bytes);
    }
}
