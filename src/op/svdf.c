/*
 * svdf.c - SVDF: each of units x rank filters keeps its last `memory` products with the input, and a unit's output is the sum over its
 * rank filters of those products weighted by time.
 *
 * float32; hybrid (int8 weights); int8 with int16 state and time weights, int32 bias, ReLU by the output's range.
 */
#include "op/quant_rule.h"
#include "op/shared/lstm_layer.h"
#include "op/shared/quantized.h"
#include "op/shared/sliding.h"
#include "op/shared/version.h"

enum { X, FEATURE, TIME, BIAS, STATE };

struct state {
    int32_t batch, input, filters, units, rank, memory;
    struct qc_multiplier first, second; /* int8 */
    size_t work, work_bytes;            /* sums of the filters, the input in int8 */
};

static qc_status read_all(struct qc_step *step, struct state *s)
{
    const struct tfl_SVDFOptions *o = step->options;
    QC_TRY(qc_require_rank(step, X, 2));
    QC_TRY(qc_require_rank(step, FEATURE, 2));
    QC_TRY(qc_require_rank(step, TIME, 2));
    const struct qc_value *x = step->in[X], *feature = step->in[FEATURE], *time = step->in[TIME];
    bool integer = x->type == QC_INT8, bytes = feature->type == QC_INT8 || feature->type == QC_UINT8;
    if (x->type == QC_FLOAT32 ? feature->type != QC_FLOAT32 && !bytes : !integer || feature->type != QC_INT8)
        return qc_step_unsupported_type(step);
    s->batch = x->dims[0], s->input = x->dims[1], s->filters = feature->dims[0], s->memory = time->dims[1], s->rank = o->rank;
    if (s->rank < 1 || s->filters % s->rank)
        return qc_step_fail(step, QC_FORMAT, "%d filters do not divide by rank %d", (int)s->filters, (int)s->rank);
    if (s->memory < 1) return qc_step_fail(step, QC_FORMAT, "input 2 (time weights) has no memory");
    s->units = s->filters / s->rank;
    QC_TRY(qc_require_matrix(step, FEATURE, feature->type, s->filters, s->input));
    QC_TRY(qc_require_matrix(step, TIME, integer ? QC_INT16 : feature->type, s->filters, s->memory));
    if (qc_operand(step, BIAS)) QC_TRY(qc_require_vector(step, BIAS, integer ? QC_INT32 : QC_FLOAT32, s->units));
    QC_TRY(qc_require_state(step, STATE, integer ? QC_INT16 : QC_FLOAT32, (int64_t)s->batch * s->filters * s->memory));
    if (!integer) return qc_require_activation(step, o->fused_activation_function);
    if (o->fused_activation_function != tfl_ActivationFunctionType_RELU)
        return qc_step_fail(step, QC_UNSUPPORTED, "fused activation number %d; int8 SVDF has RELU only", o->fused_activation_function);
    QC_TRY(qc_require_quantized(step, "input 0", x));
    return qc_require_quantized(step, "output 0", step->out[0]);
}

static qc_status infer(struct qc_step *step)
{
    struct state s = {0};
    QC_TRY(read_all(step, &s));
    return qc_step_output(step, 0, step->in[X]->type, 2, (int32_t[]){s.batch, s.units});
}

static qc_status plan(struct qc_step *step)
{
    struct state *s = step->state = qc_step_alloc(step, sizeof *s);
    if (!s) return QC_NOMEM;
    QC_TRY(read_all(step, s));
    s->work_bytes = ((size_t)s->filters * 4 + (size_t)s->input + 63) & ~(size_t)63;
    s->work = qc_step_scratch(step, s->work_bytes * (size_t)qc_pool_threads(step->rt->pool));
    if (step->in[X]->type != QC_INT8) return QC_OK;
    float state = qc_value_scale(step->in[STATE]);
    s->first = qc_multiplier_of(qc_value_scale(step->in[X]) * qc_value_scale(step->in[FEATURE]) / state);
    s->second = qc_multiplier_of(state * qc_value_scale(step->in[TIME]) / qc_value_scale(step->out[0]));
    return QC_OK;
}

/* The new products take the place of the oldest ones: the memories of one row of the batch move up by one. */
#define SHIFT(memory_of, value_of)                                                          \
    for (int32_t f = 0; f < s->filters; f++) {                                              \
        memmove(memory_of, memory_of + 1, (size_t)(s->memory - 1) * sizeof *(memory_of));   \
        (memory_of)[s->memory - 1] = value_of;                                              \
    }

static void float_row(const struct qc_step *step, size_t b, char *work)
{
    const struct state *s = step->state;
    const struct tfl_SVDFOptions *o = step->options;
    const struct qc_value *bias = qc_operand(step, BIAS);
    size_t memory = (size_t)s->memory, input = (size_t)s->input, units = (size_t)s->units;
    float *sum = (float *)(void *)work, *state = (float *)step->in[STATE]->data + b * (size_t)s->filters * memory;
    float *y = (float *)step->out[0]->data + b * units;
    struct qc_matrix feature = qc_matrix_of(step, FEATURE), time = qc_matrix_of(step, TIME);
    struct qc_vector x = qc_vector_of((const float *)step->in[X]->data + b * input, input, feature.s8 != NULL,
                                      o->asymmetric_quantize_inputs ? QC_ROW_ASYMMETRIC : QC_ROW_SYMMETRIC,
                                      (int8_t *)work + (size_t)s->filters * 4);
    memset(sum, 0, (size_t)s->filters * sizeof *sum);
    qc_matrix_accumulate(&feature, (size_t)s->filters, input, &x, sum);
    SHIFT(state + (size_t)f * memory, sum[f])
    for (size_t f = 0; f < (size_t)s->filters; f++) {
        float total = 0;
        for (size_t m = f * memory; m < (f + 1) * memory; m++)
            total += (time.f32 ? time.f32[m] : (float)time.s8[m] * time.scale) * state[m];
        sum[f] = total;
    }
    for (size_t u = 0; u < units; u++) {
        y[u] = 0;
        for (size_t r = 0; r < (size_t)s->rank; r++) y[u] += sum[u * (size_t)s->rank + r];
        if (bias) y[u] += ((const float *)bias->data)[u];
    }
    qc_activate(qc_vmath_pick(qc_cpu_features()), (enum qc_activation)o->fused_activation_function, y, units);
}

static void integer_row(const struct qc_step *step, size_t b, char *work)
{
    const struct state *s = step->state;
    size_t memory = (size_t)s->memory, input = (size_t)s->input;
    int32_t *sum = (int32_t *)(void *)work, x_zero = qc_value_zero_point(step->in[X]), y_zero = qc_value_zero_point(step->out[0]);
    int16_t *state = (int16_t *)step->in[STATE]->data + b * (size_t)s->filters * memory;
    const int16_t *time = step->in[TIME]->data;
    const int8_t *x = (const int8_t *)step->in[X]->data + b * input, *w = step->in[FEATURE]->data;
    const struct qc_value *bias = qc_operand(step, BIAS);
    int8_t *y = (int8_t *)step->out[0]->data + b * (size_t)s->units;
    for (size_t f = 0; f < (size_t)s->filters; f++) {
        uint32_t dot = 0;
        for (size_t i = 0; i < input; i++) dot += (uint32_t)(w[f * input + i] * (x[i] - x_zero));
        sum[f] = qc_clamp(qc_requant((int32_t)dot, s->first), INT16_MIN, INT16_MAX);
    }
    SHIFT(state + (size_t)f * memory, (int16_t)sum[f])
    for (size_t u = 0; u < (size_t)s->units; u++) {
        uint32_t total = bias ? ((const uint32_t *)bias->data)[u] : 0;
        for (size_t m = u * (size_t)s->rank * memory; m < (u + 1) * (size_t)s->rank * memory; m++)
            total += (uint32_t)(time[m] * state[m]);
        int64_t stored = (int64_t)qc_requant((int32_t)total, s->second) + y_zero;
        y[u] = (int8_t)(stored < INT8_MIN ? INT8_MIN : stored > INT8_MAX ? INT8_MAX : stored);
    }
}

static void rows(void *context, size_t begin, size_t end, int thread)
{
    const struct qc_step *step = context;
    const struct state *s = step->state;
    char *work = (char *)step->scratch + s->work + (size_t)thread * s->work_bytes;
    for (size_t b = begin; b < end; b++) {
        if (step->in[X]->type == QC_INT8) integer_row(step, b, work);
        else float_row(step, b, work);
    }
}

static qc_status run(struct qc_step *step)
{
    qc_pool_for(step->rt->pool, (size_t)((struct state *)step->state)->batch, 1, rows, step);
    return QC_OK;
}

static int version(const struct qc_node *node)
{
    const struct tfl_SVDFOptions *o = node->options;
    if (qc_node_type(node, 0) == QC_INT8) return 3;
    return qc_node_hybrid(node, 0, 1) ? (o && o->asymmetric_quantize_inputs ? 4 : 2) : 1;
}

static const struct qc_quant_rule rule = {
    .modes = QC_Q_HYBRID, .in = {{QC_ROLE_FLOAT, 0, 0, 0}}, .hybrid = 1 << FEATURE | 1 << TIME, .hybrid_axis = -1,
};

const struct qc_op qc_op_svdf[] = {
    {.name = "SVDF", .code = tfl_BuiltinOperator_SVDF, .options = &tfl_SVDFOptions_table, .in_min = 5, .in_max = 5, .out_min = 1,
     .out_max = 1, .max_version = 4, .flags = QC_OP_STATEFUL, .quant = &rule, .infer = infer, .plan = plan, .run = run,
     .version = version},
    {0},
};
