/*
 * finish.c - elementwise steps become the last work of the product in front of them. See run.h.
 *
 * Two forms, over and over until QC_FINISH_MOST passes are full, for a product whose result r is read by nothing else:
 *     f(r) or f(r, t)          t of the same shape, there before the product runs (a residual)
 *     g(r, f(r))               a gate: swish is r * logistic(r)
 */
#include "run/run.h"

struct work {
    struct qc_frame *frame;
    struct qc_uses *uses;
};

/* The elementwise step with that number, its row and its parameters; NULL if it is none, or its result is not like `r`. */
static struct qc_frame_step *elementwise(const struct work *w, int32_t n, const struct qc_value *r, qc_row_fn **row, const void **params)
{
    struct qc_frame_step *fs = &w->frame->step[n];
    const struct qc_op *op = fs->step.op;
    if (fs->evaluated || fs->at_invoke || !op->finish || op->prepare || fs->step.out_count != 1 || fs->step.in_count > 2) return NULL;
    const struct qc_value *out = fs->step.out[0];
    if (out->type != r->type || !qc_value_same_shape(out, r) || out->tensor->variable) return NULL;
    return op->finish(&fs->step, row, params) ? fs : NULL;
}

/* Operands of `next` in terms of the product's passes. `aside`: the value that was put aside, or NULL. False if one is not there in time. */
static bool operands(const struct work *w, int32_t n, const struct qc_step *next, const struct qc_value *r, const struct qc_value *aside,
                     struct qc_finish_pass *pass, struct qc_value **beside)
{
    *beside = NULL;
    for (int i = 0; i < next->in_count; i++) {
        struct qc_value *in = next->in[i];
        if (!in) return false;
        if (in == r || in == aside) {
            pass->from[i] = in == r ? QC_FROM_OUTPUT : QC_FROM_ASIDE;
            continue;
        }
        const struct qc_uses *u = qc_uses_of(w->frame, w->uses, in);
        if (*beside || in->type != r->type || in->dynamic || !qc_value_same_shape(in, r) || u->writer >= n || in->tensor->variable) return false;
        pass->from[i] = QC_FROM_OTHER;
        pass->other = (const void *const *)(void *)&in->data;
        *beside = in;
    }
    return true;
}

static void take(struct qc_step *step, struct qc_frame_step *next, const struct qc_finish_pass *pass, struct qc_value *beside)
{
    step->beside[step->finish->count] = beside;
    step->finish->pass[step->finish->count++] = *pass;
    next->evaluated = true; /* its work is done elsewhere */
}

/* One more pass, or a gate's two. */
static bool extend(const struct work *w, int32_t n)
{
    struct qc_step *step = &w->frame->step[n].step;
    struct qc_value *r = step->out[0], *beside;
    const struct qc_uses *u = qc_uses_of(w->frame, w->uses, r);
    struct qc_finish_pass first = {0}, second = {0};
    struct qc_frame_step *next = NULL, *gate = NULL;
    if (u->count < 1 || u->count > 2 || step->finish->count + u->count > QC_FINISH_MOST) return false;
    if (!(next = elementwise(w, u->reader[0], r, &first.row, &first.params))) return false;
    if (u->count == 1) {
        if (!operands(w, n, &next->step, r, NULL, &first, &beside)) return false;
    } else {
        struct qc_value *inner = next->step.out[0];
        const struct qc_uses *v = qc_uses_of(w->frame, w->uses, inner);
        if (next->step.in_count != 1 || v->count != 1 || v->reader[0] != u->reader[1]) return false;
        if (!(gate = elementwise(w, u->reader[1], r, &second.row, &second.params))) return false;
        if (!operands(w, n, &next->step, r, NULL, &first, &beside) || !operands(w, n, &gate->step, r, inner, &second, &beside)) return false;
        first.aside = true;
    }
    const bool unread = gate && gate->step.unread >> (gate->step.in[1] == next->step.out[0]) & 1;
    if (unread) next->evaluated = true; /* the gate does without it */
    else take(step, next, &first, gate ? NULL : beside);
    if (gate) take(step, gate, &second, beside);
    step->out[0] = (gate ? gate : next)->step.out[0];
    qc_uses_of(w->frame, w->uses, step->out[0])->writer = n;
    return true;
}

qc_status qc_frame_finish(struct qc_frame *frame)
{
    const struct qc_graph *graph = frame->graph;
    struct qc_env *env = &frame->session->env;
    if (frame->session->observe) return QC_OK; /* it wants to see every value */
    struct work w = {frame, qc_frame_uses(frame)};
    if (!w.uses) return QC_NOMEM;
    qc_status status = QC_OK;
    for (uint32_t n = 0; n < graph->node_count && !status; n++) {
        struct qc_step *step = &frame->step[n].step;
        if (frame->step[n].evaluated || frame->step[n].at_invoke || !step->finishes) continue;
        if (!(step->finish = qc_arena_alloc(&frame->arena, sizeof *step->finish))) status = QC_NOMEM;
        else while (extend(&w, (int32_t)n));
        if (!status && !step->finish->count) step->finish = NULL;
    }
    qc_env_free(env, w.uses);
    return status;
}
