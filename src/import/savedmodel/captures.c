/*
 * captures.c - variables: which checkpoint entry a captured handle stands for. See captures.h.
 *
 * Only bound_inputs tells (the VarHandleOp nodes of the graph carry other names than the checkpoint): function -> list of object numbers
 * -> object -> checkpoint key. The key is in the checkpoint's own object graph; both graphs are walked together from their roots, child
 * name by child name. Fields: saved_object_graph.proto, trackable_object_graph.proto.
 *
 * TF1 models have no objects: a variable is filled from what the restore operators assign to it, else from the key of its own name.
 */
#include "import/savedmodel/captures.h"

#include <string.h>

enum { KIND_ASSET = 5, KIND_VARIABLE = 7, KIND_CONSTANT = 9, KIND_RESOURCE = 10 };

/* ---- opening ---- */

static qc_status collect(struct qc_arena *arena, struct pb_bytes message, struct pb_bytes **list, int64_t *count)
{
    struct pb_reader in = pb_open(message);
    struct pb_field field;
    *count = 0;
    while (pb_next(&in, &field)) *count += field.number == 1 && field.wire == PB_LENGTH;
    if (!(*list = qc_arena_array(arena, (size_t)*count, sizeof **list))) return QC_NOMEM;
    in = pb_open(message);
    *count = 0;
    while (pb_next(&in, &field))
        if (field.number == 1 && field.wire == PB_LENGTH) (*list)[(*count)++] = field.bytes;
    return QC_OK;
}

static qc_status open_bundle(struct qc_tf_captures *captures, struct qc_tf_import *im)
{
    if (captures->bundle) return QC_OK;
    struct qc_bundle *bundle = qc_arena_alloc(&im->model->arena, sizeof *bundle);
    if (!bundle) return QC_NOMEM;
    qc_status status = qc_bundle_open(bundle, &im->model->arena, captures->prefix);
    captures->bundle = bundle;
    return status ? status : qc_bundle_check(bundle);
}

/* The checkpoint key of a TrackableObject: that of its attribute VARIABLE_VALUE. */
static struct pb_bytes key_of(struct pb_bytes trackable)
{
    struct pb_reader in = pb_open(trackable);
    struct pb_field field;
    while (pb_next(&in, &field))
        if (field.number == 2 && field.wire == PB_LENGTH && pb_equal(pb_find(field.bytes, 1), "VARIABLE_VALUE")) return pb_find(field.bytes, 3);
    return (struct pb_bytes){NULL, 0};
}

/* Number of the child `name` of an object (either kind: {1: node_id, 2: local_name} in field 1); -1 if it has none. */
static int64_t child(struct pb_bytes object, struct pb_bytes name)
{
    struct pb_reader in = pb_open(object);
    struct pb_field field;
    while (pb_next(&in, &field))
        if (field.number == 1 && field.wire == PB_LENGTH && pb_same(pb_find(field.bytes, 2), name)) return (int64_t)pb_find_number(field.bytes, 1, 0);
    return -1;
}

/* Walks both object graphs breadth first and notes the keys. */
static qc_status match_objects(struct qc_tf_captures *captures, struct qc_tf_import *im)
{
    captures->matched = true;
    const struct qc_bundle_entry *entry = qc_bundle_find(captures->bundle, (struct pb_bytes){(const uint8_t *)"_CHECKPOINTABLE_OBJECT_GRAPH", 28});
    struct pb_bytes graph, *trackable;
    int64_t trackable_count;
    if (!entry || !captures->object_count) return QC_OK; /* a plain checkpoint */
    QC_TRY(qc_bundle_string(captures->bundle, entry, &graph));
    QC_TRY(collect(im->scratch, graph, &trackable, &trackable_count));
    int64_t *twin = qc_arena_array(im->scratch, (size_t)captures->object_count, sizeof *twin); /* + 1; 0: none yet */
    int64_t *queue = qc_arena_array(im->scratch, (size_t)captures->object_count, sizeof *queue), head = 0, tail = 0;
    if (!twin || !queue) return QC_NOMEM;
    if (trackable_count) twin[0] = 1, queue[tail++] = 0;
    while (head < tail) {
        int64_t at = queue[head++];
        struct pb_bytes object = captures->object[at].message, other = trackable[twin[at] - 1];
        captures->object[at].checkpoint = key_of(other);
        struct pb_reader in = pb_open(object);
        struct pb_field field;
        while (pb_next(&in, &field)) {
            if (field.number != 1 || field.wire != PB_LENGTH) continue;
            int64_t to = (int64_t)pb_find_number(field.bytes, 1, 0), with = child(other, pb_find(field.bytes, 2));
            if (to < 0 || to >= captures->object_count || with < 0 || with >= trackable_count || twin[to]) continue;
            twin[to] = with + 1;
            queue[tail++] = to;
        }
    }
    return QC_OK;
}

qc_status qc_tf_captures_open(struct qc_tf_captures *captures, struct qc_tf_import *im, const char *folder)
{
    struct pb_bytes *message;
    captures->folder = folder;
    QC_TRY(collect(im->scratch, im->package->objects, &message, &captures->object_count));
    captures->object = qc_arena_array(im->scratch, (size_t)captures->object_count, sizeof *captures->object);
    if (!captures->object) return QC_NOMEM;
    for (int64_t i = 0; i < captures->object_count; i++) captures->object[i].message = message[i];
    char *index = qc_arena_printf(&im->model->arena, "%s/variables/variables.index", folder);
    if (!index || !(captures->prefix = qc_arena_printf(&im->model->arena, "%s/variables/variables", folder))) return QC_NOMEM;
    return qc_file_exists(index) ? open_bundle(captures, im) : QC_OK; /* damage is found though nothing may be read */
}

void qc_tf_captures_close(struct qc_tf_captures *captures)
{
    if (captures->bundle) qc_bundle_close(captures->bundle);
    captures->bundle = NULL;
}

/* ---- contents ---- */

qc_status qc_tf_constant(struct qc_tf_import *im, const char *name, const struct qc_tf_array *array, struct qc_tensor **tensor)
{
    *tensor = qc_graph_add_constant(im->b.graph, name, array->type, array->rank, array->dims, array->data, array->bytes);
    return *tensor ? QC_OK : QC_NOMEM;
}

static qc_status read_key(struct qc_tf_import *im, struct pb_bytes key, const char *what, struct qc_tf_array *array)
{
    const struct qc_bundle_entry *entry = qc_bundle_find(im->captures->bundle, key);
    if (!entry) return qc_fail(im->env, QC_FORMAT, "%s: the checkpoint has no tensor '%.*s', which %s is read from", im->package->path, QC_PB(key), what);
    return qc_bundle_array(im->captures->bundle, entry, array);
}

static qc_status load(struct qc_tf_import *im, struct pb_bytes key, const char *what, struct qc_tensor **tensor)
{
    struct qc_tf_array array;
    QC_TRY(read_key(im, key, what, &array));
    return qc_tf_constant(im, qc_arena_printf(im->scratch, "%.*s", QC_PB(key)), &array, tensor);
}

int64_t qc_tf_object_child(struct qc_tf_import *im, int64_t number, const char *name)
{
    int64_t found = child(im->captures->object[number].message, (struct pb_bytes){(const uint8_t *)name, strlen(name)});
    return found < im->captures->object_count ? found : -1;
}

struct pb_bytes qc_tf_object_name(struct qc_tf_import *im, int64_t number)
{
    return pb_find(pb_find(im->captures->object[number].message, KIND_VARIABLE), 6);
}

qc_status qc_tf_object_array(struct qc_tf_import *im, int64_t number, struct qc_tf_array *array)
{
    struct qc_tf_captures *captures = im->captures;
    QC_TRY(open_bundle(captures, im));
    if (!captures->matched) QC_TRY(match_objects(captures, im));
    struct qc_tf_object *object = &captures->object[number];
    struct pb_bytes variable = pb_find(object->message, KIND_VARIABLE);
    char *what = qc_arena_printf(im->scratch, "variable '%.*s' (object %lld)", QC_PB(pb_find(variable, 6)), (long long)number);
    if (!what) return QC_NOMEM;
    if (!object->checkpoint.at) return qc_fail(im->env, QC_FORMAT, "%s: %s is in no checkpoint", im->package->path, what);
    QC_TRY(read_key(im, object->checkpoint, what, array));
    struct qc_tf_shape shape;
    qc_dtype type;
    if (!qc_tf_shape(pb_find(variable, 2), &shape) || !qc_tf_compute_dtype((int64_t)pb_find_number(variable, 1, 0), &type))
        return qc_fail(im->env, QC_FORMAT, "%s: %s has a damaged shape or type", im->package->path, what);
    bool fits = type == array->type && (!shape.known_rank || shape.rank == array->rank);
    for (int i = 0; fits && shape.known_rank && i < shape.rank; i++) fits = shape.dims[i] < 0 || shape.dims[i] == array->dims[i];
    if (!fits) return qc_fail(im->env, QC_FORMAT, "%s: %s has another shape or type in the checkpoint than in the graph", im->package->path, what);
    return QC_OK;
}

static qc_status load_object(struct qc_tf_import *im, int64_t number, struct qc_tensor **tensor)
{
    struct qc_tf_object *object = &im->captures->object[number];
    struct qc_tf_array array;
    if (!object->tensor) {
        QC_TRY(qc_tf_object_array(im, number, &array));
        QC_TRY(qc_tf_constant(im, qc_arena_printf(im->scratch, "%.*s", QC_PB(object->checkpoint)), &array, &object->tensor));
    }
    *tensor = object->tensor;
    return QC_OK;
}

/* ---- bound inputs ---- */

struct pb_bytes qc_tf_concrete(struct qc_tf_import *im, struct pb_bytes name)
{
    if (!im->captures) return (struct pb_bytes){NULL, 0};
    struct pb_reader in = pb_open(im->package->objects);
    struct pb_field field;
    while (pb_next(&in, &field))
        if (field.number == 2 && field.wire == PB_LENGTH && pb_same(pb_find(field.bytes, 1), name)) {
            struct pb_bytes function = pb_find(field.bytes, 2);
            return function.at ? function : (struct pb_bytes){field.bytes.at, 0};
        }
    return (struct pb_bytes){NULL, 0};
}

/* Number `index` of bound_inputs, and how many there are. */
static int bound(struct pb_bytes function, int index, int64_t *number)
{
    struct pb_reader in = pb_open(function);
    struct pb_field field;
    int count = 0;
    while (pb_next(&in, &field)) {
        struct pb_bytes rest = {NULL, 0};
        uint64_t value;
        while (field.number == 2 && pb_element(&field, PB_VARINT, &rest, &value)) {
            if (count++ == index) *number = (int64_t)value;
        }
    }
    return count;
}

int qc_tf_bound_count(struct pb_bytes concrete)
{
    int64_t number;
    return bound(concrete, -1, &number);
}

qc_status qc_tf_bound_value(struct qc_tf_import *im, struct pb_bytes concrete, int index, struct qc_tf_value *value)
{
    int64_t number = -1;
    struct qc_tf_captures *captures = im->captures;
    bound(concrete, index, &number);
    if (number < 0 || number >= captures->object_count)
        return qc_fail(im->env, QC_FORMAT, "%s: capture %d of the signature is object %lld of %lld", im->package->path, index, (long long)number,
                       (long long)captures->object_count);
    struct pb_reader in = pb_open(captures->object[number].message);
    struct pb_field field;
    int kind = 0;
    while (pb_next(&in, &field)) /* 11 and above 12: saveables, names, protocols, not the kind */
        if (field.wire == PB_LENGTH && field.number >= 4 && field.number <= 12 && field.number != 11) kind = (int)field.number;
    *value = (struct qc_tf_value){.id = number};
    switch (kind) {
    case KIND_VARIABLE: value->kind = QC_TF_VARIABLE; return QC_OK;
    case KIND_RESOURCE: value->kind = QC_TF_TABLE; return QC_OK;
    case KIND_ASSET: *value = (struct qc_tf_value){.kind = QC_TF_TEXT, .id = -1}; return QC_OK;
    case KIND_CONSTANT: {
        struct pb_bytes node = pb_find(pb_find(captures->object[number].message, KIND_CONSTANT), 1);
        return qc_tf_run_top(im, 0, NULL, 1, &node, value);
    }
    default:
        return qc_fail(im->env, QC_UNSUPPORTED, "%s: capture %d of the signature is an object of kind %d, which quantc does not know",
                       im->package->path, index, kind);
    }
}

/* ---- TF1 ---- */

static const struct qc_tf_node *node_of(struct qc_tf_import *im, struct pb_bytes reference)
{
    for (size_t i = 0; i < reference.size; i++)
        if (reference.at[i] == ':') reference.size = i;
    int64_t at = qc_tf_node_find(&im->package->top, reference);
    return at < 0 ? NULL : &im->package->top.node[at];
}

struct pb_bytes qc_tf_node_input(const struct qc_tf_node *node, int index)
{
    struct pb_reader in = pb_open(node->message);
    struct pb_field field;
    while (pb_next(&in, &field))
        if (field.number == 3 && field.wire == PB_LENGTH && !index--) return field.bytes;
    return (struct pb_bytes){NULL, 0};
}

/* "RestoreV2:k", perhaps behind Identity: string k of its tensor_names. */
static struct pb_bytes restored_key(struct qc_tf_import *im, struct pb_bytes reference)
{
    for (int hops = 0; hops < 8; hops++) {
        const struct qc_tf_node *node = node_of(im, reference);
        if (!node) break;
        if (pb_equal(node->op, "Identity")) {
            reference = qc_tf_node_input(node, 0);
            continue;
        }
        if (!pb_equal(node->op, "RestoreV2")) break;
        size_t k = 0;
        for (size_t i = 0; i < reference.size; i++)
            if (reference.at[i] == ':')
                for (size_t j = i + 1; j < reference.size && k < 1 << 20; j++) k = 10 * k + (size_t)(reference.at[j] - '0');
        const struct qc_tf_node *names = node_of(im, qc_tf_node_input(node, 1));
        return names && pb_equal(names->op, "Const") ? qc_tf_string(pb_find(qc_tf_attr(names, "value"), 8), k) : (struct pb_bytes){NULL, 0};
    }
    return (struct pb_bytes){NULL, 0};
}

/* Finds all Assign operators of the top level that are fed by a restore. */
static qc_status trace_restores(struct qc_tf_import *im)
{
    struct qc_tf_captures *captures = im->captures;
    const struct qc_tf_body *top = &im->package->top;
    captures->traced = true;
    for (uint32_t i = 0; i < top->node_count; i++)
        captures->restored_capacity += pb_equal(top->node[i].op, "Assign") || pb_equal(top->node[i].op, "AssignVariableOp");
    captures->restored = qc_arena_array(im->scratch, (size_t)captures->restored_capacity, sizeof *captures->restored);
    if (!captures->restored) return QC_NOMEM;
    for (uint32_t i = 0; i < top->node_count; i++) {
        const struct qc_tf_node *node = &top->node[i];
        if (!pb_equal(node->op, "Assign") && !pb_equal(node->op, "AssignVariableOp")) continue;
        const struct qc_tf_node *variable = node_of(im, qc_tf_node_input(node, 0));
        struct pb_bytes key = restored_key(im, qc_tf_node_input(node, 1));
        if (variable && key.at) captures->restored[captures->restored_count++] = (struct qc_tf_restored){variable->name, key, NULL};
    }
    return QC_OK;
}

qc_status qc_tf_node_variable(struct qc_tf_import *im, const struct qc_tf_node *node, struct qc_tf_value *value)
{
    struct qc_tf_captures *captures = im->captures;
    if (!captures) return qc_fail(im->env, QC_FORMAT, "%s: variable '%.*s' has no value: the graph is not frozen", im->package->path, QC_PB(node->name));
    QC_TRY(open_bundle(captures, im));
    if (!captures->traced) QC_TRY(trace_restores(im));
    struct qc_tf_restored *found = NULL, own = {node->name, node->name, NULL};
    for (int i = 0; i < captures->restored_count && !found; i++)
        if (pb_same(captures->restored[i].node, node->name)) found = &captures->restored[i];
    if (!found) {
        found = &own;
        struct pb_bytes shared = qc_tf_attr_string(node, "shared_name");
        if (shared.size) own.key = shared;
    }
    char *what = qc_arena_printf(im->scratch, "variable '%.*s'", QC_PB(node->name));
    if (!what) return QC_NOMEM;
    if (!found->tensor) QC_TRY(load(im, found->key, what, &found->tensor));
    *value = (struct qc_tf_value){.kind = QC_TF_VARIABLE, .tensor = found->tensor, .id = -1};
    return QC_OK;
}

qc_status qc_tf_here(struct qc_tf_import *im, struct qc_tensor *from, struct qc_tensor **tensor)
{
    *tensor = from;
    if (from->graph == im->b.graph) return QC_OK;
    *tensor = qc_graph_add_constant(im->b.graph, from->name, from->type, from->rank, from->dims, from->data, from->bytes);
    return *tensor ? QC_OK : QC_NOMEM;
}

qc_status qc_tf_variable(struct qc_tf_import *im, const struct qc_tf_value *handle, struct qc_tensor **tensor)
{
    *tensor = handle->tensor;
    if (!handle->tensor) QC_TRY(load_object(im, handle->id, tensor));
    return qc_tf_here(im, *tensor, tensor);
}
