/* copy.c - see copy.h. */
#include "op/shared/copy.h"

/* Below this many bytes a loop is not worth other threads. */
enum { PARALLEL_BYTES = 1 << 18 };
/* Edge of the squares a transposing copy is done in: 16 rows of 16 elements keep both sides within a few cache lines each. */
enum { TILE = 16 };

void qc_copy_begin(struct qc_copy *copy, size_t width)
{
    copy->rank = 0;
    copy->width = width;
}

void qc_copy_dim(struct qc_copy *copy, size_t count, ptrdiff_t to, ptrdiff_t from)
{
    if (count == 1) return;
    int last = copy->rank - 1;
    if (last >= 0 && copy->count[last] != 0 && copy->to[last] == to * (ptrdiff_t)count && copy->from[last] == from * (ptrdiff_t)count) {
        copy->count[last] *= count;
        copy->to[last] = to;
        copy->from[last] = from;
        return;
    }
    copy->count[copy->rank] = count;
    copy->to[copy->rank] = to;
    copy->from[copy->rank++] = from;
}

void qc_copy_end(struct qc_copy *copy)
{
    int last = copy->rank - 1;
    if (last >= 0 && copy->to[last] == (ptrdiff_t)copy->width && copy->from[last] == (ptrdiff_t)copy->width) {
        copy->width *= copy->count[last];
        copy->rank--;
    }
}

/* memcpy, as constants may lie anywhere in a file. */
#define COPY_ELEMENTS(T)                                       \
    for (size_t i = 0; i < n; i++, to += ts, from += fs) {     \
        T element;                                             \
        memcpy(&element, from, sizeof element);                \
        memcpy(to, &element, sizeof element);                  \
    }                                                          \
    return

struct wide { /* complex128 */
    uint64_t half[2];
};

static void copy_row(char *to, const char *from, size_t n, ptrdiff_t ts, ptrdiff_t fs, size_t width)
{
    switch (width) {
    case 1: COPY_ELEMENTS(uint8_t);
    case 2: COPY_ELEMENTS(uint16_t);
    case 4: COPY_ELEMENTS(uint32_t);
    case 8: COPY_ELEMENTS(uint64_t);
    case 16: COPY_ELEMENTS(struct wide);
    default:
        for (size_t i = 0; i < n; i++, to += ts, from += fs) memcpy(to, from, width);
    }
}

/* The two innermost dimensions where the inner one strides far through `from` and the outer one does not. */
static void copy_transposed(const struct qc_copy *copy, int d, char *to, const char *from)
{
    size_t rows = copy->count[d], columns = copy->count[d + 1];
    for (size_t r = 0; r < rows; r += TILE) {
        for (size_t c = 0; c < columns; c += TILE) {
            size_t r_end = QC_MIN(r + TILE, rows), n = QC_MIN(c + TILE, columns) - c;
            for (size_t k = r; k < r_end; k++)
                copy_row(to + (ptrdiff_t)k * copy->to[d] + (ptrdiff_t)c * copy->to[d + 1],
                         from + (ptrdiff_t)k * copy->from[d] + (ptrdiff_t)c * copy->from[d + 1], n, copy->to[d + 1], copy->from[d + 1],
                         copy->width);
        }
    }
}

static void copy_from(const struct qc_copy *copy, int d, char *to, const char *from, size_t begin, size_t end)
{
    ptrdiff_t ts = copy->to[d], fs = copy->from[d];
    to += (ptrdiff_t)begin * ts;
    from += (ptrdiff_t)begin * fs;
    int below = copy->rank - d - 1;
    if (below == 0) {
        copy_row(to, from, end - begin, ts, fs, copy->width);
        return;
    }
    bool square = below == 1 && fs == (ptrdiff_t)copy->width && copy->from[d + 1] > 64 && copy->width <= 16;
    if (square) {
        struct qc_copy part = *copy;
        part.count[d] = end - begin;
        copy_transposed(&part, d, to, from);
        return;
    }
    for (size_t i = begin; i < end; i++, to += ts, from += fs) copy_from(copy, d + 1, to, from, 0, copy->count[d + 1]);
}

struct job {
    const struct qc_copy *copy;
    char *to;
    const char *from;
};

static void copy_piece(void *context, size_t begin, size_t end, int thread)
{
    (void)thread;
    const struct job *job = context;
    copy_from(job->copy, 0, job->to, job->from, begin, end);
}

void qc_copy_run(const struct qc_copy *copy, void *to, const void *from, struct qc_pool *pool)
{
    size_t inner = copy->width;
    for (int d = 0; d < copy->rank; d++) inner *= copy->count[d];
    if (inner == 0) return;
    if (copy->rank == 0) {
        if (to != from) memcpy(to, from, copy->width);
        return;
    }
    struct job job = {copy, to, from};
    size_t outer = copy->count[0];
    size_t grain = inner < PARALLEL_BYTES ? outer : QC_MAX(1, outer * (PARALLEL_BYTES / 2) / inner);
    if (grain >= outer) copy_piece(&job, 0, outer, 0);
    else qc_pool_for(pool, outer, grain, copy_piece, &job);
}

void qc_dense_strides(int rank, const int32_t *dims, size_t width, ptrdiff_t *stride)
{
    ptrdiff_t step = (ptrdiff_t)width;
    for (int d = rank - 1; d >= 0; d--) {
        stride[d] = step;
        step *= dims[d];
    }
}
