/*
 * weights.c - see weights.h. Packed types stand low bits first: element 0 of an int4 pair is the low nibble.
 */
#include "op/shared/weights.h"
#include "op/shared/stored.h"

#include <stdio.h>

void qc_unpack_s8(qc_dtype type, const void *packed, size_t count, int8_t *out)
{
    const uint8_t *from = packed;
    if (type == QC_INT4)
        for (size_t i = 0; i < count; i++) out[i] = (int8_t)(((from[i / 2] >> (i % 2 * 4) & 15) ^ 8) - 8);
    else if (type == QC_INT2)
        for (size_t i = 0; i < count; i++) out[i] = (int8_t)(((from[i / 4] >> (i % 4 * 2) & 3) ^ 2) - 2);
    else
        memcpy(out, from, count);
}

/* Do elements change, and not only their order? */
static bool unpacks(const struct qc_weights *w)
{
    return w->width == 1 || w->value->stored;
}

/* Copies elements of `width` bytes so that the axes stand in `order`. Axes of one element are left out and those that stay together are
 * walked as one, so that the inner loop is long. */
static void reorder(const struct qc_value *value, const uint8_t *order, size_t width, const char *from, char *to)
{
    size_t stride[QC_MAX_RANK], size[QC_MAX_RANK], index[QC_MAX_RANK] = {0}, step[QC_MAX_RANK], total = 1;
    int rank = 0;
    for (int i = value->rank - 1; i >= 0; i--) {
        stride[i] = total;
        total *= (size_t)value->dims[i];
    }
    for (int i = 0; i < value->rank; i++) {
        const size_t n = (size_t)value->dims[order[i]];
        if (n == 1) continue;
        if (rank && step[rank - 1] == n * stride[order[i]]) rank--, size[rank] *= n;
        else size[rank] = n;
        step[rank++] = stride[order[i]];
    }
    if (!rank) size[rank] = step[rank] = 1, rank++;
    const size_t inner = size[rank - 1], jump = step[rank - 1];
    for (size_t k = 0; k < total; k += inner) {
        size_t at = 0;
        for (int i = 0; i < rank - 1; i++) at += index[i] * step[i];
        if (width == 1)
            for (size_t n = 0; n < inner; n++) to[k + n] = from[at + n * jump];
        else
            for (size_t n = 0; n < inner; n++) memcpy(to + (k + n) * 4, from + (at + n * jump) * 4, 4);
        for (int i = rank - 2; i >= 0 && ++index[i] == size[i]; i--) index[i] = 0;
    }
}

/* Order of work: unpack (to the front half if a reordering follows), then reorder. */
static void convert(void *block, const void *context)
{
    const struct qc_weights *w = context;
    const char *from = w->value->data;
    char *to = block, *plain = unpacks(w) && w->order ? to + w->elements * w->width : to;
    if (w->value->stored) {
        qc_stored_read(w->value->stored, 0, w->elements, (float *)(void *)plain);
    } else if (w->width == 1) {
        qc_unpack_s8(w->value->type, from, w->elements, (int8_t *)plain);
        if (w->value->type == QC_UINT8 && w->flip)
            for (size_t i = 0; i < w->elements; i++) plain[i] = (char)((uint8_t)plain[i] ^ 0x80);
    }
    if (w->order) reorder(w->value, w->order, w->width, unpacks(w) ? plain : from, to);
}

static size_t block_bytes(const struct qc_weights *w)
{
    return w->elements * w->width * (w->order && unpacks(w) ? 2 : 1);
}

qc_status qc_weights_plan(struct qc_step *step, struct qc_weights *w)
{
    qc_dtype type = w->value->type;
    bool integer = type == QC_INT8 || type == QC_UINT8 || type == QC_INT4 || type == QC_INT2;
    if (!integer && type != QC_FLOAT32) return qc_step_unsupported_type(step);
    w->width = integer ? 1 : 4;
    w->elements = qc_value_elements(w->value);
    w->direct = !w->order && !w->value->stored && (type == QC_FLOAT32 || type == QC_INT8 || (type == QC_UINT8 && !w->flip));
    if (!w->direct && !w->value->constant) w->scratch = qc_step_scratch(step, block_bytes(w));
    return QC_OK;
}

qc_status qc_weights_prepare(struct qc_step *step, struct qc_weights *w)
{
    if (w->direct || !w->value->constant) return QC_OK;
    char kind[32] = "plain", *at = kind;
    for (int i = 0; w->order && i < w->value->rank; i++) at += sprintf(at, "%d", w->order[i]);
    sprintf(at, "%s", w->flip ? "flip" : "");
    w->packed = qc_step_pack(step, w->value, kind, block_bytes(w), convert, w);
    return w->packed ? QC_OK : QC_NOMEM;
}

const void *qc_weights_get(const struct qc_step *step, const struct qc_weights *w)
{
    if (w->direct) return w->value->data;
    if (w->packed) return w->packed;
    void *block = (char *)step->scratch + w->scratch;
    convert(block, w);
    return block;
}

size_t qc_weights_bytes(const struct qc_weights *w)
{
    return w->direct ? 0 : block_bytes(w);
}

const void *qc_weights_read(const struct qc_weights *w, void *buffer)
{
    if (w->direct) return w->value->data;
    convert(buffer, w);
    return buffer;
}
