/*
 * control.c - operators that run other subgraphs: IF, WHILE, CALL_ONCE, STABLEHLO_CASE, STABLEHLO_COMPOSITE.
 *
 * A result whose shape is the same whichever way the flow goes is planned like any other; else it is found while running.
 */
#include "op/shared/check.h"
#include "op/shared/recurrent_loop.h"
#include <stdio.h>

#define CODE(name) tfl_BuiltinOperator_##name

/* ---- shapes ---- */

static qc_status need_graph(struct qc_step *step, int32_t index, int in_count, int out_count)
{
    const struct qc_model *model = step->rt->model;
    if (index < 0 || (uint32_t)index >= model->graph_count)
        return qc_step_fail(step, QC_FORMAT, "it names subgraph %d, but there are only %u", index, model->graph_count);
    const struct qc_graph *graph = model->graph[index];
    if (graph == step->node->graph) return qc_step_fail(step, QC_FORMAT, "it calls the subgraph '%s' that it stands in", graph->name);
    if (graph->input_count != in_count || graph->output_count != out_count)
        return qc_step_fail(step, QC_FORMAT, "subgraph '%s' takes %d inputs and gives %d results, not %d and %d", graph->name, graph->input_count,
                            graph->output_count, in_count, out_count);
    for (int i = 0; i < in_count; i++)
        if (!graph->input[i]) return qc_step_fail(step, QC_FORMAT, "subgraph '%s' lacks its input %d", graph->name, i);
    return QC_OK;
}

/* What a subgraph gives for these inputs, in `result` [out_count]. Outside a session: what its tensors declare. */
static qc_status infer_call(struct qc_step *step, int32_t index, int in_count, struct qc_value *const *in, int out_count, struct qc_value *result)
{
    const struct qc_graph *graph = step->rt->model->graph[index];
    struct qc_value **pointer = qc_step_alloc(step, ((size_t)out_count + 1) * sizeof *pointer);
    if (!pointer) return QC_NOMEM;
    for (int i = 0; i < out_count; i++) {
        const struct qc_tensor *tensor = graph->output[i];
        if (!tensor) return qc_step_fail(step, QC_FORMAT, "subgraph '%s' lacks its result %d", graph->name, i);
        pointer[i] = &result[i];
        result[i] = (struct qc_value){.type = tensor->type, .rank = tensor->rank, .shaped = tensor->has_shape, .tensor = tensor};
        memcpy(result[i].dims, tensor->dims, sizeof result[i].dims);
    }
    if (!step->rt->call_infer) return QC_OK;
    return step->rt->call_infer(step->rt, (uint32_t)index, in_count, in, out_count, pointer);
}

/* Outputs of one of several subgraphs, chosen by data: shaped where all agree. */
static qc_status infer_branches(struct qc_step *step, int first, uint32_t count, const int32_t *graph)
{
    int in_count = step->in_count - first, out_count = step->out_count;
    struct qc_value *result = qc_step_alloc(step, ((size_t)out_count + 1) * sizeof *result), *agreed = NULL;
    if (!result) return QC_NOMEM;
    for (uint32_t b = 0; b < count; b++) {
        QC_TRY(need_graph(step, graph[b], in_count, out_count));
        QC_TRY(infer_call(step, graph[b], in_count, step->in + first, out_count, result));
        if (b == 0) {
            agreed = result;
            if (!(result = qc_step_alloc(step, ((size_t)out_count + 1) * sizeof *result))) return QC_NOMEM;
            continue;
        }
        for (int i = 0; i < out_count; i++) {
            if (agreed[i].type != result[i].type)
                return qc_step_fail(step, QC_FORMAT, "result %d is %s in one branch and %s in another", i, qc_dtype_name(agreed[i].type),
                                    qc_dtype_name(result[i].type));
            agreed[i].shaped &= result[i].shaped && qc_value_same_shape(&agreed[i], &result[i]);
        }
    }
    bool shaped = agreed != NULL || out_count == 0;
    for (int i = 0; i < out_count && agreed; i++) shaped &= agreed[i].shaped;
    for (int i = 0; i < out_count; i++) {
        if (shaped) QC_TRY(qc_step_output_like(step, i, agreed[i].type, &agreed[i]));
        else QC_TRY(qc_defer(step, i, agreed[i].type));
    }
    return QC_OK;
}

/* ---- IF, STABLEHLO_CASE, STABLEHLO_COMPOSITE, CALL_ONCE ---- */

static qc_status if_infer(struct qc_step *step)
{
    const struct tfl_IfOptions *options = step->options;
    QC_TRY(qc_need_inputs(step, step->in_count));
    QC_TRY(qc_need_type(step, 0, QC_SET(BOOL)));
    QC_TRY(qc_need_scalar(step, 0));
    int32_t graph[2] = {options->then_subgraph_index, options->else_subgraph_index};
    return infer_branches(step, 1, 2, graph);
}

static qc_status if_run(struct qc_step *step)
{
    const struct tfl_IfOptions *options = step->options;
    bool condition = *(const uint8_t *)step->in[0]->data != 0;
    int32_t graph = condition ? options->then_subgraph_index : options->else_subgraph_index;
    return step->rt->call(step->rt, (uint32_t)graph, step->in_count - 1, step->in + 1, step->out_count, step->out);
}

static qc_status case_infer(struct qc_step *step)
{
    const struct tfl_StablehloCaseOptions *options = step->options;
    QC_TRY(qc_need_inputs(step, step->in_count));
    QC_TRY(qc_need_type(step, 0, QC_SET(INT32)));
    QC_TRY(qc_need_scalar(step, 0));
    if (options->branch_subgraph_indices.count == 0) return qc_step_fail(step, QC_FORMAT, "there are no branches");
    return infer_branches(step, 1, options->branch_subgraph_indices.count, options->branch_subgraph_indices.data);
}

/* An index outside takes the last branch. */
static qc_status case_run(struct qc_step *step)
{
    const struct tfl_StablehloCaseOptions *options = step->options;
    int32_t index = *(const int32_t *)step->in[0]->data, count = (int32_t)options->branch_subgraph_indices.count;
    if (index < 0 || index >= count) index = count - 1;
    return step->rt->call(step->rt, (uint32_t)options->branch_subgraph_indices.data[index], step->in_count - 1, step->in + 1, step->out_count,
                          step->out);
}

static qc_status composite_infer(struct qc_step *step)
{
    const struct tfl_StableHLOCompositeOptions *options = step->options;
    QC_TRY(qc_need_inputs(step, step->in_count));
    return infer_branches(step, 0, 1, &options->decomposition_subgraph_index);
}

static qc_status composite_run(struct qc_step *step)
{
    const struct tfl_StableHLOCompositeOptions *options = step->options;
    return step->rt->call(step->rt, (uint32_t)options->decomposition_subgraph_index, step->in_count, step->in, step->out_count, step->out);
}

static qc_status call_once_infer(struct qc_step *step)
{
    const struct tfl_CallOnceOptions *options = step->options;
    return need_graph(step, options->init_subgraph_index, 0, 0);
}

/* Once for each session. */
static qc_status call_once_run(struct qc_step *step)
{
    static char done;
    const struct tfl_CallOnceOptions *options = step->options;
    char name[16];
    snprintf(name, sizeof name, "%d", options->init_subgraph_index);
    struct qc_resource *mark = step->rt->resource(step->rt, "CALL_ONCE", name);
    if (!mark) return QC_NOMEM;
    if (mark->data) return QC_OK;
    mark->data = &done;
    return step->rt->call(step->rt, (uint32_t)options->init_subgraph_index, 0, NULL, 0, NULL);
}

/* ---- WHILE ---- */

/*
 * The carried values alternate between the outputs and a spare block in scratch. Values that the body hands on untouched stay where they
 * are; values whose size changes, and strings, are copied to a block of their own.
 */
struct carried {
    bool untouched, dynamic;
    struct qc_value spare; /* static: in scratch; dynamic: in heap */
    size_t offset;         /* in scratch */
    void *heap;
    size_t heap_bytes;
};

struct while_state {
    struct qc_recurrent_loop *recurrent; /* runs in place of the loop; NULL: it is no recurrent layer */
    struct carried carried[];
};

static qc_status while_infer(struct qc_step *step)
{
    const struct tfl_WhileOptions *options = step->options;
    int count = step->in_count;
    QC_TRY(qc_need_inputs(step, count));
    if (step->out_count != count) return qc_step_fail(step, QC_FORMAT, "%d inputs but %d outputs", count, step->out_count);
    QC_TRY(need_graph(step, options->cond_subgraph_index, count, 1));
    QC_TRY(need_graph(step, options->body_subgraph_index, count, count));
    struct qc_value condition, *result = qc_step_alloc(step, ((size_t)count + 1) * sizeof *result);
    if (!result) return QC_NOMEM;
    QC_TRY(infer_call(step, options->cond_subgraph_index, count, step->in, 1, &condition));
    if (condition.type != QC_BOOL || (condition.shaped && qc_value_elements(&condition) != 1))
        return qc_step_fail(step, QC_FORMAT, "the condition is not one bool");
    QC_TRY(infer_call(step, options->body_subgraph_index, count, step->in, count, result));
    bool fixed = true;
    for (int i = 0; i < count; i++) {
        const struct qc_value *in = step->in[i];
        if (result[i].type != in->type)
            return qc_step_fail(step, QC_FORMAT, "value %d enters as %s and leaves the body as %s", i, qc_dtype_name(in->type), qc_dtype_name(result[i].type));
        fixed &= result[i].shaped && qc_value_same_shape(&result[i], in);
    }
    const struct qc_model *model = step->rt->model;
    fixed = fixed || qc_recurrent_loop_known(step, model->graph[options->cond_subgraph_index], model->graph[options->body_subgraph_index]);
    for (int i = 0; i < count; i++) {
        if (fixed) QC_TRY(qc_step_output_like(step, i, step->in[i]->type, step->in[i]));
        else QC_TRY(qc_defer(step, i, step->in[i]->type));
    }
    return QC_OK;
}

static qc_status while_plan(struct qc_step *step)
{
    const struct tfl_WhileOptions *options = step->options;
    const struct qc_graph *body = step->rt->model->graph[options->body_subgraph_index];
    struct while_state *state = step->state = qc_step_alloc(step, sizeof *state + ((size_t)step->in_count + 1) * sizeof *state->carried);
    if (!state) return QC_NOMEM;
    QC_TRY(qc_recurrent_loop_plan(step, step->rt->model->graph[options->cond_subgraph_index], body, &state->recurrent));
    struct carried *c = state->carried;
    for (int i = 0; i < step->in_count; i++) {
        c[i].untouched = body->output[i] == body->input[i];
        c[i].dynamic = step->out[i]->dynamic || step->out[i]->type == QC_STRING;
        if (!c[i].untouched && !c[i].dynamic) c[i].offset = qc_step_scratch(step, step->out[i]->bytes);
    }
    return QC_OK;
}

static qc_status while_prepare(struct qc_step *step)
{
    const struct while_state *state = step->state;
    return state->recurrent ? qc_recurrent_loop_prepare(step, state->recurrent) : QC_OK;
}

/* Puts a dynamic value aside, so that the body may write the output it stands in. */
static qc_status keep(struct qc_step *step, struct carried *c, const struct qc_value *from)
{
    if (c->heap_bytes < from->bytes || !c->heap) {
        void *grown = qc_env_resize(step->rt->env, c->heap, from->bytes + 1);
        if (!grown) return QC_NOMEM;
        c->heap = grown;
        c->heap_bytes = from->bytes;
    }
    c->spare = *from;
    c->spare.data = c->heap;
    if (from->bytes) memcpy(c->heap, from->data, from->bytes);
    return QC_OK;
}

static qc_status loop(struct qc_step *step, struct carried *c, struct qc_value **now, struct qc_value **next)
{
    const struct tfl_WhileOptions *options = step->options;
    struct qc_runtime *rt = step->rt;
    int count = step->in_count;
    uint8_t flag = 0;
    struct qc_value condition = {.type = QC_BOOL, .shaped = true, .data = &flag, .bytes = 1}, *flag_out = &condition;
    condition.tensor = rt->model->graph[options->cond_subgraph_index]->output[0];
    for (;;) {
        QC_TRY(rt->call(rt, (uint32_t)options->cond_subgraph_index, count, now, 1, &flag_out));
        if (!flag) return QC_OK;
        for (int i = 0; i < count; i++) {
            if (c[i].untouched) {
                next[i] = NULL;
            } else if (c[i].dynamic) {
                if (now[i] != step->in[i]) {
                    QC_TRY(keep(step, &c[i], now[i]));
                    now[i] = &c[i].spare;
                }
                next[i] = step->out[i];
            } else {
                next[i] = now[i] == step->out[i] ? &c[i].spare : step->out[i];
            }
        }
        QC_TRY(rt->call(rt, (uint32_t)options->body_subgraph_index, count, now, count, next));
        for (int i = 0; i < count; i++)
            if (next[i]) now[i] = next[i];
    }
}

static qc_status while_run(struct qc_step *step)
{
    struct while_state *state = step->state;
    struct carried *c = state->carried;
    size_t count = (size_t)step->in_count;
    bool done = false;
    if (state->recurrent) QC_TRY(qc_recurrent_loop_run(step, state->recurrent, &done));
    if (done) return QC_OK;
    struct qc_value **now = qc_env_alloc(step->rt->env, (2 * count + 1) * sizeof *now);
    if (!now) return QC_NOMEM;
    for (size_t i = 0; i < count; i++) {
        now[i] = step->in[i];
        if (c[i].untouched || c[i].dynamic) continue;
        c[i].spare = *step->out[i];
        c[i].spare.data = (char *)step->scratch + c[i].offset;
    }
    qc_status status = loop(step, c, now, now + count);
    for (size_t i = 0; i < count && !status; i++)
        if (now[i] != step->out[i]) status = step->rt->assign(step->rt, step->out[i], now[i]);
    for (size_t i = 0; i < count; i++) {
        qc_env_free(step->rt->env, c[i].heap);
        c[i].heap = NULL;
        c[i].heap_bytes = 0;
    }
    qc_env_free(step->rt->env, now);
    return status;
}

/* ---- registration ---- */

#define OP(op_name, table, least_in, least_out, infer_hook, plan_hook, prepare_hook, run_hook) \
    {.name = #op_name, .code = CODE(op_name), .options = table, .in_min = least_in, .in_max = 255, .out_min = least_out, .out_max = 255, \
     .flags = QC_OP_STATEFUL, .infer = infer_hook, .plan = plan_hook, .prepare = prepare_hook, .run = run_hook}

const struct qc_op qc_op_control[] = {
    OP(IF, &tfl_IfOptions_table, 1, 0, if_infer, NULL, NULL, if_run),
    OP(WHILE, &tfl_WhileOptions_table, 1, 1, while_infer, while_plan, while_prepare, while_run),
    OP(CALL_ONCE, &tfl_CallOnceOptions_table, 0, 0, call_once_infer, NULL, NULL, call_once_run),
    OP(STABLEHLO_CASE, &tfl_StablehloCaseOptions_table, 1, 0, case_infer, NULL, NULL, case_run),
    OP(STABLEHLO_COMPOSITE, &tfl_StableHLOCompositeOptions_table, 0, 0, composite_infer, NULL, NULL, composite_run),
    {0},
};
