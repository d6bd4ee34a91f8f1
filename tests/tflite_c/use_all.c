/*
 * use_all.c - every function of the stable TensorFlow Lite C API, on its headers alone: use_all FOLDER, where make_models has written.
 * Prints what it sees; every check that fails is a line with its place and exit status 1.
 */
#include "tensorflow/lite/c/c_api.h"
#include "tensorflow/lite/c/c_api_experimental.h"
#include "tensorflow/lite/c/c_api_opaque.h"

#include <stdio.h>
#include <string.h>

static int failures, reports;

#define CHECK(condition)                                              \
    do {                                                              \
        if (!(condition)) {                                           \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);    \
            failures++;                                               \
        }                                                             \
    } while (0)

static void reporter(void *user_data, const char *format, va_list args)
{
    char text[512];
    (void)user_data;
    vsnprintf(text, sizeof text, format, args);
    printf("reported: %s\n", text);
    reports++;
}

static const char *path_of(const char *folder, const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void use_library(void)
{
    printf("version %s, extensions %s, schema %d\n", TfLiteVersion(), TfLiteExtensionApisVersion(), TfLiteSchemaVersion());
    CHECK(TfLiteSchemaVersion() == 3);
    CHECK(!strcmp(TfLiteTypeGetName(kTfLiteInt8), "INT8"));
}

static void use_bad_models(const char *folder)
{
    CHECK(!TfLiteModelCreateFromFileWithErrorReporter(path_of(folder, "missing.tflite"), reporter, NULL));
    CHECK(!TfLiteModelCreateWithErrorReporter("rubbish", 7, reporter, NULL));
    CHECK(reports == 2);
    TfLiteModelDelete(NULL);
    TfLiteInterpreterOptionsDelete(NULL);
    TfLiteInterpreterDelete(NULL);
    TfLiteSignatureRunnerDelete(NULL);
    TfLiteOperatorDelete(NULL);
}

static void check_dense(const TfLiteTensor *out, int rows)
{
    float y[6];
    CHECK(TfLiteTensorType(out) == kTfLiteFloat32 && TfLiteTensorNumDims(out) == 2);
    CHECK(TfLiteTensorDim(out, 0) == rows && TfLiteTensorDim(out, 1) == 3);
    CHECK(TfLiteTensorByteSize(out) == (size_t)rows * 12 && TfLiteTensorData(out));
    CHECK(TfLiteTensorCopyToBuffer(out, y, 1) == kTfLiteError);
    CHECK(TfLiteTensorCopyToBuffer(out, y, (size_t)rows * 12) == kTfLiteOk);
    for (int r = 0; r < rows; r++) {
        printf("row %d: %g %g %g\n", r, (double)y[3 * r], (double)y[3 * r + 1], (double)y[3 * r + 2]);
        float a = (float)(2 * r + 1), b = (float)(2 * r + 2), second = b / 2 - a, third = 10 - 3 * b;
        CHECK(y[3 * r] == a + 2 * b + 0.5f && y[3 * r + 1] == (second > 0 ? second : 0) && y[3 * r + 2] == (third > 0 ? third : 0));
    }
}

static void use_interpreter(const char *folder)
{
    TfLiteModel *model = TfLiteModelCreateFromFile(path_of(folder, "dense.tflite"));
    TfLiteInterpreterOptions *first = TfLiteInterpreterOptionsCreate();
    TfLiteInterpreterOptionsSetNumThreads(first, 2);
    TfLiteInterpreterOptionsSetErrorReporter(first, reporter, NULL);
    CHECK(TfLiteInterpreterOptionsEnableCancellation(first, true) == kTfLiteOk);
    TfLiteInterpreterOptions *options = TfLiteInterpreterOptionsCopy(first);
    TfLiteInterpreter *interpreter = TfLiteInterpreterCreate(model, options);
    CHECK(model && options && interpreter);
    TfLiteInterpreterOptionsDelete(first);
    TfLiteInterpreterOptionsDelete(options);
    TfLiteModelDelete(model); /* the interpreter keeps what it needs */
    if (!interpreter) return;

    CHECK(TfLiteInterpreterGetInputTensorCount(interpreter) == 1 && TfLiteInterpreterGetOutputTensorCount(interpreter) == 1);
    TfLiteTensor *in = TfLiteInterpreterGetInputTensor(interpreter, 0);
    CHECK(in == TfLiteInterpreterGetTensor(interpreter, TfLiteInterpreterInputTensorIndices(interpreter)[0]));
    CHECK(TfLiteInterpreterGetOutputTensor(interpreter, 0) ==
          TfLiteInterpreterGetTensor(interpreter, TfLiteInterpreterOutputTensorIndices(interpreter)[0]));
    CHECK(!TfLiteInterpreterGetInputTensor(interpreter, 1) && !TfLiteInterpreterGetOutputTensor(interpreter, -1));
    CHECK(TfLiteTensorNumDims(in) == 2 && TfLiteTensorDim(in, 0) == 1 && in->dims->data[1] == 2);
    CHECK(in->dims_signature->size == 2 && in->dims_signature->data[0] == -1);
    CHECK(TfLiteTensorQuantizationParams(in).scale == 0);
    printf("input %s\n", TfLiteTensorName(in));
    CHECK(TfLiteInterpreterInvoke(interpreter) != kTfLiteOk); /* not allocated yet */
    CHECK(TfLiteInterpreterAllocateTensors(interpreter) == kTfLiteOk);
    float x[4] = {1, 2, 3, 4};
    CHECK(TfLiteTensorCopyFromBuffer(in, x, 3) == kTfLiteError);
    CHECK(TfLiteTensorCopyFromBuffer(in, x, 8) == kTfLiteOk);
    CHECK(TfLiteInterpreterInvoke(interpreter) == kTfLiteOk);
    check_dense(TfLiteInterpreterGetOutputTensor(interpreter, 0), 1);

    CHECK(TfLiteInterpreterResizeInputTensor(interpreter, 0, (int[]){2, 2}, 2) == kTfLiteOk);
    CHECK(TfLiteInterpreterResizeInputTensor(interpreter, 5, (int[]){2, 2}, 2) == kTfLiteError);
    CHECK(TfLiteInterpreterAllocateTensors(interpreter) == kTfLiteOk);
    CHECK(TfLiteTensorCopyFromBuffer(in, x, 16) == kTfLiteOk);
    CHECK(TfLiteInterpreterInvoke(interpreter) == kTfLiteOk);
    check_dense(TfLiteInterpreterGetOutputTensor(interpreter, 0), 2);
    CHECK(TfLiteInterpreterCancel(interpreter) == kTfLiteOk); /* none is under way */
    CHECK(TfLiteInterpreterInvoke(interpreter) == kTfLiteOk);
    CHECK(TfLiteInterpreterResizeInputTensor(interpreter, 0, (int[]){3, 1}, 2) == kTfLiteOk);
    CHECK(TfLiteInterpreterAllocateTensors(interpreter) == kTfLiteError); /* the weights do not fit */
    TfLiteInterpreterDelete(interpreter);
}

static void use_signatures(const char *folder)
{
    static char bytes[8192];
    FILE *file = fopen(path_of(folder, "dense.tflite"), "rb");
    size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (file) fclose(file);
    TfLiteModel *model = TfLiteModelCreate(bytes, size);
    TfLiteInterpreter *interpreter = TfLiteInterpreterCreate(model, NULL);
    CHECK(interpreter);
    if (!interpreter) return;
    CHECK(TfLiteInterpreterCancel(interpreter) == kTfLiteError); /* not enabled */
    CHECK(TfLiteInterpreterGetSignatureCount(interpreter) == 1);
    CHECK(!strcmp(TfLiteInterpreterGetSignatureKey(interpreter, 0), "serving_default"));
    CHECK(!TfLiteInterpreterGetSignatureRunner(interpreter, "none"));
    TfLiteSignatureRunner *runner = TfLiteInterpreterGetSignatureRunner(interpreter, "serving_default");
    CHECK(runner && TfLiteSignatureRunnerGetInputCount(runner) == 1 && TfLiteSignatureRunnerGetOutputCount(runner) == 1);
    CHECK(!strcmp(TfLiteSignatureRunnerGetInputName(runner, 0), "x") && !strcmp(TfLiteSignatureRunnerGetOutputName(runner, 0), "y"));
    CHECK(TfLiteSignatureRunnerResizeInputTensor(runner, "x", (int[]){2, 3}, 2) == kTfLiteError); /* only the batch is free */
    CHECK(TfLiteSignatureRunnerResizeInputTensor(runner, "x", (int[]){2, 2}, 2) == kTfLiteOk);
    CHECK(TfLiteSignatureRunnerAllocateTensors(runner) == kTfLiteOk);
    TfLiteTensor *in = TfLiteSignatureRunnerGetInputTensor(runner, "x");
    CHECK(!TfLiteSignatureRunnerGetInputTensor(runner, "y"));
    CHECK(TfLiteTensorCopyFromBuffer(in, (float[]){1, 2, 3, 4}, 16) == kTfLiteOk);
    CHECK(TfLiteSignatureRunnerInvoke(runner) == kTfLiteOk);
    check_dense(TfLiteSignatureRunnerGetOutputTensor(runner, "y"), 2);
    TfLiteSignatureRunnerDelete(runner);
    TfLiteInterpreterDelete(interpreter);
    TfLiteModelDelete(model);
}

/* ---- a custom operator ---- */

static void *twice_init(TfLiteOpaqueContext *context, const char *buffer, size_t length)
{
    static float factor;
    (void)context;
    CHECK(length == 8 && !memcmp(buffer, "factor=2", 8));
    factor = (float)(buffer[7] - '0');
    return &factor;
}

static int freed;

static void twice_free(TfLiteOpaqueContext *context, void *data)
{
    (void)context;
    CHECK(*(float *)data == 2);
    freed++;
}

static TfLiteStatus twice_prepare(TfLiteOpaqueContext *context, TfLiteOpaqueNode *node)
{
    const TfLiteOpaqueTensor *in = TfLiteOpaqueNodeGetInput(context, node, 0);
    TF_LITE_OPAQUE_ENSURE_EQ(context, TfLiteOpaqueNodeNumberOfInputs(node), 1);
    TfLiteIntArray *size = TfLiteIntArrayCreate(TfLiteOpaqueTensorNumDims(in));
    for (int i = 0; i < size->size; i++) size->data[i] = TfLiteOpaqueTensorDim(in, i);
    return TfLiteOpaqueContextResizeTensor(context, TfLiteOpaqueNodeGetOutput(context, node, 0), size);
}

static TfLiteStatus twice_invoke(void *user_data, TfLiteOpaqueContext *context, TfLiteOpaqueNode *node)
{
    const TfLiteOpaqueTensor *in = TfLiteOpaqueNodeGetInput(context, node, 0);
    TfLiteOpaqueTensor *out = TfLiteOpaqueNodeGetOutput(context, node, 0);
    const float *x = TfLiteOpaqueTensorData(in), *factor = TfLiteOpaqueNodeGetUserData(node);
    float *y = TfLiteOpaqueTensorData(out);
    CHECK(!strcmp(user_data, "mine"));
    for (size_t i = 0; i < TfLiteOpaqueTensorByteSize(in) / sizeof(float); i++) y[i] = *factor * x[i];
    return kTfLiteOk;
}

static void use_custom_operator(const char *folder)
{
    TfLiteModel *model = TfLiteModelCreateFromFileWithErrorReporter(path_of(folder, "custom.tflite"), reporter, NULL);
    TfLiteInterpreterOptions *options = TfLiteInterpreterOptionsCreate();
    TfLiteInterpreterOptionsSetErrorReporter(options, reporter, NULL);
    int before = reports;
    CHECK(!TfLiteInterpreterCreate(model, options) && reports == before + 1); /* nobody knows "Twice" yet */
    TfLiteOperator *twice = TfLiteOperatorCreate(kTfLiteBuiltinCustom, "Twice", 1, "mine");
    CHECK(TfLiteOperatorGetBuiltInCode(twice) == kTfLiteBuiltinCustom && TfLiteOperatorGetVersion(twice) == 1);
    CHECK(!strcmp(TfLiteOperatorGetCustomName(twice), "Twice") && TfLiteOperatorGetUserData(twice));
    TfLiteOperatorSetInit(twice, twice_init);
    TfLiteOperatorSetFree(twice, twice_free);
    TfLiteOperatorSetPrepare(twice, twice_prepare);
    CHECK(TfLiteOperatorSetInvokeWithData(twice, twice_invoke) == kTfLiteOk);
    TfLiteInterpreterOptionsAddOperator(options, twice);
    TfLiteInterpreter *interpreter = TfLiteInterpreterCreate(model, options);
    CHECK(interpreter);
    if (!interpreter) return;
    CHECK(TfLiteInterpreterResizeInputTensor(interpreter, 0, (int[]){2, 2}, 2) == kTfLiteOk);
    CHECK(TfLiteInterpreterAllocateTensors(interpreter) == kTfLiteOk);
    CHECK(TfLiteTensorCopyFromBuffer(TfLiteInterpreterGetInputTensor(interpreter, 0), (float[]){1, 2, 3, 4}, 16) == kTfLiteOk);
    CHECK(TfLiteInterpreterInvoke(interpreter) == kTfLiteOk);
    float y[4] = {0};
    CHECK(TfLiteTensorCopyToBuffer(TfLiteInterpreterGetOutputTensor(interpreter, 0), y, sizeof y) == kTfLiteOk);
    printf("twice: %g %g %g %g\n", (double)y[0], (double)y[1], (double)y[2], (double)y[3]);
    CHECK(y[0] == 2 && y[3] == 8);
    TfLiteInterpreterDelete(interpreter);
    CHECK(freed == 1);
    TfLiteInterpreterOptionsDelete(options);
    TfLiteOperatorDelete(twice);
    TfLiteModelDelete(model);
}

static void use_delegate(const char *folder)
{
    TfLiteModel *model = TfLiteModelCreateFromFile(path_of(folder, "dense.tflite"));
    TfLiteInterpreterOptions *options = TfLiteInterpreterOptionsCreate();
    TfLiteDelegate delegate = TfLiteDelegateCreate();
    TfLiteInterpreterOptionsSetErrorReporter(options, reporter, NULL);
    TfLiteInterpreterOptionsAddDelegate(options, (TfLiteOpaqueDelegate *)&delegate);
    CHECK(!TfLiteInterpreterCreate(model, options));
    TfLiteInterpreterOptionsDelete(options);
    TfLiteModelDelete(model);
}

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    use_library();
    use_bad_models(argv[1]);
    use_interpreter(argv[1]);
    use_signatures(argv[1]);
    use_custom_operator(argv[1]);
    use_delegate(argv[1]);
    printf("%d failed\n", failures);
    return failures != 0;
}
