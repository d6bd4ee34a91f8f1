/*
 * observer.h - what turns the values of a tensor, seen sample by sample, into a range. Memory does not depend on how many are seen.
 *
 * src/quant/observer_<stem>.c defines `const struct qc_observer qc_observer_<stem>`.
 */
#ifndef QC_QUANT_OBSERVER_H
#define QC_QUANT_OBSERVER_H

#include "base/env.h"

struct qc_observer {
    const char *name, *summary;
    size_t state_bytes; /* zeroed at first */
    bool (*see)(void *state, const float *value, size_t count); /* false: a value is NaN or infinite */
    /* Takes what another state has seen. The result does not depend on which state saw what: calibration runs in several threads. */
    void (*join)(void *state, const void *other);
    /* The range seen so far, for activations of `bits`; false if there is none. */
    bool (*range)(const void *state, int bits, float *min, float *max);
};

const struct qc_observer *const *qc_observer_list(void); /* NULL-terminated */
const struct qc_observer *qc_observer_find(const char *name);

/* Smallest and largest of [count] values, taken into *min and *max; a NaN makes both NaN. */
void qc_min_max(const float *value, size_t count, float *min, float *max);

#endif
