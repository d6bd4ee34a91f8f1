/*
 * conv_lstm.c - ConvLSTM1D, 2D and 3D: an LSTM whose products are convolutions. The input convolution is made for all steps at once,
 * time folded into the batch. See recurrent.h.
 */
#include "import/lower/recurrence.h"

#include <string.h>

/* [B, T, ...] to [T, B, ...]. */
static struct qc_tensor *time_first(struct qc_build *b, struct qc_tensor *x)
{
    int32_t order[QC_MAX_RANK] = {1, 0};
    if (!x) return NULL;
    for (int i = 2; i < x->rank; i++) order[i] = i;
    return qc_lower_transpose(b, x, order);
}

static struct qc_tensor *reversed(struct qc_build *b, struct qc_tensor *x)
{
    return QC_BUILD(b, REVERSE_V2, NULL, x, qc_build_i32s(b, 1, (int32_t[]){0}));
}

/* [B, T] to [T, B, 1...] that broadcasts to the states. */
static struct qc_tensor *mask_for(struct qc_build *b, struct qc_tensor *mask, int rank, bool go_backwards)
{
    if (!mask) return NULL;
    mask = time_first(b, qc_lower_cast(b, mask, QC_BOOL));
    if (go_backwards) mask = reversed(b, mask);
    for (int i = 0; i <= rank; i++) mask = qc_lower_expand(b, mask, 2);
    return mask;
}

qc_status qc_lower_conv_lstm(struct qc_build *b, struct qc_tensor *x, const struct qc_conv_lstm_spec *spec,
                             struct qc_recurrent_result *result)
{
    int rank = spec->conv.rank;
    memset(result, 0, sizeof *result);
    if (!x || qc_build_status(b)) return qc_build_status(b);
    if (rank < 1 || rank > 3 || x->rank != rank + 3 || spec->conv.kernel.rank != rank + 2) {
        qc_lower_fail(b, QC_FORMAT, "a ConvLSTM over %d axes with an input of rank %d", rank, x->rank);
        return qc_build_status(b);
    }
    int32_t width = spec->conv.kernel.dims[rank + 1], units = width / 4, expect[QC_MAX_RANK];
    for (int i = 0; i < rank; i++) expect[i] = spec->conv.kernel.dims[i];
    expect[rank] = units;
    expect[rank + 1] = 4 * units;
    if (!qc_weight_expect(b, "recurrent_kernel", &spec->recurrent_kernel, rank + 2, expect)) return qc_build_status(b);
    if (spec->conv.channels_first) { /* [B, T, C, spatial...] */
        int32_t order[QC_MAX_RANK] = {0, 1};
        for (int i = 2; i < x->rank - 1; i++) order[i] = i + 1;
        order[x->rank - 1] = 2;
        x = qc_lower_transpose(b, x, order);
    }
    bool steps_free = qc_lower_is_free(b, x, 1);
    enum qc_recurrent form = spec->form == QC_RECURRENT_UNROLL && !steps_free ? QC_RECURRENT_UNROLL : QC_RECURRENT_LOOP;
    qc_model_add_note(b->graph->model, "layer '%s': recurrent form %s (ConvLSTM has no other but loop and unroll)", b->scope ? b->scope : "",
                      form == QC_RECURRENT_LOOP ? "loop" : "unroll");
    struct qc_conv_spec input = spec->conv, recurrent = {.rank = rank, .padding = QC_PADDING_SAME, .kernel = spec->recurrent_kernel};
    input.activation = (struct qc_activation){0};
    input.channels_first = false;
    struct qc_cell cell = {.kind = QC_CELL_LSTM, .units = units, .activation = spec->activation, .recurrent_activation = spec->recurrent_activation};
    struct qc_recurrence r = {.cell = &cell, .convolution = &recurrent, .state_count = 2, .sequence = spec->return_sequences};
    struct qc_recurrence_result last;
    r.x = time_first(b, qc_lower_conv(b, x, &input));
    if (spec->go_backwards && r.x) r.x = reversed(b, r.x);
    r.mask = mask_for(b, spec->mask, rank, spec->go_backwards);
    for (int k = 0; k < 2; k++) {
        r.state[k] = spec->initial_state[k] && spec->conv.channels_first ? qc_lower_to_last(b, spec->initial_state[k]) : spec->initial_state[k];
        if (!r.state[k]) r.state[k] = k && !spec->initial_state[0] ? r.state[0] : qc_recurrence_zero_state(b, r.x, units);
    }
    qc_recurrence_run(b, &r, form, &last);
    struct qc_tensor *y = r.sequence ? last.sequence : last.state[0];
    y = qc_recurrence_output(b, &r, y, spec->zero_output_for_mask, !spec->initial_state[0]);
    if (r.sequence) y = time_first(b, y);
    result->state_count = 2;
    result->state = qc_arena_array(&b->graph->model->arena, 2, sizeof *result->state);
    if (!result->state || !y) return qc_build_status(b) ? qc_build_status(b) : QC_NOMEM;
    for (int k = 0; k < 2; k++) result->state[k] = spec->conv.channels_first ? qc_lower_to_first(b, last.state[k]) : last.state[k];
    if (spec->conv.channels_first && r.sequence) {
        int32_t order[QC_MAX_RANK] = {0, 1, y->rank - 1};
        for (int i = 3; i < y->rank; i++) order[i] = i - 1;
        y = qc_lower_transpose(b, y, order);
    } else if (spec->conv.channels_first) {
        y = qc_lower_to_first(b, y);
    }
    result->output = y;
    return qc_build_status(b);
}
