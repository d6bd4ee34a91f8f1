/*
 * use_operators.c - custom operators made with TfLiteOperatorCreate, and all that c_api_opaque.h shows them.
 */
#include "use.h"

#include <stdio.h>
#include <string.h>

/* What the operators below do besides their work, as each part sets it. */
static struct {
    const TfLiteInterpreter *cancel;  /* cancelled while invoking */
    TfLiteStatus prepare, invoke;     /* returned instead of kTfLiteOk */
    bool describe;
    int prepared, invoked, freed;
} doing;

/* ---- what an operator sees ---- */

static void list(const char *what, const int *index, int count)
{
    printf("  %s:", what);
    for (int i = 0; i < count; i++) printf(" %d", index[i]);
    puts("");
}

static void tell_tensor(TfLiteOpaqueContext *context, const char *what, const TfLiteOpaqueTensor *tensor)
{
    int32_t dims = 0, first = 0;
    if (!tensor) {
        printf("  %s: none\n", what);
        return;
    }
    TfLiteStatus rank = TfLiteOpaqueTensorGetNumDimsSignature(tensor, &dims);
    TfLiteStatus dim = TfLiteOpaqueTensorGetDimSignature(tensor, 0, &first);
    printf("  %s: '%s' type %d rank %d dim %d bytes %zu; signature %d %d (%d %d); variable %d data %d\n", what, TfLiteOpaqueTensorName(tensor),
           (int)TfLiteOpaqueTensorType(tensor), (int)TfLiteOpaqueTensorNumDims(tensor), (int)TfLiteOpaqueTensorDim(tensor, 0),
           TfLiteOpaqueTensorByteSize(tensor), (int)dims, (int)first, (int)rank, (int)dim, TfLiteOpaqueTensorIsVariable(tensor),
           doing.invoked > 0 && TfLiteOpaqueTensorData(tensor) != NULL);
    printf("    allocation %d strategy %d address %d data %d known %d shape %d; scale %.9g; kind %d\n",
           (int)TfLiteOpaqueTensorGetAllocationType(tensor), (int)TfLiteOpaqueTensorGetAllocationStrategy(tensor),
           (int)TfLiteOpaqueTensorGetBufferAddressStability(tensor), (int)TfLiteOpaqueTensorGetDataStability(tensor),
           (int)TfLiteOpaqueTensorGetDataKnownStep(tensor), (int)TfLiteOpaqueTensorGetShapeKnownStep(tensor),
           (double)TfLiteOpaqueTensorGetQuantizationParams(tensor).scale, (int)TfLiteOpaqueTensorGetQuantization(tensor).type);
    (void)context;
}

static void tell_context(TfLiteOpaqueContext *context)
{
    const int *index;
    int count = 0;
    printf("  graph '%s' of %zu nodes, %zu tensors\n", TfLiteOpaqueContextGetName(context), TfLiteOpaqueContextGetNumNodes(context),
           TfLiteOpaqueContextGetNumTensors(context));
    TfLiteOpaqueContextGetInputs(context, &index, &count);
    list("graph inputs", index, count);
    TfLiteOpaqueContextGetOutputs(context, &index, &count);
    list("graph outputs", index, count);
    TfLiteOpaqueContextGetVariables(context, &index, &count);
    list("graph variables", index, count);
    TfLiteIntArray *plan = NULL;
    TfLiteOpaqueNode *node = NULL;
    TfLiteOperator *op = NULL;
    printf("  for delegates alone: plan %d, node %d\n", (int)TfLiteOpaqueContextGetExecutionPlan(context, &plan),
           (int)TfLiteOpaqueContextGetNodeAndRegistration(context, 0, &node, &op));
    size_t bytes = 0;
    const char *data = NULL;
    printf("  size of int16: status %d,", (int)TfLiteOpaqueContextGetSizeOfType(context, kTfLiteInt16, &bytes));
    printf(" %zu", bytes);
    printf("; of strings: status %d\n", (int)TfLiteOpaqueContextGetSizeOfType(context, kTfLiteString, &bytes));
    printf("  metadata: status %d,", (int)TfLiteOpaqueContextGetMetadata(context, "note", &data, &bytes));
    printf(" %.*s", data ? 5 : 0, data ? data : "");
    printf("; missing: status %d\n", (int)TfLiteOpaqueContextGetMetadata(context, "none", &data, &bytes));
    void *external = NULL;
    TfLiteStatus status = TfLiteOpaqueContextGetExternalContext(context, &external, kTfLiteGemmLowpContext);
    printf("  external context: status %d, %d\n", (int)status, external != NULL);
    printf("  tensor 0 is '%s'\n", TfLiteOpaqueTensorName(TfLiteOpaqueContextGetOpaqueTensor(context, 0)));
    reports = 0;
}

static void tell_node(TfLiteOpaqueContext *context, TfLiteOpaqueNode *node)
{
    const int *index;
    int count = 0;
    const void *data = NULL;
    TfLiteOpaqueNodeInputs(node, &index, &count);
    list("inputs", index, count);
    TfLiteOpaqueNodeOutputs(node, &index, &count);
    list("outputs", index, count);
    TfLiteOpaqueNodeTemporaries(node, &index, &count);
    list("temporaries", index, count);
    printf("  counts %d %d; tensors %d %d, beyond %d %d\n", TfLiteOpaqueNodeNumberOfInputs(node), TfLiteOpaqueNodeNumberOfOutputs(node),
           TfLiteOpaqueNodeGetInputTensorIndex(node, 0), TfLiteOpaqueNodeGetOutputTensorIndex(node, 0),
           TfLiteOpaqueNodeGetInputTensorIndex(node, 9), TfLiteOpaqueNodeGetOutputTensorIndex(node, -1));
    TfLiteOpaqueNodeGetCustomInitialData(node, &data, &count);
    printf("  custom data %.*s, builtin data %d\n", count, (const char *)data, TfLiteOpaqueNodeGetBuiltinData(node) != NULL);
    for (int i = 0; i < TfLiteOpaqueNodeNumberOfInputs(node); i++) tell_tensor(context, "in", TfLiteOpaqueNodeGetInput(context, node, i));
    tell_tensor(context, "in 9", TfLiteOpaqueNodeGetInput(context, node, 9));
    tell_tensor(context, "out", TfLiteOpaqueNodeGetOutput(context, node, 0));
    tell_tensor(context, "out 9", TfLiteOpaqueNodeGetOutput(context, node, 9));
}

/* ---- Twice: y = factor x ---- */

static void *twice_init(TfLiteOpaqueContext *context, const char *buffer, size_t length)
{
    static float factor;
    (void)context;
    printf(" init(%.*s)\n", (int)length, buffer);
    factor = length == 8 ? (float)(buffer[7] - '0') : 0;
    return &factor;
}

static void twice_free(TfLiteOpaqueContext *context, void *data)
{
    (void)context, (void)data;
    doing.freed++;
}

static TfLiteStatus same_shape(TfLiteOpaqueContext *context, TfLiteOpaqueNode *node)
{
    const TfLiteOpaqueTensor *in = TfLiteOpaqueNodeGetInput(context, node, 0);
    TfLiteIntArray *size = TfLiteIntArrayCreate(TfLiteOpaqueTensorNumDims(in));
    for (int i = 0; i < size->size; i++) size->data[i] = TfLiteOpaqueTensorDim(in, i);
    return TfLiteOpaqueContextResizeTensor(context, TfLiteOpaqueNodeGetOutput(context, node, 0), size);
}

static TfLiteStatus twice_prepare(TfLiteOpaqueContext *context, TfLiteOpaqueNode *node)
{
    TF_LITE_OPAQUE_ENSURE_EQ(context, TfLiteOpaqueNodeNumberOfOutputs(node), 1);
    doing.prepared++;
    if (doing.prepare != kTfLiteOk) {
        TfLiteOpaqueContextReportError(context, "prepare says %d", (int)doing.prepare);
        return doing.prepare;
    }
    TfLiteStatus resized = same_shape(context, node);
    if (doing.describe) {
        puts(" prepare");
        tell_context(context);
        tell_node(context, node);
    }
    return resized;
}

static TfLiteStatus twice_invoke(TfLiteOpaqueContext *context, TfLiteOpaqueNode *node)
{
    const TfLiteOpaqueTensor *in = TfLiteOpaqueNodeGetInput(context, node, 0);
    const float *x = TfLiteOpaqueTensorData(in), *factor = TfLiteOpaqueNodeGetUserData(node);
    float *y = TfLiteOpaqueTensorData(TfLiteOpaqueNodeGetOutput(context, node, 0));
    doing.invoked++;
    for (size_t i = 0; i < TfLiteOpaqueTensorByteSize(in) / sizeof *x; i++) y[i] = *factor * x[i];
    if (doing.describe) {
        puts(" invoke");
        tell_node(context, node);
    }
    if (doing.cancel) printf(" cancel: status %d\n", (int)TfLiteInterpreterCancel(doing.cancel));
    return doing.invoke;
}

static TfLiteOperator *twice(void)
{
    TfLiteOperator *op = TfLiteOperatorCreate(kTfLiteBuiltinCustom, "Twice", 1, NULL);
    TfLiteOperatorSetInit(op, twice_init);
    TfLiteOperatorSetFree(op, twice_free);
    TfLiteOperatorSetPrepare(op, twice_prepare);
    TfLiteOperatorSetInvoke(op, twice_invoke);
    return op;
}

/* An interpreter of the model with the operator; both outlive the options and the model. */
static TfLiteInterpreter *with_operator(const char *name, TfLiteOperator *op)
{
    TfLiteModel *model = open_model(name);
    TfLiteInterpreterOptions *options = TfLiteInterpreterOptionsCreate();
    TfLiteInterpreterOptionsSetErrorReporter(options, reporter, &reports);
    TfLiteInterpreterOptionsEnableCancellation(options, true);
    TfLiteInterpreterOptionsAddOperator(options, op);
    TfLiteInterpreter *interpreter = TfLiteInterpreterCreate(model, options);
    printf("%s: interpreter %d%s\n", name, interpreter != NULL, reports ? ", reported" : "");
    reports = 0;
    TfLiteInterpreterOptionsDelete(options);
    TfLiteModelDelete(model);
    return interpreter;
}

static void end(TfLiteInterpreter *interpreter, TfLiteOperator *op)
{
    TfLiteInterpreterDelete(interpreter);
    printf("prepared %d, invoked %d, freed %d\n", doing.prepared, doing.invoked, doing.freed);
    TfLiteOperatorDelete(op);
    memset(&doing, 0, sizeof doing);
}

static void run_twice(TfLiteInterpreter *interpreter)
{
    status("allocate", TfLiteInterpreterAllocateTensors(interpreter));
    status("in", TfLiteTensorCopyFromBuffer(TfLiteInterpreterGetInputTensor(interpreter, 0), (float[]){1, -2}, 8));
    status("invoke", TfLiteInterpreterInvoke(interpreter));
}

static void use_custom(void)
{
    TfLiteModel *model = open_model("custom.tflite");
    TfLiteInterpreterOptions *options = TfLiteInterpreterOptionsCreate();
    TfLiteInterpreterOptionsSetErrorReporter(options, reporter, &reports);
    TfLiteInterpreter *without = TfLiteInterpreterCreate(model, options);
    printf("without the operator: interpreter %d, reported %d\n", without != NULL, reports > 0);
    reports = 0;
    if (without) status("allocate without the operator", TfLiteInterpreterAllocateTensors(without));
    TfLiteInterpreterDelete(without);
    TfLiteInterpreterOptionsDelete(options);
    TfLiteModelDelete(model);

    TfLiteOperator *op = twice();
    doing.describe = true;
    TfLiteInterpreter *interpreter = with_operator("custom.tflite", op);
    run_twice(interpreter);
    floats("twice", TfLiteInterpreterGetOutputTensor(interpreter, 0));
    doing.describe = false;
    status("resize", TfLiteInterpreterResizeInputTensor(interpreter, 0, (int[]){2, 2}, 2));
    status("allocate", TfLiteInterpreterAllocateTensors(interpreter));
    status("in", TfLiteTensorCopyFromBuffer(TfLiteInterpreterGetInputTensor(interpreter, 0), (float[]){1, 2, 3, 4}, 16));
    status("invoke", TfLiteInterpreterInvoke(interpreter));
    floats("twice two rows", TfLiteInterpreterGetOutputTensor(interpreter, 0));
    end(interpreter, op);
}

static void use_chain(void)
{
    TfLiteOperator *op = twice();
    TfLiteInterpreter *interpreter = with_operator("chain.tflite", op);
    run_twice(interpreter);
    floats("chain", TfLiteInterpreterGetOutputTensor(interpreter, 0));
    doing.cancel = interpreter;
    status("invoke and cancel", TfLiteInterpreterInvoke(interpreter));
    doing.cancel = NULL;
    status("invoke again", TfLiteInterpreterInvoke(interpreter));
    doing.invoke = kTfLiteError;
    status("invoke fails", TfLiteInterpreterInvoke(interpreter));
    doing.invoke = kTfLiteApplicationError;
    status("invoke fails otherwise", TfLiteInterpreterInvoke(interpreter));
    doing.invoke = kTfLiteOk;
    status("invoke again", TfLiteInterpreterInvoke(interpreter));
    doing.prepare = kTfLiteError;
    status("resize", TfLiteInterpreterResizeInputTensor(interpreter, 0, (int[]){3, 2}, 2));
    status("prepare fails", TfLiteInterpreterAllocateTensors(interpreter));
    status("invoke then", TfLiteInterpreterInvoke(interpreter));
    doing.prepare = kTfLiteOk;
    status("prepare again", TfLiteInterpreterAllocateTensors(interpreter));
    status("invoke again", TfLiteInterpreterInvoke(interpreter));
    printf("freed %d so far\n", doing.freed);
    end(interpreter, op);
}

/* ---- the forms with user data; a variable; temporaries ---- */

static void *sum_init(void *user_data, TfLiteOpaqueContext *context, const char *buffer, size_t length)
{
    (void)context, (void)buffer;
    printf(" init with %s, %zu bytes\n", (const char *)user_data, length);
    return user_data;
}

static void sum_free(void *user_data, TfLiteOpaqueContext *context, void *data)
{
    (void)context;
    printf(" free with %s: %d\n", (const char *)user_data, user_data == data);
}

static TfLiteStatus sum_prepare(void *user_data, TfLiteOpaqueContext *context, TfLiteOpaqueNode *node)
{
    static const TfLiteQuantizationParams params = {0.5f, 3};
    TfLiteOpaqueTensorBuilder *builder = TfLiteOpaqueTensorBuilderCreate();
    int index = -1, count = 0;
    const int *temporaries;
    builder = TfLiteOpaqueTensorBuilderSetType(builder, kTfLiteFloat32);
    printf(" prepare with %s; no kind: status %d\n", (const char *)user_data, (int)TfLiteOpaqueContextAddTensor(context, builder, &index));
    builder = TfLiteOpaqueTensorBuilderSetAllocationType(builder, kTfLiteArenaRw);
    builder = TfLiteOpaqueTensorBuilderSetData(builder, &index);
    printf(" arena with data: status %d\n", (int)TfLiteOpaqueContextAddTensor(context, builder, &index));
    builder = TfLiteOpaqueTensorBuilderSetData(builder, NULL);
    builder = TfLiteOpaqueTensorBuilderSetQuantizationParams(builder, params);
    builder = TfLiteOpaqueTensorBuilderSetQuantization(builder, (TfLiteQuantization){kTfLiteNoQuantization, NULL});
    printf(" temporary: status %d,", (int)TfLiteOpaqueContextAddTensor(context, builder, &index));
    printf(" tensor %d;", index);
    TfLiteOpaqueTensorBuilderDelete(builder);
    printf(" set: status %d, none: status %d\n", (int)TfLiteOpaqueNodeSetTemporaries(node, &index, 1),
           (int)TfLiteOpaqueNodeSetTemporaries(node, NULL, -1));
    TfLiteOpaqueNodeTemporaries(node, &temporaries, &count);
    list("temporaries", temporaries, count);
    TfLiteOpaqueTensor *temporary = TfLiteOpaqueContextGetOpaqueTensor(context, index);
    TfLiteIntArray *size = TfLiteIntArrayCreate(1);
    size->data[0] = 4;
    printf(" resize it: status %d,", (int)TfLiteOpaqueContextResizeTensor(context, temporary, size));
    printf(" %zu bytes, scale %.9g\n", TfLiteOpaqueTensorByteSize(temporary), (double)TfLiteOpaqueTensorGetQuantizationParams(temporary).scale);
    tell_context(context);
    tell_node(context, node);
    return same_shape(context, node);
}

static TfLiteStatus sum_invoke(void *user_data, TfLiteOpaqueContext *context, TfLiteOpaqueNode *node)
{
    const float *x = TfLiteOpaqueTensorData(TfLiteOpaqueNodeGetInput(context, node, 0));
    TfLiteOpaqueTensor *state = TfLiteOpaqueContextGetOpaqueTensor(context, TfLiteOpaqueNodeGetInputTensorIndex(node, 1));
    TfLiteOpaqueTensor *out = TfLiteOpaqueNodeGetOutput(context, node, 0);
    float *s = TfLiteOpaqueTensorData(state), y[2];
    const int *temporaries;
    int count;
    TfLiteOpaqueNodeTemporaries(node, &temporaries, &count);
    float *scratch = TfLiteOpaqueTensorData(TfLiteOpaqueContextGetOpaqueTensor(context, temporaries[0]));
    for (int i = 0; i < 2; i++) scratch[i] = s[i] += x[i];
    memcpy(y, scratch, sizeof y);
    TfLiteStatus copied = TfLiteOpaqueTensorCopyFromBuffer(out, y, sizeof y), back = TfLiteOpaqueTensorCopyToBuffer(out, y, sizeof y);
    printf(" invoke with %s: copy %d %d, back %d\n", (const char *)user_data, (int)copied, (int)TfLiteOpaqueTensorCopyFromBuffer(out, y, 3),
           (int)back);
    return kTfLiteOk;
}

static void use_variable(void)
{
    static char data[] = "data";
    TfLiteOperator *op = TfLiteOperatorCreate(kTfLiteBuiltinCustom, "Sum", 2, data);
    printf("operator %d, '%s', version %d, data %d; of nothing: %d\n", (int)TfLiteOperatorGetBuiltInCode(op), TfLiteOperatorGetCustomName(op),
           TfLiteOperatorGetVersion(op), TfLiteOperatorGetUserData(op) == data, TfLiteOperatorGetVersion(NULL));
    printf("set: %d %d %d %d\n", (int)TfLiteOperatorSetInitWithData(op, sum_init), (int)TfLiteOperatorSetFreeWithData(op, sum_free),
           (int)TfLiteOperatorSetPrepareWithData(op, sum_prepare), (int)TfLiteOperatorSetInvokeWithData(op, sum_invoke));
    TfLiteOperatorSetInplaceOperator(op, 0);
    TfLiteInterpreter *interpreter = with_operator("state.tflite", op);
    printf("%d variables\n", (int)TfLiteInterpreterGetVariableTensorCount(interpreter));
    run_twice(interpreter);
    status("invoke", TfLiteInterpreterInvoke(interpreter));
    floats("sum", TfLiteInterpreterGetOutputTensor(interpreter, 0));
    floats("variable", TfLiteInterpreterGetVariableTensor(interpreter, 0));
    status("reset", TfLiteInterpreterResetVariableTensors(interpreter));
    status("invoke", TfLiteInterpreterInvoke(interpreter));
    floats("sum", TfLiteInterpreterGetOutputTensor(interpreter, 0));
    end(interpreter, op);
}

/* ---- strings, and shapes that are known while invoking ---- */

static TfLiteStatus dynamic_prepare(TfLiteOpaqueContext *context, TfLiteOpaqueNode *node)
{
    TfLiteOpaqueTensorSetAllocationTypeToDynamic(TfLiteOpaqueNodeGetOutput(context, node, 0));
    return kTfLiteOk;
}

static TfLiteStatus reverse_invoke(TfLiteOpaqueContext *context, TfLiteOpaqueNode *node)
{
    const TfLiteOpaqueTensor *in = TfLiteOpaqueNodeGetInput(context, node, 0);
    const char *text[8];
    int length[8], count = TfLiteOpaqueTensorGetStringCount(in);
    printf(" %d strings:", count);
    for (int i = 0; i < count && i < 8; i++) {
        printf(" %d", (int)TfLiteOpaqueTensorGetString(in, i, &text[count - 1 - i], &length[count - 1 - i]));
        printf(" '%.*s'", length[count - 1 - i], text[count - 1 - i]);
    }
    puts("");
    return TfLiteOpaqueTensorWriteStrings(TfLiteOpaqueNodeGetOutput(context, node, 0), text, count, length);
}

static void tell_strings(const TfLiteTensor *tensor)
{
    const TfLiteOpaqueTensor *opaque = (const TfLiteOpaqueTensor *)(const void *)tensor;
    const char *text;
    int length;
    printf("%d strings:", TfLiteOpaqueTensorGetStringCount(opaque));
    for (int i = 0; i < TfLiteOpaqueTensorGetStringCount(opaque); i++)
        if (TfLiteOpaqueTensorGetString(opaque, i, &text, &length) == kTfLiteOk) printf(" '%.*s'", length, text);
    puts("");
}

static void use_strings(void)
{
    TfLiteOperator *op = TfLiteOperatorCreate(kTfLiteBuiltinCustom, "Reverse", 1, NULL);
    TfLiteOperatorSetPrepare(op, dynamic_prepare);
    TfLiteOperatorSetInvoke(op, reverse_invoke);
    TfLiteInterpreter *interpreter = with_operator("strings.tflite", op);
    status("allocate", TfLiteInterpreterAllocateTensors(interpreter));
    TfLiteOpaqueTensor *in = (TfLiteOpaqueTensor *)(void *)TfLiteInterpreterGetInputTensor(interpreter, 0);
    status("write", TfLiteOpaqueTensorWriteStrings(in, (const char *const[]){"one", "", "three"}, 3, (const int[]){3, 0, 5}));
    shape("strings", TfLiteInterpreterGetInputTensor(interpreter, 0));
    status("invoke", TfLiteInterpreterInvoke(interpreter));
    tell_strings(TfLiteInterpreterGetOutputTensor(interpreter, 0));
    shape("strings out", TfLiteInterpreterGetOutputTensor(interpreter, 0));
    status("write one", TfLiteOpaqueTensorWriteString(in, "alone", 5));
    status("invoke", TfLiteInterpreterInvoke(interpreter));
    tell_strings(TfLiteInterpreterGetOutputTensor(interpreter, 0));
    end(interpreter, op);
}

/* The input's first value times: a row of that many ones. */
static TfLiteStatus ones_invoke(TfLiteOpaqueContext *context, TfLiteOpaqueNode *node)
{
    const float *x = TfLiteOpaqueTensorData(TfLiteOpaqueNodeGetInput(context, node, 0));
    TfLiteOpaqueTensor *out = TfLiteOpaqueNodeGetOutput(context, node, 0);
    TfLiteIntArray *size = TfLiteIntArrayCreate(1);
    size->data[0] = (int)x[0];
    TfLiteStatus resized = TfLiteOpaqueContextResizeTensor(context, out, size);
    float *y = TfLiteOpaqueTensorData(out);
    for (int i = 0; i < (int)x[0]; i++) y[i] = 1;
    return resized;
}

static void use_dynamic(void)
{
    TfLiteOperator *op = TfLiteOperatorCreate(kTfLiteBuiltinCustom, "Ones", 1, NULL);
    TfLiteOperatorSetPrepare(op, dynamic_prepare);
    TfLiteOperatorSetInvoke(op, ones_invoke);
    TfLiteInterpreter *interpreter = with_operator("dynamic.tflite", op);
    status("allocate", TfLiteInterpreterAllocateTensors(interpreter));
    const TfLiteTensor *out = TfLiteInterpreterGetOutputTensor(interpreter, 0);
    for (int n = 3; n > 0; n -= 2) {
        status("in", TfLiteTensorCopyFromBuffer(TfLiteInterpreterGetInputTensor(interpreter, 0), (float[]){(float)n, 0}, 8));
        status("invoke", TfLiteInterpreterInvoke(interpreter));
        shape("out", out);
        floats("minus ones", out);
    }
    end(interpreter, op);
}

void use_operators(void)
{
    use_custom();
    use_chain();
    use_variable();
    use_strings();
    use_dynamic();
}
