/*
 * package.h - what saved_model.pb holds: meta graphs by tags, their signatures, function library and nodes.
 *
 * Opening indexes functions and top-level nodes by name; bodies are read when they are called.
 */
#ifndef QC_IMPORT_SAVEDMODEL_PACKAGE_H
#define QC_IMPORT_SAVEDMODEL_PACKAGE_H

#include "import/savedmodel/message.h"

/* Names to positions. */
struct qc_tf_names {
    uint32_t *slot; /* position + 1; 0: empty */
    size_t mask;
};

/* A graph of nodes: a function's body, or the top level of a GraphDef. */
struct qc_tf_body {
    struct pb_bytes name; /* {NULL, 0}: the top level */
    struct qc_tf_node *node;
    uint32_t node_count;
    struct qc_tf_names by_name;
    struct pb_bytes *arg; /* function arguments' names, in order */
    int64_t *arg_type;    /* enum qc_tf_dtype; 0: an attribute says it */
    struct pb_bytes *ret; /* for each result the reference that `ret` maps it to */
    struct pb_bytes *ret_name;
    int arg_count, ret_count;
};

struct qc_tf_function {
    struct pb_bytes name, message; /* a FunctionDef */
    struct qc_tf_body *body;       /* NULL until it is called */
};

struct qc_tf_endpoint { /* an input or output of a signature */
    struct pb_bytes key, tensor; /* "node:0" */
    int64_t type;
    struct qc_tf_shape shape;
    bool shaped;
};

struct qc_tf_signature {
    struct pb_bytes key;
    struct qc_tf_endpoint *input, *output; /* sorted by key */
    int input_count, output_count;
};

struct qc_tf_package {
    struct qc_arena *arena;
    const char *path; /* for messages */
    struct pb_bytes meta_graph;  /* {NULL, 0} for a bare GraphDef */
    struct pb_bytes objects;     /* its SavedObjectGraph, or {NULL, 0} */
    struct qc_tf_body top;
    struct qc_tf_function *function;
    uint32_t function_count;
    struct qc_tf_names by_name;
};

/* The meta graph with exactly these tags ("a,b"; NULL: serve), from the bytes of a saved_model.pb. An error lists the tag sets there are. */
qc_status qc_tf_package_open(struct qc_tf_package *package, struct qc_arena *arena, const char *path, struct pb_bytes file,
                             const char *tags) QC_MUST_USE;
/* A bare GraphDef. */
qc_status qc_tf_package_open_graph(struct qc_tf_package *package, struct qc_arena *arena, const char *path, struct pb_bytes graph) QC_MUST_USE;

/* `key` NULL: serving_default, else the only one that does not begin with "__". An error lists those there are. */
qc_status qc_tf_signature_find(struct qc_tf_package *package, const char *key, struct qc_tf_signature *signature) QC_MUST_USE;

/* NULL without an error if there is no such function. */
qc_status qc_tf_function_body(struct qc_tf_package *package, struct pb_bytes name, struct qc_tf_body **body) QC_MUST_USE;
/* The FunctionDef; {NULL, 0} if there is none. */
struct pb_bytes qc_tf_function_message(const struct qc_tf_package *package, struct pb_bytes name);
/* Position of a node; -1 if there is none. */
int64_t qc_tf_node_find(const struct qc_tf_body *body, struct pb_bytes name);
/* Position of an argument; -1 if there is none. */
int qc_tf_arg_find(const struct qc_tf_body *body, struct pb_bytes name);

#endif
