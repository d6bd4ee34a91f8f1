/*
 * ends.c - a graph with the inputs, outputs and signature that the model's users know, around the evaluation of its layers. See
 * keras.h.
 *
 * Names are Keras's own: signature entries are the names of input layers and of the layers that give outputs; tensors are called as
 * TFLiteConverter calls them. Unknown dimensions are built as 1 (batch) or QC_UNKNOWN_SIZE and marked free.
 */
#include "import/keras/operation.h"
#include "import/keras/walk.h"
#include "import/lower/batch.h"

#include <stdio.h>
#include <string.h>

struct input {
    const char *name;
    const struct qc_json *shape; /* [null, 224, 224, 3] */
    const char *dtype;
};

/* ---- inputs ---- */

/* "float32", or the name inside a policy; NULL: not said. */
static const char *dtype_name(const struct qc_keras_layer *layer)
{
    const struct qc_json *json = qc_keras_member(layer, "input_dtype");
    if (qc_json_is_null(json)) json = qc_keras_member(layer, "dtype");
    if (qc_json_is_object(json)) json = qc_json_get(qc_json_get(json, "config"), "name");
    const char *name = qc_json_string(json);
    if (name && !strncmp(name, "mixed_", 6)) return name + 6;
    return name && !strncmp(name, "<dtype: '", 9) ? NULL : name;
}

static const struct qc_json *shape_of(const struct qc_keras_layer *layer)
{
    return qc_keras_plain(qc_keras_get(layer, "batch_shape"));
}

/* The input of a Sequential: an InputLayer, the shape its first layer states, that of a model inside, or the one it was built with. */
static qc_status sequential_input(struct qc_keras_import *im, const struct qc_keras_layer *model, struct input *input)
{
    const struct qc_keras_layer *first = model->child[0];
    while (first->kind == QC_KERAS_MODEL && !shape_of(first)) {
        if (!first->sequential) {
            struct qc_keras_end *ends;
            int count;
            QC_TRY(qc_keras_ends(im, first, "input_layers", &ends, &count));
            int child = qc_keras_child(first, ends[0].reference.name);
            if (count != 1 || child < 0)
                return qc_fail(&im->model->env, QC_FORMAT, "Sequential '%s' begins with model '%s', which has not exactly one input", model->path, first->path);
            first = first->child[child];
        } else
            first = first->child[0];
    }
    bool layer = first->kind == QC_KERAS_INPUT;
    *input = (struct input){layer ? first->name : qc_arena_printf(im->arena, "%s_input", first->name), shape_of(first), dtype_name(first)};
    if (!input->shape) input->shape = qc_keras_plain(qc_keras_member(model, "build_input_shape"));
    if (!input->shape) input->shape = qc_keras_plain(qc_json_get(qc_json_get(model->json, "build_config"), "input_shape"));
    if (!input->name) return QC_NOMEM;
    return input->shape ? QC_OK : qc_fail(&im->model->env, QC_UNSUPPORTED, "model '%s' does not say the shape of its input; give its first layer an input shape, or call the "
                                          "model once, and save it again", model->path);
}

static qc_status add_input(struct qc_keras_import *im, const struct input *input, struct qc_keras_value *value)
{
    struct qc_env *env = &im->model->env;
    const char *dtype = input->dtype ? input->dtype : "float32";
    int32_t dims[QC_MAX_RANK], signature[QC_MAX_RANK], fixed = im->model->options.batch;
    qc_dtype type;
    size_t rank = qc_json_count(input->shape);
    if (!qc_json_is_array(input->shape) || !rank || rank > QC_MAX_RANK)
        return qc_fail(env, QC_FORMAT, "input '%s': its shape is no list of 1 to %d dimensions", input->name, QC_MAX_RANK);
    if (!qc_keras_dtype(dtype, &type)) {
        bool text = !strcmp(dtype, "string");
        return qc_fail(env, QC_UNSUPPORTED, "input '%s' is of type '%.60s'%s", input->name, dtype,
                       text ? ", which TensorFlow Lite's operators do not take; cut the model after its text layers, whose work quantc's tokenizer does" :
                              ", which is not supported");
    }
    for (size_t i = 0; i < rank; i++) {
        int64_t size = -1;
        const struct qc_json *dim = qc_json_at(input->shape, i);
        if (!qc_json_is_null(dim) && (!qc_json_int(dim, &size) || size < 1 || size > INT32_MAX))
            return qc_fail(env, QC_FORMAT, "input '%s': dimension %zu of its shape is neither null nor a size", input->name, i);
        if (i == 0 && fixed > 0 && size > 0 && size != fixed)
            return qc_fail(env, QC_INVALID, "input '%s': a batch of %d was asked for, but the model was made for %lld", input->name, fixed, (long long)size);
        if (i == 0 && size < 0 && fixed > 0) size = fixed;
        signature[i] = (int32_t)size;
        dims[i] = size > 0 ? (int32_t)size : i ? QC_UNKNOWN_SIZE : 1;
    }
    char *name = qc_arena_printf(im->arena, "serving_default_%s:0", input->name);
    value->tensor = name ? qc_graph_add_tensor(im->b.graph, name, type, (int)rank, dims) : NULL;
    if (!value->tensor) return QC_NOMEM;
    memcpy(value->tensor->signature, signature, rank * sizeof *signature);
    return QC_OK;
}

/* One graph input for each of the model's, and its signature entry. */
static qc_status add_inputs(struct qc_keras_import *im, const struct qc_keras_layer *model, struct qc_signature *signature,
                            struct qc_keras_value **values)
{
    struct qc_keras_end *ends = NULL;
    int count = 1;
    if (!model->sequential) QC_TRY(qc_keras_ends(im, model, "input_layers", &ends, &count));
    struct qc_tensor **tensor = qc_arena_array(im->arena, (size_t)count, sizeof *tensor);
    *values = qc_arena_array(im->arena, (size_t)count, sizeof **values);
    signature->input = qc_arena_array(im->arena, (size_t)count, sizeof *signature->input);
    if (!tensor || !*values || !signature->input) return QC_NOMEM;
    for (int i = 0; i < count; i++) {
        struct input input = {0};
        if (model->sequential) QC_TRY(sequential_input(im, model, &input));
        else {
            int child = qc_keras_child(model, ends[i].reference.name);
            const struct qc_keras_layer *layer = child < 0 ? NULL : model->child[child];
            if (!layer || layer->kind != QC_KERAS_INPUT)
                return qc_fail(&im->model->env, QC_FORMAT, "the model's input '%.200s' is no InputLayer of it", ends[i].reference.name);
            input = (struct input){layer->name, shape_of(layer), dtype_name(layer)};
        }
        QC_TRY(add_input(im, &input, &(*values)[i]));
        tensor[i] = (*values)[i].tensor;
        signature->input[i] = (struct qc_signature_entry){input.name, tensor[i]};
    }
    signature->input_count = count;
    return qc_graph_set_inputs(im->b.graph, count, tensor);
}

/* ---- outputs ---- */

static bool is_taken(const struct qc_signature *signature, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(signature->output[i].name, name)) return true;
    return false;
}

/* `name`, or name_1, name_2 ... if an earlier output has it. */
static const char *unique_name(struct qc_keras_import *im, const struct qc_signature *signature, int count, const char *name)
{
    const char *unique = qc_arena_string(im->arena, name);
    size_t length = strlen(name);
    int number = 0; /* earlier ones of that name, numbered or not */
    for (int i = 0; i < count; i++) {
        const char *other = signature->output[i].name;
        number += !strncmp(other, name, length) && (!other[length] || (other[length] == '_' && !other[length + 1 + strspn(other + length + 1, "0123456789")]));
    }
    while (unique && is_taken(signature, count, unique)) unique = qc_arena_printf(im->arena, "%s_%d", name, number++);
    return unique;
}

static const char *output_name(const struct qc_keras_import *im, const struct qc_keras_layer *model, const struct qc_keras_end *ends, int i)
{
    if (model->sequential) return model->child[model->child_count - 1]->name;
    return ends[i].key && !im->weights->layer_names ? ends[i].key : ends[i].reference.name;
}

/* An output must be a tensor of its own: an input or an output already given goes through a RESHAPE that changes nothing. */
static struct qc_tensor *own_tensor(struct qc_keras_import *im, const struct qc_signature *signature, int count, struct qc_tensor *tensor)
{
    bool own = tensor->producer != NULL;
    for (int i = 0; i < count; i++) own &= signature->output[i].tensor != tensor;
    int32_t keep[QC_MAX_RANK];
    for (int axis = 0; axis < tensor->rank; axis++) keep[axis] = QC_KEEP(axis);
    return own ? tensor : qc_lower_reshape(&im->b, tensor, tensor->rank, keep);
}

static qc_status set_outputs(struct qc_keras_import *im, const struct qc_keras_layer *model, struct qc_signature *signature,
                             const struct qc_keras_value *values, int count)
{
    struct qc_keras_end *ends = NULL;
    int end_count = count;
    if (!model->sequential) QC_TRY(qc_keras_ends(im, model, "output_layers", &ends, &end_count));
    struct qc_tensor **tensor = qc_arena_array(im->arena, (size_t)count, sizeof *tensor);
    signature->output = qc_arena_array(im->arena, (size_t)count, sizeof *signature->output);
    if (!tensor || !signature->output) return QC_NOMEM;
    for (int i = 0; i < count; i++) {
        const char *name = output_name(im, model, ends, i);
        im->b.scope = name;
        tensor[i] = own_tensor(im, signature, i, values[i].tensor);
        name = unique_name(im, signature, i, name);
        char *tensor_name = qc_arena_printf(im->arena, "StatefulPartitionedCall:%d", i);
        if (!tensor[i] || !name || !tensor_name) return qc_build_status(&im->b);
        tensor[i]->name = tensor_name;
        signature->output[i] = (struct qc_signature_entry){name, tensor[i]};
    }
    signature->output_count = count;
    return qc_graph_set_outputs(im->b.graph, count, tensor);
}

/* ---- all ---- */

qc_status qc_keras_build(struct qc_model *model, const struct qc_json *config, int major, int minor, const struct qc_keras_weights *weights)
{
    struct qc_keras_import im = {.model = model, .arena = &model->arena, .major = major, .minor = minor, .weights = weights, .b = {.graph = model->graph[0]}};
    struct qc_keras_layer *root = qc_keras_parse(&im, config);
    if (!root) return model->env.error.status ? model->env.error.status : qc_fail(&model->env, QC_NOMEM, "out of memory");
    struct qc_signature *signature = qc_arena_alloc(im.arena, sizeof *signature);
    struct qc_keras_value *in = NULL, *out = NULL;
    int out_count = 0;
    if (!signature) return QC_NOMEM;
    *signature = (struct qc_signature){.key = "serving_default", .graph = im.b.graph};
    QC_TRY(add_inputs(&im, root, signature, &in));
    QC_TRY(qc_keras_evaluate(&im, root, signature->input_count, in, &out, &out_count));
    if (!out_count) return qc_fail(&model->env, QC_FORMAT, "model '%s' has no outputs", root->path);
    QC_TRY(set_outputs(&im, root, signature, out, out_count));
    qc_keras_note_unread(&im, root);
    model->signature = signature;
    model->signature_count = 1;
    QC_TRY(qc_graph_sweep(im.b.graph));
    return qc_import_mark_batch(im.b.graph);
}
