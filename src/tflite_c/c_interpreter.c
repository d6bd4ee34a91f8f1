/*
 * c_interpreter.c - interpreters of the TensorFlow Lite C API.
 */
#include "tflite_c/c_internal.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

/* ---- creation ---- */

static struct c_op *add_op(TfLiteInterpreter *interpreter, int code, const char *name)
{
    return c_op_add(&interpreter->op, &interpreter->op_count, &interpreter->op_capacity, code, name);
}

static bool runs(const struct c_op *op, const struct qc_node *node)
{
    return op->op.code == node->code && (!node->custom || !strcmp(op->name, node->custom));
}

/* Is there a node of a version that the operator is for? */
static bool needed(const struct c_op *op, const struct qc_model *model)
{
    for (uint32_t g = 0; g < model->graph_count; g++)
        for (uint32_t n = 0; n < model->graph[g]->node_count; n++) {
            const struct qc_node *node = model->graph[g]->node[n];
            if (runs(op, node) && node->version >= op->min_version && node->version <= op->op.max_version) return true;
        }
    return false;
}

/* What the caller's resolver has for the node, unless that is known already. */
static bool resolve(TfLiteInterpreter *interpreter, const struct c_resolver *resolver, const struct qc_node *node)
{
    const TfLiteOperator *external = NULL;
    const TfLiteRegistration *registration = NULL;
    for (size_t i = 0; i < interpreter->op_count; i++)
        if (runs(&interpreter->op[i], node)) return true;
    if (node->custom) {
        if (resolver->custom_external) external = resolver->custom_external(resolver->user_data, node->custom, node->version);
        if (!external && resolver->custom) registration = resolver->custom(resolver->user_data, node->custom, node->version);
    } else {
        if (resolver->builtin_external) external = resolver->builtin_external(resolver->user_data, node->code, node->version);
        if (!external && resolver->builtin)
            registration = resolver->builtin(resolver->user_data, (TfLiteBuiltinOperator)node->code, node->version);
    }
    if (!external && !registration) return true;
    struct c_op *op = add_op(interpreter, node->code, node->custom);
    if (!op) return false;
    op->external = external;
    op->registration = registration;
    op->op.max_version = 255; /* the resolver has seen the version */
    return true;
}

static bool take_options(TfLiteInterpreter *interpreter, const TfLiteInterpreterOptions *options)
{
    const struct qc_model *model = interpreter->model->model;
    if (!options) return true;
    interpreter->reporter = options->reporter;
    interpreter->cancellable = options->cancellable;
    for (size_t i = 0; i < options->op_count; i++) {
        if (!needed(&options->op[i], model)) continue;
        struct c_op *op = add_op(interpreter, options->op[i].op.code, options->op[i].name);
        if (!op) return false;
        op->op.max_version = options->op[i].op.max_version;
        op->external = options->op[i].external;
        op->registration = options->op[i].registration;
    }
    for (uint32_t g = 0; g < model->graph_count; g++)
        for (uint32_t n = 0; n < model->graph[g]->node_count; n++)
            if (!resolve(interpreter, &options->resolver, model->graph[g]->node[n])) return false;
    return true;
}

static bool bind_ops(TfLiteInterpreter *interpreter)
{
    free(interpreter->op_list);
    interpreter->op_list = calloc(interpreter->op_count + 1, sizeof *interpreter->op_list);
    for (size_t i = 0; interpreter->op_list && i < interpreter->op_count; i++) {
        c_op_bind(&interpreter->op[i]);
        interpreter->op_list[i] = &interpreter->op[i].op;
    }
    return interpreter->op_list != NULL;
}

/* Stands for each custom operator that nobody has: as with TensorFlow Lite they are missed by AllocateTensors. False if there are none. */
static bool stand_in(TfLiteInterpreter *interpreter)
{
    const struct qc_model *model = interpreter->model->model;
    size_t before = interpreter->op_count;
    for (uint32_t g = 0; g < model->graph_count; g++)
        for (uint32_t n = 0; n < model->graph[g]->node_count; n++) {
            const struct qc_node *node = model->graph[g]->node[n];
            if (!node->custom || qc_session_op(interpreter->session, node)) continue;
            struct c_op *op = add_op(interpreter, node->code, node->custom);
            if (op) op->op.max_version = 255;
        }
    return interpreter->op_count > before && bind_ops(interpreter);
}

static TfLiteStatus start(TfLiteInterpreter *interpreter, const TfLiteInterpreterOptions *options)
{
    struct qc_model *model = interpreter->model->model;
    struct qc_options own = {.threads = options && options->threads ? options->threads : 1};
    if (!options || options->threads < 0) own.threads = 1; /* TensorFlow Lite's own default */
    if (options && options->threads < -1) c_report(&interpreter->reporter, "%d threads are not possible; one is used", options->threads);
    struct qc_error error = {0};
    if (!bind_ops(interpreter)) return kTfLiteError;
    interpreter->session = qc_session_start(model, &own, interpreter->op_list, interpreter->op_count, &error);
    if (interpreter->session && interpreter->session->env.error.status == QC_UNSUPPORTED && stand_in(interpreter)) {
        interpreter->missing = strdup(interpreter->session->env.error.text);
        qc_session_free(interpreter->session);
        interpreter->session = qc_session_start(model, &own, interpreter->op_list, interpreter->op_count, &error);
    }
    if (!interpreter->session) {
        c_report(&interpreter->reporter, "%s", error.text);
        return kTfLiteError;
    }
    interpreter->session->user = interpreter;
    if (interpreter->session->env.error.status) return c_report_error(&interpreter->reporter, &interpreter->session->env);
    interpreter->view = calloc(model->graph_count, sizeof *interpreter->view);
    if (!interpreter->view || !c_view_sync(interpreter, 0)) return kTfLiteError;
    return c_op_begin(interpreter);
}

TfLiteInterpreter *TfLiteInterpreterCreate(const TfLiteModel *model, const TfLiteInterpreterOptions *optional_options)
{
    const struct c_reporter silent = {0};
    const struct c_reporter *reporter = optional_options ? &optional_options->reporter : &silent;
    if (!model) return NULL;
    if (optional_options && optional_options->has_delegate) {
        c_report(reporter, "the delegate cannot be applied: quantc runs every operator itself; create the interpreter without delegates");
        return NULL;
    }
    TfLiteInterpreter *interpreter = calloc(1, sizeof *interpreter);
    if (!interpreter) return NULL;
    interpreter->model = (TfLiteModel *)(uintptr_t)model;
    atomic_fetch_add(&interpreter->model->references, 1);
    if (take_options(interpreter, optional_options) && start(interpreter, optional_options) == kTfLiteOk) return interpreter;
    TfLiteInterpreterDelete(interpreter);
    return NULL;
}

TfLiteInterpreter *TfLiteInterpreterCreateWithSelectedOps(const TfLiteModel *model, const TfLiteInterpreterOptions *options)
{
    return TfLiteInterpreterCreate(model, options);
}

void TfLiteInterpreterDelete(TfLiteInterpreter *interpreter)
{
    if (!interpreter) return;
    for (uint32_t g = 0; interpreter->view && g < interpreter->model->model->graph_count; g++) {
        c_op_end(&interpreter->view[g]);
        c_view_free(&interpreter->view[g]);
    }
    qc_session_free(interpreter->session);
    c_model_release(interpreter->model);
    for (size_t i = 0; interpreter->op && i < interpreter->op_count; i++) free(interpreter->op[i].name);
    free(interpreter->op);
    free(interpreter->op_list);
    free(interpreter->view);
    free(interpreter->custom);
    free(interpreter->missing);
    free(interpreter);
}

/* ---- inputs and outputs ---- */

static TfLiteTensor *tensor_at(const TfLiteInterpreter *interpreter, const int *list, int count, int32_t index)
{
    if (index < 0 || index >= count) return NULL;
    return c_view_tensor(&interpreter->view[interpreter->session->main->graph->index], (uint32_t)list[index]);
}

int32_t TfLiteInterpreterGetInputTensorCount(const TfLiteInterpreter *interpreter)
{
    return interpreter->session->input_count;
}

const int *TfLiteInterpreterInputTensorIndices(const TfLiteInterpreter *interpreter)
{
    return interpreter->session->input;
}

TfLiteTensor *TfLiteInterpreterGetInputTensor(const TfLiteInterpreter *interpreter, int32_t input_index)
{
    return tensor_at(interpreter, interpreter->session->input, interpreter->session->input_count, input_index);
}

int32_t TfLiteInterpreterGetOutputTensorCount(const TfLiteInterpreter *interpreter)
{
    return interpreter->session->output_count;
}

const int *TfLiteInterpreterOutputTensorIndices(const TfLiteInterpreter *interpreter)
{
    return interpreter->session->output;
}

const TfLiteTensor *TfLiteInterpreterGetOutputTensor(const TfLiteInterpreter *interpreter, int32_t output_index)
{
    return tensor_at(interpreter, interpreter->session->output, interpreter->session->output_count, output_index);
}

TfLiteTensor *TfLiteInterpreterGetTensor(const TfLiteInterpreter *interpreter, int index)
{
    struct c_view *view = &interpreter->view[interpreter->session->main->graph->index];
    return index < 0 || (size_t)index >= view->frame->graph->tensor_count ? NULL : c_view_tensor(view, (uint32_t)index);
}

int32_t TfLiteInterpreterGetInputTensorIndex(const TfLiteInterpreter *interpreter, int32_t input_index)
{
    return input_index < 0 || input_index >= interpreter->session->input_count ? -1 : interpreter->session->input[input_index];
}

int32_t TfLiteInterpreterGetOutputTensorIndex(const TfLiteInterpreter *interpreter, int32_t output_index)
{
    return output_index < 0 || output_index >= interpreter->session->output_count ? -1 : interpreter->session->output[output_index];
}

/* ---- shapes, memory, running ---- */

TfLiteStatus c_resize(struct TfLiteInterpreter *interpreter, struct c_view *view, uint32_t tensor, const int *dims, int32_t rank)
{
    struct qc_value *value = &view->frame->value[tensor].value;
    if (view->frame->planned && value->data && value->rank == rank && (!rank || (dims && !memcmp(value->dims, dims, (size_t)rank * sizeof *dims))))
        return kTfLiteOk; /* what it is: what is allocated stays */
    if (rank < 0 || rank > QC_MAX_RANK || (rank && !dims)) {
        c_report(&interpreter->reporter, "tensor '%s': rank %d is not possible", value->tensor->name, (int)rank);
        return kTfLiteError;
    }
    for (int i = 0; i < rank; i++)
        if (dims[i] < 0) {
            c_report(&interpreter->reporter, "tensor '%s': dimension %d is %d", value->tensor->name, i, dims[i]);
            return kTfLiteError;
        }
    value->rank = (uint8_t)rank;
    for (int i = 0; i < rank; i++) value->dims[i] = dims[i];
    view->frame->planned = false;
    return c_view_sync(interpreter, view->frame->graph->index) ? kTfLiteOk : kTfLiteError;
}

TfLiteStatus TfLiteInterpreterResizeInputTensor(TfLiteInterpreter *interpreter, int32_t input_index, const int *input_dims,
                                                int32_t input_dims_size)
{
    const struct qc_session *session = interpreter->session;
    if (input_index < 0 || input_index >= session->input_count) {
        c_report(&interpreter->reporter, "there is no input %d; the model has %d", (int)input_index, session->input_count);
        return kTfLiteError;
    }
    return c_resize(interpreter, &interpreter->view[session->main->graph->index], (uint32_t)session->input[input_index], input_dims,
                    input_dims_size);
}

static bool is_listed(const int *list, int count, int index)
{
    for (int i = 0; i < count; i++)
        if (list[i] == index) return true;
    return false;
}

/* Inputs that the caller gave memory for lie there; outputs are copied there by c_invoke. */
static TfLiteStatus apply_custom(struct TfLiteInterpreter *interpreter, struct c_view *view)
{
    const struct qc_session *session = interpreter->session;
    for (uint32_t i = 0; interpreter->custom && i < view->frame->graph->tensor_count; i++) {
        const TfLiteCustomAllocation *custom = &interpreter->custom[i];
        struct qc_value *value = &view->frame->value[i].value;
        if (!custom->data) continue;
        if (custom->bytes < value->bytes) {
            c_report(&interpreter->reporter, "tensor '%s' needs %zu bytes, its custom allocation has %zu", value->tensor->name, value->bytes,
                     custom->bytes);
            return kTfLiteError;
        }
        if (!is_listed(session->input, session->input_count, (int)i)) continue;
        value->data = custom->data;
        view->frame->follows = true;
    }
    return kTfLiteOk;
}

TfLiteStatus c_allocate(struct TfLiteInterpreter *interpreter, struct c_view *view)
{
    struct qc_frame *frame = view->frame;
    if (interpreter->missing) {
        c_report(&interpreter->reporter, "%s", interpreter->missing);
        return kTfLiteUnresolvedOps;
    }
    view->reshaped = false;
    frame->owns_inputs = true;
    if (!frame->planned && qc_frame_plan(frame)) {
        c_view_sync(interpreter, frame->graph->index);
        return c_report_error(&interpreter->reporter, &interpreter->session->env);
    }
    if (frame == interpreter->session->main && apply_custom(interpreter, view) != kTfLiteOk) return kTfLiteError;
    return c_view_sync(interpreter, frame->graph->index) ? kTfLiteOk : kTfLiteError;
}

static void copy_custom(const struct TfLiteInterpreter *interpreter, const struct c_view *view)
{
    for (uint32_t i = 0; interpreter->custom && i < view->frame->graph->tensor_count; i++) {
        const TfLiteCustomAllocation *custom = &interpreter->custom[i];
        const struct qc_value *value = &view->frame->value[i].value;
        if (custom->data && custom->data != value->data) memcpy(custom->data, value->data, QC_MIN(value->bytes, custom->bytes));
    }
}

TfLiteStatus c_invoke(struct TfLiteInterpreter *interpreter, struct c_view *view)
{
    struct qc_session *session = interpreter->session;
    if (view->reshaped && c_allocate(interpreter, view) != kTfLiteOk) return kTfLiteError;
    if (!view->frame->planned) {
        c_report(&interpreter->reporter, "the tensors are not allocated: call AllocateTensors first, and again after a resize");
        return kTfLiteError;
    }
    atomic_store(&session->cancel, false);
#if defined(__x86_64__)
    unsigned mode = _mm_getcsr();
    _mm_setcsr(mode | 0x8040); /* denormals are flushed, as TensorFlow Lite does */
#endif
    qc_status status = qc_frame_invoke(view->frame);
#if defined(__x86_64__)
    _mm_setcsr(mode);
#endif
    if (!status && view->frame == session->main) copy_custom(interpreter, view);
    if ((status || view->fluid) && !c_view_sync(interpreter, view->frame->graph->index)) return kTfLiteError;
    return status ? c_report_error(&interpreter->reporter, &session->env) : kTfLiteOk;
}

TfLiteStatus TfLiteInterpreterAllocateTensors(TfLiteInterpreter *interpreter)
{
    return c_allocate(interpreter, &interpreter->view[interpreter->session->main->graph->index]);
}

TfLiteStatus TfLiteInterpreterInvoke(TfLiteInterpreter *interpreter)
{
    return c_invoke(interpreter, &interpreter->view[interpreter->session->main->graph->index]);
}

TfLiteStatus TfLiteInterpreterCancel(const TfLiteInterpreter *interpreter)
{
    if (!interpreter->cancellable) return kTfLiteError;
    atomic_store(&interpreter->session->cancel, true);
    return kTfLiteOk;
}

/* ---- experimental ---- */

TfLiteStatus TfLiteInterpreterResetVariableTensors(TfLiteInterpreter *interpreter)
{
    return qc_session_reset(interpreter->session, NULL) ? kTfLiteError : kTfLiteOk;
}

static int32_t variable_at(const TfLiteInterpreter *interpreter, int32_t wanted, TfLiteTensor **tensor)
{
    struct c_view *view = &interpreter->view[interpreter->session->main->graph->index];
    int32_t count = 0;
    for (uint32_t i = 0; i < view->frame->graph->tensor_count; i++) {
        if (!view->frame->graph->tensor[i]->variable) continue;
        if (count == wanted) *tensor = c_view_tensor(view, i);
        count++;
    }
    return count;
}

int32_t TfLiteInterpreterGetVariableTensorCount(const TfLiteInterpreter *interpreter)
{
    TfLiteTensor *none = NULL;
    return variable_at(interpreter, -1, &none);
}

TfLiteTensor *TfLiteInterpreterGetVariableTensor(const TfLiteInterpreter *interpreter, int32_t variable_index)
{
    TfLiteTensor *tensor = NULL;
    variable_at(interpreter, variable_index, &tensor);
    return tensor;
}

TfLiteStatus TfLiteInterpreterSetCustomAllocationForTensor(TfLiteInterpreter *interpreter, int tensor_index,
                                                           const TfLiteCustomAllocation *allocation, int64_t flags)
{
    const struct qc_session *session = interpreter->session;
    if (!allocation) return kTfLiteError;
    if (!is_listed(session->input, session->input_count, tensor_index) && !is_listed(session->output, session->output_count, tensor_index)) {
        c_report(&interpreter->reporter, "tensor %d is neither input nor output: only these can be given memory by the caller", tensor_index);
        return kTfLiteError;
    }
    if (!(flags & kTfLiteCustomAllocationFlagsSkipAlignCheck) && (uintptr_t)allocation->data % 64) {
        c_report(&interpreter->reporter, "the custom allocation of tensor %d is not aligned to 64 bytes", tensor_index);
        return kTfLiteError;
    }
    if (!interpreter->custom && !(interpreter->custom = calloc(session->main->graph->tensor_count, sizeof *interpreter->custom))) return kTfLiteError;
    interpreter->custom[tensor_index] = *allocation;
    return kTfLiteOk;
}

TfLiteStatus TfLiteInterpreterEnsureTensorDataIsReadable(TfLiteInterpreter *interpreter, int tensor_index)
{
    return TfLiteInterpreterGetTensor(interpreter, tensor_index) ? kTfLiteOk : kTfLiteError;
}
