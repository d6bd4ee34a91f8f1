/*
 * archive.h - zip archives in memory: the directory, members stored or deflated, and a writer of stored members.
 *
 * An archive may follow other bytes (the associated files of a .tflite do). The central directory alone is believed, as
 * Python's zipfile does; every offset is checked. Reading needs zlib for deflated members; a runtime-only build takes stored
 * ones. Sizes may lie by at most what deflate can do (1032 to 1), and no byte is made before it is there.
 */
#ifndef QC_WIRE_ARCHIVE_H
#define QC_WIRE_ARCHIVE_H

#include "base/arena.h"

struct qc_member {
    const char *name; /* terminated; holds no zero byte */
    uint16_t method;  /* 0 stored, 8 deflated */
    uint32_t crc;
    bool unchecked;   /* no checksum is known: crc means nothing */
    size_t packed_size, size;
    const void *packed; /* in the archive */
};

struct qc_archive {
    struct qc_member *member;
    size_t count;
};

/* false if no end-of-archive record stands at the end of the bytes: then they are no archive. */
bool qc_archive_probe(const void *bytes, size_t size);

/* Reads the directory. Names live in the arena. QC_FORMAT says what is wrong, QC_UNSUPPORTED encrypted or otherwise packed members. */
qc_status qc_archive_open(struct qc_arena *arena, const void *bytes, size_t size, struct qc_archive *archive) QC_MUST_USE;

/* NULL if there is none; the last of several, as in Python. */
const struct qc_member *qc_archive_find(const struct qc_archive *archive, const char *name);

/* The whole member with its checksum verified: a view into the archive, or arena memory if it is deflated. NULL with an error. */
const void *qc_member_read(struct qc_arena *arena, const struct qc_member *member) QC_MUST_USE;

/* A member read from its start in pieces. */
struct qc_member_stream;
struct qc_member_stream *qc_member_stream_open(struct qc_env *env, const struct qc_member *member) QC_MUST_USE;
/* Exactly `size` bytes, or an error. The checksum is verified with the last byte. */
qc_status qc_member_stream_read(struct qc_member_stream *stream, void *out, size_t size) QC_MUST_USE;
void qc_member_stream_close(struct qc_member_stream *stream);

/* ---- writing: stored members, in order ---- */

struct qc_part {
    const void *bytes;
    size_t size;
};

struct qc_stored {
    const char *name;
    const void *head; /* may be NULL; the member is head followed by data */
    size_t head_size;
    const void *data;
    size_t size;
};

/*
 * The parts of an archive that is to stand `offset` bytes into its file: headers (arena memory) alternating with views of the
 * members' own bytes. Members' data begin at multiples of `align` (0 or 1: anywhere) in the file. NULL with an error.
 */
struct qc_part *qc_archive_write(struct qc_arena *arena, size_t offset, size_t align, const struct qc_stored *member, size_t count,
                                      size_t *part_count) QC_MUST_USE;

#endif
