/*
 * tokenizer_json.c - the three forms in which people keep a Keras tokenizer: {"word": id}, Tokenizer.to_json(), and the latter written once
 * more by json.dump, as a string. See tokenizer.h.
 */
#include "text/tokenizer.h"
#include "wire/json.h"

#include <string.h>

static size_t skip(const char *json, size_t size, size_t at, const char *set)
{
    while (at < size && json[at] && strchr(set, json[at])) at++;
    return at;
}

/* {"key": followed by a string or an object: then the members are no ids. */
static bool is_config(const char *json, size_t size)
{
    static const char spaces[] = " \t\r\n";
    size_t at = skip(json, size, 0, spaces);
    if (at == size || json[at] != '{') return false;
    at = skip(json, size, at + 1, spaces);
    if (at == size || json[at] != '"') return false;
    for (at++; at < size && json[at] != '"'; at++)
        if (json[at] == '\\') at++;
    at = skip(json, size, at + 1, " \t\r\n:");
    return at < size && (json[at] == '"' || json[at] == '{');
}

/* The settings of a to_json() file, as far as the caller leaves them open. */
static qc_status apply_settings(struct qc_tokenizer *t, const struct qc_json *config, const struct qc_tokenizer_options *given)
{
    const char *filters = qc_json_string(qc_json_get(config, "filters")), *split = qc_json_string(qc_json_get(config, "split"));
    const char *oov = qc_json_string(qc_json_get(config, "oov_token"));
    bool flag;
    int64_t number;
    QC_TRY(qc_tokenizer_separate(t, given->filters ? given->filters : filters, given->split ? given->split : split));
    if (!given->oov_token && oov) QC_TRY(qc_tokenizer_set_oov(t, oov));
    if (!given->keep_case && qc_json_bool(qc_json_get(config, "lower"), &flag)) t->lower = flag;
    if (!given->char_level && qc_json_bool(qc_json_get(config, "char_level"), &flag)) t->char_level = flag;
    if (!given->num_words && qc_json_int(qc_json_get(config, "num_words"), &number)) {
        if (number < 0) return qc_fail(&t->env, QC_FORMAT, "num_words is %lld", (long long)number);
        t->num_words = number;
    }
    return QC_OK;
}

static qc_status parse_config(struct qc_tokenizer *t, const struct qc_json *json, const struct qc_tokenizer_options *given)
{
    const struct qc_json *config = qc_json_get(json, "config");
    const char *words = qc_json_string(qc_json_get(config, "word_index"));
    if (!words)
        return qc_fail(&t->env, QC_FORMAT, "neither {\"word\": id, ...} nor what Tokenizer.to_json() writes (config.word_index is missing)");
    QC_TRY(apply_settings(t, config, given));
    return qc_vocabulary_parse(&t->words, words, strlen(words));
}

qc_status qc_tokenizer_parse(struct qc_tokenizer *t, const char *json, size_t size, const struct qc_tokenizer_options *options)
{
    static const struct qc_tokenizer_options none;
    if (!options) options = &none;
    if (size >= 3 && !memcmp(json, "\xef\xbb\xbf", 3)) { /* a byte order mark, as Windows editors put it */
        json += 3;
        size -= 3;
    }
    size_t start = skip(json, size, 0, " \t\r\n");
    bool quoted = start < size && json[start] == '"';
    if (!quoted && !is_config(json, size)) return qc_vocabulary_parse(&t->words, json, size);
    struct qc_json *root = qc_json_parse(&t->env, json, size, "the vocabulary");
    const char *inner = quoted ? qc_json_string(root) : NULL;
    qc_status status = t->env.error.status;
    if (!status && inner && is_config(inner, strlen(inner)))
        status = qc_tokenizer_parse(t, inner, strlen(inner), options);
    else if (!status)
        status = parse_config(t, root, options);
    qc_json_free(root);
    return status;
}
