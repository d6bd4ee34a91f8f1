/*
 * branch.h - control flow that depends on data: functions as subgraphs under IF and WHILE.
 *
 * A subgraph sees its inputs and constants, nothing else. So constants that a function is given are written into the subgraph again, as
 * views of the same bytes; every other tensor becomes one of its inputs; a tensor list goes in and comes out as one tensor [count, ...].
 */
#ifndef QC_IMPORT_SAVEDMODEL_BRANCH_H
#define QC_IMPORT_SAVEDMODEL_BRANCH_H

#include "import/savedmodel/graph.h"

/*
 * If (condition: branch[0], else branch[1]) and Case (in[0] is the number of the branch; outside: the last one). in[0] decides, the others
 * are the branches' arguments. The outputs of `s` are made.
 */
qc_status qc_tf_choose(struct qc_tf_step *s, int branch_count, const struct pb_bytes *branch) QC_MUST_USE;

/* A loop over the values `now` [s->in_count]. The outputs of `s` are made. */
qc_status qc_tf_while(struct qc_tf_step *s, struct pb_bytes cond, struct pb_bytes body, const struct qc_tf_value *now) QC_MUST_USE;

#endif
