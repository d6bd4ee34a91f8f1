/*
 * variable.c - resource variables, which keep their value for the life of a session: VAR_HANDLE, ASSIGN_VARIABLE, READ_VARIABLE.
 *
 * A handle is the number of the session's resource with the variable's container and name.
 */
#include "op/quant_rule.h"
#include "op/shared/check.h"

struct variable {
    qc_dtype type;
    uint8_t rank;
    int32_t dims[QC_MAX_RANK];
    size_t bytes, room;
    void *data;
};

static void destroy(struct qc_env *env, void *data)
{
    struct variable *v = data;
    if (v) qc_env_free(env, v->data);
    qc_env_free(env, v);
}

/* ---- VAR_HANDLE ---- */

static qc_status handle_infer(struct qc_step *step)
{
    return qc_step_output(step, 0, QC_RESOURCE, 0, NULL);
}

static qc_status handle_run(struct qc_step *step)
{
    const struct tfl_VarHandleOptions *options = step->options;
    struct qc_resource *resource = step->rt->resource(step->rt, options->container, options->shared_name);
    if (!resource) return QC_NOMEM;
    *(int32_t *)step->out[0]->data = resource->id;
    return QC_OK;
}

static qc_status need_handle(struct qc_step *step)
{
    QC_TRY(qc_need_type(step, 0, QC_SET(RESOURCE) | QC_SET(INT32)));
    return qc_need_scalar(step, 0);
}

static qc_status find(struct qc_step *step, struct qc_resource **resource)
{
    int32_t id = *(const int32_t *)step->in[0]->data;
    *resource = step->rt->resource_at(step->rt, id);
    if (*resource && (!(*resource)->data || (*resource)->destroy == destroy)) return QC_OK;
    return qc_step_fail(step, QC_FORMAT, "handle %d is not that of a variable", id);
}

/* ---- ASSIGN_VARIABLE ---- */

static qc_status assign_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 2));
    return need_handle(step);
}

static qc_status assign_run(struct qc_step *step)
{
    const struct qc_value *in = step->in[1];
    struct qc_env *env = step->rt->env;
    struct qc_resource *resource;
    QC_TRY(find(step, &resource));
    struct variable *v = resource->data;
    if (!v) {
        if (!(v = qc_env_alloc(env, sizeof *v))) return QC_NOMEM;
        resource->data = v;
        resource->destroy = destroy;
    }
    if (!v->data || v->room < in->bytes) {
        void *grown = qc_env_resize(env, v->data, in->bytes);
        if (!grown) return QC_NOMEM;
        v->data = grown;
        v->room = in->bytes;
    }
    v->type = in->type;
    v->rank = in->rank;
    memcpy(v->dims, in->dims, sizeof v->dims);
    v->bytes = in->bytes;
    if (in->bytes) memcpy(v->data, in->data, in->bytes);
    return QC_OK;
}

/* ---- READ_VARIABLE ---- */

static qc_status read_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 1));
    QC_TRY(need_handle(step));
    const struct qc_tensor *declared = step->out[0]->tensor;
    bool fixed = declared->has_shape && declared->rank > 0 && declared->type != QC_STRING;
    for (int d = 0; d < declared->rank; d++) fixed &= declared->signature[d] >= 0;
    if (!fixed) return qc_defer(step, 0, declared->type);
    return qc_step_output(step, 0, declared->type, declared->rank, declared->dims);
}

static qc_status read_run(struct qc_step *step)
{
    struct qc_value *out = step->out[0];
    struct qc_resource *resource;
    QC_TRY(find(step, &resource));
    const struct variable *v = resource->data;
    if (!v) return qc_step_fail(step, QC_RANGE, "the variable '%s' is read before it is assigned", resource->name);
    if (v->type != out->type)
        return qc_step_fail(step, QC_FORMAT, "the variable '%s' holds %s, not %s", resource->name, qc_dtype_name(v->type), qc_dtype_name(out->type));
    if (step->deferred || out->dynamic) QC_TRY(step->rt->resize(step->rt, out, v->rank, v->dims, v->bytes));
    if (out->bytes != v->bytes)
        return qc_step_fail(step, QC_RANGE, "the variable '%s' holds %zu bytes, not %zu", resource->name, v->bytes, out->bytes);
    if (v->bytes) memcpy(out->data, v->data, v->bytes);
    return QC_OK;
}

static const struct qc_quant_rule assign_rule = {
    .modes = QC_Q_INT8 | QC_Q_INT16, .in = {{.role = QC_ROLE_KEEP}, {.role = QC_ROLE_ACTIVATION}}, .output = QC_OUTPUT_KEEP};
static const struct qc_quant_rule read_rule = {.modes = QC_Q_INT8 | QC_Q_INT16, .in = {{.role = QC_ROLE_KEEP}}, .output = QC_OUTPUT_CALIBRATED};
static const struct qc_quant_rule handle_rule = {.modes = QC_Q_INT8 | QC_Q_INT16, .in = {{.role = QC_ROLE_KEEP}}, .output = QC_OUTPUT_KEEP};

const struct qc_op qc_op_variable[] = {
    {.name = "VAR_HANDLE", .code = tfl_BuiltinOperator_VAR_HANDLE, .options = &tfl_VarHandleOptions_table, .in_min = 0, .in_max = 0, .out_min = 1,
     .out_max = 1, .flags = QC_OP_STATEFUL, .quant = &handle_rule, .infer = handle_infer, .run = handle_run},
    {.name = "ASSIGN_VARIABLE", .code = tfl_BuiltinOperator_ASSIGN_VARIABLE, .options = &tfl_AssignVariableOptions_table, .in_min = 2,
     .in_max = 2, .out_min = 0, .out_max = 0, .flags = QC_OP_STATEFUL, .quant = &assign_rule, .infer = assign_infer, .run = assign_run},
    {.name = "READ_VARIABLE", .code = tfl_BuiltinOperator_READ_VARIABLE, .options = &tfl_ReadVariableOptions_table, .in_min = 1, .in_max = 1,
     .out_min = 1, .out_max = 1, .flags = QC_OP_STATEFUL, .quant = &read_rule, .infer = read_infer, .run = read_run},
    {0},
};
