/*
 * pack.c - packed constants, made once for a model and shared by its sessions. See run.h.
 */
#include "run/run.h"

#include "base/huge.h"
#include <pthread.h>
#include <string.h>

struct entry {
    struct entry *next;
    const struct qc_tensor *tensor;
    const char *kind;
    size_t bytes;
    void *block; /* in a chunk: memory goes back with the store */
};

/* Blocks lie one behind the other in chunks, each as large as all before it, so that they share large pages. */
struct chunk {
    struct chunk *next;
    char *at, *end;
};

enum { BUCKETS = 256 };

struct qc_pack_store {
    pthread_mutex_t mutex;
    struct qc_env env; /* its own account: sessions of several threads come here */
    struct entry *bucket[BUCKETS];
    struct entry *reserved; /* not in the table yet */
    struct chunk *chunk;    /* the newest first */
    size_t total;           /* of all blocks */
};

static pthread_mutex_t creation = PTHREAD_MUTEX_INITIALIZER;

static struct qc_pack_store *store_of(struct qc_model *model, struct qc_env *env)
{
    pthread_mutex_lock(&creation);
    if (!model->packs) {
        struct qc_env own;
        qc_env_init(&own, &(struct qc_options){.allocator = &model->env.allocator});
        struct qc_pack_store *store = qc_env_alloc(&own, sizeof *store);
        if (store) {
            pthread_mutex_init(&store->mutex, NULL);
            store->env = own;
            model->packs = store;
        } else {
            qc_fail(env, QC_NOMEM, "%s", own.error.text);
        }
    }
    pthread_mutex_unlock(&creation);
    return model->packs;
}

static struct chunk *add_chunk(struct qc_pack_store *store, struct qc_env *env, size_t bytes)
{
    enum { MOST = 64 << 20 };
    const bool limited = env->limit != 0; /* then no byte more than needed; the session that needs it first pays for it */
    const size_t size = limited ? bytes : QC_MAX(bytes, QC_MIN(store->total, (size_t)MOST));
    const size_t room = sizeof(struct chunk) + (limited ? size + 64 : qc_huge_room(size));
    if (size > SIZE_MAX / 2 || room > qc_env_left(env)) return NULL;
    struct chunk *chunk = qc_env_resize(&store->env, NULL, room);
    if (!chunk) return NULL;
    if (limited) env->elsewhere += room;
    char *block = limited ? (char *)(((uintptr_t)(chunk + 1) + 63) & ~(uintptr_t)63) : qc_huge_align(chunk + 1, size);
    *chunk = (struct chunk){store->chunk, block, block + size};
    return store->chunk = chunk;
}

static void *place(struct qc_pack_store *store, struct qc_env *env, size_t bytes)
{
    bytes = (bytes + 63) & ~(size_t)63;
    struct chunk *chunk = store->chunk;
    if (!chunk || bytes > (size_t)(chunk->end - chunk->at)) {
        if (!(chunk = add_chunk(store, env, bytes))) return NULL;
    }
    void *block = chunk->at;
    chunk->at += bytes;
    store->total += bytes;
    return block;
}

static struct entry *make(struct qc_pack_store *store, struct qc_env *env, const struct qc_tensor *tensor, const char *kind, size_t bytes)
{
    size_t length = strlen(kind) + 1;
    struct entry *entry = qc_env_alloc(&store->env, sizeof *entry + length);
    void *block = entry && bytes < SIZE_MAX - 64 ? place(store, env, bytes) : NULL;
    if (!block) {
        qc_env_free(&store->env, entry);
        qc_fail(env, QC_NOMEM, "packed weights of %zu bytes are needed, more than memory or its limit of %zu leaves", bytes, env->limit);
        qc_env_take(&store->env, NULL);
        return NULL;
    }
    memcpy(entry + 1, kind, length);
    *entry = (struct entry){NULL, tensor, (const char *)(entry + 1), bytes, block};
    return entry;
}

const void *qc_pack_get(struct qc_model *model, struct qc_env *env, const struct qc_tensor *tensor, const char *kind, size_t bytes,
                        void (*fill)(void *block, const void *context), const void *context)
{
    struct qc_pack_store *store = store_of(model, env);
    if (!store) return NULL;
    struct entry **bucket = &store->bucket[((uintptr_t)tensor >> 5) % BUCKETS], *entry;
    pthread_mutex_lock(&store->mutex);
    for (entry = *bucket; entry; entry = entry->next)
        if (entry->tensor == tensor && entry->bytes == bytes && !strcmp(entry->kind, kind)) break;
    if (!entry && (entry = make(store, env, tensor, kind, bytes))) {
        fill(entry->block, context);
        entry->next = *bucket;
        *bucket = entry;
    }
    pthread_mutex_unlock(&store->mutex);
    return entry ? entry->block : NULL;
}

/* ---- values computed by the caller: a reserved entry stands in front of its block until it is adopted ---- */

static struct entry **find_entry(struct qc_pack_store *store, const struct qc_tensor *tensor, const char *kind, size_t bytes)
{
    struct entry **at = &store->bucket[((uintptr_t)tensor >> 5) % BUCKETS];
    while (*at && !((*at)->tensor == tensor && (*at)->bytes == bytes && !strcmp((*at)->kind, kind))) at = &(*at)->next;
    return at;
}

const void *qc_pack_find(struct qc_model *model, const struct qc_tensor *tensor, const char *kind, size_t bytes)
{
    struct qc_pack_store *store = store_of(model, &model->env);
    if (!store) return NULL;
    pthread_mutex_lock(&store->mutex);
    const struct entry *entry = *find_entry(store, tensor, kind, bytes);
    const void *block = entry ? entry->block : NULL;
    pthread_mutex_unlock(&store->mutex);
    return block;
}

void *qc_pack_reserve(struct qc_model *model, struct qc_env *env, const struct qc_tensor *tensor, const char *kind, size_t bytes)
{
    struct qc_pack_store *store = store_of(model, env);
    if (!store) return NULL;
    pthread_mutex_lock(&store->mutex);
    struct entry *entry = make(store, env, tensor, kind, bytes);
    if (entry) {
        entry->next = store->reserved;
        store->reserved = entry;
    }
    pthread_mutex_unlock(&store->mutex);
    return entry ? entry->block : NULL;
}

/* Takes a reserved entry out of its list. */
static struct entry *take_reserved(struct qc_pack_store *store, const void *block)
{
    struct entry **at = &store->reserved;
    while (*at && (*at)->block != block) at = &(*at)->next;
    struct entry *entry = *at;
    if (entry) *at = entry->next;
    return entry;
}

static void drop(struct qc_pack_store *store, struct entry *entry)
{
    qc_env_free(&store->env, entry);
}

const void *qc_pack_adopt(struct qc_model *model, void *block)
{
    struct qc_pack_store *store = model->packs;
    pthread_mutex_lock(&store->mutex);
    struct entry *entry = take_reserved(store, block), **at = find_entry(store, entry->tensor, entry->kind, entry->bytes);
    if (*at) {
        drop(store, entry);
        entry = *at;
    } else {
        entry->next = NULL;
        *at = entry;
    }
    const void *kept = entry->block;
    pthread_mutex_unlock(&store->mutex);
    return kept;
}

void qc_pack_abandon(struct qc_model *model, void *block)
{
    struct qc_pack_store *store = model->packs;
    if (!store || !block) return;
    pthread_mutex_lock(&store->mutex);
    drop(store, take_reserved(store, block));
    pthread_mutex_unlock(&store->mutex);
}

void qc_pack_free(struct qc_model *model)
{
    struct qc_pack_store *store = model->packs;
    if (!store) return;
    for (int i = 0; i < BUCKETS; i++)
        for (struct entry *entry = store->bucket[i], *next; entry; entry = next) {
            next = entry->next;
            qc_env_free(&store->env, entry);
        }
    for (struct chunk *chunk = store->chunk, *next; chunk; chunk = next) {
        next = chunk->next;
        qc_env_free(&store->env, chunk);
    }
    pthread_mutex_destroy(&store->mutex);
    struct qc_env env = store->env;
    qc_env_free(&env, store);
    model->packs = NULL;
}
