/*
 * eval.h - one node on constants: the arithmetic of constant folding is that of inference.
 */
#ifndef QC_RUN_EVAL_H
#define QC_RUN_EVAL_H

#include "op/op.h"

/* Computes the outputs of a node all of whose inputs are constants, makes them constants (in the model's arena) and removes the node
 * (the next qc_graph_sweep drops it). QC_UNSUPPORTED for operators with state and shapes that only running tells. */
qc_status qc_eval_node(struct qc_node *node);

#endif
