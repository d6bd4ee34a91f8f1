/*
 * pair.c - a float model and its quantized form side by side. See pair.h.
 */
#include "quant/shared/pair.h"
#include "quant/params.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool qc_pair_floats(const struct qc_value *value, float *out)
{
    size_t count = qc_value_elements(value);
    float scale = qc_value_scale(value);
    int32_t zero_point = qc_value_zero_point(value);
    if (value->type != QC_FLOAT32 && scale == 0) scale = 1;
    switch (value->type) {
    case QC_FLOAT32: memcpy(out, value->data, count * sizeof *out); return true;
    case QC_INT8:
        for (size_t i = 0; i < count; i++) out[i] = (float)(((const int8_t *)value->data)[i] - zero_point) * scale;
        return true;
    case QC_UINT8:
        for (size_t i = 0; i < count; i++) out[i] = (float)(((const uint8_t *)value->data)[i] - zero_point) * scale;
        return true;
    case QC_INT16:
        for (size_t i = 0; i < count; i++) out[i] = (float)(((const int16_t *)value->data)[i] - zero_point) * scale;
        return true;
    case QC_INT32:
        for (size_t i = 0; i < count; i++) out[i] = (float)((const int32_t *)value->data)[i];
        return true;
    case QC_INT64:
        for (size_t i = 0; i < count; i++) out[i] = (float)((const int64_t *)value->data)[i];
        return true;
    case QC_BOOL:
        for (size_t i = 0; i < count; i++) out[i] = ((const bool *)value->data)[i];
        return true;
    default: return false;
    }
}

/* ---- which value is which ---- */

bool qc_pair_converts(const struct qc_node *node)
{
    return node && (node->code == tfl_BuiltinOperator_QUANTIZE || node->code == tfl_BuiltinOperator_DEQUANTIZE);
}

struct named {
    const char *name;
    const struct qc_tensor *tensor;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

/* The name that the value had in the float model. */
static const char *float_name(const struct qc_tensor *tensor, char *buffer, size_t size)
{
    size_t length = strlen(tensor->name), tail = strlen("/integer");
    if (length <= tail || length >= size || strcmp(tensor->name + length - tail, "/integer")) return tensor->name;
    snprintf(buffer, size, "%.*s", (int)(length - tail), tensor->name);
    return buffer;
}

const struct qc_tensor **qc_pair_match(struct qc_arena *arena, const struct qc_graph *reference, const struct qc_graph *graph)
{
    const struct qc_tensor **match = qc_arena_array(arena, graph->tensor_count, sizeof *match);
    struct named *list = qc_arena_array(arena, reference->tensor_count, sizeof *list);
    bool *taken = qc_arena_alloc(arena, reference->tensor_count + 1);
    size_t count = 0;
    if (!match || !list || !taken) return NULL;
    for (uint32_t i = 0; i < reference->tensor_count; i++) {
        const struct qc_tensor *tensor = reference->tensor[i];
        if (tensor->producer && tensor->type == QC_FLOAT32) list[count++] = (struct named){tensor->name, tensor};
    }
    qsort(list, count, sizeof *list, by_name);
    for (uint32_t i = 0; i < graph->tensor_count; i++) {
        char buffer[600];
        const struct qc_tensor *tensor = graph->tensor[i];
        if (!tensor->producer || qc_pair_converts(tensor->producer)) continue;
        struct named key = {.name = float_name(tensor, buffer, sizeof buffer)};
        const struct named *found = count ? bsearch(&key, list, count, sizeof *list, by_name) : NULL;
        if (!found || taken[found->tensor->index]) continue;
        taken[found->tensor->index] = true;
        match[i] = found->tensor;
    }
    return match;
}

/* ---- the same sample into both ---- */

static qc_status feed(struct qc_env *env, const struct qc_tensor_info *from, const struct qc_tensor_info *to)
{
    size_t count = 1;
    for (int i = 0; i < to->rank; i++) count *= (size_t)to->dims[i];
    if (from->type == to->type && from->bytes == to->bytes) {
        if (from->bytes) memcpy(to->data, from->data, from->bytes);
        return QC_OK;
    }
    struct qc_affine affine = {to->scale, to->zero_point};
    const float *value = from->data;
    if (from->type != QC_FLOAT32 || to->scale == 0 || (to->type != QC_INT8 && to->type != QC_UINT8 && to->type != QC_INT16))
        return qc_fail(env, QC_INVALID, "input '%s' is %s in one model and %s in the other: they cannot be compared", to->name,
                       qc_dtype_name(from->type), qc_dtype_name(to->type));
    for (size_t i = 0; i < count; i++)
        if (to->type == QC_INT8)
            ((int8_t *)to->data)[i] = (int8_t)qc_quantize_affine(value[i], affine, -128, 127);
        else if (to->type == QC_UINT8)
            ((uint8_t *)to->data)[i] = (uint8_t)qc_quantize_affine(value[i], affine, 0, 255);
        else
            ((int16_t *)to->data)[i] = (int16_t)qc_quantize_affine(value[i], affine, -32768, 32767);
    return QC_OK;
}

qc_status qc_pair_feed(struct qc_env *env, struct qc_session *reference, struct qc_session *session)
{
    struct qc_error error = {0};
    for (size_t i = 0; i < qc_session_input_count(session); i++) {
        struct qc_tensor_info from, to;
        if (qc_session_input(reference, i, &from)) return qc_fail(env, QC_INVALID, "input %zu of the reference is not ready", i);
        int index = qc_session_input_index(session, from.name);
        if (index < 0) index = (int)i;
        if (qc_session_resize(session, (size_t)index, from.rank, from.dims, &error)) return qc_fail(env, error.status, "%s", error.text);
        if (qc_session_input(session, (size_t)index, &to))
            return qc_fail(env, QC_INVALID, "input '%s' does not take the shape that the reference's has", from.name);
        QC_TRY(feed(env, &from, &to));
    }
    return QC_OK;
}
