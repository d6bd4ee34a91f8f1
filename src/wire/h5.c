/*
 * h5.c - HDF5: superblock, object headers, groups and attributes. See h5.h; h5_data.c has the data sets.
 */
#include "wire/h5_file.h"

#include <stdio.h>
#include <string.h>

/* ---- superblock ---- */

static const uint8_t *find_signature(const void *bytes, size_t size)
{
    for (size_t at = 0; at <= 1 << 20 && at + 8 <= size; at = at ? at * 2 : 512) /* a user block may stand in front */
        if (!memcmp((const char *)bytes + at, "\211HDF\r\n\032\n", 8)) return (const uint8_t *)bytes + at;
    return NULL;
}

bool qc_h5_probe(const void *bytes, size_t size)
{
    return find_signature(bytes, size) != NULL;
}

struct qc_h5 *qc_h5_open(struct qc_env *env, const void *bytes, size_t size)
{
    const uint8_t *start = find_signature(bytes, size);
    size_t left = start ? size - (size_t)(start - (const uint8_t *)bytes) : 0;
    int version = left > 24 ? start[8] : -1;
    if (version >= 2 && version <= 3) {
        qc_fail(env, QC_UNSUPPORTED, "the HDF5 file uses the newer format (libver=\"latest\"), which is not supported; save the model again with h5py's "
                "default settings");
        return NULL;
    }
    size_t addresses = version == 1 ? 28 : 24; /* base, free space, end, driver information, root symbol table entry */
    if (version < 0 || version > 1 || left < addresses + 32 + 40 || start[13] != 8 || start[14] != 8) {
        qc_fail(env, QC_FORMAT, "the HDF5 file is damaged: its superblock cannot be read");
        return NULL;
    }
    if (h5_number(start + addresses + 16, 8) > left) {
        qc_fail(env, QC_FORMAT, "the HDF5 file is truncated: it should have %llu bytes and has %zu", (unsigned long long)h5_number(start + addresses + 16, 8), left);
        return NULL;
    }
    struct qc_h5 *file = qc_env_alloc(env, sizeof *file);
    if (file) *file = (struct qc_h5){env, start, left, h5_number(start + addresses + 32 + 8, 8), 0};
    return file;
}

void qc_h5_close(struct qc_h5 *file)
{
    if (file) qc_env_free(file->env, file);
}

/* ---- object headers ---- */

static bool damaged(struct qc_h5 *file, const char *what)
{
    qc_fail(file->env, QC_FORMAT, "the HDF5 file is damaged or truncated: %s cannot be read", what);
    return false;
}

bool qc_h5_open_messages(struct qc_h5 *file, uint64_t object, struct h5_messages *m)
{
    const uint8_t *header = h5_at(file, object, 16);
    memset(m, 0, sizeof *m);
    m->file = file;
    if (header && !memcmp(header, "OHDR", 4)) {
        qc_fail(file->env, QC_UNSUPPORTED, "the HDF5 file uses the newer format of objects (libver=\"latest\" or track_order), which is not supported; "
                "save the model again with h5py's default settings");
        return false;
    }
    if (!header || header[0] != 1) return damaged(file, "an object header");
    m->left = (uint32_t)h5_number(header + 2, 2);
    m->at = object + 16;
    m->end = m->at + h5_number(header + 8, 4);
    return m->end <= file->size || damaged(file, "an object header");
}

bool qc_h5_next_message(struct h5_messages *m, struct h5_message *message)
{
    const uint8_t *head = NULL;
    while (m->left) {
        if (m->at + 8 > m->end) { /* the next continuation block */
            if (!m->waiting_count) return false;
            m->at = m->waiting[0].at;
            m->end = m->waiting[0].end;
            memmove(m->waiting, m->waiting + 1, (size_t)--m->waiting_count * sizeof *m->waiting);
            continue;
        }
        head = ++m->file->steps > H5_MOST_STEPS ? NULL : h5_at(m->file, m->at, 8);
        message->type = head ? (int)h5_number(head, 2) : 0;
        message->size = head ? (size_t)h5_number(head + 2, 2) : 0;
        message->flags = head ? head[4] : 0;
        message->data = head ? h5_at(m->file, m->at + 8, message->size) : NULL;
        if (!message->data || message->size > m->end - m->at - 8) return damaged(m->file, "a message of an object header");
        m->at += 8 + message->size;
        m->left--;
        if (message->type != H5_CONTINUATION) return true;
        uint64_t at = message->size >= 16 ? h5_number(message->data, 8) : H5_NOWHERE, length = message->size >= 16 ? h5_number(message->data + 8, 8) : 0;
        if (!h5_at(m->file, at, length) || m->waiting_count == (int)QC_COUNT(m->waiting)) return damaged(m->file, "the continuation of an object header");
        m->waiting[m->waiting_count].at = at;
        m->waiting[m->waiting_count++].end = at + length;
    }
    return false;
}

bool qc_h5_find_message(struct qc_h5 *file, uint64_t object, int type, struct h5_message *message)
{
    struct h5_messages messages;
    if (!qc_h5_open_messages(file, object, &messages)) return false;
    while (qc_h5_next_message(&messages, message))
        if (message->type == type) return true;
    return false;
}

/* ---- groups: a B-tree of symbol table nodes, names in a local heap ---- */

struct group {
    struct qc_h5 *file;
    uint64_t tree;
    const char *names; /* the heap's data */
    uint64_t names_size;
};

enum { TREE_HEADER = 24, SYMBOL_ENTRY = 40, LINK_ENTRY_SOFT = 2 };

static bool open_group(struct qc_h5 *file, uint64_t object, struct group *group)
{
    struct h5_message message;
    *group = (struct group){.file = file};
    if (!qc_h5_find_message(file, object, H5_SYMBOL_TABLE, &message) || message.size < 16) return false;
    group->tree = h5_number(message.data, 8);
    const uint8_t *heap = h5_at(file, h5_number(message.data + 8, 8), 32);
    if (!heap || memcmp(heap, "HEAP", 4)) return damaged(file, "the names of a group");
    group->names_size = h5_number(heap + 8, 8);
    group->names = (const char *)h5_at(file, h5_number(heap + 24, 8), group->names_size);
    return group->names || damaged(file, "the names of a group");
}

/* A name in the heap, ended within it. */
static const char *name_at(const struct group *group, uint64_t offset)
{
    if (offset >= group->names_size || !memchr(group->names + offset, 0, group->names_size - offset)) return NULL;
    return group->names + offset;
}

/* A node of the tree ("TREE", level > 0 or 0 above leaves) or a leaf ("SNOD"); its entry count. */
static const uint8_t *node_at(struct group *group, uint64_t address, const char *signature, uint64_t *count)
{
    struct qc_h5 *file = group->file;
    const uint8_t *node = h5_at(file, address, 8);
    bool tree = *signature == 'T';
    if (!node || memcmp(node, signature, 4)) return NULL;
    *count = h5_number(node + 6, 2);
    if ((file->steps += *count + 1) > H5_MOST_STEPS) return NULL;
    return h5_at(file, address, tree ? TREE_HEADER + 8 + 16 * *count : 8 + SYMBOL_ENTRY * *count);
}

/* Address of the object that a group has under a name; H5_NOWHERE if none, or if the link is not a hard one. */
static uint64_t look_up(struct group *group, const char *name, size_t length)
{
    uint64_t address = group->tree, count, i;
    const uint8_t *node = NULL;
    for (int level = 256; level > 0;) { /* names in child i are above key i and at most key i + 1 */
        node = node_at(group, address, "TREE", &count);
        if (!node || node[4] != 0 || node[5] >= level) return damaged(group->file, "a group"), H5_NOWHERE;
        level = node[5];
        for (i = 0; i < count; i++) {
            const char *key = name_at(group, h5_number(node + TREE_HEADER + 16 * (i + 1), 8));
            if (!key) return damaged(group->file, "a group"), H5_NOWHERE;
            int order = strncmp(name, key, length);
            if (order < 0 || order == 0) break; /* equal so far: key is the name or longer */
        }
        if (i == count) return H5_NOWHERE;
        address = h5_number(node + TREE_HEADER + 16 * i + 8, 8);
    }
    node = node_at(group, address, "SNOD", &count);
    if (!node) return damaged(group->file, "a group"), H5_NOWHERE;
    for (i = 0; i < count; i++) {
        const uint8_t *entry = node + 8 + SYMBOL_ENTRY * i;
        const char *key = name_at(group, h5_number(entry, 8));
        if (key && strlen(key) == length && !memcmp(key, name, length))
            return h5_number(entry + 16, 4) == LINK_ENTRY_SOFT ? H5_NOWHERE : h5_number(entry + 8, 8);
    }
    return H5_NOWHERE;
}

uint64_t qc_h5_resolve(struct qc_h5 *file, const char *path)
{
    uint64_t object = file->root;
    while (!file->env->error.status && object != H5_NOWHERE) {
        while (*path == '/') path++;
        size_t length = strcspn(path, "/");
        struct group group;
        if (!length) return object;
        if (length > 1 || *path != '.') object = open_group(file, object, &group) ? look_up(&group, path, length) : H5_NOWHERE;
        path += length;
    }
    return H5_NOWHERE;
}

bool qc_h5_has_group(struct qc_h5 *file, const char *path)
{
    struct h5_message message;
    uint64_t object = qc_h5_resolve(file, path);
    return object != H5_NOWHERE && qc_h5_find_message(file, object, H5_SYMBOL_TABLE, &message);
}

bool qc_h5_has_data(struct qc_h5 *file, const char *path)
{
    struct h5_message message;
    uint64_t object = qc_h5_resolve(file, path);
    return object != H5_NOWHERE && qc_h5_find_message(file, object, H5_LAYOUT, &message);
}

struct name_list {
    struct qc_arena *arena;
    const char **names;
    size_t count, capacity;
};

static bool add_name(struct name_list *list, const char *name)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 16;
        const char **names = qc_arena_array(list->arena, capacity, sizeof *names);
        if (!names) return false;
        if (list->count) memcpy(names, list->names, list->count * sizeof *names);
        list->names = names;
        list->capacity = capacity;
    }
    list->names[list->count] = qc_arena_string(list->arena, name);
    return list->names[list->count++] != NULL;
}

/* All groups below a node; recursion is bounded by the level, which falls. */
static bool list_node(struct group *group, uint64_t address, int level, struct name_list *list)
{
    uint64_t count;
    const uint8_t *node = node_at(group, address, level ? "TREE" : "SNOD", &count);
    if (!node || (level && (node[4] != 0 || node[5] >= level))) return damaged(group->file, "a group");
    for (uint64_t i = 0; level && i < count; i++)
        if (!list_node(group, h5_number(node + TREE_HEADER + 16 * i + 8, 8), node[5], list)) return false;
    for (uint64_t i = 0; !level && i < count; i++) {
        const uint8_t *entry = node + 8 + SYMBOL_ENTRY * i;
        const char *name = name_at(group, h5_number(entry, 8));
        struct h5_message message;
        if (!name) return damaged(group->file, "a group");
        if (h5_number(entry + 16, 4) == LINK_ENTRY_SOFT) continue;
        if (qc_h5_find_message(group->file, h5_number(entry + 8, 8), H5_SYMBOL_TABLE, &message) && !add_name(list, name)) return false;
        if (group->file->env->error.status) return false;
    }
    return true;
}

qc_status qc_h5_groups(struct qc_h5 *file, struct qc_arena *arena, const char *path, const char ***names, size_t *count)
{
    struct name_list list = {.arena = arena};
    struct group group;
    uint64_t object = qc_h5_resolve(file, path);
    if (object != H5_NOWHERE && open_group(file, object, &group)) list_node(&group, group.tree, 256, &list);
    *names = list.names;
    *count = list.count;
    return file->env->error.status;
}

/* ---- types and spaces ---- */

bool qc_h5_read_type(const uint8_t *data, size_t size, struct h5_type *type)
{
    if (size < 8) return false;
    *type = (struct h5_type){.class = data[0] & 15, .size = (uint32_t)h5_number(data + 4, 4), .big_endian = data[1] & 1, .is_signed = data[1] >> 3 & 1};
    type->variable_text = type->class == H5_VARIABLE && (data[1] & 15) == 1;
    if (type->class == H5_FLOAT) {
        if (size < 20) return false;
        type->exponent = data[13];
        type->mantissa = data[15];
    }
    return type->size > 0;
}

bool qc_h5_read_space(const uint8_t *data, size_t size, struct h5_space *space)
{
    if (size < 4 || (data[0] != 1 && data[0] != 2) || data[1] > QC_COUNT(space->dims)) return false;
    size_t at = data[0] == 1 ? 8 : 4;
    *space = (struct h5_space){.null = data[0] == 2 && data[3] == 2, .rank = data[1], .elements = 1};
    if (size < at + 8 * (size_t)space->rank) return false;
    for (int i = 0; i < space->rank; i++) {
        space->dims[i] = h5_number(data + at + 8 * (size_t)i, 8);
        if (__builtin_mul_overflow(space->elements, space->dims[i], &space->elements)) space->elements = UINT64_MAX;
    }
    for (int i = 0; i < space->rank; i++)
        if (!space->dims[i]) space->elements = 0;
    return true;
}

/* ---- attributes ---- */

struct attribute {
    const char *name;
    struct h5_type type;
    struct h5_space space;
    const uint8_t *data;
    size_t size;
};

static size_t padded(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

static bool read_attribute(const struct h5_message *m, struct attribute *a)
{
    if (m->size < 8 || m->data[0] < 1 || m->data[0] > 3) return false;
    int version = m->data[0];
    if (version > 1 && m->data[1] & 3) return false; /* a shared type or space: h5py and Keras write none */
    size_t name = h5_number(m->data + 2, 2), type = h5_number(m->data + 4, 2), space = h5_number(m->data + 6, 2), at = version == 3 ? 9 : 8;
    size_t type_at = at + (version == 1 ? padded(name) : name), space_at = type_at + (version == 1 ? padded(type) : type);
    size_t data_at = space_at + (version == 1 ? padded(space) : space);
    if (data_at > m->size || !name || m->data[at + name - 1]) return false;
    a->name = (const char *)m->data + at;
    a->data = m->data + data_at;
    a->size = m->size - data_at;
    return qc_h5_read_type(m->data + type_at, type, &a->type) && qc_h5_read_space(m->data + space_at, space, &a->space);
}

/* The object of a global heap that a variable-length element points to. */
static const uint8_t *heap_object(struct qc_h5 *file, uint64_t address, uint64_t index, uint64_t length)
{
    const uint8_t *heap = h5_at(file, address, 16);
    uint64_t size = heap && !memcmp(heap, "GCOL", 4) ? h5_number(heap + 8, 8) : 0, at = 16;
    if (!heap || !h5_at(file, address, size)) return NULL;
    while (at + 16 <= size) {
        uint64_t bytes = h5_number(heap + at + 8, 8);
        if (bytes > size - at - 16) return NULL;
        if (h5_number(heap + at, 2) == index) return index && length <= bytes ? heap + at + 16 : NULL;
        if (!h5_number(heap + at, 2)) return NULL; /* the free rest */
        at += 16 + ((bytes + 7) & ~(uint64_t)7);
    }
    return NULL;
}

static const char *copy_text(struct qc_arena *arena, const uint8_t *text, size_t size)
{
    char *copy = qc_arena_alloc(arena, size + 1);
    const uint8_t *end = size ? memchr(text, 0, size) : NULL;
    if (copy && size) memcpy(copy, text, end ? (size_t)(end - text) : size);
    return copy;
}

static qc_status attribute_texts(struct qc_h5 *file, struct qc_arena *arena, const struct attribute *a, const char *path, const char ***names,
                                 size_t *count)
{
    uint64_t n = a->space.null ? 0 : a->space.elements;
    size_t each = a->type.class == H5_STRING ? a->type.size : 16;
    if (n && a->type.class != H5_STRING && !a->type.variable_text)
        return qc_fail(file->env, QC_FORMAT, "attribute '%s' of '%s' is no text but of another type", a->name, path);
    if (n > a->size / each) return qc_fail(file->env, QC_FORMAT, "attribute '%s' of '%s' claims more elements than it holds", a->name, path);
    *names = qc_arena_array(arena, n + 1, sizeof **names); /* not NULL: the list is there */
    if (!*names) return QC_NOMEM;
    for (uint64_t i = 0; i < n; i++) {
        const uint8_t *text = a->data + i * each;
        uint64_t length = each;
        if (a->type.variable_text) {
            length = h5_number(text, 4);
            text = length ? heap_object(file, h5_number(text + 4, 8), h5_number(text + 12, 4), length) : text;
        }
        if (!text) return qc_fail(file->env, QC_FORMAT, "attribute '%s' of '%s' points outside of the file's texts", a->name, path);
        (*names)[i] = copy_text(arena, text, length);
        if (!(*names)[i]) return QC_NOMEM;
    }
    *count = n;
    return QC_OK;
}

qc_status qc_h5_read_texts(struct qc_h5 *file, struct qc_arena *arena, uint64_t object, const char *path, const char *name, const char ***names,
                        size_t *count)
{
    struct h5_messages messages;
    struct h5_message message;
    struct attribute attribute;
    *names = NULL;
    *count = 0;
    if (!qc_h5_open_messages(file, object, &messages)) return file->env->error.status;
    while (qc_h5_next_message(&messages, &message))
        if (message.type == H5_ATTRIBUTE && read_attribute(&message, &attribute) && !strcmp(attribute.name, name))
            return attribute_texts(file, arena, &attribute, path, names, count);
    return file->env->error.status;
}

qc_status qc_h5_text(struct qc_h5 *file, struct qc_arena *arena, const char *path, const char *attribute, const char **text)
{
    const char **names = NULL;
    size_t count = 0;
    *text = NULL;
    uint64_t object = qc_h5_resolve(file, path);
    if (object == H5_NOWHERE) return file->env->error.status;
    QC_TRY(qc_h5_read_texts(file, arena, object, path, attribute, &names, &count));
    if (names && count != 1) return qc_fail(file->env, QC_FORMAT, "attribute '%s' of '%s' holds %zu texts, not 1", attribute, path, count);
    if (names) *text = names[0];
    return QC_OK;
}

qc_status qc_h5_texts(struct qc_h5 *file, struct qc_arena *arena, const char *path, const char *attribute, const char ***names,
                      size_t *count)
{
    *names = NULL;
    *count = 0;
    uint64_t object = qc_h5_resolve(file, path);
    if (object == H5_NOWHERE) return file->env->error.status;
    QC_TRY(qc_h5_read_texts(file, arena, object, path, attribute, names, count));
    for (int chunk = 0; chunk || !*names; chunk++) {
        char name[64];
        const char **more, **all;
        size_t more_count;
        snprintf(name, sizeof name, "%s%d", attribute, chunk);
        QC_TRY(qc_h5_read_texts(file, arena, object, path, name, &more, &more_count));
        if (!more) break;
        all = qc_arena_array(arena, *count + more_count + 1, sizeof *all);
        if (!all) return QC_NOMEM;
        if (*count) memcpy(all, *names, *count * sizeof *all);
        if (more_count) memcpy(all + *count, more, more_count * sizeof *all);
        *names = all;
        *count += more_count;
    }
    return QC_OK;
}
