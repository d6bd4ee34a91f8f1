/*
 * constant.c - constants in smaller forms. Each form of a constant is made once per graph, however many nodes share it.
 */
#include "quant/quant.h"

#include <math.h>
#include <string.h>

/* The smallest positive half is 2^-24; what is half of it or less becomes 0. */
static const float half_max = 65504.0f, half_vanishing = 0x1p-25f;

static struct qc_form *find_form(const struct qc_quantizer *q, const struct qc_tensor *tensor, const char *kind, int axis)
{
    for (struct qc_form *form = tensor->index < q->form_count ? q->form[tensor->index] : NULL; form; form = form->next)
        if (form->axis == axis && !strcmp(form->kind, kind)) return form;
    return NULL;
}

static qc_status add_form(struct qc_quantizer *q, const struct qc_tensor *tensor, const char *kind, int axis, struct qc_tensor *made)
{
    struct qc_form *form = qc_arena_alloc(&q->model->arena, sizeof *form);
    if (!form || !made) return QC_NOMEM;
    *form = (struct qc_form){kind, axis, made, q->form[tensor->index]};
    q->form[tensor->index] = form;
    return QC_OK;
}

/* The data as aligned floats. */
static qc_status floats_of(struct qc_quantizer *q, const struct qc_tensor *tensor, const float **data)
{
    if ((uintptr_t)tensor->data % sizeof(float)) {
        *data = qc_arena_copy(&q->model->arena, tensor->data, tensor->bytes);
        return *data ? QC_OK : QC_NOMEM;
    }
    *data = tensor->data;
    return QC_OK;
}

void qc_constant_keep(struct qc_quantizer *q, const struct qc_tensor *tensor, const char *reason)
{
    if (tensor->index < q->form_count) q->reason[tensor->index] = reason;
}

/* Values of a float32 constant that are not finite. */
static size_t count_odd(const struct qc_tensor *tensor, size_t *nans, size_t *infinities)
{
    *nans = *infinities = 0;
    for (size_t i = 0; i < tensor->bytes / sizeof(float); i++) {
        uint32_t bits;
        memcpy(&bits, (const char *)tensor->data + 4 * i, 4);
        if ((bits & 0x7f800000u) != 0x7f800000u) continue;
        *nans += (bits & 0x7fffffu) != 0;
        *infinities += (bits & 0x7fffffu) == 0;
    }
    return *nans + *infinities;
}

void qc_constant_note_odd(struct qc_quantizer *q, const struct qc_tensor *tensor)
{
    size_t nans, infinities;
    if (tensor->type == QC_FLOAT32 && tensor->constant && tensor->rank && count_odd(tensor, &nans, &infinities))
        qc_model_add_note(q->model, "'%s' holds %zu NaN and %zu infinite values among its %zu", tensor->name, nans, infinities, tensor->bytes / sizeof(float));
}

qc_status qc_constant_finite(struct qc_quantizer *q, const struct qc_tensor *tensor)
{
    size_t count = tensor->bytes / sizeof(float), nans, infinities;
    if (!count_odd(tensor, &nans, &infinities)) return QC_OK;
    return qc_fail(&q->model->env, QC_RANGE, "'%s' holds %zu NaN and %zu infinite values among its %zu; they have no quantized form: train anew, "
                   "or keep this layer with --keep-float", tensor->name, nans, infinities, count);
}

/* ---- float16 ---- */

static qc_status check_half(struct qc_quantizer *q, const struct qc_tensor *tensor, const float *data, size_t count)
{
    size_t over = 0, vanished = 0;
    float largest = 0;
    for (size_t i = 0; i < count; i++) {
        float magnitude = fabsf(data[i]);
        if (!isfinite(data[i])) continue;
        over += magnitude > half_max;
        vanished += magnitude > 0 && magnitude <= half_vanishing;
        largest = QC_MAX(largest, magnitude);
    }
    if (vanished) qc_model_add_note(q->model, "'%s': %zu of %zu values are too small for float16 and become 0", tensor->name, vanished, count);
    if (over && !q->options->saturate)
        return qc_fail(&q->model->env, QC_RANGE, "'%s': %zu of %zu values are beyond the largest float16, 65504 (the largest is %g); --saturate "
                       "makes them 65504, --keep-float keeps the layer", tensor->name, over, count, (double)largest);
    if (over) qc_model_add_note(q->model, "'%s': %zu of %zu values beyond 65504 were set to it (the largest was %g)", tensor->name, over, count, (double)largest);
    return QC_OK;
}

qc_status qc_constant_half(struct qc_quantizer *q, struct qc_tensor *tensor, struct qc_tensor **made)
{
    struct qc_form *form = find_form(q, tensor, "float16", -1);
    if (form) return *made = form->made, QC_OK;
    size_t count = tensor->bytes / sizeof(float);
    const float *data;
    QC_TRY(floats_of(q, tensor, &data));
    QC_TRY(check_half(q, tensor, data, count));
    uint16_t *half = qc_arena_array(&q->model->arena, count, sizeof *half);
    if (!half) return QC_NOMEM;
    for (size_t i = 0; i < count; i++) {
        float value = isfinite(data[i]) ? QC_MIN(QC_MAX(data[i], -half_max), half_max) : data[i];
        half[i] = qc_float_to_half(value);
    }
    *made = qc_graph_add_constant(q->graph, tensor->name, QC_FLOAT16, tensor->rank, tensor->dims, half, count * sizeof *half);
    return add_form(q, tensor, "float16", -1, *made);
}

/* ---- int8 ---- */

static struct qc_quant *weight_quant(struct qc_arena *arena, uint32_t count, int axis, float **scale)
{
    struct qc_quant *quant = qc_arena_alloc(arena, sizeof *quant);
    int64_t *zero_point = qc_arena_array(arena, count, sizeof *zero_point);
    *scale = qc_arena_array(arena, count, sizeof **scale);
    if (!quant || !zero_point || !*scale) return NULL;
    *quant = (struct qc_quant){.count = count, .axis = QC_MAX(axis, 0), .scale = *scale, .zero_point = zero_point};
    return quant;
}

qc_status qc_constant_int8(struct qc_quantizer *q, struct qc_tensor *tensor, int axis, enum qc_beside beside, struct qc_tensor **made)
{
    const char *kind = beside == QC_BESIDE_FLOAT ? "int8 beside float" : beside == QC_BESIDE_INT16 ? "int8 beside int16" : "int8";
    struct qc_form *form = find_form(q, tensor, kind, axis);
    if (form) return *made = form->made, QC_OK;
    QC_TRY(qc_constant_finite(q, tensor));
    size_t total = tensor->bytes / sizeof(float), slices = axis < 0 ? 1 : (size_t)tensor->dims[axis], inner = 1;
    for (int i = axis + 1; axis >= 0 && i < tensor->rank; i++) inner *= (size_t)tensor->dims[i];
    if (axis < 0) inner = total;
    const float *data;
    float *scale;
    QC_TRY(floats_of(q, tensor, &data));
    struct qc_quant *quant = weight_quant(&q->model->arena, (uint32_t)slices, axis, &scale);
    int8_t *stored = qc_arena_alloc(&q->model->arena, total);
    if (!quant || !stored) return QC_NOMEM;
    for (size_t at = 0, slice = 0; at < total; at += inner, slice = (slice + 1) % slices) { /* scale holds the largest magnitude first */
        float largest = scale[slice];
        for (size_t i = at; i < at + inner; i++) largest = QC_MAX(largest, fabsf(data[i]));
        scale[slice] = largest;
    }
    for (size_t at = 0, slice = 0; at < total; at += inner, slice = (slice + 1) % slices)
        qc_quantize_weights(data + at, inner, (double)scale[slice], beside, stored + at);
    for (size_t i = 0; i < slices; i++) scale[i] = qc_params_weight((double)scale[i]);
    if (!(*made = qc_graph_add_constant(q->graph, tensor->name, QC_INT8, tensor->rank, tensor->dims, stored, total))) return QC_NOMEM;
    (*made)->quant = quant;
    return add_form(q, tensor, kind, axis, *made);
}

bool qc_constant_vanishes(const struct qc_tensor *tensor)
{
    size_t count = tensor->bytes / sizeof(float), values = 0, small = 0;
    float value, largest = 0;
    for (size_t i = 0; i < count; i++) {
        memcpy(&value, (const char *)tensor->data + i * sizeof value, sizeof value);
        largest = fmaxf(largest, fabsf(value));
    }
    for (size_t i = 0; i < count; i++) {
        memcpy(&value, (const char *)tensor->data + i * sizeof value, sizeof value);
        values += value != 0;
        small += value != 0 && fabsf(value) < largest / 254;
    }
    return small > values / 2;
}

/* ---- DEQUANTIZE ---- */

qc_status qc_constant_unpacked(struct qc_quantizer *q, struct qc_tensor *tensor, struct qc_tensor *stored, struct qc_tensor **made)
{
    const char *kind = stored->type == QC_FLOAT16 ? "from float16" : "from int8";
    int axis = stored->quant && stored->quant->count > 1 ? stored->quant->axis : -1;
    struct qc_form *form = find_form(q, tensor, kind, axis);
    if (form) return *made = form->made, QC_OK;
    const char *name = qc_arena_printf(&q->model->arena, "%s/dequantized", tensor->name);
    if (!name || !(*made = qc_graph_add_tensor(q->graph, name, QC_FLOAT32, tensor->rank, tensor->dims))) return QC_NOMEM;
    if (!qc_graph_add_node(q->graph, q->first, tfl_BuiltinOperator_DEQUANTIZE, &tfl_DequantizeOptions_table, NULL, 1, &stored, 1, made))
        return QC_NOMEM;
    return add_form(q, tensor, kind, axis, *made);
}
