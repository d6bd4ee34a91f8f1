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

static bool take_options(TfLiteInterpreter *interpreter, const TfLiteInterpreterOptions *options)
{
    if (!options) return true;
    interpreter->reporter = options->reporter;
    interpreter->cancellable = options->cancellable;
    interpreter->op_count = options->op_count;
    interpreter->op = calloc(options->op_count + 1, sizeof *interpreter->op);
    interpreter->op_list = calloc(options->op_count + 1, sizeof *interpreter->op_list);
    if (!interpreter->op || !interpreter->op_list) return false;
    for (size_t i = 0; i < options->op_count; i++) {
        struct c_op *op = &interpreter->op[i];
        *op = options->op[i];
        if (op->name && !(op->name = strdup(op->name))) return false;
        c_op_bind(op);
        interpreter->op_list[i] = &op->op;
    }
    return true;
}

static TfLiteStatus start(TfLiteInterpreter *interpreter, const TfLiteInterpreterOptions *options)
{
    struct qc_model *model = interpreter->model->model;
    struct qc_options own = {.threads = options && options->threads ? options->threads : 1};
    if (!options || options->threads < 0) own.threads = 1; /* TensorFlow Lite's own default */
    struct qc_error error = {0};
    interpreter->session = qc_session_start(model, &own, interpreter->op_list, interpreter->op_count, &error);
    if (!interpreter->session) {
        c_report(&interpreter->reporter, "%s", error.text);
        return kTfLiteError;
    }
    interpreter->session->user = interpreter;
    if (interpreter->session->env.error.status) return c_report_error(&interpreter->reporter, &interpreter->session->env);
    interpreter->view = calloc(model->graph_count, sizeof *interpreter->view);
    return interpreter->view && c_view_sync(interpreter, 0) ? kTfLiteOk : kTfLiteError;
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
    free(interpreter);
}

/* ---- inputs and outputs ---- */

static TfLiteTensor *tensor_at(const TfLiteInterpreter *interpreter, const int *list, int count, int32_t index)
{
    if (index < 0 || index >= count) return NULL;
    return &interpreter->view[interpreter->session->main->graph->index].tensor[list[index]];
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
    const struct c_view *view = &interpreter->view[interpreter->session->main->graph->index];
    return index < 0 || (size_t)index >= view->frame->graph->tensor_count ? NULL : &view->tensor[index];
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

/* Inputs that the caller gave memory for lie there. */
static TfLiteStatus apply_custom(struct TfLiteInterpreter *interpreter, struct c_view *view)
{
    for (uint32_t i = 0; interpreter->custom && i < view->frame->graph->tensor_count; i++) {
        const TfLiteCustomAllocation *custom = &interpreter->custom[i];
        struct qc_value *value = &view->frame->value[i].value;
        if (!custom->data) continue;
        if (custom->bytes < value->bytes) {
            c_report(&interpreter->reporter, "tensor '%s' needs %zu bytes, its custom allocation has %zu", value->tensor->name, value->bytes,
                     custom->bytes);
            return kTfLiteError;
        }
        value->data = custom->data;
        view->frame->follows = true;
    }
    return kTfLiteOk;
}

TfLiteStatus c_allocate(struct TfLiteInterpreter *interpreter, struct c_view *view)
{
    struct qc_frame *frame = view->frame;
    frame->owns_inputs = true;
    if (!frame->planned && qc_frame_plan(frame)) {
        c_view_sync(interpreter, frame->graph->index);
        return c_report_error(&interpreter->reporter, &interpreter->session->env);
    }
    if (frame == interpreter->session->main && apply_custom(interpreter, view) != kTfLiteOk) return kTfLiteError;
    return c_view_sync(interpreter, frame->graph->index) ? kTfLiteOk : kTfLiteError;
}

TfLiteStatus c_invoke(struct TfLiteInterpreter *interpreter, struct c_view *view)
{
    struct qc_session *session = interpreter->session;
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
    if (!c_view_sync(interpreter, view->frame->graph->index)) return kTfLiteError;
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
    const struct c_view *view = &interpreter->view[interpreter->session->main->graph->index];
    int32_t count = 0;
    for (uint32_t i = 0; i < view->frame->graph->tensor_count; i++) {
        if (!view->frame->graph->tensor[i]->variable) continue;
        if (count == wanted) *tensor = &view->tensor[i];
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
    const struct qc_graph *graph = interpreter->session->main->graph;
    bool is_input = false;
    for (int i = 0; i < interpreter->session->input_count; i++) is_input |= interpreter->session->input[i] == tensor_index;
    if (!allocation || !is_input) {
        c_report(&interpreter->reporter, "tensor %d is no input: only inputs can be given memory by the caller", tensor_index);
        return kTfLiteError;
    }
    if (!(flags & kTfLiteCustomAllocationFlagsSkipAlignCheck) && (uintptr_t)allocation->data % 64) {
        c_report(&interpreter->reporter, "the custom allocation of tensor %d is not aligned to 64 bytes", tensor_index);
        return kTfLiteError;
    }
    if (!interpreter->custom && !(interpreter->custom = calloc(graph->tensor_count, sizeof *interpreter->custom))) return kTfLiteError;
    interpreter->custom[tensor_index] = *allocation;
    return kTfLiteOk;
}

TfLiteStatus TfLiteInterpreterEnsureTensorDataIsReadable(TfLiteInterpreter *interpreter, int tensor_index)
{
    return TfLiteInterpreterGetTensor(interpreter, tensor_index) ? kTfLiteOk : kTfLiteError;
}

void TfLiteSetAllowBufferHandleOutput(const TfLiteInterpreter *interpreter, bool allow_buffer_handle_output)
{
    (void)interpreter, (void)allow_buffer_handle_output;
}

static TfLiteStatus no_delegates(const TfLiteInterpreter *interpreter, TfLiteStatus status)
{
    c_report(&interpreter->reporter, "quantc has no delegates: every operator runs on the CPU");
    return status;
}

TfLiteStatus TfLiteInterpreterModifyGraphWithDelegate(const TfLiteInterpreter *interpreter, TfLiteDelegate *delegate)
{
    (void)delegate;
    return no_delegates(interpreter, kTfLiteDelegateError);
}

TfLiteStatus TfLiteInterpreterSetBufferHandle(TfLiteInterpreter *interpreter, TfLiteTensor *tensor, TfLiteBufferHandle buffer_handle,
                                              TfLiteOpaqueDelegate *delegate)
{
    (void)tensor, (void)buffer_handle, (void)delegate;
    return no_delegates(interpreter, kTfLiteError);
}

TfLiteStatus TfLiteInterpreterGetBufferHandle(TfLiteInterpreter *interpreter, int tensor_index, TfLiteBufferHandle *buffer_handle,
                                              TfLiteOpaqueDelegate **delegate)
{
    if (!TfLiteInterpreterGetTensor(interpreter, tensor_index)) return kTfLiteError;
    if (buffer_handle) *buffer_handle = kTfLiteNullBufferHandle;
    if (delegate) *delegate = NULL;
    return kTfLiteOk;
}
