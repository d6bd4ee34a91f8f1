/*
 * observer_minmax.c - the smallest and the largest value ever seen: TensorFlow Lite's rule.
 */
#include "quant/observer.h"

#include <math.h>

/* Lanes of their own let the compiler use vector minimum and maximum, which plain C semantics of NaN forbid. */
void qc_min_max(const float *value, size_t count, float *min, float *max)
{
    enum { LANES = 16 };
    float low[LANES], high[LANES], sum[LANES];
    size_t i = 0;
    for (int k = 0; k < LANES; k++) {
        low[k] = *min;
        high[k] = *max;
        sum[k] = 0;
    }
    for (; i + LANES <= count; i += LANES)
        for (int k = 0; k < LANES; k++) {
            float v = value[i + (size_t)k];
            low[k] = v < low[k] ? v : low[k];
            high[k] = v > high[k] ? v : high[k];
            sum[k] += v * 0; /* NaN once a value is NaN or infinite */
        }
    for (; i < count; i++) {
        low[0] = value[i] < low[0] ? value[i] : low[0];
        high[0] = value[i] > high[0] ? value[i] : high[0];
        sum[0] += value[i] * 0;
    }
    for (int k = 0; k < LANES; k++) {
        *min = low[k] < *min ? low[k] : *min;
        *max = high[k] > *max ? high[k] : *max;
    }
    for (int k = 0; k < LANES; k++)
        if (sum[k] != 0) *min = *max = NAN;
}

struct state {
    bool seen;
    float min, max;
};

static bool see(void *opaque, const float *value, size_t count)
{
    struct state *state = opaque;
    if (!count) return true;
    if (!state->seen) state->min = state->max = value[0];
    state->seen = true;
    qc_min_max(value, count, &state->min, &state->max);
    return isfinite(state->min) && isfinite(state->max);
}

static void join(void *opaque, const void *opaque_other)
{
    struct state *state = opaque;
    const struct state *other = opaque_other;
    if (!other->seen) return;
    state->min = state->seen ? fminf(state->min, other->min) : other->min;
    state->max = state->seen ? fmaxf(state->max, other->max) : other->max;
    state->seen = true;
}

static bool range(const void *opaque, int bits, float *min, float *max)
{
    const struct state *state = opaque;
    (void)bits;
    *min = state->min;
    *max = state->max;
    return state->seen;
}

const struct qc_observer qc_observer_minmax = {"minmax", "smallest and largest value", sizeof(struct state), see, join, range};
