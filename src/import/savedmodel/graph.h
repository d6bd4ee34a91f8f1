/*
 * graph.h - the graph route: a TensorFlow graph is executed symbolically, from the signature's outputs, and what cannot be computed at
 * once becomes operators of the model's graph.
 *
 *   frame.c     runs the nodes of a body that the wanted results need, in order; calls open further frames (so functions are inlined)
 *   ops.c, lower_*.c   one row per TensorFlow operator: its inputs are values, it writes operators or computes values
 *   facts.c     after each operator: folds what is constant; knows the numbers of shape arithmetic though the batch is free
 *   captures.c  variables: from the captured handle to the bytes of the checkpoint
 *   control.c, list.c, loop.c   calls, conditionals, tensor lists, loops; recurrent_probe.c recognises recurrent layers
 *
 * Hostile graphs are bounded by a budget of executed nodes and of folded bytes, and by the depth of calls.
 */
#ifndef QC_IMPORT_SAVEDMODEL_GRAPH_H
#define QC_IMPORT_SAVEDMODEL_GRAPH_H

#include "import/lower/shape.h"
#include "import/lower/weight.h"
#include "import/savedmodel/package.h"

struct qc_tf_captures;

enum qc_tf_kind {
    QC_TF_NOTHING = 0,
    QC_TF_TENSOR,
    QC_TF_VARIABLE,    /* handle of a variable that holds `tensor` */
    QC_TF_LIST_VALUE,  /* TensorList */
    QC_TF_TABLE,       /* hash table */
    QC_TF_TEXT,        /* strings, or what is computed from strings: text.c */
    QC_TF_SIGN_BIT,    /* what Keras 3's argmax computes from the bits of `tensor`: lower_rare.c */
    QC_TF_DEAD,        /* on the side of a TensorFlow 1 conditional that is not taken; what is computed from it is dead too */
    QC_TF_SPECTRUM,    /* complex numbers: the Fourier transform, of length `id`, of `tensor`: lower_rare.c */
    QC_TF_UNSUPPORTED, /* an operator that quantc does not have made it */
};

struct qc_tf_list { /* of tensors of one shape; never changed once made */
    struct qc_tensor *stacked;    /* [count, ...]; NULL: see item */
    struct qc_tensor **item;      /* [count], NULL where nothing was set yet; NULL itself if stacked is given */
    int64_t count;
    bool free;                    /* count is that of a free size */
    struct qc_tf_shape element;
    int64_t type;                 /* enum qc_tf_dtype */
};

struct qc_tf_value {
    enum qc_tf_kind kind;
    struct qc_tensor *tensor;
    const struct qc_tf_list *list;
    int64_t id; /* TEXT: graph input it comes from, -1: constants alone. TABLE, VARIABLE: object */
};

struct qc_tf_fact; /* facts.c */
struct qc_tf_op;

struct qc_tf_import {
    struct qc_model *model;
    struct qc_env *env;
    struct qc_build b;
    struct qc_arena *scratch; /* lives until the import ends */
    struct qc_tf_package *package;
    const struct qc_tf_op **op;      /* all, by name */
    size_t op_count;
    struct qc_tf_captures *captures; /* NULL: none may be met */
    struct qc_tf_fact *fact;         /* by tensor index of b.graph */
    uint32_t fact_count, settled;    /* nodes of b.graph that facts.c has seen */
    int64_t nodes_left;              /* budget */
    size_t bytes_left;               /* budget for folded constants */
    int depth;
    bool probing;                    /* a loop body on numbers: loops inside are not recognised */
    bool free_sizes;                 /* some graph input has a free dimension */
    struct qc_tf_complaint *complaint, **complaint_end; /* operators quantc lacks, in order met */
    int complaint_count;
    struct qc_tf_text *text;         /* text.c */
};

/* One node under execution. */
struct qc_tf_step {
    struct qc_tf_import *im;
    struct qc_build *b; /* &im->b */
    const struct qc_tf_body *body;
    const struct qc_tf_node *node;
    const struct qc_tf_op *op;
    struct qc_tf_value *in;
    int in_count;
    struct qc_tf_value *out; /* made by qc_tf_outputs */
    int out_count;
    const bool *want;        /* which outputs somebody reads; NULL: all */
    int want_count;
};

struct qc_tf_op {
    const char *name;
    qc_status (*lower)(struct qc_tf_step *s); /* NULL: `code` applied to the inputs as they are */
    int8_t in_min, in_max;                    /* -1: any number */
    int code;                                 /* for generic lowerings: the TFLite operator */
    int detail;                               /* likewise */
};

/* Rows by family, each ended by a row without a name. */
extern const struct qc_tf_op qc_tf_elementwise_ops[], qc_tf_array_ops[], qc_tf_reduce_ops[], qc_tf_matrix_ops[], qc_tf_conv_ops[],
    qc_tf_norm_ops[], qc_tf_control_ops[], qc_tf_list_ops[], qc_tf_resource_ops[], qc_tf_text_ops[], qc_tf_table_ops[], qc_tf_image_ops[], qc_tf_index_ops[],
    qc_tf_scatter_ops[], qc_tf_fake_quant_ops[], qc_tf_rare_ops[];
/* Makes im->op. */
qc_status qc_tf_ops_sort(struct qc_tf_import *im) QC_MUST_USE;
const struct qc_tf_op *qc_tf_op_find(const struct qc_tf_import *im, struct pb_bytes name);
/* Executes a node whose inputs are there. */
qc_status qc_tf_dispatch(struct qc_tf_step *s) QC_MUST_USE;
/* Position of a named output among an operator's outputs ("values" of TopKV2 is 0); 0 for all operators with one output name. */
int qc_tf_output_position(struct pb_bytes op, struct pb_bytes output);

/* ---- frame.c ---- */

/* Runs what `want` (NULL: all) of a function's results needs. */
qc_status qc_tf_call(struct qc_tf_import *im, struct pb_bytes function, int in_count, const struct qc_tf_value *in, const bool *want,
                     int out_count, struct qc_tf_value *out) QC_MUST_USE;
/* The same for tensors "node:k" of the top level; `feed` nodes have their values given. */
struct qc_tf_feed {
    struct pb_bytes node;
    struct qc_tf_value value;
};
qc_status qc_tf_run_top(struct qc_tf_import *im, int feed_count, const struct qc_tf_feed *feed, int out_count, const struct pb_bytes *tensor,
                        struct qc_tf_value *out) QC_MUST_USE;

/* Captures that are bound behind the arguments of a top-level call, in place of the inputs that the node names for them. control.c */
int qc_tf_bound(struct qc_tf_import *im, const struct qc_tf_node *node);

/* ---- for lowerings (ops.c) ---- */

/* Records QC_FORMAT or another status as "Op 'node' (layer): sentence". */
qc_status qc_tf_fail(struct qc_tf_step *s, qc_status status, const char *format, ...) QC_PRINTF(3, 4);
/* The operator, in the form the node has it, is not supported: its outputs become QC_TF_UNSUPPORTED, which is an error only if a result
 * needs them. Returns QC_OK. */
qc_status qc_tf_unsupported(struct qc_tf_step *s, const char *format, ...) QC_PRINTF(2, 3);
/* Makes room for outputs. */
qc_status qc_tf_outputs(struct qc_tf_step *s, int count) QC_MUST_USE;
/* One output, a tensor; the status of the builder if it is NULL. */
qc_status qc_tf_return(struct qc_tf_step *s, struct qc_tensor *tensor);
/* Several outputs, all tensors. */
qc_status qc_tf_return_all(struct qc_tf_step *s, int count, struct qc_tensor *const *tensor);
/* Input i as a tensor of known shape; NULL with an error if it is none. */
struct qc_tensor *qc_tf_tensor(struct qc_tf_step *s, int i);
/* The same of any shape: what WHERE and the like make has one only when the model runs. */
struct qc_tensor *qc_tf_any_tensor(struct qc_tf_step *s, int i);
/* The computing type of attribute `name`. QC_UNSUPPORTED-making types give false. */
bool qc_tf_type(struct qc_tf_step *s, const char *name, int64_t absent, qc_dtype *type);
/* "NHWC" style attribute: is the channel axis 1? */
bool qc_tf_channels_first(const struct qc_tf_step *s);
/* A constant float32 tensor as a weight; false if it is not constant. */
bool qc_tf_weight(const struct qc_tensor *tensor, struct qc_weight *weight);
/* Layer that a node name belongs to: "model/block/conv/Conv2D" -> "block/conv". In the scratch arena. */
const char *qc_tf_scope(struct qc_tf_import *im, struct pb_bytes node_name);

/* Nodes that read text (text.c) or a sign bit (lower_rare.c). */
qc_status qc_tf_text_step(struct qc_tf_step *s);
qc_status qc_tf_sign_bit_step(struct qc_tf_step *s);
qc_status qc_tf_spectrum_step(struct qc_tf_step *s); /* some input is QC_TF_SPECTRUM */

/* ---- facts.c ---- */

/* What is known of an element of an integer tensor: its number, and whether it depends on a free size. */
struct qc_tf_number {
    int64_t value, other; /* at the graph's sizes, and at other ones; equal: fixed */
};
/* Folds and learns from the nodes written since the last call. */
qc_status qc_tf_settle(struct qc_tf_import *im) QC_MUST_USE;
/* The numbers in an integer or bool tensor; the count (<= max), or -1 if they are not known. */
int qc_tf_numbers(struct qc_tf_import *im, const struct qc_tensor *tensor, int max, struct qc_tf_number *number);
/* The same where all must be fixed. */
int qc_tf_ints(struct qc_tf_import *im, const struct qc_tensor *tensor, int max, int64_t *value);
bool qc_tf_int(struct qc_tf_import *im, const struct qc_tensor *tensor, int64_t *value);
/* The sizes of a tensor as numbers. */
void qc_tf_sizes(struct qc_tf_import *im, const struct qc_tensor *tensor, struct qc_tf_number *size);
/* Is every element the same float or integer number? Sees through FILL and BROADCAST_TO of free size. */
bool qc_tf_splat(struct qc_tf_import *im, const struct qc_tensor *tensor, double *value);
/* Declares the other sizes of a graph input. */
qc_status qc_tf_learn_input(struct qc_tf_import *im, const struct qc_tensor *tensor, const int32_t *other) QC_MUST_USE;

#endif
