/*
 * keras.h - a Keras model's configuration and its weights become a graph.
 *
 * In: the configuration JSON of a Sequential or Functional model, as Keras 1, 2 or 3 writes it, and a function that finds the
 * weights. Out: the main graph of `model`, with inputs, outputs and the signature serving_default. The .h5 and .keras importer and the
 * configuration route of SavedModels share this; they differ only in where weights lie.
 */
#ifndef QC_IMPORT_KERAS_KERAS_H
#define QC_IMPORT_KERAS_KERAS_H

#include "import/lower/weight.h"
#include "wire/json.h"

enum qc_keras_kind {
    QC_KERAS_LAYER,
    QC_KERAS_INPUT,     /* InputLayer */
    QC_KERAS_MODEL,     /* Sequential, Functional, Model */
    QC_KERAS_OPERATION, /* x + y, keras.ops.*, TFOpLambda ... */
};

/* One variable that a layer's class declares. */
struct qc_keras_variable {
    const char *part; /* of the layer that owns it: "" for itself, else "cell", "query_dense" ... */
    const char *name; /* "kernel" */
    int index;        /* among the variables of this part, in order of creation */
    int position;     /* in layer->top's list of weights (trainable ones first), as .h5 files write it */
    bool trainable;
    bool optional; /* files may lack it */
    bool unused;   /* counts in the order only: inference does without */
    struct qc_weight value;
};

struct qc_keras_name {
    const char *name;
    int index;
};

enum { QC_KERAS_MOST_ASKED = 64 }; /* members of a configuration that are watched */

struct qc_keras_layer {
    enum qc_keras_kind kind;
    const char *name, *class_name;
    const char *path;     /* names from the outermost model inwards, "inner/conv"; for messages and scopes */
    const struct qc_json *json, *config; /* json: with inbound_nodes; config is read through qc_keras_member */
    uint64_t *asked;      /* bit i: somebody asked for member i of config, see notes.c */
    const struct qc_keras_class *class;  /* of LAYER and OPERATION */
    struct qc_keras_layer *parent;       /* the model or wrapper that holds it; NULL: the whole model */
    struct qc_keras_layer *top;          /* its ancestor in the outermost model, or itself */
    const char *role;     /* its place in the parent: "layers", "layer", "forward_layer", "backward_layer", "cell", "cells" */
    int index;            /* in the parent's list of that role, as the configuration lists them */
    const char *slot;     /* in a list, its name in .keras files: "conv2d_1"; "" if it has none */
    const struct qc_keras_layer *first; /* the same layer where it stands first, if several models share it; NULL: it stands here first */
    struct qc_keras_layer **child; /* layers of a model, inner layers of a wrapper */
    int child_count;
    const struct qc_keras_name *by_name; /* of a model: its children, sorted */
    bool sequential, trainable;
    int node_count, node_shift; /* inbound nodes; node index n of a reference means inbound node n - node_shift */
    struct qc_keras_variable *variable; /* its own, not those of children */
    int variable_count;
    int position_count;   /* of a top layer: all weights below it; -1: not counted yet */
    bool loaded;          /* the layer was called, and the variables' values are there */
};

struct qc_keras_weights {
    void *user;
    /* The value of one of the layer's variables; data stays NULL if it is not there. Shapes are checked by the caller. */
    qc_status (*find)(void *user, const struct qc_keras_layer *layer, const struct qc_keras_variable *variable, struct qc_weight *value);
    bool layer_names; /* outputs that stand in a dictionary are called after their layers, as in SavedModels, not after their keys */
    bool once; /* a shared layer has a slot only where it stands first */
};

/*
 * Builds the graph. `major` and `minor` are the version of Keras that wrote the configuration: 1.x, 2.x or 3.x; INT_MAX: not known. Errors: QC_UNSUPPORTED for layers that
 * quantc does not have, named with class and place; QC_FORMAT for what is not sound. Values given by `weights` must live as long as
 * the model; `config` only during the call.
 */
qc_status qc_keras_build(struct qc_model *model, const struct qc_json *config, int major, int minor, const struct qc_keras_weights *weights);

#endif
