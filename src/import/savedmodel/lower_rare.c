/*
 * lower_rare.c - operators that few models have, written with those that TFLite has. See graph.h.
 */
#include "import/lower/conv.h"
#include "import/lower/fourier.h"
#include "import/savedmodel/match.h"

#include <string.h>

#define FAILED(s) ((s)->im->env->error.status)

/* x turned by `by` along its last axis. */
static struct qc_tensor *turned(struct qc_tf_step *s, struct qc_tensor *x, int32_t by)
{
    int axis = x->rank - 1;
    struct qc_tensor *part[2] = {qc_lower_slice(s->b, x, axis, by, INT32_MAX), qc_lower_slice(s->b, x, axis, 0, by)};
    return qc_lower_concat(s->b, 2, part, axis);
}

/* a x b = (a1 b2 - a2 b1, a2 b0 - a0 b2, a0 b1 - a1 b0) */
static qc_status lower_cross(struct qc_tf_step *s)
{
    struct qc_tensor *a = qc_tf_tensor(s, 0), *b = qc_tf_tensor(s, 1);
    if (!a || !b) return FAILED(s);
    if (a->rank < 1 || a->rank != b->rank || a->dims[a->rank - 1] != 3 || b->dims[b->rank - 1] != 3)
        return qc_tf_fail(s, QC_FORMAT, "its last axes are not of size 3");
    struct qc_tensor *x = qc_build_binary(s->b, tfl_BuiltinOperator_MUL, turned(s, a, 1), turned(s, b, 2));
    struct qc_tensor *y = qc_build_binary(s->b, tfl_BuiltinOperator_MUL, turned(s, a, 2), turned(s, b, 1));
    return qc_tf_return(s, qc_build_binary(s->b, tfl_BuiltinOperator_SUB, x, y));
}

/* Running product along a short axis of fixed size. */
static qc_status lower_cumprod(struct qc_tf_step *s)
{
    enum { LONGEST = 256 };
    struct qc_tensor *x = qc_tf_tensor(s, 0), *step[LONGEST];
    int axis = x ? qc_tf_axis(s, 1, x->rank) : -1;
    struct qc_tf_number size[QC_MAX_RANK];
    if (axis < 0) return FAILED(s);
    qc_tf_sizes(s->im, x, size);
    int32_t count = x->dims[axis];
    bool reverse = qc_tf_attr_bool(s->node, "reverse", false);
    if (size[axis].value != size[axis].other || count < 1 || count > LONGEST || qc_tf_attr_bool(s->node, "exclusive", false))
        return qc_tf_unsupported(s, "of this size or kind has no TFLite form");
    for (int32_t i = 0; i < count; i++) {
        int32_t at = reverse ? count - 1 - i : i, before = reverse ? at + 1 : at - 1;
        step[at] = qc_lower_slice(s->b, x, axis, at, at + 1);
        if (i) step[at] = qc_build_binary(s->b, tfl_BuiltinOperator_MUL, step[before], step[at]);
    }
    return qc_tf_return(s, qc_lower_concat(s->b, count, step, axis));
}

/* ---- diagonals ---- */

/* Every (columns + 1)th element of the matrix in a row. */
struct qc_tensor *qc_tf_diagonal(struct qc_tf_step *s, struct qc_tensor *x)
{
    int32_t dims[QC_MAX_RANK], begin[QC_MAX_RANK] = {0}, end[QC_MAX_RANK] = {0}, stride[QC_MAX_RANK];
    int rank = x->rank - 1;
    int32_t rows = x->dims[rank - 1], columns = x->dims[rank], length = QC_MIN(rows, columns);
    QC_OPTIONS(s->b, StridedSliceOptions, options);
    if (!options || (int64_t)rows * columns > INT32_MAX) return NULL;
    for (int i = 0; i < rank; i++) {
        dims[i] = QC_KEEP(i);
        stride[i] = 1;
    }
    dims[rank - 1] = rows * columns;
    stride[rank - 1] = columns + 1;
    end[rank - 1] = (length - 1) * (columns + 1) + 1;
    options->begin_mask = (1 << rank) - 1;
    options->end_mask = (1 << (rank - 1)) - 1;
    struct qc_tensor *flat = qc_lower_reshape(s->b, x, rank, dims);
    return QC_BUILD(s->b, STRIDED_SLICE, options, flat, qc_build_i32s(s->b, rank, begin), qc_build_i32s(s->b, rank, end), qc_build_i32s(s->b, rank, stride));
}

static qc_status lower_diagonal_part(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *k = s->in_count > 1 ? qc_tf_tensor(s, 1) : NULL;
    int64_t which = 0;
    if (!x || FAILED(s)) return FAILED(s);
    if ((k && !qc_tf_int(s->im, k, &which)) || which || x->rank < 2) return qc_tf_unsupported(s, "of another diagonal than the main one has no TFLite form");
    return qc_tf_return(s, qc_tf_diagonal(s, x));
}

/* Square matrices with x on the main diagonal: x [..., n, 1] times the unit matrix. */
static qc_status lower_diagonal(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *k = s->in_count > 1 ? qc_tf_tensor(s, 1) : NULL;
    int64_t value[4] = {0, -1, -1, 0};
    for (int i = 1; i < 4 && i < s->in_count; i++)
        if (!qc_tf_int(s->im, qc_tf_tensor(s, i), &value[i - 1])) return FAILED(s) ? FAILED(s) : qc_tf_unsupported(s, "has sizes that depend on data");
    if (!x || (s->in_count > 1 && !k)) return FAILED(s);
    int32_t n = x->rank ? x->dims[x->rank - 1] : 0, dims[QC_MAX_RANK];
    bool square = value[0] == 0 && (value[1] < 0 || value[1] == n) && (value[2] < 0 || value[2] == n) && n && n < 4096 && x->rank < QC_MAX_RANK;
    if (!square || x->type != QC_FLOAT32) return qc_tf_unsupported(s, "of another form than square float32 matrices has no TFLite form");
    float *unit = qc_arena_array(s->im->scratch, (size_t)n * (size_t)n, sizeof *unit);
    if (!unit) return QC_NOMEM;
    for (int32_t i = 0; i < n; i++) unit[(size_t)i * (size_t)(n + 1)] = 1;
    for (int i = 0; i < x->rank; i++) dims[i] = QC_KEEP(i);
    dims[x->rank] = 1;
    struct qc_tensor *column = qc_lower_reshape(s->b, x, x->rank + 1, dims), *matrix = qc_build_constant(s->b, "unit", QC_FLOAT32, 2, (int32_t[]){n, n}, unit);
    return qc_tf_return(s, qc_build_binary(s->b, tfl_BuiltinOperator_MUL, column, matrix));
}

/* Diag and DiagPart of a single vector and matrix (detail: the rank that is asked for) are those of batches. */
static qc_status lower_flat_diagonal(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0);
    if (!x) return FAILED(s);
    if (x->rank != s->op->detail) return qc_tf_unsupported(s, "of rank %d has no TFLite form", x->rank);
    return x->rank == 1 ? lower_diagonal(s) : lower_diagonal_part(s);
}

/* Every kernel-sized patch as channels: a convolution whose kernel copies. */
static qc_status lower_patches(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0);
    struct qc_conv_spec spec = {.rank = 2};
    int64_t size[4], stride[4], rate[4];
    if (!x) return FAILED(s);
    if (x->rank != 4 || qc_tf_attr_ints(s->node, "ksizes", size, 4) != 4 || qc_tf_attr_ints(s->node, "strides", stride, 4) != 4 ||
        qc_tf_attr_ints(s->node, "rates", rate, 4) != 4)
        return qc_tf_fail(s, QC_FORMAT, "its sizes are damaged");
    int64_t channels = x->dims[3], out = size[1] * size[2] * channels;
    if (size[1] < 1 || size[2] < 1 || size[1] > 4096 || size[2] > 4096 || out * out > 1 << 24) return qc_tf_unsupported(s, "of this size has no TFLite form");
    float *kernel = qc_arena_array(&s->im->model->arena, (size_t)(out * out), sizeof *kernel);
    if (!kernel) return QC_NOMEM;
    for (int64_t i = 0; i < out; i++) kernel[i * (out + 1)] = 1; /* [kh, kw, C, kh kw C]: rows count as outputs do */
    spec.kernel = (struct qc_weight){.data = kernel, .rank = 4, .dims = {(int32_t)size[1], (int32_t)size[2], (int32_t)channels, (int32_t)out}};
    spec.padding = pb_equal(qc_tf_attr_string(s->node, "padding"), "SAME") ? QC_PADDING_SAME : QC_PADDING_VALID;
    for (int i = 0; i < 2; i++) {
        if (stride[i + 1] < 1 || stride[i + 1] > INT32_MAX || rate[i + 1] < 1 || rate[i + 1] > 1 << 20)
            return qc_tf_fail(s, QC_FORMAT, "its strides are damaged");
        spec.stride[i] = (int32_t)stride[i + 1];
        spec.dilation[i] = (int32_t)rate[i + 1];
    }
    return qc_tf_return(s, qc_lower_conv(s->b, qc_lower_cast(s->b, x, QC_FLOAT32), &spec));
}

/* ---- counting ---- */

/* How often each number below `size` occurs in a row (binary_output: whether), without weights. */
static qc_status lower_bincount(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *size = qc_tf_tensor(s, 1), *weights = qc_tf_tensor(s, 2);
    if (!x || !size || !weights) return FAILED(s);
    bool binary = qc_tf_attr_bool(s->node, "binary_output", false), weighted = !weights->has_shape || qc_tensor_elements(weights);
    if (weighted && (binary || weights->rank != x->rank || weights->type != QC_FLOAT32)) return qc_tf_unsupported(s, "with these weights has no TFLite form");
    if (x->rank < 1) return qc_tf_unsupported(s, "of a single number has no TFLite form");
    QC_OPTIONS(s->b, OneHotOptions, options);
    if (!options) return QC_NOMEM;
    options->axis = -1;
    struct qc_tensor *hot = QC_BUILD(s->b, ONE_HOT, options, qc_lower_cast(s->b, x, QC_INT32), qc_tf_int32(s, 1), qc_build_f32(s->b, 1), qc_build_f32(s->b, 0));
    int32_t dims[QC_MAX_RANK], axis = x->rank - 1;
    if (weighted) {
        for (int i = 0; i < x->rank; i++) dims[i] = QC_KEEP(i);
        dims[x->rank] = 1;
        hot = qc_build_binary(s->b, tfl_BuiltinOperator_MUL, hot, qc_lower_reshape(s->b, weights, x->rank + 1, dims));
    }
    struct qc_tensor *count = qc_lower_reduce(s->b, binary ? tfl_BuiltinOperator_REDUCE_MAX : tfl_BuiltinOperator_SUM, hot, 1, &axis, false);
    qc_dtype type = QC_FLOAT32;
    qc_tf_type(s, "T", QC_TF_FLOAT, &type);
    return qc_tf_return(s, qc_lower_cast(s->b, count, type));
}

/* For each value the number of elements of the sorted row that are below it (UpperBound: not above it). */
static qc_status lower_bound(struct qc_tf_step *s)
{
    struct qc_tensor *sorted = qc_tf_tensor(s, 0), *values = qc_tf_tensor(s, 1);
    int32_t axis = 2;
    qc_dtype type = QC_INT32;
    if (!sorted || !values) return FAILED(s);
    if (sorted->rank != 2 || values->rank != 2) return qc_tf_fail(s, QC_FORMAT, "its operands are no matrices");
    struct qc_tensor *row = qc_lower_reshape(s->b, sorted, 3, (int32_t[]){QC_KEEP(0), 1, QC_KEEP(1)});
    struct qc_tensor *column = qc_lower_reshape(s->b, values, 3, (int32_t[]){QC_KEEP(0), QC_KEEP(1), 1});
    struct qc_tensor *below = qc_build_binary(s->b, s->op->code, row, column);
    qc_tf_type(s, "out_type", QC_TF_INT32, &type);
    return qc_tf_return(s, qc_lower_cast(s->b, qc_lower_reduce(s->b, tfl_BuiltinOperator_SUM, qc_lower_cast(s->b, below, QC_INT32), 1, &axis, false), type));
}

/* ---- Fourier transforms ---- */

/* TFLite has complex numbers between few operators: the transform is written where its real or imaginary part or its magnitude is read. */
static qc_status lower_fourier(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *length = qc_tf_tensor(s, 1);
    int64_t n;
    if (!x || !length) return FAILED(s);
    if (x->type != QC_FLOAT32 || qc_tf_ints(s->im, length, 1, &n) != 1 || n > INT32_MAX) return qc_tf_unsupported(s, "of this kind has no TFLite form");
    QC_TRY(qc_tf_outputs(s, 1));
    s->out[0] = (struct qc_tf_value){.kind = QC_TF_SPECTRUM, .tensor = x, .id = n};
    return QC_OK;
}

static qc_status lower_complex(struct qc_tf_step *s)
{
    return qc_tf_unsupported(s, "of complex numbers other than a Fourier transform has no TFLite form");
}

qc_status qc_tf_spectrum_step(struct qc_tf_step *s)
{
    if (s->op->lower == lower_complex)
        return qc_tf_return(s, qc_lower_fourier(s->b, s->in[0].tensor, (int32_t)s->in[0].id, (enum qc_fourier_part)s->op->detail));
    if (strcmp(s->op->name, "Identity")) return qc_tf_unsupported(s, "of complex numbers has no TFLite form");
    QC_TRY(qc_tf_outputs(s, 1));
    s->out[0] = s->in[0];
    return QC_OK;
}

/* ---- the sign of zero ---- */

/*
 * Keras 3's argmax sorts -0 below 0: it looks at the sign bit of zeros (Bitcast, BitwiseAnd, Less, LogicalAnd) and takes the number
 * nearest to -0 for them. TFLite has no such operators; both zeros count as equal here, as they do everywhere else.
 */
static qc_status lower_bitcast(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0);
    qc_dtype type;
    if (!x) return FAILED(s);
    if (qc_tf_type(s, "type", 0, &type) && type == x->type) return qc_tf_return(s, x);
    if (x->type != QC_FLOAT32 || type != QC_INT32) return qc_tf_unsupported(s, "has no TFLite form");
    QC_TRY(qc_tf_outputs(s, 1));
    s->out[0] = (struct qc_tf_value){.kind = QC_TF_SIGN_BIT, .tensor = x};
    return QC_OK;
}

qc_status qc_tf_sign_bit_step(struct qc_tf_step *s)
{
    static const char *const passing[] = {"BitwiseAnd", "Less", "LogicalAnd", "Identity"};
    if (!strcmp(s->op->name, "SelectV2") && s->in[0].kind == QC_TF_SIGN_BIT && s->in[2].tensor == s->in[0].tensor && s->in[2].kind == QC_TF_TENSOR)
        return qc_tf_return(s, s->in[2].tensor);
    for (size_t i = 0; i < QC_COUNT(passing); i++) {
        if (strcmp(s->op->name, passing[i])) continue;
        QC_TRY(qc_tf_outputs(s, 1));
        for (int k = 0; k < s->in_count; k++)
            if (s->in[k].kind == QC_TF_SIGN_BIT) s->out[0] = s->in[k];
        return QC_OK;
    }
    return qc_tf_unsupported(s, "on the bits of a float has no TFLite form");
}

static qc_status refuse_bits(struct qc_tf_step *s)
{
    return qc_tf_unsupported(s, "has no TFLite form");
}

static qc_status refuse_random(struct qc_tf_step *s)
{
    return qc_tf_unsupported(s, "draws random numbers: the model was saved with a layer that is for training alone");
}

const struct qc_tf_op qc_tf_rare_ops[] = {
    {"Cross", lower_cross, 2, 2, 0, 0},
    {"Cumprod", lower_cumprod, 2, 2, 0, 0},
    {"MatrixDiagPartV3", lower_diagonal_part, 3, 3, 0, 0},
    {"MatrixDiagPartV2", lower_diagonal_part, 3, 3, 0, 0},
    {"MatrixDiagV3", lower_diagonal, 5, 5, 0, 0},
    {"MatrixDiagV2", lower_diagonal, 5, 5, 0, 0},
    {"MatrixDiag", lower_diagonal, 1, 1, 0, 0},
    {"MatrixDiagPart", lower_diagonal_part, 1, 1, 0, 0},
    {"Diag", lower_flat_diagonal, 1, 1, 0, 1},
    {"DiagPart", lower_flat_diagonal, 1, 1, 0, 2},
    {"ExtractImagePatches", lower_patches, 1, 1, 0, 0},
    {"DenseBincount", lower_bincount, 3, 3, 0, 0},
    {"LowerBound", lower_bound, 2, 2, tfl_BuiltinOperator_LESS, 0},
    {"UpperBound", lower_bound, 2, 2, tfl_BuiltinOperator_LESS_EQUAL, 0},
    {"RFFT", lower_fourier, 2, 2, 0, 0},
    {"Real", lower_complex, 1, 1, 0, QC_FOURIER_REAL},
    {"Imag", lower_complex, 1, 1, 0, QC_FOURIER_IMAGINARY},
    {"ComplexAbs", lower_complex, 1, 1, 0, QC_FOURIER_MAGNITUDE},
    {"Bitcast", lower_bitcast, 1, 1, 0, 0},
    {"BitwiseAnd", refuse_bits, 2, 2, 0, 0},
    {"StatelessRandomGetKeyCounter", refuse_random, 0, -1, 0, 0},
    {"StatelessRandomUniformV2", refuse_random, 0, -1, 0, 0},
    {"StatelessRandomNormalV2", refuse_random, 0, -1, 0, 0},
    {"RandomUniform", refuse_random, 0, -1, 0, 0},
    {"RandomStandardNormal", refuse_random, 0, -1, 0, 0},
    {NULL, NULL, 0, 0, 0, 0},
};
