/*
 * ops_reduce.c - operations along axes: sums, extremes, statistics, positions, running sums, sorting.
 */
#include "import/keras/operation.h"

#include <string.h>

#define OP(name) tfl_BuiltinOperator_##name
#define AXIS "axis axes reduction_indices"
#define KEEP "keepdims keep_dims"

struct reduction {
    struct qc_tensor *x;
    int32_t axes[QC_MAX_RANK];
    int count;
    bool keep;
};

static bool arguments(struct qc_keras_call *call, bool floats, struct reduction *r)
{
    memset(r, 0, sizeof *r);
    r->x = qc_keras_op_input(call, floats);
    if (!r->x) return false;
    r->count = qc_keras_op_axes(call, 1, AXIS, r->x->rank, r->axes);
    r->keep = qc_keras_op_bool(call, 2, KEEP, false);
    return !qc_keras_failed(call);
}

static struct qc_tensor *over(struct qc_keras_call *call, int code, struct qc_tensor *x, const struct reduction *r, bool keep)
{
    return qc_lower_reduce(call->b, code, x, r->count, r->axes, keep);
}

static void reduce(struct qc_keras_call *call, int code)
{
    struct reduction r;
    if (arguments(call, code == OP(MEAN), &r)) qc_keras_return(call, over(call, code, r.x, &r, r.keep));
}

static void truth(struct qc_keras_call *call, int code)
{
    struct reduction r;
    if (arguments(call, false, &r)) qc_keras_return(call, over(call, code, qc_lower_cast(call->b, r.x, QC_BOOL), &r, r.keep));
}

static void count_nonzero(struct qc_keras_call *call, int code)
{
    struct reduction r;
    (void)code;
    if (!arguments(call, true, &r)) return;
    struct qc_tensor *nonzero = qc_build_binary(call->b, OP(NOT_EQUAL), r.x, qc_build_f32(call->b, 0));
    qc_keras_return(call, over(call, OP(SUM), qc_lower_cast(call->b, nonzero, QC_INT32), &r, r.keep));
}

static struct qc_tensor *variance_of(struct qc_keras_call *call, const struct reduction *r, bool keep)
{
    struct qc_tensor *mean = over(call, OP(MEAN), r->x, r, true);
    return over(call, OP(MEAN), qc_build_binary(call->b, OP(SQUARED_DIFFERENCE), r->x, mean), r, keep);
}

static void variance(struct qc_keras_call *call, int code)
{
    struct reduction r;
    if (!arguments(call, true, &r)) return;
    struct qc_tensor *y = variance_of(call, &r, r.keep);
    qc_keras_return(call, code ? qc_build_unary(call->b, code, y) : y);
}

static void moments(struct qc_keras_call *call, int code)
{
    struct reduction r;
    (void)code;
    if (!arguments(call, true, &r)) return;
    qc_keras_return(call, over(call, OP(MEAN), r.x, &r, r.keep));
    qc_keras_return(call, variance_of(call, &r, r.keep));
}

static void log_sum_exp(struct qc_keras_call *call, int code)
{
    struct reduction r;
    struct qc_build *b = call->b;
    (void)code;
    if (!arguments(call, true, &r)) return;
    struct qc_tensor *most = over(call, OP(REDUCE_MAX), r.x, &r, true);
    struct qc_tensor *sum = over(call, OP(SUM), qc_build_unary(b, OP(EXP), qc_build_binary(b, OP(SUB), r.x, most)), &r, r.keep);
    qc_keras_return(call, qc_build_binary(b, OP(ADD), qc_build_unary(b, OP(LOG), sum), r.keep ? most : over(call, OP(REDUCE_MAX), r.x, &r, false)));
}

/* Norms of vectors: 2 (also "euclidean" and "fro", the default), 1, and the largest. */
static void norm(struct qc_keras_call *call, int code)
{
    struct reduction r;
    struct qc_build *b = call->b;
    const char *kind = qc_keras_op_text(call, -1, "ord", "euclidean");
    double order = 2;
    (void)code;
    if (!qc_json_string(qc_keras_op_json(call, -1, "ord"))) order = qc_keras_op_number(call, -1, "ord", 2);
    else if (strcmp(kind, "euclidean") && strcmp(kind, "fro")) qc_keras_fail(call, QC_UNSUPPORTED, "ord '%.20s' is not supported", kind);
    if (!arguments(call, true, &r)) return;
    if (order == 1) qc_keras_return(call, over(call, OP(SUM), qc_build_unary(b, OP(ABS), r.x), &r, r.keep));
    else if (order == 2) qc_keras_return(call, qc_build_unary(b, OP(SQRT), over(call, OP(SUM), qc_build_unary(b, OP(SQUARE), r.x), &r, r.keep)));
    else qc_keras_fail(call, QC_UNSUPPORTED, "ord %g is not supported", order);
}

/* ---- positions ---- */

static struct qc_tensor *position(struct qc_build *b, int code, struct qc_tensor *x, int axis)
{
    struct qc_tensor *index = qc_build_i32(b, axis);
    if (code == OP(ARG_MAX)) {
        QC_OPTIONS(b, ArgMaxOptions, options);
        if (options) options->output_type = tfl_TensorType_INT32;
        return qc_build_op(b, code, options, 2, (struct qc_tensor *[]){x, index});
    }
    QC_OPTIONS(b, ArgMinOptions, options);
    if (options) options->output_type = tfl_TensorType_INT32;
    return qc_build_op(b, code, options, 2, (struct qc_tensor *[]){x, index});
}

static void arg_extreme(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, false);
    int32_t dims[QC_MAX_RANK];
    if (!x) return;
    bool flat = !qc_keras_op_json(call, 1, "axis dimension") && call->layer->kind == QC_KERAS_OPERATION;
    if (flat) x = qc_lower_reshape(call->b, x, 1, (int32_t[]){-1});
    int axis = flat ? 0 : qc_keras_op_axis(call, 1, "axis dimension", 0, x ? x->rank : 1);
    struct qc_tensor *y = position(call->b, code, x, axis);
    if (y && qc_keras_op_bool(call, 2, KEEP, false)) {
        for (int i = 0; i < x->rank; i++) dims[i] = i == axis ? 1 : QC_KEEP(i - (i > axis));
        y = qc_lower_reshape(call->b, y, x->rank, dims);
    }
    qc_keras_return(call, y);
}

/* ---- sorting: TOPK_V2 works on the last axis, largest first ---- */

/* All of the last axis in descending order; the axis must have a known size. */
static bool descending(struct qc_keras_call *call, struct qc_tensor *x, int32_t k, struct qc_tensor *out[2])
{
    if (qc_lower_is_free(call->b, x, x->rank - 1)) qc_keras_fail(call, QC_UNSUPPORTED, "it sorts an axis whose size is not fixed");
    if (k < 1 || k > x->dims[x->rank - 1]) qc_keras_fail(call, QC_FORMAT, "k is %d for an axis of %d", k, x->dims[x->rank - 1]);
    return !qc_keras_failed(call) && !qc_build_ops(call->b, OP(TOPK_V2), NULL, 2, (struct qc_tensor *[]){x, qc_build_i32(call->b, k)}, 2, out);
}

static void top_k(struct qc_keras_call *call, int code)
{
    struct qc_tensor *x = qc_keras_op_input(call, false), *out[2];
    (void)code;
    if (!x || !descending(call, x, qc_keras_op_int(call, 1, "k", 1), out)) return;
    qc_keras_return(call, out[0]);
    qc_keras_return(call, out[1]);
}

/* Moves `axis` last, or back. */
static struct qc_tensor *swap_last(struct qc_build *b, struct qc_tensor *x, int axis)
{
    int32_t order[QC_MAX_RANK];
    if (!x || axis == x->rank - 1) return x;
    for (int i = 0; i < x->rank; i++) order[i] = i == axis ? x->rank - 1 : i == x->rank - 1 ? axis : i;
    return qc_lower_transpose(b, x, order);
}

/* Ascending by sorting the negative: equal elements keep their order. code 0: values, 1: positions. */
static void sort(struct qc_keras_call *call, int code)
{
    struct qc_build *b = call->b;
    struct qc_tensor *x = qc_keras_op_input(call, false), *out[2];
    bool down = !strcmp(qc_keras_op_text(call, -1, "direction", "ASCENDING"), "DESCENDING");
    if (!x) return;
    int axis = qc_keras_op_axis(call, 1, "axis", -1, x->rank);
    struct qc_tensor *turned = swap_last(b, x, axis);
    if (turned && !down) turned = qc_build_unary(b, OP(NEG), turned);
    if (!turned || !descending(call, turned, turned->dims[turned->rank - 1], out)) return;
    if (!code && !down) out[0] = qc_build_unary(b, OP(NEG), out[0]);
    qc_keras_return(call, swap_last(b, out[code], axis));
}

static void median(struct qc_keras_call *call, int code)
{
    struct qc_build *b = call->b;
    struct reduction r;
    struct qc_tensor *out[2];
    int32_t dims[QC_MAX_RANK];
    (void)code;
    if (!arguments(call, true, &r)) return;
    if (r.count != 1) {
        qc_keras_fail(call, QC_UNSUPPORTED, "the median over several axes is not supported");
        return;
    }
    struct qc_tensor *turned = swap_last(b, r.x, r.axes[0]);
    int last = r.x->rank - 1, n = turned ? turned->dims[last] : 0;
    if (!turned || !descending(call, turned, n, out)) return;
    struct qc_tensor *middle = qc_lower_slice(b, out[0], last, (n - 1) / 2, n / 2 + 1);
    middle = swap_last(b, qc_lower_reduce(b, OP(MEAN), middle, 1, (int32_t[]){last}, true), r.axes[0]);
    if (middle && !r.keep) {
        for (int i = 0; i < last; i++) dims[i] = QC_KEEP(i + (i >= r.axes[0]));
        middle = qc_lower_reshape(b, middle, last, dims);
    }
    qc_keras_return(call, middle);
}

/* ---- running ---- */

static void running_sum(struct qc_keras_call *call, int code)
{
    QC_OPTIONS(call->b, CumsumOptions, options);
    struct qc_tensor *x = qc_keras_op_input(call, false);
    (void)code;
    if (!x || !options) return;
    options->exclusive = qc_keras_op_bool(call, -1, "exclusive", false);
    options->reverse = qc_keras_op_bool(call, -1, "reverse", false);
    qc_keras_return(call, QC_BUILD(call->b, CUMSUM, options, x, qc_build_i32(call->b, qc_keras_op_axis(call, 1, "axis", 0, x->rank))));
}

static void running_product(struct qc_keras_call *call, int code)
{
    enum { MOST_STEPS = 256 };
    struct qc_build *b = call->b;
    struct qc_tensor *x = qc_keras_op_input(call, false), *step[MOST_STEPS];
    (void)code;
    if (!x) return;
    int axis = qc_keras_op_axis(call, 1, "axis", 0, x->rank), n = x->dims[axis];
    if (qc_lower_is_free(b, x, axis) || n > MOST_STEPS || n < 1 || qc_keras_op_bool(call, -1, "exclusive", false) || qc_keras_op_bool(call, -1, "reverse", false)) {
        qc_keras_fail(call, QC_UNSUPPORTED, "a running product needs an axis of a fixed size of at most %d, forwards and inclusive", MOST_STEPS);
        return;
    }
    for (int i = 0; i < n; i++) {
        step[i] = qc_lower_slice(b, x, axis, i, i + 1);
        if (i) step[i] = qc_build_binary(b, OP(MUL), step[i - 1], step[i]);
    }
    qc_keras_return(call, qc_lower_concat(b, n, step, axis));
}

/* For each value the number of elements of the sorted sequence below it (side "left") or not above it. */
static void search_sorted(struct qc_keras_call *call, int code)
{
    struct qc_build *b = call->b;
    struct qc_tensor *sequence = qc_keras_op_tensor(call, 0, "sorted_sequence"), *values = qc_keras_op_tensor(call, 1, "values");
    bool right = !strcmp(qc_keras_op_text(call, -1, "side", "left"), "right");
    (void)code;
    if (!sequence || !values) return;
    qc_keras_op_promote(call, &sequence, &values);
    if (!sequence || !values || sequence->rank != 1 || values->rank + 1 > QC_MAX_RANK) {
        qc_keras_fail(call, QC_UNSUPPORTED, "its sequence is not of rank 1");
        return;
    }
    struct qc_tensor *below = qc_build_binary(b, right ? OP(GREATER_EQUAL) : OP(GREATER), qc_lower_expand(b, values, values->rank), sequence);
    qc_keras_return(call, qc_lower_reduce(b, OP(SUM), qc_lower_cast(b, below, QC_INT32), 1, (int32_t[]){-1}, false));
}

const struct qc_keras_operation qc_keras_operations_reduce[] = {
    {"Sum", "math.reduce_sum reduce_sum Sum", reduce, OP(SUM)},
    {"Mean", "math.reduce_mean reduce_mean Mean", reduce, OP(MEAN)},
    {"Max", "math.reduce_max reduce_max Max", reduce, OP(REDUCE_MAX)},
    {"Amax", "", reduce, OP(REDUCE_MAX)},
    {"Min", "math.reduce_min reduce_min Min", reduce, OP(REDUCE_MIN)},
    {"Amin", "", reduce, OP(REDUCE_MIN)},
    {"Prod", "math.reduce_prod reduce_prod Prod", reduce, OP(REDUCE_PROD)},
    {"Any", "math.reduce_any reduce_any Any", truth, OP(REDUCE_ANY)},
    {"All", "math.reduce_all reduce_all All", truth, OP(REDUCE_ALL)},
    {"CountNonzero", "math.count_nonzero", count_nonzero, 0},
    {"Var", "math.reduce_variance", variance, 0},
    {"Std", "math.reduce_std", variance, OP(SQRT)},
    {"Moments", "nn.moments", moments, 0},
    {"Logsumexp", "math.reduce_logsumexp reduce_logsumexp", log_sum_exp, 0},
    {"Norm", "norm compat.v1.norm linalg.norm", norm, 0},
    {"Argmax", "math.argmax argmax ArgMax", arg_extreme, OP(ARG_MAX)},
    {"Argmin", "math.argmin argmin ArgMin", arg_extreme, OP(ARG_MIN)},
    {"TopK", "math.top_k nn.top_k TopKV2", top_k, 0},
    {"Sort", "sort", sort, 0},
    {"SearchSorted", "", search_sorted, 0},
    {"Argsort", "argsort", sort, 1},
    {"Median", "", median, 0},
    {"Cumsum", "math.cumsum cumsum Cumsum", running_sum, 0},
    {"Cumprod", "math.cumprod Cumprod", running_product, 0},
    {0},
};
