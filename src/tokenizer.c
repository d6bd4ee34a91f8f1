/*
 * tokenizer.c - the public API of the tokenizer (quantc.h, section 8) on text/.
 */
#include "base/file.h"
#include "text/pad.h"
#include "text/tokenizer.h"


struct qc_tokenizer *qc_tokenizer_create(const struct qc_tokenizer_options *options, struct qc_error *error)
{
    return qc_tokenizer_new(options, error);
}

struct qc_tokenizer *qc_tokenizer_open_memory(const void *json, size_t size, const struct qc_tokenizer_options *options, struct qc_error *error)
{
    if (!QC_GIVEN(json, error)) return NULL;
    struct qc_tokenizer *t = qc_tokenizer_new(options, error);
    if (!t || !qc_tokenizer_parse(t, json, size, options)) return t;
    qc_env_take(&t->env, error);
    qc_tokenizer_free(t);
    return NULL;
}

struct qc_tokenizer *qc_tokenizer_open(const char *path, const struct qc_tokenizer_options *options, struct qc_error *error)
{
    if (!QC_GIVEN(path, error)) return NULL;
    struct qc_tokenizer *t = qc_tokenizer_new(options, error);
    struct qc_file file = {0};
    if (!t) return NULL;
    qc_status status = qc_file_map(&t->env, path, &file);
    if (!status && (status = qc_tokenizer_parse(t, file.bytes ? file.bytes : "", file.size, options))) qc_context(&t->env, "%s", path);
    qc_file_unmap(&file);
    if (!status) return t;
    qc_env_take(&t->env, error);
    qc_tokenizer_free(t);
    return NULL;
}

qc_status qc_tokenizer_fit(struct qc_tokenizer *t, const char *text, size_t length, struct qc_error *error)
{
    if (!qc_given(t, __func__, "tokenizer", error) || !QC_GIVEN(text, error)) return QC_INVALID;
    return qc_tokenizer_count(t, text, length) ? qc_env_take(&t->env, error) : QC_OK;
}

qc_status qc_tokenizer_rank(struct qc_tokenizer *t, struct qc_error *error)
{
    return qc_tokenizer_number(t) ? qc_env_take(&t->env, error) : QC_OK;
}

qc_status qc_tokenizer_save(struct qc_tokenizer *t, const char *path, struct qc_error *error)
{
    if (!qc_given(t, __func__, "tokenizer", error) || !QC_GIVEN(path, error)) return QC_INVALID;
    struct qc_writer writer = {.descriptor = -1};
    size_t size = 0;
    char *json = qc_vocabulary_print(&t->words, &size);
    qc_status status = json ? qc_writer_open(&writer, &t->env, path) : t->env.error.status;
    if (!status) status = qc_writer_put(&writer, json, size);
    if (!status) status = qc_writer_commit(&writer);
    qc_writer_abort(&writer);
    qc_env_free(&t->env, json);
    return status ? qc_env_take(&t->env, error) : QC_OK;
}

int32_t qc_tokenizer_id(const struct qc_tokenizer *t, const char *word, size_t length)
{
    const struct qc_word *found = qc_vocabulary_find(&t->words, word, length);
    return found ? (int32_t)found->number : 0;
}

size_t qc_tokenizer_words(const struct qc_tokenizer *t)
{
    return t->words.count;
}

/* ---- encoding: the tokenizer is shared, so each call has an env of its own ---- */

struct list {
    int32_t *ids;
    size_t capacity, count;
};

static void append(void *user, int32_t id)
{
    struct list *list = user;
    if (list->count < list->capacity) list->ids[list->count] = id;
    list->count++;
}

qc_status qc_tokenizer_encode(const struct qc_tokenizer *t, const char *text, size_t length, int32_t *ids, size_t capacity, size_t *count,
                              struct qc_error *error)
{
    struct qc_env env;
    struct list list = {ids, capacity, 0};
    qc_env_init(&env, NULL);
    qc_status status = qc_tokenizer_ids(t, &env, text, length, append, &list);
    *count = list.count;
    return status ? qc_env_take(&env, error) : QC_OK;
}

static void put(void *user, int32_t id)
{
    qc_window_put(user, id);
}

qc_status qc_tokenizer_sequence(const struct qc_tokenizer *t, const char *text, size_t length, const struct qc_padding *pad, int32_t *ids,
                                size_t *known, struct qc_error *error)
{
    struct qc_env env;
    struct qc_window window = {pad, ids, 0};
    qc_env_init(&env, NULL);
    qc_status status = qc_tokenizer_ids(t, &env, text, length, put, &window);
    qc_window_finish(&window);
    if (known) *known = window.count;
    return status ? qc_env_take(&env, error) : QC_OK;
}

void qc_pad_sequence(const int32_t *ids, size_t count, const struct qc_padding *pad, int32_t *out)
{
    struct qc_window window = {pad, out, 0};
    for (size_t i = 0; i < count; i++) qc_window_put(&window, ids[i]);
    qc_window_finish(&window);
}
