/*
 * ir.h - the graph: what importers build, passes rewrite, schemes quantize, exporters write and sessions run.
 *
 * It speaks TensorFlow Lite's dialect: a node's code is a tfl_BuiltinOperator and its options are the schema's own struct, so
 * attributes are read and written generically. Nodes stand in execution order. Everything lives in the model's arena.
 *
 * Only the mutators below write links (node inputs and outputs, producers, uses, graph outputs); qc_graph_check states and
 * tests every invariant.
 */
#ifndef QC_IR_IR_H
#define QC_IR_IR_H

#include "base/arena.h"
#include "base/dtype.h"
#include "tfl/tfl.h"

struct qc_quant { /* real = (stored - zero_point) * scale */
    uint32_t count;            /* 1: per tensor; else dims[axis] of the tensor. 0: only min/max, or block-wise */
    int32_t axis;              /* of count > 1 */
    const float *scale;        /* [count] */
    const int64_t *zero_point; /* [count] */
    uint32_t range_count;      /* min/max as some files carry them; 0 mostly */
    const float *min, *max;
    int32_t block_size;             /* > 0: block-wise along the last axis, scales in the float16 tensor block_scale */
    struct qc_tensor *block_scale;
};

struct qc_use { /* node->in[slot] is the tensor */
    struct qc_node *node;
    int slot;
    struct qc_use *next, **link;
};

struct qc_tensor {
    const char *name; /* never NULL */
    qc_dtype type;
    bool has_shape;                 /* rank and dims are meaningful */
    bool constant;                  /* data holds the value (may be NULL when bytes is 0) */
    bool variable;                  /* keeps its value from one invocation to the next, zero at first */
    uint8_t rank;
    int32_t dims[QC_MAX_RANK];      /* of the default shape; >= 0 */
    int32_t signature[QC_MAX_RANK]; /* as dims, -1 where any size may come; valid if has_shape */
    const void *data;               /* of a constant: a view into the file, or arena memory; any alignment of the element type */
    size_t bytes;
    const struct qc_quant *quant;   /* NULL: none */
    uint32_t index;                 /* in graph->tensor */
    struct qc_graph *graph;
    struct qc_node *producer;       /* NULL: graph input, constant, variable, or never written */
    struct qc_use *uses;            /* by nodes */
    int output_uses;                /* by graph->output */
};

struct qc_node {
    int code;                /* enum tfl_BuiltinOperator */
    const char *custom;      /* operator name if code is CUSTOM, else NULL */
    int version;             /* as the file says; 0: the lowest that fits, chosen at export */
    const char *name;        /* for messages: the layer it came from; NULL: use the first output's name */
    const void *options;     /* schema struct, read-only once shared; NULL: none */
    const struct fb_table *options_table;
    const void *custom_data; /* of custom operators */
    size_t custom_bytes;
    struct qc_tensor **in, **out, **intermediate; /* in and intermediate may hold NULL: an optional operand left out */
    int in_count, out_count, intermediate_count;
    struct qc_use *use; /* [in_count] */
    uint32_t index;     /* in graph->node */
    struct qc_graph *graph;
};

struct qc_graph {
    struct qc_model *model;
    const char *name;
    uint32_t index; /* in model->graph */
    struct qc_tensor **tensor;
    uint32_t tensor_count, tensor_capacity;
    struct qc_node **node;
    uint32_t node_count, node_capacity;
    struct qc_tensor **input, **output;
    int input_count, output_count;
    struct qc_free_dims *free_dims; /* import/lower/batch.c: what an import under way knows of free dimensions; else NULL */
};

struct qc_signature {
    const char *key;
    struct qc_graph *graph;
    struct qc_signature_entry {
        const char *name;
        struct qc_tensor *tensor;
    } *input, *output;
    int input_count, output_count;
};

struct qc_blob { /* a metadata entry or an associated file */
    const char *name;
    const void *data;
    size_t bytes;
};

struct qc_model {
    struct qc_env env;
    struct qc_arena arena;
    struct qc_options options;
    const char *path; /* for messages; "" from memory */
    const char *description;
    struct qc_graph **graph; /* [0] is the main one */
    uint32_t graph_count, graph_capacity;
    struct qc_signature *signature;
    uint32_t signature_count;
    struct qc_blob *metadata; /* except min_runtime_version, which export writes */
    uint32_t metadata_count;
    struct qc_blob *file; /* associated files */
    uint32_t file_count;
    const char **notes;
    size_t note_count, note_capacity;
    struct qc_file *mapping;               /* of the model file; NULL from memory or a folder */
    void (*close)(struct qc_model *model); /* releases what the importer opened besides; may be NULL */
    void *close_data;                      /* for close */
    struct qc_report *report;    /* of a converted model: what stayed float; owned by src/quant; NULL: none */
    struct qc_pack_store *packs; /* packed weights, shared by sessions; owned by src/run */
};

/* ---- building ---- */

/* An empty model with one empty main graph named "main". NULL with `error` filled. */
struct qc_model *qc_model_new(const struct qc_options *options, struct qc_error *error);
/* A copy of all graphs, to be rewritten. Names, options and constant data stay the source's, which must outlive the copy. Notes are
 * not copied. NULL with `error` filled. */
struct qc_model *qc_model_clone(const struct qc_model *source, struct qc_error *error);
struct qc_graph *qc_model_add_graph(struct qc_model *model, const char *name);
/* Forgets all graphs, signatures and notes: one empty main graph, as at first. */
qc_status qc_model_clear(struct qc_model *model);

/* A tensor without producer. dims may be NULL for a tensor of unknown shape; signature is set to dims. The name is copied. */
struct qc_tensor *qc_graph_add_tensor(struct qc_graph *graph, const char *name, qc_dtype type, int rank, const int32_t *dims);

/* A constant; `data` is NOT copied and must live as long as the model (arena or mapped file). */
struct qc_tensor *qc_graph_add_constant(struct qc_graph *graph, const char *name, qc_dtype type, int rank, const int32_t *dims,
                                        const void *data, size_t bytes);

/* A node in front of `before` (NULL: at the end). Inputs may hold NULL. Outputs must be without producer. The arrays are copied,
 * `options` is not. `options` NULL with a table: the schema's defaults. */
struct qc_node *qc_graph_add_node(struct qc_graph *graph, struct qc_node *before, int code, const struct fb_table *options_table,
                                  const void *options, int in_count, struct qc_tensor *const *in, int out_count,
                                  struct qc_tensor *const *out);

qc_status qc_graph_set_inputs(struct qc_graph *graph, int count, struct qc_tensor *const *input);
qc_status qc_graph_set_outputs(struct qc_graph *graph, int count, struct qc_tensor *const *output);
void qc_graph_set_output(struct qc_graph *graph, int index, struct qc_tensor *tensor);

/* ---- rewriting ---- */

void qc_node_set_input(struct qc_node *node, int slot, struct qc_tensor *tensor); /* tensor may be NULL */
/* The node writes `tensor`, which has no producer, in place of its output `index`, which loses its. */
void qc_node_set_output(struct qc_node *node, int index, struct qc_tensor *tensor);
/* All uses of `old`, graph outputs and signature entries of outputs included, become uses of `fresh`. */
void qc_graph_replace_uses(struct qc_graph *graph, struct qc_tensor *old, struct qc_tensor *fresh);
/* Unlinks the node; its outputs lose their producer. The node is dropped from the list by the next sweep. */
void qc_node_remove(struct qc_node *node);
/* Drops removed nodes, nodes none of whose outputs is used (unless they have side effects: see ir/sweep.c) and tensors nothing
 * refers to; renumbers. */
qc_status qc_graph_sweep(struct qc_graph *graph);

/* ---- asking ---- */

size_t qc_tensor_elements(const struct qc_tensor *tensor); /* product of dims; 1 for a scalar */
/* Uses by nodes and graph outputs together. */
int qc_tensor_use_count(const struct qc_tensor *tensor);
/* The only user if exactly one node uses the tensor (once) and it is no graph output; else NULL. */
struct qc_node *qc_tensor_sole_user(const struct qc_tensor *tensor);
/* For messages: the layer or output name. */
const char *qc_node_name(const struct qc_node *node);
/* "CONV_2D", or the custom name. */
const char *qc_node_op(const struct qc_node *node);
/* A per-tensor quantization in the arena. */
struct qc_quant *qc_quant_new(struct qc_arena *arena, float scale, int64_t zero_point);
/* false if both lack one or they differ in any scale, zero point or axis. */
bool qc_quant_equal(const struct qc_quant *a, const struct qc_quant *b);

/* All constants, one tensor for each block of data; to be freed with qc_env_free. NULL if memory is short. */
const struct qc_tensor **qc_model_constants(const struct qc_model *model, struct qc_env *env, size_t *count);

/* Every invariant of the graphs of a model; QC_FORMAT with a sentence for the first violation. */
qc_status qc_model_check(struct qc_model *model);

/* The text form, for tests and --dump: one line per tensor and node. */
void qc_model_print(const struct qc_model *model, void (*put)(void *user, const char *text), void *user);

/* Records a note, shown to the user by qc_model_note. */
void qc_model_add_note(struct qc_model *model, const char *format, ...) QC_PRINTF(2, 3);

#endif
