/*
 * h5_chunks.c - see h5_chunks.h.
 *
 * The newer indices but the tree are arrays by the chunk's number, rows of chunks counted within the largest shape that the data set may
 * ever have. The current shape's chunks are looked up one by one, so that what a damaged array holds beyond them is never read.
 */
#include "wire/h5_chunks.h"

#include <string.h>

enum { AROUND = 4 }; /* a checksum, which nothing here depends on */

/* ---- layout messages ---- */

static bool axes(struct h5_chunks *c, const uint8_t *d, int width)
{
    c->element = c->bytes = h5_number(d + (size_t)width * (size_t)c->rank, width); /* the last dimension is the element's size */
    for (int i = 0; i < c->rank; i++) {
        c->chunk[i] = h5_number(d + (size_t)width * (size_t)i, width);
        if (!c->chunk[i] || __builtin_mul_overflow(c->bytes, c->chunk[i], &c->bytes)) return false;
    }
    return true;
}

bool qc_h5_read_chunks(const uint8_t *d, size_t size, struct h5_chunks *c)
{
    static const uint8_t more[] = {0, 0, 0, 1, 5, 6}; /* bytes in front of the address, by index */
    *c = (struct h5_chunks){.index = H5_INDEX_TREE, .rank = size > 4 ? d[d[0] == 3 ? 2 : 3] - 1 : -1};
    if (c->rank < 0 || c->rank > 32) return false;
    if (d[0] == 3) {
        c->at = size < 11 + 4 * ((size_t)c->rank + 1) ? 0 : h5_number(d + 3, 8);
        return c->at && axes(c, d + 11, 4);
    }
    int width = d[4];
    size_t at = 5 + (size_t)width * ((size_t)c->rank + 1);
    if (width < 1 || width > 8 || size < at + 9 || !axes(c, d + 5, width)) return false;
    c->index = d[at++];
    c->plain_edges = d[2] & 1;
    c->one_filtered = c->index == H5_INDEX_ONE && d[2] & 2;
    if (c->index < H5_INDEX_ONE || c->index > H5_INDEX_TREE_2) return false;
    size_t skip = c->one_filtered ? 12 : more[c->index];
    if (size < at + skip + 8) return false;
    if (c->one_filtered) {
        c->one_size = h5_number(d + at, 8);
        c->one_mask = (uint32_t)h5_number(d + at + 8, 4);
    }
    c->at = h5_number(d + at + skip, 8);
    return true;
}

/* ---- the version 1 B-tree ---- */

struct walk {
    struct qc_h5 *file;
    const struct h5_chunks *chunks;
    const struct h5_space *space;
    bool (*visit)(void *user, const struct h5_chunk *chunk);
    void *user;
    uint64_t left; /* chunks that the array has room for */
};

static bool hand_on(struct walk *w, struct h5_chunk *chunk, uint64_t address)
{
    if (!w->left--) return false;
    chunk->stored = h5_at(w->file, address, chunk->size);
    return chunk->stored && w->visit(w->user, chunk);
}

static bool walk_tree(struct walk *w, uint64_t address, int level)
{
    const struct h5_chunks *c = w->chunks;
    size_t entry = 8 + 8 * ((size_t)c->rank + 1) + 8; /* key and child */
    const uint8_t *node = h5_at(w->file, address, 24);
    uint64_t count = node ? h5_number(node + 6, 2) : 0;
    if (!node || memcmp(node, "TREE", 4) || node[4] != 1 || node[5] >= level) return false;
    if (!h5_at(w->file, address, 24 + entry * count) || (w->file->steps += count + 1) > H5_MOST_STEPS) return false;
    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *key = node + 24 + entry * i;
        struct h5_chunk chunk = {.size = h5_number(key, 4), .mask = (uint32_t)h5_number(key + 4, 4)};
        uint64_t child = h5_number(key + entry - 8, 8);
        if (node[5]) {
            if (!walk_tree(w, child, node[5])) return false;
            continue;
        }
        for (int k = 0; k < c->rank; k++) {
            chunk.offset[k] = h5_number(key + 8 + 8 * k, 8);
            if (chunk.offset[k] % c->chunk[k] || chunk.offset[k] > INT64_MAX) return false;
        }
        if (!hand_on(w, &chunk, child)) return false;
    }
    return true;
}

/* ---- the version 2 B-tree ---- */

/* address, size and mask if filters are there, position in chunks */
static bool see_record(void *user, const uint8_t *record, size_t size, int kind)
{
    enum { FILTERED = 11 };
    struct walk *w = user;
    const struct h5_chunks *c = w->chunks;
    size_t positions = 8 * (size_t)c->rank, head = size - positions;
    struct h5_chunk chunk = {.size = c->bytes};
    if (size < positions + 8 || (kind == FILTERED && (head < 13 || head > 20))) return false;
    if (kind == FILTERED) {
        chunk.size = h5_number(record + 8, (int)head - 12);
        chunk.mask = (uint32_t)h5_number(record + head - 4, 4);
    }
    for (int k = 0; k < c->rank; k++)
        if (__builtin_mul_overflow(h5_number(record + head + 8 * (size_t)k, 8), c->chunk[k], &chunk.offset[k]) || chunk.offset[k] > INT64_MAX) return false;
    return hand_on(w, &chunk, h5_number(record, 8));
}

/* ---- arrays ---- */

/* Elements of an array: an address, and with filters a size and a mask. */
struct array {
    struct qc_h5 *file;
    bool filtered;
    size_t element; /* bytes */
    uint64_t block; /* fixed: the data block. extensible: the index block */
    int page_bits;
    uint64_t count; /* fixed */
    int most_bits, pointers; /* extensible: bits of the largest number; data blocks that the first super block has at least */
    uint64_t direct, least;  /* extensible: elements in the index block, and in the first data block */
};

static bool open_array(struct qc_h5 *file, const struct h5_chunks *c, struct array *a)
{
    bool fixed = c->index == H5_INDEX_FIXED_ARRAY;
    const uint8_t *d = h5_at(file, c->at, fixed ? 28 : 72);
    if (!d || memcmp(d, fixed ? "FAHD" : "EAHD", 4) || d[4] || d[5] > 1) return false;
    *a = (struct array){.file = file, .filtered = d[5], .element = d[6]};
    if (fixed) {
        a->page_bits = d[7];
        a->count = h5_number(d + 8, 8);
        a->block = h5_number(d + 16, 8);
    } else {
        a->most_bits = d[7], a->direct = d[8], a->least = d[9], a->pointers = d[10], a->page_bits = d[11];
        a->block = h5_number(d + 60, 8);
        if (a->most_bits > 62 || !a->least || a->least & (a->least - 1) || a->pointers < 2 || a->pointers & (a->pointers - 1)) return false;
    }
    return a->page_bits < 63 && (a->filtered ? a->element >= 13 && a->element <= 20 : a->element == 8);
}

/*
 * Element number `i` behind the head of a data block, which is in pages if there are `marks`: bits, the highest first and from number `mark` on, of
 * the pages that were written. *missing: this one was not.
 */
static const uint8_t *element_at(const struct array *a, uint64_t head, const uint8_t *marks, uint64_t mark, uint64_t i, bool *missing)
{
    uint64_t page = i >> a->page_bits, within = i & ((UINT64_C(1) << a->page_bits) - 1), at = a->element * i;
    if (marks) at = AROUND + page * ((a->element << a->page_bits) + AROUND) + a->element * within; /* the head's checksum is in front of the pages */
    mark += page;
    if (marks && (*missing = !(marks[mark / 8] >> (7 - mark % 8) & 1))) return NULL;
    return h5_at(a->file, head + at, a->element);
}

/* Bytes of the marks of a block of `count` elements; 0: it is not in pages. */
static uint64_t mark_bytes(const struct array *a, uint64_t count)
{
    uint64_t page = UINT64_C(1) << a->page_bits;
    return count > page ? (count / page + (count % page != 0) + 7) / 8 : 0;
}

static const uint8_t *fixed_element(const struct array *a, uint64_t i, bool *missing)
{
    uint64_t marks = mark_bytes(a, a->count);
    const uint8_t *block = h5_at(a->file, a->block, 14 + marks);
    if (!block || memcmp(block, "FADB", 4) || i >= a->count || a->count > a->file->size) return NULL;
    return element_at(a, a->block + 14 + marks, marks ? block + 14 : NULL, 0, i, missing);
}

static int log2_of(uint64_t n)
{
    return 63 - __builtin_clzll(n);
}

/*
 * Super block s has 2^(s / 2) data blocks of 2^((s + 1) / 2) * least elements. The index block holds the first `direct` elements, the addresses of
 * the data blocks of the first 2 log2(pointers) super blocks, and those of the other super blocks. *missing: nothing was written there.
 */
static const uint8_t *extensible_element(const struct array *a, uint64_t i, bool *missing)
{
    int offset_bytes = (a->most_bits + 7) / 8, inner = 2 * log2_of((uint64_t)a->pointers);
    const uint8_t *block = h5_at(a->file, a->block, 14 + a->element * a->direct);
    if (!block || memcmp(block, "EAIB", 4)) return NULL;
    if (i < a->direct) return block + 14 + a->element * i;
    i -= a->direct;
    int super = i > a->file->size ? a->most_bits : log2_of(i / a->least + 1); /* an array has no more elements than the file bytes */
    if (super >= a->most_bits) return NULL;
    uint64_t blocks = UINT64_C(1) << super / 2, each = a->least << (super + 1) / 2, before = 0;
    i -= a->least * ((UINT64_C(1) << super) - 1);
    uint64_t addresses = a->block + 14 + a->element * a->direct, number = i / each;
    for (int s = 0; s < QC_MIN(super, inner); s++) before += UINT64_C(1) << s / 2;
    const uint8_t *address = h5_at(a->file, addresses + 8 * (super < inner ? before + number : before + (uint64_t)(super - inner)), 8);
    if (!address) return NULL;
    uint64_t at = h5_number(address, 8);
    const uint8_t *marks = NULL;
    if (super >= inner && at != H5_NOWHERE) {
        uint64_t head = 14 + (uint64_t)offset_bytes, of_one = mark_bytes(a, each);
        const uint8_t *list = h5_at(a->file, at, head + blocks * (of_one + 8));
        if (!list || memcmp(list, "EASB", 4)) return NULL;
        if (of_one) marks = list + head;
        at = h5_number(list + head + blocks * of_one + 8 * number, 8);
    }
    if ((*missing = at == H5_NOWHERE)) return NULL;
    const uint8_t *data = h5_at(a->file, at, 14);
    if (!data || memcmp(data, "EADB", 4)) return NULL;
    return element_at(a, at + 14 + (uint64_t)offset_bytes, marks, number * (each >> a->page_bits), i % each, missing);
}

/* ---- every chunk of the current shape ---- */

/* Rows of chunks within the largest shape, for each axis the step of the chunk's number; an axis without end counts as the outermost. */
static bool steps_of(const struct h5_chunks *c, const struct h5_space *space, uint64_t *step)
{
    uint64_t product = 1;
    int endless = -1;
    for (int i = 0; i < c->rank; i++)
        if (space->most[i] == H5_NOWHERE) {
            if (endless >= 0) return false;
            endless = i;
        }
    if ((endless >= 0) != (c->index == H5_INDEX_EXTENSIBLE_ARRAY)) return false;
    for (int i = c->rank; i-- > 0;) {
        if (i == endless) continue;
        step[i] = product;
        uint64_t count = space->most[i] / c->chunk[i] + (space->most[i] % c->chunk[i] != 0);
        if (__builtin_mul_overflow(product, QC_MAX(count, 1), &product)) return false;
    }
    if (endless >= 0) step[endless] = product;
    return true;
}

/* The chunk with that number. *missing: it was never written. */
static bool look_up(const struct h5_chunks *c, const struct array *a, uint64_t number, struct h5_chunk *chunk, uint64_t *address, bool *missing)
{
    *missing = false;
    if (c->index == H5_INDEX_ROW) return !__builtin_mul_overflow(number, c->bytes, address) && !__builtin_add_overflow(*address, c->at, address);
    const uint8_t *element = c->index == H5_INDEX_FIXED_ARRAY ? fixed_element(a, number, missing) : extensible_element(a, number, missing);
    if (!element) return *missing;
    *address = h5_number(element, 8);
    *missing = *address == H5_NOWHERE;
    if (a->filtered) {
        chunk->size = h5_number(element + 8, (int)a->element - 12);
        chunk->mask = (uint32_t)h5_number(element + a->element - 4, 4);
    }
    return true;
}

static bool each_number(struct walk *w)
{
    const struct h5_chunks *c = w->chunks;
    struct array array = {0};
    uint64_t step[32], position[32] = {0};
    if (c->index != H5_INDEX_ROW && !open_array(w->file, c, &array)) return false;
    if (!steps_of(c, w->space, step)) return false;
    if (c->index != H5_INDEX_ROW && array.block == H5_NOWHERE) return true; /* nothing written */
    for (;;) {
        struct h5_chunk chunk = {.size = c->bytes};
        uint64_t number = 0, address, part;
        bool missing, partial = false;
        if (w->file->steps++ > H5_MOST_STEPS) return false;
        for (int i = 0; i < c->rank; i++) {
            chunk.offset[i] = position[i] * c->chunk[i];
            partial |= w->space->dims[i] - chunk.offset[i] < c->chunk[i];
            if (__builtin_mul_overflow(position[i], step[i], &part) || __builtin_add_overflow(number, part, &number)) return false;
        }
        if (!look_up(c, &array, number, &chunk, &address, &missing)) return false;
        if (c->plain_edges && partial) chunk.mask = UINT32_MAX;
        if (!missing && !hand_on(w, &chunk, address)) return false;
        int axis = c->rank - 1;
        while (axis >= 0 && (position[axis] + 1) * c->chunk[axis] >= w->space->dims[axis]) position[axis--] = 0;
        if (axis < 0) return true;
        position[axis]++;
    }
}

bool qc_h5_each_chunk(struct qc_h5 *file, const struct h5_chunks *chunks, const struct h5_space *space, bool (*visit)(void *user, const struct h5_chunk *chunk),
                      void *user)
{
    struct walk w = {file, chunks, space, visit, user, 1};
    struct h5_chunk one = {.size = chunks->one_filtered ? chunks->one_size : chunks->bytes, .mask = chunks->one_mask};
    for (int i = 0; i < chunks->rank; i++)
        if (__builtin_mul_overflow(w.left, space->dims[i] / chunks->chunk[i] + (space->dims[i] % chunks->chunk[i] != 0), &w.left)) return false;
    if (chunks->at == H5_NOWHERE || !w.left) return true;
    switch (chunks->index) {
    case H5_INDEX_TREE: return walk_tree(&w, chunks->at, 256);
    case H5_INDEX_ONE: return hand_on(&w, &one, chunks->at);
    case H5_INDEX_TREE_2: return qc_h5_each_record(file, chunks->at, 10, 11, see_record, &w);
    default: return each_number(&w);
    }
}
