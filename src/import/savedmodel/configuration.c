/*
 * configuration.c - a Keras 2 SavedModel from the description of its layers. See configuration.h.
 *
 * keras_metadata.pb (up to TensorFlow 2.4: the object graph itself) holds the JSON of the model, the object graph its weights: child
 * "layer-N" of the root is layer N of the model, whose child "variables" lists the weights in the order of .h5 files.
 */
#include "import/savedmodel/configuration.h"

#include "import/keras/keras.h"

#include <string.h>

/* ---- the description ---- */

/* SavedMetadata: 1 {3: path of the object, 5: JSON}. */
static struct pb_bytes root_metadata(struct pb_bytes file)
{
    struct pb_reader in = pb_open(file);
    struct pb_field field;
    while (pb_next(&in, &field))
        if (field.number == 1 && field.wire == PB_LENGTH && pb_equal(pb_find(field.bytes, 3), "root")) return pb_find(field.bytes, 5);
    return (struct pb_bytes){NULL, 0};
}

/* The SavedUserObject of object 0: {3: metadata}. */
static struct pb_bytes old_metadata(const struct qc_tf_captures *captures)
{
    return captures->object_count ? pb_find(pb_find(captures->object[0].message, 4), 3) : (struct pb_bytes){NULL, 0};
}

static qc_status read_description(struct qc_tf_import *im, struct qc_json **json)
{
    struct qc_file file = {0};
    char *path = qc_arena_printf(im->scratch, "%s/keras_metadata.pb", im->captures->folder);
    if (!path) return QC_NOMEM;
    struct pb_bytes text = old_metadata(im->captures);
    if (!text.size && qc_file_exists(path)) {
        QC_TRY(qc_file_map(im->env, path, &file));
        text = root_metadata((struct pb_bytes){file.bytes, file.size});
    }
    *json = text.size ? qc_json_parse(im->env, (const char *)text.at, text.size, "the Keras configuration of the SavedModel") : NULL;
    if (file.bytes) qc_file_unmap(&file);
    if (im->env->error.status) return im->env->error.status;
    if (!qc_json_get(*json, "config"))
        return qc_fail(im->env, QC_UNSUPPORTED, "the SavedModel holds no configuration of a Sequential or Functional Keras model; import its graph");
    return QC_OK;
}

/* ---- the weights ---- */

struct store {
    struct qc_tf_import *im;
    int64_t *layer; /* by number; -1: none */
    int layer_count;
    const struct qc_keras_layer *top; /* whose variables `variable` are */
    int64_t object;    /* of top; -1: none */
    int64_t *variable; /* NULL: it lists none */
};

/* The objects of the children PREFIX0, PREFIX1 ... of an object; -1 for those it lacks. */
static qc_status numbered(struct qc_tf_import *im, int64_t object, const char *prefix, int64_t **child, int *count)
{
    struct pb_bytes message = im->captures->object[object].message;
    struct pb_reader in = pb_open(message);
    struct pb_field field;
    size_t skip = strlen(prefix), most = 0;
    while (pb_next(&in, &field)) most += field.number == 1;
    *count = 0;
    if (!(*child = qc_arena_array(im->scratch, most, sizeof **child))) return QC_NOMEM;
    in = pb_open(message);
    while (pb_next(&in, &field)) {
        struct pb_bytes name = pb_find(field.bytes, 2);
        size_t number = 0, i = skip;
        if (field.number != 1 || name.size <= skip || name.size > skip + 7 || memcmp(name.at, prefix, skip)) continue;
        while (i < name.size && name.at[i] >= '0' && name.at[i] <= '9') number = 10 * number + name.at[i++] - '0';
        if (i < name.size || number >= most) continue;
        while ((size_t)*count <= number) (*child)[(*count)++] = -1;
        int64_t to = (int64_t)pb_find_number(field.bytes, 1, 0);
        if (to >= 0 && to < im->captures->object_count) (*child)[number] = to;
    }
    return QC_OK;
}

/* States of random generators stand among the weights, but are none. */
static bool is_state(struct qc_tf_import *im, int64_t number)
{
    static const char state[] = "StateVar";
    struct pb_bytes name = qc_tf_object_name(im, number);
    for (size_t i = 0; i + sizeof state - 1 <= name.size; i++)
        if (!memcmp(name.at + i, state, sizeof state - 1)) return true;
    return false;
}

static qc_status list_variables(struct store *store, const struct qc_keras_layer *top)
{
    struct qc_tf_import *im = store->im;
    int number = top->index, listed = 0, count = 0;
    if (!store->layer) QC_TRY(numbered(im, 0, "layer-", &store->layer, &store->layer_count));
    for (int i = 0; i < top->index && top->parent->sequential; i++) number -= top->parent->child[i]->kind == QC_KERAS_INPUT; /* not counted there */
    store->object = number < store->layer_count ? store->layer[number] : -1;
    store->top = top;
    store->variable = NULL;
    int64_t list = store->object < 0 ? -1 : qc_tf_object_child(im, store->object, "variables");
    if (list < 0) return QC_OK;
    QC_TRY(numbered(im, list, "", &store->variable, &listed));
    for (int i = 0; i < listed; i++)
        if (store->variable[i] < 0 || !is_state(im, store->variable[i])) store->variable[count++] = store->variable[i];
    if (count != top->position_count)
        return qc_fail(im->env, QC_FORMAT, "layer '%s' (%s): the SavedModel lists %d variables for it, but by its configuration it has %d", top->path,
                       top->class_name, count, top->position_count);
    return QC_OK;
}

/* Object of a variable; -1: none. Layers that learn from data (Normalization) list nothing: theirs are children by name. */
static int64_t object_of(const struct store *store, const struct qc_keras_layer *layer, const struct qc_keras_variable *variable)
{
    if (store->variable) return store->variable[variable->position];
    return store->object < 0 || layer != store->top ? -1 : qc_tf_object_child(store->im, store->object, variable->name);
}

static qc_status find(void *user, const struct qc_keras_layer *layer, const struct qc_keras_variable *variable, struct qc_weight *value)
{
    struct store *store = user;
    struct qc_tf_array array;
    if (store->top != layer->top) QC_TRY(list_variables(store, layer->top));
    int64_t object = object_of(store, layer, variable);
    if (object < 0) return QC_OK; /* not there */
    QC_TRY(qc_tf_object_array(store->im, object, &array));
    if (array.type != QC_FLOAT32)
        return qc_fail(store->im->env, QC_UNSUPPORTED, "layer '%s' (%s): its weight '%s' is %s, not float", layer->path, layer->class_name, variable->name,
                       qc_dtype_name(array.type));
    *value = (struct qc_weight){.data = array.data, .rank = array.rank};
    memcpy(value->dims, array.dims, sizeof value->dims);
    return QC_OK;
}

/* ---- all ---- */

static bool has_entry(const struct qc_signature_entry *entry, int count, struct pb_bytes name)
{
    for (int i = 0; i < count; i++)
        if (pb_equal(name, entry[i].name)) return true;
    return false;
}

/* A signature may be any function; only that of the whole model is what the configuration describes. */
static bool is_signature_of(const struct qc_model *model, const struct qc_tf_signature *signature)
{
    const struct qc_signature *built = model->signature;
    bool same = built->input_count == signature->input_count && built->output_count == signature->output_count;
    for (int i = 0; same && i < signature->input_count; i++) same = has_entry(built->input, built->input_count, signature->input[i].key);
    for (int i = 0; same && i < signature->output_count; i++) same = has_entry(built->output, built->output_count, signature->output[i].key);
    return same;
}

qc_status qc_tf_configuration(struct qc_tf_import *im, const struct qc_tf_signature *signature)
{
    struct store store = {.im = im};
    struct qc_keras_weights weights = {.user = &store, .find = find, .layer_names = true};
    struct qc_json *json = NULL;
    qc_status status = read_description(im, &json);
    if (!status) status = qc_keras_build(im->model, json, 2, 0, &weights);
    qc_json_free(json);
    if (!status && !is_signature_of(im->model, signature))
        return qc_fail(im->env, QC_UNSUPPORTED, "signature '%.*s' has other inputs or outputs than the Keras model that the configuration describes; import its "
                       "graph", QC_PB(signature->key));
    return status;
}
