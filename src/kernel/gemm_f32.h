/*
 * gemm_f32.h - float matrix products with packed weights; convolutions through row pointers (window.h).
 *
 *     c[m][n] = clamp(bias[n] + sum over k of a[m][k] * w[n][k], low, high)
 *
 * for 0 <= n < columns; m counts rows of qc_rows, k runs over taps, then depth. Weights are stored as float32 or float16 and read in that form,
 * so that products of few rows move few bytes.
 *
 * Layout of packed weights, the same for all variants: panels of 16 columns, each
 *     float bias[16];  then for each k: 16 weights
 * padded with zeros to 16 columns and each panel to 64 bytes. Blocks are 64-byte aligned.
 *
 * The sum starts at the bias and adds in the order of k by fused multiply-add, so that all vector variants agree to the bit, for any tile,
 * thread count and split; the scalar reference rounds products as well.
 * Inputs need float alignment; nothing outside of them is read. NaN in the sum gives NaN, whatever low and high are.
 */
#ifndef QC_KERNEL_GEMM_F32_H
#define QC_KERNEL_GEMM_F32_H

#include "base/pool.h"
#include "kernel/finish.h"
#include "kernel/kernel.h"
#include "kernel/window.h"

enum { QC_PANEL = 16 }; /* columns of a panel of packed weights */

/* HYBRID is not one of this family: int8 weights against rows quantized to int8 (gemm_s8.h); recurrent.h takes it. */
enum qc_weight_kind { QC_W_F32, QC_W_F16, QC_W_KINDS, QC_W_HYBRID = QC_W_KINDS };

struct qc_gemm_f32_tile {
    size_t rows, columns; /* <= QC_TILE_ROWS (of a strip any number), <= panels of the variant * QC_PANEL */
    size_t taps, depth;
    const float *const *a; /* [taps][QC_TILE_ROWS]; of a strip instead: */
    const char *first;     /* element k of row m is at first + m * step + offset[k], in bytes, with k < depth */
    size_t step;
    const size_t *offset;
    const char *w;         /* first panel */
    size_t panel_bytes;
    float *c;
    size_t ldc; /* elements */
    float low, high;
};

struct qc_gemm_f32 {
    struct qc_variant variant;
    size_t panels; /* widest tile */
    void (*tile[QC_W_KINDS])(const struct qc_gemm_f32_tile *tile);
    void (*strip)(const struct qc_gemm_f32_tile *tile); /* of QC_W_F32. Reads QC_TILE_ROWS rows at the least */
};

const struct qc_gemm_f32 *const *qc_gemm_f32_variants(size_t *count);
const struct qc_gemm_f32 *qc_gemm_f32_pick(uint32_t features);

/* ---- packing ---- */

struct qc_gemm_f32_pack {
    enum qc_weight_kind kind;
    bool expand;            /* kind is QC_W_F32, and w is binary16 */
    size_t columns, k;      /* k = taps * depth */
    const void *w;          /* float or uint16_t (binary16): w[n * column_step + k * k_step] */
    size_t column_step, k_step;
    const float *bias;      /* NULL: zeros */
};
size_t qc_gemm_f32_panel_bytes(enum qc_weight_kind kind, size_t k);
size_t qc_gemm_f32_packed_bytes(enum qc_weight_kind kind, size_t columns, size_t k);
void qc_gemm_f32_pack(void *block, const struct qc_gemm_f32_pack *pack);

/* ---- the whole product ---- */

struct qc_gemm_f32_call {
    const struct qc_gemm_f32 *kernel;
    enum qc_weight_kind kind;
    size_t first, m, columns, depth; /* rows [first, first + m) */
    struct qc_rows rows;
    const void *packed;
    float *c;
    size_t ldc;
    float low, high;      /* -INFINITY, INFINITY: none */
    const struct qc_finish *finish; /* NULL: nothing. Other tensors have the pitch ldc, too */
    void *work;           /* of qc_gemm_f32_work_bytes, 8-byte aligned; may be NULL without a window */
};
/* `rows` but for its addresses is that of the call. */
size_t qc_gemm_f32_work_bytes(const struct qc_rows *rows, size_t depth, int threads);
void qc_gemm_f32_run(const struct qc_gemm_f32_call *call, struct qc_pool *pool);

#endif
