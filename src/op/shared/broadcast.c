/* broadcast.c - see broadcast.h. */
#include "op/shared/broadcast.h"
#include <stdio.h>

enum { PARALLEL_ELEMENTS = 1 << 12 };

static void describe(char *text, size_t size, const struct qc_value *value)
{
    size_t used = (size_t)snprintf(text, size, "[");
    for (int d = 0; d < value->rank && used < size; d++)
        used += (size_t)snprintf(text + used, size - used, d ? ", %d" : "%d", value->dims[d]);
    if (used < size) snprintf(text + used, size - used, "]");
}

qc_status qc_infer_broadcast(struct qc_step *step, int count, qc_dtype type)
{
    struct qc_value sum = *step->in[0];
    for (int k = 1; k < count; k++) {
        int rank;
        int32_t dims[QC_MAX_RANK];
        if (!qc_broadcast_shape(&sum, step->in[k], &rank, dims)) {
            char a[120], b[120];
            describe(a, sizeof a, &sum);
            describe(b, sizeof b, step->in[k]);
            return qc_step_fail(step, QC_FORMAT, "input %d of shape %s does not broadcast with %s", k, b, a);
        }
        sum.rank = (uint8_t)rank;
        memcpy(sum.dims, dims, sizeof *dims * (size_t)rank);
    }
    return qc_step_output(step, 0, type, sum.rank, sum.dims);
}

void qc_broadcast_plan(struct qc_broadcast *plan, int count, struct qc_value *const *in, const struct qc_value *out)
{
    *plan = (struct qc_broadcast){.count = count, .total = qc_value_elements(out)};
    size_t step[QC_ROW_INPUTS] = {1, 1, 1};
    size_t dims[QC_MAX_RANK], stride[QC_ROW_INPUTS][QC_MAX_RANK];
    int rank = 0; /* innermost first, reversed below */
    for (int d = 0; d < out->rank; d++) {
        size_t size = (size_t)out->dims[out->rank - 1 - d], now[QC_ROW_INPUTS];
        bool merge = rank > 0;
        for (int k = 0; k < count; k++) {
            size_t own = d < in[k]->rank ? (size_t)in[k]->dims[in[k]->rank - 1 - d] : 1;
            now[k] = own == 1 ? 0 : step[k];
            step[k] *= own;
            if (rank && now[k] != stride[k][rank - 1] * dims[rank - 1]) merge = false;
        }
        if (size == 1) continue;
        if (merge) {
            dims[rank - 1] *= size;
            continue;
        }
        for (int k = 0; k < count; k++) stride[k][rank] = now[k];
        dims[rank++] = size;
    }
    if (rank == 0) { /* one element */
        dims[0] = 1;
        for (int k = 0; k < count; k++) stride[k][0] = 1;
        rank = 1;
    }
    plan->rank = rank;
    for (int d = 0; d < rank; d++) {
        plan->dims[d] = dims[rank - 1 - d];
        for (int k = 0; k < count; k++) plan->stride[k][d] = stride[k][rank - 1 - d];
    }
}

struct job {
    const struct qc_broadcast *plan;
    qc_row_fn *row;
    const void *params;
    const char *in[QC_ROW_INPUTS];
    char *out;
    size_t in_width[QC_ROW_INPUTS], out_width;
};

/*
 * Short rows of one operand that is the same for all rows of a plane: it is laid out several times side by side, so that several rows are one. The other
 * operands walk through the plane without gaps, or stand still.
 */
enum { SHORT = 256, REPEATED_BYTES = 4096 };

struct repeated {
    int operand; /* -1: there is none */
    size_t rows;
    const char *of; /* the row that is laid out; NULL: none yet */
    char bytes[REPEATED_BYTES];
};

static void find_repeated(const struct job *job, struct repeated *r)
{
    const struct qc_broadcast *plan = job->plan;
    const int last = plan->rank - 1;
    const size_t row = plan->dims[last];
    int found = -1;
    r->operand = -1, r->of = NULL;
    if (last < 1 || row > SHORT) return;
    for (int k = 0; k < plan->count; k++) {
        const size_t inner = plan->stride[k][last], outer = plan->stride[k][last - 1];
        const bool again = inner == 1 && outer == 0;
        if (again && found >= 0) return;
        if (again) found = k;
        else if (outer != inner * row) return;
    }
    if (found < 0 || (r->rows = REPEATED_BYTES / (row * job->in_width[found])) < 2) return;
    r->operand = found;
}

static const void *lay_out(struct repeated *r, const char *of, size_t bytes)
{
    for (size_t i = 0; r->of != of && i < r->rows; i++) memcpy(r->bytes + i * bytes, of, bytes);
    r->of = of;
    return r->bytes;
}

/* Results [begin, end) in the output's order, row by row. */
static void run_piece(void *context, size_t begin, size_t end, int thread)
{
    (void)thread;
    const struct job *job = context;
    const struct qc_broadcast *plan = job->plan;
    int last = plan->rank - 1;
    size_t row = plan->dims[last], step[QC_ROW_INPUTS];
    struct repeated repeated;
    find_repeated(job, &repeated);
    for (int k = 0; k < QC_ROW_INPUTS; k++) step[k] = k < plan->count ? plan->stride[k][last] : 0;
    while (begin < end) {
        size_t column = begin % row, rest = begin / row, n = QC_MIN(row - column, end - begin), at[QC_ROW_INPUTS];
        for (int k = 0; k < plan->count; k++) at[k] = column * step[k];
        for (int d = last - 1; d >= 0; d--) {
            size_t index = rest % plan->dims[d];
            rest /= plan->dims[d];
            for (int k = 0; k < plan->count; k++) at[k] += index * plan->stride[k][d];
        }
        const void *in[QC_ROW_INPUTS] = {NULL};
        for (int k = 0; k < plan->count; k++) in[k] = job->in[k] + at[k] * job->in_width[k];
        const int again = column ? -1 : repeated.operand;
        if (again >= 0) {
            const size_t rows = plan->dims[last - 1] - begin / row % plan->dims[last - 1];
            n = QC_MIN(QC_MIN(rows, repeated.rows) * row, end - begin);
            in[again] = lay_out(&repeated, in[again], row * job->in_width[again]);
        }
        job->row(job->params, job->out + begin * job->out_width, in, step, n);
        begin += n;
    }
}

void qc_broadcast_run(const struct qc_broadcast *plan, qc_row_fn *row, const void *params, struct qc_value *const *in, struct qc_value *out,
                      struct qc_pool *pool)
{
    if (plan->total == 0) return;
    struct job job = {.plan = plan, .row = row, .params = params, .out = out->data, .out_width = qc_dtype_bytes(out->type, 1)};
    for (int k = 0; k < plan->count; k++) {
        job.in[k] = in[k]->data;
        job.in_width[k] = qc_dtype_bytes(in[k]->type, 1);
    }
    if (plan->total < 2 * PARALLEL_ELEMENTS) run_piece(&job, 0, plan->total, 0);
    else qc_pool_for(pool, plan->total, PARALLEL_ELEMENTS, run_piece, &job);
}
