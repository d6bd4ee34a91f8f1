/*
 * recurrent.c - recurrent layers: checks, choice of the written form, and what lies around the recurrence itself: time order, input
 * product, masks, outputs. See recurrent.h.
 *
 * StackedRNNCells are written as one recurrence after another: a cell's step needs only the same step of the cell before it, and all share the mask.
 */
#include "import/lower/recurrence.h"

#include <string.h>

#define OP(CODE) tfl_BuiltinOperator_##CODE

int qc_recurrent_state_count(const struct qc_recurrent_spec *spec)
{
    int count = 0;
    for (int i = 0; i < spec->cell_count; i++) count += qc_cell_state_count(&spec->cell[i]);
    return count;
}

/* ---- pieces that ConvLSTM shares ---- */

void qc_recurrence_run(struct qc_build *b, const struct qc_recurrence *r, enum qc_recurrent form, struct qc_recurrence_result *result)
{
    memset(result, 0, sizeof *result);
    if (qc_build_status(b) || !r->x) return;
    if (form == QC_RECURRENT_UNROLL) qc_recurrent_unroll(b, r, result);
    else qc_recurrent_loop(b, r, result);
}

struct qc_tensor *qc_recurrence_zero_state(struct qc_build *b, struct qc_tensor *x, int32_t units)
{
    if (!x) return NULL;
    struct qc_tensor *first = qc_lower_pick(b, x, 0, 0);
    return first ? qc_build_unary(b, OP(ZEROS_LIKE), qc_lower_slice(b, first, first->rank - 1, 0, units)) : NULL;
}

struct qc_tensor *qc_recurrence_output(struct qc_build *b, const struct qc_recurrence *r, struct qc_tensor *y, bool zero_output_for_mask,
                                       bool from_zero)
{
    struct qc_tensor *shown = r->mask;
    int32_t time = 0;
    if (!shown || !y || (!zero_output_for_mask && from_zero)) return y;
    if (zero_output_for_mask) {
        if (!r->sequence) shown = qc_lower_pick(b, shown, 0, -1);
    } else if (r->sequence) { /* from the first step that is not masked */
        struct qc_tensor *count = QC_BUILD(b, CUMSUM, NULL, qc_lower_cast(b, shown, QC_FLOAT32), qc_build_i32(b, 0));
        shown = qc_build_binary(b, OP(GREATER), count, qc_build_f32(b, 0));
    } else {
        shown = qc_lower_reduce(b, OP(REDUCE_ANY), shown, 1, &time, false);
    }
    return qc_lower_select(b, shown, y, qc_build_f32(b, 0));
}

/* ---- one cell ---- */

static bool check_cell(struct qc_build *b, const struct qc_cell *cell, int32_t inputs)
{
    int32_t units = cell->units, gates = qc_cell_gates(cell);
    if (units < 1 || units > INT32_MAX / 8) return qc_lower_fail(b, QC_FORMAT, "a recurrent cell of %d units", units) != NULL;
    int32_t width = gates * units;
    if (!qc_weight_expect(b, "kernel", &cell->kernel, 2, (int32_t[]){inputs, width})) return false;
    if (!qc_weight_expect(b, "recurrent_kernel", &cell->recurrent_kernel, 2, (int32_t[]){units, width})) return false;
    if (!cell->bias.data) return true;
    bool two = cell->kind == QC_CELL_GRU && cell->reset_after;
    return two ? qc_weight_expect(b, "bias", &cell->bias, 2, (int32_t[]){2, width}) : qc_weight_expect(b, "bias", &cell->bias, 1, &width);
}

/* Kernel and bias on all steps at once: [T, B, I] -> [T, B, g * units]. */
static struct qc_tensor *input_product(struct qc_build *b, struct qc_tensor *x, const struct qc_cell *cell)
{
    int32_t width = qc_cell_gates(cell) * cell->units;
    struct qc_weight bias = {cell->bias.data, 1, {width}}; /* of two rows the first */
    return qc_lower_dense(b, x, &cell->kernel, &bias, NULL);
}

static const char *why_not_fused(const struct qc_recurrent_spec *spec)
{
    const struct qc_cell *cell = spec->cell;
    if (spec->cell_count > 1) return "it has several cells";
    if (cell->kind != QC_CELL_LSTM) return "only an LSTM has a fused operator";
    if (cell->activation.kind != QC_ACT_TANH || cell->recurrent_activation.kind != QC_ACT_SIGMOID)
        return "its activations are not tanh and sigmoid";
    if (spec->mask) return "it has a mask";
    if (spec->initial_state) return "it has an initial state";
    if (spec->return_state) return "it returns its states";
    return NULL;
}

/*
 * The fastest form in LiteRT. Measured (2.3, one thread): the loop takes about half the time of the fused operator (100 steps, 100 inputs,
 * 64 units: 0.19 against 0.37 ms), but copies the whole output at each step if the sequence is wanted, which overtakes at about 1.25 * (inputs + units)
 * steps. A few steps are best written out. In int8 the fused operator alone has a kernel.
 * A free batch gets no variables unless asked for: their size changes with it, which LiteRT does not bear beside float16 weights (quantize.c).
 */
static enum qc_recurrent choose(struct qc_build *b, const struct qc_recurrent_spec *spec, const struct qc_tensor *x, const char **why)
{
    const char *not_fused = why_not_fused(spec);
    int time = spec->time_major ? 0 : 1;
    int32_t steps = x->dims[time], inputs = x->dims[2];
    bool steps_free = qc_lower_is_free(b, x, time), asked = spec->form == QC_RECURRENT_FUSED;
    bool long_sequence = spec->return_sequences && 4 * (int64_t)steps > 5 * ((int64_t)inputs + spec->cell[0].units);
    if (spec->form == QC_RECURRENT_LOOP || (spec->form == QC_RECURRENT_UNROLL && !steps_free)) {
        *why = "as asked, by --recurrent or by the mode";
        return spec->form;
    }
    if (spec->form == QC_RECURRENT_UNROLL) {
        *why = "the number of steps is not known, which writing them out needs";
        return QC_RECURRENT_LOOP;
    }
    if (asked || spec->form == QC_RECURRENT_INT8) {
        *why = not_fused ? not_fused : asked ? "as asked" : "the one with an int8 kernel";
        return not_fused ? QC_RECURRENT_LOOP : QC_RECURRENT_FUSED;
    }
    if (!steps_free && (steps <= 4 || (spec->unroll && steps <= 64))) {
        *why = steps <= 4 ? "it has few steps" : "the layer asks for it";
        return QC_RECURRENT_UNROLL;
    }
    if (!not_fused && !steps_free && long_sequence) {
        bool batch_free = qc_lower_is_free(b, x, 1 - time);
        *why = batch_free ? "the batch is free; with --batch 1 the fused form is faster for a sequence as long as this" :
                            "the fastest in LiteRT for a sequence as long as this";
        return batch_free ? QC_RECURRENT_LOOP : QC_RECURRENT_FUSED;
    }
    *why = not_fused ? not_fused : "the fastest in LiteRT";
    return QC_RECURRENT_LOOP;
}

static struct qc_tensor *swap_time(struct qc_build *b, struct qc_tensor *x)
{
    int32_t order[QC_MAX_RANK] = {1, 0};
    if (!x) return NULL;
    for (int i = 2; i < x->rank; i++) order[i] = i;
    return qc_lower_transpose(b, x, order);
}

static struct qc_tensor *reversed(struct qc_build *b, struct qc_tensor *x, int32_t axis)
{
    return QC_BUILD(b, REVERSE_V2, NULL, x, qc_build_i32s(b, 1, &axis));
}

/* All cells, written as LOOP or UNROLL; x [T, B, I], mask [T, B, 1], both in running order. */
static struct qc_tensor *run_cells(struct qc_build *b, struct qc_tensor *x, struct qc_tensor *mask, const struct qc_recurrent_spec *spec,
                                   enum qc_recurrent form, struct qc_tensor **state)
{
    int at = 0;
    for (int i = 0; i < spec->cell_count && x; i++) {
        const struct qc_cell *cell = &spec->cell[i];
        bool last = i == spec->cell_count - 1;
        struct qc_recurrence r = {.cell = cell, .mask = mask, .state_count = qc_cell_state_count(cell), .sequence = !last || spec->return_sequences};
        struct qc_recurrence_result result;
        if (!check_cell(b, cell, x->dims[2])) return NULL;
        r.x = input_product(b, x, cell);
        for (int k = 0; k < r.state_count; k++)
            r.state[k] = spec->initial_state ? spec->initial_state[at + k] : k ? r.state[0] : qc_recurrence_zero_state(b, r.x, cell->units);
        qc_recurrence_run(b, &r, form, &result);
        for (int k = 0; k < r.state_count; k++) state[at++] = result.state[k];
        x = r.sequence ? result.sequence : result.state[0];
        if (last) x = qc_recurrence_output(b, &r, x, spec->zero_output_for_mask, !spec->initial_state);
    }
    return x;
}

static bool check_spec(struct qc_build *b, const struct qc_tensor *x, const struct qc_recurrent_spec *spec)
{
    if (!x || qc_build_status(b)) return false;
    if (x->rank != 3) return qc_lower_fail(b, QC_FORMAT, "a recurrent layer needs an input of rank 3, not %d", x->rank) != NULL;
    if (spec->cell_count < 1) return qc_lower_fail(b, QC_FORMAT, "a recurrent layer without a cell") != NULL;
    if (x->dims[spec->time_major ? 0 : 1] < 1) return qc_lower_fail(b, QC_FORMAT, "a recurrent layer over no steps") != NULL;
    if (spec->initial_state && spec->initial_state_count != qc_recurrent_state_count(spec))
        return qc_lower_fail(b, QC_FORMAT, "%d initial states, the layer has %d states", spec->initial_state_count,
                             qc_recurrent_state_count(spec)) != NULL;
    return true;
}

qc_status qc_lower_recurrent(struct qc_build *b, struct qc_tensor *x, const struct qc_recurrent_spec *spec,
                             struct qc_recurrent_result *result)
{
    static const char *const names[] = {"", "fused", "loop", "unroll"};
    memset(result, 0, sizeof *result);
    if (!check_spec(b, x, spec)) return qc_build_status(b);
    result->state_count = qc_recurrent_state_count(spec);
    result->state = qc_arena_array(&b->graph->model->arena, (size_t)result->state_count, sizeof *result->state);
    if (!result->state) return QC_NOMEM;
    const char *why;
    int time = spec->time_major ? 0 : 1;
    enum qc_recurrent form = choose(b, spec, x, &why);
    qc_model_add_note(b->graph->model, "layer '%s': recurrent form %s (%s)", b->scope ? b->scope : "", names[form], why);
    if (spec->go_backwards) x = reversed(b, x, time);
    if (form == QC_RECURRENT_FUSED) {
        if (spec->time_major) x = swap_time(b, x);
        if (!x || !check_cell(b, spec->cell, x->dims[2])) return qc_build_status(b);
        result->output = qc_recurrent_fused(b, x, spec->cell, spec->return_sequences);
    } else {
        struct qc_tensor *mask = spec->mask;
        if (mask) {
            mask = qc_lower_expand(b, qc_lower_cast(b, mask, QC_BOOL), 2);
            if (spec->go_backwards) mask = reversed(b, mask, time);
            if (!spec->time_major) mask = swap_time(b, mask);
        }
        if (!spec->time_major) x = swap_time(b, x);
        result->output = run_cells(b, x, mask, spec, form, result->state);
    }
    if (spec->return_sequences && spec->time_major == (form == QC_RECURRENT_FUSED)) result->output = swap_time(b, result->output);
    return qc_build_status(b);
}
