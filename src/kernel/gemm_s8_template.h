/*
 * gemm_s8_template.h - the register tile of gemm_s8.h. Columns come in units of vf_width, one vector of int32 sums.
 *
 * The including file has included a simd_*.h and defines
 *   UNIT_PARTS       accumulators of a unit: 1, or 2 where a product leaves two sums for a column, side by side
 *   X_BIAS           what the product adds to every a: 128 where a is taken as unsigned by flipping its top bit, else 0
 *   dot              (vi sum, vi x, const int8_t *w): sum + products of x, four k in every column, and the part's weights at w
 *   spread(_to)      (const void *a, size_t k [, count]): the four a from k on, in every column; the first `count` and zeros
 *   join             (vi first part, vi last part): the unit's sums
 */
#include "kernel/gemm_s8.h"

enum { ROW_BYTES = 64, UNIT_BYTES = 4 * vf_width, PART_BYTES = UNIT_BYTES / UNIT_PARTS };

QC_INLINE const char *unit_at(const struct qc_gemm_s8_tile *t, const char *w, int unit, size_t element)
{
    return w + (size_t)(unit * vf_width / 16) * t->panel_bytes + (size_t)(unit * vf_width % 16) * element;
}

/* The forms that are no bytes, from sums in memory: [rows][units * vf_width]. */
static __attribute__((noinline)) void finish_wide(const struct qc_gemm_s8_tile *t, const char *w, const int32_t *sum, size_t pitch, size_t first,
                                                  size_t columns)
{
    for (size_t m = 0; m < t->rows; m++)
        for (size_t n = 0; n < columns; n += vf_width) {
            const size_t at = m * t->ldc + first + n, count = columns - n;
            const vi x = vi_load(sum + m * pitch + n);
            if (t->form == QC_S8_SUM) {
                vi_store_to((int32_t *)t->c + at, x, QC_MIN(count, (size_t)vf_width));
                continue;
            }
            const char *head = unit_at(t, w, (int)(n / vf_width), 4);
            vf y = vf_mul(vf_mul(vf_from(x), vf_set1(t->row_scale[m])), vf_load((const float *)(head + offsetof(struct qc_s8_head, scale))));
            y = vf_add(y, vf_load((const float *)(head + offsetof(struct qc_s8_head, float_bias))));
            y = vf_min(vf_set1(t->high), vf_max(vf_set1(t->low), y));
            vf_store_to((float *)t->c + at, y, QC_MIN(count, (size_t)vf_width));
        }
}

QC_INLINE void tile(const struct qc_gemm_s8_tile *t, const int rows, const int units, const char *w, size_t first, size_t columns)
{
    const int parts = units * UNIT_PARTS;
    const vi zeros = vi_opaque(vi_zero());
    vi sum[QC_TILE_ROWS][4];
    QC_UNROLL
    for (int m = 0; m < rows; m++) {
        QC_UNROLL
        for (int j = 0; j < parts; j++) sum[m][j] = zeros;
    }
    const char *body = w + sizeof(struct qc_s8_head);
    const size_t whole = t->depth / 4, rest = UNIT_PARTS == 1 ? t->depth % 4 : 0, count = UNIT_PARTS == 1 ? whole : (t->depth + 3) / 4;
    for (size_t tap = 0; tap < t->taps; tap++) {
        const char *a[QC_TILE_ROWS];
        QC_UNROLL
        for (int m = 0; m < rows; m++) a[m] = t->a[tap * QC_TILE_ROWS + (size_t)m];
        for (size_t k = 0; k < count; k++, body += ROW_BYTES) {
            vi b[4];
            QC_UNROLL
            for (int j = 0; j < parts; j++)
                b[j] = load_weights((const int8_t *)unit_at(t, body, j / UNIT_PARTS, 4) + j % UNIT_PARTS * PART_BYTES);
            QC_UNROLL
            for (int m = 0; m < rows; m++) {
                const vi x = spread(a[m], k);
                QC_UNROLL
                for (int j = 0; j < parts; j++) sum[m][j] = dot(sum[m][j], x, b[j]);
            }
        }
        if (rest) {
            QC_UNROLL
            for (int m = 0; m < rows; m++) {
                const vi x = spread_to(a[m], whole, rest);
                QC_UNROLL
                for (int j = 0; j < parts; j++)
                    sum[m][j] = dot(sum[m][j], x, load_weights((const int8_t *)unit_at(t, body, j / UNIT_PARTS, 4) + j % UNIT_PARTS * PART_BYTES));
            }
            body += ROW_BYTES;
        }
    }
    vi total[QC_TILE_ROWS][4];
    QC_UNROLL
    for (int u = 0; u < units; u++) {
        const char *head = unit_at(t, w, u, 4);
        const vi weight_sum = vi_load((const int32_t *)head), bias = vi_load((const int32_t *)(head + offsetof(struct qc_s8_head, bias)));
        QC_UNROLL
        for (int m = 0; m < rows; m++) {
            const vi start = vi_sub(bias, vi_mul(weight_sum, vi_set1(t->zero[m] + X_BIAS)));
            total[m][u] = vi_add(start, join(sum[m][u * UNIT_PARTS], sum[m][u * UNIT_PARTS + UNIT_PARTS - 1]));
        }
    }
    if (t->form != QC_S8_REQUANT) {
        int32_t all[QC_TILE_ROWS * 4 * vf_width];
        QC_UNROLL
        for (int m = 0; m < rows; m++) {
            QC_UNROLL
            for (int u = 0; u < units; u++) vi_store(all + (m * units + u) * vf_width, vi_opaque(total[m][u]));
        }
        finish_wide(t, w, all, (size_t)(units * vf_width), first, QC_MIN(columns, (size_t)(units * vf_width)));
        return;
    }
    const vf low = vf_set1(t->low), high = vf_set1(t->high);
    const vi zero_point = vi_set1(t->zero_point);
    int8_t *c = (int8_t *)t->c + first;
    QC_UNROLL
    for (int u = 0; u < units; u++) {
        const size_t at = (size_t)u * vf_width;
        if (at >= columns) break;
        const vf scale = vf_load((const float *)(unit_at(t, w, u, 4) + offsetof(struct qc_s8_head, scale)));
        QC_UNROLL
        for (int m = 0; m < rows; m++) {
            const vf y = vf_min(vf_max(vf_mul(vf_from(total[m][u]), scale), low), high);
            vi_store_s8(c + (size_t)m * t->ldc + at, vi_add(vi_from(y), zero_point), columns - at);
        }
    }
}

typedef void tile_fn(const struct qc_gemm_s8_tile *t, const char *w, size_t first, size_t columns);

#define QC_TILE(rows, units)                                                                                                   \
    static __attribute__((noinline)) void tile_##rows##x##units(const struct qc_gemm_s8_tile *t, const char *w, size_t first, size_t columns) \
    {                                                                                                                          \
        tile(t, rows, units, w, first, columns);                                                                               \
    }
