/*
 * package.c - meta graphs, signatures and functions of a saved_model.pb. See package.h; fields: saved_model.proto, meta_graph.proto,
 * graph.proto, function.proto, op_def.proto.
 */
#include "import/savedmodel/package.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

static uint64_t hash(struct pb_bytes name)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < name.size; i++) h = (h ^ name.at[i]) * 1099511628211u;
    return h ^ h >> 29;
}

static qc_status names_make(struct qc_tf_names *names, struct qc_arena *arena, size_t count)
{
    size_t size = 8;
    while (size < 2 * count) size *= 2;
    names->mask = size - 1;
    names->slot = qc_arena_array(arena, size, sizeof *names->slot);
    return names->slot ? QC_OK : QC_NOMEM;
}

/* Adds `name` at `position` unless it is there. The name of position p is at (char *)base + p * stride. */
static bool names_add(struct qc_tf_names *names, const void *base, size_t stride, uint32_t position, struct pb_bytes name)
{
    size_t at = hash(name) & names->mask;
    for (; names->slot[at]; at = (at + 1) & names->mask) {
        const struct pb_bytes *other = (const void *)((const char *)base + (names->slot[at] - 1) * stride);
        if (pb_same(*other, name)) return false;
    }
    names->slot[at] = position + 1;
    return true;
}

static int64_t names_find(const struct qc_tf_names *names, const void *base, size_t stride, struct pb_bytes name)
{
    if (!names->slot) return -1;
    for (size_t at = hash(name) & names->mask; names->slot[at]; at = (at + 1) & names->mask) {
        const struct pb_bytes *other = (const void *)((const char *)base + (names->slot[at] - 1) * stride);
        if (pb_same(*other, name)) return names->slot[at] - 1;
    }
    return -1;
}

int64_t qc_tf_node_find(const struct qc_tf_body *body, struct pb_bytes name)
{
    return names_find(&body->by_name, body->node, sizeof *body->node, name);
}

int qc_tf_arg_find(const struct qc_tf_body *body, struct pb_bytes name)
{
    for (int i = 0; i < body->arg_count; i++)
        if (pb_same(body->arg[i], name)) return i;
    return -1;
}

/* ---- bodies ---- */

static size_t count_field(struct pb_bytes message, uint32_t number)
{
    struct pb_reader in = pb_open(message);
    struct pb_field field;
    size_t count = 0;
    while (pb_next(&in, &field)) count += field.number == number && field.wire == PB_LENGTH;
    return count;
}

/* The nodes in field `number` of a GraphDef or FunctionDef. */
static qc_status read_nodes(struct qc_tf_package *package, struct pb_bytes message, uint32_t number, struct qc_tf_body *body)
{
    struct pb_reader in = pb_open(message);
    struct pb_field field;
    size_t count = count_field(message, number);
    body->node = qc_arena_array(package->arena, count, sizeof *body->node);
    if (!body->node) return QC_NOMEM;
    QC_TRY(names_make(&body->by_name, package->arena, count));
    while (pb_next(&in, &field)) {
        if (field.number != number || field.wire != PB_LENGTH) continue;
        struct qc_tf_node *node = &body->node[body->node_count];
        if (!qc_tf_node(field.bytes, node))
            return qc_fail(package->arena->env, QC_FORMAT, "%s: node %u of '%.*s' is damaged", package->path, body->node_count, QC_PB(body->name));
        if (!names_add(&body->by_name, body->node, sizeof *body->node, body->node_count, node->name))
            return qc_fail(package->arena->env, QC_FORMAT, "%s: two nodes of '%.*s' are named '%.*s'", package->path, QC_PB(body->name), QC_PB(node->name));
        body->node_count++;
    }
    return in.damaged ? qc_fail(package->arena->env, QC_FORMAT, "%s: the graph '%.*s' is damaged", package->path, QC_PB(body->name)) : QC_OK;
}

/* Names and types of the OpDef arguments in field `number` of a function's signature. */
static qc_status read_args(struct qc_arena *arena, struct pb_bytes signature, uint32_t number, struct pb_bytes **names, int64_t **types, int *count)
{
    struct pb_reader in = pb_open(signature);
    struct pb_field field;
    size_t most = count_field(signature, number);
    *names = qc_arena_array(arena, most, sizeof **names);
    *types = qc_arena_array(arena, most, sizeof **types);
    if (!*names || !*types) return QC_NOMEM;
    while (pb_next(&in, &field))
        if (field.number == number && field.wire == PB_LENGTH) {
            (*types)[*count] = (int64_t)pb_find_number(field.bytes, 3, 0);
            (*names)[(*count)++] = pb_find(field.bytes, 1);
        }
    return QC_OK;
}

static qc_status read_body(struct qc_tf_package *package, const struct qc_tf_function *function, struct qc_tf_body *body)
{
    struct pb_bytes signature = pb_find(function->message, 1);
    body->name = function->name;
    int64_t *ret_type;
    QC_TRY(read_args(package->arena, signature, 2, &body->arg, &body->arg_type, &body->arg_count));
    QC_TRY(read_args(package->arena, signature, 3, &body->ret_name, &ret_type, &body->ret_count));
    body->ret = qc_arena_array(package->arena, (size_t)body->ret_count, sizeof *body->ret);
    if (!body->ret) return QC_NOMEM;
    struct pb_reader in = pb_open(function->message);
    struct pb_field field;
    while (pb_next(&in, &field)) {
        if (field.number != 4 || field.wire != PB_LENGTH) continue;
        struct pb_bytes name = pb_find(field.bytes, 1);
        for (int i = 0; i < body->ret_count; i++)
            if (pb_same(body->ret_name[i], name)) body->ret[i] = pb_find(field.bytes, 2);
    }
    return read_nodes(package, function->message, 3, body);
}

qc_status qc_tf_function_body(struct qc_tf_package *package, struct pb_bytes name, struct qc_tf_body **body)
{
    int64_t at = names_find(&package->by_name, package->function, sizeof *package->function, name);
    *body = NULL;
    if (at < 0) return QC_OK;
    struct qc_tf_function *function = &package->function[at];
    if (!function->body) {
        struct qc_tf_body *fresh = qc_arena_alloc(package->arena, sizeof *fresh);
        if (!fresh) return QC_NOMEM;
        QC_TRY(read_body(package, function, fresh));
        function->body = fresh;
    }
    *body = function->body;
    return QC_OK;
}

struct pb_bytes qc_tf_function_message(const struct qc_tf_package *package, struct pb_bytes name)
{
    int64_t at = names_find(&package->by_name, package->function, sizeof *package->function, name);
    return at < 0 ? (struct pb_bytes){NULL, 0} : package->function[at].message;
}

qc_status qc_tf_package_open_graph(struct qc_tf_package *package, struct qc_arena *arena, const char *path, struct pb_bytes graph)
{
    package->arena = arena;
    package->path = path;
    QC_TRY(read_nodes(package, graph, 1, &package->top));
    struct pb_bytes library = pb_find(graph, 2);
    size_t count = count_field(library, 1);
    package->function = qc_arena_array(arena, count, sizeof *package->function);
    if (!package->function) return QC_NOMEM;
    QC_TRY(names_make(&package->by_name, arena, count));
    struct pb_reader in = pb_open(library);
    struct pb_field field;
    while (pb_next(&in, &field)) {
        if (field.number != 1 || field.wire != PB_LENGTH) continue;
        struct qc_tf_function *function = &package->function[package->function_count];
        function->name = pb_find(pb_find(field.bytes, 1), 1);
        function->message = field.bytes;
        if (names_add(&package->by_name, package->function, sizeof *function, package->function_count, function->name)) package->function_count++;
    }
    return in.damaged ? qc_fail(arena->env, QC_FORMAT, "%s: its function library is damaged", path) : QC_OK;
}

/* ---- meta graphs ---- */

static bool has_tag(const char *tags, struct pb_bytes tag)
{
    for (const char *at = tags; *at;) {
        size_t length = strcspn(at, ",");
        if (pb_same(tag, (struct pb_bytes){(const uint8_t *)at, length})) return true;
        at += length + (at[length] == ',');
    }
    return false;
}

/* Do the tags of a MetaInfoDef equal `tags`? They are added to `list` for an error. */
static bool match_tags(struct pb_bytes info, const char *tags, char *list, size_t size)
{
    struct pb_reader in = pb_open(info);
    struct pb_field field;
    size_t wanted = 1, found = 0, used = strlen(list);
    bool all = true;
    for (const char *at = tags; *at; at++) wanted += *at == ',';
    if (used < size) snprintf(list + used, size - used, "%s'", used ? ", " : "");
    while (pb_next(&in, &field)) {
        if (field.number != 4 || field.wire != PB_LENGTH) continue;
        all &= has_tag(tags, field.bytes);
        used = strlen(list);
        snprintf(list + used, size - used, "%s%.*s", found++ ? "," : "", QC_PB(field.bytes));
    }
    used = strlen(list);
    snprintf(list + used, size - used, "'");
    return all && found == wanted;
}

qc_status qc_tf_package_open(struct qc_tf_package *package, struct qc_arena *arena, const char *path, struct pb_bytes file, const char *tags)
{
    struct pb_reader in = pb_open(file);
    struct pb_field field;
    char list[600] = "";
    size_t count = 0;
    if (!tags) tags = "serve";
    while (pb_next(&in, &field)) {
        if (field.number != 2 || field.wire != PB_LENGTH) continue;
        count++;
        if (match_tags(pb_find(field.bytes, 1), tags, list, sizeof list) && !package->meta_graph.at) package->meta_graph = field.bytes;
    }
    if (in.damaged) return qc_fail(arena->env, QC_FORMAT, "%s: is no SavedModel, or damaged or cut off", path);
    if (!count) return qc_fail(arena->env, QC_FORMAT, "%s: holds no graph", path);
    if (!package->meta_graph.at)
        return qc_fail(arena->env, QC_INVALID, "%s: has no graph with the tags '%s'; there is %s (choose with --tag)", path, tags, list);
    if (!pb_sound(package->meta_graph)) return qc_fail(arena->env, QC_FORMAT, "%s: its graph with the tags '%s' is damaged", path, tags);
    package->objects = pb_find(package->meta_graph, 7);
    return qc_tf_package_open_graph(package, arena, path, pb_find(package->meta_graph, 2));
}

/* ---- signatures ---- */

static int compare_endpoints(const void *a, const void *b)
{
    const struct qc_tf_endpoint *x = a, *y = b;
    size_t common = QC_MIN(x->key.size, y->key.size);
    int order = common ? memcmp(x->key.at, y->key.at, common) : 0;
    return order ? order : (x->key.size > y->key.size) - (x->key.size < y->key.size);
}

/* The map<string, TensorInfo> in field `number` of a SignatureDef. */
static qc_status read_endpoints(struct qc_tf_package *package, struct pb_bytes message, uint32_t number, struct qc_tf_endpoint **list, int *count)
{
    struct pb_reader in = pb_open(message);
    struct pb_field field;
    *list = qc_arena_array(package->arena, count_field(message, number), sizeof **list);
    if (!*list) return QC_NOMEM;
    while (pb_next(&in, &field)) {
        if (field.number != number || field.wire != PB_LENGTH) continue;
        struct qc_tf_endpoint *point = &(*list)[(*count)++];
        struct pb_bytes info = pb_find(field.bytes, 2);
        point->key = pb_find(field.bytes, 1);
        point->tensor = pb_find(info, 1);
        point->type = (int64_t)pb_find_number(info, 2, 0);
        if (!point->tensor.size)
            return qc_fail(package->arena->env, QC_UNSUPPORTED, "%s: '%.*s' of the signature is a sparse or composite tensor", package->path,
                           QC_PB(point->key));
        point->shaped = qc_tf_shape(pb_find(info, 3), &point->shape) && point->shape.known_rank;
    }
    if (in.damaged) return qc_fail(package->arena->env, QC_FORMAT, "%s: a signature is damaged", package->path);
    qsort(*list, (size_t)*count, sizeof **list, compare_endpoints);
    return QC_OK;
}

/* Names of concrete functions, for the error when there are no signatures. */
static void list_functions(const struct qc_tf_package *package, char *list, size_t size)
{
    struct pb_reader in = pb_open(package->objects);
    struct pb_field field;
    size_t used = 0;
    while (pb_next(&in, &field)) {
        if (field.number != 2 || field.wire != PB_LENGTH || used + 8 >= size) continue;
        used += (size_t)snprintf(list + used, size - used, "%s%.*s", used ? ", " : "", QC_PB(pb_find(field.bytes, 1)));
        if (used > size) used = size;
    }
}

qc_status qc_tf_signature_find(struct qc_tf_package *package, const char *key, struct qc_tf_signature *signature)
{
    struct pb_reader in = pb_open(package->meta_graph);
    struct pb_field field;
    struct pb_bytes found = {NULL, 0}, only = {NULL, 0}, only_key = {NULL, 0};
    char list[600] = "";
    size_t used = 0, count = 0;
    *signature = (struct qc_tf_signature){.key = {NULL, 0}};
    while (pb_next(&in, &field)) {
        if (field.number != 5 || field.wire != PB_LENGTH) continue;
        struct pb_bytes name = pb_find(field.bytes, 1);
        bool internal = name.size >= 2 && !memcmp(name.at, "__", 2);
        if (pb_equal(name, key ? key : "serving_default")) {
            found = pb_find(field.bytes, 2);
            signature->key = name;
        }
        if (internal) continue;
        count++;
        only = pb_find(field.bytes, 2);
        only_key = name;
        if (used + 8 < sizeof list) used += (size_t)snprintf(list + used, sizeof list - used, "%s'%.*s'", used ? ", " : "", QC_PB(name));
        used = QC_MIN(used, sizeof list);
    }
    struct qc_env *env = package->arena->env;
    if (!found.at && !key && count == 1) {
        found = only;
        signature->key = only_key;
    }
    if (!found.at && !count) {
        list_functions(package, list, sizeof list);
        return qc_fail(env, QC_INVALID, "%s: has no signature; save it with signatures=..., for instance one of its functions %s", package->path,
                       *list ? list : "(it has none)");
    }
    if (!found.at)
        return qc_fail(env, QC_INVALID, "%s: has no signature '%s'; there is %s (choose with --signature)", package->path,
                       key ? key : "serving_default", list);
    QC_TRY(read_endpoints(package, found, 1, &signature->input, &signature->input_count));
    QC_TRY(read_endpoints(package, found, 2, &signature->output, &signature->output_count));
    if (!signature->output_count) return qc_fail(env, QC_FORMAT, "%s: the signature '%.*s' has no outputs", package->path, QC_PB(signature->key));
    return QC_OK;
}
