/*
 * edit.c - what rewrites share. See edit.h.
 */
#include "pass/shared/edit.h"

#include <math.h>
#include <string.h>

bool qc_is_float_constant(const struct qc_tensor *tensor)
{
    return tensor && tensor->constant && tensor->type == QC_FLOAT32 && !tensor->quant && tensor->has_shape &&
           tensor->bytes == qc_tensor_elements(tensor) * sizeof(float);
}

float qc_float_at(const struct qc_tensor *tensor, size_t i)
{
    float value;
    memcpy(&value, (const char *)tensor->data + i * sizeof value, sizeof value);
    return value;
}

bool qc_is_splat(const struct qc_tensor *tensor, float *value)
{
    if (!qc_is_float_constant(tensor) || !tensor->bytes) return false;
    size_t count = qc_tensor_elements(tensor);
    *value = qc_float_at(tensor, 0);
    for (size_t i = 1; i < count; i++)
        if (qc_float_at(tensor, i) != *value) return false;
    return true;
}

bool qc_is_near(const struct qc_tensor *tensor, float value)
{
    float got;
    return qc_is_splat(tensor, &got) && got >= nextafterf(value, -INFINITY) && got <= nextafterf(value, INFINITY);
}

int qc_integers(const struct qc_tensor *tensor, int64_t *values)
{
    if (!tensor || !tensor->constant || !tensor->has_shape) return -1;
    size_t count = qc_tensor_elements(tensor), width = tensor->type == QC_INT32 ? 4 : tensor->type == QC_INT64 ? 8 : 0;
    if (!width || count > QC_MAX_RANK || tensor->bytes != count * width) return -1;
    for (size_t i = 0; i < count; i++) {
        int32_t narrow;
        if (width == 8) {
            memcpy(&values[i], (const char *)tensor->data + 8 * i, 8);
        } else {
            memcpy(&narrow, (const char *)tensor->data + 4 * i, 4);
            values[i] = narrow;
        }
    }
    return (int)count;
}

struct qc_tensor *qc_new_floats(struct qc_graph *graph, const char *name, int rank, const int32_t *dims, float **data)
{
    size_t count = 1;
    for (int i = 0; i < rank; i++) count *= (size_t)dims[i];
    *data = qc_arena_array(&graph->model->arena, count, sizeof **data);
    return *data ? qc_graph_add_constant(graph, name, QC_FLOAT32, rank, dims, *data, count * sizeof **data) : NULL;
}

bool qc_is_static(const struct qc_tensor *tensor)
{
    if (!tensor->has_shape) return false;
    for (int i = 0; i < tensor->rank; i++)
        if (tensor->signature[i] < 0) return false;
    return true;
}

bool qc_same_shape(const struct qc_tensor *a, const struct qc_tensor *b)
{
    size_t bytes = a->rank * sizeof *a->dims;
    return a->has_shape && b->has_shape && a->rank == b->rank && !memcmp(a->dims, b->dims, bytes) &&
           !memcmp(a->signature, b->signature, bytes);
}

/* ---- options ---- */

static const struct fb_field *find_option(const struct qc_node *node, const char *name)
{
    const struct fb_table *table = node->options_table;
    for (int i = 0; table && node->options && i < table->field_count; i++)
        if (table->field[i].kind == FB_SCALAR && !strcmp(table->field[i].name, name)) return &table->field[i];
    return NULL;
}

int qc_option(const struct qc_node *node, const char *name, int missing)
{
    const struct fb_field *field = find_option(node, name);
    if (!field) return missing;
    const char *at = (const char *)node->options + field->offset;
    int32_t wide;
    if (field->scalar == FB_i32) return memcpy(&wide, at, sizeof wide), wide;
    return *(const int8_t *)at; /* enums and bools */
}

bool qc_same_options(const struct qc_node *a, const struct qc_node *b)
{
    if (a->code == tfl_BuiltinOperator_RESHAPE && a->in_count == 2 && b->in_count == 2) return true;
    const struct fb_table *table = a->options_table;
    static const uint8_t width[] = {[FB_b8] = 1,  [FB_i8] = 1,  [FB_u8] = 1,  [FB_i16] = 2, [FB_u16] = 2, [FB_i32] = 4,
                                    [FB_u32] = 4, [FB_i64] = 8, [FB_u64] = 8, [FB_f32] = 4, [FB_f64] = 8};
    if (!a->options || !b->options || table != b->options_table) return !a->options && !b->options;
    for (int i = 0; i < table->field_count; i++) {
        const struct fb_field *field = &table->field[i];
        if (field->kind != FB_SCALAR || memcmp((const char *)a->options + field->offset, (const char *)b->options + field->offset, width[field->scalar]))
            return false;
    }
    return true;
}

qc_status qc_set_option(struct qc_node *node, const char *name, int value)
{
    struct qc_arena *arena = &node->graph->model->arena;
    const struct fb_field *field = find_option(node, name);
    if (!field) {
        const struct qc_op *op = qc_op_find(node->code, node->custom);
        if (op && op->options && !node->options) node->options = fb_new(arena, node->options_table = op->options);
        field = find_option(node, name);
    }
    if (!field) return qc_fail(arena->env, QC_INVALID, "%s has no option %s", qc_node_op(node), name);
    char *copy = qc_arena_copy(arena, node->options, node->options_table->size);
    if (!copy) return QC_NOMEM;
    if (field->scalar == FB_i32)
        memcpy(copy + field->offset, &(int32_t){value}, 4);
    else
        copy[field->offset] = (char)value;
    node->options = copy;
    return QC_OK;
}

int qc_activation(const struct qc_node *node)
{
    return qc_option(node, "fused_activation_function", tfl_ActivationFunctionType_NONE);
}

/* ---- links ---- */

struct qc_node *qc_sole_producer(const struct qc_tensor *tensor, int code)
{
    return tensor && tensor->producer && tensor->producer->code == code && qc_tensor_sole_user(tensor) ? tensor->producer : NULL;
}

bool qc_replace_value(struct qc_graph *graph, struct qc_tensor *old, struct qc_tensor *fresh)
{
    if (old->output_uses) {
        if (!fresh->producer || fresh->output_uses) return false;
        fresh->name = old->name;
    }
    qc_graph_replace_uses(graph, old, fresh);
    return true;
}

bool qc_bypass(struct qc_node *node, int slot)
{
    if (!qc_replace_value(node->graph, node->out[0], node->in[slot])) return false;
    qc_node_remove(node);
    return true;
}

struct qc_node *qc_replace_node(struct qc_node *old, int code, const void *options, int in_count, struct qc_tensor *const *in)
{
    const struct qc_op *op = qc_op_find(code, NULL);
    struct qc_node *node =
        qc_graph_add_node(old->graph, old, code, op ? op->options : NULL, options, in_count, in, old->out_count, old->out);
    if (!node) return NULL;
    node->name = old->name;
    qc_node_remove(old);
    return node;
}
