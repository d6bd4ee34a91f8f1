/*
 * lower_index.c - slices, gathers, and operators that find or order elements. See graph.h.
 */
#include "import/savedmodel/match.h"

#include <string.h>

#define FAILED(s) ((s)->im->env->error.status)

/* ---- slices ---- */

static qc_status lower_slice(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *begin = qc_tf_tensor(s, 1), *size = qc_tf_tensor(s, 2);
    struct qc_tf_number from[QC_MAX_RANK], count[QC_MAX_RANK], of[QC_MAX_RANK];
    int32_t first[QC_MAX_RANK], length[QC_MAX_RANK];
    if (!x || !begin || !size) return FAILED(s);
    bool known = x->has_shape && qc_tf_numbers(s->im, begin, QC_MAX_RANK, from) == x->rank && qc_tf_numbers(s->im, size, QC_MAX_RANK, count) == x->rank;
    if (known) qc_tf_sizes(s->im, x, of);
    bool all = known;
    for (int i = 0; i < x->rank && known; i++) {
        bool to_end = count[i].value == -1 || (from[i].value + count[i].value == of[i].value && from[i].other + count[i].other == of[i].other);
        known = from[i].value == from[i].other && (to_end || count[i].value == count[i].other);
        first[i] = (int32_t)from[i].value;
        length[i] = to_end ? -1 : (int32_t)count[i].value;
        all &= to_end && !from[i].value;
    }
    if (known && all) return qc_tf_return(s, x);
    struct qc_tensor *b = known ? qc_build_i32s(s->b, x->rank, first) : qc_tf_int32(s, 1);
    struct qc_tensor *c = known ? qc_build_i32s(s->b, x->rank, length) : qc_tf_int32(s, 2);
    return qc_tf_return(s, QC_BUILD(s->b, SLICE, NULL, x, b, c));
}

struct range { /* a strided slice, one entry for each axis of x */
    int32_t begin[QC_MAX_RANK], end[QC_MAX_RANK], stride[QC_MAX_RANK];
    int begin_mask, end_mask, shrink_mask;
    bool new_axis[QC_MAX_RANK + 1]; /* by axis of the final result */
    int result_rank;
    bool whole; /* takes everything */
};

struct spec { /* as the node has it, by position in begin, end, strides */
    struct qc_tf_number begin[2 * QC_MAX_RANK], end[2 * QC_MAX_RANK];
    int64_t stride[2 * QC_MAX_RANK];
    int count;
    int64_t begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask;
};

static int32_t narrow(int64_t value)
{
    return (int32_t)QC_MAX(QC_MIN(value, INT32_MAX), INT32_MIN);
}

static void take_all(struct range *r, int axis)
{
    r->begin[axis] = 0;
    r->end[axis] = 0;
    r->stride[axis] = 1;
    r->begin_mask |= 1 << axis;
    r->end_mask |= 1 << axis;
}

/* One ordinary entry of the specification. false if a bound depends on a free size other than "to the end". */
static bool take_entry(const struct spec *spec, int i, const struct qc_tf_number *size, struct range *r, int axis)
{
    r->begin[axis] = narrow(spec->begin[i].value);
    r->end[axis] = narrow(spec->end[i].value);
    r->stride[axis] = narrow(spec->stride[i]);
    if (spec->begin_mask >> i & 1) r->begin_mask |= 1 << axis;
    else if (spec->begin[i].value != spec->begin[i].other) return false;
    if (spec->shrink_axis_mask >> i & 1) {
        r->shrink_mask |= 1 << axis;
        r->end[axis] = narrow((int64_t)r->begin[axis] + 1);
        if (r->begin[axis] == -1) r->end_mask |= 1 << axis;
        r->whole = false;
        return true;
    }
    bool to_end = spec->end_mask >> i & 1;
    if (!to_end && r->stride[axis] > 0) {
        bool fixed = spec->end[i].value == spec->end[i].other && size->value == size->other;
        to_end = (spec->end[i].value == size->value && spec->end[i].other == size->other) || (fixed && spec->end[i].value >= size->value) ||
                 spec->end[i].value >= INT32_MAX;
    }
    if (to_end) r->end_mask |= 1 << axis;
    else if (spec->end[i].value != spec->end[i].other) return false;
    bool from_start = r->begin_mask >> axis & 1 || !r->begin[axis];
    r->whole &= to_end && from_start && r->stride[axis] == 1;
    return true;
}

/* Writes the specification out for every axis of x. Returns NULL, or why it cannot be. */
static const char *expand(const struct spec *spec, int rank, const struct qc_tf_number *size, struct range *r)
{
    int axis = 0, named = 0;
    bool ellipsis = false;
    *r = (struct range){.whole = true};
    for (int i = 0; i < spec->count; i++) {
        ellipsis |= spec->ellipsis_mask >> i & 1;
        named += !(spec->ellipsis_mask >> i & 1) && !(spec->new_axis_mask >> i & 1);
    }
    if (named > rank) return "slices more axes than its input has";
    for (int i = 0; i <= spec->count; i++) {
        if (i == spec->count ? !ellipsis : spec->ellipsis_mask >> i & 1) {
            for (int rest = rank - named; rest > 0 && r->result_rank < QC_MAX_RANK; rest--, r->result_rank++) take_all(r, axis++);
        } else if (i < spec->count && spec->new_axis_mask >> i & 1) {
            if (r->result_rank == QC_MAX_RANK) return "makes too many dimensions";
            r->new_axis[r->result_rank++] = true;
        } else if (i < spec->count) {
            if (spec->stride[i] == 0) return "has a stride of 0";
            if (!take_entry(spec, i, &size[axis], r, axis)) return "has bounds that depend on a free size";
            if (!(r->shrink_mask >> axis & 1)) r->result_rank++;
            axis++;
        }
        if (r->result_rank > QC_MAX_RANK) return "makes too many dimensions";
    }
    return axis == rank ? NULL : "does not fit its input";
}

static struct qc_tensor *write_range(struct qc_tf_step *s, struct qc_tensor *x, const struct range *r)
{
    QC_OPTIONS(s->b, StridedSliceOptions, options);
    if (!options) return NULL;
    if (!r->whole) {
        options->begin_mask = r->begin_mask;
        options->end_mask = r->end_mask;
        options->shrink_axis_mask = r->shrink_mask;
        x = QC_BUILD(s->b, STRIDED_SLICE, options, x, qc_build_i32s(s->b, x->rank, r->begin), qc_build_i32s(s->b, x->rank, r->end),
                     qc_build_i32s(s->b, x->rank, r->stride));
    }
    if (!x || r->result_rank == x->rank) return x;
    if (qc_tf_settle(s->im)) return NULL;
    struct qc_tf_number of[QC_MAX_RANK], size[QC_MAX_RANK];
    qc_tf_sizes(s->im, x, of);
    for (int i = 0, k = 0; i < r->result_rank; i++) size[i] = r->new_axis[i] ? (struct qc_tf_number){1, 1} : of[k++];
    return qc_tf_reshape(s, x, r->result_rank, size, NULL);
}

static qc_status lower_strided_slice(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *begin = qc_tf_tensor(s, 1), *end = qc_tf_tensor(s, 2), *stride = qc_tf_tensor(s, 3);
    struct qc_tf_number size[QC_MAX_RANK];
    struct spec spec;
    struct range range;
    if (!x || !begin || !end || !stride) return FAILED(s);
    spec.begin_mask = qc_tf_attr_int(s->node, "begin_mask", 0);
    spec.end_mask = qc_tf_attr_int(s->node, "end_mask", 0);
    spec.ellipsis_mask = qc_tf_attr_int(s->node, "ellipsis_mask", 0);
    spec.new_axis_mask = qc_tf_attr_int(s->node, "new_axis_mask", 0);
    spec.shrink_axis_mask = qc_tf_attr_int(s->node, "shrink_axis_mask", 0);
    spec.count = qc_tf_ints(s->im, stride, 2 * QC_MAX_RANK, spec.stride);
    int begins = qc_tf_numbers(s->im, begin, 2 * QC_MAX_RANK, spec.begin), ends = qc_tf_numbers(s->im, end, 2 * QC_MAX_RANK, spec.end);
    qc_tf_sizes(s->im, x, size);
    if (spec.count < 0) return qc_tf_unsupported(s, "has strides that depend on data");
    if (begins == spec.count && ends == spec.count) {
        const char *why = expand(&spec, x->rank, size, &range);
        if (!why) return qc_tf_return(s, write_range(s, x, &range));
        if (!strstr(why, "free size")) return qc_tf_fail(s, QC_FORMAT, "%s", why);
    }
    if (spec.ellipsis_mask || spec.new_axis_mask) return qc_tf_unsupported(s, "has bounds that depend on data, and new or left out axes");
    QC_OPTIONS(s->b, StridedSliceOptions, options);
    if (!options) return QC_NOMEM;
    options->begin_mask = (int32_t)spec.begin_mask;
    options->end_mask = (int32_t)spec.end_mask;
    options->shrink_axis_mask = (int32_t)spec.shrink_axis_mask;
    return qc_tf_return(s, QC_BUILD(s->b, STRIDED_SLICE, options, x, qc_tf_int32(s, 1), qc_tf_int32(s, 2), qc_tf_int32(s, 3)));
}

static qc_status lower_reverse(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *axes = qc_tf_tensor(s, 1);
    int64_t axis[QC_MAX_RANK];
    if (!x || !axes) return FAILED(s);
    int count = qc_tf_ints(s->im, axes, QC_MAX_RANK, axis);
    if (count < 0) return qc_tf_unsupported(s, "has axes that depend on data");
    for (int i = 0; i < count; i++) {
        if (qc_axis(axis[i], x->rank) < 0) return qc_tf_fail(s, QC_FORMAT, "axis %lld does not fit rank %d", (long long)axis[i], x->rank);
        struct qc_tensor *one = qc_build_i32s(s->b, 1, (int32_t[]){qc_axis(axis[i], x->rank)});
        if (!(x = QC_BUILD(s->b, REVERSE_V2, NULL, x, one))) return FAILED(s);
    }
    return qc_tf_return(s, x);
}

/* ---- gathers ---- */

/* Keras 3 lets negative ids count from the end: ids < 0 ? ids + n : ids. Ids of an embedding are not negative. */
static struct qc_tensor *without_wrap(struct qc_tensor *ids)
{
    struct qc_node *select = qc_tf_made_by(ids, tfl_BuiltinOperator_SELECT_V2);
    if (!select) select = qc_tf_made_by(ids, tfl_BuiltinOperator_SELECT);
    struct qc_node *less = select ? qc_tf_made_by(select->in[0], tfl_BuiltinOperator_LESS) : NULL;
    struct qc_node *sum = select ? qc_tf_made_by(select->in[1], tfl_BuiltinOperator_ADD) : NULL;
    if (!less || !sum || less->in[0] != select->in[2]) return ids;
    return sum->in[0] == select->in[2] || sum->in[1] == select->in[2] ? select->in[2] : ids;
}

qc_status qc_tf_gather(struct qc_tf_step *s, struct qc_tensor *params, struct qc_tensor *ids, int axis, int batch_dims)
{
    QC_OPTIONS(s->b, GatherOptions, options);
    if (!options || !params || !ids) return FAILED(s) ? FAILED(s) : QC_NOMEM;
    if (params->constant) ids = without_wrap(ids);
    options->axis = axis;
    options->batch_dims = batch_dims;
    return qc_tf_return(s, QC_BUILD(s->b, GATHER, options, params, ids));
}

static qc_status lower_gather(struct qc_tf_step *s)
{
    struct qc_tensor *params = qc_tf_tensor(s, 0), *ids = qc_tf_any_tensor(s, 1);
    if (!params || !ids) return FAILED(s);
    int axis = s->in_count > 2 ? qc_tf_axis(s, 2, params->rank) : 0;
    if (axis < 0) return FAILED(s);
    int64_t batch_dims = qc_tf_attr_int(s->node, "batch_dims", 0);
    if (batch_dims < 0) batch_dims += ids->rank;
    if (batch_dims < 0 || batch_dims > axis) return qc_tf_fail(s, QC_FORMAT, "batch_dims does not fit its axis");
    return qc_tf_gather(s, params, ids, axis, (int)batch_dims);
}

/* ---- finding ---- */

static qc_status lower_arg(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0);
    int axis = x ? qc_tf_axis(s, 1, x->rank) : -1;
    qc_dtype type = QC_INT64;
    if (axis < 0) return FAILED(s);
    qc_tf_type(s, "output_type", QC_TF_INT64, &type);
    int out = type == QC_INT32 ? tfl_TensorType_INT32 : tfl_TensorType_INT64;
    if (s->op->code == tfl_BuiltinOperator_ARG_MAX) {
        QC_OPTIONS(s->b, ArgMaxOptions, options);
        if (!options) return QC_NOMEM;
        options->output_type = (tfl_i8)out;
        return qc_tf_return(s, QC_BUILD(s->b, ARG_MAX, options, x, qc_build_i32(s->b, axis)));
    }
    QC_OPTIONS(s->b, ArgMinOptions, options);
    if (!options) return QC_NOMEM;
    options->output_type = (tfl_i8)out;
    return qc_tf_return(s, QC_BUILD(s->b, ARG_MIN, options, x, qc_build_i32(s->b, axis)));
}

static qc_status lower_top_k(struct qc_tf_step *s)
{
    struct qc_tensor *out[2], *in[2] = {qc_tf_tensor(s, 0), qc_tf_int32(s, 1)};
    if (!in[0] || !in[1]) return FAILED(s);
    QC_TRY(qc_build_ops(s->b, tfl_BuiltinOperator_TOPK_V2, NULL, 2, in, 2, out));
    return qc_tf_return_all(s, 2, out);
}

static qc_status lower_cumsum(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0);
    int axis = x ? qc_tf_axis(s, 1, x->rank) : -1;
    QC_OPTIONS(s->b, CumsumOptions, options);
    if (axis < 0 || !options) return FAILED(s);
    options->exclusive = qc_tf_attr_bool(s->node, "exclusive", false);
    options->reverse = qc_tf_attr_bool(s->node, "reverse", false);
    return qc_tf_return(s, QC_BUILD(s->b, CUMSUM, options, x, qc_build_i32(s->b, axis)));
}

static qc_status lower_one_hot(struct qc_tf_step *s)
{
    QC_OPTIONS(s->b, OneHotOptions, options);
    if (!options) return QC_NOMEM;
    options->axis = (int32_t)qc_tf_attr_int(s->node, "axis", -1);
    return qc_tf_return(s, QC_BUILD(s->b, ONE_HOT, options, qc_tf_tensor(s, 0), qc_tf_int32(s, 1), qc_tf_tensor(s, 2), qc_tf_tensor(s, 3)));
}

/* Keeps `lower` diagonals below and `upper` above the main one (-1: all): a product with a constant pattern. */
static qc_status lower_band(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *down = qc_tf_tensor(s, 1), *up = qc_tf_tensor(s, 2);
    int64_t lower, upper;
    if (!x || !down || !up) return FAILED(s);
    if (!qc_tf_int(s->im, down, &lower) || !qc_tf_int(s->im, up, &upper) || x->rank < 2) return qc_tf_unsupported(s, "has limits that depend on data");
    int32_t rows = x->dims[x->rank - 2], columns = x->dims[x->rank - 1];
    struct qc_tf_number size[QC_MAX_RANK];
    qc_tf_sizes(s->im, x, size);
    if (size[x->rank - 2].value != size[x->rank - 2].other || size[x->rank - 1].value != size[x->rank - 1].other)
        return qc_tf_unsupported(s, "of a matrix of free size has no TFLite form");
    bool *keep = qc_arena_array(s->im->scratch, (size_t)rows * (size_t)columns, sizeof *keep);
    if (!keep) return QC_NOMEM;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++) keep[r * columns + c] = (lower < 0 || r - c <= lower) && (upper < 0 || c - r <= upper);
    struct qc_tensor *mask = qc_build_constant(s->b, "band", QC_BOOL, 2, (int32_t[]){rows, columns}, keep);
    if (x->type == QC_BOOL) return qc_tf_return(s, QC_BUILD(s->b, LOGICAL_AND, NULL, x, mask));
    double none[1] = {0};
    return qc_tf_return(s, qc_lower_select(s->b, mask, x, qc_build_constant(s->b, "zero", x->type, 0, NULL, none)));
}

/* Rotates along axes: two slices, joined the other way round. */
static qc_status lower_roll(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0), *shifts = qc_tf_tensor(s, 1), *axes = qc_tf_tensor(s, 2);
    int64_t shift[QC_MAX_RANK], axis[QC_MAX_RANK];
    if (!x || !shifts || !axes) return FAILED(s);
    int count = qc_tf_ints(s->im, shifts, QC_MAX_RANK, shift);
    if (count < 0 || qc_tf_ints(s->im, axes, QC_MAX_RANK, axis) != count) return qc_tf_unsupported(s, "has amounts that depend on data");
    for (int i = 0; i < count; i++) {
        int along = qc_axis(axis[i], x->rank);
        if (along < 0 || !x->dims[along]) return qc_tf_fail(s, QC_FORMAT, "axis %lld does not fit its input", (long long)axis[i]);
        int32_t size = x->dims[along], by = (int32_t)((shift[i] % size + size) % size);
        if (!by) continue;
        struct qc_tensor *part[2] = {qc_lower_slice(s->b, x, along, -by, INT32_MAX), qc_lower_slice(s->b, x, along, 0, -by)};
        if (!(x = qc_lower_concat(s->b, 2, part, along))) return FAILED(s);
    }
    return qc_tf_return(s, x);
}

static qc_status lower_bucketize(struct qc_tf_step *s)
{
    struct pb_reader in = pb_open(pb_find(qc_tf_attr(s->node, "boundaries"), 1));
    struct pb_field field;
    QC_OPTIONS(s->b, BucketizeOptions, options);
    float *boundary = qc_arena_array(&s->im->model->arena, s->node->message.size / 4 + 1, sizeof *boundary);
    uint32_t count = 0;
    if (!options || !boundary) return QC_NOMEM;
    while (pb_next(&in, &field)) {
        struct pb_bytes rest = {NULL, 0};
        uint64_t value;
        while (field.number == 4 && pb_element(&field, PB_FIXED32, &rest, &value)) memcpy(&boundary[count++], &value, 4);
    }
    options->boundaries.data = boundary;
    options->boundaries.count = count;
    return qc_tf_return(s, QC_BUILD(s->b, BUCKETIZE, options, qc_tf_tensor(s, 0)));
}

const struct qc_tf_op qc_tf_index_ops[] = {
    {"Slice", lower_slice, 3, 3, 0, 0},
    {"StridedSlice", lower_strided_slice, 4, 4, 0, 0},
    {"ReverseV2", lower_reverse, 2, 2, 0, 0},
    {"Gather", lower_gather, 2, 2, 0, 0},
    {"GatherV2", lower_gather, 3, 3, 0, 0},
    {"GatherNd", NULL, 2, 2, tfl_BuiltinOperator_GATHER_ND, 0},
    {"Where", NULL, 1, 1, tfl_BuiltinOperator_WHERE, 0},
    {"ArgMax", lower_arg, 2, 2, tfl_BuiltinOperator_ARG_MAX, 0},
    {"ArgMin", lower_arg, 2, 2, tfl_BuiltinOperator_ARG_MIN, 0},
    {"TopKV2", lower_top_k, 2, 2, 0, 0},
    {"Cumsum", lower_cumsum, 2, 2, 0, 0},
    {"OneHot", lower_one_hot, 4, 4, 0, 0},
    {"MatrixBandPart", lower_band, 3, 3, 0, 0},
    {"Roll", lower_roll, 3, 3, 0, 0},
    {"Bucketize", lower_bucketize, 1, 1, 0, 0},
    {NULL, NULL, 0, 0, 0, 0},
};
