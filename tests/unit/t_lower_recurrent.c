/*
 * t_lower_recurrent.c - every cell in every written form against a plain reference: masks, initial states, both directions, several batches,
 * several calls in a row.
 */
#include "lower.h"

enum { STEPS = 6, INPUTS = 3, UNITS = 4, MAX_BATCH = 3 };

struct example {
    struct qc_cell cell;
    struct qc_recurrent_spec spec;
    bool has_mask, has_state;
};

static float sigmoid(float x)
{
    return 1 / (1 + expf(-x));
}

static float at(const struct qc_weight *weight, int row, int column)
{
    return weight->data[row * weight->dims[weight->rank - 1] + column];
}

/* bias row 0 and the product with the input, for one gate element */
static float from_input(const struct qc_cell *cell, const float *x, int k)
{
    float sum = cell->bias.data ? cell->bias.data[k] : 0;
    for (int i = 0; i < INPUTS; i++) sum += x[i] * at(&cell->kernel, i, k);
    return sum;
}

static float from_state(const struct qc_cell *cell, const float *h, int k)
{
    float sum = 0;
    for (int u = 0; u < UNITS; u++) sum += h[u] * at(&cell->recurrent_kernel, u, k);
    return sum;
}

static void reference_step(const struct qc_cell *cell, const float *x, float *h, float *c)
{
    float old[UNITS], scaled[UNITS];
    memcpy(old, h, sizeof old);
    for (int u = 0; u < UNITS && cell->kind == QC_CELL_GRU; u++)
        scaled[u] = old[u] * sigmoid(from_input(cell, x, UNITS + u) + from_state(cell, old, UNITS + u) +
                                     (cell->reset_after ? cell->bias.data[3 * UNITS + UNITS + u] : 0));
    for (int u = 0; u < UNITS; u++) {
        if (cell->kind == QC_CELL_SIMPLE_RNN) {
            h[u] = tanhf(from_input(cell, x, u) + from_state(cell, old, u));
        } else if (cell->kind == QC_CELL_LSTM) {
            float gate[4];
            for (int g = 0; g < 4; g++) gate[g] = from_input(cell, x, g * UNITS + u) + from_state(cell, old, g * UNITS + u);
            c[u] = sigmoid(gate[1]) * c[u] + sigmoid(gate[0]) * tanhf(gate[2]);
            h[u] = sigmoid(gate[3]) * tanhf(c[u]);
        } else {
            const float *second = cell->reset_after ? cell->bias.data + 3 * UNITS : NULL;
            float z = sigmoid(from_input(cell, x, u) + from_state(cell, old, u) + (second ? second[u] : 0));
            float r = sigmoid(from_input(cell, x, UNITS + u) + from_state(cell, old, UNITS + u) + (second ? second[UNITS + u] : 0));
            float product = cell->reset_after ? r * (from_state(cell, old, 2 * UNITS + u) + second[2 * UNITS + u]) : from_state(cell, scaled, 2 * UNITS + u);
            float candidate = tanhf(from_input(cell, x, 2 * UNITS + u) + product);
            h[u] = z * old[u] + (1 - z) * candidate;
        }
    }
}

/* y [STEPS, UNITS] in running order, for one sample */
static void reference(const struct example *e, const float *x, const bool *mask, float *h, float *c, float *y)
{
    float shown[UNITS] = {0};
    for (int s = 0; s < STEPS; s++) {
        int t = e->spec.go_backwards ? STEPS - 1 - s : s;
        if (!e->has_mask || mask[t]) {
            reference_step(&e->cell, x + t * INPUTS, h, c);
            memcpy(shown, h, sizeof shown);
        }
        for (int u = 0; u < UNITS; u++) y[s * UNITS + u] = e->has_mask && !mask[t] && e->spec.zero_output_for_mask ? 0 : shown[u];
    }
}

static void fill_cell(struct qc_cell *cell, uint32_t *seed)
{
    int32_t gates = cell->kind == QC_CELL_LSTM ? 4 : cell->kind == QC_CELL_GRU ? 3 : 1, width = gates * UNITS;
    bool two = cell->kind == QC_CELL_GRU && cell->reset_after;
    cell->units = UNITS;
    cell->kernel = (struct qc_weight){random_floats(seed, INPUTS * (size_t)width, 1), 2, {INPUTS, width}};
    cell->recurrent_kernel = (struct qc_weight){random_floats(seed, UNITS * (size_t)width, 1), 2, {UNITS, width}};
    cell->bias = (struct qc_weight){random_floats(seed, 2 * (size_t)width, 0.5f), two ? 2 : 1, {two ? 2 : width, two ? width : 0}};
    assert_true(qc_activation_find("tanh", 3, &cell->activation));
    assert_true(qc_activation_find("sigmoid", 3, &cell->recurrent_activation));
}

static void call(const struct example *e, struct qc_session *session, int batch, uint32_t *seed)
{
    float x[MAX_BATCH * STEPS * INPUTS], state[2][MAX_BATCH * UNITS] = {{0}}, y[MAX_BATCH * STEPS * UNITS], out[MAX_BATCH * STEPS * UNITS];
    bool mask[MAX_BATCH * STEPS];
    int states = e->cell.kind == QC_CELL_LSTM ? 2 : 1;
    size_t place = 0, rows = e->spec.return_sequences ? STEPS : 1;
    for (int i = 0; i < batch * STEPS * INPUTS; i++) x[i] = next_random(seed);
    for (int i = 0; i < batch * STEPS; i++) mask[i] = next_random(seed) > -0.2f;
    for (int i = 0; i < batch * UNITS * states && e->has_state; i++) state[i / (batch * UNITS)][i % (batch * UNITS)] = next_random(seed);
    set_input(session, place++, x, (size_t)batch * STEPS * INPUTS * sizeof *x);
    if (e->has_mask) set_input(session, place++, mask, (size_t)batch * STEPS);
    for (int s = 0; s < states && e->has_state; s++) set_input(session, place++, state[s], (size_t)batch * UNITS * sizeof **state);
    invoke(session);
    for (int i = 0; i < batch; i++) {
        reference(e, x + i * STEPS * INPUTS, mask + i * STEPS, state[0] + i * UNITS, state[1] + i * UNITS, y + i * STEPS * UNITS);
        memcpy(out + (size_t)i * rows * UNITS, y + (i + 1) * STEPS * UNITS - rows * UNITS, rows * UNITS * sizeof *out);
    }
    expect_floats(session, 0, out, (size_t)batch * rows * UNITS, 2e-6f);
    for (int s = 0; s < states && e->spec.return_state; s++) expect_floats(session, 1 + (size_t)s, state[s], (size_t)batch * UNITS, 2e-6f);
}

static void check_example(struct example *e, int batch)
{
    struct fixture f;
    struct qc_build *b = begin(&f);
    struct qc_recurrent_result result;
    struct qc_tensor *state[2] = {0}, *output[3];
    uint32_t seed = 7;
    int count = 1;
    fill_cell(&e->cell, &seed);
    struct qc_tensor *x = input(&f, QC_FLOAT32, 3, (int32_t[]){1, STEPS, INPUTS}, 1);
    e->spec.cell = &e->cell;
    e->spec.cell_count = 1;
    e->spec.mask = e->has_mask ? input(&f, QC_BOOL, 2, (int32_t[]){1, STEPS}, 1) : NULL;
    e->spec.initial_state_count = e->has_state ? qc_recurrent_state_count(&e->spec) : 0;
    for (int i = 0; i < e->spec.initial_state_count; i++) state[i] = input(&f, QC_FLOAT32, 2, (int32_t[]){1, UNITS}, 1);
    e->spec.initial_state = e->has_state ? state : NULL;
    qc_lower_recurrent(b, x, &e->spec, &result);
    output[0] = result.output;
    for (int i = 0; i < result.state_count && e->spec.return_state; i++) output[count++] = result.state[i];
    struct qc_session *session = finish(&f, count, output, batch);
    for (int i = 0; i < 3; i++) call(e, session, batch, &seed);
    end(&f, session);
    free((void *)(uintptr_t)e->cell.kernel.data);
    free((void *)(uintptr_t)e->cell.recurrent_kernel.data);
    free((void *)(uintptr_t)e->cell.bias.data);
}

static void check_form(enum qc_recurrent form)
{
    static const struct qc_cell cells[] = {{.kind = QC_CELL_LSTM}, {.kind = QC_CELL_GRU, .reset_after = true}, {.kind = QC_CELL_GRU}, {.kind = QC_CELL_SIMPLE_RNN}};
    for (size_t c = 0; c < QC_COUNT(cells); c++)
        for (int bits = 0; bits < 64; bits++) {
            struct example e = {.cell = cells[c], .has_mask = bits & 1, .has_state = bits & 2};
            e.spec.form = form;
            e.spec.go_backwards = bits & 4;
            e.spec.return_sequences = bits & 8;
            e.spec.return_state = bits & 16;
            e.spec.zero_output_for_mask = bits & 32;
            check_example(&e, bits % 3 ? 1 : MAX_BATCH);
        }
}

static void loop(void **state)
{
    (void)state;
    check_form(QC_RECURRENT_LOOP);
}

static void unroll(void **state)
{
    (void)state;
    check_form(QC_RECURRENT_UNROLL);
}

static void fused(void **state)
{
    (void)state;
    for (int bits = 0; bits < 4; bits++) {
        struct example e = {.cell = {.kind = QC_CELL_LSTM}};
        e.spec.form = QC_RECURRENT_FUSED;
        e.spec.go_backwards = bits & 1;
        e.spec.return_sequences = bits & 2;
        check_example(&e, bits % 3 ? 1 : MAX_BATCH);
    }
}

static void automatic_form(enum qc_recurrent wish, int32_t steps, int free_axes, const char *form)
{
    struct fixture f;
    struct qc_build *b = begin(&f);
    struct qc_recurrent_result result;
    struct qc_cell cell = {.kind = QC_CELL_LSTM};
    struct qc_recurrent_spec spec = {.cell = &cell, .cell_count = 1, .return_sequences = true, .form = wish};
    uint32_t seed = 7;
    fill_cell(&cell, &seed);
    struct qc_tensor *x = input(&f, QC_FLOAT32, 3, (int32_t[]){1, steps, INPUTS}, free_axes);
    assert_int_equal(qc_lower_recurrent(b, x, &spec, &result), QC_OK);
    assert_non_null(strstr(qc_model_note(f.model, 0), form));
    qc_model_free(f.model);
    free((void *)(uintptr_t)cell.kernel.data);
    free((void *)(uintptr_t)cell.recurrent_kernel.data);
    free((void *)(uintptr_t)cell.bias.data);
}

static void automatic(void **state)
{
    (void)state;
    automatic_form(QC_RECURRENT_AUTO, 4 * (INPUTS + UNITS), 0, "recurrent form fused (the fastest in LiteRT for a sequence as long as this)");
    automatic_form(QC_RECURRENT_AUTO, 4 * (INPUTS + UNITS), 1, "recurrent form loop (the batch is free; with --batch 1 the fused form is faster");
    automatic_form(QC_RECURRENT_AUTO, INPUTS + UNITS, 1, "recurrent form loop (the fastest in LiteRT)");
    automatic_form(QC_RECURRENT_AUTO, 4, 1, "recurrent form unroll (it has few steps)");
    automatic_form(QC_RECURRENT_INT8, 4, 1, "recurrent form fused (the one with an int8 kernel)");
}

static void wrong_weights_are_a_sentence(void **state)
{
    (void)state;
    struct fixture f;
    struct qc_build *b = begin(&f);
    struct qc_recurrent_result result;
    struct qc_error error;
    float data[64] = {0};
    struct qc_cell cell = {.kind = QC_CELL_LSTM, .units = 2, .kernel = {data, 2, {5, 8}}, .recurrent_kernel = {data, 2, {2, 8}}};
    struct qc_recurrent_spec spec = {.cell = &cell, .cell_count = 1};
    struct qc_tensor *x = input(&f, QC_FLOAT32, 3, (int32_t[]){1, STEPS, INPUTS}, 1);
    assert_int_equal(qc_lower_recurrent(b, x, &spec, &result), QC_FORMAT);
    qc_env_take(&f.model->env, &error);
    assert_string_equal(error.text, "layer 'layer': the weight 'kernel' has the shape [5,8], the layer needs [3,8]");
    qc_model_free(f.model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(loop), cmocka_unit_test(unroll), cmocka_unit_test(fused), cmocka_unit_test(automatic),
                                       cmocka_unit_test(wrong_weights_are_a_sentence)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
