/*
 * fb.h - FlatBuffers, driven by descriptors: one table of fields per table type serves reading with verification, writing
 * and JSON output.
 *
 * A decoded table is a plain C struct in an arena. Scalar vectors and strings stay views into the file (vectors are copied
 * only where the file holds them misaligned), so weights are never copied. Every offset is checked as it is followed.
 */
#ifndef QC_WIRE_FB_H
#define QC_WIRE_FB_H

#include "base/arena.h"

enum fb_scalar { FB_none, FB_b8, FB_i8, FB_u8, FB_i16, FB_u16, FB_i32, FB_u32, FB_i64, FB_u64, FB_f32, FB_f64 };
enum fb_kind { FB_SCALAR, FB_VECTOR, FB_STRING, FB_STRINGS, FB_TABLE, FB_TABLES, FB_UNION };

struct fb_enum {
    const char *name;
    int count;
    const struct fb_enum_value {
        const char *name;
        int value;
    } *value;
};

/* A vector in a struct; T is the element type. data is NULL if the field is absent. */
#define FB_VEC(T)        \
    struct {             \
        T *data;         \
        uint32_t count;  \
    }
/* The same, untyped, as the codec sees every vector. */
struct fb_vec {
    const void *data;
    uint32_t count;
};

struct fb_field {
    const char *name;
    uint8_t kind, scalar, align; /* align: of vector data, if forced */
    uint16_t slot;               /* of a union: its type; the value is in slot + 1 */
    uint32_t offset, type_offset; /* in the struct; type_offset for unions */
    double default_value;
    const struct fb_table *table;              /* of a TABLE(S) field */
    const struct fb_table *const *member;      /* of a UNION: by type, [0] is NULL */
    uint32_t member_count;
    const struct fb_enum *names; /* of an enum scalar, for JSON */
};

struct fb_table {
    const char *name;
    size_t size; /* of the struct */
    int field_count;
    const struct fb_field *field;
};

/* Decodes the root table. `identifier` is the file's 4 characters. NULL with an error (table, field, byte) recorded. */
void *fb_decode(struct qc_arena *arena, const void *bytes, size_t size, const char *identifier, const struct fb_table *root);

/* A zeroed struct with the schema's defaults filled in. */
void *fb_new(struct qc_arena *arena, const struct fb_table *table);

/*
 * Encoded output: `bytes` with `insert[i]` spliced in at their positions in `bytes`, so that large vectors go to the file
 * without a copy. total is the size of the whole. All memory is the arena's; inserts are the caller's vectors.
 */
struct fb_insert {
    size_t at;
    const void *data;
    size_t size;
};
struct fb_output {
    char *bytes;
    size_t size, total;
    struct fb_insert *insert;
    size_t insert_count;
};
qc_status fb_encode(struct qc_arena *arena, const void *root, const struct fb_table *table, const char *identifier,
                    struct fb_output *output);

/* Writes `object` as JSON through `put`, fields at their default left out, vectors cut after `most` elements (0: never). */
void fb_json(const void *object, const struct fb_table *table, size_t most, void (*put)(void *user, const char *text), void *user);

#endif
