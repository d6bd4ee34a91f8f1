/*
 * observer_percentile.c - the range that holds all but one value in ten thousand at each end.
 */
#include "quant/shared/histogram.h"

#include <math.h>

static bool range(const void *state, int bits, float *min, float *max)
{
    const struct qc_histogram *h = state;
    double cut = h->total * 1e-4, seen = 0, half_bin = h->span / QC_BINS;
    int low = 0, high = QC_BINS - 1;
    (void)bits;
    *min = h->min;
    *max = h->max;
    if (h->total <= 0) return false;
    for (; low < QC_BINS - 1 && (seen += h->count[low]) <= cut; low++) {}
    for (seen = 0; high > low && (seen += h->count[high]) <= cut; high--) {}
    *min = fmaxf(h->min, (float)(qc_histogram_value(h, low) - half_bin));
    *max = fminf(h->max, (float)(qc_histogram_value(h, high) + half_bin));
    return true;
}

const struct qc_observer qc_observer_percentile = {"percentile", "all but 1 value in 10,000 at each end", sizeof(struct qc_histogram), qc_histogram_see, qc_histogram_join, range};
