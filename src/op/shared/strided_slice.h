/*
 * strided_slice.h - the arithmetic of STRIDED_SLICE: masks and index vectors to one (start, step, count) per axis.
 */
#ifndef QC_OP_SHARED_STRIDED_SLICE_H
#define QC_OP_SHARED_STRIDED_SLICE_H

#include <stdbool.h>
#include <stdint.h>

#define QC_SLICE_MOST 31 /* index entries a file may have, as in TFLite */

struct qc_slice_axis {
    int axis;            /* of the input; -1: a new axis of size 1 */
    int64_t start, step; /* element k of the output is start + k * step of the input */
    int64_t count;
    bool shrink;         /* the axis is dropped from the output */
};

struct qc_slice_spec {
    int rank;
    const int32_t *dims; /* of the input */
    int count;           /* entries of begin, end and step */
    const int64_t *begin, *end, *step; /* begin and end NULL: not known yet */
    int32_t begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask;
    bool offset; /* end counts from begin */
};

/*
 * Fills axis[0 .. *axes), at most rank + new axes. NULL if all is well, else what is wrong. *unknown is set if the shape depends on
 * begin or end and they are NULL.
 */
const char *qc_slice_resolve(const struct qc_slice_spec *spec, struct qc_slice_axis *axis, int *axes, bool *unknown);

#endif
