/*
 * h5.c - HDF5: superblock, object headers, groups and attributes. See h5.h; h5_data.c has the data sets.
 */
#include "wire/h5_file.h"

#include <stdio.h>
#include <stdlib.h>
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
    bool newer = version >= 2; /* then: base, extension, end, root; before: base, free space, end, driver information, root symbol table entry */
    size_t addresses = newer ? 12 : version == 1 ? 28 : 24, root = addresses + (newer ? 24 : 40);
    if (version < 0 || version > 3 || left < root + 8 || start[newer ? 9 : 13] != 8 || start[newer ? 10 : 14] != 8) {
        qc_fail(env, QC_FORMAT, "the HDF5 file is damaged: its superblock cannot be read");
        return NULL;
    }
    uint64_t end = h5_number(start + addresses + 16, 8);
    if (end > left) {
        qc_fail(env, QC_FORMAT, "the HDF5 file is truncated: it should have %llu bytes and has %zu", (unsigned long long)end, left);
        return NULL;
    }
    struct qc_h5 *file = qc_env_alloc(env, sizeof *file);
    if (file) *file = (struct qc_h5){env, start, left, h5_number(start + root, 8), 0};
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

/* Version 2: OHDR, version, flags, times and limits if there are any, bytes of the messages, messages. */
static bool open_second(struct h5_messages *m, uint64_t object, const uint8_t *header)
{
    int flags = header[5], width = 1 << (flags & 3);
    uint64_t at = object + 6 + (flags & 32 ? 16 : 0) + (flags & 16 ? 4 : 0);
    const uint8_t *size = h5_at(m->file, at, (uint64_t)width);
    m->second = true;
    m->left = UINT32_MAX;
    m->head = flags & 4 ? 6 : 4;
    m->at = at + (uint64_t)width;
    if (header[4] != 2 || !size || !h5_at(m->file, m->at, h5_number(size, width))) return damaged(m->file, "an object header");
    m->end = m->at + h5_number(size, width);
    return true;
}

bool qc_h5_open_messages(struct qc_h5 *file, uint64_t object, struct h5_messages *m)
{
    const uint8_t *header = h5_at(file, object, 16);
    memset(m, 0, sizeof *m);
    m->file = file;
    if (header && !memcmp(header, "OHDR", 4)) return open_second(m, object, header);
    if (!header || header[0] != 1) return damaged(file, "an object header");
    m->left = (uint32_t)h5_number(header + 2, 2);
    m->head = 8;
    m->at = object + 16;
    m->end = m->at + h5_number(header + 8, 4);
    return m->end <= file->size || damaged(file, "an object header");
}

bool qc_h5_next_message(struct h5_messages *m, struct h5_message *message)
{
    const uint8_t *head = NULL;
    while (m->left) {
        if (m->at + (uint64_t)m->head > m->end) { /* the next continuation block */
            if (!m->waiting_count) return false;
            m->at = m->waiting[0].at;
            m->end = m->waiting[0].end;
            if (m->second && (m->end - m->at < 8 || memcmp(m->file->bytes + m->at, "OCHK", 4))) return damaged(m->file, "the continuation of an object header");
            if (m->second) m->at += 4, m->end -= 4; /* signature, checksum */
            memmove(m->waiting, m->waiting + 1, (size_t)--m->waiting_count * sizeof *m->waiting);
            continue;
        }
        head = ++m->file->steps > H5_MOST_STEPS ? NULL : h5_at(m->file, m->at, (uint64_t)m->head);
        int type_bytes = m->second ? 1 : 2;
        message->type = head ? (int)h5_number(head, type_bytes) : 0;
        message->size = head ? (size_t)h5_number(head + type_bytes, 2) : 0;
        message->flags = head ? head[type_bytes + 2] : 0;
        message->data = head ? h5_at(m->file, m->at + (uint64_t)m->head, message->size) : NULL;
        if (!message->data || message->size > m->end - m->at - (uint64_t)m->head) return damaged(m->file, "a message of an object header");
        m->at += (uint64_t)m->head + message->size;
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

/* Which kind of group the object is: H5_SYMBOL_TABLE (with its message), H5_LINK_INFO of the newer form, or 0: none. */
static int group_kind(struct qc_h5 *file, uint64_t object, struct h5_message *message)
{
    struct h5_messages messages;
    if (!qc_h5_open_messages(file, object, &messages)) return 0;
    while (qc_h5_next_message(&messages, message))
        if (message->type == H5_SYMBOL_TABLE || message->type == H5_LINK_INFO) return message->type;
    return 0;
}

/* ---- groups: a B-tree of symbol table nodes, names in a local heap ---- */

struct group {
    struct qc_h5 *file;
    uint64_t tree;
    const char *names; /* the heap's data */
    uint64_t names_size;
};

enum { TREE_HEADER = 24, SYMBOL_ENTRY = 40, LINK_ENTRY_SOFT = 2 };

static bool open_group(struct qc_h5 *file, const struct h5_message *message, struct group *group)
{
    *group = (struct group){.file = file};
    if (message->size < 16) return damaged(file, "a group");
    group->tree = h5_number(message->data, 8);
    const uint8_t *heap = h5_at(file, h5_number(message->data + 8, 8), 32);
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

struct wanted {
    const char *name;
    size_t length;
    uint64_t object;
};

static bool is_wanted(void *user, const char *name, size_t length, uint64_t object)
{
    struct wanted *wanted = user;
    if (length != wanted->length || memcmp(name, wanted->name, length)) return true;
    wanted->object = object;
    return false;
}

/* The object that a group of either kind has under a name. */
static uint64_t member(struct qc_h5 *file, uint64_t object, const char *name, size_t length)
{
    struct h5_message message;
    struct group group;
    struct wanted wanted = {name, length, H5_NOWHERE};
    int kind = group_kind(file, object, &message);
    if (kind == H5_SYMBOL_TABLE) return open_group(file, &message, &group) ? look_up(&group, name, length) : H5_NOWHERE;
    if (kind == H5_LINK_INFO) qc_h5_each_link(file, object, is_wanted, &wanted);
    return wanted.object;
}

uint64_t qc_h5_resolve(struct qc_h5 *file, const char *path)
{
    uint64_t object = file->root;
    while (!file->env->error.status && object != H5_NOWHERE) {
        while (*path == '/') path++;
        size_t length = strcspn(path, "/");
        if (!length) return object;
        if (length > 1 || *path != '.') object = member(file, object, path, length);
        path += length;
    }
    return H5_NOWHERE;
}

bool qc_h5_has_group(struct qc_h5 *file, const char *path)
{
    struct h5_message message;
    uint64_t object = qc_h5_resolve(file, path);
    return object != H5_NOWHERE && group_kind(file, object, &message);
}

bool qc_h5_has_data(struct qc_h5 *file, const char *path)
{
    struct h5_message message;
    uint64_t object = qc_h5_resolve(file, path);
    return object != H5_NOWHERE && qc_h5_find_message(file, object, H5_LAYOUT, &message);
}

struct name_list {
    struct qc_h5 *file;
    struct qc_arena *arena;
    const char **names;
    size_t count, capacity;
};

static bool add_name(struct name_list *list, const char *name, size_t length)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 16;
        const char **names = qc_arena_array(list->arena, capacity, sizeof *names);
        if (!names) return false;
        if (list->count) memcpy(names, list->names, list->count * sizeof *names);
        list->names = names;
        list->capacity = capacity;
    }
    list->names[list->count] = qc_arena_printf(list->arena, "%.*s", (int)QC_MIN(length, INT32_MAX), name);
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
        if (group_kind(group->file, h5_number(entry + 8, 8), &message) && !add_name(list, name, strlen(name))) return false;
        if (group->file->env->error.status) return false;
    }
    return true;
}

static bool list_link(void *user, const char *name, size_t length, uint64_t object)
{
    struct name_list *list = user;
    struct h5_message message;
    if (group_kind(list->file, object, &message)) return add_name(list, name, length);
    return !list->file->env->error.status;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

qc_status qc_h5_groups(struct qc_h5 *file, struct qc_arena *arena, const char *path, const char ***names, size_t *count)
{
    struct name_list list = {.file = file, .arena = arena};
    struct group group;
    struct h5_message message;
    uint64_t object = qc_h5_resolve(file, path);
    int kind = object == H5_NOWHERE ? 0 : group_kind(file, object, &message);
    if (kind == H5_SYMBOL_TABLE && open_group(file, &message, &group)) list_node(&group, group.tree, 256, &list);
    if (kind == H5_LINK_INFO && qc_h5_each_link(file, object, list_link, &list) && list.count) qsort(list.names, list.count, sizeof *list.names, by_name);
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
    bool grows = data[2] & 1; /* the largest sizes follow */
    if (size < at + 8 * (size_t)space->rank * (grows ? 2 : 1)) return false;
    for (int i = 0; i < space->rank; i++) {
        space->dims[i] = h5_number(data + at + 8 * (size_t)i, 8);
        space->most[i] = grows ? h5_number(data + at + 8 * (size_t)(space->rank + i), 8) : space->dims[i];
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

static bool read_attribute(const uint8_t *d, size_t size, struct attribute *a)
{
    if (size < 8 || d[0] < 1 || d[0] > 3) return false;
    int version = d[0];
    if (version > 1 && d[1] & 3) return false; /* a shared type or space: h5py and Keras write none */
    size_t name = h5_number(d + 2, 2), type = h5_number(d + 4, 2), space = h5_number(d + 6, 2), at = version == 3 ? 9 : 8;
    size_t type_at = at + (version == 1 ? padded(name) : name), space_at = type_at + (version == 1 ? padded(type) : type);
    size_t data_at = space_at + (version == 1 ? padded(space) : space);
    if (data_at > size || !name || d[at + name - 1]) return false;
    a->name = (const char *)d + at;
    a->data = d + data_at;
    a->size = size - data_at;
    return qc_h5_read_type(d + type_at, type, &a->type) && qc_h5_read_space(d + space_at, space, &a->space);
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

struct wanted_attribute {
    const char *name;
    struct attribute found;
    bool is_found;
};

static bool see_attribute(void *user, const uint8_t *data, size_t size)
{
    struct wanted_attribute *wanted = user;
    wanted->is_found = read_attribute(data, size, &wanted->found) && !strcmp(wanted->found.name, wanted->name);
    return !wanted->is_found;
}

qc_status qc_h5_read_texts(struct qc_h5 *file, struct qc_arena *arena, uint64_t object, const char *path, const char *name, const char ***names,
                        size_t *count)
{
    struct h5_messages messages;
    struct h5_message message;
    struct wanted_attribute wanted = {.name = name};
    *names = NULL;
    *count = 0;
    if (!qc_h5_open_messages(file, object, &messages)) return file->env->error.status;
    while (!wanted.is_found && qc_h5_next_message(&messages, &message)) {
        if (message.type == H5_ATTRIBUTE) see_attribute(&wanted, message.data, message.size);
        if (message.type != H5_ATTRIBUTE_INFO || message.size < 2) continue;
        size_t at = 2 + (message.data[1] & 1 ? 2 : 0);
        uint64_t heap = message.size < at + 16 ? H5_NOWHERE : h5_number(message.data + at, 8);
        if (heap != H5_NOWHERE && !qc_h5_each_dense(file, heap, h5_number(message.data + at + 8, 8), see_attribute, &wanted)) break;
    }
    return wanted.is_found && !file->env->error.status ? attribute_texts(file, arena, &wanted.found, path, names, count) : file->env->error.status;
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
