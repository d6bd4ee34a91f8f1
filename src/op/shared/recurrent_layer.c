/*
 * recurrent_layer.c - see recurrent_layer.h.
 */
#include "op/shared/recurrent_layer.h"

#include <math.h>
#include <stdio.h>

static bool kind_of(const struct qc_recurrent_weights *weights, int gates, int32_t units, int32_t k, enum qc_weight_kind *kind)
{
    for (int g = 0; g < gates; g++) {
        const struct qc_tensor *w = weights[g].tensor;
        if (!w || !w->constant || !w->has_shape || w->rank != 2 || w->dims[1] != k || weights[g].row < 0 || units > w->dims[0] - weights[g].row)
            return false;
        const enum qc_weight_kind own = w->type == QC_FLOAT32 ? QC_W_F32 : w->type == QC_FLOAT16 ? QC_W_F16 : QC_W_HYBRID;
        if (g && own != *kind) return false;
        *kind = own;
        if (own != QC_W_HYBRID) continue;
        const struct qc_quant *q = w->quant;
        if (w->type != QC_INT8 || !q || !q->count || q->block_size) return false;
        for (uint32_t i = 0; i < q->count; i++)
            if (q->zero_point[i]) return false;
        if (q->count > 1 && (q->axis || q->count != (uint32_t)w->dims[0])) return false;
    }
    return true;
}

/* float16 weights are read as such only where they are too many for the cache as float32: there expanding them takes longer than reading twice the
 * bytes. */
static bool expand(enum qc_weight_kind *kind, enum qc_recurrent_cell cell, int32_t units, int32_t k)
{
    if (*kind != QC_W_F16 || qc_recurrent_packed_bytes(cell, QC_W_F32, (size_t)units, (size_t)k) > (size_t)qc_cpu_l2_bytes() / 2) return false;
    *kind = QC_W_F32;
    return true;
}

qc_status qc_recurrent_layer_plan(struct qc_step *step, struct qc_recurrent_layer *l, size_t batch, size_t steps, bool *fits)
{
    const int gates = qc_recurrent_gates(l->cell);
    const uint32_t features = qc_cpu_features();
    *fits = l->units > 0 && kind_of(l->recurrent, gates, l->units, l->units, &l->recurrent_kind) &&
            (!l->inputs || kind_of(l->input, gates, l->units, l->inputs, &l->input_kind));
    if (!*fits) return QC_OK;
    l->recurrent_expand = expand(&l->recurrent_kind, l->cell, l->units, l->units);
    l->input_expand = l->inputs && expand(&l->input_kind, l->cell, l->units, l->inputs);
    l->kernel = qc_recurrent_pick(features);
    l->f32 = qc_gemm_f32_pick(features);
    l->s8 = qc_gemm_s8_pick(features);
    l->batch = batch;
    l->steps = steps;
    l->padded = qc_recurrent_padded((size_t)l->units);
    if (l->inputs) l->gates_scratch = qc_step_scratch(step, batch * steps * l->padded * (size_t)gates * sizeof(float));
    l->state_scratch = qc_step_scratch(step, 3 * batch * l->padded * sizeof(float));
    l->work_scratch = qc_step_scratch(step, qc_recurrent_work_bytes(l->cell, l->recurrent_kind, l->s8, (size_t)l->units));
    if (l->inputs && l->input_kind == QC_W_HYBRID) {
        const size_t rows = batch * steps;
        l->row_scratch = qc_step_scratch(step, rows * (sizeof(float) + sizeof(int32_t)) + rows * (size_t)l->inputs);
        (void)qc_step_scratch(step, qc_gemm_s8_work_bytes(l->s8, 1, (size_t)l->inputs, false, qc_pool_threads(step->rt->pool)) + 64);
    }
    return QC_OK;
}

/* ---- packing ---- */

static struct qc_recurrent_pack pack_of(const struct qc_recurrent_layer *l, bool input)
{
    const struct qc_recurrent_weights *weights = input ? l->input : l->recurrent;
    const size_t k = (size_t)(input ? l->inputs : l->units);
    struct qc_recurrent_pack p = {.cell = l->cell, .kind = input ? l->input_kind : l->recurrent_kind,
                                  .expand = input ? l->input_expand : l->recurrent_expand, .units = (size_t)l->units, .k = k,
                                  .input = input, .unit_step = k, .k_step = 1};
    static const size_t bytes[] = {4, 2, 1, 1};
    for (int g = 0; g < qc_recurrent_gates(l->cell); g++) {
        const struct qc_tensor *w = weights[g].tensor;
        p.w[g] = (const char *)w->data + (size_t)weights[g].row * k * (p.expand ? 2 : bytes[p.kind]);
        p.bias[g] = input ? l->input_bias[g] : l->recurrent_bias[g];
        if (p.kind != QC_W_HYBRID) continue;
        p.scale_step = w->quant->count > 1;
        p.scale[g] = w->quant->scale + (p.scale_step ? weights[g].row : 0);
    }
    return p;
}

static void fill(void *block, const void *context)
{
    qc_recurrent_pack(block, context);
}

/* All that the block depends on besides the first gate's weights. */
static uint64_t fingerprint(const struct qc_recurrent_pack *p, const struct qc_recurrent_weights *weights)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (int g = 0; g < qc_recurrent_gates(p->cell); g++) {
        hash = (hash ^ (uint64_t)(uintptr_t)weights[g].tensor->data) * UINT64_C(0x100000001b3);
        hash = (hash ^ (uint64_t)weights[g].row) * UINT64_C(0x100000001b3);
        const unsigned char *bias = (const void *)p->bias[g];
        for (size_t i = 0; bias && i < p->units * sizeof(float); i++) hash = (hash ^ bias[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static const void *pack(struct qc_step *step, const struct qc_recurrent_layer *l, bool input)
{
    const struct qc_recurrent_weights *weights = input ? l->input : l->recurrent;
    const struct qc_recurrent_pack p = pack_of(l, input);
    char kind[96];
    snprintf(kind, sizeof kind, "recurrent %d %d %d %d %d %016llx", (int)p.cell, (int)p.kind, input, (int)l->units, (int)weights[0].row,
             (unsigned long long)fingerprint(&p, weights));
    return step->rt->pack(step->rt, weights[0].tensor, kind, qc_recurrent_packed_bytes(p.cell, p.kind, p.units, p.k), fill, &p);
}

qc_status qc_recurrent_layer_prepare(struct qc_step *step, struct qc_recurrent_layer *l)
{
    l->packed_recurrent = pack(step, l, false);
    if (l->inputs) l->packed_input = pack(step, l, true);
    return l->packed_recurrent && (l->packed_input || !l->inputs) ? QC_OK : QC_NOMEM;
}

/* ---- running ---- */

struct quantizing {
    const struct qc_recurrent_layer *l;
    const struct qc_recurrent_run *run;
    const struct qc_row_quantizer *quantizer;
    int8_t *stored;
    float *scale;
    int32_t *zero;
};

/* Row of the input at step i / batch. */
static const float *input_row(const struct qc_recurrent_layer *l, const struct qc_recurrent_run *run, size_t i)
{
    return run->x + (ptrdiff_t)(i / l->batch) * run->x_step + (ptrdiff_t)(i % l->batch) * run->x_row;
}

static void quantize_rows(void *context, size_t begin, size_t end, int thread)
{
    const struct quantizing *q = context;
    const size_t n = (size_t)q->l->inputs;
    (void)thread;
    for (size_t i = begin; i < end; i++)
        qc_row_quantize(q->quantizer, q->l->how, input_row(q->l, q->run, i), n, q->stored + i * n, q->scale + i, q->zero + i);
}

static void hybrid_products(struct qc_step *step, const struct qc_recurrent_layer *l, const struct qc_recurrent_run *run, float *gates, size_t columns)
{
    const size_t all = l->batch * l->steps, rows = l->batch * run->steps;
    char *room = (char *)step->scratch + l->row_scratch;
    struct quantizing q = {.l = l, .run = run, .quantizer = qc_row_quantizer_pick(qc_cpu_features()), .scale = (float *)(void *)room,
                           .zero = (int32_t *)(void *)(room + all * sizeof(float)),
                           .stored = (int8_t *)room + all * (sizeof(float) + sizeof(int32_t))};
    qc_pool_for(step->rt->pool, rows, 1 + 16384 / (size_t)l->inputs, quantize_rows, &q);
    char *work = (char *)q.stored + all * (size_t)l->inputs;
    const struct qc_gemm_s8_call call = {.kernel = l->s8, .form = QC_S8_FLOAT, .m = rows, .columns = columns, .depth = (size_t)l->inputs,
                                         .rows = {.base = (const char *)q.stored, .pitch = (size_t)l->inputs}, .packed = l->packed_input,
                                         .zero = q.zero, .row_scale = q.scale, .row_step = 1, .c = gates, .ldc = columns, .low = -INFINITY,
                                         .high = INFINITY, .work = (void *)(((uintptr_t)work + 63) & ~(uintptr_t)63)};
    qc_gemm_s8_run(&call, step->rt->pool);
}

/* The input's parts of all gates for all steps, [steps][batch][block][gate][16]. */
static void products(struct qc_step *step, const struct qc_recurrent_layer *l, const struct qc_recurrent_run *run, float *gates, size_t columns)
{
    if (l->input_kind == QC_W_HYBRID) {
        hybrid_products(step, l, run, gates, columns);
        return;
    }
    const size_t inputs = (size_t)l->inputs;
    struct qc_gemm_f32_call call = {.kernel = l->f32, .kind = l->input_kind, .m = l->batch * run->steps, .columns = columns, .depth = inputs,
                                    .rows = {.base = (const char *)run->x, .pitch = inputs * sizeof(float)}, .packed = l->packed_input,
                                    .c = gates, .ldc = columns, .low = -INFINITY, .high = INFINITY};
    if (l->batch == 1 || (run->x_row == (ptrdiff_t)inputs && run->x_step == (ptrdiff_t)(inputs * l->batch))) {
        call.rows.pitch = (size_t)(l->batch == 1 ? run->x_step : run->x_row) * sizeof(float);
        qc_gemm_f32_run(&call, step->rt->pool);
        return;
    }
    call.m = run->steps; /* batch rows lie apart: one after the other */
    call.ldc = columns * l->batch;
    for (size_t b = 0; b < l->batch; b++) {
        call.rows = (struct qc_rows){.base = (const char *)(run->x + (ptrdiff_t)b * run->x_row), .pitch = (size_t)run->x_step * sizeof(float)};
        call.c = gates + b * columns;
        qc_gemm_f32_run(&call, step->rt->pool);
    }
}

/* Rows of `units` to rows of `padded`, and back. */
static void load(float *to, const float *from, size_t rows, size_t units, size_t padded)
{
    memset(to, 0, rows * padded * sizeof *to);
    for (size_t b = 0; from && b < rows; b++) memcpy(to + b * padded, from + b * units, units * sizeof *to);
}
static void store(float *to, const float *from, size_t rows, size_t units, size_t padded)
{
    for (size_t b = 0; to && b < rows; b++) memcpy(to + b * units, from + b * padded, units * sizeof *to);
}

void qc_recurrent_layer_run(struct qc_step *step, const struct qc_recurrent_layer *l, const struct qc_recurrent_run *run)
{
    char *scratch = step->scratch;
    const size_t units = (size_t)l->units, state = l->batch * l->padded, columns = l->padded * (size_t)qc_recurrent_gates(l->cell);
    float *h = (float *)(void *)(scratch + l->state_scratch), *c = h + state, *output = c + state;
    struct qc_recurrent_call call = {.kernel = l->kernel, .product = l->f32, .product_s8 = l->s8, .how = l->how, .cell = l->cell, .kind = l->recurrent_kind,
                                     .units = units, .batch = l->batch, .steps = run->steps, .gates = run->x, .gates_step = run->x_step,
                                     .gates_row = run->x_row, .gates_block = QC_PANEL, .gates_gate = run->gate_step,
                                     .packed = l->packed_recurrent, .activation = l->activation,
                                     .recurrent_activation = l->recurrent_activation, .cell_clip = l->cell_clip, .h = h, .c = c,
                                     .output = run->output ? output : NULL, .sequence = run->sequence,
                                     .sequence_step = run->sequence_step, .sequence_row = run->sequence_row, .mask = run->mask,
                                     .mask_step = run->mask_step, .mask_row = run->mask_row, .zero_masked = run->zero_masked,
                                     .work = scratch + l->work_scratch};
    if (l->inputs) {
        float *gates = (float *)(void *)(scratch + l->gates_scratch);
        products(step, l, run, gates, columns);
        call.gates = gates;
        call.gates_step = (ptrdiff_t)(columns * l->batch);
        call.gates_row = (ptrdiff_t)columns;
        call.gates_block = columns / (l->padded / QC_PANEL);
        call.gates_gate = QC_PANEL;
    }
    if (run->backward) {
        const ptrdiff_t last = (ptrdiff_t)run->steps - 1;
        call.gates += last * call.gates_step;
        call.gates_step = -call.gates_step;
        if (run->sequence) call.sequence += last * run->sequence_step;
        call.sequence_step = -run->sequence_step;
    }
    load(h, run->h0, l->batch, units, l->padded);
    load(c, run->c0, l->batch, units, l->padded);
    load(output, run->output, l->batch, units, l->padded);
    qc_recurrent_run(&call);
    store(run->h, h, l->batch, units, l->padded);
    store(run->c, c, l->batch, units, l->padded);
    store(run->output, output, l->batch, units, l->padded);
}
