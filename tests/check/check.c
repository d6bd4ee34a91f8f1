/*
 * check.c - cases, guarded memory and timing of the kernel checker. See check.h.
 */
#include "check.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "check_declare.inc"
static const struct check_family *const family[] = {
#include "check_rows.inc"
};

static uint64_t state = 1;
static int failures;
static uint32_t features;
static const char *family_now = "", *variant_now = "";

bool check_variant(const struct qc_variant *variant)
{
    variant_now = variant->name;
    return !(variant->cpu & ~features);
}

void check_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (failures++ < 20) {
        printf("FAIL %s %s: ", family_now, variant_now);
        vprintf(format, args);
        printf("\n");
    }
    va_end(args);
}

uint64_t check_random(void)
{
    state += 0x9e3779b97f4a7c15u; /* splitmix64 */
    uint64_t z = state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

size_t check_between(size_t low, size_t high) { return low + check_random() % (high - low + 1); }
bool check_chance(int percent) { return (int)(check_random() % 100) < percent; }
float check_uniform(float low, float high) { return low + (high - low) * (float)(check_random() >> 40) * 0x1p-24f; }

size_t check_size(size_t high)
{
    const int kind = (int)(check_random() % 4);
    size_t n = kind < 2 ? check_between(1, 9) : kind == 2 ? ((size_t)8 << check_random() % 6) + check_random() % 5 - 2 : check_between(1, high);
    return n > high ? high : n;
}

void check_fill_f32(float *to, size_t count, float size)
{
    const int kind = (int)(check_random() % 4);
    for (size_t i = 0; i < count; i++)
        to[i] = kind == 0 ? (i & 1 ? size : -size) : kind == 1 && check_chance(80) ? 0 : check_uniform(-size, size);
}

void check_fill_s8(int8_t *to, size_t count, int low)
{
    const int kind = (int)(check_random() % 4);
    for (size_t i = 0; i < count; i++)
        to[i] = (int8_t)(kind == 0 ? (i & 1 ? 127 : low) : kind == 1 ? low : low + (int)(check_random() % (uint64_t)(128 - low)));
}

void check_fill_s16(int16_t *to, size_t count)
{
    const int kind = (int)(check_random() % 4);
    for (size_t i = 0; i < count; i++)
        to[i] = (int16_t)(kind == 0 ? (i & 1 ? 32767 : -32768) : kind == 1 ? -32768 : (int)(check_random() & 65535) - 32768);
}

static struct block {
    char *map;
    size_t bytes;
} block[64];
static int blocks;

void *check_memory(size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), inside = (bytes + page - 1) / page * page;
    if (blocks == 64) abort();
    char *map = mmap(NULL, inside + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED || (inside && mprotect(map + page, inside, PROT_READ | PROT_WRITE))) abort(); /* emulators refuse an empty range */
    block[blocks++] = (struct block){map, inside + 2 * page};
    memset(map + page, 0xa5, inside);
    return check_chance(75) ? map + page + inside - bytes : map + page;
}

void *check_floats(size_t count) { return check_memory(count * sizeof(float)); }

void check_release(void)
{
    while (blocks) {
        blocks--;
        munmap(block[blocks].map, block[blocks].bytes);
    }
}

bool check_close(float a, float b, float tolerance)
{
    if (a == b || (isnan(a) && isnan(b))) return true;
    const float size = fabsf(b) > 1 ? fabsf(b) : 1;
    return fabsf(a - b) <= tolerance * size;
}

struct qc_pool *check_pool(void)
{
    static struct qc_env env;
    static struct qc_pool *pool;
    if (!pool) {
        qc_env_init(&env, NULL);
        pool = qc_pool_create(&env, 3);
    }
    return check_chance(50) ? pool : NULL;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Seconds of one core cycle: the best time of a chain of dependent additions. */
static double cycle(void)
{
    double best = 1;
    for (int round = 0; round < 20; round++) {
        uint64_t x = 1;
        const double start = now();
        for (int i = 0; i < 20000; i++) {
            QC_UNROLL
            for (int k = 0; k < 16; k++) {
                x += 3;
                __asm__ volatile("" : "+r"(x));
            }
        }
        const double each = (now() - start) / (20000 * 16);
        if (each < best) best = each;
    }
    return best;
}

void check_time(const char *variant, const char *label, double operations, const char *unit, void (*work)(void *), void *context)
{
    double best = 1e9, begin = now();
    int calls = 1;
    while (now() - begin < 0.05) {
        const double start = now();
        for (int i = 0; i < calls; i++) work(context);
        const double each = (now() - start) / calls;
        if (each < best) best = each;
        if (each * calls < 1e-4) calls *= 2;
    }
    printf("%-12s %-12s %-34s %9.2f us  %7.2f %s/cycle", family_now, variant, label, best * 1e6, operations / (best / cycle()), unit);
    const double peak = strcmp(unit, "MAC") ? 0 : check_peak(variant, strstr(family_now, "s8") != NULL);
    if (peak > 0) printf("  %3.0f %% of peak", 100 * operations / best / peak);
    printf("\n");
}

int main(int argc, char **argv)
{
    int rounds = 20;
    bool bench = false, all = true;
    uint64_t seed = 1;
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--bench")) bench = true;
        else if (!strcmp(argv[i], "--seed") && i + 1 < argc) seed = strtoull(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--rounds") && i + 1 < argc) rounds = atoi(argv[++i]);
        else all = false;
    features = qc_cpu_features();
    for (size_t f = 0; f < sizeof family / sizeof *family; f++) {
        bool wanted = all;
        for (int i = 1; i < argc; i++) wanted |= !strcmp(argv[i], family[f]->name);
        if (!wanted) continue;
        family_now = family[f]->name;
        state = seed;
        if (bench && family[f]->bench) family[f]->bench();
        if (!bench) family[f]->check(rounds);
        check_release();
    }
    if (!bench) printf("%d failures\n", failures);
    return failures != 0;
}
