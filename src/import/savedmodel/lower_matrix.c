/*
 * lower_matrix.c - matrix products. See graph.h.
 */
#include "import/lower/dense.h"
#include "import/savedmodel/match.h"

#include <string.h>

#define FAILED(s) ((s)->im->env->error.status)

/* The last two axes exchanged. */
static struct qc_tensor *turned(struct qc_tf_step *s, struct qc_tensor *x)
{
    int32_t permutation[QC_MAX_RANK];
    if (!x || x->rank < 2) return NULL;
    for (int i = 0; i < x->rank; i++) permutation[i] = i;
    permutation[x->rank - 1] = x->rank - 2;
    permutation[x->rank - 2] = x->rank - 1;
    return qc_lower_transpose(s->b, x, permutation);
}

/* x by a constant matrix is a FULLY_CONNECTED. */
static struct qc_tensor *product(struct qc_tf_step *s, struct qc_tensor *x, struct qc_tensor *y, bool turn_x, bool turn_y)
{
    struct qc_weight kernel;
    if (!x->constant && y->rank == 2 && x->has_shape && x->rank >= 2 && qc_tf_weight(y, &kernel)) {
        if (turn_x) x = turned(s, x);
        if (turn_y) kernel = qc_weight_transposed(s->b, &kernel, (int32_t[]){1, 0});
        return qc_lower_dense(s->b, x, &kernel, NULL, NULL);
    }
    return qc_lower_matmul(s->b, x, y, turn_x, turn_y);
}

static qc_status lower_mat_mul(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *y = qc_tf_tensor(s, 1);
    if (!x || !y) return FAILED(s);
    bool single = s->op->detail == 0; /* MatMul; the batched ones have adj_x and adj_y */
    bool turn_x = qc_tf_attr_bool(s->node, single ? "transpose_a" : "adj_x", false);
    bool turn_y = qc_tf_attr_bool(s->node, single ? "transpose_b" : "adj_y", false);
    if (x->rank < 2 || y->rank < 2) return qc_tf_fail(s, QC_FORMAT, "has operands of rank %d and %d", x->rank, y->rank);
    return qc_tf_return(s, product(s, x, y, turn_x, turn_y));
}

/* One operand: axes that the result lacks are summed, the others put into its order. A letter that occurs twice in a row stands for the
 * diagonal of two axes. */
static qc_status lower_einsum_of_one(struct qc_tf_step *s, struct qc_tensor *x, char *equation)
{
    char *arrow = strstr(equation, "->"), label[QC_MAX_RANK + 1] = "";
    const char *out = arrow ? arrow + 2 : "";
    int32_t sums[QC_MAX_RANK], permutation[QC_MAX_RANK];
    int rank = 0, count = 0;
    if (!arrow || arrow - equation != x->rank || strchr(equation, '.') || strchr(equation, ' '))
        return qc_tf_unsupported(s, "with this equation has no TFLite form");
    memcpy(label, equation, (size_t)x->rank);
    for (int i = 0; i + 1 < x->rank; i++) {
        if (label[i] != label[i + 1]) continue;
        if (i + 2 != x->rank || x->dims[i] != x->dims[i + 1]) return qc_tf_unsupported(s, "with this equation has no TFLite form");
        if (!(x = qc_tf_diagonal(s, x))) return FAILED(s);
        label[i + 1] = 0;
    }
    for (int i = 0; i < x->rank; i++)
        if (!strchr(out, label[i])) sums[count++] = i;
        else label[rank++] = label[i];
    label[rank] = 0;
    if (count) x = qc_lower_reduce(s->b, tfl_BuiltinOperator_SUM, x, count, sums, false);
    if ((int)strlen(out) != rank) return qc_tf_unsupported(s, "with this equation has no TFLite form");
    for (int i = 0; i < rank; i++) {
        const char *at = strchr(label, out[i]);
        if (!at) return qc_tf_unsupported(s, "with this equation has no TFLite form");
        permutation[i] = (int32_t)(at - label);
    }
    return qc_tf_return(s, rank > 1 && x ? qc_lower_transpose(s->b, x, permutation) : x);
}

static qc_status lower_einsum(struct qc_tf_step *s)
{
    struct pb_bytes text = qc_tf_attr_string(s->node, "equation");
    char equation[128], swapped[128];
    struct qc_weight kernel;
    if (s->in_count == 1 && text.size && text.size < sizeof equation) {
        memcpy(equation, text.at, text.size);
        equation[text.size] = 0;
        return qc_tf_tensor(s, 0) ? lower_einsum_of_one(s, qc_tf_tensor(s, 0), equation) : FAILED(s);
    }
    if (s->in_count != 2) return qc_tf_unsupported(s, "with %d operands has no TFLite form", s->in_count);
    struct qc_tensor *x = qc_tf_tensor(s, 0), *y = qc_tf_tensor(s, 1);
    if (!x || !y) return FAILED(s);
    if (!text.size || text.size >= sizeof equation) return qc_tf_fail(s, QC_FORMAT, "its equation is missing or too long");
    memcpy(equation, text.at, text.size);
    equation[text.size] = 0;
    char *comma = strchr(equation, ','), *arrow = strstr(equation, "->");
    if (!comma || !arrow || arrow < comma) return qc_tf_unsupported(s, "with the equation '%s' has no TFLite form", equation);
    if (x->constant && !y->constant) { /* the constant operand comes second */
        struct qc_tensor *keep = x;
        size_t second = (size_t)(arrow - comma - 1), first = (size_t)(comma - equation);
        memcpy(swapped, comma + 1, second);
        swapped[second] = ',';
        memcpy(swapped + second + 1, equation, first);
        strcpy(swapped + second + 1 + first, arrow);
        memcpy(equation, swapped, sizeof equation);
        x = y;
        y = keep;
    }
    if (!x->constant && qc_tf_weight(y, &kernel)) return qc_tf_return(s, qc_lower_einsum_dense(s->b, x, equation, &kernel, NULL, NULL, NULL));
    return qc_tf_return(s, qc_lower_einsum(s->b, equation, x, y));
}

const struct qc_tf_op qc_tf_matrix_ops[] = {
    {"MatMul", lower_mat_mul, 2, 2, 0, 0},
    {"SparseMatMul", lower_mat_mul, 2, 2, 0, 0}, /* dense operands, taken to be mostly zeros */
    {"BatchMatMul", lower_mat_mul, 2, 2, 0, 1},
    {"BatchMatMulV2", lower_mat_mul, 2, 2, 0, 1},
    {"BatchMatMulV3", lower_mat_mul, 2, 2, 0, 1},
    {"Einsum", lower_einsum, 1, -1, 0, 0},
    {NULL, NULL, 0, 0, 0, 0},
};
