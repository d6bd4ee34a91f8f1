/*
 * evaluate.h - one node on known values, outside a session: what constant folding, in importers and passes, is made of.
 *
 * The arithmetic is the operator's own infer, plan, prepare and run, so that a folded value is bit for bit what a session would have
 * computed.
 */
#ifndef QC_OP_EVALUATE_H
#define QC_OP_EVALUATE_H

#include "op/op.h"

/* `tensor` as a value: known if it is constant, shaped if it has a shape. */
void qc_value_of_tensor(struct qc_value *value, const struct qc_tensor *tensor);

/*
 * Infers the outputs of a node from `in` (NULL: operand left out), whatever its tensors say, and runs it if all it needs is known: then
 * out[i].known is true and out[i].data is memory of `arena`. Results of more than `max_bytes` are left unknown (0: infer
 * only), as are those of operators with state and of subgraph calls: no error. out[i].shaped is false where the shape depends on unknown data.
 */
qc_status qc_evaluate(const struct qc_node *node, struct qc_value *const *in, struct qc_value *out, struct qc_arena *arena,
                      size_t max_bytes) QC_MUST_USE;

#endif
