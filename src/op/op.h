/*
 * op.h - what an operator is to the rest of quantc, and what it is given to work with.
 *
 * One file src/op/<stem>.c holds one operator or a tight family and defines
 *
 *     const struct qc_op qc_op_<stem>[] = {{.name = "CONV_2D", .code = tfl_BuiltinOperator_CONV_2D, ...}, {0}};
 *
 * The build finds it by its file name. Helpers shared by several operators live in src/op/shared/.
 *
 * The four hooks, in the order they are called:
 *   infer    output types and shapes from input types, shapes and (where known) data. Validates: operand count, types, ranks,
 *            option values, quantization. Everything in the file is untrusted: a violation is qc_step_fail, never an assert.
 *            If a shape depends on data that is not known yet, it calls qc_step_defer and returns QC_OK; the runtime then calls
 *            infer again at invocation, just before run, when the data is there.
 *   plan     (may be NULL) picks kernels, allocates step->state with qc_step_alloc, declares scratch with qc_step_scratch.
 *   prepare  (may be NULL) fills memory: packed weights (qc_step_pack), tables, multipliers.
 *   run      computes. Allocates nothing. Returns a status only for failures that depend on data (an index out of range).
 * A shape change calls all of them anew with fresh state.
 */
#ifndef QC_OP_OP_H
#define QC_OP_OP_H

#include "base/pool.h"
#include "kernel/finish.h"
#include "ir/ir.h"

/* A tensor at run time. */
struct qc_value {
    qc_dtype type;
    uint8_t rank;
    bool known;    /* data is valid while planning: constants and what was computed from constants or shapes alone */
    bool shaped;   /* rank and dims are valid */
    bool dynamic;  /* shape known only while invoking; data is a heap block that grows */
    bool constant; /* data is read-only and the same in every invocation */
    int32_t dims[QC_MAX_RANK];
    void *data;    /* NULL while planning unless known; at run time valid, never NULL */
    size_t bytes;
    const struct qc_quant *quant;
    const struct qc_value *stored;  /* a constant without data: DEQUANTIZE of this one. Only for operands that qc_op.stored names */
    const struct qc_tensor *tensor; /* for names; NULL never */
};

struct qc_runtime; /* below */

struct qc_step {
    const struct qc_node *node;
    const struct qc_op *op;
    const void *options; /* node->options, or the schema's defaults if the file has none; NULL only for ops without options */
    struct qc_value **in, **out, **intermediate; /* in may hold NULL: optional operand left out */
    int in_count, out_count, intermediate_count;
    struct qc_runtime *rt;
    void *state;         /* the op's own, from qc_step_alloc */
    void *scratch;       /* scratch_bytes, 64-byte aligned, valid during run only, contents undefined */
    size_t scratch_bytes;
    const char *kernel;  /* name of the chosen kernel for profiles; NULL: none to tell */
    bool deferred;       /* set by qc_step_defer */
    uint64_t work;       /* set by plan: multiplications of a run; 0: some for each result */
    unsigned unread;     /* set by plan: bit k: operand k is not read, as what it holds follows from another */
    bool finishes;       /* set by plan: run takes `finish` into account */
    bool banded;         /* set by plan: of this step, op->rows_needed and op->run_rows may be used */
    struct qc_finish *finish; /* work of elementwise steps behind this one, done on its results; NULL: none */
    struct qc_value *beside[QC_FINISH_MOST]; /* the other tensors that it reads; NULL: none */
    bool prepared;
    struct qc_arena *arena; /* where qc_step_alloc allocates */
};

struct qc_op {
    const char *name;   /* schema spelling, or the custom operator's name */
    int code;           /* tfl_BuiltinOperator_*; CUSTOM for custom operators */
    const struct fb_table *options; /* &tfl_X_table that `options` points to; NULL: the op has none */
    uint8_t in_min, in_max, out_min, out_max; /* 255: any number */
    uint8_t max_version; /* highest operator version whose meaning is implemented; 0: 1 */
    uint16_t flags;      /* QC_OP_* */
    uint32_t stored;     /* bits of operands that may come as qc_value.stored: weights that are packed need not be written out first */
    const struct qc_quant_rule *quant; /* NULL: stays float; see op/quant_rule.h */
    qc_status (*infer)(struct qc_step *step);
    qc_status (*plan)(struct qc_step *step);
    qc_status (*prepare)(struct qc_step *step);
    qc_status (*run)(struct qc_step *step);
    /* What an elementwise float32 step does to one row of two operands, for a step in front of it to do. NULL, or false: not possible. */
    bool (*finish)(const struct qc_step *step, qc_row_fn **row, const void **params);
    /* Of a step with pictures [1, height, width, channels] in and out: the rows [*first, *last) of in[0] that rows [begin, end) of out[0] are made
     * of; and computing these. The data of in[0] and out[0] may then point to where row 0 would be if it were in memory. May be NULL. */
    void (*rows_needed)(const struct qc_step *step, int32_t begin, int32_t end, int32_t *first, int32_t *last);
    void (*run_rows)(struct qc_step *step, int32_t begin, int32_t end);
    int (*version)(const struct qc_node *node); /* lowest operator version that is right for this node; NULL: 1 */
};

enum {
    QC_OP_INPLACE = 1,     /* out[0] may share memory with in[0] when both have the same bytes (elementwise, or a plain copy) */
    QC_OP_INPLACE_1 = 2,   /* likewise in[1] */
    QC_OP_ALIAS = 4,       /* out[0] holds the same bytes as in[0]; run must do nothing if they share memory */
    QC_OP_STATEFUL = 8,    /* reads or writes state or calls graphs: never folded, never moved, runs even if unused */
    QC_OP_SHAPE_ONLY = 16, /* needs only the shapes of its inputs (SHAPE, RANK): evaluated while planning */
};

/* All operators, one by one; NULL past the last. */
const struct qc_op *qc_op_at(size_t index);
/* NULL if quantc does not have it. `custom` is the custom operator's name, or NULL. */
const struct qc_op *qc_op_find(int code, const char *custom);

/* The node's options if they are of the operator's own kind, else (none in the file, or another operator's) the schema's defaults, made in
 * `arena`. NULL for operators without options, or with QC_NOMEM recorded. */
const void *qc_op_options(const struct qc_op *op, const struct qc_node *node, struct qc_arena *arena);

/* ---- what hooks may use ---- */

/* Records "OPERATOR 'name': sentence" and returns status. `format` names operand and value, e.g. "input 1: rank is %d, not 4". */
qc_status qc_step_fail(struct qc_step *step, qc_status status, const char *format, ...) QC_PRINTF(3, 4);
/* The usual refusal of an element type combination: QC_UNSUPPORTED, names all operand types. */
qc_status qc_step_unsupported_type(struct qc_step *step);
/* Sets type and shape of an output; QC_FORMAT for negative dims, QC_NOMEM if the element count overflows. */
qc_status qc_step_output(struct qc_step *step, int index, qc_dtype type, int rank, const int32_t *dims) QC_MUST_USE;
qc_status qc_step_output_like(struct qc_step *step, int index, qc_dtype type, const struct qc_value *shape_of) QC_MUST_USE;
/* The outputs' shapes depend on data not known yet. Declare types by qc_step_defer_output for each output. */
qc_status qc_step_defer(struct qc_step *step);
/* Zeroed memory that lives until the step is planned anew. NULL with the error recorded. */
void *qc_step_alloc(struct qc_step *step, size_t bytes) QC_MUST_USE;
/* Grows step->scratch_bytes and returns the offset of the new piece (64-byte aligned). */
size_t qc_step_scratch(struct qc_step *step, size_t bytes);
/*
 * Packed form of a constant operand, made once and shared by all sessions of the model: `fill` is called with a fresh, 64-byte
 * aligned block of `bytes` if this (tensor, kind) is not packed yet. For an operand that is not constant the block is the step's
 * own and fill is called each time. `kind` must tell apart every layout and every parameter that fill depends on.
 */
const void *qc_step_pack(struct qc_step *step, const struct qc_value *operand, const char *kind, size_t bytes,
                         void (*fill)(void *block, const void *context), const void *context) QC_MUST_USE;

size_t qc_value_elements(const struct qc_value *value);
/* dims[axis] product over [from, to). */
size_t qc_value_span(const struct qc_value *value, int from, int to);
bool qc_value_same_shape(const struct qc_value *a, const struct qc_value *b);
/* scale and zero point of a per-tensor quantized value; scale 0 if it has none. A zero point beyond 2^24, which no sound file has, is cut. */
float qc_value_scale(const struct qc_value *value);
int32_t qc_value_zero_point(const struct qc_value *value);
/* Element i of a known int32 or int64 operand. */
int64_t qc_value_int(const struct qc_value *value, size_t i);
/* Index of `axis` in [0, rank) after adding rank to a negative one; -1 if out of range. */
int qc_axis(int64_t axis, int rank);
/* Numpy broadcasting of two shapes into dims; false if they do not fit or the rank exceeds QC_MAX_RANK. */
bool qc_broadcast_shape(const struct qc_value *a, const struct qc_value *b, int *rank, int32_t *dims);

/* ---- the runtime as operators see it ---- */

struct qc_runtime {
    struct qc_env *env;
    struct qc_pool *pool; /* NULL: the calling thread alone */
    bool reference;       /* TFLite's reference arithmetic (see docs/bit-exactness.md) */
    bool winograd;        /* float32 3x3 convolutions of stride 1 may be less exact and faster */
    bool own_ops;         /* no operator of the caller's is in use: a step may compute what another node says */
    struct qc_model *model;
    /* Runs subgraph `graph` with inputs taken from `in`; results are copied to `out` (shapes set first). For WHILE, IF, CALL. */
    qc_status (*call)(struct qc_runtime *rt, uint32_t graph, int in_count, struct qc_value *const *in, int out_count,
                      struct qc_value *const *out);
    /* Plans subgraph `graph` for inputs of these types and shapes and gives the shapes of its results to `out` (shaped false where they
     * depend on data). NULL outside a session. */
    qc_status (*call_infer)(struct qc_runtime *rt, uint32_t graph, int in_count, struct qc_value *const *in, int out_count,
                            struct qc_value *const *out);
    /* Copies value contents and, for dynamic ones, shape. */
    qc_status (*assign)(struct qc_runtime *rt, struct qc_value *to, const struct qc_value *from);
    /* Gives a dynamic value its shape and memory, during run. */
    qc_status (*resize)(struct qc_runtime *rt, struct qc_value *value, int rank, const int32_t *dims, size_t string_bytes);
    /* State of named resources (variables, hash tables), kept by the session: finds or creates the slot for a key. */
    struct qc_resource *(*resource)(struct qc_runtime *rt, const char *container, const char *name);
    /* The resource a handle (int32 element of a RESOURCE tensor) stands for; NULL if there is none. */
    struct qc_resource *(*resource_at)(struct qc_runtime *rt, int32_t id);
    const void *(*pack)(struct qc_runtime *rt, const struct qc_tensor *tensor, const char *kind, size_t bytes,
                        void (*fill)(void *block, const void *context), const void *context);
};

struct qc_resource { /* a variable's value or a hash table; `data` is the operator family's own */
    int32_t id;
    const char *container, *name;
    void *data;
    void (*destroy)(struct qc_env *env, void *data);
    struct qc_resource *next;
};

/* ---- single nodes, for importers and passes ---- */

/* Infers the output types and shapes of a node from its inputs' tensors and writes them into the output tensors (has_shape false
 * where they depend on data). */
qc_status qc_node_infer(struct qc_node *node);

/* The operator version export writes for the node: its own if read from a file, else op->version. */
int qc_node_version(const struct qc_node *node);

#endif
