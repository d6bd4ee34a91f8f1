/*
 * c_model.c - models and interpreter options of the TensorFlow Lite C API.
 */
#include "tflite_c/c_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- models ---- */

static TfLiteModel *wrap(struct qc_model *model, const struct qc_error *error, const struct c_reporter *reporter)
{
    TfLiteModel *wrapped = model ? calloc(1, sizeof *wrapped) : NULL;
    if (!wrapped) {
        c_report(reporter, "%s", model ? "out of memory" : error->text);
        qc_model_free(model);
        return NULL;
    }
    wrapped->model = model;
    atomic_init(&wrapped->references, 1);
    return wrapped;
}

void c_model_release(struct TfLiteModel *model)
{
    if (!model || atomic_fetch_sub(&model->references, 1) > 1) return;
    qc_model_free(model->model);
    free(model);
}

TfLiteModel *TfLiteModelCreateWithErrorReporter(const void *model_data, size_t model_size,
                                                void (*reporter)(void *user_data, const char *format, va_list args), void *user_data)
{
    const struct c_reporter r = {reporter, user_data};
    struct qc_error error;
    if (!model_data) {
        c_report(&r, "the model's bytes are NULL");
        return NULL;
    }
    return wrap(qc_model_open_memory(model_data, model_size, NULL, &error), &error, &r);
}

TfLiteModel *TfLiteModelCreate(const void *model_data, size_t model_size)
{
    return TfLiteModelCreateWithErrorReporter(model_data, model_size, NULL, NULL);
}

TfLiteModel *TfLiteModelCreateFromFileWithErrorReporter(const char *model_path,
                                                        void (*reporter)(void *user_data, const char *format, va_list args), void *user_data)
{
    const struct c_reporter r = {reporter, user_data};
    struct qc_error error;
    if (!model_path) {
        c_report(&r, "the model's path is NULL");
        return NULL;
    }
    return wrap(qc_model_open(model_path, NULL, &error), &error, &r);
}

TfLiteModel *TfLiteModelCreateFromFile(const char *model_path)
{
    return TfLiteModelCreateFromFileWithErrorReporter(model_path, NULL, NULL);
}

void TfLiteModelDelete(TfLiteModel *model)
{
    c_model_release(model);
}

/* ---- options ---- */

TfLiteInterpreterOptions *TfLiteInterpreterOptionsCreate(void)
{
    TfLiteInterpreterOptions *options = calloc(1, sizeof *options);
    if (options) options->threads = -1;
    return options;
}

void TfLiteInterpreterOptionsDelete(TfLiteInterpreterOptions *options)
{
    if (!options) return;
    for (size_t i = 0; i < options->op_count; i++) free(options->op[i].name);
    free(options->op);
    free(options);
}

static struct c_op *add_op(TfLiteInterpreterOptions *options, int code, const char *name)
{
    if (options->op_count == options->op_capacity) {
        size_t capacity = 2 * options->op_capacity + 4;
        struct c_op *grown = realloc(options->op, capacity * sizeof *grown);
        if (!grown) return NULL;
        options->op = grown;
        options->op_capacity = capacity;
    }
    struct c_op *op = &options->op[options->op_count];
    memset(op, 0, sizeof *op);
    op->op.code = code;
    if (name && !(op->name = strdup(name))) return NULL;
    options->op_count++;
    return op;
}

TfLiteInterpreterOptions *TfLiteInterpreterOptionsCopy(const TfLiteInterpreterOptions *from)
{
    TfLiteInterpreterOptions *copy = from ? TfLiteInterpreterOptionsCreate() : NULL;
    if (!copy) return NULL;
    *copy = *from;
    copy->op = NULL;
    copy->op_count = copy->op_capacity = 0;
    for (size_t i = 0; i < from->op_count; i++) {
        struct c_op *op = add_op(copy, from->op[i].op.code, from->op[i].name);
        if (!op) {
            TfLiteInterpreterOptionsDelete(copy);
            return NULL;
        }
        op->external = from->op[i].external;
        op->registration = from->op[i].registration;
    }
    return copy;
}

void TfLiteInterpreterOptionsSetNumThreads(TfLiteInterpreterOptions *options, int32_t num_threads)
{
    if (options) options->threads = num_threads;
}

void TfLiteInterpreterOptionsSetErrorReporter(TfLiteInterpreterOptions *options,
                                              void (*reporter)(void *user_data, const char *format, va_list args), void *user_data)
{
    if (options) options->reporter = (struct c_reporter){reporter, user_data};
}

void TfLiteInterpreterOptionsAddDelegate(TfLiteInterpreterOptions *options, TfLiteOpaqueDelegate *delegate)
{
    if (options && delegate) options->has_delegate = true;
}

TfLiteStatus TfLiteInterpreterOptionsEnableCancellation(TfLiteInterpreterOptions *options, bool enable)
{
    if (!options) return kTfLiteError;
    options->cancellable = enable;
    return kTfLiteOk;
}

void TfLiteInterpreterOptionsAddOperator(TfLiteInterpreterOptions *options, TfLiteOperator *registration)
{
    if (!options || !registration) return;
    struct c_op *op = add_op(options, registration->code, registration->name);
    if (op) op->external = registration;
}

void TfLiteInterpreterOptionsAddBuiltinOp(TfLiteInterpreterOptions *options, TfLiteBuiltinOperator op, const TfLiteRegistration *registration,
                                          int32_t min_version, int32_t max_version)
{
    (void)min_version;
    if (!options || !registration) return;
    struct c_op *added = add_op(options, op, NULL);
    if (added) {
        added->registration = registration;
        added->op.max_version = (uint8_t)QC_MIN(QC_MAX(max_version, 1), 255);
    }
}

void TfLiteInterpreterOptionsAddCustomOp(TfLiteInterpreterOptions *options, const char *name, const TfLiteRegistration *registration,
                                         int32_t min_version, int32_t max_version)
{
    (void)min_version;
    if (!options || !registration || !name) return;
    struct c_op *added = add_op(options, tfl_BuiltinOperator_CUSTOM, name);
    if (added) {
        added->registration = registration;
        added->op.max_version = (uint8_t)QC_MIN(QC_MAX(max_version, 1), 255);
    }
}

void TfLiteInterpreterOptionsSetUseNNAPI(TfLiteInterpreterOptions *options, bool enable)
{
    (void)options, (void)enable;
}

void TfLiteInterpreterOptionsSetEnableDelegateFallback(TfLiteInterpreterOptions *options, bool enable)
{
    (void)options, (void)enable;
}

void TfLiteInterpreterOptionsSetTelemetryProfiler(TfLiteInterpreterOptions *options, struct TfLiteTelemetryProfilerStruct *profiler)
{
    (void)options, (void)profiler;
}
