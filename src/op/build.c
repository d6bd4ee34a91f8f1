/*
 * build.c - adding nodes in one call. See build.h.
 */
#include "op/build.h"

#include <stdio.h>
#include <string.h>

static struct qc_tensor none;

struct qc_tensor *qc_none(void)
{
    return &none;
}

qc_status qc_build_status(const struct qc_build *b)
{
    return b->graph->model->env.error.status;
}

static void make_name(struct qc_build *b, char *name, size_t size, const char *suffix)
{
    if (b->scope && *b->scope)
        snprintf(name, size, "%s/%s_%u", b->scope, suffix, b->serial++);
    else
        snprintf(name, size, "%s_%u", suffix, b->serial++);
}

static void lower_case(char *text)
{
    for (; *text; text++)
        if (*text >= 'A' && *text <= 'Z') *text = (char)(*text + 32);
}

/* The type of results until it is inferred, which it is not for operands of unknown shape: the first operand's for most operators. */
static qc_dtype likely_type(int code, const void *options, int in_count, struct qc_tensor *const *in)
{
    switch (code) {
    case tfl_BuiltinOperator_LESS:
    case tfl_BuiltinOperator_LESS_EQUAL:
    case tfl_BuiltinOperator_GREATER:
    case tfl_BuiltinOperator_GREATER_EQUAL:
    case tfl_BuiltinOperator_EQUAL:
    case tfl_BuiltinOperator_NOT_EQUAL: return QC_BOOL;
    case tfl_BuiltinOperator_CAST: return options ? (qc_dtype)((const struct tfl_CastOptions *)options)->out_data_type : QC_FLOAT32;
    default: return in_count && in[0] ? in[0]->type : QC_FLOAT32;
    }
}

qc_status qc_build_ops(struct qc_build *b, int code, const void *options, int in_count, struct qc_tensor *const *in, int out_count,
                       struct qc_tensor **out)
{
    struct qc_model *model = b->graph->model;
    struct qc_tensor *operand[256];
    for (int i = 0; i < out_count; i++) out[i] = NULL;
    if (model->env.error.status) return model->env.error.status;
    const struct qc_op *op = qc_op_find(code, NULL);
    const char *op_name = tfl_operator_name(code);
    if (!op) return qc_fail(&model->env, QC_UNSUPPORTED, "%s is not an operator of this build", op_name ? op_name : "?");
    struct qc_tensor **list = in_count <= (int)QC_COUNT(operand) ? operand : qc_arena_array(&model->arena, (size_t)in_count, sizeof *list);
    if (!list) return QC_NOMEM;
    for (int i = 0; i < in_count; i++) {
        if (!in[i]) return qc_fail(&model->env, QC_INVALID, "%s '%s': operand %d is missing", op_name, b->scope ? b->scope : "", i);
        list[i] = in[i] == &none ? NULL : in[i];
    }
    for (int i = 0; i < out_count; i++) {
        char suffix[40], name[512];
        snprintf(suffix, sizeof suffix, "%s", op_name);
        lower_case(suffix);
        make_name(b, name, sizeof name, suffix);
        if (!(out[i] = qc_graph_add_tensor(b->graph, name, likely_type(code, options, in_count, list), 0, NULL))) return QC_NOMEM;
        out[i]->has_shape = false; /* until inferred */
    }
    struct qc_node *node = qc_graph_add_node(b->graph, b->before, code, op->options, options, in_count, list, out_count, out);
    if (!node) return QC_NOMEM;
    if (b->scope && !(node->name = qc_arena_string(&model->arena, b->scope))) return QC_NOMEM;
    return qc_node_infer(node);
}

struct qc_tensor *qc_build_op(struct qc_build *b, int code, const void *options, int in_count, struct qc_tensor *const *in)
{
    struct qc_tensor *out;
    return qc_build_ops(b, code, options, in_count, in, 1, &out) ? NULL : out;
}

/* ---- constants ---- */

struct qc_tensor *qc_build_constant(struct qc_build *b, const char *suffix, qc_dtype type, int rank, const int32_t *dims, const void *data)
{
    struct qc_model *model = b->graph->model;
    size_t count = 1;
    char name[512];
    if (model->env.error.status) return NULL;
    for (int i = 0; i < rank; i++)
        if (!qc_size_mul(&model->env, count, (size_t)dims[i], &count)) return NULL;
    size_t bytes = qc_dtype_bytes(type, count);
    void *copy = qc_arena_copy(&model->arena, data, bytes);
    make_name(b, name, sizeof name, suffix);
    return copy ? qc_graph_add_constant(b->graph, name, type, rank, dims, copy, bytes) : NULL;
}

struct qc_tensor *qc_build_f32(struct qc_build *b, float value)
{
    return qc_build_constant(b, "const", QC_FLOAT32, 0, NULL, &value);
}

struct qc_tensor *qc_build_i32(struct qc_build *b, int32_t value)
{
    return qc_build_constant(b, "const", QC_INT32, 0, NULL, &value);
}

struct qc_tensor *qc_build_i32s(struct qc_build *b, int count, const int32_t *values)
{
    return qc_build_constant(b, "const", QC_INT32, 1, &(int32_t){count}, values);
}

/* ---- frequent forms ---- */

struct qc_tensor *qc_build_reshape(struct qc_build *b, struct qc_tensor *x, int rank, const int32_t *dims)
{
    return QC_BUILD(b, RESHAPE, NULL, x, qc_build_i32s(b, rank, dims));
}

struct qc_tensor *qc_build_transpose(struct qc_build *b, struct qc_tensor *x, const int32_t *permutation)
{
    return x ? QC_BUILD(b, TRANSPOSE, NULL, x, qc_build_i32s(b, x->rank, permutation)) : NULL;
}

struct qc_tensor *qc_build_binary(struct qc_build *b, int code, struct qc_tensor *x, struct qc_tensor *y)
{
    return qc_build_op(b, code, NULL, 2, (struct qc_tensor *[]){x, y});
}

struct qc_tensor *qc_build_unary(struct qc_build *b, int code, struct qc_tensor *x)
{
    return qc_build_op(b, code, NULL, 1, &x);
}
