/*
 * build.h - adding nodes to a graph in one call, for importers and passes: output types and shapes come from the operator's own
 * infer.
 *
 * Errors stick: after a failure every function returns NULL and takes NULL, so that a lowering can be written without a check
 * after each line; the caller asks qc_build_status once at its end.
 */
#ifndef QC_OP_BUILD_H
#define QC_OP_BUILD_H

#include "op/op.h"

struct qc_build {
    struct qc_graph *graph;
    struct qc_node *before; /* new nodes go in front of it; NULL: at the end */
    const char *scope;      /* layer name: nodes carry it, tensors are named "scope/suffix" */
    uint32_t serial;        /* makes names unique */
};

/* An options struct with the schema's defaults, to be filled in: QC_OPTIONS(b, Conv2DOptions, o) declares `o`. */
#define QC_OPTIONS(b, type, name) struct tfl_##type *name = fb_new(&(b)->graph->model->arena, &tfl_##type##_table)

/* One node with one output, returned. `options` may be NULL (the operator's defaults); the table is the operator's own. Inputs may hold
 * NULL where optional[k] operands are left out: pass qc_none(). */
struct qc_tensor *qc_build_op(struct qc_build *b, int code, const void *options, int in_count, struct qc_tensor *const *in);
/* The same with several outputs. */
qc_status qc_build_ops(struct qc_build *b, int code, const void *options, int in_count, struct qc_tensor *const *in, int out_count,
                       struct qc_tensor **out);
#define QC_BUILD(b, CODE, options, ...)                                                     \
    qc_build_op(b, tfl_BuiltinOperator_##CODE, options,                                     \
                (int)(sizeof((struct qc_tensor *[]){__VA_ARGS__}) / sizeof(struct qc_tensor *)), \
                (struct qc_tensor *[]){__VA_ARGS__})

/* Stands for an optional operand left out. */
struct qc_tensor *qc_none(void);

/* Constants. Data is copied into the model's arena by these. */
struct qc_tensor *qc_build_constant(struct qc_build *b, const char *suffix, qc_dtype type, int rank, const int32_t *dims, const void *data);
struct qc_tensor *qc_build_f32(struct qc_build *b, float value);               /* scalar */
struct qc_tensor *qc_build_i32(struct qc_build *b, int32_t value);             /* scalar */
struct qc_tensor *qc_build_i32s(struct qc_build *b, int count, const int32_t *values); /* [count] */

/* QC_OK, or what went wrong first. */
qc_status qc_build_status(const struct qc_build *b);

/* Frequent forms, x may be NULL after a failure. Reshape targets may hold one -1. */
struct qc_tensor *qc_build_reshape(struct qc_build *b, struct qc_tensor *x, int rank, const int32_t *dims);
struct qc_tensor *qc_build_transpose(struct qc_build *b, struct qc_tensor *x, const int32_t *permutation);
/* ADD, SUB, MUL, DIV, MAXIMUM, MINIMUM ... without fused activation. */
struct qc_tensor *qc_build_binary(struct qc_build *b, int code, struct qc_tensor *x, struct qc_tensor *y);
struct qc_tensor *qc_build_unary(struct qc_build *b, int code, struct qc_tensor *x);

#endif
