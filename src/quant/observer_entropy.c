/*
 * observer_entropy.c - the range whose quantized distribution is closest to the real one (Kullback-Leibler divergence), after TensorRT's
 * calibration: clipped values are counted at the ends, and each quantized level spreads over the bins that it stands for.
 */
#include "quant/shared/histogram.h"

#include <math.h>

static double cost(const struct qc_histogram *h, double min, double max, int bits)
{
    enum { MOST_LEVELS = 256 };
    double level[MOST_LEVELS] = {0}, used[MOST_LEVELS] = {0}, low = fmin(min, 0), high = fmax(max, 0), divergence = 0;
    int levels = bits > 8 ? MOST_LEVELS : 1 << bits, at[QC_BINS];
    if (high <= low) return INFINITY;
    for (int i = 0; i < QC_BINS; i++) {
        double place = (qc_histogram_value(h, i) - low) / (high - low) * levels;
        at[i] = place < 0 ? 0 : place >= levels ? levels - 1 : (int)place;
        bool inside = place >= 0 && place < levels;
        if (h->count[i] > 0 && inside) {
            level[at[i]] += h->count[i];
            used[at[i]]++;
        }
    }
    for (int i = 0; i < QC_BINS; i++) {
        if (h->count[i] <= 0) continue;
        double real = h->count[i] / h->total, place = (qc_histogram_value(h, i) - low) / (high - low) * levels;
        double stored = place >= 0 && place < levels && used[at[i]] > 0 ? level[at[i]] / used[at[i]] / h->total : 1e-9;
        divergence += real * log(real / fmax(stored, 1e-9));
    }
    return divergence;
}

static bool range(const void *state, int bits, float *min, float *max)
{
    return qc_histogram_search(state, bits, min, max, cost);
}

const struct qc_observer qc_observer_entropy = {"entropy", "least Kullback-Leibler divergence", sizeof(struct qc_histogram), qc_histogram_see, qc_histogram_join, range};
