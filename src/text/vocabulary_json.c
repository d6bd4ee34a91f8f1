/*
 * vocabulary_json.c - {"word": number, ...} in and out. See vocabulary.h.
 *
 * A reader of its own, not wire/json.h: it keeps U+0000 and the order, refuses duplicates, and takes 20000 words in a millisecond,
 * where a command starts anew for every sentence.
 */
#include "base/utf8.h"
#include "text/vocabulary.h"

#include <stdio.h>
#include <string.h>

struct reader {
    struct qc_vocabulary *to;
    const char *text;
    size_t size, at;
    char *word; /* the last string read */
    size_t length, room;
};

static qc_status bad(const struct reader *r, const char *what)
{
    return qc_fail(r->to->env, QC_FORMAT, "no vocabulary: at byte %zu, %s", r->at, what);
}

static void skip_spaces(struct reader *r)
{
    while (r->at < r->size && r->text[r->at] && strchr(" \t\r\n", r->text[r->at])) r->at++;
}

static bool take(struct reader *r, char wanted)
{
    skip_spaces(r);
    if (r->at == r->size || r->text[r->at] != wanted) return false;
    r->at++;
    return true;
}

static bool take_hex(struct reader *r, uint32_t *unit)
{
    *unit = 0;
    if (r->size - r->at < 4) return false;
    for (int i = 0; i < 4; i++) {
        char c = r->text[r->at + (size_t)i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0) return false;
        *unit = *unit * 16 + (uint32_t)digit;
    }
    r->at += 4;
    return true;
}

/* What follows a backslash. Characters beyond U+FFFF are two escapes. */
static bool take_escape(struct reader *r, uint32_t *code)
{
    static const char name[] = "\"\\/bfnrt", value[] = "\"\\/\b\f\n\r\t";
    if (r->at == r->size) return false;
    char c = r->text[r->at++];
    const char *found = c ? strchr(name, c) : NULL;
    if (found) {
        *code = (unsigned char)value[found - name];
        return true;
    }
    uint32_t low;
    if (c != 'u' || !take_hex(r, code)) return false;
    if (*code < 0xd800 || *code >= 0xe000) return true;
    if (*code >= 0xdc00 || r->size - r->at < 2 || memcmp(r->text + r->at, "\\u", 2)) return false;
    r->at += 2;
    if (!take_hex(r, &low) || low < 0xdc00 || low >= 0xe000) return false;
    *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

static qc_status make_room(struct reader *r)
{
    if (r->room - r->length >= 4) return QC_OK;
    char *word = qc_env_resize(r->to->env, r->word, r->room = 2 * r->room + 64);
    if (!word) return r->to->env->error.status;
    r->word = word;
    return QC_OK;
}

static qc_status take_string(struct reader *r)
{
    if (!take(r, '"')) return bad(r, "a word in double quotes should stand");
    for (r->length = 0; r->at < r->size && r->text[r->at] != '"';) {
        uint32_t code;
        QC_TRY(make_room(r));
        if (!qc_utf8_next(r->text, r->size, &r->at, &code)) return bad(r, "the bytes are no UTF-8");
        if (code < 0x20) return bad(r, "a control character stands in a word");
        if (code == '\\' && !take_escape(r, &code)) return bad(r, "an escape is no sound one");
        r->length += qc_utf8_put(code, r->word + r->length);
    }
    return take(r, '"') ? QC_OK : bad(r, "a word has no end");
}

static qc_status take_number(struct reader *r, int64_t *number)
{
    int name = (int)QC_MIN(r->length, (size_t)60);
    skip_spaces(r);
    size_t start = r->at;
    bool negative = take(r, '-');
    for (*number = 0; r->at < r->size && r->text[r->at] >= '0' && r->text[r->at] <= '9'; r->at++)
        if ((*number = *number * 10 + (r->text[r->at] - '0')) > INT32_MAX)
            return qc_fail(r->to->env, QC_FORMAT, "the number of word '%.*s' is beyond 2147483647", name, r->word);
    bool digits = r->at > start + negative, whole = r->at == r->size || !strchr(".eE", r->text[r->at]) || !r->text[r->at];
    if (!digits || !whole)
        return qc_fail(r->to->env, QC_FORMAT, "no vocabulary {\"word\": id, ...}: at byte %zu, word '%.*s' has no whole number", start, name, r->word);
    if (negative && *number)
        return qc_fail(r->to->env, QC_FORMAT, "word '%.*s' has the negative number -%lld", name, r->word, (long long)*number);
    return QC_OK;
}

static qc_status read_members(struct reader *r)
{
    if (!take(r, '{')) return bad(r, "an object {\"word\": id, ...} should stand");
    if (take(r, '}')) return QC_OK;
    do {
        bool added;
        int64_t number;
        QC_TRY(take_string(r));
        if (!take(r, ':')) return bad(r, "a colon should stand");
        QC_TRY(take_number(r, &number));
        struct qc_word *word = qc_vocabulary_add(r->to, r->word, r->length, &added);
        if (!word) return r->to->env->error.status;
        if (!added)
            return qc_fail(r->to->env, QC_FORMAT, "word '%.*s' stands twice, with the numbers %lld and %lld", (int)QC_MIN(r->length, (size_t)60),
                           r->word, (long long)word->number, (long long)number);
        word->number = number;
    } while (take(r, ','));
    return take(r, '}') ? QC_OK : bad(r, "a comma or the closing brace should stand");
}

qc_status qc_vocabulary_parse(struct qc_vocabulary *vocabulary, const char *json, size_t size)
{
    struct reader r = {.to = vocabulary, .text = json, .size = size};
    qc_status status = read_members(&r);
    skip_spaces(&r);
    if (!status && r.at < size) status = bad(&r, "more follows after the closing brace");
    qc_env_free(vocabulary->env, r.word);
    return status ? status : qc_vocabulary_check_numbers(vocabulary);
}

/* ---- printing ---- */

/* One byte of text as Python's json does it with ensure_ascii=False: at most 6 bytes. */
size_t qc_json_put_byte(char c, char out[7])
{
    static const char plain[] = "\"\\\b\f\n\r\t", name[] = "\"\\bfnrt";
    const char *found = c ? strchr(plain, c) : NULL;
    if (found) {
        out[0] = '\\';
        out[1] = name[found - plain];
        return 2;
    }
    if ((unsigned char)c < 0x20) return (size_t)snprintf(out, 7, "\\u%04x", c);
    out[0] = c;
    return 1;
}

char *qc_vocabulary_print(const struct qc_vocabulary *v, size_t *size)
{
    size_t room = 16, at = 0;
    char scratch[7];
    for (uint32_t i = 0; i < v->count; i++) {
        room += 2 + 4 + 20; /* quotes, colon and comma with their spaces, digits */
        for (uint32_t k = 0; k < v->word[i].length; k++) room += qc_json_put_byte(v->word[i].text[k], scratch);
    }
    char *out = qc_env_resize(v->env, NULL, room);
    if (!out) return NULL;
    out[at++] = '{';
    for (uint32_t i = 0; i < v->count; i++) {
        const struct qc_word *word = &v->word[i];
        if (i) at += (size_t)sprintf(out + at, ", ");
        out[at++] = '"';
        for (uint32_t k = 0; k < word->length; k++) at += qc_json_put_byte(word->text[k], out + at);
        at += (size_t)sprintf(out + at, "\": %lld", (long long)word->number);
    }
    out[at++] = '}';
    *size = at;
    return out;
}
