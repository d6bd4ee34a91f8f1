/*
 * operations.c - operations by class (Keras 3), function (Keras 2) or graph node (TF 2.0 to 2.3), and their arguments. See operation.h.
 */
#include "import/keras/operation.h"
#include "import/keras/tables.h"
#include "import/keras/tree.h"

#include <stdio.h>
#include <string.h>

static const struct qc_keras_operation *const family[] = {
    qc_keras_operations_math, qc_keras_operations_reduce, qc_keras_operations_shape, qc_keras_operations_nn, qc_keras_operations_linalg,
};

/* Is `name` one of the words of `list`? */
static bool listed(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *c = list; c && *c; c += strcspn(c, " "), c += *c == ' ')
        if (!strncmp(c, name, length) && (c[length] == 0 || c[length] == ' ')) return true;
    return false;
}

const struct qc_keras_operation *qc_keras_operation_find(const char *class_name)
{
    for (size_t i = 0; i < QC_COUNT(family); i++)
        for (const struct qc_keras_operation *row = family[i]; row->name; row++)
            if (!strcmp(row->name, class_name)) return row;
    return NULL;
}

static const struct qc_keras_operation *find_function(const char *function)
{
    for (size_t i = 0; i < QC_COUNT(family); i++)
        for (const struct qc_keras_operation *row = family[i]; row->name; row++)
            if (listed(row->functions, function)) return row;
    return NULL;
}

/* ---- calls ---- */

static void operate(struct qc_keras_call *call, const struct qc_keras_operation *row, const char *name)
{
    if (row) row->lower(call, row->code);
    else qc_keras_fail(call, QC_UNSUPPORTED, "the operation '%.100s' is not supported", name);
}

static void operation(struct qc_keras_call *call)
{
    operate(call, qc_keras_operation_find(call->layer->class_name), call->layer->class_name);
}

static void lambda_function(struct qc_keras_call *call)
{
    const char *function = qc_keras_text(call, "function", "");
    operate(call, find_function(function), function);
}

static void slicing(struct qc_keras_call *call)
{
    operate(call, qc_keras_operation_find("GetItem"), "GetItem");
}

/* TF 2.0 to 2.3: node_def is an object, or text that holds `op: "Mul"`. Operands: inputs, and constants by operand number. */
static void graph_node(struct qc_keras_call *call)
{
    const struct qc_json *node = qc_keras_get(call->layer, "node_def");
    const char *text = qc_json_string(node), *op = qc_json_string(qc_json_get(node, "op")), *at = text ? strstr(text, "op: \"") : NULL;
    char name[64] = "";
    if (at) op = at + 5;
    size_t length = op ? strcspn(op, "\"") : 0;
    if (!length || length >= sizeof name) {
        qc_keras_fail(call, QC_FORMAT, "its node_def names no operator");
        return;
    }
    memcpy(name, op, length);
    operate(call, find_function(name), name);
}

const struct qc_keras_class qc_keras_operations[] = {
    {"TFOpLambda", NULL, 0, lambda_function},
    {"SlicingOpLambda", NULL, 0, slicing},
    {"TensorFlowOpLayer", NULL, 0, graph_node},
    {"", NULL, QC_KERAS_OPERATOR, operation},
    {0},
};

/* ---- arguments ---- */

/* Operand `position` of a TensorFlowOpLayer: a constant, or the next of the inputs that the constants leave over. */
static const struct qc_json *node_operand(struct qc_keras_call *call, int position)
{
    const struct qc_json *constants = qc_keras_member(call->layer, "constants"), *found;
    char key[12];
    int input = 0;
    for (int i = 0; i <= position; i++) {
        snprintf(key, sizeof key, "%d", i);
        found = qc_json_get(constants, key);
        if (i == position) return found ? found : qc_json_at(call->args, (size_t)input);
        input += !found;
    }
    return NULL;
}

const struct qc_json *qc_keras_op_json(struct qc_keras_call *call, int position, const char *names)
{
    const struct qc_json *json = NULL;
    bool modern = call->layer->kind == QC_KERAS_OPERATION, node = !strcmp(call->layer->class_name, "TensorFlowOpLayer");
    char name[32];
    for (const char *c = names; *c && !json; c += strcspn(c, " "), c += *c == ' ') {
        size_t length = QC_MIN(strcspn(c, " "), sizeof name - 1);
        memcpy(name, c, length);
        name[length] = 0;
        json = qc_json_get(call->kwargs, name);
        if (!json && modern) json = qc_keras_member(call->layer, name);
    }
    if (!json && modern && position >= 0) json = qc_json_at(call->args, (size_t)position);
    if (!json && node && position >= 0) json = node_operand(call, position);
    else if (!json && !modern && position == 0) json = call->args;
    if (qc_json_equal(qc_json_at(json, 0), "_CONSTANT_VALUE")) json = qc_json_at(json, 2);
    return qc_json_is_null(json) ? NULL : json;
}

bool qc_keras_dtype(const char *name, qc_dtype *type)
{
    static const struct {
        const char *name;
        qc_dtype type;
    } table[] = {{"float32", QC_FLOAT32}, {"float16", QC_FLOAT32}, {"bfloat16", QC_FLOAT32}, {"float64", QC_FLOAT32}, {"int32", QC_INT32},
                 {"int64", QC_INT64}, {"uint8", QC_UINT8}, {"int8", QC_INT8}, {"int16", QC_INT16}, {"bool", QC_BOOL}, {"uint32", QC_UINT32},
                 {"uint16", QC_UINT16}, {"uint64", QC_UINT64}, {"int", QC_INT32}, {"float", QC_FLOAT32}};
    for (size_t i = 0; i < QC_COUNT(table); i++)
        if (!strcmp(table[i].name, name)) {
            *type = table[i].type;
            return true;
        }
    return false;
}

bool qc_keras_op_dtype(struct qc_keras_call *call, int position, const char *names, qc_dtype *type)
{
    const struct qc_json *json = qc_keras_op_json(call, position, names);
    if (qc_json_is_object(json)) json = qc_json_get(qc_json_get(json, "config"), "name");
    const char *name = qc_json_string(json);
    if (!name) return false;
    if (qc_keras_dtype(name, type)) return true;
    qc_keras_fail(call, QC_UNSUPPORTED, "the type '%.40s' is not supported", name);
    return false;
}

/* ---- constants ---- */

enum { MOST_CONSTANT = 1 << 24 };

struct array {
    int rank;
    int32_t dims[QC_MAX_RANK];
    size_t count;
    float *values;
    bool whole, logical; /* all integers; all true or false */
};

/* Shape by the first elements; then all values, row-major. false if it is no regular array of numbers. */
static bool array_shape(const struct qc_json *json, struct array *a)
{
    a->count = 1;
    for (a->rank = 0; qc_json_is_array(json); json = qc_json_at(json, 0)) {
        size_t n = qc_json_count(json);
        if (a->rank == QC_MAX_RANK || n > MOST_CONSTANT || (a->count *= n) > MOST_CONSTANT) return false;
        a->dims[a->rank++] = (int32_t)n;
    }
    return true;
}

static bool array_values(const struct qc_json *json, struct array *a, int depth, float **next)
{
    int64_t whole;
    bool truth;
    double number;
    if (depth < a->rank) {
        if (!qc_json_is_array(json) || qc_json_count(json) != (size_t)a->dims[depth]) return false;
        for (size_t i = 0; i < (size_t)a->dims[depth]; i++)
            if (!array_values(qc_json_at(json, i), a, depth + 1, next)) return false;
        return true;
    }
    if (qc_json_bool(json, &truth)) {
        *(*next)++ = truth;
        return true;
    }
    a->logical = false;
    if (!qc_json_number(json, &number)) return false;
    a->whole &= qc_json_int(json, &whole) && whole >= INT32_MIN && whole <= INT32_MAX;
    *(*next)++ = (float)number;
    return true;
}

static bool read_array(struct qc_keras_call *call, const struct qc_json *json, struct array *a)
{
    *a = (struct array){.whole = true, .logical = true};
    if (array_shape(json, a)) {
        a->values = qc_arena_array(call->im->arena, a->count + 1, sizeof *a->values);
        float *next = a->values;
        if (!a->values) return false;
        if (array_values(json, a, 0, &next)) return true;
    }
    qc_keras_fail(call, QC_UNSUPPORTED, "an argument is neither a tensor nor a regular array of numbers");
    return false;
}

/* The array as a constant: plain JSON tells integers from reals by their writing only, so that `like` decides if given. */
static struct qc_tensor *constant(struct qc_keras_call *call, const struct array *a, qc_dtype type)
{
    struct qc_build *b = call->b;
    if (type == QC_FLOAT32) return qc_build_constant(b, "const", type, a->rank, a->dims, a->values);
    int32_t *ints = qc_arena_array(call->im->arena, a->count + 1, sizeof *ints);
    for (size_t i = 0; ints && i < a->count; i++) ints[i] = (int32_t)a->values[i];
    if (type == QC_BOOL)
        for (size_t i = 0; ints && i < a->count; i++) ((uint8_t *)ints)[i] = a->values[i] != 0;
    struct qc_tensor *tensor = ints ? qc_build_constant(b, "const", type == QC_BOOL ? QC_BOOL : QC_INT32, a->rank, a->dims, ints) : NULL;
    return tensor && tensor->type != type ? qc_lower_cast(b, tensor, type) : tensor;
}

struct qc_tensor *qc_keras_op_value(struct qc_keras_call *call, const struct qc_json *json, const struct qc_tensor *like)
{
    struct qc_keras_value value;
    struct array a;
    qc_dtype type;
    if (qc_json_is_null(json)) return NULL;
    if (qc_keras_resolve(call, json, &value)) return value.tensor;
    if (qc_json_equal(qc_json_at(json, 0), "_CONSTANT_VALUE")) json = qc_json_at(json, 2);
    const char *stated = qc_json_is_object(json) ? qc_json_string(qc_json_get(qc_json_get(json, "config"), "dtype")) : NULL;
    if (qc_keras_failed(call) || !read_array(call, qc_keras_plain(json), &a)) return NULL;
    if (!stated || !qc_keras_dtype(stated, &type)) type = a.logical ? QC_BOOL : !a.whole ? QC_FLOAT32 : like ? like->type : QC_INT32;
    return constant(call, &a, type);
}

struct qc_tensor *qc_keras_op_tensor(struct qc_keras_call *call, int position, const char *names)
{
    return qc_keras_op_value(call, qc_keras_op_json(call, position, names), NULL);
}

struct qc_tensor *qc_keras_op_input(struct qc_keras_call *call, bool floats)
{
    struct qc_tensor *x = call->in_count ? call->in[0].tensor : qc_keras_op_tensor(call, 0, "x inputs input a");
    if (!x && !qc_keras_failed(call)) qc_keras_fail(call, QC_FORMAT, "it has no operand");
    return x && floats ? qc_lower_cast(call->b, x, QC_FLOAT32) : x;
}

struct qc_weight qc_keras_op_weight(struct qc_keras_call *call, int position, const char *names)
{
    const struct qc_json *json = qc_keras_op_json(call, position, names);
    struct qc_keras_value value;
    struct qc_weight weight = {0};
    struct array a;
    if (!json) return weight;
    if (qc_keras_resolve(call, json, &value)) qc_keras_fail(call, QC_UNSUPPORTED, "its argument '%s' is computed by the model, not constant", names);
    if (qc_keras_failed(call) || !read_array(call, qc_keras_plain(json), &a)) return weight;
    weight = (struct qc_weight){.data = a.values, .rank = a.rank};
    memcpy(weight.dims, a.dims, sizeof a.dims);
    return weight;
}

void qc_keras_op_promote(struct qc_keras_call *call, struct qc_tensor **x, struct qc_tensor **y)
{
    static const qc_dtype order[] = {QC_BOOL, QC_UINT8, QC_INT8, QC_INT16, QC_INT32, QC_INT64, QC_FLOAT32};
    size_t rank[2] = {0, 0};
    if (!*x || !*y || (*x)->type == (*y)->type) return;
    for (size_t i = 0; i < QC_COUNT(order); i++) {
        if (order[i] == (*x)->type) rank[0] = i;
        if (order[i] == (*y)->type) rank[1] = i;
    }
    if (rank[0] < rank[1]) *x = qc_lower_cast(call->b, *x, (*y)->type);
    else *y = qc_lower_cast(call->b, *y, (*x)->type);
}

bool qc_keras_op_pair(struct qc_keras_call *call, struct qc_tensor **x, struct qc_tensor **y)
{
    const struct qc_json *first = qc_keras_op_json(call, 0, "x1 x a"), *second = qc_keras_op_json(call, 1, "x2 y b");
    struct qc_keras_value value;
    *x = qc_keras_resolve(call, first, &value) ? value.tensor : NULL;
    *y = qc_keras_op_value(call, second, *x);
    if (!*x) *x = qc_keras_op_value(call, first, *y);
    if ((!*x || !*y) && !qc_keras_failed(call)) qc_keras_fail(call, QC_FORMAT, "it lacks an operand");
    qc_keras_op_promote(call, x, y);
    return !qc_keras_failed(call);
}

/* ---- plain values ---- */

bool qc_keras_op_bool(struct qc_keras_call *call, int position, const char *names, bool otherwise)
{
    qc_json_bool(qc_keras_op_json(call, position, names), &otherwise);
    return otherwise;
}

double qc_keras_op_number(struct qc_keras_call *call, int position, const char *names, double otherwise)
{
    const struct qc_json *json = qc_keras_plain(qc_keras_op_json(call, position, names));
    if (json && !qc_json_number(json, &otherwise)) qc_keras_fail(call, QC_UNSUPPORTED, "its argument '%s' is not a number", names);
    return otherwise;
}

int32_t qc_keras_op_int(struct qc_keras_call *call, int position, const char *names, int32_t otherwise)
{
    const struct qc_json *json = qc_keras_op_json(call, position, names);
    return json && !qc_keras_ints_of(call, names, json, 1, &otherwise, INT32_MIN, INT32_MAX) ? 0 : otherwise;
}

const char *qc_keras_op_text(struct qc_keras_call *call, int position, const char *names, const char *otherwise)
{
    const char *text = qc_json_string(qc_keras_op_json(call, position, names));
    return text ? text : otherwise;
}

int qc_keras_op_ints(struct qc_keras_call *call, int position, const char *names, int32_t *values)
{
    const struct qc_json *json = qc_keras_op_json(call, position, names);
    return json ? qc_keras_ints_of(call, names, json, 0, values, INT32_MIN, INT32_MAX) : -1;
}

int qc_keras_op_axes(struct qc_keras_call *call, int position, const char *names, int rank, int32_t *axes)
{
    int32_t given[QC_MAX_RANK];
    bool taken[QC_MAX_RANK] = {false};
    int count = qc_keras_op_ints(call, position, names, given), n = 0;
    for (int i = 0; i < count; i++) {
        int axis = qc_axis(given[i], rank);
        if (axis < 0) qc_keras_fail(call, QC_FORMAT, "axis %d is out of range for rank %d", given[i], rank);
        else taken[axis] = true;
    }
    for (int axis = 0; axis < rank; axis++)
        if (taken[axis] || count < 0) axes[n++] = axis;
    return n;
}

int qc_keras_op_axis(struct qc_keras_call *call, int position, const char *names, int32_t otherwise, int rank)
{
    int32_t given = qc_keras_op_int(call, position, names, otherwise);
    int axis = qc_axis(given, rank);
    if (axis < 0 && !qc_keras_failed(call)) qc_keras_fail(call, QC_FORMAT, "axis %d is out of range for rank %d", given, rank);
    return QC_MAX(axis, 0);
}
