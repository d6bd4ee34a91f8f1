/*
 * fb.c - FlatBuffers reader (which verifies), see fb.h. The writer is fb_encode.c, the JSON printer fb_json.c.
 *
 * Trust: nothing in the file. Offsets, lengths, table and vtable sizes and string terminators are checked where they are
 * followed. A budget of one decoded object per 4 bytes of file bounds files whose offsets share children (a table needs 4
 * bytes of its own in any honest file), so memory stays in proportion to the file.
 */
#include "wire/fb.h"

#include <inttypes.h>
#include <string.h>

enum { MAX_DEPTH = 64 };

struct reader {
    struct qc_arena *arena;
    const unsigned char *bytes;
    size_t size, budget;
};

static const uint8_t scalar_bytes[] = {[FB_b8] = 1,  [FB_i8] = 1,  [FB_u8] = 1,  [FB_i16] = 2, [FB_u16] = 2, [FB_i32] = 4,
                                       [FB_u32] = 4, [FB_i64] = 8, [FB_u64] = 8, [FB_f32] = 4, [FB_f64] = 8};

static qc_status bad(struct reader *r, const struct fb_table *table, const struct fb_field *field, size_t at, const char *what)
{
    return qc_fail(r->arena->env, QC_FORMAT, "%s%s%s at byte 0x%zx: %s; the file is damaged or cut short", table->name, field ? "." : "",
                   field ? field->name : "", at, what);
}

static uint32_t u32_at(const struct reader *r, size_t at)
{
    uint32_t value;
    memcpy(&value, r->bytes + at, 4);
    return value;
}

static uint16_t u16_at(const struct reader *r, size_t at)
{
    uint16_t value;
    memcpy(&value, r->bytes + at, 2);
    return value;
}

/* true if `count` units of `each` bytes fit at `at`. */
static bool fits(const struct reader *r, size_t at, size_t count, size_t each)
{
    return at <= r->size && count <= (r->size - at) / each;
}

static bool spend(struct reader *r, size_t objects)
{
    if (r->budget < objects) return false;
    r->budget -= objects;
    return true;
}

/* Follows the uoffset at `at`; on success *target has at least 4 readable bytes. */
static qc_status follow(struct reader *r, const struct fb_table *t, const struct fb_field *f, size_t at, size_t *target)
{
    uint32_t offset = u32_at(r, at);
    if (!offset || offset > r->size || !fits(r, at + offset, 1, 4)) return bad(r, t, f, at, "an offset points outside the file");
    *target = at + offset;
    return QC_OK;
}

static qc_status read_string(struct reader *r, const struct fb_table *t, const struct fb_field *f, size_t at, const char **string)
{
    size_t target;
    QC_TRY(follow(r, t, f, at, &target));
    uint32_t length = u32_at(r, target);
    if (!fits(r, target + 4, (size_t)length + 1, 1) || r->bytes[target + 4 + length])
        return bad(r, t, f, target, "a string runs past the end or has no terminator");
    *string = (const char *)r->bytes + target + 4;
    return QC_OK;
}

static qc_status read_vector(struct reader *r, const struct fb_table *t, const struct fb_field *f, size_t at, struct fb_vec *vec)
{
    size_t target, each = scalar_bytes[f->scalar];
    QC_TRY(follow(r, t, f, at, &target));
    uint32_t count = u32_at(r, target);
    if (!fits(r, target + 4, count, each)) return bad(r, t, f, target, "a vector runs past the end of the file");
    vec->count = count;
    vec->data = r->bytes + target + 4;
    if ((uintptr_t)vec->data % each) {
        if (!spend(r, count)) return bad(r, t, f, target, "vectors overlap");
        vec->data = qc_arena_copy(r->arena, vec->data, count * each);
        if (!vec->data) return QC_NOMEM;
    }
    return QC_OK;
}

static qc_status read_table(struct reader *r, const struct fb_table *t, size_t at, int depth, void **object);

/* A vector of offsets, to strings or tables. */
static qc_status read_references(struct reader *r, const struct fb_table *t, const struct fb_field *f, size_t at, int depth,
                                 struct fb_vec *vec)
{
    size_t target;
    QC_TRY(follow(r, t, f, at, &target));
    uint32_t count = u32_at(r, target);
    if (!fits(r, target + 4, count, 4) || !spend(r, count)) return bad(r, t, f, target, "a vector runs past the end of the file");
    void **item = qc_arena_array(r->arena, count, sizeof *item);
    if (!item) return QC_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        size_t slot = target + 4 + 4 * (size_t)i, child;
        if (f->kind == FB_STRINGS) {
            const char *string;
            QC_TRY(read_string(r, t, f, slot, &string));
            item[i] = (void *)(uintptr_t)string;
        } else {
            QC_TRY(follow(r, t, f, slot, &child));
            QC_TRY(read_table(r, f->table, child, depth, &item[i]));
        }
    }
    vec->data = item;
    vec->count = count;
    return QC_OK;
}

static void store_scalar(void *to, uint8_t scalar, const unsigned char *from)
{
    if (scalar == FB_b8)
        *(bool *)to = *from != 0; /* any other byte in a C bool would be undefined */
    else
        memcpy(to, from, scalar_bytes[scalar]);
}

static void store_default(void *to, uint8_t scalar, double value)
{
    switch (scalar) {
    case FB_b8: *(bool *)to = value != 0; break;
    case FB_i8: *(int8_t *)to = (int8_t)value; break;
    case FB_u8: *(uint8_t *)to = (uint8_t)value; break;
    case FB_i16: *(int16_t *)to = (int16_t)value; break;
    case FB_u16: *(uint16_t *)to = (uint16_t)value; break;
    case FB_i32: *(int32_t *)to = (int32_t)value; break;
    case FB_u32: *(uint32_t *)to = (uint32_t)value; break;
    case FB_i64: *(int64_t *)to = (int64_t)value; break;
    case FB_u64: *(uint64_t *)to = (uint64_t)value; break;
    case FB_f32: *(float *)to = (float)value; break;
    case FB_f64: *(double *)to = value; break;
    }
}

void *fb_new(struct qc_arena *arena, const struct fb_table *table)
{
    char *object = qc_arena_alloc(arena, table->size);
    for (int i = 0; object && i < table->field_count; i++) {
        const struct fb_field *f = &table->field[i];
        if (f->kind == FB_SCALAR && f->default_value) store_default(object + f->offset, f->scalar, f->default_value);
    }
    return object;
}

struct table_view {
    size_t at, vtable;
    uint16_t vtable_size, table_size;
};

/* Byte of the field in `slot`, of `width` bytes; 0 if absent. */
static qc_status find_field(struct reader *r, const struct fb_table *t, const struct fb_field *f, const struct table_view *view,
                            unsigned slot, unsigned width, size_t *at)
{
    size_t entry = 4 + 2 * (size_t)slot;
    uint16_t offset = entry + 2 <= view->vtable_size ? u16_at(r, view->vtable + entry) : 0;
    *at = 0;
    if (!offset) return QC_OK;
    if (offset < 4 || (unsigned)offset + width > view->table_size) return bad(r, t, f, view->at, "a field lies outside its table");
    *at = view->at + offset;
    return QC_OK;
}

static qc_status read_union(struct reader *r, const struct fb_table *t, const struct fb_field *f, const struct table_view *view,
                            int depth, char *object)
{
    size_t type_at, at, target;
    QC_TRY(find_field(r, t, f, view, f->slot, 1, &type_at));
    QC_TRY(find_field(r, t, f, view, f->slot + 1u, 4, &at));
    uint8_t type = type_at ? r->bytes[type_at] : 0;
    if (!type || !at || type >= f->member_count) return QC_OK; /* absent, or newer than this schema: no options */
    QC_TRY(follow(r, t, f, at, &target));
    *(uint8_t *)(object + f->type_offset) = type;
    return read_table(r, f->member[type], target, depth, (void **)(void *)(object + f->offset));
}

static qc_status read_field(struct reader *r, const struct fb_table *t, const struct fb_field *f, const struct table_view *view,
                            int depth, char *object)
{
    if (f->kind == FB_UNION) return read_union(r, t, f, view, depth, object);
    size_t at, target;
    QC_TRY(find_field(r, t, f, view, f->slot, f->kind == FB_SCALAR ? scalar_bytes[f->scalar] : 4, &at));
    if (!at) return QC_OK;
    void *to = object + f->offset;
    switch (f->kind) {
    case FB_SCALAR: store_scalar(to, f->scalar, r->bytes + at); return QC_OK;
    case FB_STRING: return read_string(r, t, f, at, (const char **)to);
    case FB_VECTOR: return read_vector(r, t, f, at, to);
    case FB_TABLE: QC_TRY(follow(r, t, f, at, &target)); return read_table(r, f->table, target, depth, (void **)to);
    default: return read_references(r, t, f, at, depth, to);
    }
}

static qc_status read_table(struct reader *r, const struct fb_table *t, size_t at, int depth, void **object)
{
    struct table_view view = {.at = at};
    if (depth >= MAX_DEPTH || !spend(r, 1)) return bad(r, t, NULL, at, "tables nest too deep or share too much");
    int64_t vtable = (int64_t)at - (int32_t)u32_at(r, at);
    if (vtable < 0 || (uint64_t)vtable > r->size || !fits(r, (size_t)vtable, 1, 4))
        return bad(r, t, NULL, at, "the vtable lies outside the file");
    view.vtable = (size_t)vtable;
    view.vtable_size = u16_at(r, view.vtable);
    view.table_size = u16_at(r, view.vtable + 2);
    if (view.vtable_size < 4 || !fits(r, view.vtable, view.vtable_size, 1) || view.table_size < 4 || !fits(r, at, view.table_size, 1))
        return bad(r, t, NULL, at, "a table runs past the end of the file");
    char *result = fb_new(r->arena, t);
    if (!result) return QC_NOMEM;
    for (int i = 0; i < t->field_count; i++) {
        if (view.vtable_size < 6 + 2u * t->field[i].slot) break; /* fields stand in the order of their slots: the rest is absent */
        QC_TRY(read_field(r, t, &t->field[i], &view, depth + 1, result));
    }
    *object = result;
    return QC_OK;
}

void *fb_decode(struct qc_arena *arena, const void *bytes, size_t size, const char *identifier, const struct fb_table *root)
{
    struct reader r = {arena, bytes, size, size / 4 + 16};
    void *object = NULL;
    size_t at;
    if (size < 8 || memcmp((const char *)bytes + 4, identifier, 4)) {
        qc_fail(arena->env, QC_FORMAT, "this is no FlatBuffers file with the identifier %s", identifier);
        return NULL;
    }
    if (follow(&r, root, NULL, 0, &at) || read_table(&r, root, at, 0, &object)) return NULL;
    return object;
}
