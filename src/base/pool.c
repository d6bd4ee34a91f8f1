/*
 * pool.c - a loop over several threads. See pool.h.
 *
 * Every thread has a share of the iterations, the same in every loop of that many, for what a loop writes is read by the next one, best by the
 * same core. It takes its share piece by piece, then pieces from the shares of others, so that a thread the system has descheduled does not
 * hold them up. A worker joins a loop only while it is open; the caller closes it when no pieces are left, and waits for those that
 * joined, not for those still asleep. Workers spin for a short while between loops, for these follow one another closely in an
 * inference, then sleep.
 */
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

enum { SPINS = 4000, PIECES_PER_SHARE = 4, MAX_THREADS = 256 };

/* The gate: number of the loop in the upper half, CLOSED, and how many workers are inside in the lower bits. */
#define GENERATION ((uint64_t)1 << 32)
#define CLOSED ((uint64_t)1 << 31)
#define INSIDE (CLOSED - 1)

struct loop {
    void (*body)(void *context, size_t begin, size_t end, int thread);
    void *context;
    size_t count, grain, units; /* a unit: `grain` iterations */
};

/* The first unit of a share that nobody has taken; on a cache line of its own. */
struct share {
    _Alignas(64) atomic_size_t next;
};

struct qc_pool {
    struct qc_env *env;
    int threads;
    struct loop loop;
    struct share *share;   /* [threads] */
    void *share_memory;
    _Atomic uint64_t gate; /* loop is written only while it is closed and nobody is inside */
    atomic_bool stop;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    int sleeping; /* under mutex */
    struct worker {
        struct qc_pool *pool;
        pthread_t id;
        int index;
    } *worker;
};

int qc_cpu_count(void)
{
#ifdef __linux__
    cpu_set_t set;
    if (!sched_getaffinity(0, sizeof set, &set)) return CPU_COUNT(&set);
#endif
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (int)count : 1;
}

static inline void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* As the thread that calls does while it invokes: see session.c. */
static void flush_denormals(void)
{
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040); /* FTZ, DAZ */
#endif
}

/* Where the share of a thread begins, in units. */
static size_t share_begin(const struct qc_pool *pool, int thread)
{
    return pool->loop.units * (size_t)thread / (size_t)pool->threads;
}

static void take_share(struct qc_pool *pool, int owner, int thread)
{
    const struct loop *loop = &pool->loop;
    const size_t begin = share_begin(pool, owner), end = share_begin(pool, owner + 1);
    const size_t piece = (end - begin + PIECES_PER_SHARE - 1) / PIECES_PER_SHARE;
    for (;;) {
        const size_t unit = atomic_fetch_add(&pool->share[owner].next, piece);
        if (unit >= end) return;
        loop->body(loop->context, unit * loop->grain, QC_MIN(QC_MIN(unit + piece, end) * loop->grain, loop->count), thread);
    }
}

static void take_pieces(struct qc_pool *pool, int thread)
{
    for (int i = 0; i < pool->threads; i++) take_share(pool, (thread + i) % pool->threads, thread);
}

/* Waits for a loop newer than `seen`: spinning, then asleep. */
static void await(struct qc_pool *pool, uint64_t seen)
{
    for (int spins = 0; spins < SPINS; spins++) {
        if (atomic_load(&pool->gate) >= seen + GENERATION || atomic_load(&pool->stop)) return;
        relax();
    }
    pthread_mutex_lock(&pool->mutex);
    pool->sleeping++;
    while (atomic_load(&pool->gate) < seen + GENERATION && !atomic_load(&pool->stop)) pthread_cond_wait(&pool->wake, &pool->mutex);
    pool->sleeping--;
    pthread_mutex_unlock(&pool->mutex);
}

/* Enters the current loop if it is still open; *seen becomes its number. */
static bool enter(struct qc_pool *pool, uint64_t *seen)
{
    uint64_t gate = atomic_load(&pool->gate);
    do {
        *seen = gate & ~(GENERATION - 1);
        if (gate & CLOSED) return false;
    } while (!atomic_compare_exchange_weak(&pool->gate, &gate, gate + 1));
    return true;
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct qc_pool *pool = worker->pool;
    uint64_t seen = 0;
    flush_denormals();
    for (;;) {
        await(pool, seen);
        if (atomic_load(&pool->stop)) return NULL;
        if (!enter(pool, &seen)) continue;
        take_pieces(pool, worker->index);
        atomic_fetch_sub(&pool->gate, 1);
    }
}

struct qc_pool *qc_pool_create(struct qc_env *env, int threads)
{
    threads = QC_MIN(threads, MAX_THREADS);
    struct qc_pool *pool = qc_env_alloc(env, sizeof *pool);
    const size_t most = (size_t)QC_MAX(threads, 1);
    if (!pool || !(pool->worker = qc_env_alloc(env, most * sizeof *pool->worker)) ||
        !(pool->share_memory = qc_env_alloc(env, (most + 1) * sizeof *pool->share))) {
        if (pool) qc_env_free(env, pool->worker);
        qc_env_free(env, pool);
        return NULL;
    }
    pool->share = (struct share *)(((uintptr_t)pool->share_memory + 63) & ~(uintptr_t)63);
    pool->env = env;
    pool->threads = 1;
    atomic_init(&pool->gate, CLOSED);
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
    for (int i = 1; i < threads; i++) {
        struct worker *worker = &pool->worker[i];
        *worker = (struct worker){.pool = pool, .index = i};
        if (pthread_create(&worker->id, NULL, work, worker)) break; /* fewer threads: slower, not wrong */
        pool->threads++;
    }
    return pool;
}

void qc_pool_free(struct qc_pool *pool)
{
    if (!pool) return;
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->stop, true);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
    for (int i = 1; i < pool->threads; i++) pthread_join(pool->worker[i].id, NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    qc_env_free(pool->env, pool->share_memory);
    qc_env_free(pool->env, pool->worker);
    qc_env_free(pool->env, pool);
}

int qc_pool_threads(const struct qc_pool *pool)
{
    return pool ? pool->threads : 1;
}

void qc_pool_for(struct qc_pool *pool, size_t count, size_t grain,
                 void (*body)(void *context, size_t begin, size_t end, int thread), void *context)
{
    if (!count) return;
    grain = QC_MAX(grain, 1u);
    if (!pool || pool->threads == 1 || count <= grain) {
        body(context, 0, count, 0);
        return;
    }
    pool->loop = (struct loop){body, context, count, grain, (count + grain - 1) / grain};
    for (int i = 0; i < pool->threads; i++) atomic_store(&pool->share[i].next, share_begin(pool, i));
    uint64_t number = (atomic_load(&pool->gate) & ~(GENERATION - 1)) + GENERATION;
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->gate, number);
    if (pool->sleeping) pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
    take_pieces(pool, 0);
    atomic_fetch_or(&pool->gate, CLOSED);
    for (int spins = 0; atomic_load(&pool->gate) & INSIDE;)
        if (++spins < SPINS)
            relax();
        else
            sched_yield();
}
