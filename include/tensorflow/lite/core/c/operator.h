/*
 * operator.h - custom operators: four functions under a name. An operator must outlive the interpreters that use it.
 */
#ifndef TENSORFLOW_LITE_CORE_C_OPERATOR_H_
#define TENSORFLOW_LITE_CORE_C_OPERATOR_H_

#include <stddef.h>
#include <stdint.h>

#include "tensorflow/lite/builtin_ops.h"
#include "tensorflow/lite/c/c_api_types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct TfLiteOperator TfLiteOperator;
struct TfLiteAsyncKernel;

/* The name is copied; user_data is handed to the *WithData functions. */
TFL_CAPI_EXPORT TfLiteOperator *TfLiteOperatorCreate(TfLiteBuiltinOperator builtin_code, const char *custom_name, int version,
                                                     void *user_data);
TFL_CAPI_EXPORT void TfLiteOperatorDelete(TfLiteOperator *registration); /* NULL is fine */
TFL_CAPI_EXPORT TfLiteBuiltinOperator TfLiteOperatorGetBuiltInCode(const TfLiteOperator *registration);
TFL_CAPI_EXPORT const char *TfLiteOperatorGetCustomName(const TfLiteOperator *registration);
TFL_CAPI_EXPORT int TfLiteOperatorGetVersion(const TfLiteOperator *registration);
TFL_CAPI_EXPORT void *TfLiteOperatorGetUserData(const TfLiteOperator *registration);

/* init is given the node's custom options and returns what TfLiteOpaqueNodeGetUserData gives later; free ends that. */
TFL_CAPI_EXPORT void TfLiteOperatorSetInit(TfLiteOperator *registration,
                                           void *(*init)(TfLiteOpaqueContext *context, const char *buffer, size_t length));
TFL_CAPI_EXPORT TfLiteStatus TfLiteOperatorSetInitWithData(
    TfLiteOperator *registration,
    void *(*init)(void *user_data, TfLiteOpaqueContext *context, const char *buffer, size_t length));
TFL_CAPI_EXPORT void TfLiteOperatorSetFree(TfLiteOperator *registration, void (*free)(TfLiteOpaqueContext *context, void *data));
TFL_CAPI_EXPORT TfLiteStatus TfLiteOperatorSetFreeWithData(TfLiteOperator *registration,
                                                           void (*free)(void *user_data, TfLiteOpaqueContext *context, void *data));
/* prepare gives the outputs their shapes (TfLiteOpaqueContextResizeTensor); invoke computes. */
TFL_CAPI_EXPORT void TfLiteOperatorSetPrepare(TfLiteOperator *registration,
                                              TfLiteStatus (*prepare)(TfLiteOpaqueContext *context, TfLiteOpaqueNode *node));
TFL_CAPI_EXPORT TfLiteStatus TfLiteOperatorSetPrepareWithData(
    TfLiteOperator *registration, TfLiteStatus (*prepare)(void *user_data, TfLiteOpaqueContext *context, TfLiteOpaqueNode *node));
TFL_CAPI_EXPORT void TfLiteOperatorSetInvoke(TfLiteOperator *registration,
                                             TfLiteStatus (*invoke)(TfLiteOpaqueContext *context, TfLiteOpaqueNode *node));
TFL_CAPI_EXPORT TfLiteStatus TfLiteOperatorSetInvokeWithData(
    TfLiteOperator *registration, TfLiteStatus (*invoke)(void *user_data, TfLiteOpaqueContext *context, TfLiteOpaqueNode *node));

/* Kept for programs that call them: asynchronous kernels serve delegates, and in-place hints are not used. */
TFL_CAPI_EXPORT void TfLiteOperatorSetAsyncKernel(
    TfLiteOperator *registration, struct TfLiteAsyncKernel *(*async_kernel)(TfLiteOpaqueContext *context, TfLiteOpaqueNode *node));
TFL_CAPI_EXPORT TfLiteStatus TfLiteOperatorSetAsyncKernelWithData(
    TfLiteOperator *registration,
    struct TfLiteAsyncKernel *(*async_kernel)(void *user_data, TfLiteOpaqueContext *context, TfLiteOpaqueNode *node));
TFL_CAPI_EXPORT void TfLiteOperatorSetInplaceOperator(TfLiteOperator *registration, uint64_t inplace_operator);

#ifdef __cplusplus
}
#endif
#endif
