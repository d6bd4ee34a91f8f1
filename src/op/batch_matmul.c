/*
 * batch_matmul.c - BATCH_MATMUL: the last two axes of both operands are matrices, either of which may be stored transposed; the
 * axes in front are broadcast.
 *
 * float32; int8 (to int8, or to the bare int32 sums); int16 by int16 or int8; float32 by int8 (hybrid: each row of x is
 * quantized while running). They run on the packed matrix kernels: the right matrix is packed for each product (once if it is
 * constant, but for int16), and several products go to threads one by one.
 */
#include "kernel/gemm_f32.h"
#include "kernel/gemm_s8.h"
#include "kernel/matmul.h"
#include "kernel/row_quantize.h"
#include "op/quant_rule.h"
#include "op/shared/fused.h"
#include "op/shared/quantized.h"
#include "op/shared/version.h"
#include "op/shared/wide_matrices.h"

#include <stdio.h>
#include <string.h>

enum kind { F32, S8, S8_S32, S16, S16_S8, HYBRID, NONE };

struct state {
    enum kind kind;
    struct qc_matmul m;
    size_t batches;
    size_t *x_at, *w_at; /* [batches]: first element of each matrix */
    struct qc_stage stage;
    struct qc_multiplier multiplier;
    float scale;
    enum qc_row_quantization how;
    const struct qc_row_quantizer *quantizer;
    const struct qc_gemm_f32 *f32; /* one of these, or the scalar reference */
    const struct qc_gemm_s8 *s8;
    struct qc_wide_matrices wide;  /* of int16; its kernel is NULL if it is not used */
    enum qc_s8_form form;
    float *scales;       /* [columns], all the same */
    size_t packed_bytes; /* of one matrix */
    const char *packed;  /* of a constant operand: all its matrices */
    /* places in the scratch of one product, and of all: of packed weights, of int8 weights column by column, of x row by row, of a row before it
     * is quantized and its parameters behind that, of sums, of the kernels' work */
    size_t pack_at, w_at_columns, x_at_rows, row_at, scale_at, zero_at, sum_at, work_at, each, scratch;
};

static enum kind kind_of(const struct qc_step *step)
{
    qc_dtype x = step->in[0]->type, w = step->in[1]->type;
    if (x == QC_FLOAT32) return w == QC_FLOAT32 ? F32 : w == QC_INT8 ? HYBRID : NONE;
    if (x == QC_INT8 && w == QC_INT8) return step->out[0]->tensor->type == QC_INT32 ? S8_S32 : S8;
    if (x == QC_INT16) return w == QC_INT16 ? S16 : w == QC_INT8 ? S16_S8 : NONE;
    return NONE;
}

static qc_status check_quantization(struct qc_step *step, enum kind kind)
{
    const struct qc_value *x = step->in[0], *w = step->in[1], *y = step->out[0];
    if (kind == F32) return QC_OK;
    if (kind == HYBRID) return qc_require_symmetric(step, "input 1", w);
    bool wide = kind == S16 || kind == S16_S8;
    QC_TRY(wide ? qc_require_symmetric(step, "input 0", x) : qc_require_quantized(step, "input 0", x));
    QC_TRY(wide ? qc_require_symmetric(step, "input 1", w) : qc_require_quantized(step, "input 1", w));
    if (kind == S8_S32) return QC_OK;
    return wide ? qc_require_symmetric(step, "output 0", y) : qc_require_quantized(step, "output 0", y);
}

static qc_status infer(struct qc_step *step)
{
    const struct tfl_BatchMatMulOptions *o = step->options;
    const struct qc_value *x = step->in[0], *w = step->in[1];
    if (!x || !w) return qc_step_fail(step, QC_FORMAT, "input %d is missing", x ? 1 : 0);
    if (x->rank < 2 || w->rank < 2) return qc_step_fail(step, QC_FORMAT, "inputs of rank %d and %d are no matrices", x->rank, w->rank);
    enum kind kind = kind_of(step);
    if (kind == NONE) return qc_step_unsupported_type(step);
    int32_t rows = x->dims[x->rank - (o->adj_x ? 1 : 2)], depth = x->dims[x->rank - (o->adj_x ? 2 : 1)];
    int32_t columns = w->dims[w->rank - (o->adj_y ? 2 : 1)], w_depth = w->dims[w->rank - (o->adj_y ? 1 : 2)];
    if (depth != w_depth)
        return qc_step_fail(step, QC_FORMAT, "input 0 has depth %d, input 1 has %d", (int)depth, (int)w_depth);
    int rank = QC_MAX(x->rank, w->rank);
    int32_t dims[QC_MAX_RANK];
    for (int i = 3; i <= rank; i++) {
        int32_t a = i <= x->rank ? x->dims[x->rank - i] : 1, b = i <= w->rank ? w->dims[w->rank - i] : 1;
        if (a != b && a != 1 && b != 1)
            return qc_step_fail(step, QC_FORMAT, "batch dimensions %d and %d cannot be broadcast", (int)a, (int)b);
        dims[rank - i] = a == 1 ? b : a;
    }
    dims[rank - 2] = rows;
    dims[rank - 1] = columns;
    qc_dtype type = kind == S8_S32 ? QC_INT32 : kind == HYBRID ? QC_FLOAT32 : x->type;
    QC_TRY(qc_step_output(step, 0, type, rank, dims));
    return check_quantization(step, kind);
}

/* Offset of the matrix that broadcasts to output batch `index`. */
static size_t matrix_at(const struct qc_value *v, const struct qc_value *y, size_t index)
{
    size_t at = 0, stride = qc_value_span(v, v->rank - 2, v->rank);
    for (int i = 3; i <= y->rank; i++) {
        size_t size = (size_t)y->dims[y->rank - i], k = index % size;
        index /= size;
        if (i > v->rank) continue;
        int32_t own = v->dims[v->rank - i];
        if (own != 1) at += k * stride;
        stride *= (size_t)own;
    }
    return at;
}

/* ---- planning ---- */

static qc_status plan_quantized(struct qc_step *step, struct state *s)
{
    const struct qc_value *x = step->in[0], *w = step->in[1], *y = step->out[0];
    const struct tfl_BatchMatMulOptions *o = step->options;
    if (s->kind == HYBRID) s->how = w->constant && !step->rt->reference ? QC_ROW_XNNPACK : o->asymmetric_quantize_inputs ? QC_ROW_ASYMMETRIC : QC_ROW_SYMMETRIC;
    if (s->kind == HYBRID || s->kind == S8_S32) return QC_OK;
    float product = qc_value_scale(x) * qc_value_scale(w);
    s->scale = product / qc_value_scale(y);
    s->multiplier = qc_multiplier_of((double)product / qc_value_scale(y));
    if (s->kind != S8 && s->multiplier.shift > 7)
        return qc_step_fail(step, QC_FORMAT, "input scales %g x %g / output scale %g is above 128", (double)qc_value_scale(x),
                            (double)qc_value_scale(w), (double)qc_value_scale(y));
    bool xnnpack = s->kind == S8 && !step->rt->reference && qc_value_zero_point(w) == 0;
    s->stage = (struct qc_stage){.rounding = xnnpack ? QC_ROUND_F32 : QC_ROUND_TWICE, .multiplier = &s->multiplier, .scale = &s->scale,
                                 .zero_point = qc_value_zero_point(y)};
    qc_integer_limits(y->type, &s->stage.low, &s->stage.high);
    return QC_OK;
}

/* Products with the same right matrix are one, of all rows. */
static void join(struct state *s)
{
    for (size_t i = 0; i < s->batches; i++)
        if (s->m.x_depth != 1 || s->w_at[i] != s->w_at[0] || s->x_at[i] != i * s->m.rows * s->m.depth) return;
    if (!s->batches) return;
    s->m.rows *= s->batches;
    s->batches = 1;
}

static size_t part(struct state *s, size_t bytes)
{
    const size_t at = s->each;
    s->each += (bytes + 63) / 64 * 64;
    return at;
}

static struct qc_rows rows_of(const struct state *s, const void *x)
{
    return (struct qc_rows){.base = x, .pitch = s->m.depth * (s->f32 ? sizeof(float) : 1)};
}

static qc_status plan_kernel(struct qc_step *step, struct state *s)
{
    enum { LEAST = 256 }; /* multiplications worth packing for */
    const size_t rows = s->m.rows, columns = s->m.columns, depth = s->m.depth;
    const int threads = qc_pool_threads(step->rt->pool), inner = s->batches > 1 ? 1 : threads;
    const float scale = s->kind == HYBRID ? qc_value_scale(step->in[1]) : s->scale;
    const bool hybrid = s->kind == HYBRID, floats = s->kind == F32;
    step->work = (uint64_t)s->batches * rows * columns * depth;
    if (hybrid) s->quantizer = qc_row_quantizer_pick(qc_cpu_features());
    const bool packs = rows * columns * depth >= LEAST, wide = s->kind == S16 || s->kind == S16_S8;
    if (packs && wide) {
        s->wide = (struct qc_wide_matrices){.rows = rows, .columns = columns, .depth = depth, .w_depth = s->m.w_depth, .w_column = s->m.w_column,
                                            .bytes = s->kind == S16_S8};
        s->work_at = part(s, qc_wide_matrices_plan(&s->wide, inner));
        s->sum_at = part(s, rows * columns * sizeof(int64_t));
        if (s->m.x_depth != 1) s->x_at_rows = part(s, rows * depth * sizeof(int16_t));
        step->kernel = s->wide.kernel->variant.name;
    } else if (packs) {
        if (floats) s->f32 = qc_gemm_f32_pick(qc_cpu_features());
        else s->s8 = qc_gemm_s8_pick(qc_cpu_features());
        step->kernel = floats ? s->f32->variant.name : s->s8->variant.name;
        s->form = hybrid ? QC_S8_FLOAT : s->kind == S8 && s->stage.rounding == QC_ROUND_F32 ? QC_S8_REQUANT : QC_S8_SUM;
        s->packed_bytes = floats ? qc_gemm_f32_packed_bytes(QC_W_F32, columns, depth) : qc_gemm_s8_packed_bytes(columns, 1, depth);
        if (!step->in[1]->constant) s->pack_at = part(s, s->packed_bytes);
        if (!floats) s->w_at_columns = part(s, columns * depth);
        if (s->m.x_depth != 1 && !hybrid) s->x_at_rows = part(s, rows * depth * (floats ? sizeof(float) : 1));
        const struct qc_rows input = rows_of(s, NULL);
        s->work_at = part(s, floats ? qc_gemm_f32_work_bytes(&input, depth, inner) : qc_gemm_s8_work_bytes(s->s8, 1, depth, false, inner));
        if (!floats && s->form == QC_S8_SUM) s->sum_at = part(s, rows * columns * sizeof(int32_t));
        if (!floats && !(s->scales = qc_step_alloc(step, columns * sizeof *s->scales))) return QC_NOMEM;
        for (size_t n = 0; n < columns && !floats; n++) s->scales[n] = scale;
    }
    if (hybrid) {
        s->x_at_rows = part(s, rows * depth);
        s->row_at = part(s, depth * sizeof(float));
        s->scale_at = part(s, rows * sizeof(float));
        s->zero_at = part(s, rows * sizeof(int32_t));
    }
    s->scratch = qc_step_scratch(step, s->each * (size_t)(s->batches > 1 ? threads : 1));
    return QC_OK;
}

static qc_status plan(struct qc_step *step)
{
    struct state *s = step->state = qc_step_alloc(step, sizeof *s);
    if (!s) return QC_NOMEM;
    const struct tfl_BatchMatMulOptions *o = step->options;
    const struct qc_value *x = step->in[0], *w = step->in[1], *y = step->out[0];
    size_t rows = (size_t)y->dims[y->rank - 2], columns = (size_t)y->dims[y->rank - 1];
    size_t depth = (size_t)x->dims[x->rank - (o->adj_x ? 2 : 1)];
    s->kind = kind_of(step);
    s->m = (struct qc_matmul){rows, columns, depth, o->adj_x ? 1 : depth, o->adj_x ? rows : 1, o->adj_y ? 1 : columns,
                              o->adj_y ? depth : 1};
    s->batches = qc_value_span(y, 0, y->rank - 2);
    s->x_at = qc_step_alloc(step, (s->batches + 1) * sizeof *s->x_at);
    s->w_at = qc_step_alloc(step, (s->batches + 1) * sizeof *s->w_at);
    if (!s->x_at || !s->w_at) return QC_NOMEM;
    for (size_t i = 0; i < s->batches; i++) {
        s->x_at[i] = matrix_at(x, y, i);
        s->w_at[i] = matrix_at(w, y, i);
    }
    join(s);
    QC_TRY(plan_quantized(step, s));
    return plan_kernel(step, s);
}

/* ---- packing ---- */

/* A matrix of `rows` x `columns` elements of 1, 2 or 4 bytes, dense, from one with any steps. */
static void copy_matrix(const void *from, size_t rows, size_t columns, size_t row_step, size_t column_step, size_t element, void *to)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < columns; k++)
            if (element == 1) ((int8_t *)to)[i * columns + k] = ((const int8_t *)from)[i * row_step + k * column_step];
            else if (element == 2) ((int16_t *)to)[i * columns + k] = ((const int16_t *)from)[i * row_step + k * column_step];
            else ((float *)to)[i * columns + k] = ((const float *)from)[i * row_step + k * column_step];
}

/* `by_columns`: room for an int8 matrix, column by column. */
static void pack_matrix(const struct state *s, const void *w, int8_t *by_columns, void *to)
{
    const struct qc_matmul *m = &s->m;
    if (s->f32) {
        const struct qc_gemm_f32_pack pack = {.kind = QC_W_F32, .columns = m->columns, .k = m->depth, .w = w, .column_step = m->w_column, .k_step = m->w_depth};
        qc_gemm_f32_pack(to, &pack);
        return;
    }
    if (m->w_depth != 1) copy_matrix(w, m->columns, m->depth, m->w_column, m->w_depth, 1, by_columns);
    const struct qc_gemm_s8_pack pack = {.columns = m->columns, .taps = 1, .depth = m->depth, .w = m->w_depth == 1 ? w : by_columns, .scale = s->scales};
    qc_gemm_s8_pack(to, &pack);
}

struct filling {
    const struct state *s;
    const char *w;
    size_t count;
    int8_t *by_columns;
};

static void fill(void *block, const void *context)
{
    const struct filling *f = context;
    const size_t bytes = f->s->m.columns * f->s->m.depth * (f->s->f32 ? sizeof(float) : 1);
    for (size_t i = 0; i < f->count; i++) pack_matrix(f->s, f->w + i * bytes, f->by_columns, (char *)block + i * f->s->packed_bytes);
}

static qc_status prepare(struct qc_step *step)
{
    struct state *s = step->state;
    const struct qc_value *w = step->in[1];
    if (!w->constant || (!s->f32 && !s->s8)) return QC_OK;
    const size_t matrix = s->m.columns * s->m.depth;
    struct filling f = {.s = s, .w = w->data, .count = qc_value_elements(w) / matrix};
    char kind[96];
    snprintf(kind, sizeof kind, "batch_matmul %d %zu %zu %zu %a", s->f32 ? -1 : (int)s->form, s->m.depth, s->m.w_depth, s->m.w_column,
             s->scales ? (double)*s->scales : 0.0);
    if (s->s8 && !(f.by_columns = qc_env_resize(step->rt->env, NULL, matrix))) return QC_NOMEM;
    s->packed = qc_step_pack(step, w, kind, f.count * s->packed_bytes, fill, &f);
    qc_env_free(step->rt->env, f.by_columns);
    return s->packed ? QC_OK : QC_NOMEM;
}

/* ---- running ---- */

struct product { /* one of the batches */
    const struct qc_step *step;
    size_t batch;
    char *scratch;
    struct qc_pool *pool;
    const void *x, *w;
    void *y;
};

/* x row by row: as it stands, or copied. */
static const void *rows_in_order(const struct state *s, const struct product *p)
{
    if (s->m.x_depth == 1) return p->x;
    copy_matrix(p->x, s->m.rows, s->m.depth, s->m.x_row, s->m.x_depth, qc_dtype_bytes(p->step->in[0]->type, 1), p->scratch + s->x_at_rows);
    return p->scratch + s->x_at_rows;
}

static void quantize_rows(const struct state *s, const struct product *p)
{
    float *row = (float *)(void *)(p->scratch + s->row_at), *scale = (float *)(void *)(p->scratch + s->scale_at);
    int32_t *zero = (int32_t *)(void *)(p->scratch + s->zero_at);
    const float *x = p->x;
    for (size_t i = 0; i < s->m.rows; i++) {
        for (size_t k = 0; k < s->m.depth; k++) row[k] = x[i * s->m.x_row + k * s->m.x_depth];
        qc_row_quantize(s->quantizer, s->how, row, s->m.depth, (int8_t *)p->scratch + s->x_at_rows + i * s->m.depth, scale + i, zero + i);
    }
}

/* Sums of (x - x_zero) w become those of (x - x_zero) (w - w_zero), and the output. */
static void stage_sums(const struct state *s, const struct product *p, const int8_t *x)
{
    const int32_t *sum = (const int32_t *)(const void *)(p->scratch + s->sum_at);
    const uint32_t x_zero = (uint32_t)qc_value_zero_point(p->step->in[0]), w_zero = (uint32_t)qc_value_zero_point(p->step->in[1]);
    for (size_t i = 0; i < s->m.rows; i++) {
        uint32_t row = 0;
        for (size_t k = 0; k < s->m.depth && w_zero; k++) row += (uint32_t)x[i * s->m.depth + k] - x_zero;
        for (size_t n = 0; n < s->m.columns; n++) {
            const int32_t exact = (int32_t)((uint32_t)sum[i * s->m.columns + n] - row * w_zero);
            if (s->kind == S8_S32) ((int32_t *)p->y)[i * s->m.columns + n] = exact;
            else ((int8_t *)p->y)[i * s->m.columns + n] = (int8_t)qc_stage_s32(&s->stage, exact, 0);
        }
    }
}

static void run_s8(const struct state *s, const struct product *p, const void *packed)
{
    const bool hybrid = s->kind == HYBRID;
    const int32_t one_zero = hybrid ? 0 : qc_value_zero_point(p->step->in[0]);
    if (hybrid) quantize_rows(s, p);
    const void *x = hybrid ? p->scratch + s->x_at_rows : rows_in_order(s, p);
    const struct qc_gemm_s8_call call = {
        .kernel = s->s8, .form = s->form, .m = s->m.rows, .columns = s->m.columns, .depth = s->m.depth, .rows = rows_of(s, x), .packed = packed,
        .zero = hybrid ? (const int32_t *)(const void *)(p->scratch + s->zero_at) : &one_zero,
        .row_scale = hybrid ? (const float *)(const void *)(p->scratch + s->scale_at) : NULL, .row_step = hybrid,
        .c = s->form == QC_S8_SUM ? p->scratch + s->sum_at : p->y, .ldc = s->m.columns, .zero_point = s->stage.zero_point,
        .low = hybrid ? -INFINITY : (float)(s->stage.low - s->stage.zero_point), .high = hybrid ? INFINITY : (float)(s->stage.high - s->stage.zero_point),
        .work = p->scratch + s->work_at};
    qc_gemm_s8_run(&call, p->pool);
    if (s->form == QC_S8_SUM) stage_sums(s, p, x);
}

static void run_wide(const struct state *s, const struct product *p)
{
    int64_t *total = (int64_t *)(void *)(p->scratch + s->sum_at);
    qc_wide_matrices_run(&s->wide, rows_in_order(s, p), p->w, total, p->scratch + s->work_at, p->pool);
    for (size_t i = 0; i < s->m.rows * s->m.columns; i++) ((int16_t *)p->y)[i] = (int16_t)qc_stage_s64(&s->stage, total[i], 0);
}

static void run_reference(const struct state *s, const struct product *p)
{
    const struct qc_step *step = p->step;
    const struct qc_matmul *m = &s->m;
    const int32_t x_zero = qc_value_zero_point(step->in[0]), w_zero = qc_value_zero_point(step->in[1]);
    struct qc_matmul dense = *m;
    switch (s->kind) {
    case F32: qc_matmul_f32_ref(m, p->x, p->w, p->y, 0, m->rows); break;
    case S8: qc_matmul_s8_ref(m, p->x, x_zero, p->w, w_zero, &s->stage, p->y, 0, m->rows); break;
    case S8_S32: qc_matmul_s32_ref(m, p->x, x_zero, p->w, w_zero, p->y, 0, m->rows); break;
    case S16: qc_matmul_s16_ref(m, p->x, p->w, &s->stage, p->y, 0, m->rows); break;
    case S16_S8: qc_matmul_s16_s8_ref(m, p->x, p->w, &s->stage, p->y, 0, m->rows); break;
    default:
        quantize_rows(s, p);
        dense.x_row = m->depth;
        dense.x_depth = 1;
        qc_matmul_hybrid_ref(&dense, (int8_t *)p->scratch + s->x_at_rows, (float *)(void *)(p->scratch + s->scale_at),
                             (int32_t *)(void *)(p->scratch + s->zero_at), p->w, qc_value_scale(step->in[1]), p->y, 0, m->rows);
    }
}

static void run_product(const struct qc_step *step, size_t batch, char *scratch, struct qc_pool *pool)
{
    const struct state *s = step->state;
    const struct qc_value *x = step->in[0], *w = step->in[1], *y = step->out[0];
    const struct product p = {.step = step, .batch = batch, .scratch = scratch, .pool = pool,
                              .x = (const char *)x->data + s->x_at[batch] * qc_dtype_bytes(x->type, 1),
                              .w = (const char *)w->data + s->w_at[batch] * qc_dtype_bytes(w->type, 1),
                              .y = (char *)y->data + batch * s->m.rows * s->m.columns * qc_dtype_bytes(y->type, 1)};
    if (!s->f32 && !s->s8) {
        if (s->wide.kernel) run_wide(s, &p);
        else run_reference(s, &p);
        return;
    }
    const char *packed = s->packed ? s->packed + s->w_at[batch] / (s->m.columns * s->m.depth) * s->packed_bytes : scratch + s->pack_at;
    if (!s->packed) pack_matrix(s, p.w, (int8_t *)scratch + s->w_at_columns, scratch + s->pack_at);
    if (s->s8) {
        run_s8(s, &p, packed);
        return;
    }
    const struct qc_gemm_f32_call call = {.kernel = s->f32, .kind = QC_W_F32, .m = s->m.rows, .columns = s->m.columns, .depth = s->m.depth,
                                          .rows = rows_of(s, rows_in_order(s, &p)), .packed = packed, .c = p.y, .ldc = s->m.columns,
                                          .low = -INFINITY, .high = INFINITY, .work = scratch + s->work_at};
    qc_gemm_f32_run(&call, pool);
}

static void batches(void *context, size_t begin, size_t end, int thread)
{
    const struct qc_step *step = context;
    const struct state *s = step->state;
    for (size_t i = begin; i < end; i++) run_product(step, i, (char *)step->scratch + s->scratch + (size_t)thread * s->each, NULL);
}

static qc_status run(struct qc_step *step)
{
    const struct state *s = step->state;
    if (s->batches == 1) run_product(step, 0, (char *)step->scratch + s->scratch, step->rt->pool);
    else qc_pool_for(step->rt->pool, s->batches, 1 + 65536 / (s->m.rows * s->m.columns * s->m.depth + 1), batches, step);
    return QC_OK;
}

static int version(const struct qc_node *node)
{
    const struct tfl_BatchMatMulOptions *o = node->options;
    qc_dtype x = qc_node_type(node, 0);
    if (x == QC_INT16) return 3;
    if (x == QC_INT8) return 2;
    return qc_node_hybrid(node, 0, 1) && o && o->asymmetric_quantize_inputs ? 4 : 1;
}

static const struct qc_quant_rule rule = {
    .modes = QC_Q_INT8 | QC_Q_INT16 | QC_Q_HYBRID,
    .in = {{QC_ROLE_ACTIVATION, 0, 0, 0}, {QC_ROLE_ACTIVATION, 0, 0, 0}},
    .hybrid = 1 << 1, .hybrid_axis = -1,
};

const struct qc_op qc_op_batch_matmul[] = {
    {.name = "BATCH_MATMUL", .code = tfl_BuiltinOperator_BATCH_MATMUL, .options = &tfl_BatchMatMulOptions_table, .in_min = 2,
     .in_max = 2, .out_min = 1, .out_max = 1, .max_version = 4, .quant = &rule, .infer = infer, .plan = plan, .prepare = prepare,
     .run = run, .version = version},
    {0},
};
