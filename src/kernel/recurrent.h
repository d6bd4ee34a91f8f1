/*
 * recurrent.h - LSTM, GRU and simple recurrent layers over a whole sequence, the input's part of the gates given.
 *
 *     LSTM               i, f, g, o = the four gates' sums
 *                        c = s(f) c + s(i) a(g),  h = s(o) a(c)
 *     GRU (reset after)  h = z h + (1 - z) a(x_h + r (R_h h + b_h)),  z = s(.), r = s(.)
 *     GRU (reset before) h = z h + (1 - z) a(x_h + R_h (r h) + b_h)
 *     simple             h = a(x + R h + b)
 *
 * with s the recurrent activation and a the activation. A gate's sum is its part of `gates` (input product and bias) plus R h + b.
 * Gate order: i, f, g, o (LSTM) and z, r, h (GRU).
 *
 * Recurrent weights are packed by qc_recurrent_pack: for each block of 16 units, one panel of gemm_f32.h for each gate, so that one
 * register tile yields all gates of its units. Hybrid weights (QC_W_HYBRID): panels of gemm_s8.h, and at each step h is quantized row by row, as
 * `how` says. Sums, then activations: bounds as in gemm_f32.h and vmath.h.
 * Rows whose mask is false at a step keep their state; their output is the one before (`output`), or zero.
 */
#ifndef QC_KERNEL_RECURRENT_H
#define QC_KERNEL_RECURRENT_H

#include "kernel/gemm_f32.h"
#include "kernel/gemm_s8.h"
#include "kernel/row_quantize.h"

enum qc_recurrent_cell { QC_RNN_LSTM, QC_RNN_GRU_AFTER, QC_RNN_GRU_BEFORE, QC_RNN_SIMPLE };

enum qc_gate_function { QC_GATE_LINEAR, QC_GATE_TANH, QC_GATE_LOGISTIC, QC_GATE_RELU, QC_GATE_HARD };

struct qc_gate {
    enum qc_gate_function function;
    float slope, offset; /* HARD: clamp(slope x + offset, 0, 1) */
};

/* One step of one row, or of some of its blocks, when the recurrent product is there. Vectors run over units; blocks of 16 units. */
struct qc_cell_step {
    size_t units;
    const float *sum; /* [block][gates of this pass][16] */
    const float *x;   /* the input's part: gate g of block b begins at x + b * x_block + g * x_gate; valid for units, not padded */
    size_t x_block, x_gate;
    const float *h;   /* [padded units] */
    float *next;      /* the new h; may be h itself */
    float *c;         /* in and out; of LSTM only */
    float *keep;      /* GRU reset before: [2][padded units], z and r h between its passes */
    struct qc_gate activation, recurrent_activation;
    float cell_clip;  /* LSTM: |c| is cut at this; 0: not */
};

/* The recurrent product of one row with weights of QC_W_F32, in place of `sum`. */
struct qc_recurrent_product {
    const float *x; /* [k] */
    size_t k, panel_bytes;
    const char *w;  /* first panel of the first block */
};

struct qc_recurrent_kernel {
    struct qc_variant variant;
    void (*lstm)(const struct qc_cell_step *step);
    void (*gru_after)(const struct qc_cell_step *step);
    void (*gru_before_gates)(const struct qc_cell_step *step); /* fills keep */
    void (*gru_before_state)(const struct qc_cell_step *step);
    void (*simple)(const struct qc_cell_step *step);
    size_t lstm_blocks, gru_blocks; /* of the next two: product and cell of so many blocks in one, for tanh and the logistic function; 0: there are none */
    void (*lstm_fused)(const struct qc_cell_step *step, const struct qc_recurrent_product *product);
    void (*gru_after_fused)(const struct qc_cell_step *step, const struct qc_recurrent_product *product);
};

const struct qc_recurrent_kernel *const *qc_recurrent_variants(size_t *count);
const struct qc_recurrent_kernel *qc_recurrent_pick(uint32_t features);

/* ---- packing ---- */

int qc_recurrent_gates(enum qc_recurrent_cell cell);
/* Units rounded up to whole blocks. */
size_t qc_recurrent_padded(size_t units);

struct qc_recurrent_pack {
    enum qc_recurrent_cell cell;
    enum qc_weight_kind kind;
    bool expand;            /* as in qc_gemm_f32_pack */
    size_t units, k;        /* k: features of the input, or units */
    bool input;             /* weights of the input: the order is [block][all gates] for every cell */
    const void *w[4];       /* of each gate: w[unit * unit_step + i * k_step] */
    size_t unit_step, k_step;
    const float *bias[4];   /* [units] each, or NULL */
    const float *scale[4];  /* hybrid: [units] each, or one value if scale_step is 0 */
    size_t scale_step;
};
size_t qc_recurrent_packed_bytes(enum qc_recurrent_cell cell, enum qc_weight_kind kind, size_t units, size_t k);
void qc_recurrent_pack(void *block, const struct qc_recurrent_pack *pack);

/* ---- a whole sequence ---- */

struct qc_recurrent_call {
    const struct qc_recurrent_kernel *kernel;
    const struct qc_gemm_f32 *product;
    const struct qc_gemm_s8 *product_s8; /* of QC_W_HYBRID */
    enum qc_row_quantization how;        /* likewise */
    enum qc_recurrent_cell cell;
    enum qc_weight_kind kind;
    size_t units, batch, steps;
    const float *gates;              /* the input's part; elements from one to the next: */
    ptrdiff_t gates_step, gates_row; /* step (negative: backwards in time), batch row */
    size_t gates_block, gates_gate;
    const void *packed;
    struct qc_gate activation, recurrent_activation;
    float cell_clip;
    float *h, *c;                    /* states [batch][padded units], in and out; the padding is not read */
    float *output;                   /* [batch][padded units], in and out: the last output, where masks are given; else may be NULL */
    float *sequence;                 /* every step's output, `units` values; NULL: not wanted */
    ptrdiff_t sequence_step, sequence_row;
    const uint8_t *mask;             /* bool; NULL: none */
    ptrdiff_t mask_step, mask_row;
    bool zero_masked;                /* output of a masked step is zero */
    void *work;                      /* qc_recurrent_work_bytes, 64-byte aligned */
};
size_t qc_recurrent_work_bytes(enum qc_recurrent_cell cell, enum qc_weight_kind kind, const struct qc_gemm_s8 *product_s8, size_t units);
void qc_recurrent_run(const struct qc_recurrent_call *call);

#endif
