/* strings.c - see strings.h. */
#include "op/shared/strings.h"

static int32_t word(const struct qc_value *value, size_t i)
{
    int32_t result;
    memcpy(&result, (const char *)value->data + 4 * i, 4);
    return result;
}

qc_status qc_strings_check(struct qc_step *step, const struct qc_value *value, size_t count)
{
    const char *name = value->tensor->name;
    if (value->bytes == 0 && count == 0) return QC_OK;
    if (value->bytes < 8 || word(value, 0) < 0 || (size_t)word(value, 0) != count)
        return qc_step_fail(step, QC_FORMAT, "the string tensor '%s' does not hold the %zu strings its shape asks for", name, count);
    if (value->bytes / 4 < count + 2)
        return qc_step_fail(step, QC_FORMAT, "the string tensor '%s' is too short for the offsets of %zu strings", name, count);
    for (size_t i = 0; i < count; i++) {
        int32_t begin = word(value, 1 + i), end = word(value, 2 + i);
        if (begin < 0 || end < begin || (size_t)end > value->bytes)
            return qc_step_fail(step, QC_FORMAT, "the string tensor '%s': string %zu lies at [%d, %d), outside its %zu bytes", name, i, begin,
                                end, value->bytes);
    }
    return QC_OK;
}

const char *qc_strings_get(const struct qc_value *value, size_t i, size_t *length)
{
    int32_t begin = word(value, 1 + i);
    *length = (size_t)(word(value, 2 + i) - begin);
    return (const char *)value->data + begin;
}

qc_status qc_strings_pick(struct qc_step *step, struct qc_value *out, const struct qc_value *in, const int32_t *index)
{
    size_t count = qc_value_elements(out), bytes = 4 * (count + 2), length;
    for (size_t k = 0; k < count; k++) {
        if (index[k] < 0) continue;
        qc_strings_get(in, (size_t)index[k], &length);
        if (length > INT32_MAX - bytes) return qc_step_fail(step, QC_NOMEM, "the strings of the result exceed 2 GiB");
        bytes += length;
    }
    QC_TRY(step->rt->resize(step->rt, out, out->rank, out->dims, bytes));
    char *base = out->data;
    int32_t at = (int32_t)(4 * (count + 2)), header = (int32_t)count;
    memcpy(base, &header, 4);
    memcpy(base + 4, &at, 4);
    for (size_t k = 0; k < count; k++) {
        if (index[k] >= 0) {
            const char *text = qc_strings_get(in, (size_t)index[k], &length);
            memcpy(base + at, text, length);
            at += (int32_t)length;
        }
        memcpy(base + 8 + 4 * k, &at, 4);
    }
    return QC_OK;
}
