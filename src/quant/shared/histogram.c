/*
 * histogram.c - see histogram.h.
 */
#include "quant/shared/histogram.h"

#include <math.h>

/* Twice the span: two neighbouring bins become one, in the middle half. */
static void widen(struct qc_histogram *h)
{
    double merged[QC_BINS / 2];
    for (int i = 0; i < QC_BINS / 2; i++) merged[i] = h->count[2 * i] + h->count[2 * i + 1];
    for (int i = 0; i < QC_BINS; i++) {
        int at = i - QC_BINS / 4;
        h->count[i] = at >= 0 && at < QC_BINS / 2 ? merged[at] : 0;
    }
    h->span *= 2;
}

/* The span becomes at least this. */
static void reach(struct qc_histogram *h, double largest)
{
    if (h->span == 0) h->span = largest > 1e-6 ? exp2(floor(log2(largest)) + 1) : 0x1p-19;
    while (h->span <= largest) widen(h);
}

bool qc_histogram_see(void *state, const float *value, size_t count)
{
    struct qc_histogram *h = state;
    if (!count) return true;
    if (h->span == 0) h->min = h->max = value[0];
    qc_min_max(value, count, &h->min, &h->max);
    double largest = fmax(fabs((double)h->min), fabs((double)h->max));
    if (!isfinite(largest)) return false;
    reach(h, largest);
    double per_bin = QC_BINS / (2 * h->span);
    for (size_t i = 0; i < count; i++) h->count[(int)(((double)value[i] + h->span) * per_bin)]++;
    h->total += (double)count;
    return true;
}

void qc_histogram_join(void *state, const void *opaque)
{
    struct qc_histogram *h = state, other = *(const struct qc_histogram *)opaque;
    if (other.span == 0) return;
    h->min = h->span == 0 ? other.min : fminf(h->min, other.min);
    h->max = h->span == 0 ? other.max : fmaxf(h->max, other.max);
    if (h->span == 0) h->span = other.span;
    while (h->span < other.span) widen(h);
    while (other.span < h->span) widen(&other);
    for (int i = 0; i < QC_BINS; i++) h->count[i] += other.count[i];
    h->total += other.total;
}

double qc_histogram_value(const struct qc_histogram *h, int bin)
{
    return (bin + 0.5) * 2 * h->span / QC_BINS - h->span;
}

bool qc_histogram_search(const struct qc_histogram *h, int bits, float *min, float *max,
                         double (*cost)(const struct qc_histogram *h, double min, double max, int bits))
{
    enum { STEPS = 100 };
    double best = 0;
    *min = h->min;
    *max = h->max;
    for (int step = STEPS; h->total > 0 && step >= STEPS / 10; step--) {
        double factor = (double)step / STEPS, low = factor * (double)h->min, high = factor * (double)h->max, price = cost(h, low, high, bits);
        if (step < STEPS && price >= best) continue;
        best = price;
        *min = (float)low;
        *max = (float)high;
    }
    return h->total > 0;
}
