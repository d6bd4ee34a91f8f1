/*
 * tiled.c - see tiled.h.
 */
#include "op/shared/tiled.h"
#include "kernel/depthwise_f32.h"
#include "kernel/depthwise_s8.h"
#include "kernel/fingerprint.h"
#include "kernel/gemm_f32.h"
#include "kernel/gemm_s8.h"
#include "kernel/winograd_f32.h"
#include "op/shared/product.h"
#include "op/shared/sliding.h"
#include "op/shared/stored.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct qc_tiled {
    const struct qc_gemm_f32 *f32; /* one of these */
    const struct qc_gemm_s8 *s8;
    const struct qc_depthwise_f32 *depthwise_f32; /* groups is 1, depth and columns the number of channels */
    const struct qc_depthwise_s8 *depthwise_s8;
    const struct qc_winograd_f32 *winograd; /* NULL: direct sums. With f32, for its products */
    size_t element; /* bytes of an activation */
    enum qc_s8_form form;
    size_t chunk;          /* of the forms of 16 bits: qc_s16_chunk */
    const double *scale64; /* likewise, [columns of all groups]; or in its place */
    const struct qc_multiplier *narrow; /* of QC_S16_NARROW */
    enum qc_weight_kind kind; /* of f32 */
    struct qc_window window;
    bool sliding; /* more than one tap, or positions that skip pixels */
    bool gather;  /* qc_gemm_s8_gathers: packed as one tap */
    size_t positions, depth, taps, columns, groups; /* positions of one batch; depth and columns of one group */
    size_t group_bytes, packed_bytes, packed_scratch, /* group_bytes: of the packed weights of one group */
           zero_scratch, work_scratch, sum_scratch;
    const void *packed; /* NULL: packed at each invocation */
};

static size_t group_bytes(const struct qc_tiled *m)
{
    if (m->depthwise_s8) return qc_depthwise_s8_packed_bytes(m->depthwise_s8, m->columns, m->taps);
    if (m->depthwise_f32) return qc_depthwise_f32_packed_bytes(m->columns, m->taps);
    if (m->winograd) return qc_winograd_f32_packed_bytes(m->columns, m->depth);
    if (m->f32) return qc_gemm_f32_packed_bytes(m->kind, m->columns, m->taps * m->depth);
    return m->gather ? qc_gemm_s8_packed_bytes(m->columns, 1, m->taps * m->depth) : qc_gemm_s8_packed_bytes(m->columns, m->taps, m->depth);
}

static void set_geometry(struct qc_tiled *m, const struct qc_conv *c)
{
    m->window = (struct qc_window){.in_h = (size_t)c->in[1], .in_w = (size_t)c->in[2], .out_h = (size_t)c->out[1], .out_w = (size_t)c->out[2],
                                   .kernel_h = (size_t)c->kernel[1], .kernel_w = (size_t)c->kernel[2], .stride_h = (size_t)c->stride[1],
                                   .stride_w = (size_t)c->stride[2], .dilation_h = (size_t)c->dilation[1],
                                   .dilation_w = (size_t)c->dilation[2], .pad_top = c->before[1], .pad_left = c->before[2]};
    m->taps = m->window.kernel_h * m->window.kernel_w;
    m->sliding = m->taps > 1 || c->stride[1] > 1 || c->stride[2] > 1 || c->before[1] || c->before[2] || c->in[1] != c->out[1] || c->in[2] != c->out[2];
    m->positions = (size_t)c->out[1] * (size_t)c->out[2];
    m->groups = (size_t)c->groups;
    m->depth = (size_t)c->in_channels / m->groups;
    m->columns = (size_t)c->out_channels / m->groups;
}

static bool wide(const struct qc_product *p) { return p->kind == QC_PRODUCT_S16 || p->kind == QC_PRODUCT_S16_B32; }

static bool taken(const struct qc_product *p)
{
    const struct qc_conv *c = &p->conv;
    const bool flat = c->in[0] == 1 && c->out[0] == 1 && c->kernel[0] == 1 && c->before[0] == 0;
    const bool kind = p->kind == QC_PRODUCT_F32 || p->kind == QC_PRODUCT_HYBRID || (p->kind == QC_PRODUCT_S8 && !p->w_zero) || wide(p);
    const bool filled = c->batch > 0 && c->in_channels > 0 && c->out_channels > 0 && c->in[1] > 0 && c->in[2] > 0 && c->out[1] > 0 && c->out[2] > 0 &&
                        c->kernel[1] > 0 && c->kernel[2] > 0; /* the kernels divide by these */
    return kind && flat && !c->transposed && filled;
}

/* One window for each channel. */
static bool depthwise(const struct qc_conv *c)
{
    return c->groups > 1 && c->groups == c->in_channels && c->groups == c->out_channels;
}

static bool constant(const struct qc_step *step, const struct qc_product *p)
{
    const struct qc_value *bias = qc_operand(step, p->bias);
    return step->in[p->w]->constant && (!bias || bias->constant);
}

static enum qc_s8_form form_of(const struct qc_product *p)
{
    switch (p->kind) {
    case QC_PRODUCT_HYBRID: return QC_S8_FLOAT;
    case QC_PRODUCT_S16: return p->rounding == QC_ROUND_F64 ? QC_S16_F64 : QC_S16_WIDE;
    case QC_PRODUCT_S8: return p->stage.rounding == QC_ROUND_F32 ? QC_S8_REQUANT : QC_S8_SUM;
    default: return QC_S8_SUM;
    }
}

/*
 * Of 64-bit sums: scales as the kernels take them, and into how many k a sum must be cut. Refused (chunk 0) are weights that are not
 * constant, as nothing is known of them, and what float64 would not hold.
 */
static qc_status plan_wide(struct qc_step *step, const struct qc_product *p, struct qc_tiled *m)
{
    const struct qc_value *w = step->in[p->w], *bias = qc_operand(step, p->bias);
    const size_t columns = (size_t)p->conv.out_channels, k = m->taps * m->depth;
    const bool depthwise = p->w_axis != 0, known = w->type == QC_INT8 && !depthwise;
    double *scale = qc_step_alloc(step, columns * sizeof *scale), largest = 0, largest_scaled = 0;
    struct qc_multiplier *narrow = qc_step_alloc(step, columns * sizeof *narrow);
    bool fits = m->form == QC_S16_WIDE;
    size_t most = 0;
    if (!scale || !narrow) return QC_NOMEM;
    if (!constant(step, p)) return QC_OK;
    for (size_t n = 0; n < columns; n++) {
        const struct qc_multiplier x = p->stage.multiplier[n];
        fits = qc_s16_narrow(x, &narrow[n]) && fits;
        scale[n] = m->form == QC_S16_WIDE ? ldexp(narrow[n].multiplier, x.shift - 15) : p->stage.scale64[n];
        size_t sum = known ? 0 : 128 * (depthwise ? m->taps : k);
        for (size_t i = 0; known && i < k; i++) sum += (size_t)abs(((const int8_t *)w->data)[n * k + i]);
        const double size = 32768.0 * (double)sum + (bias ? fabs((double)((const int64_t *)bias->data)[n]) : 0);
        most = sum > most ? sum : most;
        largest = fmax(largest, size);
        largest_scaled = fmax(largest_scaled, size * fabs(scale[n]));
    }
    m->chunk = qc_s16_chunk(m->form, most, largest, largest_scaled);
    if (fits && largest < 0x1p31) m->form = QC_S16_NARROW, m->narrow = narrow;
    else m->scale64 = scale;
    if (depthwise && m->chunk != SIZE_MAX) m->chunk = QC_S16_REFUSED;
    return QC_OK;
}

static struct qc_winograd_f32_call winograd_call(const struct qc_product *p, const struct qc_tiled *m)
{
    return (struct qc_winograd_f32_call){.kernel = m->winograd, .product = m->f32, .batch = (size_t)p->conv.batch, .depth = m->depth, .columns = m->columns,
                                         .window = &m->window, .low = p->low, .high = p->high};
}

/* With the session's leave, and where it is faster. */
static qc_status plan_winograd(struct qc_step *step, const struct qc_product *p, struct qc_tiled *m)
{
    const struct qc_window *w = &m->window;
    const bool fits = w->kernel_h == 3 && w->kernel_w == 3 && w->stride_h == 1 && w->stride_w == 1 && w->dilation_h == 1 && w->dilation_w == 1 &&
                      m->groups == 1 && !p->order && constant(step, p);
    if (!step->rt->winograd || !fits || !qc_winograd_f32_pays((size_t)p->conv.batch, w->out_h, w->out_w, m->depth, m->columns)) return QC_OK;
    enum { NAME_BYTES = 32 };
    char *name = qc_step_alloc(step, NAME_BYTES);
    if (!name) return QC_NOMEM;
    m->winograd = qc_winograd_f32_pick(qc_cpu_features());
    snprintf(name, NAME_BYTES, "winograd %s", m->winograd->variant.name);
    step->kernel = name;
    const struct qc_winograd_f32_call call = winograd_call(p, m);
    m->work_scratch = qc_step_scratch(step, qc_winograd_f32_work_bytes(&call, qc_pool_threads(step->rt->pool)));
    return QC_OK;
}

qc_status qc_tiled_plan(struct qc_step *step, const struct qc_product *p, struct qc_tiled **result)
{
    if (!taken(p)) return QC_OK;
    struct qc_tiled *m = qc_step_alloc(step, sizeof *m);
    if (!m) return QC_NOMEM;
    const uint32_t features = qc_cpu_features();
    const int threads = qc_pool_threads(step->rt->pool);
    set_geometry(m, &p->conv);
    m->element = p->kind == QC_PRODUCT_F32 ? sizeof(float) : wide(p) ? 2 : 1;
    m->form = form_of(p);
    if (p->kind == QC_PRODUCT_S16) {
        QC_TRY(plan_wide(step, p, m));
        if (m->chunk == QC_S16_REFUSED) return QC_OK;
    }
    *result = m;
    if (depthwise(&p->conv)) {
        if (p->kind == QC_PRODUCT_F32) m->depthwise_f32 = qc_depthwise_f32_pick(features);
        else m->depthwise_s8 = qc_depthwise_s8_pick(m->element, features);
        m->sliding = true;
        m->depth = m->columns = m->groups;
        m->groups = 1;
        step->kernel = m->depthwise_f32 ? m->depthwise_f32->variant.name : m->depthwise_s8->variant.name;
        if (m->depthwise_s8) m->work_scratch = qc_step_scratch(step, qc_depthwise_s8_work_bytes(m->depthwise_s8, m->columns, m->taps, m->window.in_w, threads));
    } else if (p->kind == QC_PRODUCT_F32) {
        const struct qc_value *stored = step->in[p->w]->stored;
        const bool few = stored && stored->type == QC_FLOAT16 && m->groups == 1 && (size_t)p->conv.batch * m->positions <= QC_TILE_ROWS;
        m->f32 = qc_gemm_f32_pick(features);
        m->kind = few && constant(step, p) && !p->order ? QC_W_F16 : QC_W_F32; /* then reading weights is most of the work */
        step->kernel = m->f32->variant.name;
        const struct qc_rows rows = {.pitch = (size_t)p->conv.in_channels * m->element, .window = m->sliding ? &m->window : NULL};
        QC_TRY(plan_winograd(step, p, m));
        if (!m->winograd) m->work_scratch = qc_step_scratch(step, qc_gemm_f32_work_bytes(&rows, m->depth, threads));
    } else {
        m->s8 = wide(p) ? qc_gemm_s16_pick(features) : qc_gemm_s8_pick(features);
        m->gather = qc_gemm_s8_gathers(m->taps, m->depth);
        step->kernel = m->s8->variant.name;
        m->work_scratch = qc_step_scratch(step, qc_gemm_s8_work_bytes(m->s8, m->taps, m->depth, m->gather, threads));
    }
    if (p->kind != QC_PRODUCT_F32 && m->form == QC_S8_SUM)
        m->sum_scratch = qc_step_scratch(step, (size_t)p->conv.batch * m->positions * m->columns * sizeof(int32_t));
    m->group_bytes = group_bytes(m);
    m->packed_bytes = m->group_bytes * m->groups;
    step->work = (uint64_t)p->conv.batch * m->positions * m->taps * m->columns * (m->depthwise_f32 || m->depthwise_s8 ? 1 : m->groups * m->depth);
    step->finishes = (p->kind == QC_PRODUCT_F32 || m->form == QC_S8_REQUANT || m->form >= QC_S16_NARROW) && m->groups == 1;
    step->banded = step->finishes && p->kind == QC_PRODUCT_F32 && !m->winograd && p->conv.batch == 1 && constant(step, p);
    if (!constant(step, p)) m->packed_scratch = qc_step_scratch(step, m->packed_bytes);
    if (m->sliding && !m->depthwise_f32) m->zero_scratch = qc_step_scratch(step, m->depth * m->element);
    return QC_OK;
}

/* ---- packing ---- */

struct filling {
    const struct qc_tiled *tiled;
    const struct qc_weights *weights;
    const void *w, *bias; /* w NULL: read from `weights` */
    const float *scale;
    void *buffer;         /* filling_bytes */
};

/* Constant weights that are float32 only behind a DEQUANTIZE are unpacked panel by panel. */
static bool by_panels(const struct filling *f)
{
    return f->tiled->f32 && !f->tiled->winograd && f->weights->value->stored && !f->weights->order && !f->w;
}

static size_t filling_bytes(const struct filling *f)
{
    if (f->tiled->winograd) return qc_winograd_f32_buffer_bytes(f->tiled->depth) + qc_weights_bytes(f->weights);
    return by_panels(f) ? QC_PANEL * f->tiled->taps * f->tiled->depth * sizeof(float) : qc_weights_bytes(f->weights);
}

/* Columns [first, first + columns) of the whole, w pointing to the first. */
static void fill_f32(const struct filling *f, char *to, const void *w, size_t first, size_t columns)
{
    const struct qc_tiled *m = f->tiled;
    const size_t k = m->taps * m->depth;
    const struct qc_gemm_f32_pack pack = {.kind = m->kind, .columns = columns, .k = k, .w = w, .column_step = k, .k_step = 1,
                                          .bias = f->bias ? (const float *)f->bias + first : NULL};
    qc_gemm_f32_pack(to, &pack);
}

static void fill_panels(const struct filling *f, char *to, size_t first)
{
    const struct qc_tiled *m = f->tiled;
    const struct qc_value *stored = f->weights->value->stored;
    const size_t k = m->taps * m->depth;
    if (m->kind == QC_W_F16) {
        fill_f32(f, to, (const uint16_t *)stored->data + first * k, first, m->columns);
        return;
    }
    for (size_t n = 0; n < m->columns; n += QC_PANEL, to += qc_gemm_f32_panel_bytes(m->kind, k)) {
        const size_t columns = QC_MIN(m->columns - n, (size_t)QC_PANEL);
        qc_stored_read(stored, (first + n) * k, (first + n + columns) * k, f->buffer);
        fill_f32(f, to, f->buffer, first + n, columns);
    }
}

static void fill_s8(const struct filling *f, char *to, const int8_t *w, size_t first)
{
    const struct qc_tiled *m = f->tiled;
    struct qc_gemm_s8_pack pack = {.columns = m->columns, .taps = m->taps, .depth = m->depth, .w = w, .scale = f->scale ? f->scale + first : NULL};
    if (m->scale64) pack.scale64 = m->scale64 + first;
    if (m->narrow) pack.narrow = m->narrow + first;
    if (m->s8) pack.x_bias = m->s8->x_bias;
    if (m->scale64 || m->narrow) pack.bias64 = f->bias ? (const int64_t *)f->bias + first : NULL;
    else if (f->bias && m->form == QC_S8_FLOAT) pack.float_bias = (const float *)f->bias + first;
    else if (f->bias) pack.bias = (const int32_t *)f->bias + first;
    if (m->gather) pack.taps = 1, pack.depth = m->taps * m->depth;
    if (m->depthwise_s8) qc_depthwise_s8_pack(m->depthwise_s8, to, qc_depthwise_s8_by_columns(m->depthwise_s8, &m->window), &pack);
    else qc_gemm_s8_pack(to, &pack);
}

static void fill(void *block, const void *context)
{
    const struct filling *f = context;
    const struct qc_tiled *m = f->tiled;
    const size_t k = m->taps * m->depth;
    const bool panels = by_panels(f);
    const void *w = panels ? NULL : f->w ? f->w : qc_weights_read(f->weights, f->buffer);
    for (size_t g = 0; g < m->groups; g++) {
        char *to = (char *)block + g * m->group_bytes;
        const size_t first = g * m->columns;
        if (m->depthwise_f32) qc_depthwise_f32_pack(to, m->columns, m->taps, w, f->bias);
        else if (m->winograd) qc_winograd_f32_pack(to, m->columns, m->depth, w, (float *)(void *)((char *)f->buffer + qc_weights_bytes(f->weights)));
        else if (panels) fill_panels(f, to, first);
        else if (m->f32) fill_f32(f, to, (const float *)w + first * k, first, m->columns);
        else fill_s8(f, to, (const int8_t *)w + first * k, first);
    }
}

static struct filling filling_of(const struct qc_step *step, const struct qc_product *p, const struct qc_tiled *m)
{
    const struct qc_value *bias = qc_operand(step, p->bias);
    return (struct filling){.tiled = m, .weights = &p->weights, .bias = bias ? bias->data : NULL,
                            .scale = p->kind == QC_PRODUCT_HYBRID ? p->w_scale : m->form == QC_S8_REQUANT ? p->stage.scale : NULL};
}

/* Of everything that goes into the packed block beside the weights. */
static uint64_t fingerprint(const struct filling *f)
{
    const struct qc_tiled *m = f->tiled;
    const void *wide = m->scale64 ? (const void *)m->scale64 : m->narrow, *scale = wide ? wide : f->scale;
    const size_t bytes = m->columns * m->groups * (wide ? 8 : 4);
    const uint64_t first = scale ? qc_fingerprint64(scale, bytes) : 0, second = f->bias ? qc_fingerprint64(f->bias, bytes) : 0;
    return first + second * UINT64_C(0x9e3779b97f4a7c15);
}

qc_status qc_tiled_prepare(struct qc_step *step, struct qc_product *p, struct qc_tiled *m)
{
    if (!constant(step, p)) return qc_weights_prepare(step, &p->weights);
    struct filling f = filling_of(step, p, m);
    char kind[96];
    const bool by_columns = m->depthwise_s8 && qc_depthwise_s8_by_columns(m->depthwise_s8, &m->window);
    const char *family = m->depthwise_f32 ? "depthwise_f32" : by_columns ? "depthwise_s8 by columns"
                         : m->depthwise_s8 ? "depthwise_s8" : m->winograd ? "winograd_f32" : m->f32 ? "gemm_f32" : "gemm_s8";
    snprintf(kind, sizeof kind, "%s %d %d %zu %zu %zu %016llx", family, (int)m->form, (int)m->kind, m->taps, m->depth, m->groups,
             (unsigned long long)fingerprint(&f));
    const size_t bytes = filling_bytes(&f);
    if (bytes && !(f.buffer = qc_env_resize(step->rt->env, NULL, bytes))) return QC_NOMEM;
    m->packed = qc_step_pack(step, step->in[p->w], kind, m->packed_bytes, fill, &f);
    qc_env_free(step->rt->env, f.buffer);
    return m->packed ? QC_OK : QC_NOMEM;
}

/* ---- running ---- */

struct piece { /* one group of one or all batches */
    struct qc_rows rows;
    const void *packed;
    size_t m, first_row, first_column;
    size_t skip; /* rows not to be computed, of f32 */
};

static void run_f32(struct qc_step *step, const struct qc_product *p, const struct qc_tiled *m, const struct piece *piece)
{
    const struct qc_gemm_f32_call call = {.kernel = m->f32, .kind = m->kind, .first = piece->skip, .m = piece->m, .columns = m->columns, .depth = m->depth,
                                          .rows = piece->rows, .packed = piece->packed,
                                          .c = (float *)step->out[0]->data + piece->first_row * m->columns * m->groups + piece->first_column,
                                          .ldc = m->columns * m->groups, .low = p->low, .high = p->high,
                                          .finish = step->finish,
                                          .work = (char *)step->scratch + m->work_scratch};
    qc_gemm_f32_run(&call, step->rt->pool);
}

static void run_depthwise_f32(struct qc_step *step, const struct qc_product *p, const struct qc_tiled *m, const struct qc_tiled_input *input,
                              const void *packed)
{
    const struct qc_depthwise_f32_call call = {.kernel = m->depthwise_f32, .batch = (size_t)p->conv.batch, .channels = m->columns,
                                               .window = &m->window, .first_row = input->first_row, .rows = input->rows, .x = input->x,
                                               .packed = packed, .y = step->out[0]->data, .low = p->low, .high = p->high, .finish = step->finish};
    qc_depthwise_f32_run(&call, step->rt->pool);
}

static void run_winograd(struct qc_step *step, const struct qc_product *p, const struct qc_tiled *m, const void *x, const void *packed)
{
    const struct qc_value *bias = qc_operand(step, p->bias);
    struct qc_winograd_f32_call call = winograd_call(p, m);
    call.x = x;
    call.bias = bias ? bias->data : NULL;
    call.packed = packed;
    call.y = step->out[0]->data;
    call.finish = step->finish;
    call.work = (char *)step->scratch + m->work_scratch;
    qc_winograd_f32_run(&call, step->rt->pool);
}

struct staging {
    const struct qc_stage *stage;
    const int32_t *sum;
    void *out;
    bool wide; /* out is int16 */
    size_t columns, pitch, first_column;
};

static void stage_rows(void *context, size_t begin, size_t end, int thread)
{
    const struct staging *s = context;
    (void)thread;
    for (size_t i = begin; i < end; i++)
        for (size_t n = 0; n < s->columns; n++) {
            const int32_t y = qc_stage_s32(s->stage, s->sum[i * s->columns + n], s->first_column + n);
            if (s->wide) ((int16_t *)s->out)[i * s->pitch + n] = (int16_t)y;
            else ((int8_t *)s->out)[i * s->pitch + n] = (int8_t)y;
        }
}

/* Limits, and where results go: into the output, or as sums into scratch. */
struct target {
    void *c;
    size_t ldc;
    float low, high;
};

static struct target target_of(const struct qc_step *step, const struct qc_product *p, const struct qc_tiled *m, size_t at)
{
    if (m->form == QC_S8_FLOAT) return (struct target){(float *)step->out[0]->data + at, m->columns * m->groups, p->low, p->high};
    if (m->form == QC_S8_SUM) return (struct target){(char *)step->scratch + m->sum_scratch, m->columns, 0, 0};
    return (struct target){(char *)step->out[0]->data + at * m->element, m->columns * m->groups, (float)(p->stage.low - p->stage.zero_point),
                           (float)(p->stage.high - p->stage.zero_point)};
}

static void run_depthwise_s8(struct qc_step *step, const struct qc_product *p, const struct qc_tiled *m, const struct piece *piece,
                             const struct target *to, const float *scale, int32_t zero)
{
    const struct qc_depthwise_s8_call call = {.kernel = m->depthwise_s8, .form = m->form, .m = piece->m, .channels = m->columns,
                                              .rows = piece->rows, .packed = piece->packed, .c = to->c, .zero = zero,
                                              .zero_point = p->stage.zero_point, .row_scale = scale ? *scale : 1, .low = to->low,
                                              .high = to->high, .finish = step->finish, .work = (char *)step->scratch + m->work_scratch};
    qc_depthwise_s8_run(&call, step->rt->pool);
}

static void run_s8(struct qc_step *step, const struct qc_product *p, const struct qc_tiled *m, const struct piece *piece, const float *scale,
                   const int32_t *zero, size_t row_step)
{
    const size_t pitch = m->columns * m->groups, at = piece->first_row * pitch + piece->first_column;
    const struct target to = target_of(step, p, m, at);
    if (m->depthwise_s8) {
        run_depthwise_s8(step, p, m, piece, &to, scale, *zero);
    } else {
        const struct qc_gemm_s8_call call = {.kernel = m->s8, .form = m->form, .m = piece->m, .columns = m->columns, .depth = m->depth,
                                             .rows = piece->rows, .gather = m->gather, .wide = m->element == 2, .chunk = m->chunk, .packed = piece->packed, .zero = zero,
                                             .row_scale = scale, .row_step = row_step, .c = to.c, .ldc = to.ldc, .zero_point = p->stage.zero_point,
                                             .low = to.low, .high = to.high, .finish = step->finish, .work = (char *)step->scratch + m->work_scratch};
        qc_gemm_s8_run(&call, step->rt->pool);
    }
    if (m->form != QC_S8_SUM) return;
    struct staging s = {&p->stage, to.c, (char *)step->out[0]->data + at * m->element, m->element == 2, m->columns, pitch, piece->first_column};
    qc_pool_for(step->rt->pool, piece->m, 1 + 4096 / m->columns, stage_rows, &s);
}

void qc_tiled_run(struct qc_step *step, const struct qc_product *p, const struct qc_tiled *m, const struct qc_tiled_input *input)
{
    char *scratch = step->scratch, *border = scratch + m->zero_scratch;
    const char *packed = m->packed;
    const size_t element = m->element, channels = (size_t)p->conv.in_channels, batch = (size_t)p->conv.batch;
    if (!packed) {
        struct filling f = filling_of(step, p, m);
        f.w = qc_weights_get(step, &p->weights);
        packed = scratch + m->packed_scratch;
        fill(scratch + m->packed_scratch, &f);
    }
    if (m->depthwise_f32) {
        run_depthwise_f32(step, p, m, input, packed);
        return;
    }
    if (m->winograd) {
        run_winograd(step, p, m, input->x, packed);
        return;
    }
    /* the border of a quantized picture is its zero point: where each batch has its own, batches go one by one */
    const bool one_by_one = input->zero && (m->positions > 1 || m->sliding);
    const size_t image = (size_t)p->conv.in[1] * (size_t)p->conv.in[2] * channels * element;
    for (size_t b = 0; b < (one_by_one ? batch : 1); b++) {
        const int32_t *zero = input->zero ? input->zero + b : &p->x_zero;
        if (m->sliding) memset(border, element == 1 ? *zero : 0, m->depth * element);
        for (size_t g = 0; g < m->groups; g++) {
            const struct piece piece = {.rows = {.base = (const char *)input->x + b * image + g * m->depth * element, .pitch = channels * element,
                                                 .window = m->sliding ? &m->window : NULL, .zero = border},
                                        .packed = packed + g * m->group_bytes, .m = one_by_one ? m->positions : batch * input->rows * m->window.out_w,
                                        .skip = input->first_row * m->window.out_w,
                                        .first_row = b * m->positions, .first_column = g * m->columns};
            if (m->f32) run_f32(step, p, m, &piece);
            else run_s8(step, p, m, &piece, input->scale ? input->scale + b : NULL, zero, input->zero && !one_by_one);
        }
    }
}
