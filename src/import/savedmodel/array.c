/*
 * array.c - element types and arrays out of TensorFlow's messages and checkpoint bytes. See message.h.
 *
 * A TensorProto holds its values in one of two ways: tensor_content, the raw bytes, or a typed list in which the last value stands for
 * all that follow. So a few bytes may declare a huge array; it is written out only up to the caller's limit.
 */
#include "import/savedmodel/message.h"

#include <string.h>

static const struct type_row {
    int tf;
    const char *name;
    qc_dtype type;
    int list; /* field of TensorProto with the typed values */
    enum pb_wire wire;
} type_rows[] = {
    {QC_TF_FLOAT, "float32", QC_FLOAT32, 5, PB_FIXED32},   {QC_TF_DOUBLE, "float64", QC_FLOAT64, 6, PB_FIXED64},
    {QC_TF_INT32, "int32", QC_INT32, 7, PB_VARINT},        {QC_TF_UINT8, "uint8", QC_UINT8, 7, PB_VARINT},
    {QC_TF_INT16, "int16", QC_INT16, 7, PB_VARINT},        {QC_TF_INT8, "int8", QC_INT8, 7, PB_VARINT},
    {QC_TF_STRING, "string", QC_STRING, 8, PB_LENGTH},     {QC_TF_INT64, "int64", QC_INT64, 10, PB_VARINT},
    {QC_TF_BOOL, "bool", QC_BOOL, 11, PB_VARINT},          {QC_TF_BFLOAT16, "bfloat16", QC_BFLOAT16, 13, PB_VARINT},
    {QC_TF_UINT16, "uint16", QC_UINT16, 7, PB_VARINT},     {QC_TF_HALF, "float16", QC_FLOAT16, 13, PB_VARINT},
    {QC_TF_UINT32, "uint32", QC_UINT32, 16, PB_VARINT},    {QC_TF_UINT64, "uint64", QC_UINT64, 17, PB_VARINT},
    {QC_TF_COMPLEX64, "complex64", QC_COMPLEX64, 9, PB_FIXED32}, {QC_TF_COMPLEX128, "complex128", QC_COMPLEX128, 12, PB_FIXED64},
    {QC_TF_RESOURCE, "resource", QC_RESOURCE, 0, PB_LENGTH}, {QC_TF_VARIANT, "variant", QC_VARIANT, 0, PB_LENGTH},
};

static const struct type_row *find(int64_t type)
{
    if (type > 100) type -= 100; /* a reference to a TF1 variable */
    for (size_t i = 0; i < QC_COUNT(type_rows); i++)
        if (type_rows[i].tf == type) return &type_rows[i];
    return NULL;
}

const char *qc_tf_dtype_name(int64_t type)
{
    const struct type_row *row = find(type);
    return row ? row->name : "?";
}

bool qc_tf_dtype(int64_t type, qc_dtype *result)
{
    const struct type_row *row = find(type);
    if (row) *result = row->type;
    return row;
}

bool qc_tf_compute_dtype(int64_t type, qc_dtype *result)
{
    if (!qc_tf_dtype(type, result)) return false;
    if (*result == QC_FLOAT64 || *result == QC_FLOAT16 || *result == QC_BFLOAT16) *result = QC_FLOAT32;
    return true;
}

/* Fixes type, dims and count of an array from a file's shape. */
static qc_status describe(struct qc_env *env, const char *what, int64_t tf_type, const struct qc_tf_shape *shape, struct qc_tf_array *array)
{
    size_t count = 1;
    *array = (struct qc_tf_array){.rank = shape->rank};
    if (!find(tf_type)) return qc_fail(env, QC_FORMAT, "%s: element type %lld is unknown", what, (long long)tf_type);
    if (!shape->known_rank) return qc_fail(env, QC_FORMAT, "%s: its shape is not known", what);
    qc_tf_compute_dtype(tf_type, &array->type);
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dims[i] < 0 || shape->dims[i] > INT32_MAX)
            return qc_fail(env, QC_FORMAT, "%s: dimension %d is %lld", what, i, (long long)shape->dims[i]);
        array->dims[i] = (int32_t)shape->dims[i];
        if (__builtin_mul_overflow(count, (size_t)array->dims[i], &count) || count > SIZE_MAX / 32)
            return qc_fail(env, QC_FORMAT, "%s: has more elements than memory can hold", what);
    }
    array->count = count;
    array->bytes = qc_dtype_bytes(array->type, count);
    return QC_OK;
}

/* One value, `from` a stored type, as float32. */
static float widen(qc_dtype from, const unsigned char *at)
{
    uint16_t half;
    double wide;
    if (from == QC_FLOAT64) {
        memcpy(&wide, at, 8);
        return (float)wide;
    }
    memcpy(&half, at, 2);
    return from == QC_FLOAT16 ? qc_half_to_float(half) : qc_bfloat16_to_float(half);
}

qc_status qc_tf_array_from_bytes(struct qc_arena *arena, const char *what, int64_t tf_type, const struct qc_tf_shape *shape,
                                 const void *bytes, size_t size, struct qc_tf_array *array)
{
    qc_dtype stored = QC_FLOAT32;
    QC_TRY(describe(arena->env, what, tf_type, shape, array));
    qc_tf_dtype(tf_type, &stored);
    size_t each = qc_dtype_bytes(stored, 1), align = QC_MIN(each, sizeof(float) * 2);
    if (!each) return qc_fail(arena->env, QC_UNSUPPORTED, "%s: has element type %s", what, qc_tf_dtype_name(tf_type));
    if (size / each != array->count || size % each)
        return qc_fail(arena->env, QC_FORMAT, "%s: %zu bytes are no %zu elements of %s", what, size, array->count, qc_tf_dtype_name(tf_type));
    if (stored != array->type) {
        float *wide = qc_arena_array(arena, array->count, sizeof *wide);
        if (!wide) return QC_NOMEM;
        for (size_t i = 0; i < array->count; i++) wide[i] = widen(stored, (const unsigned char *)bytes + i * each);
        array->data = wide;
    } else if ((uintptr_t)bytes % align) {
        if (!(array->data = qc_arena_copy(arena, bytes, size))) return QC_NOMEM;
    } else
        array->data = bytes;
    return QC_OK;
}

/* Writes one value of a typed list in its stored form, which for every type are the low bytes of the number. */
static void put_value(const struct type_row *row, struct qc_tf_array *array, size_t index, uint64_t value)
{
    unsigned char *to = (unsigned char *)(uintptr_t)array->data;
    if (row->type != array->type) {
        ((float *)(void *)to)[index] = widen(row->type, (const unsigned char *)&value);
        return;
    }
    size_t each = qc_dtype_bytes(row->type, 1);
    if (row->type == QC_BOOL) value = value != 0;
    memcpy(to + index * each, &value, each);
}

static qc_status read_list(struct qc_env *env, const char *what, struct pb_bytes message, const struct type_row *row, struct qc_tf_array *array)
{
    struct pb_reader in = pb_open(message);
    struct pb_field field;
    size_t count = 0;
    uint64_t value, last = 0;
    while (pb_next(&in, &field)) {
        struct pb_bytes rest = {NULL, 0};
        if ((int)field.number != row->list) continue;
        while (pb_element(&field, row->wire, &rest, &value)) {
            if (count < array->count) put_value(row, array, count, value);
            count++;
            last = value;
        }
    }
    if (count > array->count) return qc_fail(env, QC_FORMAT, "%s: %zu values for %zu elements", what, count, array->count);
    if (count && last) /* else the rest is zero, as the memory is */
        for (size_t i = count; i < array->count; i++) put_value(row, array, i, last);
    return QC_OK;
}

qc_status qc_tf_array_from_tensor(struct qc_arena *arena, const char *what, struct pb_bytes message, size_t max_bytes,
                                  struct qc_tf_array *array)
{
    struct qc_tf_shape shape;
    int64_t type = (int64_t)pb_find_number(message, 1, 0);
    if (!pb_sound(message) || !qc_tf_shape(pb_find(message, 2), &shape))
        return qc_fail(arena->env, QC_FORMAT, "%s: its value is damaged or has more than %d dimensions", what, QC_MAX_RANK);
    struct pb_bytes content = pb_find(message, 4);
    if (content.size) return qc_tf_array_from_bytes(arena, what, type, &shape, content.at, content.size, array);
    QC_TRY(describe(arena->env, what, type, &shape, array));
    const struct type_row *row = find(type);
    if (row->type == QC_STRING) return QC_OK;
    if (!row->list || row->type == QC_COMPLEX64 || row->type == QC_COMPLEX128)
        return qc_fail(arena->env, QC_UNSUPPORTED, "%s: has element type %s", what, row->name);
    if (array->bytes > max_bytes)
        return qc_fail(arena->env, QC_RANGE, "%s: declares %zu bytes in %zu; at most %zu are written out", what, array->bytes, message.size,
                       max_bytes);
    if (!(array->data = qc_arena_alloc(arena, array->bytes))) return QC_NOMEM;
    return read_list(arena->env, what, message, row, array);
}

size_t qc_tf_string_count(struct pb_bytes tensor)
{
    struct pb_reader in = pb_open(tensor);
    struct pb_field field;
    size_t count = 0;
    while (pb_next(&in, &field)) count += field.number == 8 && field.wire == PB_LENGTH;
    return count;
}

struct pb_bytes qc_tf_string(struct pb_bytes tensor, size_t index)
{
    struct pb_reader in = pb_open(tensor);
    struct pb_field field;
    while (pb_next(&in, &field))
        if (field.number == 8 && field.wire == PB_LENGTH && !index--) return field.bytes;
    return (struct pb_bytes){NULL, 0};
}
