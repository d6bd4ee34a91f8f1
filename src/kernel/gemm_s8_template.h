/*
 * gemm_s8_template.h - the register tile of gemm_s8.h. Columns come in units of vf_width, one vector of int32 sums.
 *
 * The including file has included a simd_*.h and defines
 *   UNIT_PARTS       accumulators of a unit: 1, or 2 where a product leaves two sums for a column, side by side
 *   X_BIAS           what the product adds to every a: 128 where a is taken as unsigned by flipping its top bit, else 0
 *   dot              (vi sum, vi x, const int8_t *w): sum + products of x, four k in every column, and the part's weights at w
 *   spread           (const void *a, size_t k): the k-th four of a, in every column
 *   join             (vi first part, vi last part): the unit's sums
 */
#include "kernel/gemm_s8.h"
#include <string.h>

enum { ROW_BYTES = 64, UNIT_BYTES = 4 * vf_width, PART_BYTES = UNIT_BYTES / UNIT_PARTS };

/* What the head of a column's panel holds for it, `element` bytes a column; the same for the column's weights by 4. */
QC_INLINE const char *column_at(const struct qc_gemm_s8_tile *t, size_t column, size_t element)
{
    return t->w + column / 16 * t->panel_bytes + column % 16 * element;
}
QC_INLINE const char *unit_at(const struct qc_gemm_s8_tile *t, const char *w, int unit)
{
    return w + (size_t)(unit * vf_width / 16) * t->panel_bytes + (size_t)(unit * vf_width % 16) * 4;
}

/* One vector of sums, with the first row's zero, as int32 or int16. */
QC_INLINE void finish_one(const struct qc_gemm_s8_tile *t, vi x, size_t m, size_t column, void *to)
{
    const char *head = column_at(t, column, 4);
    if (t->form == QC_S16_PART) {
        vi_store(to, x);
        return;
    }
    if (t->form >= QC_S16_WIDE) {
        const double *bias = (const double *)(const void *)column_at(t, column, 8), *scale = bias + 16;
        const vi y = t->form == QC_S16_F64 ? vi_round_away64(x, bias, scale) : vi_round_up64(x, bias, scale);
        vi_store_row_s16(to, vi_limit(y, vi_set1((int32_t)t->low), vi_set1((int32_t)t->high)));
        return;
    }
    if (t->zero[m] != t->zero[0]) x = vi_sub(x, vi_mul(vi_load((const int32_t *)(const void *)head), vi_set1(t->zero[m] - t->zero[0])));
    vi_store(to, x);
}

/* QC_S8_FLOAT, from sums in memory: [rows][pitch]. */
static __attribute__((noinline)) void finish_floats(const struct qc_gemm_s8_tile *t, const int32_t *sum, size_t pitch, size_t first, size_t columns)
{
    const vf low = vf_set1(t->low), high = vf_set1(t->high);
    bool mixed = false; /* rows have zeros of their own */
    for (size_t m = 1; m < t->rows; m++) mixed |= t->zero[m] != t->zero[0];
    for (size_t n = 0; n < columns; n += vf_width, sum += vf_width) {
        const char *head = column_at(t, first + n, 4);
        const vf scale = vf_load((const float *)(const void *)(head + offsetof(struct qc_s8_head, scale)));
        const vf bias = vf_load((const float *)(const void *)(head + offsetof(struct qc_s8_head, float_bias)));
        const vi weight_sum = vi_load((const int32_t *)(const void *)head);
        float *y = (float *)t->c + first + n;
        for (size_t m = 0; m < t->rows; m++, y += t->ldc) {
            vi x = vi_load(sum + m * pitch);
            if (mixed) x = vi_sub(x, vi_mul(weight_sum, vi_set1(t->zero[m] - t->zero[0])));
            vf v = vf_add(vf_mul(vf_mul(vf_from(x), vf_set1(t->row_scale[m])), scale), bias);
            v = vf_min(high, vf_max(low, v));
            if (columns - n >= vf_width) vf_store(y, v);
            else vf_store_to(y, v, columns - n);
        }
    }
}

/* The other forms that are no bytes, likewise. */
static __attribute__((noinline)) void finish_wide(const struct qc_gemm_s8_tile *t, const int32_t *sum, size_t pitch, size_t first, size_t columns)
{
    const size_t element = qc_s8_form_bytes(t->form);
    for (size_t m = 0; m < t->rows; m++)
        for (size_t n = 0; n < columns; n += vf_width) {
            char *to = (char *)t->c + (m * t->ldc + first + n) * element, part[4 * vf_width];
            const bool whole = columns - n >= vf_width;
            finish_one(t, vi_load(sum + m * pitch + n), m, first + n, whole ? to : part);
            if (!whole) memcpy(to, part, (columns - n) * element);
        }
}

/* Bytes of the output from the sums of all rows and units, four vectors at a time. */
QC_INLINE void finish_bytes(const struct qc_gemm_s8_tile *t, const int rows, const int units, const char *w, int8_t *c, const size_t ldc,
                            vi total[QC_TILE_ROWS][4])
{
    const vf high = vf_set1(t->high);
    const vb low = vb_set1((int8_t)((int32_t)t->low + t->zero_point));
    const int count = rows * units;
    QC_UNROLL
    for (int i = 0; i < count; i += 4) {
        vi y[4];
        QC_UNROLL
        for (int j = 0; j < 4; j++) {
            const int v = i + j < count ? i + j : i;
            const vf scale = vf_load((const float *)(unit_at(t, w, v % units) + offsetof(struct qc_s8_head, scale)));
            y[j] = vi_from(vf_min(high, vf_mul(vf_from(total[v / units][v % units]), scale))); /* NaN becomes the least */
        }
        const vb bytes = vb_max(vb_order(vb_pack(y[0], y[1], y[2], y[3], (int16_t)t->zero_point)), low);
        if (units == 4) {
            vb_store(c + (size_t)(i / 4) * ldc, bytes);
            continue;
        }
        QC_UNROLL
        for (int j = 0; j < 4; j++)
            if (i + j < count) vb_store_quarter(c + (size_t)((i + j) / units) * ldc + (i + j) % units * vf_width, bytes, j);
    }
}

static __attribute__((noinline)) void copy_rows(const struct qc_gemm_s8_tile *t, size_t first, size_t columns, const int8_t *from, size_t pitch)
{
    for (size_t m = 0; m < t->rows; m++) memcpy((int8_t *)t->c + m * t->ldc + first, from + m * pitch, columns);
}

/* Columns [first, first + columns) of the tile, at most `units` vectors. */
QC_INLINE void tile(const struct qc_gemm_s8_tile *t, const int rows, const int units, const size_t first, const size_t columns)
{
    const char *w = column_at(t, first, 4);
    const int parts = units * UNIT_PARTS;
    const vi zeros = vi_opaque(vi_zero());
    vi sum[QC_TILE_ROWS][4];
    QC_UNROLL
    for (int m = 0; m < rows; m++) {
        QC_UNROLL
        for (int j = 0; j < parts; j++) sum[m][j] = zeros;
    }
    const char *body = w + sizeof(struct qc_s8_head) + t->skip * ROW_BYTES;
    const size_t count = (t->depth + 3) / 4;
    for (size_t tap = 0; tap < t->taps; tap++) {
        const char *a[QC_TILE_ROWS];
        QC_UNROLL
        for (int m = 0; m < rows; m++) a[m] = t->a[tap * QC_TILE_ROWS + (size_t)m];
        for (size_t k = 0; k < count; k++, body += ROW_BYTES) {
            vi b[4];
            QC_UNROLL
            for (int j = 0; j < parts; j++)
                b[j] = load_weights((const int8_t *)unit_at(t, body, j / UNIT_PARTS) + j % UNIT_PARTS * PART_BYTES);
            QC_UNROLL
            for (int m = 0; m < rows; m++) {
                const vi x = spread(a[m], k);
                QC_UNROLL
                for (int j = 0; j < parts; j++) sum[m][j] = dot(sum[m][j], x, b[j]);
            }
        }
    }
    vi total[QC_TILE_ROWS][4];
    QC_UNROLL
    for (int u = 0; u < units; u++) {
        const char *head = unit_at(t, w, u);
        const vi weight_sum = vi_load((const int32_t *)head), bias = vi_load((const int32_t *)(head + offsetof(struct qc_s8_head, bias)));
        const vi start = t->form >= QC_S16_WIDE ? zeros : vi_sub(bias, vi_mul(weight_sum, vi_set1(t->zero[0] + X_BIAS)));
        QC_UNROLL
        for (int m = 0; m < rows; m++) total[m][u] = vi_add(start, join(sum[m][u * UNIT_PARTS], sum[m][u * UNIT_PARTS + UNIT_PARTS - 1]));
    }
    if (t->form != QC_S8_REQUANT) {
        int32_t all[QC_TILE_ROWS * 4 * vf_width];
        QC_UNROLL
        for (int m = 0; m < rows; m++) {
            QC_UNROLL
            for (int u = 0; u < units; u++) vi_store(all + (m * units + u) * vf_width, vi_opaque(total[m][u]));
        }
        (t->form == QC_S8_FLOAT ? finish_floats : finish_wide)(t, all, (size_t)(units * vf_width), first, QC_MIN(columns, (size_t)(units * vf_width)));
        return;
    }
    int8_t cut[QC_TILE_ROWS * 4 * vf_width];
    const bool whole = columns >= (size_t)(units * vf_width);
    finish_bytes(t, rows, units, w, whole ? (int8_t *)t->c + first : cut, whole ? t->ldc : 4 * vf_width, total);
    if (!whole) copy_rows(t, first, columns, cut, 4 * vf_width);
}

typedef void tile_fn(const struct qc_gemm_s8_tile *t, size_t first, size_t columns);

#define QC_TILE(rows, units)                                                                                                        \
    static __attribute__((noinline)) void tile_##rows##x##units(const struct qc_gemm_s8_tile *t, size_t first, size_t columns) \
    {                                                                                                                               \
        tile(t, rows, units, first, columns);                                                                                       \
    }
