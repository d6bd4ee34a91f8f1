/*
 * table.h - between bundle.c and table.c: reading the index of a checkpoint.
 */
#ifndef QC_IMPORT_SAVEDMODEL_TABLE_H
#define QC_IMPORT_SAVEDMODEL_TABLE_H

#include "import/savedmodel/bundle.h"

/* Fills bundle->entry from the mapped bundle->index. */
qc_status qc_bundle_read_table(struct qc_bundle *bundle) QC_MUST_USE;
/* Bytewise: < 0, 0, > 0. */
int qc_bundle_order(struct pb_bytes a, struct pb_bytes b);

#endif
