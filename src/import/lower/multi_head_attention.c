/*
 * multi_head_attention.c - MultiHeadAttention and GroupedQueryAttention. See attention.h.
 *
 * Each projection is one FULLY_CONNECTED whose outputs are then taken apart into heads; 1 / sqrt(key_dim) is multiplied into the query's weights.
 * Several attention axes are joined into one. Heads that share keys (grouped query) are stacked along the query axis, so that keys are not repeated.
 */
#include "import/lower/attention.h"
#include "import/lower/attention_mask.h"

#include <math.h>
#include <string.h>

#define OP(CODE) tfl_BuiltinOperator_##CODE

/* Which axes of the inputs are attended over, and the order that brings them together: batch axes, attention axes, features. */
struct plan {
    int rank, batch, attended; /* batch + attended + 1 = rank */
    int32_t order[QC_MAX_RANK];
    bool axis_is_attended[QC_MAX_RANK];
};

static bool make_plan(struct qc_build *b, const struct qc_tensor *x, const struct qc_multi_head_spec *spec, struct plan *plan)
{
    memset(plan, 0, sizeof *plan);
    plan->rank = x->rank;
    if (x->rank < 3 || x->rank >= QC_MAX_RANK - 1) return qc_lower_fail(b, QC_FORMAT, "attention over an input of rank %d", x->rank) != NULL;
    for (int i = 1; i < x->rank - 1; i++) plan->axis_is_attended[i] = !spec->axis_count;
    for (int i = 0; i < spec->axis_count; i++) {
        int axis = qc_axis(spec->axes[i], x->rank);
        if (axis < 1 || axis == x->rank - 1)
            return qc_lower_fail(b, QC_FORMAT, "attention over axis %d of an input of rank %d", spec->axes[i], x->rank) != NULL;
        plan->axis_is_attended[axis] = true;
    }
    int at = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < x->rank - 1; i++)
            if (plan->axis_is_attended[i] == (pass == 1)) plan->order[at++] = i;
    for (int i = 0; i < x->rank - 1; i++) plan->attended += plan->axis_is_attended[i];
    plan->batch = x->rank - 1 - plan->attended;
    plan->order[at] = at;
    return true;
}

/* x [..., D] by kernel [D, heads, width] -> [..., heads, width]; the weights times `scale`. */
static struct qc_tensor *project(struct qc_build *b, struct qc_tensor *x, const char *what, const struct qc_weight *kernel,
                                 const struct qc_weight *bias, int32_t heads, float scale)
{
    int32_t dims[QC_MAX_RANK];
    if (!x) return NULL;
    if (!qc_weight_expect(b, what, kernel, 3, (int32_t[]){x->dims[x->rank - 1], heads, -1})) return NULL;
    int32_t width = kernel->dims[2], outputs = heads * width;
    if (bias->data && !qc_weight_expect(b, "bias", bias, 2, (int32_t[]){heads, width})) return NULL;
    struct qc_weight flat = *kernel, flat_bias = {bias->data, 1, {outputs}};
    flat.rank = 2;
    flat.dims[1] = outputs;
    flat = qc_weight_transposed(b, &flat, (int32_t[]){1, 0});
    struct qc_weight parts[2] = {flat, flat_bias};
    for (int k = 0; k < 2 && scale != 1; k++) {
        if (!parts[k].data) continue;
        size_t count = qc_weight_elements(&parts[k]);
        float *data = qc_arena_array(&b->graph->model->arena, count, sizeof *data);
        if (!data) return NULL;
        for (size_t i = 0; i < count; i++) data[i] = parts[k].data[i] * scale;
        parts[k].data = data;
    }
    struct qc_tensor *y = qc_lower_fully_connected(b, x, qc_weight_constant(b, what, &parts[0]),
                                                   bias->data ? qc_weight_constant(b, "bias", &parts[1]) : qc_none(), NULL);
    if (!y) return NULL;
    for (int i = 0; i < y->rank - 1; i++) dims[i] = QC_KEEP(i);
    dims[y->rank - 1] = heads;
    dims[y->rank] = width;
    return qc_lower_reshape(b, y, y->rank + 1, dims);
}

/* [axes..., heads, width] -> [batch axes..., heads, attended together, width] */
static struct qc_tensor *heads_first(struct qc_build *b, struct qc_tensor *x, const struct plan *plan)
{
    int32_t order[QC_MAX_RANK];
    int last = plan->rank - 1; /* place of heads; width follows */
    if (!x) return NULL;
    memcpy(order, plan->order, (size_t)plan->batch * sizeof *order);
    order[plan->batch] = last;
    for (int i = plan->batch; i < last; i++) order[i + 1] = plan->order[i];
    order[last + 1] = last + 1;
    x = qc_lower_transpose(b, x, order);
    return plan->attended > 1 ? qc_lower_merge(b, x, plan->batch + 1, last + 1) : x;
}

/* The way back, with the sizes of `like` [axes..., features]: -> [axes..., heads * width]. */
static struct qc_tensor *heads_last(struct qc_build *b, struct qc_tensor *x, const struct plan *plan, struct qc_tensor *like)
{
    int32_t dims[QC_MAX_RANK], order[QC_MAX_RANK];
    int last = plan->rank - 1, unknown = 0;
    if (!x) return NULL;
    if (plan->attended > 1) {
        for (int i = 0; i <= plan->batch; i++) dims[i] = QC_KEEP(i);
        for (int i = plan->batch; i < last; i++) {
            bool free_axis = qc_lower_is_free(b, like, plan->order[i]);
            unknown += free_axis;
            dims[i + 1] = free_axis ? -1 : like->dims[plan->order[i]];
        }
        if (unknown > 1) return qc_lower_fail(b, QC_UNSUPPORTED, "attention over several axes of unknown size");
        dims[last + 1] = QC_KEEP(x->rank - 1);
        x = qc_lower_reshape(b, x, last + 2, dims);
    }
    for (int i = 0; i < last; i++) order[plan->order[i]] = i < plan->batch ? i : i + 1;
    order[last] = plan->batch;
    order[last + 1] = last + 1;
    x = x ? qc_lower_transpose(b, x, order) : NULL;
    return qc_lower_merge(b, x, last, last + 2);
}

/* [..., heads, T, w] <-> [..., key heads, heads / key heads * T, w], and back with T in `rows` */
static struct qc_tensor *regroup(struct qc_build *b, struct qc_tensor *x, int32_t heads, struct qc_tensor *like)
{
    int32_t dims[QC_MAX_RANK];
    if (!x) return NULL;
    int n = x->rank;
    for (int i = 0; i < n; i++) dims[i] = QC_KEEP(i);
    dims[n - 3] = heads;
    dims[n - 2] = like && !qc_lower_is_free(b, like, n - 2) ? like->dims[n - 2] : -1;
    return qc_lower_reshape(b, x, n, dims);
}

/* One mask for scores [batch axes..., heads, T, S] from all the layer is given. */
static struct qc_tensor *whole_mask(struct qc_build *b, struct qc_tensor *scores, const struct qc_multi_head_spec *spec, const struct plan *plan)
{
    struct qc_tensor *mask = spec->query_mask ? qc_lower_expand(b, qc_lower_cast(b, spec->query_mask, QC_BOOL), 2) : NULL;
    struct qc_tensor *const keys[] = {spec->value_mask, spec->key_mask};
    for (int i = 0; i < 2; i++)
        if (keys[i]) mask = qc_lower_and(b, mask, qc_lower_expand(b, qc_lower_cast(b, keys[i], QC_BOOL), 1));
    if (mask && plan->rank != 3) return qc_lower_fail(b, QC_UNSUPPORTED, "masks of the inputs in attention over an input of rank %d", plan->rank);
    struct qc_tensor *given = spec->attention_mask;
    if (given) {
        int n = plan->attended, front = given->rank - 2 * n;
        if (front < 0 || front > plan->batch) return qc_lower_fail(b, QC_FORMAT, "an attention mask of rank %d", given->rank);
        given = qc_lower_cast(b, given, QC_BOOL);
        if (n > 1) given = qc_lower_merge(b, qc_lower_merge(b, given, front + n, front + 2 * n), front, front + n);
        mask = qc_lower_and(b, given, mask);
    }
    if (mask) mask = qc_lower_expand(b, mask, mask->rank - 2); /* the heads */
    return qc_lower_and(b, mask, qc_lower_band_mask(b, scores, spec->causal, spec->sliding_window));
}

/* [batch axes..., heads, T together, S together] as Keras gives it: each attended axis by itself. */
static struct qc_tensor *scores_out(struct qc_build *b, struct qc_tensor *weights, const struct plan *plan, struct qc_tensor *query,
                                    struct qc_tensor *key)
{
    int32_t dims[QC_MAX_RANK];
    int n = plan->attended, rank = 0;
    if (!weights || n == 1) return weights;
    if (plan->batch + 1 + 2 * n > QC_MAX_RANK) return qc_lower_fail(b, QC_UNSUPPORTED, "attention scores of more than %d dimensions", QC_MAX_RANK);
    for (int i = 0; i <= plan->batch; i++) dims[rank++] = QC_KEEP(i);
    for (int k = 0; k < 2; k++)
        for (int i = plan->batch; i < plan->rank - 1; i++) dims[rank++] = (k ? key : query)->dims[plan->order[i]];
    return qc_lower_reshape(b, weights, rank, dims);
}

/* The heads joined by output kernel [heads, width, ...] and bias [...]. */
static struct qc_tensor *output_projection(struct qc_build *b, struct qc_tensor *x, const struct qc_multi_head_spec *spec)
{
    const struct qc_weight *kernel = &spec->output_kernel;
    int32_t dims[QC_MAX_RANK], inputs = x->dims[x->rank - 1];
    if (!kernel->data || kernel->rank < 3 || (int64_t)kernel->dims[0] * kernel->dims[1] != inputs || x->rank + kernel->rank - 3 > QC_MAX_RANK)
        return qc_lower_fail(b, QC_FORMAT, "the weight 'attention_output/kernel' does not fit %d heads of %d", spec->heads, inputs / spec->heads);
    int32_t outputs = (int32_t)(qc_weight_elements(kernel) / (size_t)inputs);
    struct qc_weight flat = {kernel->data, 2, {inputs, outputs}}, bias = {spec->output_bias.data, 1, {outputs}};
    if (bias.data && qc_weight_elements(&spec->output_bias) != (size_t)outputs)
        return qc_lower_fail(b, QC_FORMAT, "the weight 'attention_output/bias' has %zu values, not %d", qc_weight_elements(&spec->output_bias), outputs);
    x = qc_lower_dense(b, x, &flat, &bias, NULL);
    if (!x || kernel->rank == 3) return x;
    int rank = x->rank - 1;
    for (int i = 0; i < rank; i++) dims[i] = QC_KEEP(i);
    for (int i = 2; i < kernel->rank; i++) dims[rank++] = kernel->dims[i];
    return qc_lower_reshape(b, x, rank, dims);
}

struct qc_tensor *qc_lower_multi_head_attention(struct qc_build *b, struct qc_tensor *query, struct qc_tensor *value, struct qc_tensor *key,
                                                const struct qc_multi_head_spec *spec, struct qc_tensor **scores)
{
    struct plan plan;
    if (!query || !value || !key || qc_build_status(b)) return NULL;
    int32_t key_heads = spec->key_heads ? spec->key_heads : spec->heads;
    if (spec->heads < 1 || key_heads < 1 || spec->heads % key_heads || spec->key_dim < 1)
        return qc_lower_fail(b, QC_FORMAT, "%d heads over %d key heads of width %d", spec->heads, key_heads, spec->key_dim);
    if (value->rank != query->rank || key->rank != query->rank || !make_plan(b, query, spec, &plan))
        return qc_lower_fail(b, QC_FORMAT, "attention over inputs of rank %d, %d and %d", query->rank, value->rank, key->rank);
    bool grouped = key_heads != spec->heads;
    struct qc_tensor *q = project(b, query, "query/kernel", &spec->query_kernel, &spec->query_bias, spec->heads, 1 / sqrtf((float)spec->key_dim));
    struct qc_tensor *k = project(b, key, "key/kernel", &spec->key_kernel, &spec->key_bias, key_heads, 1);
    struct qc_tensor *v = project(b, value, "value/kernel", &spec->value_kernel, &spec->value_bias, key_heads, 1);
    q = heads_first(b, q, &plan);
    k = heads_first(b, k, &plan);
    v = heads_first(b, v, &plan);
    struct qc_tensor *product = qc_lower_matmul(b, grouped ? regroup(b, q, key_heads, NULL) : q, k, false, true);
    if (grouped) product = regroup(b, product, spec->heads, q);
    struct qc_tensor *weights = qc_lower_masked_softmax(b, product, product ? whole_mask(b, product, spec, &plan) : NULL, spec->zero_masked_rows);
    struct qc_tensor *y = qc_lower_matmul(b, grouped ? regroup(b, weights, key_heads, NULL) : weights, v, false, false);
    if (grouped) y = regroup(b, y, spec->heads, q);
    y = heads_last(b, y, &plan, query);
    if (spec->gate_kernel.data) {
        struct qc_tensor *gate = project(b, query, "gate/kernel", &spec->gate_kernel, &spec->gate_bias, spec->heads, 1);
        gate = gate ? qc_build_unary(b, OP(LOGISTIC), qc_lower_merge(b, gate, gate->rank - 2, gate->rank)) : NULL;
        y = qc_build_binary(b, OP(MUL), y, gate);
    }
    if (scores) *scores = scores_out(b, weights, &plan, query, key);
    return y ? output_projection(b, y, spec) : NULL;
}
