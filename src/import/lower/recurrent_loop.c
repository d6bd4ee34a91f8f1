/*
 * recurrent_loop.c - a recurrence as WHILE with a condition and a body subgraph.
 *
 * Structure, which the runtime recognises and runs on its recurrent kernels (graph names: "<layer>/cond", "<layer>/body"):
 *
 *   loop variables, in this order
 *     t         int32 []                 step, from 0
 *     n         int32 []                 number of steps; only if it is not known (else a constant of cond)
 *     h (, c)   float [B, units]         states; LSTM has both
 *     y         float [T, B, units]      outputs written so far; only if the sequence is wanted
 *     x         float [T, B, g * units]  input product and bias, made outside by one FULLY_CONNECTED; passed through unchanged
 *     mask      bool [T, B, 1]           only if there is one; passed through unchanged
 *   cond    LESS(t, n)
 *   body    x_t = GATHER(x, t) axis 0;  m_t = GATHER(mask, t)
 *           h', c' = the cell's step (recurrent_cell.c): FULLY_CONNECTED(h, recurrent kernel [g * units, units], bias or none), ADD x_t,
 *                    SPLIT into gates, activations, products; SELECT_V2(m_t, new, old) for each state
 *           y'  = DYNAMIC_UPDATE_SLICE(y, RESHAPE(h') [1, B, units], PACK(t, 0, 0))
 *           t'  = ADD(t, 1)
 *   A ConvLSTM has [B, spatial..., units] in place of [B, units] and a convolution in place of FULLY_CONNECTED.
 *
 * Reversed sequences are reversed before and after, never in the loop. x and the mask are loop variables as a body sees nothing else that is
 * not constant; LiteRT does not copy variables that pass through a loop whose result for them is unused.
 */
#include "import/lower/recurrence.h"

#include <stdio.h>

enum { MAX_VARIABLES = 7 };

struct loop {
    struct qc_tensor *in[MAX_VARIABLES]; /* first values, in the graph outside */
    int count, t, n, state, y, x, mask;  /* places; n, y, mask: -1 if absent */
};

static int add_variable(struct loop *loop, struct qc_tensor *first)
{
    loop->in[loop->count] = first;
    return loop->count++;
}

/* A graph with an input for every loop variable. */
static struct qc_graph *subgraph(struct qc_build *b, const struct loop *loop, const char *suffix)
{
    struct qc_tensor *input[MAX_VARIABLES];
    char name[512];
    if (qc_build_status(b)) return NULL;
    snprintf(name, sizeof name, "%s/%s", b->scope ? b->scope : "recurrent", suffix);
    struct qc_graph *graph = qc_model_add_graph(b->graph->model, name);
    if (!graph) return NULL;
    for (int i = 0; i < loop->count; i++) {
        const struct qc_tensor *first = loop->in[i];
        snprintf(name, sizeof name, "%s/%s/%s", b->scope ? b->scope : "recurrent", suffix,
                 i == loop->t ? "t" : i == loop->n ? "n" : i == loop->y ? "y" : i == loop->x ? "x" : i == loop->mask ? "mask" :
                 i == loop->state ? "h" : "c");
        input[i] = qc_graph_add_tensor(graph, name, first->type, first->rank, first->dims);
        if (!input[i]) return NULL;
        for (int k = 0; k < first->rank; k++)
            if (qc_lower_is_free(b, first, k)) input[i]->signature[k] = -1; /* so that no lowering fixes it in the body */
    }
    return qc_graph_set_inputs(graph, loop->count, input) ? NULL : graph;
}

static void write_condition(struct qc_build *b, const struct loop *loop, int32_t steps)
{
    struct qc_tensor **in = b->graph->input;
    struct qc_tensor *more = qc_build_binary(b, tfl_BuiltinOperator_LESS, in[loop->t], loop->n < 0 ? qc_build_i32(b, steps) : in[loop->n]);
    if (more) (void)!qc_graph_set_outputs(b->graph, 1, &more);
}

static struct qc_tensor *write_output(struct qc_build *b, struct qc_tensor *y, struct qc_tensor *h, struct qc_tensor *t)
{
    struct qc_tensor *at[QC_MAX_RANK] = {t};
    QC_OPTIONS(b, PackOptions, options);
    if (!options) return NULL;
    options->values_count = y->rank;
    for (int i = 1; i < y->rank; i++) at[i] = i == 1 ? qc_build_i32(b, 0) : at[1];
    return QC_BUILD(b, DYNAMIC_UPDATE_SLICE, NULL, y, qc_lower_expand(b, h, 0), qc_build_op(b, tfl_BuiltinOperator_PACK, options, y->rank, at));
}

static void write_body(struct qc_build *b, const struct loop *loop, const struct qc_recurrence *r)
{
    struct qc_tensor **in = b->graph->input, *out[MAX_VARIABLES];
    struct qc_cell_constants constants = qc_cell_constants(b, r);
    struct qc_tensor *x = QC_BUILD(b, GATHER, NULL, in[loop->x], in[loop->t]);
    struct qc_tensor *mask = r->mask ? QC_BUILD(b, GATHER, NULL, in[loop->mask], in[loop->t]) : NULL;
    struct qc_tensor *next[2];
    for (int i = 0; i < loop->count; i++) out[i] = in[i];
    qc_cell_step(b, r, &constants, x, mask, in + loop->state, next);
    for (int i = 0; i < r->state_count; i++) out[loop->state + i] = next[i];
    if (loop->y >= 0) out[loop->y] = write_output(b, in[loop->y], next[0], in[loop->t]);
    out[loop->t] = qc_build_binary(b, tfl_BuiltinOperator_ADD, in[loop->t], qc_build_i32(b, 1));
    if (!qc_build_status(b)) (void)!qc_graph_set_outputs(b->graph, loop->count, out);
}

void qc_recurrent_loop(struct qc_build *b, const struct qc_recurrence *r, struct qc_recurrence_result *result)
{
    struct loop loop = {.n = -1, .y = -1, .mask = -1};
    struct qc_tensor *out[MAX_VARIABLES];
    if (qc_build_status(b)) return;
    struct qc_tensor *steps = qc_lower_size(b, r->x, 0);
    if (!steps) return;
    loop.t = add_variable(&loop, qc_build_i32(b, 0));
    if (!steps->constant) loop.n = add_variable(&loop, steps);
    for (int i = 0; i < r->state_count; i++) loop.state = add_variable(&loop, r->state[i]) - i;
    if (r->sequence) {
        struct qc_tensor *shape = qc_lower_slice(b, r->x, r->x->rank - 1, 0, r->cell->units);
        loop.y = add_variable(&loop, qc_build_unary(b, tfl_BuiltinOperator_ZEROS_LIKE, shape));
    }
    loop.x = add_variable(&loop, r->x);
    if (r->mask) loop.mask = add_variable(&loop, r->mask);
    for (int i = 0; i < loop.count; i++)
        if (!loop.in[i]) return;
    struct qc_build cond = {.graph = subgraph(b, &loop, "cond"), .scope = b->scope};
    struct qc_build body = {.graph = subgraph(b, &loop, "body"), .scope = b->scope};
    QC_OPTIONS(b, WhileOptions, options);
    if (!cond.graph || !body.graph || !options) return;
    write_condition(&cond, &loop, r->x->dims[0]);
    write_body(&body, &loop, r);
    options->cond_subgraph_index = (tfl_i32)cond.graph->index;
    options->body_subgraph_index = (tfl_i32)body.graph->index;
    if (qc_build_ops(b, tfl_BuiltinOperator_WHILE, options, loop.count, loop.in, loop.count, out)) return;
    for (int i = 0; i < r->state_count; i++) result->state[i] = out[loop.state + i];
    if (r->sequence) result->sequence = out[loop.y];
}
