/*
 * c_opaque.c - tensors and nodes as custom operators see them: the plain structs under other names. Contexts: c_context.c.
 */
#include "tflite_c/c_internal.h"

#include <stdlib.h>
#include <string.h>

static const TfLiteTensor *tensor_of(const TfLiteOpaqueTensor *tensor)
{
    return (const TfLiteTensor *)(const void *)tensor;
}

static const TfLiteNode *node_of(const TfLiteOpaqueNode *node)
{
    return (const TfLiteNode *)(const void *)node;
}

static TfLiteTensor *mutable_tensor(TfLiteOpaqueTensor *tensor)
{
    return (TfLiteTensor *)(void *)tensor;
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
    const TfLiteIntArray *signature = TfLiteTensorGetDimsSignature(tensor_of(tensor));
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
    return TfLiteTensorCopyFromBuffer(mutable_tensor(tensor), input_data, input_data_size);
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

TfLiteStatus TfLiteOpaqueTensorWriteStrings(TfLiteOpaqueTensor *tensor, const char *const *str_array, int str_array_len, const int *str_n_len)
{
    TfLiteTensor *t = mutable_tensor(tensor);
    struct c_view *view = t ? c_view_of(t) : NULL;
    if (!view || t->type != kTfLiteString || str_array_len < 0) return kTfLiteError;
    size_t bytes = 4 * ((size_t)str_array_len + 2);
    for (int i = 0; i < str_array_len; i++) {
        if (str_n_len[i] < 0) return kTfLiteError;
        bytes += (size_t)str_n_len[i];
    }
    char *packed = bytes > INT32_MAX ? NULL : malloc(bytes); /* the strings may be those that the tensor holds now */
    if (!packed) return kTfLiteError;
    int32_t at = 4 * (str_array_len + 2);
    memcpy(packed, &str_array_len, 4);
    for (int i = 0; i < str_array_len; i++) {
        memcpy(packed + 4 * ((size_t)i + 1), &at, 4);
        if (str_n_len[i]) memcpy(packed + at, str_array[i], (size_t)str_n_len[i]);
        at += str_n_len[i];
    }
    memcpy(packed + 4 * ((size_t)str_array_len + 1), &at, 4);
    TfLiteStatus status = c_view_strings(view, t, str_array_len, bytes);
    if (status == kTfLiteOk) memcpy(t->data.raw, packed, bytes);
    free(packed);
    return status;
}

TfLiteStatus TfLiteOpaqueTensorWriteString(TfLiteOpaqueTensor *tensor, const char *str, int len)
{
    return TfLiteOpaqueTensorWriteStrings(tensor, &str, 1, &len);
}

void TfLiteOpaqueTensorSetAllocationTypeToDynamic(TfLiteOpaqueTensor *tensor)
{
    mutable_tensor(tensor)->allocation_type = kTfLiteDynamic;
}

void TfLiteOpaqueTensorSetNonCpuAllocation(TfLiteOpaqueTensor *tensor)
{
    mutable_tensor(tensor)->allocation_type = kTfLiteNonCpu;
}

/* ---- nodes ---- */

static TfLiteTensor *operand(const TfLiteOpaqueContext *context, const TfLiteIntArray *list, int index)
{
    if (index < 0 || index >= list->size || list->data[index] < 0) return NULL;
    return &((const TfLiteContext *)(const void *)context)->tensors[list->data[index]];
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
