/*
 * tree.c - the configuration JSON of all Keras versions as one tree of layer records. See tree.h.
 *
 * Keras 1 writes a Sequential as a list, later versions as {name, layers}; inner layers of wrappers stand in their configuration. The
 * tree's depth is bounded here, so that everything after may recurse over it.
 */
#include "import/keras/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DEPTH = 64, MOST_LAYERS = 1 << 17, MOST_NAME = 200 };

/* ---- kinds ---- */

static bool is_model_class(const char *name)
{
    return !strcmp(name, "Sequential") || !strcmp(name, "Functional") || !strcmp(name, "Model");
}

/* Registered by somebody outside Keras, perhaps under a name that Keras has too. */
static bool is_custom(const struct qc_json *json, const char *class_name)
{
    const char *registered = qc_json_string(qc_json_get(json, "registered_name")), *module = qc_json_string(qc_json_get(json, "module"));
    const char *full = strchr(class_name, '>') || !registered ? class_name : registered; /* "package>class" */
    if (strchr(full, '>')) return !qc_keras_class_find(full, false);
    return registered && module && strncmp(module, "keras", 5) && strncmp(module, "tf_keras", 8) && strncmp(module, "tensorflow.", 11);
}

/* Keras 3 records operations as nodes; their configuration lacks what that of every layer has. */
static bool is_operation(const struct qc_keras_import *im, const struct qc_json *json, const struct qc_json *config, const char *class_name)
{
    if (im->major < 3 || !qc_json_get(json, "inbound_nodes") || qc_json_get(config, "trainable")) return false;
    if (qc_json_get(config, "layers")) return false; /* Pipeline */
    return !qc_json_get(config, "dtype") || !qc_keras_class_find(class_name, false);
}

/* ---- names ---- */

/* A name from the file, in the arena. */
static const char *name_of(struct qc_keras_import *im, const struct qc_json *json, const struct qc_json *config, const char *otherwise)
{
    const char *name = qc_json_string(qc_json_get(json, "name"));
    if (!name) name = qc_json_string(qc_json_get(config, "name"));
    if (!name) name = otherwise;
    return name ? qc_arena_string(im->arena, name) : NULL;
}

/* Names from the outermost model inwards, cut to a sane length: they go into the name of every tensor and node. */
static const char *path_of(struct qc_keras_import *im, const struct qc_keras_layer *parent, const char *name)
{
    if (!parent || !parent->parent) return qc_arena_printf(im->arena, "%.*s", MOST_NAME, name);
    if (strlen(parent->path) > MOST_NAME) return parent->path;
    return qc_arena_printf(im->arena, "%s/%.*s", parent->path, MOST_NAME, name);
}

static int compare_names(const void *a, const void *b)
{
    const struct qc_keras_name *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static qc_status sort_names(struct qc_keras_import *im, struct qc_keras_layer *model)
{
    struct qc_keras_name *names = qc_arena_array(im->arena, (size_t)model->child_count, sizeof *names);
    if (!names) return QC_NOMEM;
    for (int i = 0; i < model->child_count; i++) names[i] = (struct qc_keras_name){model->child[i]->name, i};
    qsort(names, (size_t)model->child_count, sizeof *names, compare_names);
    for (int i = 1; i < model->child_count; i++)
        if (!model->sequential && !strcmp(names[i].name, names[i - 1].name))
            return qc_fail(&im->model->env, QC_FORMAT, "model '%s' has two layers of the name '%s'", model->path, names[i].name);
    model->by_name = names;
    return QC_OK;
}

int qc_keras_child(const struct qc_keras_layer *model, const char *name)
{
    struct qc_keras_name key = {name, 0};
    const struct qc_keras_name *found =
        bsearch(&key, model->by_name, (size_t)model->child_count, sizeof *model->by_name, compare_names);
    return found ? found->index : -1;
}

/* ---- references ---- */

bool qc_keras_reference(const struct qc_json *json, struct qc_keras_reference *reference)
{
    memset(reference, 0, sizeof *reference);
    if (qc_json_is_object(json)) {
        if (!qc_json_equal(qc_json_get(json, "class_name"), "__keras_tensor__")) return false;
        json = qc_json_get(qc_json_get(json, "config"), "keras_history");
    }
    if (!qc_json_is_array(json) || qc_json_count(json) < 3 || qc_json_count(json) > 4) return false;
    reference->name = qc_json_string(qc_json_at(json, 0));
    reference->kwargs = qc_json_at(json, 3);
    if (reference->kwargs && !qc_json_is_object(reference->kwargs)) return false;
    return reference->name && qc_json_int(qc_json_at(json, 1), &reference->node) && qc_json_int(qc_json_at(json, 2), &reference->tensor);
}

/* The largest node index by which anything below `json` refers to each child; see node_shift. */
static void note_references(const struct qc_json *json, struct qc_keras_layer *model, int64_t *largest, int depth)
{
    struct qc_keras_reference reference;
    if (depth > MOST_DEPTH) return;
    if (qc_keras_reference(json, &reference)) {
        int child = qc_keras_child(model, reference.name);
        if (child >= 0) largest[child] = QC_MAX(largest[child], reference.node);
        json = reference.kwargs;
    }
    if (qc_json_is_array(json))
        for (size_t i = 0, n = qc_json_count(json); i < n; i++) note_references(qc_json_at(json, i), model, largest, depth + 1);
    const char *key;
    const struct qc_json *value;
    if (qc_json_is_object(json))
        for (const void *i = NULL; (i = qc_json_next(json, i, &key, &value));) note_references(value, model, largest, depth + 1);
}

/*
 * The call of a nested model is counted from 1 in Keras 1 and 2, where node 0 is its own construction, which the file leaves out.
 * Keras 3 counts from 0 or from 1, depending on how the model came about: an index past the list tells.
 */
static qc_status shift_nodes(struct qc_keras_import *im, struct qc_keras_layer *model)
{
    int64_t *largest = qc_env_alloc(&im->model->env, (size_t)model->child_count * sizeof *largest + 1);
    if (!largest) return QC_NOMEM;
    for (int i = 0; i < model->child_count; i++) note_references(qc_json_get(model->child[i]->json, "inbound_nodes"), model, largest, 0);
    note_references(qc_keras_member(model, "output_layers"), model, largest, 0);
    for (int i = 0; i < model->child_count; i++) {
        struct qc_keras_layer *child = model->child[i];
        if (child->kind == QC_KERAS_MODEL) child->node_shift = im->major < 3 || largest[i] >= child->node_count;
    }
    qc_env_free(&im->model->env, largest);
    return QC_OK;
}

/* ---- records ---- */

static struct qc_keras_layer *parse(struct qc_keras_import *im, const struct qc_json *json, struct qc_keras_layer *parent,
                                    const char *role, int index, int depth);

static qc_status parse_children(struct qc_keras_import *im, struct qc_keras_layer *layer, const struct qc_json *list, const char *role,
                                int depth)
{
    size_t count = qc_json_count(list);
    if (!qc_json_is_array(list) || !count || count > MOST_LAYERS)
        return qc_fail(&im->model->env, QC_FORMAT, "'%s' (%s) lists no layers", layer->path, layer->class_name);
    layer->child = qc_arena_array(im->arena, count, sizeof *layer->child);
    if (!layer->child) return QC_NOMEM;
    for (size_t i = 0; i < count; i++) {
        struct qc_keras_layer *child = parse(im, qc_json_at(list, i), layer, role, (int)i, depth + 1);
        if (!child) return im->model->env.error.status;
        layer->child[layer->child_count++] = child;
    }
    return QC_OK;
}

static qc_status parse_model(struct qc_keras_import *im, struct qc_keras_layer *model, int depth)
{
    model->sequential = !strcmp(model->class_name, "Sequential");
    QC_TRY(parse_children(im, model, qc_json_is_array(model->config) ? model->config : qc_keras_member(model, "layers"), "layers", depth));
    QC_TRY(sort_names(im, model));
    return model->sequential ? QC_OK : shift_nodes(im, model);
}

/* Layers inside the configuration of a wrapper: class, key, role. */
static const struct {
    const char *class_name, *key, *otherwise, *role;
} inner_layer[] = {
    {"Bidirectional", "layer", NULL, "forward_layer"},
    {"Bidirectional", "backward_layer", "layer", "backward_layer"},
    {"TimeDistributed", "layer", NULL, "layer"},
    {"Wrapper", "layer", NULL, "layer"},
    {"SpectralNormalization", "layer", NULL, "layer"},
    {"RNN", "cell", NULL, "cell"},
};

static qc_status parse_inner(struct qc_keras_import *im, struct qc_keras_layer *layer, int depth)
{
    if (!strcmp(layer->class_name, "Pipeline")) return parse_children(im, layer, qc_keras_member(layer, "layers"), "layers", depth);
    if (!strcmp(layer->class_name, "StackedRNNCells")) return parse_children(im, layer, qc_keras_member(layer, "cells"), "cells", depth);
    for (size_t i = 0; i < QC_COUNT(inner_layer); i++) {
        if (strcmp(layer->class_name, inner_layer[i].class_name)) continue;
        const struct qc_json *inner = qc_keras_member(layer, inner_layer[i].key);
        if (qc_json_is_null(inner) && inner_layer[i].otherwise) inner = qc_keras_member(layer, inner_layer[i].otherwise);
        if (!layer->child && !(layer->child = qc_arena_array(im->arena, 2, sizeof *layer->child))) return QC_NOMEM;
        struct qc_keras_layer *child = parse(im, inner, layer, inner_layer[i].role, 0, depth + 1);
        if (!child) return im->model->env.error.status;
        layer->child[layer->child_count++] = child;
    }
    return QC_OK;
}

static qc_status unknown_class(struct qc_keras_import *im, const struct qc_keras_layer *layer)
{
    const char *why = qc_keras_refusal(layer->class_name);
    char place[300] = "";
    if (layer->parent) snprintf(place, sizeof place, " (number %d in '%s')", layer->index + 1, layer->parent->path);
    if (is_custom(layer->json, layer->class_name))
        why = "it is a custom layer, whose meaning is in Python code and not in the file; build the model from Keras's own layers, or export it "
              "as a SavedModel, which holds the computation";
    return qc_fail(&im->model->env, QC_UNSUPPORTED, "%s '%s'%s of class '%.200s' cannot be imported: %s",
                   layer->kind == QC_KERAS_OPERATION ? "operation" : "layer", layer->path, place, layer->class_name,
                   why ? why : "quantc does not know this class; if it is a custom one, export the model as a SavedModel, which holds the computation");
}

static qc_status classify(struct qc_keras_import *im, struct qc_keras_layer *layer, int depth)
{
    bool custom = is_custom(layer->json, layer->class_name);
    if (is_model_class(layer->class_name) && !custom) {
        layer->kind = QC_KERAS_MODEL;
        return parse_model(im, layer, depth);
    }
    if (!strcmp(layer->class_name, "InputLayer")) {
        layer->kind = QC_KERAS_INPUT;
        return QC_OK;
    }
    bool operation = is_operation(im, layer->json, layer->config, layer->class_name);
    layer->kind = operation ? QC_KERAS_OPERATION : QC_KERAS_LAYER;
    char old[64];
    snprintf(old, sizeof old, "%.60s@1", layer->class_name);
    if (im->major == 1) layer->class = qc_keras_class_find(old, false);
    if (!layer->class && (!custom || operation)) layer->class = qc_keras_class_find(layer->class_name, operation);
    if (!layer->class) return unknown_class(im, layer);
    QC_TRY(parse_inner(im, layer, depth));
    return qc_keras_declare(im, layer);
}

static struct qc_keras_layer *parse(struct qc_keras_import *im, const struct qc_json *json, struct qc_keras_layer *parent,
                                    const char *role, int index, int depth)
{
    struct qc_env *env = &im->model->env;
    struct qc_keras_layer *layer = qc_arena_alloc(im->arena, sizeof *layer);
    uint64_t *asked = qc_arena_array(im->arena, 1, sizeof *asked);
    if (!layer || !asked) return NULL;
    *layer = (struct qc_keras_layer){.json = json, .parent = parent, .role = role, .index = index, .slot = "", .trainable = true, .asked = asked,
                                     .position_count = -1};
    layer->config = qc_json_get(json, "config");
    const char *class_name = qc_json_string(qc_json_get(json, "class_name")), *where = parent ? parent->path : "the configuration";
    bool list = class_name && !strcmp(class_name, "Sequential") && qc_json_is_array(layer->config);
    if (depth > MOST_DEPTH) {
        qc_fail(env, QC_FORMAT, "'%s' nests models and layers more than %d deep", where, MOST_DEPTH);
        return NULL;
    }
    if (!class_name || (!qc_json_is_object(layer->config) && !list)) {
        qc_fail(env, QC_FORMAT, "%s: entry %d is no layer: it lacks class_name or config", where, index + 1);
        return NULL;
    }
    layer->class_name = class_name;
    layer->name = name_of(im, json, layer->config, qc_arena_printf(im->arena, "%.60s_%d", class_name, index));
    layer->path = layer->name ? path_of(im, parent, layer->name) : NULL;
    if (!layer->path) return NULL;
    layer->top = !parent || !parent->parent ? layer : parent->top;
    qc_json_bool(qc_json_get(layer->config, "trainable"), &layer->trainable);
    layer->node_count = (int)QC_MIN(qc_json_count(qc_json_get(json, "inbound_nodes")), INT32_MAX);
    if (qc_json_is_object(qc_json_get(layer->config, "quantization_config"))) {
        qc_fail(env, QC_UNSUPPORTED, "layer '%s' (%s) is quantized by Keras; save the model before quantizing it", layer->path, class_name);
        return NULL;
    }
    return classify(im, layer, depth) ? NULL : layer;
}

struct qc_keras_layer *qc_keras_parse(struct qc_keras_import *im, const struct qc_json *json)
{
    const char *class_name = qc_json_string(qc_json_get(json, "class_name"));
    if (class_name && (!is_model_class(class_name) || is_custom(json, class_name))) {
        qc_fail(&im->model->env, QC_UNSUPPORTED, "the model is of class '%.200s', not Sequential or Functional: its structure is Python code that the "
                "file does not hold; export it as a SavedModel", class_name);
        return NULL;
    }
    struct qc_keras_layer *root = parse(im, json, NULL, "", 0, 0);
    return root && !qc_keras_name_slots(im, root) ? root : NULL;
}
