/*
 * pair.h - a float model and its quantized form side by side: which values correspond, and the same sample for both.
 */
#ifndef QC_QUANT_SHARED_PAIR_H
#define QC_QUANT_SHARED_PAIR_H

#include "run/run.h"

/* A value as [elements] floats; false for types that are no numbers. */
bool qc_pair_floats(const struct qc_value *value, float *out);

/* QUANTIZE or DEQUANTIZE. */
bool qc_pair_converts(const struct qc_node *node);

/* For each tensor of `graph`, by index, the float32 value of `reference` that it stands for: the one of its name, whatever makes it there. NULL for
 * those that have none. The list is in the arena; NULL if memory is short. */
const struct qc_tensor **qc_pair_match(struct qc_arena *arena, const struct qc_graph *reference, const struct qc_graph *graph);

/* The inputs that `reference` holds into those of `session`, by name, in the type that they have there. */
qc_status qc_pair_feed(struct qc_env *env, struct qc_session *reference, struct qc_session *session);

#endif
