/*
 * matrix.c - see matrix.h.
 */
#include "op/shared/matrix.h"
#include "op/shared/product.h"
#include "op/shared/sliding.h"

#include <stdio.h>

struct qc_matrix {
    const struct qc_gemm_f32 *f32;
    struct qc_window window;
    bool sliding; /* more than one tap, or positions that skip pixels */
    size_t rows, depth, taps, columns, groups; /* columns and depth of one group */
    size_t packed_bytes, packed_scratch, zero_bytes, zero_scratch, pointer_scratch;
    const void *packed; /* NULL: packed at each invocation */
};

static size_t group_bytes(const struct qc_matrix *m)
{
    return qc_gemm_f32_packed_bytes(QC_W_F32, m->columns, m->taps * m->depth);
}

static void set_geometry(struct qc_matrix *m, const struct qc_conv *c)
{
    m->window = (struct qc_window){.in_h = (size_t)c->in[1], .in_w = (size_t)c->in[2], .out_h = (size_t)c->out[1], .out_w = (size_t)c->out[2],
                                   .kernel_h = (size_t)c->kernel[1], .kernel_w = (size_t)c->kernel[2], .stride_h = (size_t)c->stride[1],
                                   .stride_w = (size_t)c->stride[2], .dilation_h = (size_t)c->dilation[1],
                                   .dilation_w = (size_t)c->dilation[2], .pad_top = c->before[1], .pad_left = c->before[2]};
    m->taps = m->window.kernel_h * m->window.kernel_w;
    m->sliding = m->taps > 1 || c->stride[1] > 1 || c->stride[2] > 1 || c->before[1] || c->before[2] || c->in[1] != c->out[1] || c->in[2] != c->out[2];
    m->rows = (size_t)c->batch * (size_t)c->out[1] * (size_t)c->out[2];
    m->groups = (size_t)c->groups;
    m->depth = (size_t)c->in_channels / m->groups;
    m->columns = (size_t)c->out_channels / m->groups;
}

static bool taken(const struct qc_product *p)
{
    const struct qc_conv *c = &p->conv;
    const bool flat = c->in[0] == 1 && c->out[0] == 1 && c->kernel[0] == 1 && c->before[0] == 0;
    return p->kind == QC_PRODUCT_F32 && flat && !c->transposed && (c->groups == 1 || c->in_channels > c->groups) && c->batch > 0;
}

qc_status qc_matrix_plan(struct qc_step *step, const struct qc_product *p, struct qc_matrix **result)
{
    if (!taken(p)) return QC_OK;
    struct qc_matrix *m = *result = qc_step_alloc(step, sizeof *m);
    if (!m) return QC_NOMEM;
    m->f32 = qc_gemm_f32_pick(qc_cpu_features());
    set_geometry(m, &p->conv);
    const struct qc_value *bias = qc_operand(step, p->bias);
    m->packed_bytes = group_bytes(m) * m->groups;
    if (!step->in[p->w]->constant || (bias && !bias->constant)) m->packed_scratch = qc_step_scratch(step, m->packed_bytes);
    m->zero_bytes = m->sliding ? m->depth * sizeof(float) : 0;
    m->zero_scratch = qc_step_scratch(step, m->zero_bytes);
    m->pointer_scratch = qc_step_scratch(step, qc_gemm_pointer_bytes(m->taps, qc_pool_threads(step->rt->pool)));
    step->kernel = m->f32->variant.name;
    return QC_OK;
}

struct filling {
    const struct qc_matrix *matrix;
    const float *w, *bias;
};

static void fill(void *block, const void *context)
{
    const struct filling *f = context;
    const struct qc_matrix *m = f->matrix;
    const size_t k = m->taps * m->depth;
    for (size_t g = 0; g < m->groups; g++) {
        const struct qc_gemm_f32_pack pack = {.kind = QC_W_F32, .columns = m->columns, .k = k, .w = f->w + g * m->columns * k, .column_step = k,
                                              .k_step = 1, .bias = f->bias ? f->bias + g * m->columns : NULL};
        qc_gemm_f32_pack((char *)block + g * group_bytes(m), &pack);
    }
}

static struct filling filling_of(const struct qc_step *step, const struct qc_product *p, const struct qc_matrix *m)
{
    const struct qc_value *bias = qc_operand(step, p->bias);
    return (struct filling){m, qc_weights_get(step, &p->weights), bias ? bias->data : NULL};
}

qc_status qc_matrix_prepare(struct qc_step *step, const struct qc_product *p, struct qc_matrix *m)
{
    const struct qc_value *w = step->in[p->w], *bias = qc_operand(step, p->bias);
    if (!w->constant || (bias && !bias->constant)) return QC_OK;
    char kind[64]; /* the bias is part of the block */
    snprintf(kind, sizeof kind, "gemm_f32 %zu %p", m->groups, bias ? bias->data : NULL);
    const struct filling f = filling_of(step, p, m);
    m->packed = qc_step_pack(step, w, kind, m->packed_bytes, fill, &f);
    return m->packed ? QC_OK : QC_NOMEM;
}

void qc_matrix_run(struct qc_step *step, const struct qc_product *p, const struct qc_matrix *m)
{
    char *scratch = step->scratch;
    const char *packed = m->packed;
    if (!packed) {
        const struct filling f = filling_of(step, p, m);
        packed = scratch + m->packed_scratch;
        fill(scratch + m->packed_scratch, &f);
    }
    if (m->zero_bytes) memset(scratch + m->zero_scratch, 0, m->zero_bytes);
    const size_t channels = (size_t)p->conv.in_channels;
    for (size_t g = 0; g < m->groups; g++) {
        const struct qc_gemm_f32_call call = {.kernel = m->f32,
                                              .kind = QC_W_F32,
                                              .m = m->rows,
                                              .columns = m->columns,
                                              .depth = m->depth,
                                              .rows = {.base = (const char *)((const float *)step->in[p->x]->data + g * m->depth),
                                                       .pitch = channels * sizeof(float),
                                                       .window = m->sliding ? &m->window : NULL,
                                                       .zero = scratch + m->zero_scratch},
                                              .packed = packed + g * group_bytes(m),
                                              .c = (float *)step->out[0]->data + g * m->columns,
                                              .ldc = m->columns * m->groups,
                                              .low = p->low,
                                              .high = p->high,
                                              .pointer = (const void **)(void *)(scratch + m->pointer_scratch)};
        qc_gemm_f32_run(&call, step->rt->pool);
    }
}
