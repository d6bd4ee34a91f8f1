/*
 * h5_data.c - HDF5 data sets: description, and elements as float32 from every layout and filter that h5py's users meet. See h5.h.
 */
#include "base/dtype.h"
#include "wire/h5_chunks.h"

#include <string.h>
#include <zlib.h>

enum { COMPACT = 0, CONTIGUOUS = 1, CHUNKED = 2, MOST_FILTERS = 8, DEFLATE = 1, SHUFFLE = 2, FLETCHER = 3 };

/* How much larger than the file its data may be: what zeros pack to is refused, not what trained weights pack to. */
enum { MOST_EXPANSION = 64, EXPANSION_FREE = 1 << 20 };

struct data_set {
    struct h5_type type;
    struct h5_space space;
    bool bfloat16, external;
    int layout, filter_count, filter[MOST_FILTERS];
    const uint8_t *compact;
    uint64_t at, size; /* contiguous */
    struct h5_chunks chunks;
};

static qc_status broken(struct qc_h5 *file, const char *path, const char *what)
{
    return qc_fail(file->env, QC_FORMAT, "data set '%s': %s cannot be read: the file is damaged or truncated", path, what);
}

/* ---- header ---- */

static bool read_layout(const struct h5_message *m, struct data_set *set)
{
    const uint8_t *d = m->data;
    if (m->size < 4 || d[0] < 3 || d[0] > 4) return false;
    set->layout = d[1];
    switch (set->layout) {
    case COMPACT:
        set->size = h5_number(d + 2, 2);
        set->compact = d + 4;
        return set->size <= m->size - 4;
    case CONTIGUOUS:
        if (m->size < 18) return false;
        set->at = h5_number(d + 2, 8);
        set->size = h5_number(d + 10, 8);
        return true;
    case CHUNKED: return qc_h5_read_chunks(d, m->size, &set->chunks);
    }
    return false;
}

static bool read_filters(const struct h5_message *m, struct data_set *set)
{
    if (m->size < 2 || m->data[0] < 1 || m->data[0] > 2 || m->data[1] > MOST_FILTERS) return false;
    bool first = m->data[0] == 1;
    size_t at = first ? 8 : 2;
    set->filter_count = m->data[1];
    for (int i = 0; i < set->filter_count; i++) {
        if (at + 6 > m->size) return false;
        set->filter[i] = (int)h5_number(m->data + at, 2);
        bool named = first || set->filter[i] >= 256;
        if (named && at + 8 > m->size) return false;
        size_t name = named ? h5_number(m->data + at + 2, 2) : 0, head = named ? 8 : 6;
        size_t values = h5_number(m->data + at + head - 2, 2);
        at += head + (first ? (name + 7) & ~(size_t)7 : name) + 4 * (values + (first && values % 2));
    }
    return true;
}

/* All of an object's header that matters; false if it is no data set. */
static qc_status open_set(struct qc_h5 *file, const char *path, struct data_set *set)
{
    struct h5_messages messages;
    struct h5_message m;
    bool type = false, space = false, layout = false, sound = true;
    uint64_t object = qc_h5_resolve(file, path);
    *set = (struct data_set){.layout = -1};
    if (object == H5_NOWHERE) return qc_fail(file->env, QC_FORMAT, "the file has no data set '%s'", path);
    if (!qc_h5_open_messages(file, object, &messages)) return file->env->error.status;
    while (sound && qc_h5_next_message(&messages, &m)) {
        if (m.type == H5_DATATYPE) sound = type = !(m.flags & 2) && qc_h5_read_type(m.data, m.size, &set->type);
        if (m.type == H5_DATASPACE) sound = space = qc_h5_read_space(m.data, m.size, &set->space);
        if (m.type == H5_LAYOUT) sound = layout = read_layout(&m, set);
        if (m.type == H5_FILTERS) sound = read_filters(&m, set);
        set->external |= m.type == H5_EXTERNAL_FILES;
    }
    if (file->env->error.status) return file->env->error.status;
    if (!sound) return broken(file, path, "its header");
    if (!type || !space || !layout) return qc_fail(file->env, QC_FORMAT, "the file has no data set '%s'", path);
    if (set->type.size == 2 && set->type.class != H5_FLOAT) { /* bfloat16: two opaque bytes with an attribute that says so */
        const char **names;
        size_t count;
        struct qc_arena arena;
        qc_arena_init(&arena, file->env);
        qc_status status = qc_h5_read_texts(file, &arena, object, path, "dtype", &names, &count);
        set->bfloat16 = !status && count == 1 && !strcmp(names[0], "bfloat16");
        qc_arena_free(&arena);
        QC_TRY(status);
    }
    return QC_OK;
}

static bool is_numeric(const struct data_set *set)
{
    const struct h5_type *t = &set->type;
    bool real = t->class == H5_FLOAT && ((t->size == 2 && t->exponent == 5 && t->mantissa == 10) || (t->size == 4 && t->exponent == 8 && t->mantissa == 23) ||
                                         (t->size == 8 && t->exponent == 11 && t->mantissa == 52));
    bool whole = t->class == H5_FIXED && t->size <= 8;
    return (real || whole || set->bfloat16) && !set->space.null && set->space.rank <= QC_MAX_RANK;
}

qc_status qc_h5_describe(struct qc_h5 *file, const char *path, struct qc_h5_data *data)
{
    struct data_set set;
    memset(data, 0, sizeof *data);
    QC_TRY(open_set(file, path, &set));
    data->numeric = is_numeric(&set);
    if (!data->numeric) return QC_OK;
    if (set.space.elements > SIZE_MAX / 16) return qc_fail(file->env, QC_FORMAT, "data set '%s' claims more elements than memory can hold", path);
    data->rank = set.space.rank;
    data->elements = (size_t)set.space.elements;
    for (int i = 0; i < data->rank; i++) data->dims[i] = (int64_t)QC_MIN(set.space.dims[i], (uint64_t)INT64_MAX);
    return QC_OK;
}

/* ---- elements ---- */

static float to_float(const uint8_t *bytes, const struct data_set *set)
{
    const struct h5_type *t = &set->type;
    uint64_t bits = 0;
    for (uint32_t i = 0; i < t->size; i++) bits |= (uint64_t)bytes[t->big_endian ? t->size - 1 - i : i] << 8 * i;
    if (set->bfloat16) return qc_bfloat16_to_float((uint16_t)bits);
    if (t->class == H5_FLOAT && t->size == 2) return qc_half_to_float((uint16_t)bits);
    if (t->class == H5_FLOAT && t->size == 4) {
        uint32_t word = (uint32_t)bits;
        float value;
        memcpy(&value, &word, sizeof value);
        return value;
    }
    if (t->class == H5_FLOAT) {
        double value;
        memcpy(&value, &bits, sizeof value);
        return (float)value;
    }
    if (t->is_signed) return (float)((int64_t)(bits << (64 - 8 * t->size)) >> (64 - 8 * t->size));
    return (float)bits;
}

static void convert(const uint8_t *bytes, const struct data_set *set, size_t count, float *values)
{
    for (size_t i = 0; i < count; i++) values[i] = to_float(bytes + i * set->type.size, set);
}

/* ---- chunks ---- */

/* Undoes the filters of one chunk: `size` stored bytes to those of a chunk in `plain`. `other` is as large. */
static bool unpack(const struct data_set *set, const uint8_t *stored, uint64_t size, unsigned skipped, uint8_t *plain, uint8_t *other)
{
    size_t room = set->chunks.bytes + 4; /* a checksum may be inside */
    for (int i = set->filter_count; i-- > 0;) {
        if (skipped >> i & 1) continue;
        if (set->filter[i] == FLETCHER) {
            if (size < 4) return false;
            size -= 4;
        } else if (set->filter[i] == DEFLATE) {
            uLongf length = room;
            if (uncompress(plain, &length, stored, size) != Z_OK) return false;
            stored = plain;
            size = length;
        } else { /* SHUFFLE: first all first bytes of elements, then all second ones ... */
            size_t width = set->type.size, count = size / width;
            uint8_t *to = stored == plain ? other : plain;
            if (size > room) return false;
            for (size_t k = 0; k < width; k++)
                for (size_t j = 0; j < count; j++) to[j * width + k] = stored[k * count + j];
            memcpy(to + count * width, stored + count * width, size - count * width);
            if (to == other) memcpy(plain, other, size);
            stored = plain;
        }
    }
    if (size != set->chunks.bytes) return false;
    if (stored != plain) memcpy(plain, stored, size);
    return true;
}

struct placing {
    const struct data_set *set;
    float *values;
    uint8_t *plain, *other;
};

/* Copies the part of a chunk that lies in the array, row by row of the last axis. */
static void place_chunk(const struct placing *c, const uint64_t *offset)
{
    const struct data_set *set = c->set;
    int rank = set->space.rank, last = rank - 1;
    uint64_t index[32] = {0};
    for (;;) {
        uint64_t from = 0, to = 0;
        bool inside = true;
        for (int i = 0; i < rank; i++) {
            inside &= offset[i] + index[i] < set->space.dims[i];
            from = from * set->chunks.chunk[i] + index[i];
            to = to * set->space.dims[i] + offset[i] + index[i];
        }
        uint64_t row = inside && rank ? QC_MIN(set->chunks.chunk[last], set->space.dims[last] - offset[last]) : inside;
        if (row) convert(c->plain + from * set->type.size, set, row, c->values + to);
        int axis = last - 1;
        while (axis >= 0 && ++index[axis] == set->chunks.chunk[axis]) index[axis--] = 0;
        if (axis < 0) return;
    }
}

static bool see_chunk(void *user, const struct h5_chunk *chunk)
{
    const struct placing *p = user;
    if (!unpack(p->set, chunk->stored, chunk->size, chunk->mask, p->plain, p->other)) return false;
    place_chunk(p, chunk->offset);
    return true;
}

static qc_status read_chunked(struct qc_h5 *file, const char *path, const struct data_set *set, float *values)
{
    uint64_t bytes = set->space.elements * set->type.size;
    if (set->chunks.rank != set->space.rank || set->chunks.element != set->type.size || set->chunks.bytes > bytes * MOST_EXPANSION + EXPANSION_FREE)
        return qc_fail(file->env, QC_FORMAT, "data set '%s' has chunks that do not fit its shape", path);
    for (int i = 0; i < set->filter_count; i++)
        if (set->filter[i] < DEFLATE || set->filter[i] > FLETCHER)
            return qc_fail(file->env, QC_UNSUPPORTED, "data set '%s' is packed by HDF5 filter %d, which is not supported; save the model again without "
                           "compression", path, set->filter[i]);
    struct placing c = {set, values, qc_env_alloc(file->env, set->chunks.bytes + 4), qc_env_alloc(file->env, set->chunks.bytes + 4)};
    bool memory = c.plain && c.other;
    bool sound = memory && qc_h5_each_chunk(file, &set->chunks, &set->space, see_chunk, &c);
    qc_env_free(file->env, c.plain);
    qc_env_free(file->env, c.other);
    return !memory ? QC_NOMEM : sound ? QC_OK : broken(file, path, "its chunks");
}

/* ---- reading ---- */

static bool is_plain_float(const struct data_set *set)
{
    const uint16_t one = 1;
    return set->type.class == H5_FLOAT && set->type.size == 4 && !set->type.big_endian && *(const char *)&one;
}

qc_status qc_h5_floats(struct qc_h5 *file, struct qc_arena *arena, const char *path, const float **values)
{
    struct data_set set;
    *values = NULL;
    QC_TRY(open_set(file, path, &set));
    if (!is_numeric(&set)) return qc_fail(file->env, QC_FORMAT, "data set '%s' holds no numbers", path);
    if (set.external)
        return qc_fail(file->env, QC_UNSUPPORTED, "data set '%s' lies in other files, which is refused; save the model again into one file", path);
    uint64_t bytes = set.space.elements;
    if (__builtin_mul_overflow(bytes, QC_MAX(set.type.size, 4), &bytes) || (bytes > EXPANSION_FREE && bytes / MOST_EXPANSION > file->size))
        return qc_fail(file->env, QC_FORMAT, "data set '%s' claims %llu elements in a file of %zu bytes", path, (unsigned long long)set.space.elements, file->size);
    uint64_t stored = set.space.elements * set.type.size;
    bool empty = set.layout == CONTIGUOUS && set.at == H5_NOWHERE; /* never written: zeros */
    const uint8_t *data = set.layout == COMPACT ? set.compact : set.layout == CONTIGUOUS && !empty ? h5_at(file, set.at, stored) : NULL;
    if ((set.layout == COMPACT && stored > set.size) || (set.layout == CONTIGUOUS && !empty && (!data || stored > set.size)))
        return broken(file, path, "its data");
    if (data && is_plain_float(&set) && (uintptr_t)data % _Alignof(float) == 0) {
        *values = (const float *)(const void *)data;
        return QC_OK;
    }
    float *copy = qc_arena_array(arena, (size_t)set.space.elements, sizeof *copy);
    *values = copy;
    if (!copy) return QC_NOMEM;
    if (data) convert(data, &set, (size_t)set.space.elements, copy);
    return set.layout == CHUNKED ? read_chunked(file, path, &set, copy) : QC_OK;
}
