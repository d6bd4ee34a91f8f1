/*
 * recurrent_write.c - a recognised loop as a recurrent layer. See recurrent_loop.h.
 *
 * The loop reads its input as [T, B, I], transposed in front of it and reversed for layers that go backwards; the layer is written on the
 * [B, T, I] behind that.
 */
#include "import/savedmodel/match.h"
#include "import/savedmodel/recurrent_loop.h"

#include <string.h>

/* Takes a REVERSE_V2 along axis 0 off. */
static struct qc_tensor *forwards(struct qc_tf_step *s, struct qc_tensor *x, bool *backwards)
{
    struct qc_node *reverse = qc_tf_made_by(x, tfl_BuiltinOperator_REVERSE_V2);
    int64_t axis;
    *backwards = reverse && qc_tf_ints(s->im, reverse->in[1], 1, &axis) == 1 && axis == 0;
    return *backwards ? reverse->in[0] : x;
}

/* [T, B, ...] as [B, T, ...]. */
static struct qc_tensor *batch_first(struct qc_tf_step *s, struct qc_tensor *x)
{
    struct qc_node *transpose = qc_tf_made_by(x, tfl_BuiltinOperator_TRANSPOSE);
    int64_t axes[3];
    if (transpose && qc_tf_ints(s->im, transpose->in[1], 3, axes) == x->rank && axes[0] == 1 && axes[1] == 0 && (x->rank < 3 || axes[2] == 2))
        return transpose->in[0];
    return qc_build_transpose(s->b, x, (int32_t[]){1, 0, 2});
}

/* The mask of the loop, [T, B] or [T, B, 1], as [B, T]. */
static struct qc_tensor *mask_of(struct qc_tf_step *s, struct qc_tensor *mask, bool backwards)
{
    bool reversed;
    struct qc_tensor *x = forwards(s, mask, &reversed);
    if (backwards && !reversed) x = QC_BUILD(s->b, REVERSE_V2, NULL, mask, qc_build_i32s(s->b, 1, (int32_t[]){0}));
    if (!backwards && reversed) x = mask;
    if (!x) return NULL;
    if (x->rank == 3) {
        x = batch_first(s, x);
        struct qc_node *expand = qc_tf_made_by(x, tfl_BuiltinOperator_RESHAPE);
        if (expand && expand->in[0]->rank == 2 && expand->in[0]->dims[0] == x->dims[0] && expand->in[0]->dims[1] == x->dims[1]) return expand->in[0];
        return qc_lower_reshape(s->b, x, 2, (int32_t[]){QC_KEEP(0), QC_KEEP(1)});
    }
    return batch_first(s, x);
}

/* Weight number `which` of the guess with its trained values. */
static qc_status weight_of(struct qc_tf_step *s, const struct qc_tf_loop *loop, int which, struct qc_weight *weight)
{
    struct qc_tensor *tensor = s->in[loop->weight[which]].tensor;
    if (s->in[loop->weight[which]].kind == QC_TF_VARIABLE) QC_TRY(qc_tf_variable(s->im, &s->in[loop->weight[which]], &tensor));
    return qc_tf_weight(tensor, weight) ? QC_OK : qc_tf_fail(s, QC_FORMAT, "a weight is not float32");
}

static qc_status fill_cell(struct qc_tf_step *s, const struct qc_tf_loop *loop, struct qc_cell *cell)
{
    const struct qc_tf_guess *guess = &loop->guess;
    struct qc_weight second;
    *cell = guess->cell;
    QC_TRY(weight_of(s, loop, guess->kernel, &cell->kernel));
    QC_TRY(weight_of(s, loop, guess->recurrent_kernel, &cell->recurrent_kernel));
    if (guess->bias[0] < 0) return QC_OK;
    QC_TRY(weight_of(s, loop, guess->bias[0], &cell->bias));
    bool rows = cell->kind == QC_CELL_GRU && cell->reset_after;
    if (!rows || cell->bias.rank == 2) return QC_OK;
    /* the two rows come apart, or the second is left out */
    size_t count = qc_weight_elements(&cell->bias);
    float *joined = qc_arena_array(&s->im->model->arena, 2 * count, sizeof *joined);
    if (!joined) return QC_NOMEM;
    memcpy(joined, cell->bias.data, count * sizeof *joined);
    if (guess->bias[1] >= 0) {
        QC_TRY(weight_of(s, loop, guess->bias[1], &second));
        memcpy(joined + count, second.data, count * sizeof *joined);
    }
    cell->bias = (struct qc_weight){.data = joined, .rank = 2, .dims = {2, (int32_t)count}};
    return QC_OK;
}

/* What the loop's variables are after its last step. */
static qc_status fill_outputs(struct qc_tf_step *s, const struct qc_tf_loop *loop, const struct qc_recurrent_result *result)
{
    QC_TRY(qc_tf_outputs(s, s->in_count));
    memcpy(s->out, s->in, (size_t)s->in_count * sizeof *s->out);
    for (int i = 0; i < loop->counter_count; i++) {
        if (s->in[loop->input[0]].list->free) s->out[loop->counter[i]] = (struct qc_tf_value){.kind = QC_TF_UNSUPPORTED};
        else s->out[loop->counter[i]].tensor = qc_build_i32(s->b, loop->steps);
    }
    for (int i = 0; i < loop->state_count - loop->first_state; i++)
        s->out[loop->state[loop->first_state + i]] =
            (struct qc_tf_value){.kind = result->state ? QC_TF_TENSOR : QC_TF_UNSUPPORTED, .tensor = result->state ? result->state[i] : NULL};
    if (loop->first_state) s->out[loop->state[0]] = (struct qc_tf_value){.kind = QC_TF_UNSUPPORTED};
    struct qc_tf_list *list = qc_arena_copy(s->im->scratch, s->in[loop->output[0]].list, sizeof *list);
    if (!list) return QC_NOMEM;
    list->item = NULL;
    if (loop->sequence) {
        list->stacked = qc_build_transpose(s->b, result->output, (int32_t[]){1, 0, 2});
    } else {
        list->stacked = qc_lower_reshape(s->b, result->output, 3, (int32_t[]){1, QC_KEEP(0), QC_KEEP(1)});
        list->count = 1;
        list->free = false;
    }
    s->out[loop->output[0]] = (struct qc_tf_value){.kind = QC_TF_LIST_VALUE, .list = list};
    return qc_build_status(s->b);
}

qc_status qc_tf_write_recurrent(struct qc_tf_step *s, const struct qc_tf_loop *loop)
{
    struct qc_cell cell;
    struct qc_recurrent_result result = {0};
    struct qc_recurrent_spec spec = {.cell = &cell, .cell_count = 1, .return_sequences = loop->sequence, .zero_output_for_mask = loop->zero_output,
                                     .form = (enum qc_recurrent)s->im->model->options.recurrent};
    struct qc_tensor *initial[2];
    bool zeros = true;
    QC_TRY(fill_cell(s, loop, &cell));
    for (int i = 0; i < loop->state_count - loop->first_state; i++) {
        double number;
        int at = loop->state[loop->first_state + i];
        initial[i] = s->in[at].tensor;
        zeros &= qc_tf_splat(s->im, initial[i], &number) && number == 0;
        spec.return_state |= !s->want || (at < s->want_count && s->want[at]);
    }
    if (!zeros) {
        spec.initial_state = initial;
        spec.initial_state_count = loop->state_count - loop->first_state;
    }
    struct qc_tensor *x = forwards(s, loop->x, &spec.go_backwards);
    x = batch_first(s, x);
    if (loop->mask_count) spec.mask = mask_of(s, s->in[loop->mask[0]].list->stacked, spec.go_backwards);
    QC_TRY(qc_lower_recurrent(s->b, x, &spec, &result));
    return fill_outputs(s, loop, &result);
}
