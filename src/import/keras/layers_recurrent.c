/*
 * layers_recurrent.c - LSTM, GRU, SimpleRNN, RNN over cells, Bidirectional, ConvLSTM.
 */
#include "import/keras/tables.h"
#include "import/lower/recurrent.h"

#include <string.h>

enum { MOST_CELLS = 32, MOST_STATES = 2 * MOST_CELLS };

/* ---- cells ---- */

static bool cell_kind(const char *class_name, enum qc_cell_kind *kind)
{
    static const struct {
        const char *name;
        enum qc_cell_kind kind;
    } table[] = {{"LSTM", QC_CELL_LSTM}, {"LSTMCell", QC_CELL_LSTM}, {"GRU", QC_CELL_GRU}, {"GRUCell", QC_CELL_GRU},
                 {"SimpleRNN", QC_CELL_SIMPLE_RNN}, {"SimpleRNNCell", QC_CELL_SIMPLE_RNN}};
    for (size_t i = 0; i < QC_COUNT(table); i++)
        if (!strcmp(table[i].name, class_name)) {
            *kind = table[i].kind;
            return true;
        }
    return false;
}

/* `call` is that of the layer or cell whose configuration counts; its variables are called "cell/kernel" or "kernel". */
static void fill_cell(struct qc_keras_call *call, struct qc_cell *cell)
{
    *cell = (struct qc_cell){.units = qc_keras_int(call, "units", -1, 1, INT32_MAX / 4)};
    bool layer = strstr(call->layer->class_name, "Cell") == NULL;
    if (!cell_kind(call->layer->class_name, &cell->kind)) {
        qc_keras_fail(call, QC_UNSUPPORTED, "only LSTM, GRU and SimpleRNN cells are supported");
        return;
    }
    cell->kernel = qc_keras_weight(call, layer ? "cell/kernel" : "kernel");
    cell->recurrent_kernel = qc_keras_weight(call, layer ? "cell/recurrent_kernel" : "recurrent_kernel");
    cell->bias = qc_keras_weight(call, layer ? "cell/bias" : "bias");
    cell->reset_after = cell->kind == QC_CELL_GRU && qc_keras_bool(call, "reset_after", false);
    qc_keras_activation(call, "activation", &cell->activation);
    qc_keras_activation(call, "recurrent_activation", &cell->recurrent_activation);
}

/* Keras 1 keeps a matrix per gate: W_i U_i b_i W_c U_c b_c ...; here side by side in the order that Keras 2 has. */
static struct qc_weight gates(struct qc_keras_call *call, char letter, const char *order)
{
    struct qc_weight part[4] = {{0}}, all = {0};
    int count = (int)strlen(order);
    for (int g = 0; g < count; g++) {
        char name[4] = {letter, '_', order[g], 0};
        part[g] = qc_keras_weight(call, name);
        bool same = part[g].data && part[g].rank == part[0].rank && (letter == 'b' ? part[g].rank == 1 : part[g].rank == 2) &&
                    !memcmp(part[g].dims, part[0].dims, sizeof(int32_t) * (size_t)part[0].rank);
        if (!same && !qc_keras_failed(call)) qc_keras_fail(call, QC_FORMAT, "its weights %c_%c and %c_%c do not have the same shape", letter, order[0], letter, order[g]);
        if (!same) return all;
    }
    size_t units = (size_t)part[0].dims[part[0].rank - 1], rows = units ? qc_weight_elements(&part[0]) / units : 0;
    float *data = qc_arena_array(call->im->arena, qc_weight_elements(&part[0]) * (size_t)count, sizeof *data);
    if (!data || units * (size_t)count > INT32_MAX) return all;
    for (size_t row = 0; row < rows; row++)
        for (int g = 0; g < count; g++) memcpy(data + (row * (size_t)count + (size_t)g) * units, part[g].data + row * units, units * sizeof *data);
    all = part[0];
    all.data = data;
    all.dims[all.rank - 1] = (int32_t)(units * (size_t)count);
    return all;
}

static void fill_cell_of_keras1(struct qc_keras_call *call, struct qc_cell *cell)
{
    *cell = (struct qc_cell){.units = qc_keras_int(call, "output_dim", -1, 1, INT32_MAX / 4)};
    cell_kind(call->layer->class_name, &cell->kind);
    const char *order = cell->kind == QC_CELL_LSTM ? "ifco" : "zrh";
    bool whole = cell->kind == QC_CELL_SIMPLE_RNN || !strcmp(qc_keras_text(call, "consume_less", "cpu"), "gpu");
    cell->kernel = whole ? qc_keras_weight(call, "W") : gates(call, 'W', order);
    cell->recurrent_kernel = whole ? qc_keras_weight(call, "U") : gates(call, 'U', order);
    cell->bias = whole ? qc_keras_weight(call, "b") : gates(call, 'b', order);
    qc_keras_activation(call, "activation", &cell->activation);
    qc_keras_activation(call, "recurrent_activation", &cell->recurrent_activation);
}

/* ---- layers ---- */

struct recurrent {
    struct qc_recurrent_spec spec;
    struct qc_cell cell[MOST_CELLS];
    struct qc_tensor *state[MOST_STATES];
};

static void add_cell(struct qc_keras_call *call, struct qc_keras_layer *cell, struct recurrent *r)
{
    struct qc_keras_call of_cell = *call;
    of_cell.layer = cell;
    if (!strcmp(cell->class_name, "StackedRNNCells")) {
        for (int i = 0; i < cell->child_count; i++) add_cell(call, cell->child[i], r);
        if (qc_keras_bool(&of_cell, "reverse_state_order", false)) qc_keras_fail(call, QC_UNSUPPORTED, "reverse_state_order is not supported");
    } else if (r->spec.cell_count == MOST_CELLS)
        qc_keras_fail(call, QC_UNSUPPORTED, "it stacks more than %d cells", MOST_CELLS);
    else
        fill_cell(&of_cell, &r->cell[r->spec.cell_count++]);
}

/* The layer's configuration; inputs, masks and initial states come from its call or its wrapper's. */
static void fill(struct qc_keras_call *call, struct recurrent *r)
{
    bool keras1 = call->im->major == 1;
    enum qc_cell_kind kind;
    memset(r, 0, sizeof *r);
    r->spec = (struct qc_recurrent_spec){.cell = r->cell,
                                         .go_backwards = qc_keras_bool(call, "go_backwards", false),
                                         .return_sequences = qc_keras_bool(call, "return_sequences", false),
                                         .return_state = qc_keras_bool(call, "return_state", false),
                                         .unroll = qc_keras_bool(call, "unroll", false),
                                         .time_major = qc_keras_bool(call, "time_major", false),
                                         .zero_output_for_mask = qc_keras_bool(call, "zero_output_for_mask", false),
                                         .form = (enum qc_recurrent)call->im->model->options.recurrent};
    if (qc_keras_bool(call, "stateful", false))
        qc_keras_fail(call, QC_UNSUPPORTED, "stateful=True keeps its state from call to call, which is not supported; rebuild the model with stateful=False "
                      "and states as inputs and outputs (initial_state, return_state)");
    if (cell_kind(call->layer->class_name, &kind)) {
        r->spec.cell_count = 1;
        if (keras1) fill_cell_of_keras1(call, &r->cell[0]);
        else fill_cell(call, &r->cell[0]);
    } else if (!strcmp(call->layer->class_name, "RNN"))
        add_cell(call, call->layer->child[0], r);
    else
        qc_keras_fail(call, QC_UNSUPPORTED, "it is no LSTM, GRU, SimpleRNN or RNN layer");
}

/* Initial states: the keyword, or inputs behind the first one. Returns their number. */
static int initial_states(struct qc_keras_call *call, struct qc_tensor **state, int most)
{
    const struct qc_json *json = qc_json_get(call->kwargs, "initial_state");
    struct qc_keras_value value;
    int count = 0;
    if (qc_keras_resolve(call, json, &value)) state[count++] = value.tensor;
    for (size_t i = 0; !count && qc_json_is_array(json) && i < qc_json_count(json); i++) {
        if ((int)i >= most || !qc_keras_resolve(call, qc_json_at(json, i), &value)) {
            if (!qc_keras_failed(call)) qc_keras_fail(call, QC_UNSUPPORTED, "its initial states are not %d or fewer tensors", most);
            return 0;
        }
        state[i] = value.tensor;
        if (i + 1 == qc_json_count(json)) return (int)i + 1;
    }
    for (int i = 1; i < call->in_count && count < most; i++) state[count++] = call->in[i].tensor;
    return count;
}

static struct qc_tensor *float_input(struct qc_keras_call *call)
{
    struct qc_tensor *x = qc_keras_in_rank(call, 0, 3);
    return x ? qc_lower_cast(call->b, x, QC_FLOAT32) : NULL;
}

/* A mask given as numbers counts where it is not 0. */
static struct qc_tensor *bool_mask(struct qc_keras_call *call)
{
    struct qc_tensor *mask = qc_keras_mask(call, 0);
    return mask && mask->type != QC_BOOL ? qc_lower_cast(call->b, mask, QC_BOOL) : mask;
}

static void recurrent(struct qc_keras_call *call)
{
    struct recurrent r;
    struct qc_recurrent_result result = {0};
    struct qc_tensor *x = float_input(call);
    fill(call, &r);
    if (!x || qc_keras_failed(call)) return;
    r.spec.mask = bool_mask(call);
    r.spec.initial_state_count = initial_states(call, r.state, MOST_STATES);
    r.spec.initial_state = r.spec.initial_state_count ? r.state : NULL;
    if (qc_lower_recurrent(call->b, x, &r.spec, &result)) return;
    qc_keras_return_masked(call, result.output, r.spec.return_sequences ? r.spec.mask : NULL);
    for (int i = 0; r.spec.return_state && i < result.state_count; i++) qc_keras_return(call, result.state[i]);
}

static void bidirectional(struct qc_keras_call *call)
{
    static const char *const modes[] = {[QC_MERGE_CONCAT] = "concat", [QC_MERGE_SUM] = "sum", [QC_MERGE_MUL] = "mul", [QC_MERGE_AVE] = "ave"};
    struct recurrent r[2];
    struct qc_bidirectional_result result = {0};
    enum qc_merge merge = QC_MERGE_CONCAT;
    const struct qc_json *given = qc_keras_member(call->layer, "merge_mode");
    const char *mode = qc_keras_text(call, "merge_mode", "concat");
    struct qc_tensor *x = float_input(call), *state[2 * MOST_STATES];
    while (merge < QC_MERGE_NONE && strcmp(mode, modes[merge])) merge++;
    if (merge == QC_MERGE_NONE) qc_keras_fail(call, QC_FORMAT, "merge_mode '%.40s' is not known", mode);
    if (given && qc_json_is_null(given)) merge = QC_MERGE_NONE;
    for (int i = 0; i < 2; i++) {
        struct qc_keras_call of_layer = *call;
        of_layer.layer = call->layer->child[i];
        fill(&of_layer, &r[i]);
        r[i].spec.mask = bool_mask(call);
    }
    if (!qc_keras_get(call->layer, "backward_layer")) r[1].spec.go_backwards = !r[0].spec.go_backwards;
    if (!x || qc_keras_failed(call)) return;
    int count = initial_states(call, state, 2 * MOST_STATES), half = count / 2;
    for (int i = 0; i < 2 && count; i++) {
        r[i].spec.initial_state = state + i * half;
        r[i].spec.initial_state_count = half;
    }
    if (qc_lower_bidirectional(call->b, x, &r[0].spec, &r[1].spec, merge, &result)) return;
    for (int i = 0; i < result.output_count; i++) qc_keras_return_masked(call, result.output[i], r[0].spec.return_sequences ? r[0].spec.mask : NULL);
    for (int i = 0; r[0].spec.return_state && i < result.state_count; i++) qc_keras_return(call, result.state[i]);
}

static void cell_alone(struct qc_keras_call *call)
{
    qc_keras_fail(call, QC_UNSUPPORTED, "a cell on its own is not supported; put it into an RNN layer");
}

/* ---- ConvLSTM ---- */

static void conv_lstm(struct qc_keras_call *call, int rank)
{
    struct qc_recurrent_result result = {0};
    struct qc_conv_lstm_spec spec = {.conv = {.rank = rank, .channels_first = qc_keras_channels_first(call)},
                                     .go_backwards = qc_keras_bool(call, "go_backwards", false),
                                     .return_sequences = qc_keras_bool(call, "return_sequences", false),
                                     .return_state = qc_keras_bool(call, "return_state", false),
                                     .zero_output_for_mask = qc_keras_bool(call, "zero_output_for_mask", false),
                                     .form = (enum qc_recurrent)call->im->model->options.recurrent};
    struct qc_tensor *state[2] = {NULL, NULL}, *x = qc_keras_in_rank(call, 0, rank + 3);
    if (!strcmp(qc_keras_text(call, "padding", "valid"), "same")) spec.conv.padding = QC_PADDING_SAME;
    qc_keras_ints(call, "strides", rank, spec.conv.stride, 1, INT32_MAX);
    qc_keras_ints(call, "dilation_rate", rank, spec.conv.dilation, 1, INT32_MAX);
    spec.conv.kernel = qc_keras_weight(call, "cell/kernel");
    spec.conv.bias = qc_keras_weight(call, "cell/bias");
    spec.recurrent_kernel = qc_keras_weight(call, "cell/recurrent_kernel");
    qc_keras_activation(call, "activation", &spec.activation);
    qc_keras_activation(call, "recurrent_activation", &spec.recurrent_activation);
    if (qc_keras_bool(call, "stateful", false)) qc_keras_fail(call, QC_UNSUPPORTED, "stateful=True is not supported");
    if (qc_keras_bool(call, "time_major", false)) qc_keras_fail(call, QC_UNSUPPORTED, "time_major=True is not supported");
    spec.mask = bool_mask(call);
    if (initial_states(call, state, 2) == 2) memcpy(spec.initial_state, state, sizeof state);
    if (!x || qc_keras_failed(call) || qc_lower_conv_lstm(call->b, x, &spec, &result)) return;
    qc_keras_return_masked(call, result.output, spec.return_sequences ? spec.mask : NULL);
    for (int i = 0; spec.return_state && i < result.state_count; i++) qc_keras_return(call, result.state[i]);
}

static void conv_lstm1d(struct qc_keras_call *call) { conv_lstm(call, 1); }
static void conv_lstm2d(struct qc_keras_call *call) { conv_lstm(call, 2); }
static void conv_lstm3d(struct qc_keras_call *call) { conv_lstm(call, 3); }

#define IN_LAYER "cell/kernel cell/recurrent_kernel cell/bias?use_bias"
#define IN_CELL "kernel recurrent_kernel bias?use_bias"
#define WHOLE1 "W?consume_less=gpu U?consume_less=gpu b?consume_less=gpu "
#define GATE1(g) "W_" g "?consume_less#gpu U_" g "?consume_less#gpu b_" g "?consume_less#gpu"
const struct qc_keras_class qc_keras_layers_recurrent[] = {
    {"LSTM", IN_LAYER, 0, recurrent},
    {"GRU", IN_LAYER, 0, recurrent},
    {"SimpleRNN", IN_LAYER, 0, recurrent},
    {"LSTM@1", WHOLE1 GATE1("i") " " GATE1("c") " " GATE1("f") " " GATE1("o"), 0, recurrent},
    {"GRU@1", WHOLE1 GATE1("z") " " GATE1("r") " " GATE1("h"), 0, recurrent},
    {"SimpleRNN@1", "W U b", 0, recurrent},
    {"RNN", NULL, 0, recurrent},
    {"Bidirectional", NULL, 0, bidirectional},
    {"LSTMCell", IN_CELL, 0, cell_alone},
    {"GRUCell", IN_CELL, 0, cell_alone},
    {"SimpleRNNCell", IN_CELL, 0, cell_alone},
    {"StackedRNNCells", NULL, 0, cell_alone},
    {"ConvLSTM1D", IN_LAYER, 0, conv_lstm1d},
    {"ConvLSTM2D", IN_LAYER, 0, conv_lstm2d},
    {"ConvLSTM3D", IN_LAYER, 0, conv_lstm3d},
    {0},
};
