/*
 * h5_chunks.h - where the chunks of an HDF5 data set lie: the version 1 B-tree of the format's earliest form, and the five indices of
 * libver="latest" (one chunk, chunks in a row, fixed array, extensible array, version 2 B-tree).
 */
#ifndef QC_WIRE_H5_CHUNKS_H
#define QC_WIRE_H5_CHUNKS_H

#include "wire/h5_file.h"

enum h5_index { H5_INDEX_TREE = 0, H5_INDEX_ONE = 1, H5_INDEX_ROW, H5_INDEX_FIXED_ARRAY, H5_INDEX_EXTENSIBLE_ARRAY, H5_INDEX_TREE_2 };

struct h5_chunks {
    enum h5_index index;
    uint64_t at;           /* address of the index, or of the first chunk; H5_NOWHERE: no chunk was ever written */
    int rank;
    uint64_t chunk[32];    /* elements per axis */
    uint64_t element, bytes; /* of an element, as the layout says, and of a chunk before the filters */
    bool plain_edges;      /* chunks that reach beyond the array pass no filters */
    bool one_filtered;     /* of H5_INDEX_ONE: size and mask follow */
    uint64_t one_size;
    uint32_t one_mask;
};

/* Layout messages of versions 3 and 4, from their class on; false: damaged, or of a kind that does not exist. */
bool qc_h5_read_chunks(const uint8_t *data, size_t size, struct h5_chunks *chunks);

struct h5_chunk {
    uint64_t offset[32]; /* of its first element */
    const uint8_t *stored;
    uint64_t size;       /* stored bytes */
    uint32_t mask;       /* filters that it did not pass */
};

/* Hands every written chunk to `visit`; false: damaged, or `visit` said so. */
bool qc_h5_each_chunk(struct qc_h5 *file, const struct h5_chunks *chunks, const struct h5_space *space, bool (*visit)(void *user, const struct h5_chunk *chunk),
                      void *user);

#endif
