/*
 * lower_scatter.c - rows put into a tensor by index, sums of rows that belong together, and what else is addressed by numbers. See graph.h.
 */
#include "import/savedmodel/match.h"

#include <string.h>

#define FAILED(s) ((s)->im->env->error.status)
#define CODE(name) tfl_BuiltinOperator_##name

/* ---- scatters ---- */

enum { REPLACE = -1 }; /* the code of TensorScatterUpdate */

static qc_status lower_scatter(struct qc_tf_step *s)
{
    return qc_tf_return(s, QC_BUILD(s->b, SCATTER_ND, NULL, qc_tf_int32(s, 0), qc_tf_tensor(s, 1), qc_tf_int32(s, 2)));
}

/* Is it certain that no place is written twice? */
static bool distinct(struct qc_tf_step *s, const struct qc_tensor *indices)
{
    enum { MOST = 64 };
    int64_t value[MOST];
    int count = qc_tf_ints(s->im, indices, MOST, value), depth = indices->rank ? indices->dims[indices->rank - 1] : 0;
    if (count < 1 || depth < 1) return false;
    for (int i = 0; i < count; i += depth)
        for (int k = 0; k < i; k += depth)
            if (!memcmp(&value[i], &value[k], (size_t)depth * sizeof *value)) return false;
    return true;
}

/*
 * TensorScatterUpdate, Add, Sub, Max, Min: SCATTER_ND adds what meets in one place, which is right for Add and Sub. The others choose by
 * a mask between what was and what comes; for Update TensorFlow itself promises nothing where places meet.
 */
static qc_status lower_tensor_scatter(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *updates = qc_tf_tensor(s, 2), *indices = qc_tf_int32(s, 1);
    int code = s->op->code;
    if (!x || !updates || !indices) return FAILED(s);
    struct qc_tensor *shape = qc_tf_shape_of(s->b, x, QC_INT32);
    struct qc_tensor *values = QC_BUILD(s->b, SCATTER_ND, NULL, indices, updates, shape);
    if (code == CODE(ADD) || code == CODE(SUB)) return qc_tf_return(s, qc_build_binary(s->b, code, x, values));
    if ((code != REPLACE || indices->constant) && !distinct(s, indices))
        return qc_tf_unsupported(s, "at places that are not known to differ has no TFLite form");
    bool yes = true;
    struct qc_tensor *all = QC_BUILD(s->b, FILL, NULL, qc_tf_shape_of(s->b, updates, QC_INT32), qc_build_constant(s->b, "true", QC_BOOL, 0, NULL, &yes));
    struct qc_tensor *mask = QC_BUILD(s->b, SCATTER_ND, NULL, indices, all, shape);
    return qc_tf_return(s, qc_lower_select(s->b, mask, code == REPLACE ? values : qc_build_binary(s->b, code, x, values), x));
}

static qc_status lower_sparse_to_dense(struct qc_tf_step *s)
{
    return qc_tf_return(s, QC_BUILD(s->b, SPARSE_TO_DENSE, NULL, qc_tf_int32(s, 0), qc_tf_int32(s, 1), qc_tf_tensor(s, 2), qc_tf_tensor(s, 3)));
}

/* ---- segments ---- */

static qc_status lower_segment_sum(struct qc_tf_step *s)
{
    return qc_tf_return(s, QC_BUILD(s->b, SEGMENT_SUM, NULL, qc_tf_tensor(s, 0), qc_tf_int32(s, 1)));
}

static qc_status lower_unsorted_segment(struct qc_tf_step *s)
{
    struct qc_tensor *operand[3] = {qc_tf_tensor(s, 0), qc_tf_int32(s, 1), qc_tf_int32(s, 2)};
    return qc_tf_return(s, qc_build_op(s->b, s->op->code, NULL, 3, operand));
}

/* ---- rows put together and turned ---- */

/*
 * DynamicStitch: row k of operand i becomes row index[i][k] of the result, a later one in place of an earlier. For constant indices this
 * is a concatenation and a permutation.
 */
static qc_status lower_stitch(struct qc_tf_step *s)
{
    enum { MOST = 4096, OPERANDS = 64 };
    int half = s->in_count / 2, total = 0;
    int64_t value[64];
    struct qc_tensor *part[OPERANDS];
    int32_t *from = qc_arena_array(s->im->scratch, MOST, sizeof *from);
    int32_t rows = 0;
    if (!from) return QC_NOMEM;
    if (half < 1 || half > OPERANDS || s->in_count % 2) return qc_tf_unsupported(s, "of so many operands has no TFLite form");
    memset(from, 0xff, MOST * sizeof *from);
    for (int i = 0; i < half; i++) {
        struct qc_tensor *index = qc_tf_tensor(s, i), *x = qc_tf_tensor(s, half + i);
        int32_t dims[QC_MAX_RANK] = {-1};
        if (!index || !x) return FAILED(s);
        int count = qc_tf_ints(s->im, index, 64, value);
        if (count < 1 || x->rank < index->rank) return qc_tf_unsupported(s, "by indices that depend on data has no TFLite form");
        for (int k = 0; k < count; k++) {
            if (value[k] < 0 || value[k] >= MOST) return qc_tf_unsupported(s, "by the index %lld has no TFLite form", (long long)value[k]);
            from[value[k]] = total++;
            rows = QC_MAX(rows, (int32_t)value[k] + 1);
        }
        for (int k = index->rank; k < x->rank; k++) dims[1 + k - index->rank] = QC_KEEP(k);
        if (!(part[i] = qc_lower_reshape(s->b, x, 1 + x->rank - index->rank, dims))) return FAILED(s);
    }
    for (int32_t i = 0; i < rows; i++)
        if (from[i] < 0) return qc_tf_unsupported(s, "that leaves row %d open has no TFLite form", i);
    QC_OPTIONS(s->b, GatherOptions, options);
    if (!options) return QC_NOMEM;
    return qc_tf_return(s, QC_BUILD(s->b, GATHER, options, qc_lower_concat(s->b, half, part, 0), qc_build_i32s(s->b, rows, from)));
}

static qc_status lower_reverse_sequence(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *lengths = qc_tf_int32(s, 1);
    QC_OPTIONS(s->b, ReverseSequenceOptions, options);
    if (!x || !lengths || !options) return FAILED(s) ? FAILED(s) : QC_NOMEM;
    int sequence = qc_axis(qc_tf_attr_int(s->node, "seq_dim", 0), x->rank), batch = qc_axis(qc_tf_attr_int(s->node, "batch_dim", 0), x->rank);
    if (sequence < 0 || batch < 0) return qc_tf_fail(s, QC_FORMAT, "its axes do not fit its input");
    options->seq_dim = sequence;
    options->batch_dim = batch;
    return qc_tf_return(s, QC_BUILD(s->b, REVERSE_SEQUENCE, options, x, lengths));
}

static qc_status lower_set_diagonal(struct qc_tf_step *s)
{
    int64_t which = 0;
    if (s->in_count > 2 && (!qc_tf_int(s->im, qc_tf_tensor(s, 2), &which) || which))
        return FAILED(s) ? FAILED(s) : qc_tf_unsupported(s, "of another diagonal than the main one has no TFLite form");
    return qc_tf_return(s, QC_BUILD(s->b, MATRIX_SET_DIAG, NULL, qc_tf_tensor(s, 0), qc_tf_tensor(s, 1)));
}

/* ---- results whose length depends on data ---- */

static qc_status lower_unique(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *out[2];
    qc_dtype type = QC_INT32;
    QC_OPTIONS(s->b, UniqueOptions, options);
    if (!x || !options) return FAILED(s) ? FAILED(s) : QC_NOMEM;
    qc_tf_type(s, "out_idx", QC_TF_INT32, &type);
    options->idx_out_type = (tfl_i8)(type == QC_INT64 ? tfl_TensorType_INT64 : tfl_TensorType_INT32);
    QC_TRY(qc_build_ops(s->b, CODE(UNIQUE), options, 1, &x, 2, out));
    return qc_tf_return_all(s, 2, out);
}

/*
 * NonMaxSuppressionV3 to V5 (detail: the version). TFLite always fills up to the largest number and says how many are valid; V3, and the
 * others unless they pad, give the valid ones alone.
 */
static qc_status lower_suppression(struct qc_tf_step *s)
{
    int version = s->op->detail, in_count = version == 5 ? 6 : 5, out_count = version == 5 ? 3 : 2;
    struct qc_tensor *in[6], *out[3], *zero = qc_build_i32s(s->b, 1, (int32_t[]){0});
    for (int i = 0; i < in_count; i++)
        if (!(in[i] = i == 2 ? qc_tf_int32(s, i) : qc_tf_tensor(s, i))) return FAILED(s);
    QC_TRY(qc_build_ops(s->b, version == 5 ? CODE(NON_MAX_SUPPRESSION_V5) : CODE(NON_MAX_SUPPRESSION_V4), NULL, in_count, in, out_count, out));
    if (version == 3 || !qc_tf_attr_bool(s->node, "pad_to_max_output_size", false)) {
        struct qc_tensor *valid = qc_build_reshape(s->b, out[out_count - 1], 1, (int32_t[]){1});
        for (int i = 0; i < out_count - 1; i++) out[i] = QC_BUILD(s->b, SLICE, NULL, out[i], zero, valid);
    }
    return qc_tf_return_all(s, version == 3 ? 1 : out_count, out);
}

const struct qc_tf_op qc_tf_scatter_ops[] = {
    {"ScatterNd", lower_scatter, 3, 3, 0, 0},
    {"TensorScatterUpdate", lower_tensor_scatter, 3, 3, REPLACE, 0},
    {"TensorScatterAdd", lower_tensor_scatter, 3, 3, CODE(ADD), 0},
    {"TensorScatterSub", lower_tensor_scatter, 3, 3, CODE(SUB), 0},
    {"TensorScatterMax", lower_tensor_scatter, 3, 3, CODE(MAXIMUM), 0},
    {"TensorScatterMin", lower_tensor_scatter, 3, 3, CODE(MINIMUM), 0},
    {"SparseToDense", lower_sparse_to_dense, 4, 4, 0, 0},
    {"SegmentSum", lower_segment_sum, 2, 2, 0, 0},
    {"UnsortedSegmentSum", lower_unsorted_segment, 3, 3, CODE(UNSORTED_SEGMENT_SUM), 0},
    {"UnsortedSegmentProd", lower_unsorted_segment, 3, 3, CODE(UNSORTED_SEGMENT_PROD), 0},
    {"UnsortedSegmentMax", lower_unsorted_segment, 3, 3, CODE(UNSORTED_SEGMENT_MAX), 0},
    {"UnsortedSegmentMin", lower_unsorted_segment, 3, 3, CODE(UNSORTED_SEGMENT_MIN), 0},
    {"DynamicStitch", lower_stitch, 2, -1, 0, 0},
    {"ReverseSequence", lower_reverse_sequence, 2, 2, 0, 0},
    {"MatrixSetDiag", lower_set_diagonal, 2, 2, 0, 0},
    {"MatrixSetDiagV2", lower_set_diagonal, 3, 3, 0, 0},
    {"MatrixSetDiagV3", lower_set_diagonal, 3, 3, 0, 0},
    {"Unique", lower_unique, 1, 1, 0, 0},
    {"NonMaxSuppressionV3", lower_suppression, 5, 5, 0, 3},
    {"NonMaxSuppressionV4", lower_suppression, 5, 5, 0, 4},
    {"NonMaxSuppressionV5", lower_suppression, 6, 6, 0, 5},
    {NULL, NULL, 0, 0, 0, 0},
};
