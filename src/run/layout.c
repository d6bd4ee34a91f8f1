/*
 * layout.c - where in one block of memory each value goes: greedy by size, lowest gap that is free over its life. See run.h.
 *
 * (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020: greedy by size comes within a few per cent of
 * the lower bound on real nets.)
 */
#include "run/run.h"

#include <stdlib.h>

static int larger_first(const void *a, const void *b, void *context)
{
    const struct qc_block *block = context, *x = &block[*(const uint32_t *)a], *y = &block[*(const uint32_t *)b];
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return *(const uint32_t *)a < *(const uint32_t *)b ? -1 : 1;
}

/* Lowest offset at which `block` meets none of the placed ones that are alive with it. `placed` is sorted by offset. */
static size_t find_gap(const struct qc_block *all, const uint32_t *placed, size_t count, const struct qc_block *block)
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        const struct qc_block *other = &all[placed[i]];
        if (other->last < block->first || other->first > block->last) continue;
        if (other->offset >= at + block->bytes) break;
        at = QC_MAX(at, other->offset + other->bytes);
    }
    return at;
}

size_t qc_layout_bound(const struct qc_block *block, size_t count)
{
    size_t most = 0;
    for (size_t i = 0; i < count; i++) { /* a maximum is met where some block begins */
        size_t sum = 0;
        for (size_t k = 0; k < count; k++)
            if (block[k].first <= block[i].first && block[k].last >= block[i].first) sum += block[k].bytes;
        most = QC_MAX(most, sum);
    }
    return most;
}

size_t qc_layout(struct qc_block *block, uint32_t *order, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        order[i] = (uint32_t)i;
        block[i].bytes = (block[i].bytes + 63) & ~(size_t)63;
    }
    qsort_r(order, count, sizeof *order, larger_first, block);
    for (size_t i = 0; i < count; i++) {
        uint32_t index = order[i];
        size_t at = find_gap(block, order, i, &block[index]), k = i;
        block[index].offset = at;
        total = QC_MAX(total, at + block[index].bytes);
        for (; k && block[order[k - 1]].offset > at; k--) order[k] = order[k - 1]; /* keep what is placed sorted by offset */
        order[k] = index;
    }
    return total;
}
