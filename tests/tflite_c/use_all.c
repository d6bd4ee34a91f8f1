/*
 * use_all.c - uses every function of the TensorFlow Lite C API, on its headers alone, and prints what it sees: use_all FOLDER, where
 * make_models has written. expected.txt is what the original library printed (see compare); some calls are wrong on purpose.
 */
#include "use.h"

#include <stdio.h>
#include <string.h>

int reports;
static const char *folder;

const char *path_of(const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

TfLiteModel *open_model(const char *name)
{
    TfLiteModel *model = TfLiteModelCreateFromFile(path_of(name));
    if (!model) printf("%s: cannot be opened\n", name);
    return model;
}

void reporter(void *user_data, const char *format, va_list args)
{
    char text[512];
    if (vsnprintf(text, sizeof text, format, args) > 0) ++*(int *)user_data;
}

void status(const char *what, TfLiteStatus status)
{
    printf("%s: status %d%s\n", what, (int)status, reports ? ", reported" : "");
    reports = 0;
}

void shape(const char *what, const TfLiteTensor *tensor)
{
    printf("%s: '%s' type %d, %zu bytes, shape", what, TfLiteTensorName(tensor), (int)TfLiteTensorType(tensor), TfLiteTensorByteSize(tensor));
    for (int i = 0; i < TfLiteTensorNumDims(tensor); i++) printf(" %d", (int)TfLiteTensorDim(tensor, i));
    puts(TfLiteTensorData(tensor) ? ", there" : "");
}

void floats(const char *what, const TfLiteTensor *tensor)
{
    float y[64];
    size_t bytes = TfLiteTensorByteSize(tensor);
    if (bytes > sizeof y) return;
    printf("%s, status %d:", what, (int)TfLiteTensorCopyToBuffer(tensor, y, bytes));
    for (size_t i = 0; i < bytes / sizeof *y; i++) printf(" %.9g", (double)y[i]);
    puts("");
}

static void use_library(void)
{
    printf("schema %d, version 2: %d, extensions 2: %d\n", TfLiteSchemaVersion(), !strncmp(TfLiteVersion(), "2.", 2),
           !strncmp(TfLiteExtensionApisVersion(), "2.", 2));
}

static void use_bad_models(void)
{
    int count = 0;
    TfLiteModel *missing = TfLiteModelCreateFromFileWithErrorReporter(path_of("missing.tflite"), reporter, &count);
    printf("missing file: %d, reported %d\n", missing != NULL, count > 0);
    count = 0;
    TfLiteModel *rubbish = TfLiteModelCreateWithErrorReporter("rubbish", 7, reporter, &count);
    printf("rubbish: %d, reported %d\n", rubbish != NULL, count > 0);
    static char bytes[8192];
    FILE *file = fopen(path_of("dense.tflite"), "rb");
    size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (file) fclose(file);
    TfLiteModel *cut = TfLiteModelCreateWithErrorReporter(bytes, size / 2, reporter, &count);
    printf("half a file: %d\n", cut != NULL);
    TfLiteModelDelete(NULL);
    TfLiteInterpreterOptionsDelete(NULL);
    TfLiteInterpreterDelete(NULL);
    TfLiteSignatureRunnerDelete(NULL);
    TfLiteOperatorDelete(NULL);
    printf("interpreter of no model: %d\n", TfLiteInterpreterCreate(NULL, NULL) != NULL);
}

/* The model and the options die first. */
static TfLiteInterpreter *create(const char *name, int threads)
{
    TfLiteModel *model = open_model(name);
    TfLiteInterpreterOptions *first = TfLiteInterpreterOptionsCreate();
    TfLiteInterpreterOptionsSetNumThreads(first, threads);
    TfLiteInterpreterOptionsSetErrorReporter(first, reporter, &reports);
    status("enable cancellation", TfLiteInterpreterOptionsEnableCancellation(first, true));
    TfLiteInterpreterOptions *options = TfLiteInterpreterOptionsCopy(first);
    TfLiteInterpreterOptionsDelete(first);
    TfLiteInterpreter *interpreter = TfLiteInterpreterCreate(model, options);
    printf("%s: interpreter %d\n", name, interpreter != NULL);
    TfLiteInterpreterOptionsDelete(options);
    TfLiteModelDelete(model);
    return interpreter;
}

static void use_interpreter(void)
{
    TfLiteInterpreter *interpreter = create("dense.tflite", 2);
    printf("%d inputs, %d outputs\n", (int)TfLiteInterpreterGetInputTensorCount(interpreter), (int)TfLiteInterpreterGetOutputTensorCount(interpreter));
    const int in_index = TfLiteInterpreterInputTensorIndices(interpreter)[0], out_index = TfLiteInterpreterOutputTensorIndices(interpreter)[0];
    TfLiteTensor *in = TfLiteInterpreterGetInputTensor(interpreter, 0);
    printf("tensors %d %d are input and output: %d %d\n", in_index, out_index, in == TfLiteInterpreterGetTensor(interpreter, in_index),
           TfLiteInterpreterGetOutputTensor(interpreter, 0) == TfLiteInterpreterGetTensor(interpreter, out_index));
    printf("tensors -1 and 99: %d %d\n", TfLiteInterpreterGetTensor(interpreter, -1) != NULL, TfLiteInterpreterGetTensor(interpreter, 99) != NULL);
    printf("signature of the shape: %d %d\n", in->dims_signature->size, in->dims_signature->data[0]);
    shape("before allocation", in);
    status("invoke before allocation", TfLiteInterpreterInvoke(interpreter));
    status("allocate", TfLiteInterpreterAllocateTensors(interpreter));
    shape("input", in);
    shape("output", TfLiteInterpreterGetOutputTensor(interpreter, 0));
    const float x[4] = {1, 2, 3, 4};
    status("too few bytes in", TfLiteTensorCopyFromBuffer(in, x, 3));
    status("bytes in", TfLiteTensorCopyFromBuffer(in, x, 8));
    status("invoke", TfLiteInterpreterInvoke(interpreter));
    floats("result", TfLiteInterpreterGetOutputTensor(interpreter, 0));
    float y[3];
    status("too few bytes out", TfLiteTensorCopyToBuffer(TfLiteInterpreterGetOutputTensor(interpreter, 0), y, 1));
    TfLiteInterpreterDelete(interpreter);
}

static void use_resizing(void)
{
    TfLiteInterpreter *interpreter = create("dense.tflite", -1);
    TfLiteTensor *in = TfLiteInterpreterGetInputTensor(interpreter, 0);
    status("resize before allocation", TfLiteInterpreterResizeInputTensor(interpreter, 0, (int[]){2, 2}, 2));
    shape("resized", in);
    status("allocate", TfLiteInterpreterAllocateTensors(interpreter));
    status("allocate again", TfLiteInterpreterAllocateTensors(interpreter));
    status("bytes in", TfLiteTensorCopyFromBuffer(in, (float[]){1, 2, 3, 4}, 16));
    status("invoke", TfLiteInterpreterInvoke(interpreter));
    floats("two rows", TfLiteInterpreterGetOutputTensor(interpreter, 0));
    status("resize to what it is", TfLiteInterpreterResizeInputTensor(interpreter, 0, (int[]){2, 2}, 2));
    status("invoke", TfLiteInterpreterInvoke(interpreter));
    status("resize", TfLiteInterpreterResizeInputTensor(interpreter, 0, (int[]){4, 2}, 2));
    status("invoke after a resize", TfLiteInterpreterInvoke(interpreter));
    status("no shape", TfLiteInterpreterResizeInputTensor(interpreter, 0, NULL, 0));
    status("no rows", TfLiteInterpreterResizeInputTensor(interpreter, 0, (int[]){0, 2}, 2));
    status("allocate none", TfLiteInterpreterAllocateTensors(interpreter));
    status("invoke none", TfLiteInterpreterInvoke(interpreter));
    shape("none", TfLiteInterpreterGetOutputTensor(interpreter, 0));
    TfLiteInterpreterDelete(interpreter);
}

/* y = x + [1, 2] takes any number of rows, but of two columns. */
static void use_wrong_shapes(void)
{
    TfLiteInterpreter *interpreter = create("add.tflite", 1);
    status("resize to what does not fit", TfLiteInterpreterResizeInputTensor(interpreter, 0, (int[]){2, 3}, 2));
    status("allocate it", TfLiteInterpreterAllocateTensors(interpreter));
    status("invoke it", TfLiteInterpreterInvoke(interpreter));
    status("resize to what fits", TfLiteInterpreterResizeInputTensor(interpreter, 0, (int[]){2, 2}, 2));
    status("allocate that", TfLiteInterpreterAllocateTensors(interpreter));
    status("bytes in", TfLiteTensorCopyFromBuffer(TfLiteInterpreterGetInputTensor(interpreter, 0), (float[]){1, 2, 3, 4}, 16));
    status("invoke that", TfLiteInterpreterInvoke(interpreter));
    floats("sum", TfLiteInterpreterGetOutputTensor(interpreter, 0));
    TfLiteInterpreterDelete(interpreter);
}

static void use_misuse(void)
{
    TfLiteModel *model = open_model("dense.tflite");
    static const int32_t threads[] = {-7, -1, 0, 3};
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        TfLiteInterpreterOptions *options = TfLiteInterpreterOptionsCreate();
        TfLiteInterpreterOptionsSetErrorReporter(options, reporter, &reports);
        TfLiteInterpreterOptionsSetNumThreads(options, threads[i]);
        TfLiteInterpreter *interpreter = TfLiteInterpreterCreate(model, options);
        printf("%d threads: %d%s\n", (int)threads[i], interpreter != NULL, reports ? ", reported" : "");
        reports = 0;
        TfLiteInterpreterDelete(interpreter);
        TfLiteInterpreterOptionsDelete(options);
    }
    TfLiteModelDelete(model);
    TfLiteInterpreter *interpreter = create("dense.tflite", 1);
    TfLiteTensor *in = TfLiteInterpreterGetInputTensor(interpreter, 0);
    status("resize to a negative size", TfLiteInterpreterResizeInputTensor(interpreter, 0, (int[]){-2, 2}, 2));
    status("allocate that", TfLiteInterpreterAllocateTensors(interpreter));
    status("resize to more than memory", TfLiteInterpreterResizeInputTensor(interpreter, 0, (int[]){INT32_MAX, INT32_MAX}, 2));
    status("resize to less", TfLiteInterpreterResizeInputTensor(interpreter, 0, (int[]){1, 2}, 2));
    status("allocate that", TfLiteInterpreterAllocateTensors(interpreter));
    in = TfLiteInterpreterGetInputTensor(interpreter, 0);
    status("too many bytes in", TfLiteTensorCopyFromBuffer(in, (float[]){1, 2, 3}, 12));
    status("no bytes in", TfLiteTensorCopyFromBuffer(in, (float[]){1}, 0));
    float y[9];
    status("too many bytes out", TfLiteTensorCopyToBuffer(TfLiteInterpreterGetOutputTensor(interpreter, 0), y, sizeof y));
    status("reset", TfLiteInterpreterResetVariableTensors(interpreter));
    TfLiteInterpreterDelete(interpreter);
}

static void use_cancellation(void)
{
    TfLiteInterpreter *interpreter = create("dense.tflite", 1);
    status("allocate", TfLiteInterpreterAllocateTensors(interpreter));
    status("cancel nothing", TfLiteInterpreterCancel(interpreter));
    status("invoke all the same", TfLiteInterpreterInvoke(interpreter));
    TfLiteInterpreterDelete(interpreter);
    TfLiteModel *model = open_model("dense.tflite");
    interpreter = TfLiteInterpreterCreate(model, NULL);
    status("cancel without having enabled it", TfLiteInterpreterCancel(interpreter));
    TfLiteInterpreterDelete(interpreter);
    TfLiteModelDelete(model);
}

static void use_quantization(void)
{
    TfLiteInterpreter *interpreter = create("quantized.tflite", 1);
    status("allocate", TfLiteInterpreterAllocateTensors(interpreter));
    for (int i = 0; i <= TfLiteInterpreterOutputTensorIndices(interpreter)[0]; i++) {
        const TfLiteTensor *tensor = TfLiteInterpreterGetTensor(interpreter, i);
        TfLiteQuantizationParams params = TfLiteTensorQuantizationParams(tensor);
        shape("tensor", tensor);
        printf("  scale %.9g, zero point %d, kind %d:", (double)params.scale, (int)params.zero_point, (int)tensor->quantization.type);
        const TfLiteAffineQuantization *affine = tensor->quantization.params;
        for (int k = 0; affine && k < affine->scale->size; k++) printf(" %.9g+%d", (double)affine->scale->data[k], affine->zero_point->data[k]);
        printf(", axis %d, allocation %d\n", affine ? (int)affine->quantized_dimension : -1, (int)tensor->allocation_type);
    }
    int8_t y[3] = {0};
    status("in", TfLiteTensorCopyFromBuffer(TfLiteInterpreterGetInputTensor(interpreter, 0), (int8_t[]){10, -20}, 2));
    status("invoke", TfLiteInterpreterInvoke(interpreter));
    status("out", TfLiteTensorCopyToBuffer(TfLiteInterpreterGetOutputTensor(interpreter, 0), y, 3));
    printf("int8 result: %d %d %d\n", y[0], y[1], y[2]);
    TfLiteInterpreterDelete(interpreter);
}

static void run_signature(TfLiteInterpreter *interpreter, const char *key)
{
    TfLiteSignatureRunner *runner = TfLiteInterpreterGetSignatureRunner(interpreter, key);
    printf("signature %s: %d\n", key ? key : "NULL", runner != NULL);
    if (!runner) return;
    printf("%zu inputs, %zu outputs, the first '%s' '%s', beyond %d %d\n", TfLiteSignatureRunnerGetInputCount(runner),
           TfLiteSignatureRunnerGetOutputCount(runner), TfLiteSignatureRunnerGetInputName(runner, 0),
           TfLiteSignatureRunnerGetOutputName(runner, 0), TfLiteSignatureRunnerGetInputName(runner, 9) != NULL,
           TfLiteSignatureRunnerGetOutputName(runner, -1) != NULL);
    status("invoke before allocation", TfLiteSignatureRunnerInvoke(runner));
    status("resize a fixed dimension", TfLiteSignatureRunnerResizeInputTensor(runner, "x", (int[]){2, 3}, 2));
    status("resize to another rank", TfLiteSignatureRunnerResizeInputTensor(runner, "x", (int[]){2}, 1));
    status("resize another input", TfLiteSignatureRunnerResizeInputTensor(runner, "none", (int[]){2, 2}, 2));
    status("resize", TfLiteSignatureRunnerResizeInputTensor(runner, "x", (int[]){2, 2}, 2));
    status("allocate", TfLiteSignatureRunnerAllocateTensors(runner));
    printf("inputs x, none: %d %d; outputs y, none: %d %d\n", TfLiteSignatureRunnerGetInputTensor(runner, "x") != NULL,
           TfLiteSignatureRunnerGetInputTensor(runner, "none") != NULL, TfLiteSignatureRunnerGetOutputTensor(runner, "y") != NULL,
           TfLiteSignatureRunnerGetOutputTensor(runner, "none") != NULL);
    status("in", TfLiteTensorCopyFromBuffer(TfLiteSignatureRunnerGetInputTensor(runner, "x"), (float[]){1, 2, -3, 4}, 16));
    status("invoke", TfLiteSignatureRunnerInvoke(runner));
    floats("result", TfLiteSignatureRunnerGetOutputTensor(runner, "y"));
    status("cancel", TfLiteSignatureRunnerCancel(runner));
    TfLiteSignatureRunnerDelete(runner);
}

static void use_signatures(void)
{
    static char bytes[8192];
    FILE *file = fopen(path_of("signatures.tflite"), "rb");
    size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (file) fclose(file);
    TfLiteModel *model = TfLiteModelCreate(bytes, size);
    TfLiteInterpreter *interpreter = TfLiteInterpreterCreate(model, NULL);
    printf("%d signatures\n", (int)TfLiteInterpreterGetSignatureCount(interpreter));
    for (int i = -1; i < 3; i++) {
        const char *key = TfLiteInterpreterGetSignatureKey(interpreter, i);
        printf("key %d: %s\n", i, key ? key : "none");
    }
    run_signature(interpreter, "dense");
    run_signature(interpreter, "rectify");
    run_signature(interpreter, "nothing");
    run_signature(interpreter, NULL);
    TfLiteInterpreterDelete(interpreter);
    TfLiteModelDelete(model);
    model = open_model("quantized.tflite"); /* which has none */
    interpreter = TfLiteInterpreterCreate(model, NULL);
    printf("%d signatures\n", (int)TfLiteInterpreterGetSignatureCount(interpreter));
    TfLiteSignatureRunner *runner = TfLiteInterpreterGetSignatureRunner(interpreter, NULL);
    if (runner) printf("placeholder: '%s' '%s'\n", TfLiteSignatureRunnerGetInputName(runner, 0), TfLiteSignatureRunnerGetOutputName(runner, 0));
    TfLiteSignatureRunnerDelete(runner);
    TfLiteInterpreterDelete(interpreter);
    TfLiteModelDelete(model);
}

static TfLiteStatus refuse(TfLiteContext *context, TfLiteDelegate *delegate)
{
    (void)context, (void)delegate;
    return kTfLiteError;
}

static void use_delegate(void)
{
    TfLiteModel *model = open_model("dense.tflite");
    TfLiteInterpreterOptions *options = TfLiteInterpreterOptionsCreate();
    TfLiteDelegate delegate = TfLiteDelegateCreate();
    delegate.Prepare = refuse;
    TfLiteInterpreterOptionsSetErrorReporter(options, reporter, &reports);
    TfLiteInterpreterOptionsAddDelegate(options, (TfLiteOpaqueDelegate *)&delegate);
    printf("interpreter with a delegate that refuses: %d\n", TfLiteInterpreterCreate(model, options) != NULL);
    TfLiteInterpreterOptionsDelete(options);
    TfLiteModelDelete(model);
    int data = 7;
    TfLiteOpaqueDelegateBuilder builder = {.data = &data};
    TfLiteOpaqueDelegate *opaque = TfLiteOpaqueDelegateCreate(&builder);
    printf("opaque delegate: %d, of nothing %d\n", TfLiteOpaqueDelegateGetData(opaque) == &data, TfLiteOpaqueDelegateCreate(NULL) != NULL);
    TfLiteOpaqueDelegateDelete(opaque);
    TfLiteOpaqueDelegateDelete(NULL);
}

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    static const struct {
        const char *name;
        void (*use)(void);
    } part[] = {{"library", use_library},           {"bad models", use_bad_models},   {"interpreter", use_interpreter},
                {"resizing", use_resizing},         {"wrong shapes", use_wrong_shapes}, {"misuse", use_misuse},
                {"cancellation", use_cancellation},
                {"quantization", use_quantization}, {"signatures", use_signatures}, {"delegate", use_delegate},
                {"operators", use_operators},       {"registrations", use_registrations}, {"structs", use_structs}};
    folder = argv[1];
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        printf("\n== %s\n", part[i].name);
        reports = 0;
        part[i].use();
    }
    return 0;
}
