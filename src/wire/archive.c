/*
 * archive.c - reading zip archives. See archive.h; the format is PKWARE's APPNOTE.TXT (sections 4.3.7, 4.3.12 to 4.3.16, 4.5.3).
 */
#include "wire/archive.h"

#include "base/crc32.h"

#include <string.h>
#if !QUANTC_RUNTIME_ONLY
#include <zlib.h>
#endif

enum { END_SIZE = 22, LOCATOR_SIZE = 20, END64_SIZE = 56, CENTRAL_SIZE = 46, LOCAL_SIZE = 30 };
enum { STORED = 0, DEFLATED = 8 };

static uint16_t get16(const unsigned char *p) { return (uint16_t)(p[0] | p[1] << 8); }
static uint32_t get32(const unsigned char *p) { return get16(p) | (uint32_t)get16(p + 2) << 16; }
static uint64_t get64(const unsigned char *p) { return get32(p) | (uint64_t)get32(p + 4) << 32; }

struct directory { /* where the central directory is */
    uint64_t at, size, count;
    uint64_t shift; /* bytes before the archive that its offsets do not count */
};

/* The end record, which a comment of up to 65535 bytes may follow. NULL if there is none. */
static const unsigned char *find_end(const unsigned char *bytes, size_t size)
{
    if (size < END_SIZE) return NULL;
    size_t least = size > END_SIZE + 65535 ? size - END_SIZE - 65535 : 0;
    const unsigned char *end = bytes + size - END_SIZE + 1;
    for (const unsigned char *p; (p = memrchr(bytes + least, 'P', (size_t)(end - bytes) - least)); end = p)
        if (get32(p) == 0x06054b50 && get16(p + 20) == size - (size_t)(p - bytes) - END_SIZE) return p;
    return NULL;
}

bool qc_archive_probe(const void *bytes, size_t size)
{
    return find_end(bytes, size) != NULL;
}

static qc_status find_directory(struct qc_env *env, const unsigned char *bytes, size_t size, struct directory *dir)
{
    const unsigned char *end = find_end(bytes, size);
    if (!end) return qc_fail(env, QC_FORMAT, "no end-of-archive record: the archive is cut short or no zip");
    uint64_t end_at = (uint64_t)(end - bytes), limit = end_at;
    if (get16(end + 4) || get16(end + 6)) return qc_fail(env, QC_UNSUPPORTED, "an archive in several volumes");
    dir->count = get16(end + 10);
    dir->size = get32(end + 12);
    dir->at = get32(end + 16);
    if (end_at >= LOCATOR_SIZE + END64_SIZE && get32(end - LOCATOR_SIZE) == 0x07064b50) {
        /* The 64-bit record stands before its locator; where the locator says unless other bytes precede the archive. */
        const unsigned char *wide = end - LOCATOR_SIZE - END64_SIZE;
        uint64_t declared = get64(end - LOCATOR_SIZE + 8);
        if (declared <= end_at - LOCATOR_SIZE - END64_SIZE && get32(bytes + declared) == 0x06064b50) wide = bytes + declared;
        if (get32(wide) != 0x06064b50) return qc_fail(env, QC_FORMAT, "the 64-bit end-of-archive record is not where it should be");
        dir->count = get64(wide + 32);
        dir->size = get64(wide + 40);
        dir->at = get64(wide + 48);
        limit = (uint64_t)(wide - bytes);
    }
    if (dir->size > limit || dir->at > limit - dir->size)
        return qc_fail(env, QC_FORMAT, "the directory (%llu bytes at %llu) reaches past its end record at %llu",
                       (unsigned long long)dir->size, (unsigned long long)dir->at, (unsigned long long)limit);
    dir->shift = limit - dir->size - dir->at;
    if (dir->size >= 4 && get32(bytes + dir->at) == 0x02014b50) dir->shift = 0; /* right as it stands; a gap may follow */
    dir->at += dir->shift;
    if (dir->count > dir->size / CENTRAL_SIZE)
        return qc_fail(env, QC_FORMAT, "a directory of %llu bytes cannot hold %llu members", (unsigned long long)dir->size,
                       (unsigned long long)dir->count);
    return QC_OK;
}

/* Sizes and offset of 0xffffffff stand in the 64-bit extra field, in this order, those that are needed only. */
static qc_status widen(struct qc_env *env, const unsigned char *extra, size_t length, const char *name, uint64_t value[3])
{
    bool needed = false;
    for (int i = 0; i < 3; i++) needed |= value[i] == UINT32_MAX;
    while (needed && length >= 4) {
        size_t field = get16(extra + 2);
        if (field > length - 4) break;
        if (get16(extra) == 1) {
            const unsigned char *next = extra + 4;
            for (int i = 0; i < 3; i++) {
                if (value[i] != UINT32_MAX) continue;
                if (field < 8) return qc_fail(env, QC_FORMAT, "member '%.200s': its 64-bit sizes are missing", name);
                value[i] = get64(next);
                next += 8;
                field -= 8;
            }
            return QC_OK;
        }
        extra += 4 + field;
        length -= 4 + field;
    }
    return QC_OK;
}

/* Follows a directory entry to its bytes. `local` is the offset of the local header from the archive's first byte. */
static qc_status locate(struct qc_env *env, const unsigned char *bytes, uint64_t limit, uint64_t local, struct qc_member *member)
{
    if (limit < LOCAL_SIZE || local > limit - LOCAL_SIZE || get32(bytes + local) != 0x04034b50)
        return qc_fail(env, QC_FORMAT, "member '%.200s': no member begins at its offset %llu", member->name, (unsigned long long)local);
    uint64_t start = local + LOCAL_SIZE + get16(bytes + local + 26) + get16(bytes + local + 28);
    if (start > limit || member->packed_size > limit - start)
        return qc_fail(env, QC_FORMAT, "member '%.200s': its %zu bytes at %llu reach past the directory at %llu", member->name,
                       member->packed_size, (unsigned long long)start, (unsigned long long)limit);
    member->packed = bytes + start;
    if (member->method == STORED && member->packed_size != member->size)
        return qc_fail(env, QC_FORMAT, "member '%.200s': stored, but %zu bytes are said to hold %zu", member->name, member->packed_size,
                       member->size);
    /* Deflate's shortest code makes 258 bytes of 2 bits; a claim beyond that is a lie told to make us allocate. */
    if (member->method == DEFLATED && member->size / 1032 > member->packed_size)
        return qc_fail(env, QC_FORMAT, "member '%.200s': %zu deflated bytes cannot hold %zu", member->name, member->packed_size,
                       member->size);
    return QC_OK;
}

static qc_status read_entry(struct qc_arena *arena, const unsigned char *bytes, const struct directory *dir, const unsigned char **next,
                            const unsigned char *end, struct qc_member *member)
{
    struct qc_env *env = arena->env;
    const unsigned char *entry = *next;
    if (end - entry < CENTRAL_SIZE || get32(entry) != 0x02014b50)
        return qc_fail(env, QC_FORMAT, "the directory holds fewer members than it says");
    size_t name = get16(entry + 28), extra = get16(entry + 30), comment = get16(entry + 32);
    if ((size_t)(end - entry) - CENTRAL_SIZE < name + extra + comment)
        return qc_fail(env, QC_FORMAT, "a directory entry reaches past the directory's end");
    *next = entry + CENTRAL_SIZE + name + extra + comment;

    char *text = qc_arena_alloc(arena, name + 1);
    if (!text) return env->error.status;
    memcpy(text, entry + CENTRAL_SIZE, name);
    if (memchr(text, 0, name)) return qc_fail(env, QC_FORMAT, "member '%.200s': its name holds a zero byte", text);
    uint64_t value[3] = {get32(entry + 24), get32(entry + 20), get32(entry + 42)}; /* size, packed size, offset */
    QC_TRY(widen(env, entry + CENTRAL_SIZE + name, extra, text, value));
    *member = (struct qc_member){.name = text,
                                 .method = get16(entry + 10),
                                 .crc = get32(entry + 16),
                                 .size = (size_t)value[0],
                                 .packed_size = (size_t)value[1]};
    if (get16(entry + 8) & 1) return qc_fail(env, QC_UNSUPPORTED, "member '%.200s' is encrypted", text);
    if (member->method != STORED && member->method != DEFLATED)
        return qc_fail(env, QC_UNSUPPORTED, "member '%.200s': packing method %u; stored and deflated are read", text, member->method);
    if (value[2] > dir->at) value[2] = UINT64_MAX - dir->shift;
    return locate(env, bytes, dir->at, value[2] + dir->shift, member);
}

qc_status qc_archive_open(struct qc_arena *arena, const void *bytes, size_t size, struct qc_archive *archive)
{
    struct directory dir = {0};
    memset(archive, 0, sizeof *archive);
    QC_TRY(find_directory(arena->env, bytes, size, &dir));
    archive->member = qc_arena_array(arena, (size_t)dir.count, sizeof *archive->member);
    if (!archive->member) return arena->env->error.status;
    const unsigned char *next = (const unsigned char *)bytes + dir.at, *end = next + dir.size;
    for (; archive->count < dir.count; archive->count++)
        QC_TRY(read_entry(arena, bytes, &dir, &next, end, &archive->member[archive->count]));
    return QC_OK;
}

const struct qc_member *qc_archive_find(const struct qc_archive *archive, const char *name)
{
    for (size_t i = archive->count; i-- > 0;)
        if (!strcmp(archive->member[i].name, name)) return &archive->member[i];
    return NULL;
}

struct qc_member_stream {
    struct qc_env *env;
    const struct qc_member *member;
    size_t done; /* bytes given */
    uint32_t crc;
#if !QUANTC_RUNTIME_ONLY
    z_stream inflate;
    size_t fed; /* packed bytes handed to zlib: its counter has 32 bits */
#endif
};

#if !QUANTC_RUNTIME_ONLY
static void *zlib_alloc(void *env, unsigned count, unsigned size)
{
    return qc_env_alloc(env, (size_t)count * size);
}

static void zlib_free(void *env, void *block)
{
    qc_env_free(env, block);
}

static qc_status inflate_open(struct qc_member_stream *stream)
{
    stream->inflate = (z_stream){.zalloc = zlib_alloc, .zfree = zlib_free, .opaque = stream->env};
    if (inflateInit2(&stream->inflate, -MAX_WBITS) != Z_OK) return qc_fail(stream->env, QC_NOMEM, "out of memory for zlib");
    return QC_OK;
}

static qc_status inflate_some(struct qc_member_stream *stream, unsigned char *out, size_t size)
{
    z_stream *z = &stream->inflate;
    const struct qc_member *member = stream->member;
    while (size) {
        if (!z->avail_in) {
            size_t piece = QC_MIN(member->packed_size - stream->fed, (size_t)1 << 30);
            z->next_in = (unsigned char *)member->packed + stream->fed;
            z->avail_in = (unsigned)piece;
            stream->fed += piece;
        }
        unsigned room = (unsigned)QC_MIN(size, (size_t)1 << 30);
        z->next_out = out;
        z->avail_out = room;
        int code = inflate(z, Z_NO_FLUSH);
        size_t made = room - z->avail_out;
        out += made;
        size -= made;
        if (code == Z_MEM_ERROR) return qc_fail(stream->env, QC_NOMEM, "out of memory for zlib");
        if ((code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) || (size && made == 0 && code != Z_OK) ||
            (size && code == Z_STREAM_END))
            return qc_fail(stream->env, QC_FORMAT, "member '%.200s': its deflated bytes are damaged or end too early", member->name);
    }
    return QC_OK;
}

static void inflate_close(struct qc_member_stream *stream)
{
    if (stream->member->method == DEFLATED) inflateEnd(&stream->inflate);
}
#else
static qc_status inflate_open(struct qc_member_stream *stream)
{
    return qc_fail(stream->env, QC_UNSUPPORTED, "member '%.200s' is deflated; this runtime-only build reads stored members: write the file with "
                   "numpy.savez in place of savez_compressed", stream->member->name);
}

static qc_status inflate_some(struct qc_member_stream *stream, unsigned char *out, size_t size)
{
    (void)out, (void)size;
    return inflate_open(stream);
}

static void inflate_close(struct qc_member_stream *stream)
{
    (void)stream;
}
#endif

struct qc_member_stream *qc_member_stream_open(struct qc_env *env, const struct qc_member *member)
{
    struct qc_member_stream *stream = qc_env_alloc(env, sizeof *stream);
    if (!stream) return NULL;
    stream->env = env;
    stream->member = member;
    if (member->method == DEFLATED && inflate_open(stream)) {
        qc_env_free(env, stream);
        return NULL;
    }
    return stream;
}

static qc_status check_crc(struct qc_env *env, const struct qc_member *member, uint32_t crc)
{
    if (crc == member->crc) return QC_OK;
    return qc_fail(env, QC_FORMAT, "member '%.200s': checksum %08x, not %08x: the file is damaged", member->name, crc, member->crc);
}

qc_status qc_member_stream_read(struct qc_member_stream *stream, void *out, size_t size)
{
    const struct qc_member *member = stream->member;
    if (size > member->size - stream->done)
        return qc_fail(stream->env, QC_FORMAT, "member '%.200s' ends after %zu bytes, before what its content declares", member->name,
                       member->size);
    if (member->method == STORED)
        memcpy(out, (const char *)member->packed + stream->done, size);
    else
        QC_TRY(inflate_some(stream, out, size));
    stream->done += size;
    if (member->unchecked) return QC_OK;
    stream->crc = qc_crc32(stream->crc, out, size);
    return stream->done < member->size ? QC_OK : check_crc(stream->env, member, stream->crc);
}

void qc_member_stream_close(struct qc_member_stream *stream)
{
    if (!stream) return;
    inflate_close(stream);
    qc_env_free(stream->env, stream);
}

const void *qc_member_read(struct qc_arena *arena, const struct qc_member *member)
{
    if (member->method == STORED) {
        bool sound = member->unchecked || !check_crc(arena->env, member, qc_crc32(0, member->packed, member->size));
        return sound ? member->packed : NULL;
    }
    struct qc_member_stream *stream = qc_member_stream_open(arena->env, member);
    void *out = stream ? qc_arena_alloc(arena, member->size) : NULL;
    qc_status status = out ? qc_member_stream_read(stream, out, member->size) : arena->env->error.status;
    qc_member_stream_close(stream);
    return status ? NULL : out;
}
