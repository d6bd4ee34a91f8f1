/*
 * tokenizer.c - splitting, ids and fitting as Keras does them. See tokenizer.h.
 */
#include "text/tokenizer.h"

#include "text/lower.h"

#include <stdlib.h>
#include <string.h>

static const char keras_filters[] = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n";

/* ---- settings ---- */

static char *copy_string(struct qc_env *env, const char *string)
{
    char *copy = qc_env_resize(env, NULL, strlen(string) + 1);
    if (copy) memcpy(copy, string, strlen(string) + 1);
    return copy;
}

static qc_status replace_string(struct qc_env *env, char **old, const char *string)
{
    char *copy = copy_string(env, string);
    if (!copy) return env->error.status;
    qc_env_free(env, *old);
    *old = copy;
    return QC_OK;
}

qc_status qc_tokenizer_separate(struct qc_tokenizer *t, const char *filters, const char *split)
{
    QC_TRY(replace_string(&t->env, &t->filters, filters ? filters : keras_filters));
    QC_TRY(replace_string(&t->env, &t->split, split ? split : " "));
    t->split_length = strlen(t->split);
    if (!t->split_length) return qc_fail(&t->env, QC_INVALID, "the tokenizer's split string is empty");
    size_t length = strlen(t->filters), at = 0;
    uint32_t code, *more = qc_env_resize(&t->env, t->more_filtered, (length + 1) * sizeof *more);
    if (!more) return t->env.error.status;
    t->more_filtered = more;
    t->more_filtered_count = 0;
    memset(t->filtered, 0, sizeof t->filtered);
    while (qc_utf8_next(t->filters, length, &at, &code)) {
        if (code < 128)
            t->filtered[code] = true;
        else
            more[t->more_filtered_count++] = code;
    }
    return at == length ? QC_OK : qc_fail(&t->env, QC_FORMAT, "byte %zu of the tokenizer's filters is no UTF-8", at);
}

qc_status qc_tokenizer_set_oov(struct qc_tokenizer *t, const char *oov_token)
{
    return replace_string(&t->env, &t->oov_token, oov_token);
}

static qc_status set_up(struct qc_tokenizer *t, const struct qc_tokenizer_options *options)
{
    if (options->num_words < 0) return qc_fail(&t->env, QC_INVALID, "num_words is %lld", (long long)options->num_words);
    t->lower = !options->keep_case;
    t->char_level = options->char_level;
    t->num_words = options->num_words;
    QC_TRY(qc_tokenizer_separate(t, options->filters, options->split));
    return options->oov_token ? qc_tokenizer_set_oov(t, options->oov_token) : QC_OK;
}

struct qc_tokenizer *qc_tokenizer_new(const struct qc_tokenizer_options *options, struct qc_error *error)
{
    static const struct qc_tokenizer_options none;
    struct qc_env env;
    qc_env_init(&env, NULL);
    struct qc_tokenizer *t = qc_env_alloc(&env, sizeof *t);
    if (!t) {
        qc_env_take(&env, error);
        return NULL;
    }
    t->env = env;
    qc_vocabulary_init(&t->words, &t->env);
    qc_vocabulary_init(&t->counts, &t->env);
    if (!set_up(t, options ? options : &none)) return t;
    qc_env_take(&t->env, error);
    qc_tokenizer_free(t);
    return NULL;
}

void qc_tokenizer_free(struct qc_tokenizer *t)
{
    if (!t) return;
    qc_vocabulary_free(&t->words);
    qc_vocabulary_free(&t->counts);
    qc_env_free(&t->env, t->filters);
    qc_env_free(&t->env, t->split);
    qc_env_free(&t->env, t->oov_token);
    qc_env_free(&t->env, t->more_filtered);
    struct qc_env env = t->env;
    qc_env_free(&env, t);
}

/* ---- words ---- */

struct splitter {
    const struct qc_tokenizer *tokenizer;
    struct qc_env *env;
    qc_word_visitor *visit;
    void *user;
    char *word;
    size_t length, room, most;
    bool long_word; /* more than `most` bytes came; the first are dropped */
};

static bool is_filtered(const struct qc_tokenizer *t, uint32_t code)
{
    if (code < 128) return t->filtered[code];
    for (uint32_t i = 0; i < t->more_filtered_count; i++)
        if (t->more_filtered[i] == code) return true;
    return false;
}

/* Ends the word that the first `length` bytes of the buffer hold. */
static qc_status end_word(struct splitter *s, size_t length)
{
    bool any = length || s->long_word;
    if (s->long_word || length > s->most) length = s->most + 1;
    s->length = 0;
    s->long_word = false;
    return !any || s->visit(s->user, s->word, length) ? QC_OK : s->env->error.status;
}

/* One more byte. A split string that is now complete ends the word: the leftmost one, as str.split finds it. */
static qc_status push(struct splitter *s, char byte)
{
    const struct qc_tokenizer *t = s->tokenizer;
    size_t split = t->split_length;
    if (s->length == s->room) {
        char *more = qc_env_resize(s->env, s->word, 2 * s->room + 256);
        if (!more) return s->env->error.status;
        s->word = more;
        s->room = 2 * s->room + 256;
    }
    s->word[s->length++] = byte;
    if (byte == t->split[split - 1] && s->length >= split && !memcmp(s->word + s->length - split, t->split, split))
        return end_word(s, s->length - split);
    if (s->length > split && s->length - split > s->most) { /* keep what may be the beginning of a split string */
        memmove(s->word, s->word + s->length - (split - 1), split - 1);
        s->length = split - 1;
        s->long_word = true;
    }
    return QC_OK;
}

static qc_status push_all(struct splitter *s, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) QC_TRY(push(s, bytes[i]));
    return QC_OK;
}

static qc_status take_character(struct splitter *s, uint32_t code)
{
    const struct qc_tokenizer *t = s->tokenizer;
    char bytes[4];
    size_t length = qc_utf8_put(code, bytes);
    if (t->char_level) return s->visit(s->user, bytes, length) ? QC_OK : s->env->error.status;
    return is_filtered(t, code) ? push_all(s, t->split, t->split_length) : push_all(s, bytes, length);
}

qc_status qc_tokenizer_split(const struct qc_tokenizer *t, struct qc_env *env, const char *text, size_t length, size_t most,
                             qc_word_visitor *visit, void *user)
{
    struct splitter s = {.tokenizer = t, .env = env, .visit = visit, .user = user, .most = most};
    struct qc_characters characters = {.text = text, .length = length, .lower = t->lower};
    uint32_t code;
    enum qc_next next;
    qc_status status = QC_OK;
    while (!status && (next = qc_next_character(&characters, &code)) != QC_END) {
        if (next == QC_NO_UTF8)
            status = qc_fail(env, QC_FORMAT, "byte %zu of the text (0x%02x) is no UTF-8", characters.at, (unsigned char)text[characters.at]);
        else
            status = take_character(&s, code);
    }
    if (!status) status = end_word(&s, s.length);
    qc_env_free(env, s.word);
    return status;
}

/* ---- ids ---- */

struct numbering {
    const struct qc_tokenizer *tokenizer;
    const struct qc_word *oov;
    qc_id_visitor *visit;
    void *user;
};

static bool number_word(void *user, const char *text, size_t length)
{
    const struct numbering *n = user;
    const struct qc_word *word = qc_vocabulary_find(&n->tokenizer->words, text, length);
    if (!word || (n->tokenizer->num_words && word->number >= n->tokenizer->num_words)) word = n->oov;
    if (word) n->visit(n->user, (int32_t)word->number);
    return true;
}

qc_status qc_tokenizer_ids(const struct qc_tokenizer *t, struct qc_env *env, const char *text, size_t length, qc_id_visitor *visit, void *user)
{
    struct numbering n = {.tokenizer = t, .visit = visit, .user = user};
    if (t->oov_token && !(n.oov = qc_vocabulary_find(&t->words, t->oov_token, strlen(t->oov_token))))
        return qc_fail(env, QC_INVALID, "the vocabulary has no word '%s', which is to stand for unknown words (oov_token)", t->oov_token);
    return qc_tokenizer_split(t, env, text, length, t->words.longest, number_word, &n);
}

/* ---- fitting ---- */

static bool count_word(void *user, const char *text, size_t length)
{
    struct qc_tokenizer *t = user;
    struct qc_word *word = qc_vocabulary_add(&t->counts, text, length, NULL);
    if (word) word->number++;
    return word != NULL;
}

qc_status qc_tokenizer_count(struct qc_tokenizer *t, const char *text, size_t length)
{
    return qc_tokenizer_split(t, &t->env, text, length, SIZE_MAX - 1, count_word, t);
}

/* The most frequent first; of equal ones, the one that appeared first. */
static int by_rank(const void *a, const void *b)
{
    const struct qc_word *x = *(const struct qc_word *const *)a, *y = *(const struct qc_word *const *)b;
    if (x->number != y->number) return x->number > y->number ? -1 : 1;
    return x < y ? -1 : x > y;
}

qc_status qc_tokenizer_number(struct qc_tokenizer *t)
{
    uint32_t count = t->counts.count, id = 1;
    const struct qc_word **sorted = qc_env_alloc(&t->env, count * sizeof *sorted);
    if (!sorted) return t->env.error.status;
    for (uint32_t i = 0; i < count; i++) sorted[i] = &t->counts.word[i];
    qsort(sorted, count, sizeof *sorted, by_rank);
    qc_vocabulary_free(&t->words);
    struct qc_word *word = NULL;
    bool sound = true;
    if (t->oov_token && (sound = (word = qc_vocabulary_add(&t->words, t->oov_token, strlen(t->oov_token), NULL)))) word->number = id++;
    for (uint32_t i = 0; i < count && sound; i++) {
        /* An OOV token that occurs in the texts keeps its place and gets its rank's id: that is how Keras's dict() has it. */
        if ((sound = (word = qc_vocabulary_add(&t->words, sorted[i]->text, sorted[i]->length, NULL)))) word->number = id++;
    }
    qc_env_free(&t->env, sorted);
    return t->env.error.status;
}
