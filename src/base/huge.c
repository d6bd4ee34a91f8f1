/*
 * huge.c - see huge.h.
 */
#include "base/huge.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

void *qc_huge_align(void *raw, size_t bytes)
{
    if (bytes < QC_HUGE_LEAST) return (void *)(((uintptr_t)raw + 63) & ~(uintptr_t)63);
    void *block = (void *)(((uintptr_t)raw + QC_HUGE_PAGE - 1) & ~(uintptr_t)(QC_HUGE_PAGE - 1));
#ifdef MADV_HUGEPAGE
    madvise(block, (bytes + QC_HUGE_LEAST) & ~(size_t)(QC_HUGE_PAGE - 1), MADV_HUGEPAGE); /* a last one that is more than half empty stays small; refused: all do */
#endif
    return block;
}
