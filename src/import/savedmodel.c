/*
 * savedmodel.c - imports TensorFlow SavedModels (a folder with saved_model.pb) and bare GraphDefs (frozen .pb).
 *
 * The graph of the chosen signature is executed symbolically from its outputs (savedmodel/graph.h), or its Keras configuration is built
 * (savedmodel/configuration.h). Weights are read from the checkpoint as they are met, and only those.
 */
#include "import/import.h"

#include "base/file.h"
#include "import/lower/batch.h"
#include "import/savedmodel/captures.h"
#include "import/savedmodel/complaint.h"
#include "import/savedmodel/configuration.h"
#include "import/savedmodel/endpoints.h"

#include <stdio.h>
#include <string.h>

/* Bounds for what a file may make of itself, see graph.h. */
enum { MAX_NODES = 1 << 20, OTHER_BATCH = 3, OTHER_SIZE = 2 * QC_UNKNOWN_SIZE };
static const size_t max_folded = (size_t)512 << 20;

struct opened { /* lives as long as the model: its constants are views into these */
    struct qc_file graph;
    struct qc_tf_captures captures;
};

static void close_files(struct qc_model *model)
{
    struct opened *opened = model->close_data;
    qc_tf_captures_close(&opened->captures);
    if (opened->graph.bytes) qc_file_unmap(&opened->graph);
}

/* ---- inputs ---- */

/* Sizes of one input: the batch as the options say, other unknown ones as the lowerings expect them. */
static qc_status choose_sizes(struct qc_tf_import *im, const struct qc_tf_endpoint *point, int32_t *dims, int32_t *other, int32_t *signature)
{
    int32_t batch = im->model->options.batch;
    for (int i = 0; i < point->shape.rank; i++) {
        int64_t size = point->shape.dims[i];
        if (size == 0 || size > INT32_MAX)
            return qc_fail(im->env, QC_FORMAT, "%s: input '%.*s': dimension %d is %lld", im->package->path, QC_PB(point->key), i, (long long)size);
        if (size > 0) dims[i] = other[i] = signature[i] = (int32_t)size;
        else if (!i && batch) dims[i] = other[i] = signature[i] = batch;
        else {
            dims[i] = i ? QC_UNKNOWN_SIZE : 1;
            other[i] = i ? OTHER_SIZE + 32 * (i - 1) : OTHER_BATCH;
            signature[i] = -1;
        }
    }
    return QC_OK;
}

static qc_status make_input(struct qc_tf_import *im, const struct qc_tf_endpoint *point, struct qc_tf_value *value)
{
    int32_t dims[QC_MAX_RANK], other[QC_MAX_RANK], signature[QC_MAX_RANK];
    qc_dtype type;
    if (point->type == QC_TF_STRING) {
        *value = (struct qc_tf_value){.kind = QC_TF_TEXT};
        return QC_OK;
    }
    if (!qc_tf_compute_dtype(point->type, &type) || !qc_dtype_bits(type))
        return qc_fail(im->env, QC_UNSUPPORTED, "%s: input '%.*s' has an element type that TFLite lacks (%lld)", im->package->path, QC_PB(point->key),
                       (long long)point->type);
    if (!point->shaped)
        return qc_fail(im->env, QC_UNSUPPORTED, "%s: input '%.*s' has no known rank; save the model with an input signature", im->package->path,
                       QC_PB(point->key));
    QC_TRY(choose_sizes(im, point, dims, other, signature));
    struct qc_tensor *tensor = qc_graph_add_tensor(im->b.graph, qc_arena_printf(im->scratch, "%.*s", QC_PB(point->key)), type, point->shape.rank, dims);
    if (!tensor) return QC_NOMEM;
    memcpy(tensor->signature, signature, (size_t)point->shape.rank * sizeof *signature);
    *value = (struct qc_tf_value){.kind = QC_TF_TENSOR, .tensor = tensor};
    return qc_tf_learn_input(im, tensor, other);
}

static qc_status make_inputs(struct qc_tf_import *im, const struct qc_tf_signature *signature, struct qc_tf_feed *feed)
{
    struct qc_tensor **input = qc_arena_array(im->scratch, (size_t)signature->input_count, sizeof *input);
    int count = 0;
    if (!input) return QC_NOMEM;
    for (int i = 0; i < signature->input_count; i++) {
        feed[i].node = signature->input[i].tensor;
        for (size_t k = 0; k < feed[i].node.size; k++)
            if (feed[i].node.at[k] == ':') feed[i].node.size = k;
        QC_TRY(make_input(im, &signature->input[i], &feed[i].value));
        if (feed[i].value.kind == QC_TF_TENSOR) input[count++] = feed[i].value.tensor;
    }
    return qc_graph_set_inputs(im->b.graph, count, input);
}

/* ---- outputs ---- */

static qc_status set_signature(struct qc_tf_import *im, const struct qc_tf_signature *from, const struct qc_tf_feed *feed, struct qc_tensor *const *output)
{
    struct qc_arena *arena = &im->model->arena;
    struct qc_signature *signature = qc_arena_alloc(arena, sizeof *signature);
    if (!signature) return QC_NOMEM;
    signature->graph = im->b.graph;
    signature->key = from->key.size ? qc_arena_printf(arena, "%.*s", QC_PB(from->key)) : "serving_default";
    signature->input = qc_arena_array(arena, (size_t)from->input_count, sizeof *signature->input);
    signature->output = qc_arena_array(arena, (size_t)from->output_count, sizeof *signature->output);
    if (!signature->key || !signature->input || !signature->output) return QC_NOMEM;
    for (int i = 0; i < from->input_count; i++) {
        if (feed[i].value.kind != QC_TF_TENSOR) continue;
        struct qc_signature_entry *entry = &signature->input[signature->input_count++];
        if (!(entry->name = qc_arena_printf(arena, "%.*s", QC_PB(from->input[i].key)))) return QC_NOMEM;
        entry->tensor = feed[i].value.tensor;
    }
    for (int i = 0; i < from->output_count; i++) {
        struct qc_signature_entry *entry = &signature->output[signature->output_count++];
        if (!(entry->name = qc_arena_printf(arena, "%.*s", QC_PB(from->output[i].key)))) return QC_NOMEM;
        entry->tensor = output[i];
        if (output[i]->producer) output[i]->name = entry->name;
    }
    im->model->signature = signature;
    im->model->signature_count = 1;
    return QC_OK;
}

/* An output must be a tensor of its own: an input, a constant or an output already given goes through a RESHAPE that changes nothing. */
static struct qc_tensor *own_tensor(struct qc_tf_import *im, struct qc_tensor *tensor, int count, struct qc_tensor *const *output)
{
    int32_t dims[QC_MAX_RANK];
    bool own = tensor->producer != NULL;
    for (int i = 0; i < count; i++) own &= output[i] != tensor;
    for (int i = 0; i < tensor->rank; i++) dims[i] = QC_KEEP(i);
    return own ? tensor : qc_lower_reshape(&im->b, tensor, tensor->rank, dims);
}

static qc_status take_outputs(struct qc_tf_import *im, const struct qc_tf_signature *signature, const struct qc_tf_feed *feed, const struct qc_tf_value *value)
{
    struct qc_tensor **output = qc_arena_array(im->scratch, (size_t)signature->output_count, sizeof *output);
    if (!output) return QC_NOMEM;
    for (int i = 0; i < signature->output_count; i++) {
        if (value[i].kind == QC_TF_UNSUPPORTED && im->complaint) return qc_tf_report(im);
        if (value[i].kind != QC_TF_TENSOR)
            return qc_fail(im->env, QC_UNSUPPORTED, "%s: output '%.*s' is no tensor of numbers", im->package->path, QC_PB(signature->output[i].key));
        output[i] = own_tensor(im, value[i].tensor, i, output);
        if (!output[i]) return qc_build_status(&im->b);
    }
    QC_TRY(qc_graph_set_outputs(im->b.graph, signature->output_count, output));
    QC_TRY(set_signature(im, signature, feed, output));
    QC_TRY(qc_graph_sweep(im->b.graph));
    return qc_import_mark_batch(im->b.graph);
}

/* ---- loading ---- */

static qc_status run(struct qc_tf_import *im, const struct qc_tf_signature *signature)
{
    struct qc_tf_feed *feed = qc_arena_array(im->scratch, (size_t)signature->input_count, sizeof *feed);
    struct qc_tf_value *value = qc_arena_array(im->scratch, (size_t)signature->output_count, sizeof *value);
    struct pb_bytes *tensor = qc_arena_array(im->scratch, (size_t)signature->output_count, sizeof *tensor);
    if (!feed || !value || !tensor) return QC_NOMEM;
    for (int i = 0; i < signature->output_count; i++) tensor[i] = signature->output[i].tensor;
    QC_TRY(qc_tf_ops_sort(im));
    QC_TRY(make_inputs(im, signature, feed));
    QC_TRY(qc_tf_run_top(im, signature->input_count, feed, signature->output_count, tensor, value));
    return take_outputs(im, signature, feed, value);
}

static qc_status open_package(const struct qc_source *source, struct qc_tf_import *im, struct opened *opened, struct qc_tf_signature *signature)
{
    const struct qc_options *options = &im->model->options;
    if (!source->folder) {
        if (options->signature || options->tag)
            return qc_fail(im->env, QC_INVALID, "a frozen graph has no signatures or tags to choose from ('%s')", options->signature ? options->signature : options->tag);
        struct pb_bytes graph = {source->bytes, source->size};
        QC_TRY(qc_tf_package_open_graph(im->package, im->scratch, "GraphDef", graph));
        return qc_tf_graph_endpoints(im->package, signature);
    }
    char *path = qc_arena_printf(im->scratch, "%s/saved_model.pb", source->path);
    if (!path) return QC_NOMEM;
    QC_TRY(qc_file_map(im->env, path, &opened->graph));
    QC_TRY(qc_tf_package_open(im->package, im->scratch, "saved_model.pb", (struct pb_bytes){opened->graph.bytes, opened->graph.size}, options->tag));
    QC_TRY(qc_tf_signature_find(im->package, options->signature, signature));
    QC_TRY(qc_tf_order_endpoints(im->package, signature));
    im->captures = &opened->captures;
    return qc_tf_captures_open(im->captures, im, source->path);
}

/*
 * The graph is what the model computes, its configuration a description of it. So the graph comes first, unless the caller says otherwise;
 * where it holds what quantc lacks, and a configuration is there, its layers may all the same be known.
 */
static qc_status build(struct qc_tf_import *im, const struct qc_tf_signature *signature)
{
    int route = im->captures ? im->model->options.route : QC_ROUTE_GRAPH;
    struct qc_error why;
    if (route == QC_ROUTE_CONFIG) return qc_tf_configuration(im, signature);
    qc_status status = run(im, signature);
    if (status != QC_UNSUPPORTED || route == QC_ROUTE_GRAPH) return status;
    qc_env_take(im->env, &why);
    QC_TRY(qc_model_clear(im->model));
    if (!qc_tf_configuration(im, signature)) {
        qc_note(im->env, "the model was built from its Keras configuration, not from its graph: %s", why.text);
        return QC_OK;
    }
    qc_env_take(im->env, NULL);
    return qc_fail(im->env, why.status, "%s", why.text);
}

static qc_status load(const struct qc_source *source, struct qc_model *model)
{
    struct opened *opened = qc_arena_alloc(&model->arena, sizeof *opened);
    struct qc_arena scratch;
    if (!opened) return QC_NOMEM;
    model->close = close_files;
    model->close_data = opened;
    qc_arena_init(&scratch, &model->env);
    struct qc_tf_package package = {0};
    struct qc_tf_signature signature = {0};
    struct qc_tf_import im = {.model = model, .env = &model->env, .b = {.graph = model->graph[0]}, .scratch = &scratch, .package = &package,
                              .nodes_left = MAX_NODES, .bytes_left = max_folded};
    qc_status status = open_package(source, &im, opened, &signature);
    if (!status) status = build(&im, &signature);
    qc_arena_free(&scratch);
    return status;
}

/* ---- telling by content ---- */

/* A GraphDef begins with a node that has a name and an operator of letters. */
static bool is_graph(struct pb_bytes bytes)
{
    struct pb_reader in = pb_open(bytes);
    struct pb_field field;
    struct qc_tf_node node;
    if (!pb_next(&in, &field) || field.number != 1 || field.wire != PB_LENGTH) return false;
    if (!qc_tf_node(field.bytes, &node) || !node.name.size || !node.op.size) return false;
    for (size_t i = 0; i < node.op.size; i++) {
        uint8_t c = node.op.at[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '>')) return false;
    }
    return true;
}

static bool probe(const struct qc_source *source)
{
    char path[4096];
    if (source->folder) return snprintf(path, sizeof path, "%s/saved_model.pb", source->path) < (int)sizeof path && qc_file_exists(path);
    return source->bytes && is_graph((struct pb_bytes){source->bytes, source->size});
}

const struct qc_importer qc_importer_savedmodel = {"TensorFlow SavedModel or frozen GraphDef", probe, load};
