/*
 * use_registrations.c - operators as TfLiteRegistration structs, resolvers, and the experimental part of the API.
 */
#include "use.h"
#include "tensorflow/lite/builtin_op_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static TfLiteRegistration thrice;

static void *thrice_init(TfLiteContext *context, const char *buffer, size_t length)
{
    printf(" init %zu bytes, tensors %zu\n", length, context->tensors_size);
    (void)buffer;
    return calloc(1, sizeof(int));
}

static void thrice_free(TfLiteContext *context, void *data)
{
    (void)context;
    printf(" free: ran %d times\n", *(int *)data);
    free(data);
}

static TfLiteStatus thrice_prepare(TfLiteContext *context, TfLiteNode *node)
{
    TF_LITE_ENSURE_EQ(context, node->inputs->size, 1);
    int first = -1;
    TfLiteStatus added = context->AddTensors(context, 1, &first); /* may move the tensors */
    const TfLiteTensor *in = &context->tensors[node->inputs->data[0]];
    TfLiteTensor *out = &context->tensors[node->outputs->data[0]];
    TF_LITE_ENSURE_TYPES_EQ(context, in->type, out->type);
    printf(" prepare: temporary %d (%d) of %zu tensors, custom data %d bytes, intermediates %d, threads %d\n", first, (int)added, context->tensors_size,
           node->custom_initial_data_size, node->intermediates ? node->intermediates->size : 0, context->recommended_num_threads);
    TfLiteIntArray *plan = NULL;
    TfLiteNode *other = NULL;
    TfLiteRegistration *registration = NULL;
    printf(" for delegates alone: plan %d, node %d, subsets %d\n", (int)context->GetExecutionPlan(context, &plan),
           (int)context->GetNodeAndRegistration(context, 0, &other, &registration),
           (int)context->ReplaceNodeSubsetsWithDelegateKernels(context, thrice, node->inputs, NULL));
    reports = 0;
    return context->ResizeTensor(context, out, TfLiteIntArrayCopy(in->dims));
}

static TfLiteStatus thrice_invoke(TfLiteContext *context, TfLiteNode *node)
{
    const TfLiteTensor *in = &context->tensors[node->inputs->data[0]];
    TfLiteTensor *out = &context->tensors[node->outputs->data[0]];
    for (size_t i = 0; i < in->bytes / sizeof(float); i++) out->data.f[i] = 3 * in->data.f[i];
    ++*(int *)node->user_data;
    return kTfLiteOk;
}

static TfLiteRegistration thrice = {.init = thrice_init, .free = thrice_free, .prepare = thrice_prepare, .invoke = thrice_invoke,
                                    .builtin_code = kTfLiteBuiltinCustom, .custom_name = "Twice", .version = 1};

static void run(TfLiteInterpreter *interpreter)
{
    printf("interpreter %d%s\n", interpreter != NULL, reports ? ", reported" : "");
    reports = 0;
    if (!interpreter) return;
    TfLiteStatus allocated = TfLiteInterpreterAllocateTensors(interpreter);
    status("allocate", allocated);
    if (allocated != kTfLiteOk) return;
    status("in", TfLiteTensorCopyFromBuffer(TfLiteInterpreterGetInputTensor(interpreter, 0), (float[]){1, -2}, 8));
    status("invoke", TfLiteInterpreterInvoke(interpreter));
    floats("result", TfLiteInterpreterGetOutputTensor(interpreter, 0));
}

static TfLiteInterpreterOptions *options_of(void)
{
    TfLiteInterpreterOptions *options = TfLiteInterpreterOptionsCreate();
    TfLiteInterpreterOptionsSetErrorReporter(options, reporter, &reports);
    TfLiteInterpreterOptionsSetNumThreads(options, 1);
    return options;
}

static void use_added(void)
{
    TfLiteModel *model = open_model("custom.tflite");
    TfLiteInterpreterOptions *options = options_of();
    TfLiteInterpreterOptionsAddCustomOp(options, "Twice", &thrice, 1, 1);
    TfLiteInterpreter *interpreter = TfLiteInterpreterCreate(model, options);
    run(interpreter);
    TfLiteInterpreterDelete(interpreter);
    TfLiteInterpreterOptionsDelete(options);
    options = options_of();
    TfLiteInterpreterOptionsAddCustomOp(options, "Twice", &thrice, 2, 3);
    puts("of later versions:");
    interpreter = TfLiteInterpreterCreate(model, options);
    run(interpreter);
    TfLiteInterpreterDelete(interpreter);
    TfLiteInterpreterOptionsDelete(options);
    TfLiteModelDelete(model);

    model = open_model("rectify.tflite");
    options = options_of();
    TfLiteRegistration builtin = thrice;
    builtin.custom_name = NULL;
    builtin.builtin_code = kTfLiteBuiltinRelu;
    TfLiteInterpreterOptionsAddBuiltinOp(options, kTfLiteBuiltinRelu, &builtin, 1, 1);
    puts("selected:");
    interpreter = TfLiteInterpreterCreateWithSelectedOps(model, options);
    run(interpreter);
    TfLiteInterpreterDelete(interpreter);
    TfLiteInterpreterOptionsDelete(options);
    TfLiteModelDelete(model);
}

/* ---- in place of built-in operators with options ---- */

static void *replaced_init(TfLiteContext *context, const char *buffer, size_t length)
{
    (void)context;
    printf(" init: options %d, %zu bytes\n", buffer != NULL, length);
    return NULL;
}

static TfLiteStatus replaced_prepare(TfLiteContext *context, TfLiteNode *node)
{
    TfLiteTensor *out = &context->tensors[node->outputs->data[0]];
    return context->ResizeTensor(context, out, TfLiteIntArrayCopy(out->dims));
}

static TfLiteStatus pool_invoke(TfLiteContext *context, TfLiteNode *node)
{
    const TfLitePoolParams *p = node->builtin_data;
    (void)context;
    printf(" pool: padding %d, strides %d %d, filter %d %d, activation %d\n", (int)p->padding, p->stride_width, p->stride_height, p->filter_width,
           p->filter_height, (int)p->activation);
    TfLiteTensor *out = &context->tensors[node->outputs->data[0]];
    for (size_t i = 0; i < out->bytes / sizeof(float); i++) out->data.f[i] = (float)i;
    return kTfLiteOk;
}

static TfLiteStatus concatenation_invoke(TfLiteContext *context, TfLiteNode *node)
{
    const TfLiteConcatenationParams *p = node->builtin_data;
    printf(" concatenation: axis %d, activation %d\n", p->axis, (int)p->activation);
    TfLiteTensor *out = &context->tensors[node->outputs->data[0]];
    for (size_t i = 0; i < out->bytes / sizeof(float); i++) out->data.f[i] = (float)i * 2;
    return kTfLiteOk;
}

static TfLiteStatus cast_invoke(TfLiteContext *context, TfLiteNode *node)
{
    const TfLiteCastParams *p = node->builtin_data;
    printf(" cast: %d to %d\n", (int)p->in_data_type, (int)p->out_data_type);
    TfLiteTensor *out = &context->tensors[node->outputs->data[0]];
    for (size_t i = 0; i < out->bytes / sizeof(int32_t); i++) out->data.i32[i] = 10 + (int32_t)i;
    return kTfLiteOk;
}

static TfLiteStatus squeeze_invoke(TfLiteContext *context, TfLiteNode *node)
{
    const TfLiteSqueezeParams *p = node->builtin_data;
    printf(" squeeze: %d dimensions, %d %d\n", p->num_squeeze_dims, p->squeeze_dims[0], p->squeeze_dims[1]);
    const TfLiteTensor *in = &context->tensors[node->inputs->data[0]];
    TfLiteTensor *out = &context->tensors[node->outputs->data[0]];
    memcpy(out->data.raw, in->data.raw, out->bytes);
    return kTfLiteOk;
}

static void use_replaced(void)
{
    TfLiteStatus (*const invoke[])(TfLiteContext *, TfLiteNode *) = {pool_invoke, concatenation_invoke, cast_invoke, squeeze_invoke};
    const TfLiteBuiltinOperator code[] = {kTfLiteBuiltinMaxPool2d, kTfLiteBuiltinConcatenation, kTfLiteBuiltinCast, kTfLiteBuiltinSqueeze};
    TfLiteRegistration registration[4];
    TfLiteModel *model = open_model("options.tflite");
    TfLiteInterpreterOptions *options = options_of();
    for (int i = 0; i < 4; i++) {
        registration[i] = (TfLiteRegistration){.init = replaced_init, .prepare = replaced_prepare, .invoke = invoke[i], .builtin_code = code[i], .version = 1};
        TfLiteInterpreterOptionsAddBuiltinOp(options, code[i], &registration[i], 1, 9);
    }
    TfLiteInterpreter *interpreter = TfLiteInterpreterCreate(model, options);
    printf("interpreter %d\n", interpreter != NULL);
    status("allocate", TfLiteInterpreterAllocateTensors(interpreter));
    status("invoke", TfLiteInterpreterInvoke(interpreter));
    const TfLiteTensor *y = TfLiteInterpreterGetOutputTensor(interpreter, 0);
    shape("y", y);
    printf("%d %d ... %d\n", (int)y->data.i32[0], (int)y->data.i32[1], (int)y->data.i32[7]);
    TfLiteInterpreterDelete(interpreter);
    TfLiteInterpreterOptionsDelete(options);
    TfLiteModelDelete(model);
}

static const TfLiteRegistration *find_builtin(void *user_data, TfLiteBuiltinOperator op, int version)
{
    printf(" asked for operator %d version %d with %s\n", (int)op, version, (const char *)user_data);
    return NULL;
}

static const TfLiteRegistration *find_custom(void *user_data, const char *op, int version)
{
    printf(" asked for '%s' version %d with %s\n", op, version, (const char *)user_data);
    return !strcmp(op, "Twice") ? &thrice : NULL;
}

static void use_resolver(void)
{
    static char data[] = "data";
    TfLiteModel *model = open_model("custom.tflite");
    TfLiteInterpreterOptions *options = options_of();
    TfLiteInterpreterOptionsSetOpResolver(options, find_builtin, find_custom, data);
    TfLiteInterpreter *interpreter = TfLiteInterpreterCreateWithSelectedOps(model, options);
    run(interpreter);
    TfLiteInterpreterDelete(interpreter);
    TfLiteInterpreterOptionsDelete(options);
    TfLiteModelDelete(model);
}

static void use_experimental(void)
{
    TfLiteModel *model = open_model("dense.tflite");
    TfLiteInterpreterOptions *options = options_of();
    TfLiteInterpreterOptionsSetUseNNAPI(options, false);
    TfLiteInterpreterOptionsSetEnableDelegateFallback(options, false);
    TfLiteInterpreterOptionsSetTelemetryProfiler(options, NULL);
    TfLiteInterpreter *interpreter = TfLiteInterpreterCreate(model, options);
    int in = TfLiteInterpreterGetInputTensorIndex(interpreter, 0), out = TfLiteInterpreterGetOutputTensorIndex(interpreter, 0);
    printf("tensors %d %d, %d variables\n", in, out, (int)TfLiteInterpreterGetVariableTensorCount(interpreter));
    static _Alignas(64) float x[6], y[6];
    TfLiteCustomAllocation memory = {x, sizeof x}, result = {y, sizeof y}, odd = {x + 1, sizeof x - 4}, small = {x, 4};
    status("allocation of none", TfLiteInterpreterSetCustomAllocationForTensor(interpreter, in, NULL, 0));
    status("allocation of a constant", TfLiteInterpreterSetCustomAllocationForTensor(interpreter, 1, &memory, 0));
    status("allocation unaligned", TfLiteInterpreterSetCustomAllocationForTensor(interpreter, in, &odd, 0));
    status("allocation too small", TfLiteInterpreterSetCustomAllocationForTensor(interpreter, in, &small, 0));
    status("allocation", TfLiteInterpreterSetCustomAllocationForTensor(interpreter, in, &memory, 0));
    status("allocation of the output", TfLiteInterpreterSetCustomAllocationForTensor(interpreter, out, &result, 0));
    status("allocate", TfLiteInterpreterAllocateTensors(interpreter));
    x[0] = 1, x[1] = 2;
    status("invoke", TfLiteInterpreterInvoke(interpreter));
    const TfLiteTensor *in_tensor = TfLiteInterpreterGetTensor(interpreter, in), *out_tensor = TfLiteInterpreterGetTensor(interpreter, out);
    printf("in place: %d %d, kinds %d %d; %g %g %g\n", TfLiteTensorData(in_tensor) == x, TfLiteTensorData(out_tensor) == y,
           (int)in_tensor->allocation_type, (int)out_tensor->allocation_type, (double)y[0], (double)y[1], (double)y[2]);
    status("resize beyond the memory", TfLiteInterpreterResizeInputTensor(interpreter, 0, (int[]){5, 2}, 2));
    status("allocate", TfLiteInterpreterAllocateTensors(interpreter));
    status("resize within", TfLiteInterpreterResizeInputTensor(interpreter, 0, (int[]){2, 2}, 2));
    status("allocate", TfLiteInterpreterAllocateTensors(interpreter));
    x[2] = 3, x[3] = 4;
    status("invoke", TfLiteInterpreterInvoke(interpreter));
    printf("in place: %d; %g %g %g %g\n", TfLiteTensorData(out_tensor) == y, (double)y[0], (double)y[3], (double)y[4], (double)y[5]);
    status("readable", TfLiteInterpreterEnsureTensorDataIsReadable(interpreter, out));
    TfLiteSetAllowBufferHandleOutput(interpreter, false);
    TfLiteBufferHandle handle = 5;
    TfLiteOpaqueDelegate *delegate = NULL;
    status("handle", TfLiteInterpreterGetBufferHandle(interpreter, in, &handle, &delegate));
    printf("handle %d, delegate %d\n", handle, delegate != NULL);
    TfLiteInterpreterDelete(interpreter);
    TfLiteInterpreterOptionsDelete(options);
    TfLiteModelDelete(model);
}

void use_registrations(void)
{
    use_added();
    use_replaced();
    use_resolver();
    use_experimental();
}
