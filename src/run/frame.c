/*
 * frame.c - planning one graph for the shapes its inputs have. See run.h for the stages.
 *
 * Memory: a value is known while planning (a constant, or evaluated), or gets a piece of frame->memory (shape known), or a block of its own
 * (variables, strings, and what is dynamic). Values of operators that only pass bytes on (QC_OP_ALIAS), and elementwise results whose
 * operand dies with them (QC_OP_INPLACE), share their operand's memory: `root` leads to the value that owns it. Graph inputs and
 * constants are never overwritten.
 */
#include "run/run.h"

#include "base/huge.h"
#include <string.h>

enum { FOREVER = INT32_MAX };

/* Where values of no bytes and steps without scratch point, so that operators may do arithmetic on their pointers. */
static _Alignas(64) char nothing[64];

/* ---- making ---- */

static void reset_value(struct qc_frame *frame, uint32_t index)
{
    const struct qc_tensor *tensor = frame->graph->tensor[index];
    struct qc_frame_value *fv = &frame->value[index];
    struct qc_value *value = &fv->value;
    fv->root = (int32_t)index;
    fv->first = FOREVER;
    fv->last = -1;
    fv->window_bytes = 0;
    value->tensor = tensor;
    value->type = tensor->type;
    value->quant = tensor->quant;
    value->constant = value->known = tensor->constant;
    value->dynamic = false;
    value->stored = NULL;
    if (tensor->constant) value->data = tensor->data ? (void *)(uintptr_t)tensor->data : nothing;
    value->shaped = tensor->constant || tensor->variable;
    if (value->shaped) {
        value->rank = tensor->rank;
        memcpy(value->dims, tensor->dims, sizeof value->dims);
        value->bytes = tensor->constant ? tensor->bytes : qc_dtype_bytes(tensor->type, qc_tensor_elements(tensor));
    }
}

static bool is_input(const struct qc_graph *graph, uint32_t index)
{
    for (int i = 0; i < graph->input_count; i++)
        if (graph->input[i]->index == index) return true;
    return false;
}

qc_status qc_frame_make(struct qc_session *session, uint32_t index, struct qc_frame **result)
{
    struct qc_frame *frame = &session->frame[index];
    const struct qc_graph *graph = session->model->graph[index];
    *result = frame;
    if (frame->made) return QC_OK;
    size_t operands = 0;
    for (uint32_t n = 0; n < graph->node_count; n++)
        operands += (size_t)(graph->node[n]->in_count + graph->node[n]->out_count + graph->node[n]->intermediate_count);
    frame->session = session;
    frame->graph = graph;
    qc_arena_init(&frame->arena, &session->env);
    frame->value = qc_env_alloc(&session->env, (graph->tensor_count + 1) * sizeof *frame->value);
    frame->step = qc_env_alloc(&session->env, (graph->node_count + 1) * sizeof *frame->step);
    frame->pointers = qc_env_alloc(&session->env, (operands + 1) * sizeof *frame->pointers);
    if (!frame->value || !frame->step || !frame->pointers) return QC_NOMEM;
    struct qc_value **pointer = frame->pointers;
    for (uint32_t n = 0; n < graph->node_count; n++) {
        const struct qc_node *node = graph->node[n];
        struct qc_step *step = &frame->step[n].step;
        step->node = node;
        step->op = qc_session_op(session, node);
        step->rt = &session->rt;
        qc_arena_init(&frame->step[n].arena, &session->env);
        step->in_count = node->in_count;
        step->out_count = node->out_count;
        step->intermediate_count = node->intermediate_count;
        step->in = pointer;
        for (int i = 0; i < node->in_count; i++) *pointer++ = node->in[i] ? &frame->value[node->in[i]->index].value : NULL;
        step->out = pointer;
        for (int i = 0; i < node->out_count; i++) *pointer++ = node->out[i] ? &frame->value[node->out[i]->index].value : NULL;
        step->intermediate = pointer;
        for (int i = 0; i < node->intermediate_count; i++)
            *pointer++ = node->intermediate[i] ? &frame->value[node->intermediate[i]->index].value : NULL;
    }
    for (uint32_t i = 0; i < graph->tensor_count; i++) reset_value(frame, i);
    for (int i = 0; i < graph->input_count; i++) {
        struct qc_value *value = &frame->value[graph->input[i]->index].value;
        value->rank = graph->input[i]->rank;
        memcpy(value->dims, graph->input[i]->dims, sizeof value->dims);
    }
    frame->made = true;
    return QC_OK;
}

void qc_frame_free(struct qc_frame *frame)
{
    if (!frame->graph) return;
    struct qc_env *env = &frame->session->env;
    for (uint32_t n = 0; frame->step && n < frame->graph->node_count; n++) qc_arena_free(&frame->step[n].arena);
    for (uint32_t i = 0; frame->value && i < frame->graph->tensor_count; i++) qc_env_free(env, frame->value[i].heap);
    qc_arena_free(&frame->arena);
    qc_env_free(env, frame->memory);
    qc_env_free(env, frame->value);
    qc_env_free(env, frame->step);
    qc_env_free(env, frame->pointers);
    memset(frame, 0, sizeof *frame);
}

qc_status qc_frame_reserve(struct qc_frame *frame, struct qc_frame_value *fv, size_t bytes)
{
    if (!fv->heap || fv->heap_bytes < bytes) {
        struct qc_env *env = &frame->session->env;
        qc_env_free(env, fv->heap);
        fv->heap_bytes = 0;
        if (!(fv->heap = qc_env_resize(env, NULL, bytes + 64))) return QC_NOMEM;
        fv->heap_bytes = bytes;
    }
    fv->value.data = (void *)(((uintptr_t)fv->heap + 63) & ~(uintptr_t)63);
    fv->value.bytes = bytes;
    return QC_OK;
}

/* A variable begins at the real number 0: as LiteRT does it, at the zero point of an int8 tensor and at 0 bytes of any other. */
static void clear_variable(struct qc_value *value)
{
    memset(value->data, value->type == QC_INT8 ? qc_value_zero_point(value) & 0xff : 0, value->bytes);
}

void qc_frame_reset(struct qc_frame *frame)
{
    for (uint32_t i = 0; frame->made && i < frame->graph->tensor_count; i++)
        if (frame->graph->tensor[i]->variable && frame->value[i].value.data && !frame->value[i].value.constant)
            clear_variable(&frame->value[i].value);
}

/* ---- one step ---- */

struct qc_frame_value *qc_frame_holder(struct qc_value *value)
{
    return (struct qc_frame_value *)(void *)((char *)value - offsetof(struct qc_frame_value, value));
}

/* Is there anything that gives the tensor a value? */
static bool has_source(const struct qc_tensor *tensor)
{
    return tensor->producer || tensor->constant || tensor->variable || is_input(tensor->graph, tensor->index);
}

static qc_status check_step(struct qc_step *step)
{
    const struct qc_op *op = step->op;
    if (step->in_count < op->in_min || (op->in_max != 255 && step->in_count > op->in_max) || step->out_count < op->out_min ||
        (op->out_max != 255 && step->out_count > op->out_max))
        return qc_step_fail(step, QC_FORMAT, "%d inputs and %d outputs do not fit this operator", step->in_count, step->out_count);
    for (int i = 0; i < step->out_count; i++)
        if (!step->out[i]) return qc_step_fail(step, QC_FORMAT, "output %d is missing", i);
    for (int i = 0; i < step->in_count; i++)
        if (step->in[i] && !has_source(step->in[i]->tensor))
            return qc_step_fail(step, QC_FORMAT, "input %d ('%.100s') is never written", i, step->in[i]->tensor->name);
    return QC_OK;
}

static qc_status set_options(struct qc_frame *frame, struct qc_step *step)
{
    step->options = qc_op_options(step->op, step->node, &frame->arena);
    return step->options || !step->op->options ? QC_OK : QC_NOMEM;
}

static qc_status plan_and_prepare(struct qc_step *step)
{
    step->state = NULL;
    step->scratch_bytes = 0;
    step->scratch = nothing;
    step->kernel = NULL;
    step->finishes = step->banded = false;
    step->work = 0;
    if (step->op->plan) QC_TRY(step->op->plan(step));
    return QC_OK;
}

/* The results of constants alone, if another session (or an earlier plan) has computed them. */
static bool find_results(const struct qc_frame *frame, const struct qc_step *step)
{
    for (int i = 0; i < step->out_count; i++) {
        struct qc_value *out = step->out[i];
        out->data = nothing;
        if (!out->bytes) continue;
        out->data = (void *)(uintptr_t)qc_pack_find(frame->session->model, out->tensor, "value", out->bytes);
        if (!out->data) return false;
    }
    return true;
}

/* Plans, prepares and runs one step whose results have memory. */
static qc_status run_once(struct qc_step *step, struct qc_arena *scratch)
{
    step->arena = scratch;
    QC_TRY(plan_and_prepare(step));
    if (step->op->prepare) QC_TRY(step->op->prepare(step));
    char *raw = qc_arena_alloc(scratch, step->scratch_bytes + 64);
    if (!raw) return QC_NOMEM;
    step->scratch = (void *)(((uintptr_t)raw + 63) & ~(uintptr_t)63);
    return step->op->run(step);
}

/* Runs a step whose operands are all known, and makes its outputs known. Results of constants alone are kept with the model, so that
 * sessions share them. */
static qc_status evaluate(struct qc_frame *frame, struct qc_frame_step *fs, bool constant)
{
    struct qc_step *step = &fs->step;
    struct qc_env *env = &frame->session->env;
    struct qc_model *model = frame->session->model;
    qc_status status = QC_OK;
    if (constant && (step->op->flags & QC_OP_ALIAS) && step->out[0]->bytes == step->in[0]->bytes) {
        step->out[0]->data = step->in[0]->data;
    } else if (!constant || !find_results(frame, step)) {
        struct qc_arena scratch;
        qc_arena_init(&scratch, env);
        for (int i = 0; i < step->out_count; i++) step->out[i]->data = NULL;
        for (int i = 0; i < step->out_count && !status; i++) {
            struct qc_value *out = step->out[i];
            out->data = constant && out->bytes ? qc_pack_reserve(model, env, out->tensor, "value", out->bytes)
                                               : qc_arena_alloc(&frame->arena, out->bytes);
            if (!out->data) status = QC_NOMEM;
        }
        if (!status) status = run_once(step, &scratch);
        for (int i = 0; i < step->out_count && constant; i++) {
            struct qc_value *out = step->out[i];
            if (status)
                qc_pack_abandon(model, out->bytes ? out->data : NULL);
            else if (out->bytes)
                out->data = (void *)(uintptr_t)qc_pack_adopt(model, out->data);
        }
        qc_arena_free(&scratch);
    }
    for (int i = 0; i < step->out_count && !status; i++) {
        step->out[i]->known = true;
        step->out[i]->constant = constant;
    }
    step->arena = NULL;
    step->state = step->scratch = NULL;
    fs->evaluated = !status;
    return status;
}

/* Can it be evaluated now? *constant tells if nothing but constants is behind it. */
static bool evaluable(const struct qc_step *step, bool *constant)
{
    *constant = true;
    if ((step->op->flags & QC_OP_STATEFUL) || step->deferred) return false;
    size_t bytes = 0;
    for (int i = 0; i < step->in_count; i++) {
        const struct qc_value *in = step->in[i];
        if (!in) continue;
        if (!in->known && !(step->op->flags & QC_OP_SHAPE_ONLY)) return false;
        *constant &= in->known && in->constant;
    }
    for (int i = 0; i < step->out_count; i++) {
        if (step->out[i]->type == QC_STRING || step->out[i]->tensor->variable) return false;
        bytes += step->out[i]->bytes;
    }
    if (step->op->flags & QC_OP_SHAPE_ONLY) return true;
    return step->in_count && (*constant || bytes <= 4096); /* shape arithmetic is small; other known values wait for invoke */
}

/* DEQUANTIZE of a constant whose readers all take it as it is stored. */
static bool stays_stored(const struct qc_frame *frame, const struct qc_step *step)
{
    const struct qc_tensor *out = step->out[0]->tensor;
    if (step->op->code != tfl_BuiltinOperator_DEQUANTIZE || out->output_uses || !step->out[0]->bytes) return false;
    for (const struct qc_use *use = out->uses; use; use = use->next)
        if (use->slot >= 32 || !(qc_session_op(frame->session, use->node)->stored >> use->slot & 1)) return false;
    return true;
}

static qc_status plan_step(struct qc_frame *frame, struct qc_frame_step *fs)
{
    struct qc_step *step = &fs->step;
    bool constant, unknown = false;
    step->arena = &frame->arena;
    step->deferred = step->prepared = fs->evaluated = fs->at_invoke = false;
    step->finish = NULL;
    fs->at = (int32_t)(fs - frame->step);
    fs->bands = NULL;
    for (int i = 0; i < step->out_count; i++) /* finish.c may have put another in its place */
        if (step->out[i]) step->out[i] = &frame->value[step->node->out[i]->index].value;
    QC_TRY(check_step(step));
    QC_TRY(set_options(frame, step));
    for (int i = 0; i < step->in_count; i++) unknown |= step->in[i] && !step->in[i]->shaped;
    if (!unknown) QC_TRY(step->op->infer(step));
    if (unknown || step->deferred) {
        fs->at_invoke = true;
        for (int i = 0; i < step->out_count; i++) {
            step->out[i]->dynamic = true;
            step->out[i]->shaped = false;
        }
        return QC_OK;
    }
    for (int i = 0; i < step->out_count; i++) {
        if (!step->out[i]->shaped) return qc_step_fail(step, QC_UNSUPPORTED, "the shape of output %d cannot be found", i);
        if (step->out[i]->type == QC_STRING) step->out[i]->dynamic = true;
        if (step->out[i]->tensor->variable) QC_TRY(qc_frame_reserve(frame, qc_frame_holder(step->out[i]), step->out[i]->bytes));
    }
    if (!evaluable(step, &constant)) return plan_and_prepare(step);
    if (!constant || !stays_stored(frame, step)) return evaluate(frame, fs, constant);
    step->out[0]->known = step->out[0]->constant = fs->evaluated = true;
    step->out[0]->stored = step->in[0];
    step->out[0]->data = NULL;
    return QC_OK;
}

qc_status qc_frame_plan_step(struct qc_frame *frame, struct qc_frame_step *fs)
{
    struct qc_step *step = &fs->step;
    qc_arena_free(&fs->arena);
    step->arena = &fs->arena;
    step->deferred = false;
    uint8_t known[256];
    int count = QC_MIN(step->in_count, 256);
    for (int i = 0; i < count; i++) {
        known[i] = step->in[i] && step->in[i]->known;
        if (step->in[i]) step->in[i]->known = true;
    }
    qc_status status = step->op->infer(step);
    for (int i = 0; i < step->out_count && !status && !step->deferred; i++)
        if (step->out[i]->type != QC_STRING) status = qc_frame_reserve(frame, qc_frame_holder(step->out[i]), step->out[i]->bytes);
    if (!status) status = plan_and_prepare(step);
    if (!status && step->op->prepare) status = step->op->prepare(step);
    if (!status && step->scratch_bytes) {
        char *raw = qc_arena_alloc(&fs->arena, step->scratch_bytes + 64);
        if (!raw) status = QC_NOMEM;
        step->scratch = (void *)(((uintptr_t)raw + 63) & ~(uintptr_t)63);
    }
    for (int i = 0; i < count; i++)
        if (step->in[i]) step->in[i]->known = known[i];
    return status;
}

/* ---- memory ---- */

/* Does the value get a piece of frame->memory, or share one? */
static bool in_plan(const struct qc_frame *frame, const struct qc_frame_value *fv)
{
    const struct qc_value *value = &fv->value;
    return !value->known && !value->dynamic && value->shaped && value->type != QC_STRING && !value->tensor->variable && value->bytes &&
           fv >= frame->value;
}

static struct qc_frame_value *root_of(struct qc_frame *frame, struct qc_frame_value *fv)
{
    while (fv != &frame->value[fv->root]) fv = &frame->value[fv->root];
    return fv;
}

static void note_reading(struct qc_value *value, int32_t at)
{
    if (value) qc_frame_holder(value)->last = QC_MAX(qc_frame_holder(value)->last, at);
}

static void note_lives(struct qc_frame *frame)
{
    const struct qc_graph *graph = frame->graph;
    for (int i = 0; i < graph->input_count; i++) { /* inputs keep their contents from call to call */
        struct qc_frame_value *fv = &frame->value[graph->input[i]->index];
        fv->first = -1;
        fv->last = FOREVER;
    }
    for (uint32_t n = 0; n < graph->node_count; n++) {
        struct qc_step *step = &frame->step[n].step;
        if (frame->step[n].evaluated) continue;
        const int32_t at = frame->step[n].at;
        for (int i = 0; i < step->in_count; i++) note_reading(step->in[i], at);
        for (int i = 0; step->finish && i < step->finish->count; i++) note_reading(step->beside[i], at);
        for (int i = 0; i < step->out_count; i++) {
            struct qc_frame_value *fv = qc_frame_holder(step->out[i]);
            fv->first = QC_MIN(fv->first, at);
            fv->last = QC_MAX(fv->last, at);
        }
    }
    for (int i = 0; i < graph->output_count; i++) frame->value[graph->output[i]->index].last = FOREVER;
}

static void share(struct qc_frame *frame, struct qc_frame_value *out, struct qc_frame_value *root)
{
    out->root = (int32_t)(root - frame->value);
    frame->follows |= root->first < 0;
    root->first = QC_MIN(root->first, out->first);
    root->last = QC_MAX(root->last, out->last);
}

/* First operators that pass bytes on, then elementwise ones whose operand's memory dies there. */
static void share_memory(struct qc_frame *frame)
{
    for (int round = 0; round < 2; round++)
        for (uint32_t n = 0; n < frame->graph->node_count; n++) {
            struct qc_step *step = &frame->step[n].step;
            if (frame->step[n].evaluated || frame->step[n].at_invoke || !step->out_count || !step->in_count) continue;
            struct qc_frame_value *out = qc_frame_holder(step->out[0]);
            if (!in_plan(frame, out) || out->root != (int32_t)(out - frame->value)) continue;
            for (int slot = 0; slot < QC_MIN(step->in_count, 2); slot++) {
                struct qc_frame_value *in = step->in[slot] ? qc_frame_holder(step->in[slot]) : NULL;
                if (!in || !in_plan(frame, in) || in->value.bytes != out->value.bytes) continue;
                struct qc_frame_value *root = root_of(frame, in);
                bool alias = round == 0 && slot == 0 && (step->op->flags & QC_OP_ALIAS);
                bool inplace = round == 1 && (step->op->flags & (slot ? QC_OP_INPLACE_1 : QC_OP_INPLACE)) && root->last == (int32_t)n;
                if (alias && root->first < 0 && out->last == FOREVER) alias = false; /* an input is not an output */
                if (alias || inplace) {
                    share(frame, out, root);
                    break;
                }
            }
        }
}

struct blocks { /* what needs memory: values by number of their tensor, then scratch by number of its step */
    struct qc_block *block;
    uint32_t *owner, *order; /* order: for qc_layout */
    size_t count, values;
};

static void free_blocks(struct qc_env *env, struct blocks *b)
{
    qc_env_free(env, b->block);
    qc_env_free(env, b->owner);
}

static qc_status list_blocks(const struct qc_frame *frame, struct blocks *b)
{
    const struct qc_graph *graph = frame->graph;
    struct qc_env *env = &frame->session->env;
    const size_t most = (size_t)graph->tensor_count + graph->node_count + 1;
    *b = (struct blocks){.block = qc_env_resize(env, NULL, most * sizeof *b->block), .owner = qc_env_resize(env, NULL, 2 * most * sizeof *b->owner)};
    if (!b->block || !b->owner) return QC_NOMEM;
    b->order = b->owner + most;
    for (uint32_t i = 0; i < graph->tensor_count; i++) {
        const struct qc_frame_value *fv = &frame->value[i];
        if (!in_plan(frame, fv) || fv->root != (int32_t)i || fv->last < 0) continue;
        if (!frame->owns_inputs && is_input(graph, i)) continue; /* a called graph reads its caller's memory */
        b->owner[b->count] = i;
        b->block[b->count++] = (struct qc_block){fv->window_bytes ? fv->window_bytes : fv->value.bytes, 0, fv->first, fv->last};
    }
    b->values = b->count;
    for (uint32_t n = 0; n < graph->node_count; n++) {
        if (frame->step[n].evaluated || frame->step[n].at_invoke || !frame->step[n].step.scratch_bytes) continue;
        b->owner[b->count] = n;
        b->block[b->count++] = (struct qc_block){frame->step[n].step.scratch_bytes, 0, frame->step[n].at, frame->step[n].at};
    }
    return QC_OK;
}

size_t qc_frame_lower_bound(const struct qc_frame *frame)
{
    struct blocks b;
    const size_t bound = list_blocks(frame, &b) ? 0 : qc_layout_bound(b.block, b.count);
    free_blocks(&frame->session->env, &b);
    return bound;
}

static qc_status assign_memory(struct qc_frame *frame)
{
    const struct qc_graph *graph = frame->graph;
    struct qc_env *env = &frame->session->env;
    struct blocks b;
    qc_status status = list_blocks(frame, &b);
    if (!status) {
        size_t bytes = qc_layout(b.block, b.order, b.count);
        if (!frame->memory || frame->memory_bytes < bytes || frame->memory_bytes > 2 * bytes + 65536) {
            qc_env_free(env, frame->memory);
            frame->memory_bytes = bytes;
            if (!(frame->memory = qc_env_resize(env, NULL, qc_huge_room(bytes + 64)))) status = QC_NOMEM; /* 64 bytes of slack for vector reads */
        }
    }
    char *base = status ? NULL : qc_huge_align(frame->memory, frame->memory_bytes + 64);
    for (size_t i = 0; i < b.count && !status; i++)
        if (i < b.values)
            frame->value[b.owner[i]].value.data = frame->value[b.owner[i]].window = base + b.block[i].offset;
        else
            frame->step[b.owner[i]].step.scratch = base + b.block[i].offset;
    for (uint32_t i = 0; i < graph->tensor_count && !status; i++)
        if (frame->value[i].value.shaped && !frame->value[i].value.bytes && !frame->value[i].value.known)
            frame->value[i].value.data = nothing;
        else if (in_plan(frame, &frame->value[i]))
            frame->value[i].value.data = root_of(frame, &frame->value[i])->value.data;
    free_blocks(env, &b);
    return status;
}

/* ---- the whole ---- */

/* A model of so little work that waking a thread would cost more than it saves stays on the calling one. Bodies of loops are not looked into. */
static bool small(const struct qc_frame *frame)
{
    enum { LEAST = 4 << 20, EACH = 8 }; /* multiplications: some 80 us; for an element of other results */
    uint64_t work = 0;
    if (frame->session->model->graph_count > 1) return false;
    for (uint32_t n = 0; n < frame->graph->node_count; n++) {
        const struct qc_step *step = &frame->step[n].step;
        if (frame->step[n].at_invoke) return false;
        if (!frame->step[n].evaluated) work += step->work ? step->work : step->out_count ? qc_value_elements(step->out[0]) * EACH : 0;
    }
    return work < LEAST;
}

/* All but the memory of steps: their packed weights and tables. */
static qc_status plan(struct qc_frame *frame)
{
    const struct qc_graph *graph = frame->graph;
    struct qc_env *env = &frame->session->env;
    for (uint32_t i = 0; i < graph->tensor_count; i++) {
        struct qc_value *value = &frame->value[i].value, before = *value;
        reset_value(frame, i);
        if (!is_input(graph, i)) continue;
        memcpy(value->dims, before.dims, sizeof value->dims); /* an input's shape is set from outside */
        value->rank = before.rank;
        value->shaped = true;
        size_t count = 1;
        for (int k = 0; k < value->rank; k++)
            if (value->dims[k] < 0 || __builtin_mul_overflow(count, (size_t)value->dims[k], &count) || count > SIZE_MAX / 32)
                return qc_fail(env, QC_FORMAT, "input '%s': its shape has dimension %d at position %d", value->tensor->name,
                               (int)value->dims[k], k);
        value->bytes = value->type == QC_STRING ? before.bytes : qc_dtype_bytes(value->type, count);
    }
    for (uint32_t i = 0; i < graph->tensor_count; i++) {
        struct qc_frame_value *fv = &frame->value[i];
        if (!graph->tensor[i]->variable || graph->tensor[i]->constant || (!frame->owns_inputs && is_input(graph, i))) continue;
        bool fresh = !fv->heap;
        QC_TRY(qc_frame_reserve(frame, fv, fv->value.bytes));
        if (fresh) clear_variable(&fv->value);
    }
    if (frame == frame->session->main) frame->session->rt.pool = frame->session->pool;
    for (uint32_t n = 0; n < graph->node_count; n++) QC_TRY(plan_step(frame, &frame->step[n]));
    if (frame == frame->session->main && small(frame)) frame->session->rt.pool = NULL;
    QC_TRY(qc_frame_finish(frame));
    QC_TRY(qc_frame_bands(frame));
    note_lives(frame);
    share_memory(frame);
    return assign_memory(frame);
}

static qc_status prepare(struct qc_frame *frame)
{
    for (uint32_t n = 0; n < frame->graph->node_count; n++) {
        struct qc_frame_step *fs = &frame->step[n];
        if (fs->evaluated || fs->at_invoke || !fs->step.op->prepare) continue;
        QC_TRY(fs->step.op->prepare(&fs->step));
    }
    return QC_OK;
}

qc_status qc_frame_try(struct qc_frame *frame)
{
    frame->planned = false;
    return plan(frame);
}

qc_status qc_frame_plan(struct qc_frame *frame)
{
    qc_arena_free(&frame->arena);
    frame->planned = frame->follows = false;
    qc_status status = plan(frame);
    if (!status) status = prepare(frame);
    frame->planned = !status;
    return status;
}
