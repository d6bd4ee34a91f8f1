/*
 * h5.h - reading HDF5 files in memory, as h5py and Keras write them.
 *
 * A reader of our own for the format's "earliest" form, which HDF5 uses by default and all Keras files have: symbol-table groups, version 1
 * object headers, compact, contiguous or chunked data, deflate, shuffle and Fletcher filters; and for what libver="latest" and
 * track_order=True write in place of these. (libhdf5 crashes or hangs on damaged files; here every offset is checked as it is
 * followed, every loop is bounded by the file's size, and plain arrays are used where they lie.)
 *
 * Objects are named by absolute paths ("/model_weights/dense/kernel:0") and reached over hard links alone: soft and external
 * links and data in other files are refused.
 */
#ifndef QC_WIRE_H5_H
#define QC_WIRE_H5_H

#include "base/arena.h"

struct qc_h5;

bool qc_h5_probe(const void *bytes, size_t size);
/* The bytes must outlive the file and everything read from it. NULL with QC_FORMAT or QC_UNSUPPORTED recorded. */
struct qc_h5 *qc_h5_open(struct qc_env *env, const void *bytes, size_t size);
void qc_h5_close(struct qc_h5 *file);

bool qc_h5_has_group(struct qc_h5 *file, const char *path);
bool qc_h5_has_data(struct qc_h5 *file, const char *path);

/* Names of the groups in a group, in name order. */
qc_status qc_h5_groups(struct qc_h5 *file, struct qc_arena *arena, const char *path, const char ***names, size_t *count);

/* A text attribute of an object: NULL if there is none. */
qc_status qc_h5_text(struct qc_h5 *file, struct qc_arena *arena, const char *path, const char *attribute, const char **text);

/* A list of texts; an attribute too large for one is written by Keras as NAME0, NAME1, ... and read as one list here. `*names` is
 * NULL if there is none at all. */
qc_status qc_h5_texts(struct qc_h5 *file, struct qc_arena *arena, const char *path, const char *attribute, const char ***names,
                      size_t *count);

struct qc_h5_data {
    bool numeric; /* integer or real elements of at most 8 bytes, or bfloat16; else nothing below counts */
    int rank;     /* at most QC_MAX_RANK, else numeric is false */
    int64_t dims[QC_MAX_RANK];
    size_t elements;
};
/* Type and shape. QC_FORMAT if there is no data set of that path. */
qc_status qc_h5_describe(struct qc_h5 *file, const char *path, struct qc_h5_data *data);

/* All elements as float32: a view into the file where it holds them so, else converted into the arena. */
qc_status qc_h5_floats(struct qc_h5 *file, struct qc_arena *arena, const char *path, const float **values);

#endif
