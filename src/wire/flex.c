/* flex.c - see flex.h. Format: https://flatbuffers.dev/internals (FlexBuffers). */
#include "wire/flex.h"

#include <string.h>

enum {
    FLEX_INT = 1, FLEX_UINT = 2, FLEX_FLOAT = 3, FLEX_INDIRECT_INT = 6, FLEX_INDIRECT_UINT = 7, FLEX_INDIRECT_FLOAT = 8, FLEX_MAP = 9,
    FLEX_VECTOR = 10, FLEX_VECTOR_INT = 11, FLEX_VECTOR_FLOAT = 13, FLEX_BOOL = 26, FLEX_VECTOR_BOOL = 36,
};

static bool inside(const struct qc_flex *v, size_t at, size_t length)
{
    return at <= v->size && length <= v->size - at;
}

static uint64_t read_uint(const struct qc_flex *v, size_t at, unsigned width)
{
    uint64_t value = 0;
    if (inside(v, at, width)) memcpy(&value, v->bytes + at, width);
    return value;
}

static int64_t read_int(const struct qc_flex *v, size_t at, unsigned width)
{
    uint64_t value = read_uint(v, at, width);
    unsigned unused = 64 - 8 * width;
    return (int64_t)(value << unused) >> unused;
}

static double read_float(const struct qc_flex *v, size_t at, unsigned width)
{
    float narrow = 0;
    double wide = 0;
    if (!inside(v, at, width)) return 0;
    if (width == 8) {
        memcpy(&wide, v->bytes + at, 8);
        return wide;
    }
    if (width == 4) memcpy(&narrow, v->bytes + at, 4);
    return narrow;
}

/* Follows the offset in the value's slot, backwards; SIZE_MAX if it leads out of the buffer. */
static size_t follow(const struct qc_flex *v)
{
    uint64_t back = read_uint(v, v->at, v->slot);
    return back <= v->at ? v->at - (size_t)back : SIZE_MAX;
}

static void set_type(struct qc_flex *v, uint8_t packed)
{
    v->type = packed >> 2;
    v->width = (uint8_t)(1u << (packed & 3));
}

bool qc_flex_root(const void *bytes, size_t size, struct qc_flex *root)
{
    const uint8_t *b = bytes;
    if (size < 3) return false;
    uint8_t slot = b[size - 1];
    if ((slot != 1 && slot != 2 && slot != 4 && slot != 8) || size < 2u + slot) return false;
    *root = (struct qc_flex){.bytes = bytes, .size = size, .at = size - 2 - slot, .slot = slot};
    set_type(root, b[size - 2]);
    return true;
}

static bool is_vector(const struct qc_flex *v)
{
    return v->type == FLEX_MAP || v->type == FLEX_VECTOR || (v->type >= FLEX_VECTOR_INT && v->type <= FLEX_VECTOR_FLOAT) ||
           v->type == FLEX_VECTOR_BOOL;
}

/* Where the elements begin; their count is in front of them. */
static size_t elements(const struct qc_flex *v, size_t *count)
{
    size_t at = is_vector(v) ? follow(v) : SIZE_MAX;
    *count = 0;
    if (at == SIZE_MAX || at < v->width) return SIZE_MAX;
    uint64_t n = read_uint(v, at - v->width, v->width);
    if (n > v->size / v->width || !inside(v, at, (size_t)n * v->width)) return SIZE_MAX;
    *count = (size_t)n;
    return at;
}

size_t qc_flex_count(const struct qc_flex *vector)
{
    size_t count;
    elements(vector, &count);
    return count;
}

bool qc_flex_at(const struct qc_flex *vector, size_t i, struct qc_flex *value)
{
    size_t count, at = elements(vector, &count);
    if (i >= count) return false;
    *value = *vector;
    value->at = at + i * vector->width;
    value->slot = vector->width;
    if (vector->type == FLEX_MAP || vector->type == FLEX_VECTOR) { /* a byte for each element's type follows them */
        size_t type = at + count * vector->width + i;
        if (!inside(vector, type, 1)) return false;
        set_type(value, vector->bytes[type]);
    } else {
        value->type = vector->type == FLEX_VECTOR_BOOL ? FLEX_BOOL : (uint8_t)(vector->type - FLEX_VECTOR_INT + FLEX_INT);
    }
    return true;
}

bool qc_flex_find(const struct qc_flex *map, const char *key, struct qc_flex *value)
{
    size_t count, at = elements(map, &count), w = map->width, length = strlen(key) + 1;
    if (map->type != FLEX_MAP || at == SIZE_MAX || at < 3 * w) return false;
    struct qc_flex keys = *map;
    keys.at = at - 3 * w;
    keys.slot = (uint8_t)w;
    size_t first = follow(&keys);
    unsigned key_width = (unsigned)read_uint(map, at - 2 * w, (unsigned)w);
    if (first == SIZE_MAX || (key_width != 1 && key_width != 2 && key_width != 4 && key_width != 8)) return false;
    for (size_t i = 0; i < count; i++) {
        keys.at = first + i * key_width;
        keys.slot = (uint8_t)key_width;
        if (!inside(map, keys.at, key_width)) return false;
        size_t text = follow(&keys);
        if (text != SIZE_MAX && inside(map, text, length) && !memcmp(map->bytes + text, key, length)) return qc_flex_at(map, i, value);
    }
    return false;
}

int64_t qc_flex_int(const struct qc_flex *v)
{
    double real;
    switch (v->type) {
    case FLEX_INT: return read_int(v, v->at, v->slot);
    case FLEX_UINT:
    case FLEX_BOOL: return (int64_t)read_uint(v, v->at, v->slot);
    case FLEX_INDIRECT_INT: return read_int(v, follow(v), v->width);
    case FLEX_INDIRECT_UINT: return (int64_t)read_uint(v, follow(v), v->width);
    case FLEX_FLOAT:
    case FLEX_INDIRECT_FLOAT:
        real = qc_flex_float(v);
        return real > -9e18 && real < 9e18 ? (int64_t)real : 0;
    default: return 0;
    }
}

double qc_flex_float(const struct qc_flex *v)
{
    if (v->type == FLEX_FLOAT) return read_float(v, v->at, v->slot);
    if (v->type == FLEX_INDIRECT_FLOAT) return read_float(v, follow(v), v->width);
    return (double)qc_flex_int(v);
}

int64_t qc_flex_int_of(const struct qc_flex *map, const char *key, int64_t absent)
{
    struct qc_flex value;
    return qc_flex_find(map, key, &value) ? qc_flex_int(&value) : absent;
}

double qc_flex_float_of(const struct qc_flex *map, const char *key, double absent)
{
    struct qc_flex value;
    return qc_flex_find(map, key, &value) ? qc_flex_float(&value) : absent;
}
