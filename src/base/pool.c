/*
 * pool.c - a loop over several threads. See pool.h.
 *
 * Workers spin for a short while after a loop, for loops follow one another closely in an inference, then sleep on a condition. A loop
 * is cut into more pieces than threads, taken from one counter, so that a thread the system has descheduled does not hold up
 * the others.
 */
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

enum { SPINS = 4000, PIECES_PER_THREAD = 4, MAX_THREADS = 256 };

struct loop {
    void (*body)(void *context, size_t begin, size_t end, int thread);
    void *context;
    size_t count, piece;
};

struct qc_pool {
    struct qc_env *env;
    int threads;
    struct loop loop;
    atomic_size_t next;        /* first iteration nobody has taken */
    atomic_uint generation;    /* of the current loop; a change starts the workers */
    atomic_int busy;           /* workers not done with the current loop */
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

static void take_pieces(struct qc_pool *pool, int thread)
{
    const struct loop *loop = &pool->loop;
    for (;;) {
        size_t begin = atomic_fetch_add(&pool->next, loop->piece);
        if (begin >= loop->count) return;
        loop->body(loop->context, begin, QC_MIN(loop->count, begin + loop->piece), thread);
    }
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct qc_pool *pool = worker->pool;
    unsigned seen = 0;
    for (;;) {
        int spins = 0;
        while (atomic_load(&pool->generation) == seen && !atomic_load(&pool->stop) && spins < SPINS) {
            relax();
            spins++;
        }
        if (spins == SPINS) {
            pthread_mutex_lock(&pool->mutex);
            pool->sleeping++;
            while (atomic_load(&pool->generation) == seen && !atomic_load(&pool->stop)) pthread_cond_wait(&pool->wake, &pool->mutex);
            pool->sleeping--;
            pthread_mutex_unlock(&pool->mutex);
        }
        if (atomic_load(&pool->stop)) return NULL;
        seen = atomic_load(&pool->generation);
        take_pieces(pool, worker->index);
        atomic_fetch_sub(&pool->busy, 1);
    }
}

struct qc_pool *qc_pool_create(struct qc_env *env, int threads)
{
    threads = QC_MIN(threads, MAX_THREADS);
    struct qc_pool *pool = qc_env_alloc(env, sizeof *pool);
    if (!pool || !(pool->worker = qc_env_alloc(env, (size_t)QC_MAX(threads, 1) * sizeof *pool->worker))) {
        qc_env_free(env, pool);
        return NULL;
    }
    pool->env = env;
    pool->threads = 1;
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
    size_t pieces = (size_t)pool->threads * PIECES_PER_THREAD;
    size_t piece = QC_MAX(grain, (count + pieces - 1) / pieces);
    pool->loop = (struct loop){body, context, count, (piece + grain - 1) / grain * grain};
    atomic_store(&pool->next, 0);
    atomic_store(&pool->busy, pool->threads - 1);
    atomic_fetch_add(&pool->generation, 1);
    pthread_mutex_lock(&pool->mutex);
    if (pool->sleeping) pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
    take_pieces(pool, 0);
    for (int spins = 0; atomic_load(&pool->busy);)
        if (++spins < SPINS)
            relax();
        else
            sched_yield();
}
