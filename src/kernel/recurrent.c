/*
 * recurrent.c - packing recurrent weights and walking a sequence. See recurrent.h.
 */
#include "kernel/recurrent.h"

#include <math.h>
#include <string.h>

extern const struct qc_recurrent_kernel qc_recurrent_ref, qc_recurrent_avx2, qc_recurrent_avx512, qc_recurrent_neon;

static const struct qc_recurrent_kernel *const variant[] = {
    &qc_recurrent_ref,
#if QC_X86
    &qc_recurrent_avx2,
    &qc_recurrent_avx512,
#elif QC_ARM
    &qc_recurrent_neon,
#endif
};

const struct qc_recurrent_kernel *const *qc_recurrent_variants(size_t *count)
{
    *count = sizeof variant / sizeof *variant;
    return variant;
}

const struct qc_recurrent_kernel *qc_recurrent_pick(uint32_t features)
{
    const struct qc_recurrent_kernel *chosen;
    QC_PICK(variant, features, chosen);
    return chosen;
}

int qc_recurrent_gates(enum qc_recurrent_cell cell)
{
    return cell == QC_RNN_LSTM ? 4 : cell == QC_RNN_SIMPLE ? 1 : 3;
}

size_t qc_recurrent_padded(size_t units)
{
    return (units + QC_PANEL - 1) / QC_PANEL * QC_PANEL;
}

/* ---- packing ---- */

static size_t panel_bytes_of(enum qc_weight_kind kind, size_t k)
{
    return kind == QC_W_HYBRID ? qc_gemm_s8_panel_bytes(1, k) : qc_gemm_f32_panel_bytes(kind, k);
}

size_t qc_recurrent_packed_bytes(enum qc_recurrent_cell cell, enum qc_weight_kind kind, size_t units, size_t k)
{
    return qc_recurrent_padded(units) / QC_PANEL * (size_t)qc_recurrent_gates(cell) * panel_bytes_of(kind, k);
}

/* One panel: up to 16 units of one gate. */
static void pack_panel(char *to, const struct qc_recurrent_pack *p, int gate, size_t unit)
{
    static const size_t bytes[] = {4, 2, 1};
    const size_t columns = QC_MIN(p->units - unit, (size_t)QC_PANEL);
    const char *w = (const char *)p->w[gate] + unit * p->unit_step * (p->expand ? 2 : bytes[p->kind]);
    const float *bias = p->bias[gate] ? p->bias[gate] + unit : NULL;
    const float *scale = p->scale[gate] ? p->scale[gate] + unit * p->scale_step : NULL;
    if (p->kind == QC_W_HYBRID) { /* unit_step is k, k_step 1 */
        float each[QC_PANEL];
        for (size_t i = 0; i < columns; i++) each[i] = scale[i * p->scale_step];
        const struct qc_gemm_s8_pack panel = {.columns = columns, .taps = 1, .depth = p->k, .w = (const int8_t *)w, .scale = each, .float_bias = bias};
        qc_gemm_s8_pack(to, &panel);
        return;
    }
    const struct qc_gemm_f32_pack panel = {.kind = p->kind, .expand = p->expand, .columns = columns, .k = p->k, .w = w, .column_step = p->unit_step,
                                           .k_step = p->k_step, .bias = bias};
    qc_gemm_f32_pack(to, &panel);
}

/* Panels of gates [first, first + count) for every block of units. */
static char *pack_gates(char *to, const struct qc_recurrent_pack *p, int first, int count)
{
    for (size_t unit = 0; unit < p->units; unit += QC_PANEL)
        for (int g = first; g < first + count; g++, to += panel_bytes_of(p->kind, p->k)) pack_panel(to, p, g, unit);
    return to;
}

void qc_recurrent_pack(void *block, const struct qc_recurrent_pack *p)
{
    const int gates = qc_recurrent_gates(p->cell);
    if (p->cell != QC_RNN_GRU_BEFORE || p->input) {
        pack_gates(block, p, 0, gates);
        return;
    }
    char *state = pack_gates(block, p, 0, 2);
    pack_gates(state, p, 2, 1);
}

/* ---- a sequence ---- */

/* Of the sums, of what a GRU keeps, of new states, of quantized rows, of the integer product; each a multiple of 64 bytes. */
static size_t sum_bytes(enum qc_recurrent_cell cell, size_t units)
{
    return qc_recurrent_padded(units) * (size_t)qc_recurrent_gates(cell) * QC_TILE_ROWS * sizeof(float);
}
static size_t keep_bytes(enum qc_recurrent_cell cell, size_t units)
{
    return cell == QC_RNN_GRU_BEFORE ? qc_recurrent_padded(units) * 2 * QC_TILE_ROWS * sizeof(float) : 0;
}
static size_t next_bytes(size_t units) { return qc_recurrent_padded(units) * QC_TILE_ROWS * sizeof(float); }
static size_t row_bytes(size_t units) { return (qc_recurrent_padded(units) + 63) / 64 * 64; }

size_t qc_recurrent_work_bytes(enum qc_recurrent_cell cell, enum qc_weight_kind kind, const struct qc_gemm_s8 *product_s8, size_t units)
{
    const size_t hybrid = kind == QC_W_HYBRID ? row_bytes(units) * QC_TILE_ROWS + qc_gemm_s8_work_bytes(product_s8, 1, units, false, 1) : 0;
    return sum_bytes(cell, units) + keep_bytes(cell, units) + next_bytes(units) + hybrid;
}

struct walk {
    const struct qc_recurrent_call *call;
    size_t padded, panel_bytes;
    float *sum, *keep, *next; /* next: new states of rows */
    int8_t *row;                            /* hybrid: quantized rows */
    void *product_work;
    const struct qc_row_quantizer *quantizer;
    bool odd; /* of the step: blocks are walked to and fro, so that the weights last used, which are still in the cache, come first */
};

/* The same with int8 weights: rows are quantized first. */
static void hybrid_product(const struct walk *w, size_t rows, const float *const *x, size_t columns, const char *packed)
{
    const struct qc_recurrent_call *call = w->call;
    const size_t pitch = row_bytes(call->units);
    float scale[QC_TILE_ROWS];
    int32_t zero[QC_TILE_ROWS];
    for (size_t i = 0; i < rows; i++)
        qc_row_quantize(w->quantizer, call->how, x[i], call->units, w->row + i * pitch, &scale[i], &zero[i]);
    const struct qc_gemm_s8_call product = {.kernel = call->product_s8, .form = QC_S8_FLOAT, .m = rows, .columns = columns, .depth = call->units,
                                            .rows = {.base = (const char *)w->row, .pitch = pitch}, .packed = packed, .zero = zero,
                                            .row_scale = scale, .row_step = 1, .c = w->sum, .ldc = columns, .low = -INFINITY,
                                            .high = INFINITY, .work = w->product_work};
    qc_gemm_s8_run(&product, NULL);
}

/* sum[row] = R x[row] + b over `gates` panels for every block of units. */
static void product(const struct walk *w, size_t rows, const float *const *x, int gates, const char *packed)
{
    const struct qc_recurrent_call *call = w->call;
    const size_t columns = w->padded * (size_t)gates;
    if (call->kind == QC_W_HYBRID) {
        hybrid_product(w, rows, x, columns, packed);
        return;
    }
    const size_t group = call->product->panels * QC_PANEL, groups = (columns + group - 1) / group;
    struct qc_gemm_f32_tile t = {.rows = rows, .taps = 1, .depth = call->units, .a = x, .panel_bytes = w->panel_bytes, .ldc = columns,
                                 .low = -INFINITY, .high = INFINITY};
    for (size_t i = 0; i < groups; i++) {
        const size_t n = (w->odd ? groups - 1 - i : i) * group;
        t.columns = QC_MIN(columns - n, group);
        t.w = packed + n / QC_PANEL * w->panel_bytes;
        t.c = w->sum + n;
        call->product->tile[call->kind](&t);
    }
}

static struct qc_cell_step cell_step(const struct walk *w, size_t step, size_t row, size_t slot, int gates)
{
    const struct qc_recurrent_call *call = w->call;
    return (struct qc_cell_step){.units = call->units,
                                 .sum = w->sum + slot * w->padded * (size_t)gates,
                                 .x = call->gates + (ptrdiff_t)step * call->gates_step + (ptrdiff_t)row * call->gates_row,
                                 .x_block = call->gates_block,
                                 .x_gate = call->gates_gate,
                                 .h = call->h + row * w->padded,
                                 .next = call->h + row * w->padded,
                                 .c = call->c ? call->c + row * w->padded : NULL,
                                 .keep = w->keep + slot * 2 * w->padded,
                                 .activation = call->activation,
                                 .recurrent_activation = call->recurrent_activation,
                                 .cell_clip = call->cell_clip};
}

static void run_cells(const struct walk *w, size_t step, size_t rows, const size_t *row, int gates, void (*cell)(const struct qc_cell_step *))
{
    for (size_t i = 0; i < rows; i++) {
        const struct qc_cell_step s = cell_step(w, step, row[i], i, gates);
        cell(&s);
    }
}

typedef void cell_fn(const struct qc_cell_step *step);
typedef void fused_fn(const struct qc_cell_step *step, const struct qc_recurrent_product *product);

/* For one row, with the usual functions: sums stay in registers. NULL: not possible. */
static fused_fn *fused_of(const struct qc_recurrent_call *call, size_t rows)
{
    const bool usual = call->activation.function == QC_GATE_TANH && call->recurrent_activation.function == QC_GATE_LOGISTIC;
    if (rows != 1 || call->kind != QC_W_F32 || !usual) return NULL;
    return call->cell == QC_RNN_LSTM ? call->kernel->lstm_fused : call->cell == QC_RNN_GRU_AFTER ? call->kernel->gru_after_fused : NULL;
}

/* The step of `count` units from `unit` on, which is the first of a block. */
static struct qc_cell_step piece_step(const struct walk *w, size_t step, size_t row, size_t slot, size_t unit, size_t count)
{
    const int gates = qc_recurrent_gates(w->call->cell);
    struct qc_cell_step s = cell_step(w, step, row, slot, gates);
    s.units = QC_MIN(s.units - unit, count);
    s.sum += unit * (size_t)gates;
    s.x += unit / QC_PANEL * s.x_block;
    s.h += unit;
    s.c += s.c ? unit : 0;
    s.next = w->next + slot * w->padded + unit;
    return s;
}

/* Product and cell by as many blocks of units as a tile is wide: while the processor is busy with the functions of one, it reads the weights of the
 * next. */
static void run_blocks(const struct walk *w, size_t step, size_t rows, const size_t *row, const float *const *x, cell_fn *cell)
{
    const struct qc_recurrent_call *call = w->call;
    const size_t gates = (size_t)qc_recurrent_gates(call->cell), blocks = w->padded / QC_PANEL;
    fused_fn *const fused = fused_of(call, rows);
    const size_t most = fused ? (call->cell == QC_RNN_LSTM ? call->kernel->lstm_blocks : call->kernel->gru_blocks) : QC_MAX(call->product->panels / gates, 1u);
    const size_t pieces = (blocks + most - 1) / most;
    struct qc_gemm_f32_tile t = {.rows = rows, .taps = 1, .depth = call->units, .a = x, .panel_bytes = w->panel_bytes, .ldc = w->padded * gates,
                                 .low = -INFINITY, .high = INFINITY};
    for (size_t i = 0; i < pieces; i++) {
        const size_t block = (w->odd ? pieces - 1 - i : i) * most, unit = block * QC_PANEL, at = unit * gates;
        t.columns = QC_MIN(blocks - block, most) * gates * QC_PANEL;
        t.w = (const char *)call->packed + block * gates * w->panel_bytes;
        t.c = w->sum + at;
        if (fused && blocks - block >= most) {
            const struct qc_recurrent_product p = {x[0], call->units, w->panel_bytes, t.w};
            const struct qc_cell_step s = piece_step(w, step, row[0], 0, unit, most * QC_PANEL);
            fused(&s, &p);
            continue;
        }
        call->product->tile[call->kind](&t);
        for (size_t r = 0; r < rows; r++) {
            const struct qc_cell_step s = piece_step(w, step, row[r], r, unit, most * QC_PANEL);
            cell(&s);
        }
    }
    for (size_t r = 0; r < rows; r++) memcpy(call->h + row[r] * w->padded, w->next + r * w->padded, w->padded * sizeof(float));
}

/* Up to QC_TILE_ROWS rows of the batch. */
static void run_rows(const struct walk *w, size_t step, size_t rows, const size_t *row)
{
    const struct qc_recurrent_call *call = w->call;
    const struct qc_recurrent_kernel *k = call->kernel;
    const float *x[QC_TILE_ROWS] = {0};
    for (size_t i = 0; i < rows; i++) x[i] = call->h + row[i] * w->padded;
    if (call->cell == QC_RNN_GRU_BEFORE) {
        product(w, rows, x, 2, call->packed);
        run_cells(w, step, rows, row, 2, k->gru_before_gates);
        for (size_t i = 0; i < rows; i++) x[i] = w->keep + (i * 2 + 1) * w->padded;
        product(w, rows, x, 1, (const char *)call->packed + w->padded / QC_PANEL * 2 * w->panel_bytes);
        run_cells(w, step, rows, row, 1, k->gru_before_state);
        return;
    }
    cell_fn *const cell = call->cell == QC_RNN_LSTM ? k->lstm : call->cell == QC_RNN_SIMPLE ? k->simple : k->gru_after;
    if (call->kind != QC_W_HYBRID) {
        run_blocks(w, step, rows, row, x, cell);
        return;
    }
    const int gates = qc_recurrent_gates(call->cell);
    product(w, rows, x, gates, call->packed);
    run_cells(w, step, rows, row, gates, cell);
}

static bool active(const struct qc_recurrent_call *call, size_t step, size_t row)
{
    return !call->mask || call->mask[(ptrdiff_t)step * call->mask_step + (ptrdiff_t)row * call->mask_row];
}

static void write_outputs(const struct walk *w, size_t step)
{
    const struct qc_recurrent_call *call = w->call;
    const size_t bytes = call->units * sizeof(float);
    for (size_t b = 0; b < call->batch; b++) {
        const float *h = call->h + b * w->padded;
        float *last = call->output ? call->output + b * w->padded : NULL;
        float *to = call->sequence ? call->sequence + (ptrdiff_t)step * call->sequence_step + (ptrdiff_t)b * call->sequence_row : NULL;
        if (active(call, step, b)) {
            if (last) memcpy(last, h, bytes);
        } else if (call->zero_masked) {
            memset(last, 0, bytes);
        }
        if (to) memcpy(to, last ? last : h, bytes);
    }
}

void qc_recurrent_run(const struct qc_recurrent_call *call)
{
    char *work = call->work;
    struct walk w = {.call = call, .padded = qc_recurrent_padded(call->units), .panel_bytes = panel_bytes_of(call->kind, call->units)};
    w.sum = (float *)(void *)work;
    w.keep = (float *)(void *)(work += sum_bytes(call->cell, call->units));
    w.next = (float *)(void *)(work += keep_bytes(call->cell, call->units));
    w.row = (int8_t *)(work += next_bytes(call->units));
    w.product_work = work + row_bytes(call->units) * QC_TILE_ROWS;
    if (call->kind == QC_W_HYBRID) w.quantizer = qc_row_quantizer_pick(qc_cpu_features());
    for (size_t step = 0; step < call->steps; step++, w.odd = !w.odd) {
        size_t row[QC_TILE_ROWS], rows = 0;
        for (size_t b = 0; b < call->batch; b++) {
            if (!active(call, step, b)) continue;
            row[rows++] = b;
            if (rows < QC_TILE_ROWS) continue;
            run_rows(&w, step, rows, row);
            rows = 0;
        }
        if (rows) run_rows(&w, step, rows, row);
        if (call->sequence || call->output) write_outputs(&w, step);
    }
}
