/*
 * arg_max.c - operators that order the elements of a row: ARG_MAX, ARG_MIN, TOPK_V2, UNIQUE, BUCKETIZE.
 */
#include "op/quant_rule.h"
#include "op/shared/check.h"
#include "op/shared/rules.h"
#include "op/shared/version.h"
#include <math.h>

#define CODE(name) tfl_BuiltinOperator_##name

/* ---- ARG_MAX, ARG_MIN ---- */

static qc_status arg_infer(struct qc_step *step)
{
    const struct tfl_ArgMaxOptions *options = step->options; /* ArgMinOptions is alike */
    QC_TRY(qc_need_inputs(step, 2));
    QC_TRY(qc_need_type(step, 0, QC_SET(FLOAT32) | QC_SET(INT8) | QC_SET(UINT8) | QC_SET_INDEX | QC_SET(INT16) | QC_SET(BOOL)));
    QC_TRY(qc_need_type(step, 1, QC_SET_INDEX));
    QC_TRY(qc_need_scalar(step, 1));
    const struct qc_value *in = step->in[0];
    qc_dtype type = (qc_dtype)options->output_type;
    if (step->node->options == NULL) type = QC_INT32;
    if (type != QC_INT32 && type != QC_INT64)
        return qc_step_fail(step, QC_FORMAT, "output_type is %s, not int32 or int64", qc_dtype_name(type));
    if (!step->in[1]->known) return qc_defer(step, 0, type);
    int axis, rank = 0;
    int32_t dims[QC_MAX_RANK];
    QC_TRY(qc_need_axis(step, qc_value_int(step->in[1], 0), in->rank, &axis));
    if (in->dims[axis] == 0) return qc_step_fail(step, QC_FORMAT, "axis %d is empty", axis);
    for (int d = 0; d < in->rank; d++)
        if (d != axis) dims[rank++] = in->dims[d];
    return qc_step_output(step, 0, type, rank, dims);
}

/* The first of equals. SIGN is > or <. */
#define BEST(T)                                                                                                     \
    do {                                                                                                            \
        const T *row = (const T *)in->data + at;                                                                    \
        for (int32_t k = 1; k < size; k++) {                                                                        \
            const T x = row[(size_t)k * inner], y = row[(size_t)best * inner];                                      \
            if (largest ? x > y : x < y) best = k;                                                                  \
        }                                                                                                           \
    } while (0)

static int32_t best_of(const struct qc_value *in, size_t at, int32_t size, size_t inner, bool largest)
{
    int32_t best = 0;
    switch (in->type) {
    case QC_FLOAT32: BEST(float); break;
    case QC_INT8: BEST(int8_t); break;
    case QC_INT16: BEST(int16_t); break;
    case QC_INT32: BEST(int32_t); break;
    case QC_INT64: BEST(int64_t); break;
    default: BEST(uint8_t); break;
    }
    return best;
}

static qc_status arg_run(struct qc_step *step)
{
    const struct qc_value *in = step->in[0];
    struct qc_value *out = step->out[0];
    int axis = qc_axis(qc_value_int(step->in[1], 0), in->rank);
    size_t outer = qc_value_span(in, 0, axis), inner = qc_value_span(in, axis + 1, in->rank), count = outer * inner;
    int32_t size = in->dims[axis];
    for (size_t i = 0; i < count; i++) {
        int32_t best = best_of(in, i / inner * inner * (size_t)size + i % inner, size, inner, step->op->code == CODE(ARG_MAX));
        if (out->type == QC_INT64) ((int64_t *)out->data)[i] = best;
        else ((int32_t *)out->data)[i] = best;
    }
    return QC_OK;
}

/* ---- TOPK_V2 ---- */

static qc_status top_k_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 2));
    QC_TRY(qc_need_type(step, 0, QC_SET(FLOAT32) | QC_SET(INT8) | QC_SET(UINT8) | QC_SET(INT16) | QC_SET_INDEX));
    QC_TRY(qc_need_type(step, 1, QC_SET(INT32) | QC_SET(INT16)));
    QC_TRY(qc_need_scalar(step, 1));
    const struct qc_value *in = step->in[0];
    if (in->rank < 1) return qc_step_fail(step, QC_FORMAT, "input 0 is a scalar");
    qc_dtype index = step->out[1]->tensor->type == QC_INT16 ? QC_INT16 : QC_INT32;
    int32_t row = in->dims[in->rank - 1], dims[QC_MAX_RANK];
    if (index == QC_INT16 && row > INT16_MAX + 1) return qc_step_fail(step, QC_RANGE, "int16 indices into a row of %d", row);
    if (!step->in[1]->known) {
        QC_TRY(qc_defer(step, 0, in->type));
        return qc_defer(step, 1, index);
    }
    int64_t k;
    QC_TRY(qc_read_ints(step, 1, 1, &k, NULL));
    if (k > row) return qc_step_fail(step, QC_RANGE, "k is %lld, but a row has %d elements", (long long)k, row);
    memcpy(dims, in->dims, sizeof dims);
    dims[in->rank - 1] = (int32_t)QC_MAX(k, 0);
    QC_TRY(qc_step_output(step, 0, in->type, in->rank, dims));
    return qc_step_output(step, 1, index, in->rank, dims);
}

static qc_status top_k_plan(struct qc_step *step)
{
    qc_step_scratch(step, ((size_t)step->out[0]->dims[step->out[0]->rank - 1] + 1) * sizeof(int32_t));
    return QC_OK;
}

#define COMPARE(T)                                                                  \
    do {                                                                            \
        const T x = ((const T *)row)[a], y = ((const T *)row)[b];                   \
        return x > y || (x == y && a < b);                                          \
    } while (0)

/* A total order: larger first, earlier first among equals, NaN last. */
static bool before(qc_dtype type, const void *row, int32_t a, int32_t b)
{
    switch (type) {
    case QC_FLOAT32: {
        float x = ((const float *)row)[a], y = ((const float *)row)[b];
        if (isnan(x) || isnan(y)) return isnan(x) && isnan(y) ? a < b : isnan(y);
        return x > y || (x == y && a < b);
    }
    case QC_INT8: COMPARE(int8_t);
    case QC_INT16: COMPARE(int16_t);
    case QC_INT32: COMPARE(int32_t);
    case QC_INT64: COMPARE(int64_t);
    default: COMPARE(uint8_t);
    }
}

/* Restores the heap, whose root is the last in order, from `at` down. */
static void sift(qc_dtype type, const void *row, int32_t *heap, int32_t size, int32_t at)
{
    for (;;) {
        int32_t child = 2 * at + 1;
        if (child >= size) return;
        if (child + 1 < size && before(type, row, heap[child], heap[child + 1])) child++;
        if (!before(type, row, heap[at], heap[child])) return;
        int32_t moved = heap[at];
        heap[at] = heap[child];
        heap[child] = moved;
        at = child;
    }
}

/* The first k of [0, n) in order, into heap. */
static void select_top(qc_dtype type, const void *row, int32_t n, int32_t k, int32_t *heap)
{
    for (int32_t i = 0; i < k; i++) heap[i] = i;
    for (int32_t i = k / 2 - 1; i >= 0; i--) sift(type, row, heap, k, i);
    for (int32_t i = k; i < n; i++) {
        if (!before(type, row, i, heap[0])) continue;
        heap[0] = i;
        sift(type, row, heap, k, 0);
    }
    for (int32_t left = k - 1; left > 0; left--) {
        int32_t last = heap[0];
        heap[0] = heap[left];
        heap[left] = last;
        sift(type, row, heap, left, 0);
    }
}

static qc_status top_k_run(struct qc_step *step)
{
    const struct qc_value *in = step->in[0];
    struct qc_value *values = step->out[0], *indices = step->out[1];
    int32_t n = in->dims[in->rank - 1], k = values->dims[values->rank - 1], *heap = step->scratch;
    size_t rows = qc_value_span(in, 0, in->rank - 1), width = qc_width(in);
    for (size_t r = 0; r < rows && k > 0; r++) {
        const char *row = (const char *)in->data + r * (size_t)n * width;
        select_top(in->type, row, n, k, heap);
        for (int32_t i = 0; i < k; i++) {
            size_t at = r * (size_t)k + (size_t)i;
            memcpy((char *)values->data + at * width, row + (size_t)heap[i] * width, width);
            if (indices->type == QC_INT16) ((int16_t *)indices->data)[at] = (int16_t)heap[i];
            else ((int32_t *)indices->data)[at] = heap[i];
        }
    }
    return QC_OK;
}

static int top_k_version(const struct qc_node *node)
{
    qc_dtype type = qc_node_type(node, 0);
    if (type == QC_INT16 || qc_node_type(node, 1) == QC_INT16 || (node->out_count > 1 && node->out[1]->type == QC_INT16)) return 3;
    return type == QC_INT8 ? 2 : 1;
}

/* ---- UNIQUE ---- */

static qc_status unique_infer(struct qc_step *step)
{
    const struct tfl_UniqueOptions *options = step->options;
    qc_dtype index = (qc_dtype)options->idx_out_type;
    QC_TRY(qc_need_inputs(step, 1));
    QC_TRY(qc_need_type(step, 0, QC_SET(FLOAT32) | QC_SET(INT8) | QC_SET(UINT8) | QC_SET(INT16) | QC_SET_INDEX));
    QC_TRY(qc_need_rank(step, 0, 1, 1));
    if (index != QC_INT32 && index != QC_INT64)
        return qc_step_fail(step, QC_FORMAT, "idx_out_type is %s, not int32 or int64", qc_dtype_name(index));
    QC_TRY(qc_defer(step, 0, step->in[0]->type)); /* how many there are shows while running */
    return qc_defer(step, 1, index);
}

static size_t slots_for(size_t count)
{
    size_t room = 16;
    while (room < 2 * count) room *= 2;
    return room;
}

static qc_status unique_plan(struct qc_step *step)
{
    size_t count = qc_value_elements(step->in[0]);
    qc_step_scratch(step, slots_for(count) * sizeof(uint32_t)); /* hash table: number of the unique value + 1 */
    qc_step_scratch(step, count * sizeof(uint32_t));            /* where each unique value stands first */
    return QC_OK;
}

/* An element as bits that are equal for equal values. */
static uint64_t bits_of(const struct qc_value *in, size_t i)
{
    uint64_t bits = 0;
    size_t width = qc_width(in);
    memcpy(&bits, (const char *)in->data + i * width, width);
    return in->type == QC_FLOAT32 && bits == 0x80000000u ? 0 : bits;
}

static qc_status unique_run(struct qc_step *step)
{
    const struct qc_value *in = step->in[0];
    struct qc_value *values = step->out[0], *indices = step->out[1];
    size_t count = qc_value_elements(in), room = slots_for(count), found = 0, width = qc_width(in);
    uint32_t *slot = step->scratch, *first = (uint32_t *)step->scratch + ((room + 15) & ~(size_t)15);
    QC_TRY(step->rt->resize(step->rt, indices, 1, in->dims, 0));
    memset(slot, 0, room * sizeof *slot);
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = bits_of(in, i);
        size_t at = (bits * 0x9E3779B97F4A7C15u >> 32) & (room - 1);
        while (slot[at] && bits_of(in, first[slot[at] - 1]) != bits) at = (at + 1) & (room - 1);
        if (!slot[at]) {
            first[found] = (uint32_t)i;
            slot[at] = (uint32_t)++found;
        }
        if (indices->type == QC_INT64) ((int64_t *)indices->data)[i] = slot[at] - 1;
        else ((int32_t *)indices->data)[i] = (int32_t)(slot[at] - 1);
    }
    int32_t size = (int32_t)found;
    QC_TRY(step->rt->resize(step->rt, values, 1, &size, 0));
    for (size_t i = 0; i < found; i++) memcpy((char *)values->data + i * width, (const char *)in->data + first[i] * width, width);
    return QC_OK;
}

/* ---- BUCKETIZE ---- */

static qc_status bucketize_infer(struct qc_step *step)
{
    const struct tfl_BucketizeOptions *options = step->options;
    QC_TRY(qc_need_inputs(step, 1));
    QC_TRY(qc_need_type(step, 0, QC_SET(FLOAT32) | QC_SET(FLOAT64) | QC_SET_INDEX));
    for (uint32_t i = 1; i < options->boundaries.count; i++)
        if (options->boundaries.data[i] < options->boundaries.data[i - 1])
            return qc_step_fail(step, QC_FORMAT, "boundary %u is %g, below the one before", i, (double)options->boundaries.data[i]);
    return qc_step_output_like(step, 0, QC_INT32, step->in[0]);
}

/* How many boundaries are not above x. LESS says if x is below a boundary, in the operand's own arithmetic. */
#define UPPER_BOUND(T, LESS)                                                     \
    do {                                                                         \
        const T x = ((const T *)in->data)[i];                                    \
        while (low < high) {                                                     \
            uint32_t middle = low + (high - low) / 2;                            \
            const float b = options->boundaries.data[middle];                    \
            if (LESS) high = middle;                                             \
            else low = middle + 1;                                               \
        }                                                                        \
    } while (0)

static qc_status bucketize_run(struct qc_step *step)
{
    const struct tfl_BucketizeOptions *options = step->options;
    const struct qc_value *in = step->in[0];
    size_t count = qc_value_elements(in);
    for (size_t i = 0; i < count; i++) {
        uint32_t low = 0, high = options->boundaries.count;
        switch (in->type) {
        case QC_FLOAT64: UPPER_BOUND(double, x < (double)b); break;
        case QC_INT32: UPPER_BOUND(int32_t, (float)x < b); break;
        case QC_INT64: UPPER_BOUND(int64_t, (float)x < b); break;
        default: UPPER_BOUND(float, x < b); break;
        }
        ((int32_t *)step->out[0]->data)[i] = (int32_t)low;
    }
    return QC_OK;
}

/* ---- registration ---- */

QC_VERSION_BY_TYPE(arg_version, 0, {QC_BOOL, 3}, {QC_INT8, 2})

static const struct qc_quant_rule arg_rule = {
    .modes = QC_Q_INT8, .in = {{.role = QC_ROLE_ACTIVATION}, {.role = QC_ROLE_KEEP}}, .output = QC_OUTPUT_KEEP};

const struct qc_op qc_op_arg_max[] = {
    {.name = "ARG_MAX", .code = CODE(ARG_MAX), .options = &tfl_ArgMaxOptions_table, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1,
     .max_version = 3, .quant = &arg_rule, .infer = arg_infer, .run = arg_run, .version = arg_version},
    {.name = "ARG_MIN", .code = CODE(ARG_MIN), .options = &tfl_ArgMinOptions_table, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1,
     .max_version = 3, .quant = &arg_rule, .infer = arg_infer, .run = arg_run, .version = arg_version},
    {.name = "TOPK_V2", .code = CODE(TOPK_V2), .options = &tfl_TopKV2Options_table, .in_min = 2, .in_max = 2, .out_min = 2, .out_max = 2,
     .max_version = 3, .infer = top_k_infer, .plan = top_k_plan, .run = top_k_run, .version = top_k_version},
    {.name = "UNIQUE", .code = CODE(UNIQUE), .options = &tfl_UniqueOptions_table, .in_min = 1, .in_max = 1, .out_min = 2, .out_max = 2,
     .infer = unique_infer, .plan = unique_plan, .run = unique_run},
    {.name = "BUCKETIZE", .code = CODE(BUCKETIZE), .options = &tfl_BucketizeOptions_table, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1,
     .infer = bucketize_infer, .run = bucketize_run},
    {0},
};
