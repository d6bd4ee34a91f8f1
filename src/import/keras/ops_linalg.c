/*
 * ops_linalg.c - matrix operations.
 */
#include "import/keras/operation.h"
#include "import/lower/dense.h"
#include "import/lower/fourier.h"

#include <math.h>
#include <string.h>

#define OP(name) tfl_BuiltinOperator_##name

static struct qc_tensor *floats(struct qc_keras_call *call, struct qc_tensor *x)
{
    return x ? qc_lower_cast(call->b, x, QC_FLOAT32) : NULL;
}

/* Vectors count as matrices of one row or column, whose axis goes again. A constant matrix on the right is a Dense kernel. */
static void matmul(struct qc_keras_call *call, int code)
{
    struct qc_build *b = call->b;
    struct qc_tensor *x, *y;
    (void)code;
    if (!qc_keras_op_pair(call, &x, &y)) return;
    bool turn_x = qc_keras_op_bool(call, 2, "transpose_a adj_x", false), turn_y = qc_keras_op_bool(call, 3, "transpose_b adj_y", false);
    x = floats(call, x);
    y = floats(call, y);
    if (!x || !y) return;
    if (y->constant && y->rank == 2 && x->rank >= 2 && !turn_x && !turn_y) {
        struct qc_weight kernel = {.data = y->data, .rank = 2, .dims = {y->dims[0], y->dims[1]}};
        qc_keras_return(call, qc_lower_dense(b, x, &kernel, &(struct qc_weight){0}, NULL));
        return;
    }
    bool row = x->rank == 1, column = y->rank == 1;
    if (row) x = qc_lower_reshape(b, x, 2, (int32_t[]){1, QC_KEEP(0)});
    if (column) y = qc_lower_reshape(b, y, 2, (int32_t[]){QC_KEEP(0), 1});
    struct qc_tensor *z = x && y ? qc_lower_matmul(b, x, y, turn_x, turn_y) : NULL;
    if (z && column) z = qc_lower_pick(b, z, z->rank - 1, 0);
    if (z && row) z = qc_lower_pick(b, z, z->rank - 1 - !column, 0);
    qc_keras_return(call, z);
}

/* Operands of an einsum: Keras 3 gives them as arguments, TensorFlow behind the equation. */
static void einsum(struct qc_keras_call *call, int code)
{
    struct qc_build *b = call->b;
    const char *equation = qc_keras_op_text(call, 0, "subscripts equation", NULL);
    struct qc_tensor *x = call->in_count > 0 ? floats(call, call->in[0].tensor) : NULL, *y = call->in_count > 1 ? floats(call, call->in[1].tensor) : NULL;
    (void)code;
    if (!equation || !x || call->in_count > 2) {
        qc_keras_fail(call, QC_UNSUPPORTED, "only products of one or two tensors are supported");
        return;
    }
    if (y) {
        qc_keras_return(call, qc_lower_einsum(b, equation, x, y));
        return;
    }
    const char *arrow = strstr(equation, "->"); /* one operand: an order of axes, and sums over those left out */
    size_t rank = arrow ? (size_t)(arrow - equation) : 0, out = arrow ? strlen(arrow + 2) : 0;
    int32_t order[QC_MAX_RANK], sums[QC_MAX_RANK];
    int kept = 0, summed = 0;
    if (rank != x->rank || out > rank || rank > QC_MAX_RANK) {
        qc_keras_fail(call, QC_UNSUPPORTED, "the equation '%.60s' is not supported", equation);
        return;
    }
    for (size_t i = 0; i < out; i++) {
        const char *at = memchr(equation, arrow[2 + i], rank);
        if (!at || memchr(at + 1, *at, rank - (size_t)(at + 1 - equation))) qc_keras_fail(call, QC_UNSUPPORTED, "the equation '%.60s' is not supported", equation);
        else order[kept++] = (int32_t)(at - equation);
    }
    for (size_t i = 0; i < rank; i++)
        if (!strchr(arrow + 2, equation[i])) {
            sums[summed] = kept + summed;
            order[kept + summed++] = (int32_t)i;
        }
    if (qc_keras_failed(call) || kept + summed != x->rank) return;
    x = qc_lower_transpose(b, x, order);
    qc_keras_return(call, summed ? qc_lower_reduce(b, OP(SUM), x, summed, sums, false) : x);
}

/* Contracts the last axes of x with the first of y (axes: their number), by reshaping both to matrices. */
static void tensordot(struct qc_keras_call *call, int code)
{
    struct qc_build *b = call->b;
    struct qc_tensor *x, *y;
    int32_t dims[QC_MAX_RANK], rows[QC_MAX_RANK], n;
    (void)code;
    if (!qc_keras_op_pair(call, &x, &y)) return;
    const struct qc_json *axes = qc_keras_op_json(call, 2, "axes");
    n = qc_json_is_array(axes) ? -1 : qc_keras_op_int(call, 2, "axes", 2);
    if (n < 1 || n >= x->rank || n > y->rank || x->rank + y->rank - 2 * n > QC_MAX_RANK) {
        qc_keras_fail(call, QC_UNSUPPORTED, "only axes=n is supported");
        return;
    }
    int64_t inner = 1, columns = 1;
    for (int i = 0; i < n; i++) inner *= y->dims[i];
    for (int i = n; i < y->rank; i++) columns *= y->dims[i];
    if (inner > INT32_MAX || columns > INT32_MAX) return;
    int rank = x->rank - n;
    for (int i = 0; i < rank; i++) rows[i] = dims[i] = QC_KEEP(i);
    rows[rank] = (int32_t)inner;
    for (int i = n; i < y->rank; i++) dims[rank + i - n] = y->dims[i];
    struct qc_tensor *left = qc_lower_reshape(b, floats(call, x), rank + 1, rows);
    struct qc_tensor *right = qc_lower_reshape(b, floats(call, y), 2, (int32_t[]){(int32_t)inner, (int32_t)columns}), *z;
    if (y->constant && y->type == QC_FLOAT32) {
        struct qc_weight kernel = {.data = y->data, .rank = 2, .dims = {(int32_t)inner, (int32_t)columns}};
        z = qc_lower_dense(b, left, &kernel, &(struct qc_weight){0}, NULL);
    } else
        z = left && right ? qc_lower_matmul(b, left, right, false, false) : NULL;
    qc_keras_return(call, z ? qc_lower_reshape(b, z, rank + y->rank - n, dims) : NULL);
}

static void real_fourier(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, true);
    (void)code;
    if (!x) return;
    int32_t n = qc_keras_op_int(call, 1, "fft_length", x->rank ? x->dims[x->rank - 1] : 0);
    qc_keras_return(call, qc_lower_fourier(call->b, x, n, QC_FOURIER_REAL));
    qc_keras_return(call, qc_lower_fourier(call->b, x, n, QC_FOURIER_IMAGINARY));
}

/* a x b of the last axis, of size 3. */
static void cross(struct qc_keras_call *call, int code)
{
    struct qc_build *b = call->b;
    struct qc_tensor *x, *y, *part[3];
    (void)code;
    if (!qc_keras_op_pair(call, &x, &y)) return;
    static const char *const axes[] = {"axisa", "axisb", "axisc", "axis"};
    int last = x->rank - 1;
    for (size_t i = 0; i < QC_COUNT(axes); i++) {
        int32_t axis = qc_keras_op_int(call, -1, axes[i], -1);
        if (axis != -1 && axis != last) qc_keras_fail(call, QC_UNSUPPORTED, "only the last axis is supported, not %s=%d", axes[i], axis);
    }
    if (x->dims[last] != 3 || y->dims[y->rank - 1] != 3) {
        qc_keras_fail(call, QC_UNSUPPORTED, "only vectors of 3 elements in the last axis are supported");
        return;
    }
    for (int i = 0; i < 3; i++) {
        int j = (i + 1) % 3, k = (i + 2) % 3;
        struct qc_tensor *first = qc_build_binary(b, OP(MUL), qc_lower_slice(b, x, last, j, j + 1), qc_lower_slice(b, y, y->rank - 1, k, k + 1));
        struct qc_tensor *second = qc_build_binary(b, OP(MUL), qc_lower_slice(b, x, last, k, k + 1), qc_lower_slice(b, y, y->rank - 1, j, j + 1));
        part[i] = qc_build_binary(b, OP(SUB), first, second);
    }
    qc_keras_return(call, qc_lower_concat(b, 3, part, last));
}

/* x times 0 and 1: those with lower <= column - row <= upper stay; open bounds are INT32_MIN and INT32_MAX. */
static void band(struct qc_keras_call *call, struct qc_tensor *x, int32_t lower, int32_t upper)
{
    int rows = x->rank < 2 ? 0 : x->dims[x->rank - 2], columns = x->dims[x->rank - 1];
    if (!rows || qc_lower_is_free(call->b, x, x->rank - 1) || qc_lower_is_free(call->b, x, x->rank - 2)) {
        qc_keras_fail(call, QC_UNSUPPORTED, "it needs matrices of a fixed size");
        return;
    }
    float *keep = qc_arena_array(call->im->arena, (size_t)rows * (size_t)columns, sizeof *keep);
    for (int i = 0; keep && i < rows; i++)
        for (int j = 0; j < columns; j++) keep[i * columns + j] = j - i >= lower && j - i <= upper;
    if (keep) qc_keras_return(call, qc_build_binary(call->b, OP(MUL), x, qc_build_constant(call->b, "band", QC_FLOAT32, 2, (int32_t[]){rows, columns}, keep)));
}

static void triangle(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, true);
    int32_t k = qc_keras_op_int(call, 1, "k", 0);
    if (x) band(call, x, code ? k : INT32_MIN, code ? INT32_MAX : k);
}

static void band_part(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, true);
    int32_t lower = qc_keras_op_int(call, 1, "num_lower", -1), upper = qc_keras_op_int(call, 2, "num_upper", -1);
    (void)code;
    if (x) band(call, x, lower < 0 ? INT32_MIN : -lower, upper < 0 ? INT32_MAX : upper);
}

/* The diagonal of the last two axes: the others of each row times 0, summed. */
static void diagonal(struct qc_keras_call *call, int code)
{
    struct qc_build *b = call->b;
    struct qc_tensor *x = qc_keras_op_input(call, true);
    (void)code;
    if (!x || x->rank < 2) return;
    int row = qc_keras_op_axis(call, -1, "axis1", -2, x->rank), column = qc_keras_op_axis(call, -1, "axis2", -1, x->rank);
    if (row != x->rank - 2 || column != x->rank - 1 || qc_keras_op_int(call, -1, "offset k", 0) || x->dims[row] > x->dims[column]) {
        qc_keras_fail(call, QC_UNSUPPORTED, "only the main diagonal of the last two axes is supported");
        return;
    }
    band(call, x, 0, 0);
    if (call->out_count) call->out[0].tensor = qc_lower_reduce(b, OP(SUM), call->out[0].tensor, 1, (int32_t[]){-1}, false);
}

const struct qc_keras_operation qc_keras_operations_linalg[] = {
    {"Matmul", "linalg.matmul matmul __operators__.matmul BatchMatMulV2 MatMul", matmul, 0},
    {"Dot", "", matmul, 0},
    {"Einsum", "einsum linalg.einsum", einsum, 0},
    {"Tensordot", "tensordot", tensordot, 0},
    {"RFFT", "", real_fourier, 0},
    {"Cross", "linalg.cross", cross, 0},
    {"Tril", "", triangle, 0},
    {"Triu", "", triangle, 1},
    {"BandPart", "linalg.band_part", band_part, 0},
    {"Diagonal", "linalg.diag_part", diagonal, 0},
    {0},
};
