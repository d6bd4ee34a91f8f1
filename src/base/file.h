/*
 * file.h - reading whole files by mapping them, and writing files that appear whole or not at all.
 */
#ifndef QC_BASE_FILE_H
#define QC_BASE_FILE_H

#include "base/env.h"

struct qc_file {
    const void *bytes; /* NULL for an empty file */
    size_t size;
    bool on_disk; /* a mapping of a regular file: its pages can be read again */
};

/* Maps a regular file, read-only; it must not be cut short while mapped. A pipe or device is read to its end into anonymous memory. */
qc_status qc_file_map(struct qc_env *env, const char *path, struct qc_file *file);
void qc_file_unmap(struct qc_file *file);
/* Gives the memory of pages read so far back; what is read again comes from the disk's cache. */
void qc_file_release(const struct qc_file *file);
/* A folder? */
bool qc_file_is_folder(const char *path);
bool qc_file_exists(const char *path);

/*
 * A file being written beside its final place. A symbolic link is followed, and the mode of a file that is replaced is kept.
 * What is no regular file (a pipe, a terminal, /dev/null) is written straight.
 */
struct qc_writer {
    struct qc_env *env;
    const char *path; /* as given, for messages; must outlive the writer */
    char *target;     /* where it goes in the end; NULL: written straight */
    char *temporary;
    int descriptor;
    size_t size; /* written so far */
};

qc_status qc_writer_open(struct qc_writer *writer, struct qc_env *env, const char *path);
qc_status qc_writer_put(struct qc_writer *writer, const void *bytes, size_t size);
/* Syncs and renames; on failure nothing is left behind. */
qc_status qc_writer_commit(struct qc_writer *writer);
/* Leaves nothing behind. Safe after commit and after a failed open. */
void qc_writer_abort(struct qc_writer *writer);

#endif
