/* pad.c - see pad.h. */
#include "op/shared/pad.h"

enum { PARALLEL_BYTES = 1 << 18 };

struct job {
    const struct qc_pad *pad;
    size_t width;      /* bytes of one run: the dimensions without padding, merged */
    int rank;          /* axes left */
    size_t in_bytes[QC_MAX_RANK + 1], out_bytes[QC_MAX_RANK + 1]; /* of what lies inside axis d */
    const void *value;
    size_t value_width;
    char *to;
    const char *from;
};

void qc_fill(void *to, size_t bytes, const void *pattern, size_t width)
{
    const unsigned char *p = pattern;
    bool same = true;
    for (size_t i = 1; i < width; i++) same &= p[i] == p[0];
    if (same || bytes == 0) {
        if (bytes) memset(to, p[0], bytes);
        return;
    }
    memcpy(to, pattern, width);
    for (size_t done = width; done < bytes;) {
        size_t more = QC_MIN(done, bytes - done);
        memcpy((char *)to + done, to, more);
        done += more;
    }
}

static void pad_from(const struct job *job, int d, char *to, const char *from, size_t begin, size_t end)
{
    if (d == job->rank) {
        memcpy(to, from, job->width);
        return;
    }
    const struct qc_pad_axis *axis = &job->pad->axis[d];
    size_t out_bytes = job->out_bytes[d], in_bytes = job->in_bytes[d];
    int64_t i = (int64_t)begin - axis->low, at = (int64_t)begin;
    i = i <= 0 ? 0 : (i + axis->step - 1) / axis->step; /* first input element at or behind begin */
    for (; i < (int64_t)axis->in; i++) {
        int64_t place = axis->low + i * axis->step;
        if (place >= (int64_t)end) break;
        if (place < at) continue;
        qc_fill(to + (size_t)at * out_bytes, (size_t)(place - at) * out_bytes, job->value, job->value_width);
        if (axis->step == 1 && d == job->rank - 1) { /* a run of neighbours at once */
            int64_t n = QC_MIN((int64_t)axis->in - i, (int64_t)end - place);
            memcpy(to + (size_t)place * out_bytes, from + (size_t)i * in_bytes, (size_t)n * in_bytes);
            at = place + n;
            break;
        }
        pad_from(job, d + 1, to + (size_t)place * out_bytes, from + (size_t)i * in_bytes, 0, d + 1 < job->rank ? job->pad->axis[d + 1].out : 0);
        at = place + 1;
    }
    qc_fill(to + (size_t)at * out_bytes, (size_t)((int64_t)end - at) * out_bytes, job->value, job->value_width);
}

static void pad_piece(void *context, size_t begin, size_t end, int thread)
{
    (void)thread;
    const struct job *job = context;
    pad_from(job, 0, job->to, job->from, begin, end);
}

static bool untouched(const struct qc_pad_axis *axis)
{
    return axis->low == 0 && axis->in == axis->out && (axis->step == 1 || axis->in <= 1);
}

void qc_pad_run(const struct qc_pad *pad, size_t width, void *to, const void *from, const void *value, struct qc_pool *pool)
{
    struct job job = {.pad = pad, .width = width, .rank = pad->rank, .value = value, .value_width = width, .to = to, .from = from};
    size_t total = width;
    for (int d = 0; d < pad->rank; d++) total *= pad->axis[d].out;
    if (total == 0) return;
    while (job.rank > 0 && untouched(&pad->axis[job.rank - 1])) job.width *= pad->axis[--job.rank].in;
    if (job.rank == 0) {
        memcpy(to, from, job.width);
        return;
    }
    size_t in = job.width, out = job.width;
    for (int d = job.rank - 1; d >= 0; d--) {
        job.in_bytes[d] = in;
        job.out_bytes[d] = out;
        in *= pad->axis[d].in;
        out *= pad->axis[d].out;
    }
    size_t outer = pad->axis[0].out;
    if (total < PARALLEL_BYTES || outer < 2) pad_piece(&job, 0, outer, 0);
    else qc_pool_for(pool, outer, QC_MAX(1, outer * (PARALLEL_BYTES / 2) / total), pad_piece, &job);
}
