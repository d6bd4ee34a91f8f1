/*
 * env.c - memory accounting, the first error, notes. See env.h.
 */
#include "base/env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *libc_resize(void *user, void *block, size_t bytes)
{
    (void)user;
    if (bytes) return realloc(block, bytes);
    free(block);
    return NULL;
}

void qc_env_init(struct qc_env *env, const struct qc_options *options)
{
    memset(env, 0, sizeof *env);
    env->allocator.resize = libc_resize;
    if (!options) return;
    if (options->allocator && options->allocator->resize) env->allocator = *options->allocator;
    env->limit = options->max_memory;
}

/* Names come from files: control characters must not break the sentence or the terminal. */
static void one_line(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 32 || *text == 127) *text = ' ';
}

qc_status qc_fail(struct qc_env *env, qc_status status, const char *format, ...)
{
    if (env->error.status) return env->error.status;
    va_list list;
    va_start(list, format);
    vsnprintf(env->error.text, sizeof env->error.text, format, list);
    va_end(list);
    one_line(env->error.text);
    return env->error.status = status;
}

void qc_context(struct qc_env *env, const char *format, ...)
{
    char context[sizeof env->error.text], text[sizeof env->error.text];
    if (!env->error.status) return;
    va_list list;
    va_start(list, format);
    vsnprintf(context, sizeof context, format, list);
    va_end(list);
    snprintf(text, sizeof text, "%.600s: %.900s", context, env->error.text);
    memcpy(env->error.text, text, sizeof text);
    one_line(env->error.text);
}

void qc_note(struct qc_env *env, const char *format, ...)
{
    char text[1024];
    if (!env->note) return;
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    env->note(env->note_user, text);
}

qc_status qc_env_take(struct qc_env *env, struct qc_error *error)
{
    qc_status status = env->error.status;
    if (error) *error = env->error;
    env->error.status = QC_OK;
    env->error.text[0] = 0;
    return status;
}

/* The size of a block stands in the 16 bytes before it. */
enum { HEADER = 16 };

size_t qc_env_left(const struct qc_env *env)
{
    return env->limit ? env->limit - QC_MIN(env->used + env->elsewhere, env->limit) : SIZE_MAX;
}

void *qc_env_resize(struct qc_env *env, void *block, size_t bytes)
{
    size_t old = 0;
    char *raw = block ? (char *)block - HEADER : NULL;
    if (raw) memcpy(&old, raw, sizeof old);
    if (bytes > SIZE_MAX - HEADER || (bytes > old && bytes - old > qc_env_left(env))) {
        qc_fail(env, QC_NOMEM, "%zu bytes of memory are needed at once, more than the limit of %zu leaves", bytes, env->limit);
        return NULL;
    }
    char *fresh = env->allocator.resize(env->allocator.user, raw, bytes + HEADER);
    if (!fresh) {
        qc_fail(env, QC_NOMEM, "out of memory (%zu bytes asked for, %zu in use)", bytes, env->used);
        return NULL;
    }
    memcpy(fresh, &bytes, sizeof bytes);
    env->used += bytes - old;
    env->peak = QC_MAX(env->peak, env->used);
    return fresh + HEADER;
}

bool qc_given(const void *argument, const char *function, const char *name, struct qc_error *error)
{
    if (!argument && error) {
        error->status = QC_INVALID;
        snprintf(error->text, sizeof error->text, "%s: %s is NULL", function, name);
    }
    return argument != NULL;
}

void *qc_env_alloc(struct qc_env *env, size_t bytes)
{
    void *block = qc_env_resize(env, NULL, bytes);
    if (block) memset(block, 0, bytes);
    return block;
}

void qc_env_free(struct qc_env *env, void *block)
{
    if (!block) return;
    size_t bytes;
    char *raw = (char *)block - HEADER;
    memcpy(&bytes, raw, sizeof bytes);
    env->used -= bytes;
    env->allocator.resize(env->allocator.user, raw, 0);
}

bool qc_size_mul(struct qc_env *env, size_t a, size_t b, size_t *product)
{
    if (!__builtin_mul_overflow(a, b, product)) return true;
    qc_fail(env, QC_NOMEM, "a size of %zu times %zu bytes does not fit in memory", a, b);
    return false;
}

const char *qc_status_name(qc_status status)
{
    static const char *const name[] = {"QC_OK",          "QC_NOMEM",   "QC_IO",    "QC_FORMAT",
                                       "QC_UNSUPPORTED", "QC_INVALID", "QC_RANGE", "QC_CANCELLED"};
    return (unsigned)status < QC_COUNT(name) ? name[status] : "?";
}
