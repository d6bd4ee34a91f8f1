/*
 * check.h - the kernel checker: every variant of every kernel family against its reference, and the kernel micro-benchmark.
 *
 * A file check_<family>.c defines `const struct check_family qc_check_<family>` and is found by its name. It goes through the
 * family's variants that this CPU can run, on random, extreme and ragged cases. Memory comes from check_memory, whose blocks
 * end at a page that must not be touched, or begin behind one.
 *
 *     check [FAMILY ...] [--seed N] [--rounds N] [--bench]
 */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include "base/cpu.h"
#include "base/pool.h"
#include "kernel/kernel.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct check_family {
    const char *name;
    void (*check)(int rounds);
    void (*bench)(void);
};

/* Can this CPU, as QUANTC_CPU masks it, run the variant? Remembers its name for messages. */
bool check_variant(const struct qc_variant *variant);
void check_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- cases ---- */
uint64_t check_random(void);
size_t check_between(size_t low, size_t high); /* both included */
size_t check_size(size_t high);                /* 1 .. high, small and just-off-a-power sizes more often */
float check_uniform(float low, float high);
bool check_chance(int percent);

/* Fill patterns: random, extremes, alternating, zeros with a few others. */
void check_fill_f32(float *to, size_t count, float size);
void check_fill_s8(int8_t *to, size_t count, int low);
void check_fill_s16(int16_t *to, size_t count);

/* A block between two pages without access, touching one of them; freed by check_release together with all others. Its bytes are 0xa5. */
void *check_memory(size_t bytes);
void *check_floats(size_t count);
void check_release(void);

/* true if |a - b| <= tolerance * max(1, |b|) or both are NaN or equal. */
bool check_close(float a, float b, float tolerance);

/* A pool of 3 threads, or NULL, by chance. */
struct qc_pool *check_pool(void);

/* ---- measuring ---- */
/* Runs work(context) until some 50 ms are over and prints the best time: "family variant label: time, `unit` per cycle", and for "MAC" the share
 * of check_peak. */
void check_time(const char *variant, const char *label, double operations, const char *unit, void (*work)(void *), void *context);
/* peak.c: products a second of the variant's multiply instruction, measured now; 0: not known. `integer`: of int8 or int16. */
double check_peak(const char *variant, bool integer);

#endif
