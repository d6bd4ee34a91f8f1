/*
 * hashtable_lookup.c - HASHTABLE_LOOKUP: rows of a table whose sorted int32 keys equal the ids; zeros (or empty strings) and a hit of 0
 * where there is no such key.
 */
#include "op/shared/sliding.h"
#include "op/shared/strings.h"

struct state {
    int32_t *index; /* [ids]: row of the table, or -1 */
};

static qc_status infer(struct qc_step *step)
{
    QC_TRY(qc_require_rank(step, 0, 1));
    QC_TRY(qc_require_rank(step, 1, 1));
    const struct qc_value *ids = step->in[0], *keys = step->in[1], *table = qc_operand(step, 2);
    if (!table || table->rank < 1) return qc_step_fail(step, QC_FORMAT, "input 2 must be a tensor of rank 1 or more");
    if (ids->type != QC_INT32 || keys->type != QC_INT32) return qc_step_unsupported_type(step);
    if (table->type != QC_STRING && (!qc_dtype_bits(table->type) || qc_dtype_bits(table->type) % 8)) return qc_step_unsupported_type(step);
    if (table->type == QC_STRING && table->rank != 1) return qc_step_fail(step, QC_FORMAT, "input 2: strings must have rank 1");
    if (keys->dims[0] != table->dims[0])
        return qc_step_fail(step, QC_FORMAT, "%d keys, but %d rows", (int)keys->dims[0], (int)table->dims[0]);
    int32_t dims[QC_MAX_RANK];
    memcpy(dims, table->dims, sizeof dims);
    dims[0] = ids->dims[0];
    QC_TRY(qc_step_output(step, 0, table->type, table->rank, dims));
    return qc_step_output(step, 1, QC_UINT8, 1, dims);
}

static qc_status plan(struct qc_step *step)
{
    struct state *s = step->state = qc_step_alloc(step, sizeof *s);
    if (!s) return QC_NOMEM;
    s->index = qc_step_alloc(step, ((size_t)step->in[0]->dims[0] + 1) * sizeof *s->index);
    return s->index ? QC_OK : QC_NOMEM;
}

static int32_t find(const int32_t *keys, int32_t count, int32_t id)
{
    int32_t low = 0, high = count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (keys[middle] == id) return middle;
        if (keys[middle] < id) low = middle + 1;
        else high = middle;
    }
    return -1;
}

static qc_status run(struct qc_step *step)
{
    const struct state *s = step->state;
    const struct qc_value *ids = step->in[0], *keys = step->in[1], *table = step->in[2];
    struct qc_value *y = step->out[0], *hits = step->out[1];
    size_t width = table->type == QC_STRING ? 0 : qc_dtype_bytes(table->type, qc_value_span(table, 1, table->rank));
    for (size_t i = 0; i < (size_t)ids->dims[0]; i++) {
        int32_t row = s->index[i] = find(keys->data, keys->dims[0], ((const int32_t *)ids->data)[i]);
        ((uint8_t *)hits->data)[i] = row >= 0;
        if (!width) continue;
        char *to = (char *)y->data + i * width;
        if (row < 0) memset(to, 0, width);
        else memcpy(to, (const char *)table->data + (size_t)row * width, width);
    }
    if (table->type != QC_STRING) return QC_OK;
    QC_TRY(qc_strings_check(step, table, (size_t)table->dims[0]));
    return qc_strings_pick(step, y, table, s->index);
}

const struct qc_op qc_op_hashtable_lookup[] = {
    {.name = "HASHTABLE_LOOKUP", .code = tfl_BuiltinOperator_HASHTABLE_LOOKUP, .in_min = 3, .in_max = 3, .out_min = 2, .out_max = 2,
     .infer = infer, .plan = plan, .run = run},
    {0},
};
