/*
 * export.h - graph to .tflite.
 */
#ifndef QC_EXPORT_EXPORT_H
#define QC_EXPORT_EXPORT_H

#include "ir/ir.h"
#include "wire/archive.h"

/* A finished file in pieces; constants are still where the model has them, so the model must outlive it. */
struct qc_export {
    struct qc_model *model;
    struct qc_arena arena;
    struct fb_output output;
    const struct qc_tensor **behind; /* constants behind the FlatBuffer (files over 2 GB) */
    size_t behind_count;
    struct qc_part *archive;         /* the associated files as a zip archive at the end; NULL: none */
    size_t archive_parts;
    size_t total;                    /* bytes of the whole file */
};

/* Checks the model and lays the file out: op versions, equal constants shared, min_runtime_version. */
qc_status qc_export_build(struct qc_model *model, struct qc_export *out);
/* Writes it: the file appears whole or not at all. */
qc_status qc_export_save(struct qc_export *out, const char *path);
/* Copies it to out->total bytes of memory. */
void qc_export_copy(const struct qc_export *out, void *bytes);
void qc_export_free(struct qc_export *out);

struct qc_runtime_version {
    int major, minor, patch;
};
/* The first TensorFlow Lite that has this version of the operator; all 0 if unknown. */
struct qc_runtime_version qc_runtime_of(int code, int version);
/* Negative, 0 or positive as a is older than, equal to or newer than b. */
int qc_runtime_compare(struct qc_runtime_version a, struct qc_runtime_version b);
/* The newest that any operator of the model needs. */
struct qc_runtime_version qc_runtime_needed(const struct qc_model *model);

#endif
