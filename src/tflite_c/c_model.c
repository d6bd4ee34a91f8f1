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

struct c_op *c_op_add(struct c_op **list, size_t *count, size_t *capacity, int code, const char *name)
{
    if (*count == *capacity) {
        size_t room = 2 * *capacity + 4;
        struct c_op *grown = realloc(*list, room * sizeof *grown);
        if (!grown) return NULL;
        *list = grown;
        *capacity = room;
    }
    struct c_op *op = &(*list)[*count];
    memset(op, 0, sizeof *op);
    op->op.code = code;
    if (name && !(op->name = strdup(name))) return NULL;
    ++*count;
    return op;
}

static struct c_op *add_op(TfLiteInterpreterOptions *options, int code, const char *name, int min_version, int max_version)
{
    struct c_op *op = c_op_add(&options->op, &options->op_count, &options->op_capacity, code, name);
    if (!op) return NULL;
    op->min_version = min_version;
    op->op.max_version = (uint8_t)QC_MIN(QC_MAX(max_version, 1), 255);
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
        struct c_op *op = add_op(copy, from->op[i].op.code, from->op[i].name, from->op[i].min_version, from->op[i].op.max_version);
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

TfLiteStatus TfLiteInterpreterOptionsEnableCancellation(TfLiteInterpreterOptions *options, bool enable)
{
    if (!options) return kTfLiteError;
    options->cancellable = enable;
    return kTfLiteOk;
}

void TfLiteInterpreterOptionsAddOperator(TfLiteInterpreterOptions *options, TfLiteOperator *registration)
{
    if (!options || !registration) return;
    struct c_op *op = add_op(options, registration->code, registration->name, registration->version, registration->version);
    if (op) op->external = registration;
}

void TfLiteInterpreterOptionsAddBuiltinOp(TfLiteInterpreterOptions *options, TfLiteBuiltinOperator op, const TfLiteRegistration *registration,
                                          int32_t min_version, int32_t max_version)
{
    if (!options || !registration) return;
    struct c_op *added = add_op(options, op, NULL, min_version, max_version);
    if (added) added->registration = registration;
}

void TfLiteInterpreterOptionsAddCustomOp(TfLiteInterpreterOptions *options, const char *name, const TfLiteRegistration *registration,
                                         int32_t min_version, int32_t max_version)
{
    if (!options || !registration || !name) return;
    struct c_op *added = add_op(options, tfl_BuiltinOperator_CUSTOM, name, min_version, max_version);
    if (added) added->registration = registration;
}

/* ---- resolvers: asked first, quantc's own operators after them ---- */

void TfLiteInterpreterOptionsSetOpResolverExternalWithFallback(
    TfLiteInterpreterOptions *options, const TfLiteOperator *(*find_builtin_op_external)(void *user_data, int op, int version),
    const TfLiteOperator *(*find_custom_op_external)(void *user_data, const char *custom_op, int version),
    const TfLiteRegistration *(*find_builtin_op)(void *user_data, TfLiteBuiltinOperator op, int version),
    const TfLiteRegistration *(*find_custom_op)(void *user_data, const char *op, int version), void *op_resolver_user_data)
{
    if (!options) return;
    options->resolver =
        (struct c_resolver){find_builtin_op_external, find_custom_op_external, find_builtin_op, find_custom_op, op_resolver_user_data};
}

void TfLiteInterpreterOptionsSetOpResolverExternal(TfLiteInterpreterOptions *options,
                                                   const TfLiteOperator *(*find_builtin_op)(void *user_data, int op, int version),
                                                   const TfLiteOperator *(*find_custom_op)(void *user_data, const char *custom_op,
                                                                                           int version),
                                                   void *op_resolver_user_data)
{
    TfLiteInterpreterOptionsSetOpResolverExternalWithFallback(options, find_builtin_op, find_custom_op, NULL, NULL, op_resolver_user_data);
}

void TfLiteInterpreterOptionsSetOpResolver(TfLiteInterpreterOptions *options,
                                           const TfLiteRegistration *(*find_builtin_op)(void *user_data, TfLiteBuiltinOperator op,
                                                                                        int version),
                                           const TfLiteRegistration *(*find_custom_op)(void *user_data, const char *op, int version),
                                           void *op_resolver_user_data)
{
    TfLiteInterpreterOptionsSetOpResolverExternalWithFallback(options, NULL, NULL, find_builtin_op, find_custom_op, op_resolver_user_data);
}

/* Registrations of earlier releases are the first fields of today's, and no later field is read. */
#define OLD_RESOLVER(V)                                                                                                              \
    void TfLiteInterpreterOptionsSetOpResolver##V(                                                                                   \
        TfLiteInterpreterOptions *options,                                                                                           \
        const TfLiteRegistration_##V *(*find_builtin_op)(void *user_data, TfLiteBuiltinOperator op, int version),                    \
        const TfLiteRegistration_##V *(*find_custom_op)(void *user_data, const char *op, int version), void *op_resolver_user_data)  \
    {                                                                                                                                \
        TfLiteInterpreterOptionsSetOpResolver(                                                                                       \
            options, (const TfLiteRegistration *(*)(void *, TfLiteBuiltinOperator, int))(void (*)(void))find_builtin_op,             \
            (const TfLiteRegistration *(*)(void *, const char *, int))(void (*)(void))find_custom_op, op_resolver_user_data);        \
    }

OLD_RESOLVER(V1)
OLD_RESOLVER(V2)
OLD_RESOLVER(V3)

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
