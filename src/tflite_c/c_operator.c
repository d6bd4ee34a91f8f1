/*
 * c_operator.c - callers' operators as operators of the runtime: infer calls their prepare, run their invoke.
 *
 * prepare gives outputs their shapes; an output that it makes dynamic, or leaves alone, is planned at invocation or keeps the shape of
 * the file. A prepare that fails ends planning with the operator's own report.
 */
#include "tflite_c/c_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- TfLiteOperator ---- */

TfLiteOperator *TfLiteOperatorCreate(TfLiteBuiltinOperator builtin_code, const char *custom_name, int version, void *user_data)
{
    TfLiteOperator *op = calloc(1, sizeof *op);
    if (!op) return NULL;
    op->code = builtin_code;
    op->version = version;
    op->user_data = user_data;
    if (custom_name && !(op->name = strdup(custom_name))) {
        free(op);
        return NULL;
    }
    return op;
}

void TfLiteOperatorDelete(TfLiteOperator *registration)
{
    if (!registration) return;
    free(registration->name);
    free(registration);
}

TfLiteBuiltinOperator TfLiteOperatorGetBuiltInCode(const TfLiteOperator *registration)
{
    return registration->code;
}

const char *TfLiteOperatorGetCustomName(const TfLiteOperator *registration)
{
    return registration->name;
}

int TfLiteOperatorGetVersion(const TfLiteOperator *registration)
{
    return registration ? registration->version : -1;
}

void *TfLiteOperatorGetUserData(const TfLiteOperator *registration)
{
    return registration ? registration->user_data : NULL;
}

/* Both forms of each setter: the plain one, and the one that hands user_data back. */
#define SETTER(Name, field, result, parameters, parameters_with_data)                                          \
    void TfLiteOperatorSet##Name(TfLiteOperator *registration, result(*field) parameters)                      \
    {                                                                                                          \
        registration->field = field;                                                                           \
    }                                                                                                          \
    TfLiteStatus TfLiteOperatorSet##Name##WithData(TfLiteOperator *registration, result(*field) parameters_with_data) \
    {                                                                                                          \
        if (!registration) return kTfLiteError;                                                                \
        registration->field##_with_data = field;                                                               \
        return kTfLiteOk;                                                                                      \
    }

SETTER(Init, init, void *, (TfLiteOpaqueContext * context, const char *buffer, size_t length),
       (void *user_data, TfLiteOpaqueContext *context, const char *buffer, size_t length))
SETTER(Free, free, void, (TfLiteOpaqueContext * context, void *data), (void *user_data, TfLiteOpaqueContext *context, void *data))
SETTER(Prepare, prepare, TfLiteStatus, (TfLiteOpaqueContext * context, TfLiteOpaqueNode *node),
       (void *user_data, TfLiteOpaqueContext *context, TfLiteOpaqueNode *node))
SETTER(Invoke, invoke, TfLiteStatus, (TfLiteOpaqueContext * context, TfLiteOpaqueNode *node),
       (void *user_data, TfLiteOpaqueContext *context, TfLiteOpaqueNode *node))

void TfLiteOperatorSetAsyncKernel(TfLiteOperator *registration,
                                  struct TfLiteAsyncKernel *(*async_kernel)(TfLiteOpaqueContext *context, TfLiteOpaqueNode *node))
{
    (void)registration, (void)async_kernel;
}

TfLiteStatus TfLiteOperatorSetAsyncKernelWithData(TfLiteOperator *registration,
                                                  struct TfLiteAsyncKernel *(*async_kernel)(void *user_data, TfLiteOpaqueContext *context,
                                                                                            TfLiteOpaqueNode *node))
{
    (void)registration, (void)async_kernel;
    return kTfLiteError;
}

void TfLiteOperatorSetInplaceOperator(TfLiteOperator *registration, uint64_t inplace_operator)
{
    (void)registration, (void)inplace_operator;
}

/* ---- calling them ---- */

static qc_status infer(struct qc_step *step); /* also marks the operators that are a caller's */

static TfLiteOpaqueContext *opaque(TfLiteContext *context)
{
    return (TfLiteOpaqueContext *)(void *)context;
}

static void *call_init(const struct c_op *op, TfLiteContext *context, const char *data, size_t bytes)
{
    const TfLiteOperator *external = op->external;
    if (!external && !op->registration) return NULL; /* a stand-in */
    if (op->registration) return op->registration->init ? op->registration->init(context, data, bytes) : NULL;
    if (external->init_with_data) return external->init_with_data(external->user_data, opaque(context), data, bytes);
    return external->init ? external->init(opaque(context), data, bytes) : NULL;
}

static void call_free(const struct c_op *op, TfLiteContext *context, void *data)
{
    const TfLiteOperator *external = op->external;
    if (!external && !op->registration) return;
    if (op->registration) {
        if (op->registration->free) op->registration->free(context, data);
    } else if (external->free_with_data) {
        external->free_with_data(external->user_data, opaque(context), data);
    } else if (external->free) {
        external->free(opaque(context), data);
    }
}

static TfLiteStatus call_node(const struct c_op *op, TfLiteContext *context, TfLiteNode *node, bool prepare)
{
    const TfLiteOperator *external = op->external;
    TfLiteOpaqueNode *opaque_node = (TfLiteOpaqueNode *)(void *)node;
    if (op->registration) {
        TfLiteStatus (*hook)(TfLiteContext *, TfLiteNode *) = prepare ? op->registration->prepare : op->registration->invoke;
        return hook ? hook(context, node) : prepare ? kTfLiteOk : kTfLiteError;
    }
    TfLiteStatus (*with_data)(void *, TfLiteOpaqueContext *, TfLiteOpaqueNode *) = prepare ? external->prepare_with_data : external->invoke_with_data;
    TfLiteStatus (*plain)(TfLiteOpaqueContext *, TfLiteOpaqueNode *) = prepare ? external->prepare : external->invoke;
    if (with_data) return with_data(external->user_data, opaque(context), opaque_node);
    return plain ? plain(opaque(context), opaque_node) : prepare ? kTfLiteOk : kTfLiteError;
}

/* ---- nodes ---- */

static TfLiteIntArray *index_list(struct qc_tensor *const *tensor, int count)
{
    TfLiteIntArray *list = TfLiteIntArrayCreate(count);
    for (int i = 0; list && i < count; i++) list->data[i] = tensor[i] ? (int)tensor[i]->index : kTfLiteOptionalTensor;
    return list;
}

/* The caller's operator for the node; NULL: quantc's own runs it. */
static const struct c_op *callers_op(const struct c_view *view, const struct qc_node *node)
{
    const struct qc_op *op = qc_session_op(view->interpreter->session, node);
    return op && op->infer == infer ? (const struct c_op *)(const void *)op : NULL;
}

static struct c_node *node_at(struct c_view *view, const struct qc_node *node)
{
    for (struct c_node *found = view->nodes; found; found = found->next)
        if (found->node == node) return found;
    struct c_node *made = calloc(1, sizeof *made);
    if (!made) return NULL;
    made->node = node;
    made->op = callers_op(view, node);
    made->view = (TfLiteNode){.inputs = index_list(node->in, node->in_count),
                              .outputs = index_list(node->out, node->out_count),
                              .intermediates = index_list(node->intermediate, node->intermediate_count),
                              .temporaries = TfLiteIntArrayCreate(0),
                              .custom_initial_data = node->custom_data,
                              .custom_initial_data_size = (int)node->custom_bytes};
    made->next = view->nodes;
    view->nodes = made;
    if (!node->custom && !c_builtin_data(node, &made->view.builtin_data)) {
        c_report(&view->interpreter->reporter, "%s cannot be replaced: its options have no struct of TensorFlow Lite's here", made->op->op.name);
        made->view.user_data = TfLiteKernelInitFailed();
        return NULL;
    }
    const char *data = node->custom ? node->custom_data : made->view.builtin_data; /* as TensorFlow Lite has it */
    made->view.user_data = call_init(made->op, &view->context, data, node->custom ? node->custom_bytes : 0);
    return made;
}

TfLiteStatus c_op_begin(struct TfLiteInterpreter *interpreter)
{
    const struct qc_model *model = interpreter->model->model;
    for (uint32_t g = 0; interpreter->op_count && g < model->graph_count; g++) {
        struct c_view *view = c_view_sync(interpreter, g);
        if (!view) return kTfLiteError;
        c_context_set(view);
        for (uint32_t n = 0; n < model->graph[g]->node_count; n++) {
            const struct qc_node *node = model->graph[g]->node[n];
            if (callers_op(view, node) && !node_at(view, node)) return kTfLiteError;
        }
    }
    return kTfLiteOk;
}

void c_op_end(struct c_view *view)
{
    for (struct c_node *node = view->nodes, *next; node; node = next) {
        next = node->next;
        if (node->view.user_data != TfLiteKernelInitFailed()) call_free(node->op, &view->context, node->view.user_data);
        TfLiteIntArrayFree(node->view.inputs);
        TfLiteIntArrayFree(node->view.outputs);
        TfLiteIntArrayFree(node->view.intermediates);
        TfLiteIntArrayFree(node->view.temporaries);
        free(node->view.builtin_data);
        free(node);
    }
    view->nodes = NULL;
}

/* ---- hooks ---- */

static struct c_view *enter(struct qc_step *step)
{
    struct qc_session *session = (struct qc_session *)(void *)((char *)step->rt - offsetof(struct qc_session, rt));
    struct TfLiteInterpreter *interpreter = session->user;
    uint32_t graph = step->node->graph->index;
    if (!interpreter->view || (!interpreter->view[graph].made && !c_view_sync(interpreter, graph))) return NULL;
    struct c_view *view = &interpreter->view[graph];
    c_context_set(view);
    view->step = step;
    for (int i = 0; i < step->in_count; i++)
        if (step->in[i]) c_view_sync_value(view, step->in[i]);
    for (int i = 0; i < step->out_count; i++) c_view_sync_value(view, step->out[i]);
    return view;
}

static qc_status infer(struct qc_step *step)
{
    struct c_view *view = enter(step);
    struct c_node *node = view ? node_at(view, step->node) : NULL;
    if (!node) return qc_step_fail(step, QC_NOMEM, "out of memory");
    if (node->deferred && view->frame->busy) { /* prepared when planned: invoke itself gives the outputs their shapes */
        view->step = NULL;
        return qc_step_defer(step);
    }
    node->deferred = false;
    if (node->view.user_data == TfLiteKernelInitFailed()) return qc_step_fail(step, QC_INVALID, "the operator's init failed");
    step->prepared = false;
    TfLiteStatus status = call_node(node->op, &view->context, &node->view, true);
    step->prepared = true;
    view->step = NULL;
    if (status != kTfLiteOk) return qc_step_fail(step, QC_INVALID, "the operator's prepare failed with status %d", (int)status);
    for (int i = 0; i < step->out_count; i++) {
        const struct qc_tensor *tensor = step->out[i]->tensor;
        if (view->tensor[tensor->index].allocation_type == kTfLiteDynamic && !step->out[i]->shaped) {
            node->deferred = true;
            return qc_step_defer(step);
        }
        if (!step->out[i]->shaped) QC_TRY(qc_step_output(step, i, tensor->type, tensor->rank, tensor->dims));
    }
    return QC_OK;
}

static qc_status run(struct qc_step *step)
{
    struct c_view *view = enter(step);
    struct c_node *node = view ? node_at(view, step->node) : NULL;
    if (!node) return qc_step_fail(step, QC_NOMEM, "out of memory");
    TfLiteStatus status = call_node(node->op, &view->context, &node->view, false);
    view->step = NULL;
    return status == kTfLiteOk ? QC_OK : qc_step_fail(step, QC_INVALID, "the operator's invoke failed with status %d", (int)status);
}

void c_op_bind(struct c_op *op)
{
    const char *schema_name = tfl_operator_name(op->op.code);
    op->op.name = op->name ? op->name : schema_name ? schema_name : "?";
    op->op.in_max = op->op.out_max = 255;
    if (!op->op.max_version) op->op.max_version = 255;
    op->op.flags = QC_OP_STATEFUL;
    op->op.infer = infer;
    op->op.run = run;
}
