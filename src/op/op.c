/*
 * op.c - the operator registry, and what hooks may use. See op.h.
 */
#include "op/op.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "op_declare.inc"

static const struct qc_op *const family[] = {
#include "op_rows.inc"
    NULL,
};

/* ---- the registry ---- */

const struct qc_op *qc_op_at(size_t index)
{
    for (size_t i = 0; i + 1 < QC_COUNT(family); i++)
        for (const struct qc_op *op = family[i]; op->name; op++)
            if (!index--) return op;
    return NULL;
}

static const struct qc_op *search(int code, const char *custom)
{
    for (size_t i = 0; i + 1 < QC_COUNT(family); i++)
        for (const struct qc_op *op = family[i]; op->name; op++)
            if (op->code == code && (code != tfl_BuiltinOperator_CUSTOM || (custom && !strcmp(op->name, custom)))) return op;
    return NULL;
}

const struct qc_op *qc_op_find(int code, const char *custom)
{
    enum { KEPT = 256 };
    static _Atomic(const struct qc_op *) found[KEPT]; /* by code; any thread may enter what all would find */
    if (code < 0 || code >= KEPT || code == tfl_BuiltinOperator_CUSTOM) return search(code, custom);
    const struct qc_op *op = atomic_load_explicit(&found[code], memory_order_relaxed);
    if (!op && (op = search(code, custom))) atomic_store_explicit(&found[code], op, memory_order_relaxed);
    return op;
}

const void *qc_op_options(const struct qc_op *op, const struct qc_node *node, struct qc_arena *arena)
{
    if (node->options && node->options_table == op->options) return node->options;
    return op->options ? fb_new(arena, op->options) : NULL;
}

/* ---- errors ---- */

qc_status qc_step_fail(struct qc_step *step, qc_status status, const char *format, ...)
{
    char sentence[900];
    va_list list;
    va_start(list, format);
    vsnprintf(sentence, sizeof sentence, format, list);
    va_end(list);
    return qc_fail(step->rt->env, status, "%s '%s': %s", qc_node_op(step->node), qc_node_name(step->node), sentence);
}

qc_status qc_step_unsupported_type(struct qc_step *step)
{
    char types[300];
    int at = 0;
    types[0] = 0;
    for (int i = 0; i < step->in_count && at < 200; i++)
        at += snprintf(types + at, sizeof types - (size_t)at, "%s%s", i ? ", " : "", step->in[i] ? qc_dtype_name(step->in[i]->type) : "none");
    for (int i = 0; i < step->out_count && at < 250; i++)
        at += snprintf(types + at, sizeof types - (size_t)at, "%s%s", i ? ", " : " -> ", qc_dtype_name(step->out[i]->tensor->type));
    return qc_step_fail(step, QC_UNSUPPORTED, "the element types %s are not supported together", types);
}

/* ---- shapes ---- */

qc_status qc_step_output(struct qc_step *step, int index, qc_dtype type, int rank, const int32_t *dims)
{
    struct qc_value *value = step->out[index];
    size_t count = 1;
    if (rank < 0 || rank > QC_MAX_RANK)
        return qc_step_fail(step, QC_UNSUPPORTED, "output %d has rank %d; at most %d is supported", index, rank, QC_MAX_RANK);
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0) return qc_step_fail(step, QC_FORMAT, "output %d: dimension %d is %d", index, i, (int)dims[i]);
        if (__builtin_mul_overflow(count, (size_t)dims[i], &count) || count > SIZE_MAX / 32)
            return qc_step_fail(step, QC_NOMEM, "output %d has more elements than memory can hold", index);
    }
    value->type = type;
    value->rank = (uint8_t)rank;
    for (int i = 0; i < rank; i++) value->dims[i] = dims[i];
    value->shaped = true;
    value->bytes = qc_dtype_bytes(type, count);
    return QC_OK;
}

qc_status qc_step_output_like(struct qc_step *step, int index, qc_dtype type, const struct qc_value *shape_of)
{
    return qc_step_output(step, index, type, shape_of->rank, shape_of->dims);
}

qc_status qc_step_defer(struct qc_step *step)
{
    step->deferred = true;
    return QC_OK;
}

bool qc_value_same_shape(const struct qc_value *a, const struct qc_value *b)
{
    return a->rank == b->rank && !memcmp(a->dims, b->dims, a->rank * sizeof *a->dims);
}

size_t qc_value_span(const struct qc_value *value, int from, int to)
{
    size_t count = 1;
    for (int i = from; i < to; i++) count *= (size_t)value->dims[i];
    return count;
}

size_t qc_value_elements(const struct qc_value *value)
{
    return qc_value_span(value, 0, value->rank);
}

int qc_axis(int64_t axis, int rank)
{
    if (axis < 0) axis += rank;
    return axis >= 0 && axis < rank ? (int)axis : -1;
}

bool qc_broadcast_shape(const struct qc_value *a, const struct qc_value *b, int *rank, int32_t *dims)
{
    *rank = QC_MAX(a->rank, b->rank);
    for (int i = 1; i <= *rank; i++) {
        int32_t m = i <= a->rank ? a->dims[a->rank - i] : 1, n = i <= b->rank ? b->dims[b->rank - i] : 1;
        if (m != n && m != 1 && n != 1) return false;
        dims[*rank - i] = m == 1 ? n : m;
    }
    return true;
}

/* ---- values ---- */

float qc_value_scale(const struct qc_value *value)
{
    return value->quant && value->quant->count ? value->quant->scale[0] : 0;
}

int32_t qc_value_zero_point(const struct qc_value *value)
{
    enum { MOST = 1 << 24 }; /* far beyond any that fits its type; sums and differences with stored numbers stay in 32 bits */
    const int64_t zero = value->quant && value->quant->count ? value->quant->zero_point[0] : 0;
    return (int32_t)QC_MAX(QC_MIN(zero, MOST), -MOST);
}

int64_t qc_value_int(const struct qc_value *value, size_t i)
{
    int32_t narrow;
    int64_t wide;
    if (value->type == QC_INT64) {
        memcpy(&wide, (const char *)value->data + 8 * i, 8);
        return wide;
    }
    memcpy(&narrow, (const char *)value->data + 4 * i, 4);
    return narrow;
}

/* ---- memory ---- */

void *qc_step_alloc(struct qc_step *step, size_t bytes)
{
    return qc_arena_alloc(step->arena, bytes);
}

size_t qc_step_scratch(struct qc_step *step, size_t bytes)
{
    size_t at = step->scratch_bytes;
    step->scratch_bytes = at + ((bytes + 63) & ~(size_t)63);
    return at;
}

const void *qc_step_pack(struct qc_step *step, const struct qc_value *operand, const char *kind, size_t bytes,
                         void (*fill)(void *block, const void *context), const void *context)
{
    if (operand->constant && step->rt->pack) return step->rt->pack(step->rt, operand->tensor, kind, bytes, fill, context);
    char *raw = qc_step_alloc(step, bytes + 63);
    if (!raw) return NULL;
    void *block = (void *)(((uintptr_t)raw + 63) & ~(uintptr_t)63);
    fill(block, context);
    return block;
}
