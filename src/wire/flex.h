/*
 * flex.h - reading FlexBuffers, the form in which custom operators keep their options. Nothing is copied; every step is checked against the
 * buffer, and what is absent or of another kind reads as 0.
 */
#ifndef QC_WIRE_FLEX_H
#define QC_WIRE_FLEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qc_flex { /* a value: where it stands and how */
    const uint8_t *bytes;
    size_t size, at;
    uint8_t slot;  /* bytes of the slot it stands in */
    uint8_t width; /* bytes of its elements, if it is a vector, map, or indirect */
    uint8_t type;
};

/* False if the bytes cannot be a FlexBuffer. */
bool qc_flex_root(const void *bytes, size_t size, struct qc_flex *root);
/* A value of a map by key; false if there is none. */
bool qc_flex_find(const struct qc_flex *map, const char *key, struct qc_flex *value);
/* Elements of a vector or map, and one of them. */
size_t qc_flex_count(const struct qc_flex *vector);
bool qc_flex_at(const struct qc_flex *vector, size_t i, struct qc_flex *value);

int64_t qc_flex_int(const struct qc_flex *value); /* numbers and bools; floats are cut */
double qc_flex_float(const struct qc_flex *value);

/* The same by key; `absent` where the map has no such key. */
int64_t qc_flex_int_of(const struct qc_flex *map, const char *key, int64_t absent);
double qc_flex_float_of(const struct qc_flex *map, const char *key, double absent);

#endif
