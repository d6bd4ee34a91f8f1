/*
 * c_view.c - TfLiteTensor structs that mirror the values of a graph. See c_internal.h.
 */
#include "tflite_c/c_internal.h"

#include <stdlib.h>
#include <string.h>

/* By qc_dtype. */
static const uint8_t type_of[QC_DTYPE_COUNT] = {
    [QC_FLOAT32] = kTfLiteFloat32,   [QC_FLOAT16] = kTfLiteFloat16,       [QC_INT32] = kTfLiteInt32,
    [QC_UINT8] = kTfLiteUInt8,       [QC_INT64] = kTfLiteInt64,           [QC_STRING] = kTfLiteString,
    [QC_BOOL] = kTfLiteBool,         [QC_INT16] = kTfLiteInt16,           [QC_COMPLEX64] = kTfLiteComplex64,
    [QC_INT8] = kTfLiteInt8,         [QC_FLOAT64] = kTfLiteFloat64,       [QC_COMPLEX128] = kTfLiteComplex128,
    [QC_UINT64] = kTfLiteUInt64,     [QC_RESOURCE] = kTfLiteResource,     [QC_VARIANT] = kTfLiteVariant,
    [QC_UINT32] = kTfLiteUInt32,     [QC_UINT16] = kTfLiteUInt16,         [QC_INT4] = kTfLiteInt4,
    [QC_BFLOAT16] = kTfLiteBFloat16, [QC_INT2] = kTfLiteInt2,             [QC_UINT4] = kTfLiteUInt4,
    [QC_FLOAT8_E4M3FN] = kTfLiteFloat8E4M3FN, [QC_FLOAT8_E5M2] = kTfLiteFloat8E5M2,
};

TfLiteType c_type(qc_dtype type)
{
    return (unsigned)type < QC_DTYPE_COUNT ? (TfLiteType)type_of[type] : kTfLiteNoType;
}

qc_dtype c_dtype(TfLiteType type)
{
    for (int i = 0; i < QC_DTYPE_COUNT; i++)
        if (type_of[i] == (unsigned)type) return (qc_dtype)i;
    return QC_DTYPE_COUNT;
}

static void set_dims(TfLiteIntArray **dims, int rank, const int32_t *from)
{
    if (!*dims || (*dims)->size != rank) {
        TfLiteIntArrayFree(*dims);
        *dims = TfLiteIntArrayCreate(rank);
    }
    for (int i = 0; *dims && i < rank; i++) (*dims)->data[i] = from[i];
}

static void set_quantization(TfLiteTensor *to, const struct qc_quant *quant)
{
    if (!quant || !quant->count || to->quantization.type != kTfLiteNoQuantization) return;
    TfLiteAffineQuantization *affine = calloc(1, sizeof *affine);
    if (!affine) return;
    affine->scale = TfLiteFloatArrayCreate((int)quant->count);
    affine->zero_point = TfLiteIntArrayCreate((int)quant->count);
    affine->quantized_dimension = quant->axis;
    for (uint32_t i = 0; i < quant->count && affine->scale && affine->zero_point; i++) {
        affine->scale->data[i] = quant->scale[i];
        affine->zero_point->data[i] = (int)quant->zero_point[i];
    }
    if (quant->count == 1) to->params = (TfLiteQuantizationParams){quant->scale[0], (int32_t)quant->zero_point[0]};
    to->quantization = (TfLiteQuantization){kTfLiteAffineQuantization, affine};
}

void c_view_sync_value(struct c_view *view, const struct qc_value *value)
{
    const struct qc_tensor *from = value->tensor;
    TfLiteTensor *to = &view->tensor[from->index];
    bool planned = view->frame->planned || view->step;
    to->type = c_type(value->type);
    to->data.data = (planned || value->constant) && value->bytes ? value->data : NULL;
    to->bytes = value->bytes;
    if (value->shaped) {
        set_dims(&to->dims, value->rank, value->dims);
    } else if (from->has_shape && !view->frame->planned) { /* until it is planned: what the file says */
        set_dims(&to->dims, from->rank, from->dims);
        to->bytes = qc_dtype_bytes(from->type, qc_tensor_elements(from));
    }
    to->allocation_type = from->constant         ? kTfLiteMmapRo
                          : value->constant      ? kTfLitePersistentRo
                          : from->variable       ? kTfLiteArenaRwPersistent
                          : value->dynamic       ? kTfLiteDynamic
                                                 : kTfLiteArenaRw;
    const TfLiteCustomAllocation *custom = view->interpreter->custom;
    if (custom && custom[from->index].data && view->frame == view->interpreter->session->main) {
        to->allocation_type = kTfLiteCustom;
        if (planned && !view->step) to->data.data = custom[from->index].data; /* an operator of the caller's writes the value itself */
    }
}

static void make_tensor(struct c_view *view, uint32_t index)
{
    const struct qc_tensor *from = view->frame->graph->tensor[index];
    TfLiteTensor *to = &view->tensor[index];
    TfLiteIntArray *signature = NULL;
    to->name = from->name;
    to->allocation = view; /* for c_view_of; TensorFlow Lite keeps a pointer of its own there */
    to->is_variable = from->variable;
    to->buffer_handle = kTfLiteNullBufferHandle;
    set_quantization(to, from->quant);
    bool differs = from->has_shape && memcmp(from->signature, from->dims, from->rank * sizeof *from->dims) != 0;
    set_dims(&signature, differs ? from->rank : 0, from->signature);
    to->dims_signature = signature;
}

static bool make(struct c_view *view, struct TfLiteInterpreter *interpreter, uint32_t index)
{
    struct qc_session *session = interpreter->session;
    if (qc_frame_make(session, index, &view->frame)) return false;
    const struct qc_graph *graph = view->frame->graph;
    view->interpreter = interpreter;
    view->tensor_count = graph->tensor_count;
    view->tensor = calloc(graph->tensor_count + C_SPARE_TENSORS, sizeof *view->tensor);
    if (!view->tensor) return false;
    for (uint32_t i = 0; interpreter->op_count && i < graph->tensor_count; i++) make_tensor(view, i); /* operators read the array itself */
    return view->made = true;
}

/* A value as its mirror is to show it: an input's shape is there before it is planned. */
static struct qc_value shown(const struct c_view *view, uint32_t index)
{
    struct qc_value value = view->frame->value[index].value;
    for (int k = 0; k < view->frame->graph->input_count; k++)
        if (view->frame->graph->input[k]->index == index) {
            value.shaped = true;
            if (!view->frame->planned) value.bytes = qc_dtype_bytes(value.type, qc_value_elements(&value));
        }
    return value;
}

struct c_view *c_view_sync(struct TfLiteInterpreter *interpreter, uint32_t index)
{
    struct c_view *view = &interpreter->view[index];
    if (!view->made && !make(view, interpreter, index)) return NULL;
    view->fluid = false;
    for (uint32_t i = 0; i < view->frame->graph->tensor_count; i++) {
        view->fluid |= view->frame->value[i].value.dynamic;
        if (!view->tensor[i].allocation) continue;
        const struct qc_value value = shown(view, i);
        c_view_sync_value(view, &value);
    }
    return view;
}

TfLiteTensor *c_view_tensor(struct c_view *view, uint32_t index)
{
    if (view->tensor[index].allocation) return &view->tensor[index];
    make_tensor(view, index);
    const struct qc_value value = shown(view, index);
    c_view_sync_value(view, &value);
    return &view->tensor[index];
}

struct c_view *c_view_of(const TfLiteTensor *tensor)
{
    struct c_view *view = (struct c_view *)(uintptr_t)tensor->allocation;
    return view && tensor >= view->tensor && tensor < view->tensor + view->tensor_count ? view : NULL;
}

TfLiteStatus c_view_reserve(struct c_view *view, TfLiteTensor *tensor, size_t bytes)
{
    size_t index = (size_t)(tensor - view->tensor);
    if (index >= view->frame->graph->tensor_count) { /* a temporary: memory of its own */
        void *grown = realloc(tensor->data.data, bytes + 64);
        if (!grown) return kTfLiteError;
        tensor->data.data = grown;
        tensor->bytes = bytes;
        return kTfLiteOk;
    }
    struct qc_frame_value *fv = &view->frame->value[index];
    if (fv->value.constant || qc_frame_reserve(view->frame, fv, bytes))
        return c_report_error(&view->interpreter->reporter, &view->interpreter->session->env), kTfLiteError;
    tensor->data.data = fv->value.data;
    tensor->bytes = bytes;
    return kTfLiteOk;
}

TfLiteStatus c_view_strings(struct c_view *view, TfLiteTensor *tensor, int count, size_t bytes)
{
    size_t index = (size_t)(tensor - view->tensor);
    if (index < view->frame->graph->tensor_count) {
        struct qc_value *value = &view->frame->value[index].value;
        if (!view->step && (value->rank != 1 || value->dims[0] != count)) {
            view->reshaped = true;
            view->frame->planned = false;
        }
        value->rank = 1;
        value->dims[0] = count;
        value->shaped = true;
    }
    set_dims(&tensor->dims, 1, &(int32_t){count});
    return c_view_reserve(view, tensor, bytes);
}

static void free_quantization(TfLiteTensor *tensor)
{
    TfLiteQuantizationFree(&tensor->quantization);
    TfLiteIntArrayFree(tensor->dims);
    TfLiteIntArrayFree((TfLiteIntArray *)(uintptr_t)tensor->dims_signature);
}

void c_view_free(struct c_view *view)
{
    if (!view->made) return;
    for (size_t i = 0; i < view->tensor_count; i++) {
        if (i >= view->frame->graph->tensor_count) free(view->tensor[i].data.data); /* a temporary's own memory */
        free_quantization(&view->tensor[i]);
    }
    free(view->tensor);
    TfLiteIntArrayFree(view->variables);
    memset(view, 0, sizeof *view);
}
