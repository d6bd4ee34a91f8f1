/*
 * unit.h - what every unit test includes: cmocka and a few helpers.
 */
#ifndef QC_TESTS_UNIT_H
#define QC_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A repeatable source of numbers (splitmix64). */
static inline uint64_t unit_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Uniform in [low, high). */
static inline float unit_float(uint64_t *state, float low, float high)
{
    return low + (high - low) * (float)(unit_random(state) >> 40) * 0x1p-24f;
}

/* An allocator that refuses the `fail_at`-th request for more memory (counted from 1; 0: none). */
struct unit_allocator {
    size_t calls, fail_at, live;
};

static inline void *unit_resize(void *user, void *block, size_t bytes)
{
    struct unit_allocator *a = user;
    if (!bytes) {
        a->live -= block != NULL;
        free(block);
        return NULL;
    }
    if (++a->calls == a->fail_at) return NULL;
    void *fresh = realloc(block, bytes);
    a->live += !block && fresh;
    return fresh;
}

#endif
