/*
 * fb_json.c - any decoded table as JSON, see fb.h.
 */
#include "wire/fb.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct printer {
    size_t most;
    void (*put)(void *user, const char *text);
    void *user;
};

static void put_escaped(const struct printer *p, const char *string)
{
    char out[8] = {0};
    p->put(p->user, "\"");
    for (const unsigned char *c = (const unsigned char *)string; *c; c++) {
        if (*c == '"' || *c == '\\')
            snprintf(out, sizeof out, "\\%c", *c);
        else if (*c < 32)
            snprintf(out, sizeof out, "\\u%04x", *c);
        else
            snprintf(out, sizeof out, "%c", *c);
        p->put(p->user, out);
    }
    p->put(p->user, "\"");
}

static void put_real(const struct printer *p, double value, int digits)
{
    char text[40];
    if (isfinite(value))
        snprintf(text, sizeof text, "%.*g", digits, value);
    else
        snprintf(text, sizeof text, "\"%s\"", isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
    p->put(p->user, text);
}

static void put_scalar(const struct printer *p, uint8_t scalar, const void *at, const struct fb_enum *names)
{
    char text[40];
    int64_t value = 0;
    switch (scalar) {
    case FB_b8: p->put(p->user, *(const bool *)at ? "true" : "false"); return;
    case FB_f32: put_real(p, *(const float *)at, 9); return;
    case FB_f64: put_real(p, *(const double *)at, 17); return;
    case FB_i8: value = *(const int8_t *)at; break;
    case FB_u8: value = *(const uint8_t *)at; break;
    case FB_i16: value = *(const int16_t *)at; break;
    case FB_u16: value = *(const uint16_t *)at; break;
    case FB_i32: value = *(const int32_t *)at; break;
    case FB_u32: value = *(const uint32_t *)at; break;
    case FB_i64: value = *(const int64_t *)at; break;
    case FB_u64: snprintf(text, sizeof text, "%" PRIu64, *(const uint64_t *)at); p->put(p->user, text); return;
    }
    for (int i = 0; names && i < names->count; i++)
        if (names->value[i].value == value) {
            put_escaped(p, names->value[i].name);
            return;
        }
    snprintf(text, sizeof text, "%" PRId64, value);
    p->put(p->user, text);
}

static void put_object(const struct printer *p, const void *object, const struct fb_table *t);

static void put_list(const struct printer *p, const struct fb_vec *vec, const struct fb_field *f)
{
    static const uint8_t bytes[] = {0, 1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8};
    p->put(p->user, "[");
    for (uint32_t i = 0; i < vec->count; i++) {
        if (i) p->put(p->user, ",");
        if (p->most && i == p->most) {
            p->put(p->user, "\"...\"");
            break;
        }
        if (f->kind == FB_VECTOR)
            put_scalar(p, f->scalar, (const char *)vec->data + (size_t)i * bytes[f->scalar], NULL);
        else if (f->kind == FB_STRINGS)
            put_escaped(p, ((const char *const *)vec->data)[i]);
        else
            put_object(p, ((const void *const *)vec->data)[i], f->table);
    }
    p->put(p->user, "]");
}

static bool present(const struct fb_field *f, const char *object)
{
    const void *at = object + f->offset;
    switch (f->kind) {
    case FB_SCALAR: break;
    case FB_UNION: return object[f->type_offset] && *(void *const *)at;
    case FB_STRING:
    case FB_TABLE: return *(void *const *)at;
    default: return ((const struct fb_vec *)at)->data;
    }
    static const uint8_t bytes[] = {0, 1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8};
    for (int i = 0; i < bytes[f->scalar]; i++)
        if (((const char *)at)[i]) return true;
    return f->default_value != 0;
}

static void put_object(const struct printer *p, const void *object, const struct fb_table *t)
{
    const char *separator = "";
    p->put(p->user, "{");
    for (int i = 0; i < t->field_count; i++) {
        const struct fb_field *f = &t->field[i];
        if (!present(f, object)) continue;
        const void *at = (const char *)object + f->offset;
        p->put(p->user, separator);
        put_escaped(p, f->name);
        p->put(p->user, ":");
        separator = ",";
        switch (f->kind) {
        case FB_SCALAR: put_scalar(p, f->scalar, at, f->names); break;
        case FB_STRING: put_escaped(p, *(const char *const *)at); break;
        case FB_TABLE: put_object(p, *(void *const *)at, f->table); break;
        case FB_UNION: put_object(p, *(void *const *)at, f->member[*((const uint8_t *)object + f->type_offset)]); break;
        default: put_list(p, at, f);
        }
    }
    p->put(p->user, "}");
}

void fb_json(const void *object, const struct fb_table *table, size_t most, void (*put)(void *user, const char *text), void *user)
{
    put_object(&(struct printer){most, put, user}, object, table);
}
