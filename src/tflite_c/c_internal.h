/*
 * c_internal.h - the TensorFlow Lite C API on top of sessions: what its files share.
 *
 * An interpreter mirrors the tensors of a graph that a program asks for in TfLiteTensor structs (a view), since programs read those directly.
 * Views are brought up to date after every call that may move or reshape tensors. TfLiteOpaqueTensor, -Node and -Context are TfLiteTensor, -Node and
 * -Context under another name, as in TensorFlow Lite.
 */
#ifndef QC_TFLITE_C_C_INTERNAL_H
#define QC_TFLITE_C_C_INTERNAL_H

#include "run/run.h"
#include "tensorflow/lite/c/c_api_experimental.h"
#include "tensorflow/lite/c/c_api_opaque.h"

struct c_reporter {
    void (*report)(void *user_data, const char *format, va_list args); /* NULL: stderr */
    void *user_data;
};
void c_report(const struct c_reporter *reporter, const char *format, ...) QC_PRINTF(2, 3);
/* Reports the env's error and clears it; the status that TensorFlow Lite gives for it. */
TfLiteStatus c_report_error(const struct c_reporter *reporter, struct qc_env *env);

struct TfLiteModel {
    struct qc_model *model;
    atomic_int references; /* the caller's, and one for each interpreter */
};
void c_model_release(struct TfLiteModel *model);

/* A caller's operator as one of ours. */
struct c_op {
    struct qc_op op; /* first: hooks find the rest through step->op */
    char *name;
    int min_version; /* op.max_version is the highest */
    const TfLiteOperator *external;       /* one of these two */
    const TfLiteRegistration *registration;
};

/* What a caller's resolver offers: asked for each operator of the model when an interpreter is created. Any may be NULL. */
struct c_resolver {
    const TfLiteOperator *(*builtin_external)(void *user_data, int op, int version);
    const TfLiteOperator *(*custom_external)(void *user_data, const char *op, int version);
    const TfLiteRegistration *(*builtin)(void *user_data, TfLiteBuiltinOperator op, int version);
    const TfLiteRegistration *(*custom)(void *user_data, const char *op, int version);
    void *user_data;
};

struct TfLiteInterpreterOptions {
    int threads;
    struct c_reporter reporter;
    struct c_op *op;
    size_t op_count, op_capacity;
    struct c_resolver resolver;
    bool cancellable, has_delegate;
};

struct TfLiteOperator {
    TfLiteBuiltinOperator code;
    char *name;
    int version;
    void *user_data;
    void *(*init)(TfLiteOpaqueContext *, const char *, size_t);
    void *(*init_with_data)(void *, TfLiteOpaqueContext *, const char *, size_t);
    void (*free)(TfLiteOpaqueContext *, void *);
    void (*free_with_data)(void *, TfLiteOpaqueContext *, void *);
    TfLiteStatus (*prepare)(TfLiteOpaqueContext *, TfLiteOpaqueNode *);
    TfLiteStatus (*prepare_with_data)(void *, TfLiteOpaqueContext *, TfLiteOpaqueNode *);
    TfLiteStatus (*invoke)(TfLiteOpaqueContext *, TfLiteOpaqueNode *);
    TfLiteStatus (*invoke_with_data)(void *, TfLiteOpaqueContext *, TfLiteOpaqueNode *);
};

enum { C_SPARE_TENSORS = 64 }; /* room for temporaries of custom operators (TfLiteContext.AddTensors) in each graph */

struct c_node { /* of a node that a caller's operator runs */
    struct c_node *next;
    const struct qc_node *node;
    TfLiteNode view;
    const struct c_op *op;
    bool deferred; /* its prepare left an output dynamic: it is not called again while invoking */
};

struct c_view { /* of one graph */
    struct TfLiteInterpreter *interpreter;
    struct qc_frame *frame;
    TfLiteTensor *tensor; /* [graph->tensor_count + C_SPARE_TENSORS]; zeros until somebody asks for it, if no caller's operator runs */
    size_t tensor_count;
    TfLiteContext context;
    struct qc_step *step; /* whose hook is running; NULL outside */
    struct c_node *nodes;
    TfLiteIntArray *variables; /* made when first asked for */
    bool made;
    bool fluid;    /* some value gets its shape and memory while invoking */
    bool reshaped; /* strings written to an input changed its shape: planned anew by the next invocation */
};

struct TfLiteInterpreter {
    struct TfLiteModel *model;
    struct qc_session *session;
    struct c_op *op;
    const struct qc_op **op_list;
    size_t op_count, op_capacity;
    struct c_reporter reporter;
    char *missing;       /* the sentence about custom operators that nobody has: what AllocateTensors fails with; else NULL */
    struct c_view *view; /* [graph_count] */
    TfLiteCustomAllocation *custom; /* memory of the caller's for inputs and outputs, [tensors of the main graph]; NULL until one is set */
    bool cancellable;
};

struct TfLiteSignatureRunner {
    struct TfLiteInterpreter *interpreter;
    const struct qc_signature *signature;
    struct qc_signature placeholder; /* of a model without signatures: the main graph under its tensors' names */
    struct c_view *view;
    struct qc_signature_entry **input, **output; /* sorted by name */
};

/* c_view.c */
TfLiteType c_type(qc_dtype type);
qc_dtype c_dtype(TfLiteType type); /* QC_DTYPE_COUNT for none */
/* Makes the view of a graph, or brings it up to date. NULL without memory. */
struct c_view *c_view_sync(struct TfLiteInterpreter *interpreter, uint32_t graph);
/* The mirror of one tensor. */
TfLiteTensor *c_view_tensor(struct c_view *view, uint32_t index);
void c_view_sync_value(struct c_view *view, const struct qc_value *value);
void c_view_free(struct c_view *view);
/* The view that the tensor belongs to; NULL for a struct of the program's own. */
struct c_view *c_view_of(const TfLiteTensor *tensor);
/* Memory for a tensor of a view whose size its operator or the program decides; contents are lost. */
TfLiteStatus c_view_reserve(struct c_view *view, TfLiteTensor *tensor, size_t bytes);
/* Gives a string tensor its one dimension and the memory for its packed form. */
TfLiteStatus c_view_strings(struct c_view *view, TfLiteTensor *tensor, int count, size_t bytes);

/* c_model.c: one more row in a list of operators; NULL without memory. */
struct c_op *c_op_add(struct c_op **list, size_t *count, size_t *capacity, int code, const char *name);

/* c_builtin.c: a built-in operator's options as TensorFlow Lite's struct, to be freed; NULL for an operator without. False if they have no struct here,
 * or without memory. */
bool c_builtin_data(const struct qc_node *node, void **data);

/* c_operator.c */
void c_op_bind(struct c_op *op);
TfLiteStatus c_op_begin(struct TfLiteInterpreter *interpreter); /* the operators' own init, for all nodes */
void c_op_end(struct c_view *view);                             /* the operators' own free */
void c_context_set(struct c_view *view);
TfLiteStatus c_resize_output(struct c_view *view, TfLiteTensor *tensor, int rank, const int *dims);

/* c_interpreter.c: shared with signature runners */
TfLiteStatus c_resize(struct TfLiteInterpreter *interpreter, struct c_view *view, uint32_t tensor, const int *dims, int32_t rank);
TfLiteStatus c_allocate(struct TfLiteInterpreter *interpreter, struct c_view *view);
TfLiteStatus c_invoke(struct TfLiteInterpreter *interpreter, struct c_view *view);

#endif
