/*
 * normalization.c - L2_NORMALIZATION over the last axis and LOCAL_RESPONSE_NORMALIZATION over windows of it.
 */
#include "kernel/fixed_point.h"
#include "op/quant_rule.h"
#include "op/shared/quantized.h"
#include "op/shared/sliding.h"
#include "op/shared/version.h"

#include <math.h>

static bool is_byte(qc_dtype type)
{
    return type == QC_INT8 || type == QC_UINT8;
}

static qc_status infer_l2(struct qc_step *step)
{
    const struct tfl_L2NormOptions *o = step->options;
    const struct qc_value *x = step->in[0], *y = step->out[0];
    if (!x || x->rank < 1) return qc_step_fail(step, QC_FORMAT, "input 0 must be a tensor of rank 1 or more");
    if (x->type != QC_FLOAT32 && !is_byte(x->type)) return qc_step_unsupported_type(step);
    if (o->fused_activation_function) return qc_step_fail(step, QC_UNSUPPORTED, "a fused activation");
    if (is_byte(x->type)) {
        QC_TRY(qc_require_quantized(step, "input 0", x));
        QC_TRY(qc_require_quantized(step, "output 0", y));
        int32_t zero = x->type == QC_INT8 ? 0 : 128;
        if (qc_value_scale(y) != 1.0f / 128 || qc_value_zero_point(y) != zero)
            return qc_step_fail(step, QC_FORMAT, "output 0: scale %g and zero point %d, but must be 1/128 and %d here",
                                (double)qc_value_scale(y), (int)qc_value_zero_point(y), (int)zero);
    }
    return qc_step_output_like(step, 0, x->type, x);
}

static void l2_f32(const float *x, float *y, size_t n)
{
    float sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] * x[i];
    float norm = sqrtf(sum);
    if (norm < 1e-6f) norm = 1e-6f;
    for (size_t i = 0; i < n; i++) y[i] = x[i] / norm;
}

/* Stored numbers in units of 1/128. The two types differ in where the factor 128 goes. */
static void l2_byte(const void *x, void *y, size_t n, int32_t zero, bool is_signed)
{
    const uint8_t *bytes = x;
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t d = (is_signed ? (int8_t)bytes[i] : bytes[i]) - zero;
        sum += (uint32_t)(d * d);
    }
    struct qc_multiplier inverse = qc_fixed_inverse_sqrt((int32_t)(sum & INT32_MAX));
    for (size_t i = 0; i < n; i++) {
        int32_t d = (is_signed ? (int8_t)bytes[i] : bytes[i]) - zero;
        int32_t stored = is_signed ? qc_clamp(qc_requant(d, (struct qc_multiplier){inverse.multiplier, inverse.shift + 7}), -128, 127)
                                   : qc_clamp(qc_requant(d * 128, inverse) + 128, 0, 255);
        ((uint8_t *)y)[i] = (uint8_t)stored;
    }
}

static void l2_rows(void *context, size_t begin, size_t end, int thread)
{
    const struct qc_step *step = context;
    const struct qc_value *x = step->in[0];
    size_t n = (size_t)x->dims[x->rank - 1], width = qc_dtype_bytes(x->type, n);
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        const void *from = (const char *)x->data + i * width;
        void *to = (char *)step->out[0]->data + i * width;
        if (x->type == QC_FLOAT32) l2_f32(from, to, n);
        else l2_byte(from, to, n, qc_value_zero_point(x), x->type == QC_INT8);
    }
}

static qc_status run_l2(struct qc_step *step)
{
    const struct qc_value *x = step->in[0];
    size_t n = (size_t)x->dims[x->rank - 1];
    if (n) qc_pool_for(step->rt->pool, qc_value_elements(x) / n, 1 + 8192 / n, l2_rows, step);
    return QC_OK;
}

static int l2_version(const struct qc_node *node)
{
    return qc_node_type(node, 0) == QC_INT8 ? 2 : 1;
}

static qc_status infer_local(struct qc_step *step)
{
    const struct tfl_LocalResponseNormalizationOptions *o = step->options;
    QC_TRY(qc_require_rank(step, 0, 4));
    if (step->in[0]->type != QC_FLOAT32) return qc_step_unsupported_type(step);
    if (o->radius < 0) return qc_step_fail(step, QC_FORMAT, "radius is %d", (int)o->radius);
    return qc_step_output_like(step, 0, QC_FLOAT32, step->in[0]);
}

/* y[c] = x[c] / (bias + alpha * sum of squares over [c - radius, c + radius]) ^ beta */
static void local_rows(void *context, size_t begin, size_t end, int thread)
{
    const struct qc_step *step = context;
    const struct tfl_LocalResponseNormalizationOptions *o = step->options;
    int64_t n = step->in[0]->dims[3];
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        const float *x = (const float *)step->in[0]->data + i * (size_t)n;
        float *y = (float *)step->out[0]->data + i * (size_t)n;
        for (int64_t c = 0; c < n; c++) {
            int64_t from = QC_MAX(c - o->radius, 0), to = QC_MIN(c + o->radius, n - 1);
            float sum = 0;
            for (int64_t k = from; k <= to; k++) sum += x[k] * x[k];
            y[c] = x[c] * powf(o->bias + o->alpha * sum, -o->beta);
        }
    }
}

static qc_status run_local(struct qc_step *step)
{
    qc_pool_for(step->rt->pool, qc_value_span(step->in[0], 0, 3), 16, local_rows, step);
    return QC_OK;
}

static const struct qc_quant_rule l2_rule = {
    .modes = QC_Q_INT8, .in = {{QC_ROLE_ACTIVATION, 0, 0, 0}}, .output = QC_OUTPUT_FIXED, .fixed_scale8 = 1.0f / 128,
};

const struct qc_op qc_op_normalization[] = {
    {.name = "L2_NORMALIZATION", .code = tfl_BuiltinOperator_L2_NORMALIZATION, .options = &tfl_L2NormOptions_table, .in_min = 1,
     .in_max = 1, .out_min = 1, .out_max = 1, .max_version = 2, .quant = &l2_rule, .infer = infer_l2, .run = run_l2,
     .version = l2_version},
    {.name = "LOCAL_RESPONSE_NORMALIZATION", .code = tfl_BuiltinOperator_LOCAL_RESPONSE_NORMALIZATION,
     .options = &tfl_LocalResponseNormalizationOptions_table, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1,
     .infer = infer_local, .run = run_local},
    {0},
};
