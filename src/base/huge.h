/*
 * huge.h - large blocks on large pages, where the system has them: fewer page faults at the first touch, fewer misses of the TLB after.
 */
#ifndef QC_BASE_HUGE_H
#define QC_BASE_HUGE_H

#include <stddef.h>
#include <stdint.h>

enum { QC_HUGE_PAGE = 2 << 20, QC_HUGE_LEAST = QC_HUGE_PAGE / 2 }; /* a block smaller than half a page is not worth a whole one */

/* What to allocate for `bytes` so that qc_huge_align finds room. */
static inline size_t qc_huge_room(size_t bytes)
{
    return bytes < QC_HUGE_LEAST ? bytes + 64 : (bytes + QC_HUGE_PAGE - 1) / QC_HUGE_PAGE * QC_HUGE_PAGE + QC_HUGE_PAGE;
}

/* Where the block of `bytes` begins in `raw`, which has qc_huge_room(bytes): 64-byte aligned, or at a large page, which is asked for. */
void *qc_huge_align(void *raw, size_t bytes);

#endif
