/*
 * vocabulary_lines.c - "word number" line by line: the vocabulary file of TFLite Task Library's regex tokenizer. See vocabulary.h.
 */
#include "text/vocabulary.h"

#include <stdio.h>
#include <string.h>

static qc_status take_line(struct qc_vocabulary *v, const char *line, size_t length, size_t row)
{
    size_t space = length, digits;
    int64_t number = 0;
    while (space && line[space - 1] != ' ') space--;
    for (digits = space; digits < length && line[digits] >= '0' && line[digits] <= '9' && number <= INT32_MAX; digits++)
        number = number * 10 + (line[digits] - '0');
    if (space < 2 || digits < length || digits == space || number > INT32_MAX)
        return qc_fail(v->env, QC_FORMAT, "the packed vocabulary: line %zu is not a word, a space and a number up to 2147483647", row);
    bool added;
    struct qc_word *word = qc_vocabulary_add(v, line, space - 1, &added);
    if (!word) return v->env->error.status;
    if (!added) return qc_fail(v->env, QC_FORMAT, "the packed vocabulary: the word of line %zu stands twice", row);
    word->number = number;
    return QC_OK;
}

qc_status qc_vocabulary_parse_lines(struct qc_vocabulary *v, const char *text, size_t size)
{
    const char *end = text + size;
    for (size_t row = 1; text < end; row++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        if (!stop) stop = end;
        QC_TRY(take_line(v, text, (size_t)(stop - text), row));
        text = stop < end ? stop + 1 : end;
    }
    return qc_vocabulary_check_numbers(v);
}

bool qc_vocabulary_fits_lines(const struct qc_vocabulary *v)
{
    for (uint32_t i = 0; i < v->count; i++) {
        const struct qc_word *word = &v->word[i];
        if (!word->length || memchr(word->text, '\n', word->length) || memchr(word->text, ' ', word->length)) return false;
    }
    return true;
}

char *qc_vocabulary_print_lines(const struct qc_vocabulary *v, size_t *size)
{
    size_t room = 1, at = 0;
    for (uint32_t i = 0; i < v->count; i++) room += v->word[i].length + 22; /* space, digits, line's end */
    char *out = qc_env_resize(v->env, NULL, room);
    for (uint32_t i = 0; out && i < v->count; i++) {
        memcpy(out + at, v->word[i].text, v->word[i].length);
        at += v->word[i].length;
        at += (size_t)sprintf(out + at, " %lld\n", (long long)v->word[i].number);
    }
    *size = at;
    return out;
}
