/*
 * blockwise.c - see blockwise.h.
 */
#include "op/shared/blockwise.h"
#include "kernel/gemm_s8.h"
#include "kernel/row_quantize.h"
#include "op/shared/fused.h"
#include "op/shared/quantized.h"
#include "op/shared/sliding.h"
#include "op/shared/weights.h"

#include <math.h>
#include <stdio.h>

struct qc_blockwise {
    size_t rows, units, depth, block, count; /* count: blocks of a row */
    float low, high;
    const struct qc_gemm_s8 *kernel;
    const struct qc_row_quantizer *quantizer;
    const char *packed; /* a packed matrix for each block */
    size_t x_scratch, scale_scratch, zero_scratch, product_scratch, work_scratch;
};

qc_status qc_blockwise_check(struct qc_step *step)
{
    const struct qc_value *x = step->in[0], *w = step->in[1];
    if (x->type != QC_FLOAT32 || w->type != QC_INT4) return qc_step_unsupported_type(step);
    if (!w->constant) return qc_step_fail(step, QC_UNSUPPORTED, "input 1 has a scale for each block, but is no constant");
    QC_TRY(qc_require_bias(step, 2, QC_FLOAT32, w->dims[0]));
    return qc_require_blocks(step, "input 1", w);
}

qc_status qc_blockwise_plan(struct qc_step *step, int activation, struct qc_blockwise **result)
{
    const struct qc_value *w = step->in[1];
    struct qc_blockwise *b = *result = qc_step_alloc(step, sizeof *b);
    if (!b) return QC_NOMEM;
    b->units = (size_t)w->dims[0];
    b->depth = (size_t)w->dims[1];
    b->rows = b->depth ? qc_value_elements(step->in[0]) / b->depth : 0;
    b->block = (size_t)w->quant->block_size;
    b->count = b->depth / b->block;
    b->kernel = qc_gemm_s8_pick(qc_cpu_features());
    b->quantizer = qc_row_quantizer_pick(qc_cpu_features());
    step->kernel = b->kernel->variant.name;
    b->x_scratch = qc_step_scratch(step, b->rows * b->depth);
    b->scale_scratch = qc_step_scratch(step, b->rows * sizeof(float));
    b->zero_scratch = qc_step_scratch(step, b->rows * sizeof(int32_t));
    b->product_scratch = qc_step_scratch(step, b->rows * b->units * sizeof(float));
    b->work_scratch = qc_step_scratch(step, qc_gemm_s8_work_bytes(b->kernel, 1, b->block, false, qc_pool_threads(step->rt->pool)));
    return qc_fused_limits(step, activation, &b->low, &b->high);
}

struct filling {
    const struct qc_blockwise *b;
    const struct qc_value *w;
    int8_t *stored; /* [units][block] */
    float *scale;   /* [units] */
    bool bfloat16;  /* XNNPACK keeps scales so */
};

static void fill(void *packed, const void *context)
{
    const struct filling *f = context;
    const struct qc_blockwise *b = f->b;
    const uint16_t *scale = f->w->quant->block_scale->data;
    for (size_t k = 0; k < b->count; k++) {
        for (size_t n = 0; n < b->units; n++) {
            const size_t at = n * b->depth + k * b->block; /* even, as blocks are */
            qc_unpack_s8(QC_INT4, (const uint8_t *)f->w->data + at / 2, b->block, f->stored + n * b->block);
            f->scale[n] = qc_half_to_float(scale[n * b->count + k]);
            if (f->bfloat16) f->scale[n] = qc_bfloat16_to_float(qc_float_to_bfloat16(f->scale[n]));
        }
        const struct qc_gemm_s8_pack pack = {.columns = b->units, .taps = 1, .depth = b->block, .w = f->stored, .scale = f->scale};
        qc_gemm_s8_pack((char *)packed + k * qc_gemm_s8_packed_bytes(b->units, 1, b->block), &pack);
    }
}

qc_status qc_blockwise_prepare(struct qc_step *step, struct qc_blockwise *b)
{
    struct qc_arena scratch;
    qc_arena_init(&scratch, step->rt->env);
    const struct filling f = {b, step->in[1], qc_arena_array(&scratch, b->units, b->block), qc_arena_array(&scratch, b->units, sizeof(float)),
                              !step->rt->reference};
    char kind[48];
    snprintf(kind, sizeof kind, "gemm_s8 blocks of %zu%s", b->block, f.bfloat16 ? " bfloat16" : "");
    if (f.stored && f.scale)
        b->packed = qc_step_pack(step, step->in[1], kind, b->count * qc_gemm_s8_packed_bytes(b->units, 1, b->block), fill, &f);
    qc_arena_free(&scratch);
    return b->packed ? QC_OK : QC_NOMEM;
}

struct rows { /* what the threads share while quantizing */
    const struct qc_blockwise *b;
    const float *x;
    int8_t *stored;
    float *scale;
    int32_t *zero;
};

static void quantize(void *context, size_t begin, size_t end, int thread)
{
    const struct rows *r = context;
    const size_t depth = r->b->depth;
    (void)thread;
    for (size_t i = begin; i < end; i++)
        qc_row_quantize(r->b->quantizer, QC_ROW_XNNPACK, r->x + i * depth, depth, r->stored + i * depth, r->scale + i, r->zero + i);
}

static void finish(const struct qc_blockwise *b, const float *bias, float *y)
{
    for (size_t i = 0; i < b->rows; i++, y += b->units)
        for (size_t n = 0; n < b->units; n++) {
            float value = y[n] + (bias ? bias[n] : 0);
            value = value < b->low ? b->low : value; /* NaN stays */
            y[n] = value > b->high ? b->high : value;
        }
}

void qc_blockwise_run(struct qc_step *step, const struct qc_blockwise *b)
{
    char *scratch = step->scratch;
    const struct qc_value *bias = qc_operand(step, 2);
    struct rows rows = {b, step->in[0]->data, (int8_t *)scratch + b->x_scratch, (float *)(void *)(scratch + b->scale_scratch),
                        (int32_t *)(void *)(scratch + b->zero_scratch)};
    float *y = step->out[0]->data, *product = (float *)(void *)(scratch + b->product_scratch);
    qc_pool_for(step->rt->pool, b->rows, 1 + 16384 / (b->depth + 1), quantize, &rows);
    memset(y, 0, b->rows * b->units * sizeof *y);
    for (size_t k = 0; k < b->count; k++) {
        const struct qc_gemm_s8_call call = {.kernel = b->kernel, .form = QC_S8_FLOAT, .m = b->rows, .columns = b->units, .depth = b->block,
                                             .rows = {.base = (const char *)rows.stored + k * b->block, .pitch = b->depth},
                                             .packed = b->packed + k * qc_gemm_s8_packed_bytes(b->units, 1, b->block), .zero = rows.zero,
                                             .row_scale = rows.scale, .row_step = 1, .c = product, .ldc = b->units, .low = -INFINITY,
                                             .high = INFINITY, .work = scratch + b->work_scratch};
        qc_gemm_s8_run(&call, step->rt->pool);
        for (size_t i = 0; i < b->rows * b->units; i++) y[i] += product[i];
    }
    finish(b, bias ? bias->data : NULL, y);
}
