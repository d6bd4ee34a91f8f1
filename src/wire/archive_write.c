/*
 * archive_write.c - zip archives of stored members, with 64-bit sizes where they are needed. See archive.h.
 *
 * Members' dates are 1980-01-01, the format's first day: the same content gives the same bytes.
 */
#include "wire/archive.h"

#include "base/crc32.h"

#include <string.h>

enum { LOCAL_SIZE = 30, CENTRAL_SIZE = 46, END_SIZE = 22, END64_SIZE = 56, LOCATOR_SIZE = 20 };
enum { EXTRA64 = 4 + 24, PAD_FIELD = 4, FIRST_DAY = 1 << 5 | 1, VERSION = 20, VERSION64 = 45, UTF8_NAME = 1 << 11 };
#define PAD_ID 0xD935 /* the extra field that zipalign fills with zeros */

struct writer {
    struct qc_arena *arena;
    size_t at; /* in the archive's file */
    size_t align;
};

static unsigned char *put16(unsigned char *p, unsigned value)
{
    p[0] = (unsigned char)value;
    p[1] = (unsigned char)(value >> 8);
    return p + 2;
}

static unsigned char *put32(unsigned char *p, size_t value)
{
    return put16(put16(p, value & 0xffff), value >> 16 & 0xffff);
}

static unsigned char *put64(unsigned char *p, size_t value)
{
    return put32(put32(p, value & UINT32_MAX), value >> 32);
}

static size_t low32(size_t value) { return QC_MIN(value, (size_t)UINT32_MAX); }

/* The fields that local and central headers share: version to name length. */
static unsigned char *put_common(unsigned char *p, const struct qc_stored *member, size_t size, uint32_t crc, bool wide)
{
    p = put16(p, wide ? VERSION64 : VERSION);
    p = put16(p, UTF8_NAME);
    p = put16(p, 0); /* stored */
    p = put16(p, 0); /* midnight */
    p = put16(p, FIRST_DAY);
    p = put32(p, crc);
    p = put32(p, wide ? UINT32_MAX : size);
    p = put32(p, wide ? UINT32_MAX : size);
    return put16(p, (unsigned)strlen(member->name));
}

/* Local header, and member->head behind it. */
static bool put_local(struct writer *w, const struct qc_stored *member, size_t size, uint32_t crc, bool wide, struct qc_part *part)
{
    size_t name = strlen(member->name), fixed = LOCAL_SIZE + name + (wide ? EXTRA64 - 8 : 0), pad = 0;
    if (w->align > 1 && (w->at + fixed) % w->align) pad = PAD_FIELD + (w->align - (w->at + fixed + PAD_FIELD) % w->align) % w->align;
    unsigned char *start = qc_arena_alloc(w->arena, fixed + pad + member->head_size), *p = start;
    if (!start) return false;
    p = put32(p, 0x04034b50);
    p = put_common(p, member, size, crc, wide);
    p = put16(p, (unsigned)((wide ? EXTRA64 - 8 : 0) + pad));
    memcpy(p, member->name, name);
    p += name;
    if (wide) p = put64(put64(put16(put16(p, 1), 16), size), size);
    if (pad) p = put16(put16(p, PAD_ID), (unsigned)(pad - PAD_FIELD));
    p = start + fixed + pad;
    if (member->head_size) memcpy(p, member->head, member->head_size);
    *part = (struct qc_part){start, fixed + pad + member->head_size};
    w->at += part->size;
    return true;
}

static unsigned char *put_central(unsigned char *p, const struct qc_stored *member, size_t size, uint32_t crc, size_t local)
{
    size_t name = strlen(member->name);
    bool wide = size >= UINT32_MAX, far = local >= UINT32_MAX;
    unsigned extra = wide || far ? 4 + (wide ? 16 : 0) + (far ? 8 : 0) : 0;
    p = put32(p, 0x02014b50);
    p = put16(p, extra ? VERSION64 : VERSION);
    p = put_common(p, member, size, crc, wide);
    p = put16(p, extra);
    p = put16(p, 0); /* no comment */
    p = put16(p, 0); /* first volume */
    p = put16(p, 0); /* attributes */
    p = put32(p, 0);
    p = put32(p, low32(local));
    memcpy(p, member->name, name);
    p += name;
    if (extra) p = put16(put16(p, 1), extra - 4);
    if (wide) p = put64(put64(p, size), size);
    return far ? put64(p, local) : p;
}

static unsigned char *put_end(unsigned char *p, size_t count, size_t directory, size_t at)
{
    if (count >= UINT16_MAX || at >= UINT32_MAX || directory >= UINT32_MAX) {
        p = put64(put32(p, 0x06064b50), END64_SIZE - 12);
        p = put32(put32(put16(put16(p, VERSION64), VERSION64), 0), 0);
        p = put64(put64(put64(put64(p, count), count), directory), at);
        p = put32(put64(put32(put32(p, 0x07064b50), 0), at + directory), 1);
    }
    unsigned listed = (unsigned)QC_MIN(count, (size_t)UINT16_MAX);
    p = put16(put16(put16(put16(put32(p, 0x06054b50), 0), 0), listed), listed);
    return put16(put32(put32(p, low32(directory)), low32(at)), 0);
}

struct qc_part *qc_archive_write(struct qc_arena *arena, size_t offset, size_t align, const struct qc_stored *member, size_t count,
                                      size_t *part_count)
{
    struct writer w = {arena, offset, align};
    size_t *local = qc_arena_array(arena, count, sizeof *local), room = END_SIZE + END64_SIZE + LOCATOR_SIZE;
    uint32_t *crc = qc_arena_array(arena, count, sizeof *crc);
    struct qc_part *part = qc_arena_array(arena, 2 * count + 1, sizeof *part);
    if (!local || !crc || !part) return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t name = strlen(member[i].name), size = member[i].head_size + member[i].size;
        if (name > UINT16_MAX) {
            qc_fail(arena->env, QC_RANGE, "member '%.100s...': a name of %zu bytes; zip archives take 65535", member[i].name, name);
            return NULL;
        }
        crc[i] = qc_crc32(qc_crc32(0, member[i].head, member[i].head_size), member[i].data, member[i].size);
        local[i] = w.at;
        room += CENTRAL_SIZE + name + EXTRA64;
        if (!put_local(&w, &member[i], size, crc[i], size >= UINT32_MAX, &part[2 * i])) return NULL;
        part[2 * i + 1] = (struct qc_part){member[i].data, member[i].size};
        w.at += member[i].size;
    }
    unsigned char *start = qc_arena_alloc(arena, room), *p = start;
    if (!start) return NULL;
    for (size_t i = 0; i < count; i++) p = put_central(p, &member[i], member[i].head_size + member[i].size, crc[i], local[i]);
    p = put_end(p, count, (size_t)(p - start), w.at);
    part[2 * count] = (struct qc_part){start, (size_t)(p - start)};
    *part_count = 2 * count + 1;
    return part;
}
