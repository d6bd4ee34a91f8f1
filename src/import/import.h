/*
 * import.h - what an importer is: bytes in, graph out.
 *
 * src/import/<stem>.c defines `const struct qc_importer qc_importer_<stem>`; the build finds it by its file name. Helpers live in
 * sub-folders (keras/, savedmodel/, lower/).
 *
 * An importer leaves: one float graph (or, for .tflite, the file's graphs) that passes qc_model_check; model->signature with
 * serving_default; node->name set to the layer they came from; notes for whatever was ignored. It does not fold, fuse or
 * clean up: that is src/pass.
 */
#ifndef QC_IMPORT_IMPORT_H
#define QC_IMPORT_IMPORT_H

#include "ir/ir.h"

struct qc_source {
    const char *path;  /* as given; "" from memory */
    bool folder;       /* path is a folder; bytes is NULL */
    const void *bytes; /* the whole file, mapped; lives as long as the model */
    size_t size;
};

struct qc_importer {
    const char *name; /* "Keras .h5 or .keras" */
    bool (*probe)(const struct qc_source *source); /* by content, never by file name alone */
    qc_status (*load)(const struct qc_source *source, struct qc_model *model);
};

/* NULL-terminated, in file name order (importers.c). */
extern const struct qc_importer *const qc_importers[];

#endif
