/*
 * gemm_s8.h - integer matrix products with packed int8 weights; convolutions through row pointers (window.h).
 *
 *     sum[m][n] = bias[n] + sum over k of (a[m][k] - zero[m]) * w[n][k]       exact modulo 2^32
 *
 * and from it, by `form`:
 *     QC_S8_REQUANT  int8, as qc_requant_f32 (base/requant.h) with scale[n]
 *     QC_S8_FLOAT    float, clamp((float)sum * row_scale[m] * scale[n] + float_bias[n], low, high); products in this order, not fused
 *     QC_S8_SUM      int32, the sum itself
 * and, of int16 activations with zero 0:
 *     QC_S16_NARROW  int16, as qc_requant_wide by narrow[n], where sum + bias is known to fit 32 bits (qc_s16_narrow)
 * or by float64 scale64[n] and 64-bit bias64[n] instead of scale and bias:
 *     QC_S16_WIDE    int16, as qc_requant_wide with scale64[n] = the multiplier's 15 bits times its power of two
 *     QC_S16_F64     int16, as qc_requant_f64
 * where float64 holds all sums and products exactly (qc_s16_range). All variants give the same bits.
 *
 * Layout of packed weights, the same for all variants: panels of 16 columns, each
 *     int32 weight_sum[16], bias[16];  float scale[16], float_bias[16];  then for each tap, for each 4 k: int8 [16 columns][4 k]
 * with zeros where columns or k run out (the depth of a tap is padded to 4), so 64 bytes a row. weight_sum takes out the zero point. Blocks are
 * 64-byte aligned.
 *
 * A padding row pointer must lead to `depth` bytes equal to the row's zero. Nothing outside of the inputs is read: rows whose depth is no
 * multiple of 4 are first copied to the work space of the call. Variants without a byte product widen the rows of a tile to 16 bits there.
 */
#ifndef QC_KERNEL_GEMM_S8_H
#define QC_KERNEL_GEMM_S8_H

#include "base/pool.h"
#include "base/requant.h"
#include "kernel/finish.h"
#include "kernel/kernel.h"
#include "kernel/window.h"
#include <math.h>

enum qc_s8_form { QC_S8_REQUANT, QC_S8_FLOAT, QC_S8_SUM, QC_S16_NARROW, QC_S16_WIDE, QC_S16_F64, QC_S16_PART /* a sum without bias: int32 */ };

static inline size_t qc_s8_form_bytes(enum qc_s8_form form) { return form == QC_S8_REQUANT ? 1 : form >= QC_S16_NARROW && form <= QC_S16_F64 ? 2 : 4; }

/*
 * Of QC_S16_NARROW: sum * multiplier / 2^(16 + shift), rounded half up. 16 bits of the product drop out before the rest is rounded, so that 32 bits hold
 * all: multiplier in [0, 2^15), shift in [1, 30]. True if `m`, as qc_requant_wide takes it, can be written so.
 */
static inline bool qc_s16_narrow(struct qc_multiplier m, struct qc_multiplier *narrow)
{
    narrow->multiplier = m.multiplier < 0x7FFF0000 ? (m.multiplier + (1 << 15)) >> 16 : 0x7FFF;
    narrow->shift = -1 - m.shift;
    return narrow->multiplier >= 0 && narrow->shift >= 1 && narrow->shift <= 30;
}
static inline int16_t qc_s16_round_narrow(int32_t sum, int32_t multiplier, int32_t shift, float low, float high)
{
    const int32_t y = ((int32_t)((int64_t)sum * multiplier >> 16) + (1 << shift >> 1)) >> shift; /* lanes without a column have shift 0 */
    return (int16_t)qc_clamp(y, (int32_t)low, (int32_t)high);
}

/* sum * scale as the form rounds it, cut to [low, high]. */
static inline int16_t qc_s16_round(double sum, double scale, float low, float high, enum qc_s8_form form)
{
    double y = form == QC_S16_WIDE ? floor(sum * scale + 0.5) : round(sum * scale);
    y = y > (double)low ? y : (double)low;
    return (int16_t)(y < (double)high ? y : (double)high);
}

struct qc_s8_head {
    int32_t weight_sum[16], bias[16];
    float scale[16], float_bias[16];
};
struct qc_s16_narrow_head { /* in its place, of QC_S16_NARROW */
    int32_t weight_sum[16], bias[16], multiplier[16], shift[16];
};
struct qc_s16_head { /* and of the other forms of 16 bits */
    double bias[16], scale[16];
};

struct qc_gemm_s8_tile {
    enum qc_s8_form form;
    size_t rows, columns, taps, depth;
    const void *const *a;   /* [taps][QC_TILE_ROWS], whole fours: int8, or int16 for variants that widen */
    const char *w;
    size_t panel_bytes;
    size_t skip;            /* fours of k of the panel to leave out in front */
    const int32_t *zero;    /* [rows]; of QC_S8_REQUANT all the same */
    const float *row_scale; /* [rows], of QC_S8_FLOAT */
    void *c;
    size_t ldc;             /* elements */
    int32_t zero_point;     /* of the output, QC_S8_REQUANT */
    float low, high;        /* QC_S8_REQUANT: the output's limits less zero_point */
};

struct qc_gemm_s8 {
    struct qc_variant variant;
    size_t columns; /* of the widest tile */
    void (*tile)(const struct qc_gemm_s8_tile *tile);
    /* Makes n activations ready for the tile and fills up to a whole four; NULL: the tile reads them as they are. */
    void (*widen)(const void *x, size_t n, void *to); /* of int8 */
    void (*split)(const void *x, size_t n, void *to); /* of int16 */
    size_t element; /* bytes of what the tile reads */
    size_t exact;   /* activations of int16: so many k are summed exactly whatever they are */
    int32_t x_bias; /* likewise: what bias64 must make up for (qc_gemm_s8_pack) */
};

/* Whether the few elements under all taps are better copied side by side, for a product of one tap (struct qc_gemm_s8_call, gather). */
bool qc_gemm_s8_gathers(size_t taps, size_t depth);

const struct qc_gemm_s8 *const *qc_gemm_s8_variants(size_t *count);
const struct qc_gemm_s8 *qc_gemm_s8_pick(uint32_t features);
/* Those for activations of int16. */
const struct qc_gemm_s8 *const *qc_gemm_s16_variants(size_t *count);
const struct qc_gemm_s8 *qc_gemm_s16_pick(uint32_t features);

/*
 * How the forms of 16 bits can be computed: in float64 not at all (QC_S16_REFUSED); with all k in one int32 sum (SIZE_MAX), or with at most so many.
 * `weights_sum`: the largest sum of a column's |w|; `largest`: the largest 2^15 times that sum plus |bias|, and the largest of that times its scale.
 */
enum { QC_S16_REFUSED = 0 };
size_t qc_s16_chunk(enum qc_s8_form form, size_t weight_sum, double largest, double largest_scaled);

/* ---- packing ---- */

struct qc_gemm_s8_pack {
    size_t columns, taps, depth;
    const int8_t *w;         /* w[n * taps * depth + tap * depth + k] */
    const int32_t *bias;     /* NULL: zeros */
    const float *scale;      /* NULL: not needed */
    const float *float_bias; /* NULL: zeros */
    const double *scale64;   /* of QC_S16_WIDE and _F64, with bias64; NULL: others */
    const struct qc_multiplier *narrow; /* of QC_S16_NARROW, with bias64; NULL: others */
    const int64_t *bias64;   /* NULL: zeros */
    int32_t x_bias;          /* the kernel's */
};
size_t qc_gemm_s8_panel_bytes(size_t taps, size_t depth);
size_t qc_gemm_s8_packed_bytes(size_t columns, size_t taps, size_t depth);
void qc_gemm_s8_pack(void *block, const struct qc_gemm_s8_pack *pack);

/* ---- the whole product ---- */

struct qc_gemm_s8_call {
    const struct qc_gemm_s8 *kernel;
    enum qc_s8_form form;
    size_t m, columns, depth;
    struct qc_rows rows;
    bool wide;              /* activations are int16 */
    size_t chunk;           /* of wide products in the forms of 16 bits: qc_s16_chunk */
    bool gather;            /* a window's taps are copied side by side: `packed` has one tap of taps * depth */
    const void *packed;
    const int32_t *zero;    /* of row m: zero[m * row_step]; row_step 0: one for all */
    const float *row_scale; /* likewise */
    size_t row_step;
    void *c;
    size_t ldc;
    int32_t zero_point;
    float low, high;
    const struct qc_finish *finish; /* NULL: nothing. Other tensors have the pitch ldc, too */
    void *work; /* qc_gemm_s8_work_bytes, 64-byte aligned */
};
size_t qc_gemm_s8_work_bytes(const struct qc_gemm_s8 *kernel, size_t taps, size_t depth, bool gather, int threads);
void qc_gemm_s8_run(const struct qc_gemm_s8_call *call, struct qc_pool *pool);

#endif
