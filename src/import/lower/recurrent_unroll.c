/*
 * recurrent_unroll.c - a recurrence as a copy of the cell for each step: basic operators only, the weights shared by all copies.
 */
#include "import/lower/recurrence.h"

static struct qc_tensor **steps_of(struct qc_build *b, struct qc_tensor *x)
{
    if (!x) return NULL;
    int count = x->dims[0];
    struct qc_tensor **step = qc_arena_array(&b->graph->model->arena, (size_t)count, sizeof *step);
    QC_OPTIONS(b, UnpackOptions, options);
    if (!step || !options) return NULL;
    options->num = count;
    return qc_build_ops(b, tfl_BuiltinOperator_UNPACK, options, 1, &x, count, step) ? NULL : step;
}

void qc_recurrent_unroll(struct qc_build *b, const struct qc_recurrence *r, struct qc_recurrence_result *result)
{
    struct qc_cell_constants constants = qc_cell_constants(b, r);
    struct qc_tensor **x = steps_of(b, r->x), **mask = r->mask ? steps_of(b, r->mask) : NULL;
    struct qc_tensor *state[2] = {r->state[0], r->state[1]}, *next[2];
    if (!x || (r->mask && !mask)) return;
    int count = r->x->dims[0];
    for (int t = 0; t < count; t++) {
        qc_cell_step(b, r, &constants, x[t], mask ? mask[t] : NULL, state, next);
        x[t] = state[0] = next[0];
        state[1] = next[1];
    }
    for (int i = 0; i < 2; i++) result->state[i] = state[i];
    QC_OPTIONS(b, PackOptions, options);
    if (!r->sequence || !options) return;
    options->values_count = count;
    result->sequence = qc_build_op(b, tfl_BuiltinOperator_PACK, options, count, x);
}
