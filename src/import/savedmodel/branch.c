/*
 * branch.c - functions as subgraphs under IF and WHILE. See branch.h.
 */
#include "import/savedmodel/branch.h"

#include "import/savedmodel/captures.h"
#include "import/savedmodel/control.h"

#include <string.h>

#define FAILED(s) ((s)->im->env->error.status)

enum { GRAPH_COST = 64 }; /* of the budget of nodes */

/* ---- what goes into a subgraph ---- */

struct operand { /* an input of the subgraph */
    struct qc_tensor *outer;
    struct qc_tf_number size[QC_MAX_RANK];
};

struct operands {
    struct operand *at;
    int count;
    int *place; /* by argument: its operand, or -1: not passed */
};

/* Sorts `count` values; those of `carried` (NULL: none) are passed though they are constants. */
static qc_status sort_values(struct qc_tf_step *s, int count, const struct qc_tf_value *value, const bool *carried, struct operands *operands)
{
    struct qc_arena *arena = s->im->scratch;
    *operands = (struct operands){.at = qc_arena_array(arena, (size_t)count, sizeof *operands->at), .place = qc_arena_array(arena, (size_t)count, sizeof(int))};
    if (!operands->at || !operands->place) return QC_NOMEM;
    for (int i = 0; i < count; i++) {
        struct qc_tensor *tensor = value[i].tensor;
        operands->place[i] = -1;
        if (value[i].kind == QC_TF_LIST_VALUE) {
            if (!(tensor = qc_tf_list_stacked(s, value[i].list))) return FAILED(s);
            QC_TRY(qc_tf_settle(s->im));
        } else if (value[i].kind != QC_TF_TENSOR) {
            continue;
        }
        if (tensor->constant && !(carried && carried[i])) continue;
        struct operand *operand = &operands->at[operands->count];
        operand->outer = tensor;
        if (tensor->has_shape) qc_tf_sizes(s->im, tensor, operand->size);
        operands->place[i] = operands->count++;
    }
    return QC_OK;
}

static void outer_tensors(const struct operands *operands, struct qc_tensor **tensor)
{
    for (int i = 0; i < operands->count; i++) tensor[i] = operands->at[i].outer;
}

/* ---- inside ---- */

struct outside { /* what an import knows of the graph it leaves for a subgraph */
    struct qc_build b;
    struct qc_tf_fact *fact;
    uint32_t fact_count, settled;
};

static qc_status make_input(struct qc_tf_import *im, const struct operand *operand, int i, struct qc_tensor **input)
{
    const struct qc_tensor *outer = operand->outer;
    int32_t other[QC_MAX_RANK];
    char *name = qc_arena_printf(im->scratch, "%s/%d", im->b.graph->name, i);
    if (!name || !(*input = qc_graph_add_tensor(im->b.graph, name, outer->type, outer->rank, outer->has_shape ? outer->dims : NULL))) return QC_NOMEM;
    if (!outer->has_shape) return QC_OK;
    for (int k = 0; k < outer->rank; k++) {
        other[k] = (int32_t)operand->size[k].other;
        if (operand->size[k].value != operand->size[k].other) (*input)->signature[k] = -1;
    }
    return qc_tf_learn_input(im, *input, other);
}

/* The values as the subgraph has them. */
static qc_status make_args(struct qc_tf_import *im, const struct operands *operands, int count, const struct qc_tf_value *value, struct qc_tf_value *arg)
{
    struct qc_tensor **input = qc_arena_array(im->scratch, (size_t)operands->count, sizeof *input);
    if (!input) return QC_NOMEM;
    for (int i = 0; i < operands->count; i++) QC_TRY(make_input(im, &operands->at[i], i, &input[i]));
    QC_TRY(qc_graph_set_inputs(im->b.graph, operands->count, input));
    for (int i = 0; i < count; i++) {
        struct qc_tensor *passed = operands->place[i] < 0 ? NULL : input[operands->place[i]];
        arg[i] = value[i];
        if (value[i].kind == QC_TF_LIST_VALUE) {
            QC_TRY(qc_tf_here(im, passed ? passed : value[i].list->stacked, &passed));
            if (!(arg[i].list = qc_tf_list_with(im, value[i].list, passed))) return QC_NOMEM;
        } else if (value[i].kind == QC_TF_TENSOR) {
            QC_TRY(qc_tf_here(im, passed ? passed : value[i].tensor, &arg[i].tensor));
        }
    }
    return QC_OK;
}

/* A new graph, to which the import turns until `leave`. */
static qc_status enter(struct qc_tf_step *s, const char *what, const struct operands *operands, int count, const struct qc_tf_value *value,
                       struct qc_tf_value *arg, struct outside *outside)
{
    struct qc_tf_import *im = s->im;
    *outside = (struct outside){im->b, im->fact, im->fact_count, im->settled};
    char *name = qc_arena_printf(im->scratch, "%.*s/%s", QC_PB(s->node->name), what);
    struct qc_graph *graph = name ? qc_model_add_graph(im->model, name) : NULL;
    if (!graph) return QC_NOMEM;
    im->nodes_left -= GRAPH_COST;
    im->b.graph = graph;
    im->b.before = NULL;
    im->fact = NULL;
    im->fact_count = im->settled = 0;
    return make_args(im, operands, count, value, arg);
}

static struct qc_graph *leave(struct qc_tf_import *im, const struct outside *outside)
{
    struct qc_graph *graph = im->b.graph;
    uint32_t serial = im->b.serial;
    im->b = outside->b;
    im->b.serial = serial;
    im->fact = outside->fact;
    im->fact_count = outside->fact_count;
    im->settled = outside->settled;
    return graph;
}

/* A result as a tensor; NULL if it cannot be one. */
static struct qc_tensor *result_tensor(struct qc_tf_step *s, const struct qc_tf_value *value)
{
    if (value->kind == QC_TF_TENSOR) return value->tensor;
    return value->kind == QC_TF_LIST_VALUE ? qc_tf_list_stacked(s, value->list) : NULL;
}

/* ---- IF ---- */

struct choice {
    int count;
    const struct pb_bytes *branch;
    bool by_number; /* Case; If: by a bool */
    int in_count;   /* with the value that decides */
    bool *want;
    int out_count;
};

static qc_status choose(struct qc_tf_step *s, const struct choice *choice, int first, int count, const struct qc_tf_value *in, struct qc_tf_value *out);

/* The choice between some of the branches, as the graph that the import has turned to. */
static qc_status write_branches(struct qc_tf_step *s, const struct choice *choice, int first, int branches, const struct qc_tf_value *arg,
                                struct qc_tf_value *out, bool *sound)
{
    struct qc_tensor **result = qc_arena_array(s->im->scratch, (size_t)choice->out_count, sizeof *result);
    int count = 0;
    if (!result) return QC_NOMEM;
    QC_TRY(choose(s, choice, first, branches, arg, out));
    for (int i = 0; i < choice->out_count; i++) {
        if (!choice->want[i]) continue;
        struct qc_tensor *tensor = result_tensor(s, &out[i]);
        if (!tensor) *sound = false;
        result[count++] = tensor;
    }
    QC_TRY(qc_tf_settle(s->im));
    if (*sound) QC_TRY(qc_graph_set_outputs(s->im->b.graph, count, result));
    return *sound ? qc_graph_sweep(s->im->b.graph) : QC_OK;
}

/* One of the branches [first, first + branches), half of them at a time, so that subgraphs are nested little. Outputs that nobody wants are made unsupported. */
static qc_status choose(struct qc_tf_step *s, const struct choice *choice, int first, int branches, const struct qc_tf_value *in, struct qc_tf_value *out)
{
    const int half = branches / 2;
    if (branches == 1) return qc_tf_call(s->im, choice->branch[first], choice->in_count - 1, in + 1, choice->want, choice->out_count, out);
    struct qc_tensor *condition = choice->by_number ? qc_build_binary(s->b, tfl_BuiltinOperator_LESS, in[0].tensor, qc_build_i32(s->b, first + half)) : in[0].tensor;
    struct operands operands;
    struct outside outside;
    if (!condition) return FAILED(s);
    QC_TRY(qc_tf_settle(s->im));
    QC_TRY(sort_values(s, choice->in_count, in, NULL, &operands));
    struct qc_tensor **operand = qc_arena_array(s->im->scratch, (size_t)operands.count + 1, sizeof *operand);
    struct qc_tensor **result = qc_arena_array(s->im->scratch, (size_t)choice->out_count, sizeof *result);
    struct qc_tf_value *arg = qc_arena_array(s->im->scratch, (size_t)choice->in_count, sizeof *arg);
    QC_OPTIONS(s->b, IfOptions, options);
    if (!operand || !result || !arg || !options) return QC_NOMEM;
    bool sound = true;
    for (int rest = 0; rest < 2; rest++) {
        QC_TRY(enter(s, rest ? "else" : "then", &operands, choice->in_count, in, arg, &outside));
        QC_TRY(write_branches(s, choice, rest ? first + half : first, rest ? branches - half : half, arg, out, &sound));
        *(rest ? &options->else_subgraph_index : &options->then_subgraph_index) = (tfl_i32)leave(s->im, &outside)->index;
    }
    int count = 0;
    for (int i = 0; i < choice->out_count; i++) count += choice->want[i];
    operand[0] = condition;
    outer_tensors(&operands, operand + 1);
    if (sound) QC_TRY(qc_build_ops(s->b, tfl_BuiltinOperator_IF, options, operands.count + 1, operand, count, result));
    for (int i = 0, k = 0; i < choice->out_count; i++) {
        bool made = choice->want[i] && sound;
        struct qc_tensor *tensor = made ? result[k++] : NULL;
        if (made && out[i].kind == QC_TF_LIST_VALUE) {
            if (!(out[i].list = qc_tf_list_with(s->im, out[i].list, tensor))) return QC_NOMEM;
        } else {
            out[i] = (struct qc_tf_value){.kind = made ? QC_TF_TENSOR : QC_TF_UNSUPPORTED, .tensor = tensor};
        }
    }
    return QC_OK;
}

qc_status qc_tf_choose(struct qc_tf_step *s, int branch_count, const struct pb_bytes *branch)
{
    struct choice choice = {.count = branch_count, .branch = branch, .in_count = s->in_count,
                            .by_number = pb_equal(s->node->op, "Case") || pb_equal(s->node->op, "StatelessCase")};
    struct qc_tf_body *body;
    QC_TRY(qc_tf_function_body(s->im->package, branch[0], &body));
    if (!body) return qc_tf_fail(s, QC_FORMAT, "chooses the function '%.*s', which is missing", QC_PB(branch[0]));
    choice.out_count = body->ret_count;
    QC_TRY(qc_tf_outputs(s, body->ret_count));
    QC_TRY(qc_tf_wants(s, body->ret_count, &choice.want));
    struct qc_tensor *which = qc_tf_tensor(s, 0);
    if (choice.by_number && which) { /* outside: the last one */
        struct qc_tensor *last = qc_build_i32(s->b, branch_count - 1), *zero = qc_build_i32(s->b, 0);
        which = qc_lower_select(s->b, qc_build_binary(s->b, tfl_BuiltinOperator_LESS, which, zero), last, which);
    } else {
        which = qc_lower_cast(s->b, which, QC_BOOL);
    }
    if (!which) return FAILED(s);
    s->in[0].tensor = which;
    return choose(s, &choice, 0, branch_count, s->in, s->out);
}

/* ---- WHILE ---- */

struct loop {
    int count;            /* of values */
    bool *carried;        /* a step may change the value */
    struct qc_tf_value *first;
    struct operands operands;
};

/* Lists whose elements nobody has declared take the shape of what a step puts in, found by writing one step that nothing reads. */
static qc_status learn_elements(struct qc_tf_step *s, struct pb_bytes body, struct loop *loop)
{
    struct qc_tf_value *after = NULL;
    for (int i = 0; i < loop->count; i++) {
        const struct qc_tf_list *list = loop->first[i].list;
        if (loop->first[i].kind != QC_TF_LIST_VALUE || !loop->carried[i] || list->stacked || qc_tf_list_fixed(list)) continue;
        if (!after) {
            if (!(after = qc_arena_array(s->im->scratch, (size_t)loop->count, sizeof *after))) return QC_NOMEM;
            QC_TRY(qc_tf_call(s->im, body, loop->count, loop->first, NULL, loop->count, after));
        }
        struct qc_tf_list *known = qc_arena_copy(s->im->scratch, list, sizeof *known);
        if (!known) return QC_NOMEM;
        if (after[i].kind == QC_TF_LIST_VALUE) known->element = after[i].list->element;
        loop->first[i].list = known;
    }
    return QC_OK;
}

static bool same_form(struct qc_tf_step *s, const struct operand *first, struct qc_tensor *after)
{
    struct qc_tf_number size[QC_MAX_RANK];
    if (!after || !after->has_shape || !first->outer->has_shape || after->type != first->outer->type || after->rank != first->outer->rank) return false;
    qc_tf_sizes(s->im, after, size);
    for (int i = 0; i < after->rank; i++)
        if (size[i].value != first->size[i].value || size[i].other != first->size[i].other) return false;
    return true;
}

static qc_status write_condition(struct qc_tf_step *s, const struct loop *loop, struct pb_bytes cond, const struct qc_tf_value *arg, bool *sound)
{
    struct qc_tf_value more;
    QC_TRY(qc_tf_call(s->im, cond, loop->count, arg, NULL, 1, &more));
    *sound = more.kind == QC_TF_TENSOR && more.tensor->type == QC_BOOL;
    if (*sound) QC_TRY(qc_graph_set_outputs(s->im->b.graph, 1, &more.tensor));
    return *sound ? qc_graph_sweep(s->im->b.graph) : QC_OK;
}

static qc_status write_step(struct qc_tf_step *s, const struct loop *loop, struct pb_bytes body, const struct qc_tf_value *arg, bool *sound)
{
    struct qc_tf_value *after = qc_arena_array(s->im->scratch, (size_t)loop->count, sizeof *after);
    struct qc_tensor **result = qc_arena_array(s->im->scratch, (size_t)loop->operands.count, sizeof *result);
    if (!after || !result) return QC_NOMEM;
    QC_TRY(qc_tf_call(s->im, body, loop->count, arg, NULL, loop->count, after));
    for (int i = 0; i < loop->count; i++) {
        int place = loop->operands.place[i];
        if (place < 0) continue;
        result[place] = loop->carried[i] ? result_tensor(s, &after[i]) : s->im->b.graph->input[place];
        QC_TRY(qc_tf_settle(s->im));
        *sound = *sound && same_form(s, &loop->operands.at[place], result[place]);
    }
    if (*sound) QC_TRY(qc_graph_set_outputs(s->im->b.graph, loop->operands.count, result));
    return *sound ? qc_graph_sweep(s->im->b.graph) : QC_OK;
}

/* The values behind the loop from the results of WHILE. */
static qc_status fill_outputs(struct qc_tf_step *s, const struct loop *loop, struct qc_tensor *const *result)
{
    QC_TRY(qc_tf_outputs(s, loop->count));
    for (int i = 0; i < loop->count; i++) {
        int place = loop->operands.place[i];
        s->out[i] = loop->first[i];
        if (place < 0) continue;
        if (loop->first[i].kind != QC_TF_LIST_VALUE) s->out[i].tensor = result[place];
        else if (!(s->out[i].list = qc_tf_list_with(s->im, loop->first[i].list, result[place]))) return QC_NOMEM;
    }
    return QC_OK;
}

qc_status qc_tf_while(struct qc_tf_step *s, struct pb_bytes cond, struct pb_bytes body, const struct qc_tf_value *now)
{
    struct qc_arena *arena = s->im->scratch;
    struct loop loop = {.count = s->in_count, .carried = qc_arena_array(arena, (size_t)s->in_count, sizeof(bool)),
                        .first = qc_arena_copy(arena, now, (size_t)s->in_count * sizeof *now)};
    struct qc_tf_value *arg = qc_arena_array(arena, (size_t)s->in_count, sizeof *arg);
    struct qc_tf_body *step;
    struct outside outside;
    QC_OPTIONS(s->b, WhileOptions, options);
    if (!loop.carried || !loop.first || !arg || !options) return QC_NOMEM;
    QC_TRY(qc_tf_function_body(s->im->package, body, &step));
    if (!step || step->ret_count != loop.count) return qc_tf_fail(s, QC_FORMAT, "its body does not fit it");
    for (int i = 0; i < loop.count; i++) loop.carried[i] = qc_tf_unchanged(step, i) != i;
    QC_TRY(learn_elements(s, body, &loop));
    for (int i = 0; i < loop.count; i++)
        if (loop.first[i].kind == QC_TF_LIST_VALUE && !loop.first[i].list->stacked && !qc_tf_list_fixed(loop.first[i].list))
            return qc_tf_unsupported(s, "is a loop over a list of free length or of elements of unknown shape");
    QC_TRY(sort_values(s, loop.count, loop.first, loop.carried, &loop.operands));
    bool sound = true;
    QC_TRY(enter(s, "cond", &loop.operands, loop.count, loop.first, arg, &outside));
    QC_TRY(write_condition(s, &loop, cond, arg, &sound));
    options->cond_subgraph_index = (tfl_i32)leave(s->im, &outside)->index;
    if (!sound) return qc_tf_unsupported(s, "is a loop whose condition cannot be converted");
    QC_TRY(enter(s, "body", &loop.operands, loop.count, loop.first, arg, &outside));
    QC_TRY(write_step(s, &loop, body, arg, &sound));
    options->body_subgraph_index = (tfl_i32)leave(s->im, &outside)->index;
    if (!sound) return qc_tf_unsupported(s, "is a loop in which the shape of a value changes from step to step, or a value cannot be converted");
    struct qc_tensor **in = qc_arena_array(arena, (size_t)loop.operands.count, sizeof *in);
    struct qc_tensor **result = qc_arena_array(arena, (size_t)loop.operands.count, sizeof *result);
    if (!in || !result) return QC_NOMEM;
    outer_tensors(&loop.operands, in);
    QC_TRY(qc_build_ops(s->b, tfl_BuiltinOperator_WHILE, options, loop.operands.count, in, loop.operands.count, result));
    return fill_outputs(s, &loop, result);
}
