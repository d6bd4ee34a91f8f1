/*
 * arrays.c - the public API of array files (quantc.h, section 7) on wire/npy.
 */
#include "base/dtype.h"
#include "wire/npy.h"

#include <stdio.h>
#include <string.h>

struct qc_arrays {
    struct qc_env env;
    struct qc_npz npz;
    struct loaded { /* per array, filled by the first qc_arrays_get */
        const void *data;
        const char *const *strings;
        const size_t *lengths;
        struct qc_npy_stream *stream; /* of qc_arrays_read */
        size_t next;                  /* element that the stream gives next */
    } *loaded;
};

struct qc_arrays *qc_arrays_open(const char *path, const struct qc_options *options, struct qc_error *error)
{
    if (!QC_GIVEN(path, error)) return NULL;
    struct qc_env env;
    qc_env_init(&env, options);
    struct qc_arrays *arrays = qc_env_alloc(&env, sizeof *arrays);
    if (!arrays) {
        qc_env_take(&env, error);
        return NULL;
    }
    arrays->env = env;
    if (!qc_npz_open(&arrays->env, path, &arrays->npz)) {
        arrays->loaded = qc_arena_array(&arrays->npz.arena, arrays->npz.count, sizeof *arrays->loaded);
        if (arrays->loaded) return arrays;
    }
    qc_env_take(&arrays->env, error);
    qc_arrays_free(arrays);
    return NULL;
}

void qc_arrays_free(struct qc_arrays *arrays)
{
    if (!arrays) return;
    for (size_t i = 0; arrays->loaded && i < arrays->npz.count; i++) qc_npy_stream_close(arrays->loaded[i].stream);
    qc_npz_close(&arrays->npz);
    struct qc_env env = arrays->env; /* the block it lives in goes */
    qc_env_free(&env, arrays);
}

size_t qc_arrays_count(const struct qc_arrays *arrays)
{
    return arrays->npz.count;
}

int qc_arrays_find(const struct qc_arrays *arrays, const char *name)
{
    for (size_t i = 0; i < arrays->npz.count; i++)
        if (!strcmp(arrays->npz.array[i].name, name)) return (int)i;
    return -1;
}

static qc_status load(struct qc_arrays *arrays, const struct qc_npy *npy, struct loaded *loaded)
{
    if (loaded->data || loaded->strings) return QC_OK;
    if (npy->type == QC_STRING) return qc_npy_strings(&arrays->npz.arena, npy, &loaded->strings, &loaded->lengths);
    loaded->data = qc_npy_read(&arrays->npz.arena, npy);
    return arrays->env.error.status;
}

static qc_status find(struct qc_arrays *arrays, size_t index, const char *caller)
{
    if (index < arrays->npz.count) return QC_OK;
    return qc_fail(&arrays->env, QC_INVALID, "%s: there is no array %zu among %zu", caller, index, arrays->npz.count);
}

static void describe(const struct qc_npy *npy, const struct loaded *loaded, struct qc_array *array)
{
    *array = (struct qc_array){.name = npy->name,
                               .type = npy->type,
                               .rank = npy->rank,
                               .count = npy->count,
                               .data = loaded->data,
                               .bytes = npy->type == QC_STRING ? 0 : npy->count * npy->item,
                               .strings = loaded->strings,
                               .lengths = loaded->lengths};
    memcpy(array->dims, npy->dims, sizeof array->dims);
}

qc_status qc_arrays_get(struct qc_arrays *arrays, size_t index, struct qc_array *array, struct qc_error *error)
{
    if (!QC_GIVEN(arrays, error) || !QC_GIVEN(array, error)) return QC_INVALID;
    if (find(arrays, index, "qc_arrays_get")) return qc_env_take(&arrays->env, error);
    if (load(arrays, &arrays->npz.array[index], &arrays->loaded[index])) return qc_env_take(&arrays->env, error);
    describe(&arrays->npz.array[index], &arrays->loaded[index], array);
    return QC_OK;
}

qc_status qc_arrays_describe(struct qc_arrays *arrays, size_t index, struct qc_array *array, struct qc_error *error)
{
    static const struct loaded nothing;
    if (find(arrays, index, "qc_arrays_describe")) return qc_env_take(&arrays->env, error);
    describe(&arrays->npz.array[index], &nothing, array);
    return QC_OK;
}

/* ---- reading in pieces ---- */

/* Values as the file has them, at hand at any place; NULL: they must be unpacked, or checked on the way. */
static const char *view_of(const struct qc_npy *npy)
{
    return !npy->member.unchecked || npy->member.method || npy->fortran || npy->swapped ? NULL : (const char *)npy->member.packed + npy->header;
}

/* Brings the stream to element `first`. */
static qc_status seek(struct qc_arrays *arrays, const struct qc_npy *npy, struct loaded *loaded, size_t first)
{
    char skipped[4096];
    if (!loaded->stream || first < loaded->next) {
        qc_npy_stream_close(loaded->stream);
        loaded->next = 0;
        if (!(loaded->stream = qc_npy_stream_open(&arrays->env, npy))) return arrays->env.error.status;
    }
    while (loaded->next < first) {
        size_t count = QC_MIN(first - loaded->next, sizeof skipped / npy->item);
        QC_TRY(qc_npy_stream_read(loaded->stream, skipped, count));
        loaded->next += count;
    }
    return QC_OK;
}

static qc_status read_range(struct qc_arrays *arrays, size_t index, size_t first, size_t count, void *out)
{
    QC_TRY(find(arrays, index, "qc_arrays_read"));
    const struct qc_npy *npy = &arrays->npz.array[index];
    struct loaded *loaded = &arrays->loaded[index];
    if (npy->type == QC_STRING) return qc_fail(&arrays->env, QC_UNSUPPORTED, "array '%s' holds strings, which are read whole", npy->name);
    if (first > npy->count || count > npy->count - first)
        return qc_fail(&arrays->env, QC_RANGE, "array '%s' has %zu elements: [%zu, %zu) lies beyond them", npy->name, npy->count, first, first + count);
    const char *view = view_of(npy);
    if (view) {
        if (count) memcpy(out, view + first * npy->item, count * npy->item);
    } else {
        bool read = !seek(arrays, npy, loaded, first) && !qc_npy_stream_read(loaded->stream, out, count);
        loaded->next = read ? first + count : SIZE_MAX; /* after a failure it starts over */
        if (!read) return arrays->env.error.status;
    }
    qc_file_release(&arrays->npz.file);
    return QC_OK;
}

qc_status qc_arrays_read(struct qc_arrays *arrays, size_t index, size_t first, size_t count, void *out, struct qc_error *error)
{
    return read_range(arrays, index, first, count, out) ? qc_env_take(&arrays->env, error) : QC_OK;
}

/* ---- writing ---- */

/* numpy's name for a type; types that numpy lacks are widened to `as` first. NULL: not written. */
static const char *descr_of(qc_dtype type, qc_dtype *as)
{
    static const struct {
        const char *descr;
        qc_dtype as;
    } table[QC_DTYPE_COUNT] = {
        [QC_FLOAT32] = {"<f4", QC_FLOAT32},     [QC_FLOAT16] = {"<f2", QC_FLOAT16},      [QC_FLOAT64] = {"<f8", QC_FLOAT64},
        [QC_BFLOAT16] = {"<f4", QC_FLOAT32},    [QC_INT8] = {"|i1", QC_INT8},            [QC_INT16] = {"<i2", QC_INT16},
        [QC_INT32] = {"<i4", QC_INT32},         [QC_INT64] = {"<i8", QC_INT64},          [QC_UINT8] = {"|u1", QC_UINT8},
        [QC_UINT16] = {"<u2", QC_UINT16},       [QC_UINT32] = {"<u4", QC_UINT32},        [QC_UINT64] = {"<u8", QC_UINT64},
        [QC_BOOL] = {"|b1", QC_BOOL},           [QC_COMPLEX64] = {"<c8", QC_COMPLEX64},  [QC_COMPLEX128] = {"<c16", QC_COMPLEX128},
        [QC_INT4] = {"|i1", QC_INT8},           [QC_INT2] = {"|i1", QC_INT8},            [QC_UINT4] = {"|u1", QC_UINT8}};
    if ((unsigned)type >= QC_DTYPE_COUNT) return NULL;
    *as = table[type].as;
    return table[type].descr;
}

/* bfloat16 and packed integers, element by element. Packed elements start at the low bits. */
static void widen(const struct qc_array *array, void *out)
{
    const unsigned char *in = array->data;
    for (size_t i = 0; i < array->count; i++) {
        if (array->type == QC_BFLOAT16) {
            ((float *)out)[i] = qc_bfloat16_to_float((uint16_t)(in[2 * i] | in[2 * i + 1] << 8));
            continue;
        }
        int bits = qc_dtype_bits(array->type), per_byte = 8 / bits;
        int value = in[i / (size_t)per_byte] >> bits * (int)(i % (size_t)per_byte) & ((1 << bits) - 1);
        if (array->type != QC_UINT4 && value >> (bits - 1)) value -= 1 << bits;
        ((signed char *)out)[i] = (signed char)value;
    }
}

/* Strings side by side, each filled up with zeros to the longest. */
static qc_status pack_strings(struct qc_arena *arena, const struct qc_array *array, struct qc_stored *stored, char descr[32])
{
    size_t width = 1;
    for (size_t i = 0; i < array->count; i++) width = QC_MAX(width, array->lengths[i]);
    char *out = qc_arena_array(arena, array->count, width);
    if (!out) return arena->env->error.status;
    for (size_t i = 0; i < array->count; i++)
        if (array->lengths[i]) memcpy(out + i * width, array->strings[i], array->lengths[i]);
    snprintf(descr, 32, "|S%zu", width);
    stored->data = out;
    stored->size = array->count * width;
    return QC_OK;
}

static qc_status pack_numbers(struct qc_arena *arena, const struct qc_array *array, struct qc_stored *stored, char descr[32])
{
    qc_dtype as;
    const char *name = descr_of(array->type, &as);
    if (!name) return qc_fail(arena->env, QC_UNSUPPORTED, "type %s has no form in numpy files", qc_dtype_name(array->type));
    snprintf(descr, 32, "%s", name);
    stored->data = array->data;
    stored->size = qc_dtype_bytes(as, array->count);
    if (as == array->type || !array->count) return QC_OK;
    void *wide = qc_arena_alloc(arena, stored->size);
    if (!wide) return arena->env->error.status;
    widen(array, wide);
    stored->data = wide;
    return QC_OK;
}

/* The .npy of one array as a member of an archive. The element count is taken from the shape. */
static qc_status store(struct qc_arena *arena, const struct qc_array *given, const char *suffix, struct qc_stored *stored)
{
    struct qc_array array = *given;
    char descr[32];
    if (array.rank < 0 || array.rank > QC_MAX_RANK) return qc_fail(arena->env, QC_INVALID, "rank is %d", array.rank);
    array.count = 1;
    for (int i = 0; i < array.rank; i++) {
        if (array.dims[i] < 0) return qc_fail(arena->env, QC_INVALID, "dimension %d is %lld", i, (long long)array.dims[i]);
        if (!qc_size_mul(arena->env, array.count, (size_t)array.dims[i], &array.count)) return arena->env->error.status;
    }
    if (array.count && (array.type == QC_STRING ? !array.strings || !array.lengths : !array.data))
        return qc_fail(arena->env, QC_INVALID, "it has elements but no data");
    stored->name = qc_arena_printf(arena, "%s%s", array.name ? array.name : "", suffix);
    if (!stored->name) return arena->env->error.status;
    QC_TRY(array.type == QC_STRING ? pack_strings(arena, &array, stored, descr) : pack_numbers(arena, &array, stored, descr));
    stored->head = qc_npy_header(arena, descr, array.rank, array.dims, &stored->head_size);
    return arena->env->error.status;
}

static qc_status write_parts(struct qc_env *env, const char *path, const struct qc_part *part, size_t count)
{
    struct qc_writer writer;
    qc_status status = qc_writer_open(&writer, env, path);
    for (size_t i = 0; i < count && !status; i++) status = qc_writer_put(&writer, part[i].bytes, part[i].size);
    if (!status) status = qc_writer_commit(&writer);
    qc_writer_abort(&writer);
    return status;
}

static qc_status write_arrays(struct qc_arena *arena, const char *path, const struct qc_array *arrays, size_t count)
{
    size_t length = strlen(path), part_count = 2;
    bool single = length >= 4 && !strcmp(path + length - 4, ".npy");
    if (single && count != 1) return qc_fail(arena->env, QC_INVALID, "%s: a .npy holds one array, not %zu: name it .npz", path, count);
    struct qc_stored *stored = qc_arena_array(arena, count, sizeof *stored);
    if (!stored) return arena->env->error.status;
    for (size_t i = 0; i < count; i++) {
        if (!store(arena, &arrays[i], ".npy", &stored[i])) continue;
        qc_context(arena->env, "%s: array '%.200s'", path, arrays[i].name ? arrays[i].name : "");
        return arena->env->error.status;
    }
    struct qc_part alone[2] = {{0}}, *part = alone;
    if (single) {
        alone[0] = (struct qc_part){stored->head, stored->head_size};
        alone[1] = (struct qc_part){stored->data, stored->size};
    } else {
        part = qc_archive_write(arena, 0, 64, stored, count, &part_count);
    }
    return part ? write_parts(arena->env, path, part, part_count) : arena->env->error.status;
}

qc_status qc_arrays_write(const char *path, const struct qc_array *arrays, size_t count, struct qc_error *error)
{
    struct qc_env env;
    struct qc_arena arena;
    qc_env_init(&env, NULL);
    qc_arena_init(&arena, &env);
    if (!path || (count && !arrays))
        qc_fail(&env, QC_INVALID, "qc_arrays_write: a NULL argument");
    else
        (void)!write_arrays(&arena, path, arrays, count);
    qc_arena_free(&arena);
    return qc_env_take(&env, error);
}
