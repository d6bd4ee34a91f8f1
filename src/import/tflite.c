/*
 * tflite.c - .tflite files into the graph, generically: no operator is known here. See import.h.
 *
 * Constants stay views into the file. Everything an index refers to is checked; what operators require of operands and options
 * is checked by the operators.
 */
#include "import/import.h"
#include "import/tflite/external.h"
#include "import/tflite/sparse.h"
#include "op/op.h"
#include "wire/archive.h"

#include <string.h>

struct loader {
    const struct qc_source *source;
    struct qc_model *model;
    const struct tfl_Model *file;
};

static bool probe(const struct qc_source *source)
{
    return source->size >= 8 && !memcmp((const char *)source->bytes + 4, "TFL3", 4);
}

static struct qc_env *env_of(const struct loader *l)
{
    return &l->model->env;
}

/* ---- buffers ---- */

/* A buffer's bytes: in the FlatBuffer, or, in files over 2 GB, behind it. */
static qc_status buffer_bytes(const struct loader *l, uint32_t index, const char *what, const void **data, size_t *bytes)
{
    *data = NULL;
    *bytes = 0;
    if (!index && !l->file->buffers.count) return QC_OK;
    if (index >= l->file->buffers.count)
        return qc_fail(env_of(l), QC_FORMAT, "'%s' refers to buffer %u, but there are only %u", what, index, l->file->buffers.count);
    const struct tfl_Buffer *buffer = l->file->buffers.data[index];
    if (buffer->offset > 1) {
        if (buffer->offset > l->source->size || buffer->size > l->source->size - buffer->offset)
            return qc_fail(env_of(l), QC_FORMAT, "the buffer of '%s' at byte %llu runs past the end of the file", what,
                           (unsigned long long)buffer->offset);
        *data = (const char *)l->source->bytes + buffer->offset;
        *bytes = (size_t)buffer->size;
    } else if (buffer->data.count) {
        *data = buffer->data.data;
        *bytes = buffer->data.count;
    }
    return QC_OK;
}

/* ---- tensors ---- */

static qc_status read_shape(const struct loader *l, const struct tfl_Tensor *from, struct qc_tensor *tensor)
{
    uint32_t rank = from->shape.count;
    if (rank > QC_MAX_RANK)
        return qc_fail(env_of(l), QC_UNSUPPORTED, "tensor '%s' has rank %u; at most %d is supported", tensor->name, rank, QC_MAX_RANK);
    /* A missing shape means a scalar, or with has_rank false possibly an unknown one: only constants tell, by their size. */
    tensor->has_shape = true;
    tensor->rank = (uint8_t)rank;
    size_t count = 1;
    for (uint32_t i = 0; i < rank; i++) {
        int32_t dim = from->shape.data[i], declared = from->shape_signature.count == rank ? from->shape_signature.data[i] : dim;
        if (dim < -1 || declared < -1) return qc_fail(env_of(l), QC_FORMAT, "tensor '%s': dimension %u is %d", tensor->name, i, (int)dim);
        tensor->signature[i] = declared;
        tensor->dims[i] = dim < 0 ? 1 : dim;
        if (__builtin_mul_overflow(count, (size_t)tensor->dims[i], &count) || count > SIZE_MAX / 32)
            return qc_fail(env_of(l), QC_FORMAT, "tensor '%s': its shape has more elements than memory can hold", tensor->name);
    }
    return QC_OK;
}

static qc_status read_quant(const struct loader *l, const struct tfl_QuantizationParameters *from, struct qc_tensor *tensor,
                            const struct qc_graph *graph, uint32_t tensor_count)
{
    struct qc_arena *arena = &l->model->arena;
    if (!from || (!from->scale.count && !from->min.count && !from->details)) return QC_OK;
    struct qc_quant *quant = qc_arena_alloc(arena, sizeof *quant);
    if (!quant) return QC_NOMEM;
    quant->count = from->scale.count;
    quant->scale = from->scale.data;
    quant->zero_point = from->zero_point.data;
    quant->axis = from->quantized_dimension;
    if (from->min.count && from->min.count == from->max.count) {
        quant->range_count = from->min.count;
        quant->min = from->min.data;
        quant->max = from->max.data;
    }
    if (quant->count && from->zero_point.count != quant->count) {
        if (from->zero_point.count > 1)
            return qc_fail(env_of(l), QC_FORMAT, "tensor '%s': %u scales but %u zero points", tensor->name, quant->count, from->zero_point.count);
        int64_t *zero = qc_arena_array(arena, quant->count, sizeof *zero);
        if (!zero) return QC_NOMEM;
        for (uint32_t i = 0; i < quant->count && from->zero_point.count; i++) zero[i] = from->zero_point.data[0];
        quant->zero_point = zero;
    }
    if (quant->count > 1 && (quant->axis < 0 || quant->axis >= tensor->rank || tensor->dims[quant->axis] != (int32_t)quant->count))
        return qc_fail(env_of(l), QC_FORMAT, "tensor '%s': %u scales do not fit its dimension %d", tensor->name, quant->count, (int)quant->axis);
    if (from->details_type == tfl_QuantizationDetails_BlockwiseQuantization && from->details) {
        const struct tfl_BlockwiseQuantization *block = from->details;
        if (block->block_size <= 0 || block->scales < 0 || (uint32_t)block->scales >= tensor_count)
            return qc_fail(env_of(l), QC_FORMAT, "tensor '%s': its block-wise quantization has block size %d and scales in tensor %d",
                           tensor->name, (int)block->block_size, (int)block->scales);
        quant->block_size = block->block_size;
        quant->block_scale = graph->tensor[block->scales];
    }
    tensor->quant = quant;
    return QC_OK;
}

/* Bytes a constant must have: strings say their own length. */
static qc_status check_constant(const struct loader *l, struct qc_tensor *tensor)
{
    size_t needed = qc_dtype_bytes(tensor->type, qc_tensor_elements(tensor));
    if (tensor->type == QC_STRING) return QC_OK;
    if (!qc_dtype_bits(tensor->type))
        return qc_fail(env_of(l), QC_UNSUPPORTED, "tensor '%s': constants of type %s are not supported", tensor->name, qc_dtype_name(tensor->type));
    if (tensor->bytes < needed || (tensor->bytes > needed && tensor->bytes - needed >= 16))
        return qc_fail(env_of(l), QC_FORMAT, "tensor '%s': its shape needs %zu bytes, the file holds %zu", tensor->name, needed, tensor->bytes);
    tensor->bytes = needed;
    return QC_OK;
}

static qc_status align_constant(const struct loader *l, struct qc_tensor *tensor)
{
    size_t alignment = QC_MAX((size_t)qc_dtype_bits(tensor->type) / 8, tensor->type == QC_STRING ? 4u : 1u);
    if (alignment > 8) alignment = 8;
    if ((uintptr_t)tensor->data % alignment == 0) return QC_OK;
    tensor->data = qc_arena_copy(&l->model->arena, tensor->data, tensor->bytes);
    return tensor->data ? QC_OK : QC_NOMEM;
}

static qc_status read_tensor(const struct loader *l, const struct tfl_Tensor *from, struct qc_tensor *tensor, struct qc_graph *graph,
                             uint32_t tensor_count)
{
    if ((unsigned)from->type >= QC_DTYPE_COUNT)
        return qc_fail(env_of(l), QC_UNSUPPORTED, "tensor '%s' has the unknown element type %d", tensor->name, from->type);
    tensor->type = (qc_dtype)from->type;
    tensor->variable = from->is_variable;
    QC_TRY(read_shape(l, from, tensor));
    QC_TRY(read_quant(l, from->quantization, tensor, graph, tensor_count));
    const void *data;
    size_t bytes;
    QC_TRY(buffer_bytes(l, from->buffer, tensor->name, &data, &bytes));
    if (from->external_buffer) {
        if (data) return qc_fail(env_of(l), QC_FORMAT, "tensor '%s' has a buffer and an external one", tensor->name);
        QC_TRY(qc_external_bytes(l->model, l->file, from->external_buffer, tensor->name, &data, &bytes));
    }
    if (data && from->is_variable) data = NULL; /* variables begin as zeros */
    if (data && !from->has_rank && !from->shape.count && bytes > QC_MAX(qc_dtype_bytes(tensor->type, 1), 1u) && qc_dtype_bits(tensor->type)) {
        tensor->rank = 1; /* old files leave the shape of a vector out */
        tensor->dims[0] = tensor->signature[0] = (int32_t)QC_MIN(bytes * 8 / (size_t)qc_dtype_bits(tensor->type), (size_t)INT32_MAX);
    }
    if (!data) return QC_OK;
    tensor->constant = true;
    tensor->data = data;
    tensor->bytes = bytes;
    if (from->sparsity) return qc_sparse_expand(tensor, from->sparsity);
    QC_TRY(check_constant(l, tensor));
    return align_constant(l, tensor);
}

/* ---- operators ---- */

static qc_status tensor_list(const struct loader *l, const struct qc_graph *graph, const int32_t *index, uint32_t count, bool optional,
                             const char *what, struct qc_tensor ***result)
{
    struct qc_tensor **list = qc_arena_array(&l->model->arena, (size_t)count + 1, sizeof *list);
    if (!list) return QC_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        if (index[i] == -1 && optional) continue;
        if (index[i] < 0 || (uint32_t)index[i] >= graph->tensor_count)
            return qc_fail(env_of(l), QC_FORMAT, "subgraph '%s' %s: tensor %d, but there are only %u", graph->name, what, (int)index[i],
                           graph->tensor_count);
        list[i] = graph->tensor[index[i]];
    }
    *result = list;
    return QC_OK;
}

/* Options: the first union, or the second one for newer operators. */
static void pick_options(const struct tfl_Operator *from, const struct fb_table **table, const void **options)
{
    *table = NULL;
    *options = NULL;
    if (from->builtin_options) {
        *options = from->builtin_options;
        *table = tfl_options_table(1, from->builtin_options_type);
    } else if (from->builtin_options_2) {
        *options = from->builtin_options_2;
        *table = tfl_options_table(2, from->builtin_options_2_type);
    }
}

static qc_status read_custom(const struct loader *l, const struct tfl_Operator *from, struct qc_node *node)
{
    node->custom_data = from->custom_options.data;
    node->custom_bytes = from->custom_options.count;
    if (from->large_custom_options_offset <= 1) return QC_OK;
    if (from->large_custom_options_offset > l->source->size ||
        from->large_custom_options_size > l->source->size - from->large_custom_options_offset)
        return qc_fail(env_of(l), QC_FORMAT, "the options of '%s' run past the end of the file", qc_node_name(node));
    node->custom_data = (const char *)l->source->bytes + from->large_custom_options_offset;
    node->custom_bytes = (size_t)from->large_custom_options_size;
    return QC_OK;
}

static qc_status read_operator(const struct loader *l, struct qc_graph *graph, const struct tfl_Operator *from, uint32_t index)
{
    if (from->opcode_index >= l->file->operator_codes.count)
        return qc_fail(env_of(l), QC_FORMAT, "subgraph '%s' operator %u: operator code %u, but there are only %u", graph->name, index,
                       from->opcode_index, l->file->operator_codes.count);
    const struct tfl_OperatorCode *code = l->file->operator_codes.data[from->opcode_index];
    int builtin = QC_MAX((int)code->builtin_code, (int)(uint8_t)code->deprecated_builtin_code);
    struct qc_tensor **in, **out;
    const struct fb_table *table;
    const void *options;
    QC_TRY(tensor_list(l, graph, from->inputs.data, from->inputs.count, true, "operator input", &in));
    QC_TRY(tensor_list(l, graph, from->outputs.data, from->outputs.count, true, "operator output", &out));
    for (uint32_t i = 0; i < from->outputs.count; i++) {
        if (!out[i]) continue;
        if (out[i]->constant || out[i]->producer)
            return qc_fail(env_of(l), QC_FORMAT, "subgraph '%s' operator %u writes tensor '%s', which is %s", graph->name, index, out[i]->name,
                           out[i]->constant ? "a constant" : "written by another operator too");
    }
    pick_options(from, &table, &options);
    struct qc_node *node = qc_graph_add_node(graph, NULL, builtin, NULL, options, (int)from->inputs.count, in, (int)from->outputs.count, out);
    if (!node) return QC_NOMEM;
    node->options_table = table;
    node->version = QC_MAX(code->version, 1);
    if (builtin == tfl_BuiltinOperator_CUSTOM) node->custom = code->custom_code ? code->custom_code : "";
    const struct qc_op *op = qc_op_find(builtin, node->custom);
    if (op && op->options && table != op->options) { /* of another operator: TensorFlow Lite takes them for none at all */
        node->options = NULL;
        node->options_table = NULL;
    }
    QC_TRY(tensor_list(l, graph, from->intermediates.data, from->intermediates.count, true, "operator intermediate", &node->intermediate));
    node->intermediate_count = (int)from->intermediates.count;
    return read_custom(l, from, node);
}

/* ---- graphs ---- */

/* A constant without elements has no bytes by which to know it: nothing else writes it. */
static qc_status mark_empty_constants(const struct loader *l, struct qc_graph *graph)
{
    bool *input = qc_arena_array(&l->model->arena, (size_t)graph->tensor_count + 1, sizeof *input);
    if (!input) return QC_NOMEM;
    for (int i = 0; i < graph->input_count; i++) input[graph->input[i]->index] = true;
    for (uint32_t i = 0; i < graph->tensor_count; i++) {
        struct qc_tensor *tensor = graph->tensor[i];
        bool written = tensor->producer || tensor->variable || input[i];
        if (!written && tensor->has_shape && !qc_tensor_elements(tensor) && qc_dtype_bits(tensor->type)) tensor->constant = true;
    }
    return QC_OK;
}

static qc_status read_graph(const struct loader *l, const struct tfl_SubGraph *from, struct qc_graph *graph)
{
    struct qc_tensor **list;
    for (uint32_t i = 0; i < from->tensors.count; i++) {
        const char *name = from->tensors.data[i]->name;
        if (!qc_graph_add_tensor(graph, name ? name : "", QC_FLOAT32, 0, NULL)) return QC_NOMEM;
    }
    for (uint32_t i = 0; i < from->tensors.count; i++)
        QC_TRY(read_tensor(l, from->tensors.data[i], graph->tensor[i], graph, from->tensors.count));
    for (uint32_t i = 0; i < from->operators.count; i++) QC_TRY(read_operator(l, graph, from->operators.data[i], i));
    QC_TRY(tensor_list(l, graph, from->inputs.data, from->inputs.count, false, "input", &list));
    QC_TRY(qc_graph_set_inputs(graph, (int)from->inputs.count, list));
    QC_TRY(tensor_list(l, graph, from->outputs.data, from->outputs.count, false, "output", &list));
    QC_TRY(qc_graph_set_outputs(graph, (int)from->outputs.count, list));
    return mark_empty_constants(l, graph);
}

static qc_status read_entries(const struct loader *l, const struct qc_graph *graph, struct tfl_TensorMap *const *map, uint32_t count,
                              struct qc_signature_entry **result)
{
    struct qc_signature_entry *entry = qc_arena_array(&l->model->arena, (size_t)count + 1, sizeof *entry);
    if (!entry) return QC_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        if (map[i]->tensor_index >= graph->tensor_count)
            return qc_fail(env_of(l), QC_FORMAT, "a signature refers to tensor %u, but subgraph '%s' has only %u", map[i]->tensor_index,
                           graph->name, graph->tensor_count);
        entry[i] = (struct qc_signature_entry){map[i]->name ? map[i]->name : "", graph->tensor[map[i]->tensor_index]};
    }
    *result = entry;
    return QC_OK;
}

static qc_status read_signatures(const struct loader *l)
{
    struct qc_model *model = l->model;
    uint32_t count = l->file->signature_defs.count;
    if (!(model->signature = qc_arena_array(&model->arena, (size_t)count + 1, sizeof *model->signature))) return QC_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        const struct tfl_SignatureDef *from = l->file->signature_defs.data[i];
        struct qc_signature *to = &model->signature[i];
        if (from->subgraph_index >= model->graph_count)
            return qc_fail(env_of(l), QC_FORMAT, "a signature refers to subgraph %u, but there are only %u", from->subgraph_index, model->graph_count);
        to->key = from->signature_key ? from->signature_key : "";
        to->graph = model->graph[from->subgraph_index];
        QC_TRY(read_entries(l, to->graph, from->inputs.data, from->inputs.count, &to->input));
        QC_TRY(read_entries(l, to->graph, from->outputs.data, from->outputs.count, &to->output));
        to->input_count = (int)from->inputs.count;
        to->output_count = (int)from->outputs.count;
    }
    model->signature_count = count;
    return QC_OK;
}

static qc_status read_metadata(const struct loader *l)
{
    struct qc_model *model = l->model;
    if (!(model->metadata = qc_arena_array(&model->arena, (size_t)l->file->metadata.count + 1, sizeof *model->metadata))) return QC_NOMEM;
    for (uint32_t i = 0; i < l->file->metadata.count; i++) {
        const struct tfl_Metadata *from = l->file->metadata.data[i];
        struct qc_blob *blob = &model->metadata[model->metadata_count];
        blob->name = from->name ? from->name : "";
        QC_TRY(buffer_bytes(l, from->buffer, blob->name, &blob->data, &blob->bytes));
        model->metadata_count++;
    }
    return QC_OK;
}

/* Associated files: a zip archive of stored members behind the FlatBuffer. What is damaged there does not keep the model from running. */
static qc_status read_files(const struct loader *l)
{
    struct qc_model *model = l->model;
    struct qc_env *env = &model->env;
    struct qc_archive archive;
    struct qc_error error;
    if (!qc_archive_probe(l->source->bytes, l->source->size)) return QC_OK;
    if (qc_archive_open(&model->arena, l->source->bytes, l->source->size, &archive)) {
        if (qc_env_take(env, &error) == QC_NOMEM) return qc_fail(env, QC_NOMEM, "%s", error.text);
        qc_model_add_note(model, "the associated files cannot be read: %s", error.text);
        return QC_OK;
    }
    if (!(model->file = qc_arena_array(&model->arena, archive.count, sizeof *model->file))) return QC_NOMEM;
    for (size_t i = 0; i < archive.count; i++) {
        const struct qc_member *member = &archive.member[i];
        const void *bytes = member->method ? NULL : qc_member_read(&model->arena, member);
        if (bytes) model->file[model->file_count++] = (struct qc_blob){member->name, bytes, member->size};
        if (bytes) continue;
        qc_env_take(env, &error);
        qc_model_add_note(model, "the associated file '%.200s' cannot be read: %s", member->name,
                          member->method ? "it is deflated, where the format wants it stored" : error.text);
    }
    return QC_OK;
}

static qc_status load(const struct qc_source *source, struct qc_model *model)
{
    struct loader l = {source, model, NULL};
    l.file = fb_decode(&model->arena, source->bytes, source->size, "TFL3", &tfl_Model_table);
    if (!l.file) return model->env.error.status;
    if (l.file->version != 3)
        return qc_fail(&model->env, QC_UNSUPPORTED, "the schema version is %u; version 3 is the only one in use", l.file->version);
    if (!l.file->subgraphs.count) return qc_fail(&model->env, QC_FORMAT, "the file holds no graph");
    if (l.file->description) model->description = l.file->description;
    for (uint32_t i = 0; i < l.file->subgraphs.count; i++) {
        const char *name = l.file->subgraphs.data[i]->name;
        if (i && !qc_model_add_graph(model, name ? name : "")) return QC_NOMEM;
        if (!i && name) model->graph[0]->name = name;
    }
    for (uint32_t i = 0; i < l.file->subgraphs.count; i++) QC_TRY(read_graph(&l, l.file->subgraphs.data[i], model->graph[i]));
    QC_TRY(read_signatures(&l));
    QC_TRY(read_metadata(&l));
    return read_files(&l);
}

const struct qc_importer qc_importer_tflite = {"TensorFlow Lite .tflite", probe, load};
