/*
 * tfl.h - the TensorFlow Lite schema as C enums, structs (struct tfl_Tensor, enum tfl_TensorType ...) and descriptors
 * (tfl_Tensor_table), all expanded from schema.def; and likewise TFLite Metadata (struct tfl_ModelMetadata ...) from metadata.def.
 */
#ifndef QC_TFL_TFL_H
#define QC_TFL_TFL_H

#include "wire/fb.h"

#define ENUM_BEGIN(e) enum tfl_##e {
#define ENUM_VALUE(e, name, value) tfl_##e##_##name = value,
#define ENUM_END(e) };
#define UNION_BEGIN(u) enum tfl_##u { tfl_##u##_NONE,
#define UNION_MEMBER(u, name, value) tfl_##u##_##name = value,
#define UNION_END(u) };
#define TABLE_BEGIN(t) struct tfl_##t; extern const struct fb_table tfl_##t##_table;
#define TABLE_END(t)
#define SCALAR(t, name, type, slot, value, names)
#define VECTOR(t, name, type, slot, align)
#define STRING(t, name, slot)
#define STRINGS(t, name, slot)
#define TABLE(t, name, type, slot)
#define TABLES(t, name, type, slot)
#define UNION_FIELD(t, name, type, slot)
#define EMPTY(t)
#include "tfl/schema.def"
#include "tfl/metadata.def"
#include "tfl/schema_undef.h"

typedef bool tfl_b8;
typedef int8_t tfl_i8;
typedef uint8_t tfl_u8;
typedef int16_t tfl_i16;
typedef uint16_t tfl_u16;
typedef int32_t tfl_i32;
typedef uint32_t tfl_u32;
typedef int64_t tfl_i64;
typedef uint64_t tfl_u64;
typedef float tfl_f32;
typedef double tfl_f64;

#define ENUM_BEGIN(e)
#define ENUM_VALUE(e, name, value)
#define ENUM_END(e)
#define UNION_BEGIN(u)
#define UNION_MEMBER(u, name, value)
#define UNION_END(u)
#define TABLE_BEGIN(t) struct tfl_##t {
#define TABLE_END(t) };
#define SCALAR(t, name, type, slot, value, names) tfl_##type name;
#define VECTOR(t, name, type, slot, align) FB_VEC(const tfl_##type) name;
#define STRING(t, name, slot) const char *name;
#define STRINGS(t, name, slot) FB_VEC(const char *) name;
#define TABLE(t, name, type, slot) struct tfl_##type *name;
#define TABLES(t, name, type, slot) FB_VEC(struct tfl_##type *) name;
#define UNION_FIELD(t, name, type, slot) uint8_t name##_type; void *name;
#define EMPTY(t) char unused;
#include "tfl/schema.def"
#include "tfl/metadata.def"
#include "tfl/schema_undef.h"

/* "CONV_2D", or NULL for a number that the schema does not know. */
const char *tfl_operator_name(int code);

/* Descriptor of union member `type` of builtin_options (which = 1) or builtin_options_2 (which = 2); NULL if there is none. */
const struct fb_table *tfl_options_table(int which, int type);

/* The union member number whose table is `table`, in builtin_options (which = 1) or _2; 0 if none. */
int tfl_options_type(int which, const struct fb_table *table);

#endif
