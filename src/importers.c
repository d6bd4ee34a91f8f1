/*
 * importers.c - the importers of this build, from their file names. A library that reads fewer defines the list itself and leaves this file out
 * (tflite_c/c_importers.c).
 */
#include "import/import.h"

#include "importer_declare.inc"

const struct qc_importer *const qc_importers[] = {
#include "importer_rows.inc"
    NULL,
};
