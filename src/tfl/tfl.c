/*
 * tfl.c - the descriptors of the TensorFlow Lite schema, expanded from schema.def. See tfl.h.
 */
#include "tfl/tfl.h"

/* Enum names, for JSON and messages. */
#define ENUM_BEGIN(e) static const struct fb_enum_value e##_values[] = {
#define ENUM_VALUE(e, name, value) {#name, value},
#define ENUM_END(e) }; static const struct fb_enum e##_names[1] = {{#e, QC_COUNT(e##_values), e##_values}};
#define UNION_BEGIN(u) static const struct fb_table *const u##_members[] = {NULL,
#define UNION_MEMBER(u, name, value) &tfl_##name##_table,
#define UNION_END(u) };
#define TABLE_BEGIN(t)
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

#define ENUM_BEGIN(e)
#define ENUM_VALUE(e, name, value)
#define ENUM_END(e)
#define UNION_BEGIN(u)
#define UNION_MEMBER(u, name, value)
#define UNION_END(u)
#define none_names NULL
#define AT(t, name) (uint32_t)offsetof(struct tfl_##t, name)
#define TABLE_BEGIN(t) static const struct fb_field t##_fields[] = {
#define TABLE_END(t) {0}}; const struct fb_table tfl_##t##_table = {#t, sizeof(struct tfl_##t), QC_COUNT(t##_fields) - 1, t##_fields};
#define SCALAR(t, field, type, slot_, value, names_) \
    {.name = #field, .kind = FB_SCALAR, .scalar = FB_##type, .slot = slot_, .offset = AT(t, field), .default_value = value, .names = names_##_names},
#define VECTOR(t, field, type, slot_, align_) \
    {.name = #field, .kind = FB_VECTOR, .scalar = FB_##type, .align = align_, .slot = slot_, .offset = AT(t, field)},
#define STRING(t, field, slot_) {.name = #field, .kind = FB_STRING, .slot = slot_, .offset = AT(t, field)},
#define STRINGS(t, field, slot_) {.name = #field, .kind = FB_STRINGS, .slot = slot_, .offset = AT(t, field)},
#define TABLE(t, field, type, slot_) {.name = #field, .kind = FB_TABLE, .slot = slot_, .offset = AT(t, field), .table = &tfl_##type##_table},
#define TABLES(t, field, type, slot_) {.name = #field, .kind = FB_TABLES, .slot = slot_, .offset = AT(t, field), .table = &tfl_##type##_table},
#define UNION_FIELD(t, field, type, slot_)                                                                                    \
    {.name = #field, .kind = FB_UNION, .slot = slot_, .offset = AT(t, field), .type_offset = AT(t, field##_type), .member = type##_members, \
     .member_count = QC_COUNT(type##_members)},
#define EMPTY(t)
#include "tfl/schema.def"
#include "tfl/metadata.def"
#include "tfl/schema_undef.h"

const char *tfl_operator_name(int code)
{
    for (int i = 0; i < BuiltinOperator_names->count; i++)
        if (BuiltinOperator_names->value[i].value == code) return BuiltinOperator_names->value[i].name;
    return NULL;
}

const struct fb_table *tfl_options_table(int which, int type)
{
    const struct fb_table *const *member = which == 1 ? BuiltinOptions_members : BuiltinOptions2_members;
    int count = which == 1 ? QC_COUNT(BuiltinOptions_members) : QC_COUNT(BuiltinOptions2_members);
    return type > 0 && type < count ? member[type] : NULL;
}

int tfl_options_type(int which, const struct fb_table *table)
{
    for (int type = 1; tfl_options_table(which, type); type++)
        if (tfl_options_table(which, type) == table) return type;
    return 0;
}
