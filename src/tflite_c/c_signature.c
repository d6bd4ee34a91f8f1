/*
 * c_signature.c - signature runners of the TensorFlow Lite C API.
 */
#include "tflite_c/c_internal.h"

#include <stdlib.h>
#include <string.h>

int32_t TfLiteInterpreterGetSignatureCount(const TfLiteInterpreter *interpreter)
{
    return (int32_t)interpreter->model->model->signature_count;
}

const char *TfLiteInterpreterGetSignatureKey(const TfLiteInterpreter *interpreter, int32_t signature_index)
{
    return signature_index < 0 ? NULL : qc_model_signature_key(interpreter->model->model, (size_t)signature_index);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(struct qc_signature_entry *const *)a)->name, (*(struct qc_signature_entry *const *)b)->name);
}

static struct qc_signature_entry **sorted(struct qc_signature_entry *entry, int count)
{
    struct qc_signature_entry **list = calloc((size_t)count + 1, sizeof *list);
    for (int i = 0; list && i < count; i++) list[i] = &entry[i];
    if (list) qsort(list, (size_t)count, sizeof *list, by_name);
    return list;
}

/* Without a key: the first signature of the main graph. */
static const struct qc_signature *find_signature(const struct qc_model *model, const char *key)
{
    for (uint32_t i = 0; i < model->signature_count; i++) {
        const struct qc_signature *signature = &model->signature[i];
        if (key ? !strcmp(signature->key, key) : signature->graph == model->graph[0]) return signature;
    }
    return NULL;
}

static struct qc_signature_entry *entries(struct qc_tensor *const *tensor, int count)
{
    struct qc_signature_entry *entry = calloc((size_t)count + 1, sizeof *entry);
    for (int i = 0; entry && i < count; i++) entry[i] = (struct qc_signature_entry){tensor[i]->name, tensor[i]};
    return entry;
}

static const struct qc_signature *make_placeholder(TfLiteSignatureRunner *runner, struct qc_graph *graph)
{
    runner->placeholder = (struct qc_signature){"", graph, entries(graph->input, graph->input_count), entries(graph->output, graph->output_count),
                                                graph->input_count, graph->output_count};
    return &runner->placeholder;
}

TfLiteSignatureRunner *TfLiteInterpreterGetSignatureRunner(const TfLiteInterpreter *interpreter, const char *signature_key)
{
    const struct qc_model *model = interpreter->model->model;
    const struct qc_signature *signature = find_signature(model, signature_key);
    bool placeholder = !signature_key && !model->signature_count;
    TfLiteSignatureRunner *runner = signature || placeholder ? calloc(1, sizeof *runner) : NULL;
    if (!runner) return NULL;
    if (placeholder) signature = make_placeholder(runner, model->graph[0]);
    runner->interpreter = (TfLiteInterpreter *)(uintptr_t)interpreter;
    runner->signature = signature;
    if (signature->input && signature->output) {
        runner->input = sorted(signature->input, signature->input_count);
        runner->output = sorted(signature->output, signature->output_count);
        runner->view = c_view_sync(runner->interpreter, signature->graph->index);
    }
    if (runner->input && runner->output && runner->view) return runner;
    TfLiteSignatureRunnerDelete(runner);
    return NULL;
}

void TfLiteSignatureRunnerDelete(TfLiteSignatureRunner *signature_runner)
{
    if (!signature_runner) return;
    free(signature_runner->placeholder.input);
    free(signature_runner->placeholder.output);
    free(signature_runner->input);
    free(signature_runner->output);
    free(signature_runner);
}

size_t TfLiteSignatureRunnerGetInputCount(const TfLiteSignatureRunner *signature_runner)
{
    return (size_t)signature_runner->signature->input_count;
}

const char *TfLiteSignatureRunnerGetInputName(const TfLiteSignatureRunner *signature_runner, int32_t input_index)
{
    return input_index < 0 || input_index >= signature_runner->signature->input_count ? NULL : signature_runner->input[input_index]->name;
}

size_t TfLiteSignatureRunnerGetOutputCount(const TfLiteSignatureRunner *signature_runner)
{
    return (size_t)signature_runner->signature->output_count;
}

const char *TfLiteSignatureRunnerGetOutputName(const TfLiteSignatureRunner *signature_runner, int32_t output_index)
{
    return output_index < 0 || output_index >= signature_runner->signature->output_count ? NULL
                                                                                         : signature_runner->output[output_index]->name;
}

static struct qc_tensor *find(struct qc_signature_entry *const *list, int count, const char *name)
{
    for (int i = 0; name && i < count; i++)
        if (!strcmp(list[i]->name, name)) return list[i]->tensor;
    return NULL;
}

TfLiteTensor *TfLiteSignatureRunnerGetInputTensor(TfLiteSignatureRunner *signature_runner, const char *input_name)
{
    const struct qc_tensor *tensor = find(signature_runner->input, signature_runner->signature->input_count, input_name);
    return tensor ? c_view_tensor(signature_runner->view, tensor->index) : NULL;
}

const TfLiteTensor *TfLiteSignatureRunnerGetOutputTensor(const TfLiteSignatureRunner *signature_runner, const char *output_name)
{
    const struct qc_tensor *tensor = find(signature_runner->output, signature_runner->signature->output_count, output_name);
    return tensor ? c_view_tensor(signature_runner->view, tensor->index) : NULL;
}

TfLiteStatus TfLiteSignatureRunnerResizeInputTensor(TfLiteSignatureRunner *signature_runner, const char *input_name, const int *input_dims,
                                                    int32_t input_dims_size)
{
    const struct c_reporter *reporter = &signature_runner->interpreter->reporter;
    const struct qc_tensor *tensor = find(signature_runner->input, signature_runner->signature->input_count, input_name);
    if (!tensor) {
        c_report(reporter, "signature '%s' has no input '%s'", signature_runner->signature->key, input_name ? input_name : "");
        return kTfLiteError;
    }
    if (input_dims_size != tensor->rank) {
        c_report(reporter, "input '%s' has rank %d, not %d", input_name, tensor->rank, (int)input_dims_size);
        return kTfLiteError;
    }
    for (int i = 0; i < tensor->rank; i++)
        if (tensor->signature[i] >= 0 && input_dims[i] != tensor->signature[i]) {
            c_report(reporter, "input '%s': dimension %d is fixed to %d", input_name, i, (int)tensor->signature[i]);
            return kTfLiteError;
        }
    return c_resize(signature_runner->interpreter, signature_runner->view, tensor->index, input_dims, input_dims_size);
}

TfLiteStatus TfLiteSignatureRunnerAllocateTensors(TfLiteSignatureRunner *signature_runner)
{
    return c_allocate(signature_runner->interpreter, signature_runner->view);
}

TfLiteStatus TfLiteSignatureRunnerInvoke(TfLiteSignatureRunner *signature_runner)
{
    return c_invoke(signature_runner->interpreter, signature_runner->view);
}

TfLiteStatus TfLiteSignatureRunnerCancel(TfLiteSignatureRunner *signature_runner)
{
    return TfLiteInterpreterCancel(signature_runner->interpreter);
}
