/*
 * softmax.c - SOFTMAX and LOG_SOFTMAX over the last axis.
 */
#include "kernel/softmax.h"
#include "kernel/vmath.h"
#include "op/quant_rule.h"
#include "op/shared/fused.h"
#include "op/shared/quantized.h"
#include "op/shared/version.h"

#include <math.h>

struct state {
    const struct qc_vmath *math;
    float beta;
    void (*row8)(const struct qc_softmax8 *s, const uint8_t *x, int32_t *y, size_t n);
    struct qc_softmax8 eight;
    struct qc_softmax16 sixteen;
    size_t scratch; /* one row of int32 or float32 for each thread */
};

static bool is_log(const struct qc_step *step)
{
    return step->op->code == tfl_BuiltinOperator_LOG_SOFTMAX;
}

static bool is_byte(qc_dtype type)
{
    return type == QC_INT8 || type == QC_UINT8;
}

static qc_status check_output(struct qc_step *step, double scale, int32_t zero)
{
    const struct qc_value *y = step->out[0];
    QC_TRY(qc_require_quantized(step, "output 0", y));
    if (fabs((double)qc_value_scale(y) - scale) > 0.001 * scale || qc_value_zero_point(y) != zero)
        return qc_step_fail(step, QC_FORMAT, "output 0: scale %g and zero point %d, but must be %g and %d here",
                            (double)qc_value_scale(y), (int)qc_value_zero_point(y), scale, (int)zero);
    return QC_OK;
}

static qc_status infer(struct qc_step *step)
{
    const struct qc_value *x = step->in[0], *y = step->out[0];
    if (!x || x->rank < 1) return qc_step_fail(step, QC_FORMAT, "input 0 must be a tensor of rank 1 or more");
    qc_dtype type = x->type;
    if (is_byte(x->type) && y->tensor->type == QC_INT16 && !is_log(step)) type = QC_INT16;
    if (is_byte(x->type) || x->type == QC_INT16) QC_TRY(qc_require_quantized(step, "input 0", x));
    QC_TRY(qc_step_output_like(step, 0, type, x));
    if (is_log(step)) {
        if (is_byte(x->type)) return check_output(step, 16.0 / 256, x->type == QC_INT8 ? 127 : 255);
        return x->type == QC_FLOAT32 ? QC_OK : qc_step_unsupported_type(step);
    }
    switch (x->type) {
    case QC_FLOAT32: case QC_FLOAT16: return QC_OK;
    case QC_INT8: return type == QC_INT8 ? check_output(step, 1.0 / 256, -128) : qc_require_quantized(step, "output 0", y);
    case QC_UINT8: return qc_require_quantized(step, "output 0", y);
    case QC_INT16:
        QC_TRY(qc_require_symmetric(step, "input 0", x));
        return check_output(step, 1.0 / 32768, 0);
    default: return qc_step_unsupported_type(step);
    }
}

static qc_status plan(struct qc_step *step)
{
    struct state *s = step->state = qc_step_alloc(step, sizeof *s);
    if (!s) return QC_NOMEM;
    const struct qc_value *x = step->in[0], *y = step->out[0];
    const struct tfl_SoftmaxOptions *o = is_log(step) ? NULL : step->options;
    s->beta = o ? o->beta : 1;
    s->math = qc_vmath_pick(qc_cpu_features());
    size_t depth = (size_t)x->dims[x->rank - 1];
    if (x->type != QC_FLOAT32 && x->type != QC_INT16)
        s->scratch = qc_step_scratch(step, depth * 4 * (size_t)qc_pool_threads(step->rt->pool));
    if (x->type == QC_INT16) qc_softmax16_init(&s->sixteen, s->beta, qc_value_scale(x));
    if (!is_byte(x->type)) return QC_OK;
    if (!(s->beta * qc_value_scale(x) > 0) || (double)s->beta * (double)qc_value_scale(x) * (1 << 26) <= 1)
        return qc_step_fail(step, QC_FORMAT, "beta %g x input scale %g is too small", (double)s->beta, (double)qc_value_scale(x));
    bool fixed = step->rt->reference;
    s->row8 = is_log(step) ? (fixed ? qc_log_softmax8_fixed : qc_log_softmax8_table) : fixed ? qc_softmax8_fixed : qc_softmax8_table;
    s->eight.is_signed = x->type == QC_INT8;
    s->eight.y_scale = qc_value_scale(y);
    s->eight.y_zero = qc_value_zero_point(y);
    qc_integer_limits(y->type, &s->eight.low, &s->eight.high);
    qc_softmax8_init(&s->eight, s->beta, qc_value_scale(x));
    return QC_OK;
}

static void store_row(qc_dtype type, const int32_t *row, void *y, size_t at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (type == QC_INT16) ((int16_t *)y)[at + i] = (int16_t)row[i];
        else ((uint8_t *)y)[at + i] = (uint8_t)row[i];
    }
}

static void half_row(const struct state *s, const uint16_t *x, uint16_t *y, float *row, size_t n)
{
    for (size_t i = 0; i < n; i++) row[i] = qc_half_to_float(x[i]);
    s->math->softmax(n, row, s->beta, row);
    for (size_t i = 0; i < n; i++) y[i] = qc_float_to_half(row[i]);
}

static void rows(void *context, size_t begin, size_t end, int thread)
{
    const struct qc_step *step = context;
    const struct state *s = step->state;
    const struct qc_value *x = step->in[0], *y = step->out[0];
    size_t n = (size_t)x->dims[x->rank - 1];
    void *row = (char *)step->scratch + s->scratch + (size_t)thread * n * 4;
    for (size_t i = begin; i < end; i++) {
        size_t at = i * n;
        if (x->type == QC_FLOAT16) half_row(s, (const uint16_t *)x->data + at, (uint16_t *)y->data + at, row, n);
        else if (x->type == QC_INT16) qc_softmax16(&s->sixteen, (const int16_t *)x->data + at, (int16_t *)y->data + at, n);
        else if (is_byte(x->type)) {
            s->row8(&s->eight, (const uint8_t *)x->data + at, row, n);
            store_row(y->type, row, y->data, at, n);
        } else if (is_log(step)) qc_log_softmax_f32((const float *)x->data + at, (float *)y->data + at, n);
        else s->math->softmax(n, (const float *)x->data + at, s->beta, (float *)y->data + at);
    }
}

static qc_status run(struct qc_step *step)
{
    const struct qc_value *x = step->in[0];
    size_t n = (size_t)x->dims[x->rank - 1];
    if (n) qc_pool_for(step->rt->pool, qc_value_elements(x) / n, 1 + 4096 / n, rows, step);
    return QC_OK;
}

static int log_version(const struct qc_node *node)
{
    return qc_node_type(node, 0) == QC_INT8 ? 2 : 1;
}

static int softmax_version(const struct qc_node *node)
{
    return qc_node_type(node, 0) == QC_FLOAT16 ? 4 : qc_version_by_width(node);
}

static const struct qc_quant_rule softmax_rule = {
    .modes = QC_Q_INT8 | QC_Q_INT16, .in = {{QC_ROLE_ACTIVATION, 0, 0, 0}}, .output = QC_OUTPUT_FIXED,
    .fixed_scale8 = 1.0f / 256, .fixed_zero_point8 = -128, .fixed_scale16 = 1.0f / 32768,
};
static const struct qc_quant_rule log_rule = {
    .modes = QC_Q_INT8, .in = {{QC_ROLE_ACTIVATION, 0, 0, 0}}, .output = QC_OUTPUT_FIXED, .fixed_scale8 = 16.0f / 256,
    .fixed_zero_point8 = 127,
};

const struct qc_op qc_op_softmax[] = {
    {.name = "SOFTMAX", .code = tfl_BuiltinOperator_SOFTMAX, .options = &tfl_SoftmaxOptions_table, .in_min = 1, .in_max = 1,
     .out_min = 1, .out_max = 1, .max_version = 4, .quant = &softmax_rule, .infer = infer, .plan = plan, .run = run,
     .version = softmax_version},
    {.name = "LOG_SOFTMAX", .code = tfl_BuiltinOperator_LOG_SOFTMAX, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1,
     .max_version = 2, .quant = &log_rule, .infer = infer, .plan = plan, .run = run, .version = log_version},
    {0},
};
