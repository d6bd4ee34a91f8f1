/*
 * external.h - constants that a .tflite file keeps in other files: `external_buffers` tells which slice of which file, `external_buffer_groups`
 * names the files, relative to the model's folder.
 *
 * A file is mapped when its first slice is asked for, and stays so as long as the model. Names are untrusted: one that is absolute or goes
 * through ".." is refused.
 */
#ifndef QC_IMPORT_TFLITE_EXTERNAL_H
#define QC_IMPORT_TFLITE_EXTERNAL_H

#include "import/import.h"

/* The bytes of the external buffer with that id, for the constant `what`. */
qc_status qc_external_bytes(struct qc_model *model, const struct tfl_Model *file, uint32_t id, const char *what, const void **data, size_t *bytes);

#endif
