/*
 * vocabulary.c - a hash table with open addressing over words in order. See vocabulary.h.
 */
#include "text/vocabulary.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 16, MOST_WORDS = 1 << 30 };

void qc_vocabulary_init(struct qc_vocabulary *v, struct qc_env *env)
{
    *v = (struct qc_vocabulary){.env = env, .key = (uintptr_t)v ^ (uint64_t)(uintptr_t)env << 29}; /* addresses are random */
}

void qc_vocabulary_free(struct qc_vocabulary *v)
{
    for (uint32_t i = 0; i < v->chunk_count; i++) qc_env_free(v->env, v->chunk[i]);
    qc_env_free(v->env, v->chunk);
    qc_env_free(v->env, v->slot);
    qc_env_free(v->env, v->word);
    qc_vocabulary_init(v, v->env);
}

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1], v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0], v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1], v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2], v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 under a key that files cannot know: words come from strangers, who could make them collide in a simpler hash. */
static uint32_t hash_of(const struct qc_vocabulary *vocabulary, const char *text, size_t length)
{
    uint64_t key = vocabulary->key, word, last = (uint64_t)length << 56;
    uint64_t v[4] = {key ^ 0x736f6d6570736575u, ~key ^ 0x646f72616e646f6du, key ^ 0x6c7967656e657261u, ~key ^ 0x7465646279746573u};
    for (; length >= 8; length -= 8, text += 8) {
        memcpy(&word, text, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    for (size_t i = 0; i < length; i++) last |= (uint64_t)(unsigned char)text[i] << 8 * i;
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++) sip_round(v);
    return (uint32_t)(v[0] ^ v[1] ^ v[2] ^ v[3]);
}

/* The slot that holds the word, or the free one where it belongs. */
static uint32_t *slot_of(const struct qc_vocabulary *v, const char *text, size_t length, uint32_t hash)
{
    for (uint32_t at = hash;; at++) {
        uint32_t *slot = &v->slot[at & (v->slot_count - 1)];
        if (!*slot) return slot;
        const struct qc_word *word = &v->word[*slot - 1];
        if (word->hash == hash && word->length == length && !memcmp(word->text, text, length)) return slot;
    }
}

struct qc_word *qc_vocabulary_find(const struct qc_vocabulary *v, const char *text, size_t length)
{
    if (!v->slot_count || length > v->longest) return NULL;
    uint32_t *slot = slot_of(v, text, length, hash_of(v, text, length));
    return *slot ? &v->word[*slot - 1] : NULL;
}

/* Room for one more word: both tables double together. */
static qc_status grow(struct qc_vocabulary *v)
{
    if (v->count < v->capacity) return QC_OK;
    if (v->count >= MOST_WORDS) return qc_fail(v->env, QC_RANGE, "more than %d different words", MOST_WORDS);
    uint32_t capacity = v->capacity ? 2 * v->capacity : 1024;
    struct qc_word *word = qc_env_resize(v->env, v->word, capacity * sizeof *word);
    if (!word) return v->env->error.status;
    v->word = word;
    uint32_t *slot = qc_env_alloc(v->env, 2 * (size_t)capacity * sizeof *slot);
    if (!slot) return v->env->error.status;
    qc_env_free(v->env, v->slot);
    v->slot = slot;
    v->slot_count = 2 * capacity;
    v->capacity = capacity;
    for (uint32_t i = 0; i < v->count; i++) {
        uint32_t at = word[i].hash;
        while (slot[at & (v->slot_count - 1)]) at++;
        slot[at & (v->slot_count - 1)] = i + 1;
    }
    return QC_OK;
}

/* A copy of the text that never moves. */
static char *keep(struct qc_vocabulary *v, const char *text, size_t length)
{
    if (length > v->chunk_left || !v->chunk_count) {
        size_t size = QC_MAX((size_t)CHUNK, length);
        char **chunk = qc_env_resize(v->env, v->chunk, (v->chunk_count + 1) * sizeof *chunk);
        if (!chunk) return NULL;
        v->chunk = chunk;
        if (!(v->chunk_next = qc_env_resize(v->env, NULL, size))) return NULL;
        chunk[v->chunk_count++] = v->chunk_next;
        v->chunk_left = size;
    }
    char *copy = v->chunk_next;
    memcpy(copy, text, length);
    v->chunk_next += length;
    v->chunk_left -= length;
    return copy;
}

struct qc_word *qc_vocabulary_add(struct qc_vocabulary *v, const char *text, size_t length, bool *added)
{
    if (length > UINT32_MAX) {
        qc_fail(v->env, QC_RANGE, "a word of %zu bytes", length);
        return NULL;
    }
    if (grow(v)) return NULL;
    uint32_t hash = hash_of(v, text, length), *slot = slot_of(v, text, length, hash);
    if (added) *added = !*slot;
    if (*slot) return &v->word[*slot - 1];
    char *copy = keep(v, text, length);
    if (!copy) return NULL;
    struct qc_word *word = &v->word[v->count++];
    *word = (struct qc_word){copy, (uint32_t)length, hash, 0};
    *slot = v->count;
    v->longest = QC_MAX(v->longest, word->length);
    return word;
}

static int by_number(const void *a, const void *b)
{
    const struct qc_word *x = *(const struct qc_word *const *)a, *y = *(const struct qc_word *const *)b;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* Files written by Keras count upwards; only others need sorting. */
qc_status qc_vocabulary_check_numbers(const struct qc_vocabulary *v)
{
    uint32_t rising = 1;
    while (rising < v->count && v->word[rising - 1].number < v->word[rising].number) rising++;
    if (rising >= v->count) return QC_OK;
    const struct qc_word **sorted = qc_env_alloc(v->env, v->count * sizeof *sorted);
    if (!sorted) return v->env->error.status;
    for (uint32_t i = 0; i < v->count; i++) sorted[i] = &v->word[i];
    qsort(sorted, v->count, sizeof *sorted, by_number);
    for (uint32_t i = 1; i < v->count; i++) {
        const struct qc_word *a = sorted[i - 1], *b = sorted[i];
        if (a->number == b->number)
            qc_fail(v->env, QC_FORMAT, "the words '%.*s' and '%.*s' have the same number %lld", (int)QC_MIN(a->length, 60u), a->text,
                    (int)QC_MIN(b->length, 60u), b->text, (long long)a->number);
    }
    qc_env_free(v->env, sorted);
    return v->env->error.status;
}
