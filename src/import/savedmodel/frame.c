/*
 * frame.c - runs a body: the nodes that the wanted results need, each after those it reads. See graph.h.
 *
 * Order is found by a depth-first walk with a stack of its own (a chain of 30000 nodes is legal), which also finds cycles. Only calls
 * recurse, to a bounded depth.
 */
#include "import/savedmodel/graph.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_CALL_DEPTH = 32 };

struct reference { /* what an input names */
    int64_t node;  /* -1: argument */
    int position;  /* output of the node, or number of the argument */
};

struct state { /* of one node in a frame */
    enum { FRESH = 0, OPEN, ORDERED } mark;
    struct reference *in;
    int in_count;
    struct qc_tf_value *out;
    int out_count;
    bool *want;
    int want_count;
    int guards;                   /* the last inputs are no operands: they only tell whether the node is dead */
    bool unsupported, dead;
};

struct frame {
    struct qc_tf_import *im;
    const struct qc_tf_body *body;
    struct state *state;   /* [node_count] */
    uint32_t *order, *stack, *next_input;
    uint32_t ordered;
    const struct qc_tf_value *arg;
};

static qc_status fail(struct frame *f, const char *why, struct pb_bytes name)
{
    if (!f->body->name.at) return qc_fail(f->im->env, QC_FORMAT, "%s: %s '%.*s'", f->im->package->path, why, QC_PB(name));
    return qc_fail(f->im->env, QC_FORMAT, "%s: function '%.*s': %s '%.*s'", f->im->package->path, QC_PB(f->body->name), why, QC_PB(name));
}

static bool number(struct pb_bytes text, int *value)
{
    *value = 0;
    if (!text.size || text.size > 6) return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') return false;
        *value = 10 * *value + text.at[i] - '0';
    }
    return true;
}

/* Position of the first output that `name` stands for. Calls by function name have the function's own output names. */
static int output_position(struct frame *f, const struct qc_tf_node *node, struct pb_bytes name)
{
    struct qc_tf_body *callee;
    if (qc_tf_function_message(f->im->package, node->op).at && !qc_tf_function_body(f->im->package, node->op, &callee) && callee)
        for (int i = 0; i < callee->ret_count; i++)
            if (pb_same(callee->ret_name[i], name)) return i;
    return qc_tf_output_position(node->op, name);
}

/* "arg", "node:output:k" in a function; "node", "node:k" at the top level. */
static qc_status resolve(struct frame *f, struct pb_bytes text, struct reference *reference)
{
    struct pb_bytes part[3] = {{text.at, 0}, {NULL, 0}, {NULL, 0}};
    int parts = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] != ':') {
            part[parts].size++;
        } else {
            if (++parts == 3) return fail(f, "there is a damaged reference", text);
            part[parts] = (struct pb_bytes){text.at + i + 1, 0};
        }
    }
    *reference = (struct reference){-1, 0};
    bool function = f->body->name.at;
    if (function && !parts) {
        reference->position = qc_tf_arg_find(f->body, text);
        if (reference->position >= 0) return QC_OK;
        reference->position = 0;
    }
    reference->node = qc_tf_node_find(f->body, part[0]);
    if (reference->node < 0) return fail(f, "there is no node", part[0]);
    struct pb_bytes index = part[parts];
    if (parts && !number(index, &reference->position)) return fail(f, "there is a damaged reference", text);
    if (function && parts == 2) reference->position += output_position(f, &f->body->node[reference->node], part[1]);
    return QC_OK;
}

/* TensorFlow 1 ties a constant to the side of a conditional by a control input from the Identity of a Switch: "^cond/switch_t". */
static bool is_guard(const struct frame *f, const struct qc_tf_node *node, struct pb_bytes input)
{
    if (f->body->name.at || !pb_equal(node->op, "Const")) return false;
    int64_t at = qc_tf_node_find(f->body, (struct pb_bytes){input.at + 1, input.size - 1});
    return at >= 0 && pb_equal(f->body->node[at].op, "Identity");
}

/* The data inputs of a node, and guards behind them; other control inputs ("^node", always last) are left out. */
static qc_status read_inputs(struct frame *f, uint32_t n)
{
    const struct qc_tf_node *node = &f->body->node[n];
    struct state *state = &f->state[n];
    struct pb_reader in = pb_open(node->message);
    struct pb_field field;
    int count = 0, guards = 0;
    while (pb_next(&in, &field)) {
        if (field.number != 3 || field.wire != PB_LENGTH) continue;
        bool control = field.bytes.size && field.bytes.at[0] == '^';
        count += !control;
        guards += control && is_guard(f, node, field.bytes);
    }
    if (!f->body->name.at) count -= qc_tf_bound(f->im, node); /* captures come from the object graph, not from these nodes */
    if (count < 0) return fail(f, "captures are missing at node", node->name);
    if (!(state->in = qc_arena_array(f->im->scratch, (size_t)count + (size_t)guards, sizeof *state->in))) return QC_NOMEM;
    in = pb_open(node->message);
    while (pb_next(&in, &field)) {
        if (field.number != 3 || field.wire != PB_LENGTH) continue;
        bool control = field.bytes.size && field.bytes.at[0] == '^';
        if (control && !is_guard(f, node, field.bytes)) continue;
        if (control) field.bytes = (struct pb_bytes){field.bytes.at + 1, field.bytes.size - 1};
        else if (state->in_count == count) continue;
        QC_TRY(resolve(f, field.bytes, &state->in[state->in_count++]));
        state->guards += control;
    }
    return QC_OK;
}

static qc_status mark_wanted(struct frame *f, struct reference reference)
{
    struct state *state = &f->state[reference.node];
    if (reference.position >= state->want_count) {
        int count = reference.position + 4;
        bool *grown = qc_arena_array(f->im->scratch, (size_t)count, sizeof *grown);
        if (!grown) return QC_NOMEM;
        if (state->want_count) memcpy(grown, state->want, (size_t)state->want_count * sizeof *grown);
        state->want = grown;
        state->want_count = count;
    }
    state->want[reference.position] = true;
    return QC_OK;
}

/* Appends `root` and what it needs to the order. */
static qc_status order_from(struct frame *f, uint32_t root)
{
    uint32_t depth = 0;
    if (f->state[root].mark == ORDERED) return QC_OK;
    f->stack[depth++] = root;
    while (depth) {
        uint32_t n = f->stack[depth - 1];
        struct state *state = &f->state[n];
        if (state->mark == FRESH) {
            state->mark = OPEN;
            f->next_input[n] = 0;
            if (!state->out) QC_TRY(read_inputs(f, n)); /* a fed node needs none */
        }
        if ((int)f->next_input[n] == state->in_count) {
            state->mark = ORDERED;
            f->order[f->ordered++] = n;
            depth--;
            continue;
        }
        struct reference reference = state->in[f->next_input[n]++];
        if (reference.node < 0) continue;
        QC_TRY(mark_wanted(f, reference));
        struct state *source = &f->state[reference.node];
        if (source->mark == OPEN) return fail(f, "a cycle runs through node", f->body->node[reference.node].name);
        if (source->mark == FRESH) f->stack[depth++] = (uint32_t)reference.node;
    }
    return QC_OK;
}

static qc_status fetch(struct frame *f, struct reference reference, struct qc_tf_value *value)
{
    if (reference.node < 0) {
        *value = f->arg[reference.position];
        return QC_OK;
    }
    const struct state *state = &f->state[reference.node];
    *value = (struct qc_tf_value){.kind = QC_TF_UNSUPPORTED};
    if (state->dead) value->kind = QC_TF_DEAD;
    if (state->unsupported || state->dead) return QC_OK;
    if (reference.position >= state->out_count) return fail(f, "an output is read that does not exist, of node", f->body->node[reference.node].name);
    *value = state->out[reference.position];
    return QC_OK;
}

static bool has(const struct qc_tf_step *s, enum qc_tf_kind kind)
{
    for (int i = 0; i < s->in_count; i++)
        if (s->in[i].kind == kind) return true;
    return false;
}

static qc_status run_node(struct frame *f, uint32_t n)
{
    struct state *state = &f->state[n];
    if (state->out) return QC_OK; /* fed */
    struct qc_tf_import *im = f->im;
    const struct qc_tf_node *node = &f->body->node[n];
    struct qc_tf_step s = {.im = im, .b = &im->b, .body = f->body, .node = node, .in_count = state->in_count,
                           .want = state->want, .want_count = state->want_count};
    if (im->nodes_left-- <= 0)
        return qc_fail(im->env, QC_RANGE, "%s: the graph grows beyond the limit when its functions and loops are written out, at node '%.*s'",
                       im->package->path, QC_PB(node->name));
    if (!(s.in = qc_arena_array(im->scratch, (size_t)s.in_count, sizeof *s.in))) return QC_NOMEM;
    for (int i = 0; i < s.in_count; i++) QC_TRY(fetch(f, state->in[i], &s.in[i]));
    state->dead = has(&s, QC_TF_DEAD) && !pb_equal(node->op, "Merge");
    if (state->dead) return QC_OK;
    s.in_count -= state->guards;
    s.op = qc_tf_op_find(im, node->op);
    bool is_function = !s.op && qc_tf_function_message(im->package, node->op).at;
    if (is_function) s.op = qc_tf_op_find(im, (struct pb_bytes){(const uint8_t *)"PartitionedCall", 15});
    const char *outer = im->b.scope;
    im->b.scope = f->body->name.at ? qc_tf_scope(im, node->name) : ""; /* names of the top level say nothing of layers */
    if (!im->b.scope) return QC_NOMEM;
    qc_status status;
    bool call = s.op && s.op->in_min < 0 && s.op->code == -1; /* calls and loops look at each value themselves */
    if (!s.op)
        status = qc_tf_unsupported(&s, "not known to quantc");
    else if (!call && has(&s, QC_TF_UNSUPPORTED))
        state->unsupported = true, status = QC_OK;
    else if (s.in_count < s.op->in_min || (s.op->in_max >= 0 && s.in_count > s.op->in_max))
        status = qc_tf_fail(&s, QC_FORMAT, "has %d inputs", s.in_count);
    else
        status = qc_tf_dispatch(&s);
    im->b.scope = outer;
    if (!status) status = qc_tf_settle(im);
    state->out = s.out;
    state->out_count = s.out_count;
    state->unsupported |= !s.out;
    return status;
}

static qc_status prepare(struct frame *f, struct qc_tf_import *im, const struct qc_tf_body *body)
{
    *f = (struct frame){.im = im, .body = body};
    size_t count = body->node_count;
    f->state = qc_arena_array(im->scratch, count, sizeof *f->state);
    f->order = qc_arena_array(im->scratch, count, sizeof *f->order);
    f->stack = qc_arena_array(im->scratch, count + 1, sizeof *f->stack);
    f->next_input = qc_arena_array(im->scratch, count, sizeof *f->next_input);
    return f->state && f->order && f->stack && f->next_input ? QC_OK : QC_NOMEM;
}

static qc_status run(struct frame *f, int out_count, const struct pb_bytes *tensor, const bool *want, struct qc_tf_value *out)
{
    struct reference *root = qc_arena_array(f->im->scratch, (size_t)out_count, sizeof *root);
    if (!root) return QC_NOMEM;
    for (int i = 0; i < out_count; i++) {
        if (want && !want[i]) continue;
        QC_TRY(resolve(f, tensor[i], &root[i]));
        if (root[i].node < 0) continue;
        QC_TRY(mark_wanted(f, root[i]));
        QC_TRY(order_from(f, (uint32_t)root[i].node));
    }
    for (uint32_t i = 0; i < f->ordered; i++) QC_TRY(run_node(f, f->order[i]));
    for (int i = 0; i < out_count; i++)
        if (!want || want[i]) QC_TRY(fetch(f, root[i], &out[i]));
    return QC_OK;
}

qc_status qc_tf_call(struct qc_tf_import *im, struct pb_bytes function, int in_count, const struct qc_tf_value *in, const bool *want,
                     int out_count, struct qc_tf_value *out)
{
    struct qc_tf_body *body;
    struct frame f;
    QC_TRY(qc_tf_function_body(im->package, function, &body));
    if (!body) return qc_fail(im->env, QC_FORMAT, "%s: the function '%.*s' is called but missing", im->package->path, QC_PB(function));
    if (in_count != body->arg_count || out_count > body->ret_count)
        return qc_fail(im->env, QC_FORMAT, "%s: the function '%.*s' takes %d values and gives %d, but is called with %d for %d", im->package->path,
                       QC_PB(function), body->arg_count, body->ret_count, in_count, out_count);
    for (int i = 0; i < in_count; i++)
        if (in[i].kind == QC_TF_TENSOR && (body->arg_type[i] == QC_TF_STRING || body->arg_type[i] == QC_TF_RESOURCE || body->arg_type[i] == QC_TF_VARIANT))
            return qc_fail(im->env, QC_FORMAT, "%s: argument '%.*s' of the function '%.*s' is a %s, but is given numbers", im->package->path, QC_PB(body->arg[i]),
                           QC_PB(function), qc_tf_dtype_name(body->arg_type[i]));
    if (im->depth >= MAX_CALL_DEPTH)
        return qc_fail(im->env, QC_FORMAT, "%s: the function '%.*s' calls itself, or calls are nested more than %d deep", im->package->path,
                       QC_PB(function), MAX_CALL_DEPTH);
    im->depth++;
    im->nodes_left -= body->node_count / 8; /* what preparing costs */
    qc_status status = prepare(&f, im, body);
    f.arg = in;
    if (!status) status = run(&f, out_count, body->ret, want, out);
    im->depth--;
    return status;
}

qc_status qc_tf_run_top(struct qc_tf_import *im, int feed_count, const struct qc_tf_feed *feed, int out_count, const struct pb_bytes *tensor,
                        struct qc_tf_value *out)
{
    struct frame f;
    QC_TRY(prepare(&f, im, &im->package->top));
    for (int i = 0; i < feed_count; i++) {
        int64_t n = qc_tf_node_find(f.body, feed[i].node);
        if (n < 0) return fail(&f, "there is no input node", feed[i].node);
        struct qc_tf_value *value = qc_arena_copy(im->scratch, &feed[i].value, sizeof *value);
        if (!value) return QC_NOMEM;
        f.state[n].out = value;
        f.state[n].out_count = 1;
    }
    return run(&f, out_count, tensor, NULL, out);
}
