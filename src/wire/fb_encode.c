/*
 * fb_encode.c - FlatBuffers writer, see fb.h.
 *
 * One pass, front to back: a table is written with holes for its offsets, then its children, whose positions fill the holes
 * (offsets in this format point forward). Vectors of EXTERNAL bytes and more are not copied but noted as inserts.
 */
#include "wire/fb.h"

#include <string.h>

enum { EXTERNAL = 4096 };

struct writer {
    struct qc_arena *arena;
    struct fb_output *out;
    size_t capacity, insert_capacity;
    size_t external; /* bytes of inserts so far: position in the file = size + external */
    struct vtable {
        struct vtable *next;
        size_t at; /* in the file */
        uint16_t bytes;
        uint16_t content[];
    } *vtables;
};

static const uint8_t scalar_bytes[] = {[FB_b8] = 1,  [FB_i8] = 1,  [FB_u8] = 1,  [FB_i16] = 2, [FB_u16] = 2, [FB_i32] = 4,
                                       [FB_u32] = 4, [FB_i64] = 8, [FB_u64] = 8, [FB_f32] = 4, [FB_f64] = 8};

static size_t position(const struct writer *w)
{
    return w->out->size + w->external;
}

/* Appends zeros; returns where they stand in out->bytes, SIZE_MAX when memory ran out. */
static size_t append(struct writer *w, size_t bytes)
{
    struct fb_output *out = w->out;
    if (out->size + bytes > w->capacity) {
        size_t capacity = QC_MAX(2 * w->capacity, out->size + bytes + 4096);
        char *grown = qc_arena_alloc(w->arena, capacity);
        if (!grown) return SIZE_MAX;
        if (out->size) memcpy(grown, out->bytes, out->size);
        out->bytes = grown;
        w->capacity = capacity;
    }
    size_t at = out->size;
    out->size += bytes;
    return at;
}

/* Pads so that the position `ahead` bytes further is a multiple of `alignment`. */
static qc_status align(struct writer *w, size_t alignment, size_t ahead)
{
    size_t off = (position(w) + ahead) % alignment;
    return off && append(w, alignment - off) == SIZE_MAX ? QC_NOMEM : QC_OK;
}

static qc_status append_bytes(struct writer *w, const void *data, size_t bytes)
{
    if (bytes < EXTERNAL) {
        size_t at = append(w, bytes);
        if (at == SIZE_MAX) return QC_NOMEM;
        if (bytes) memcpy(w->out->bytes + at, data, bytes);
        return QC_OK;
    }
    struct fb_output *out = w->out;
    if (out->insert_count == w->insert_capacity) {
        size_t capacity = 2 * w->insert_capacity + 16;
        struct fb_insert *grown = qc_arena_array(w->arena, capacity, sizeof *grown);
        if (!grown) return QC_NOMEM;
        if (out->insert_count) memcpy(grown, out->insert, out->insert_count * sizeof *grown);
        out->insert = grown;
        w->insert_capacity = capacity;
    }
    out->insert[out->insert_count++] = (struct fb_insert){out->size, data, bytes};
    w->external += bytes;
    return QC_OK;
}

/* A hole in out->bytes whose place in the file is `file`, filled with the distance to `target`. */
struct hole {
    size_t at, file;
};

static qc_status fill(struct writer *w, struct hole hole, size_t target)
{
    size_t distance = target - hole.file;
    if (distance > INT32_MAX)
        return qc_fail(w->arena->env, QC_RANGE, "the model is larger than the 2 GB a .tflite table may span");
    uint32_t offset = (uint32_t)distance;
    memcpy(w->out->bytes + hole.at, &offset, 4);
    return QC_OK;
}

static qc_status put_table(struct writer *w, const void *object, const struct fb_table *t, size_t *at);

static qc_status put_string(struct writer *w, const char *string, struct hole hole)
{
    uint32_t length = (uint32_t)strlen(string);
    QC_TRY(align(w, 4, 0));
    QC_TRY(fill(w, hole, position(w)));
    QC_TRY(append_bytes(w, &length, 4));
    return append_bytes(w, string, (size_t)length + 1);
}

static qc_status put_vector(struct writer *w, const struct fb_vec *vec, const struct fb_field *f, struct hole hole)
{
    size_t each = scalar_bytes[f->scalar];
    QC_TRY(align(w, QC_MAX(QC_MAX(each, f->align), 4u), 4));
    QC_TRY(fill(w, hole, position(w)));
    QC_TRY(append_bytes(w, &vec->count, 4));
    return append_bytes(w, vec->data, vec->count * each);
}

static qc_status put_references(struct writer *w, const struct fb_vec *vec, const struct fb_field *f, struct hole hole)
{
    QC_TRY(align(w, 4, 0));
    QC_TRY(fill(w, hole, position(w)));
    QC_TRY(append_bytes(w, &vec->count, 4));
    size_t file = position(w), at = append(w, 4 * (size_t)vec->count);
    if (at == SIZE_MAX) return QC_NOMEM;
    for (uint32_t i = 0; i < vec->count; i++) {
        struct hole inner = {at + 4 * (size_t)i, file + 4 * (size_t)i};
        const void *item = ((const void *const *)vec->data)[i];
        if (f->kind == FB_STRINGS) {
            QC_TRY(put_string(w, item, inner));
        } else {
            size_t child;
            QC_TRY(put_table(w, item, f->table, &child));
            QC_TRY(fill(w, inner, child));
        }
    }
    return QC_OK;
}

static bool is_default(const struct fb_field *f, const char *at)
{
    switch (f->scalar) {
    case FB_b8: return *(const bool *)at == (f->default_value != 0);
    case FB_i8: return *(const int8_t *)at == f->default_value;
    case FB_u8: return *(const uint8_t *)at == f->default_value;
    case FB_i16: return *(const int16_t *)(const void *)at == f->default_value;
    case FB_u16: return *(const uint16_t *)(const void *)at == f->default_value;
    case FB_i32: return *(const int32_t *)(const void *)at == f->default_value;
    case FB_u32: return *(const uint32_t *)(const void *)at == f->default_value;
    case FB_i64: return *(const int64_t *)(const void *)at == (int64_t)f->default_value;
    case FB_u64: return *(const uint64_t *)(const void *)at == (uint64_t)f->default_value;
    case FB_f32: return *(const float *)(const void *)at == (float)f->default_value;
    default: return *(const double *)(const void *)at == f->default_value;
    }
}

/* Bytes the field takes inside its table; 0 if it is left out. A union takes 4, and 1 more for its type. */
static unsigned inline_bytes(const struct fb_field *f, const char *object)
{
    const char *at = object + f->offset;
    switch (f->kind) {
    case FB_SCALAR: return is_default(f, at) ? 0 : scalar_bytes[f->scalar];
    case FB_UNION: return *(const uint8_t *)(object + f->type_offset) && *(void *const *)(const void *)at ? 4 : 0;
    case FB_STRING:
    case FB_TABLE: return *(void *const *)(const void *)at ? 4 : 0;
    default: return ((const struct fb_vec *)(const void *)at)->data ? 4 : 0;
    }
}

static qc_status put_vtable(struct writer *w, const uint16_t *content, uint16_t bytes, size_t *at)
{
    for (struct vtable *v = w->vtables; v; v = v->next)
        if (v->bytes == bytes && !memcmp(v->content, content, bytes)) return *at = v->at, QC_OK;
    struct vtable *v = qc_arena_alloc(w->arena, sizeof *v + bytes);
    if (!v) return QC_NOMEM;
    memcpy(v->content, content, bytes);
    QC_TRY(align(w, 2, 0));
    *v = (struct vtable){w->vtables, position(w), bytes};
    w->vtables = v;
    *at = v->at;
    return append_bytes(w, content, bytes);
}

enum { MAX_SLOTS = 64 };

static qc_status put_child(struct writer *w, const struct fb_field *f, const char *object, struct hole hole)
{
    const char *at = object + f->offset;
    size_t child;
    switch (f->kind) {
    case FB_STRING: return put_string(w, *(const char *const *)(const void *)at, hole);
    case FB_VECTOR: return put_vector(w, (const void *)at, f, hole);
    case FB_STRINGS:
    case FB_TABLES: return put_references(w, (const void *)at, f, hole);
    default: break;
    }
    const struct fb_table *table = f->kind == FB_UNION ? f->member[*(const uint8_t *)(object + f->type_offset)] : f->table;
    QC_TRY(put_table(w, *(void *const *)(const void *)at, table, &child));
    return fill(w, hole, child);
}

static qc_status put_table(struct writer *w, const void *object, const struct fb_table *t, size_t *result)
{
    uint16_t content[2 + MAX_SLOTS] = {0}, slots = 0, end = 4;
    bool wide = false;
    for (unsigned width = 8; width; width /= 2) /* widest first: no padding inside */
        for (int i = 0; i < t->field_count; i++) {
            const struct fb_field *f = &t->field[i];
            unsigned bytes = inline_bytes(f, object), slot = f->slot + (f->kind == FB_UNION);
            if (f->kind == FB_UNION && bytes && width == 1) {
                content[2 + f->slot] = end++;
                slots = (uint16_t)QC_MAX(slots, f->slot + 1u);
            }
            if (bytes != width) continue;
            wide |= width == 8;
            content[2 + slot] = end;
            end = (uint16_t)(end + width);
            slots = (uint16_t)QC_MAX(slots, slot + 1u);
        }
    uint16_t bytes = (uint16_t)(4 + 2 * slots);
    content[0] = bytes;
    content[1] = end;
    size_t vtable;
    QC_TRY(put_vtable(w, content, bytes, &vtable));
    QC_TRY(align(w, wide ? 8 : 4, wide ? 4 : 0));
    size_t file = position(w), at = append(w, end);
    if (at == SIZE_MAX) return QC_NOMEM;
    int32_t distance = (int32_t)(file - vtable);
    memcpy(w->out->bytes + at, &distance, 4);
    for (int i = 0; i < t->field_count; i++) {
        const struct fb_field *f = &t->field[i];
        unsigned inside = content[2 + f->slot];
        if (!inside || (f->kind != FB_SCALAR && f->kind != FB_UNION)) continue;
        if (f->kind == FB_SCALAR)
            memcpy(w->out->bytes + at + inside, (const char *)object + f->offset, scalar_bytes[f->scalar]);
        else
            w->out->bytes[at + inside] = *((const char *)object + f->type_offset);
    }
    for (int i = 0; i < t->field_count; i++) {
        const struct fb_field *f = &t->field[i];
        unsigned inside = content[2 + f->slot + (f->kind == FB_UNION)];
        if (inside && f->kind != FB_SCALAR) QC_TRY(put_child(w, f, object, (struct hole){at + inside, file + inside}));
    }
    *result = file;
    return QC_OK;
}

qc_status fb_encode(struct qc_arena *arena, const void *root, const struct fb_table *table, const char *identifier,
                    struct fb_output *output)
{
    struct writer w = {.arena = arena, .out = output};
    size_t at;
    memset(output, 0, sizeof *output);
    if (append(&w, 8) == SIZE_MAX) return QC_NOMEM;
    memcpy(output->bytes + 4, identifier, 4);
    QC_TRY(put_table(&w, root, table, &at));
    QC_TRY(fill(&w, (struct hole){0, 0}, at));
    QC_TRY(align(&w, 16, 0));
    output->total = position(&w);
    return QC_OK;
}
