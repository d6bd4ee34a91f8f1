/*
 * run.h - sessions from the inside: a frame for each graph in use, planned once for its input shapes, invoked many times.
 *
 *   frame_plan (frame.c)   for each node: infer, evaluate at once what depends on constants and shapes alone, else op->plan;
 *                          then elementwise steps join the products in front of them (finish.c), chains of products are cut into
 *                          bands (bands.c), then memory for all values in one block
 *                          (layout.c), then op->prepare
 *   qc_frame_invoke (invoke.c)  runs the steps in order; a step whose shapes were not known is planned on the spot
 *   call.c                 subgraphs: WHILE, IF and CALL_ONCE reach them through struct qc_runtime
 */
#ifndef QC_RUN_RUN_H
#define QC_RUN_RUN_H

#include "op/op.h"

#include <stdatomic.h>

struct qc_frame_step {
    struct qc_step step;
    struct qc_arena arena;   /* of a step planned at invocation; others use the frame's */
    bool evaluated;          /* done while planning: nothing to run */
    bool at_invoke;          /* shapes become known only while invoking */
    int32_t at;              /* number of the step whose turn it runs in: its own, but in a chain of bands */
    struct qc_bands *bands;  /* the chain that runs in its turn; NULL: itself alone */
    uint64_t calls, nanoseconds;
};

struct qc_frame_value {
    struct qc_value value;
    int32_t root;   /* index of the value whose memory this one shares; its own index if none */
    int32_t first, last; /* steps that write and last read it; of a root: of all that share it */
    size_t window_bytes; /* if only a window of its rows is in memory (bands.c) */
    void *window;
    void *heap;     /* own block of a dynamic, string or variable value */
    size_t heap_bytes;
};

struct qc_frame {
    struct qc_session *session;
    const struct qc_graph *graph;
    struct qc_frame_value *value; /* [graph->tensor_count] */
    struct qc_frame_step *step;   /* [graph->node_count] */
    struct qc_value **pointers;   /* operand lists of all steps */
    struct qc_arena arena;        /* lives until planned anew */
    char *memory;                 /* of all planned values */
    size_t memory_bytes;
    bool made, planned, busy;
    bool owns_inputs; /* entered from outside, not by a call: its inputs have memory of its own */
    bool follows; /* some value shares the memory of a graph input */
};

struct qc_session {
    struct qc_env env;
    struct qc_model *model;
    struct qc_options options;
    struct qc_pool *pool;
    struct qc_runtime rt;
    struct qc_frame *frame; /* [model->graph_count] */
    struct qc_frame *main;
    const struct qc_signature *signature; /* NULL: the graph's own inputs and outputs */
    int *input, *output;                  /* tensor index of each */
    int input_count, output_count;
    struct qc_resource *resources;
    int32_t next_resource;
    int depth; /* of calls under way */
    void (*observe)(void *user, const struct qc_step *step); /* after each step, for calibration and comparison; may be NULL. An output that nothing
                                                                * reads may hold anything */
    void *observer;
    const struct qc_op *const *extra_op; /* the caller's operators, preferred to our own */
    size_t extra_op_count;
    void *user; /* the caller's, for its operators */
    atomic_bool cancel; /* ends the invocation under way with QC_CANCELLED before its next step */
};

/* session.c: a session that is not planned yet. On failure the session still exists, with the error in its env: free it. NULL only
 * when there was no memory for it. */
struct qc_session *qc_session_start(struct qc_model *model, const struct qc_options *options, const struct qc_op *const *extra_op,
                                    size_t extra_op_count, struct qc_error *error);
/* From now on `observe` is called after each step. */
void qc_session_observe(struct qc_session *session, void (*observe)(void *user, const struct qc_step *step), void *observer);
/* The operator that runs this node; NULL: none. */
const struct qc_op *qc_session_op(const struct qc_session *session, const struct qc_node *node);

/* frame.c */
qc_status qc_frame_make(struct qc_session *session, uint32_t graph, struct qc_frame **frame); /* once; shapes are the file's */
qc_status qc_frame_plan(struct qc_frame *frame);  /* for the shapes its inputs have now */
qc_status qc_frame_try(struct qc_frame *frame);   /* would it plan? Packs no weights; the frame cannot be invoked */
qc_status qc_frame_plan_step(struct qc_frame *frame, struct qc_frame_step *fs); /* one deferred step, its inputs being there */
void qc_frame_free(struct qc_frame *frame);
/* Of a planned frame: what the lifetimes of its values need at the least. */
size_t qc_frame_lower_bound(const struct qc_frame *frame);
/* Zeros in all variable values. */
void qc_frame_reset(struct qc_frame *frame);
/* Own memory for a value that has none in the plan; keeps the block if it is large enough. */
qc_status qc_frame_reserve(struct qc_frame *frame, struct qc_frame_value *fv, size_t bytes);

/* uses.c: the run-time writer and readers of each value; freed by the caller. NULL with the error recorded. */
enum { QC_USES_MANY = 3 };
struct qc_uses {
    int32_t writer, count; /* step, -1: none; readings, at most QC_USES_MANY, which also stands for graph outputs */
    int32_t reader[2];
};
struct qc_uses *qc_frame_uses(struct qc_frame *frame);
struct qc_uses *qc_uses_of(const struct qc_frame *frame, struct qc_uses *uses, const struct qc_value *value);
struct qc_frame_value *qc_frame_holder(struct qc_value *value);

/* finish.c: in a planned frame without memory yet, hands elementwise steps to the products in front of them. */
qc_status qc_frame_finish(struct qc_frame *frame);

/* bands.c: after that, finds chains of products that are better run in bands of rows; and runs one. `now`: the clock, if it is to take the
 * times of the members. */
struct qc_bands;
qc_status qc_frame_bands(struct qc_frame *frame);
void qc_bands_run(struct qc_bands *bands, struct qc_pool *pool, uint64_t (*now)(void));

/* invoke.c */
qc_status qc_frame_invoke(struct qc_frame *frame);

/* call.c: the functions of struct qc_runtime */
void qc_runtime_init(struct qc_session *session);

/* layout.c: offsets of blocks that live in step ranges, a pure function. Returns the total; the bound is the largest sum
 * alive at one step. `order` is work space for count entries. */
struct qc_block {
    size_t bytes, offset;
    int32_t first, last;
};
size_t qc_layout(struct qc_block *block, uint32_t *order, size_t count);
size_t qc_layout_bound(const struct qc_block *block, size_t count);

/* pack.c: packed constants, shared by all sessions of a model. */
const void *qc_pack_get(struct qc_model *model, struct qc_env *env, const struct qc_tensor *tensor, const char *kind, size_t bytes,
                        void (*fill)(void *block, const void *context), const void *context);
/* The same for a value that is computed: found, or computed by the caller into a fresh block (contents undefined) and handed over. Adopting
 * frees the block if another session was faster. */
const void *qc_pack_find(struct qc_model *model, const struct qc_tensor *tensor, const char *kind, size_t bytes);
void *qc_pack_reserve(struct qc_model *model, struct qc_env *env, const struct qc_tensor *tensor, const char *kind, size_t bytes);
const void *qc_pack_adopt(struct qc_model *model, void *block);
void qc_pack_abandon(struct qc_model *model, void *block);
void qc_pack_free(struct qc_model *model);

#endif
