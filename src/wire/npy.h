/*
 * npy.h - numpy's array files: .npy, and .npz (a zip archive of them).
 *
 * Opening checks the directory and every header and reads no values. Values come either whole (qc_npy_read) or in order, some
 * elements at a time (qc_npy_stream), so that calibration data need not fit in memory. The format is numpy's NEP 1.
 */
#ifndef QC_WIRE_NPY_H
#define QC_WIRE_NPY_H

#include "base/file.h"
#include "wire/archive.h"

struct qc_npy {
    const char *name; /* key of the .npz; "" for a .npy */
    qc_dtype type;    /* QC_STRING for S and U */
    bool text;        /* U: 4-byte code points; else bytes */
    size_t item;      /* bytes of an element in the file */
    bool swapped;     /* the other byte order */
    bool fortran;     /* first index fastest; false where it makes no difference */
    int rank;
    int64_t dims[QC_MAX_RANK];
    size_t count;  /* elements */
    size_t header; /* bytes before the values */
    struct qc_member member; /* the whole .npy, header included; of a .npy file, as if stored */
};

struct qc_npz {
    struct qc_arena arena;
    struct qc_file file;
    struct qc_npy *array;
    size_t count;
};

/* Opens either kind, told by content. On failure nothing needs closing; the sentence begins with the path. */
qc_status qc_npz_open(struct qc_env *env, const char *path, struct qc_npz *npz) QC_MUST_USE;
void qc_npz_close(struct qc_npz *npz);

/* Values of a numeric array, row-major and in this machine's byte order: a view into the file where it can be, else arena memory
 * (any alignment of at least the element type). NULL with an error. */
const void *qc_npy_read(struct qc_arena *arena, const struct qc_npy *array) QC_MUST_USE;

/* Strings: fills strings[count] and lengths[count] in the arena; text becomes UTF-8. */
qc_status qc_npy_strings(struct qc_arena *arena, const struct qc_npy *array, const char *const **strings, const size_t **lengths) QC_MUST_USE;

/* Numeric values in row-major order, piece by piece. Memory: none of the array's size, except for a deflated array in Fortran order. */
struct qc_npy_stream;
struct qc_npy_stream *qc_npy_stream_open(struct qc_env *env, const struct qc_npy *array) QC_MUST_USE;
qc_status qc_npy_stream_read(struct qc_npy_stream *stream, void *out, size_t elements) QC_MUST_USE;
void qc_npy_stream_close(struct qc_npy_stream *stream);

/* ---- headers ---- */

enum { QC_NPY_PREAMBLE = 12 };
/* How many bytes the header takes that begins with these; 0 if they are fewer than the preamble or no .npy. */
size_t qc_npy_header_size(const void *bytes, size_t size);

/* Parses the header at the start of `bytes`, of which `size` are there; array->header says how many belong to it. */
qc_status qc_npy_parse(struct qc_env *env, const void *bytes, size_t size, struct qc_npy *array) QC_MUST_USE;
/* A header for these values, a multiple of 64 bytes; descr as numpy spells it ("<f4"). NULL with an error. */
char *qc_npy_header(struct qc_arena *arena, const char *descr, int rank, const int64_t *dims, size_t *size) QC_MUST_USE;

#endif
