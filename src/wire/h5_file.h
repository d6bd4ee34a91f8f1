/*
 * h5_file.h - what h5.c and h5_data.c share: checked reading of an HDF5 file's structures. Layouts are those of the "HDF5 File Format
 * Specification", version 3.0.
 */
#ifndef QC_WIRE_H5_FILE_H
#define QC_WIRE_H5_FILE_H

#include "wire/h5.h"

#define H5_NOWHERE UINT64_MAX /* the undefined address */

struct qc_h5 {
    struct qc_env *env;
    const uint8_t *bytes; /* from the superblock on: addresses count from here */
    size_t size;
    uint64_t root;        /* address of the root group's object header */
    uint64_t steps;       /* taken so far: a file that makes this many go round is damaged on purpose */
};

enum { H5_MOST_STEPS = 100000000 };

/* Object header messages. */
enum { H5_DATASPACE = 1, H5_LINK_INFO = 2, H5_DATATYPE = 3, H5_LINK = 6, H5_EXTERNAL_FILES = 7, H5_LAYOUT = 8, H5_FILTERS = 11, H5_ATTRIBUTE = 12,
       H5_CONTINUATION = 16, H5_SYMBOL_TABLE = 17, H5_ATTRIBUTE_INFO = 21 };

struct h5_message {
    int type, flags;
    const uint8_t *data;
    size_t size;
};

/* Walks the messages of an object header: `while (qc_h5_next_message(...))`. Stops at the first damage, with the error recorded. */
struct h5_messages {
    struct qc_h5 *file;
    uint32_t left; /* messages still to come, of version 1; version 2 does not say */
    uint64_t at, end;
    int head;      /* bytes in front of a message */
    bool second;   /* version 2 */
    struct {
        uint64_t at, end;
    } waiting[64]; /* continuation blocks */
    int waiting_count;
};
bool qc_h5_open_messages(struct qc_h5 *file, uint64_t object, struct h5_messages *messages);
bool qc_h5_next_message(struct h5_messages *messages, struct h5_message *message);
/* The first message of a type; false if there is none. */
bool qc_h5_find_message(struct qc_h5 *file, uint64_t object, int type, struct h5_message *message);

/* h5_dense.c: every hard link of a group of the newer kind, until `visit` returns false. false: damaged, with the error recorded. */
bool qc_h5_each_link(struct qc_h5 *file, uint64_t object, bool (*visit)(void *user, const char *name, size_t length, uint64_t object), void *user);
/* Every link or attribute message in a fractal heap, as a version 2 B-tree of names lists them. */
bool qc_h5_each_dense(struct qc_h5 *file, uint64_t heap, uint64_t tree, bool (*visit)(void *user, const uint8_t *object, size_t size), void *user);

/* Every record of a version 2 B-tree of kind `first` or `second`, until `visit` returns false. false: `visit` did, or damaged. */
bool qc_h5_each_record(struct qc_h5 *file, uint64_t tree, int first, int second, bool (*visit)(void *user, const uint8_t *record, size_t size, int kind),
                       void *user);

/* The object at an absolute path over hard links; H5_NOWHERE if there is none. */
uint64_t qc_h5_resolve(struct qc_h5 *file, const char *path);

enum { H5_FIXED = 0, H5_FLOAT = 1, H5_STRING = 3, H5_OPAQUE = 5, H5_VARIABLE = 9 };

struct h5_type {
    int class;
    uint32_t size;
    bool big_endian, is_signed;
    bool variable_text;       /* class 9 of text */
    int exponent, mantissa;   /* bits, of floats */
};
bool qc_h5_read_type(const uint8_t *data, size_t size, struct h5_type *type);

struct h5_space {
    bool null;
    int rank; /* at most 32 */
    uint64_t dims[32], most[32]; /* most: what each may grow to, H5_NOWHERE: without end */
    uint64_t elements; /* saturates at UINT64_MAX */
};
bool qc_h5_read_space(const uint8_t *data, size_t size, struct h5_space *space);

/* `count` bytes at an address, or NULL if they are not all in the file. */
static inline const uint8_t *h5_at(const struct qc_h5 *file, uint64_t address, uint64_t count)
{
    return address <= file->size && count <= file->size - address ? file->bytes + address : NULL;
}

static inline uint64_t h5_number(const uint8_t *bytes, int count) /* little-endian */
{
    uint64_t value = 0;
    for (int i = count; i-- > 0;) value = value << 8 | bytes[i];
    return value;
}

/* A text attribute of an object: *names is NULL if there is none, else `count` texts. */
qc_status qc_h5_read_texts(struct qc_h5 *file, struct qc_arena *arena, uint64_t object, const char *path, const char *name, const char ***names,
                        size_t *count);

#endif
