/*
 * tree.h - from configuration JSON to layer records, and from layer records to where their weights lie.
 */
#ifndef QC_IMPORT_KERAS_TREE_H
#define QC_IMPORT_KERAS_TREE_H

#include "import/keras/call.h"

/* The whole model's record; NULL with the error recorded. */
struct qc_keras_layer *qc_keras_parse(struct qc_keras_import *im, const struct qc_json *json);

/* Conv2DTranspose -> conv2d_transpose, PReLU -> p_re_lu: Keras's to_snake_case. `size` bytes, cut if longer. */
void qc_keras_snake_case(const char *class_name, char *snake, size_t size);

/* Finds layers that several models share, and names the slots of all; of the whole tree. */
qc_status qc_keras_name_slots(struct qc_keras_import *im, struct qc_keras_layer *root);

/* Lists the variables that the layer's class declares. */
qc_status qc_keras_declare(struct qc_keras_import *im, struct qc_keras_layer *layer);

/* Finds the values of the layer's own variables, once. */
qc_status qc_keras_load(struct qc_keras_import *im, struct qc_keras_layer *layer);

/* The child of a model by name; -1: none. */
int qc_keras_child(const struct qc_keras_layer *model, const char *name);

/* Where a JSON value refers to another layer's output: Keras 1 and 2 [name, node, tensor, ...], Keras 3 a "__keras_tensor__". */
struct qc_keras_reference {
    const char *name;
    int64_t node, tensor;
    const struct qc_json *kwargs; /* Keras 2 writes them into the reference */
};
bool qc_keras_reference(const struct qc_json *json, struct qc_keras_reference *reference);

/* Notes for the user: what stands in the configurations of layers that were called and nobody asked for. After the whole import. */
void qc_keras_note_unread(struct qc_keras_import *im, const struct qc_keras_layer *model);

/* Why a class that Keras has is not imported; NULL: none known. */
const char *qc_keras_refusal(const char *class_name);

#endif
