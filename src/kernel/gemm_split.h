/*
 * gemm_split.h - how a product is cut into pieces of rows and columns.
 *
 * Every thread gets a part of the rows, the same in each layer, so that it finds in its own caches what it wrote; and goes through its part in
 * blocks of columns whose weights stay in the second-level cache, each block in pieces that another thread can take over. Products of few
 * rows are cut by columns. Pieces are numbered so that equal shares of the numbers are these parts (qc_pool_for).
 */
#ifndef QC_KERNEL_GEMM_SPLIT_H
#define QC_KERNEL_GEMM_SPLIT_H

#include "base/cpu.h"
#include "base/pool.h"

enum { QC_SPLIT_LEAST = 1 << 16 }; /* multiplications of a piece: above the cost of waking a thread that spins, and of fetching what lies in its cache */

struct qc_gemm_split {
    size_t tiles, groups;         /* rows and columns in units: register tiles, tile-wide columns */
    size_t parts, columns, steps; /* of rows; blocks of columns; pieces of a part under one block */
    size_t column_block;          /* groups */
};

struct qc_gemm_piece {
    size_t row, row_end, column, column_end; /* in tiles and groups */
};

static inline size_t qc_gemm_pieces(const struct qc_gemm_split *s) { return s->parts * s->columns * s->steps; }

static inline struct qc_gemm_piece qc_gemm_piece(const struct qc_gemm_split *s, size_t number)
{
    if (qc_gemm_pieces(s) == 1) return (struct qc_gemm_piece){0, s->tiles, 0, s->groups};
    const size_t part = number / (s->columns * s->steps), column = number / s->steps % s->columns, step = number % s->steps;
    const size_t first = s->tiles * part / s->parts, rows = s->tiles * (part + 1) / s->parts - first;
    struct qc_gemm_piece p = {first + rows * step / s->steps, first + rows * (step + 1) / s->steps, column * s->column_block, 0};
    p.column_end = QC_MIN(p.column + s->column_block, s->groups);
    return p;
}

/* A product of one tile and one group costs `work` multiplications and reads `bytes` of weights. */
static inline struct qc_gemm_split qc_gemm_split(size_t tiles, size_t groups, size_t work, size_t bytes, int threads)
{
    const size_t cache = (size_t)qc_cpu_l2_bytes() / 2, count = (size_t)threads, pieces = tiles * groups * work / QC_SPLIT_LEAST;
    struct qc_gemm_split s = {tiles, groups, 1, 1, 1, groups};
    if (count == 1 && (tiles == 1 || bytes * groups <= cache)) return s;
    if (tiles > 1 && bytes * groups > cache) s.column_block = QC_MAX(cache / bytes, 1u);
    if (pieces > 1 && tiles >= 2 * count) {
        s.parts = QC_MIN(count, pieces);
        s.columns = (groups + s.column_block - 1) / s.column_block;
        s.steps = QC_MAX(QC_MIN(QC_MIN(pieces / (s.parts * s.columns), 4u), tiles / s.parts), 1u);
        return s;
    }
    if (pieces > 1 && count > 1) s.column_block = QC_MIN(s.column_block, QC_MAX((groups + 4 * count - 1) / (4 * count), groups / pieces));
    s.columns = (groups + s.column_block - 1) / s.column_block;
    return s;
}

#endif
