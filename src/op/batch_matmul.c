/*
 * batch_matmul.c - BATCH_MATMUL: the last two axes of both operands are matrices, either of which may be stored transposed; the
 * axes in front are broadcast.
 *
 * float32; int8 (to int8, or to the bare int32 sums); int16 by int16 or int8; float32 by int8 (hybrid: each row of x is
 * quantized while running).
 */
#include "kernel/matmul.h"
#include "kernel/row_quantize.h"
#include "op/quant_rule.h"
#include "op/shared/fused.h"
#include "op/shared/quantized.h"
#include "op/shared/version.h"

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
    size_t row_scratch, x_scratch, scale_scratch, zero_scratch; /* hybrid */
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

static qc_status plan_quantized(struct qc_step *step, struct state *s)
{
    const struct qc_value *x = step->in[0], *w = step->in[1], *y = step->out[0];
    const struct tfl_BatchMatMulOptions *o = step->options;
    if (s->kind == HYBRID) {
        s->how = w->constant && !step->rt->reference ? QC_ROW_XNNPACK : o->asymmetric_quantize_inputs ? QC_ROW_ASYMMETRIC : QC_ROW_SYMMETRIC;
        s->row_scratch = qc_step_scratch(step, s->m.depth * sizeof(float));
        s->x_scratch = qc_step_scratch(step, s->m.rows * s->m.depth);
        s->scale_scratch = qc_step_scratch(step, s->m.rows * sizeof(float));
        s->zero_scratch = qc_step_scratch(step, s->m.rows * sizeof(int32_t));
        return QC_OK;
    }
    if (s->kind == S8_S32) return QC_OK;
    float product = qc_value_scale(x) * qc_value_scale(w);
    s->scale = product / qc_value_scale(y);
    s->multiplier = qc_multiplier_of((double)product / qc_value_scale(y));
    if (s->kind != S8 && s->multiplier.shift > 7)
        return qc_step_fail(step, QC_FORMAT, "input scales %g x %g / output scale %g is above 128", (double)qc_value_scale(x),
                            (double)qc_value_scale(w), (double)qc_value_scale(y));
    bool xnnpack = s->kind == S8 && !step->rt->reference && qc_value_zero_point(w) == 0;
    s->stage = (struct qc_stage){.rounding = xnnpack ? QC_ROUND_F32 : step->rt->reference ? QC_ROUND_TWICE : QC_ROUND_UP,
                                 .multiplier = &s->multiplier, .scale = &s->scale, .zero_point = qc_value_zero_point(y)};
    qc_integer_limits(y->type, &s->stage.low, &s->stage.high);
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
    return plan_quantized(step, s);
}

struct task {
    const struct qc_step *step;
    size_t batch;
};

/* Quantizes rows of one matrix of x. */
static void quantize_matrix(const struct qc_step *step, size_t batch)
{
    const struct state *s = step->state;
    char *scratch = step->scratch;
    float *row = (float *)(void *)(scratch + s->row_scratch), *scale = (float *)(void *)(scratch + s->scale_scratch);
    int32_t *zero = (int32_t *)(void *)(scratch + s->zero_scratch);
    const float *x = (const float *)step->in[0]->data + s->x_at[batch];
    for (size_t i = 0; i < s->m.rows; i++) {
        for (size_t k = 0; k < s->m.depth; k++) row[k] = x[i * s->m.x_row + k * s->m.x_depth];
        qc_row_quantize(qc_row_quantizer_pick(0), s->how, row, s->m.depth, (int8_t *)scratch + s->x_scratch + i * s->m.depth, scale + i, zero + i);
    }
}

static void hybrid_rows(const struct qc_step *step, const void *w, void *y, size_t begin, size_t end)
{
    const struct state *s = step->state;
    char *scratch = step->scratch;
    struct qc_matmul m = s->m;
    m.x_row = m.depth;
    m.x_depth = 1;
    qc_matmul_hybrid_ref(&m, (int8_t *)scratch + s->x_scratch, (float *)(void *)(scratch + s->scale_scratch),
                         (int32_t *)(void *)(scratch + s->zero_scratch), w, qc_value_scale(step->in[1]), y, begin, end);
}

static void rows(void *context, size_t begin, size_t end, int thread)
{
    const struct task *t = context;
    const struct qc_step *step = t->step;
    const struct state *s = step->state;
    int32_t x_zero = qc_value_zero_point(step->in[0]), w_zero = qc_value_zero_point(step->in[1]);
    const char *x = (const char *)step->in[0]->data + s->x_at[t->batch] * qc_dtype_bytes(step->in[0]->type, 1);
    const char *w = (const char *)step->in[1]->data + s->w_at[t->batch] * qc_dtype_bytes(step->in[1]->type, 1);
    char *y = (char *)step->out[0]->data + t->batch * s->m.rows * s->m.columns * qc_dtype_bytes(step->out[0]->type, 1);
    const void *px = x, *pw = w;
    void *py = y;
    (void)thread;
    switch (s->kind) {
    case F32: qc_matmul_f32_ref(&s->m, px, pw, py, begin, end); break;
    case S8: qc_matmul_s8_ref(&s->m, px, x_zero, pw, w_zero, &s->stage, py, begin, end); break;
    case S8_S32: qc_matmul_s32_ref(&s->m, px, x_zero, pw, w_zero, py, begin, end); break;
    case S16: qc_matmul_s16_ref(&s->m, px, pw, &s->stage, py, begin, end); break;
    case S16_S8: qc_matmul_s16_s8_ref(&s->m, px, pw, &s->stage, py, begin, end); break;
    default: hybrid_rows(step, pw, py, begin, end); break;
    }
}

static qc_status run(struct qc_step *step)
{
    struct state *s = step->state;
    for (size_t i = 0; i < s->batches; i++) {
        struct task task = {step, i};
        if (s->kind == HYBRID) quantize_matrix(step, i);
        qc_pool_for(step->rt->pool, s->m.rows, 1 + 65536 / (s->m.columns * s->m.depth + 1), rows, &task);
    }
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
     .in_max = 2, .out_min = 1, .out_max = 1, .max_version = 4, .quant = &rule, .infer = infer, .plan = plan, .run = run,
     .version = version},
    {0},
};
