/*
 * message.h - TensorFlow's messages as the importer needs them: element types, shapes, tensors, nodes and their attributes.
 *
 * All are views into the file. Reading an attribute searches its node's bytes: nodes that nothing asks for cost nothing.
 */
#ifndef QC_IMPORT_SAVEDMODEL_MESSAGE_H
#define QC_IMPORT_SAVEDMODEL_MESSAGE_H

#include "base/arena.h"
#include "base/dtype.h"
#include "wire/pb.h"

/* printf("%.*s", QC_PB(bytes)): names from the file, cut where they are absurdly long. */
#define QC_PB(bytes) (int)((bytes).size < 200 ? (bytes).size : 200), (const char *)((bytes).at ? (const void *)(bytes).at : "")

enum qc_tf_dtype { /* tensorflow/core/framework/types.proto */
    QC_TF_FLOAT = 1, QC_TF_DOUBLE = 2, QC_TF_INT32 = 3, QC_TF_UINT8 = 4, QC_TF_INT16 = 5, QC_TF_INT8 = 6, QC_TF_STRING = 7,
    QC_TF_COMPLEX64 = 8, QC_TF_INT64 = 9, QC_TF_BOOL = 10, QC_TF_BFLOAT16 = 14, QC_TF_UINT16 = 17, QC_TF_COMPLEX128 = 18,
    QC_TF_HALF = 19, QC_TF_RESOURCE = 20, QC_TF_VARIANT = 21, QC_TF_UINT32 = 22, QC_TF_UINT64 = 23,
};

/* "float64" and so on; "type 99" style names are not needed: "?" for others. */
const char *qc_tf_dtype_name(int64_t type);
/* Reference types (TF1, 100 + type) count as their type. false if TFLite has no such type. */
bool qc_tf_dtype(int64_t type, qc_dtype *result);
/* As the graph will hold it: float64, float16 and bfloat16 are computed in float32. */
bool qc_tf_compute_dtype(int64_t type, qc_dtype *result);

struct qc_tf_shape {
    bool known_rank;
    int rank;
    int64_t dims[QC_MAX_RANK]; /* -1: unknown */
};
/* false: damaged, a rank over QC_MAX_RANK, or a dimension below -1. */
bool qc_tf_shape(struct pb_bytes message, struct qc_tf_shape *shape);

/* A dense array out of the file. */
struct qc_tf_array {
    qc_dtype type; /* float64, float16 and bfloat16 have become float32 */
    int rank;
    int32_t dims[QC_MAX_RANK];
    const void *data; /* aligned for its type; NULL for strings */
    size_t count, bytes;
};
/* Raw little-endian bytes of TensorFlow type `tf_type` as an array of the computing type: a view where that is possible, else a copy in
 * the arena. `size` must fit. */
qc_status qc_tf_array_from_bytes(struct qc_arena *arena, const char *what, int64_t tf_type, const struct qc_tf_shape *shape,
                                 const void *bytes, size_t size, struct qc_tf_array *array) QC_MUST_USE;
/* A TensorProto. A message that gives fewer values than elements repeats the last one; one of more than `max_bytes` is refused. */
qc_status qc_tf_array_from_tensor(struct qc_arena *arena, const char *what, struct pb_bytes message, size_t max_bytes,
                                  struct qc_tf_array *array) QC_MUST_USE;
/* The strings of a TensorProto of type string: their number (elements), and one of them. */
size_t qc_tf_string_count(struct pb_bytes tensor);
struct pb_bytes qc_tf_string(struct pb_bytes tensor, size_t index);

struct qc_tf_node {
    struct pb_bytes name, op;
    struct pb_bytes message; /* the NodeDef */
};
bool qc_tf_node(struct pb_bytes message, struct qc_tf_node *node);

/* The AttrValue, or {NULL, 0}. */
struct pb_bytes qc_tf_attr(const struct qc_tf_node *node, const char *name);
int64_t qc_tf_attr_int(const struct qc_tf_node *node, const char *name, int64_t absent);
bool qc_tf_attr_bool(const struct qc_tf_node *node, const char *name, bool absent);
float qc_tf_attr_float(const struct qc_tf_node *node, const char *name, float absent);
int64_t qc_tf_attr_type(const struct qc_tf_node *node, const char *name, int64_t absent);
struct pb_bytes qc_tf_attr_string(const struct qc_tf_node *node, const char *name);
struct pb_bytes qc_tf_attr_function(const struct qc_tf_node *node, const char *name); /* its name; {NULL, 0} if absent */
/* Integers of a list, at most `max`; the count there is, or -1 if the attribute is absent or damaged. */
int qc_tf_attr_ints(const struct qc_tf_node *node, const char *name, int64_t *values, int max);

#endif
