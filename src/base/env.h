/*
 * env.h - what every fallible function is given: memory, the first error, and notes for the user.
 *
 * The first error recorded wins; outer layers add context in front of it. One env belongs to one object (a model, a
 * session) and to one thread at a time.
 */
#ifndef QC_BASE_ENV_H
#define QC_BASE_ENV_H

#include <quantc/quantc.h>
#include <stdarg.h>

#define QC_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define QC_MUST_USE __attribute__((warn_unused_result))
#define QC_COUNT(array) (sizeof(array) / sizeof *(array))
#define QC_MIN(a, b) ((a) < (b) ? (a) : (b))
#define QC_MAX(a, b) ((a) > (b) ? (a) : (b))

/* Returns from the calling function with the status of `expr` unless it is QC_OK. */
#define QC_TRY(expr)                       \
    do {                                   \
        qc_status qc_try_status_ = (expr); \
        if (qc_try_status_) return qc_try_status_; \
    } while (0)

struct qc_env {
    struct qc_allocator allocator;
    size_t limit, used, peak; /* bytes; limit 0: none */
    size_t elsewhere;         /* held by others, but under this limit too */
    struct qc_error error;
    void (*note)(void *user, const char *sentence); /* may be NULL */
    void *note_user;
};

/* `options` may be NULL. */
void qc_env_init(struct qc_env *env, const struct qc_options *options);

/* Records status and sentence unless an error is recorded already; returns `status` (never QC_OK). */
qc_status qc_fail(struct qc_env *env, qc_status status, const char *format, ...) QC_PRINTF(3, 4);

/* Puts "context: " in front of the recorded sentence. */
void qc_context(struct qc_env *env, const char *format, ...) QC_PRINTF(2, 3);

/* Tells the user something that is no error. */
void qc_note(struct qc_env *env, const char *format, ...) QC_PRINTF(2, 3);

/* Copies the recorded error out (error may be NULL) and clears it, so that the env can be used again. */
qc_status qc_env_take(struct qc_env *env, struct qc_error *error);

/* Arguments of public functions are checked once, at the top: false, with QC_INVALID and "qc_model_open: path is NULL" in `error` (which may be
 * NULL), if the argument is NULL. */
#define QC_GIVEN(argument, error) qc_given(argument, __func__, #argument, error)
bool qc_given(const void *argument, const char *function, const char *name, struct qc_error *error);

/* Bytes that the limit leaves; SIZE_MAX without one. */
size_t qc_env_left(const struct qc_env *env);
/* malloc / realloc / free against the env's allocator and ceiling. Sizes are remembered. NULL with QC_NOMEM recorded;
 * 16-byte aligned; qc_env_alloc zeroes, qc_env_resize leaves new bytes undefined. A size of 0 gives a valid block. */
void *qc_env_alloc(struct qc_env *env, size_t bytes) QC_MUST_USE;
void *qc_env_resize(struct qc_env *env, void *block, size_t bytes) QC_MUST_USE;
void qc_env_free(struct qc_env *env, void *block);

/* a * b, or QC_NOMEM recorded and false when it overflows. */
bool qc_size_mul(struct qc_env *env, size_t a, size_t b, size_t *product) QC_MUST_USE;

#endif
