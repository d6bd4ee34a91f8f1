/*
 * captures.h - from a captured handle to the bytes of a variable.
 */
#ifndef QC_IMPORT_SAVEDMODEL_CAPTURES_H
#define QC_IMPORT_SAVEDMODEL_CAPTURES_H

#include "import/savedmodel/bundle.h"
#include "import/savedmodel/graph.h"

struct qc_tf_object { /* one of the saved object graph */
    struct pb_bytes message;    /* SavedObject */
    struct pb_bytes checkpoint; /* its key; {NULL, 0}: it has none */
    struct qc_tensor *tensor;   /* a variable's or constant's value, once it was asked for */
};

struct qc_tf_captures {
    const char *folder, *prefix; /* of the SavedModel, and of its checkpoint */
    struct qc_bundle *bundle;    /* NULL: there is none, or not yet */
    bool matched;                /* the objects know their checkpoint keys */
    struct qc_tf_object *object;
    int64_t object_count;
    bool traced;                /* restore operators of the top level were looked at */
    struct qc_tf_restored {     /* TF1: which variable node is filled from which key */
        struct pb_bytes node, key;
        struct qc_tensor *tensor;
    } *restored;
    int restored_count, restored_capacity;
};

/* Indexes the objects of the package. */
qc_status qc_tf_captures_open(struct qc_tf_captures *captures, struct qc_tf_import *im, const char *folder) QC_MUST_USE;
void qc_tf_captures_close(struct qc_tf_captures *captures);

/* Reference number `index` of a node's inputs; {NULL, 0}: it has fewer. */
struct pb_bytes qc_tf_node_input(const struct qc_tf_node *node, int index);

/* Number of the child `name` of an object; -1 if it has none. */
int64_t qc_tf_object_child(struct qc_tf_import *im, int64_t number, const char *name);
/* Of a variable: its name, or {NULL, 0}, and its value. */
struct pb_bytes qc_tf_object_name(struct qc_tf_import *im, int64_t number);
qc_status qc_tf_object_array(struct qc_tf_import *im, int64_t number, struct qc_tf_array *array) QC_MUST_USE;

/* The SavedConcreteFunction of a function: what it binds to its last arguments. {NULL, 0} if the object graph does not know it. */
struct pb_bytes qc_tf_concrete(struct qc_tf_import *im, struct pb_bytes name);
int qc_tf_bound_count(struct pb_bytes concrete);
qc_status qc_tf_bound_value(struct qc_tf_import *im, struct pb_bytes concrete, int index, struct qc_tf_value *value) QC_MUST_USE;

/* A constant as a tensor of the graph that is written now (subgraphs: branch.h); any tensor that already is one as it is. */
qc_status qc_tf_here(struct qc_tf_import *im, struct qc_tensor *from, struct qc_tensor **tensor) QC_MUST_USE;
/* The contents of a variable handle as a constant tensor. */
qc_status qc_tf_variable(struct qc_tf_import *im, const struct qc_tf_value *handle, struct qc_tensor **tensor) QC_MUST_USE;
/* A variable that a top-level node names (TF1). */
qc_status qc_tf_node_variable(struct qc_tf_import *im, const struct qc_tf_node *node, struct qc_tf_value *value) QC_MUST_USE;
/* A constant of the model's graph with the array's contents. */
qc_status qc_tf_constant(struct qc_tf_import *im, const char *name, const struct qc_tf_array *array, struct qc_tensor **tensor) QC_MUST_USE;

#endif
