/*
 * c_importers.c - the drop-in library reads .tflite alone, as the original does, and so needs none of the libraries behind the other importers.
 */
#include "import/import.h"

extern const struct qc_importer qc_importer_tflite;

const struct qc_importer *const qc_importers[] = {&qc_importer_tflite, NULL};
