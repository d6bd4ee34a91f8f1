/*
 * dense.c - Dense, matrix product and Dot. See dense.h; Einsum is in einsum.c.
 */
#include "import/lower/dense.h"

#include <stdio.h>

struct qc_tensor *qc_lower_fully_connected(struct qc_build *b, struct qc_tensor *x, struct qc_tensor *weights, struct qc_tensor *bias,
                                           const struct qc_activation *activation)
{
    int fused = qc_activation_fused(activation);
    QC_OPTIONS(b, FullyConnectedOptions, options);
    if (!options || !x) return NULL;
    options->keep_num_dims = x->rank > 2;
    options->fused_activation_function = (tfl_i8)(fused < 0 ? 0 : fused);
    x = QC_BUILD(b, FULLY_CONNECTED, options, x, weights, bias);
    return fused < 0 ? qc_lower_activation(b, x, activation) : x;
}

struct qc_tensor *qc_lower_dense(struct qc_build *b, struct qc_tensor *x, const struct qc_weight *kernel, const struct qc_weight *bias,
                                 const struct qc_activation *activation)
{
    if (!x || qc_build_status(b)) return NULL;
    if (x->rank < 2) return qc_lower_fail(b, QC_FORMAT, "a Dense layer needs an input of rank 2 or more, not %d", x->rank);
    if (!qc_weight_expect(b, "kernel", kernel, 2, (int32_t[]){x->dims[x->rank - 1], -1})) return NULL;
    if (bias && bias->data && !qc_weight_expect(b, "bias", bias, 1, &kernel->dims[1])) return NULL;
    struct qc_weight weights = qc_weight_transposed(b, kernel, (int32_t[]){1, 0});
    return qc_lower_fully_connected(b, x, qc_weight_constant(b, "kernel", &weights),
                                    bias && bias->data ? qc_weight_constant(b, "bias", bias) : qc_none(), activation);
}

struct qc_tensor *qc_lower_matmul(struct qc_build *b, struct qc_tensor *x, struct qc_tensor *y, bool transpose_x, bool transpose_y)
{
    if (!x || !y) return NULL;
    if (x->rank < 2 || y->rank < 2) return qc_lower_fail(b, QC_FORMAT, "a matrix product of ranks %d and %d", x->rank, y->rank);
    QC_OPTIONS(b, BatchMatMulOptions, options);
    if (!options) return NULL;
    options->adj_x = transpose_x;
    options->adj_y = transpose_y;
    return QC_BUILD(b, BATCH_MATMUL, options, x, y);
}

/* x / ||x|| along one axis; zero stays zero. */
static struct qc_tensor *normalized(struct qc_build *b, struct qc_tensor *x, int32_t axis)
{
    if (!x) return NULL;
    if (axis == x->rank - 1) return qc_build_unary(b, tfl_BuiltinOperator_L2_NORMALIZATION, x);
    struct qc_tensor *sum = qc_lower_reduce(b, tfl_BuiltinOperator_SUM, qc_build_binary(b, tfl_BuiltinOperator_MUL, x, x), 1, &axis, true);
    sum = qc_build_binary(b, tfl_BuiltinOperator_MAXIMUM, sum, qc_build_f32(b, 1e-12f));
    return qc_build_binary(b, tfl_BuiltinOperator_MUL, x, qc_build_unary(b, tfl_BuiltinOperator_RSQRT, sum));
}

struct qc_tensor *qc_lower_dot(struct qc_build *b, struct qc_tensor *x, struct qc_tensor *y, int axis_x, int axis_y, bool normalize)
{
    char equation[4 * QC_MAX_RANK], *to = equation;
    if (!x || !y) return NULL;
    int ax = qc_axis(axis_x, x->rank), ay = qc_axis(axis_y, y->rank);
    if (ax < 1 || ay < 1)
        return qc_lower_fail(b, QC_FORMAT, "Dot over axes %d and %d of tensors of rank %d and %d", axis_x, axis_y, x->rank, y->rank);
    if (normalize) {
        x = normalized(b, x, ax);
        y = normalized(b, y, ay);
        if (!x || !y) return NULL;
    }
    if (x->rank == 2 && y->rank == 2)
        return qc_lower_reduce(b, tfl_BuiltinOperator_SUM, qc_build_binary(b, tfl_BuiltinOperator_MUL, x, y), 1, (int32_t[]){1}, true);
    for (int i = 0; i < x->rank; i++) *to++ = (char)(i == ax ? 'z' : 'a' + i); /* a: batch, z: contracted */
    *to++ = ',';
    for (int i = 0; i < y->rank; i++) *to++ = (char)(i == ay ? 'z' : i ? 'a' + QC_MAX_RANK + i : 'a');
    *to++ = '-', *to++ = '>';
    for (int i = 0; i < x->rank; i++)
        if (i != ax) *to++ = (char)('a' + i);
    for (int i = 1; i < y->rank; i++)
        if (i != ay) *to++ = (char)('a' + QC_MAX_RANK + i);
    *to = 0;
    return qc_lower_einsum(b, equation, x, y);
}
