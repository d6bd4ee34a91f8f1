/*
 * pool_2d.c - AVERAGE_POOL_2D, MAX_POOL_2D and L2_POOL_2D.
 */
#include "kernel/window_pool.h"
#include "op/quant_rule.h"
#include "op/shared/fused.h"
#include "op/shared/quantized.h"
#include "op/shared/version.h"
#include "op/shared/sliding.h"

struct pool_state {
    struct qc_window_pool pool;
    qc_window_pool_kernel *function;
};

static qc_status geometry(struct qc_step *step, struct qc_window_pool *p)
{
    const struct tfl_Pool2DOptions *o = step->options;
    QC_TRY(qc_require_rank(step, 0, 4));
    const int32_t *x = step->in[0]->dims;
    *p = (struct qc_window_pool){.batch = x[0], .channels = x[3], .in = {x[1], x[2]}, .kernel = {o->filter_height, o->filter_width},
                                 .stride = {o->stride_h, o->stride_w}};
    QC_TRY(qc_window_axis(step, "height", x[1], o->filter_height, o->stride_h, 1, o->padding, &p->out[0], &p->before[0]));
    return qc_window_axis(step, "width", x[2], o->filter_width, o->stride_w, 1, o->padding, &p->out[1], &p->before[1]);
}

/* The row of kernels for an element type: average, maximum, l2. */
static qc_window_pool_kernel *function_of(const struct qc_step *step)
{
    int which = step->op->code == tfl_BuiltinOperator_AVERAGE_POOL_2D ? 0 : step->op->code == tfl_BuiltinOperator_MAX_POOL_2D ? 1 : 2;
    static qc_window_pool_kernel *const table[4][3] = {
        {qc_average_pool_f32, qc_max_pool_f32, qc_l2_pool_f32},
        {qc_average_pool_s8, qc_max_pool_s8, NULL},
        {qc_average_pool_u8, qc_max_pool_u8, NULL},
        {qc_average_pool_s16, qc_max_pool_s16, NULL},
    };
    switch (step->in[0]->type) {
    case QC_FLOAT32: return table[0][which];
    case QC_INT8: return table[1][which];
    case QC_UINT8: return table[2][which];
    case QC_INT16: return table[3][which];
    default: return NULL;
    }
}

static qc_status infer(struct qc_step *step)
{
    struct qc_window_pool p;
    const struct tfl_Pool2DOptions *o = step->options;
    QC_TRY(geometry(step, &p));
    if (!function_of(step)) return qc_step_unsupported_type(step);
    float low, high;
    QC_TRY(qc_fused_limits(step, o->fused_activation_function, &low, &high));
    if (step->in[0]->type != QC_FLOAT32) QC_TRY(qc_require_quantized(step, "output 0", step->out[0]));
    return qc_step_output(step, 0, step->in[0]->type, 4, (int32_t[]){p.batch, p.out[0], p.out[1], p.channels});
}

static qc_status plan(struct qc_step *step)
{
    const struct tfl_Pool2DOptions *o = step->options;
    struct pool_state *s = step->state = qc_step_alloc(step, sizeof *s);
    if (!s) return QC_NOMEM;
    QC_TRY(geometry(step, &s->pool));
    s->function = function_of(step);
    QC_TRY(qc_fused_limits(step, o->fused_activation_function, &s->pool.low, &s->pool.high));
    if (step->in[0]->type == QC_FLOAT32) return QC_OK;
    return qc_fused_limits_quantized(step, o->fused_activation_function, step->out[0], &s->pool.least, &s->pool.most);
}

static void positions(void *context, size_t begin, size_t end, int thread)
{
    struct qc_step *step = context;
    struct pool_state *s = step->state;
    (void)thread;
    s->function(&s->pool, step->in[0]->data, step->out[0]->data, begin, end);
}

static qc_status run(struct qc_step *step)
{
    const struct qc_window_pool *p = &((struct pool_state *)step->state)->pool;
    size_t work = (size_t)p->kernel[0] * (size_t)p->kernel[1] * (size_t)p->channels;
    qc_pool_for(step->rt->pool, (size_t)p->batch * (size_t)p->out[0] * (size_t)p->out[1], 1 + 65536 / (work + 1), positions, step);
    return QC_OK;
}

static const struct qc_quant_rule rule = {
    .modes = QC_Q_INT8 | QC_Q_INT16, .in = {{QC_ROLE_ACTIVATION, 0, 0, 0}}, .output = QC_OUTPUT_SAME, .same_as = 0,
};

const struct qc_op qc_op_pool_2d[] = {
    {.name = "AVERAGE_POOL_2D", .code = tfl_BuiltinOperator_AVERAGE_POOL_2D, .options = &tfl_Pool2DOptions_table, .in_min = 1,
     .in_max = 1, .out_min = 1, .out_max = 1, .max_version = 3, .quant = &rule, .infer = infer, .plan = plan, .run = run,
     .version = qc_version_by_width},
    {.name = "MAX_POOL_2D", .code = tfl_BuiltinOperator_MAX_POOL_2D, .options = &tfl_Pool2DOptions_table, .in_min = 1, .in_max = 1,
     .out_min = 1, .out_max = 1, .max_version = 3, .quant = &rule, .infer = infer, .plan = plan, .run = run,
     .version = qc_version_by_width},
    {.name = "L2_POOL_2D", .code = tfl_BuiltinOperator_L2_POOL_2D, .options = &tfl_Pool2DOptions_table, .in_min = 1, .in_max = 1,
     .out_min = 1, .out_max = 1, .infer = infer, .plan = plan, .run = run},
    {0},
};
