/*
 * tflite.c - graph to .tflite, generically: options are the schema's own structs. See export.h.
 *
 * Every tensor that is no constant gets an empty buffer of its own, as TensorFlow's converter writes it; equal constants share one
 * buffer. Files whose constants exceed what 32-bit offsets reach carry them behind the FlatBuffer (Buffer.offset).
 */
#include "export/export.h"

#include "base/file.h"
#include "op/op.h"

#include <stdio.h>
#include <string.h>

enum { ALIGNMENT = 16 };
static const size_t max_inside = (size_t)2000 << 20; /* of constants inside the FlatBuffer */

struct builder {
    struct qc_model *model;
    struct qc_arena *arena;
    struct tfl_Model *file;
    struct tfl_Buffer **buffer;
    const struct qc_tensor **source; /* of each buffer; NULL: none */
    uint32_t buffer_count;
    struct slot { /* hash table: constant -> buffer */
        const void *data;
        size_t bytes;
        uint64_t hash;
        uint32_t buffer;
    } *slot;
    size_t slot_count; /* a power of two */
    size_t constant_bytes;
    struct tfl_OperatorCode **code;
    uint32_t code_count;
};

#define NEW(b, type) fb_new((b)->arena, &tfl_##type##_table)

/* ---- buffers ---- */

static uint64_t hash_bytes(const void *data, size_t bytes)
{
    const unsigned char *at = data;
    uint64_t hash = bytes * 0x9e3779b97f4a7c15u, word;
    for (; bytes >= 8; bytes -= 8, at += 8) {
        memcpy(&word, at, 8);
        hash = (hash ^ word) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    }
    for (; bytes; bytes--) hash = (hash ^ *at++) * 0xff51afd7ed558ccdu;
    return hash ^ hash >> 29;
}

static qc_status new_buffer(struct builder *b, const struct qc_tensor *source, const void *data, size_t bytes, uint32_t *index)
{
    struct tfl_Buffer *buffer = NEW(b, Buffer);
    if (!buffer) return QC_NOMEM;
    if (bytes > UINT32_MAX) return qc_fail(&b->model->env, QC_RANGE, "constant '%s' is larger than 4 GB", source ? source->name : "");
    buffer->data.data = data;
    buffer->data.count = (uint32_t)bytes;
    b->source[b->buffer_count] = source;
    b->buffer[*index = b->buffer_count++] = buffer;
    b->constant_bytes += bytes;
    return QC_OK;
}

static qc_status constant_buffer(struct builder *b, const struct qc_tensor *tensor, uint32_t *index)
{
    uint64_t hash = hash_bytes(tensor->data, tensor->bytes);
    size_t at = hash & (b->slot_count - 1);
    for (; b->slot[at].data; at = (at + 1) & (b->slot_count - 1)) {
        const struct slot *slot = &b->slot[at];
        if (slot->hash == hash && slot->bytes == tensor->bytes && (slot->data == tensor->data || !memcmp(slot->data, tensor->data, slot->bytes)))
            return *index = slot->buffer, QC_OK;
    }
    QC_TRY(new_buffer(b, tensor, tensor->data, tensor->bytes, index));
    b->slot[at] = (struct slot){tensor->data, tensor->bytes, hash, *index};
    return QC_OK;
}

/* ---- tensors ---- */

static qc_status make_quant(struct builder *b, const struct qc_quant *from, struct tfl_QuantizationParameters **result)
{
    struct tfl_QuantizationParameters *to = *result = NEW(b, QuantizationParameters);
    if (!to) return QC_NOMEM;
    if (!from) return QC_OK;
    if (from->count) {
        to->scale.data = from->scale;
        to->zero_point.data = from->zero_point;
        to->scale.count = to->zero_point.count = from->count;
        to->quantized_dimension = from->count > 1 ? from->axis : 0;
    }
    if (from->range_count) {
        to->min.data = from->min;
        to->max.data = from->max;
        to->min.count = to->max.count = from->range_count;
    }
    if (!from->block_size) return QC_OK;
    struct tfl_BlockwiseQuantization *block = NEW(b, BlockwiseQuantization);
    if (!block) return QC_NOMEM;
    block->block_size = from->block_size;
    block->scales = from->block_scale ? (int32_t)from->block_scale->index : -1;
    block->zero_points = -1;
    to->details_type = tfl_QuantizationDetails_BlockwiseQuantization;
    to->details = block;
    return QC_OK;
}

static qc_status make_tensor(struct builder *b, const struct qc_tensor *from, struct tfl_Tensor **result)
{
    struct tfl_Tensor *to = *result = NEW(b, Tensor);
    if (!to) return QC_NOMEM;
    to->name = from->name;
    to->type = (int8_t)from->type;
    to->is_variable = from->variable;
    to->has_rank = from->has_shape;
    to->shape.data = from->dims;
    to->shape.count = from->has_shape ? from->rank : 0;
    for (int i = 0; i < from->rank && from->has_shape; i++)
        if (from->signature[i] != from->dims[i]) {
            to->shape_signature.data = from->signature;
            to->shape_signature.count = from->rank;
        }
    QC_TRY(make_quant(b, from->quant, &to->quantization));
    if (from->variable) return QC_OK; /* buffer 0 */
    if (from->constant && from->bytes) return constant_buffer(b, from, &to->buffer);
    if (from->constant) { /* an empty constant is told from an activation by a buffer with a data vector */
        QC_TRY(new_buffer(b, from, "", 0, &to->buffer));
        return QC_OK;
    }
    return new_buffer(b, NULL, NULL, 0, &to->buffer);
}

/* ---- operators ---- */

static qc_status operator_code(struct builder *b, const struct qc_node *node, uint32_t *index)
{
    int version = qc_node_version(node);
    for (*index = 0; *index < b->code_count; ++*index) {
        const struct tfl_OperatorCode *code = b->code[*index];
        if (code->builtin_code == node->code && code->version == version && (!node->custom || !strcmp(code->custom_code, node->custom)))
            return QC_OK;
    }
    struct tfl_OperatorCode *code = NEW(b, OperatorCode);
    if (!code) return QC_NOMEM;
    code->builtin_code = node->code;
    code->deprecated_builtin_code = (int8_t)QC_MIN(node->code, 127); /* what readers older than 2.4 look at */
    code->version = version;
    code->custom_code = node->custom;
    b->code[b->code_count++] = code;
    return QC_OK;
}

static qc_status index_list(struct builder *b, struct qc_tensor *const *tensor, int count, const int32_t **data, uint32_t *out_count)
{
    int32_t *list = qc_arena_array(b->arena, (size_t)count + 1, sizeof *list);
    if (!list) return QC_NOMEM;
    for (int i = 0; i < count; i++) list[i] = tensor[i] ? (int32_t)tensor[i]->index : -1;
    *data = list;
    *out_count = (uint32_t)count;
    return QC_OK;
}

static qc_status make_operator(struct builder *b, const struct qc_node *node, struct tfl_Operator **result)
{
    struct tfl_Operator *to = *result = NEW(b, Operator);
    if (!to) return QC_NOMEM;
    QC_TRY(operator_code(b, node, &to->opcode_index));
    QC_TRY(index_list(b, node->in, node->in_count, &to->inputs.data, &to->inputs.count));
    QC_TRY(index_list(b, node->out, node->out_count, &to->outputs.data, &to->outputs.count));
    if (node->intermediate_count)
        QC_TRY(index_list(b, node->intermediate, node->intermediate_count, &to->intermediates.data, &to->intermediates.count));
    if (node->custom_bytes) {
        if (node->custom_bytes > INT32_MAX) return qc_fail(&b->model->env, QC_RANGE, "the options of '%s' are too large", qc_node_name(node));
        to->custom_options.data = node->custom_data;
        to->custom_options.count = (uint32_t)node->custom_bytes;
    }
    if (!node->options || !node->options_table) return QC_OK;
    int type = tfl_options_type(1, node->options_table);
    if (type) {
        to->builtin_options_type = (uint8_t)type;
        to->builtin_options = (void *)(uintptr_t)node->options;
    } else {
        to->builtin_options_2_type = (uint8_t)tfl_options_type(2, node->options_table);
        to->builtin_options_2 = (void *)(uintptr_t)node->options;
    }
    return QC_OK;
}

/* ---- graphs, signatures, metadata ---- */

/* A vector of `count` pointers for a TABLES field. */
#define LIST(b, vec, n)                                                                      \
    do {                                                                                     \
        (vec).count = (uint32_t)(n);                                                         \
        if (!((vec).data = qc_arena_array((b)->arena, (size_t)(n) + 1, sizeof *(vec).data))) return QC_NOMEM; \
    } while (0)

static qc_status make_graph(struct builder *b, const struct qc_graph *from, struct tfl_SubGraph **result)
{
    struct tfl_SubGraph *to = *result = NEW(b, SubGraph);
    if (!to) return QC_NOMEM;
    to->name = from->name;
    LIST(b, to->tensors, from->tensor_count);
    LIST(b, to->operators, from->node_count);
    for (uint32_t i = 0; i < from->tensor_count; i++) QC_TRY(make_tensor(b, from->tensor[i], &to->tensors.data[i]));
    for (uint32_t i = 0; i < from->node_count; i++) QC_TRY(make_operator(b, from->node[i], &to->operators.data[i]));
    QC_TRY(index_list(b, from->input, from->input_count, &to->inputs.data, &to->inputs.count));
    return index_list(b, from->output, from->output_count, &to->outputs.data, &to->outputs.count);
}

static qc_status make_entries(struct builder *b, const struct qc_signature_entry *from, int count, struct tfl_TensorMap **to)
{
    for (int i = 0; i < count; i++) {
        if (!(to[i] = NEW(b, TensorMap))) return QC_NOMEM;
        to[i]->name = from[i].name;
        to[i]->tensor_index = from[i].tensor->index;
    }
    return QC_OK;
}

static qc_status make_signatures(struct builder *b)
{
    const struct qc_model *model = b->model;
    if (!model->signature_count) return QC_OK;
    LIST(b, b->file->signature_defs, model->signature_count);
    for (uint32_t i = 0; i < model->signature_count; i++) {
        const struct qc_signature *from = &model->signature[i];
        struct tfl_SignatureDef *to = b->file->signature_defs.data[i] = NEW(b, SignatureDef);
        if (!to) return QC_NOMEM;
        to->signature_key = from->key;
        to->subgraph_index = from->graph->index;
        LIST(b, to->inputs, from->input_count);
        LIST(b, to->outputs, from->output_count);
        QC_TRY(make_entries(b, from->input, from->input_count, to->inputs.data));
        QC_TRY(make_entries(b, from->output, from->output_count, to->outputs.data));
    }
    return QC_OK;
}

static qc_status add_metadata(struct builder *b, uint32_t index, const char *name, const void *data, size_t bytes)
{
    struct tfl_Metadata *entry = b->file->metadata.data[index] = NEW(b, Metadata);
    if (!entry) return QC_NOMEM;
    entry->name = name;
    return new_buffer(b, NULL, data, bytes, &entry->buffer);
}

/* min_runtime_version: 16 bytes, padded with zeros. */
static qc_status make_metadata(struct builder *b)
{
    const struct qc_model *model = b->model;
    struct qc_runtime_version needed = qc_runtime_needed(model);
    char *text = qc_arena_alloc(b->arena, 64);
    if (!text) return QC_NOMEM;
    snprintf(text, 16, "%d.%d.%d", needed.major, needed.minor, needed.patch);
    uint32_t own = 0;
    for (uint32_t i = 0; i < model->metadata_count; i++) own += strcmp(model->metadata[i].name, "min_runtime_version") != 0;
    LIST(b, b->file->metadata, own + 1);
    QC_TRY(add_metadata(b, 0, "min_runtime_version", text, 16));
    own = 1;
    for (uint32_t i = 0; i < model->metadata_count; i++)
        if (strcmp(model->metadata[i].name, "min_runtime_version"))
            QC_TRY(add_metadata(b, own++, model->metadata[i].name, model->metadata[i].data, model->metadata[i].bytes));
    return QC_OK;
}

static qc_status reserve(struct builder *b)
{
    size_t tensors = 0, nodes = 0, buffers;
    for (uint32_t g = 0; g < b->model->graph_count; g++) {
        tensors += b->model->graph[g]->tensor_count;
        nodes += b->model->graph[g]->node_count;
    }
    buffers = 2 + tensors + b->model->metadata_count + 1;
    for (b->slot_count = 64; b->slot_count < 2 * tensors;) b->slot_count *= 2;
    b->buffer = qc_arena_array(b->arena, buffers, sizeof *b->buffer);
    b->source = qc_arena_array(b->arena, buffers, sizeof *b->source);
    b->slot = qc_arena_array(b->arena, b->slot_count, sizeof *b->slot);
    b->code = qc_arena_array(b->arena, nodes + 1, sizeof *b->code);
    return b->buffer && b->source && b->slot && b->code ? QC_OK : QC_NOMEM;
}

static qc_status make_model(struct builder *b)
{
    uint32_t empty;
    QC_TRY(reserve(b));
    if (!(b->file = NEW(b, Model))) return QC_NOMEM;
    b->file->version = 3;
    b->file->description = *b->model->description ? b->model->description : "quantc " QC_VERSION;
    QC_TRY(new_buffer(b, NULL, NULL, 0, &empty)); /* buffer 0 is empty by the schema's rule */
    LIST(b, b->file->subgraphs, b->model->graph_count);
    for (uint32_t g = 0; g < b->model->graph_count; g++) QC_TRY(make_graph(b, b->model->graph[g], &b->file->subgraphs.data[g]));
    QC_TRY(make_signatures(b));
    QC_TRY(make_metadata(b));
    b->file->buffers.data = b->buffer;
    b->file->buffers.count = b->buffer_count;
    b->file->operator_codes.data = b->code;
    b->file->operator_codes.count = b->code_count;
    return QC_OK;
}

/* ---- files over 2 GB ---- */

static size_t padded(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

/* Moves the constants behind the FlatBuffer. Its size must not depend on the offsets, so it is laid out with offsets of the right kind
 * (not 0 or 1) first. */
static qc_status move_behind(struct builder *b, struct qc_export *out)
{
    if (!(out->behind = qc_arena_array(b->arena, b->buffer_count, sizeof *out->behind))) return QC_NOMEM;
    for (int pass = 0; pass < 2; pass++) {
        size_t at = padded(out->output.total);
        out->behind_count = 0;
        for (uint32_t i = 0; i < b->buffer_count; i++) {
            const struct qc_tensor *source = b->source[i];
            if (!source || !source->bytes) continue;
            b->buffer[i]->data.data = NULL;
            b->buffer[i]->data.count = 0;
            b->buffer[i]->offset = pass ? at : 2;
            b->buffer[i]->size = source->bytes;
            out->behind[out->behind_count++] = source;
            at += padded(source->bytes);
        }
        QC_TRY(fb_encode(b->arena, b->file, &tfl_Model_table, "TFL3", &out->output));
        out->total = at;
    }
    return QC_OK;
}

/* Associated files: a zip archive behind everything else, as TFLite Metadata has it. */
static qc_status append_files(struct qc_export *out)
{
    const struct qc_model *model = out->model;
    if (!model->file_count) return QC_OK;
    struct qc_stored *stored = qc_arena_array(&out->arena, model->file_count, sizeof *stored);
    if (!stored) return QC_NOMEM;
    for (uint32_t i = 0; i < model->file_count; i++)
        stored[i] = (struct qc_stored){.name = model->file[i].name, .data = model->file[i].data, .size = model->file[i].bytes};
    out->archive = qc_archive_write(&out->arena, out->total, 1, stored, model->file_count, &out->archive_parts);
    if (!out->archive) return QC_NOMEM;
    for (size_t i = 0; i < out->archive_parts; i++) out->total += out->archive[i].size;
    return QC_OK;
}

qc_status qc_export_build(struct qc_model *model, struct qc_export *out)
{
    memset(out, 0, sizeof *out);
    out->model = model;
    qc_arena_init(&out->arena, &model->env);
    struct builder b = {.model = model, .arena = &out->arena};
    for (uint32_t g = 0; g < model->graph_count; g++) QC_TRY(qc_graph_sweep(model->graph[g]));
    QC_TRY(qc_model_check(model));
    QC_TRY(make_model(&b));
    if (b.constant_bytes > max_inside) {
        QC_TRY(move_behind(&b, out));
    } else {
        QC_TRY(fb_encode(b.arena, b.file, &tfl_Model_table, "TFL3", &out->output));
        out->total = out->output.total;
    }
    return append_files(out);
}

/* ---- bytes out ---- */

typedef qc_status sink(void *user, const void *bytes, size_t size);

static qc_status emit(const struct qc_export *out, sink *put, void *user)
{
    static const char zeros[ALIGNMENT];
    const struct fb_output *o = &out->output;
    size_t from = 0;
    for (size_t i = 0; i < o->insert_count; i++) {
        QC_TRY(put(user, o->bytes + from, o->insert[i].at - from));
        QC_TRY(put(user, o->insert[i].data, o->insert[i].size));
        from = o->insert[i].at;
    }
    QC_TRY(put(user, o->bytes + from, o->size - from));
    if (out->behind_count) QC_TRY(put(user, zeros, padded(o->total) - o->total));
    for (size_t i = 0; i < out->behind_count; i++) {
        QC_TRY(put(user, out->behind[i]->data, out->behind[i]->bytes));
        QC_TRY(put(user, zeros, padded(out->behind[i]->bytes) - out->behind[i]->bytes));
    }
    for (size_t i = 0; i < out->archive_parts; i++) QC_TRY(put(user, out->archive[i].bytes, out->archive[i].size));
    return QC_OK;
}

static qc_status put_file(void *user, const void *bytes, size_t size)
{
    return qc_writer_put(user, bytes, size);
}

qc_status qc_export_save(struct qc_export *out, const char *path)
{
    struct qc_writer writer;
    qc_status status = qc_writer_open(&writer, &out->model->env, path);
    if (!status) status = emit(out, put_file, &writer);
    if (!status) status = qc_writer_commit(&writer);
    qc_writer_abort(&writer);
    return status;
}

static qc_status put_memory(void *user, const void *bytes, size_t size)
{
    char **at = user;
    if (size) memcpy(*at, bytes, size);
    *at += size;
    return QC_OK;
}

void qc_export_copy(const struct qc_export *out, void *bytes)
{
    char *at = bytes;
    qc_status status = emit(out, put_memory, &at);
    (void)status; /* memory cannot fail */
}

void qc_export_free(struct qc_export *out)
{
    qc_arena_free(&out->arena);
}
