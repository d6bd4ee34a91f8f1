/*
 * recurrent_fused.c - an LSTM as UNIDIRECTIONAL_SEQUENCE_LSTM that starts from zero on every call.
 *
 * The operator keeps its states from one call to the next (LiteRT clears them only when it allocates). So one step goes in front of
 * the sequence, and one feature is added to the input: a flag, F at that step and 0 elsewhere, with the weight -w to the input, forget and output gates
 * and 0 to the cell gate. There the three sigmoids are 0, hence c = 0 * old + 0 = 0 and h = 0 * tanh(0) = 0.
 *
 * w is the largest weight of those gates, so that the flag widens the range of no weight matrix, and F makes F * w exceed by 104 whatever bias and
 * recurrent product may add (|h| <= 1): exp(-104) is below the smallest float, so the sigmoids are exactly 0 in float, with float16
 * weights, and with int8 weights whose input is quantized per row. A fully int8 network must not use this form: F would take the whole range of its input.
 */
#include "import/lower/recurrence.h"

#include <math.h>

/* One gate of kernel [I, 4U] as [U, I + 1], its last column `flag`. */
static struct qc_tensor *input_weights(struct qc_build *b, const struct qc_cell *cell, int gate, float flag)
{
    int32_t inputs = cell->kernel.dims[0], units = cell->units;
    float *data = qc_arena_array(&b->graph->model->arena, (size_t)units * (size_t)(inputs + 1), sizeof *data);
    if (!data) return NULL;
    for (int32_t u = 0; u < units; u++) {
        float *row = data + (size_t)u * (size_t)(inputs + 1);
        for (int32_t i = 0; i < inputs; i++) row[i] = cell->kernel.data[(size_t)i * (size_t)(4 * units) + (size_t)(gate * units + u)];
        row[inputs] = flag;
    }
    struct qc_weight weight = {data, 2, {units, inputs + 1}};
    return qc_weight_constant(b, "kernel", &weight);
}

static struct qc_tensor *recurrent_weights(struct qc_build *b, const struct qc_cell *cell, int gate)
{
    struct qc_weight part = qc_weight_columns(b, &cell->recurrent_kernel, gate * cell->units, cell->units);
    part = qc_weight_transposed(b, &part, (int32_t[]){1, 0});
    return qc_weight_constant(b, "recurrent_kernel", &part);
}

static struct qc_tensor *gate_bias(struct qc_build *b, const struct qc_cell *cell, int gate)
{
    if (!cell->bias.data) return qc_lower_fill(b, "bias", 1, &cell->units, 0); /* the operator wants one */
    struct qc_weight part = {cell->bias.data + gate * cell->units, 1, {cell->units}};
    return qc_weight_constant(b, "bias", &part);
}

static float largest(const float *data, size_t count)
{
    float most = 0;
    for (size_t i = 0; i < count; i++) most = fmaxf(most, fabsf(data[i]));
    return most;
}

/* w and F, see above. */
static void choose_flag(const struct qc_cell *cell, float *weight, float *value)
{
    size_t units = (size_t)cell->units, columns = 4 * units;
    float bound = cell->bias.data ? largest(cell->bias.data, columns) : 0, most = 0;
    for (size_t k = 0; k < columns; k++) {
        float sum = 0;
        for (size_t u = 0; u < units; u++) sum += fabsf(cell->recurrent_kernel.data[u * columns + k]);
        most = fmaxf(most, sum);
    }
    *weight = fmaxf(largest(cell->kernel.data, qc_weight_elements(&cell->kernel)), 0.01f);
    *value = (104 + bound + most) / *weight;
}

/* x with a step of zeros in front and the flag as its last feature. */
static struct qc_tensor *with_flag(struct qc_build *b, struct qc_tensor *x, float value)
{
    int32_t dims[3] = {x->dims[0], x->dims[1] + 1, 1};
    float *flag = qc_arena_array(&b->graph->model->arena, (size_t)dims[0] * (size_t)dims[1], sizeof *flag);
    if (!flag) return NULL;
    for (int32_t i = 0; i < dims[0]; i++) flag[(size_t)i * (size_t)dims[1]] = value;
    struct qc_weight weight = {flag, 3, {dims[0], dims[1], 1}};
    struct qc_tensor *part[] = {qc_lower_pad(b, x, 1, 1, (const int32_t[][2]){{1, 0}}), qc_weight_constant(b, "reset", &weight)};
    return qc_lower_concat(b, 2, part, 2);
}

static struct qc_tensor *state(struct qc_build *b, const char *name, int32_t batch, int32_t units)
{
    struct qc_tensor *tensor = qc_graph_add_tensor(b->graph, name, QC_FLOAT32, 2, (int32_t[]){batch, units});
    if (tensor) tensor->variable = true;
    return tensor;
}

struct qc_tensor *qc_recurrent_fused(struct qc_build *b, struct qc_tensor *x, const struct qc_cell *cell, bool sequence)
{
    struct qc_tensor *in[24];
    float weight, value;
    if (!x || qc_build_status(b)) return NULL;
    choose_flag(cell, &weight, &value);
    in[0] = with_flag(b, x, value);
    for (int gate = 0; gate < 4; gate++) { /* both orders are i, f, c, o */
        in[1 + gate] = input_weights(b, cell, gate, gate == 2 ? 0 : -weight);
        in[5 + gate] = recurrent_weights(b, cell, gate);
        in[12 + gate] = gate_bias(b, cell, gate);
    }
    in[9] = in[10] = in[11] = in[16] = in[17] = qc_none(); /* peephole, projection */
    in[18] = state(b, "output_state", x->dims[0], cell->units);
    in[19] = state(b, "cell_state", x->dims[0], cell->units);
    in[20] = in[21] = in[22] = in[23] = qc_none(); /* layer normalization */
    QC_OPTIONS(b, UnidirectionalSequenceLSTMOptions, options);
    if (!options) return NULL;
    options->fused_activation_function = tfl_ActivationFunctionType_TANH;
    struct qc_tensor *y = qc_build_op(b, tfl_BuiltinOperator_UNIDIRECTIONAL_SEQUENCE_LSTM, options, 24, in);
    return sequence ? qc_lower_slice(b, y, 1, 1, INT32_MAX) : qc_lower_pick(b, y, 1, -1);
}
