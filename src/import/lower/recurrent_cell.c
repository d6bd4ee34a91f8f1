/*
 * recurrent_cell.c - one step of an LSTM, GRU, SimpleRNN or ConvLSTM cell as operators. See recurrence.h.
 *
 * The product of the input with the kernel is made outside, for all steps at once; what is left is one product with the state, sums and
 * gates. Splitting into gates first and giving each its own LOGISTIC or TANH is as fast in LiteRT as any grouping (100 steps of an LSTM(64):
 * 0.19 ms for every variant) and works for every activation.
 */
#include "import/lower/recurrence.h"

#define OP(CODE) tfl_BuiltinOperator_##CODE

int qc_cell_state_count(const struct qc_cell *cell)
{
    return cell->kind == QC_CELL_LSTM ? 2 : 1;
}

int qc_cell_gates(const struct qc_cell *cell)
{
    return cell->kind == QC_CELL_LSTM ? 4 : cell->kind == QC_CELL_GRU ? 3 : 1;
}

static struct qc_tensor *product_weights(struct qc_build *b, const char *suffix, const struct qc_weight *kernel)
{
    struct qc_weight transposed = qc_weight_transposed(b, kernel, (int32_t[]){1, 0});
    return qc_weight_constant(b, suffix, &transposed);
}

struct qc_cell_constants qc_cell_constants(struct qc_build *b, const struct qc_recurrence *r)
{
    const struct qc_cell *cell = r->cell;
    struct qc_cell_constants constants = {NULL, NULL, qc_none()};
    if (r->convolution) return constants;
    if (cell->kind != QC_CELL_GRU || cell->reset_after) {
        constants.recurrent = product_weights(b, "recurrent_kernel", &cell->recurrent_kernel);
    } else {
        struct qc_weight gates = qc_weight_columns(b, &cell->recurrent_kernel, 0, 2 * cell->units);
        struct qc_weight candidate = qc_weight_columns(b, &cell->recurrent_kernel, 2 * cell->units, cell->units);
        constants.recurrent = product_weights(b, "recurrent_kernel_gates", &gates);
        constants.recurrent_candidate = product_weights(b, "recurrent_kernel_candidate", &candidate);
    }
    if (cell->kind == QC_CELL_GRU && cell->reset_after && cell->bias.data) {
        struct qc_weight row = {cell->bias.data + 3 * cell->units, 1, {3 * cell->units}};
        constants.bias = qc_weight_constant(b, "recurrent_bias", &row);
    }
    return constants;
}

static bool split(struct qc_build *b, struct qc_tensor *x, int count, struct qc_tensor **part)
{
    QC_OPTIONS(b, SplitOptions, options);
    if (!options || !x) return false;
    options->num_splits = count;
    return !qc_build_ops(b, OP(SPLIT), options, 2, (struct qc_tensor *[]){qc_build_i32(b, x->rank - 1), x}, count, part);
}

static struct qc_tensor *add(struct qc_build *b, struct qc_tensor *x, struct qc_tensor *y)
{
    return qc_build_binary(b, OP(ADD), x, y);
}

static struct qc_tensor *mul(struct qc_build *b, struct qc_tensor *x, struct qc_tensor *y)
{
    return qc_build_binary(b, OP(MUL), x, y);
}

/* gates z: i, f, c, o */
static void lstm(struct qc_build *b, const struct qc_cell *cell, struct qc_tensor *z, struct qc_tensor *const *state, struct qc_tensor **next)
{
    struct qc_tensor *gate[4];
    if (!split(b, z, 4, gate)) return;
    struct qc_tensor *i = qc_lower_activation(b, gate[0], &cell->recurrent_activation);
    struct qc_tensor *f = qc_lower_activation(b, gate[1], &cell->recurrent_activation);
    struct qc_tensor *g = qc_lower_activation(b, gate[2], &cell->activation);
    struct qc_tensor *o = qc_lower_activation(b, gate[3], &cell->recurrent_activation);
    next[1] = add(b, mul(b, f, state[1]), mul(b, i, g));
    next[0] = mul(b, o, qc_lower_activation(b, next[1], &cell->activation));
}

/* z * h + (1 - z) * candidate, with one product */
static struct qc_tensor *gru_blend(struct qc_build *b, struct qc_tensor *z, struct qc_tensor *h, struct qc_tensor *candidate)
{
    return add(b, candidate, mul(b, z, qc_build_binary(b, OP(SUB), h, candidate)));
}

static void gru(struct qc_build *b, const struct qc_cell *cell, const struct qc_cell_constants *constants, struct qc_tensor *x,
                struct qc_tensor *h, struct qc_tensor **next)
{
    struct qc_tensor *from_x[3], *from_h[3];
    struct qc_tensor *product = qc_lower_fully_connected(b, h, constants->recurrent, constants->bias, NULL);
    if (!split(b, x, 3, from_x) || !split(b, product, cell->reset_after ? 3 : 2, from_h)) return;
    struct qc_tensor *z = qc_lower_activation(b, add(b, from_x[0], from_h[0]), &cell->recurrent_activation);
    struct qc_tensor *r = qc_lower_activation(b, add(b, from_x[1], from_h[1]), &cell->recurrent_activation);
    struct qc_tensor *candidate = cell->reset_after
                                      ? mul(b, r, from_h[2])
                                      : qc_lower_fully_connected(b, mul(b, r, h), constants->recurrent_candidate, qc_none(), NULL);
    candidate = qc_lower_activation(b, add(b, from_x[2], candidate), &cell->activation);
    next[0] = gru_blend(b, z, h, candidate);
}

void qc_cell_step(struct qc_build *b, const struct qc_recurrence *r, const struct qc_cell_constants *constants, struct qc_tensor *x,
                  struct qc_tensor *mask, struct qc_tensor *const *state, struct qc_tensor **next)
{
    const struct qc_cell *cell = r->cell;
    next[0] = next[1] = NULL;
    if (cell->kind == QC_CELL_GRU) {
        gru(b, cell, constants, x, state[0], next);
    } else {
        struct qc_tensor *product = r->convolution ? qc_lower_conv(b, state[0], r->convolution)
                                                   : qc_lower_fully_connected(b, state[0], constants->recurrent, constants->bias, NULL);
        x = add(b, x, product);
        if (cell->kind == QC_CELL_LSTM)
            lstm(b, cell, x, state, next);
        else
            next[0] = qc_lower_activation(b, x, &cell->activation);
    }
    for (int i = 0; mask && i < r->state_count; i++) next[i] = qc_lower_select(b, mask, next[i], state[i]);
}
