/*
 * edit.h - what rewrites share: reading constants and options, changing options, replacing values.
 */
#ifndef QC_PASS_SHARED_EDIT_H
#define QC_PASS_SHARED_EDIT_H

#include "op/op.h"

/* ---- constants ---- */

/* A dense float32 constant without quantization. */
bool qc_is_float_constant(const struct qc_tensor *tensor);
/* Element i of one. */
float qc_float_at(const struct qc_tensor *tensor, size_t i);
/* true if it is one and all its elements are the same *value (a scalar, or a splat). */
bool qc_is_splat(const struct qc_tensor *tensor, float *value);
/* true if it is a splat of `value`, up to one unit in the last place. */
bool qc_is_near(const struct qc_tensor *tensor, float value);
/* Elements of an int32 or int64 constant of at most QC_MAX_RANK elements, or -1 if it is none. */
int qc_integers(const struct qc_tensor *tensor, int64_t *values);
/* A new float32 constant with the dims of `like` (its data is arena memory to be filled through *data). */
struct qc_tensor *qc_new_floats(struct qc_graph *graph, const char *name, int rank, const int32_t *dims, float **data);

/* ---- shapes ---- */

/* Every dimension is known and fixed. */
bool qc_is_static(const struct qc_tensor *tensor);
/* Shapes are known and equal, dimensions that may vary included. */
bool qc_same_shape(const struct qc_tensor *a, const struct qc_tensor *b);

/* ---- options ---- */

/* Value of an enum, integer or bool option by its schema name; `missing` if the operator's options have no such field. */
int qc_option(const struct qc_node *node, const char *name, int missing);
/* Equal options; those with vectors, texts or tables inside count as different, but for a RESHAPE whose target is an operand. */
bool qc_same_options(const struct qc_node *a, const struct qc_node *b);
/* Gives the node its own copy of its options with the field changed. */
qc_status qc_set_option(struct qc_node *node, const char *name, int value);
/* The node's fused activation; NONE if it cannot have one. */
int qc_activation(const struct qc_node *node);

/* ---- links ---- */

/* The operand of `node` other than slot; for binary operators. */
static inline struct qc_tensor *qc_other(const struct qc_node *node, int slot)
{
    return node->in[1 - slot];
}
/* The producer of `tensor` if it has the code and the tensor no other use; else NULL. */
struct qc_node *qc_sole_producer(const struct qc_tensor *tensor, int code);
/*
 * Puts `fresh` in the place of `old` everywhere. An output of the graph keeps its name, which moves to `fresh`; false if that cannot
 * be (fresh is an input, a constant or an output already), and then nothing is changed.
 */
bool qc_replace_value(struct qc_graph *graph, struct qc_tensor *old, struct qc_tensor *fresh);
/* A node in the place of `old`: takes over its outputs and its layer's name; `old` is removed. NULL with QC_NOMEM recorded. */
struct qc_node *qc_replace_node(struct qc_node *old, int code, const void *options, int in_count, struct qc_tensor *const *in);
/* Removes the node after replacing its only output by its input `slot`; false if that cannot be. */
bool qc_bypass(struct qc_node *node, int slot);

#endif
