/*
 * endpoints.h - a model's inputs and outputs, in its own order.
 */
#ifndef QC_IMPORT_SAVEDMODEL_ENDPOINTS_H
#define QC_IMPORT_SAVEDMODEL_ENDPOINTS_H

#include "import/savedmodel/graph.h"

/*
 * Puts the entries of a signature (sorted by key, as the file has them) into the order of the model itself, which the function behind
 * the signature's wrapper has. Entries it does not name stay where they are.
 */
qc_status qc_tf_order_endpoints(struct qc_tf_package *package, struct qc_tf_signature *signature) QC_MUST_USE;

/* The signature of a bare GraphDef: all placeholders, and all nodes that nothing reads. */
qc_status qc_tf_graph_endpoints(struct qc_tf_package *package, struct qc_tf_signature *signature) QC_MUST_USE;

#endif
