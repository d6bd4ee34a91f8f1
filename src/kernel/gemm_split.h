/*
 * gemm_split.h - how a matrix product is cut into pieces: columns so that their weights stay in the second-level cache while all rows
 * pass, rows and columns further so that every thread gets work worth waking it for.
 */
#ifndef QC_KERNEL_GEMM_SPLIT_H
#define QC_KERNEL_GEMM_SPLIT_H

#include "base/cpu.h"
#include "base/pool.h"

struct qc_gemm_split {
    size_t row_block, column_block; /* in tiles, in tile-wide groups of panels */
    size_t row_blocks, column_blocks;
};

/* tiles: rows / QC_TILE_ROWS rounded up. groups: tile-wide columns. A product of one tile and one group costs `work` multiplications
 * and reads `bytes` of weights. */
static inline struct qc_gemm_split qc_gemm_split(size_t tiles, size_t groups, size_t work, size_t bytes, int threads)
{
    const size_t least = 1 << 18; /* multiplications: some 5 us, well above the cost of waking a thread that spins */
    const size_t cache = (size_t)qc_cpu_l2_bytes() / 2;
    struct qc_gemm_split s = {tiles, groups, 1, 1};
    if (tiles > 1 && bytes * groups > cache) s.column_block = cache / bytes ? cache / bytes : 1;
    if (threads > 1) {
        const size_t pieces = 4 * (size_t)threads;
        const size_t column_blocks = (groups + s.column_block - 1) / s.column_block;
        if (column_blocks < pieces && tiles > 1) {
            const size_t wanted = (pieces + column_blocks - 1) / column_blocks, floor = least / (work * s.column_block + 1) + 1;
            s.row_block = (tiles + wanted - 1) / wanted;
            if (s.row_block < floor) s.row_block = floor < tiles ? floor : tiles;
        }
        const size_t row_blocks = (tiles + s.row_block - 1) / s.row_block;
        if (row_blocks * column_blocks < pieces) {
            const size_t wanted = (pieces + row_blocks - 1) / row_blocks, floor = least / (work * s.row_block + 1) + 1;
            size_t block = (groups + wanted - 1) / wanted;
            if (block < floor) block = floor;
            if (block < s.column_block) s.column_block = block;
        }
    }
    s.row_blocks = (tiles + s.row_block - 1) / s.row_block;
    s.column_blocks = (groups + s.column_block - 1) / s.column_block;
    return s;
}

#endif
