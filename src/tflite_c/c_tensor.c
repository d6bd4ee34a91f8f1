/*
 * c_tensor.c - TfLiteTensor: getters, copies, and the functions on its struct.
 */
#include "tflite_c/c_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- c_api.h ---- */

TfLiteType TfLiteTensorType(const TfLiteTensor *tensor)
{
    return tensor->type;
}

int32_t TfLiteTensorNumDims(const TfLiteTensor *tensor)
{
    return tensor->dims ? tensor->dims->size : -1;
}

int32_t TfLiteTensorDim(const TfLiteTensor *tensor, int32_t dim_index)
{
    return tensor->dims->data[dim_index];
}

size_t TfLiteTensorByteSize(const TfLiteTensor *tensor)
{
    return tensor->bytes;
}

void *TfLiteTensorData(const TfLiteTensor *tensor)
{
    return tensor->data.data;
}

const char *TfLiteTensorName(const TfLiteTensor *tensor)
{
    return tensor->name;
}

TfLiteQuantizationParams TfLiteTensorQuantizationParams(const TfLiteTensor *tensor)
{
    return tensor->params;
}

TfLiteStatus TfLiteTensorCopyFromBuffer(TfLiteTensor *tensor, const void *input_data, size_t input_data_size)
{
    if (!tensor || tensor->bytes != input_data_size || (input_data_size && (!tensor->data.data || !input_data))) return kTfLiteError;
    if (input_data_size) memcpy(tensor->data.data, input_data, input_data_size);
    return kTfLiteOk;
}

TfLiteStatus TfLiteTensorCopyToBuffer(const TfLiteTensor *output_tensor, void *output_data, size_t output_data_size)
{
    if (!output_tensor || output_tensor->bytes != output_data_size) return kTfLiteError;
    if (output_data_size && (!output_tensor->data.data || !output_data)) return kTfLiteError;
    if (output_data_size) memcpy(output_data, output_tensor->data.data, output_data_size);
    return kTfLiteOk;
}

/* ---- common.h: structs that a program or a custom operator owns ---- */

void TfLiteTensorDataFree(TfLiteTensor *t)
{
    if (!c_view_of(t) && (t->allocation_type == kTfLiteDynamic || t->allocation_type == kTfLitePersistentRo)) free(t->data.data);
    t->data.data = NULL;
}

void TfLiteQuantizationFree(TfLiteQuantization *quantization)
{
    if (quantization->type == kTfLiteAffineQuantization && quantization->params) {
        TfLiteAffineQuantization *affine = quantization->params;
        TfLiteFloatArrayFree(affine->scale);
        TfLiteIntArrayFree(affine->zero_point);
    }
    free(quantization->params);
    *quantization = (TfLiteQuantization){kTfLiteNoQuantization, NULL};
}

void TfLiteSparsityFree(TfLiteSparsity *sparsity)
{
    if (!sparsity) return;
    TfLiteIntArrayFree(sparsity->traversal_order);
    TfLiteIntArrayFree(sparsity->block_map);
    for (int i = 0; sparsity->dim_metadata && i < sparsity->dim_metadata_size; i++)
        if (sparsity->dim_metadata[i].format == kTfLiteDimSparseCSR) {
            TfLiteIntArrayFree(sparsity->dim_metadata[i].array_segments);
            TfLiteIntArrayFree(sparsity->dim_metadata[i].array_indices);
        }
    free(sparsity->dim_metadata);
    free(sparsity);
}

void TfLiteTensorFree(TfLiteTensor *t)
{
    TfLiteTensorDataFree(t);
    TfLiteIntArrayFree(t->dims);
    TfLiteIntArrayFree((TfLiteIntArray *)(uintptr_t)t->dims_signature);
    TfLiteQuantizationFree(&t->quantization);
    TfLiteSparsityFree(t->sparsity);
    t->dims = NULL;
    t->dims_signature = NULL;
    t->sparsity = NULL;
}

void TfLiteTensorReset(TfLiteType type, const char *name, TfLiteIntArray *dims, TfLiteQuantizationParams quantization, char *buffer,
                       size_t size, TfLiteAllocationType allocation_type, const void *allocation, bool is_variable, TfLiteTensor *tensor)
{
    TfLiteTensorFree(tensor);
    *tensor = (TfLiteTensor){.type = type, .data.raw = buffer, .dims = dims, .params = quantization, .allocation_type = allocation_type,
                             .bytes = size, .allocation = allocation, .name = name, .buffer_handle = kTfLiteNullBufferHandle,
                             .is_variable = is_variable};
}

TfLiteStatus TfLiteTensorCopy(const TfLiteTensor *src, TfLiteTensor *dst)
{
    if (!src || !dst) return kTfLiteOk;
    if (src->bytes != dst->bytes) return kTfLiteError;
    if (src == dst) return kTfLiteOk;
    dst->type = src->type;
    TfLiteIntArrayFree(dst->dims);
    dst->dims = TfLiteIntArrayCopy(src->dims);
    if (src->bytes) memmove(dst->data.raw, src->data.raw, src->bytes);
    dst->buffer_handle = src->buffer_handle;
    dst->data_is_stale = src->data_is_stale;
    dst->delegate = src->delegate;
    return kTfLiteOk;
}

TfLiteTensor TfLiteTensorClone(TfLiteTensor src)
{
    TfLiteTensor copy = src;
    copy.allocation = NULL;
    if (src.data.data && src.allocation_type == kTfLiteDynamic && (copy.data.data = malloc(src.bytes + 1)))
        memcpy(copy.data.data, src.data.data, src.bytes);
    copy.dims = TfLiteIntArrayCopy(src.dims);
    copy.dims_signature = TfLiteIntArrayCopy(src.dims_signature);
    copy.sparsity = NULL;
    copy.quantization = (TfLiteQuantization){kTfLiteNoQuantization, NULL};
    if (src.quantization.type == kTfLiteAffineQuantization && src.quantization.params) {
        const TfLiteAffineQuantization *from = src.quantization.params;
        TfLiteAffineQuantization *to = calloc(1, sizeof *to);
        if (to) {
            to->scale = TfLiteFloatArrayCopy(from->scale);
            to->zero_point = TfLiteIntArrayCopy(from->zero_point);
            to->quantized_dimension = from->quantized_dimension;
            copy.quantization = (TfLiteQuantization){kTfLiteAffineQuantization, to};
        }
    }
    return copy;
}

static TfLiteStatus resize_in_view(struct c_view *view, size_t num_bytes, TfLiteTensor *tensor, bool preserve_data)
{
    size_t kept = preserve_data && tensor->data.data ? QC_MIN(num_bytes, tensor->bytes) : 0;
    void *copy = kept ? malloc(kept) : NULL;
    if (kept && !copy) return kTfLiteError;
    if (copy) memcpy(copy, tensor->data.data, kept);
    TfLiteStatus status = c_view_reserve(view, tensor, num_bytes);
    if (copy && status == kTfLiteOk) memcpy(tensor->data.data, copy, kept);
    free(copy);
    return status;
}

TfLiteStatus TfLiteTensorResizeMaybeCopy(size_t num_bytes, TfLiteTensor *tensor, bool preserve_data)
{
    if (tensor->allocation_type != kTfLiteDynamic && tensor->allocation_type != kTfLitePersistentRo) return kTfLiteOk;
    struct c_view *view = c_view_of(tensor);
    if (view) return resize_in_view(view, num_bytes, tensor, preserve_data);
    if (!preserve_data) {
        free(tensor->data.data);
        tensor->data.data = NULL;
    }
    void *grown = realloc(tensor->data.data, num_bytes + 1);
    if (!grown) return kTfLiteError;
    tensor->data.data = grown;
    tensor->bytes = num_bytes;
    return kTfLiteOk;
}

TfLiteStatus TfLiteTensorRealloc(size_t num_bytes, TfLiteTensor *tensor)
{
    return TfLiteTensorResizeMaybeCopy(num_bytes, tensor, true);
}

const TfLiteIntArray *TfLiteTensorGetDimsSignature(const TfLiteTensor *t)
{
    return t->dims_signature && t->dims_signature->size ? t->dims_signature : t->dims;
}

TfLiteAllocationStrategy TfLiteTensorGetAllocationStrategy(const TfLiteTensor *t)
{
    switch (t->allocation_type) {
    case kTfLiteMemNone: return kTfLiteAllocationStrategyNone;
    case kTfLiteMmapRo: return kTfLiteAllocationStrategyMMap;
    case kTfLiteArenaRw:
    case kTfLiteArenaRwPersistent: return kTfLiteAllocationStrategyArena;
    case kTfLiteDynamic:
    case kTfLitePersistentRo: return kTfLiteAllocationStrategyMalloc;
    case kTfLiteVariantObject: return kTfLiteAllocationStrategyNew;
    default: return kTfLiteAllocationStrategyUnknown;
    }
}

TfLiteRunStability TfLiteTensorGetBufferAddressStability(const TfLiteTensor *t)
{
    switch (t->allocation_type) {
    case kTfLiteArenaRw:
    case kTfLiteArenaRwPersistent: return kTfLiteRunStabilityUnstable;
    case kTfLiteDynamic:
    case kTfLitePersistentRo: return kTfLiteRunStabilitySingleRun;
    case kTfLiteMmapRo:
    case kTfLiteMemNone:
    case kTfLiteVariantObject: return kTfLiteRunStabilityAcrossRuns;
    default: return kTfLiteRunStabilityUnknown;
    }
}

TfLiteRunStability TfLiteTensorGetDataStability(const TfLiteTensor *t)
{
    switch (t->allocation_type) {
    case kTfLiteMemNone:
    case kTfLiteMmapRo:
    case kTfLiteArenaRwPersistent: return kTfLiteRunStabilityAcrossRuns;
    case kTfLiteArenaRw:
    case kTfLiteDynamic:
    case kTfLitePersistentRo:
    case kTfLiteVariantObject: return kTfLiteRunStabilitySingleRun;
    default: return kTfLiteRunStabilityUnknown;
    }
}

TfLiteRunStep TfLiteTensorGetDataKnownStep(const TfLiteTensor *t)
{
    switch (t->allocation_type) {
    case kTfLiteMemNone:
    case kTfLiteMmapRo: return kTfLiteRunStepInit;
    case kTfLitePersistentRo: return kTfLiteRunStepPrepare;
    case kTfLiteArenaRw:
    case kTfLiteArenaRwPersistent:
    case kTfLiteVariantObject:
    case kTfLiteDynamic: return kTfLiteRunStepEval;
    default: return kTfLiteRunStepUnknown;
    }
}

TfLiteRunStep TfLiteTensorGetShapeKnownStep(const TfLiteTensor *t)
{
    switch (t->allocation_type) {
    case kTfLiteMemNone:
    case kTfLiteMmapRo: return kTfLiteRunStepInit;
    case kTfLiteArenaRw:
    case kTfLiteArenaRwPersistent:
    case kTfLitePersistentRo: return kTfLiteRunStepPrepare;
    case kTfLiteVariantObject:
    case kTfLiteDynamic: return kTfLiteRunStepEval;
    default: return kTfLiteRunStepUnknown;
    }
}

void *TfLiteKernelInitFailed(void)
{
    return (void *)(intptr_t)-1;
}
