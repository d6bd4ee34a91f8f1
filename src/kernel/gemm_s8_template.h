/*
 * gemm_s8_template.h - the register tile of gemm_s8.h. Columns come in units of vf_width, one vector of int32 sums.
 *
 * The including file has included a simd_*.h and defines
 *   UNIT_PARTS       accumulators of a unit: 1, or 2 where a product leaves two sums for a column
 *   PART_BYTES       from one part's weights to the next part's: 0 if the parts share them and differ in x
 *   X_BIAS           what the product adds to every a, as a is taken as unsigned by flipping its top bit; 0 if it is not
 *   TAKES_S8, TAKES_S16   whether the forms of int8 and of int16 occur
 *   dot              (vi sum, vi x, const int8_t *w): sum + products of x, four k in every column, and the part's weights at w
 *   spread           (const void *a, size_t k, int part): the k-th four of a, in every column
 *   join             (vi first part, vi last part): the unit's sums
 *   QC_PLANES        if the first part has the sums of low bytes and the last those of high bytes; with it
 *   round64          (const struct qc_gemm_s8_tile *t, const int32_t *sum, bias, scale): the form's result of the unit's sums at `sum` and, of high bytes,
 *                    at sum + PLANE
 */
#include "kernel/gemm_s8.h"
#include <string.h>

enum { PLANE = QC_TILE_ROWS * 4 * vf_width, ROW_BYTES = 64, UNIT_BYTES = 4 * vf_width };

/* What the head of a column's panel holds for it, `element` bytes a column; the same for the column's weights by 4. */
QC_INLINE const char *column_at(const struct qc_gemm_s8_tile *t, size_t column, size_t element)
{
    return t->w + column / 16 * t->panel_bytes + column % 16 * element;
}
QC_INLINE const char *unit_at(const struct qc_gemm_s8_tile *t, const char *w, int unit)
{
    return w + (size_t)(unit * vf_width / 16) * t->panel_bytes + (size_t)(unit * vf_width % 16) * 4;
}

#if !QC_PLANES
enum { PLANES = 1 };
QC_INLINE vi round64(const struct qc_gemm_s8_tile *t, const int32_t *sum, const double *bias, const double *scale)
{
    return t->form == QC_S16_F64 ? vi_round_away64(vi_load(sum), bias, scale) : vi_round_up64(vi_load(sum), bias, scale);
}
#endif

/* One vector of sums, with the first row's zero, as int32 or int16. */
QC_INLINE void finish_one(const struct qc_gemm_s8_tile *t, const int32_t *sum, size_t m, size_t column, void *to)
{
    const char *head = column_at(t, column, 4);
    vi x = vi_load(sum);
    if (TAKES_S16 && t->form == QC_S16_PART) {
        vi_store(to, x);
        return;
    }
    if (TAKES_S16 && t->form >= QC_S16_WIDE) {
        const double *bias = (const double *)(const void *)column_at(t, column, 8), *scale = bias + 16;
        vi_store_row_s16(to, vi_limit(round64(t, sum, bias, scale), vi_set1((int32_t)t->low), vi_set1((int32_t)t->high)));
        return;
    }
    if (t->zero[m] != t->zero[0]) x = vi_sub(x, vi_mul(vi_load((const int32_t *)(const void *)head), vi_set1(t->zero[m] - t->zero[0])));
    vi_store(to, x);
}

/* QC_S8_FLOAT, from sums in memory: [rows][pitch]. */
static __attribute__((noinline, unused)) void finish_floats(const struct qc_gemm_s8_tile *t, const int32_t *sum, size_t pitch, size_t first, size_t columns)
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
            finish_one(t, sum + m * pitch + n, m, first + n, whole ? to : part);
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

/* int16 by QC_S16_NARROW, two vectors at a time. */
QC_INLINE void finish_narrow(const struct qc_gemm_s8_tile *t, const int rows, const int units, const char *w, int16_t *c, const size_t ldc,
                             vi total[QC_TILE_ROWS][4])
{
    const int count = rows * units;
    QC_UNROLL
    for (int u = 0; u < units; u++) {
        const struct qc_s16_narrow_head *head = (const void *)unit_at(t, w, u);
        const vi multiplier = vi_load(head->multiplier), shift = vi_load(head->shift);
        QC_UNROLL
        for (int m = 0; m < rows; m++) total[m][u] = vi_round_narrow(total[m][u], multiplier, shift);
    }
    QC_UNROLL
    for (int i = 0; i < count; i += 2) {
        const int j = i + 1 < count ? i + 1 : i;
        const vb y = vb_pack_s16(total[i / units][i % units], total[j / units][j % units], (int16_t)t->low, (int16_t)t->high);
        int16_t *to = c + (size_t)(i / units) * ldc + i % units * vf_width;
        if (units % 2 == 0) {
            vb_store((int8_t *)to, y);
            continue;
        }
        vb_store_half(to, y, 0);
        if (j > i) vb_store_half(c + (size_t)(j / units) * ldc + j % units * vf_width, y, 1);
    }
}

static __attribute__((noinline)) void copy_rows(const struct qc_gemm_s8_tile *t, size_t first, size_t columns, const void *from, size_t pitch)
{
    const size_t element = qc_s8_form_bytes(t->form);
    for (size_t m = 0; m < t->rows; m++) memcpy((char *)t->c + (m * t->ldc + first) * element, (const char *)from + m * pitch * element, columns * element);
}

/* What a unit's sums start from. */
QC_INLINE vi start_of(const struct qc_gemm_s8_tile *t, const char *w, int unit)
{
    const int32_t *head = (const int32_t *)(const void *)unit_at(t, w, unit);
    return TAKES_S16 && t->form >= QC_S16_WIDE ? vi_zero() : vi_sub(vi_load(head + 16), vi_mul(vi_load(head), vi_set1(t->zero[0] + X_BIAS)));
}

/* Columns [first, first + columns) of the tile, at most `units` vectors; t->rows is `rows` or one less. */
QC_INLINE void tile(const struct qc_gemm_s8_tile *t, const int rows, const int units, const size_t first, const size_t columns)
{
    const char *w = column_at(t, first, 4);
    const int parts = units * UNIT_PARTS;
    const bool first_part = UNIT_PARTS == 1 || PLANES == 2; /* it starts from start_of */
    vi sum[QC_TILE_ROWS][4];
    QC_UNROLL
    for (int j = 0; j < parts; j++) {
        const vi start = vi_opaque(first_part && j % UNIT_PARTS == 0 ? start_of(t, w, j / UNIT_PARTS) : vi_zero());
        QC_UNROLL
        for (int m = 0; m < rows; m++) sum[m][j] = start;
    }
    const char *body = w + sizeof(struct qc_s8_head) + t->skip * ROW_BYTES;
    const size_t count = (t->depth + 3) / 4;
    for (size_t tap = 0; tap < t->taps; tap++) {
        const char *a[QC_TILE_ROWS];
        QC_UNROLL
        for (int m = 0; m < rows; m++) a[m] = t->a[tap * QC_TILE_ROWS + (m < rows - 1 ? (size_t)m : t->rows - 1)];
        for (size_t k = 0; k < count; k++, body += ROW_BYTES) {
            vi b[4];
            QC_UNROLL
            for (int j = 0; j < parts; j++)
                b[j] = load_weights((const int8_t *)unit_at(t, body, j / UNIT_PARTS) + j % UNIT_PARTS * PART_BYTES);
            QC_UNROLL
            for (int m = 0; m < rows; m++) {
                QC_UNROLL
                for (int j = 0; j < parts; j++) sum[m][j] = dot(sum[m][j], spread(a[m], k, j % UNIT_PARTS), b[j]);
            }
        }
    }
    vi total[QC_TILE_ROWS][4];
    const bool planes = PLANES == 2 && t->form >= QC_S16_WIDE; /* the two sums are joined in float64 */
    QC_UNROLL
    for (int u = 0; u < units; u++) {
        const vi start = first_part ? vi_zero() : start_of(t, w, u);
        QC_UNROLL
        for (int m = 0; m < rows; m++) {
            const vi low = sum[m][u * UNIT_PARTS], joined = join(low, sum[m][u * UNIT_PARTS + UNIT_PARTS - 1]);
            total[m][u] = planes ? low : first_part ? joined : vi_add(start, joined);
        }
    }
    int16_t cut[QC_TILE_ROWS * 4 * vf_width];
    const bool whole = columns >= (size_t)(units * vf_width) && t->rows == (size_t)rows;
    if (TAKES_S8 && t->form == QC_S8_REQUANT) {
        finish_bytes(t, rows, units, w, whole ? (int8_t *)t->c + first : (int8_t *)cut, whole ? t->ldc : 4 * vf_width, total);
        if (!whole) copy_rows(t, first, QC_MIN(columns, (size_t)(units * vf_width)), cut, 4 * vf_width);
    } else if (TAKES_S16 && t->form == QC_S16_NARROW) {
        finish_narrow(t, rows, units, w, whole ? (int16_t *)t->c + first : cut, whole ? t->ldc : 4 * vf_width, total);
        if (!whole) copy_rows(t, first, QC_MIN(columns, (size_t)(units * vf_width)), cut, 4 * vf_width);
    } else {
        int32_t all[PLANES * PLANE];
        QC_UNROLL
        for (int m = 0; m < rows; m++) {
            QC_UNROLL
            for (int u = 0; u < units; u++) {
                vi_store(all + (m * units + u) * vf_width, vi_opaque(total[m][u]));
                if (PLANES == 2) vi_store(all + PLANE * (PLANES - 1) + (m * units + u) * vf_width, vi_opaque(sum[m][u * UNIT_PARTS + UNIT_PARTS - 1]));
            }
        }
        if (TAKES_S8 && t->form == QC_S8_FLOAT) finish_floats(t, all, (size_t)(units * vf_width), first, QC_MIN(columns, (size_t)(units * vf_width)));
        else finish_wide(t, all, (size_t)(units * vf_width), first, QC_MIN(columns, (size_t)(units * vf_width)));
    }
}

/* Tiles exist for 1, 2, 4 and 6 rows: which of them. */
enum { ROW_TILES = 4 };
QC_INLINE size_t row_tile(size_t rows) { return rows == 1 ? 0 : (rows + 1) / 2; }

typedef void tile_fn(const struct qc_gemm_s8_tile *t, size_t first, size_t columns);

#define QC_TILE(rows, units)                                                                                                        \
    static __attribute__((noinline)) void tile_##rows##x##units(const struct qc_gemm_s8_tile *t, size_t first, size_t columns) \
    {                                                                                                                               \
        tile(t, rows, units, first, columns);                                                                                       \
    }
