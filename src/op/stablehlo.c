/*
 * stablehlo.c - operators that index and fold by a description or a small subgraph: STABLEHLO_GATHER, STABLEHLO_SCATTER,
 * STABLEHLO_REDUCE_WINDOW, REDUCE_WINDOW.
 *
 * A subgraph that combines two numbers is recognised by its single operator; it is not run for each number.
 */
#include "kernel/arith.h"
#include "op/shared/check.h"
#include "op/shared/pad.h"

#define CODE(name) tfl_BuiltinOperator_##name
#define NUMBERS                                                                                                                        \
    (QC_SET(FLOAT32) | QC_SET(FLOAT16) | QC_SET(FLOAT64) | QC_SET(INT8) | QC_SET(UINT8) | QC_SET(INT16) | QC_SET(UINT16) |             \
     QC_SET(INT32) | QC_SET(UINT32) | QC_SET(INT64) | QC_SET(UINT64) | QC_SET(BOOL))

struct numbers { /* a vector of the options */
    const int64_t *data;
    uint32_t count;
};
#define LIST(field) ((struct numbers){(field).data, (field).count})

static bool holds(struct numbers list, int64_t x)
{
    for (uint32_t i = 0; i < list.count; i++)
        if (list.data[i] == x) return true;
    return false;
}

/* Strictly growing and within [0, most). */
static qc_status need_axes(struct qc_step *step, const char *what, struct numbers list, int most)
{
    for (uint32_t i = 0; i < list.count; i++)
        if (list.data[i] < 0 || list.data[i] >= most || (i && list.data[i] <= list.data[i - 1]))
            return qc_step_fail(step, QC_FORMAT, "%s[%u] is %lld, not one of growing axes below %d", what, i, (long long)list.data[i], most);
    return QC_OK;
}

/* ---- index arithmetic of gather and scatter ---- */

struct indexing {
    struct numbers window;  /* axes of the big side (result of a gather, updates of a scatter) that walk inside a window */
    struct numbers dropped; /* axes of the operand that a window has no axis for */
    struct numbers map;     /* operand axis of each component of an index vector */
    int vector;             /* axis of the indices that holds the vectors; its rank: there is none */
};

static qc_status check_indexing(struct qc_step *step, const struct indexing *x, int operand_rank, int big_rank)
{
    const struct qc_value *indices = step->in[1];
    uint64_t seen = 0;
    QC_TRY(qc_need_type(step, 1, QC_SET_INDEX));
    QC_TRY(need_axes(step, "window dimensions", x->window, big_rank));
    QC_TRY(need_axes(step, "dropped dimensions", x->dropped, operand_rank));
    if (x->vector < 0 || x->vector > indices->rank) return qc_step_fail(step, QC_FORMAT, "index_vector_dim is %d", x->vector);
    int64_t length = x->vector == indices->rank ? 1 : indices->dims[x->vector];
    if ((int64_t)x->map.count != length)
        return qc_step_fail(step, QC_FORMAT, "index vectors of %lld components, mapped to %u axes", (long long)length, x->map.count);
    for (uint32_t i = 0; i < x->map.count; i++) {
        if (x->map.data[i] < 0 || x->map.data[i] >= operand_rank || (seen >> x->map.data[i] & 1))
            return qc_step_fail(step, QC_FORMAT, "component %u of the index vectors is mapped to axis %lld", i, (long long)x->map.data[i]);
        seen |= UINT64_C(1) << x->map.data[i];
    }
    int batch = indices->rank - (x->vector < indices->rank);
    if ((int)(x->window.count + x->dropped.count) != operand_rank || (int)x->window.count + batch != big_rank)
        return qc_step_fail(step, QC_FORMAT, "%u window and %u dropped dimensions do not fit ranks %d and %d", x->window.count, x->dropped.count,
                            operand_rank, big_rank);
    return QC_OK;
}

/* Where the window of position `at` of the big side starts in the operand, and the place inside the window. */
static void locate(const struct qc_step *step, const struct indexing *x, const int64_t *at, int big_rank, int operand_rank, int64_t *start,
                   int64_t *inside)
{
    const struct qc_value *indices = step->in[1];
    int64_t batch[2 * QC_MAX_RANK];
    int count = 0, next = 0;
    for (int d = 0; d < big_rank; d++)
        if (!holds(x->window, d)) batch[count++] = at[d];
    for (int d = 0; d < operand_rank; d++) {
        start[d] = 0;
        inside[d] = holds(x->dropped, d) ? 0 : at[x->window.data[next++]];
    }
    for (uint32_t k = 0; k < x->map.count; k++) {
        size_t flat = 0;
        int b = 0;
        for (int d = 0; d < indices->rank; d++) flat = flat * (size_t)indices->dims[d] + (size_t)(d == x->vector ? (int64_t)k : batch[b++]);
        start[x->map.data[k]] = qc_value_int(indices, flat);
    }
}

static void advance(const struct qc_value *value, int64_t *at)
{
    for (int d = value->rank - 1; d >= 0 && ++at[d] == value->dims[d]; d--) at[d] = 0;
}

/* ---- STABLEHLO_GATHER ---- */

static struct indexing gather_indexing(const struct tfl_StablehloGatherOptions *o)
{
    return (struct indexing){LIST(o->offset_dims), LIST(o->collapsed_slice_dims), LIST(o->start_index_map),
                             o->index_vector_dim < 0 || o->index_vector_dim > QC_MAX_RANK ? -1 : (int)o->index_vector_dim};
}

static qc_status gather_infer(struct qc_step *step)
{
    const struct tfl_StablehloGatherOptions *o = step->options;
    QC_TRY(qc_need_inputs(step, 2));
    QC_TRY(qc_need_type(step, 0, QC_SET_FIXED));
    const struct qc_value *in = step->in[0], *indices = step->in[1];
    struct indexing x = gather_indexing(o);
    int rank = (int)QC_MIN(x.window.count, 64u) + indices->rank - (x.vector < indices->rank), b = 0, s = 0;
    QC_TRY(check_indexing(step, &x, in->rank, rank));
    if (o->slice_sizes.count != in->rank) return qc_step_fail(step, QC_FORMAT, "%u slice sizes for a tensor of rank %d", o->slice_sizes.count, in->rank);
    for (int d = 0; d < in->rank; d++) {
        int64_t size = o->slice_sizes.data[d];
        if (size < 0 || size > in->dims[d] || (holds(x.dropped, d) && size != 1))
            return qc_step_fail(step, QC_FORMAT, "slice size %d is %lld, axis %d has %d elements", d, (long long)size, d, in->dims[d]);
    }
    int32_t dims[2 * QC_MAX_RANK];
    for (int d = 0; d < rank; d++) {
        if (holds(x.window, d)) {
            while (holds(x.dropped, s)) s++;
            dims[d] = (int32_t)o->slice_sizes.data[s++];
        } else {
            b += b == x.vector;
            dims[d] = indices->dims[b++];
        }
    }
    return qc_step_output(step, 0, in->type, rank, dims);
}

/* A start that lies too far out is moved inside, as XLA defines it. */
static qc_status gather_run(struct qc_step *step)
{
    const struct tfl_StablehloGatherOptions *o = step->options;
    const struct qc_value *in = step->in[0];
    struct qc_value *out = step->out[0];
    struct indexing x = gather_indexing(o);
    size_t count = qc_value_elements(out), width = qc_width(in);
    int64_t at[QC_MAX_RANK] = {0}, start[QC_MAX_RANK], inside[QC_MAX_RANK];
    for (size_t i = 0; i < count; i++, advance(out, at)) {
        size_t flat = 0;
        locate(step, &x, at, out->rank, in->rank, start, inside);
        for (int d = 0; d < in->rank; d++) {
            int64_t most = in->dims[d] - o->slice_sizes.data[d];
            flat = flat * (size_t)in->dims[d] + (size_t)(QC_MAX(QC_MIN(start[d], most), 0) + inside[d]);
        }
        memcpy((char *)out->data + i * width, (const char *)in->data + flat * width, width);
    }
    return QC_OK;
}

/* ---- subgraphs of one operator ---- */

static enum qc_arith_op op_of_code(int code)
{
    switch (code) {
    case CODE(ADD):
    case CODE(STABLEHLO_ADD): return QC_ARITH_ADD;
    case CODE(MUL):
    case CODE(STABLEHLO_MULTIPLY): return QC_ARITH_MUL;
    case CODE(MAXIMUM):
    case CODE(STABLEHLO_MAXIMUM): return QC_ARITH_MAX;
    case CODE(MINIMUM):
    case CODE(STABLEHLO_MINIMUM): return QC_ARITH_MIN;
    case CODE(LOGICAL_AND):
    case CODE(STABLEHLO_AND): return QC_ARITH_AND;
    case CODE(LOGICAL_OR): return QC_ARITH_OR;
    default: return QC_ARITH_OPS;
    }
}

/* QC_ARITH_OPS with QC_OK: the subgraph has no operator, and gives its second operand. */
static qc_status read_body(struct qc_step *step, int32_t index, enum qc_arith_op *op)
{
    const struct qc_model *model = step->rt->model;
    if (index < 0 || (uint32_t)index >= model->graph_count) return qc_step_fail(step, QC_FORMAT, "it names subgraph %d, which there is not", index);
    const struct qc_graph *graph = model->graph[index];
    *op = QC_ARITH_OPS;
    if (graph->node_count == 0) return QC_OK;
    if (graph->node_count == 1) *op = op_of_code(graph->node[0]->code);
    if (*op != QC_ARITH_OPS) return QC_OK;
    return qc_step_fail(step, QC_UNSUPPORTED, "subgraph '%s' is not one of addition, multiplication, maximum, minimum, and, or", graph->name);
}

static struct qc_arith_limits no_limits(qc_dtype type)
{
    struct qc_arith_limits limits = {-INFINITY, INFINITY, INT64_MIN, INT64_MAX};
    if (type == QC_INT32) limits.integer_low = INT32_MIN, limits.integer_high = INT32_MAX;
    if (type == QC_INT16) limits.integer_low = INT16_MIN, limits.integer_high = INT16_MAX;
    return limits;
}

static qc_row_fn *row_of(enum qc_arith_op op, qc_dtype type)
{
    const char *name;
    if (type == QC_BOOL && op == QC_ARITH_ADD) op = QC_ARITH_OR;
    if (type == QC_BOOL && op == QC_ARITH_MUL) op = QC_ARITH_AND;
    return qc_arith_pick(qc_cpu_features(), op, type, &name);
}

/* a = a (op) b, one element. */
static void combine(qc_row_fn *row, const struct qc_arith_limits *limits, void *a, const void *b)
{
    const void *in[QC_ROW_INPUTS] = {a, b};
    const size_t one[QC_ROW_INPUTS] = {1, 1};
    row(limits, a, in, one, 1);
}

/* ---- STABLEHLO_SCATTER ---- */

static struct indexing scatter_indexing(const struct tfl_StablehloScatterOptions *o)
{
    return (struct indexing){LIST(o->update_window_dims), LIST(o->inserted_window_dims), LIST(o->scatter_dims_to_operand_dims),
                             o->index_vector_dim < 0 || o->index_vector_dim > QC_MAX_RANK ? -1 : (int)o->index_vector_dim};
}

static qc_status scatter_infer(struct qc_step *step)
{
    const struct tfl_StablehloScatterOptions *o = step->options;
    enum qc_arith_op op;
    QC_TRY(qc_need_inputs(step, 3));
    QC_TRY(qc_need_type(step, 0, NUMBERS));
    QC_TRY(qc_need_same_type(step, 0, 2));
    QC_TRY(read_body(step, o->update_computation_subgraph_index, &op));
    if (op != QC_ARITH_OPS && !row_of(op, step->in[0]->type)) return qc_step_unsupported_type(step);
    const struct qc_value *indices = step->in[1], *updates = step->in[2];
    struct indexing x = scatter_indexing(o);
    QC_TRY(check_indexing(step, &x, step->in[0]->rank, updates->rank));
    for (int d = 0, b = 0; d < updates->rank; d++) {
        if (holds(x.window, d)) continue;
        b += b == x.vector;
        if (updates->dims[d] != indices->dims[b])
            return qc_step_fail(step, QC_FORMAT, "dimension %d of the updates is %d, not %d", d, updates->dims[d], indices->dims[b]);
        b++;
    }
    return qc_step_output_like(step, 0, step->in[0]->type, step->in[0]);
}

/* Updates that fall outside are left out. */
static qc_status scatter_run(struct qc_step *step)
{
    const struct tfl_StablehloScatterOptions *o = step->options;
    const struct qc_value *updates = step->in[2];
    struct qc_value *out = step->out[0];
    struct indexing x = scatter_indexing(o);
    enum qc_arith_op op;
    QC_TRY(read_body(step, o->update_computation_subgraph_index, &op));
    qc_row_fn *row = op == QC_ARITH_OPS ? NULL : row_of(op, out->type);
    const struct qc_arith_limits limits = no_limits(out->type);
    size_t count = qc_value_elements(updates), width = qc_width(out);
    int64_t at[QC_MAX_RANK] = {0}, start[QC_MAX_RANK], inside[QC_MAX_RANK];
    if (out->bytes && out->data != step->in[0]->data) memcpy(out->data, step->in[0]->data, out->bytes);
    for (size_t i = 0; i < count; i++, advance(updates, at)) {
        size_t flat = 0;
        bool within = true;
        locate(step, &x, at, updates->rank, out->rank, start, inside);
        for (int d = 0; d < out->rank; d++) {
            int64_t place = start[d] > INT32_MAX || start[d] < INT32_MIN ? -1 : start[d] + inside[d];
            within &= place >= 0 && place < out->dims[d];
            flat = flat * (size_t)out->dims[d] + (size_t)place;
        }
        if (!within) continue;
        char *to = (char *)out->data + flat * width;
        const char *from = (const char *)updates->data + i * width;
        if (row) combine(row, &limits, to, from);
        else memcpy(to, from, width);
    }
    return QC_OK;
}

/* ---- REDUCE_WINDOW, STABLEHLO_REDUCE_WINDOW ---- */

#define MOST_STEPS 1e12

struct windows {
    enum qc_arith_op op;
    int64_t size[QC_MAX_RANK], stride[QC_MAX_RANK], dilation[QC_MAX_RANK], base[QC_MAX_RANK], low[QC_MAX_RANK], high[QC_MAX_RANK];
};

static int64_t list_at(struct numbers list, uint32_t i, int64_t absent)
{
    return list.count ? list.data[i] : absent;
}

static qc_status read_described(struct qc_step *step, struct windows *w)
{
    const struct tfl_StablehloReduceWindowOptions *o = step->options;
    uint32_t rank = step->in[0]->rank;
    struct numbers size = LIST(o->window_dimensions), stride = LIST(o->window_strides), base = LIST(o->base_dilations),
                   dilation = LIST(o->window_dilations), padding = LIST(o->padding);
    if (size.count != rank || (stride.count && stride.count != rank) || (base.count && base.count != rank) ||
        (dilation.count && dilation.count != rank) || (padding.count && padding.count != 2 * rank))
        return qc_step_fail(step, QC_FORMAT, "the window's description does not have an entry for each of %u axes", rank);
    for (uint32_t d = 0; d < rank; d++) {
        w->size[d] = size.data[d];
        w->stride[d] = list_at(stride, d, 1);
        w->base[d] = list_at(base, d, 1);
        w->dilation[d] = list_at(dilation, d, 1);
        w->low[d] = list_at(padding, 2 * d, 0);
        w->high[d] = list_at(padding, 2 * d + 1, 0);
    }
    QC_TRY(read_body(step, o->body_subgraph_index, &w->op));
    return w->op == QC_ARITH_OPS ? qc_step_fail(step, QC_UNSUPPORTED, "its subgraph has no operator") : QC_OK;
}

static qc_status read_operands(struct qc_step *step, struct windows *w)
{
    static const enum qc_arith_op op[] = {QC_ARITH_OPS, QC_ARITH_ADD, QC_ARITH_MUL, QC_ARITH_MIN, QC_ARITH_MAX, QC_ARITH_AND, QC_ARITH_OR};
    const struct tfl_ReduceWindowOptions *o = step->options;
    int64_t *const to[] = {w->size, w->stride, w->dilation};
    if (o->reduce_function < 1 || (size_t)o->reduce_function >= QC_COUNT(op)) return qc_step_fail(step, QC_FORMAT, "reduce_function is %d", o->reduce_function);
    w->op = op[o->reduce_function];
    for (int k = 0; k < 3; k++) {
        int count;
        if (!step->in[2 + k]->known) return qc_step_fail(step, QC_UNSUPPORTED, "input %d is not a constant", 2 + k);
        QC_TRY(qc_read_ints(step, 2 + k, QC_MAX_RANK, to[k], &count));
        if (count != step->in[0]->rank) return qc_step_fail(step, QC_FORMAT, "input %d has %d entries for rank %d", 2 + k, count, step->in[0]->rank);
    }
    for (int d = 0; d < step->in[0]->rank; d++) w->base[d] = 1;
    return QC_OK;
}

static qc_status window_infer(struct qc_step *step)
{
    struct windows w = {0};
    bool described = step->op->code == CODE(STABLEHLO_REDUCE_WINDOW);
    QC_TRY(qc_need_inputs(step, described ? 2 : 5));
    QC_TRY(qc_need_type(step, 0, NUMBERS));
    QC_TRY(qc_need_same_type(step, 0, 1));
    QC_TRY(qc_need_scalar(step, 1));
    QC_TRY(qc_need_rank(step, 0, 1, QC_MAX_RANK));
    QC_TRY(described ? read_described(step, &w) : read_operands(step, &w));
    const struct qc_value *in = step->in[0];
    if (!row_of(w.op, in->type)) return qc_step_unsupported_type(step);
    int32_t dims[QC_MAX_RANK];
    double steps = 1; /* an honest description; a lie of some bytes could keep the machine busy for years */
    for (int d = 0; d < in->rank; d++) {
        int64_t values[] = {w.size[d], w.stride[d], w.dilation[d], w.base[d]};
        for (int k = 0; k < 4; k++)
            if (values[k] < 1 || values[k] > INT32_MAX) return qc_step_fail(step, QC_FORMAT, "the window of axis %d has a %lld", d, (long long)values[k]);
        if (w.low[d] < INT32_MIN || w.low[d] > INT32_MAX || w.high[d] < INT32_MIN || w.high[d] > INT32_MAX)
            return qc_step_fail(step, QC_FORMAT, "the paddings of axis %d are %lld and %lld", d, (long long)w.low[d], (long long)w.high[d]);
        int64_t span = (in->dims[d] ? (in->dims[d] - 1) * w.base[d] + 1 : 0) + w.low[d] + w.high[d], window = (w.size[d] - 1) * w.dilation[d] + 1;
        QC_TRY(qc_need_dim(step, span < window ? 0 : (span - window) / w.stride[d] + 1, &dims[d]));
        steps *= (double)dims[d] * (double)w.size[d];
    }
    if (steps > MOST_STEPS) return qc_step_fail(step, QC_UNSUPPORTED, "its windows have %g elements in all, more than %g", steps, MOST_STEPS);
    return qc_step_output(step, 0, in->type, in->rank, dims);
}

struct fold {
    const struct windows *w;
    const struct qc_value *in;
    const void *start; /* what padding and the gaps of a base dilation hold */
    qc_row_fn *row;
    struct qc_arith_limits limits;
    size_t width;
};

static void fold_window(const struct fold *f, const int64_t *at, int d, size_t flat, bool padded, char *to)
{
    if (d == f->in->rank) {
        combine(f->row, &f->limits, to, padded ? f->start : (const char *)f->in->data + flat * f->width);
        return;
    }
    const struct windows *w = f->w;
    for (int64_t k = 0; k < w->size[d]; k++) {
        int64_t place = at[d] * w->stride[d] + k * w->dilation[d] - w->low[d];
        bool outside = place < 0 || place % w->base[d] || place / w->base[d] >= f->in->dims[d];
        fold_window(f, at, d + 1, flat * (size_t)f->in->dims[d] + (size_t)(outside ? 0 : place / w->base[d]), padded || outside, to);
    }
}

static qc_status window_run(struct qc_step *step)
{
    struct windows w = {0};
    const struct qc_value *in = step->in[0];
    struct qc_value *out = step->out[0];
    QC_TRY(step->op->code == CODE(STABLEHLO_REDUCE_WINDOW) ? read_described(step, &w) : read_operands(step, &w));
    struct fold f = {&w, in, step->in[1]->data, row_of(w.op, in->type), no_limits(in->type), qc_width(in)};
    size_t count = qc_value_elements(out);
    int64_t at[QC_MAX_RANK] = {0};
    if (out->bytes) qc_fill(out->data, out->bytes, f.start, f.width);
    for (size_t i = 0; i < count; i++, advance(out, at)) fold_window(&f, at, 0, 0, false, (char *)out->data + i * f.width);
    return QC_OK;
}

const struct qc_op qc_op_stablehlo[] = {
    {.name = "STABLEHLO_GATHER", .code = CODE(STABLEHLO_GATHER), .options = &tfl_StablehloGatherOptions_table, .in_min = 2, .in_max = 2,
     .out_min = 1, .out_max = 1, .infer = gather_infer, .run = gather_run},
    {.name = "STABLEHLO_SCATTER", .code = CODE(STABLEHLO_SCATTER), .options = &tfl_StablehloScatterOptions_table, .in_min = 3, .in_max = 3,
     .out_min = 1, .out_max = 1, .infer = scatter_infer, .run = scatter_run},
    {.name = "STABLEHLO_REDUCE_WINDOW", .code = CODE(STABLEHLO_REDUCE_WINDOW), .options = &tfl_StablehloReduceWindowOptions_table, .in_min = 2,
     .in_max = 2, .out_min = 1, .out_max = 1, .infer = window_infer, .run = window_run},
    {.name = "REDUCE_WINDOW", .code = CODE(REDUCE_WINDOW), .options = &tfl_ReduceWindowOptions_table, .in_min = 5, .in_max = 5, .out_min = 1,
     .out_max = 1, .infer = window_infer, .run = window_run},
    {0},
};
