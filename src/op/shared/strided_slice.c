/* strided_slice.c - see strided_slice.h. */
#include "op/shared/strided_slice.h"

#include <stddef.h>

static int64_t clamp(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

/* Forward steps start in [0, size], backward ones in [-1, size - 1]. */
static int64_t resolve_index(int64_t index, int64_t size, int64_t step)
{
    if (index < 0) index += size;
    return step > 0 ? clamp(index, 0, size) : clamp(index, -1, size - 1);
}

static const char *resolve_axis(const struct qc_slice_spec *spec, int k, struct qc_slice_axis *out, bool *unknown)
{
    int64_t size = spec->dims[out->axis], step = spec->step[k];
    bool from_edge = spec->begin_mask >> k & 1, to_edge = spec->end_mask >> k & 1;
    if (step == 0) return "a stride is 0";
    if (step == INT32_MIN) return "a stride is -2^31";
    out->step = step;
    out->shrink = spec->shrink_axis_mask >> k & 1;
    if (out->shrink && size == 0) return "an index reaches into an axis of size 0";
    if (!spec->begin && (!from_edge || (!to_edge && !out->shrink))) {
        out->count = 1;
        *unknown |= !out->shrink;
        return NULL;
    }
    int64_t start = from_edge ? (step > 0 ? 0 : size - 1) : resolve_index(spec->begin[k], size, step);
    out->start = start;
    if (out->shrink) {
        out->count = 1;
        out->step = 1;
        if (start < 0 || start >= size) return "an index to be dropped from the shape lies outside its axis";
        return NULL;
    }
    int64_t stop;
    if (to_edge) stop = step > 0 ? size : -1;
    else stop = resolve_index(spec->offset ? spec->begin[k] + spec->end[k] : spec->end[k], size, step);
    int64_t span = stop - start;
    out->count = 0;
    if (span > 0 && step > 0) out->count = (span - 1) / step + 1;
    if (span < 0 && step < 0) out->count = (span + 1) / step + 1;
    return NULL;
}

const char *qc_slice_resolve(const struct qc_slice_spec *spec, struct qc_slice_axis *axis, int *axes, bool *unknown)
{
    int used = 0, next = 0;
    *axes = 0;
    *unknown = false;
    bool ellipsis = false;
    for (int k = 0; k < spec->count; k++) {
        if (spec->ellipsis_mask >> k & 1) {
            if (ellipsis) return "more than one ellipsis";
            ellipsis = true;
        } else if (!(spec->new_axis_mask >> k & 1)) {
            used++;
        }
    }
    if (used > spec->rank) return "more indices than the input has axes";
    int spread = spec->rank - used; /* axes an ellipsis, or the end, stands for */
    for (int k = 0; k < spec->count; k++) {
        if (spec->ellipsis_mask >> k & 1) {
            for (; spread > 0; spread--, next++)
                axis[(*axes)++] = (struct qc_slice_axis){.axis = next, .step = 1, .count = spec->dims[next]};
        } else if (spec->new_axis_mask >> k & 1) {
            axis[(*axes)++] = (struct qc_slice_axis){.axis = -1, .step = 1, .count = 1};
        } else {
            struct qc_slice_axis *out = &axis[(*axes)++];
            *out = (struct qc_slice_axis){.axis = next++};
            const char *wrong = resolve_axis(spec, k, out, unknown);
            if (wrong) return wrong;
        }
    }
    for (; spread > 0; spread--, next++) axis[(*axes)++] = (struct qc_slice_axis){.axis = next, .step = 1, .count = spec->dims[next]};
    return NULL;
}
