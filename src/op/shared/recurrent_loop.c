/*
 * recurrent_loop.c - see recurrent_loop.h.
 */
#include "op/shared/recurrent_loop.h"

#include "op/shared/loop_cell.h"
#include <limits.h>

#define CODE(name) tfl_BuiltinOperator_##name

enum role {
    ROLE_UNCHANGED,
    ROLE_COUNTER,
    ROLE_H,
    ROLE_C,
    ROLE_OUTPUT,   /* the last output */
    ROLE_SEQUENCE, /* all outputs */
};

struct bound { /* the loop goes on while counter < limit */
    int counter, limit; /* variables; limit -1: `value` */
    int32_t value;
};

enum { MAX_BOUNDS = 4 };

struct qc_recurrent_loop {
    struct qc_recurrent_layer layer;
    struct qc_loop_cell cell;
    struct bound bound[MAX_BOUNDS];
    int bounds, counter; /* counter: the one that indexes */
    bool zero_masked;
    int32_t batch, steps;
    uint8_t role[]; /* of every variable */
};

/* ---- the condition: counters below their limits ---- */

static const struct qc_tensor *through_reshape(const struct qc_tensor *tensor)
{
    for (int i = 0; i < 4 && tensor && tensor->producer && tensor->producer->code == CODE(RESHAPE); i++) tensor = tensor->producer->in[0];
    return tensor;
}

static int condition_variable(const struct qc_graph *cond, const struct qc_tensor *tensor)
{
    for (int i = 0; i < cond->input_count; i++)
        if (cond->input[i] == tensor) return i;
    return -1;
}

static bool read_condition(struct qc_recurrent_loop *loop, const struct qc_loop_body *body, const struct qc_graph *cond,
                           const struct qc_tensor *tensor, int depth)
{
    const struct qc_node *node = (tensor = through_reshape(tensor)) ? tensor->producer : NULL;
    if (!node || depth > 4 || node->in_count != 2) return false;
    if (node->code == CODE(LOGICAL_AND))
        return read_condition(loop, body, cond, node->in[0], depth + 1) && read_condition(loop, body, cond, node->in[1], depth + 1);
    if (node->code != CODE(LESS) || loop->bounds == MAX_BOUNDS) return false;
    const struct qc_tensor *limit = through_reshape(node->in[1]);
    struct bound b = {.counter = condition_variable(cond, through_reshape(node->in[0])), .limit = condition_variable(cond, limit)};
    if (b.counter < 0 || !qc_loop_counts(body, b.counter) || !limit || limit->type != QC_INT32 || qc_tensor_elements(limit) != 1) return false;
    if (b.limit >= 0 ? !qc_loop_unchanged(body, b.limit) : !limit->constant) return false;
    if (b.limit < 0) memcpy(&b.value, limit->data, sizeof b.value);
    loop->bound[loop->bounds++] = b;
    return true;
}

/* ---- the other variables ---- */

/* h, as it leaves a step that the mask keeps: new, the last output, or zero. */
static bool is_output(struct qc_recurrent_loop *loop, const struct qc_expression *e, int output)
{
    const struct qc_loop_cell *cell = &loop->cell;
    if (!e) return false;
    if (e == cell->output) return cell->mask < 0;
    if (e->kind != QC_EX_SELECT || e->variable != cell->mask || e->a != cell->output) return false;
    const struct qc_term *kept = qc_single_term(e->b, QC_TERM_STATE);
    return kept && (kept->variable == cell->h || (output >= 0 && kept->variable == output));
}

/* A rank 2 or [1, batch, units] variable that takes the output of every step. */
static bool is_last_output(struct qc_recurrent_loop *loop, struct qc_loop_body *body, int variable)
{
    return is_output(loop, qc_loop_expression(body, body->graph->output[variable]), variable);
}

static bool find_roles(struct qc_recurrent_loop *loop, struct qc_loop_body *body)
{
    int output = -1;
    for (int i = 0; i < body->graph->input_count; i++) {
        if (qc_loop_unchanged(body, i)) loop->role[i] = ROLE_UNCHANGED;
        else if (i == loop->cell.h) loop->role[i] = ROLE_H;
        else if (i == loop->cell.c) loop->role[i] = ROLE_C;
        else if (qc_loop_counts(body, i)) loop->role[i] = ROLE_COUNTER;
        else if (body->graph->input[i]->rank == 2 && is_last_output(loop, body, i)) loop->role[i] = ROLE_OUTPUT, output = i;
        else loop->role[i] = ROLE_SEQUENCE; /* looked at below, when `output` is known */
    }
    for (int i = 0; i < body->graph->input_count; i++) {
        if (loop->role[i] != ROLE_SEQUENCE) continue;
        const struct qc_expression *e = qc_loop_expression(body, body->graph->output[i]);
        const bool written = e && e->kind == QC_EX_WRITE;
        if (written && e->variable != i) return false;
        if (!is_output(loop, written ? e->a : e, output)) return false;
        if (!written) loop->role[i] = ROLE_OUTPUT;
    }
    /* A masked step's output must be the last one, which only its own variable remembers; where h stands for it, the two are the same only
     * if they start alike. Seen at run time: see same_start. */
    return true;
}

/* ---- shapes ---- */

static bool shape_is(const struct qc_value *value, qc_dtype type, int32_t a, int32_t b, int32_t c)
{
    const int32_t dims[3] = {a, b, c};
    const int from = a < 0 ? 1 : 0;
    if (value->type != type || value->rank != 3 - from || !value->shaped) return false;
    for (int i = from; i < 3; i++)
        if (value->dims[i - from] != dims[i]) return false;
    return true;
}

static bool shapes_fit(const struct qc_step *step, struct qc_recurrent_loop *loop)
{
    const struct qc_loop_cell *cell = &loop->cell;
    const struct qc_value *x = step->in[cell->x], *h = step->in[cell->h];
    const int32_t units = loop->layer.units;
    if (h->rank != 2 || x->rank != 3) return false;
    loop->batch = h->dims[0];
    loop->steps = x->dims[0];
    const int32_t last = loop->layer.inputs ? loop->layer.inputs : x->dims[2];
    const int gates = qc_recurrent_gates(loop->layer.cell);
    if (!loop->layer.inputs && cell->x_offset + (gates - 1) * cell->x_gate + units > x->dims[2]) return false;
    if (!shape_is(h, QC_FLOAT32, -1, loop->batch, units) || !shape_is(x, QC_FLOAT32, loop->steps, loop->batch, last)) return false;
    if (cell->mask >= 0 && !shape_is(step->in[cell->mask], QC_BOOL, loop->steps, loop->batch, 1)) return false;
    for (int i = 0; i < step->in_count; i++) {
        const struct qc_value *in = step->in[i];
        if (in->type == QC_STRING) return false;
        const bool flat = in->rank == 2;
        if (loop->role[i] == ROLE_C && !shape_is(in, QC_FLOAT32, -1, loop->batch, units)) return false;
        if (loop->role[i] == ROLE_OUTPUT && !shape_is(in, QC_FLOAT32, flat ? -1 : 1, loop->batch, units)) return false;
        if (loop->role[i] == ROLE_SEQUENCE && (in->rank != 3 || !shape_is(in, QC_FLOAT32, in->dims[0], loop->batch, units))) return false;
    }
    return loop->batch > 0 && loop->steps > 0;
}

/* ---- planning ---- */

/* NULL: it is none, or memory ran out, which the env tells. */
static struct qc_recurrent_loop *find(struct qc_step *step, const struct qc_graph *cond, const struct qc_graph *body_graph)
{
    struct qc_loop_body body;
    if (step->rt->reference) return NULL;
    struct qc_recurrent_loop *loop = qc_step_alloc(step, sizeof *loop + (size_t)step->in_count);
    if (!loop || !qc_loop_body_begin(&body, step, body_graph) || !qc_loop_cell_find(&body, &loop->cell, &loop->layer) || body.counter < 0)
        return NULL;
    loop->counter = body.counter;
    return read_condition(loop, &body, cond, cond->output[0], 0) && find_roles(loop, &body) && shapes_fit(step, loop) ? loop : NULL;
}

bool qc_recurrent_loop_known(struct qc_step *step, const struct qc_graph *cond, const struct qc_graph *body)
{
    return find(step, cond, body) != NULL;
}

qc_status qc_recurrent_loop_plan(struct qc_step *step, const struct qc_graph *cond, const struct qc_graph *body,
                                 struct qc_recurrent_loop **result)
{
    struct qc_recurrent_loop *loop = find(step, cond, body);
    *result = NULL;
    for (int i = 0; loop && i < step->in_count; i++)
        if (step->out[i]->dynamic) loop = NULL;
    if (!loop) return step->rt->env->error.status;
    bool fits;
    QC_TRY(qc_recurrent_layer_plan(step, &loop->layer, (size_t)loop->batch, (size_t)loop->steps, &fits));
    if (!fits) return QC_OK;
    *result = loop;
    step->kernel = loop->layer.kernel->variant.name;
    return QC_OK;
}

qc_status qc_recurrent_loop_prepare(struct qc_step *step, struct qc_recurrent_loop *loop)
{
    return qc_recurrent_layer_prepare(step, &loop->layer);
}

/* ---- running ---- */

static int32_t int_at(const struct qc_step *step, int variable)
{
    return *(const int32_t *)step->in[variable]->data;
}

/* Rounds of the loop. */
static int64_t rounds(const struct qc_step *step, const struct qc_recurrent_loop *loop)
{
    int64_t least = INT32_MAX;
    for (int i = 0; i < loop->bounds; i++) {
        const struct bound *b = &loop->bound[i];
        const int64_t limit = b->limit >= 0 ? int_at(step, b->limit) : b->value;
        least = QC_MIN(least, limit - int_at(step, b->counter));
    }
    return QC_MAX(least, 0);
}

static bool all_zero(const struct qc_value *value)
{
    const float *x = value->data;
    for (size_t i = 0; i < value->bytes / sizeof *x; i++)
        if (x[i] != 0) return false;
    return true;
}

/* A masked step repeats h or the variable of the last output: the kernel keeps one of them, so they must start alike. */
static bool same_start(const struct qc_step *step, const struct qc_recurrent_loop *loop)
{
    if (loop->cell.mask < 0) return true;
    for (int i = 0; i < step->in_count; i++)
        if (loop->role[i] == ROLE_OUTPUT && !(all_zero(step->in[i]) && all_zero(step->in[loop->cell.h]))) return false;
    return true;
}

static void copy(struct qc_value *to, const struct qc_value *from)
{
    if (to->data != from->data && to->bytes) memcpy(to->data, from->data, to->bytes);
}

qc_status qc_recurrent_loop_run(struct qc_step *step, const struct qc_recurrent_loop *loop, bool *done)
{
    const struct qc_loop_cell *cell = &loop->cell;
    const struct qc_recurrent_layer *l = &loop->layer;
    const int64_t count = rounds(step, loop), first = int_at(step, loop->counter);
    *done = first >= 0 && first + count <= loop->steps && same_start(step, loop);
    for (int i = 0; i < step->in_count && *done; i++)
        if (loop->role[i] == ROLE_SEQUENCE) *done = first + count <= step->in[i]->dims[0];
    if (!*done) return QC_OK;

    const size_t units = (size_t)l->units, batch = (size_t)loop->batch, width = (size_t)step->in[cell->x]->dims[2];
    struct qc_recurrent_run run = {.x = (const float *)step->in[cell->x]->data + (size_t)first * batch * width + (l->inputs ? 0 : cell->x_offset),
                                   .x_step = (ptrdiff_t)(batch * width), .x_row = (ptrdiff_t)width, .gate_step = (size_t)cell->x_gate,
                                   .steps = (size_t)count, .h0 = step->in[cell->h]->data, .h = step->out[cell->h]->data,
                                   .sequence_step = (ptrdiff_t)(batch * units), .sequence_row = (ptrdiff_t)units,
                                   .mask_step = (ptrdiff_t)batch, .mask_row = 1};
    if (cell->c >= 0) run.c0 = step->in[cell->c]->data, run.c = step->out[cell->c]->data;
    if (cell->mask >= 0) run.mask = (const uint8_t *)step->in[cell->mask]->data + (size_t)first * batch;
    for (int i = 0; i < step->in_count; i++) {
        const bool unused = !qc_tensor_use_count(step->node->out[i]);
        if (loop->role[i] == ROLE_UNCHANGED && !unused) copy(step->out[i], step->in[i]);
        if (loop->role[i] == ROLE_COUNTER) *(int32_t *)step->out[i]->data = (int32_t)(int_at(step, i) + count);
        if (loop->role[i] == ROLE_OUTPUT && count == 0) copy(step->out[i], step->in[i]);
        if (loop->role[i] != ROLE_SEQUENCE) continue;
        if (count < step->in[i]->dims[0]) copy(step->out[i], step->in[i]);
        run.sequence = (float *)step->out[i]->data + (size_t)first * batch * units;
    }
    qc_recurrent_layer_run(step, l, &run);
    for (int i = 0; i < step->in_count; i++) {
        if (loop->role[i] == ROLE_OUTPUT && count) copy(step->out[i], step->out[cell->h]);
        if (loop->role[i] == ROLE_SEQUENCE && step->out[i]->data != (void *)(run.sequence - (size_t)first * batch * units))
            memcpy((float *)step->out[i]->data + (size_t)first * batch * units, run.sequence, (size_t)count * batch * units * sizeof(float));
    }
    return QC_OK;
}
