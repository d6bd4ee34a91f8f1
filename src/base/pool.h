/*
 * pool.h - a thread pool for loops. Results never depend on the number of threads: a loop's pieces must be independent.
 */
#ifndef QC_BASE_POOL_H
#define QC_BASE_POOL_H

#include "base/env.h"

struct qc_pool;

/* `threads` in all, the caller included; at most one per core is useful. NULL with the error recorded. 1 or less: no pool is needed. */
struct qc_pool *qc_pool_create(struct qc_env *env, int threads);
void qc_pool_free(struct qc_pool *pool);
/* Threads that a loop may run on: 1 for NULL. */
int qc_pool_threads(const struct qc_pool *pool);

/*
 * Calls body(context, begin, end, thread) for pieces that cover [0, count) exactly once, each at least `grain` long except the
 * last. `thread` is in [0, threads) and not shared by two concurrent calls. Returns when all are done. pool may be NULL.
 */
void qc_pool_for(struct qc_pool *pool, size_t count, size_t grain,
                 void (*body)(void *context, size_t begin, size_t end, int thread), void *context);

/* Cores this process may use. */
int qc_cpu_count(void);

#endif
