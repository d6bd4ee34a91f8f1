/*
 * table.c - the index of a checkpoint: a LevelDB-style table of sorted keys. See bundle.h.
 *
 *   footer (last 48 bytes)  handle of the metaindex, handle of the index block, zeros up to 40, magic number
 *   handle                  varint offset, varint size; the block is followed by 1 byte of compression and its masked crc32c
 *   block                   entries, restart offsets (u32 each), their count (u32)
 *   entry                   varints shared, unshared, value size; the key's tail; the value. Key = `shared` bytes of the key before + tail
 *
 * The values of the index block are handles of data blocks; those of data blocks are what the checkpoint stores.
 */
#include "import/savedmodel/table.h"

#include "base/crc32c.h"

#include <string.h>

enum { FOOTER = 48, TRAILER = 5 };
#define MAGIC 0xdb4775248b80fb57ull

static uint32_t u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static qc_status bad(struct qc_bundle *bundle, const char *why)
{
    return qc_fail(bundle->arena->env, QC_FORMAT, "%s.index: %s", bundle->prefix, why);
}

/* Reads a handle and checks the block it points to. */
static qc_status open_block(struct qc_bundle *bundle, const uint8_t **at, const uint8_t *end, struct pb_bytes *block)
{
    uint64_t offset, size;
    size_t taken = pb_varint(*at, end, &offset);
    *at += taken;
    size_t more = taken ? pb_varint(*at, end, &size) : 0;
    *at += more;
    if (!more) return bad(bundle, "a block handle is damaged");
    if (size < 4 || size > bundle->index.size || offset > bundle->index.size - size || bundle->index.size - size - offset < TRAILER)
        return bad(bundle, "a block lies outside the file");
    *block = (struct pb_bytes){(const uint8_t *)bundle->index.bytes + offset, (size_t)size};
    const uint8_t *trailer = block->at + size;
    if (qc_crc32c_mask(qc_crc32c(0, block->at, block->size + 1)) != u32(trailer + 1)) return bad(bundle, "the checksum of a block is wrong");
    if (trailer[0] == 1)
        return qc_fail(bundle->arena->env, QC_UNSUPPORTED, "%s.index: is compressed with snappy, which no TensorFlow release writes", bundle->prefix);
    if (trailer[0]) return bad(bundle, "a block has an unknown compression");
    size_t restarts = u32(block->at + size - 4);
    if (restarts > (size - 4) / 4) return bad(bundle, "a block has more restart points than bytes");
    block->size = (size_t)size - 4 - 4 * restarts;
    return QC_OK;
}

/* One entry at *at; `before` is the key in front of it. */
static qc_status read_entry(struct qc_bundle *bundle, const uint8_t **at, const uint8_t *end, const struct pb_bytes *before,
                            struct qc_bundle_entry *entry)
{
    uint64_t number[3];
    for (int i = 0; i < 3; i++) {
        size_t taken = pb_varint(*at, end, &number[i]);
        if (!taken || number[i] > bundle->index.size) return bad(bundle, "an entry is damaged");
        *at += taken;
    }
    size_t shared = (size_t)number[0], tail = (size_t)number[1], size = (size_t)number[2], left = (size_t)(end - *at);
    if (shared > before->size || tail > left || size > left - tail) return bad(bundle, "an entry reaches beyond its block");
    bundle->key_bytes += shared + tail;
    if (bundle->key_bytes > 64 * bundle->index.size) return bad(bundle, "its keys are absurdly long");
    uint8_t *key = qc_arena_alloc(bundle->arena, shared + tail);
    if (!key) return QC_NOMEM;
    if (shared) memcpy(key, before->at, shared);
    memcpy(key + shared, *at, tail);
    entry->key = (struct pb_bytes){key, shared + tail};
    entry->value = (struct pb_bytes){*at + tail, size};
    *at += tail + size;
    return QC_OK;
}

static qc_status keep(struct qc_bundle *bundle, const struct qc_bundle_entry *entry)
{
    if (bundle->entry_count && qc_bundle_order(bundle->entry[bundle->entry_count - 1].key, entry->key) >= 0)
        return bad(bundle, "its keys are not in ascending order");
    if (bundle->entry_count == bundle->entry_capacity) {
        size_t capacity = 2 * bundle->entry_capacity + 64;
        struct qc_bundle_entry *grown = qc_arena_array(bundle->arena, capacity, sizeof *grown);
        if (!grown) return QC_NOMEM;
        if (bundle->entry_count) memcpy(grown, bundle->entry, bundle->entry_count * sizeof *grown);
        bundle->entry = grown;
        bundle->entry_capacity = capacity;
    }
    bundle->entry[bundle->entry_count++] = *entry;
    return QC_OK;
}

static qc_status read_data_block(struct qc_bundle *bundle, struct pb_bytes block)
{
    const uint8_t *at = block.at, *end = block.at + block.size;
    struct qc_bundle_entry entry = {{NULL, 0}, {NULL, 0}};
    while (at < end) {
        struct pb_bytes before = entry.key;
        QC_TRY(read_entry(bundle, &at, end, &before, &entry));
        QC_TRY(keep(bundle, &entry));
    }
    return QC_OK;
}

qc_status qc_bundle_read_table(struct qc_bundle *bundle)
{
    if (bundle->index.size < FOOTER) return bad(bundle, "is too short for a checkpoint index");
    const uint8_t *end = (const uint8_t *)bundle->index.bytes + bundle->index.size, *at = end - FOOTER, *footer_end = end - 8;
    if (u32(end - 8) != (uint32_t)MAGIC || u32(end - 4) != (uint32_t)(MAGIC >> 32)) return bad(bundle, "is no checkpoint index");
    struct pb_bytes block;
    QC_TRY(open_block(bundle, &at, footer_end, &block)); /* the metaindex, which says nothing */
    QC_TRY(open_block(bundle, &at, footer_end, &block));
    const uint8_t *entry_at = block.at, *block_end = block.at + block.size;
    struct qc_bundle_entry handle = {{NULL, 0}, {NULL, 0}};
    size_t covered = 0;
    while (entry_at < block_end) {
        struct pb_bytes before = handle.key, data;
        QC_TRY(read_entry(bundle, &entry_at, block_end, &before, &handle));
        const uint8_t *value = handle.value.at;
        QC_TRY(open_block(bundle, &value, value + handle.value.size, &data));
        covered += data.size;
        if (covered > bundle->index.size) return bad(bundle, "its blocks overlap");
        QC_TRY(read_data_block(bundle, data));
    }
    return QC_OK;
}
