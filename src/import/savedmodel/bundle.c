/*
 * bundle.c - tensors of a TensorFlow checkpoint. See bundle.h; fields: tensorflow/core/protobuf/tensor_bundle.proto.
 */
#include "import/savedmodel/bundle.h"

#include "base/crc32c.h"
#include "import/savedmodel/table.h"

#include <stdio.h>
#include <string.h>

int qc_bundle_order(struct pb_bytes a, struct pb_bytes b)
{
    size_t common = QC_MIN(a.size, b.size);
    int order = common ? memcmp(a.at, b.at, common) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

const struct qc_bundle_entry *qc_bundle_find(const struct qc_bundle *bundle, struct pb_bytes key)
{
    size_t low = 0, high = bundle->entry_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = qc_bundle_order(bundle->entry[middle].key, key);
        if (!order) return &bundle->entry[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

qc_status qc_bundle_open(struct qc_bundle *bundle, struct qc_arena *arena, const char *prefix)
{
    struct qc_env *env = arena->env;
    *bundle = (struct qc_bundle){.arena = arena, .prefix = prefix};
    char *path = qc_arena_printf(arena, "%s.index", prefix);
    if (!path) return QC_NOMEM;
    QC_TRY(qc_file_map(env, path, &bundle->index));
    QC_TRY(qc_bundle_read_table(bundle));
    if (!bundle->entry_count || bundle->entry[0].key.size) return qc_fail(env, QC_FORMAT, "%s: has no header entry", path);
    struct pb_bytes header = bundle->entry[0].value;
    uint64_t shards = pb_find_number(header, 1, 0);
    if (!pb_sound(header) || !shards || shards > 99999)
        return qc_fail(env, QC_FORMAT, "%s: its header is damaged (%llu shards)", path, (unsigned long long)shards);
    if (pb_find_number(header, 2, 0)) return qc_fail(env, QC_UNSUPPORTED, "%s: holds big-endian data", path);
    bundle->shard_count = (int32_t)shards;
    bundle->shard = qc_arena_array(arena, shards, sizeof *bundle->shard);
    return bundle->shard ? QC_OK : QC_NOMEM;
}

void qc_bundle_close(struct qc_bundle *bundle)
{
    for (int32_t i = 0; bundle->shard && i < bundle->shard_count; i++)
        if (bundle->shard[i].bytes) qc_file_unmap(&bundle->shard[i]);
    if (bundle->index.bytes) qc_file_unmap(&bundle->index);
    bundle->shard = NULL;
}

struct entry { /* a BundleEntryProto */
    int64_t type;
    struct qc_tf_shape shape;
    uint32_t crc;
    struct pb_bytes bytes;
    char what[300];
};

/* The bytes that an entry points to, mapped. */
static qc_status map_bytes(struct qc_bundle *bundle, struct pb_bytes message, const char *what, struct pb_bytes *bytes)
{
    struct qc_env *env = bundle->arena->env;
    uint64_t shard = pb_find_number(message, 3, 0), offset = pb_find_number(message, 4, 0), size = pb_find_number(message, 5, 0);
    if (shard >= (uint64_t)bundle->shard_count)
        return qc_fail(env, QC_FORMAT, "%s: lies in shard %llu of %d", what, (unsigned long long)shard, bundle->shard_count);
    struct qc_file *file = &bundle->shard[shard];
    if (!file->bytes) {
        char *path = qc_arena_printf(bundle->arena, "%s.data-%05d-of-%05d", bundle->prefix, (int)shard, bundle->shard_count);
        if (!path) return QC_NOMEM;
        QC_TRY(qc_file_map(env, path, file));
    }
    if (size > file->size || offset > file->size - size)
        return qc_fail(env, QC_FORMAT, "%s: %llu bytes at %llu reach beyond shard %d, which has %zu", what, (unsigned long long)size,
                       (unsigned long long)offset, (int)shard, file->size);
    *bytes = (struct pb_bytes){file->bytes ? (const uint8_t *)file->bytes + offset : NULL, (size_t)size};
    return QC_OK;
}

/* Decodes an entry and maps its bytes. */
static qc_status locate(struct qc_bundle *bundle, const struct qc_bundle_entry *row, struct entry *entry)
{
    struct qc_env *env = bundle->arena->env;
    struct pb_bytes m = row->value;
    snprintf(entry->what, sizeof entry->what, "checkpoint tensor '%.*s'", QC_PB(row->key));
    if (!pb_sound(m)) return qc_fail(env, QC_FORMAT, "%s: its index entry is damaged", entry->what);
    if (!qc_tf_shape(pb_find(m, 2), &entry->shape))
        return qc_fail(env, QC_FORMAT, "%s: its shape is damaged or has more than %d dimensions", entry->what, QC_MAX_RANK);
    if (pb_find(m, 7).at) return qc_fail(env, QC_UNSUPPORTED, "%s: is partitioned into slices", entry->what);
    entry->type = (int64_t)pb_find_number(m, 1, 0);
    entry->crc = (uint32_t)pb_find_number(m, 6, 0);
    return map_bytes(bundle, m, entry->what, &entry->bytes);
}

/* Does the entry's number of bytes fit its type and shape? Where either is one that quantc does not read, it is not its matter. */
static bool size_fits(struct pb_bytes message, size_t size)
{
    struct qc_tf_shape shape;
    qc_dtype type;
    size_t bytes = 1;
    if (!qc_tf_shape(pb_find(message, 2), &shape) || !qc_tf_dtype((int64_t)pb_find_number(message, 1, 0), &type) || !qc_dtype_bytes(type, 1)) return true;
    for (int i = 0; i < shape.rank; i++)
        if (shape.dims[i] < 0 || __builtin_mul_overflow(bytes, (size_t)shape.dims[i], &bytes)) return false;
    return !__builtin_mul_overflow(bytes, qc_dtype_bytes(type, 1), &bytes) && bytes == size;
}

qc_status qc_bundle_check(struct qc_bundle *bundle)
{
    struct pb_bytes bytes;
    char what[300];
    for (size_t i = 1; i < bundle->entry_count; i++) { /* 0: the header */
        struct pb_bytes m = bundle->entry[i].value;
        snprintf(what, sizeof what, "checkpoint tensor '%.*s'", QC_PB(bundle->entry[i].key));
        if (!pb_sound(m)) return qc_fail(bundle->arena->env, QC_FORMAT, "%s: its index entry is damaged", what);
        if (pb_find(m, 7).at) continue; /* its slices have entries of their own */
        QC_TRY(map_bytes(bundle, m, what, &bytes));
        if (!size_fits(m, bytes.size)) return qc_fail(bundle->arena->env, QC_FORMAT, "%s: its shape does not fit its %zu bytes", what, bytes.size);
    }
    return QC_OK;
}

qc_status qc_bundle_array(struct qc_bundle *bundle, const struct qc_bundle_entry *row, struct qc_tf_array *array)
{
    struct entry entry;
    QC_TRY(locate(bundle, row, &entry));
    if (qc_crc32c_mask(qc_crc32c(0, entry.bytes.at, entry.bytes.size)) != entry.crc)
        return qc_fail(bundle->arena->env, QC_FORMAT, "%s: its checksum does not match its bytes; the file is damaged", entry.what);
    return qc_tf_array_from_bytes(bundle->arena, entry.what, entry.type, &entry.shape, entry.bytes.at, entry.bytes.size, array);
}

/* The bytes of string tensors: a varint length each, masked crc32c of the lengths as fixed-width numbers, then the strings. The entry's
 * checksum covers the fixed-width lengths, that crc's 4 bytes, and the strings. */
qc_status qc_bundle_string(struct qc_bundle *bundle, const struct qc_bundle_entry *row, struct pb_bytes *string)
{
    struct qc_env *env = bundle->arena->env;
    struct entry entry;
    uint64_t length;
    QC_TRY(locate(bundle, row, &entry));
    if (entry.type != QC_TF_STRING || entry.shape.rank) return qc_fail(env, QC_FORMAT, "%s: is no single string", entry.what);
    const uint8_t *at = entry.bytes.at, *end = at + entry.bytes.size;
    size_t taken = pb_varint(at, end, &length);
    if (!taken || (size_t)(end - at) - taken < 4 || length != (size_t)(end - at) - taken - 4)
        return qc_fail(env, QC_FORMAT, "%s: its length does not fit its bytes", entry.what);
    uint8_t fixed[8];
    for (int i = 0; i < 8; i++) fixed[i] = (uint8_t)(length >> 8 * i);
    uint32_t crc = qc_crc32c(0, fixed, length > UINT32_MAX ? 8 : 4);
    crc = qc_crc32c(crc, at + taken, 4);
    crc = qc_crc32c(crc, at + taken + 4, (size_t)length);
    if (qc_crc32c_mask(crc) != entry.crc) return qc_fail(env, QC_FORMAT, "%s: its checksum does not match its bytes; the file is damaged", entry.what);
    *string = (struct pb_bytes){at + taken + 4, (size_t)length};
    return QC_OK;
}
