/*
 * convert.c - the public conversion API: clean up, calibrate, quantize, check, save. See quantc.h section 6.
 */
#include "base/file.h"
#include "export/export.h"
#include "pass/pass.h"
#include "quant/quant.h"
#include "quant/stats.h"
#include "run/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- converting ---- */

/* Nodes read from a .tflite know their version. */
static bool is_tflite(const struct qc_model *model)
{
    for (uint32_t g = 0; g < model->graph_count; g++)
        for (uint32_t n = 0; n < model->graph[g]->node_count; n++)
            if (model->graph[g]->node[n]->version) return true;
    return false;
}

static bool parse_runtime(const char *text, struct qc_runtime_version *version)
{
    *version = (struct qc_runtime_version){0, 0, 0};
    return sscanf(text, "%d.%d.%d", &version->major, &version->minor, &version->patch) >= 2;
}

/* Older runtimes take the first channel's scale for all of them, and the version does not tell them otherwise. */
static qc_status check_dense(const struct qc_node *node, struct qc_runtime_version have, const char *target)
{
    static const struct qc_runtime_version since = {2, 17, 0};
    const struct qc_tensor *weight = node->code == tfl_BuiltinOperator_FULLY_CONNECTED ? node->in[1] : NULL;
    if (!weight || !weight->quant || weight->quant->count < 2 || qc_runtime_compare(since, have) <= 0) return QC_OK;
    return qc_fail(&node->graph->model->env, QC_UNSUPPORTED, "FULLY_CONNECTED '%s' has a scale for each output channel, which TensorFlow Lite has since 2.17; the "
                   "target is %s: --dense-per-tensor gives it one", qc_node_name(node), target);
}

/* Every operator must be one that the target has. */
static qc_status check_target(struct qc_model *model, const char *target)
{
    struct qc_runtime_version have, need;
    if (!parse_runtime(target, &have)) return qc_fail(&model->env, QC_INVALID, "'%s' is no runtime version such as 2.5", target);
    have.patch = have.patch ? have.patch : 99; /* 2.5 stands for all of 2.5.x */
    for (uint32_t g = 0; g < model->graph_count; g++)
        for (uint32_t n = 0; n < model->graph[g]->node_count; n++) {
            const struct qc_node *node = model->graph[g]->node[n];
            int version = qc_node_version(node);
            need = qc_runtime_of(node->code, version);
            if (qc_runtime_compare(need, have) <= 0) {
                QC_TRY(check_dense(node, have, target));
                continue;
            }
            return qc_fail(&model->env, QC_UNSUPPORTED, "%s '%s' needs version %d of the operator, which TensorFlow Lite has since %d.%d.%d; the target is %s",
                           qc_node_op(node), qc_node_name(node), version, need.major, need.minor, need.patch, target);
        }
    return QC_OK;
}

static qc_status prepare(struct qc_model *model, const struct qc_scheme *scheme)
{
    bool quantizes = scheme->constant || scheme->bits;
    QC_TRY(qc_drop_densify(model));
    if (!quantizes && is_tflite(model)) return QC_OK;
    if (quantizes) QC_TRY(qc_unpack_weights(model));
    return qc_pipeline_run(model);
}

/* The scheme by name; NULL with the error recorded. */
static const struct qc_scheme *find_scheme(struct qc_model *model, const struct qc_convert_options *options)
{
    const char *mode = options->mode ? options->mode : "float32";
    const struct qc_scheme *scheme = qc_scheme_find(mode);
    if (!scheme) qc_fail(&model->env, QC_INVALID, "there is no mode '%s'; there are float32, float16, dynamic, weights, int8 and int16x8", mode);
    return scheme;
}

/* A converted model keeps the cleaned-up float model it was made from, whose constants it shares. */
static void close_parent(struct qc_model *model)
{
    qc_model_free(model->close_data);
}

/* TensorFlow Lite Micro plans its memory ahead: every shape is that of the file. */
static qc_status fix_shapes(struct qc_model *model)
{
    for (uint32_t g = 0; g < model->graph_count; g++)
        for (uint32_t i = 0; i < model->graph[g]->tensor_count; i++) {
            struct qc_tensor *tensor = model->graph[g]->tensor[i];
            if (!tensor->has_shape)
                return qc_fail(&model->env, QC_UNSUPPORTED, "the shape of '%s' is known only while running, which TensorFlow Lite Micro cannot do", tensor->name);
            if (tensor->type == QC_FLOAT16)
                return qc_fail(&model->env, QC_UNSUPPORTED, "'%s' is float16, which TensorFlow Lite Micro cannot read; use mode weights or int8", tensor->name);
            memcpy(tensor->signature, tensor->dims, sizeof tensor->signature);
        }
    return QC_OK;
}

static bool computes(const struct qc_model *model)
{
    return model->graph[0]->node_count != 0;
}

/* What no user wants: results that are not numbers, or the same for every sample. */
static qc_status judge(struct qc_model *model, const struct qc_comparison *comparison, size_t samples)
{
    struct qc_difference d;
    for (size_t i = 0; qc_comparison_output(comparison, i, &d); i++) {
        if (d.not_finite) return qc_fail(&model->env, QC_RANGE, "the quantized model gives NaN or infinity in '%s' where the float model does not", d.name);
        if (d.constant)
            return qc_fail(&model->env, QC_RANGE, "the quantized model gives the same '%s' for all %zu samples, the float model does not: the data does not "
                           "represent the model's input, or the mode is too coarse for it", d.name, samples);
        qc_model_add_note(model, "'%s' against the float model on %zu samples: SQNR %.1f dB, largest error %.4g, same label %.1f %%%s", d.name, samples,
                          d.sqnr, d.max_error, 100 * d.agreement, d.sqnr < 10 && d.max_error > 8 * d.step ? "; that is far off: try other data, --observer, --keep-float or int16x8" : "");
    }
    return QC_OK;
}

static qc_status check_result(struct qc_model *model, struct qc_model *floating, const struct qc_convert_options *options, const struct qc_scheme *scheme)
{
    enum { CHECKED = 10 }; /* samples */
    struct qc_error error = {0};
    if (computes(floating) && !computes(model)) return qc_fail(&model->env, QC_FORMAT, "the quantized model computes nothing, which is a fault of quantc");
    if (scheme->bits && !computes(floating))
        return qc_fail(&model->env, QC_INVALID, "the model computes nothing: its outputs are inputs or constants, and mode %s has nothing to quantize", scheme->name);
    if (!options->samples || !options->samples->count) return QC_OK;
    struct qc_samples few = *options->samples;
    few.count = QC_MIN(few.count, (size_t)CHECKED);
    struct qc_comparison *comparison = qc_compare(floating, model, &few, options->threads, &error);
    if (!comparison) return qc_fail(&model->env, error.status, "checking the result: %s", error.text);
    qc_status status = judge(model, comparison, few.count);
    qc_comparison_free(comparison);
    return status;
}

/* Quantizes `model`, a copy of `floating`. */
static qc_status convert(struct qc_model *model, struct qc_model *floating, const struct qc_convert_options *options, const struct qc_scheme *scheme)
{
    const struct qc_stats *stats = options->stats;
    struct qc_stats *own = NULL;
    if (!stats && options->samples && (scheme->bits || options->recipe)) { /* a recipe may name an integer mode */
        if (!(own = qc_calibrate(floating, options, scheme->bits ? scheme->bits : 8))) {
            model->env.error = floating->env.error;
            return model->env.error.status;
        }
        stats = own;
    }
    qc_status status = qc_quantize(model, options, stats);
    qc_stats_free(own);
    QC_TRY(status);
    if (options->correct_bias) QC_TRY(qc_correct_biases(model, floating, options));
    QC_TRY(qc_model_check(model));
    if (options->tflm) QC_TRY(fix_shapes(model));
    if (options->target_runtime) QC_TRY(check_target(model, options->target_runtime));
    return check_result(model, floating, options, scheme);
}

struct qc_model *qc_model_convert(struct qc_model *source, const struct qc_convert_options *given, struct qc_error *error)
{
    if (!QC_GIVEN(source, error)) return NULL;
    static const struct qc_convert_options none;
    const struct qc_convert_options *options = given ? given : &none;
    struct qc_model *floating = qc_model_clone(source, error), *model = NULL;
    const struct qc_scheme *scheme = floating ? find_scheme(floating, options) : NULL;
    if (!floating) return NULL;
    if (!scheme || prepare(floating, scheme)) {
        qc_env_take(&floating->env, error);
    } else if ((model = qc_model_clone(floating, error))) {
        model->close = close_parent;
        model->close_data = floating;
        if (!convert(model, floating, options, scheme)) return model;
        qc_env_take(&model->env, error);
        qc_model_free(model);
        return NULL;
    }
    qc_model_free(floating);
    return NULL;
}

struct qc_stats *qc_stats_collect(struct qc_model *source, const struct qc_convert_options *options, struct qc_error *error)
{
    if (!QC_GIVEN(source, error) || !QC_GIVEN(options, error)) return NULL;
    struct qc_model *model = qc_model_clone(source, error);
    if (!model) return NULL;
    struct qc_stats *stats = NULL;
    const struct qc_scheme *scheme = find_scheme(model, options);
    if (!scheme || prepare(model, scheme) || !(stats = qc_calibrate(model, options, scheme->bits ? scheme->bits : 8))) qc_env_take(&model->env, error);
    qc_model_free(model);
    return stats;
}

/* ---- asking ---- */

static bool describe(const struct qc_tensor *tensor, const char *name, struct qc_tensor_info *info)
{
    *info = (struct qc_tensor_info){.name = name ? name : tensor->name, .type = tensor->type, .rank = tensor->rank};
    memcpy(info->dims, tensor->dims, sizeof info->dims);
    memcpy(info->signature, tensor->signature, sizeof info->signature);
    if (tensor->quant && tensor->quant->count) {
        info->scale = tensor->quant->scale[0];
        info->zero_point = (int32_t)tensor->quant->zero_point[0];
    }
    return true;
}

bool qc_model_input(const struct qc_model *model, size_t index, struct qc_tensor_info *info)
{
    const struct qc_graph *graph = model->graph[0];
    return index < (size_t)graph->input_count && describe(graph->input[index], NULL, info);
}

bool qc_model_output(const struct qc_model *model, size_t index, struct qc_tensor_info *info)
{
    const struct qc_graph *graph = model->graph[0];
    return index < (size_t)graph->output_count && describe(graph->output[index], NULL, info);
}

static int by_size(const void *a, const void *b)
{
    size_t x = (*(struct qc_tensor *const *)a)->bytes, y = (*(struct qc_tensor *const *)b)->bytes;
    return (x < y) - (x > y);
}

/* ---- saving ---- */

static qc_status too_large(struct qc_model *model, size_t total, size_t max_size)
{
    char names[700];
    size_t count, at = 0;
    const struct qc_tensor **list = qc_model_constants(model, &model->env, &count);
    if (!list) return QC_NOMEM;
    qsort(list, count, sizeof *list, by_size);
    names[0] = 0;
    for (size_t i = 0; i < count && i < 5 && at < 600; i++)
        at += (size_t)snprintf(names + at, sizeof names - at, "%s'%.100s' %s %zu bytes", i ? ", " : "", list[i]->name, qc_dtype_name(list[i]->type),
                               list[i]->bytes);
    qc_env_free(&model->env, list);
    return qc_fail(&model->env, QC_RANGE, "the file would have %zu bytes, more than the %zu allowed; its largest tensors: %s", total, max_size, names);
}

/* Plans the graphs for the sizes that the model declares. */
static void try_sizes(struct qc_model *model, struct qc_error *error)
{
    struct qc_session *session = qc_session_start(model, NULL, NULL, 0, error);
    if (session && !session->env.error.status) qc_frame_try(session->main);
    if (session) qc_env_take(&session->env, error);
    qc_session_free(session);
}

/* The file must be one that our own runtime takes. Only where the float model does not run with the sizes that it declares, such as [1, 1] for audio, the
 * quantized one need not. */
static qc_status check_file(struct qc_model *model, const void *bytes, size_t size)
{
    struct qc_error error = {0}, of_float = {0};
    struct qc_model *again = qc_model_open_memory(bytes, size, NULL, &error), *floating = model->close == close_parent ? model->close_data : model;
    if (again) try_sizes(again, &error);
    qc_model_free(again);
    if (error.status == QC_FORMAT) try_sizes(floating, &of_float);
    if (of_float.status == QC_FORMAT) {
        qc_model_add_note(model, "with the sizes that the file declares the model does not run, other sizes must be given first: %s", error.text);
        return QC_OK;
    }
    return error.status ? qc_fail(&model->env, error.status, "the result does not run: %s", error.text) : QC_OK;
}

qc_status qc_model_save(struct qc_model *model, const char *path, size_t max_size, size_t *size, struct qc_error *error)
{
    if (!QC_GIVEN(model, error) || !QC_GIVEN(path, error)) return QC_INVALID;
    struct qc_export file = {0};
    qc_status status = qc_export_build(model, &file);
    if (!status && max_size && file.total > max_size) status = too_large(model, file.total, max_size);
    void *bytes = status ? NULL : qc_env_alloc(&model->env, file.total);
    if (!status && !bytes) status = QC_NOMEM;
    if (!status) {
        qc_export_copy(&file, bytes);
        status = check_file(model, bytes, file.total);
    }
    qc_env_free(&model->env, bytes);
    if (!status) status = qc_export_save(&file, path);
    if (!status && size) *size = file.total;
    if (file.model) qc_export_free(&file);
    return status ? qc_env_take(&model->env, error) : QC_OK;
}
