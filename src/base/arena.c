/*
 * arena.c - bump allocation in growing blocks. See arena.h.
 */
#include "base/arena.h"

#include <stdio.h>
#include <string.h>

struct qc_arena_block {
    struct qc_arena_block *before;
};

#if defined(__SANITIZE_ADDRESS__)
#define SEPARATE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SEPARATE 1
#endif
#endif
#ifndef SEPARATE
#define SEPARATE 0
#endif

enum { BLOCK = 1 << 14, LARGE = 1 << 12, HEADER = 64 };

void qc_arena_init(struct qc_arena *arena, struct qc_env *env)
{
    memset(arena, 0, sizeof *arena);
    arena->env = env;
}

void qc_arena_free(struct qc_arena *arena)
{
    for (struct qc_arena_block *block = arena->last, *before; block; block = before) {
        before = block->before;
        qc_env_free(arena->env, block);
    }
    qc_arena_init(arena, arena->env);
}

static char *add_block(struct qc_arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX / 2) {
        qc_fail(arena->env, QC_NOMEM, "out of memory (%zu bytes asked for)", bytes);
        return NULL;
    }
    struct qc_arena_block *block = qc_env_alloc(arena->env, HEADER + 64 + bytes);
    if (!block) return NULL;
    block->before = arena->last;
    arena->last = block;
    return (char *)(((uintptr_t)block + HEADER + 63) & ~(uintptr_t)63);
}

void *qc_arena_alloc(struct qc_arena *arena, size_t bytes)
{
    if (SEPARATE || bytes >= LARGE) {
        /* The exact size under AddressSanitizer: the redzone begins at the end of the block. */
        if (SEPARATE && bytes <= SIZE_MAX / 2) {
            struct qc_arena_block *block = qc_env_alloc(arena->env, HEADER - 16 + bytes);
            if (!block) return NULL;
            block->before = arena->last;
            arena->last = block;
            return (char *)block + HEADER - 16;
        }
        return add_block(arena, bytes);
    }
    bytes = QC_MAX((bytes + 15) & ~(size_t)15, 16u); /* 0 bytes are a valid block too */
    if ((size_t)(arena->end - arena->next) < bytes) {
        char *start = add_block(arena, BLOCK);
        if (!start) return NULL;
        arena->next = start;
        arena->end = start + BLOCK;
    }
    void *result = arena->next;
    arena->next += bytes;
    return result;
}

void *qc_arena_array(struct qc_arena *arena, size_t count, size_t bytes_each)
{
    size_t bytes;
    return qc_size_mul(arena->env, count, bytes_each, &bytes) ? qc_arena_alloc(arena, bytes) : NULL;
}

void *qc_arena_copy(struct qc_arena *arena, const void *bytes, size_t size)
{
    void *copy = qc_arena_alloc(arena, size);
    if (copy && size) memcpy(copy, bytes, size);
    return copy;
}

char *qc_arena_string(struct qc_arena *arena, const char *string)
{
    return qc_arena_copy(arena, string, strlen(string) + 1);
}

char *qc_arena_printf(struct qc_arena *arena, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int length = vsnprintf(NULL, 0, format, list);
    va_end(list);
    char *string = qc_arena_alloc(arena, (size_t)(length < 0 ? 0 : length) + 1);
    if (!string) return NULL;
    va_start(list, format);
    vsnprintf(string, (size_t)(length < 0 ? 0 : length) + 1, format, list);
    va_end(list);
    return string;
}
