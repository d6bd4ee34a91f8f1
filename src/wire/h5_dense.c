/*
 * h5_dense.c - HDF5's newer groups and attributes, which libver="latest" and track_order=True bring: links as messages of the object header, and
 * many links or attributes in a fractal heap, listed by a version 2 B-tree. See h5_file.h.
 *
 * The tree is sorted by hashes of names; all of it is walked and names are compared, so that nothing depends on the hash. Every node and
 * block is checked against the file's size, levels fall, and the file's step counter bounds what a small file may unfold to.
 */
#include "wire/h5_file.h"

#include <string.h>

enum { MOST_LEVELS = 16 };

static bool damaged(struct qc_h5 *file)
{
    qc_fail(file->env, QC_FORMAT, "the HDF5 file is damaged or truncated: a list of links or attributes cannot be read");
    return false;
}

static int log2_of(uint64_t n)
{
    int bits = 0;
    while (n >>= 1) bits++;
    return bits;
}

/* Bytes that hold any number up to `limit`. */
static int bytes_for(uint64_t limit)
{
    return log2_of(limit) / 8 + 1;
}

/* ---- fractal heap ---- */

struct heap {
    struct qc_h5 *file;
    int offset_bytes, length_bytes;
    uint64_t width, start, most_direct; /* blocks in a row; bytes of the first block and of the largest one that holds objects */
    uint64_t root;
    int rows; /* of the root block; 0: it holds objects itself */
};

static bool open_heap(struct qc_h5 *file, uint64_t address, struct heap *h)
{
    const uint8_t *d = h5_at(file, address, 146);
    if (!d || memcmp(d, "FRHP", 4) || d[4]) return false;
    *h = (struct heap){.file = file, .width = h5_number(d + 110, 2), .start = h5_number(d + 112, 8), .most_direct = h5_number(d + 120, 8),
                       .root = h5_number(d + 132, 8), .rows = (int)h5_number(d + 140, 2)};
    uint64_t bits = h5_number(d + 128, 2), most_object = h5_number(d + 10, 4);
    h->offset_bytes = (int)(bits + 7) / 8;
    h->length_bytes = QC_MIN(bytes_for(h->most_direct), bytes_for(most_object));
    bool filtered = h5_number(d + 7, 2) != 0; /* h5py cannot ask for it */
    return !filtered && bits && bits <= 64 && h->width && h->width <= 1 << 12 && h->start && h->start <= h->most_direct && h->most_direct <= UINT64_C(1) << 40;
}

/* Bytes of a block in row r; 0 if no file is that large. */
static uint64_t block_bytes(const struct heap *h, int row)
{
    int shift = row < 2 ? 0 : row - 1;
    return shift > 50 || h->start >> (62 - shift) ? 0 : h->start << shift;
}

/* The object of a heap identifier (at least 1 + offset_bytes + length_bytes long); NULL if it is not to be had. */
static const uint8_t *heap_object(const struct heap *h, const uint8_t *id, size_t *length)
{
    uint64_t offset = h5_number(id + 1, h->offset_bytes), address = h->root, size = h->start;
    int rows = h->rows, direct_rows = log2_of(h->most_direct) - log2_of(h->start) + 2;
    *length = (size_t)h5_number(id + 1 + h->offset_bytes, h->length_bytes);
    if (id[0] >> 4 & 3) { /* an object of its own, larger than any block */
        qc_fail(h->file->env, QC_UNSUPPORTED, "the HDF5 file keeps an attribute of more than 64 KiB as libver=\"latest\" allows, which is not supported; save the "
                "model again with h5py's default settings");
        return NULL;
    }
    for (int level = 0; level < MOST_LEVELS && rows > 0; level++) {
        const uint8_t *block = h5_at(h->file, address, 13 + (uint64_t)h->offset_bytes);
        int row = 0;
        if (!block || memcmp(block, "FHIB", 4)) return NULL;
        while (row < rows && (size = block_bytes(h, row)) && offset / size >= h->width) offset -= size * h->width, row++;
        if (row == rows || !size) return NULL;
        uint64_t entry = (uint64_t)row * h->width + offset / size;
        const uint8_t *child = h5_at(h->file, address + 13 + (uint64_t)h->offset_bytes + 8 * entry, 8);
        if (!child) return NULL;
        address = h5_number(child, 8);
        offset %= size;
        rows = row < direct_rows ? 0 : log2_of(size) - log2_of(h->start * h->width) + 1;
    }
    const uint8_t *block = rows ? NULL : h5_at(h->file, address, size);
    return block && !memcmp(block, "FHDB", 4) && offset <= size && *length <= size - offset ? block + offset : NULL;
}

/* ---- version 2 B-tree ---- */

struct tree {
    struct qc_h5 *file;
    bool (*visit)(void *user, const uint8_t *record, size_t size, int kind);
    void *user;
    size_t record; /* bytes */
    int kind, count_bytes, total_bytes[MOST_LEVELS]; /* of the numbers of records in, and below, a child */
};

static bool walk(struct tree *t, uint64_t address, uint64_t count, int level)
{
    size_t pointer = level ? 8 + (size_t)t->count_bytes + (size_t)t->total_bytes[level - 1] : 0;
    const uint8_t *node = h5_at(t->file, address, 6 + count * t->record + (level ? (count + 1) * pointer : 0));
    if (!node || memcmp(node, level ? "BTIN" : "BTLF", 4) || (t->file->steps += count + 1) > H5_MOST_STEPS) return false;
    for (uint64_t i = 0; level && i <= count; i++) {
        const uint8_t *child = node + 6 + count * t->record + i * pointer;
        if (!walk(t, h5_number(child, 8), h5_number(child + 8, t->count_bytes), level - 1)) return false;
    }
    for (uint64_t i = 0; i < count; i++)
        if (!t->visit(t->user, node + 6 + i * t->record, t->record, t->kind)) return false;
    return true;
}

/* The sizes of numbers follow from how many records the nodes of each level may hold. */
static bool size_levels(struct tree *t, uint64_t node_bytes, int depth)
{
    enum { AROUND = 10 }; /* signature, version, type, checksum */
    if (node_bytes <= AROUND + t->record) return false;
    uint64_t below = (node_bytes - AROUND) / t->record;
    t->count_bytes = bytes_for(below);
    t->total_bytes[0] = 0;
    for (int level = 1; level < depth; level++) {
        uint64_t pointer = 8 + (uint64_t)t->count_bytes + (uint64_t)t->total_bytes[level - 1];
        uint64_t most = node_bytes < AROUND + pointer ? 0 : (node_bytes - AROUND - pointer) / (t->record + pointer);
        if (__builtin_mul_overflow(below, most + 1, &below) || __builtin_add_overflow(below, most, &below)) return false;
        t->total_bytes[level] = bytes_for(below);
    }
    return true;
}

bool qc_h5_each_record(struct qc_h5 *file, uint64_t tree, int first, int second, bool (*visit)(void *user, const uint8_t *record, size_t size, int kind),
                       void *user)
{
    const uint8_t *d = h5_at(file, tree, 38);
    int depth = d ? (int)h5_number(d + 12, 2) : 0;
    if (!d || memcmp(d, "BTHD", 4) || depth >= MOST_LEVELS || (d[5] != first && d[5] != second)) return false;
    struct tree t = {.file = file, .visit = visit, .user = user, .record = (size_t)h5_number(d + 10, 2), .kind = d[5]};
    if (h5_number(d + 16, 8) == H5_NOWHERE) return true; /* empty */
    return t.record && size_levels(&t, h5_number(d + 6, 4), depth) && walk(&t, h5_number(d + 16, 8), h5_number(d + 24, 2), depth);
}

/* ---- both ---- */

enum { LINK_NAMES = 5, ATTRIBUTE_NAMES = 8 };

struct dense {
    struct heap heap;
    bool (*visit)(void *user, const uint8_t *object, size_t size);
    void *user;
    bool stopped;
};

static bool see_object(void *user, const uint8_t *record, size_t size, int kind)
{
    struct dense *d = user;
    size_t length, id_at = kind == LINK_NAMES ? 4 : 0; /* where the heap identifier is */
    if (size < id_at + 1 + (size_t)d->heap.offset_bytes + (size_t)d->heap.length_bytes) return false;
    const uint8_t *object = heap_object(&d->heap, record + id_at, &length);
    d->stopped = object && !d->visit(d->user, object, length);
    return object && !d->stopped;
}

bool qc_h5_each_dense(struct qc_h5 *file, uint64_t heap, uint64_t tree, bool (*visit)(void *user, const uint8_t *object, size_t size), void *user)
{
    struct dense d = {.visit = visit, .user = user};
    if (!open_heap(file, heap, &d.heap)) return damaged(file);
    return qc_h5_each_record(file, tree, LINK_NAMES, ATTRIBUTE_NAMES, see_object, &d) || d.stopped || damaged(file);
}

/* ---- links ---- */

struct link_visit {
    bool (*visit)(void *user, const char *name, size_t length, uint64_t object);
    void *user;
};

/* A link message: hard links are handed on, others passed over. false: stop. */
static bool see_link(void *user, const uint8_t *d, size_t size)
{
    const struct link_visit *v = user;
    size_t at = 2;
    if (size < 4 || d[0] != 1) return true;
    int flags = d[1], kind = flags & 8 ? d[at++] : 0, width = 1 << (flags & 3);
    at += (flags & 4 ? 8 : 0) + (flags & 16 ? 1 : 0);
    if (kind || at + (size_t)width > size) return true;
    uint64_t length = h5_number(d + at, width);
    at += (size_t)width;
    if (length > size - at || size - at - length < 8) return true;
    return v->visit(v->user, (const char *)d + at, (size_t)length, h5_number(d + at + length, 8));
}

bool qc_h5_each_link(struct qc_h5 *file, uint64_t object, bool (*visit)(void *user, const char *name, size_t length, uint64_t object), void *user)
{
    struct h5_messages messages;
    struct h5_message m;
    struct link_visit v = {visit, user};
    if (!qc_h5_open_messages(file, object, &messages)) return false;
    while (qc_h5_next_message(&messages, &m)) {
        if (m.type == H5_LINK && !see_link(&v, m.data, m.size)) return true;
        if (m.type != H5_LINK_INFO || m.size < 2) continue;
        size_t at = 2 + (m.data[1] & 1 ? 8 : 0);
        if (m.size < at + 16) return damaged(file);
        uint64_t heap = h5_number(m.data + at, 8);
        if (heap != H5_NOWHERE && !qc_h5_each_dense(file, heap, h5_number(m.data + at + 8, 8), see_link, &v)) return false;
    }
    return !file->env->error.status;
}
