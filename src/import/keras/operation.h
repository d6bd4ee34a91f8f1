/*
 * operation.h - operations on tensors, as functional models of Keras 2 and 3 record them beside layers: x + y, keras.ops.reshape(x),
 * tf.nn.relu(x), x[:, 0].
 *
 * Keras 3 records a class per operation (Add, GetItem); Keras 2 one layer class TFOpLambda with the name of a TensorFlow function; TF 2.0
 * to 2.3 a TensorFlowOpLayer with a node of a graph. All come to one row here. Arguments are named differently: an operand is asked for
 * by position and by all its names.
 */
#ifndef QC_IMPORT_KERAS_OPERATION_H
#define QC_IMPORT_KERAS_OPERATION_H

#include "import/keras/call.h"

struct qc_keras_operation {
    const char *name;      /* Keras 3's class */
    const char *functions; /* TensorFlow's function names behind "tf.", and operator names, separated by spaces */
    void (*lower)(struct qc_keras_call *call, int code);
    int code; /* for lower: a TFLite operator, or what it likes */
};

/* Ended by a row without name. */
extern const struct qc_keras_operation qc_keras_operations_math[], qc_keras_operations_reduce[], qc_keras_operations_shape[],
    qc_keras_operations_nn[], qc_keras_operations_linalg[];

const struct qc_keras_operation *qc_keras_operation_find(const char *class_name);

/* ---- arguments; `names` separated by spaces ---- */

/* The JSON of an argument; NULL: absent or None. */
const struct qc_json *qc_keras_op_json(struct qc_keras_call *call, int position, const char *names);
/* A tensor, or a constant made of numbers, lists of them or a numpy array. NULL: absent, or after a failure. */
struct qc_tensor *qc_keras_op_tensor(struct qc_keras_call *call, int position, const char *names);
/* The same of any JSON; `like` (may be NULL) decides the type of plain numbers. */
struct qc_tensor *qc_keras_op_value(struct qc_keras_call *call, const struct qc_json *json, const struct qc_tensor *like);
/* The first operand, which must be there; float32 if `floats`. */
struct qc_tensor *qc_keras_op_input(struct qc_keras_call *call, bool floats);
/* A constant argument as a weight (data NULL: absent). */
struct qc_weight qc_keras_op_weight(struct qc_keras_call *call, int position, const char *names);
/* Both operands of a binary operation in one type: float wins over integers, wider over narrower. false after a failure. */
bool qc_keras_op_pair(struct qc_keras_call *call, struct qc_tensor **x, struct qc_tensor **y);
void qc_keras_op_promote(struct qc_keras_call *call, struct qc_tensor **x, struct qc_tensor **y);

bool qc_keras_op_bool(struct qc_keras_call *call, int position, const char *names, bool otherwise);
double qc_keras_op_number(struct qc_keras_call *call, int position, const char *names, double otherwise);
int32_t qc_keras_op_int(struct qc_keras_call *call, int position, const char *names, int32_t otherwise);
const char *qc_keras_op_text(struct qc_keras_call *call, int position, const char *names, const char *otherwise);
/* Number of integers; -1: absent. One integer counts as a list of one. */
int qc_keras_op_ints(struct qc_keras_call *call, int position, const char *names, int32_t *values);
/* Axes in [0, rank); absent: all. */
int qc_keras_op_axes(struct qc_keras_call *call, int position, const char *names, int rank, int32_t *axes);
/* One axis in [0, rank). */
int qc_keras_op_axis(struct qc_keras_call *call, int position, const char *names, int32_t otherwise, int rank);
/* Type of a dtype argument; false: absent. */
bool qc_keras_op_dtype(struct qc_keras_call *call, int position, const char *names, qc_dtype *type);

/* "float32" and so on to a type that TFLite computes with (float64 and float16 become float32); false: unknown. */
bool qc_keras_dtype(const char *name, qc_dtype *type);

#endif
