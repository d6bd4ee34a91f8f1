/*
 * complaint.h - operators that quantc lacks are collected while the graph is read, and reported together if a result needs one.
 */
#ifndef QC_IMPORT_SAVEDMODEL_COMPLAINT_H
#define QC_IMPORT_SAVEDMODEL_COMPLAINT_H

#include "import/savedmodel/graph.h"

/* Notes an operator, once for each name and sentence and layer. Returns QC_OK or QC_NOMEM. */
qc_status qc_tf_complain(struct qc_tf_import *im, struct pb_bytes op, struct pb_bytes node, const char *sentence);
/* QC_UNSUPPORTED with all of them in one sentence. */
qc_status qc_tf_report(struct qc_tf_import *im);

#endif
