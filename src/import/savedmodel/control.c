/*
 * control.c - values that only pass through, calls and conditionals. See graph.h.
 */
#include "import/savedmodel/branch.h"
#include "import/savedmodel/captures.h"
#include "import/savedmodel/control.h"
#include "import/savedmodel/match.h"

#include <string.h>

#define FAILED(s) ((s)->im->env->error.status)

enum { CALLS = -1 }; /* code of rows that look at values of any kind, unsupported ones too */

/* ---- constants and what passes ---- */

static qc_status lower_const(struct qc_tf_step *s)
{
    struct pb_bytes message = pb_find(qc_tf_attr(s->node, "value"), 8);
    struct qc_tf_array array;
    struct qc_tensor *tensor;
    char *what = qc_arena_printf(s->im->scratch, "Const '%.*s'", QC_PB(s->node->name));
    if (!what) return QC_NOMEM;
    if (!message.at) return qc_tf_fail(s, QC_FORMAT, "has no value");
    int64_t type = (int64_t)pb_find_number(message, 1, 0);
    if (type == QC_TF_STRING) {
        QC_TRY(qc_tf_outputs(s, 1));
        s->out[0] = (struct qc_tf_value){.kind = QC_TF_TEXT, .id = -1};
        return QC_OK;
    }
    qc_dtype known;
    if (!qc_tf_dtype(type, &known) || !qc_dtype_bits(known)) return qc_tf_unsupported(s, "has an element type that TFLite lacks (%lld)", (long long)type);
    QC_TRY(qc_tf_array_from_tensor(&s->im->model->arena, what, message, s->im->bytes_left, &array));
    if (array.data && !pb_find(message, 4).size) s->im->bytes_left -= QC_MIN(s->im->bytes_left, array.bytes);
    QC_TRY(qc_tf_constant(s->im, qc_arena_printf(s->im->scratch, "%.*s", QC_PB(s->node->name)), &array, &tensor));
    return qc_tf_return(s, tensor);
}

static qc_status forward(struct qc_tf_step *s)
{
    QC_TRY(qc_tf_outputs(s, s->in_count));
    memcpy(s->out, s->in, (size_t)s->in_count * sizeof *s->out);
    return QC_OK;
}

static qc_status drop(struct qc_tf_step *s)
{
    return qc_tf_outputs(s, 0);
}

static qc_status lower_placeholder(struct qc_tf_step *s)
{
    return qc_tf_fail(s, QC_FORMAT, "is an input that the signature does not name");
}

/* ---- calls ---- */

qc_status qc_tf_wants(struct qc_tf_step *s, int count, bool **want)
{
    *want = qc_arena_array(s->im->scratch, (size_t)count, sizeof **want);
    if (!*want) return QC_NOMEM;
    for (int i = 0; i < count; i++) (*want)[i] = !s->want || (i < s->want_count && s->want[i]);
    return QC_OK;
}

int qc_tf_unchanged(const struct qc_tf_body *body, int i)
{
    struct pb_bytes reference = body->ret[i];
    for (int hops = 0; hops < 16; hops++) {
        int arg = qc_tf_arg_find(body, reference);
        if (arg >= 0) return arg;
        for (size_t k = 0; k < reference.size; k++)
            if (reference.at[k] == ':') reference.size = k;
        int64_t at = qc_tf_node_find(body, reference);
        if (at < 0 || !pb_equal(body->node[at].op, "Identity")) return -1;
        struct pb_reader in = pb_open(body->node[at].message);
        struct pb_field field;
        reference = (struct pb_bytes){NULL, 0};
        while (pb_next(&in, &field))
            if (field.number == 3 && field.wire == PB_LENGTH && !reference.at) reference = field.bytes;
        if (!reference.at) return -1;
    }
    return -1;
}

static qc_status call(struct qc_tf_step *s, struct pb_bytes function, int in_count, const struct qc_tf_value *in)
{
    struct qc_tf_body *body;
    bool *want;
    QC_TRY(qc_tf_function_body(s->im->package, function, &body));
    if (!body) return qc_tf_fail(s, QC_FORMAT, "calls the function '%.*s', which is missing", QC_PB(function));
    QC_TRY(qc_tf_outputs(s, body->ret_count));
    QC_TRY(qc_tf_wants(s, body->ret_count, &want));
    return qc_tf_call(s->im, function, in_count, in, want, body->ret_count, s->out);
}

static struct pb_bytes callee(const struct qc_tf_node *node)
{
    struct pb_bytes function = qc_tf_attr_function(node, "f");
    return function.at ? function : node->op; /* called by its own name */
}

int qc_tf_bound(struct qc_tf_import *im, const struct qc_tf_node *node)
{
    struct pb_bytes concrete = im->captures ? qc_tf_concrete(im, callee(node)) : (struct pb_bytes){NULL, 0};
    return concrete.at ? qc_tf_bound_count(concrete) : 0;
}

/* A function called from the top level is given its captures behind the arguments. */
static qc_status call_bound(struct qc_tf_step *s)
{
    int count = qc_tf_bound(s->im, s->node);
    struct qc_tf_value *in = qc_arena_array(s->im->scratch, (size_t)s->in_count + (size_t)count, sizeof *in);
    if (!in) return QC_NOMEM;
    memcpy(in, s->in, (size_t)s->in_count * sizeof *in);
    struct pb_bytes concrete = qc_tf_concrete(s->im, callee(s->node));
    for (int i = 0; i < count; i++) QC_TRY(qc_tf_bound_value(s->im, concrete, i, &in[s->in_count + i]));
    return call(s, callee(s->node), s->in_count + count, in);
}

static qc_status lower_call(struct qc_tf_step *s)
{
    return s->body->name.at ? call(s, callee(s->node), s->in_count, s->in) : call_bound(s);
}

/* ---- conditionals ---- */

static qc_status lower_if(struct qc_tf_step *s)
{
    double truth;
    if (s->in_count < 1 || s->in[0].kind == QC_TF_UNSUPPORTED) return qc_tf_unsupported(s, "has a condition that cannot be converted");
    struct qc_tensor *condition = qc_tf_tensor(s, 0);
    if (!condition) return FAILED(s);
    struct pb_bytes branch[2] = {qc_tf_attr_function(s->node, "then_branch"), qc_tf_attr_function(s->node, "else_branch")};
    if (!qc_tf_splat(s->im, condition, &truth)) return s->im->probing ? qc_tf_unsupported(s, "has a condition that depends on data") : qc_tf_choose(s, 2, branch);
    return call(s, branch[truth == 0], s->in_count - 1, s->in + 1);
}

/* An index outside takes the last branch. */
static qc_status lower_case(struct qc_tf_step *s)
{
    enum { MAX_BRANCHES = 64 };
    struct qc_tensor *which = s->in_count ? qc_tf_tensor(s, 0) : NULL;
    struct pb_reader in = pb_open(pb_find(qc_tf_attr(s->node, "branches"), 1));
    struct pb_bytes branch[MAX_BRANCHES];
    struct pb_field field;
    int64_t index;
    int count = 0;
    if (!which) return FAILED(s) ? FAILED(s) : qc_tf_fail(s, QC_FORMAT, "has no inputs");
    while (pb_next(&in, &field)) {
        if (field.number != 9 || field.wire != PB_LENGTH) continue;
        if (count == MAX_BRANCHES) return qc_tf_unsupported(s, "has more than 64 branches");
        branch[count++] = pb_find(field.bytes, 1);
    }
    if (!count) return qc_tf_fail(s, QC_FORMAT, "has no branches");
    if (qc_tf_int(s->im, which, &index)) return call(s, branch[index < 0 || index >= count ? count - 1 : index], s->in_count - 1, s->in + 1);
    return s->im->probing ? qc_tf_unsupported(s, "has a choice that depends on data") : qc_tf_choose(s, count, branch);
}

/*
 * TensorFlow 1: Switch sends a value to the side of a conditional that is taken, Merge joins the sides. The condition is nearly always
 * whether the model is being trained, and fixed in a saved one.
 */
static qc_status lower_switch(struct qc_tf_step *s)
{
    double truth;
    struct qc_tensor *condition = qc_tf_tensor(s, 1);
    if (!condition) return FAILED(s);
    if (!qc_tf_splat(s->im, condition, &truth))
        return qc_tf_unsupported(s, "is a conditional of TensorFlow 1 whose condition depends on data; save the model again with TensorFlow 2");
    QC_TRY(qc_tf_outputs(s, 2));
    s->out[truth != 0] = s->in[0];
    s->out[truth == 0] = (struct qc_tf_value){.kind = QC_TF_DEAD};
    return QC_OK;
}

static qc_status lower_merge(struct qc_tf_step *s)
{
    int live = -1, count = 0;
    for (int i = 0; i < s->in_count; i++)
        if (s->in[i].kind != QC_TF_DEAD) live = i, count++;
    if (count != 1) return qc_tf_unsupported(s, "is a conditional of TensorFlow 1 of which %d sides are taken; save the model again with TensorFlow 2", count);
    QC_TRY(qc_tf_outputs(s, 2));
    s->out[0] = s->in[live];
    s->out[1] = (struct qc_tf_value){.kind = QC_TF_TENSOR, .tensor = qc_build_i32(s->b, live)};
    return s->out[1].tensor ? QC_OK : QC_NOMEM;
}

static qc_status refuse_loop(struct qc_tf_step *s)
{
    return qc_tf_unsupported(s, "is a loop of TensorFlow 1; save the model again with TensorFlow 2, or freeze it with the loop unrolled");
}

/* ---- variables ---- */

static qc_status lower_handle(struct qc_tf_step *s)
{
    QC_TRY(qc_tf_outputs(s, 1));
    if (qc_tf_attr_type(s->node, "dtype", 0) == QC_TF_STRING) {
        s->out[0] = (struct qc_tf_value){.kind = QC_TF_TEXT, .id = -1};
        return QC_OK;
    }
    QC_TRY(qc_tf_node_variable(s->im, s->node, &s->out[0]));
    if (!s->op->detail) return QC_OK;
    s->out[0].kind = QC_TF_TENSOR; /* a reference variable is its value */
    return qc_tf_here(s->im, s->out[0].tensor, &s->out[0].tensor);
}

static qc_status lower_read(struct qc_tf_step *s)
{
    struct qc_tensor *tensor;
    if (s->in[0].kind != QC_TF_VARIABLE) return qc_tf_fail(s, QC_FORMAT, "reads what is no variable");
    QC_TRY(qc_tf_variable(s->im, &s->in[0], &tensor));
    return qc_tf_return(s, tensor);
}

static qc_status lower_resource_gather(struct qc_tf_step *s)
{
    struct qc_tensor *table, *ids = qc_tf_tensor(s, 1);
    if (!ids) return FAILED(s);
    if (s->in[0].kind != QC_TF_VARIABLE) return qc_tf_fail(s, QC_FORMAT, "reads what is no variable");
    QC_TRY(qc_tf_variable(s->im, &s->in[0], &table));
    if (qc_tf_attr_int(s->node, "batch_dims", 0)) return qc_tf_unsupported(s, "with batch_dims has no TFLite form");
    return qc_tf_gather(s, table, ids, 0, 0);
}

static qc_status refuse_state(struct qc_tf_step *s)
{
    return qc_tf_unsupported(s, "changes the model's state, which a .tflite of quantc does not have");
}

const struct qc_tf_op qc_tf_control_ops[] = {
    {"Const", lower_const, 0, 0, 0, 0},
    {"Identity", forward, 1, 1, 0, 0},
    {"IdentityN", forward, -1, -1, CALLS, 0},
    {"StopGradient", forward, 1, 1, 0, 0},
    {"PreventGradient", forward, 1, 1, 0, 0},
    {"CheckNumerics", forward, 1, 1, 0, 0},
    {"Snapshot", forward, 1, 1, 0, 0},
    {"EnsureShape", forward, 1, 1, 0, 0},
    {"PlaceholderWithDefault", forward, 1, 1, 0, 0},
    {"Placeholder", lower_placeholder, 0, 0, 0, 0},
    {"Assert", drop, 0, -1, 0, 0},
    {"Print", forward, 1, -1, 0, 0},
    {"PrintV2", drop, 0, -1, 0, 0},
    {"NoOp", drop, 0, 0, 0, 0},
    {"PartitionedCall", lower_call, -1, -1, CALLS, 0},
    {"StatefulPartitionedCall", lower_call, -1, -1, CALLS, 0},
    {"If", lower_if, -1, -1, CALLS, 0},
    {"StatelessIf", lower_if, -1, -1, CALLS, 0},
    {"Case", lower_case, -1, -1, CALLS, 0},
    {"StatelessCase", lower_case, -1, -1, CALLS, 0},
    {"While", qc_tf_lower_while, -1, -1, CALLS, 0},
    {"StatelessWhile", qc_tf_lower_while, -1, -1, CALLS, 0},
    {"Switch", lower_switch, 2, 2, 0, 0},
    {"Merge", lower_merge, 1, -1, 0, 0},
    {"Enter", refuse_loop, 0, -1, 0, 0},
    {"Exit", refuse_loop, 0, -1, 0, 0},
    {"NextIteration", refuse_loop, 0, -1, 0, 0},
    {NULL, NULL, 0, 0, 0, 0},
};

const struct qc_tf_op qc_tf_resource_ops[] = {
    {"VarHandleOp", lower_handle, 0, 0, 0, 0},
    {"VariableV2", lower_handle, 0, 0, 0, 1},
    {"Variable", lower_handle, 0, 0, 0, 1},
    {"ReadVariableOp", lower_read, 1, 1, 0, 0},
    {"ResourceGather", lower_resource_gather, 2, 2, 0, 0},
    {"AssignVariableOp", refuse_state, 0, -1, 0, 0},
    {"AssignAddVariableOp", refuse_state, 0, -1, 0, 0},
    {"Assign", refuse_state, 0, -1, 0, 0},
    {NULL, NULL, 0, 0, 0, 0},
};
