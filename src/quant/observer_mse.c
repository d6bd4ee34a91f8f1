/*
 * observer_mse.c - the range with the least mean squared error, clipping against rounding.
 */
#include "quant/shared/histogram.h"

#include <math.h>

/* Rounding costs step^2 / 12 for each value inside; a value outside costs its squared distance. */
static double cost(const struct qc_histogram *h, double min, double max, int bits)
{
    double low = fmin(min, 0), high = fmax(max, 0), step = (high - low) / ((1 << bits) - 1), sum = 0;
    for (int i = 0; i < QC_BINS; i++) {
        double value = qc_histogram_value(h, i), outside = value < low ? low - value : value > high ? value - high : 0;
        sum += h->count[i] * (outside * outside + step * step / 12);
    }
    return sum;
}

static bool range(const void *state, int bits, float *min, float *max)
{
    return qc_histogram_search(state, bits, min, max, cost);
}

const struct qc_observer qc_observer_mse = {"mse", "least mean squared error", sizeof(struct qc_histogram), qc_histogram_see, qc_histogram_join, range};
