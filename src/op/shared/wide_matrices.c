/*
 * wide_matrices.c - see wide_matrices.h.
 */
#include "op/shared/wide_matrices.h"

#include <string.h>

enum { MOST = 504 }; /* k of one product, in whole fours */

static size_t part(size_t *all, size_t bytes)
{
    const size_t at = *all;
    *all += (bytes + 63) / 64 * 64;
    return at;
}

size_t qc_wide_matrices_plan(struct qc_wide_matrices *wide, int threads)
{
    const size_t depth = QC_MIN(wide->depth, (size_t)MOST);
    size_t bytes = 0;
    wide->kernel = qc_gemm_s16_pick(qc_cpu_features() & ~(uint32_t)QC_CPU_AVX512VNNI); /* whose sums are offset */
    wide->plane_at = part(&bytes, wide->columns * depth);
    wide->packed_at = part(&bytes, qc_gemm_s8_packed_bytes(wide->columns, 1, depth));
    wide->part_at = part(&bytes, wide->rows * wide->columns * sizeof(int32_t));
    wide->work_at = part(&bytes, qc_gemm_s8_work_bytes(wide->kernel, 1, depth, false, threads));
    return bytes;
}

/* One byte of every weight of `depth` k, column by column: the weight itself, or the high one, or the low one less 128. */
enum plane { WHOLE, HIGH, LOW };

static void take_plane(const struct qc_wide_matrices *wide, const void *w, size_t first, size_t depth, enum plane plane, int8_t *to)
{
    for (size_t n = 0; n < wide->columns; n++)
        for (size_t k = 0; k < depth; k++) {
            const size_t at = n * wide->w_column + (first + k) * wide->w_depth;
            if (plane == WHOLE) *to++ = ((const int8_t *)w)[at];
            else if (plane == HIGH) *to++ = (int8_t)(((const int16_t *)w)[at] >> 8);
            else *to++ = (int8_t)((((const int16_t *)w)[at] & 255) - 128);
        }
}

/* Adds the product with one plane of k [first, first + depth), times `factor`. */
static void add_plane(const struct qc_wide_matrices *wide, const int16_t *x, const void *w, size_t first, size_t depth, enum plane plane,
                      int64_t factor, int64_t *total, char *work, struct qc_pool *pool)
{
    const int32_t zero = 0, *part = (const int32_t *)(const void *)(work + wide->part_at);
    int8_t *bytes = (int8_t *)work + wide->plane_at;
    take_plane(wide, w, first, depth, plane, bytes);
    const struct qc_gemm_s8_pack pack = {.columns = wide->columns, .taps = 1, .depth = depth, .w = bytes};
    qc_gemm_s8_pack(work + wide->packed_at, &pack);
    const struct qc_gemm_s8_call call = {.kernel = wide->kernel, .form = QC_S16_PART, .m = wide->rows, .columns = wide->columns, .depth = depth,
                                         .rows = {.base = (const char *)(x + first), .pitch = wide->depth * sizeof *x}, .wide = true, .chunk = SIZE_MAX,
                                         .packed = work + wide->packed_at, .zero = &zero, .c = work + wide->part_at, .ldc = wide->columns,
                                         .work = work + wide->work_at};
    qc_gemm_s8_run(&call, pool);
    for (size_t i = 0; i < wide->rows * wide->columns; i++) total[i] += factor * part[i];
}

void qc_wide_matrices_run(const struct qc_wide_matrices *wide, const int16_t *x, const void *w, int64_t *total, char *work, struct qc_pool *pool)
{
    for (size_t m = 0; m < wide->rows; m++) {
        int64_t sum = 0;
        for (size_t k = 0; k < wide->depth && !wide->bytes; k++) sum += x[m * wide->depth + k];
        for (size_t n = 0; n < wide->columns; n++) total[m * wide->columns + n] = 128 * sum;
    }
    for (size_t first = 0; first < wide->depth; first += MOST) {
        const size_t depth = QC_MIN(wide->depth - first, (size_t)MOST);
        if (!wide->bytes) add_plane(wide, x, w, first, depth, HIGH, 256, total, work, pool);
        add_plane(wide, x, w, first, depth, wide->bytes ? WHOLE : LOW, 1, total, work, pool);
    }
}
