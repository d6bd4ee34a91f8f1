/*
 * control.h - between the files that handle calls, loops and tensor lists.
 */
#ifndef QC_IMPORT_SAVEDMODEL_CONTROL_H
#define QC_IMPORT_SAVEDMODEL_CONTROL_H

#include "import/savedmodel/graph.h"

/* While, StatelessWhile: recurrent layer, written out, or WHILE. loop.c */
qc_status qc_tf_lower_while(struct qc_tf_step *s);

/* A loop as a recurrent layer, recognised by probing (recurrent_probe.c): *done, and then the outputs of s are made. */
qc_status qc_tf_recurrent(struct qc_tf_step *s, struct pb_bytes cond, struct pb_bytes body, bool *done) QC_MUST_USE;

/* Which of `count` outputs somebody reads. */
qc_status qc_tf_wants(struct qc_tf_step *s, int count, bool **want) QC_MUST_USE;
/* The argument that result `i` of a function gives back unchanged, looking through Identity; -1 if none. */
int qc_tf_unchanged(const struct qc_tf_body *body, int i);

/* ---- lists ---- */

/* Are its length and the shape of its elements fixed? */
bool qc_tf_list_fixed(const struct qc_tf_list *list);

/* Element `index` as a tensor; an element never set is zeros. NULL with an error. */
struct qc_tensor *qc_tf_list_element(struct qc_tf_step *s, const struct qc_tf_list *list, int64_t index);
/* The same list with these contents, in the scratch arena; NULL without memory. */
struct qc_tf_list *qc_tf_list_with(struct qc_tf_import *im, const struct qc_tf_list *list, struct qc_tensor *stacked);
/* All elements, on a new first axis. */
struct qc_tensor *qc_tf_list_stacked(struct qc_tf_step *s, const struct qc_tf_list *list);

#endif
