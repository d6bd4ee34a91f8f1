/*
 * recurrent_probe.c - what a loop is made of, and one step of it on random numbers. See recurrent_probe.h.
 *
 * A recurrent loop carries: counters (integers), lists (its input by time steps, perhaps a mask, and the output it fills), states, and
 * values that every step returns unchanged: weights and sizes. With a mask, the output of the step before is carried as well, in front
 * of the states.
 */
#include "import/savedmodel/recurrent_loop.h"

#include <math.h>
#include <string.h>

enum { STEPS = 3, STEP = 1 }; /* the probe runs step 1 of 3, so that time and constant positions can be told apart */

/* ---- classification ---- */

/* The tensor behind an invariant: a variable's contents or the tensor itself. */
static qc_status contents(struct qc_tf_step *s, int i, struct qc_tensor **tensor)
{
    *tensor = s->in[i].tensor;
    return s->in[i].kind == QC_TF_VARIABLE ? qc_tf_variable(s->im, &s->in[i], tensor) : QC_OK;
}

static bool add(int *list, int *count, int max, int value)
{
    if (*count == max) return false;
    list[(*count)++] = value;
    return true;
}

/* Sorts loop variable i into its class; false: no recurrent loop that we know. */
static bool classify(struct qc_tf_step *s, struct qc_tf_loop *loop, int i, bool invariant)
{
    const struct qc_tf_value *value = &s->in[i];
    struct qc_tensor *tensor;
    if (value->kind == QC_TF_LIST_VALUE) {
        if (!invariant) return add(loop->output, &loop->output_count, 1, i);
        bool mask = value->list->stacked && value->list->stacked->type == QC_BOOL;
        return value->list->stacked && (mask ? add(loop->mask, &loop->mask_count, 1, i) : add(loop->input, &loop->input_count, 1, i));
    }
    if (value->kind != QC_TF_TENSOR && value->kind != QC_TF_VARIABLE) return false;
    if (contents(s, i, &tensor) || !tensor || !tensor->has_shape) return false;
    if (tensor->type == QC_INT32 || tensor->type == QC_BOOL || tensor->type == QC_INT64) {
        if (!invariant) return tensor->rank == 0 && add(loop->counter, &loop->counter_count, QC_LOOP_COUNTERS, i);
        struct qc_tf_number number[64];
        return qc_tf_numbers(s->im, tensor, 64, number) >= 0;
    }
    if (tensor->type != QC_FLOAT32) return false;
    if (!invariant) return tensor->rank == 2 && add(loop->state, &loop->state_count, 3, i);
    if (!tensor->constant) return false;
    if (tensor->rank < 1 || tensor->rank > 2 || qc_tensor_elements(tensor) < 1) return true; /* a number: passed as it is */
    return add(loop->weight, &loop->weight_count, QC_PROBE_WEIGHTS, i);
}

/* false: it has not the form of a recurrent loop. */
static bool inspect(struct qc_tf_step *s, const struct qc_tf_body *body, struct qc_tf_loop *loop)
{
    if (body->arg_count != s->in_count || body->ret_count != s->in_count) return false;
    for (int i = 0; i < s->in_count; i++)
        if (!classify(s, loop, i, qc_tf_unchanged(body, i) == i)) return false;
    if (loop->input_count != 1 || loop->output_count != 1) return false;
    loop->x = s->in[loop->input[0]].list->stacked;
    if (loop->x->type != QC_FLOAT32 || loop->x->rank != 3) return false;
    /* With a mask the first float is the output of the step before. */
    int states = loop->state_count - loop->mask_count;
    if (states < 1 || states > 2) return false;
    loop->first_state = loop->mask_count;
    const struct qc_tensor *state = s->in[loop->state[loop->first_state]].tensor;
    loop->steps = loop->x->dims[0];
    loop->batch = loop->x->dims[1];
    loop->inputs = loop->x->dims[2];
    loop->units = state->dims[1];
    for (int i = 0; i < loop->state_count; i++) {
        const struct qc_tensor *tensor = s->in[loop->state[i]].tensor;
        if (tensor->dims[1] != loop->units || tensor->dims[0] != loop->batch) return false;
    }
    return loop->units > 0 && loop->inputs > 0 && loop->batch > 0;
}

/* ---- one step on random numbers ---- */

static float random_float(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
    return (float)((double)(*seed >> 40) / (1 << 23) - 1);
}

static float *random_array(struct qc_arena *arena, size_t count, float scale, uint64_t *seed)
{
    float *data = qc_arena_array(arena, count, sizeof *data);
    for (size_t i = 0; data && i < count; i++) data[i] = scale * random_float(seed);
    return data;
}

static struct qc_tensor *constant(struct qc_tf_import *probe, qc_dtype type, int rank, const int32_t *dims, const void *data)
{
    return qc_build_constant(&probe->b, "probe", type, rank, dims, data);
}

static qc_status tensor_arg(struct qc_tf_value *arg, enum qc_tf_kind kind, struct qc_tensor *tensor)
{
    *arg = (struct qc_tf_value){.kind = kind, .tensor = tensor, .id = -1};
    return tensor ? QC_OK : QC_NOMEM;
}

/* A list whose step STEP is `step` [batch, ...] and whose others differ from it. */
static qc_status list_arg(struct qc_tf_import *probe, struct qc_tf_value *arg, const struct qc_tf_list *from, qc_dtype type, const void *step, size_t bytes)
{
    struct qc_tf_list *list = qc_arena_copy(probe->scratch, from, sizeof *list);
    char *all = qc_arena_alloc(probe->scratch, STEPS * bytes);
    int32_t dims[QC_MAX_RANK];
    if (!list || !all) return QC_NOMEM;
    memcpy(all + STEP * bytes, step, bytes);
    memcpy(dims, from->stacked->dims, sizeof dims);
    dims[0] = STEPS;
    list->stacked = constant(probe, type, from->stacked->rank, dims, all);
    list->count = STEPS;
    list->free = false;
    *arg = (struct qc_tf_value){.kind = QC_TF_LIST_VALUE, .list = list};
    return list->stacked ? QC_OK : QC_NOMEM;
}

static qc_status output_list_arg(struct qc_tf_import *probe, struct qc_tf_value *arg, const struct qc_tf_list *from)
{
    struct qc_tf_list *list = qc_arena_copy(probe->scratch, from, sizeof *list);
    if (!list) return QC_NOMEM;
    list->stacked = NULL;
    list->count = STEPS;
    list->free = false;
    list->item = qc_arena_array(probe->scratch, STEPS, sizeof *list->item);
    *arg = (struct qc_tf_value){.kind = QC_TF_LIST_VALUE, .list = list};
    return list->item ? QC_OK : QC_NOMEM;
}

/* Numbers that the loop is given: counters stand at STEP, sizes at their own values. */
static qc_status number_arg(struct qc_tf_step *s, struct qc_tf_import *probe, int i, bool counter, struct qc_tf_value *arg)
{
    const struct qc_tensor *tensor = s->in[i].tensor;
    struct qc_tf_number number[64];
    int64_t wide[64];
    int32_t narrow[64];
    bool truth[64];
    int count = counter ? 1 : qc_tf_numbers(s->im, tensor, 64, number);
    for (int k = 0; k < count; k++) {
        wide[k] = counter ? STEP : number[k].value;
        narrow[k] = (int32_t)wide[k];
        truth[k] = wide[k] != 0;
    }
    const void *data = tensor->type == QC_INT64 ? (const void *)wide : tensor->type == QC_INT32 ? (const void *)narrow : truth;
    return tensor_arg(arg, QC_TF_TENSOR, constant(probe, tensor->type, tensor->rank, tensor->dims, data));
}

static int position(const int *list, int count, int value)
{
    for (int i = 0; i < count; i++)
        if (list[i] == value) return i;
    return -1;
}

/* Arguments of the body for one run. */
static qc_status make_args(struct qc_tf_step *s, struct qc_tf_import *probe, const struct qc_tf_loop *loop, bool mask, uint64_t *seed,
                           struct qc_tf_sample *sample, float *previous, struct qc_tf_value *arg)
{
    size_t state_count = (size_t)loop->batch * (size_t)loop->units;
    float scale = 1.5f / sqrtf((float)(loop->inputs + loop->units) / 2);
    for (int i = 0; i < s->in_count; i++) {
        int at;
        struct qc_tensor *tensor;
        if ((at = position(loop->weight, loop->weight_count, i)) >= 0) {
            QC_TRY(contents(s, i, &tensor));
            struct qc_tf_array2 *w = &sample->weight[at];
            *w = (struct qc_tf_array2){NULL, tensor->rank == 2 ? tensor->dims[0] : 1, tensor->dims[tensor->rank - 1]};
            w->data = random_array(probe->scratch, (size_t)w->rows * (size_t)w->columns, w->rows > 2 ? scale : .7f, seed);
            if (!w->data) return QC_NOMEM;
            QC_TRY(tensor_arg(&arg[i], s->in[i].kind, constant(probe, QC_FLOAT32, tensor->rank, tensor->dims, w->data)));
        } else if ((at = position(loop->state, loop->state_count, i)) >= 0) {
            float *data = random_array(probe->scratch, state_count, 1, seed);
            if (!data) return QC_NOMEM;
            if (at < loop->first_state) memcpy(previous, data, state_count * sizeof *data);
            else sample->before[at - loop->first_state] = data;
            QC_TRY(tensor_arg(&arg[i], QC_TF_TENSOR, constant(probe, QC_FLOAT32, 2, s->in[i].tensor->dims, data)));
        } else if (i == loop->input[0]) {
            size_t count = (size_t)loop->batch * (size_t)loop->inputs;
            if (!(sample->x = random_array(probe->scratch, count, 1, seed))) return QC_NOMEM;
            QC_TRY(list_arg(probe, &arg[i], s->in[i].list, QC_FLOAT32, sample->x, count * sizeof *sample->x));
        } else if (loop->mask_count && i == loop->mask[0]) {
            size_t count = qc_tensor_elements(s->in[i].list->stacked) / (size_t)QC_MAX(loop->steps, 1);
            bool *all = qc_arena_alloc(probe->scratch, count);
            if (!all) return QC_NOMEM;
            memset(all, mask, count);
            QC_TRY(list_arg(probe, &arg[i], s->in[i].list, QC_BOOL, all, count));
        } else if (i == loop->output[0]) {
            QC_TRY(output_list_arg(probe, &arg[i], s->in[i].list));
        } else if (s->in[i].tensor->type == QC_FLOAT32) {
            QC_TRY(contents(s, i, &tensor));
            QC_TRY(tensor_arg(&arg[i], s->in[i].kind, constant(probe, tensor->type, tensor->rank, tensor->dims, tensor->data)));
        } else
            QC_TRY(number_arg(s, probe, i, position(loop->counter, loop->counter_count, i) >= 0, &arg[i]));
    }
    return QC_OK;
}

static bool known(const struct qc_tf_value *value)
{
    return value->kind == QC_TF_TENSOR && value->tensor && value->tensor->constant;
}

static bool same_numbers(const struct qc_tensor *tensor, const float *data, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!(fabsf(((const float *)tensor->data)[i] - (data ? data[i] : 0)) <= 1e-5f)) return false;
    return true;
}

/* The one element that the step set in the output list: its number, or -1. */
static int64_t set_element(const struct qc_tf_value *value, const struct qc_tensor **tensor)
{
    int64_t found = -1;
    if (value->kind != QC_TF_LIST_VALUE || !value->list->item) return -1;
    for (int64_t i = 0; i < value->list->count; i++)
        if (value->list->item[i]) {
            if (found >= 0 || !value->list->item[i]->constant) return -1;
            found = i;
            *tensor = value->list->item[i];
        }
    return found;
}

/* Runs the body once. *sound: everything was computed, counters went up by one, and the output list took the new first state (masked: see
 * `mask`). */
static qc_status run_step(struct qc_tf_step *s, struct qc_tf_import *probe, struct qc_tf_loop *loop, struct pb_bytes body, bool mask,
                          uint64_t *seed, struct qc_tf_sample *sample, bool *sound)
{
    size_t count = (size_t)loop->batch * (size_t)loop->units;
    struct qc_tf_value *arg = qc_arena_array(probe->scratch, (size_t)s->in_count, sizeof *arg);
    struct qc_tf_value *out = qc_arena_array(probe->scratch, (size_t)s->in_count, sizeof *out);
    float *previous = qc_arena_array(probe->scratch, count, sizeof *previous);
    const struct qc_tensor *element = NULL;
    if (!arg || !out || !previous) return QC_NOMEM;
    QC_TRY(make_args(s, probe, loop, mask, seed, sample, previous, arg));
    QC_TRY(qc_tf_call(probe, body, s->in_count, arg, NULL, s->in_count, out));
    for (int i = 0; i < loop->counter_count; i++) {
        int64_t value;
        if (out[loop->counter[i]].kind != QC_TF_TENSOR || !qc_tf_int(probe, out[loop->counter[i]].tensor, &value) || value != STEP + 1) return QC_OK;
    }
    for (int i = 0; i < loop->state_count; i++) {
        const struct qc_tf_value *value = &out[loop->state[i]];
        if (!known(value) || value->tensor->type != QC_FLOAT32 || qc_tensor_elements(value->tensor) != count) return QC_OK;
        if (i >= loop->first_state) sample->after[i - loop->first_state] = (float *)(uintptr_t)value->tensor->data;
    }
    int64_t at = set_element(&out[loop->output[0]], &element);
    if (at < 0 || qc_tensor_elements(element) != count || element->type != QC_FLOAT32) return QC_OK;
    loop->sequence = at == STEP;
    if (at != STEP && at != 0) return QC_OK;
    if (mask || !loop->mask_count) {
        *sound = same_numbers(element, sample->after[0], count);
        return QC_OK;
    }
    loop->zero_output = same_numbers(element, NULL, count);
    *sound = loop->zero_output || same_numbers(element, previous, count);
    for (int i = 0; i + loop->first_state < loop->state_count; i++)
        for (size_t k = 0; k < count; k++) *sound &= sample->after[i][k] == sample->before[i][k];
    return QC_OK;
}

/* Does the condition hold in front of each of loop->steps steps, and then no more? */
static qc_status counts_right(struct qc_tf_step *s, struct qc_tf_import *probe, const struct qc_tf_loop *loop, struct pb_bytes cond,
                              const struct qc_tf_value *sample_arg, bool *right)
{
    struct qc_tf_value *arg = qc_arena_copy(probe->scratch, sample_arg, (size_t)s->in_count * sizeof *arg), more;
    int32_t at[3] = {0, loop->steps - 1, loop->steps};
    if (!arg) return QC_NOMEM;
    *right = false;
    for (int k = 0; k < 3; k++) {
        double truth;
        for (int i = 0; i < loop->counter_count; i++) QC_TRY(tensor_arg(&arg[loop->counter[i]], QC_TF_TENSOR, qc_build_i32(&probe->b, at[k])));
        QC_TRY(qc_tf_call(probe, cond, s->in_count, arg, NULL, 1, &more));
        if (more.kind != QC_TF_TENSOR || !qc_tf_splat(probe, more.tensor, &truth) || (truth != 0) != (k < 2)) return QC_OK;
    }
    for (int i = 0; i < loop->counter_count; i++) { /* all start at 0 */
        int64_t start;
        if (!qc_tf_int(s->im, s->in[loop->counter[i]].tensor, &start) || start) return QC_OK;
    }
    *right = true;
    return QC_OK;
}

static qc_status probe_loop(struct qc_tf_step *s, struct qc_tf_import *probe, struct pb_bytes cond, struct pb_bytes body,
                            struct qc_tf_loop *loop, bool *found)
{
    struct qc_tf_sample sample[QC_PROBE_ROUNDS] = {0}, masked = {0};
    uint64_t seed = 12345;
    size_t count = (size_t)loop->batch * (size_t)loop->units;
    int rounds = count >= 16 ? 2 : QC_PROBE_ROUNDS; /* few numbers tell little each */
    for (int r = 0; r < rounds; r++) {
        bool sound = false;
        QC_TRY(run_step(s, probe, loop, body, true, &seed, &sample[r], &sound));
        if (!sound) return QC_OK;
    }
    QC_TRY(qc_tf_guess_cell(probe, rounds, sample, loop->weight_count, loop->state_count - loop->first_state, loop->batch, loop->inputs,
                            loop->units, &loop->guess, found));
    if (!*found) return QC_OK;
    *found = false;
    if (loop->mask_count) {
        QC_TRY(run_step(s, probe, loop, body, false, &seed, &masked, found));
        if (!*found) return QC_OK;
    }
    struct qc_tf_value *arg = qc_arena_array(probe->scratch, (size_t)s->in_count, sizeof *arg);
    float *previous = qc_arena_array(probe->scratch, count, sizeof *previous);
    if (!arg || !previous) return QC_NOMEM;
    QC_TRY(make_args(s, probe, loop, true, &seed, &masked, previous, arg));
    return counts_right(s, probe, loop, cond, arg, found);
}

/* A scratch model to compute in. Trouble there means that the loop is not known, nothing more. */
static qc_status in_scratch_model(struct qc_tf_step *s, struct pb_bytes cond, struct pb_bytes body, struct qc_tf_loop *loop, bool *found)
{
    struct qc_error error;
    struct qc_model *model = qc_model_new(NULL, &error);
    if (!model) return qc_fail(s->im->env, QC_NOMEM, "%s", error.text);
    struct qc_arena scratch;
    qc_arena_init(&scratch, &model->env);
    struct qc_tf_import probe = {.model = model, .env = &model->env, .b = {.graph = model->graph[0]}, .scratch = &scratch, .package = s->im->package,
                                 .op = s->im->op, .op_count = s->im->op_count, .nodes_left = 100000, .bytes_left = (size_t)256 << 20,
                                 .depth = s->im->depth, .probing = true};
    qc_status status = probe_loop(s, &probe, cond, body, loop, found);
    if (status) *found = false;
    qc_arena_free(&scratch);
    qc_model_free(model);
    return qc_build_status(s->b);
}

qc_status qc_tf_recurrent(struct qc_tf_step *s, struct pb_bytes cond, struct pb_bytes body, bool *done)
{
    struct qc_tf_loop loop = {0};
    struct qc_tf_body *opened;
    QC_TRY(qc_tf_function_body(s->im->package, body, &opened));
    *done = opened && inspect(s, opened, &loop);
    QC_TRY(qc_build_status(s->b));
    if (!*done) return QC_OK;
    QC_TRY(in_scratch_model(s, cond, body, &loop, done));
    return *done ? qc_tf_write_recurrent(s, &loop) : QC_OK;
}
