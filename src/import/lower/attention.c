/*
 * attention.c - Attention and AdditiveAttention, and the masks that all attention layers share. See attention.h; the multi-head layers are in
 * multi_head_attention.c.
 */
#include "import/lower/attention.h"

#include "import/lower/attention_mask.h"

#define OP(CODE) tfl_BuiltinOperator_##CODE

/* ---- masks ---- */

struct qc_tensor *qc_lower_and(struct qc_build *b, struct qc_tensor *x, struct qc_tensor *y)
{
    if (!x || !y) return x ? x : y;
    return qc_build_binary(b, OP(LOGICAL_AND), x, y);
}

/* bool [T, S] of known sizes: is j at most i, and nearer than `window` (0: any distance)? */
static struct qc_tensor *constant_band(struct qc_build *b, int32_t rows, int32_t columns, bool causal, int32_t window)
{
    bool *data = qc_arena_array(&b->graph->model->arena, (size_t)rows * (size_t)columns, sizeof *data);
    if (!data) return NULL;
    for (int32_t i = 0; i < rows; i++)
        for (int32_t j = 0; j < columns; j++)
            data[(size_t)i * (size_t)columns + (size_t)j] = (!causal || j <= i) && (!window || (i > j ? i - j : j - i) < window);
    return qc_build_constant(b, "band", QC_BOOL, 2, (int32_t[]){rows, columns}, data);
}

/* Position along an axis of scores, everywhere: a running sum of ones. */
static struct qc_tensor *positions(struct qc_build *b, struct qc_tensor *ones, int axis)
{
    return QC_BUILD(b, CUMSUM, NULL, ones, qc_build_i32(b, axis));
}

struct qc_tensor *qc_lower_band_mask(struct qc_build *b, struct qc_tensor *scores, bool causal, int32_t window)
{
    struct qc_tensor *mask = NULL;
    if (!scores || (!causal && !window)) return NULL;
    int last = scores->rank - 1;
    if (!qc_lower_is_free(b, scores, last) && !qc_lower_is_free(b, scores, last - 1))
        return constant_band(b, scores->dims[last - 1], scores->dims[last], causal, window);
    struct qc_tensor *ones = qc_build_binary(b, OP(ADD), qc_build_unary(b, OP(ZEROS_LIKE), scores), qc_build_f32(b, 1));
    struct qc_tensor *row = positions(b, ones, last - 1), *column = positions(b, ones, last);
    if (causal) mask = qc_build_binary(b, OP(GREATER_EQUAL), row, column);
    if (!window) return mask;
    struct qc_tensor *distance = qc_build_unary(b, OP(ABS), qc_build_binary(b, OP(SUB), row, column));
    return qc_lower_and(b, mask, qc_build_binary(b, OP(LESS), distance, qc_build_f32(b, (float)window)));
}

static struct qc_tensor *softmax(struct qc_build *b, struct qc_tensor *x)
{
    QC_OPTIONS(b, SoftmaxOptions, options);
    if (!options) return NULL;
    options->beta = 1;
    return QC_BUILD(b, SOFTMAX, options, x);
}

struct qc_tensor *qc_lower_masked_softmax(struct qc_build *b, struct qc_tensor *scores, struct qc_tensor *mask, bool zero_masked_rows)
{
    if (!mask) return softmax(b, scores);
    struct qc_tensor *weights = softmax(b, qc_lower_select(b, mask, scores, qc_build_f32(b, -1e9f)));
    return zero_masked_rows ? qc_lower_select(b, mask, weights, qc_build_f32(b, 0)) : weights;
}

/* ---- layers ---- */

/* A weight of one value as a scalar operand. */
static struct qc_tensor *times_weight(struct qc_build *b, struct qc_tensor *x, const char *what, const struct qc_weight *weight)
{
    if (!weight->data) return x;
    if (qc_weight_elements(weight) != 1) return qc_lower_fail(b, QC_FORMAT, "the weight '%s' has %zu values, not 1", what, qc_weight_elements(weight));
    return qc_build_binary(b, OP(MUL), x, qc_build_f32(b, weight->data[0]));
}

/* sum over features of weight * tanh(factor * (query + key)), every query with every key */
static struct qc_tensor *sum_scores(struct qc_build *b, struct qc_tensor *query, struct qc_tensor *key, const struct qc_attention_spec *spec)
{
    int32_t last = 3;
    if (!query || !key) return NULL;
    struct qc_tensor *sum = qc_build_binary(b, OP(ADD), qc_lower_expand(b, query, 2), qc_lower_expand(b, key, 1));
    if (!spec->additive) sum = times_weight(b, sum, "scale", &spec->scale);
    sum = qc_build_unary(b, OP(TANH), sum);
    if (spec->additive && spec->scale.data) {
        int32_t features = query->dims[query->rank - 1];
        if (!qc_weight_expect(b, "scale", &spec->scale, 1, &features)) return NULL;
        sum = qc_build_binary(b, OP(MUL), sum, qc_weight_constant(b, "scale", &spec->scale));
    }
    sum = qc_lower_reduce(b, OP(SUM), sum, 1, &last, false);
    return spec->additive ? sum : times_weight(b, sum, "concat_score_weight", &spec->concat_score_weight);
}

struct qc_tensor *qc_lower_attention(struct qc_build *b, struct qc_tensor *query, struct qc_tensor *value, struct qc_tensor *key,
                                     const struct qc_attention_spec *spec, struct qc_tensor **weights)
{
    if (!query || !value || !key || qc_build_status(b)) return NULL;
    if (query->rank != 3 || value->rank != 3 || key->rank != 3)
        return qc_lower_fail(b, QC_FORMAT, "attention over inputs of rank %d, %d and %d, not 3", query->rank, value->rank, key->rank);
    struct qc_tensor *scores;
    if (spec->additive || spec->concat) scores = sum_scores(b, query, key, spec);
    else scores = times_weight(b, qc_lower_matmul(b, query, key, false, true), "scale", &spec->scale);
    struct qc_tensor *mask = qc_lower_band_mask(b, scores, spec->causal, 0);
    if (spec->value_mask) mask = qc_lower_and(b, qc_lower_expand(b, qc_lower_cast(b, spec->value_mask, QC_BOOL), 1), mask);
    if (mask) /* Keras takes 1e9 off, which in a row that is masked everywhere leaves the differences that survive rounding */
        scores = qc_lower_select(b, mask, scores, qc_build_binary(b, OP(ADD), scores, qc_build_f32(b, -1e9f)));
    struct qc_tensor *distribution = qc_lower_masked_softmax(b, scores, NULL, false);
    struct qc_tensor *y = qc_lower_matmul(b, distribution, value, false, false);
    if (spec->query_mask) {
        struct qc_tensor *shown = qc_lower_expand(b, qc_lower_cast(b, spec->query_mask, QC_BOOL), 2);
        y = qc_lower_select(b, shown, y, qc_build_f32(b, 0));
    }
    if (weights) *weights = distribution;
    return y;
}
