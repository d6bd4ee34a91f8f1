/*
 * scatter.c - rows put into a tensor by index: SCATTER_ND (adds), SPARSE_TO_DENSE (sets), SEGMENT_SUM and the UNSORTED_SEGMENT operators
 * (fold rows that carry the same number), ADD_N and CUMSUM (fold whole tensors, and rows along an axis).
 */
#include "op/quant_rule.h"
#include "op/shared/check.h"
#include "op/shared/pad.h"
#include "op/shared/rules.h"
#include "op/shared/version.h"
#include <float.h>

#define CODE(name) tfl_BuiltinOperator_##name

enum fold { SUM, PROD, MAX, MIN };

#define FOLD_ROW(T, U)                                                                  \
    do {                                                                                \
        T *a = (T *)to;                                                                 \
        const T *x = (const T *)from;                                                   \
        for (size_t i = 0; i < n; i++) {                                                \
            switch (fold) {                                                             \
            case SUM: a[i] = (T)((U)a[i] + (U)x[i]); break;                             \
            case PROD: a[i] = (T)((U)a[i] * (U)x[i]); break;                            \
            case MAX: a[i] = a[i] < x[i] ? x[i] : a[i]; break;                          \
            default: a[i] = x[i] < a[i] ? x[i] : a[i]; break;                           \
            }                                                                           \
        }                                                                               \
    } while (0)

/* to[i] = to[i] (fold) from[i]; integers wrap, bool sums as or. */
static void fold_row(qc_dtype type, enum fold fold, char *to, const char *from, size_t n)
{
    switch (type) {
    case QC_FLOAT32: FOLD_ROW(float, float); break;
    case QC_INT8: FOLD_ROW(int8_t, uint32_t); break;
    case QC_UINT8: FOLD_ROW(uint8_t, uint32_t); break;
    case QC_INT32: FOLD_ROW(int32_t, uint32_t); break;
    case QC_INT64: FOLD_ROW(int64_t, uint64_t); break;
    default:
        for (size_t i = 0; i < n; i++) to[i] = to[i] || from[i];
    }
}

/* ---- SCATTER_ND ---- */

static qc_status scatter_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 3));
    QC_TRY(qc_need_type(step, 0, QC_SET(INT32)));
    QC_TRY(qc_need_type(step, 1, QC_SET(FLOAT32) | QC_SET(INT8) | QC_SET(UINT8) | QC_SET_INDEX | QC_SET(BOOL)));
    QC_TRY(qc_need_type(step, 2, QC_SET(INT32)));
    QC_TRY(qc_need_rank(step, 0, 1, QC_MAX_RANK));
    QC_TRY(qc_need_rank(step, 1, 1, QC_MAX_RANK));
    QC_TRY(qc_need_rank(step, 2, 1, 1));
    const struct qc_value *indices = step->in[0], *updates = step->in[1];
    if (!step->in[2]->known) return qc_defer(step, 0, updates->type);
    int64_t want[QC_MAX_RANK];
    int rank, outer = indices->rank - 1, depth = indices->dims[outer];
    int32_t dims[QC_MAX_RANK];
    QC_TRY(qc_read_ints(step, 2, QC_MAX_RANK, want, &rank));
    for (int d = 0; d < rank; d++) QC_TRY(qc_need_dim(step, want[d], &dims[d]));
    if (depth > rank || updates->rank != outer + rank - depth)
        return qc_step_fail(step, QC_FORMAT, "updates of rank %d do not fit indices of depth %d into rank %d", updates->rank, depth, rank);
    for (int d = 0; d < updates->rank; d++) {
        int32_t expected = d < outer ? indices->dims[d] : dims[depth + d - outer];
        if (updates->dims[d] != expected) return qc_step_fail(step, QC_FORMAT, "dimension %d of the updates is %d, not %d", d, updates->dims[d], expected);
    }
    return qc_step_output(step, 0, updates->type, rank, dims);
}

/* Position of the row that `depth` indices name; false with the error recorded if one is out of range. */
static qc_status locate(struct qc_step *step, const struct qc_value *indices, size_t first, int depth, const struct qc_value *out, size_t *row)
{
    *row = 0;
    for (int k = 0; k < depth; k++) {
        int64_t index = qc_value_int(indices, first + (size_t)k);
        if (index < 0 || index >= out->dims[k])
            return qc_step_fail(step, QC_RANGE, "index %lld into axis %d is outside [0, %d)", (long long)index, k, out->dims[k]);
        *row = *row * (size_t)out->dims[k] + (size_t)index;
    }
    return QC_OK;
}

static qc_status scatter_run(struct qc_step *step)
{
    const struct qc_value *indices = step->in[0], *updates = step->in[1];
    struct qc_value *out = step->out[0];
    int depth = indices->dims[indices->rank - 1];
    size_t count = qc_value_span(indices, 0, indices->rank - 1), inner = qc_value_span(out, depth, out->rank), width = qc_width(out);
    if (out->bytes) memset(out->data, 0, out->bytes);
    for (size_t i = 0; i < count && inner; i++) {
        size_t row;
        QC_TRY(locate(step, indices, i * (size_t)depth, depth, out, &row));
        fold_row(out->type, SUM, (char *)out->data + row * inner * width, (const char *)updates->data + i * inner * width, inner);
    }
    return QC_OK;
}

/* ---- SPARSE_TO_DENSE ---- */

static qc_status dense_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 4));
    QC_TRY(qc_need_type(step, 0, QC_SET_INDEX));
    QC_TRY(qc_need_type(step, 1, QC_SET_INDEX));
    QC_TRY(qc_need_type(step, 2, QC_SET(FLOAT32) | QC_SET(INT8) | QC_SET(UINT8) | QC_SET_INDEX));
    QC_TRY(qc_need_same_type(step, 2, 3));
    QC_TRY(qc_need_rank(step, 0, 0, 2));
    QC_TRY(qc_need_rank(step, 1, 1, 1));
    QC_TRY(qc_need_rank(step, 2, 0, 1));
    QC_TRY(qc_need_scalar(step, 3));
    const struct qc_value *indices = step->in[0], *shape = step->in[1], *values = step->in[2];
    int32_t depth = indices->rank == 2 ? indices->dims[1] : 1;
    size_t count = indices->rank == 0 ? 1 : (size_t)indices->dims[0];
    if (depth != shape->dims[0]) return qc_step_fail(step, QC_FORMAT, "indices of depth %d for a tensor of rank %d", depth, shape->dims[0]);
    if (values->rank == 1 && qc_value_elements(values) != count)
        return qc_step_fail(step, QC_FORMAT, "%zu indices but %zu values", count, qc_value_elements(values));
    if (!shape->known) return qc_defer(step, 0, values->type);
    int64_t want[QC_MAX_RANK];
    int rank;
    int32_t dims[QC_MAX_RANK];
    QC_TRY(qc_read_ints(step, 1, QC_MAX_RANK, want, &rank));
    for (int d = 0; d < rank; d++) QC_TRY(qc_need_dim(step, want[d], &dims[d]));
    return qc_step_output(step, 0, values->type, rank, dims);
}

static qc_status dense_run(struct qc_step *step)
{
    const struct qc_value *indices = step->in[0], *values = step->in[2];
    struct qc_value *out = step->out[0];
    size_t count = indices->rank == 0 ? 1 : (size_t)indices->dims[0], width = qc_width(out);
    if (out->bytes) qc_fill(out->data, out->bytes, step->in[3]->data, width);
    for (size_t i = 0; i < count; i++) {
        size_t row;
        QC_TRY(locate(step, indices, i * out->rank, out->rank, out, &row));
        memcpy((char *)out->data + row * width, (const char *)values->data + (values->rank ? i * width : 0), width);
    }
    return QC_OK;
}

/* ---- SEGMENT_SUM, UNSORTED_SEGMENT_* ---- */

static qc_status segment_sum_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 2));
    QC_TRY(qc_need_type(step, 0, QC_SET(FLOAT32) | QC_SET(INT32)));
    QC_TRY(qc_need_type(step, 1, QC_SET(INT32)));
    QC_TRY(qc_need_rank(step, 0, 1, QC_MAX_RANK));
    QC_TRY(qc_need_rank(step, 1, 1, 1));
    const struct qc_value *in = step->in[0], *ids = step->in[1];
    if (ids->dims[0] != in->dims[0]) return qc_step_fail(step, QC_FORMAT, "%d segment ids for %d rows", ids->dims[0], in->dims[0]);
    if (!ids->known) return qc_defer(step, 0, in->type);
    int64_t last = -1;
    for (int32_t i = 0; i < ids->dims[0]; i++) {
        int64_t id = qc_value_int(ids, (size_t)i);
        if (id != last + 1 && (i == 0 || id != last))
            return qc_step_fail(step, QC_RANGE, "segment id %d is %lld after %lld; ids start at 0 and grow by at most 1", i, (long long)id, (long long)last);
        last = id;
    }
    int32_t dims[QC_MAX_RANK];
    memcpy(dims, in->dims, sizeof dims);
    QC_TRY(qc_need_dim(step, last + 1, &dims[0]));
    return qc_step_output(step, 0, in->type, in->rank, dims);
}

static qc_status segment_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 3));
    QC_TRY(qc_need_type(step, 0, QC_SET(FLOAT32) | QC_SET(INT32)));
    QC_TRY(qc_need_type(step, 1, QC_SET(INT32)));
    QC_TRY(qc_need_type(step, 2, QC_SET(INT32)));
    QC_TRY(qc_need_scalar(step, 2));
    const struct qc_value *in = step->in[0], *ids = step->in[1];
    QC_TRY(qc_need_rank(step, 1, 0, in->rank));
    for (int d = 0; d < ids->rank; d++)
        if (ids->dims[d] != in->dims[d]) return qc_step_fail(step, QC_FORMAT, "dimension %d of the segment ids is %d, not %d", d, ids->dims[d], in->dims[d]);
    if (!step->in[2]->known) return qc_defer(step, 0, in->type);
    int32_t dims[QC_MAX_RANK + 1];
    int rank = 0;
    QC_TRY(qc_need_dim(step, qc_value_int(step->in[2], 0), &dims[rank++]));
    for (int d = ids->rank; d < in->rank; d++) dims[rank++] = in->dims[d];
    return qc_step_output(step, 0, in->type, rank, dims);
}

static void fill_start(struct qc_value *out, enum fold fold)
{
    static const float floats[] = {[SUM] = 0, [PROD] = 1, [MAX] = -FLT_MAX, [MIN] = FLT_MAX};
    static const int32_t ints[] = {[SUM] = 0, [PROD] = 1, [MAX] = INT32_MIN, [MIN] = INT32_MAX};
    if (out->bytes) qc_fill(out->data, out->bytes, out->type == QC_FLOAT32 ? (const void *)&floats[fold] : &ints[fold], 4);
}

/* Rows with a negative id are left out. */
static qc_status segment_run(struct qc_step *step)
{
    const struct qc_value *in = step->in[0], *ids = step->in[1];
    struct qc_value *out = step->out[0];
    int code = step->op->code;
    enum fold fold = code == CODE(UNSORTED_SEGMENT_PROD) ? PROD : code == CODE(UNSORTED_SEGMENT_MAX) ? MAX : code == CODE(UNSORTED_SEGMENT_MIN) ? MIN : SUM;
    size_t rows = qc_value_elements(ids), inner = qc_value_span(in, ids->rank, in->rank);
    fill_start(out, fold);
    for (size_t i = 0; i < rows; i++) {
        int64_t id = qc_value_int(ids, i);
        if (id >= out->dims[0]) return qc_step_fail(step, QC_RANGE, "segment id %lld (element %zu) is outside [0, %d)", (long long)id, i, out->dims[0]);
        if (id >= 0) fold_row(in->type, fold, (char *)out->data + (size_t)id * inner * 4, (const char *)in->data + i * inner * 4, inner);
    }
    return QC_OK;
}

/* ---- ADD_N ---- */

static qc_status add_n_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, step->in_count));
    QC_TRY(qc_need_type(step, 0, QC_SET(FLOAT32) | QC_SET(INT32)));
    for (int k = 1; k < step->in_count; k++) {
        QC_TRY(qc_need_same_type(step, 0, k));
        if (!qc_value_same_shape(step->in[0], step->in[k])) return qc_step_fail(step, QC_FORMAT, "input %d differs from input 0 in shape", k);
    }
    return qc_step_output_like(step, 0, step->in[0]->type, step->in[0]);
}

static qc_status add_n_run(struct qc_step *step)
{
    struct qc_value *out = step->out[0];
    if (out->bytes == 0) return QC_OK;
    memcpy(out->data, step->in[0]->data, out->bytes);
    for (int k = 1; k < step->in_count; k++) fold_row(out->type, SUM, out->data, step->in[k]->data, qc_value_elements(out));
    return QC_OK;
}

/* ---- CUMSUM ---- */

static qc_status cumsum_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 2));
    QC_TRY(qc_need_type(step, 0, QC_SET(FLOAT32) | QC_SET_INDEX));
    QC_TRY(qc_need_type(step, 1, QC_SET(INT32)));
    QC_TRY(qc_need_scalar(step, 1));
    QC_TRY(qc_need_rank(step, 0, 1, QC_MAX_RANK));
    return qc_step_output_like(step, 0, step->in[0]->type, step->in[0]);
}

static qc_status cumsum_run(struct qc_step *step)
{
    const struct tfl_CumsumOptions *options = step->options;
    const struct qc_value *in = step->in[0];
    struct qc_value *out = step->out[0];
    int axis;
    QC_TRY(qc_need_axis(step, qc_value_int(step->in[1], 0), in->rank, &axis));
    size_t outer = qc_value_span(in, 0, axis), size = (size_t)in->dims[axis], inner = qc_value_span(in, axis + 1, in->rank);
    size_t bytes = inner * qc_width(in);
    for (size_t o = 0; o < outer && bytes; o++) {
        for (size_t k = 0; k < size; k++) {
            size_t at = options->reverse ? size - 1 - k : k, before = options->reverse ? at + 1 : at - 1;
            char *to = (char *)out->data + (o * size + at) * bytes;
            const char *from = (const char *)in->data + (o * size + (options->exclusive && k ? before : at)) * bytes;
            if (k == 0 && options->exclusive) memset(to, 0, bytes);
            else if (k == 0) memcpy(to, from, bytes);
            else {
                memcpy(to, (const char *)out->data + (o * size + before) * bytes, bytes);
                fold_row(in->type, SUM, to, from, inner);
            }
        }
    }
    return QC_OK;
}

/* ---- registration ---- */

QC_VERSION_BY_TYPE(dense_version, 2, {QC_INT8, 3}, {QC_UINT8, 3}, {QC_INT64, 2})

#define SEGMENT(op_name)                                                                                                             \
    {.name = #op_name, .code = CODE(op_name), .in_min = 3, .in_max = 3, .out_min = 1, .out_max = 1, .infer = segment_infer, .run = segment_run}

const struct qc_op qc_op_scatter[] = {
    {.name = "SCATTER_ND", .code = CODE(SCATTER_ND), .options = &tfl_ScatterNdOptions_table, .in_min = 3, .in_max = 3, .out_min = 1, .out_max = 1,
     .infer = scatter_infer, .run = scatter_run},
    {.name = "SPARSE_TO_DENSE", .code = CODE(SPARSE_TO_DENSE), .options = &tfl_SparseToDenseOptions_table, .in_min = 4, .in_max = 4, .out_min = 1,
     .out_max = 1, .max_version = 3, .infer = dense_infer, .run = dense_run, .version = dense_version},
    {.name = "SEGMENT_SUM", .code = CODE(SEGMENT_SUM), .options = &tfl_SegmentSumOptions_table, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1,
     .infer = segment_sum_infer, .run = segment_run},
    SEGMENT(UNSORTED_SEGMENT_SUM),
    SEGMENT(UNSORTED_SEGMENT_PROD),
    SEGMENT(UNSORTED_SEGMENT_MAX),
    SEGMENT(UNSORTED_SEGMENT_MIN),
    {.name = "ADD_N", .code = CODE(ADD_N), .options = &tfl_AddNOptions_table, .in_min = 1, .in_max = 255, .out_min = 1, .out_max = 1,
     .infer = add_n_infer, .run = add_n_run},
    {.name = "CUMSUM", .code = CODE(CUMSUM), .options = &tfl_CumsumOptions_table, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1,
     .infer = cumsum_infer, .run = cumsum_run},
    {0},
};
