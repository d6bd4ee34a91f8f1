/*
 * roll_steps.c - the same operators written out for each step of a sequence, and their results stacked, become those operators once, on all steps as
 * one batch: TimeDistributed, as Keras 3 exports it.
 *
 *     PACK(f(x[0]), f(x[1]), ...)  ->  RESHAPE(f(RESHAPE(x, [steps * batch, ...])), [steps, batch, ...])
 *
 * f consists of operators that treat the first dimension as a batch and nothing else; what it takes besides the steps are constants, the same for
 * all. Where x is a TRANSPOSE of [batch, steps, ...], its operand is taken, and the TRANSPOSE put behind the result, where it mostly meets its inverse.
 */
#include "pass/pass.h"
#include "pass/shared/edit.h"

#include <string.h>

#define CODE(name) tfl_BuiltinOperator_##name

enum { MOST_STEPS = 1024, MOST_OPERATORS = 512, MOST_OPERANDS = 4 };

struct row { /* one operator of f */
    struct qc_tensor **step;    /* its result at each step */
    int operand[MOST_OPERANDS]; /* row that an operand comes from; STEPS: x; CONSTANT */
    struct qc_tensor *rolled;
};
enum { STEPS = -1, CONSTANT = -2, FAILED = -3 };

struct roll {
    struct qc_graph *graph;
    struct qc_arena *arena;
    int steps, count;
    struct qc_tensor *x; /* [steps, batch, ...] */
    struct row row[MOST_OPERATORS];
};

/* ---- x[i] ---- */

static bool is_slice(const struct qc_node *node, int i)
{
    int64_t begin[QC_MAX_RANK], end[QC_MAX_RANK], stride[QC_MAX_RANK];
    const struct qc_tensor *x = node->in[0];
    int begins = qc_option(node, "begin_mask", 0), ends = qc_option(node, "end_mask", 0);
    if (!x || !x->has_shape || qc_option(node, "shrink_axis_mask", 0) != 1 || qc_option(node, "ellipsis_mask", 0) || qc_option(node, "new_axis_mask", 0) ||
        qc_integers(node->in[1], begin) != x->rank || qc_integers(node->in[2], end) != x->rank || qc_integers(node->in[3], stride) != x->rank)
        return false;
    for (int k = 1; k < x->rank; k++)
        if (stride[k] != 1 || !(begins >> k & 1 || begin[k] == 0) || !(ends >> k & 1 || (x->signature[k] > 0 && end[k] >= x->signature[k]))) return false;
    return stride[0] == 1 && (begin[0] == i || begin[0] + x->dims[0] == i) && !(begins & 1 && i);
}

/* Is it x[0], x[1] ...? x becomes known with the first ones. */
static bool are_steps(struct roll *r, struct qc_tensor *const *step)
{
    struct qc_tensor *x = NULL;
    for (int i = 0; i < r->steps; i++) {
        const struct qc_node *node = step[i]->producer;
        bool unpack = node->code == CODE(UNPACK) && qc_option(node, "axis", 0) == 0 && node->out[i % node->out_count] == step[i];
        if (!unpack && !(node->code == CODE(STRIDED_SLICE) && is_slice(node, i))) return false;
        if (i && node->in[0] != x) return false;
        x = node->in[0];
    }
    if ((r->x && r->x != x) || !x || !x->has_shape || !x->rank || x->signature[0] != r->steps || x->type != QC_FLOAT32 || x->quant || x->constant) return false;
    for (int k = 2; k < x->rank; k++)
        if (x->signature[k] < 0) return false;
    r->x = x;
    return true;
}

/* ---- what treats the first dimension as a batch ---- */

static bool leaves_first_axis(const struct qc_node *node, const struct qc_tensor *axes)
{
    int64_t axis[QC_MAX_RANK];
    int count = qc_integers(axes, axis);
    for (int i = 0; i < count; i++)
        if (axis[i] == 0 || axis[i] == -node->in[0]->rank) return false;
    return count >= 0;
}

static bool pads_nothing_first(const struct qc_tensor *amount)
{
    static const int32_t nothing[2];
    return amount && amount->constant && amount->type == QC_INT32 && amount->bytes >= sizeof nothing && !memcmp(amount->data, nothing, sizeof nothing);
}

static bool keeps_first_axis(const struct qc_node *node)
{
    int64_t order[QC_MAX_RANK];
    return qc_integers(node->in[1], order) > 0 && order[0] == 0;
}

/* Operands are steps or rows of the result's rank, or constants that are the same for the whole batch. */
static bool is_elementwise(const struct qc_node *node, const int *operand)
{
    const struct qc_tensor *out = node->out[0];
    for (int i = 0; i < node->in_count; i++) {
        const struct qc_tensor *in = node->in[i];
        bool whole = in->rank == out->rank && in->signature[0] == out->signature[0];
        if (operand[i] == CONSTANT ? in->rank >= out->rank && !(in->rank == out->rank && in->dims[0] == 1) : !whole) return false;
    }
    return true;
}

static bool first_alone(const struct qc_node *node, const int *operand)
{
    for (int i = 1; i < node->in_count; i++)
        if (operand[i] != CONSTANT) return false;
    return operand[0] != CONSTANT && node->in[0]->rank > 1;
}

static bool batches(const struct qc_node *node, const int *operand)
{
    const struct qc_tensor *in = node->in[0], *out = node->out[0];
    if (out->rank < 1 || in->rank < 1 || out->signature[0] != in->signature[0] || out->dims[0] != in->dims[0]) return false;
    switch (node->code) {
    case CODE(ADD): case CODE(SUB): case CODE(MUL): case CODE(DIV): case CODE(MAXIMUM): case CODE(MINIMUM): case CODE(POW): case CODE(SQUARED_DIFFERENCE):
    case CODE(LOGISTIC): case CODE(TANH): case CODE(RELU): case CODE(RELU6): case CODE(RELU_N1_TO_1): case CODE(ELU): case CODE(GELU): case CODE(HARD_SWISH):
    case CODE(LEAKY_RELU): case CODE(EXP): case CODE(LOG): case CODE(SQRT): case CODE(RSQRT): case CODE(SQUARE): case CODE(ABS): case CODE(NEG):
        return is_elementwise(node, operand);
    default: break;
    }
    if (!first_alone(node, operand)) return false;
    switch (node->code) {
    case CODE(CONV_2D): case CODE(DEPTHWISE_CONV_2D): case CODE(AVERAGE_POOL_2D): case CODE(MAX_POOL_2D): case CODE(RESIZE_BILINEAR):
    case CODE(RESIZE_NEAREST_NEIGHBOR): case CODE(SOFTMAX): case CODE(LOG_SOFTMAX): return true;
    case CODE(FULLY_CONNECTED): return in->rank == 2 || qc_option(node, "keep_num_dims", 0);
    case CODE(MEAN): case CODE(SUM): case CODE(REDUCE_MAX): case CODE(REDUCE_MIN): return leaves_first_axis(node, node->in[1]);
    case CODE(PAD): return pads_nothing_first(node->in[1]);
    case CODE(TRANSPOSE): return keeps_first_axis(node);
    case CODE(RESHAPE): return true; /* the target is written anew */
    default: return false;
    }
}

/* ---- matching ---- */

/* Sizes but the first are fixed, so that the first can be the one that a RESHAPE finds out. */
static bool is_plain(const struct qc_tensor *tensor)
{
    for (int i = 1; tensor->has_shape && i < tensor->rank; i++)
        if (tensor->signature[i] < 0) return false;
    return tensor->has_shape && tensor->rank > 0 && !tensor->quant && !tensor->variable && !tensor->output_uses && tensor->type == QC_FLOAT32;
}

static bool alike(const struct roll *r, struct qc_tensor *const *step)
{
    const struct qc_node *first = step[0]->producer;
    const struct qc_op *op = first ? qc_op_find(first->code, first->custom) : NULL;
    if (!op || first->in_count < op->in_min) return false;
    for (int i = 0; i < r->steps; i++) {
        const struct qc_node *node = step[i]->producer;
        if (!node || !is_plain(step[i]) || !qc_same_shape(step[i], step[0]) || node->code != first->code || node->in_count != first->in_count ||
            node->in_count > MOST_OPERANDS || !(node->code == CODE(RESHAPE) || qc_same_options(node, first)))
            return false;
    }
    return true;
}

/* The row that computes what all steps hold, which is made with all it needs; STEPS; or FAILED. */
static int find(struct roll *r, struct qc_tensor **step, int depth)
{
    struct row row = {.step = step};
    if (depth == MOST_OPERATORS || !alike(r, step)) return FAILED; /* a longer way has more operators */
    if (are_steps(r, step)) return STEPS;
    for (int i = 0; i < r->count; i++)
        if (!memcmp(r->row[i].step, step, (size_t)r->steps * sizeof(void *))) return i;
    const struct qc_node *node = step[0]->producer;
    if (node->out_count != 1) return FAILED;
    for (int k = 0; k < node->in_count; k++) {
        struct qc_tensor **in = qc_arena_array(r->arena, (size_t)r->steps, sizeof *in);
        bool same = true;
        if (!in) return FAILED;
        for (int i = 0; i < r->steps; i++) {
            in[i] = step[i]->producer->in[k];
            same &= in[i] == in[0];
            if (!in[i] != !in[0]) return FAILED;
        }
        if (!in[0] || (same && in[0]->constant)) row.operand[k] = CONSTANT;
        else if (node->code == CODE(RESHAPE) && k == 1) row.operand[k] = CONSTANT;
        else if ((row.operand[k] = find(r, in, depth + 1)) == FAILED) return FAILED;
    }
    if (!node->in[0] || !batches(node, row.operand) || r->count == MOST_OPERATORS) return FAILED;
    r->row[r->count] = row;
    return r->count++;
}

/* ---- rewriting ---- */

/* heads, then the sizes of `like` from axis `from` on. */
static struct qc_tensor *target(struct roll *r, int heads, const int32_t *head, const struct qc_tensor *like, int from)
{
    int32_t dims[QC_MAX_RANK + 2], rank = heads + like->rank - from;
    memcpy(dims, head, (size_t)heads * sizeof *dims);
    for (int i = from; i < like->rank; i++) dims[heads + i - from] = like->dims[i];
    void *copy = qc_arena_copy(&r->graph->model->arena, dims, (size_t)rank * sizeof *dims);
    return copy ? qc_graph_add_constant(r->graph, "shape", QC_INT32, 1, &rank, copy, (size_t)rank * sizeof *dims) : NULL;
}

static struct qc_tensor *add(struct roll *r, struct qc_node *before, int code, const struct fb_table *table, const void *options, int in_count,
                             struct qc_tensor *const *in, const char *name)
{
    struct qc_tensor *out = qc_graph_add_tensor(r->graph, name, QC_FLOAT32, 0, NULL);
    struct qc_node *node = out ? qc_graph_add_node(r->graph, before, code, table, options, in_count, in, 1, &out) : NULL;
    if (!node) return NULL;
    node->name = before->name;
    if (qc_node_infer(node)) return NULL;
    if (r->x->signature[1] < 0) out->signature[0] = -1; /* the batch is free */
    return out;
}

static struct qc_tensor *reshaped(struct roll *r, struct qc_node *before, struct qc_tensor *x, struct qc_tensor *shape, const char *name)
{
    return shape ? add(r, before, CODE(RESHAPE), &tfl_ReshapeOptions_table, NULL, 2, (struct qc_tensor *[]){x, shape}, name) : NULL;
}

static qc_status write_row(struct roll *r, struct qc_node *before, struct row *row, struct qc_tensor *all)
{
    const struct qc_node *node = row->step[0]->producer;
    struct qc_tensor *in[MOST_OPERANDS];
    for (int k = 0; k < node->in_count; k++)
        in[k] = row->operand[k] == CONSTANT ? node->in[k] : row->operand[k] == STEPS ? all : r->row[row->operand[k]].rolled;
    if (node->code == CODE(RESHAPE)) row->rolled = reshaped(r, before, in[0], target(r, 1, (int32_t[]){-1}, row->step[0], 1), row->step[0]->name);
    else row->rolled = add(r, before, node->code, node->options_table, node->options, node->in_count, in, row->step[0]->name);
    return row->rolled ? QC_OK : r->graph->model->env.error.status;
}

/* TRANSPOSE of the first two axes. */
static bool is_swap(const struct qc_node *node)
{
    int64_t order[QC_MAX_RANK];
    int count = node && node->code == CODE(TRANSPOSE) ? qc_integers(node->in[1], order) : 0;
    if (count < 2 || order[0] != 1 || order[1] != 0 || node->in[0]->constant) return false;
    for (int i = 2; i < count; i++)
        if (order[i] != i) return false;
    return true;
}

static qc_status rewrite(struct roll *r, struct qc_node *pack)
{
    const bool swapped = is_swap(r->x->producer);
    struct qc_tensor *from = swapped ? r->x->producer->in[0] : r->x;
    struct qc_tensor *all = reshaped(r, pack, from, target(r, 1, (int32_t[]){-1}, r->x, 2), r->x->name);
    if (!all) return r->graph->model->env.error.status;
    for (int i = 0; i < r->count; i++) QC_TRY(write_row(r, pack, &r->row[i], all));
    struct qc_tensor *y = r->row[r->count - 1].rolled, *shape = target(r, 2, swapped ? (int32_t[]){-1, r->steps} : (int32_t[]){r->steps, -1}, y, 1);
    if (!swapped) return shape && qc_replace_node(pack, CODE(RESHAPE), NULL, 2, (struct qc_tensor *[]){y, shape}) ? QC_OK : QC_NOMEM;
    y = reshaped(r, pack, y, shape, y->name);
    struct qc_tensor *order = r->x->producer->in[1];
    if (y && y->rank != r->x->rank) { /* the same swap for another rank */
        int32_t dims[QC_MAX_RANK] = {1, 0}, rank = y->rank;
        for (int i = 2; i < rank; i++) dims[i] = i;
        void *copy = qc_arena_copy(&r->graph->model->arena, dims, (size_t)rank * sizeof *dims);
        order = copy ? qc_graph_add_constant(r->graph, "perm", QC_INT32, 1, &rank, copy, (size_t)rank * sizeof *dims) : NULL;
    }
    return y && order && qc_replace_node(pack, CODE(TRANSPOSE), NULL, 2, (struct qc_tensor *[]){y, order}) ? QC_OK : QC_NOMEM;
}

static qc_status roll_up(struct qc_graph *graph, struct qc_node *pack, struct roll *r)
{
    *r = (struct roll){.graph = graph, .arena = r->arena, .steps = pack->in_count};
    struct qc_tensor **step = qc_arena_copy(r->arena, pack->in, (size_t)pack->in_count * sizeof *step);
    if (!step) return QC_NOMEM;
    for (int i = 0; i < r->steps; i++)
        if (!step[i] || !step[i]->producer || step[i]->rank + 1 > QC_MAX_RANK) return QC_OK;
    if (!pack->out[0]->has_shape || pack->out[0]->quant || find(r, step, 0) < 0 || r->x->rank < 2) return QC_OK;
    return rewrite(r, pack);
}

static qc_status run(struct qc_graph *graph)
{
    struct qc_arena arena;
    qc_status status = QC_OK;
    struct roll *r = NULL;
    for (uint32_t i = 0; i < graph->node_count && !status; i++) {
        struct qc_node *node = graph->node[i];
        if (node->code != CODE(PACK) || qc_option(node, "axis", 0) || node->in_count < 2 || node->in_count > MOST_STEPS) continue;
        qc_arena_init(&arena, &graph->model->env);
        r = qc_arena_alloc(&arena, sizeof *r);
        if (r) r->arena = &arena;
        status = r ? roll_up(graph, node, r) : QC_NOMEM;
        qc_arena_free(&arena);
    }
    return status;
}

const struct qc_pass qc_pass_roll_steps = {"roll_steps", run};
