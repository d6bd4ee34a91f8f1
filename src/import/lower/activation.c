/*
 * activation.c - see activation.h. Definitions: keras/src/activations and keras/src/backend/tensorflow/nn.py of Keras 3,
 * tf_keras/src/activations.py of Keras 2.
 */
#include "import/lower/activation.h"

#include <math.h>
#include <string.h>

/* ---- names ---- */

static const struct row {
    const char *name;
    enum qc_activation_kind kind;
    float alpha, beta, max_value;
} rows[] = {
    {"linear", QC_ACT_LINEAR, 0, 0, 0},
    {"relu", QC_ACT_RELU, 0, 0, INFINITY},
    {"relu6", QC_ACT_RELU, 0, 0, 6},
    {"leaky_relu", QC_ACT_RELU, 0.2f, 0, INFINITY},
    {"elu", QC_ACT_ELU, 1, 0, 0},
    {"selu", QC_ACT_SELU, 0, 0, 0},
    {"celu", QC_ACT_CELU, 1, 0, 0},
    {"exponential", QC_ACT_EXPONENTIAL, 0, 0, 0},
    {"gelu", QC_ACT_GELU, 0, 0, 0},
    {"sigmoid", QC_ACT_SIGMOID, 0, 0, 0},
    {"tanh", QC_ACT_TANH, 0, 0, 0},
    {"log_sigmoid", QC_ACT_LOG_SIGMOID, 0, 0, 0},
    {"softplus", QC_ACT_SOFTPLUS, 0, 0, 0},
    {"softsign", QC_ACT_SOFTSIGN, 0, 0, 0},
    {"silu", QC_ACT_SILU, 0, 0, 0},
    {"swish", QC_ACT_SILU, 0, 0, 0},
    {"mish", QC_ACT_MISH, 0, 0, 0},
    {"squareplus", QC_ACT_SQUAREPLUS, 4, 0, 0},
    {"hard_sigmoid", QC_ACT_HARD_SIGMOID, 0, 0, 0},
    {"hard_silu", QC_ACT_HARD_SILU, 0, 0, 0},
    {"hard_swish", QC_ACT_HARD_SILU, 0, 0, 0},
    {"hard_tanh", QC_ACT_HARD_TANH, 0, 0, 0},
    {"hard_shrink", QC_ACT_HARD_SHRINK, 0.5f, 0, 0},
    {"soft_shrink", QC_ACT_SOFT_SHRINK, 0.5f, 0, 0},
    {"tanh_shrink", QC_ACT_TANH_SHRINK, 0, 0, 0},
    {"threshold", QC_ACT_THRESHOLD, 0, 0, 0},
    {"sparse_plus", QC_ACT_SPARSE_PLUS, 0, 0, 0},
    {"sparse_sigmoid", QC_ACT_SPARSE_SIGMOID, 0, 0, 0},
    {"softmax", QC_ACT_SOFTMAX, 0, 0, 0},
    {"log_softmax", QC_ACT_LOG_SOFTMAX, 0, 0, 0},
    {"sparsemax", QC_ACT_SPARSEMAX, 0, 0, 0},
    {"glu", QC_ACT_GLU, 0, 0, 0},
};

bool qc_activation_find(const char *name, int keras_major, struct qc_activation *activation)
{
    for (size_t i = 0; i < QC_COUNT(rows); i++)
        if (!strcmp(rows[i].name, name)) {
            *activation = (struct qc_activation){rows[i].kind, rows[i].alpha, rows[i].beta, rows[i].max_value, -1};
            if (activation->kind == QC_ACT_HARD_SIGMOID && keras_major < 3) activation->kind = QC_ACT_HARD_SIGMOID_2;
            return true;
        }
    return false;
}

const char *qc_activation_name(const struct qc_activation *activation)
{
    if (activation->kind == QC_ACT_HARD_SIGMOID_2) return "hard_sigmoid of Keras 2";
    if (activation->kind == QC_ACT_GELU_TANH) return "gelu(approximate=True)";
    for (size_t i = 0; i < QC_COUNT(rows); i++)
        if (rows[i].kind == activation->kind) return rows[i].name;
    return "?";
}

int qc_activation_fused(const struct qc_activation *activation)
{
    if (!activation || activation->kind == QC_ACT_LINEAR) return tfl_ActivationFunctionType_NONE;
    if (activation->kind == QC_ACT_HARD_TANH) return tfl_ActivationFunctionType_RELU_N1_TO_1;
    if (activation->kind != QC_ACT_RELU || activation->alpha != 0 || activation->beta != 0) return -1;
    if (activation->max_value == 6) return tfl_ActivationFunctionType_RELU6;
    return activation->max_value == INFINITY ? tfl_ActivationFunctionType_RELU : -1;
}

/* ---- words for arithmetic ---- */

#define OP(CODE) tfl_BuiltinOperator_##CODE

static struct qc_tensor *scaled(struct qc_build *b, struct qc_tensor *x, float factor)
{
    return factor == 1 ? x : qc_build_binary(b, OP(MUL), x, qc_build_f32(b, factor));
}

static struct qc_tensor *plus(struct qc_build *b, struct qc_tensor *x, float term)
{
    return qc_build_binary(b, OP(ADD), x, qc_build_f32(b, term));
}

static struct qc_tensor *negated(struct qc_build *b, struct qc_tensor *x)
{
    return qc_build_unary(b, OP(NEG), x);
}

/* x + term, and then the activation `fused`. */
static struct qc_tensor *plus_fused(struct qc_build *b, struct qc_tensor *x, float term, int fused)
{
    QC_OPTIONS(b, AddOptions, options);
    if (!options) return NULL;
    options->fused_activation_function = (tfl_i8)fused;
    return QC_BUILD(b, ADD, options, x, qc_build_f32(b, term));
}

static struct qc_tensor *above(struct qc_build *b, struct qc_tensor *x, float limit)
{
    return qc_build_binary(b, OP(GREATER), x, qc_build_f32(b, limit));
}

/* ---- one function per shape of curve ---- */

/* Keras: x > threshold keeps x, max_value caps, below the threshold negative_slope * (x - threshold). */
static struct qc_tensor *relu(struct qc_build *b, struct qc_tensor *x, const struct qc_activation *a)
{
    float slope = a->alpha, threshold = a->beta;
    if (threshold == 0 && slope == 0 && a->max_value == 6) return qc_build_unary(b, OP(RELU6), x);
    if (threshold == 0 && slope != 0 && a->max_value == INFINITY) {
        QC_OPTIONS(b, LeakyReluOptions, options);
        if (!options) return NULL;
        options->alpha = slope;
        return QC_BUILD(b, LEAKY_RELU, options, x);
    }
    struct qc_tensor *y = threshold != 0 ? qc_lower_select(b, above(b, x, threshold), x, qc_build_f32(b, 0)) : x;
    if (a->max_value != INFINITY) y = qc_build_binary(b, OP(MINIMUM), y, qc_build_f32(b, a->max_value));
    if (threshold == 0 || a->max_value != INFINITY) y = qc_build_unary(b, OP(RELU), y);
    if (slope == 0) return y;
    struct qc_tensor *below = qc_build_unary(b, OP(RELU), plus(b, negated(b, x), threshold));
    return qc_build_binary(b, OP(SUB), y, scaled(b, below, slope));
}

/* scale * (x > 0 ? x : alpha * (exp(x / divisor) - 1)) */
static struct qc_tensor *elu(struct qc_build *b, struct qc_tensor *x, float scale, float alpha, float divisor)
{
    if (scale == 1 && alpha == 1 && divisor == 1) return qc_build_unary(b, OP(ELU), x);
    struct qc_tensor *low = qc_build_binary(b, OP(MINIMUM), x, qc_build_f32(b, 0));
    low = qc_build_unary(b, OP(ELU), scaled(b, low, 1 / divisor));
    return qc_build_binary(b, OP(ADD), scaled(b, qc_build_unary(b, OP(RELU), x), scale), scaled(b, low, scale * alpha));
}

/* log(1 + exp(-|x|)): never overflows. */
static struct qc_tensor *log_one_plus(struct qc_build *b, struct qc_tensor *x)
{
    struct qc_tensor *e = qc_build_unary(b, OP(EXP), negated(b, qc_build_unary(b, OP(ABS), x)));
    return qc_build_unary(b, OP(LOG), plus(b, e, 1));
}

static struct qc_tensor *softplus(struct qc_build *b, struct qc_tensor *x)
{
    return qc_build_binary(b, OP(ADD), qc_build_unary(b, OP(RELU), x), log_one_plus(b, x));
}

static struct qc_tensor *gelu(struct qc_build *b, struct qc_tensor *x, bool approximate)
{
    QC_OPTIONS(b, GeluOptions, options);
    if (!options) return NULL;
    options->approximate = approximate;
    return QC_BUILD(b, GELU, options, x);
}

/* clip(slope * x + offset, 0, 1) */
static struct qc_tensor *clipped_line(struct qc_build *b, struct qc_tensor *x, float slope, float offset)
{
    x = plus_fused(b, scaled(b, x, slope), offset, tfl_ActivationFunctionType_RELU);
    return qc_build_binary(b, OP(MINIMUM), x, qc_build_f32(b, 1));
}

static struct qc_tensor *soft_shrink(struct qc_build *b, struct qc_tensor *x, float threshold)
{
    struct qc_tensor *high = plus_fused(b, x, -threshold, tfl_ActivationFunctionType_RELU);
    struct qc_tensor *low = plus_fused(b, negated(b, x), -threshold, tfl_ActivationFunctionType_RELU);
    return qc_build_binary(b, OP(SUB), high, low);
}

/* 0 up to -1, a quarter parabola up to 1, then x */
static struct qc_tensor *sparse_plus(struct qc_build *b, struct qc_tensor *x)
{
    struct qc_tensor *root = scaled(b, plus_fused(b, x, 1, tfl_ActivationFunctionType_RELU), 0.5f);
    struct qc_tensor *parabola = qc_build_binary(b, OP(MUL), root, root);
    return qc_lower_select(b, qc_build_binary(b, OP(LESS), x, qc_build_f32(b, 1)), parabola, x);
}

/* x / 2 clipped to [-1/2, 1/2], plus 1/2 */
static struct qc_tensor *sparse_sigmoid(struct qc_build *b, struct qc_tensor *x)
{
    return plus(b, scaled(b, qc_build_unary(b, OP(RELU_N1_TO_1), x), 0.5f), 0.5f);
}

static struct qc_tensor *squareplus(struct qc_build *b, struct qc_tensor *x, float term)
{
    struct qc_tensor *root = qc_build_unary(b, OP(SQRT), plus(b, qc_build_binary(b, OP(MUL), x, x), term));
    return scaled(b, qc_build_binary(b, OP(ADD), x, root), 0.5f);
}

/* ---- along an axis ---- */

static struct qc_tensor *last_axis_softmax(struct qc_build *b, struct qc_tensor *x)
{
    QC_OPTIONS(b, SoftmaxOptions, options);
    if (!options) return NULL;
    options->beta = 1;
    return QC_BUILD(b, SOFTMAX, options, x);
}

/* Keras sums the cumulated values of the whole support for tau, and so does this. */
static struct qc_tensor *last_axis_sparsemax(struct qc_build *b, struct qc_tensor *x)
{
    struct qc_tensor *sorted[2], *position, *cumulated, *support, *count, *tau;
    if (!x) return NULL;
    int32_t size = x->dims[x->rank - 1], last = -1;
    if (qc_lower_is_free(b, x, x->rank - 1)) return qc_lower_fail(b, QC_UNSUPPORTED, "sparsemax over a dimension of unknown size");
    float *numbers = qc_arena_array(&b->graph->model->arena, (size_t)size, sizeof *numbers);
    if (!numbers) return NULL;
    for (int32_t i = 0; i < size; i++) numbers[i] = (float)(i + 1);
    position = qc_build_constant(b, "position", QC_FLOAT32, 1, &size, numbers);
    if (qc_build_ops(b, OP(TOPK_V2), NULL, 2, (struct qc_tensor *[]){x, qc_build_i32(b, size)}, 2, sorted)) return NULL;
    cumulated = QC_BUILD(b, CUMSUM, NULL, sorted[0], qc_build_i32(b, x->rank - 1));
    tau = qc_build_binary(b, OP(DIV), plus(b, cumulated, -1), position);
    support = qc_build_binary(b, OP(GREATER), sorted[0], tau);
    count = qc_lower_reduce(b, OP(SUM), qc_lower_cast(b, support, QC_FLOAT32), 1, &last, true);
    cumulated = qc_lower_select(b, support, cumulated, qc_build_f32(b, 0));
    tau = plus(b, qc_lower_reduce(b, OP(SUM), cumulated, 1, &last, true), -1);
    tau = qc_build_binary(b, OP(DIV), tau, count);
    return qc_build_unary(b, OP(RELU), qc_build_binary(b, OP(SUB), x, tau));
}

/* Applies an operator of the last axis to another one. */
static struct qc_tensor *on_axis(struct qc_build *b, struct qc_tensor *x, int axis, struct qc_tensor *(*apply)(struct qc_build *, struct qc_tensor *))
{
    int32_t swap[QC_MAX_RANK];
    if (!x) return NULL;
    int last = x->rank - 1, at = qc_axis(axis, x->rank);
    if (at < 0) return qc_lower_fail(b, QC_FORMAT, "axis %d does not exist in a tensor of rank %d", axis, x->rank);
    for (int i = 0; i <= last; i++) swap[i] = i;
    swap[at] = last;
    swap[last] = at;
    x = apply(b, qc_lower_transpose(b, x, swap));
    return x ? qc_lower_transpose(b, x, swap) : NULL;
}

static struct qc_tensor *last_axis_log_softmax(struct qc_build *b, struct qc_tensor *x)
{
    return qc_build_unary(b, OP(LOG_SOFTMAX), x);
}

static struct qc_tensor *glu(struct qc_build *b, struct qc_tensor *x, int axis)
{
    struct qc_tensor *half[2];
    int at = qc_axis(axis, x->rank);
    if (at < 0 || x->dims[at] % 2) return qc_lower_fail(b, QC_FORMAT, "glu needs an axis of even size, axis %d is not", axis);
    QC_OPTIONS(b, SplitOptions, options);
    if (!options) return NULL;
    options->num_splits = 2;
    if (qc_build_ops(b, OP(SPLIT), options, 2, (struct qc_tensor *[]){qc_build_i32(b, at), x}, 2, half)) return NULL;
    return qc_build_binary(b, OP(MUL), half[0], qc_build_unary(b, OP(LOGISTIC), half[1]));
}

/* ---- all of them ---- */

struct qc_tensor *qc_lower_activation(struct qc_build *b, struct qc_tensor *x, const struct qc_activation *a)
{
    if (!x || !a) return x;
    switch (a->kind) {
    case QC_ACT_LINEAR: return x;
    case QC_ACT_RELU: return relu(b, x, a);
    case QC_ACT_ELU: return elu(b, x, 1, a->alpha, 1);
    case QC_ACT_SELU: return elu(b, x, 1.05070098f, 1.67326324f, 1);
    case QC_ACT_CELU: return elu(b, x, 1, a->alpha, a->alpha);
    case QC_ACT_EXPONENTIAL: return qc_build_unary(b, OP(EXP), x);
    case QC_ACT_GELU: return gelu(b, x, false);
    case QC_ACT_GELU_TANH: return gelu(b, x, true);
    case QC_ACT_SIGMOID: return qc_build_unary(b, OP(LOGISTIC), x);
    case QC_ACT_TANH: return qc_build_unary(b, OP(TANH), x);
    case QC_ACT_LOG_SIGMOID:
        return qc_build_binary(b, OP(SUB), qc_build_binary(b, OP(MINIMUM), x, qc_build_f32(b, 0)), log_one_plus(b, x));
    case QC_ACT_SOFTPLUS: return softplus(b, x);
    case QC_ACT_SOFTSIGN: return qc_build_binary(b, OP(DIV), x, plus(b, qc_build_unary(b, OP(ABS), x), 1));
    case QC_ACT_SILU: return qc_build_binary(b, OP(MUL), x, qc_build_unary(b, OP(LOGISTIC), x));
    case QC_ACT_MISH: return qc_build_binary(b, OP(MUL), x, qc_build_unary(b, OP(TANH), softplus(b, x)));
    case QC_ACT_SQUAREPLUS: return squareplus(b, x, a->alpha);
    case QC_ACT_HARD_SIGMOID: return scaled(b, plus_fused(b, x, 3, tfl_ActivationFunctionType_RELU6), 1.0f / 6);
    case QC_ACT_HARD_SIGMOID_2: return clipped_line(b, x, 0.2f, 0.5f);
    case QC_ACT_HARD_SILU: return qc_build_unary(b, OP(HARD_SWISH), x);
    case QC_ACT_HARD_TANH: return qc_build_unary(b, OP(RELU_N1_TO_1), x);
    case QC_ACT_HARD_SHRINK: return qc_lower_select(b, above(b, qc_build_unary(b, OP(ABS), x), a->alpha), x, qc_build_f32(b, 0));
    case QC_ACT_SOFT_SHRINK: return soft_shrink(b, x, a->alpha);
    case QC_ACT_TANH_SHRINK: return qc_build_binary(b, OP(SUB), x, qc_build_unary(b, OP(TANH), x));
    case QC_ACT_THRESHOLD: return qc_lower_select(b, above(b, x, a->alpha), x, qc_build_f32(b, a->beta));
    case QC_ACT_SPARSE_PLUS: return sparse_plus(b, x);
    case QC_ACT_SPARSE_SIGMOID: return sparse_sigmoid(b, x);
    case QC_ACT_SOFTMAX: return on_axis(b, x, a->axis, last_axis_softmax);
    case QC_ACT_LOG_SOFTMAX: return on_axis(b, x, a->axis, last_axis_log_softmax);
    case QC_ACT_SPARSEMAX: return on_axis(b, x, a->axis, last_axis_sparsemax);
    case QC_ACT_GLU: return glu(b, x, a->axis);
    case QC_ACT_COUNT: break;
    }
    return qc_lower_fail(b, QC_UNSUPPORTED, "activation number %d", (int)a->kind);
}

/* ---- layers ---- */

/* exp(x - max) / sum over several axes together. */
static struct qc_tensor *softmax_over(struct qc_build *b, struct qc_tensor *x, int count, const int32_t *axes)
{
    struct qc_tensor *e = qc_build_binary(b, OP(SUB), x, qc_lower_reduce(b, OP(REDUCE_MAX), x, count, axes, true));
    e = qc_build_unary(b, OP(EXP), e);
    return qc_build_binary(b, OP(DIV), e, qc_lower_reduce(b, OP(SUM), e, count, axes, true));
}

struct qc_tensor *qc_lower_softmax(struct qc_build *b, struct qc_tensor *x, int axis_count, const int32_t *axes, struct qc_tensor *mask)
{
    if (!x) return NULL;
    if (mask && mask->type != QC_BOOL) mask = above(b, qc_lower_cast(b, mask, QC_FLOAT32), 0.5f);
    if (mask) x = qc_lower_select(b, mask, x, qc_build_f32(b, -1e9f));
    x = axis_count == 1 ? on_axis(b, x, axes[0], last_axis_softmax) : softmax_over(b, x, axis_count, axes);
    return mask ? qc_lower_select(b, mask, x, qc_build_f32(b, 0)) : x; /* where all is masked, softmax gave 1 / n */
}

struct qc_tensor *qc_lower_prelu(struct qc_build *b, struct qc_tensor *x, const struct qc_weight *alpha)
{
    int32_t expect[QC_MAX_RANK];
    if (!x) return NULL;
    for (int i = 1; i < x->rank; i++) expect[i - 1] = i - 1 < alpha->rank && alpha->dims[i - 1] == 1 ? 1 : x->dims[i];
    if (!qc_weight_expect(b, "alpha", alpha, x->rank - 1, expect)) return NULL;
    return QC_BUILD(b, PRELU, NULL, x, qc_weight_constant(b, "alpha", alpha));
}
