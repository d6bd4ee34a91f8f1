/*
 * npy.c - opening array files and reading their values. See npy.h.
 */
#include "wire/npy.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

/* The header of a deflated member: unpacked as far as it goes, and no further. */
static qc_status parse_deflated(struct qc_env *env, const struct qc_member *member, struct qc_npy *array)
{
    size_t first = QC_MIN(member->size, (size_t)QC_NPY_PREAMBLE), known = first;
    struct qc_member_stream *stream = qc_member_stream_open(env, member);
    char *start = stream ? qc_env_alloc(env, QC_NPY_PREAMBLE) : NULL;
    if (start && !qc_member_stream_read(stream, start, first)) {
        known = QC_MIN(member->size, QC_MAX(first, qc_npy_header_size(start, first)));
        char *more = qc_env_resize(env, start, known);
        if (more) start = more;
        if (more && !qc_member_stream_read(stream, start + first, known - first)) (void)!qc_npy_parse(env, start, known, array);
    }
    qc_env_free(env, start);
    qc_member_stream_close(stream);
    return env->error.status;
}

/* The .npy in `member`: parses its header and checks the size of what follows. */
static qc_status open_member(struct qc_env *env, const struct qc_member *member, struct qc_npy *array)
{
    array->member = *member;
    QC_TRY(member->method ? parse_deflated(env, member, array) : qc_npy_parse(env, member->packed, member->size, array));
    size_t bytes;
    if (!qc_size_mul(env, array->count, array->item, &bytes)) return env->error.status;
    if (bytes != member->size - array->header)
        return qc_fail(env, QC_FORMAT, "%zu elements need %zu bytes, but %zu follow the header", array->count, bytes,
                       member->size - array->header);
    return QC_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct qc_npy *const *)a)->name, (*(const struct qc_npy *const *)b)->name);
}

static qc_status refuse_duplicates(struct qc_npz *npz)
{
    const struct qc_npy **sorted = qc_env_alloc(npz->arena.env, npz->count * sizeof *sorted);
    if (!sorted) return npz->arena.env->error.status;
    for (size_t i = 0; i < npz->count; i++) sorted[i] = &npz->array[i];
    qsort(sorted, npz->count, sizeof *sorted, by_name);
    for (size_t i = 1; i < npz->count; i++)
        if (!by_name(&sorted[i - 1], &sorted[i])) qc_fail(npz->arena.env, QC_FORMAT, "two arrays are named '%.200s'", sorted[i]->name);
    qc_env_free(npz->arena.env, sorted);
    return npz->arena.env->error.status;
}

static qc_status open_archive(struct qc_npz *npz)
{
    struct qc_archive archive;
    QC_TRY(qc_archive_open(&npz->arena, npz->file.bytes, npz->file.size, &archive));
    npz->array = qc_arena_array(&npz->arena, archive.count, sizeof *npz->array);
    if (!npz->array) return npz->arena.env->error.status;
    for (size_t i = 0; i < archive.count; i++) {
        const struct qc_member *member = &archive.member[i];
        size_t length = strlen(member->name);
        if (length < 4 || strcmp(member->name + length - 4, ".npy")) continue; /* numpy leaves other members alone, too */
        struct qc_npy *array = &npz->array[npz->count];
        if (open_member(npz->arena.env, member, array)) {
            qc_context(npz->arena.env, "array '%.*s'", (int)(length - 4), member->name);
            return npz->arena.env->error.status;
        }
        char *name = qc_arena_copy(&npz->arena, member->name, length - 3);
        if (!name) return npz->arena.env->error.status;
        name[length - 4] = 0;
        array->name = name;
        npz->count++;
    }
    return refuse_duplicates(npz);
}

static qc_status open_single(struct qc_npz *npz)
{
    const struct qc_member whole = {
        .name = "", .packed = npz->file.bytes, .packed_size = npz->file.size, .size = npz->file.size, .unchecked = true};
    npz->array = qc_arena_alloc(&npz->arena, sizeof *npz->array);
    if (!npz->array) return npz->arena.env->error.status;
    npz->array->name = "";
    npz->count = 1;
    return open_member(npz->arena.env, &whole, npz->array);
}

qc_status qc_npz_open(struct qc_env *env, const char *path, struct qc_npz *npz)
{
    memset(npz, 0, sizeof *npz);
    qc_arena_init(&npz->arena, env);
    QC_TRY(qc_file_map(env, path, &npz->file));
    if (npz->file.size >= 6 && !memcmp(npz->file.bytes, "\x93NUMPY", 6))
        (void)!open_single(npz);
    else if (qc_archive_probe(npz->file.bytes, npz->file.size))
        (void)!open_archive(npz);
    else
        qc_fail(env, QC_FORMAT, "neither a .npy nor an .npz file, or cut short (%zu bytes)", npz->file.size);
    if (!env->error.status) return QC_OK;
    qc_context(env, "%s", path);
    qc_npz_close(npz);
    return env->error.status;
}

void qc_npz_close(struct qc_npz *npz)
{
    qc_file_unmap(&npz->file);
    qc_arena_free(&npz->arena);
    npz->array = NULL;
    npz->count = 0;
}

/* ---- values in order ---- */

struct qc_npy_stream {
    struct qc_env *env;
    const struct qc_npy *array;
    struct qc_member_stream *member; /* of values in C order */
    char *whole;                     /* a Fortran-order array that had to be unpacked */
    const char *values;              /* of a Fortran-order array */
    size_t index[QC_MAX_RANK];       /* of the next element */
    size_t left;
};

/* Bytes of each element in the other order. Complex numbers are two. */
static void swap_bytes(char *bytes, size_t count, const struct qc_npy *array)
{
    bool complex = array->type == QC_COMPLEX64 || array->type == QC_COMPLEX128;
    size_t width = array->text ? 4 : complex ? array->item / 2 : array->item;
    for (size_t n = count * array->item / width; n--; bytes += width) {
        for (size_t a = 0, b = width - 1; a < b; a++, b--) {
            char keep = bytes[a];
            bytes[a] = bytes[b];
            bytes[b] = keep;
        }
    }
}

static qc_status skip_header(struct qc_npy_stream *stream)
{
    char *header = qc_env_alloc(stream->env, stream->array->header);
    qc_status status = header ? qc_member_stream_read(stream->member, header, stream->array->header) : stream->env->error.status;
    qc_env_free(stream->env, header);
    return status;
}

struct qc_npy_stream *qc_npy_stream_open(struct qc_env *env, const struct qc_npy *array)
{
    struct qc_npy_stream *stream = qc_env_alloc(env, sizeof *stream);
    if (!stream) return NULL;
    stream->env = env;
    stream->array = array;
    stream->left = array->count;
    size_t bytes = array->count * array->item;
    if (array->fortran && !array->member.method) {
        stream->values = (const char *)array->member.packed + array->header;
        return stream;
    }
    stream->member = qc_member_stream_open(env, &array->member);
    bool done = stream->member && !skip_header(stream);
    if (done && array->fortran) {
        stream->values = stream->whole = qc_env_alloc(env, bytes);
        done = stream->whole && !qc_member_stream_read(stream->member, stream->whole, bytes);
    }
    if (done) return stream;
    qc_npy_stream_close(stream);
    return NULL;
}

/* The next elements of an array whose first index runs fastest, last index first. */
static void gather(struct qc_npy_stream *stream, char *out, size_t elements)
{
    const struct qc_npy *array = stream->array;
    size_t stride[QC_MAX_RANK], at = 0, bytes = array->item;
    for (int i = 0; i < array->rank; i++) {
        stride[i] = bytes;
        bytes *= (size_t)array->dims[i];
        at += stream->index[i] * stride[i];
    }
    for (; elements--; out += array->item) {
        memcpy(out, stream->values + at, array->item);
        for (int i = array->rank - 1; i >= 0; i--) {
            at += stride[i];
            if (++stream->index[i] < (size_t)array->dims[i]) break;
            at -= stride[i] * (size_t)array->dims[i];
            stream->index[i] = 0;
        }
    }
}

qc_status qc_npy_stream_read(struct qc_npy_stream *stream, void *out, size_t elements)
{
    const struct qc_npy *array = stream->array;
    if (elements > stream->left)
        return qc_fail(stream->env, QC_RANGE, "array '%s': %zu elements wanted where %zu are left", array->name, elements, stream->left);
    if (array->fortran)
        gather(stream, out, elements);
    else
        QC_TRY(qc_member_stream_read(stream->member, out, elements * array->item));
    if (array->swapped) swap_bytes(out, elements, array);
    stream->left -= elements;
    return QC_OK;
}

void qc_npy_stream_close(struct qc_npy_stream *stream)
{
    if (!stream) return;
    qc_member_stream_close(stream->member);
    qc_env_free(stream->env, stream->whole);
    qc_env_free(stream->env, stream);
}

/* ---- whole arrays ---- */

/* All values through a stream into fresh memory of the arena. */
static void *read_copy(struct qc_arena *arena, const struct qc_npy *array)
{
    struct qc_npy_stream *stream = qc_npy_stream_open(arena->env, array);
    void *out = stream ? qc_arena_array(arena, array->count, array->item) : NULL;
    if (out && qc_npy_stream_read(stream, out, array->count)) out = NULL;
    qc_npy_stream_close(stream);
    return out;
}

const void *qc_npy_read(struct qc_arena *arena, const struct qc_npy *array)
{
    const char *view = (const char *)array->member.packed + array->header;
    bool plain = !array->member.method && !array->fortran && (!array->swapped || array->item == 1);
    if (!plain || (uintptr_t)view % QC_MIN(array->item, (size_t)8)) return read_copy(arena, array);
    return qc_member_read(arena, &array->member) ? view : NULL;
}

/* Element `i` of U values: UTF-8 without trailing zeros; false for a surrogate or a number beyond Unicode. */
static bool decode_text(const char *values, size_t width, char *out, size_t *length)
{
    uint32_t code;
    for (; width; width--) {
        memcpy(&code, values + 4 * (width - 1), 4);
        if (code) break;
    }
    *length = 0;
    for (size_t i = 0; i < width; i++) {
        memcpy(&code, values + 4 * i, 4);
        size_t put = qc_utf8_put(code, out + *length);
        if (!put) return false;
        *length += put;
    }
    return true;
}

qc_status qc_npy_strings(struct qc_arena *arena, const struct qc_npy *array, const char *const **strings, const size_t **lengths)
{
    struct qc_env *env = arena->env;
    const char *values = read_copy(arena, array), **string = qc_arena_array(arena, array->count, sizeof *string);
    size_t *length = qc_arena_array(arena, array->count, sizeof *length), bytes;
    if (!values || !string || !length || !qc_size_mul(env, array->count, array->item + 1, &bytes)) return env->error.status;
    char *out = qc_arena_alloc(arena, bytes); /* UTF-8 never needs more than the 4 bytes of a code point */
    if (!out) return env->error.status;
    for (size_t i = 0; i < array->count; i++, values += array->item) {
        string[i] = out;
        if (array->text) {
            if (!decode_text(values, array->item / 4, out, &length[i]))
                return qc_fail(env, QC_FORMAT, "array '%s': text %zu holds a number that is no Unicode character", array->name, i);
        } else {
            for (length[i] = array->item; length[i] && !values[length[i] - 1];) length[i]--;
            memcpy(out, values, length[i]);
        }
        out += length[i];
        *out++ = 0;
    }
    *strings = string;
    *lengths = length;
    return QC_OK;
}
