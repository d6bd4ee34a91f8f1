/*
 * hashtable.c - look-up tables kept by the session, int64 to string or string to int64: HASHTABLE, HASHTABLE_IMPORT, HASHTABLE_FIND,
 * HASHTABLE_SIZE.
 */
#include "op/shared/check.h"
#include "op/shared/strings.h"
#include <stdio.h>

/* Open addressing over entries whose strings lie in one block. */
struct table {
    qc_dtype key_type, value_type;
    size_t count, room;      /* entries; slots, a power of two */
    int64_t *number;         /* [count] the int64 side */
    size_t *text, *length;   /* [count] the string side */
    uint32_t *slot;          /* [room] entry + 1 */
    char *bytes;
    bool filled;
};

static void destroy(struct qc_env *env, void *data)
{
    struct table *t = data;
    if (!t) return;
    qc_env_free(env, t->number);
    qc_env_free(env, t->text);
    qc_env_free(env, t->length);
    qc_env_free(env, t->slot);
    qc_env_free(env, t->bytes);
    qc_env_free(env, t);
}

static uint64_t hash(const void *bytes, size_t length)
{
    uint64_t h = 1469598103934665603u; /* FNV-1a */
    for (size_t i = 0; i < length; i++) h = (h ^ ((const uint8_t *)bytes)[i]) * 1099511628211u;
    return h ^ h >> 29;
}

static bool same_key(const struct table *t, size_t entry, const void *key, size_t length)
{
    if (t->key_type == QC_INT64) return t->number[entry] == *(const int64_t *)key;
    return t->length[entry] == length && !memcmp(t->bytes + t->text[entry], key, length);
}

/* The slot that holds the key, or the free one where it belongs. */
static uint32_t *find_slot(const struct table *t, const void *key, size_t length)
{
    size_t at = hash(key, length) & (t->room - 1);
    while (t->slot[at] && !same_key(t, t->slot[at] - 1, key, length)) at = (at + 1) & (t->room - 1);
    return &t->slot[at];
}

static qc_status need_handle(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, step->in_count));
    QC_TRY(qc_need_type(step, 0, QC_SET(RESOURCE)));
    return qc_need_scalar(step, 0);
}

static qc_status find_table(struct qc_step *step, struct table **table)
{
    int32_t id = *(const int32_t *)step->in[0]->data;
    struct qc_resource *resource = step->rt->resource_at(step->rt, id);
    if (!resource || resource->destroy != destroy) return qc_step_fail(step, QC_FORMAT, "handle %d is not that of a hash table", id);
    *table = resource->data;
    return QC_OK;
}

static qc_status need_kinds(struct qc_step *step, qc_dtype key, qc_dtype value)
{
    if ((key == QC_INT64 && value == QC_STRING) || (key == QC_STRING && value == QC_INT64)) return QC_OK;
    return qc_step_fail(step, QC_UNSUPPORTED, "a table from %s to %s; int64 to string and string to int64 exist", qc_dtype_name(key), qc_dtype_name(value));
}

/* ---- HASHTABLE ---- */

static qc_status table_infer(struct qc_step *step)
{
    const struct tfl_HashtableOptions *options = step->options;
    int32_t one = 1;
    QC_TRY(need_kinds(step, (qc_dtype)options->key_dtype, (qc_dtype)options->value_dtype));
    return qc_step_output(step, 0, QC_RESOURCE, 1, &one);
}

static qc_status table_run(struct qc_step *step)
{
    const struct tfl_HashtableOptions *options = step->options;
    char name[16];
    snprintf(name, sizeof name, "%d", options->table_id);
    struct qc_resource *resource = step->rt->resource(step->rt, "HASHTABLE", name);
    if (!resource) return QC_NOMEM;
    if (!resource->data) {
        struct table *t = qc_env_alloc(step->rt->env, sizeof *t);
        if (!t) return QC_NOMEM;
        t->key_type = (qc_dtype)options->key_dtype;
        t->value_type = (qc_dtype)options->value_dtype;
        resource->data = t;
        resource->destroy = destroy;
    }
    *(int32_t *)step->out[0]->data = resource->id;
    return QC_OK;
}

/* ---- HASHTABLE_IMPORT ---- */

static qc_status import_infer(struct qc_step *step)
{
    QC_TRY(need_handle(step));
    QC_TRY(need_kinds(step, step->in[1]->type, step->in[2]->type));
    if (qc_value_elements(step->in[1]) == qc_value_elements(step->in[2])) return QC_OK;
    return qc_step_fail(step, QC_FORMAT, "%zu keys but %zu values", qc_value_elements(step->in[1]), qc_value_elements(step->in[2]));
}

static qc_status reserve(struct qc_step *step, struct table *t, size_t count, size_t bytes)
{
    struct qc_env *env = step->rt->env;
    size_t room = 8;
    while (room < 2 * count) room *= 2;
    t->number = qc_env_alloc(env, count * sizeof *t->number);
    t->text = qc_env_alloc(env, count * sizeof *t->text);
    t->length = qc_env_alloc(env, count * sizeof *t->length);
    t->bytes = qc_env_alloc(env, bytes);
    t->slot = qc_env_alloc(env, room * sizeof *t->slot);
    t->room = room;
    return t->number && t->text && t->length && t->bytes && t->slot ? QC_OK : QC_NOMEM;
}

/* The first import counts, and the first of equal keys. */
static qc_status import_run(struct qc_step *step)
{
    struct table *t;
    QC_TRY(find_table(step, &t));
    int keys = 1, values = 2, numbers = step->in[1]->type == QC_INT64 ? keys : values, texts = keys + values - numbers;
    if (t->key_type != step->in[keys]->type) return qc_step_fail(step, QC_FORMAT, "the table's keys are %s", qc_dtype_name(t->key_type));
    size_t count = qc_value_elements(step->in[keys]), bytes = 0;
    QC_TRY(qc_strings_check(step, step->in[texts], count));
    if (t->filled) return QC_OK;
    if (count >= UINT32_MAX) return qc_step_fail(step, QC_NOMEM, "a table of %zu entries", count);
    QC_TRY(reserve(step, t, count, step->in[texts]->bytes));
    for (size_t i = 0; i < count; i++) {
        size_t length;
        const char *text = qc_strings_get(step->in[texts], i, &length);
        int64_t number = qc_value_int(step->in[numbers], i);
        uint32_t *slot = t->key_type == QC_INT64 ? find_slot(t, &number, sizeof number) : find_slot(t, text, length);
        if (*slot) continue;
        memcpy(t->bytes + bytes, text, length);
        t->number[t->count] = number;
        t->text[t->count] = bytes;
        t->length[t->count] = length;
        bytes += length;
        *slot = (uint32_t)++t->count;
    }
    t->filled = true;
    return QC_OK;
}

/* ---- HASHTABLE_FIND ---- */

static qc_status find_infer(struct qc_step *step)
{
    QC_TRY(need_handle(step));
    QC_TRY(need_kinds(step, step->in[1]->type, step->in[2]->type));
    QC_TRY(qc_need_scalar(step, 2));
    return qc_step_output_like(step, 0, step->in[2]->type, step->in[1]);
}

static qc_status find_plan(struct qc_step *step)
{
    qc_step_scratch(step, qc_value_elements(step->in[1]) * sizeof(uint32_t));
    return QC_OK;
}

static qc_status write_found(struct qc_step *step, const struct table *t, const uint32_t *entry, size_t count)
{
    struct qc_value *out = step->out[0];
    size_t bytes = 4 * (count + 2), length;
    QC_TRY(qc_strings_check(step, step->in[2], 1));
    const char *none = qc_strings_get(step->in[2], 0, &length);
    for (size_t i = 0; i < count; i++) bytes += entry[i] ? t->length[entry[i] - 1] : length;
    if (bytes > INT32_MAX) return qc_step_fail(step, QC_NOMEM, "the strings of the result exceed 2 GiB");
    QC_TRY(step->rt->resize(step->rt, out, out->rank, out->dims, bytes));
    char *base = out->data;
    int32_t at = (int32_t)(4 * (count + 2)), header = (int32_t)count;
    memcpy(base, &header, 4);
    memcpy(base + 4, &at, 4);
    for (size_t i = 0; i < count; i++) {
        size_t n = entry[i] ? t->length[entry[i] - 1] : length;
        memcpy(base + at, entry[i] ? t->bytes + t->text[entry[i] - 1] : none, n);
        at += (int32_t)n;
        memcpy(base + 8 + 4 * i, &at, 4);
    }
    return QC_OK;
}

static qc_status find_run(struct qc_step *step)
{
    const struct qc_value *keys = step->in[1];
    struct table *t;
    QC_TRY(find_table(step, &t));
    if (t->key_type != keys->type) return qc_step_fail(step, QC_FORMAT, "the table's keys are %s", qc_dtype_name(t->key_type));
    size_t count = qc_value_elements(keys);
    uint32_t *entry = step->scratch;
    if (keys->type == QC_STRING) QC_TRY(qc_strings_check(step, keys, count));
    for (size_t i = 0; i < count; i++) {
        size_t length = 0;
        int64_t number = keys->type == QC_INT64 ? qc_value_int(keys, i) : 0;
        const char *text = keys->type == QC_STRING ? qc_strings_get(keys, i, &length) : NULL;
        entry[i] = !t->room ? 0 : text ? *find_slot(t, text, length) : *find_slot(t, &number, sizeof number);
    }
    if (keys->type == QC_INT64) return write_found(step, t, entry, count);
    int64_t none = qc_value_int(step->in[2], 0);
    for (size_t i = 0; i < count; i++) ((int64_t *)step->out[0]->data)[i] = entry[i] ? t->number[entry[i] - 1] : none;
    return QC_OK;
}

/* ---- HASHTABLE_SIZE ---- */

static qc_status size_infer(struct qc_step *step)
{
    int32_t one = 1;
    QC_TRY(need_handle(step));
    return qc_step_output(step, 0, QC_INT64, 1, &one);
}

static qc_status size_run(struct qc_step *step)
{
    struct table *t;
    QC_TRY(find_table(step, &t));
    *(int64_t *)step->out[0]->data = (int64_t)t->count;
    return QC_OK;
}

/* ---- registration ---- */

const struct qc_op qc_op_hashtable[] = {
    {.name = "HASHTABLE", .code = tfl_BuiltinOperator_HASHTABLE, .options = &tfl_HashtableOptions_table, .in_min = 0, .in_max = 0, .out_min = 1,
     .out_max = 1, .flags = QC_OP_STATEFUL, .infer = table_infer, .run = table_run},
    {.name = "HASHTABLE_IMPORT", .code = tfl_BuiltinOperator_HASHTABLE_IMPORT, .in_min = 3, .in_max = 3, .out_min = 0, .out_max = 0,
     .flags = QC_OP_STATEFUL, .infer = import_infer, .run = import_run},
    {.name = "HASHTABLE_FIND", .code = tfl_BuiltinOperator_HASHTABLE_FIND, .in_min = 3, .in_max = 3, .out_min = 1, .out_max = 1,
     .flags = QC_OP_STATEFUL, .infer = find_infer, .plan = find_plan, .run = find_run},
    {.name = "HASHTABLE_SIZE", .code = tfl_BuiltinOperator_HASHTABLE_SIZE, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1,
     .flags = QC_OP_STATEFUL, .infer = size_infer, .run = size_run},
    {0},
};
