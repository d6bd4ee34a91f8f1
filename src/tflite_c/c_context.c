/*
 * c_context.c - the context that callers' operators are given: TfLiteContext and its functions, and the same as TfLiteOpaqueContext.
 */
#include "tflite_c/c_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct c_view *view_of(const TfLiteContext *context)
{
    return context->impl_;
}

static void report(TfLiteContext *context, const char *format, ...)
{
    char text[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    c_report(&view_of(context)->interpreter->reporter, "%s", text);
}

/* ---- tensors ---- */

static TfLiteStatus resize_tensor(struct c_view *view, TfLiteTensor *tensor, int rank, const int *dims)
{
    size_t index = (size_t)(tensor - view->tensor);
    if (index >= view->frame->graph->tensor_count) { /* a temporary: memory of its own */
        size_t count = 1;
        for (int i = 0; i < rank; i++)
            if (dims[i] < 0 || __builtin_mul_overflow(count, (size_t)dims[i], &count)) return kTfLiteError;
        TfLiteIntArray *copy = TfLiteIntArrayCreate(rank);
        if (!copy) return kTfLiteError;
        for (int i = 0; i < rank; i++) copy->data[i] = dims[i];
        TfLiteIntArrayFree(tensor->dims);
        tensor->dims = copy;
        return c_view_reserve(view, tensor, qc_dtype_bytes(c_dtype(tensor->type), count));
    }
    struct qc_step *step = view->step;
    struct qc_value *value = &view->frame->value[index].value;
    for (int k = 0; step && k < step->out_count; k++) {
        if (step->out[k] != value) continue;
        qc_status status = value->dynamic && step->prepared ? step->rt->resize(step->rt, value, rank, dims, value->bytes)
                                                            : qc_step_output(step, k, value->type, rank, dims);
        c_view_sync_value(view, value);
        return status ? kTfLiteError : kTfLiteOk;
    }
    c_report(&view->interpreter->reporter, "tensor '%s' is no output of the operator that resizes it", tensor->name);
    return kTfLiteError;
}

static TfLiteStatus resize(TfLiteContext *context, TfLiteTensor *tensor, TfLiteIntArray *new_size)
{
    TfLiteStatus status = resize_tensor(view_of(context), tensor, new_size->size, new_size->data);
    TfLiteIntArrayFree(new_size);
    return status;
}

static TfLiteStatus resize_explicit(TfLiteContext *context, TfLiteTensor *tensor, int rank, const int *shape)
{
    return resize_tensor(view_of(context), tensor, rank, shape);
}

static TfLiteTensor *get_tensor(const TfLiteContext *context, int index)
{
    return index < 0 || (size_t)index >= context->tensors_size ? NULL : &context->tensors[index];
}

static TfLiteStatus add_tensors(TfLiteContext *context, int count, int *first)
{
    struct c_view *view = view_of(context);
    if (count < 0 || view->tensor_count + (size_t)count > view->frame->graph->tensor_count + C_SPARE_TENSORS) {
        report(context, "an operator asks for %d temporary tensors; a graph has room for %d", count, C_SPARE_TENSORS);
        return kTfLiteError;
    }
    if (first) *first = (int)view->tensor_count;
    view->tensor_count += (size_t)count;
    context->tensors_size = view->tensor_count;
    return kTfLiteOk;
}

static TfLiteStatus metadata(const TfLiteContext *context, const char *name, const char **ptr, size_t *bytes)
{
    const void *data;
    if (!qc_model_metadata(view_of(context)->interpreter->model->model, name, &data, bytes)) return kTfLiteError;
    *ptr = data;
    return kTfLiteOk;
}

/* ---- what only delegates may use ---- */

static TfLiteStatus refuse(TfLiteContext *context)
{
    report(context, "this function of the context is for delegates, and quantc has none: every operator runs on the CPU");
    return kTfLiteError;
}

static TfLiteStatus execution_plan(TfLiteContext *context, TfLiteIntArray **plan)
{
    (void)plan;
    return refuse(context);
}

static TfLiteStatus node_and_registration(TfLiteContext *context, int node_index, TfLiteNode **node, TfLiteRegistration **registration)
{
    (void)node_index, (void)node, (void)registration;
    return refuse(context);
}

static TfLiteStatus acquire_subgraph(TfLiteContext *context, int subgraph_index, TfLiteContext **acquired)
{
    (void)subgraph_index, (void)acquired;
    return refuse(context);
}

static TfLiteStatus release_subgraph(TfLiteContext *context, int subgraph_index)
{
    (void)subgraph_index;
    return refuse(context);
}

static TfLiteStatus replace_nodes(TfLiteContext *context, TfLiteRegistration registration, const TfLiteIntArray *nodes_to_replace,
                                  TfLiteDelegate *delegate)
{
    (void)registration, (void)nodes_to_replace, (void)delegate;
    return refuse(context);
}

static TfLiteStatus preview_partitioning(TfLiteContext *context, const TfLiteIntArray *nodes_to_replace, TfLiteDelegateParams **params,
                                         int *num_partitions)
{
    (void)nodes_to_replace, (void)params, (void)num_partitions;
    return refuse(context);
}

static TfLiteExternalContext *external_context(TfLiteContext *context, TfLiteExternalContextType type)
{
    (void)context, (void)type;
    return NULL;
}

static void set_external_context(TfLiteContext *context, TfLiteExternalContextType type, TfLiteExternalContext *external)
{
    (void)context, (void)type, (void)external;
}

void c_context_set(struct c_view *view)
{
    view->context = (TfLiteContext){.tensors_size = view->tensor_count,
                                    .GetExecutionPlan = execution_plan,
                                    .tensors = view->tensor,
                                    .impl_ = view,
                                    .ResizeTensor = resize,
                                    .ReportError = report,
                                    .AddTensors = add_tensors,
                                    .GetNodeAndRegistration = node_and_registration,
                                    .ReplaceNodeSubsetsWithDelegateKernels = replace_nodes,
                                    .recommended_num_threads = qc_pool_threads(view->interpreter->session->pool),
                                    .GetExternalContext = external_context,
                                    .SetExternalContext = set_external_context,
                                    .ResizeTensorExplicit = resize_explicit,
                                    .PreviewDelegatePartitioning = preview_partitioning,
                                    .GetTensor = get_tensor,
                                    .GetModelMetadata = metadata,
                                    .AcquireSubgraphContext = acquire_subgraph,
                                    .ReleaseSubgraphContext = release_subgraph};
}

/* ---- the same under opaque names ---- */

static TfLiteContext *context_of(const TfLiteOpaqueContext *context)
{
    return (TfLiteContext *)(uintptr_t)(const void *)context;
}

static struct c_view *view_of_opaque(const TfLiteOpaqueContext *context)
{
    return view_of(context_of(context));
}

TfLiteStatus TfLiteOpaqueContextGetInputs(const TfLiteOpaqueContext *context, const int **inputs, int *num_inputs)
{
    const struct qc_session *session = view_of_opaque(context)->interpreter->session;
    *inputs = session->input;
    *num_inputs = session->input_count;
    return kTfLiteOk;
}

TfLiteStatus TfLiteOpaqueContextGetOutputs(const TfLiteOpaqueContext *context, const int **outputs, int *num_outputs)
{
    const struct qc_session *session = view_of_opaque(context)->interpreter->session;
    *outputs = session->output;
    *num_outputs = session->output_count;
    return kTfLiteOk;
}

size_t TfLiteOpaqueContextGetNumNodes(const TfLiteOpaqueContext *context)
{
    return view_of_opaque(context)->frame->graph->node_count;
}

size_t TfLiteOpaqueContextGetNumTensors(const TfLiteOpaqueContext *context)
{
    return context_of(context)->tensors_size;
}

const char *TfLiteOpaqueContextGetName(const TfLiteOpaqueContext *context)
{
    return view_of_opaque(context)->frame->graph->name;
}

TfLiteOpaqueTensor *TfLiteOpaqueContextGetOpaqueTensor(const TfLiteOpaqueContext *context, int index)
{
    const TfLiteContext *c = context_of(context);
    return index < 0 || (size_t)index >= c->tensors_size ? NULL : (TfLiteOpaqueTensor *)(void *)&c->tensors[index];
}

TfLiteStatus TfLiteOpaqueContextResizeTensor(TfLiteOpaqueContext *context, TfLiteOpaqueTensor *tensor, TfLiteIntArray *new_size)
{
    TfLiteContext *c = context_of(context);
    return c->ResizeTensor(c, (TfLiteTensor *)(void *)tensor, new_size);
}

TfLiteStatus TfLiteOpaqueContextGetSizeOfType(TfLiteOpaqueContext *context, TfLiteType type, size_t *bytes)
{
    (void)context;
    *bytes = qc_dtype_bytes(c_dtype(type), 1);
    return *bytes ? kTfLiteOk : kTfLiteError;
}

TfLiteStatus TfLiteOpaqueContextGetMetadata(TfLiteOpaqueContext *context, const char *name, const char **ptr, size_t *bytes)
{
    const TfLiteContext *c = context_of(context);
    return c->GetModelMetadata(c, name, ptr, bytes);
}

void TfLiteOpaqueContextReportErrorVa(TfLiteOpaqueContext *context, const char *format, va_list vlist)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, vlist);
    c_report(&view_of_opaque(context)->interpreter->reporter, "%s", text);
}

void TfLiteOpaqueContextReportError(TfLiteOpaqueContext *context, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    TfLiteOpaqueContextReportErrorVa(context, format, list);
    va_end(list);
}

TfLiteStatus TfLiteOpaqueContextGetVariables(const TfLiteOpaqueContext *context, const int **variables, int *num_variables)
{
    struct c_view *view = view_of_opaque(context);
    const struct qc_graph *graph = view->frame->graph;
    if (!view->variables) {
        if (!(view->variables = TfLiteIntArrayCreate((int)graph->tensor_count))) return kTfLiteError;
        view->variables->size = 0;
        for (uint32_t i = 0; i < graph->tensor_count; i++)
            if (graph->tensor[i]->variable) view->variables->data[view->variables->size++] = (int)i;
    }
    *variables = view->variables->data;
    *num_variables = view->variables->size;
    return kTfLiteOk;
}

TfLiteStatus TfLiteOpaqueContextGetExecutionPlan(TfLiteOpaqueContext *context, TfLiteIntArray **plan)
{
    return execution_plan(context_of(context), plan);
}

TfLiteStatus TfLiteOpaqueContextGetNodeAndRegistration(TfLiteOpaqueContext *context, int node_index, TfLiteOpaqueNode **node,
                                                       TfLiteOperator **registration_external)
{
    (void)node_index, (void)node, (void)registration_external;
    return refuse(context_of(context));
}

TfLiteStatus TfLiteOpaqueContextAcquireSubgraphContext(TfLiteOpaqueContext *context, int subgraph_index, TfLiteOpaqueContext **acquired)
{
    (void)subgraph_index, (void)acquired;
    return refuse(context_of(context));
}

TfLiteStatus TfLiteOpaqueContextReleaseSubgraphContext(TfLiteOpaqueContext *context, int subgraph_index)
{
    return release_subgraph(context_of(context), subgraph_index);
}

TfLiteStatus TfLiteOpaqueContextMarkSubgraphAsDelegationSkippable(TfLiteOpaqueContext *context, int subgraph_index)
{
    return release_subgraph(context_of(context), subgraph_index);
}

TfLiteStatus TfLiteOpaqueContextReplaceNodeSubsetsWithDelegateKernels(TfLiteOpaqueContext *context, TfLiteOperator *registration_external,
                                                                      const TfLiteIntArray *nodes_to_replace, TfLiteOpaqueDelegate *delegate)
{
    (void)registration_external, (void)nodes_to_replace, (void)delegate;
    return refuse(context_of(context));
}

TfLiteStatus TfLiteOpaqueContextGetExternalContext(TfLiteOpaqueContext *context, void **external, TfLiteExternalContextType type)
{
    *external = external_context(context_of(context), type);
    return kTfLiteOk;
}

TfLiteStatus TfLiteOpaqueContextGetNodeInitDataMmapInfo(const TfLiteOpaqueContext *context, const TfLiteOpaqueNode *node, int *fd,
                                                        int64_t *custom_initial_data_offset_in_file, int64_t *custom_initial_data_size)
{
    (void)context, (void)node, (void)fd, (void)custom_initial_data_offset_in_file, (void)custom_initial_data_size;
    return kTfLiteError;
}

/* ---- temporaries of operators on the opaque API ---- */

struct TfLiteOpaqueTensorBuilder {
    TfLiteType type;
    void *data;
    TfLiteAllocationType allocation_type;
    TfLiteQuantizationParams params;
    TfLiteQuantization quantization;
};

TfLiteOpaqueTensorBuilder *TfLiteOpaqueTensorBuilderCreate(void)
{
    return calloc(1, sizeof(TfLiteOpaqueTensorBuilder));
}

void TfLiteOpaqueTensorBuilderDelete(TfLiteOpaqueTensorBuilder *builder)
{
    free(builder);
}

TfLiteOpaqueTensorBuilder *TfLiteOpaqueTensorBuilderSetType(TfLiteOpaqueTensorBuilder *builder, TfLiteType type)
{
    builder->type = type;
    return builder;
}

TfLiteOpaqueTensorBuilder *TfLiteOpaqueTensorBuilderSetData(TfLiteOpaqueTensorBuilder *builder, void *data)
{
    builder->data = data;
    return builder;
}

TfLiteOpaqueTensorBuilder *TfLiteOpaqueTensorBuilderSetAllocationType(TfLiteOpaqueTensorBuilder *builder,
                                                                      TfLiteAllocationType allocation_type)
{
    builder->allocation_type = allocation_type;
    return builder;
}

TfLiteOpaqueTensorBuilder *TfLiteOpaqueTensorBuilderSetQuantizationParams(TfLiteOpaqueTensorBuilder *builder,
                                                                          TfLiteQuantizationParams params)
{
    builder->params = params;
    return builder;
}

TfLiteOpaqueTensorBuilder *TfLiteOpaqueTensorBuilderSetQuantization(TfLiteOpaqueTensorBuilder *builder, TfLiteQuantization quantization)
{
    builder->quantization = quantization;
    return builder;
}

TfLiteStatus TfLiteOpaqueContextAddTensor(TfLiteOpaqueContext *context, TfLiteOpaqueTensorBuilder *builder, int *new_tensor_index)
{
    TfLiteContext *c = context_of(context);
    TfLiteAllocationType kind = builder->allocation_type;
    if (kind != kTfLiteDynamic && kind != kTfLiteArenaRw && kind != kTfLiteArenaRwPersistent) {
        report(c, "a new tensor is kTfLiteDynamic, kTfLiteArenaRw or kTfLiteArenaRwPersistent, not of kind %d", (int)kind);
        return kTfLiteError;
    }
    if ((kind == kTfLiteDynamic) != (builder->data != NULL)) {
        report(c, "a new tensor comes with its data if and only if it is kTfLiteDynamic");
        return kTfLiteError;
    }
    int index;
    TfLiteStatus status = add_tensors(c, 1, &index);
    if (status != kTfLiteOk) return status;
    TfLiteTensor *tensor = &c->tensors[index];
    tensor->type = builder->type;
    tensor->data.data = builder->data;
    tensor->allocation_type = kind;
    tensor->params = builder->params;
    tensor->quantization = builder->quantization;
    tensor->allocation = view_of(c);
    if (new_tensor_index) *new_tensor_index = index;
    return kTfLiteOk;
}
