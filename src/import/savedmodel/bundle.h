/*
 * bundle.h - a TensorFlow checkpoint ("tensor bundle"): PREFIX.index, a LevelDB-style table of entries, and
 * PREFIX.data-NNNNN-of-NNNNN, the raw bytes.
 *
 * Opening reads the index alone. A tensor's bytes are read, and checked against their checksum, when it is asked for.
 */
#ifndef QC_IMPORT_SAVEDMODEL_BUNDLE_H
#define QC_IMPORT_SAVEDMODEL_BUNDLE_H

#include "base/file.h"
#include "import/savedmodel/message.h"

struct qc_bundle_entry {
    struct pb_bytes key, value; /* value: a BundleEntryProto */
};

struct qc_bundle {
    struct qc_arena *arena;
    const char *prefix;
    struct qc_file index;
    struct qc_bundle_entry *entry; /* in ascending order of keys */
    size_t entry_count, entry_capacity;
    size_t key_bytes;      /* of all keys, bounded against hostile prefixes */
    struct qc_file *shard; /* [shard_count], mapped on demand */
    int32_t shard_count;
};

/* `prefix`: path without ".index". What is in the arena, and views into mapped files, live until qc_bundle_close. */
qc_status qc_bundle_open(struct qc_bundle *bundle, struct qc_arena *arena, const char *prefix) QC_MUST_USE;
void qc_bundle_close(struct qc_bundle *bundle);

/* Every shard is there and holds what the index says of it, as far as sizes tell. No byte of a tensor is read. */
qc_status qc_bundle_check(struct qc_bundle *bundle) QC_MUST_USE;

/* NULL if there is none. */
const struct qc_bundle_entry *qc_bundle_find(const struct qc_bundle *bundle, struct pb_bytes key);
/* A numeric tensor; its checksum is verified. */
qc_status qc_bundle_array(struct qc_bundle *bundle, const struct qc_bundle_entry *entry, struct qc_tf_array *array) QC_MUST_USE;
/* The one string of a scalar string tensor. */
qc_status qc_bundle_string(struct qc_bundle *bundle, const struct qc_bundle_entry *entry, struct pb_bytes *string) QC_MUST_USE;

#endif
