/*
 * histogram.h - counts of values in equal bins over a symmetric span that doubles when a value falls outside. Spans are powers of two, so
 * that bins of different spans fit into each other, and a histogram does not depend on the order in which values come.
 */
#ifndef QC_QUANT_SHARED_HISTOGRAM_H
#define QC_QUANT_SHARED_HISTOGRAM_H

#include "quant/observer.h"

enum { QC_BINS = 2048 };

struct qc_histogram { /* bins cover [-span, span) */
    double span, total;
    float min, max;
    double count[QC_BINS];
};

bool qc_histogram_see(void *state, const float *value, size_t count);
void qc_histogram_join(void *state, const void *other);
/* Middle of a bin. */
double qc_histogram_value(const struct qc_histogram *histogram, int bin);
/*
 * The clipping range [f x min, f x max] with the least `cost`, f going from 1 down. cost(histogram, min, max, bits) is what a range costs.
 */
bool qc_histogram_search(const struct qc_histogram *histogram, int bits, float *min, float *max,
                         double (*cost)(const struct qc_histogram *histogram, double min, double max, int bits));

#endif
