/*
 * prelu.c - PRELU: x where it is not negative, alpha x where it is; alpha is broadcast to the shape of x.
 */
#include "op/quant_rule.h"
#include "op/shared/broadcast.h"
#include "op/shared/fused.h"
#include "op/shared/quantized.h"

struct params {
    struct qc_multiplier positive, negative;
    int32_t x_zero, alpha_zero, y_zero, least, most;
};

struct state {
    struct qc_broadcast plan;
    struct params params;
};

static int32_t stored(const struct params *p, int32_t x, int32_t alpha)
{
    int32_t d = x - p->x_zero;
    int32_t y = d >= 0 ? qc_requant(d, p->positive) : qc_requant((int32_t)((uint32_t)d * (uint32_t)(alpha - p->alpha_zero)), p->negative);
    return qc_clamp((int32_t)((uint32_t)y + (uint32_t)p->y_zero), p->least, p->most);
}

#define DEFINE_ROW(name, X, ALPHA, EXPR)                                                                        \
    static void name(const void *params, void *out, const void *const *in, const size_t *step, size_t n)        \
    {                                                                                                           \
        const struct params *p = params;                                                                        \
        const X *from = in[0];                                                                                  \
        const ALPHA *slope = in[1];                                                                             \
        (void)p;                                                                                                \
        for (size_t i = 0; i < n; i++) {                                                                        \
            const X x = from[i * step[0]];                                                                      \
            const ALPHA alpha = slope[i * step[1]];                                                             \
            ((X *)out)[i] = (X)(EXPR);                                                                          \
        }                                                                                                       \
    }

DEFINE_ROW(row_f32, float, float, x >= 0 ? x : x * alpha)
DEFINE_ROW(row_s8, int8_t, int8_t, stored(p, x, alpha))
DEFINE_ROW(row_u8, uint8_t, uint8_t, stored(p, x, alpha))
DEFINE_ROW(row_s16, int16_t, int8_t, stored(p, x, alpha))

static qc_row_fn *row_of(qc_dtype x, qc_dtype alpha)
{
    if (x == QC_FLOAT32 && alpha == QC_FLOAT32) return row_f32;
    if (x == QC_INT8 && alpha == QC_INT8) return row_s8;
    if (x == QC_UINT8 && alpha == QC_UINT8) return row_u8;
    if (x == QC_INT16 && alpha == QC_INT8) return row_s16;
    return NULL;
}

static qc_status infer(struct qc_step *step)
{
    const struct qc_value *x = step->in[0], *alpha = step->in[1];
    if (!x || !alpha) return qc_step_fail(step, QC_FORMAT, "input %d is missing", x ? 1 : 0);
    if (!row_of(x->type, alpha->type)) return qc_step_unsupported_type(step);
    if (x->type != QC_FLOAT32) {
        QC_TRY(qc_require_quantized(step, "input 0", x));
        QC_TRY(qc_require_quantized(step, "input 1", alpha));
        QC_TRY(qc_require_quantized(step, "output 0", step->out[0]));
    }
    QC_TRY(qc_infer_broadcast(step, 2, x->type));
    if (!qc_value_same_shape(step->out[0], x))
        return qc_step_fail(step, QC_FORMAT, "input 1 (alpha) has a larger shape than input 0 and cannot be broadcast to it");
    return QC_OK;
}

static qc_status plan(struct qc_step *step)
{
    struct state *s = step->state = qc_step_alloc(step, sizeof *s);
    if (!s) return QC_NOMEM;
    const struct qc_value *x = step->in[0], *alpha = step->in[1], *y = step->out[0];
    qc_broadcast_plan(&s->plan, 2, step->in, y);
    if (x->type == QC_FLOAT32) return QC_OK;
    struct params *p = &s->params;
    *p = (struct params){.x_zero = qc_value_zero_point(x), .alpha_zero = qc_value_zero_point(alpha), .y_zero = qc_value_zero_point(y),
                         .positive = qc_multiplier_of(qc_value_scale(x) / qc_value_scale(y)),
                         .negative = qc_multiplier_of(qc_value_scale(x) * qc_value_scale(alpha) / qc_value_scale(y))};
    qc_integer_limits(x->type, &p->least, &p->most);
    return QC_OK;
}

static qc_status run(struct qc_step *step)
{
    struct state *s = step->state;
    qc_broadcast_run(&s->plan, row_of(step->in[0]->type, step->in[1]->type), &s->params, step->in, step->out[0], step->rt->pool);
    return QC_OK;
}

static const struct qc_quant_rule rule = {
    .modes = QC_Q_INT8, .in = {{QC_ROLE_ACTIVATION, 0, 0, 0}, {QC_ROLE_ACTIVATION, 0, 0, 0}},
};

const struct qc_op qc_op_prelu[] = {
    {.name = "PRELU", .code = tfl_BuiltinOperator_PRELU, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1, .quant = &rule,
     .infer = infer, .plan = plan, .run = run},
    {0},
};
