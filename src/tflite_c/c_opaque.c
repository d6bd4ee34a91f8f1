/*
 * c_opaque.c - tensors, nodes and contexts as custom operators see them: the plain structs under other names.
 */
#include "tflite_c/c_internal.h"

#include <string.h>

static const TfLiteTensor *tensor_of(const TfLiteOpaqueTensor *tensor)
{
    return (const TfLiteTensor *)(const void *)tensor;
}

static const TfLiteNode *node_of(const TfLiteOpaqueNode *node)
{
    return (const TfLiteNode *)(const void *)node;
}

static TfLiteContext *context_of(const TfLiteOpaqueContext *context)
{
    return (TfLiteContext *)(uintptr_t)(const void *)context;
}

/* ---- tensors ---- */

TfLiteType TfLiteOpaqueTensorType(const TfLiteOpaqueTensor *tensor)
{
    return TfLiteTensorType(tensor_of(tensor));
}

int32_t TfLiteOpaqueTensorNumDims(const TfLiteOpaqueTensor *tensor)
{
    return TfLiteTensorNumDims(tensor_of(tensor));
}

int32_t TfLiteOpaqueTensorDim(const TfLiteOpaqueTensor *tensor, int32_t dim_index)
{
    return TfLiteTensorDim(tensor_of(tensor), dim_index);
}

TfLiteStatus TfLiteOpaqueTensorGetNumDimsSignature(const TfLiteOpaqueTensor *tensor, int32_t *num_dims)
{
    const TfLiteIntArray *signature = tensor_of(tensor)->dims_signature;
    *num_dims = signature ? signature->size : -1;
    return kTfLiteOk;
}

TfLiteStatus TfLiteOpaqueTensorGetDimSignature(const TfLiteOpaqueTensor *tensor, int32_t dim_index, int32_t *dim_length)
{
    const TfLiteIntArray *signature = tensor_of(tensor)->dims_signature;
    *dim_length = signature && dim_index >= 0 && dim_index < signature->size ? signature->data[dim_index] : -1;
    return kTfLiteOk;
}

int TfLiteOpaqueTensorIsVariable(const TfLiteOpaqueTensor *tensor)
{
    return tensor_of(tensor)->is_variable;
}

size_t TfLiteOpaqueTensorByteSize(const TfLiteOpaqueTensor *tensor)
{
    return TfLiteTensorByteSize(tensor_of(tensor));
}

void *TfLiteOpaqueTensorData(const TfLiteOpaqueTensor *tensor)
{
    return tensor ? TfLiteTensorData(tensor_of(tensor)) : NULL;
}

TfLiteAllocationType TfLiteOpaqueTensorGetAllocationType(const TfLiteOpaqueTensor *tensor)
{
    return tensor_of(tensor)->allocation_type;
}

TfLiteAllocationStrategy TfLiteOpaqueTensorGetAllocationStrategy(const TfLiteOpaqueTensor *tensor)
{
    return TfLiteTensorGetAllocationStrategy(tensor_of(tensor));
}

TfLiteRunStability TfLiteOpaqueTensorGetBufferAddressStability(const TfLiteOpaqueTensor *tensor)
{
    return TfLiteTensorGetBufferAddressStability(tensor_of(tensor));
}

TfLiteRunStability TfLiteOpaqueTensorGetDataStability(const TfLiteOpaqueTensor *tensor)
{
    return TfLiteTensorGetDataStability(tensor_of(tensor));
}

TfLiteRunStep TfLiteOpaqueTensorGetDataKnownStep(const TfLiteOpaqueTensor *tensor)
{
    return TfLiteTensorGetDataKnownStep(tensor_of(tensor));
}

TfLiteRunStep TfLiteOpaqueTensorGetShapeKnownStep(const TfLiteOpaqueTensor *tensor)
{
    return TfLiteTensorGetShapeKnownStep(tensor_of(tensor));
}

const char *TfLiteOpaqueTensorName(const TfLiteOpaqueTensor *tensor)
{
    return TfLiteTensorName(tensor_of(tensor));
}

TfLiteQuantization TfLiteOpaqueTensorGetQuantization(const TfLiteOpaqueTensor *tensor)
{
    return tensor_of(tensor)->quantization;
}

TfLiteQuantizationParams TfLiteOpaqueTensorGetQuantizationParams(const TfLiteOpaqueTensor *tensor)
{
    return tensor_of(tensor)->params;
}

TfLiteStatus TfLiteOpaqueTensorCopyFromBuffer(TfLiteOpaqueTensor *tensor, const void *input_data, size_t input_data_size)
{
    return TfLiteTensorCopyFromBuffer((TfLiteTensor *)(void *)tensor, input_data, input_data_size);
}

TfLiteStatus TfLiteOpaqueTensorCopyToBuffer(const TfLiteOpaqueTensor *tensor, void *output_data, size_t output_data_size)
{
    return TfLiteTensorCopyToBuffer(tensor_of(tensor), output_data, output_data_size);
}

/* A string tensor's bytes: int32 count, count + 1 int32 offsets, the characters. */
int TfLiteOpaqueTensorGetStringCount(const TfLiteOpaqueTensor *tensor)
{
    const TfLiteTensor *t = tensor_of(tensor);
    int32_t count;
    if (t->type != kTfLiteString || t->bytes < 8 || !t->data.data) return -1;
    memcpy(&count, t->data.raw, sizeof count);
    return count >= 0 && 4 * ((size_t)count + 2) <= t->bytes ? count : -1;
}

TfLiteStatus TfLiteOpaqueTensorGetString(const TfLiteOpaqueTensor *tensor, int index, const char **str, int *len)
{
    const TfLiteTensor *t = tensor_of(tensor);
    int32_t offset[2];
    if (index < 0 || index >= TfLiteOpaqueTensorGetStringCount(tensor)) return kTfLiteError;
    memcpy(offset, t->data.raw + 4 * ((size_t)index + 1), sizeof offset);
    if (offset[0] < 0 || offset[1] < offset[0] || (size_t)offset[1] > t->bytes) return kTfLiteError;
    *str = t->data.raw + offset[0];
    *len = offset[1] - offset[0];
    return kTfLiteOk;
}

/* ---- nodes ---- */

static TfLiteTensor *operand(const TfLiteOpaqueContext *context, const TfLiteIntArray *list, int index)
{
    if (index < 0 || index >= list->size || list->data[index] < 0) return NULL;
    return &context_of(context)->tensors[list->data[index]];
}

const TfLiteOpaqueTensor *TfLiteOpaqueNodeGetInput(const TfLiteOpaqueContext *context, const TfLiteOpaqueNode *node, int index)
{
    return (const TfLiteOpaqueTensor *)(const void *)operand(context, node_of(node)->inputs, index);
}

TfLiteOpaqueTensor *TfLiteOpaqueNodeGetOutput(TfLiteOpaqueContext *context, const TfLiteOpaqueNode *node, int index)
{
    return (TfLiteOpaqueTensor *)(void *)operand(context, node_of(node)->outputs, index);
}

int TfLiteOpaqueNodeNumberOfInputs(const TfLiteOpaqueNode *node)
{
    return node_of(node)->inputs->size;
}

int TfLiteOpaqueNodeNumberOfOutputs(const TfLiteOpaqueNode *node)
{
    return node_of(node)->outputs->size;
}

void *TfLiteOpaqueNodeGetUserData(const TfLiteOpaqueNode *node)
{
    return node_of(node)->user_data;
}

void *TfLiteOpaqueNodeGetBuiltinData(const TfLiteOpaqueNode *node)
{
    return node_of(node)->builtin_data;
}

TfLiteStatus TfLiteOpaqueNodeGetCustomInitialData(const TfLiteOpaqueNode *node, const void **init_data, int *size)
{
    *init_data = node_of(node)->custom_initial_data;
    *size = node_of(node)->custom_initial_data_size;
    return kTfLiteOk;
}

static TfLiteStatus give(const TfLiteIntArray *list, const int **data, int *count)
{
    *data = list->data;
    *count = list->size;
    return kTfLiteOk;
}

TfLiteStatus TfLiteOpaqueNodeInputs(const TfLiteOpaqueNode *node, const int **inputs, int *num_inputs)
{
    return give(node_of(node)->inputs, inputs, num_inputs);
}

TfLiteStatus TfLiteOpaqueNodeOutputs(const TfLiteOpaqueNode *node, const int **outputs, int *num_outputs)
{
    return give(node_of(node)->outputs, outputs, num_outputs);
}

TfLiteStatus TfLiteOpaqueNodeTemporaries(const TfLiteOpaqueNode *node, const int **temporaries, int *num_temporaries)
{
    return give(node_of(node)->temporaries, temporaries, num_temporaries);
}

TfLiteStatus TfLiteOpaqueNodeSetTemporaries(TfLiteOpaqueNode *node, const int *temporaries, int num_temporaries)
{
    TfLiteNode *n = (TfLiteNode *)(void *)node;
    TfLiteIntArray *list = num_temporaries < 0 ? NULL : TfLiteIntArrayCreate(num_temporaries);
    if (!list) return kTfLiteError;
    for (int i = 0; i < num_temporaries; i++) list->data[i] = temporaries[i];
    TfLiteIntArrayFree(n->temporaries);
    n->temporaries = list;
    return kTfLiteOk;
}

int TfLiteOpaqueNodeGetInputTensorIndex(const TfLiteOpaqueNode *node, int index_of_input)
{
    const TfLiteIntArray *list = node_of(node)->inputs;
    return index_of_input < 0 || index_of_input >= list->size ? -1 : list->data[index_of_input];
}

int TfLiteOpaqueNodeGetOutputTensorIndex(const TfLiteOpaqueNode *node, int index_of_output)
{
    const TfLiteIntArray *list = node_of(node)->outputs;
    return index_of_output < 0 || index_of_output >= list->size ? -1 : list->data[index_of_output];
}

/* ---- contexts ---- */

static const struct c_view *view_of(const TfLiteOpaqueContext *context)
{
    return context_of(context)->impl_;
}

TfLiteStatus TfLiteOpaqueContextGetInputs(const TfLiteOpaqueContext *context, const int **inputs, int *num_inputs)
{
    const struct qc_session *session = view_of(context)->interpreter->session;
    *inputs = session->input;
    *num_inputs = session->input_count;
    return kTfLiteOk;
}

TfLiteStatus TfLiteOpaqueContextGetOutputs(const TfLiteOpaqueContext *context, const int **outputs, int *num_outputs)
{
    const struct qc_session *session = view_of(context)->interpreter->session;
    *outputs = session->output;
    *num_outputs = session->output_count;
    return kTfLiteOk;
}

size_t TfLiteOpaqueContextGetNumNodes(const TfLiteOpaqueContext *context)
{
    return view_of(context)->frame->graph->node_count;
}

size_t TfLiteOpaqueContextGetNumTensors(const TfLiteOpaqueContext *context)
{
    return context_of(context)->tensors_size;
}

const char *TfLiteOpaqueContextGetName(const TfLiteOpaqueContext *context)
{
    return view_of(context)->frame->graph->name;
}

TfLiteOpaqueTensor *TfLiteOpaqueContextGetOpaqueTensor(const TfLiteOpaqueContext *context, int index)
{
    const TfLiteContext *c = context_of(context);
    return index < 0 || (size_t)index >= c->tensors_size ? NULL : (TfLiteOpaqueTensor *)(void *)&c->tensors[index];
}

TfLiteStatus TfLiteOpaqueContextResizeTensor(TfLiteOpaqueContext *context, TfLiteOpaqueTensor *tensor, TfLiteIntArray *new_size)
{
    TfLiteContext *c = context_of(context);
    return c->ResizeTensor(c, (TfLiteTensor *)(void *)tensor, new_size);
}

TfLiteStatus TfLiteOpaqueContextGetSizeOfType(TfLiteOpaqueContext *context, TfLiteType type, size_t *bytes)
{
    (void)context;
    *bytes = qc_dtype_bytes(c_dtype(type), 1);
    return *bytes ? kTfLiteOk : kTfLiteError;
}

TfLiteStatus TfLiteOpaqueContextGetMetadata(TfLiteOpaqueContext *context, const char *name, const char **ptr, size_t *bytes)
{
    const TfLiteContext *c = context_of(context);
    return c->GetModelMetadata(c, name, ptr, bytes);
}

void TfLiteOpaqueContextReportErrorVa(TfLiteOpaqueContext *context, const char *format, va_list vlist)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, vlist);
    c_report(&view_of(context)->interpreter->reporter, "%s", text);
}

void TfLiteOpaqueContextReportError(TfLiteOpaqueContext *context, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    TfLiteOpaqueContextReportErrorVa(context, format, list);
    va_end(list);
}
