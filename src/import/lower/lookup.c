/*
 * lookup.c - see lookup.h. absent + sum over keys of [x = key] * (value - absent): at most one term counts. TFLite's own tables know text alone.
 */
#include "import/lower/lookup.h"

static struct qc_tensor *keys_of(struct qc_build *b, qc_dtype type, const int32_t *keys, int32_t count)
{
    int64_t *wide = type == QC_INT64 ? qc_arena_array(&b->graph->model->arena, (size_t)count, sizeof *wide) : NULL;
    if (type != QC_INT64) return qc_build_i32s(b, count, keys);
    for (int32_t i = 0; wide && i < count; i++) wide[i] = keys[i];
    return wide ? qc_build_constant(b, "keys", QC_INT64, 1, &count, wide) : NULL;
}

struct qc_tensor *qc_lower_lookup(struct qc_build *b, struct qc_tensor *x, const int32_t *keys, const int32_t *values, int32_t count, int32_t absent)
{
    int32_t dims[QC_MAX_RANK], *offset = qc_arena_array(&b->graph->model->arena, (size_t)count, sizeof *offset);
    if (!x || !offset) return NULL;
    for (int32_t i = 0; i < count; i++) offset[i] = (int32_t)((uint32_t)values[i] - (uint32_t)absent); /* wraps back when added */
    for (int i = 0; i < x->rank; i++) dims[i] = QC_KEEP(i);
    dims[x->rank] = 1;
    struct qc_tensor *hit = QC_BUILD(b, EQUAL, NULL, qc_lower_reshape(b, x, x->rank + 1, dims), keys_of(b, x->type, keys, count));
    struct qc_tensor *sum = qc_build_binary(b, tfl_BuiltinOperator_MUL, qc_lower_cast(b, hit, QC_INT32), qc_build_i32s(b, count, offset));
    sum = qc_lower_reduce(b, tfl_BuiltinOperator_SUM, sum, 1, (int32_t[]){-1}, false);
    return qc_build_binary(b, tfl_BuiltinOperator_ADD, sum, qc_build_i32(b, absent));
}
