/*
 * c_delegate.c - delegates: may be made, are never applied. XNNPACK's is accepted all the same, for it asks for what quantc does anyway: fast
 * kernels on the CPU; its thread count is heeded.
 */
#include "tflite_c/c_internal.h"
#include "tensorflow/lite/delegates/xnnpack/xnnpack_delegate.h"

#include <stdlib.h>

TfLiteDelegate TfLiteDelegateCreate(void)
{
    return (TfLiteDelegate){0};
}

TfLiteOpaqueDelegate *TfLiteOpaqueDelegateCreate(const TfLiteOpaqueDelegateBuilder *opaque_delegate_builder)
{
    if (!opaque_delegate_builder) return NULL;
    struct {
        TfLiteDelegate delegate;
        TfLiteOpaqueDelegateBuilder builder;
    } *made = calloc(1, sizeof *made);
    if (!made) return NULL;
    made->builder = *opaque_delegate_builder;
    made->delegate.opaque_delegate_builder = &made->builder;
    made->delegate.flags = opaque_delegate_builder->flags;
    return (TfLiteOpaqueDelegate *)&made->delegate;
}

void TfLiteOpaqueDelegateDelete(TfLiteOpaqueDelegate *delegate)
{
    free(delegate);
}

void *TfLiteOpaqueDelegateGetData(const TfLiteOpaqueDelegate *delegate)
{
    const TfLiteDelegate *d = (const TfLiteDelegate *)delegate;
    if (!d) return NULL;
    return d->opaque_delegate_builder ? d->opaque_delegate_builder->data : d->data_;
}

/* ---- as an interpreter's option ---- */

static TfLiteStatus accept(TfLiteContext *context, TfLiteDelegate *delegate)
{
    (void)context, (void)delegate;
    return kTfLiteOk;
}

void TfLiteInterpreterOptionsAddDelegate(TfLiteInterpreterOptions *options, TfLiteOpaqueDelegate *delegate)
{
    const TfLiteDelegate *d = (const TfLiteDelegate *)delegate;
    if (!options || !delegate) return;
    if (d->Prepare == accept)
        options->threads = QC_MAX(options->threads, TfLiteXNNPackDelegateGetOptions((TfLiteDelegate *)(uintptr_t)d)->num_threads);
    else
        options->has_delegate = true;
}

static TfLiteStatus no_delegates(const TfLiteInterpreter *interpreter, TfLiteStatus status)
{
    c_report(&interpreter->reporter, "quantc has no delegates: every operator runs on the CPU");
    return status;
}

TfLiteStatus TfLiteInterpreterModifyGraphWithDelegate(const TfLiteInterpreter *interpreter, TfLiteDelegate *delegate)
{
    return delegate && delegate->Prepare == accept ? kTfLiteOk : no_delegates(interpreter, kTfLiteDelegateError);
}

void TfLiteSetAllowBufferHandleOutput(const TfLiteInterpreter *interpreter, bool allow_buffer_handle_output)
{
    (void)interpreter, (void)allow_buffer_handle_output;
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

/* ---- XNNPACK ---- */

struct TfLiteXNNPackDelegateWeightsCache {
    char unused; /* weights are packed once for each model and shared by its interpreters as it is */
};

TfLiteXNNPackDelegateOptions TfLiteXNNPackDelegateOptionsDefault(void)
{
    return (TfLiteXNNPackDelegateOptions){.weight_cache_file_descriptor = -1};
}

TfLiteDelegate *TfLiteXNNPackDelegateCreate(const TfLiteXNNPackDelegateOptions *options)
{
    struct {
        TfLiteDelegate delegate;
        TfLiteXNNPackDelegateOptions options;
    } *made = calloc(1, sizeof *made);
    if (!made) return NULL;
    made->options = options ? *options : TfLiteXNNPackDelegateOptionsDefault();
    made->delegate.data_ = &made->options;
    made->delegate.Prepare = accept;
    return &made->delegate;
}

TfLiteDelegate *TfLiteXNNPackDelegateCreateWithThreadpool(const TfLiteXNNPackDelegateOptions *options, TfLiteContext *context)
{
    (void)context;
    return TfLiteXNNPackDelegateCreate(options);
}

void TfLiteXNNPackDelegateDelete(TfLiteDelegate *delegate)
{
    free(delegate);
}

const TfLiteXNNPackDelegateOptions *TfLiteXNNPackDelegateGetOptions(TfLiteDelegate *delegate)
{
    return delegate ? delegate->data_ : NULL;
}

int TfLiteXNNPackDelegateGetFlags(TfLiteDelegate *delegate)
{
    return delegate ? (int)TfLiteXNNPackDelegateGetOptions(delegate)->flags : 0;
}

void *TfLiteXNNPackDelegateGetThreadPool(TfLiteDelegate *delegate)
{
    (void)delegate;
    return NULL;
}

bool TfLiteXNNPackDelegateCanUseInMemoryWeightCacheProvider(void)
{
    return false;
}

const char *TfLiteXNNPackDelegateInMemoryFilePath(void)
{
    return ":memory";
}

struct TfLiteXNNPackDelegateWeightsCache *TfLiteXNNPackDelegateWeightsCacheCreate(void)
{
    return calloc(1, sizeof(struct TfLiteXNNPackDelegateWeightsCache));
}

struct TfLiteXNNPackDelegateWeightsCache *TfLiteXNNPackDelegateWeightsCacheCreateWithSize(size_t size)
{
    (void)size;
    return TfLiteXNNPackDelegateWeightsCacheCreate();
}

bool TfLiteXNNPackDelegateWeightsCacheFinalizeSoft(struct TfLiteXNNPackDelegateWeightsCache *cache)
{
    return cache != NULL;
}

bool TfLiteXNNPackDelegateWeightsCacheFinalizeHard(struct TfLiteXNNPackDelegateWeightsCache *cache)
{
    return cache != NULL;
}

void TfLiteXNNPackDelegateWeightsCacheDelete(struct TfLiteXNNPackDelegateWeightsCache *cache)
{
    free(cache);
}
