/*
 * call.h - what the lowering of one layer class is given: the call of a layer, its configuration, and what it may ask for.
 *
 * A class is one row {name, weights, flags, lower} in a table of its family (layers_*.c, ops_*.c). The lowering reads the configuration,
 * fills a spec of src/import/lower and sets the outputs. Failures stick to call->b (op/build.h): no check after each line.
 */
#ifndef QC_IMPORT_KERAS_CALL_H
#define QC_IMPORT_KERAS_CALL_H

#include "import/keras/keras.h"
#include "import/lower/activation.h"

struct qc_keras_value {
    struct qc_tensor *tensor;
    struct qc_tensor *mask; /* bool, the tensor's leading dimensions; NULL: none */
};

struct qc_keras_import {
    struct qc_model *model;
    struct qc_arena *arena; /* the model's */
    int major, minor;
    const struct qc_keras_weights *weights;
    struct qc_build b;
    uint32_t calls; /* so far: bounds models that call models that call models */
    struct qc_keras_frame *frame; /* of the model under evaluation, the innermost */
};

struct qc_keras_frame; /* one evaluation of a model's graph, see walk.c */

struct qc_keras_call {
    struct qc_keras_import *im;
    struct qc_build *b;
    struct qc_keras_layer *layer;
    struct qc_keras_value *in; /* the tensors of the positional arguments, lists flattened */
    int in_count;
    const struct qc_json *args;   /* Keras 3: the positional arguments; Keras 2: what stands for the first one */
    const struct qc_json *kwargs; /* keyword arguments, NULL: none */
    struct qc_keras_frame *frame; /* for references in args and kwargs; NULL below a wrapper */
    struct qc_keras_value *out;
    int out_count;
};

enum {
    QC_KERAS_MASK_PASSES = 1, /* the output has the first input's mask */
    QC_KERAS_IDENTITY = 2,    /* does nothing at inference, whatever its configuration says; lower may be NULL */
    QC_KERAS_OPERATOR = 4,    /* the row of all operations of Keras 3, see operation.h */
};

/*
 * `weights` lists the variables in order of creation, separated by spaces: [mark][part/]name[?condition]...
 *   mark     - not trainable; . not trainable and not needed; ~ files may lack it
 *   ?key     only if the configuration's `key` is true or absent; ?!key: only if true; ?-key: only if false
 *   ?*key    only if it is there and not null; ?~key: only if not; ?key=t: only if it is the text t, ?key#t: only if not
 */
struct qc_keras_class {
    const char *name;
    const char *weights; /* NULL: none */
    int flags;
    void (*lower)(struct qc_keras_call *call);
};

/* By class name; the one row of all operations if `operation`. NULL: unknown. */
const struct qc_keras_class *qc_keras_class_find(const char *name, bool operation);

/* ---- results ---- */

void qc_keras_return(struct qc_keras_call *call, struct qc_tensor *tensor); /* one more output, without a mask of its own */
void qc_keras_return_masked(struct qc_keras_call *call, struct qc_tensor *tensor, struct qc_tensor *mask);
/* From here on no layer that is called sees a mask at this tensor. */
void qc_keras_forget_mask(struct qc_keras_call *call, const struct qc_tensor *tensor);
/* Records the failure with the layer, its class and `format`. */
void qc_keras_fail(struct qc_keras_call *call, qc_status status, const char *format, ...) QC_PRINTF(3, 4);
bool qc_keras_failed(const struct qc_keras_call *call);

/* Calls a child layer of a wrapper on values; outputs are returned in call's arena. */
qc_status qc_keras_apply(struct qc_keras_call *call, struct qc_keras_layer *layer, int count, const struct qc_keras_value *in,
                         struct qc_keras_value **out, int *out_count);

/* ---- inputs ---- */

/* Input `index`; NULL after a failure. Records one if there are fewer. */
struct qc_tensor *qc_keras_in(struct qc_keras_call *call, int index);
struct qc_tensor *qc_keras_mask(struct qc_keras_call *call, int index); /* NULL: none */
/* Input `index`, of exactly this rank (-1: any, at least 1). */
struct qc_tensor *qc_keras_in_rank(struct qc_keras_call *call, int index, int rank);
/* The value of a tensor argument by position or keyword; false: absent or None. */
bool qc_keras_tensor_arg(struct qc_keras_call *call, int position, const char *name, struct qc_keras_value *value);
/* The JSON of an argument: keyword, then position (Keras 3), then configuration; NULL: absent. */
const struct qc_json *qc_keras_arg(struct qc_keras_call *call, int position, const char *name);
/* Is it a reference to a tensor, and which? */
bool qc_keras_resolve(struct qc_keras_call *call, const struct qc_json *json, struct qc_keras_value *value);

/* ---- configuration: absent keys give `otherwise`, wrong types and ranges are failures ---- */

const struct qc_json *qc_keras_get(const struct qc_keras_layer *layer, const char *key); /* NULL for JSON null too */
/* The member of that very name, JSON null included; remembers that it was asked for. */
const struct qc_json *qc_keras_member(const struct qc_keras_layer *layer, const char *key);
/* The value inside what Keras writes for numpy arrays and tuples, or json itself. */
const struct qc_json *qc_keras_plain(const struct qc_json *json);
bool qc_keras_bool(struct qc_keras_call *call, const char *key, bool otherwise);
double qc_keras_number(struct qc_keras_call *call, const char *key, double otherwise);
int32_t qc_keras_int(struct qc_keras_call *call, const char *key, int32_t otherwise, int32_t least, int32_t most);
const char *qc_keras_text(struct qc_keras_call *call, const char *key, const char *otherwise);
/* A list of integers, or one integer for all of `count`. `count` 0: as many as there are. Returns the number, 0 if absent. */
int qc_keras_ints(struct qc_keras_call *call, const char *key, int count, int32_t *values, int32_t least, int32_t most);
/* The same of any JSON, named `what` in messages. */
int qc_keras_ints_of(struct qc_keras_call *call, const char *what, const struct qc_json *json, int count, int32_t *values, int32_t least,
                     int32_t most);
/* Axis in [0, rank). */
int qc_keras_axis(struct qc_keras_call *call, const char *key, int otherwise, int rank);
/* Axes ascending in [0, rank), an int or a list. */
int qc_keras_axes(struct qc_keras_call *call, const char *key, int otherwise, int rank, int32_t *axes);
bool qc_keras_channels_first(struct qc_keras_call *call);
/* An activation by name, or as Keras 3 and 2 write layers and functions used as one. Absent: linear. */
void qc_keras_activation(struct qc_keras_call *call, const char *key, struct qc_activation *activation);

/* ---- weights ---- */

/* The layer's variable of that name ("part/name"); data NULL if the class's declaration leaves it out. */
struct qc_weight qc_keras_weight(struct qc_keras_call *call, const char *name);
/* The same of another layer (a wrapper's child). */
struct qc_weight qc_keras_weight_of(struct qc_keras_call *call, struct qc_keras_layer *layer, const char *name);

#endif
