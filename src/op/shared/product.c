/*
 * product.c - see product.h.
 */
#include "op/shared/product.h"
#include "op/shared/fused.h"
#include "op/shared/quantized.h"
#include "op/shared/sliding.h"

static bool narrow_signed(qc_dtype type)
{
    return type == QC_INT8 || type == QC_INT4 || type == QC_INT2;
}

static bool kind_of(const struct qc_step *step, const struct qc_product *p, enum qc_product_kind *kind)
{
    qc_dtype x = step->in[p->x]->type, w = step->in[p->w]->type;
    const struct qc_value *bias = qc_operand(step, p->bias);
    if (x == QC_FLOAT32 && w == QC_FLOAT32) *kind = QC_PRODUCT_F32;
    else if (x == QC_FLOAT32 && (narrow_signed(w) || w == QC_UINT8)) *kind = QC_PRODUCT_HYBRID;
    else if (x == QC_INT8 && narrow_signed(w)) *kind = QC_PRODUCT_S8;
    else if (x == QC_UINT8 && w == QC_UINT8) *kind = QC_PRODUCT_U8;
    else if (x == QC_INT16 && narrow_signed(w)) *kind = (bias ? bias->type == QC_INT32 : p->narrow) ? QC_PRODUCT_S16_B32 : QC_PRODUCT_S16;
    else return false;
    return true;
}

static qc_dtype bias_type(enum qc_product_kind kind)
{
    return kind == QC_PRODUCT_F32 || kind == QC_PRODUCT_HYBRID ? QC_FLOAT32 : kind == QC_PRODUCT_S16 ? QC_INT64 : QC_INT32;
}

static const char *operand_name(int k)
{
    static const char *const name[] = {"input 0", "input 1", "input 2", "input 3"};
    return name[k];
}

qc_status qc_product_check(struct qc_step *step, const struct qc_product *p, int32_t channels)
{
    enum qc_product_kind kind;
    if (!kind_of(step, p, &kind)) return qc_step_unsupported_type(step);
    struct qc_value *x = step->in[p->x], *w = step->in[p->w], *y = step->out[0];
    QC_TRY(qc_require_bias(step, p->bias, bias_type(kind), channels));
    if (kind == QC_PRODUCT_F32) return QC_OK;
    if (kind == QC_PRODUCT_HYBRID && w->type == QC_UINT8) return qc_require_quantized(step, operand_name(p->w), w);
    if (p->any_zero && w->type == QC_INT8 && w->quant && w->quant->count == 1) QC_TRY(qc_require_quantized(step, operand_name(p->w), w));
    else QC_TRY(qc_require_weights(step, operand_name(p->w), w, p->w_axis, channels));
    if (kind == QC_PRODUCT_HYBRID) return QC_OK;
    bool wide = x->type == QC_INT16;
    QC_TRY(wide ? qc_require_symmetric(step, operand_name(p->x), x) : qc_require_quantized(step, operand_name(p->x), x));
    return wide ? qc_require_symmetric(step, "output 0", y) : qc_require_quantized(step, "output 0", y);
}

/* Multipliers of every output channel, and the output's limits. */
static qc_status plan_stage(struct qc_step *step, struct qc_product *p)
{
    struct qc_value *x = step->in[p->x], *w = step->in[p->w], *y = step->out[0];
    size_t channels = (size_t)p->conv.out_channels;
    float x_scale = qc_value_scale(x), y_scale = qc_value_scale(y);
    const bool f32 = p->rounding == QC_ROUND_F32, f64 = p->rounding == QC_ROUND_F64;
    float *scale = qc_step_alloc(step, channels * sizeof *scale);
    struct qc_multiplier *multiplier = f32 ? NULL : qc_step_alloc(step, channels * sizeof *multiplier);
    double *scale64 = f64 ? qc_step_alloc(step, channels * sizeof *scale64) : NULL;
    if (!scale || (!f32 && !multiplier) || (f64 && !scale64)) return QC_NOMEM;
    qc_weight_scales(w, p->conv.out_channels, scale);
    bool one = w->quant->count == 1;
    for (size_t i = 0; i < channels; i++) {
        const double product = one && p->float_product ? (double)(x_scale * scale[i]) : (double)x_scale * scale[i];
        if (f64) scale64[i] = (double)x_scale * scale[i] / y_scale;
        if (!f32) multiplier[i] = qc_multiplier_of(product / y_scale);
        scale[i] = x_scale * scale[i] / y_scale;
    }
    p->stage = (struct qc_stage){.rounding = p->rounding, .multiplier = multiplier, .scale = scale, .scale64 = scale64, .whole = channels / 8 * 8,
                                 .zero_point = qc_value_zero_point(y)};
    if (p->kind == QC_PRODUCT_U8) p->stage.whole = qc_value_elements(y) / 16 * 16;
    if (p->kind == QC_PRODUCT_S16 && p->rounding != QC_ROUND_F64)
        for (size_t i = 0; i < channels; i++)
            if (multiplier[i].shift > 7)
                return qc_step_fail(step, QC_FORMAT, "channel %zu: input scale x weight scale / output scale is %g, above 128", i,
                                    (double)scale[i]);
    p->x_zero = qc_value_zero_point(x);
    p->w_zero = w->type == QC_UINT8 ? qc_value_zero_point(w) - 128 : p->any_zero && p->kind == QC_PRODUCT_S8 ? qc_value_zero_point(w) : 0;
    return qc_fused_limits_quantized(step, p->activation, y, &p->stage.low, &p->stage.high);
}

static qc_status plan_hybrid(struct qc_step *step, struct qc_product *p)
{
    struct qc_value *w = step->in[p->w];
    p->w_scale = qc_step_alloc(step, (size_t)p->conv.out_channels * sizeof(float));
    if (!p->w_scale) return QC_NOMEM;
    if (w->type == QC_UINT8)
        for (int32_t i = 0; i < p->conv.out_channels; i++) p->w_scale[i] = qc_value_scale(w);
    else
        qc_weight_scales(w, p->conv.out_channels, p->w_scale);
    p->quantizer = qc_row_quantizer_pick(qc_cpu_features());
    p->x_scratch = qc_step_scratch(step, qc_value_elements(step->in[p->x]));
    p->scale_scratch = qc_step_scratch(step, (size_t)p->conv.batch * sizeof(float));
    p->zero_scratch = qc_step_scratch(step, (size_t)p->conv.batch * sizeof(int32_t));
    return QC_OK;
}

/* One row against many weights, which are read as they stand. Few are packed: columns side by side need no sums across a vector. So are very many:
 * from memory, one stream in large pages is a third faster than several in small ones. */
static bool one_row(const struct qc_step *step, const struct qc_product *p)
{
    enum { LEAST_DEPTH = 256, LEAST = 16384, MOST = 2 << 20 };
    const struct qc_conv *c = &p->conv;
    const size_t depth = (size_t)c->in_channels, columns = (size_t)c->out_channels;
    return p->kind == QC_PRODUCT_F32 && p->weights.direct && c->groups == 1 && depth >= LEAST_DEPTH && depth * columns >= LEAST && depth * columns <= MOST &&
           qc_value_elements(step->in[p->x]) == depth && qc_value_elements(step->out[0]) == columns && qc_value_elements(step->in[p->w]) == depth * columns;
}

static void plan_one_row(struct qc_step *step, struct qc_product *p)
{
    p->dot = qc_dot_f32_pick(qc_cpu_features());
    step->kernel = p->dot->variant.name;
    step->finishes = true;
    step->work = (uint64_t)p->conv.in_channels * (uint64_t)p->conv.out_channels;
}

qc_status qc_product_plan(struct qc_step *step, struct qc_product *p)
{
    static const char *const name[] = {"conv_f32_ref", "conv_hybrid_ref", "conv_s8_ref", "conv_u8_ref", "conv_s16_ref", "conv_s16_b32_ref"};
    kind_of(step, p, &p->kind);
    QC_TRY(qc_fused_limits(step, p->activation, &p->low, &p->high));
    if (p->kind == QC_PRODUCT_HYBRID) QC_TRY(plan_hybrid(step, p));
    else if (p->kind != QC_PRODUCT_F32) QC_TRY(plan_stage(step, p));
    p->weights.value = step->in[p->w];
    p->weights.order = p->order;
    p->weights.flip = p->kind == QC_PRODUCT_U8;
    step->kernel = name[p->kind];
    QC_TRY(qc_weights_plan(step, &p->weights));
    if (one_row(step, p)) {
        plan_one_row(step, p);
        return QC_OK;
    }
    return p->turns_128 ? QC_OK : qc_tiled_plan(step, p, &p->tiled);
}

qc_status qc_product_prepare(struct qc_step *step, struct qc_product *p)
{
    return p->tiled ? qc_tiled_prepare(step, p, p->tiled) : qc_weights_prepare(step, &p->weights);
}

struct task { /* what the threads of one invocation share */
    const struct qc_product *p;
    const void *x, *w, *bias;
    struct qc_hybrid hybrid;
    void *y;
    enum qc_row_quantization how;
    int8_t *x_stored;
    float *x_scale;
    int32_t *x_zero;
    size_t row;
};

static void quantize_rows(void *context, size_t begin, size_t end, int thread)
{
    struct task *t = context;
    (void)thread;
    for (size_t i = begin; i < end; i++)
        qc_row_quantize(t->p->quantizer, t->how, (const float *)t->x + i * t->row, t->row, t->x_stored + i * t->row, t->x_scale + i, t->x_zero + i);
}

static void positions(void *context, size_t begin, size_t end, int thread)
{
    const struct task *t = context;
    const struct qc_product *p = t->p;
    (void)thread;
    switch (p->kind) {
    case QC_PRODUCT_F32: qc_conv_f32_ref(&p->conv, t->x, t->w, t->bias, p->low, p->high, t->y, begin, end); break;
    case QC_PRODUCT_HYBRID: qc_conv_hybrid_ref(&p->conv, t->x_stored, t->w, &t->hybrid, t->y, begin, end); break;
    case QC_PRODUCT_S8: qc_conv_s8_ref(&p->conv, t->x, p->x_zero, t->w, p->w_zero, t->bias, &p->stage, t->y, begin, end); break;
    case QC_PRODUCT_U8: qc_conv_u8_ref(&p->conv, t->x, p->x_zero, t->w, p->w_zero, t->bias, &p->stage, t->y, begin, end); break;
    case QC_PRODUCT_S16: qc_conv_s16_ref(&p->conv, t->x, t->w, t->bias, &p->stage, t->y, begin, end); break;
    case QC_PRODUCT_S16_B32: qc_conv_s16_b32_ref(&p->conv, t->x, t->w, t->bias, &p->stage, t->y, begin, end); break;
    }
}

void qc_product_run_rows(struct qc_step *step, const struct qc_product *p, int32_t begin, int32_t end)
{
    const struct qc_tiled_input input = {.x = step->in[p->x]->data, .first_row = (size_t)begin, .rows = (size_t)(end - begin)};
    qc_tiled_run(step, p, p->tiled, &input);
}

static void run_one_row(struct qc_step *step, const struct qc_product *p)
{
    const struct qc_value *bias = qc_operand(step, p->bias);
    const struct qc_dot_f32_call call = {.kernel = p->dot, .columns = (size_t)p->conv.out_channels, .k = (size_t)p->conv.in_channels,
                                         .x = step->in[p->x]->data, .w = step->in[p->w]->data, .bias = bias ? bias->data : NULL,
                                         .y = step->out[0]->data, .low = p->low, .high = p->high};
    qc_dot_f32_run(&call, step->rt->pool);
    if (step->finish) qc_finish_rows(step->finish, call.y, sizeof(float), 0, call.columns, 1, call.columns);
}

qc_status qc_product_run(struct qc_step *step, struct qc_product *p)
{
    const struct qc_conv *c = &p->conv;
    const struct qc_value *bias = qc_operand(step, p->bias);
    if (p->dot) {
        run_one_row(step, p);
        return QC_OK;
    }
    char *scratch = step->scratch;
    struct task task = {.p = p, .x = step->in[p->x]->data, .w = p->tiled ? NULL : qc_weights_get(step, &p->weights), .bias = bias ? bias->data : NULL,
                        .y = step->out[0]->data, .how = p->hybrid};
    if (p->kind == QC_PRODUCT_HYBRID) {
        task.x_stored = (int8_t *)scratch + p->x_scratch;
        task.x_scale = (float *)(void *)(scratch + p->scale_scratch);
        task.x_zero = (int32_t *)(void *)(scratch + p->zero_scratch);
        task.row = c->batch ? qc_value_elements(step->in[p->x]) / (size_t)c->batch : 0;
        task.hybrid = (struct qc_hybrid){task.x_scale, task.x_zero, p->w_scale, task.bias, p->low, p->high, p->turns_128};
        qc_pool_for(step->rt->pool, (size_t)c->batch, 1 + 16384 / (task.row + 1), quantize_rows, &task);
    }
    if (p->tiled) {
        const struct qc_tiled_input input = {task.x_stored ? task.x_stored : task.x, task.x_scale, task.x_zero, 0, (size_t)c->out[1]};
        qc_tiled_run(step, p, p->tiled, &input);
        return QC_OK;
    }
    size_t count = (size_t)c->batch * (size_t)c->out[0] * (size_t)c->out[1] * (size_t)c->out[2];
    size_t work = (size_t)c->kernel[0] * (size_t)c->kernel[1] * (size_t)c->kernel[2] * (size_t)(c->in_channels / c->groups) *
                  (size_t)c->out_channels; /* multiplications for one position */
    qc_pool_for(step->rt->pool, count, 1 + 65536 / (work + 1), positions, &task);
    return QC_OK;
}
