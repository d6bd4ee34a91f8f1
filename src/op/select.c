/*
 * select.c - SELECT, SELECT_V2 (choice by a condition) and WHERE (the places where a tensor is not zero).
 */
#include "kernel/row.h"
#include "op/shared/broadcast.h"
#include "op/shared/check.h"
#include "op/shared/rules.h"
#include "op/shared/version.h"

#define CODE(name) tfl_BuiltinOperator_##name

/* ---- SELECT, SELECT_V2 ---- */

static qc_status select_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 3));
    QC_TRY(qc_need_type(step, 0, QC_SET(BOOL)));
    QC_TRY(qc_need_type(step, 1, QC_SET_FIXED & ~QC_SET(COMPLEX128)));
    QC_TRY(qc_need_same_type(step, 1, 2));
    const struct qc_value *condition = step->in[0], *x = step->in[1], *y = step->in[2];
    const struct qc_tensor *declared = step->out[0]->tensor;
    bool single = qc_value_elements(condition) == 1 && qc_value_elements(x) == 1 && qc_value_elements(y) == 1;
    if (single && declared->has_shape && qc_tensor_elements(declared) == 1) /* as the file has it */
        return qc_step_output(step, 0, x->type, declared->rank, declared->dims);
    if (step->op->code == CODE(SELECT_V2)) return qc_infer_broadcast(step, 3, x->type);
    if (!qc_value_same_shape(x, y)) return qc_step_fail(step, QC_FORMAT, "inputs 1 and 2 differ in shape");
    bool rows = condition->rank == 1 && x->rank > 0 && condition->dims[0] == x->dims[0];
    if (condition->rank != 0 && !rows && !qc_value_same_shape(condition, x) && !(qc_value_elements(condition) == 1 && qc_value_elements(x) == 1))
        return qc_step_fail(step, QC_FORMAT, "the condition is neither a scalar, nor of the operands' shape, nor one number for each of their rows");
    return qc_step_output_like(step, 0, x->type, x);
}

struct state {
    struct qc_broadcast plan;
    qc_row_fn *row;
};

#define SELECT_ROW(name, T)                                                                                    \
    static void name(const void *params, void *out, const void *const *in, const size_t *step, size_t n)       \
    {                                                                                                          \
        const uint8_t *c = in[0];                                                                              \
        const T *x = in[1], *y = in[2];                                                                        \
        T *o = out;                                                                                            \
        const size_t cs = step[0], xs = step[1], ys = step[2];                                                 \
        (void)params;                                                                                          \
        if (cs == 0) {                                                                                         \
            const T *from = *c ? x : y;                                                                        \
            const size_t fs = *c ? xs : ys;                                                                    \
            for (size_t i = 0; i < n; i++) o[i] = from[i * fs];                                                \
        } else {                                                                                               \
            for (size_t i = 0; i < n; i++) o[i] = c[i] ? x[i * xs] : y[i * ys];                                \
        }                                                                                                      \
    }
SELECT_ROW(select_8, uint8_t)
SELECT_ROW(select_16, uint16_t)
SELECT_ROW(select_32, uint32_t)
SELECT_ROW(select_64, uint64_t)

static qc_status select_plan(struct qc_step *step)
{
    struct state *s = qc_step_alloc(step, sizeof *s);
    if (!s) return QC_NOMEM;
    step->state = s;
    size_t width = qc_width(step->in[1]);
    s->row = width == 1 ? select_8 : width == 2 ? select_16 : width == 4 ? select_32 : select_64;
    struct qc_value condition = *step->in[0];
    struct qc_value *in[3] = {&condition, step->in[1], step->in[2]};
    if (step->op->code == CODE(SELECT)) {
        const struct qc_value *x = step->in[1];
        if (qc_value_elements(x) == 1) {
            condition.rank = 0;
        } else if (condition.rank == 1 && x->rank > 1) { /* one for each row: [n, 1, 1 ...] */
            condition.rank = x->rank;
            for (int d = 1; d < x->rank; d++) condition.dims[d] = 1;
        }
    }
    qc_broadcast_plan(&s->plan, 3, in, step->out[0]);
    return QC_OK;
}

static qc_status select_run(struct qc_step *step)
{
    const struct state *s = step->state;
    qc_broadcast_run(&s->plan, s->row, NULL, step->in, step->out[0], step->rt->pool);
    return QC_OK;
}

static int select_version(const struct qc_node *node)
{
    qc_dtype type = qc_node_type(node, 1);
    if (type == QC_UINT32) return 4;
    for (int k = 0; k < 3; k++)
        if (qc_node_rank(node, k) == 5) return 3;
    return type == QC_INT8 ? 2 : 1;
}

QC_VERSION_BY_TYPE(select_v2_version, 1, {QC_UINT32, 2})

/* ---- WHERE ---- */

static bool is_set(const struct qc_value *value, size_t i)
{
    switch (qc_width(value)) {
    case 1: return ((const uint8_t *)value->data)[i] != 0;
    case 8: return ((const int64_t *)value->data)[i] != 0;
    default: return value->type == QC_FLOAT32 ? ((const float *)value->data)[i] != 0 : ((const int32_t *)value->data)[i] != 0;
    }
}

static qc_status where_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 1));
    QC_TRY(qc_need_type(step, 0, QC_SET(BOOL) | QC_SET(FLOAT32) | QC_SET_INDEX | QC_SET(INT8) | QC_SET(UINT8) | QC_SET(UINT32)));
    const struct qc_value *in = step->in[0];
    if (in->rank == 0) return qc_step_fail(step, QC_FORMAT, "input 0 is a scalar");
    if (!in->known) return qc_defer(step, 0, QC_INT64);
    size_t count = qc_value_elements(in), found = 0;
    for (size_t i = 0; i < count; i++) found += is_set(in, i);
    int32_t dims[2] = {0, in->rank};
    QC_TRY(qc_need_dim(step, (int64_t)found, &dims[0]));
    return qc_step_output(step, 0, QC_INT64, 2, dims);
}

static qc_status where_run(struct qc_step *step)
{
    const struct qc_value *in = step->in[0];
    int64_t *to = step->out[0]->data, index[QC_MAX_RANK] = {0};
    size_t count = qc_value_elements(in);
    for (size_t i = 0; i < count; i++) {
        if (is_set(in, i))
            for (int d = 0; d < in->rank; d++) *to++ = index[d];
        for (int d = in->rank - 1; d >= 0 && ++index[d] == in->dims[d]; d--) index[d] = 0;
    }
    return QC_OK;
}

static int where_version(const struct qc_node *node)
{
    return qc_node_type(node, 0) == QC_BOOL ? 1 : 2;
}

/* ---- registration ---- */

static const struct qc_quant_rule select_rule = {.modes = QC_Q_INT8 | QC_Q_INT16,
                                                 .in = {{.role = QC_ROLE_KEEP}, {.role = QC_ROLE_ACTIVATION}, {.role = QC_ROLE_SAME}},
                                                 .output = QC_OUTPUT_SAME,
                                                 .same_as = 1};

const struct qc_op qc_op_select[] = {
    {.name = "SELECT", .code = CODE(SELECT), .options = &tfl_SelectOptions_table, .in_min = 3, .in_max = 3, .out_min = 1, .out_max = 1,
     .max_version = 4, .quant = &select_rule, .infer = select_infer, .plan = select_plan, .run = select_run, .version = select_version},
    {.name = "SELECT_V2", .code = CODE(SELECT_V2), .options = &tfl_SelectV2Options_table, .in_min = 3, .in_max = 3, .out_min = 1, .out_max = 1,
     .max_version = 2, .quant = &select_rule, .infer = select_infer, .plan = select_plan, .run = select_run, .version = select_v2_version},
    {.name = "WHERE", .code = CODE(WHERE), .options = &tfl_WhereOptions_table, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1,
     .max_version = 2, .infer = where_infer, .run = where_run, .version = where_version},
    {0},
};
