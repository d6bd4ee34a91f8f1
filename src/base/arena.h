/*
 * arena.h - memory of one object's life: many allocations, one free.
 *
 * Zeroed, 16-byte aligned (64 for blocks of a page and more). Under AddressSanitizer every allocation is a block of its own,
 * so that overruns between neighbours are seen.
 */
#ifndef QC_BASE_ARENA_H
#define QC_BASE_ARENA_H

#include "base/env.h"

struct qc_arena {
    struct qc_env *env;
    struct qc_arena_block *last;
    char *next, *end;
};

void qc_arena_init(struct qc_arena *arena, struct qc_env *env);
void qc_arena_free(struct qc_arena *arena); /* everything; the arena may be used again */

/* NULL with QC_NOMEM recorded. */
void *qc_arena_alloc(struct qc_arena *arena, size_t bytes) QC_MUST_USE;
void *qc_arena_array(struct qc_arena *arena, size_t count, size_t bytes_each) QC_MUST_USE;
void *qc_arena_copy(struct qc_arena *arena, const void *bytes, size_t size) QC_MUST_USE;
char *qc_arena_string(struct qc_arena *arena, const char *string) QC_MUST_USE;
char *qc_arena_printf(struct qc_arena *arena, const char *format, ...) QC_MUST_USE QC_PRINTF(2, 3);

#endif
